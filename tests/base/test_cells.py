from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.cells import marked, unmarked


def test_what_a_spreadsheet_would_compute_begins_with_a_mark() -> None:
    assert [marked(text) for text in ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r", "\\x")] == [
        "\\=1+1",
        "\\+1",
        "\\-1",
        "\\@SUM(1)",
        "\\\t=1",
        "\\\r",
        "\\\\x",
    ]
    assert [marked(value) for value in ("Harbor", "a=1", "", 5, None)] == ["Harbor", "a=1", "", 5, None]


@given(st.text())
def test_a_mark_is_taken_back(text: str) -> None:
    assert unmarked(marked(text)) == text
