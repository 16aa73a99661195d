from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatkeeper.licfile.lint import SOON_DAYS, lint
from seatkeeper.licfile.model import Problem
from seatkeeper.licfile.parser import parse

TODAY = date(2026, 11, 24)
GOLDEN = Path(__file__).parent.parent / "golden" / "licfile"
SERVER = "SERVER licsrv 0800200005ac 7260\n"
HEAD = SERVER + "DAEMON genesys.d /opt/lm/genesys.d port=7261\n"
TRIAD = "SERVER a 0800200005ac 7260\nSERVER b 0800200005ad 7260\nSERVER c 0800200005ae 7260\nDAEMON genesys.d\n"


def feature(
    name: str = "f", rest: str = "", *, keyword: str = "FEATURE", version: str = "8.0", expiry: str = "permanent", count: str = "5"
) -> str:
    return f"{keyword} {name} genesys.d {version} {expiry} {count} {rest} SIGN=64C2\n"


def found(text: str, **options: int) -> list[Problem]:
    return list(lint(parse(text), today=TODAY, **options))


def test_a_good_file_has_no_problems() -> None:
    assert found(HEAD + feature()) == []
    assert found(TRIAD + feature()) == []
    assert found(feature(rest="HOSTID=ANY", count="uncounted")) == []
    assert found((GOLDEN / "mixed.dat").read_text()) == []


@pytest.mark.parametrize(
    ("text", "line", "severity", "number", "words"),
    [
        # SERVER
        (SERVER * 2 + "DAEMON genesys.d\n" + feature(), 2, "error", -2, "2 SERVER lines"),
        ("DAEMON genesys.d\n" + feature(), 2, "error", -13, "counted"),
        ("DAEMON genesys.d /p\n" + SERVER + feature(), 2, "error", -2, "move it up"),
        (SERVER + feature(), 2, "error", -2, "No DAEMON line starts genesys.d"),
        (SERVER + feature() + "DAEMON genesys.d /p\n", 3, "warning", -2, "move it up"),
        ("USE_SERVER\n" + HEAD + feature(), 1, "warning", -2, "no server"),
        (HEAD.replace("0800200005ac", "DEMO") + feature(), 1, "error", -9, "DEMO"),
        (HEAD.replace("0800200005ac", "192.0.2.7") + feature(), 1, "error", -9, "host id"),
        (HEAD.replace("0800200005ac 7260", "7260") + feature(), 1, "error", -9, "port but no host id"),
        (HEAD.replace("0800200005ac", "0800200005") + feature(), 1, "error", -9, "host id"),
        (HEAD.replace("7260", "7260 PRIMARY_IS_MASTER") + feature(), 1, "warning", -2, "three-server"),
        (TRIAD.replace("b 0800200005ad 7260", "b 0800200005ad 7260 PRIMARY_IS_MASTER") + feature(), 2, "warning", -2, "first SERVER line"),
        (TRIAD.replace("b 0800200005ad 7260", "b 0800200005ad") + feature(), 2, "error", -2, "needs a port"),
        (TRIAD.replace("SERVER c", "SERVER A") + feature(), 3, "error", -2, "The host stands on line 1 too"),
        (TRIAD.replace("0800200005ae", "0800200005AC") + feature(), 3, "error", -2, "The host id stands on line 1 too"),
        # DAEMON
        (HEAD + "VENDOR GENESYS.D /p\n" + feature(), 3, "error", -2, "has a line already, line 2"),
        (HEAD.replace("7261", "7260") + feature(), 2, "error", -2, "the port of the SERVER line, line 1"),
        (HEAD + "VENDOR other /p port=7261\n" + feature(), 3, "error", -2, "the daemon on line 2"),
        (HEAD.replace("/opt/lm/genesys.d", '"/opt/\tlm/genesys.d"') + feature(), 2, "warning", -2, "tab"),
        (HEAD.replace("port=7261", "7261") + feature(), 2, "warning", -2, "write port=7261"),
        (HEAD + (feature() + feature("g")).replace("genesys.d", "other"), 3, "error", -2, "and 1 more of its lines"),
        # licenses
        (HEAD + feature("a") + feature("b") + feature("A", count="9"), 5, "warning", -2, "line 3 is granted, this one is ignored"),
        (HEAD + feature(expiry="23-nov-2026"), 3, "warning", -10, "expired on 23-nov-2026"),
        (HEAD + feature(expiry="24-nov-2026"), 3, "warning", -10, "expires today"),
        (HEAD + feature(expiry="25-nov-2026"), 3, "warning", -10, "expires tomorrow"),
        (HEAD + feature(expiry="24-dec-2026"), 3, "warning", -10, "in 30 days"),
        (HEAD + feature(expiry="31-dec-26"), 3, "warning", -10, "1926"),
        (HEAD + feature(rest="ISSUED=24-nov-26"), 3, "warning", -11, "1926"),
        (HEAD + feature(rest="START=1-jan-2027"), 3, "warning", -31, "good from 01-jan-2027 on"),
        (HEAD + feature(rest="START=1-jan-2029", expiry="1-jan-2028"), 3, "warning", -31, "never good"),
        (HEAD + feature(version="2026.901"), 3, "warning", -77, "2026.0901 would not be"),
        (HEAD + feature(count="uncounted"), 3, "error", -2, "needs HOSTID="),
        (HEAD + feature(count="0"), 3, "error", -2, "needs HOSTID="),
        (HEAD + feature(rest="HOSTID=DEMO"), 3, "error", -9, "DEMO"),
        (HEAD + feature(rest="HOSTID=192.0.2.7"), 3, "error", -9, "no host id"),
        (HEAD + feature(rest="hostid=ANY"), 3, "warning", -2, "signed by the vendor"),
        (HEAD + feature(rest="VENDOR_INFO=x"), 3, "warning", -2, "administrator"),
        (HEAD + feature(rest="SUPERSEDE"), 3, "warning", -2, "without ISSUED="),
        (HEAD + feature().replace(" SIGN=64C2", ""), 3, "warning", -114, "neither SIGN="),
        (HEAD + feature().replace(" SIGN=64C2", "8F796FD181BC"), 3, "warning", -114, "only a license key"),
        (HEAD + feature().replace("64C2", "xyz"), 3, "warning", -8, "not in hex digits"),
        # UPGRADE and PACKAGE
        (HEAD + "UPGRADE f genesys.d 8.0 8.5 permanent 5 SIGN=64C2\n", 3, "error", -2, "nothing to upgrade"),
        (HEAD + feature(version="8.5") + "UPGRADE f genesys.d 8.0 8.5 permanent 5 SIGN=64C2\n", 4, "error", -2, "nothing to upgrade"),
        (HEAD + feature() + "UPGRADE f genesys.d 8.5 8.0 permanent 5 SIGN=64C2\n", 4, "error", -77, "not above 8.5"),
        (HEAD + feature() + "UPGRADE f genesys.d 8.0 8.5 permanent 0 HOSTID=ANY SIGN=64C2\n", 4, "error", -2, "number of seats"),
        (HEAD + "PACKAGE p genesys.d COMPONENTS=a SIGN=64C2\n", 3, "warning", -82, "gives nothing"),
        (HEAD + feature("p") + "PACKAGE p genesys.d 9.0 COMPONENTS=a SIGN=64C2\n", 4, "warning", -82, "p of version 9.0"),
        (HEAD + feature("p") + "PACKAGE p genesys.d 8 COMPONENTS=a SIGN=64C2\n" * 2, 5, "warning", -82, "on line 4 too"),
        # the parser's own
        (HEAD + feature(rest="XX=1"), 3, "error", -90, "Unknown attribute"),
    ],
)
def test_a_rule_finds_its_mistake_and_nothing_else_does(text: str, line: int, severity: str, number: int, words: str) -> None:
    problems = found(text)
    assert [(problem.line, problem.severity, problem.number) for problem in problems] == [(line, severity, number)], problems
    assert words in problems[0].message


