"""decimal: the round trip of every line, and the name of every group that is mistyped, missing or too many."""

from __future__ import annotations

import itertools
from datetime import date

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile import decimal
from seatkeeper.licfile.decimal import decode, encode, joined, looks_decimal, wrapped
from seatkeeper.licfile.grammar import is_decimal_line
from seatkeeper.licfile.model import Feature, Server, Unknown
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write_line
from support.licfiles import signable_lines

HOSTIDS = ("0800200005ac",)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ISSUED = (("ISSUED", format_date(date(2026, 11, 24))),)
LINE = Feature(
    "tserver_sdn",
    "genesys.d",
    "8.0",
    "permanent",
    "100",
    attributes=(("vendor_info", "v8.5 - Voice"), ("NOTICE", "Invented Ltd"), ("SN", "4711"), *ISSUED),
)
SIGNED = sign_line(LINE, HOSTIDS, KEY)
assert isinstance(SIGNED, Feature)
TEXT = encode(SIGNED)
PREFIX, GROUPS = "genesys.d-tserver_sdn", TEXT.removeprefix("genesys.d-tserver_sdn-").split("-")


def line_of(*groups: str, prefix: str = PREFIX) -> str:
    return "-".join([prefix, *groups])


def refusal(text: str) -> LicenseError:
    with pytest.raises(LicenseError) as error:
        decode(text)
    assert error.value.reason
    assert error.value.remedy
    return error.value


def test_the_check_digit_sees_every_wrong_digit_and_every_exchange() -> None:
    # What is proved of all words of three digits holds for longer ones: each step of the table is a permutation.
    right = {word for word in itertools.product(range(10), repeat=3) if not decimal._check(1, "".join(map(str, word)))}
    assert len(right) == 100
    for word in right:
        for at, digit in itertools.product(range(3), range(10)):
            changed = (*word[:at], digit, *word[at + 1 :])
            assert changed == word or changed not in right
        for at in range(2):
            exchanged = (*word[:at], word[at + 1], word[at], *word[at + 2 :])
            assert exchanged == word or exchanged not in right


def test_the_check_digit_depends_on_the_group_s_number() -> None:
    assert len({decimal._check(position, "1234") for position in range(10)}) == 10


@given(signable_lines)
@settings(max_examples=200)
def test_every_line_survives_there_and_back(line: Feature) -> None:
    text = encode(line)
    assert is_decimal_line(text)
    assert looks_decimal(text)
    assert decode(text) == line


@given(signable_lines)
@settings(max_examples=50)
def test_every_signed_line_survives_to_the_bit(line: Feature) -> None:
    kept = tuple(pair for pair in line.attributes if "SIGN" not in pair[0].upper() and pair[0].upper() not in ("AUTH", "CK", "ISSUED"))
    signed = sign_line(msgspec.structs.replace(line, attributes=(*kept, *ISSUED)), HOSTIDS, KEY)
    back = decode(wrapped(encode(signed), 60))
    assert back == signed
    assert write_line(back) == write_line(signed)


def test_what_a_decimal_line_looks_like() -> None:
    assert TEXT.startswith("genesys.d-tserver_sdn-")
    assert all(len(group) == 5 and group.isdigit() for group in GROUPS)
    assert int(GROUPS[0][:4]) == len(GROUPS) - 1


@given(st.integers(0, len(GROUPS) - 1), st.integers(0, 4), st.sampled_from("0123456789Ol"))
def test_a_mistyped_digit_is_named(at: int, place: int, char: str) -> None:
    group = GROUPS[at]
    assume(group[place] != char)
    wrong = group[:place] + char + group[place + 1 :]
    error = refusal(line_of(*GROUPS[:at], wrong, *GROUPS[at + 1 :]))
    assert error.number == -99
    assert f"group {at + 1} ({wrong})" in error.reason
    assert "group" not in error.reason.split(f"group {at + 1} ({wrong})")[1]


@given(st.integers(0, len(GROUPS) - 1), st.integers(0, 3))
def test_two_digits_that_changed_places_are_named(at: int, place: int) -> None:
    group = GROUPS[at]
    assume(group[place] != group[place + 1])
    wrong = group[:place] + group[place + 1] + group[place] + group[place + 2 :]
    assert f"group {at + 1} ({wrong})" in refusal(line_of(*GROUPS[:at], wrong, *GROUPS[at + 1 :])).reason


@given(st.integers(0, len(GROUPS) - 2))
def test_two_groups_that_changed_places_are_named(at: int) -> None:
    assume(GROUPS[at] != GROUPS[at + 1])
    swapped = [*GROUPS[:at], GROUPS[at + 1], GROUPS[at], *GROUPS[at + 2 :]]
    error = refusal(line_of(*swapped))
    assert error.number == -99
    assert f"group {at + 1} ({GROUPS[at + 1]}), group {at + 2} ({GROUPS[at]})" in error.reason


@given(st.integers(0, len(GROUPS) - 3))
def test_a_missing_group_is_told(at: int) -> None:
    error = refusal(line_of(*GROUPS[:at], *GROUPS[at + 1 :]))
    assert error.number == -99
    assert error.reason == f"A group is missing after {f'group {at} ({GROUPS[at - 1]})' if at else PREFIX}."


