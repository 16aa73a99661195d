from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.canonical import (
    DIGEST_CHARS,
    FIELD,
    LINE_TAG,
    canonical_line,
    digest_of,
    fold,
    fold_name,
    is_signed,
    keyword_of,
    line_digest,
)
from seatkeeper.licfile.model import Attributes, Feature, Package, Signable, Upgrade

HOSTIDS = ("0800200005ac",)
LINE = Feature(
    "tserver_sdn", "genesys.d", "8.5", "31-dec-2027", "100", "0123456789AB", (("NOTICE", "Blue Harbor"), ("ISSUED", "03-mar-2026"))
)

# Few letters, so that lines that are equal up to case and blanks do come up.
_text = st.text(st.sampled_from("aA kK\u212a\t"), max_size=2)
_attributes = st.lists(st.tuples(_text, st.none() | _text), max_size=4).map(tuple)
_features = st.builds(Feature, _text, _text, _text, _text, _text, _text, _attributes, st.sampled_from(["FEATURE", "INCREMENT"]))
_upgrades = st.builds(Upgrade, _text, _text, _text, _text, _text, _text, _text, _attributes)
_packages = st.builds(Package, _text, _text, _text, _text, _attributes)
_lines: st.SearchStrategy[Signable] = st.one_of(_features, _upgrades, _packages)
_hostids = st.lists(_text, max_size=3).map(tuple)


def plain(text: str | None) -> str | None:
    return None if text is None else fold_name(text)


def meaning(line: Signable, hostids: tuple[str, ...]) -> object:
    """What a signature must pin down, computed in another way than canonical_line does."""
    attributes: Attributes = tuple((str(plain(name)), plain(value)) for name, value in line.attributes if is_signed(name))
    fields = [plain(value) for value in msgspec.structs.asdict(line).values() if isinstance(value, str)]
    return (type(line), fields, attributes, [plain(hostid) for hostid in hostids])


def test_holds_every_field_in_order() -> None:
    fields = canonical_line(LINE, HOSTIDS).split(FIELD)
    assert fields == [
        LINE_TAG,
        b"1",
        b"0800200005ac",
        b"feature",
        b"tserver_sdn",
        b"genesys.d",
        b"8.5",
        b"31-dec-2027",
        b"100",
        b"0123456789ab",
        b"notice\x1eblue harbor",
        b"issued\x1e03-mar-2026",
    ]


def test_other_kinds_of_lines_begin_with_their_keyword() -> None:
    assert keyword_of(Upgrade("a", "v", "7", "8", "permanent", "1")) == "UPGRADE"
    assert canonical_line(Upgrade("a", "v", "7", "8", "permanent", "1"), ()).split(FIELD)[2:5] == [b"upgrade", b"a", b"v"]
    assert canonical_line(Package("a", "v", "8"), ()).split(FIELD)[2:] == [b"package", b"a", b"v", b"8", b""]


@pytest.mark.parametrize("name", ["vendor_info", "dist_info", "user_info", "asset_info", "sort", "ck", "SIGN", "sign", "Vendor_Info"])
def test_leaves_out_what_the_administrator_may_change(name: str) -> None:
    changed = msgspec.structs.replace(LINE, attributes=((name, "1"), *LINE.attributes))
    assert canonical_line(changed, HOSTIDS) == canonical_line(LINE, HOSTIDS)


@pytest.mark.parametrize("name", ["NOTICE", "hostid", "UNKNOWN", "SIGN2", "c\u212a", "\u017fort", "\u017fIGN", "vendor_\u0131nfo"])
def test_covers_every_other_attribute(name: str) -> None:
    assert is_signed(name)
    changed = msgspec.structs.replace(LINE, attributes=(*LINE.attributes, (name, "1")))
    assert canonical_line(changed, HOSTIDS) != canonical_line(LINE, HOSTIDS)


