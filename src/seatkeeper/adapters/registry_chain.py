"""A row of the history that was changed, left out or put in later is found, because each row's hash holds the one before it.

The hash is SHA-256 over the row's fields as a JSON list, the previous hash among them. Rows cut off at the end break no chain; that
they were written is known from the number of rows, which the registry keeps elsewhere (`numbers`, kind `history`). Who corrects that
as well, or rewrites the whole chain from some row
on, is found by whoever kept a later hash: `seatkeeper desk verify` prints the last one, and takes one that was kept.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from seatkeeper.adapters.registry_tables import EMPTY_HASH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatkeeper.adapters.registry_values import HistoryRow

__all__ = ["chain_faults", "hash_of"]


def hash_of(row: HistoryRow) -> str:
    """The hash that a row must have."""
    fields = [row.row, row.at, row.by, row.act, row.customer, row.site, row.order, row.file, row.details, row.previous]
    return sha256(json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def chain_faults(rows: Iterable[HistoryRow], written: int = 0) -> list[str]:
    """A sentence for each row, in order, that does not follow from the one before; none where the history is whole.

    Args:
        rows: The whole history.
        written: How many rows it must have at least.
    """
    faults = []
    number, previous = 0, EMPTY_HASH
    for row in rows:
        number += 1
        if row.row != number:
            faults.append(
                f"Row {number} of the history is missing." if row.row > number else f"Row {row.row} of the history is out of place."
            )
            number = row.row
        elif row.previous != previous:
            faults.append(f"Row {row.row} of the history does not follow the row before it.")
        if row.hash != hash_of(row):
            faults.append(f"Row {row.row} of the history was changed.")
        previous = row.hash
    if written == number + 1:
        faults.append(f"Row {written} of the history is missing.")
    elif written > number:
        faults.append(f"Rows {number + 1} to {written} of the history are missing.")
    return faults
