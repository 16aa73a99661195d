"""License lines become pools: which are counted together, which are ignored, and in which order they are tried."""

from __future__ import annotations

from datetime import date

import pytest

from seatkeeper.licfile.model import Feature, Package, Upgrade
from seatkeeper.licfile.writer import write_line
from seatkeeper.pools.grouping import POOLING_ATTRIBUTES, PoolOrder, group_lines, pool_key, suite_pool

TODAY = date(2026, 11, 24)


def line(name: str, count: int | str = 1, version: str = "8.0", keyword: str = "INCREMENT", **attributes: str) -> Feature:
    return Feature(name, "d", version, "permanent", str(count), attributes=tuple(attributes.items()), keyword=keyword)


def package(components: str, name: str = "pack", **attributes: str) -> Package:
    return Package(name, "d", attributes=(("COMPONENTS", components), *attributes.items()))


def pools(*lines: Feature) -> list[tuple[str, int]]:
    return [(pool.version, pool.total) for pool in group_lines(lines, TODAY)[0]["f1"]]


def test_increments_that_agree_are_one_pool() -> None:
    assert pools(line("f1", 2), line("F1", 3, ISSUED="1-jan-2026", vendor_info="x")) == [("8.0", 5)]


@pytest.mark.parametrize("attribute", POOLING_ATTRIBUTES)
def test_increments_that_differ_in_a_pooling_attribute_are_two(attribute: str) -> None:
    assert pools(line("f1", 2, **{attribute: "A"}), line("f1", 3)) == [("8.0", 2), ("8.0", 3)]
    assert pools(line("f1", 2, **{attribute: "A"}), line("f1", 3, **{attribute: "B"})) == [("8.0", 2), ("8.0", 3)]
    assert pools(line("f1", 2, **{attribute: "A"}), line("f1", 3, **{attribute: "a"})) == [("8.0", 5)]


def test_of_repeated_feature_lines_the_first_counts_and_the_others_are_named() -> None:
    found, ignored = group_lines([line("f1", 2, keyword="FEATURE"), line("F1", 9, "8.5", keyword="FEATURE")], TODAY)
    assert [(pool.version, pool.total) for pool in found["f1"]] == [("8.0", 2)]
    assert len(ignored) == 1
    assert "8.5" in ignored[0]
    assert "9 seats" in ignored[0]


def test_a_feature_line_and_increments_never_pool() -> None:
    assert pools(line("f1", 2, keyword="FEATURE"), line("f1", 3)) == [("8.0", 2), ("8.0", 3)]


def test_uncounted_pools_are_tried_first_then_the_higher_version() -> None:
    found = group_lines([line("f1", 1, "8.0"), line("f1", 2, "8.10"), line("f1", 3, "8.5"), line("f1", 0, "7.0")], TODAY)[0]["f1"]
    assert [(pool.version, pool.counted) for pool in found] == [("7.0", False), ("8.5", True), ("8.10", True), ("8.0", True)]


def test_the_key_stays_when_only_counts_and_dates_change() -> None:
    assert pool_key(line("f1", 2, ISSUED="1-jan-2026")) == pool_key(line("f1", 9, ISSUED="2-feb-2026"))
    keys = {
        pool_key(line("f1", count, version, keyword))
        for count in (0, 1)
        for version in ("8.0", "8.5")
        for keyword in ("FEATURE", "INCREMENT")
    }
    assert len(keys) == 8


def test_the_lines_are_shown_as_they_are_written() -> None:
    lines = [line("f1", 2), line("f1", 3, NOTICE="Blue Heron")]
    assert group_lines(lines, TODAY)[0]["f1"][0].text == "\n".join(map(write_line, lines))


def test_equal_versions_are_one_pool_however_they_are_spelled() -> None:
    assert pools(line("f1", 2, "8.10"), line("f1", 3, "8.1"), line("f1", 4, "08.100")) == [("8.10", 9)]
    assert pools(line("f1", 2, "8"), line("f1", 3, "8.0"), line("f1", 4, "8.")) == [("8", 9)]
    assert pool_key(line("f1", keyword="FEATURE")) == "8.0"


