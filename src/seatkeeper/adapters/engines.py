"""The engines that work out reports: DuckDB here, or Apache Spark, each given the same Ibis expressions."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, Literal

from seatkeeper.base.errors import SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ibis.expr.types import Table, Value

    from seatkeeper.usage.facts import Kind

__all__ = ["ENGINES", "Engine", "EngineName", "open_duckdb", "open_engine", "open_spark", "schema_of"]

EngineName = Literal["duckdb", "spark"]
ENGINES: Final[tuple[EngineName, ...]] = ("duckdb", "spark")

_TYPES: Final = {"text": "string", "list": "string", "time": "int64", "whole": "int64", "flag": "boolean"}


def schema_of(kind: Kind) -> dict[str, str]:
    """The kind's columns and their types, in Ibis' words."""
    return {column.name: _TYPES[column.type] for column in kind.columns}


class Engine:
    """A connection to an engine.

    Attributes:
        name: Which one.
        backend: Ibis' backend.
    """

    def __init__(self, name: EngineName, backend: Any) -> None:
        self.name = name
        self.backend = backend
        self._kept = 0

    def rows(self, expression: Value | Table) -> list[dict[str, Any]]:
        """The rows that an expression gives."""
        found: list[dict[str, Any]] = self.backend.to_pyarrow(expression).to_pylist()
        return found

    def value(self, expression: Value) -> Any:
        """The single value that an expression gives."""
        return self.backend.to_pyarrow(expression).as_py()

    def keep(self, expression: Table) -> Table:
        """The expression's rows, worked out once and kept while the connection lasts."""
        self._kept += 1
        return self.backend.create_table(f"kept_{self._kept}", expression, temp=True)

    def facts(self, paths: Sequence[Path], kind: Kind) -> Table:
        """The facts in these Parquet files; of no file, no facts."""
        return self.parquet(paths, schema_of(kind))

    def parquet(self, paths: Sequence[Path], schema: dict[str, str]) -> Table:
        """The rows of these Parquet files, with the columns of the schema; of no file, no rows."""
        import ibis

        if not paths:
            return ibis.memtable([], schema=schema)
        names = [str(path) for path in paths]
        if self.name == "duckdb":
            return self.backend.read_parquet(names).select(*schema)
        # Ibis gives Spark one path only.
        self._kept += 1
        view = f"files_{self._kept}"
        self.backend._session.read.parquet(*names).createOrReplaceTempView(view)
        return self.backend.table(view).select(*schema)

    def write(self, expression: Table, target: Path) -> None:
        """The rows as one Parquet file (DuckDB only)."""
        self._copy(expression, target, "FORMAT parquet, COMPRESSION zstd")

    def write_by_day(self, expression: Table, target: Path) -> None:
        """The rows as Parquet files below `target`, one directory for each value of the column `day` (DuckDB only)."""
        self._copy(expression, target, "FORMAT parquet, PARTITION_BY (day), COMPRESSION zstd")

    def _copy(self, expression: Table, target: Path, how: str) -> None:
        quoted = str(target).replace("'", "''")
        self.backend.raw_sql(f"COPY ({self.backend.compile(expression)}) TO '{quoted}' ({how})")

    def close(self) -> None:
        """Ends the connection."""
        self.backend.disconnect()


def _ibis() -> Any:
    try:
        import ibis
    except ImportError:
        raise SeatkeeperError(
            "Usage reports need packages that are not installed.", "Install them with `pip install 'seatkeeper[usage]'`."
        ) from None
    return ibis


def open_duckdb(scratch: Path | None = None, memory: str = "", threads: int = 0) -> Engine:
    """DuckDB in this process.

    Args:
        scratch: A directory for what does not fit into memory; made when it is needed. None: none.
        memory: As much as it may use, such as `8GB`; empty: most of the machine's.
        threads: How many; 0: as many as there are cores.
    """
    ibis = _ibis()
    settings: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    if memory:
        settings["memory_limit"] = memory
    if threads:
        settings["threads"] = threads
    settings["temp_directory"] = str(scratch / ".scratch") if scratch is not None else ""
    return Engine("duckdb", ibis.duckdb.connect(**settings))


def open_spark(master: str = "local[*]") -> Engine:
    """Apache Spark: in this process with Java from this machine, or a master by its URL.

    Raises:
        SeatkeeperError: PySpark or Java is missing.
    """
    ibis = _ibis()
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SeatkeeperError("Spark is not installed.", "Install it with `pip install 'seatkeeper[usage,spark]'`, and Java 17.") from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("seatkeeper usage")
    for name, value in {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "4" if master.startswith("local") else "200",
        "spark.sql.ansi.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.log.level": "ERROR",
    }.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:
        raise SeatkeeperError(
            f"Spark does not start: {str(error).splitlines()[0]}.", "It needs Java 17 or newer (Debian: default-jre-headless)."
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return Engine("spark", ibis.pyspark.connect(session))


def open_engine(name: EngineName, scratch: Path, master: str = "") -> Engine:
    """The engine of that name."""
    return open_spark(*([master] if master else [])) if name == "spark" else open_duckdb(scratch)
