"""The debug log's lines to the letter (facts, lmstat formats, section 10)."""

from __future__ import annotations

import re

import pytest

from seatkeeper.server.loglines import log_lines
from seatkeeper.vendor.entries import CheckedIn, CheckedOut, Denial, SessionBegun
from seatkeeper.vendor.events import Append
from seatkeeper.vendor.ledger import Seat, Session


def seat(count: int) -> Seat:
    session = Session(1, "d", "ann", "ann-pc", "tty", 1, "", "")
    return Seat(101, session, 1, "f1", "8.0", "8.0", count, "tty", 0.0)


def told(entry: object, about: Seat | None = None) -> list[str]:
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


def test_a_feature_name_cannot_forge_a_line() -> None:
    (line,) = told(Denial(0.0, "ann", "h", 'f"\n 1:00:00 (genesys.d) OUT: "f1" boss@h', "", 1, -5, "why"))
    assert "\n" not in line
    assert re.match(r'UNSUPPORTED: "f', line)


def test_other_entries_are_for_the_journal_only() -> None:
    assert told(SessionBegun(0.0, 1, "d", "ann", "h", "t")) == []
    assert told(CheckedIn(0.0, 999, "checkin"), None) == []
