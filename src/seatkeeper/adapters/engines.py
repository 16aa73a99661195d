"""The engines that work out reports: DuckDB here, or Apache Spark, each given the same Ibis expressions."""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

from seatkeeper.base.errors import SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ibis.expr.types import Table, Value

    from seatkeeper.usage.facts import Kind

__all__ = ["ENGINES", "Engine", "EngineName", "open_duckdb", "open_engine", "open_spark", "schema_of"]

EngineName = Literal["duckdb", "spark"]
ENGINES: Final[tuple[EngineName, ...]] = ("duckdb", "spark")

_LOCAL: Final = "local[*]"
_SPARK: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    # Small tables go to Java as a whole, without a Python process for each core.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
}
#: In one process shuffles, plans that change on the way, and code that is made for each query take longer than the query itself.
_SPARK_LOCAL: Final = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
_SPARK_TYPES: Final = {"string": "string", "int64": "bigint", "boolean": "boolean"}
#: How long a master may take to answer; Spark itself would try for a minute, and then say that its own context has ended.
_MASTER_S: Final = 10.0
_MASTER_PORT: Final = 7077
#: As much of what Spark says as a person reads.
_ERROR_CHARS_MAX: Final = 300

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
        found: list[dict[str, Any]] = self._arrow(expression.as_table()).to_pylist()
        return found

    def value(self, expression: Value) -> Any:
        """The single value that an expression gives."""
        return self._arrow(expression.as_table())[0][0].as_py()

    def _arrow(self, expression: Table) -> Any:
        if self.name == "duckdb":
            with _disk_errors():
                return self.backend.to_pyarrow(expression)
        # Ibis takes Spark's answer through pandas, where a whole number beside a null becomes a fraction.
        with _spark_errors():
            self.backend._run_pre_execute_hooks(expression)
            return self.backend._session.sql(self.backend.compile(expression)).toArrow()

    def keep(self, expression: Table) -> Table:
        """The expression's rows, worked out once and kept while the connection lasts."""
        self._kept += 1
        with _disk_errors():
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
        # Ibis gives Spark one path only; and Spark, not knowing the columns, would read the files to find them.
        self._kept += 1
        view = f"files_{self._kept}"
        columns = ", ".join(f"`{name}` {_SPARK_TYPES[type_]}" for name, type_ in schema.items())
        with _spark_errors():
            self.backend._session.read.schema(columns).parquet(*names).createOrReplaceTempView(view)
        return self.backend.table(view).select(*schema)

    def write(self, expression: Table, target: Path) -> None:
        """The rows as one Parquet file (DuckDB only)."""
        self._copy(expression, target, "FORMAT parquet, COMPRESSION zstd")

    def write_by_day(self, expression: Table, target: Path) -> None:
        """The rows as Parquet files below `target`, one directory for each value of the column `day` (DuckDB only)."""
        self._copy(expression, target, "FORMAT parquet, PARTITION_BY (day), COMPRESSION zstd")

    def _copy(self, expression: Table, target: Path, how: str) -> None:
        quoted = str(target).replace("'", "''")
        with _disk_errors():
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


def open_spark(master: str = "") -> Engine:
    """Apache Spark: in this process with Java from this machine, or a master by its URL.

    Raises:
        SeatkeeperError: PySpark or Java is missing, or the master does not answer.
    """
    ibis = _ibis()
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SeatkeeperError("Spark is not installed.", "Install it with `pip install 'seatkeeper[usage,spark]'`, and Java 17.") from None
    if master.startswith("spark://"):
        _check_master(master)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    local = not master or master.startswith("local")
    builder = SparkSession.builder.master(master or _LOCAL).appName("seatkeeper usage")
    for name, value in {**_SPARK, **(_SPARK_LOCAL if local else {})}.items():
        builder = builder.config(name, value)
    with _java_speaks_to_a_file() as said:
        try:
            session = builder.getOrCreate()
        except Exception as error:
            said.seek(0)
            told = [line for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
            raise SeatkeeperError(
                f"Spark does not start: {_in_one_line(error, told)}",
                "It needs Java 17 or newer (Debian: default-jre-headless)." if local else f"Is there a Spark master at {master}?",
            ) from None
    session.sparkContext.setLogLevel("OFF")
    return Engine("spark", ibis.pyspark.connect(session))


def _check_master(master: str) -> None:
    """One of the master's addresses, `spark://host:port,host:port`, takes connections."""
    why = ""
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":") if ":" in address else (address, "", str(_MASTER_PORT))
        try:
            with socket.create_connection((host, int(port)), _MASTER_S):
                return
        except (OSError, ValueError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
    raise SeatkeeperError(f"No Spark master answers at {master}: {why.rstrip('.')}.", "Start it, or name another --master.")


@contextmanager
def _java_speaks_to_a_file() -> Iterator[BinaryIO]:
    """While this lasts, what is started writes its warnings to a file without a name; Java goes on to do so.

    Java, and what starts it, warn of their own modules, logs and host names, which is no news to a person who wants a report.
    """
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        ours = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(ours, 2)
            os.close(ours)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """What DuckDB says of a file that it cannot read or write is an OSError like any other's, with the system's own words."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ != "IOException":
            raise
        text = str(error)
        number = re.search(r'"errno"\s*:\s*"(\d+)"', text)
        if number is not None:
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
        raise OSError(text.removeprefix("IO Error: ").splitlines()[0]) from error


@contextmanager
def _spark_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise SeatkeeperError(f"Spark cannot work this out: {_in_one_line(error)}", "DuckDB may: leave --engine spark out.") from None


def _in_one_line(error: Exception, told: Sequence[str] = ()) -> str:
    """What went wrong, without Java's stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Where Java did not start at all, only it says why.
    first = told[-1].strip() if told and "JAVA_GATEWAY" in str(error) else next(iter(lines), type(error).__name__)
    if "stopped SparkContext" in first:
        # Spark gave up after a minute, and has forgotten why.
        return "the master has not taken this application on."
    causes = [line for line in lines if line.startswith(("Caused by: ", ": "))]
    if causes:
        # The last cause says most: the name of a class, and what it says.
        first = re.sub(r"^(Caused by)?: ([\w$]+\.)+[\w$]+: ", "", causes[-1])
    return first.rstrip(".:")[:_ERROR_CHARS_MAX] + "."


def open_engine(name: EngineName, scratch: Path, master: str = "") -> Engine:
    """The engine of that name."""
    return open_spark(master) if name == "spark" else open_duckdb(scratch)
