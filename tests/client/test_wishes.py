"""wishes: LM_BORROW means what lmborrow wrote, for one day, and nonsense is named."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.client.wishes import Wish, parse_end, parse_wish, until_of, wishes_of, with_wish, without_wish

TODAY = date(2026, 11, 24)
VENDORS = st.sampled_from(["all", "genesys.d", "other.d", "ALL"])
WISHES = st.builds(
    Wish,
    st.dates(date(2000, 1, 1), date(2199, 1, 1)),
    VENDORS,
    st.datetimes(datetime(2000, 1, 1), datetime(2199, 1, 1)).map(lambda at: at.replace(second=0, microsecond=0)),
)


@given(WISHES)
def test_a_wish_reads_as_it_is_written(wish: Wish) -> None:
    assert parse_wish(str(wish)) == wish


def test_the_forms_of_the_guide() -> None:
    wish = parse_wish("24-nov-2026:genesys.d:30-nov-2026:13:00")
    assert wish == Wish(TODAY, "genesys.d", datetime(2026, 11, 30, 13))
    assert parse_wish(" 24-nov-2026 : all : 30-nov-2026 ").end == datetime(2026, 11, 30, 23, 59)
    assert str(Wish(TODAY, "all", datetime(2026, 11, 30, 23, 59))) == "24-nov-2026:all:30-nov-2026"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "start:vendor:end"),
        ("24-nov-2026:genesys.d", "start:vendor:end"),
        ("24-nov-2026::30-nov-2026", "start:vendor:end"),
        ("permanent:all:30-nov-2026", "the day on which"),
        ("24-nov-2026:all:permanent", "every borrow ends"),
        ("24-nov-2026:all:31-nov-2026", "a day that exists"),
        ("24-nov-2026:all:30-nov-2026:24:00", "hh:mm"),
        ("24-nov-2026:all:30-nov-2026:1pm", "hh:mm"),
        ("today:all:30-nov-2026", "dd-mmm-yyyy"),
    ],
)
def test_nonsense_is_named(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_wish(text)
    with pytest.raises(ValueError, match="dd-mmm-yyyy"):
        parse_end("nonsense")


def test_a_wish_holds_on_its_day_for_its_vendor() -> None:
    wishes = [Wish(TODAY, "all", datetime(2026, 11, 26)), Wish(TODAY, "genesys.d", datetime(2026, 11, 28))]
    assert until_of(wishes, "GENESYS.d", TODAY) == datetime(2026, 11, 28)
    assert until_of(wishes, "other.d", TODAY) == datetime(2026, 11, 26)
    assert until_of(wishes, "genesys.d", TODAY + timedelta(days=1)) is None
    assert until_of(wishes[1:], "other.d", TODAY) is None


def test_the_file_keeps_what_is_not_overruled() -> None:
    one, other = Wish(TODAY, "genesys.d", datetime(2026, 11, 28)), Wish(TODAY, "other.d", datetime(2026, 11, 27))
    text = with_wish(with_wish("# mine\nX=1", other), one)
    assert text == "# mine\nX=1\nLM_BORROW=24-nov-2026:other.d:27-nov-2026:00:00\nLM_BORROW=24-nov-2026:genesys.d:28-nov-2026:00:00\n"
    assert wishes_of(text) == [other, one]
    assert wishes_of(with_wish(text, Wish(TODAY, "genesys.d", datetime(2026, 12, 1))))[0] == other
    assert wishes_of(without_wish(text, "GENESYS.D")) == [other]
    every = with_wish(text, Wish(TODAY, "all", datetime(2026, 12, 1)))
    assert [wish.vendor for wish in wishes_of(every)] == ["all"]
    # Who borrows from nobody by name borrows from this one neither.
    assert wishes_of(without_wish(every, "genesys.d")) == []
    assert without_wish("# mine\nLM_BORROW=\n", "x") == "# mine\n"


def test_a_bad_line_of_the_file_is_named() -> None:
    assert wishes_of("LM_BORROW=\nother\n") == []
    with pytest.raises(ValueError, match="in line 2 start:vendor:end"):
        wishes_of("X=1\nLM_BORROW=soon\n")
