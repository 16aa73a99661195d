"""Which lines count, as what: no line of the files adds a seat that nobody sold, and none is dropped without a word."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.model import Feature, Package, Upgrade
from seatkeeper.licfile.writer import write_line
from seatkeeper.pools.lines import ServedLine, effective_lines, selection_order, served_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.licfile.model import Signable

TODAY = date(2026, 11, 24)


def increment(name: str = "f1", count: int | str = 5, version: str = "1.0", **attributes: str | None) -> Feature:
    return Feature(name, "d", version, "permanent", str(count), attributes=tuple(attributes.items()), keyword="INCREMENT")


def feature(name: str = "f1", count: int | str = 5, version: str = "1.0", **attributes: str | None) -> Feature:
    return msgspec.structs.replace(increment(name, count, version, **attributes), keyword="FEATURE")


def upgrade(count: int | str = 2, low: str = "1.0", high: str = "2.0", name: str = "f1", **attributes: str | None) -> Upgrade:
    return Upgrade(name, "d", low, high, "1-jan-2030", str(count), attributes=tuple(attributes.items()))


def package(components: str, name: str = "pack", version: str = "", **attributes: str | None) -> Package:
    return Package(name, "d", version, attributes=(("COMPONENTS", components), *attributes.items()))


def seats(*lines: Signable) -> list[tuple[str, str, str]]:
    return [(line.name, line.version, line.count) for line in served_lines(lines, TODAY)[0]]


def ignored(*lines: Signable) -> list[str]:
    return served_lines(lines, TODAY)[1]


def test_plain_lines_count_as_they_are() -> None:
    line = increment(BORROW=None, sort="7")
    (served,) = served_lines([line], TODAY)[0]
    assert isinstance(served, Feature)
    assert all(getattr(served, name) == getattr(line, name) for name in Feature.__struct_fields__)
    assert (served.package, served.suite, served.enables, served.enabling) == ("", "", "", None)
    assert served.texts == (write_line(line),)
    assert ignored(line) == []


# FEATURE


def test_only_the_first_counted_feature_line_of_a_name_counts() -> None:
    lines = (feature(count=5), increment(count=2), feature("F1", 9, "8.5"), feature("f2", 1))
    assert seats(*lines) == [("f1", "1.0", "5"), ("f1", "1.0", "2"), ("f2", "1.0", "1")]
    (sentence,) = ignored(*lines)
    assert "F1" in sentence
    assert "9 seats" in sentence


def test_uncounted_feature_lines_all_count() -> None:
    """Each is for other hosts, and none of them is in a counted one's way."""
    lines = (feature(count="uncounted", HOSTID="a"), feature(count=0, HOSTID="b"), feature(count=3))
    assert len(seats(*lines)) == 3
    assert ignored(*lines) == []


# Order


def test_the_documented_order() -> None:
    """Name, FEATURE, uncounted, version, date, place: each decides only where those before it are equal."""
    ordered = [
        feature("a", "uncounted"),
        feature("a", 1, "1.0"),
        increment("A", 0, "1.0"),
        increment("a", 1, "10.0"),
        increment("a", 2, "9.5"),
        increment("a", 3, "9.0", ISSUED="2-jan-2026"),
        increment("a", 4, "9.0", START="1-jan-2026"),
        increment("a", 5, "9.00", ISSUED="1-dec-2025", START="1-jan-2026"),
        increment("a", 6, "9.0"),
        feature("b", 1, "99.0"),
    ]
    for lines in (ordered, ordered[::-1], ordered[5:] + ordered[:5]):
        assert [line.count for line in served_lines(lines, TODAY)[0]] == [line.count for line in ordered]
    assert [count for *_, count in seats(increment(count=7), increment(count=6))] == ["7", "6"]


def test_sort_overrides_the_order_and_equal_numbers_keep_the_file_s() -> None:
    lines = (increment(count=1, sort="101"), increment(count=2), increment(count=3, sort="7"), increment(count=4, version="9.0", sort="7"))
    assert [count for *_, count in seats(*lines)] == ["3", "4", "2", "1"]
    assert [count for *_, count in seats(increment(count=1), increment(count=2, version="9.0", sort="100"))] == ["1", "2"]


