from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.canonical import canonical_line
from seatkeeper.licfile.grammar import (
    ATTRIBUTES,
    COUNT_DIGITS_MAX,
    KEYWORDS,
    NAME_CHARS_MAX,
    attribute_of,
    attributes_of,
    check_count,
    check_feature_name,
    check_host,
    check_key,
    check_vendor_name,
    forbidden_at,
    is_decimal_line,
    is_plain_name,
    misspelt_keyword,
    number_of,
)
from seatkeeper.licfile.model import Feature


def test_the_administrator_owns_exactly_the_lower_case_attributes() -> None:
    own = {name for name, attribute in ATTRIBUTES.items() if attribute.owner == "administrator"}
    assert own == {"asset_info", "dist_info", "user_info", "vendor_info", "sort", "ck"}


@pytest.mark.parametrize("name", [name for name in ATTRIBUTES if name != "SIGN"])
def test_what_the_vendor_owns_is_signed_and_nothing_else(name: str) -> None:
    plain = Feature("f", "genesys.d", "8.0", "permanent", "1")
    for spelled in (name, name.lower(), name.upper()):
        changed = canonical_line(msgspec.structs.replace(plain, attributes=((spelled, "1"),)), ()) != canonical_line(plain, ())
        assert changed is (ATTRIBUTES[name].owner == "vendor")


@pytest.mark.parametrize("name", ["HOSTID", "hostid", "HostId"])
def test_an_attribute_is_the_same_in_any_case(name: str) -> None:
    attribute = attribute_of(name)
    assert attribute is ATTRIBUTES["HOSTID"]
    assert attribute.owner == "vendor"


@pytest.mark.parametrize("name", ["HO\u017fTID", "\u212a", "", "HOSTID ", "C\u212a", "c\u212a"])
def test_no_other_letters_pass_for_those_of_a_name(name: str) -> None:
    assert attribute_of(name) is None


def test_each_line_takes_its_own_attributes() -> None:
    assert "COMPONENTS" in attributes_of("PACKAGE")
    assert "COMPONENTS" not in attributes_of("FEATURE")
    assert attributes_of("FEATURE") == attributes_of("INCREMENT") == attributes_of("UPGRADE")
    assert set(attributes_of("SERVER")) == {"PRIMARY_IS_MASTER", "HEARTBEAT_INTERVAL", "PLAT"}
    assert not attributes_of("USE_SERVER")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("DUP_GROUP", ["NONE", "site", "U", "UHD", "vdhu"], ["", "UU", "uU", "X", "UHDVU", "\u017fITE"]),
        ("BORROW", ["1", "168"], ["0", "-1", "three", "1.5", "\u0661"]),
        ("HEARTBEAT_INTERVAL", ["0", "120"], ["121", "-1", ""]),
        ("ISSUED", ["24-nov-2026", "permanent"], ["2026-11-24", "31-feb-2026"]),
        ("OPTIONS", ["SUITE", "suite_reserved"], ["SUITES", ""]),
        ("COMPONENTS", ["a", "a b:1.0 c:2:3", "a::3"], ["", " ", "a:x", "a:1:0", "a:1:2:3", '"']),
        ("VM_PLATFORMS", ["PHYSICAL", "VM_ONLY"], ["BOTH"]),
        ("SUPERSEDE", ["a b"], ["", "=", "a" * 31]),
        ("AUTH", ["{a}", "{a={b} c}", '{SIGN="1 2"}'], ["a", "{a", "{a}}", "}{", '{"}']),
        ("HOSTID", ["ANY"], ["", " \t"]),
        ("SIGN", ["64C2", "<...>"], [""]),
        ("sort", ["0", "100"], ["-1", "x"]),
    ],
)
def test_values(name: str, good: list[str], bad: list[str]) -> None:
    check = ATTRIBUTES[name].check
    assert check is not None
    for text in good:
        check(text)
    for text in bad:
        with pytest.raises(ValueError):
            check(text)


