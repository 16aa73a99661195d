from __future__ import annotations

import pytest
from hypothesis import given

from seatkeeper.licfile.scanner import BREAK, BREAK_MARK, Kind, Logical, Reader, continues, kind_of, words_of
from support.licfiles import messy_texts


def logicals(text: str) -> list[Logical]:
    reader = Reader(text.split("\n"), marked=False)
    found = []
    while (logical := reader.logical()) is not None:
        found.append(logical)
    return found


def texts(text: str) -> list[str]:
    return [logical.text for logical in logicals(text)]


@pytest.mark.parametrize(
    ("raw", "kind", "word"),
    [
        ("", Kind.BLANK, ""),
        (" \t", Kind.BLANK, ""),
        ("# x", Kind.COMMENT, ""),
        ("  #", Kind.COMMENT, ""),
        ("feature x", Kind.KEYWORD, "FEATURE"),
        ("\tSERVER", Kind.KEYWORD, "SERVER"),
        ("FEATURE\\", Kind.KEYWORD, "FEATURE"),
        ("FEATURE\xa0x", Kind.KEYWORD, "FEATURE"),
        ("VENDOR_STRING=x", Kind.OTHER, ""),
        ("FEATURE=x", Kind.OTHER, ""),
        ("FEATRUE x", Kind.OTHER, "FEATRUE"),
        ("\xa0# x", Kind.OTHER, ""),
        ("\x0c", Kind.OTHER, ""),
    ],
)
def test_a_physical_line_is_told_by_its_beginning(raw: str, kind: Kind, word: str) -> None:
    assert kind_of(raw) == (kind, word)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("FEATURE a \\\n\tSN=1", ["FEATURE a SN=1"]),
        ("FEATURE a\\\n    SN=1", ["FEATURE a SN=1"]),
        ("FEATURE a  \\  \n  SN=1  ", ["FEATURE a SN=1"]),
        ("FEATURE a\nSN=1\nTS_OK", ["FEATURE a SN=1 TS_OK"]),
        ("FEATURE a\nFEATURE b", ["FEATURE a", "FEATURE b"]),
        ("FEATURE a \\\nFEATURE b", ["FEATURE a", "FEATURE b"]),
        ("FEATURE a \\\n  feature b", ["FEATURE a", "feature b"]),
        ("FEATURE a\n# x\nSN=1", ["FEATURE a", "# x", "SN=1"]),
        ("FEATURE a \\\n\nSN=1", ["FEATURE a", "", "SN=1"]),
        ('FEATURE a NOTICE="b\nc"', ['FEATURE a NOTICE="b c"']),
        ('FEATURE a NOTICE="b \\\n\tSERVER c"', ['FEATURE a NOTICE="b SERVER c"']),
        ('FEATURE a NOTICE="b \\\n\t# c"', ['FEATURE a NOTICE="b # c"']),
        ('FEATURE a NOTICE="b \\\nSERVER c', ['FEATURE a NOTICE="b', "SERVER c"]),
        ('FEATURE a NOTICE="b\n\tSERVER c', ['FEATURE a NOTICE="b', "SERVER c"]),
        ("FEATURE a\nFEATRUE b\nSN=1", ["FEATURE a", "FEATRUE b", "SN=1"]),
        ("FEATRUE b\n\tSN=1\nx", ["FEATRUE b SN=1", "x"]),
        ("FEATURE a\nsampled-f1-00737-55296-1825", ["FEATURE a", "sampled-f1-00737-55296-1825"]),
        ("FEATURE a \\\n\t\\\n\tSN=1", ["FEATURE a SN=1"]),
        ("# a \\\nFEATURE a", ["# a", "FEATURE a"]),
    ],
)
def test_what_continues_a_line(text: str, lines: list[str]) -> None:
    assert texts(text) == lines


def test_a_blank_line_never_continues() -> None:
    assert not continues(" ", after_backslash=True, within_quotes=True)


def test_every_character_knows_its_place() -> None:
    logical = logicals('  FEATURE a \\\n\t SN=1 \\\n\\\n  NOTICE="b\nc"')[0]
    assert logical.text == 'FEATURE a SN=1 NOTICE="b c"'
    places = {word.text: logical.place(word.offset) for word in words_of(logical.text)}
    assert places == {"FEATURE": (1, 3), "a": (1, 11), "SN=1": (2, 3), 'NOTICE="b c"': (4, 3)}
    assert logical.place(len(logical.text) - 2) == (5, 1)
    assert logical.place(len(logical.text)) == (5, 3)


def test_a_backslash_that_nothing_follows_has_a_place() -> None:
    assert logicals("FEATURE a \\  \n")[0].dangling() == (1, 11)
    assert logicals("FEATURE a\n  b \\\n\n")[0].dangling() == (2, 5)
    assert logicals("FEATURE a")[0].dangling() is None


def test_a_quote_that_is_left_open_has_a_place() -> None:
    assert logicals('FEATURE a NOTICE="b\nSN="1"')[0].open_quote() == (1, 18)
    assert logicals('FEATURE a NOTICE="b \\\n\tSN="')[0].open_quote() is None
    assert logicals('FEATURE a NOTICE="b" \\\n\tSN="1')[0].open_quote() == (2, 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a  b="c d"\te', ["a", 'b="c d"', "e"]),
        ('SIGN("a b") x', ['SIGN("a b")', "x"]),
        ('a="b"c="d e"', ['a="b"c="d e"']),
        ('a "b c', ["a", '"b c']),
        ('a=b"c d', ["a", 'a=b"c d'][1:]),
        ('AUTH={ a="b c" {d} } e', ['AUTH={ a="b c" {d} }', "e"]),
        ("AUTH={ a b", ["AUTH={", "a", "b"]),
        ("AUTH={ a }b c", ["AUTH={", "a", "}b", "c"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [word.text for word in words_of(text)] == words


@given(messy_texts)
def test_no_character_is_lost_between_the_lines(text: str) -> None:
    assert "\n".join(logical.raw for logical in logicals(text)) == text


@given(messy_texts.map(lambda text: text.replace(BREAK_MARK, "")))
def test_closed_up_breaks_open_again(text: str) -> None:
    reader = Reader(text.replace(BREAK, BREAK_MARK).split("\n"), marked=True)
    found = []
    while (logical := reader.logical()) is not None:
        found.append((logical.number, logical.raw))
    assert found == [(logical.number, logical.raw) for logical in logicals(text)]


def test_the_rest_is_as_it_stands_in_the_file() -> None:
    text = f"# a{BREAK}b{BREAK}c\nFEATURE a{BREAK}SN=1\n"
    reader = Reader(text.replace(BREAK, BREAK_MARK).split("\n"), marked=True)
    assert reader.logical() is not None
    assert not reader.between
    assert "\n".join(reader.rest()) == f"\tb{BREAK}c\nFEATURE a{BREAK}SN=1\n"
    assert reader.logical() is None
