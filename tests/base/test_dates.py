from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.dates import NEVER, format_date, parse_date


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("24-jun-2004", date(2004, 6, 24)),
        ("6-MAY-2005", date(2005, 5, 6)),
        ("01-aug-2000", date(2000, 8, 1)),
        ("29-feb-2028", date(2028, 2, 29)),
        # A non-zero year of two digits is of the last century (facts, FlexNet 1.5).
        ("31-dec-26", date(1926, 12, 31)),
        ("01-jan-00", NEVER),
        ("1-jan-0", NEVER),
        ("01-jan-0000", NEVER),
        ("permanent", NEVER),
        ("PERMANENT", NEVER),
    ],
)
def test_reads_what_license_files_hold(text: str, day: date) -> None:
    assert parse_date(text) == day


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("", "dd-mmm-yyyy"),
        ("2026-11-24", "a month as"),
        ("24-nov", "dd-mmm-yyyy"),
        ("24-foo-2026", "a month as jan"),
        ("x-nov-2026", "a day"),
        ("124-nov-2026", "a day"),
        ("24-nov-20260", "a year"),
        ("31-feb-2026", "exists in that month"),
        ("29-feb-2027", "exists in that month"),
        ("²4-nov-2026", "dd-mmm-yyyy"),
    ],
)
def test_says_what_it_expects_instead(text: str, phrase: str) -> None:
    with pytest.raises(ValueError, match=phrase):
        parse_date(text)


@given(st.dates(min_value=date(1000, 1, 1)), st.booleans())
def test_what_is_written_is_read_back(day: date, pad: bool) -> None:
    assert parse_date(format_date(day, pad=pad)) == day