def test_the_vendor_string_sets_pools_apart_only_where_the_vendor_wants_it() -> None:
    lines = [line("f1", 2, VENDOR_STRING="a"), line("f1", 3, VENDOR_STRING="b")]
    assert [pool.total for pool in group_lines(lines, TODAY)[0]["f1"]] == [5]
    assert [pool.total for pool in group_lines(lines, TODAY, pool_vendor_string=True)[0]["f1"]] == [2, 3]
    assert pool_key(lines[0]) != pool_key(lines[0], pool_vendor_string=True)


def test_best_fit_keeps_the_newest_licenses_for_those_who_need_them() -> None:
    lines = [
        line("f1", 1, "8.5"),
        line("f1", 2, "8.0"),
        line("f1", "uncounted", "9.0"),
        line("f1", 4, "9.0"),
        line("f1", 5, "8.1", sort="3"),
    ]

    def totals(order: PoolOrder) -> list[tuple[str, int]]:
        return [(pool.version, pool.total) for pool in group_lines(lines, TODAY, order=order)[0]["f1"]]

    assert totals("documented") == [("8.1", 5), ("9.0", 0), ("9.0", 4), ("8.5", 1), ("8.0", 2)]
    assert totals("best_fit") == [("8.1", 5), ("9.0", 0), ("8.0", 2), ("8.5", 1), ("9.0", 4)]


def test_features_stand_as_in_the_files() -> None:
    assert list(group_lines([line("z"), package("c1"), line("pack"), line("a")], TODAY)[0]) == ["z", "c1", "a"]


def test_components_never_pool_with_lines_of_the_feature_itself_or_of_other_packages() -> None:
    lines = [
        line("c1", 1),
        package("c1"),
        line("pack", 2),
        package("c1", "other"),
        line("OTHER", 4),
        line("pack", 8, "8.5", ISSUED="1-jan-2026"),
    ]
    found = {pool.lines[0].package + pool.version: pool for pool in group_lines(lines, TODAY)[0]["c1"]}
    assert {name: pool.total for name, pool in found.items()} == {"8.0": 1, "pack8.0": 2, "other8.0": 4, "pack8.5": 8}
    assert found["8.0"].key == pool_key(lines[0])
    assert len({pool.key for pool in found.values()}) == 4


def test_the_key_of_a_component_s_pool_stays_when_its_package_stands_elsewhere_or_gets_more_seats() -> None:
    before = group_lines([package("c1 c2"), line("pack", 2)], TODAY)[0]
    after = group_lines([line("x"), line("pack", 9), line("pack", 1), package("c2 c1", ISSUED="1-jan-2026")], TODAY)[0]
    assert [pool.key for pool in before["c1"]] == [pool.key for pool in after["c1"]]
    assert after["c1"][0].total == 10


def test_a_pool_shows_the_signed_lines_that_prove_it() -> None:
    pack, first, second, more = package("c1"), line("pack", 2), line("pack", 3), Upgrade("pack", "d", "8.0", "9.0", "permanent", "1")
    found = group_lines([first, second, more, pack], TODAY)[0]["c1"]
    assert [(pool.version, pool.total) for pool in found] == [("9.0", 1), ("8.0", 4)]
    assert found[0].text == "\n".join(map(write_line, (pack, second, more)))
    assert found[1].text == "\n".join(map(write_line, (pack, first, pack, second)))


def test_a_suite_s_pool_is_found_from_those_of_its_components() -> None:
    lines = [
        package("c1:1.0 c2", OPTIONS="SUITE"),
        line("pack", 2, "8.0"),
        line("pack", 3, "9.0"),
        line("pack", 4, "9.0", HOSTID="ANY"),
        line("c1", 5, "1.0"),
    ]
    found = group_lines(lines, TODAY)[0]
    assert {pool.key for pool in found["pack"]} == {pool_key(pool.lines[0]) for pool in found["pack"]}
    totals = []
    for name in ("c1", "c2"):
        for pool in found[name]:
            suite = suite_pool(pool, found)
            assert (suite is None) == (pool.lines[0].package == "")
            if suite is not None:
                assert suite in found["pack"]
                totals.append((name, pool.total, suite.total))
    assert sorted(totals) == [("c1", 2, 2), ("c1", 3, 3), ("c1", 4, 4), ("c2", 2, 2), ("c2", 3, 3), ("c2", 4, 4)]
    assert suite_pool(found["pack"][0], found) is None
