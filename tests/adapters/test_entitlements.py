"""Entitlement files are read as they were written, and nothing else is read as one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.adapters import xmlform
from seatkeeper.adapters.entitlements import parse_entitlement, read_entitlement
from seatkeeper.base.errors import InputError
from seatkeeper.usage.entitlement import Entitlement, EntitlementLine, Header, write_entitlement

HEADER = Header("Blue Harbor Trading", "4711", "1", "1 Quay, Example", "single-site", date(2026, 11, 24), date(2026, 11, 24))
ONE = Entitlement("genesys.d", HEADER, (EntitlementLine("17", "3GP07021ABAA", "Routing", "8.5", 10, 12),))
TEXT = write_entitlement(ONE, "ab")

words = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12).map(str.strip)
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
headers = st.builds(Header, words, words, words, words, st.sampled_from(["single-site", "multi-site"]), days, days, st.none() | days)
numbers = st.integers(0, 999_999_999)
lines = st.builds(EntitlementLine, words, words, words, words, numbers, numbers, st.sampled_from(["concurrent", "enabled"]), words)


@settings(max_examples=150)
@given(st.builds(Entitlement, words, headers, st.lists(lines, min_size=1, max_size=4).map(tuple)), st.sampled_from(["", "ab12"]))
def test_what_was_written_is_read(entitlement: Entitlement, signature: str) -> None:
    assert parse_entitlement(write_entitlement(entitlement, signature).encode()) == (entitlement, signature)


def test_layout_and_encoding_do_not_matter() -> None:
    text = TEXT.replace("\n  ", "\r\n\t").replace("<items>", "<!-- a remark --><items>")
    assert parse_entitlement(text.encode()) == (ONE, "ab")
    assert parse_entitlement(TEXT.replace("UTF-8", "UTF-16").encode("utf-16")) == (ONE, "ab")


BOMB = '<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<entitlement ", BOMB + "<entitlement ", "DOCTYPE"),
        ("<entitlement ", '<!DOCTYPE e SYSTEM "file:///etc/passwd"><entitlement ', "DOCTYPE"),
        ("Routing", "&b;", "undefined entity"),
        ("Routing", "x" * 501, "more than 500 characters"),
        ('order="17"', f'order="{"x" * 501}"', "more than 500 characters"),
        ("Routing", "<b>Routing</b>", "does not belong here.*'b'"),
        ("<header>", "<header>text", "Text stands between"),
        ('version="1"', 'version="2"', "version of the form"),
        ('version="1"', 'version="1" more="x"', "attribute does not belong"),
        (' vendor="genesys.d"', "", "no attribute vendor"),
        ("<customer_id>4711</customer_id>", "", "has no customer_id"),
        ("<customer_id>4711</customer_id>", "<customer_id>4711</customer_id>" * 2, "stands twice"),
        (">10<", ">ten<", "quantity is no number"),
        (">10<", ">-10<", "quantity is no number"),
        (">10<", ">1234567890<", "quantity is no number"),
        ('burst_limit="12"', 'burst_limit="1e3"', "burst limit is no number"),
        ("concurrent", "floating", "no license type"),
        ("single-site", "home", "no site type"),
        ('valid_from="2026-11-24"', 'valid_from="24-nov-2026"', "valid_from is no date"),
        ('valid_from="2026-11-24"', 'valid_from="2026-02-30"', "valid_from is no date"),
        ("</entitlement>", "", "no well-formed XML"),
        ("<entitlement ", "<other ", "does not belong here|well-formed"),
    ],
)
def test_anything_else_is_refused_with_its_line(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError, match=message) as caught:
        parse_entitlement(TEXT.replace(old, new).encode())
    assert caught.value.line > 0


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = TEXT[TEXT.index("    <item ") : TEXT.index("  </items>")]
    with pytest.raises(InputError, match="more than 30,100 elements"):
        parse_entitlement(TEXT.replace(item, item * 11_000).encode())
    monkeypatch.setattr(xmlform, "FILE_BYTES_MAX", 100)
    path = tmp_path / "a.xml"
    path.write_text(TEXT)
    with pytest.raises(InputError, match="larger than"):
        read_entitlement(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_entitlement(tmp_path / "none.xml")


@settings(max_examples=200)
@given(st.integers(0, len(TEXT) - 1), st.integers(0, 20), st.binary(max_size=20))
def test_damaged_bytes_are_read_or_refused(at: int, size: int, put: bytes) -> None:
    data = TEXT.encode()
    try:
        parse_entitlement(data[:at] + put + data[at + size :])
    except InputError:
        pass