def test_folds_case_and_white_space_only() -> None:
    changed = Feature(
        "TServer_SDN",
        "GENESYS.D",
        "8.5",
        "31-DEC-2027",
        "100",
        "0123456789ab",
        (("notice", " blue\t \n HARBOR "), ("Issued", "03-Mar-2026")),
    )
    assert canonical_line(changed, ("0800200005AC",)) == canonical_line(LINE, HOSTIDS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("k", "\u212a"),  # Kelvin sign
        ("s", "\u017f"),  # long s
        ("i", "\u0131"),  # dotless i
        ("a", "\u0430"),  # Cyrillic a
        ("é", "É"),
        ("é", "e\u0301"),
        (" ", "\u00a0"),
        (" ", "\u3000"),
        ("ss", "ß"),
        ("", "\u200b"),
        ("fi", "\ufb01"),
    ],
)
def test_keeps_letters_apart_that_only_look_alike(one: str, other: str) -> None:
    lines = [msgspec.structs.replace(LINE, attributes=(("NOTICE", f"x{text}x"),)) for text in (one, other)]
    assert canonical_line(lines[0], HOSTIDS) != canonical_line(lines[1], HOSTIDS)


def test_a_flag_is_not_an_empty_value() -> None:
    flag, empty = (msgspec.structs.replace(LINE, attributes=(("BORROW", value),)) for value in (None, ""))
    assert canonical_line(flag, HOSTIDS) != canonical_line(empty, HOSTIDS)


def test_increment_is_not_feature() -> None:
    assert canonical_line(msgspec.structs.replace(LINE, keyword="INCREMENT"), HOSTIDS) != canonical_line(LINE, HOSTIDS)


@pytest.mark.parametrize("control", ["\x00", "\x0b", "\x0c", "\x1c", "\x1e", "\x1f", "\x7f"])
def test_refuses_control_characters(control: str) -> None:
    for line in (
        msgspec.structs.replace(LINE, name=f"a{control}b"),
        msgspec.structs.replace(LINE, attributes=((f"NO{control}TICE", "x"),)),
        msgspec.structs.replace(LINE, attributes=(("NOTICE", control),)),
    ):
        with pytest.raises(ValueError, match="control character"):
            canonical_line(line, HOSTIDS)
    with pytest.raises(ValueError, match="control character"):
        canonical_line(LINE, (control,))


def test_refuses_what_is_not_text() -> None:
    with pytest.raises(ValueError, match="not text"):
        canonical_line(msgspec.structs.replace(LINE, name="\udcff"), HOSTIDS)


@given(_lines, _hostids, _lines, _hostids)
def test_equal_bytes_mean_equal_lines(one: Signable, one_hostids: tuple[str, ...], other: Signable, other_hostids: tuple[str, ...]) -> None:
    same = canonical_line(one, one_hostids) == canonical_line(other, other_hostids)
    assert same == (meaning(one, one_hostids) == meaning(other, other_hostids))


@given(_lines, _hostids, st.data())
def test_moving_text_across_a_border_changes_the_bytes(line: Signable, hostids: tuple[str, ...], data: st.DataObject) -> None:
    """A field that ends where the next begins must not be the same as one cut elsewhere."""
    joined = "".join(value for value in msgspec.structs.astuple(line) if isinstance(value, str))
    at = data.draw(st.integers(0, len(joined)))
    moved = msgspec.structs.replace(line, name=joined[:at], vendor=joined[at:])
    if meaning(moved, hostids) != meaning(line, hostids):
        assert canonical_line(moved, hostids) != canonical_line(line, hostids)


@given(st.binary())
def test_folding_twice_changes_nothing(data: bytes) -> None:
    assert fold(fold(data)) == fold(data)


@given(st.text())
def test_folding_a_name_touches_ascii_only(text: str) -> None:
    kept = [char for char in text if not char.isascii()]
    assert [char for char in fold_name(text) if not char.isascii()] == kept


def test_the_digest_leaves_the_key_out_and_covers_the_rest() -> None:
    digest = line_digest(LINE, HOSTIDS)
    assert digest == digest.upper()
    assert len(digest) == DIGEST_CHARS
    assert line_digest(msgspec.structs.replace(LINE, key=digest), HOSTIDS) == digest == digest_of(canonical_line(LINE, HOSTIDS, key=""))
    assert line_digest(msgspec.structs.replace(LINE, count="101"), HOSTIDS) != digest
    assert line_digest(LINE, ("0800200005ad",)) != digest


def test_is_what_it_was() -> None:
    """Issued files outlive this program: these bytes may never change under the same tag."""
    line = Feature("a_b", "genesys.d", "8.5", "permanent", "5", "", (("HOSTID", "1 2"), ("ISSUED", "01-jan-2026"), ("vendor_info", "x")))
    assert line_digest(line, ("8:0:20:0:5:ac", "778DA450", "ANY")) == "096CF16998CE"
