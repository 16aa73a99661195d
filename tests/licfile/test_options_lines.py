"""The logical lines of an options file: comments, continuation lines, quotes, and where each word stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.options_lines import OptionLine, is_simple, logical_lines
from seatkeeper.licfile.report import Report


def cut(text: str) -> tuple[list[OptionLine], Report, list[int]]:
    report, continued = Report(), list[int]()
    lines = list(logical_lines(text.split("\n"), report, lambda number, _: continued.append(number)))
    return lines, report, continued


def words(text: str) -> list[list[str]]:
    return [line.written for line in cut(text)[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\tc", [["a", "b", "c"]]),
        ("\n  \t\n# c\n  # d \\\na", [["a"]]),
        ("a b # c", [["a", "b"]]),
        ("a b#c", [["a", "b#c"]]),
        ("a #2005", [["a"]]),
        ('a "b # c" d', [["a", '"b # c"', "d"]]),
        ('a "b c" # "d', [["a", '"b c"']]),
        ("a \\\nb \\\n  c\nd", [["a", "b", "c"], ["d"]]),
        ("a\\\nb", [["a", "b"]]),
        ("a # c \\\nb", [["a"], ["b"]]),
        ("a \\\n# c\nb", [["a"], ["b"]]),
        ("a \\\n\nb", [["a"], ["b"]]),
        ("a b \\", [["a", "b"]]),
        ('a "b \\\nc" d', [["a", '"b c"', "d"]]),
        ('a f:X="b c"', [["a", 'f:X="b c"']]),
        ('a "b c', [["a", '"b c']]),
        ("", []),
    ],
)
def test_words_of_logical_lines(text: str, expected: list[list[str]]) -> None:
    assert words(text) == expected


def test_a_backslash_that_nothing_follows_is_reported() -> None:
    for text in ("a b \\", "a b \\\n\nc", "a b \\\n# c", "a b \\\t"):
        report = cut(text)[1]
        assert [(one.line, one.column, one.severity) for one in report.problems] == [(1, 5, "warning")]
    assert not cut("a \\\nb")[1].problems


def test_continuation_lines_are_shown_with_their_numbers() -> None:
    assert cut("# c\na \\\nb \\\nc\nd")[2] == [3, 4]


def test_every_word_knows_its_line_and_column() -> None:
    (line,) = cut("\nGROUP g \\\n   a  b \\\nc")[0]
    assert [line.place(index) for index in range(6)] == [(2, 1), (2, 7), (3, 4), (3, 7), (4, 1), (4, 2)]


def test_an_open_quote_is_found() -> None:
    (line,) = cut('a "b" "c')[0]
    assert line.open_quote() == (1, 7)
    (line,) = cut('a "b \\\nc" d "e')[0]
    assert line.open_quote() == (2, 6)


def test_the_size_counts_continuation_lines() -> None:
    (line,) = cut("abc \\\nde")[0]
    assert line.size == 8


texts = st.lists(st.sampled_from(["a", "b c", '"', "#", " ", "\t", "\\", "\\\n", "\n", "é", "\x1f", '"x y"']), max_size=30).map("".join)


@given(texts)
def test_each_physical_line_is_in_one_logical_line_or_says_nothing(text: str) -> None:
    lines, _, continued = cut(text)
    starts = [line.number for line in lines]
    assert starts == sorted(set(starts))
    assert not set(starts) & set(continued)
    raws = text.split("\n")
    for number in set(range(1, len(raws) + 1)) - set(starts) - set(continued):
        assert not raws[number - 1].strip(" \t") or raws[number - 1].lstrip(" \t").startswith("#")


@given(texts)
def test_the_short_way_finds_the_same_words(text: str) -> None:
    for raw in text.split("\n"):
        if is_simple(raw):
            assert raw.split() == OptionLine(1, [raw]).written
