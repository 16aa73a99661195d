"""The attributes of a line: every way of writing a value, and every way of writing it wrong."""

from __future__ import annotations

import pytest

from seatkeeper.licfile.model import Feature
from seatkeeper.licfile.parser import parse

HEAD = "FEATURE f v 1.0 permanent 5 "


def attributes(text: str) -> tuple[tuple[str, str | None], ...]:
    parsed = parse(HEAD + text, careful=True)
    assert not parsed.problems
    (line,) = parsed.file.lines
    assert isinstance(line, Feature)
    return line.attributes


def errors(text: str) -> list[tuple[int, int, str]]:
    """Line, column from the first attribute on, and what was found."""
    return [(problem.line, problem.column - len(HEAD) * (problem.line == 1), problem.found) for problem in parse(HEAD + text).problems]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("SN=1", (("SN", "1"),)),
        ('NOTICE="a  b\tc"', (("NOTICE", "a  b\tc"),)),
        ('NOTICE=""', (("NOTICE", ""),)),
        ("NOTICE=a=b", (("NOTICE", "a=b"),)),
        ('NOTICE="SIGN=1 # \\ \'(x)"', (("NOTICE", "SIGN=1 # \\ '(x)"),)),
        ('NOTICE="München 漢"', (("NOTICE", "München 漢"),)),
        ("notice=x Sn=2", (("notice", "x"), ("Sn", "2"))),
        ("TS_OK BORROW BORROW_=", None),
        ("TS_OK BORROW FLOAT_OK=FLEXID=9-1", (("TS_OK", None), ("BORROW", None), ("FLOAT_OK", "FLEXID=9-1"))),
        ("BORROW=72", (("BORROW", "72"),)),
        ("HOSTID=a,b", (("HOSTID", "a,b"),)),
        ("HOSTID=INTERNET=192.0.2.1, INTERNET=192.0.2.2 SN=1", (("HOSTID", "INTERNET=192.0.2.1,INTERNET=192.0.2.2"), ("SN", "1"))),
        ("HOSTID=INTERNET=192.0.2.1,\\\n  INTERNET=192.0.2.2", (("HOSTID", "INTERNET=192.0.2.1,INTERNET=192.0.2.2"),)),
        ('HOSTID="INTERNET=192.0.2.1,\\\n  INTERNET=192.0.2.2"', (("HOSTID", "INTERNET=192.0.2.1, INTERNET=192.0.2.2"),)),
        ('SIGN("<...>")', (("SIGN", "<...>"),)),
        ('SIGN("64C2 \\\n\tC0C0")', (("SIGN", "64C2 C0C0"),)),
        ('SIGN="64C2 \\\n\tC0C0"', (("SIGN", "64C2 C0C0"),)),
        ('SIGN="64C2   \\   \n   C0C0"', (("SIGN", "64C2 C0C0"),)),
        ('SIGN="64C2\nC0C0"', (("SIGN", "64C2 C0C0"),)),
        ('SIGN=64C2 SIGN2="A262" V84_SIGN2=1', (("SIGN", "64C2"), ("SIGN2", "A262"), ("V84_SIGN2", "1"))),
        ('AUTH={ VENDOR={ SIGN="1 2" } } SN=1', (("AUTH", '{ VENDOR={ SIGN="1 2" } }'), ("SN", "1"))),
        ("asset_info=x dist_info=x user_info=x vendor_info=x sort=1 ck=103", None),
    ],
)
def test_good_attributes(text: str, read: tuple[tuple[str, str | None], ...] | None) -> None:
    if read is not None:
        assert attributes(text) == read
    elif text.startswith("asset"):
        assert len(attributes(text)) == 6
    else:
        assert errors(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "found"),
    [
        ("XX=1", 1, 1, "XX=1"),
        ("SN", 1, 1, "SN"),
        ("SN=", 1, 1, "SN="),
        ("SN= 1", 1, 1, "SN="),
        ("SN = 1", 1, 1, "SN"),
        ("SN =1 TS_OK", 1, 1, "SN"),
        ("BORROW=", 1, 1, "BORROW="),
        ("TS_OK=1", 1, 1, "TS_OK=1"),
        ("TS_OK=", 1, 1, "TS_OK="),
        ("SN=1 SN=2", 1, 6, "SN=2"),
        ("SN=1 sn=1", 1, 6, "sn=1"),
        ('NOTICE="a"SN=1', 1, 10, '"SN=1'),
        ('NOTICE=a"b"', 1, 9, 'NOTICE=a"b"'),
        ('NOTICE="a', 1, 8, '"a'),
        ('"a"', 1, 1, '"a"'),
        ("NOTICE=Blue Harbor Trading", 1, 13, "Harbor"),
        ("SN=1 \\\n  \tXX=1", 2, 4, "XX=1"),
        ("SN=1\nDUP_GROUP=Q", 2, 11, "Q"),
        ("COMPONENTS=a", 1, 1, "COMPONENTS=a"),
        ('HOSTID=" "', 1, 8, " "),
        ('SIGN("a"b")', 1, 10, '")'),
        ('SIGN("a"b"c")', 1, 8, '"b"c"'),
        ("SIGN(a)", 1, 1, "SIGN(a)"),
        ('NOTICE("a")', 1, 1, 'NOTICE("a")'),
        ("SN=1 8F796FD181BC", 1, 6, "8F796FD181BC"),
        ("TS_OK 8F796FD181BC", 1, 7, "8F796FD181BC"),
        ("AUTH={ a", 1, 6, "{"),
    ],
)
def test_a_bad_attribute_is_found_at_its_place(text: str, line: int, column: int, found: str) -> None:
    assert (line, column, found) in errors(text)
    assert len(errors(text)) == 1 or text.startswith("AUTH")


def test_an_attribute_of_the_vendor_stays_his_in_lower_case() -> None:
    (line,) = parse(HEAD + "hostid=ANY").file.lines
    assert isinstance(line, Feature)
    assert line.attribute("HOSTID") == "ANY"


def test_a_second_value_says_where_the_first_one_stands() -> None:
    (problem,) = parse(HEAD + "SN=1 \\\n\tSN=2").problems
    assert "line 1, column 29" in problem.message
    assert (problem.line, problem.column) == (2, 2)


def test_a_line_run_on_behind_another_is_recognised() -> None:
    (problem, *_) = parse(HEAD + "SN=1 FEATURE g v 1.0 permanent 5").problems
    assert problem.found == "FEATURE"
