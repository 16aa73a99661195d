"""Each line by itself: what a good one reads as, and where a bad one says that it is bad."""

from __future__ import annotations

import pytest

from seatkeeper.licfile.grammar import LINE_BYTES_MAX
from seatkeeper.licfile.model import Blank, Comment, Feature, Package, Problem, Server, Unknown, Upgrade, UseServer, Vendor
from seatkeeper.licfile.parser import parse


def one(text: str) -> object:
    parsed = parse(text, careful=True)
    assert not parsed.problems
    (line,) = parsed.file.lines
    return line


def problems(text: str) -> list[Problem]:
    return list(parse(text, careful=True).problems)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", None),
        ("  # comment \\", Comment("  # comment \\")),
        (" \t", Blank()),
        ("SERVER licsrv 0800200005ac", Server("licsrv", "0800200005ac")),
        ("server licsrv 8:0:20:0:5:ac 7260", Server("licsrv", "8:0:20:0:5:ac", 7260)),
        ("SERVER this_host #2005771344 TCP:1700", Server("this_host", "#2005771344", 1700)),
        ("SERVER a DISK_SERIAL_NUM= 1CA25283 7260", Server("a", "DISK_SERIAL_NUM=1CA25283", 7260)),
        ("SERVER 2001:db8::7 INTERNET=192.0.2.* 7260", Server("2001:db8::7", "INTERNET=192.0.2.*", 7260)),
        (
            "SERVER a ANY 7260 primary_is_master HEARTBEAT_INTERVAL=20 PLAT=1",
            Server("a", "ANY", 7260, (("primary_is_master", None), ("HEARTBEAT_INTERVAL", "20"), ("PLAT", "1"))),
        ),
        ("SERVER a ANY PRIMARY_IS_MASTER", Server("a", "ANY", 0, (("PRIMARY_IS_MASTER", None),))),
        ("DAEMON genesys.d", Vendor("genesys.d", keyword="DAEMON")),
        ("DAEMON genesys.d c:\\flexlm\\genesys.d.exe port=7261", Vendor("genesys.d", "c:\\flexlm\\genesys.d.exe", "", 7261, "DAEMON")),
        ("VENDOR v /p /o 7279", Vendor("v", "/p", "/o", 7279)),
        ('VENDOR v "/path with space/v" OPTIONS="/a b.opt" PORT=53200', Vendor("v", "/path with space/v", "/a b.opt", 53200)),
        ("VENDOR v Port=7279 Options=x Path=./", Vendor("v", "./", "x", 7279)),
        ("VENDOR v port=0", Vendor("v")),
        ('VENDOR v "port=1"', Vendor("v", "port=1")),
        ("VENDOR v /opt/a=b/v", Vendor("v", "/opt/a=b/v")),
        ("use_server", UseServer()),
        ("FEATURE f v 1.0 1-jan-0 0", Feature("f", "v", "1.0", "1-jan-0", "0")),
        ("increment f v 1 PERMANENT uncounted", Feature("f", "v", "1", "PERMANENT", "uncounted", keyword="INCREMENT")),
        ("FEATURE f v 1.0 permanent 5 8F796FD181BC", Feature("f", "v", "1.0", "permanent", "5", "8F796FD181BC")),
        ("FEATURE f v 1.0 permanent 5 TS_OK", Feature("f", "v", "1.0", "permanent", "5", "", (("TS_OK", None),))),
        ("FEATURE SN server 1.0 permanent 5", Feature("SN", "server", "1.0", "permanent", "5")),
        (
            "UPGRADE f v 1.0 2.0 permanent 5 8F796FD181BC SN=1",
            Upgrade("f", "v", "1.0", "2.0", "permanent", "5", "8F796FD181BC", (("SN", "1"),)),
        ),
        ('PACKAGE p v COMPONENTS="a b:1.0"', Package("p", "v", "", "", (("COMPONENTS", "a b:1.0"),))),
        ("PACKAGE p v 1.0 8F796FD181BC COMPONENTS=a", Package("p", "v", "1.0", "8F796FD181BC", (("COMPONENTS", "a"),))),
        ("PACKAGE p v 8F796FD181BC COMPONENTS=a", Package("p", "v", "", "8F796FD181BC", (("COMPONENTS", "a"),))),
        ("PACKAGE p v 123456789012 COMPONENTS=a", Package("p", "v", "", "123456789012", (("COMPONENTS", "a"),))),
    ],
)
def test_good_lines(text: str, line: object) -> None:
    assert one(text or "\n") == (line or Blank())