def test_values_that_people_read_may_be_any_text() -> None:
    assert ATTRIBUTES["NOTICE"].takes_any_text
    assert ATTRIBUTES["SIGN"].takes_any_text
    assert not ATTRIBUTES["DUP_GROUP"].takes_any_text


@pytest.mark.parametrize("name", ["3GP07021ABAA", "tserver_sdn", "VCS-BASE", "a" * NAME_CHARS_MAX])
def test_plain_names(name: str) -> None:
    assert check_feature_name(name) == name
    assert is_plain_name(name)


@pytest.mark.parametrize("name", ["a.b", "ti:c6000", "a+b"])
def test_names_of_other_vendors_pass_and_are_not_plain(name: str) -> None:
    assert check_feature_name(name) == name
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", ["", "a" * (NAME_CHARS_MAX + 1), "a b", 'a"', "a=b", "a\\", "é", "#a", "a\n"])
def test_names_that_would_change_the_line_do_not_pass(name: str) -> None:
    with pytest.raises(ValueError):
        check_feature_name(name)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (check_vendor_name, ["genesys.d", "MLM", "3d_vendor"], ["8.0", "", ".d", "a b", "a" * 31, "7"]),
        (check_host, ["licsrv", "this_host", "192.0.2.7", "2001:db8::7", "[2001:db8::7]", "fe80::1%eth0"], ["", "a b", "a=b", "é"]),
        (check_count, ["0", "1", "uncounted", "UnCounted", "9" * COUNT_DIGITS_MAX], ["", "-1", "1.0", "9" * 10, "\u0661", "+1"]),
        (check_key, ["8F796FD181BC", "0" * 20], ["8F796FD181B", "0" * 21, "8F796FD181BG", "100", ""]),
        (number_of(1, 10, "a number"), ["1", "10"], ["0", "11", "", "x", "1" * 10, "²"]),
    ],
)
def test_fields(check: object, good: list[str], bad: list[str]) -> None:
    for text in good:
        check(text)  # type: ignore[operator]
    for text in bad:
        with pytest.raises(ValueError):
            check(text)  # type: ignore[operator]


#: Controls, then blanks of other widths, then what cannot be seen, then what is no character.
FORBIDDEN = (
    *"\x00\x0b\x0c\r\x1b\x1c\x1d\x1e\x1f\x7f\x85\x9b",
    *"\xa0\u1680\u2003\u2028\u2029\u3000",
    *"\xad\u200b\u200d\u202e\u2060\u2800\u3164\ufeff",
    *"\ue000\ufffe\ud800",
)


@pytest.mark.parametrize("char", FORBIDDEN)
def test_characters_that_look_like_a_blank_or_like_nothing_are_forbidden(char: str) -> None:
    assert forbidden_at(f"FEATURE\t{char}x") == 8


@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "S"]) | st.sampled_from(" \té漢")))
def test_printable_characters_are_not(text: str) -> None:
    assert forbidden_at(text) == -1


@pytest.mark.parametrize(
    ("line", "is_one"), [("sampled-f1-00737-55296-1825", True), (" demo.d-f-1-2-3-4 ", True), ("f-1-2", False), ("NOTICE=a-1-2-3", False)]
)
def test_decimal_lines_are_known_by_their_look(line: str, is_one: bool) -> None:
    assert is_decimal_line(line) is is_one


@pytest.mark.parametrize(
    ("word", "keyword"),
    [
        ("FEATRUE", "FEATURE"),
        ("featur", "FEATURE"),
        ("SERVERS", "SERVER"),
        ("DEAMON", "DAEMON"),
        ("USE-SERVER", ""),
        ("FEATURE", ""),
        ("SIGN", ""),
    ],
)
def test_a_slip_in_a_keyword(word: str, keyword: str) -> None:
    assert misspelt_keyword(word) == keyword


def test_no_attribute_is_a_slip_of_a_keyword() -> None:
    assert not [name for name in ATTRIBUTES if misspelt_keyword(name) or name.upper() in KEYWORDS]