@pytest.mark.parametrize(
    "text",
    [
        HEAD + feature() + feature(keyword="INCREMENT"),
        HEAD + feature() + feature().replace("genesys.d", "other") + "DAEMON other /o\n",
        HEAD + feature(expiry="25-dec-2026"),
        HEAD + feature(expiry="01-jan-00"),
        HEAD + feature(expiry="1-jan-0"),
        HEAD + feature(version="2026.0901"),
        HEAD + feature(version="2026.1231"),
        HEAD + feature(version="8.10"),
        HEAD + feature() + "UPGRADE f genesys.d 8.0 8.5 permanent 5 SIGN=64C2\n",
        HEAD + feature(rest="START=1-jan-2026 ISSUED=1-jan-2026 SUPERSEDE"),
        SERVER.replace("7260", "") + "DAEMON genesys.d /p port=7261\n" + feature(),
        "# only comments\n",
        feature(rest="HOSTID=DEMO", count="0"),
    ],
)
def test_what_is_right_is_not_remarked(text: str) -> None:
    assert not [problem for problem in found(text) if "daemon's line stands after" not in problem.message]


def test_lines_that_cannot_be_read_are_not_said_to_be_missing() -> None:
    broken = (
        SERVER.replace("7260", "70000")
        + "DAEMON genesys.d prot=1\n"
        + feature()
        + "PACKAGE p genesys.d COMPONENTS=a SIGN=64C2\nFEATRUE p\n"
    )
    assert [problem.line for problem in found(broken)] == [1, 2, 5]


def test_the_day_before_it_is_soon() -> None:
    text = HEAD + feature(expiry="01-jan-2028")
    assert found(text) == []
    assert len(found(text, soon_days=403)) == 1
    assert found(text, soon_days=402) == []
    assert SOON_DAYS == 30


def test_problems_come_in_the_order_of_the_lines_with_the_parser_s_among_them() -> None:
    problems = found((GOLDEN / "broken.dat").read_text())
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)
    assert {problem.line for problem in problems} == {1, 2, 3, 4, 5, 6, 8, 9, 10, 13, 14, 16, 17, 18}


def test_every_problem_is_a_sentence_that_says_what_to_do() -> None:
    for problem in found((GOLDEN / "broken.dat").read_text()):
        assert problem.message[-1] in ".?"


@pytest.mark.timeout(20)
def test_many_lines_take_time_in_proportion() -> None:
    licenses = "".join(f"FEATURE f{number % 9} v{number} {number} permanent 5 SIGN=64C2\n" for number in range(4_000))
    upgrades = "UPGRADE f1 v1 0 99999 permanent 5 SIGN=64C2\n" * 4_000
    assert lint(parse(HEAD + licenses + upgrades), today=TODAY)
