"""What stands in an order has one form in a license file, and what cannot stand there is refused with what is expected."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.dates import NEVER
from seatkeeper.issue import values
from seatkeeper.issue.reading import Unfit
from seatkeeper.licfile.model import Comment, Feature, LicenseFile
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import write

TODAY = date(2026, 3, 14)


@given(st.text(max_size=values.TEXT_CHARS_MAX + 2))
def test_a_text_that_is_taken_survives_a_license_file(given_text: str) -> None:
    try:
        text = values.text(given_text)
    except Unfit:
        return
    file = LicenseFile(
        (
            Feature("f1", "genesys.d", "1.0", "permanent", "1", attributes=(("vendor_info", text), ("NOTICE", text))),
            Comment(f"# {text}"),
        )
    )
    parsed = parse(write(file, columns=60))
    assert not parsed.problems
    assert parsed.file == file


@pytest.mark.parametrize("bad", [None, 5, "", " \t\n ", "x" * (values.TEXT_CHARS_MAX + 1), 'a"b', "a\\b", "a\x00b", "a\u200bb"])
def test_a_text_that_is_refused(bad: Any) -> None:
    with pytest.raises(Unfit):
        values.text(bad)


def test_blanks_within_a_text_are_single() -> None:
    assert values.text("  Pigeon \t Post\nExample ") == "Pigeon Post Example"
    assert values.text_or_empty("") == ""


@pytest.mark.parametrize(("raw", "meant"), [(17, "17"), ("A-1.b_2", "A-1.b_2"), (-3, "-3")])
def test_numbers_of_orders(raw: Any, meant: str) -> None:
    assert values.number(raw) == meant


@pytest.mark.parametrize("bad", [None, True, 1.5, "", "-", "a b", "a#b", "é", "1" * (values.NUMBER_CHARS_MAX + 1), "17\n"])
def test_what_is_no_number_of_an_order(bad: Any) -> None:
    with pytest.raises(Unfit):
        values.number(bad)


@pytest.mark.parametrize("bad", [0, 11, True, "5", 2.0, None])
def test_whole_numbers_have_limits_and_no_quotes(bad: Any) -> None:
    read = values.whole(1, 10)
    assert (read(1), read(10)) == (1, 10)
    with pytest.raises(Unfit, match="a whole number from 1 to 10, without quotes"):
        read(bad)


def test_words_are_taken_in_any_case() -> None:
    read = values.one_of("demo", "production")
    assert read(" Demo ") == "demo"
    with pytest.raises(Unfit, match="demo or production"):
        read("demonstration")


@pytest.mark.parametrize("bad", [8.5, "8.5.1", "v8", "", "12345678901", None])
def test_what_is_no_version(bad: Any) -> None:
    assert values.version("8.10") == "8.10"
    with pytest.raises(Unfit):
        values.version(bad)


@pytest.mark.parametrize("bad", ["2026-03-13", "13-mar-2026", "31-dec-26", "2026-02-30", "soon", 2027, datetime(2027, 1, 1), None])
def test_days_that_no_license_can_end_on(bad: Any) -> None:
    with pytest.raises(Unfit):
        values.expiry(TODAY)(bad)


def test_days_that_a_license_can_end_on() -> None:
    read = values.expiry(TODAY)
    assert read(TODAY) == TODAY
    assert read(" 30-Jun-2027 ") == date(2027, 6, 30)
    assert read("permanent") == NEVER


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("8:0:20:0:5:ac", "0800200005ac"),
        ("#2005771344", "778da450"),
        ("DISK_SERIAL_NUM= 1CA2-5283", "DISK_SERIAL_NUM=1ca25283"),
        ("hostname=LicSrv", "HOSTNAME=licsrv"),
        ("INTERNET=192.0.2.7", "INTERNET=192.0.2.7"),
        ("any", "ANY"),
    ],
)
def test_a_hostid_has_one_form(raw: str, meant: str) -> None:
    assert values.hostid(raw) == meant


@pytest.mark.parametrize("bad", ["192.0.2.7", "::1", "8:0:20", "000000000000", "ffffffff", "DEMO", "", "licsrv", 5])
def test_what_is_no_hostid_of_a_server(bad: Any) -> None:
    with pytest.raises(Unfit):
        values.hostid(bad)


@pytest.mark.parametrize("bad", ['a"b', " a", "a\n", "x" * (values.PATH_CHARS_MAX + 1), None])
def test_what_is_no_path(bad: Any) -> None:
    assert values.path("c:\\program files\\genesys.d.exe") == "c:\\program files\\genesys.d.exe"
    with pytest.raises(Unfit):
        values.path(bad)
