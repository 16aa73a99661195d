"""Names have one spelling: what is printed is what is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.names import clean_name, clean_text
from seatkeeper.cli.lmstat_text import _word


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("ann", "ann"),
        ("José Juan", "José Juan"),
        (" ann  lee ", "ann lee"),
        ("a\nb\x1b[1m\x85\u2028", "a b [1m"),
        ("an\u200bn", "an n"),
        ("\u202enna\u202c", "nna"),
        ("\ufeff漢\u3000字\xa0", "漢 字"),
    ],
)
def test_what_cannot_be_seen_is_a_blank_and_blanks_are_single(name: str, clean: str) -> None:
    assert clean_text(name) == clean_name(name) == clean


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\x00\n\u2066"])
def test_a_name_of_nothing_is_a_question_mark_and_a_text_of_nothing_is_empty(name: str) -> None:
    assert (clean_name(name), clean_text(name)) == ("?", "")


@given(st.text())
def test_a_clean_name_is_clean_and_lmstat_prints_it_as_it_is(name: str) -> None:
    clean = clean_name(name)
    assert clean_name(clean) == clean == _word(clean)
    assert clean_text(clean_text(name)) == clean_text(name)
    assert clean.isprintable()
    assert len(clean) <= max(len(name), 1)
