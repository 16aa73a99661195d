"""What a new license file gives less of."""

from __future__ import annotations

from datetime import date

from seatkeeper.licfile.model import Package
from seatkeeper.pools.shrinking import Loss, losses
from support.editing import TODAY, feature, signed


def told(before: list[object], after: list[object]) -> list[tuple[str, str, int | None, int, date]]:
    return [(loss.name, loss.version, loss.before, loss.after, loss.day) for loss in losses(before, after, TODAY)]  # type: ignore[arg-type]


def test_more_seats_a_longer_life_and_a_higher_version_are_no_loss() -> None:
    old = feature("a", 10, "8.0", "31-dec-2026")
    for new in (feature("a", 11, "8.0", "31-dec-2026"), feature("a", 10, "8.0"), feature("a", 10, "8.5", "31-dec-2026")):
        assert told([old], [new]) == []
        assert len(told([new], [old])) == 1


def test_fewer_seats_are_lost_today() -> None:
    assert told([feature("a", 10), feature("b")], [feature("a", 4), feature("b")]) == [("a", "8.0", 10, 4, TODAY)]
    assert told([feature("a", 10)], []) == [("a", "8.0", 10, 0, TODAY)]


def test_a_shorter_life_is_lost_on_the_day_after() -> None:
    assert told([feature("a")], [feature("a", 20, "8.0", "31-dec-2026")]) == [("a", "8.0", 10, 0, date(2027, 1, 1))]


def test_a_later_start_is_lost_today() -> None:
    assert told([feature("a")], [feature("a", START="01-jan-2027")]) == [("a", "8.0", 10, 0, TODAY)]


def test_a_lower_version_is_lost_for_the_higher_one_only() -> None:
    assert told([feature("a", 10, "8.5")], [feature("a", 99, "8.0")]) == [("a", "8.5", 10, 0, TODAY)]


def test_what_had_ended_is_no_loss() -> None:
    assert told([feature("a", 10, "8.0", "01-jan-2026")], []) == []


def test_the_order_of_lines_counts() -> None:
    one, two = feature("a", 10), feature("a", 5)
    assert told([one, two], [two, one]) == [("a", "8.0", 10, 5, TODAY)]


def test_seats_that_may_not_be_borrowed_any_more_and_other_demands() -> None:
    assert losses([feature("a", BORROW="")], [feature("a")], TODAY) == (Loss("a", "8.0", 10, 0, TODAY, borrowing=True),)
    (loss,) = losses([feature("a", 0, HOSTID="ANY")], [feature("a")], TODAY)
    assert (loss.before, loss.only) == (None, "HOSTID=any")


def test_a_package_s_components_are_lost_with_it() -> None:
    package = signed(Package("p", "genesys.d", "8.0", attributes=(("COMPONENTS", "x y"), ("ISSUED", "24-nov-2026"))))
    assert [row[0] for row in told([package, feature("p")], [feature("p")])] == ["x", "y"]
