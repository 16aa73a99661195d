from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import ibis
import pytest

from seatkeeper.adapters.engines import open_duckdb, open_engine, schema_of
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.usage.facts import KINDS
from support.usagefacts import DAY, session, table_of

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_kept_and_written_is_read_again(tmp_path: Path) -> None:
    engine = open_duckdb(tmp_path, memory="1GB", threads=1)
    kind = KINDS["sessions"]
    kept = engine.keep(table_of("sessions", [session(1, DAY, None), session(2, DAY + 86_400, DAY + 90_000)]))
    assert engine.value(kept.count()) == 2
    assert engine.rows(kept.filter(kept.session_id == "s2").select("logout")) == [{"logout": DAY + 90_000}]
    engine.write_by_day(kept.mutate(day=(kept.login // 86_400).cast("int64")), tmp_path / "o'clock")
    files = sorted((tmp_path / "o'clock").rglob("*.parquet"))
    assert len(files) == 2
    again = engine.facts(files, kind)
    assert dict(again.schema()) == dict(ibis.schema(schema_of(kind)))
    assert engine.value(again.count()) == 2
    assert engine.value(engine.facts([], kind).count()) == 0
    engine.close()


@pytest.mark.parametrize(("name", "package"), [("duckdb", "ibis"), ("spark", "pyspark.sql")])
def test_what_to_install_is_told(name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SeatkeeperError, match="pip install"):
        open_engine(name, tmp_path)  # type: ignore[arg-type]


def test_a_master_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SeatkeeperError, match=r"No Spark master answers at spark://127\.0\.0\.1:1,localhost:1: Connection refused\."):
        open_engine("spark", tmp_path, "spark://127.0.0.1:1,localhost:1")
    with pytest.raises(SeatkeeperError, match="No Spark master answers at spark://here:door"):
        open_engine("spark", tmp_path, "spark://here:door")


def test_a_full_disk_is_an_error_of_the_system(tmp_path: Path) -> None:
    engine = open_duckdb(tmp_path)
    with pytest.raises(OSError, match="nowhere"):
        engine.write(engine.keep(table_of("sessions", [session(1, DAY, None)])), tmp_path / "nowhere" / "file")
