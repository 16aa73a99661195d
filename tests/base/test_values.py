from __future__ import annotations

from decimal import Decimal

import pytest

from seatkeeper.base.values import is_version, parse_version, version_satisfies


@pytest.mark.parametrize(
    ("text", "number"), [("8.0", "8"), ("1.10", "1.1"), ("2026.0901", "2026.0901"), ("7", "7"), (".5", "0.5"), ("8.", "8")]
)
def test_versions_are_decimal_numbers(text: str, number: str) -> None:
    assert parse_version(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", ".", "8.0.1", "v8", "-1", "8,0", "1e5", "٨.٠", "12345678901", " 8.0", "nan"])
def test_what_is_no_version(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(ValueError, match="decimal"):
        parse_version(text)


@pytest.mark.parametrize(
    ("licensed", "requested", "flexnet", "release8"),
    [
        ("8.0", "8.0", True, True),
        ("8.0", "8.00", True, True),
        ("8.5", "8.1", True, True),
        ("8.0", "8.1", False, False),
        # "8.x products will check out only 8.x license features" (guide).
        ("7.6", "8.0", False, False),
        ("9.0", "8.0", True, False),
        ("8.0", "7.0", True, True),
        ("7.0", "7.0", True, True),
        ("9.0", "9.0", True, True),
        ("1.1", "1.10", True, True),
        ("1.10", "1.9", False, False),
        ("8.0", "", True, True),
    ],
)
def test_which_license_meets_which_request(licensed: str, requested: str, flexnet: bool, release8: bool) -> None:
    assert version_satisfies(licensed, requested, "flexnet") is flexnet
    assert version_satisfies(licensed, requested, "release8") is release8
