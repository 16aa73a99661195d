from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.lrm.report import items_by_name
from seatkeeper.lrm.status import runs, status_of
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "db")
    warehouse.load(write_csv(tmp_path / "s.csv", "sessions", [session(1, DAY, DAY + 60), session(2, DAY + 86_400, None)]))
    gap = {"source": "icon-1", "since": DAY, "until": DAY + 5400, "reason": "the database was down"}
    warehouse.load(write_csv(tmp_path / "g.csv", "gaps", [gap]))
    found = status_of(warehouse, items_by_name(), DAY + 3 * 86_400 + 5)
    assert [(one.kind, one.facts, one.first, one.last, one.open) for one in found.kinds] == [
        ("sessions", 2, "2026-09-01", "2026-09-02", 1),
        ("gaps", 1, "2026-09-01", "2026-09-01", 0),
    ]
    assert found.to_close == ["2026-09-01", "2026-09-02", "2026-09-03"]
    assert "To be closed: 2026-09-01 to 2026-09-03." in found.sentences[1]
    assert found.sentences[-1] == "icon-1 has no data for 1.5 hours: the database was down."


def test_days_in_a_row_are_told_as_one() -> None:
    assert runs([20697, 20699, 20698, 20701]) == ["2026-09-01 to 2026-09-03", "2026-09-05"]
