"""What is wrong with an options file for the licenses that there are: each finding, and the silence about what is right."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.model import Feature, Package, Problem
from seatkeeper.licfile.options import parse_options
from seatkeeper.pools.access import Access, Who
from seatkeeper.pools.grouping import group_lines
from seatkeeper.pools.optionslint import RULES, lint_options
from support.optionsfiles import named

TODAY = date(2026, 11, 24)


def line(name: str = "f1", version: str = "8.0", count: str = "10", expiry: str = "permanent", **attributes: str | None) -> Feature:
    return Feature(name, "d", version, expiry, count, "8F796FD181BC", tuple(attributes.items()), "INCREMENT")


SITE = (
    line(),
    line("two"),
    line("two", "8.5", "5"),
    line("borrowable", BORROW="24", LINGER="60", OVERDRAFT="2"),
    line("free", count="uncounted", HOSTID="ANY"),
    line("old", expiry="1-jan-2020"),
    line("suite"),
    Package("suite", "d", attributes=(("COMPONENTS", "s1 s2"), ("OPTIONS", "SUITE_RESERVED"))),
    line("bundle"),
    Package("bundle", "d", attributes=(("COMPONENTS", "b1 b2"),)),
)


def lint(text: str, *lines: Feature | Package) -> list[Problem]:
    return lint_options(parse_options(text, "d.opt"), group_lines(lines or SITE, TODAY)[0], ["unlicensed"])


def only(text: str, *lines: Feature | Package) -> tuple[int, str, str]:
    """Line, severity and message of the one problem."""
    (found,) = lint(text, *lines)
    return found.line, found.severity, found.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RESERVE 10 f1 USER joe",
        "RESERVE 4 f1 USER joe\nRESERVE 6 f1 GROUP g\nGROUP g anne",
        "RESERVE 5 two:VERSION=8.5 USER joe\nRESERVE 10 two:VERSION=8.0 USER joe",
        "RESERVE 2 bundle USER joe\nRESERVE 1 S1 USER joe",
        "RESERVE 99 old USER joe\nMAX 99 old USER joe",
        "MAX 9 f1 USER joe\nMAX 3 f1 USER anne\nMAX 14 two USER joe",
        "MAX 0 f1 USER joe",
        "INCLUDE f1 USER joe\nEXCLUDE f1 HOST pc1\nRESERVE 1 f1 USER joe",
        "INCLUDE f1 GROUP g\nRESERVE 1 f1 USER joe\nMAX 2 f1 GROUP h\nGROUP g anne joe\nGROUP h joe max",
        "INCLUDE f1 HOST pc1\nRESERVE 1 f1 USER joe",
        "INCLUDEALL GROUP g\nGROUP g joe\nRESERVE 1 f1 USER joe",
        "INCLUDE two:VERSION=8.5 USER joe\nEXCLUDE two:VERSION=8.0 USER joe",
        "EXCLUDE f1 GROUP g\nGROUP g joe\nINCLUDE f1 USER anne",
        "TIMEOUT f1 900\nTIMEOUTALL 1800",
        "TIMEOUT two:VERSION=8.5 1000\nTIMEOUT two:VERSION=8.0 1100",
        "MAX_BORROW_HOURS borrowable 12\nBORROW_LOWWATER borrowable 3\nINCLUDE_BORROW borrowable USER joe",
        "LINGER borrowable 61\nLINGER f1 60\nMAX_OVERDRAFT borrowable 1",
        "EXCLUDE free USER joe",
        "GROUPCASEINSENSITIVE ON\nGROUP g Joe\nEXCLUDE f1 GROUP g\nINCLUDE two USER joe",
    ],
)
def test_what_is_right_is_left_alone(text: str) -> None:
    assert lint(text) == []


@pytest.mark.parametrize(
    ("text", "at", "severity", "message"),
    [
        # Names.
        ("EXCLUDE f11 USER joe", 1, "error", "No license is for a feature or package f11, so the line has no effect; did you mean f1?"),
        ("EXCLUDE qwertz USER joe", 1, "error", "No license is for a feature or package qwertz, so the line has no effect."),
        ("EXCLUDE bundel USER joe", 1, "error", "did you mean bundle?"),
        ("EXCLUDE unlicensed USER joe", 1, "error", "No license has seats of unlicensed today"),
        ("EXCLUDE two:VERSION=9 USER joe", 1, "error", "two is licensed (version 8.5, 8.0), yet no line of it has VERSION=9"),
        ("EXCLUDE f1 GROUP g\nGROUP gg joe\nEXCLUDE f1 GROUP gg", 1, "error", "There is no GROUP of this name"),
        # Reservations.
        ("RESERVE 12 f1 USER joe", 1, "error", "Of the 12 seats to reserve, 2 are ignored: f1 has 10."),
        (
            "RESERVE 8 f1 USER joe\nRESERVE 3 f1 USER anne",
            2,
            "error",
            "Of the 3 seats to reserve, 1 is ignored: f1 has 10, and 8 are reserved",
        ),
        ("RESERVE 0 f1 USER joe", 1, "warning", "reserves 0 seats"),
        ("RESERVE 1 free USER joe", 1, "error", "free is uncounted: there is nothing to reserve."),
        ("RESERVE 3 two USER joe", 1, "warning", "two has 2 pools (version 8.5, 8.0), and 3 are reserved of each: 6 in all."),
        ("RESERVE 3 two USER joe", 1, "warning", "Name one pool with two:VERSION=8.5."),
        ("RESERVE 1 suite USER joe", 1, "error", "suite is a SUITE_RESERVED package"),
        # Lines that can never apply.
        (
            "EXCLUDEALL USER joe\nINCLUDE f1 USER joe",
            2,
            "warning",
            "The line never applies: line 1 excludes the same subject from everything.",
        ),
        ("EXCLUDE f1 USER joe\nINCLUDE f1 USER joe", 2, "warning", "The line never applies: line 1 excludes the same subject from f1."),
        ("INCLUDE f1 USER joe\nEXCLUDE f1 USER joe", 1, "warning", "The line never applies: line 2 excludes the same subject from f1."),
        ("EXCLUDE two USER joe\nMAX 1 two:VERSION=8.5 USER joe", 2, "warning", "line 1 excludes the same subject from two"),
        ("EXCLUDE f1 USER joe\nRESERVE 1 f1 USER joe", 2, "error", "line 1 excludes the same subject from f1"),
        ("EXCLUDE f1 GROUP g\nGROUP g joe\nMAX 1 f1 USER joe", 3, "warning", "line 1 excludes GROUP g, of which joe is a member, from f1"),
        ("EXCLUDE bundle USER joe\nMAX 1 b1 USER joe", 2, "warning", "line 1 excludes the same subject from bundle"),
        ("INCLUDE f1 USER joe\nRESERVE 1 f1 USER anne", 2, "error", "INCLUDE lines of f1 (the first is line 1) leave anne out"),
        ("INCLUDE f1 GROUP g\nGROUP g joe\nMAX 1 f1 USER anne", 3, "warning", "INCLUDE lines of f1 (the first is line 1) leave anne out"),
        ("INCLUDEALL USER joe\nRESERVE 1 f1 USER anne", 2, "error", "INCLUDE lines of f1 (the first is line 1) leave anne out"),
        ("MAX 10 f1 USER joe", 1, "warning", "The limit is never reached: 10 seats of f1 are licensed."),
        ("MAX 15 two USER joe", 1, "warning", "The limit is never reached: 15 seats of two are licensed."),
        ("MAX 12 borrowable USER joe", 1, "warning", "The limit is never reached"),
        ("MAX 3 f1 USER joe\nMAX 2 f1 USER joe", 1, "warning", "The line never applies: line 2 sets a limit of 2"),
        ("RESERVE 5 f1 USER joe\nMAX 3 f1 USER joe", 2, "warning", "5 seats of f1 are reserved for USER joe, which may hold 3."),
        ("EXCLUDE f1 USER joe\nEXCLUDE F1 USER joe", 2, "warning", "Line 1 says the same."),
        ("EXCLUDE f1 USER joe\nEXCLUDEALL USER joe", 1, "warning", "Line 2 says the same of all features."),
        ("INCLUDEALL USER joe\nINCLUDE f1 USER joe", 2, "warning", "Line 1 says the same of all features."),
        ("LINGER f1 60\nLINGER f1 90", 1, "warning", "line 2 sets LINGER again, and the last line counts"),
        ("MAX_BORROW_HOURS borrowable 9\nMAX_BORROW_HOURS borrowable 8", 1, "warning", "line 2 sets MAX_BORROW_HOURS again"),
        ("TIMEOUTALL 1000\nTIMEOUTALL 1100", 1, "warning", "line 2 sets TIMEOUTALL again"),
        # What the license or the server overrides.
        ("TIMEOUT f1 60", 1, "warning", "60 seconds are raised to 900, the least."),
        ("TIMEOUTALL 899", 1, "warning", "899 seconds are raised to 900, the least."),
        ("MAX_BORROW_HOURS f1 24", 1, "warning", "The license of f1 has no BORROW"),
        ("MAX_BORROW_HOURS borrowable 24", 1, "warning", "allows 24 hours only"),
        ("BORROW_LOWWATER borrowable 10", 1, "warning", "No seat of borrowable is left to borrow"),
        ("LINGER borrowable 60", 1, "warning", "has LINGER=60, which can be extended only"),
        ("MAX_OVERDRAFT borrowable 2", 1, "warning", "has an OVERDRAFT of 2 only"),
        ("MAX_OVERDRAFT f1 0", 1, "warning", "has no OVERDRAFT"),
        # People.
        ("EXCLUDE f1 USER joe\nEXCLUDE two USER Joe", 2, "warning", "Case counts: this USER is another than joe in line 1."),
        (
            "EXCLUDE f1 GROUP g\nGROUP g Joe\nEXCLUDE two USER joe",
            3,
            "warning",
            "Case counts: this USER is another than Joe, whom a group has.",
        ),
        ("GROUP g joe\nHOST_GROUP h pc1\nEXCLUDE f1 HOST_GROUP h", 0, "warning", "No rule is about this GROUP: g."),
        # Not applicable: the parser's.
        ("ACTIVATION_LOWWATER f1 2", 1, "warning", "has no effect here"),
    ],
)
def test_what_is_wrong_is_found(text: str, at: int, severity: str, message: str) -> None:
    place, found, said = only(text)
    assert message in said
    assert (place, found) == (at, severity)
    assert said.endswith((".", "?"))


def test_an_empty_group_is_told_where_it_is_written_and_where_it_is_used() -> None:
    assert [(one.line, one.severity) for one in lint("GROUP g\nEXCLUDE f1 GROUP g")] == [(1, "warning"), (2, "warning")]


def test_the_hours_of_a_bare_borrow_are_168() -> None:
    assert "168 hours only" in only("MAX_BORROW_HOURS f1 168", line(BORROW=None))[2]


def test_a_reservation_is_held_against_each_pool_by_itself() -> None:
    found = lint("RESERVE 7 two USER joe")
    assert [one.severity for one in found] == ["error", "warning"]
    assert "two (pool 8.5" in found[0].message


@pytest.mark.parametrize(
    ("text", "attributes", "at", "message"),
    [
        ("", {"USER_BASED": None}, 0, "f1 is USER_BASED: nobody may use it until INCLUDE lines name its users."),
        ("", {"HOST_BASED": "3"}, 0, "f1 is HOST_BASED: nobody may use it until INCLUDE lines name its hosts."),
        ("INCLUDE f1 USER a\nINCLUDE f1 USER b", {"USER_BASED": "1"}, 2, "f1 is licensed for 1 named user, and 2 are named"),
        ("INCLUDEALL GROUP g\nGROUP g a b c", {"USER_BASED": "2"}, 1, "from the line's user number 3 on they are denied"),
    ],
)
def test_licenses_for_named_users(text: str, attributes: dict[str, str | None], at: int, message: str) -> None:
    place, severity, said = only(text, line(**attributes))
    assert message in said
    assert (place, severity) == (at, "error")


def test_the_parser_s_problems_are_among_them_in_the_order_of_the_lines() -> None:
    found = lint("EXCLUDE f11 USER joe\nnonsense\nMAX 99 f1 USER joe\nGROUP idle joe")
    assert [one.line for one in found] == [1, 2, 3, 0]


def test_many_problems_are_cut() -> None:
    text = "\n".join(f"EXCLUDE qwertz{number} USER user{number}" for number in range(10_050))
    found = lint(text)
    assert len(found) == 10_001
    assert found[-1].message == "50 more problems are not shown; correct these first."


def test_each_rule_has_its_say() -> None:
    assert len(set(RULES)) == len(RULES) == 15


KEYWORDS = ["INCLUDE", "EXCLUDE", "INCLUDEALL", "EXCLUDEALL", "MAX 3", "RESERVE 2", "INCLUDE_BORROW"]


@given(st.lists(st.tuples(st.sampled_from(KEYWORDS), st.sampled_from(["f1", "two", "two:VERSION=8.5", "bundle"]), named), max_size=8))
def test_a_line_that_is_said_never_to_apply_makes_no_difference(rules: list[tuple[str, str, tuple[str, str]]]) -> None:
    """No seat is limited or reserved by it for whom it names."""
    lines = [" ".join([keyword, *([] if keyword.endswith("ALL") else [feature]), *subject]) for keyword, feature, subject in rules]
    groups = "GROUP g joe Anne\nGROUP h anne\nHOST_GROUP g pc1\nHOST_GROUP h pc2.ex"
    text = "\n".join([*lines, groups])
    site = (line(), line("two"), line("two", "8.5"), line("bundle"), Package("bundle", "d", attributes=(("COMPONENTS", "b1 b2"),)))
    pools = group_lines(site, TODAY)[0]
    found = lint_options(parse_options(text), pools)
    void = {one.line for one in found if one.message.startswith("The line never applies: line") and "excludes" in one.message}
    for number in void:
        keyword, _, (kind, name) = rules[number - 1]
        if not keyword.startswith(("MAX", "RESERVE")) or kind not in ("USER", "DISPLAY", "PROJECT"):
            continue
        who = Who(name if kind == "USER" else "x", "y", name if kind == "DISPLAY" else "", name if kind == "PROJECT" else "")
        access = Access(parse_options(text), pools)
        for pool in [pool for some in pools.values() for pool in some]:
            rights = access.rights(pool, who)
            assert number not in [one.rule.line for one in (*rights.limits, *rights.reservations)]
