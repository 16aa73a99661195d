"""What lmstat is told: every pool, every holder once, in frames that are never too long."""

from __future__ import annotations

from datetime import date

import pytest

from seatkeeper.licfile.model import Feature
from seatkeeper.pools.decision import Terms
from seatkeeper.pools.grouping import group_lines
from seatkeeper.pools.lines import ServedLine
from seatkeeper.server.status import HOLDERS_PER_FRAME, SEATS_PER_PART, line_frames, plain_names, status_frames
from seatkeeper.vendor.entries import CheckedIn, CheckedOut, Lingering, Queued, SessionBegun
from seatkeeper.vendor.ledger import Ledger
from seatkeeper.wire.framing import server_frames
from seatkeeper.wire.messages import NAME_CHARS_MAX, AskFeatures, AskLines, Lines, PoolStatus, StatusEnd

TODAY = date(2026, 11, 24)


def line(name: str, count: int, version: str = "8.0", **attributes: str) -> Feature:
    return Feature(name, "d", version, "permanent", str(count), attributes=tuple(attributes.items()), keyword="INCREMENT")


def ledger(*lines: Feature, holders: int = 0, name: str = "ann") -> Ledger:
    """A ledger in which so many sessions hold one seat each of the first feature."""
    made = Ledger()
    made.exchange_pools(Terms(TODAY, "flexnet", group_lines(lines, TODAY)[0]))
    for number in range(1, holders + 1):
        made.apply(SessionBegun(1.0, number, f"digest{number}", name, name, name, 2**53))
        pool = made.pools[lines[0].name][0]
        made.apply(CheckedOut(1.79e9, number, 1, 2**32 + number, lines[0].name, pool.key, "8.0", 1, ""))
    return made


def ask(made: Ledger, feature: str = "") -> list[object]:
    asked = AskFeatures(7, feature)
    frames = status_frames(made, "genesys.d", asked, plain_names, 1.79e9)
    return list(server_frames().feed(b"".join(frames)))


def test_every_pool_is_told_and_then_the_end() -> None:
    told = ask(ledger(line("f1", 5), line("f1", 3, "8.5"), line("f2", 0)))
    assert [(one.feature, one.pool, one.version, one.total) for one in told[:-1]] == [
        ("f1", 0, "8.5", 3),
        ("f1", 1, "8.0", 5),
        ("f2", 0, "8.0", 0),
    ]
    assert told[-1] == StatusEnd(7)
    assert {one.request for one in told} == {7}


def test_one_feature_whatever_its_letters_case() -> None:
    assert [one.feature for one in ask(ledger(line("f1", 5), line("f2", 1)), "F2")[:-1]] == ["f2"]
    assert ask(ledger(line("f1", 5)), "none") == [StatusEnd(7, -5)]


