from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import MANIFEST, Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.usage.facts import KINDS
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path


def everything(path: Path) -> list[dict[str, Any]]:
    warehouse, engine = Warehouse(path), open_duckdb()
    table = warehouse.table(engine, KINDS["sessions"], warehouse.manifest().parts.get("sessions", []))
    return engine.rows(table.order_by("session_id"))


def test_any_order_of_files_and_any_replay_gives_the_same_facts(tmp_path: Path) -> None:
    draws = random.Random(7)
    rows = [
        session(number % 40, DAY + draws.randrange(3 * 86_400), None, source=draws.choice("ab"), media=draws.choice(["voice", "chat"]))
        for number in range(60)
    ]
    for row in rows:
        row["login"] = DAY + int(row["session_id"][1:]) * 7000 + draws.randrange(60)
        row["logout"] = draws.choice([None, row["login"] + draws.randrange(9000)])
    found = []
    for turn in range(3):
        draws.shuffle(rows)
        target = tmp_path / str(turn)
        for part in range(0, 60, 20):
            Warehouse(target).load(write_csv(tmp_path / "f.csv", "sessions", rows[part : part + 20]))
        again = Warehouse(target).load(write_csv(tmp_path / "f.csv", "sessions", rows[:30]))
        assert (again.rows, again.added) == (30, 0)
        found.append(everything(target))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 40


def test_a_bad_file_changes_nothing_and_a_report_opens_only_what_it_needs(tmp_path: Path) -> None:
    target = tmp_path / "db"
    days = [session(number, DAY + number * 86_400, DAY + number * 86_400 + 60) for number in range(5)]
    Warehouse(target).load(write_csv(tmp_path / "f.csv", "sessions", [*days, session(9, DAY, None)]))
    before = (target / MANIFEST).read_bytes()
    with pytest.raises(InputError):
        Warehouse(target).load(write_csv(tmp_path / "g.csv", "sessions", [session(1, DAY, DAY - 5)]))
    assert (target / MANIFEST).read_bytes() == before
    engine = open_duckdb()
    facts = Warehouse(target).facts(engine, Warehouse(target).manifest(), DAY + 3 * 86_400, DAY + 4 * 86_400)
    assert sorted(row["session_id"] for row in engine.rows(facts.sessions)) == ["s0", "s3", "s9"]
    assert Warehouse(target).manifest().tenants == ["Harbor"]


def test_what_is_no_warehouse_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no usage data"):
        Warehouse(tmp_path, must_exist=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no directory"):
        Warehouse(tmp_path / "file")
    (tmp_path / MANIFEST).write_text("{}x")
    with pytest.raises(InputError, match="cannot be read"):
        Warehouse(tmp_path)
    (tmp_path / MANIFEST).write_text('{"form": 99}')
    with pytest.raises(InputError, match="newer seatkeeper"):
        Warehouse(tmp_path)
