"""What somebody would get: the numbers, the line that decides, and the same answer as the server's decision over free pools."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.model import Feature, Package
from seatkeeper.licfile.options import parse_options
from seatkeeper.pools.access import Access, Who
from seatkeeper.pools.counted import Pool
from seatkeeper.pools.decision import Asker, Terms, decide
from seatkeeper.pools.explain import Borrowing, Explanation, Kept, explain
from seatkeeper.pools.grouping import group_lines
from seatkeeper.pools.subjects import Subject
from support.optionsfiles import named, whos

TODAY = date(2026, 11, 24)
JOE = Who("joe", "pc1")


def line(version: str = "8.0", count: str = "10", expiry: str = "permanent", **attributes: str | None) -> Feature:
    return Feature("f1", "d", version, expiry, count, attributes=tuple(attributes.items()), keyword="INCREMENT")


def obeying(text: str, *lines: Feature | Package) -> tuple[Access, dict[str, list[Pool]]]:
    pools = group_lines(lines or [line()], TODAY)[0]
    access = Access(parse_options(text, "d.opt"), pools, "d")
    for pool in [pool for some in pools.values() for pool in some]:
        pool.obey(access)
        pool.set_day(TODAY)
    return access, pools


def told(text: str, *lines: Feature | Package, who: Who = JOE, version: str = "", count: int = 1, feature: str = "f1") -> Explanation:
    access, pools = obeying(text, *lines)
    return explain(pools[feature][0], access, who, TODAY, version=version, count=count)


@pytest.mark.parametrize(
    ("text", "count", "number", "most", "rule"),
    [
        ("", 1, 0, 10, ""),
        ("", 11, -26, 10, ""),
        ("EXCLUDE f1 USER joe", 1, -38, 0, "d.opt:1: EXCLUDE f1 USER joe"),
        ("INCLUDE f1 USER joe", 1, 0, 10, "d.opt:1: INCLUDE f1 USER joe"),
        ("INCLUDE f1 USER joe\nMAX 3 f1 USER joe", 1, 0, 3, "d.opt:2: MAX 3 f1 USER joe"),
        ("MAX 3 f1 USER joe", 4, -87, 3, "d.opt:1: MAX 3 f1 USER joe"),
        ("MAX 3 f1 USER joe\nMAX 2 f1 HOST pc1", 1, 0, 2, "d.opt:2: MAX 2 f1 HOST pc1"),
        ("RESERVE 4 f1 USER anne", 6, 0, 6, "d.opt:1: RESERVE 4 f1 USER anne"),
        ("RESERVE 4 f1 USER anne", 7, -101, 6, "d.opt:1: RESERVE 4 f1 USER anne"),
        ("RESERVE 4 f1 USER joe", 10, 0, 10, ""),
        ("RESERVE 4 f1 USER anne\nMAX 8 f1 USER joe", 1, 0, 6, "d.opt:1: RESERVE 4 f1 USER anne"),
        ("RESERVE 4 f1 USER anne\nMAX 6 f1 USER joe", 1, 0, 6, "d.opt:2: MAX 6 f1 USER joe"),
    ],
)
def test_how_many_seats_and_which_line_decides(text: str, count: int, number: int, most: int, rule: str) -> None:
    found = told(text, count=count)
    assert (found.number, found.seats_max, found.rule) == (number, most, rule)
    assert bool(found.reason) == bool(number)


def test_what_is_kept_and_for_whom() -> None:
    found = told("RESERVE 4 f1 USER anne\nRESERVE 3 f1 USER joe\nMAX 9 f1 USER joe\nRESERVE 5 f1 USER max\nRESERVE 5 f1 USER eva")
    assert found.kept == (Kept(3, "d.opt:2: RESERVE 3 f1 USER joe"),)
    # The pool has 10 seats, so the last two reservations are cut.
    assert found.kept_for_others == (Kept(4, "d.opt:1: RESERVE 4 f1 USER anne"), Kept(3, "d.opt:4: RESERVE 5 f1 USER max"))
    assert found.limits == (Kept(9, "d.opt:3: MAX 9 f1 USER joe"),)
    assert found.seats_max == 3


@pytest.mark.parametrize(
    ("given", "version", "number", "reason"),
    [
        (line(), "8.5", -21, "Version 8.5 of f1 was asked for; this pool is of version 8.0."),
        (line(expiry="1-jan-2020"), "", -10, "f1 expired at the end of 01-jan-2020."),
        (line(START="1-dec-2026"), "", -31, "f1 is licensed from 01-dec-2026 on."),
    ],
)
def test_what_the_license_denies(given: Feature, version: str, number: int, reason: str) -> None:
    found = told("", given, version=version)
    assert (found.number, found.reason, found.rule) == (number, reason, "")


def test_a_suite_is_not_checked_out_by_its_own_name() -> None:
    package = Package("f1", "d", attributes=(("COMPONENTS", "c1"), ("OPTIONS", "SUITE")))
    assert told("", line(), package).number == -125
    assert told("EXCLUDE f1 USER joe", line(), package, feature="c1").number == -38


def test_an_uncounted_license_has_no_end() -> None:
    found = told("MAX 3 f1 USER joe", line(count="uncounted", HOSTID="ANY"), count=1000)
    assert (found.number, found.seats, found.seats_max, found.hostids) == (0, None, None, "ANY")


def test_what_becomes_of_seats() -> None:
    text = "BORROW_LOWWATER f1 3\nMAX_BORROW_HOURS f1 12\nTIMEOUTALL 100\nLINGER f1 60\nMAX_OVERDRAFT f1 1"
    found = told(text, line(BORROW="24", OVERDRAFT="5"))
    assert found.borrowing == Borrowing(hours_max=12, seats_kept=3)
    assert (found.timeout_s, found.linger_s, found.overdraft, found.seats_max) == (900, 60, 1, 11)
    denied = told("EXCLUDE_BORROW f1 USER joe", line(BORROW=None)).borrowing
    assert denied is not None
    assert (denied.number, denied.rule, denied.hours_max) == (-38, "d.opt:1: EXCLUDE_BORROW f1 USER joe", 168)
    assert told("EXCLUDE_BORROW f1 USER joe").borrowing is None


class Asked(msgspec.Struct):
    feature: str
    version: str
    count: int
    up_to: bool
    display: str = ""
    data: str = ""


RULE = st.tuples(
    st.sampled_from(["EXCLUDE", "INCLUDE", "MAX 2", "MAX 7", "RESERVE 3", "RESERVE 9"]), st.sampled_from(["f1", "f1:VERSION=8.5"]), named
)
ATTRIBUTES = st.sampled_from([{}, {"OVERDRAFT": "3"}, {"MINIMUM": "4"}, {"USER_BASED": "1"}, {"DUP_GROUP": "UH"}])


@given(
    st.lists(RULE, max_size=6),
    whos,
    st.integers(1, 14),
    ATTRIBUTES,
    st.sampled_from(["10", "uncounted"]),
    st.sampled_from(["", "8", "8.5", "9"]),
)
def test_it_is_what_the_server_decides_while_all_seats_are_free(
    rules: list[tuple[str, str, Subject]], who: Who, count: int, attributes: dict[str, str | None], seats: str, version: str
) -> None:
    text = "\n".join(f"{keyword} {feature} {kind} {name}" for keyword, feature, (kind, name) in rules)
    groups = "\nGROUP g joe Anne\nGROUP h anne\nHOST_GROUP g pc1\nHOST_GROUP h pc2.ex"
    access, pools = obeying(text + groups, line(count=seats, **attributes), line("8.5"))
    terms = Terms(TODAY, pools=pools, access=access)
    for pool in pools["f1"]:
        found = explain(pool, access, who, TODAY, version=version, count=count)
        decided = decide(Asked("f1", version, count, up_to=False), [pool], 10**9, terms, Asker(who))
        assert found.number == decided.number
        if decided.rule.startswith("d.opt") and decided.number != -101:
            assert found.rule == decided.rule
        most = decide(Asked("f1", version, 10**6, up_to=True), [pool], 10**9, terms, Asker(who))
        if found.seats_max is not None and not found.number:
            assert most.count == found.seats_max