@pytest.mark.parametrize(
    ("text", "column", "found", "number"),
    [
        ("SERVER", 7, "", -2),
        ("SERVER licsrv", 14, "", -2),
        ("SERVER licsrv PRIMARY_IS_MASTER", 15, "PRIMARY_IS_MASTER", -2),
        ("SERVER licsrv ANY 70000", 19, "70000", -2),
        ("SERVER licsrv ANY 0", 19, "0", -2),
        ("SERVER licsrv ANY UDP:1", 19, "UDP:1", -2),
        ("SERVER licsrv ANY 7260 HEARTBEAT_INTERVAL=121", 43, "121", -2),
        ("SERVER licsrv ANY 7260 NOTICE=x", 24, "NOTICE=x", -2),
        ("SERVER lic=srv ANY 7260", 8, "lic=srv", -2),
        ('SERVER licsrv "ANY" 7260', 15, '"ANY"', -2),
        ("SERVER licsrv Ä 7260", 15, "Ä", -2),
        ("DAEMON", 7, "", -2),
        ("DAEMON 7261", 8, "7261", -2),
        ("DAEMON genesys.d /p prot=7261", 21, "prot=7261", -90),
        ("DAEMON genesys.d /p port=99999", 21, "99999", -2),
        ("DAEMON genesys.d /p port=¹7262", 21, "¹7262", -2),
        ("DAEMON genesys.d /p port= 7261", 21, "port=", -2),
        ("DAEMON genesys.d /p port=1 port=2", 28, "port=2", -2),
        ("DAEMON genesys.d c:\\program files\\a 7261 x", 42, "x", -2),
        ("DAEMON genesys.d port=7261 /p", 28, "/p", -2),
        ('DAEMON genesys.d ""', 18, '""', -2),
        ('DAEMON genesys.d "/p"x', 21, '"x', -2),
        ('DAEMON genesys.d "/p', 18, '"/p', -2),
        ("USE_SERVER x", 12, "x", -2),
        ("FEATURE", 8, "", -2),
        ("FEATURE f v 1.0 permanent", 26, "", -2),
        ("FEATURE f v 1.0 permanent NOTICE=x", 27, "NOTICE=x", -2),
        ("FEATURE f v 1.0 permanent TS_OK", 27, "TS_OK", -2),
        ("FEATURE f 8.0 permanent 5", 11, "8.0", -2),
        ("FEATURE f v x permanent 5", 13, "x", -77),
        ("FEATURE f v 12345678901 permanent 5", 13, "12345678901", -77),
        ("FEATURE f v 1.0 31-feb-2026 5", 17, "31-feb-2026", -11),
        ("FEATURE f v 1.0 2026-02-01 5", 17, "2026-02-01", -11),
        ("FEATURE f v 1.0 permanent -5", 27, "-5", -2),
        ("FEATURE f v 1.0 permanent 5 200 8F796FD181BC", 29, "200", -2),
        ("FEATURE f v 1.0 permanent 5 TSOK", 29, "TSOK", -90),
        (f"FEATURE {'f' * 31} v 1.0 permanent 5", 9, "f" * 31, -2),
        ("FEATURE f v permanent 5", 13, "permanent", -2),
        ("FEATURE f v 1.0 5 8F796FD181BC", 17, "5", -2),
        ("UPGRADE f v 1.0 permanent 5", 17, "permanent", -2),
        ('FEATURE "f" v 1.0 permanent 5', 9, '"f"', -2),
        ("FEATURE f= v 1.0 permanent 5", 9, "f=", -2),
        ("PACKAGE p v 1.0", 16, "", -82),
        ("PACKAGE p v x COMPONENTS=a", 13, "x", -77),
        ("PACKAGE p v COMPONENTS=a:x", 24, "a:x", -82),
        ('PACKAGE p v COMPONENTS="a:1:2" OPTIONS=SUITE', 1, "a:1:2", -82),
        ("PACKAGE p v COMPONENTS=a OPTIONS=SWEET", 34, "SWEET", -82),
        ("FEATRUE f v 1.0 permanent 5", 1, "FEATRUE", -90),
        ("FEETURES f v 1.0 permanent 5", 1, "FEETURES", -90),
        ("hello world", 1, "hello", -2),
        ("  NOTICE=x", 3, "NOTICE=x", -2),
        ('SIGN("64C2")', 1, 'SIGN("64C2")', -2),
        ("sampled-f1-00737-55296-1825", 1, "sampled-f1-00737-55296-1825", -90),
        ("\\", 1, "\\", -2),
        ("FEATURE\xa0f v 1.0 permanent 5", 8, "U+00A0 NO-BREAK SPACE", -2),
        ("FEATURE f v 1.0\x1cpermanent 5", 16, "U+001C", -2),
        ("\u200bFEATURE f v 1.0 permanent 5", 1, "U+200B ZERO WIDTH SPACE", -2),
        ("FEATURE f\rSERVER a", 10, "U+000D", -2),
    ],
)
def test_a_bad_line_has_one_problem_at_its_place(text: str, column: int, found: str, number: int) -> None:
    parsed = parse(text)
    assert [(problem.line, problem.column, problem.found, problem.number, problem.severity) for problem in parsed.problems] == [
        (1, column, found, number, "error")
    ]
    assert parsed.file.lines == (Unknown(text),)


