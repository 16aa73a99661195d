"""The words of an options file: feature specs, addresses and ranges of them, and a table without gaps."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.options_grammar import KEYWORDS, KINDS, SPEC_KEYWORDS, address_pattern, parse_spec, plain_address
from seatkeeper.licfile.options_model import FeatureSpec

MANUAL = Path(__file__).parent.parent.parent / "docs" / "options-file.md"


@pytest.mark.parametrize(
    ("text", "name", "keys"),
    [
        ("f1", "f1", ()),
        ("f1:VERSION=2.0", "f1", (("VERSION", "2.0"),)),
        ("f1:version=2.0", "f1", (("VERSION", "2.0"),)),
        ("f1 VERSION=2.0", "f1", (("VERSION", "2.0"),)),
        ("f1  VERSION=2.0 EXPDATE=31-dec-2027", "f1", (("VERSION", "2.0"), ("EXPDATE", "31-dec-2027"))),
        ("f1:VERSION=2.0:EXPDATE=permanent", "f1", (("VERSION", "2.0"), ("EXPDATE", "permanent"))),
        ("f1:HOSTID=8:0:20:0:5:ac:VERSION=2", "f1", (("HOSTID", "8:0:20:0:5:ac"), ("VERSION", "2"))),
        ("f1:HOSTID=DISK_SERIAL_NUM=1CA25283", "f1", (("HOSTID", "DISK_SERIAL_NUM=1CA25283"),)),
        ("f1 VENDOR_STRING=a b=c ISSUER=x", "f1", (("VENDOR_STRING", "a b=c"), ("ISSUER", "x"))),
        ("f1:KEY=8F796FD181BC", "f1", (("KEY", "8F796FD181BC"),)),
        ("f1:SIGN=64C2 C0C0 A262", "f1", (("SIGN", "64C2 C0C0 A262"),)),
        ("f1:DIST_INFO=desk 4", "f1", (("dist_info", "desk 4"),)),
        ("ns:f1", "ns:f1", ()),
        ("3GP-07.0+x", "3GP-07.0+x", ()),
    ],
)
def test_specs(text: str, name: str, keys: tuple[tuple[str, str], ...]) -> None:
    assert parse_spec(text) == FeatureSpec(name, keys)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a name"),
        ("f" * 31, "a name"),
        ("f1 x", "a name"),
        ("f1:VERSION=", "a value after VERSION="),
        ("f1:VERSION=two", "after VERSION="),
        ("f1:VERSION=2.0 VERSOIN=3", "after VERSION="),
        ("f1:VERSOIN=2.0", "VENDOR_STRING, dist_info, vendor_info, user_info, asset_info in place of VERSOIN"),
        ("f1:EXPDATE=tomorrow", "a date as dd-mmm-yyyy, or permanent after EXPDATE="),
        ("f1:KEY=xyz", "hex digits after KEY="),
        ("f1:HOSTID=nonsense", "after HOSTID="),
    ],
)
def test_what_is_no_spec_says_what_is_expected(text: str, expected: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_spec(text)
    assert expected in str(raised.value)


@given(st.sampled_from(SPEC_KEYWORDS), st.sampled_from(["f1", "a-b"]), st.sampled_from([":", " "]))
def test_a_spec_is_read_back_as_it_is_written(keyword: str, name: str, separator: str) -> None:
    value = {"VERSION": "2.0", "EXPDATE": "permanent", "HOSTID": "ANY", "KEY": "AB", "SIGN": "AB"}.get(keyword, "a b")
    spec = FeatureSpec(name, ((keyword, value),))
    assert parse_spec(f"{name}{separator}{keyword.lower()}={value}") == spec
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.*", "192.0.2.*"),
        ("192.*", "192.*.*.*"),
        ("10.*.3.*", "10.*.3.*"),
        ("*.*.*.7", "*.*.*.7"),
        ("*", "*"),
        ("2001:db8::7", "20010db8000000000000000000000007"),
        ("2001:DB8:*", "20010db8" + "*" * 24),
        ("2001:db8:0:0:*:*:*:000*", "20010db800000000" + "*" * 12 + "000*"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("pc1", None),
        ("pc*", None),
        ("192.0.2", None),
        ("192.0.2.300", None),
        ("192.0.2.1*", None),
        ("192.0.2.7.*", None),
        ("1.2.3.4.example.com", None),
        ("fe80", None),
        ("", None),
    ],
)
def test_addresses(text: str, canonical: str | None) -> None:
    assert address_pattern(text) == canonical


def test_only_an_address_without_wildcards_is_somebody_s() -> None:
    assert plain_address("fe80::1%eth0") == "fe80" + "0" * 27 + "1"
    assert plain_address("10.1.2.*") == ""
    assert plain_address("") == ""


@given(st.ip_addresses())
def test_every_address_is_itself_in_any_spelling(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert plain_address(str(address)) == plain_address(address.exploded) != ""


def test_the_table_says_how_each_line_is_written() -> None:
    for name, keyword in KEYWORDS.items():
        assert keyword.usage.startswith(f"{keyword.name} ")
        assert name == name.upper()
        if keyword.words:
            assert len(keyword.usage.split()) == 1 + len(keyword.words)


def test_the_manual_explains_every_keyword_and_type() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    for keyword in KEYWORDS.values():
        # Within a table.
        usage = keyword.usage.replace("|", "\\|")
        assert f"`{usage}`" in text, keyword.usage
    for kind in (*KINDS, *SPEC_KEYWORDS):
        assert f"`{kind}`" in text, kind
