"""One pool through the calendar: which of its lines count, and which are shown."""

from __future__ import annotations

from datetime import date

from seatkeeper.pools.counted import TEXT_BYTES_MAX, Pool
from seatkeeper.pools.lines import ServedLine

TODAY = date(2026, 11, 24)


def line(count: int | str, expiry: str = "permanent", **attributes: str) -> ServedLine:
    return ServedLine("f1", "d", "8.0", expiry, str(count), attributes=tuple(attributes.items()), keyword="INCREMENT")


def pool(*lines: ServedLine, texts: tuple[str, ...] = ()) -> Pool:
    return Pool("8.0", lines, texts or tuple(f"line {number}" for number in range(len(lines))), TODAY)


def test_the_total_is_that_of_the_lines_that_are_good_today() -> None:
    made = pool(line(2), line(3, "24-nov-2026"), line(4, "23-nov-2026"), line(8, START="25-nov-2026"), line(16, START="24-nov-2026"))
    assert made.total == 2 + 3 + 16
    made.set_day(date(2026, 11, 25))
    assert made.total == 2 + 8 + 16


def test_only_lines_that_are_good_today_are_shown() -> None:
    """A client that pins the root refuses a grant by an expired line, so one must not be sent along."""
    made = pool(line(2), line(3, "24-nov-2026"), line(4, "23-nov-2026"), line(8, START="25-nov-2026"))
    assert made.text == "line 0\nline 1"
    made.set_day(date(2026, 11, 25))
    assert made.text == "line 0\nline 3"


def test_a_pool_is_good_while_one_of_its_lines_is() -> None:
    made = pool(line("uncounted", "24-nov-2026"), line("uncounted", "26-nov-2026", START="26-nov-2026"))
    assert made.good
    made.set_day(date(2026, 11, 25))
    assert not made.good
    made.set_day(date(2026, 11, 26))
    assert made.good


def test_the_next_start_is_that_of_the_next_line_to_become_good() -> None:
    made = pool(line(1, "1-nov-2026"), line(1, START="9-dec-2026"), line(1, START="2-dec-2026"))
    assert not made.good
    assert made.next_start(TODAY) == date(2026, 12, 2)
    assert made.next_start(date(2026, 12, 9)) is None


def test_a_start_without_a_day_keeps_nobody_waiting() -> None:
    assert pool(line(1, START="permanent")).good


def test_what_is_shown_of_very_many_lines_fits_into_one_frame() -> None:
    lines = [line(1) for _ in range(300)]
    made = pool(*lines, texts=tuple("ü" * 200 for _ in lines))
    assert made.total == 300
    assert TEXT_BYTES_MAX - 401 < len(made.text.encode()) <= TEXT_BYTES_MAX


def test_free_seats_are_never_negative() -> None:
    made = pool(line(2))
    made.in_use = 5
    assert made.free == 0


def test_the_latest_expiry_is_the_pool_s() -> None:
    assert pool(line(1, "1-dec-2026"), line(1, "3-dec-2026"), line(1, "2-dec-2026")).expiry == "3-dec-2026"


def test_masks_say_what_checkouts_have_in_common() -> None:
    ann, bob = ("ann", "desk", ":0", "x"), ("bob", "desk", ":0", "x")
    for mask, shared in (("U", False), ("H", True), ("HDV", True), ("UHDV", False), ("SITE", True), ("UHD", False)):
        made = pool(line(1, DUP_GROUP=mask))
        assert (made.group_key(*ann) == made.group_key(*bob)) is shared, mask
        assert made.group_key(*ann) == made.group_key(*ann)
    assert pool(line(1, DUP_GROUP="NONE")).group_key(*ann) == pool(line(1)).group_key(*ann) == ""


def test_names_do_not_run_into_each_other_in_a_key() -> None:
    made = pool(line(1, DUP_GROUP="UH"))
    assert made.group_key("ann", "x", "", "") != made.group_key("an", "nx", "", "")


def test_the_overdraft_is_that_of_the_lines_that_are_good_today() -> None:
    made = pool(line(2, OVERDRAFT="1"), line(2, "24-nov-2026", OVERDRAFT="5"))
    assert (made.total, made.capacity) == (4, 10)
    made.set_day(date(2026, 11, 25))
    assert (made.total, made.capacity) == (2, 3)


def test_seats_are_borrowed_where_every_line_allows_it_and_for_the_shortest_time() -> None:
    assert pool(line(1, BORROW="")).borrow_s == 168 * 3600
    assert pool(line(1, BORROW="5"), line(1, BORROW="9")).borrow_s == 5 * 3600
    assert pool(line(1, BORROW="5"), line(1)).borrow_s is None
