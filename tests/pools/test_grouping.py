"""License lines become pools: which are counted together, which are ignored, and in which order they are tried."""

from __future__ import annotations

from datetime import date

import pytest

from seatkeeper.licfile.model import Feature
from seatkeeper.licfile.writer import write_line
from seatkeeper.pools.grouping import POOLING_ATTRIBUTES, group_lines, pool_key

TODAY = date(2026, 11, 24)


def line(name: str, count: int | str = 1, version: str = "8.0", keyword: str = "INCREMENT", **attributes: str) -> Feature:
    return Feature(name, "d", version, "permanent", str(count), attributes=tuple(attributes.items()), keyword=keyword)


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
