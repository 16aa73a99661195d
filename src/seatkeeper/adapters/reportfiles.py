"""A usage report is a table for other programs: CSV that no spreadsheet computes, or Parquet with types, one row a period.

Both have all columns of `usage.document` in their order, under the names of the report's JSON where it has them. What is not known is an
empty cell, or null.
"""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Final

from seatkeeper.base.cells import marked
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.usage.document import COLUMNS

if TYPE_CHECKING:
    from seatkeeper.usage.document import Cell, Column, Document

__all__ = ["INSTALL", "write_csv", "write_parquet"]

INSTALL: Final = "Install the packages of usage reports: pip install 'seatkeeper[usage]'."


def write_csv(document: Document, file: IO[bytes]) -> None:
    """The rows as CSV in UTF-8 with a header; times are UTC as in `2026-09-30T08:00:00Z`."""
    text = TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in COLUMNS])
    for row in document.rows:
        writer.writerow([_text(column, cell) for column, cell in zip(COLUMNS, row, strict=True)])
    # The file stays open for its owner.
    text.detach()


def _text(column: Column, cell: Cell) -> str:
    if cell is None:
        return ""
    if column.type == "time" and isinstance(cell, int):
        return f"{datetime.fromtimestamp(cell, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return cell.isoformat() if isinstance(cell, date) else str(marked(cell))


def write_parquet(document: Document, file: IO[bytes]) -> None:
    """The rows as Parquet: times are UTC timestamps, numbers int64, and what was asked stands in the metadata of the schema.

    Raises:
        SeatkeeperError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise SeatkeeperError("Parquet is written by pyarrow, which is not installed.", INSTALL) from None
    types = {"text": pa.string(), "whole": pa.int64(), "seconds": pa.int64(), "date": pa.date32(), "time": pa.timestamp("s", tz="UTC")}
    about = [("title", document.title), ("subtitle", document.subtitle), *document.about]
    schema = pa.schema([(column.name, types[column.type]) for column in COLUMNS], metadata=dict(about))
    arrays = [pa.array([row[place] for row in document.rows], field.type) for place, field in enumerate(schema)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file)
