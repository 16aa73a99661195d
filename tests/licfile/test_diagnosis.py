from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.licfile.canonical import canonical_line, line_digest
from seatkeeper.licfile.diagnosis import CONTENT_BYTES_MAX, COUNT_MAX, HOSTID_FIELD, ORDER_FIELD, Damage, find_damage
from seatkeeper.licfile.model import Attributes, Feature, Package, Signable, Upgrade

HOSTIDS = ("0800200005ac",)
ATTRIBUTES: Attributes = (("NOTICE", "Blue Harbor"), ("BORROW", None), ("ISSUED", "03-mar-2026"))


def with_digest(line: Signable, hostids: tuple[str, ...] = HOSTIDS) -> Signable:
    return msgspec.structs.replace(line, key=line_digest(line, hostids))


LINE = with_digest(Feature("tserver_sdn", "genesys.d", "8.5", "permanent", "50", "", ATTRIBUTES))
UPGRADE = with_digest(Upgrade("tserver_sdn", "genesys.d", "8.0", "8.5", "31-dec-2027", "50", "", ATTRIBUTES))
PACKAGE = with_digest(Package("suite", "genesys.d", "8.5", "", (("COMPONENTS", "a b"), ("OPTIONS", "SUITE"))))


def damage(line: Signable, **changes: object) -> Damage | None:
    return find_damage(msgspec.structs.replace(line, **changes), HOSTIDS)


@pytest.mark.parametrize("count", ["1", "5000", str(COUNT_MAX - 1), "uncounted"])
def test_any_other_count(count: str) -> None:
    line = with_digest(msgspec.structs.replace(LINE, count=count))
    assert damage(line, count="77777") == Damage("count", count, "77777")


@pytest.mark.parametrize("expiry", ["permanent", "1-jan-0", "31-dec-2027", "3-mar-2026", "07-feb-2036"])
def test_any_likely_date(expiry: str) -> None:
    line = with_digest(msgspec.structs.replace(LINE, expiry=expiry))
    assert damage(line, expiry="31-dec-2099") == Damage("expiry date", expiry, "31-dec-2099")


def test_other_versions() -> None:
    assert damage(UPGRADE, to_version="17.20") == Damage("new version", "8.5", "17.20")
    assert damage(UPGRADE, from_version="0") == Damage("old version", "8.0", "0")
    assert damage(LINE, version="17") == Damage("version", "8.5", "17")


def test_the_keyword() -> None:
    assert damage(LINE, keyword="INCREMENT") == Damage("keyword", "feature", "increment")


def test_a_package() -> None:
    attributes = (("COMPONENTS", "a b c"), ("OPTIONS", "SUITE"))
    assert damage(PACKAGE, attributes=attributes) is None
    assert damage(PACKAGE, attributes=(("COMPONENTS", "a bc"), ("OPTIONS", "SUITE"))) == Damage("COMPONENTS", "a b", "a bc")
    assert damage(PACKAGE, attributes=(("COMPONENT", "a b"), ("OPTIONS", "SUITE"))) == Damage(
        "COMPONENT", "components=a b", "component=a b"
    )


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([LINE, UPGRADE, PACKAGE]), st.data())
def test_any_single_character_of_a_name(line: Signable, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(line.name)))
    char = data.draw(st.sampled_from("abc019_-.~é"))
    how = data.draw(st.sampled_from(["insert", "change", "delete"]))
    name = line.name[:at] + ("" if how == "delete" else char) + line.name[at + (how != "insert") :]
    if name.lower() != line.name:
        found = damage(line, name=name)
        assert found is not None
        assert (found.field, found.signed, found.found) == ("package name" if line is PACKAGE else "feature name", line.name, name.lower())


def test_attributes_added_or_exchanged() -> None:
    assert damage(LINE, attributes=(*ATTRIBUTES, ("OVERDRAFT", "5"))) == Damage("OVERDRAFT", found="overdraft=5")
    assert damage(LINE, attributes=(ATTRIBUTES[1], ATTRIBUTES[0], ATTRIBUTES[2])) == Damage(ORDER_FIELD)
    assert damage(LINE, attributes=(ATTRIBUTES[1], ATTRIBUTES[2], ATTRIBUTES[0])) == Damage(ORDER_FIELD)
    assert damage(LINE, attributes=(ATTRIBUTES[2], ATTRIBUTES[0], ATTRIBUTES[1])) == Damage(ORDER_FIELD)
    assert damage(LINE, attributes=(ATTRIBUTES[2], ATTRIBUTES[1], ATTRIBUTES[0])) == Damage(ORDER_FIELD)


def test_host_ids() -> None:
    assert find_damage(LINE, ("0800200005ad",)) == Damage(HOSTID_FIELD, "0800200005ac", "0800200005ad", HOSTIDS)
    assert find_damage(LINE, ("00b0d0abb1b2",)) is None
    known = find_damage(LINE, ("00b0d0abb1b2",), hostids_known=[("x",), HOSTIDS], thorough=False)
    assert known == Damage(HOSTID_FIELD, "0800200005ac", "00b0d0abb1b2", HOSTIDS)
    three = ("aa", "bb cc", "dd")
    line = with_digest(LINE, three)
    turned = find_damage(line, ("dd", "aa", "bb cc"))
    assert turned is not None
    assert turned.hostids == three
    slip = find_damage(line, ("aa", "bb ccc", "dd"))
    assert slip is not None
    assert slip.hostids == three


def test_two_changes_are_not_guessed_at() -> None:
    assert damage(LINE, count="77777", version="9.99") is None
    assert damage(LINE, attributes=ATTRIBUTES[1:]) is None


@pytest.mark.parametrize("key", ["", "0123", "zzzzzzzzzzzz", "٠١٢٣٤٥٦٧٨٩٠١", LINE.key + "0"])
def test_nothing_can_be_told_without_the_digest(key: str) -> None:
    assert damage(LINE, key=key, count="51") is None


def test_values_of_other_lines() -> None:
    changed = msgspec.structs.replace(UPGRADE, name="router_seats")
    assert find_damage(changed, HOSTIDS) is None
    assert find_damage(changed, HOSTIDS, others=[PACKAGE, LINE]) == Damage("feature name", "tserver_sdn", "router_seats")


def test_the_search_is_bounded() -> None:
    long = with_digest(msgspec.structs.replace(LINE, attributes=(("NOTICE", "x" * CONTENT_BYTES_MAX),)))
    assert damage(long, count="51") is None
    nearly = msgspec.structs.replace(LINE, attributes=(("NOTICE", "x" * 800), ("ISSUED", "03-mar-2026")), key="0" * 12)
    assert len(canonical_line(nearly, HOSTIDS)) < CONTENT_BYTES_MAX
    started = time.process_time()
    assert find_damage(nearly, HOSTIDS) is None
    assert time.process_time() - started < 5
