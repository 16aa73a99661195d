"""The debug log's lines to the letter (facts, lmstat formats, section 10)."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from seatkeeper.server.loglines import IN_REASONS, log_lines
from seatkeeper.vendor.entries import Act, CheckedIn, CheckedOut, Clocked, Denial, Dequeued, Expired, Lingering, Queued, SessionBegun, Why
from seatkeeper.vendor.events import Append
from seatkeeper.vendor.seats import Seat, Session, Waiter


def seat(count: int, data: str = "") -> Seat:
    session = Session(1, "d", "ann", "ann-pc", "tty", 1, "", "")
    return Seat(101, session, 1, "f1", "8.0", "8.0", count, "tty", 0.0, data=data)


def waiter(count: int, data: str = "") -> Waiter:
    session = Session(1, "d", "ann", "ann-pc", "tty", 1, "", "")
    return Waiter(101, session, 1, "f1", "8.0", "8.0", count, False, "tty", data, 0.0)


def told(entry: object, about: Seat | Waiter | None = None) -> list[str]:
    return log_lines([Append(entry, about)])


@pytest.mark.parametrize(
    ("entry", "count", "line"),
    [
        (CheckedOut(0.0, 1, 1, 101, "f1", "8.0", "8.0", 1, ""), 1, 'OUT: "f1" ann@ann-pc  '),
        (CheckedOut(0.0, 1, 1, 101, "f1", "8.0", "8.0", 4, ""), 4, 'OUT: "f1" ann@ann-pc  (4 licenses) '),
        (CheckedIn(0.0, 101, "checkin"), 1, 'IN: "f1" ann@ann-pc  '),
        (CheckedIn(0.0, 101, "checkin"), 4, 'IN: "f1" ann@ann-pc  (4 licenses) '),
        (CheckedIn(0.0, 101, "silent"), 1, 'IN: "f1" ann@ann-pc  (INACTIVE)'),
        (CheckedIn(0.0, 101, "closed"), 4, 'IN: "f1" ann@ann-pc  (4 licenses) (USER_EXITED_IMPROPERLY)'),
        (CheckedIn(0.0, 101, "idle"), 1, 'IN: "f1" ann@ann-pc  (INACTIVE)'),
        (CheckedIn(0.0, 101, "linger"), 1, 'IN: "f1" ann@ann-pc  (LINGER)'),
        (CheckedIn(0.0, 101, "expired"), 1, 'IN: "f1" ann@ann-pc  (BORROW_EXPIRED)'),
    ],
)
def test_checkouts_and_checkins(entry: object, count: int, line: str) -> None:
    assert told(entry, seat(count)) == [line]


@pytest.mark.parametrize(
    ("number", "count", "line"),
    [
        (-4, 1, 'DENIED: "f1" ann@ann-pc  (Licensed number of users already reached. (-4,342))'),
        (-4, 25, 'DENIED: "f1" ann@ann-pc  (25 licenses) (Licensed number of users already reached. (-4,342))'),
        (-5, 1, 'UNSUPPORTED: "f1" (PORT_AT_HOST_PLUS   ) ann@ann-pc  (No such feature exists. (-5,346))'),
    ],
)
def test_denials(number: int, count: int, line: str) -> None:
    assert told(Denial(0.0, "ann", "ann-pc", "f1", "8.0", count, number, "why")) == [line]


def test_the_application_s_part_of_a_group_is_shown() -> None:
    out = CheckedOut(0.0, 1, 1, 101, "f1", "8.0", "8.0", 3, "", "DOORS")
    assert told(out, seat(3, "DOORS")) == ['OUT: "f1" ann@ann-pc  [DOORS] (3 licenses) ']
    assert told(CheckedIn(0.0, 101, "checkin"), seat(1, "DOORS")) == ['IN: "f1" ann@ann-pc  [DOORS] ']
    assert told(out, seat(1, "a\n 1:00:00 (genesys.d) OUT:")) == ['OUT: "f1" ann@ann-pc  [a 1:00:00 (genesys.d) OUT:] ']


def test_every_way_back_has_its_words() -> None:
    assert IN_REASONS.keys() == set(get_args(Why)) - {"checkin"}


def test_waiting_in_the_queue() -> None:
    queued = Queued(0.0, 1, 1, 101, "f1", "8.0", "8.0", 1, "tty")
    assert told(queued, waiter(1)) == ['QUEUED: "f1" ann@ann-pc  ']
    assert told(queued, waiter(4)) == ['QUEUED: "f1" ann@ann-pc  (4 licenses) ']
    assert told(Dequeued(0.0, 101, "served"), waiter(4)) == ['DEQUEUED: "f1" ann@ann-pc  (4 licenses) ']
    assert told(queued) == []


def test_the_end_of_a_license() -> None:
    assert told(Expired(0.0, "f1", "8.0")) == ["EXPIRED: f1"]


def test_what_an_administrator_did() -> None:
    assert told(Act(0.0, "lmremove", "ada", "desk1", "f1 ann@ann-pc")) == ["REMOVE request from ada at node desk1: f1 ann@ann-pc"]
    assert told(Act(0.0, "revoke", "a\nb", "desk1", "101")) == ["REVOKE request from a b at node desk1: 101"]
    assert told(Act(0.0, "lmreread", "ada", "desk1")) == []


def test_a_clock_that_was_set_back() -> None:
    assert told(Clocked(0.0)) == []
    (line,) = told(Clocked(0.0, 90000.0))
    assert "90000 s behind" in line
    assert "(-88," in line


def test_a_feature_name_cannot_forge_a_line() -> None:
    (line,) = told(Denial(0.0, "ann", "h", 'f"\n 1:00:00 (genesys.d) OUT: "f1" boss@h', "", 1, -5, "why"))
    assert "\n" not in line
    assert re.match(r'UNSUPPORTED: "f', line)


def test_other_entries_are_for_the_journal_only() -> None:
    assert told(SessionBegun(0.0, 1, "d", "ann", "h", "t")) == []
    assert told(CheckedIn(0.0, 999, "checkin"), None) == []
    assert told(Lingering(0.0, 101, 9.0), seat(1)) == []