def test_all_mistakes_of_a_line_are_found_at_once() -> None:
    found = problems("FEATURE f.. v= x never many 8F796FD181BC XX=1 SN=1 SN=2 DUP_GROUP=Q")
    assert [problem.column for problem in found if problem.severity == "error"] == [13, 16, 18, 24, 42, 52, 67]
    found = problems("FEATURE f v x never many XX=1")
    assert [(problem.column, problem.number) for problem in found] == [(13, -77), (15, -11), (21, -2), (26, -90)]


def test_what_is_found_says_what_was_expected_or_what_to_do() -> None:
    for text in ("FEATURE f", "FEATURE f v 1.0 31-feb-2026 5", "FEATURE f v 1.0 permanent 5 XX=1", "hello", "SERVER a ANY x"):
        (problem,) = problems(text)
        assert problem.expected
        assert problem.message.endswith((".", "?"))


def test_a_misspelt_word_is_recognised() -> None:
    assert "did you mean FEATURE?" in problems("FEATRUE f")[0].message
    assert "did you mean VENDOR_STRING?" in problems("FEATURE f v 1.0 permanent 5 VENDOR_STRNG=x")[0].message
    assert "did you mean port?" in problems("VENDOR v /p prot=1")[0].message


def test_a_misspelt_line_behind_a_good_one_leaves_that_one_alone() -> None:
    parsed = parse("FEATURE f v 1.0 permanent 5\nFEATRUE g v 1.0 permanent 5\n\tSN=1\nFEATURE h v 1.0 permanent 5\n")
    assert [type(line) for line in parsed.file.lines] == [Feature, Unknown, Feature]
    assert [(problem.line, problem.found) for problem in parsed.problems] == [(2, "FEATRUE")]


@pytest.mark.parametrize(
    ("text", "column", "found"),
    [
        ("FEATURE a.b v 1.0 permanent 5", 9, "a.b"),
        ("FEATURE f v 1.0 permanent 5 \\", 29, "\\"),
        ("FEATURE f v 1.0 permanent 5 \\  \n", 29, "\\"),
        ("# a\rFEATURE f", 4, "U+000D"),
    ],
)
def test_what_works_but_may_not_be_meant_is_a_warning(text: str, column: int, found: str) -> None:
    parsed = parse(text)
    assert [(problem.column, problem.found, problem.severity) for problem in parsed.problems] == [(column, found, "warning")]
    assert not [line for line in parsed.file.lines if isinstance(line, Unknown)]


def test_comments_may_hold_anything() -> None:
    assert one('# \x00\x1c\xa0\u2028\ud800"') == Comment('# \x00\x1c\xa0\u2028\ud800"')


def test_a_quote_left_open_is_found_where_it_opens() -> None:
    text = 'FEATURE f v 1.0 permanent 5 NOTICE="open SN=1\n\tISSUED="24-nov-2026" SIGN="64C2\n\tA262"\nFEATURE g v 1.0 permanent 5\n'
    parsed = parse(text)
    assert [(problem.line, problem.column) for problem in parsed.problems] == [(1, 36)]
    assert parsed.file.lines[1] == Feature("g", "v", "1.0", "permanent", "5")


def test_a_line_is_limited_with_all_that_continues_it() -> None:
    head = "FEATURE f v 1.0 permanent 5 NOTICE="
    most = head + "x" * (LINE_BYTES_MAX - len(head))
    assert isinstance(parse(most).file.lines[0], Feature)
    for text in (
        most + "x",
        head + "x" * (LINE_BYTES_MAX // 2) + " \\\n\tSN=" + "1" * (LINE_BYTES_MAX // 2),
        head + "漢" * (LINE_BYTES_MAX // 3),
    ):
        (problem,) = parse(text).problems
        assert f"{LINE_BYTES_MAX:,} bytes" in problem.message
        assert isinstance(parse(text).file.lines[0], Unknown)
