"""checksum: the published test value, every slip of a typist, and what an administrator may edit."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seatkeeper.licfile.checksum import covered, crc8, file_checksum, line_checksum, stated_checksum
from seatkeeper.licfile.model import Blank, Comment, Feature, LicenseFile, Server, Unknown, UseServer, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import write_line
from support.licfiles import license_files, signable_lines

LINE = Feature("f1", "genesys.d", "8.0", "permanent", "10", "8F796FD181BC", (("SN", "17"), ("SIGN", "64C2 C0C0 A262")))


def test_it_is_the_published_crc() -> None:
    # The check value that catalogs of CRCs give for SAE J1850.
    assert crc8(b"123456789") == 0x4B
    assert crc8(b"") == 0


@given(st.binary(min_size=1, max_size=80), st.data())
def test_one_changed_character_is_always_seen(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    other = draw.draw(st.integers(0, 255).filter(lambda byte: byte != data[at]))
    assert crc8(data[:at] + bytes([other]) + data[at + 1 :]) != crc8(data)


@given(st.binary(min_size=2, max_size=200), st.data())
def test_two_characters_that_changed_places_are_always_seen(data: bytes, draw: st.DataObject) -> None:
    first = draw.draw(st.integers(0, len(data) - 2))
    second = draw.draw(st.integers(first + 1, len(data) - 1))
    assume(data[first] != data[second])
    swapped = bytearray(data)
    swapped[first], swapped[second] = data[second], data[first]
    assert crc8(bytes(swapped)) != crc8(data)


@given(signable_lines)
def test_what_may_be_edited_does_not_count(line: Feature) -> None:
    assume(not any(name.lower() in ("ck", "user_info") for name, _ in line.attributes))
    edited = msgspec.structs.replace(line, attributes=(("user_info", "mine"), *line.attributes, ("ck", "7")))
    assert line_checksum(edited) == line_checksum(line)
    assert stated_checksum(edited) == 7
    # Broken and joined again by an editor, and in other letters.
    assert line_checksum(parse(write_line(line, columns=40)).file.lines[0]) == line_checksum(line)


def test_the_case_of_letters_counts_only_where_that_is_asked_for() -> None:
    shouted = msgspec.structs.replace(LINE, name="F1")
    assert line_checksum(shouted) == line_checksum(LINE)
    assert line_checksum(shouted, cased=True) != line_checksum(LINE, cased=True)


@pytest.mark.parametrize("field", ["name", "vendor", "version", "expiry", "count", "key"])
def test_every_field_counts(field: str) -> None:
    changed = msgspec.structs.replace(LINE, **{field: getattr(LINE, field)[:-1] + "7"})
    assert line_checksum(changed) != line_checksum(LINE)


def test_the_vendor_s_attributes_count_and_so_does_the_signature() -> None:
    for attributes in ((("SN", "18"), LINE.attributes[1]), (LINE.attributes[0], ("SIGN", "64C2 C0C0 A263")), LINE.attributes[:1]):
        assert line_checksum(msgspec.structs.replace(LINE, attributes=attributes)) != line_checksum(LINE)


def test_a_flag_is_not_an_empty_value() -> None:
    flag, empty = (msgspec.structs.replace(LINE, attributes=(("BORROW", value),)) for value in (None, ""))
    assert covered(flag) != covered(empty)


def test_of_other_lines_that_counts_which_may_not_be_edited() -> None:
    assert line_checksum(Server("a", "0800200005ac", 7260)) == line_checksum(Server("b", "0800200005AC", 7261, (("PLAT", "1"),)))
    assert line_checksum(Server("a", "0800200005ac")) != line_checksum(Server("a", "0800200005ad"))
    assert line_checksum(Vendor("genesys.d", "/opt/a", "x.opt", 1, "DAEMON")) == line_checksum(Vendor("genesys.d"))
    for line in (Comment("# x"), Blank(), UseServer(), Unknown("x")):
        assert line_checksum(line) is None
        assert stated_checksum(line) is None


def test_a_line_says_its_sum_as_a_number() -> None:
    assert stated_checksum(LINE) is None
    assert stated_checksum(msgspec.structs.replace(LINE, attributes=(("CK", "007"),))) == 7


@given(license_files)
def test_the_sum_of_a_file_leaves_comments_out(file: LicenseFile) -> None:
    bare = LicenseFile(tuple(line for line in file.lines if covered(line)))
    assert file_checksum(LicenseFile((Comment("# new"), *file.lines))) == file_checksum(bare)
    assert 0 <= file_checksum(file) <= 255


def test_the_order_of_lines_counts() -> None:
    other = msgspec.structs.replace(LINE, name="f2")
    assert file_checksum(LicenseFile((LINE, other))) != file_checksum(LicenseFile((other, LINE)))
