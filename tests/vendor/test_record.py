from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest

from seatkeeper.vendor.entries import Act, CheckedIn, CheckedOut, Clocked, Denial, Dequeued, Entry, Opened, Queued, Reread, SessionBegun
from seatkeeper.vendor.record import COLUMNS, held, hide_users, pseudonym, record
from seatkeeper.vendor.seats import Seat, Session, Waiter

AT = 1_790_000_000.25
SESSION = Session(7, "digest", "ann", "ann-pc", "tty1", 42, "moon", "router", "192.0.2.7")
SEAT = Seat(101, SESSION, 1, "f1", "pool", "8.0", 2, "tty2", AT - 60.0, borrow_until=AT + 3600.0)
ABOUT = {
    "feature": "f1",
    "pool": "pool",
    "version": "8.0",
    "count": 2,
    "user": "ann",
    "host": "ann-pc",
    "address": "192.0.2.7",
    "display": "tty2",
    "pid": 42,
    "project": "moon",
    "application": "router",
    "session": 7,
    "handle": 101,
    "since": datetime.fromtimestamp(AT - 60.0, UTC),
    "borrow_until": datetime.fromtimestamp(AT + 3600.0, UTC),
}


def head(event: str) -> dict[str, object]:
    return {"time": datetime.fromtimestamp(AT, UTC), "vendor": "genesys.d", "event": event}


def test_a_checkin_speaks_for_itself() -> None:
    assert record(CheckedIn(AT, 101, "closed"), SEAT, "genesys.d") == head("checkin") | ABOUT | {"why": "closed"}


def test_a_checkout_has_what_the_seat_has() -> None:
    entry = CheckedOut(AT, 7, 1, 101, "f1", "pool", "8.0", 2, "", borrow_until=AT + 3600.0)
    assert record(entry, SEAT, "genesys.d") == head("checkout") | ABOUT


def test_one_who_waits() -> None:
    waiter = Waiter(101, SESSION, 1, "f1", "pool", "8.0", 2, False, "tty2", "part", AT - 60.0)
    told = record(Dequeued(AT, 101, "served"), waiter, "genesys.d")
    expected = head("dequeued") | ABOUT | {"data": "part", "why": "served"}
    del expected["borrow_until"]
    assert told == expected


def test_a_denial_needs_no_seat() -> None:
    told = record(Denial(AT, "bob", "bob-pc", "f1", "", 9, -26, "Too many."), None, "genesys.d")
    assert told == head("denial") | {
        "user": "bob",
        "host": "bob-pc",
        "feature": "f1",
        "count": 9,
        "number": -26,
        "reason": "Too many.",
    }


def test_what_has_no_column_is_detail() -> None:
    told = record(Reread(AT, [("f1", "8.0", 5)], "root", "srv"), None, "genesys.d")
    assert told == head("reread") | {"by_user": "root", "by_host": "srv", "detail": '{"pools":[["f1","8.0",5]]}'}
    assert record(Clocked(AT, 12.5), None, "genesys.d")["detail"] == '{"behind_s":12.5}'
    assert record(Opened(AT, "genesys.d", "0.1", 180.0), None, "genesys.d") == head("opened") | {
        "version": "0.1",
        "detail": '{"lease_s":180.0}',
    }


def test_the_digest_of_a_secret_never_leaves() -> None:
    told = record(SessionBegun(AT, 7, "d1gest", "ann", "ann-pc", "tty1"), None, "genesys.d")
    assert "d1gest" not in msgspec.json.encode(told).decode()


@pytest.mark.parametrize("kind", [kind for kind in get_args(Entry) if kind.__struct_config__.tag != "snapshot"])
def test_every_entry_has_a_record_of_known_columns_and_types(kind: type) -> None:
    """Also of entries that are added later."""
    samples = {int: 3, str: "x", float: AT, bool: True}
    hints = msgspec.inspect.type_info(kind).fields
    values = {}
    for field in hints:
        info = type(field.type).__name__
        values[field.name] = {"IntType": samples[int], "FloatType": samples[float], "BoolType": True, "ListType": [["f", "8", 1]]}.get(
            info, "checkin" if info == "LiteralType" else "x"
        )
    for seat in (None, SEAT):
        told = record(kind(**values), seat, "genesys.d")
        assert told["event"] == kind.__struct_config__.tag
        assert {name: type(value) for name, value in told.items()} == {name: COLUMNS[name] for name in told}


def test_seats_that_are_held_when_an_export_begins() -> None:
    assert held(SEAT, AT, "genesys.d") == head("held") | ABOUT


def test_hidden_users_stay_apart_and_the_same() -> None:
    key = b"k" * 16
    told = record(CheckedIn(AT, 101, "closed"), SEAT, "genesys.d")
    shown = hide_users(told, key)
    assert shown == told | {"user": pseudonym("ann", key)}
    assert "ann" not in shown["user"]
    assert pseudonym("ann", key) == pseudonym("ann", key) != pseudonym("bob", key)
    assert pseudonym("ann", key) != pseudonym("ann", b"other")


def test_prose_that_could_name_a_user_is_left_out_with_the_names() -> None:
    denied = record(Denial(AT, "bob", "bob-pc", "f1", "", 9, -4, "ann holds them.", "opt:3: MAX 1 f1 USER bob"), None, "genesys.d")
    act = record(Act(AT, "lmremove", "root", "srv", "f1 of ann@ann-pc"), None, "genesys.d")
    for told in (denied, act):
        text = msgspec.json.encode(hide_users(told, b"k")).decode()
        assert not any(name in text for name in ('"bob"', "ann", "root", "USER bob"))
    assert hide_users(denied, b"k")["number"] == -4


def test_the_request_of_a_waiter_is_no_secret_and_of_no_use() -> None:
    assert "request" not in record(Queued(AT, 7, 1, 101, "f1", "pool", "8.0", 2, "tty"), None, "genesys.d")
