"""What PACKAGE and UPGRADE lines say of the lines that they build on."""

from __future__ import annotations

import pytest
from hypothesis import given

from seatkeeper.licfile.bundles import Component, components_of, is_enabled_by, suite_of, upgrades
from seatkeeper.licfile.model import Package, Upgrade
from seatkeeper.licfile.parser import parse
from support.licfiles import packages


def package(components: str = "f1", version: str = "", **attributes: str | None) -> Package:
    return Package("pack", "d", version, attributes=(("COMPONENTS", components), *attributes.items()))


def test_a_component_may_have_a_version_and_a_count() -> None:
    found = components_of(package("f1 f2:8.5\t f3:8.5:3  f4::2"))
    assert found == (Component("f1"), Component("f2", "8.5"), Component("f3", "8.5", 3), Component("f4", "", 2))


@pytest.mark.parametrize("text", ["", " ", "f1:", "f1:x", "f1:1.0:", "f1:1.0:0", "f1:1.0:-2", "f1:1.0:2:3", ":1.0", "f1:1.0:" + "9" * 10])
def test_what_is_no_component_says_what_is_expected(text: str) -> None:
    if text == "f1:":
        assert components_of(package(text)) == (Component("f1"),)
        return
    with pytest.raises(ValueError, match="name"):
        components_of(package(text))


def test_a_package_without_components_says_so() -> None:
    with pytest.raises(ValueError, match="COMPONENTS"):
        components_of(Package("pack", "d"))


def test_components_of_a_suite_have_no_count() -> None:
    assert components_of(package("f1:8.0", OPTIONS="SUITE")) == (Component("f1", "8.0"),)
    with pytest.raises(ValueError, match="suite"):
        components_of(package("f1:8.0:2", OPTIONS="SUITE"))


def test_options_are_known_in_any_case_or_refused() -> None:
    assert [suite_of(package(OPTIONS=text)) for text in ("SUITE", "suite_reserved", "Suite")] == ["SUITE", "SUITE_RESERVED", "SUITE"]
    assert suite_of(package()) == ""
    for text in ("", "SUITES", "ſuite", None):
        with pytest.raises(ValueError, match="SUITE_RESERVED"):
            suite_of(package(OPTIONS=text))


def test_a_package_is_enabled_by_its_name_and_its_version_if_it_has_one() -> None:
    assert is_enabled_by(package(), "PACK", "3.0")
    assert is_enabled_by(package(version="3.0"), "pack", "3")
    assert not is_enabled_by(package(version="3.0"), "pack", "3.1")
    assert not is_enabled_by(package(), "pack2", "3.0")


def test_an_upgrade_takes_its_first_version_and_not_its_last() -> None:
    upgrade = Upgrade("f1", "d", "1.0", "2.0", "permanent", "1")
    assert [upgrades(upgrade, "F1", version) for version in ("0.9", "1.0", "1.99", "2.0", "2.1")] == [False, True, True, False, False]
    assert not upgrades(upgrade, "f2", "1.0")
    assert not upgrades(upgrade, "f1", "one")


@given(packages)
def test_whatever_the_parser_takes_is_understood(line: Package) -> None:
    """So a PACKAGE line of a good file is never ignored for its words."""
    from seatkeeper.licfile.writer import write_line

    (read,) = parse(write_line(line)).file.lines
    if isinstance(read, Package):
        assert components_of(read)
        assert suite_of(read) in ("", "SUITE", "SUITE_RESERVED")