@given(st.integers(2, len(GROUPS) - 3))
def test_a_group_that_stands_twice_is_told(at: int) -> None:
    error = refusal(line_of(*GROUPS[:at], GROUPS[at - 1], *GROUPS[at:]))
    assert error.number == -99
    assert error.reason == f"Group {at + 1} ({GROUPS[at - 1]}) is one too many."


@pytest.mark.parametrize("kept", [len(GROUPS) - 1, len(GROUPS) - 7, 40])
def test_a_line_that_ends_early_is_told(kept: int) -> None:
    error = refusal(line_of(*GROUPS[:kept]))
    assert error.number == -99
    assert f"has {kept} groups and should have {len(GROUPS)}" in error.reason


def test_groups_ten_apart_that_changed_places_are_seen_though_not_named() -> None:
    at = next(at for at in range(1, 60) if GROUPS[at] != GROUPS[at + 10])
    swapped = list(GROUPS)
    swapped[at], swapped[at + 10] = GROUPS[at + 10], GROUPS[at]
    error = refusal(line_of(*swapped))
    assert error.number == -99
    assert "do not agree with each other" in error.reason


def test_the_name_before_the_groups_must_be_the_line_s() -> None:
    error = refusal(line_of(*GROUPS, prefix="genesys.d-tserver_sdx"))
    assert error.number == -99
    assert "genesys.d-tserver_sdn" in error.reason


@pytest.mark.parametrize("name", ["a-00737-55296-18257", "f-1", "x-2026", "0-00000"])
def test_a_name_may_look_like_groups(name: str) -> None:
    line = msgspec.structs.replace(LINE, name=name, vendor="my-vendor.d")
    text = encode(line)
    assert decode(text) == line
    wrong = text[:-1] + str((int(text[-1]) + 1) % 10)
    assert f"group {len(text.removeprefix(f'my-vendor.d-{name}-').split('-'))} (" in refusal(wrong).reason


@pytest.mark.parametrize(
    "text", ["sampled-f1-00737-55296-1825", "v-f-" + "-".join(f"{number * 7919 % 65536:05}" for number in range(60)), "v-f-1-2-3"]
)
def test_another_vendor_s_format_is_recognized(text: str) -> None:
    assert looks_decimal(text)
    error = refusal(text)
    assert error.number == -98
    assert "another vendor's" in error.reason


@pytest.mark.parametrize("text", ["", "x", "FEATURE f1 genesys.d 8.0 permanent 1", "a-b-c", "a-b-00001-00002", "2026-11-24", "7260@host"])
def test_other_lines_do_not_look_decimal(text: str) -> None:
    assert not looks_decimal(text)
    assert refusal(text).number == -99


@given(st.text("0123456789-abO", max_size=400).map(lambda text: "v-f-" + text))
def test_any_text_is_refused_or_a_line(text: str) -> None:
    with pytest.raises(LicenseError):
        decode(text)


@given(st.lists(st.integers(0, 9999), min_size=0, max_size=60))
def test_any_numbers_with_good_check_digits_are_refused_or_a_line(numbers: list[int]) -> None:
    digits = [f"{number:04}" for number in [len(numbers), *numbers]]
    text = line_of(*(f"{each}{decimal._check(position, each)}" for position, each in enumerate(digits, 1)))
    if looks_decimal(text):
        refusal(text)


def test_what_cannot_be_converted_says_why() -> None:
    for line, why in (
        (msgspec.structs.replace(LINE, name="a:b"), "characters that a decimal line cannot carry"),
        (msgspec.structs.replace(LINE, attributes=(("NOTICE", "x" * 20_000),)), "groups"),
        (msgspec.structs.replace(LINE, attributes=(("NOTICE", "\ud800"),)), "not text"),
        (msgspec.structs.replace(LINE, attributes=(("NOTICE", 'a "quote"'),)), "cannot be written"),
        (msgspec.structs.replace(LINE, attributes=(("NOTICE", "a\nb"),)), "cannot be written"),
    ):
        with pytest.raises(LicenseError) as error:
            encode(line)
        assert error.value.number == -98
        assert why in error.value.reason


@pytest.mark.parametrize("columns", [40, 80, 2000])
def test_a_broken_line_is_one_line_to_the_parser_and_to_us(columns: int) -> None:
    text = wrapped(TEXT, columns)
    assert joined(text) == TEXT
    assert all(len(part.expandtabs(8)) <= max(columns, len(PREFIX) + 18) for part in text.split("\n"))
    for before in ("", "FEATURE f1 genesys.d 8.0 permanent 1\n", "SERVER licsrv ANY 7260\n"):
        lines = parse(f"{before}{text}\n{text}\nFEATURE f2 genesys.d 8.0 permanent 1\n").file.lines
        assert [line.text for line in lines if isinstance(line, Unknown)] == [text, text]
        assert isinstance(lines[-1], Feature)
        assert not before or isinstance(lines[0], Feature | Server)


def test_breaks_of_editors_are_no_matter() -> None:
    pieces = [TEXT[at : at + 60] for at in range(0, len(TEXT), 60)]
    assert decode(" \\\n\t".join(pieces)) == SIGNED
    assert decode("  " + "\n  ".join(pieces) + " \n") == SIGNED