def test_effective_lines_stand_as_in_the_files() -> None:
    lines = [increment("z"), increment("pack", 2), increment("a")]
    assert [line.name for line in effective_lines([package("c1 c2"), *lines], TODAY)[0]] == ["z", "c1", "c2", "a"]


def test_the_order_is_total() -> None:
    assert selection_order(increment(), 1) < selection_order(increment(), 2)


# SUPERSEDE


def test_superseded_lines_are_ineffective_and_named() -> None:
    old, older = increment(count=1, ISSUED="1-jan-2025"), feature(count=2, ISSUED="31-dec-2024")
    new, same_day = increment(count=3, ISSUED="1-jan-2026", SUPERSEDE=None), increment(count=4, ISSUED="1-jan-2026")
    other = increment("f2", 5, ISSUED="1-jan-2020")
    assert sorted(seats(old, older, new, same_day, other)) == [("f1", "1.0", "3"), ("f1", "1.0", "4"), ("f2", "1.0", "5")]
    sentences = ignored(old, older, new, same_day, other)
    assert len(sentences) == 2
    assert "INCREMENT f1 1.0 (issued 1-jan-2025) is superseded by INCREMENT f1 1.0 (issued 1-jan-2026)." in sentences


def test_a_list_supersedes_those_features_only() -> None:
    old = [increment(name, ISSUED="1-jan-2025") for name in ("f1", "F2", "f3", "new")]
    new = increment("new", 9, ISSUED="1-jan-2026", SUPERSEDE="f1 f2")
    assert sorted(name for name, *_ in seats(*old, new)) == ["f3", "new", "new"]


def test_a_line_that_does_not_say_when_it_was_issued_neither_supersedes_nor_is_superseded() -> None:
    assert len(seats(increment(ISSUED="1-jan-2025"), increment(SUPERSEDE=None))) == 2
    assert len(seats(increment(), increment(ISSUED="1-jan-2025", SUPERSEDE=None))) == 2


def test_a_renewal_that_starts_later_ends_the_old_line_the_day_before() -> None:
    old = feature(count=5, ISSUED="1-jan-2025")
    new = feature(count=8, ISSUED="1-nov-2026", START="1-dec-2026", SUPERSEDE=None)
    found, sentences = served_lines([old, new], TODAY)
    assert {(line.count, line.expiry) for line in found} == {("5", "30-nov-2026"), ("8", "permanent")}
    assert sentences == []
    assert [line.count for line in served_lines([old, new], date(2026, 12, 1))[0]] == ["8"]
    # An earlier end stays.
    ended = msgspec.structs.replace(old, expiry="2-nov-2026")
    assert served_lines([ended, new], TODAY)[0][1].expiry == "2-nov-2026"
    # Of two old lines still only the first counts.
    assert len(served_lines([old, feature(count=6, ISSUED="2-jan-2025"), new], TODAY)[0]) == 2


def test_upgrades_are_superseded_as_well() -> None:
    lines = (increment(count=5, ISSUED="1-jan-2026"), upgrade(2, ISSUED="1-jan-2024"))
    assert ("f1", "2.0", "2") in seats(*lines)
    assert seats(*lines, increment(count=1, version="3.0", ISSUED="1-jan-2025", SUPERSEDE=None)) == [
        ("f1", "3.0", "1"),
        ("f1", "1.0", "5"),
    ]


def test_packages_supersede_packages_and_enabling_lines_enabling_lines() -> None:
    old, new = package("c1", ISSUED="1-jan-2024"), package("c2", ISSUED="1-jan-2025", SUPERSEDE=None)
    enabling = increment("pack", 3, ISSUED="1-jan-2023")
    assert seats(old, new, enabling) == [("c2", "1.0", "3")]
    renewed = increment("pack", 4, ISSUED="1-jan-2026", SUPERSEDE=None)
    assert seats(old, enabling, renewed) == [("c1", "1.0", "4")]


