"""What the desk's commands read from options is what was meant, or one sentence says what is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters.host import user_name
from seatkeeper.base.errors import InputError
from seatkeeper.cli.desk_common import check_installed, maintenance, open_desk, parse_day, parse_pairs, parse_quantities


def test_names_may_have_an_equals_sign() -> None:
    assert parse_quantities(["A = B=3", " Genesys E-mail = 20 "], "--item") == {"A = B": 3, "Genesys E-mail": 20}
    assert parse_pairs(None, "--item", "NAME=VERSION") == {}


@pytest.mark.parametrize("text", ["", "=", "A", "A=", "=3", "A=0", "A=-1", "A=1.5", "A=x", "A=1000000", "A=٣"])
def test_no_other_quantities(text: str) -> None:
    with pytest.raises(InputError, match="--item"):
        parse_quantities([text], "--item")


def test_a_name_is_said_once() -> None:
    with pytest.raises(InputError, match="named twice"):
        parse_quantities(["A=1", "A=2"], "--item")


@pytest.mark.parametrize("text", ["2027-06-30", "30-jun-2027", " 30-Jun-2027 "])
def test_days_in_both_ways(text: str) -> None:
    assert parse_day(text, "--until") == date(2027, 6, 30)


@pytest.mark.parametrize("text", ["", "permanent", "0-0-0", "30.6.2027", "2027-13-01", "31-jun-2027", "soon"])
def test_no_other_days(text: str) -> None:
    with pytest.raises(InputError, match="2027-06-30 or 30-jun-2027"):
        parse_day(text, "--until")


def test_maintenance_ends_after_it_begins() -> None:
    assert maintenance("", "") is None
    assert maintenance("", "30-jun-2027") == (None, "2027-06-30")
    assert maintenance("2027-06-30", "2027-06-30") == ("2027-06-30", "2027-06-30")
    with pytest.raises(InputError, match="2027-07-01 or later"):
        maintenance("2027-07-01", "2027-06-30")


def test_the_login_account_is_at_the_desk_unless_somebody_else_is_named(tmp_path: Path) -> None:
    from seatkeeper.adapters.registry import make_registry

    check_installed()
    where = str(tmp_path / "desk.db")
    make_registry(where)
    with open_desk(where) as mine, open_desk(where, "ann") as hers:
        assert (mine.by, hers.by) == (user_name(), "ann")
        assert mine.registry.name == where
