"""What signed lines license at most: never less than the server counts, and nothing by lines that lack what they build on."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.dates import NEVER
from seatkeeper.client.coverage import Right, explain_lack, rights_of
from seatkeeper.licfile.model import Feature, Package, Signable, Upgrade
from seatkeeper.pools.grouping import group_lines

TODAY = date(2026, 11, 24)


def line(name: str = "f1", count: int | str = 5, version: str = "1.0", key: str = "", **attributes: str) -> Feature:
    return Feature(name, "d", version, "permanent", str(count), key, tuple(attributes.items()), "INCREMENT")


def upgrade(count: int | str = 2, low: str = "1.0", high: str = "2.0", name: str = "f1", **attributes: str) -> Upgrade:
    return Upgrade(name, "d", low, high, "1-jan-2030", str(count), attributes=tuple(attributes.items()))


def package(components: str, name: str = "pack", version: str = "", **attributes: str) -> Package:
    return Package(name, "d", version, attributes=(("COMPONENTS", components), *attributes.items()))


def rights(*lines: Signable) -> list[tuple[str, str, int | None]]:
    return [(right.name, right.version, right.seats) for right in rights_of(lines)]


def test_a_line_gives_its_seats_and_its_overdraft() -> None:
    assert rights(line(), line("f2", 3, OVERDRAFT="2"), line("f3", "uncounted", OVERDRAFT="2")) == [
        ("f1", "1.0", 5),
        ("f2", "1.0", 5),
        ("f3", "1.0", None),
    ]


def test_a_line_counts_once_however_it_is_spelled() -> None:
    """The key is a digest of what was signed, whatever an editor did to the line's case."""
    assert rights(line(key="0123456789AB"), line("F1", key="0123456789ab")) == [("F1", "1.0", 5)]
    assert rights(line(key="0123456789AB"), line(key="0123456789AC")) == [("f1", "1.0", 5)] * 2


def test_an_upgrade_gives_no_more_than_its_base() -> None:
    assert ("f1", "2.0", 2) in rights(line(), upgrade())
    assert ("f1", "2.0", 5) in rights(upgrade(9), line())
    assert ("f1", "3.0", 1) in rights(upgrade(7, "2.0", "3.0"), upgrade(9), line(count=1))
    assert ("f1", "2.0", 4) in rights(line(count=1), upgrade(1, OVERDRAFT="3"))
    for lines in ([upgrade()], [upgrade(), line("f2")], [upgrade(), line(version="2.0")], [upgrade(), line(count="uncounted")]):
        assert not [right for right in rights_of(lines) if right.line in lines[:1]]


def test_a_package_gives_its_components_with_its_enabling_line_and_its_name_alone_is_no_license() -> None:
    assert rights(package("c1 c2:3.0:4"), line("PACK", 2)) == [("c1", "1.0", 2), ("c2", "3.0", 8)]
    assert rights(package("c1"), line("pack", "uncounted")) == [("c1", "1.0", None)]
    assert rights(package("c1", OPTIONS="SUITE"), line("pack", 2)) == [("c1", "1.0", 2)]
    assert rights(package("c1")) == []
    assert rights(package("c1"), line("other")) == [("other", "1.0", 5)]
    assert rights(package("c1", version="2.0"), line("pack")) == [("pack", "1.0", 5)]


def test_a_right_has_the_days_of_the_line_whose_attributes_count() -> None:
    base, more = line("pack", START="1-jan-2026"), upgrade(name="pack", START="1-jan-2027")
    first, last = sorted(rights_of([package("c1"), base, more]), key=lambda right: right.version)
    assert (first.starts, first.expires) == (date(2026, 1, 1), NEVER)
    assert (last.starts, last.expires) == (date(2027, 1, 1), date(2030, 1, 1))
    assert Right("f1", "1.0", 1, line()).starts is None


@pytest.mark.parametrize("bad", [line(version="one"), upgrade(high="two"), package("c1:x"), package("")])
def test_what_no_server_understands_is_refused(bad: Signable) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        rights_of([line("pack", key="1"), bad])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([upgrade()], "without the line that it upgrades"),
        ([package("f1")], "without the line that enables it"),
        ([package("c1", "f1")], "the package's components only"),
        ([package("c1"), line("pack")], "which has no such component"),
        ([line("f2")], "by a line of f2"),
        ([], "without a license line"),
    ],
)
def test_a_lack_is_explained(lines: list[Signable], words: str) -> None:
    assert words in explain_lack(lines, "F1")


_VERSIONS = st.sampled_from(["1.0", "1.5", "2.0", "3.0"])
_NAMES = st.sampled_from(["f1", "pack"])
_LINES = st.lists(
    st.one_of(
        st.builds(line, _NAMES, st.one_of(st.integers(1, 6), st.just("uncounted")), _VERSIONS, OVERDRAFT=st.sampled_from(["0", "3"])),
        st.builds(upgrade, st.integers(1, 6), _VERSIONS, _VERSIONS, _NAMES, OVERDRAFT=st.sampled_from(["0", "3"])),
        st.builds(package, st.sampled_from(["f1", "f1:2.0:3 c2 f1:2.0:2", "pack c2"]), version=st.sampled_from(["", "1.0"])),
        st.builds(package, st.just("f1 c2:9.0"), OPTIONS=st.sampled_from(["SUITE", "SUITE_RESERVED"])),
    ),
    max_size=9,
)


@given(_LINES)
def test_a_client_never_finds_fewer_seats_in_a_pool_s_lines_than_the_server(lines: list[Signable]) -> None:
    """Otherwise it would refuse what it is entitled to."""
    keyed = [msgspec.structs.replace(line, key=f"{place:012d}") for place, line in enumerate(lines)]
    for name, pools in group_lines(keyed, TODAY)[0].items():
        for pool in pools:
            shown = dict.fromkeys(source for line in pool.lines for source in line.sources)
            found = [right for right in rights_of(shown) if right.name.lower() == name and float(right.version) >= float(pool.version)]
            if pool.lines[0].enables and not found:
                continue  # A suite's counter is not granted by itself.
            assert found
            counted = [right.seats for right in found if right.seats is not None]
            overdraft = sum(int(line.attribute("OVERDRAFT") or 0) for line in pool.lines)
            assert len(counted) < len(found) or sum(counted) >= pool.total + overdraft