def test_supersede_sign_means_one_exact_line() -> None:
    def signed(count: int, sign: str, **attributes: str) -> Feature:
        return msgspec.structs.replace(increment(count=count, SIGN=sign, **attributes), key=f"{count:012d}")

    first, second = signed(1, "AAAA " * 5 + "BBBB"), signed(2, "AAAA " * 5 + "CCCC")
    assert [count for *_, count in seats(first, second, signed(3, "DD", SUPERSEDE_SIGN="f1:" + "aaaa" * 5 + "b"))] == ["2", "3"]
    assert [count for *_, count in seats(first, second, signed(3, "DD", SUPERSEDE_SIGN="f1:000000000002"))] == ["1", "3"]
    # The key id with which all signatures of one issuer begin means no line.
    assert len(seats(first, second, signed(3, "DD", SUPERSEDE_SIGN="f1:" + "aaaa" * 4))) == 3
    assert len(seats(first, second, signed(3, "DD", SUPERSEDE_SIGN="f1 f2:000000000002"))) == 3


# UPGRADE


def test_an_upgrade_moves_seats() -> None:
    """The guide's example: five of 1.0 and an upgrade of two are three of 1.0 and two of 2.0."""
    base, line = feature(count=5, HOSTID="ANY"), upgrade(2, NOTICE="new")
    found, sentences = served_lines([base, line], TODAY)
    assert [(one.version, one.count, one.expiry, one.keyword) for one in found] == [
        ("1.0", "3", "permanent", "FEATURE"),
        ("2.0", "2", "1-jan-2030", "INCREMENT"),
    ]
    assert [one.attributes for one in found] == [base.attributes, line.attributes]
    assert [one.texts for one in found] == [(write_line(base),), (write_line(base), write_line(line))]
    assert sentences == []


def test_the_closest_preceding_line_in_the_range_is_upgraded() -> None:
    lines = [increment(count=1, version="1.0"), increment(count=2, version="1.5"), increment(count=4, version="2.0"), increment("f2", 8)]
    assert seats(*lines, upgrade(1), increment(count=16, version="1.5")) == [
        ("f1", "2.0", "4"),
        ("f1", "2.0", "1"),
        ("f1", "1.5", "1"),
        ("f1", "1.5", "16"),
        ("f1", "1.0", "1"),
        ("f2", "1.0", "8"),
    ]


def test_a_base_of_which_nothing_is_left_is_gone_and_the_next_is_taken() -> None:
    lines = (increment(count=2), increment(count=3, NOTICE="b"), upgrade(3), upgrade(1))
    assert sorted(seats(*lines)) == [("f1", "1.0", "1"), ("f1", "2.0", "1"), ("f1", "2.0", "3")]


def test_upgrades_may_follow_each_other() -> None:
    lines = (increment(count=5), upgrade(3), upgrade(2, "2.0", "3.0"))
    found = served_lines(lines, TODAY)[0]
    assert [(line.version, line.count) for line in found] == [("3.0", "2"), ("2.0", "1"), ("1.0", "2")]
    assert found[0].texts == tuple(map(write_line, lines))


def test_more_is_upgraded_than_there_is() -> None:
    lines = (increment(count=2), upgrade(9))
    assert seats(*lines) == [("f1", "2.0", "2")]
    assert "2 of its seats" in ignored(*lines)[0]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((upgrade(),), "no line before it"),
        ((upgrade(), increment()), "no line before it"),
        ((increment("f2"), upgrade()), "no line before it"),
        ((increment(version="2.0"), upgrade()), "no line before it"),
        ((increment(version="0.9"), upgrade()), "no line before it"),
        ((increment(), upgrade(low="2.0", high="1.0")), "no line before it"),
        ((feature(), feature(version="1.5"), upgrade(low="1.5")), "no line before it"),
        ((increment(count="uncounted"), upgrade()), "uncounted license is not upgraded"),
        ((increment(count=5), upgrade("uncounted")), "needs a number"),
        ((increment(count=1), upgrade(1), upgrade(1)), "upgraded already"),
    ],
)
def test_an_upgrade_without_a_base_gives_nothing(lines: Sequence[Signable], words: str) -> None:
    found, sentences = served_lines(lines, TODAY)
    assert any(words in sentence for sentence in sentences)
    assert sum(len(line.sources) > 1 for line in found) == (1 if "already" in words else 0)