@pytest.mark.parametrize("holders", [0, 1, HOLDERS_PER_FRAME, HOLDERS_PER_FRAME + 1, 3 * HOLDERS_PER_FRAME])
def test_every_holder_is_told_once(holders: int) -> None:
    told = ask(ledger(line("f1", 500), holders=holders))[:-1]
    assert {one.in_use for one in told} == {holders}
    assert len(told) == max(1, -(-holders // HOLDERS_PER_FRAME))
    handles = [holder.handle for one in told for holder in one.holders]
    assert handles == list(range(2**32 + 1, 2**32 + holders + 1))


def test_the_longest_names_and_fields_fit_into_frames() -> None:
    """Whoever calls himself something very long must not keep everybody from seeing who holds what."""
    longest = "\U0001f600" * NAME_CHARS_MAX
    told = ask(ledger(line("f1", 500, VENDOR_STRING="v" * 7000, HOSTID="h" * 6000), holders=HOLDERS_PER_FRAME, name=longest))
    assert len(told) == 2


def test_holders_that_have_not_come_back_are_marked() -> None:
    made = ledger(line("f1", 5), holders=2)
    made.sessions[2].connection = object()
    (told, _) = ask(made)
    assert isinstance(told, PoolStatus)
    assert [holder.attached for holder in told.holders] == [False, True]


def test_checkouts_that_share_a_license_are_one_line_so_that_the_lines_add_up() -> None:
    made = ledger(line("f1", 5, DUP_GROUP="U"), holders=3)
    (told, _) = ask(made)
    assert told.in_use == sum(holder.count for holder in told.holders) == 1


def test_reservations_waiting_requests_and_lingering_seats_stand_apart() -> None:
    made = ledger(line("f1", 5, LINGER="60"), holders=2)
    made.apply(Lingering(1.79e9 + 5, 2**32 + 1, 1.79e9 + 65))
    made.apply(Queued(1.79e9, 2, 9, 7, "f1", made.pools["f1"][0].key, "8.0", 3, ""))
    told = ask(made)[:-1]
    (waiting,) = [one for part in told for one in part.queued]
    assert (waiting.handle, waiting.count) == (7, 3)
    lingers = {holder.handle: (holder.linger_s, holder.linger_total_s) for part in told for holder in part.holders}
    assert lingers == {2**32 + 1: (65, 65), 2**32 + 2: (0, 0)}


def test_who_waits_for_a_pool_that_a_reread_took_away_is_shown_under_the_one_that_came() -> None:
    made = ledger(line("f1", 5), holders=2)
    made.apply(Queued(1.79e9, 2, 9, 7, "f1", "the key of another pool", "8.0", 3, ""))
    told = ask(made)[:-1]
    assert [waiting.handle for part in told for waiting in part.queued] == [7]


def test_names_are_shown_as_the_caller_may_see_them() -> None:
    asked = AskFeatures(7)
    made = ledger(line("f1", 5), holders=1, name="ann")
    frames = status_frames(made, "d", asked, lambda kind, name: f"{kind}-x", 0.0)
    (told, _) = server_frames().feed(b"".join(frames))
    (holder,) = told.holders
    assert (holder.user, holder.host, holder.display) == ("user-x", "host-x", "display-x")


def test_license_lines_are_told_without_what_proves_them() -> None:
    made = ledger(line("f1", 5, SIGN="00AA 11BB", NOTICE="for all"), line("f2", 1))
    told, end = server_frames().feed(b"".join(line_frames(made, AskLines(3, "f1"))))
    assert isinstance(told, Lines)
    assert told.text == 'INCREMENT f1 d 8.0 permanent 5 NOTICE="for all"'
    assert end == StatusEnd(3)
    assert server_frames().feed(b"".join(line_frames(made, AskLines(3, "none")))) == [StatusEnd(3, -5)]


def test_seats_that_no_served_line_gives_are_told_as_unsupported() -> None:
    asked = AskFeatures(7)
    made = ledger(line("f1", 5), ServedLine("old", "d", "8.0", "1-nov-2026", "4"))
    frames = status_frames(made, "d", asked, plain_names, 0.0, lambda: [("forged", 2), ("f1", 9), ("Forged", 1)])
    told = server_frames().feed(b"".join(frames))[:-1]
    assert [(one.feature, one.total, one.unsupported) for one in told] == [("f1", 5, 0), ("old", 0, 4), ("Forged", 0, 3)]


def test_holders_of_a_feature_that_is_gone_are_told_like_those_of_lines_that_have_ended() -> None:
    made = ledger(line("f1", 5), line("f2", 3), holders=2)
    lines = [line("f2", 3)]
    made.exchange_pools(Terms(TODAY, "flexnet", group_lines(lines, TODAY)[0]))
    for feature in ("", "F1"):
        gone = [one for one in ask(made, feature) if isinstance(one, PoolStatus) and one.feature == "f1"]
        assert [(one.pool, one.version, one.total, one.in_use, one.unsupported) for one in gone] == [(0, "8.0", 0, 2, 2)]
        assert [(holder.user, holder.count) for one in gone for holder in one.holders] == [("ann", 1), ("ann", 1)]
    # They do not hide among the feature's other pools.
    made.exchange_pools(Terms(TODAY, "flexnet", group_lines([line("f1", 9, "7.0")], TODAY)[0]))
    assert [(one.pool, one.version, one.in_use) for one in ask(made, "f1")[:-1]] == [(0, "7.0", 0), (1, "8.0", 2)]
    # A line of the name that is refused is told once, with them.
    asked = AskFeatures(7, "f1")
    made.exchange_pools(Terms(TODAY, "flexnet", {}))
    frames = status_frames(made, "d", asked, plain_names, 0.0, lambda: [("f1", 5)])
    (shown, end) = server_frames().feed(b"".join(frames))
    assert (shown.unsupported, end) == (2, StatusEnd(7))


def test_what_happens_while_the_answer_is_made_is_not_in_it() -> None:
    made = ledger(line("f1", 900), line("shared", 900, DUP_GROUP="U"), holders=3 * SEATS_PER_PART)
    key = made.pools["shared"][0].key
    for number, handle in ((1, 11), (2, 12)):
        made.apply(CheckedOut(1.79e9, number, 2, handle, "shared", key, "8.0", 10 + number, ""))
    asked = AskFeatures(7)
    frames = status_frames(made, "d", asked, plain_names, 0.0)
    first = next(frames)
    assert first == b""
    # Both checkouts are of one user, so they share a license; now the larger one ends, others come and go.
    made.apply(CheckedIn(1.79e9, 12, "checkin"))
    for handle in range(2**32 + 1, 2**32 + 60):
        made.apply(CheckedIn(1.79e9, handle, "checkin"))
    made.apply(CheckedOut(1.79e9, 9, 3, 13, "f1", made.pools["f1"][0].key, "8.0", 5, ""))
    told = server_frames().feed(b"".join(frames))[:-1]
    by_pool = {name: [one for one in told if one.feature == name] for name in ("f1", "shared")}
    assert {one.in_use for one in by_pool["f1"]} == {3 * SEATS_PER_PART}
    assert sum(holder.count for one in by_pool["f1"] for holder in one.holders) == 3 * SEATS_PER_PART
    assert [(one.in_use, [(holder.handle, holder.count) for holder in one.holders]) for one in by_pool["shared"]] == [(12, [(11, 12)])]


def test_a_reread_while_the_answer_is_made_begins_it_anew() -> None:
    made = ledger(line("f1", 900), holders=2 * SEATS_PER_PART)
    asked = AskFeatures(7)
    frames = status_frames(made, "d", asked, plain_names, 0.0)
    assert next(frames) == b""
    made.exchange_pools(Terms(TODAY, "flexnet", group_lines([line("f1", 500, "9.0")], TODAY)[0]))
    told = server_frames().feed(b"".join(frames))[:-1]
    assert {(one.version, one.total, one.in_use) for one in told} == {("9.0", 500, 2 * SEATS_PER_PART)}
    assert sum(len(one.holders) for one in told) == 2 * SEATS_PER_PART
