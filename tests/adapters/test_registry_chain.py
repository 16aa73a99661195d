"""Proves that the history tells of a row that was changed, left out, put in or cut off, and says which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.adapters.registry import Registry
from seatkeeper.adapters.registry_chain import chain_faults, hash_of
from seatkeeper.adapters.registry_tables import EMPTY_HASH
from seatkeeper.adapters.registry_values import HistoryRow
from support.registries import BY, KINDS, NOW, new_registry, without_triggers

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 6


def chain(count: int = ROWS) -> list[HistoryRow]:
    rows: list[HistoryRow] = []
    for number in range(1, count + 1):
        previous = rows[-1].hash if rows else EMPTY_HASH
        row = HistoryRow(number, "2026-09-21T14:13:20Z", "Una", "note", "Pigeon", "7001", "B-1", "", "{}", previous, "")
        rows.append(msgspec.structs.replace(row, hash=hash_of(row)))
    return rows


def test_a_whole_history_has_no_faults() -> None:
    assert chain_faults([]) == []
    assert chain_faults(chain(), ROWS) == []
    # What was hashed once must hash the same in every release.
    assert hash_of(chain()[0]) == "e2e0abc8ca6f68f1866daebb4811f3f34365a9396ae9603ba5c0b9d5d5828043"


@given(st.integers(0, ROWS - 1), st.sampled_from([name for name in HistoryRow.__struct_fields__ if name not in {"row", "hash"}]), st.text())
def test_any_changed_field_is_found_in_its_row(at: int, name: str, value: str) -> None:
    rows = chain()
    if getattr(rows[at], name) == value:
        value += "x"
    rows[at] = msgspec.structs.replace(rows[at], **{name: value})
    assert f"Row {at + 1} of the history was changed." in chain_faults(rows, ROWS)


@given(st.integers(0, ROWS - 2))
def test_a_row_that_was_changed_and_hashed_anew_is_found_by_the_next(at: int) -> None:
    rows = chain()
    changed = msgspec.structs.replace(rows[at], act="other")
    rows[at] = msgspec.structs.replace(changed, hash=hash_of(changed))
    assert chain_faults(rows) == [f"Row {at + 2} of the history does not follow the row before it."]


@given(st.integers(0, ROWS - 2))
def test_a_row_left_out_is_found(at: int) -> None:
    rows = chain()
    del rows[at]
    assert chain_faults(rows) == [f"Row {at + 1} of the history is missing."]


def test_two_rows_that_changed_places_are_found() -> None:
    rows = chain()
    rows[1], rows[2] = rows[2], rows[1]
    assert "Row 2 of the history is out of place." in chain_faults(rows)


def test_rows_cut_off_at_the_end_are_missed_where_their_number_is_known() -> None:
    assert chain_faults(chain()[:-1], ROWS) == ["Row 6 of the history is missing."]
    assert chain_faults(chain()[:2], ROWS) == ["Rows 3 to 6 of the history are missing."]
    assert chain_faults([], 1) == ["Row 1 of the history is missing."]
    # What cannot be found without a hash that somebody kept: the number of rows was corrected as well, or all was hashed anew.
    assert chain_faults(chain()[:-1], ROWS - 1) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_registry_tells_what_its_owner_did_to_the_history(kind: str, tmp_path: Path) -> None:
    where = new_registry(kind, tmp_path)
    with Registry(where) as registry:
        for number in range(ROWS):
            with registry.write(NOW + number, BY) as act:
                act.tell("note", number=number)

        def faults() -> list[str]:
            with registry.read() as view:
                return chain_faults(view.history(), view.last_number("history"))

        assert faults() == []
        without_triggers(where, "history", """UPDATE history SET details = '{"number":7}' WHERE "row" = 3""")
        assert faults() == ["Row 3 of the history was changed."]
        without_triggers(where, "history", 'DELETE FROM history WHERE "row" = 3')
        assert faults() == ["Row 3 of the history is missing."]
        without_triggers(where, "history", 'DELETE FROM history WHERE "row" >= 5')
        assert faults() == ["Row 3 of the history is missing.", "Rows 5 to 6 of the history are missing."]
