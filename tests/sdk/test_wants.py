"""wants: what no server could answer is refused before one is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.sdk.wants import check_vendor, check_want, sendable, until_of
from seatkeeper.wire.messages import HANDLES_MAX, Checkout

NOW = 1_000_000.0
GOOD = Checkout(0, "f1", "8.5", 3, data="group 7", borrow_until=NOW + 1)


def test_what_can_be_asked_passes() -> None:
    check_want(GOOD, NOW)
    check_want(Checkout(0, "f1"), NOW)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"feature": ""}, -42),
        ({"feature": "f" * 257}, -42),
        ({"display": "d" * 257}, -42),
        ({"data": "d" * 257}, -42),
        ({"count": 0}, -42),
        ({"count": HANDLES_MAX + 1}, -42),
        ({"version": "8.5a"}, -77),
        ({"borrow_until": NOW}, -42),
        ({"borrow_until": -1.0}, -42),
        ({"borrow_until": float("nan")}, -42),
        ({"borrow_until": float("inf")}, -42),
        ({"count": 2.5}, -42),
        ({"count": True}, -42),
        ({"count": None}, -42),
        ({"feature": None}, -42),
        ({"feature": "f\udcff"}, -42),
        ({"display": "d\udcff"}, -42),
        ({"data": b"d"}, -42),
        ({"version": 8.5}, -42),
    ],
)
def test_what_cannot_is_refused(change: dict[str, object], number: int) -> None:
    with pytest.raises(LicenseError) as caught:
        check_want(msgspec.structs.replace(GOOD, **change), NOW)
    assert caught.value.number == number
    assert caught.value.reason


def test_names_of_the_surroundings_can_always_be_sent() -> None:
    assert sendable("Zoë") == "Zoë"
    assert sendable("a\udcffb") == "a?b"
    assert len(sendable("\udcff" * 1000)) == 256


def test_the_name_of_a_vendor() -> None:
    assert check_vendor("genesys.d") == "genesys.d"
    for name in ("", "v" * 65, "v\udcff", "v\n", None):
        with pytest.raises(InputError, match="no name of a vendor daemon"):
            check_vendor(name)  # type: ignore[arg-type]


def test_the_end_of_a_borrow() -> None:
    assert until_of(None, NOW) == 0.0
    assert until_of(2, NOW) == NOW + 7200
    assert until_of(0.5, NOW) == NOW + 1800
    assert until_of(datetime(2026, 11, 24, 12, tzinfo=UTC), NOW) == datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
    assert until_of(datetime(2026, 11, 24, 12), NOW) == datetime(2026, 11, 24, 12).timestamp()
    # The beginning of time is no wish for nothing.
    assert until_of(datetime.fromtimestamp(0, UTC), NOW) < 0
