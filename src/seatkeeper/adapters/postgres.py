"""Tables of somebody else's PostgreSQL database come as Arrow columns, or a sentence says what keeps them.

Rows come by ADBC, which takes what COPY sends in binary form straight into columns: no value is ever a Python object.

Whose tables they are decided on their names, and on how names are spelled: a script that quotes none has them in small letters, one that
quotes them in capitals. So tables and columns are looked up by name whatever their case, in one schema. A column that only some releases
have is null where it is missing; one that is needed is missed by name.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from seatkeeper.base.errors import InputError, SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

__all__ = ["CONNECT_S", "ForeignDatabase", "Wanted", "check_no_password", "quoted"]

#: How long a server may take to answer a new connection.
CONNECT_S: Final = 10

#: SQLSTATE, or its beginning -> what is wrong, and what to do.
_STATES: Final = (
    ("42501", "This account may not read a table there.", "Ask the owner of the database for the right to read it."),
    ("57014", "The database ended the query.", "Raise statement_timeout of this account, or ask at a quieter time."),
    ("57", "The database was shut down.", "Try again when it is up."),
    ("53", "The database has run out of something (disk, memory, connections).", "Free it, and try again."),
    ("40", "Another transaction was in the way.", "Try again."),
    ("08", "The connection was lost.", "Try again."),
)
#: Words of libpq, where there is no SQLSTATE.
_WORDS: Final = (
    ("password", "The database does not let this account in.", "Check the account, and its password in ~/.pgpass or the variable."),
    ("no pg_hba.conf entry", "The database does not let this account in from here.", "Allow it in pg_hba.conf there."),
    ("does not exist", "The server has no such database or account.", "Check the names in the address."),
    ("starting up", "The database is not up yet.", "Try again in a moment."),
    ("too many clients", "The database takes no more connections.", "Close other programs, or raise max_connections there."),
    ("in connection info string", "This is no address of a PostgreSQL database.", "Write postgresql://ACCOUNT@HOST/DATABASE."),
    ("query parameter", "The address has an option that PostgreSQL does not know.", "Take out what stands behind the question mark."),
)
_UNREACHABLE: Final = ("The database cannot be reached.", "Check host, port and firewall, and that PostgreSQL runs there.")


class Wanted(msgspec.Struct, frozen=True):
    """A column that is asked for.

    Attributes:
        alias: What it is called here.
        names: What it may be called there; the first that is there is taken.
        type: PostgreSQL's type that it is cast to.
        required: It must be there.
    """

    alias: str
    names: tuple[str, ...]
    type: str = "bigint"
    required: bool = False


def check_no_password(url: str, place: str) -> None:
    """Return only if the address has no password: it would stand in a file, or in the list of processes.

    Raises:
        InputError: It has one, which is not repeated; `place` is the option or entry that has the address.
    """
    try:
        parts = urlsplit(url)
        found = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        return
    if found:
        remedy = "Write it into ~/.pgpass, or name the environment variable that has it."
        raise InputError("The address has a password in it.", file=place, remedy=remedy)


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


class ForeignDatabase:
    """One schema of a PostgreSQL database, seen at one moment.

    Args:
        url: `postgresql://account@host/database`; a password had better stand in ~/.pgpass.
        schema: Whose tables; empty for the first of the account's search path.
        password: As a variable had it.
        write: Tables may be made and filled; else the transaction reads only.

    Raises:
        SeatkeeperError: It cannot be reached, or does not let us in.
    """

    def __init__(self, url: str, schema: str = "", password: str = "", *, write: bool = False) -> None:
        if not url.startswith(("postgresql://", "postgres://")):
            kind = url.partition(":")[0] if "://" in url else ""
            raise InputError(
                "This is no address of a PostgreSQL database.", file="url", found=kind, expected="postgresql://ACCOUNT@HOST/DATABASE"
            )
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise SeatkeeperError(
                "Reading PostgreSQL needs packages that are not installed.", "Install them with `pip install 'seatkeeper[usage]'`."
            ) from None
        #: For people; without account and password.
        self.name = _name_of(url)
        options = [] if "connect_timeout=" in url else [f"connect_timeout={CONNECT_S}"]
        options += [f"password={quote(password, safe='')}"] if password else []
        joint = "&" if "?" in url else "?"
        self._error = dbapi.Error
        with self._explained():
            self._connection = dbapi.connect(url + (joint + "&".join(options) if options else ""))
        self._cursor = self._connection.cursor()
        with self._explained():
            if not write:
                self._cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                self._connection.commit()
            self.schema = schema or str(self.rows("SELECT current_schema()::text AS name")[0]["name"] or "public")
            self._look()

    def __enter__(self) -> ForeignDatabase:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; what was not committed is undone."""
        self._cursor.close()
        self._connection.close()

    def _look(self) -> None:
        found = self.rows(
            "SELECT c.relname::text AS name, a.attname::text AS column FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
            f" WHERE n.nspname = {_text(self.schema)} AND c.relkind IN ('r', 'v', 'm', 'p', 'f')"
        )
        #: Small name -> name there, and the same of its columns.
        self._tables: dict[str, tuple[str, dict[str, str]]] = {}
        for row in found:
            _, columns = self._tables.setdefault(row["name"].lower(), (row["name"], {}))
            columns[row["column"].lower()] = row["column"]

    def has(self, table: str, column: str = "") -> bool:
        """True where there is such a table, and such a column of it."""
        there = self._tables.get(table.lower())
        return there is not None and (not column or column.lower() in there[1])

    def table(self, name: str) -> str:
        """The table's name in SQL.

        Raises:
            InputError: There is none.
        """
        there = self._tables.get(name.lower())
        if there is None:
            raise InputError(
                "The database has no such table, or this account may not see it.",
                file=self.name,
                found=f"schema {self.schema}",
                expected=name,
                remedy="Name the database, and `schema`, in which it is.",
            )
        return f"{quoted(self.schema)}.{quoted(there[0])}"

    def expression(self, table: str, wanted: Wanted, alias: str = "") -> str:
        """The column in SQL, cast; null of that type where it is not there.

        Raises:
            InputError: It is needed and not there, or there is no such table.
        """
        self.table(table)
        _, columns = self._tables[table.lower()]
        for name in wanted.names:
            if name.lower() in columns:
                return f"{alias + '.' if alias else ''}{quoted(columns[name.lower()])}::{wanted.type}"
        if wanted.required:
            names = " or ".join(wanted.names)
            raise InputError("A table lacks a column.", file=self.name, found=f"{self.schema}.{table}", expected=names)
        return f"NULL::{wanted.type}"

    def select(self, table: str, wanted: Sequence[Wanted], where: str = "", alias: str = "t") -> Any:
        """The columns of all rows for which `where` holds, as an Arrow table; the table is called `alias` there."""
        source = self.table(table)
        columns = ", ".join(f"{self.expression(table, each, alias)} AS {quoted(each.alias)}" for each in wanted)
        return self.arrow(f"SELECT {columns} FROM {source} {alias}{' WHERE ' + where if where else ''}")

    def arrow(self, query: str) -> Any:
        """What a query gives, as an Arrow table."""
        with self._explained():
            self._cursor.execute(query)
            return self._cursor.fetch_arrow_table()

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query gives, row by row."""
        found: list[dict[str, Any]] = self.arrow(query).to_pylist()
        return found

    def execute(self, statement: str) -> None:
        """Does something that gives no rows."""
        with self._explained():
            self._cursor.execute(statement)

    def fill(self, table: str, rows: Any) -> None:
        """Puts the rows of an Arrow table into a table with columns of the same names and types."""
        with self._explained():
            self._cursor.adbc_ingest(table, rows, mode="append", db_schema_name=self.schema)

    def commit(self) -> None:
        """What was done stays; other tables may be there now."""
        with self._explained():
            self._connection.commit()
            self._look()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            state = str(getattr(error, "sqlstate", None) or "")
            message, remedy = _explanation(str(error), state)
            raise SeatkeeperError(f"{self.name}: {message}", remedy) from None


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "postgresql://?"
    return f"postgresql://{host}{f':{port}' if port else ''}{parts.path}"


def _explanation(said: str, state: str) -> tuple[str, str]:
    """What is wrong and what to do; never what the address held."""
    for beginning, message, remedy in _STATES:
        if state.startswith(beginning):
            return message, remedy
    if not state:
        for words, message, remedy in _WORDS:
            if words in said.lower():
                return message, remedy
        return _UNREACHABLE
    first = said.partition("ERROR:")[2].partition("\n")[0].strip()
    return f"The database refused a query (SQLSTATE {state}): {first}.", "Report this, with the release of what keeps these tables."