@st.composite
def histories(draw: st.DrawFn) -> list[Signable]:
    """Features, increments and upgrades of two names, in any order."""
    version = st.sampled_from(["1.0", "1.5", "2.0", "3.0"])
    name = st.sampled_from(["f1", "F1", "f2", "pack"])
    count = st.one_of(st.integers(1, 6).map(str), st.just("uncounted"))
    base = st.builds(lambda n, c, v, k: msgspec.structs.replace(increment(n, c, v), keyword=k), name, count, version, _KEYWORDS)
    lines = draw(st.lists(st.one_of(base, st.builds(upgrade, count, version, version, name)), max_size=8))
    return [msgspec.structs.replace(line, key=f"{place:012d}") for place, line in enumerate(lines)]


_KEYWORDS = st.sampled_from(["FEATURE", "INCREMENT"])
some_packages = st.lists(
    st.one_of(
        st.builds(package, st.sampled_from(["f1", "c1:2.0:3 c2", "c1::2 pack"]), version=st.sampled_from(["", "1.0", "2"])),
        st.builds(package, st.sampled_from(["f1", "c1 c2:9.0"]), OPTIONS=st.sampled_from(["SUITE", "SUITE_RESERVED", "NONE"])),
        st.just(package("c9", "nothing")),
    ),
    max_size=3,
    unique_by=lambda line: line.version,
)


@given(histories())
def test_no_upgrade_adds_or_takes_a_seat(lines: list[Signable]) -> None:
    """Per feature the sum is that without upgrades, and of no version and those above it there are fewer."""
    bases = [line for line in lines if isinstance(line, Feature)]
    before, after = effective_lines(bases, TODAY)[0], effective_lines(lines, TODAY)[0]
    for version in (0.0, 1.0, 1.5, 2.0, 3.0):
        old, new = _totals(before, version), _totals(after, version)
        assert new == old if not version else all(new[name] >= old[name] for name in old)


def _totals(lines: Sequence[ServedLine], version: float) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in lines:
        if float(line.version) >= version:
            found[line.name.lower()] += line.seats or 0
    return found


@given(histories(), some_packages, st.randoms(use_true_random=False))
def test_it_does_not_matter_where_package_lines_stand(lines: list[Signable], packs: list[Package], chance: object) -> None:
    mixed = list(lines)
    for pack in packs:
        mixed.insert(chance.randint(0, len(mixed)), pack)  # type: ignore[attr-defined]
    first, last = served_lines([*packs, *lines], TODAY), served_lines(mixed, TODAY)
    assert first[0] == last[0]
    assert sorted(first[1]) == sorted(last[1])


@given(histories(), some_packages)
def test_every_line_that_gives_nothing_is_named(lines: list[Signable], packs: list[Package]) -> None:
    found, sentences = served_lines([*packs, *lines], TODAY)
    used = {id(source) for line in found for source in line.sources}
    # A base that is wholly upgraded stands among the sources of its upgrade.
    assert len([line for line in (*packs, *lines) if id(line) not in used]) <= len(sentences)


# PACKAGE


def test_the_components_take_the_place_of_the_enabling_line() -> None:
    pack, enabling = package("c1 c2:7.5 c3:7.6:3", PLATFORMS="i86_n"), increment("pack", 4, "2.0", START="1-jan-2026", OVERDRAFT="2")
    found, sentences = served_lines([enabling, pack], TODAY)
    assert [(line.name, line.version, line.count) for line in found] == [("c1", "2.0", "4"), ("c2", "7.5", "4"), ("c3", "7.6", "12")]
    assert sentences == []
    for line in found:
        assert (line.package, line.suite, line.enables, line.keyword) == ("pack", "", "", "INCREMENT")
        assert (line.attribute("START"), line.attribute("PLATFORMS"), line.expires) == ("1-jan-2026", "i86_n", enabling.expires)
        assert line.texts == (write_line(pack), write_line(enabling))
    assert [line.attribute("OVERDRAFT") for line in found] == ["2", "2", "6"]


