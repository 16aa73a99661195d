"""Small worlds of facts for tests: rows as files have them, and the same rows as Ibis tables."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ibis

from seatkeeper.adapters.engines import schema_of
from seatkeeper.usage.facts import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["DAY", "moment", "session", "table_of", "utc", "write_csv"]

#: 2026-09-01, in UTC seconds.
DAY = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp())

_EMPTY = {"text": "", "list": "", "time": None, "whole": None, "flag": False}


def utc(seconds: int | None) -> str:
    """`2026-09-01T00:00:00Z`; nothing for None."""
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str) -> int:
    """The UTC seconds of `2026-09-01T00:00:00Z`, or of `HH:MM[:SS]` on that day."""
    if "T" in text:
        return int(datetime.fromisoformat(text).timestamp())
    parts = [int(part) for part in text.split(":")]
    return DAY + sum(part * size for part, size in zip(parts, (3600, 60, 1), strict=False))


def session(number: int, login: int, logout: int | None, **others: Any) -> dict[str, Any]:
    """A session as the warehouse has it."""
    return {"source": "|icon|", "session_id": f"s{number}", "tenant": "Harbor", "login": login, "logout": logout, **others}


def table_of(kind: str, rows: Iterable[Mapping[str, Any]]) -> ibis.Table:
    """The rows as a table of this kind, with what they leave out empty."""
    columns = KINDS[kind].columns
    full = [tuple(row.get(column.name, _EMPTY[column.type]) for column in columns) for row in rows]
    return ibis.memtable(full, schema=schema_of(KINDS[kind]))


def write_csv(path: Path, kind: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """The rows as a file that `seatkeeper usage load` takes; times are seconds, lists may be without bars at their ends."""
    names = [column.name for column in KINDS[kind].columns if not column.optional]
    times = {column.name for column in KINDS[kind].columns if column.type == "time"}
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            writer.writerow([utc(row.get(name)) if name in times else row.get(name, "") for name in names])
    return path