def test_the_enabling_line_s_own_attributes_go_first() -> None:
    pack, enabling = package("c1", PLATFORMS="i86_n", VENDOR_STRING="p", ISSUED="1-jan-2026"), increment("pack", PLATFORMS="x64_n")
    (line,) = served_lines([enabling, pack], TODAY)[0]
    assert (line.attribute("PLATFORMS"), line.attribute("VENDOR_STRING"), line.attribute("ISSUED")) == ("x64_n", "p", None)


def test_several_enabling_lines_add_up() -> None:
    assert seats(package("c1:1.0:2"), increment("pack", 4), feature("PACK", 1)) == [("c1", "1.0", "2"), ("c1", "1.0", "8")]


def test_an_uncounted_enabling_line_makes_uncounted_components() -> None:
    assert seats(package("c1:1.0:2"), increment("pack", "uncounted")) == [("c1", "1.0", "uncounted")]


def test_upgraded_seats_enable_too() -> None:
    lines = (package("c1"), increment("pack", 5), upgrade(2, name="pack"))
    found = served_lines(lines, TODAY)[0]
    assert [(line.version, line.count) for line in found] == [("2.0", "2"), ("1.0", "3")]
    assert found[0].texts == tuple(map(write_line, lines))


def test_a_package_of_one_version_is_enabled_by_that_version() -> None:
    lines = (package("c1", version="1.0"), package("c2", version="2.0"), increment("pack", 1, "1"), increment("pack", 2, "2.0"))
    assert sorted(seats(*lines, increment("pack", 4, "3.0"))) == [("c1", "1", "1"), ("c2", "2.0", "2"), ("pack", "3.0", "4")]


@pytest.mark.parametrize("suite", ["SUITE", "SUITE_RESERVED"])
def test_a_suite_is_counted_beside_its_components(suite: str) -> None:
    pack = package("c1 c2:7.0", OPTIONS=suite.lower(), VENDOR_STRING="p")
    enabling = feature("pack", 4, "2.0", SUITE_DUP_GROUP="UH", DUP_GROUP="U")
    found = {line.name: line for line in served_lines([pack, enabling], TODAY)[0]}
    assert [(line.version, line.count) for line in found.values()] == [("2.0", "4"), ("7.0", "4"), ("2.0", "4")]
    counter = found["pack"]
    assert (counter.enables, counter.suite, counter.package, counter.enabling) == ("pack", suite, "", None)
    assert counter.attributes == enabling.attributes
    for name in ("c1", "c2"):
        assert (found[name].package, found[name].suite, found[name].enables) == ("pack", suite, "")
        assert found[name].enabling == counter
        assert found[name].texts == (write_line(pack), write_line(enabling))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((package("c1"),), "no FEATURE or INCREMENT line pack enables it"),
        ((package("c1"), increment("other")), "no FEATURE or INCREMENT line pack enables it"),
        ((package("c1", version="2.0"), increment("pack", version="1.0")), "pack of version 2.0 enables it"),
        ((package("c1", OPTIONS="SUITES"), increment("pack")), "expected SUITE or SUITE_RESERVED"),
        ((package("c1:1.0:2", OPTIONS="SUITE"), increment("pack")), "expected components of a suite"),
        ((package("c1:x"), increment("pack")), "expected components"),
        ((package("c1"), package("c2"), increment("pack")), "another PACKAGE line"),
    ],
)
def test_a_package_that_gives_nothing_is_named(lines: Sequence[Signable], words: str) -> None:
    (sentence,) = ignored(*lines)
    assert words in sentence
    assert sentence.startswith("PACKAGE pack")


def test_of_several_packages_of_a_name_the_one_for_the_version_then_the_newest_is_used() -> None:
    old, new = package("c1", ISSUED="1-jan-2024"), package("c2", ISSUED="1-jan-2025")
    exact = package("c3", version="1.0", ISSUED="1-jan-2020")
    for lines in ((old, new), (new, old)):
        assert seats(*lines, increment("pack")) == [("c2", "1.0", "5")]
        assert seats(*lines, exact, increment("pack")) == [("c3", "1.0", "5")]


def test_a_component_may_bear_the_package_s_name() -> None:
    assert seats(package("pack:2.0"), increment("pack", 4)) == [("pack", "2.0", "4")]
