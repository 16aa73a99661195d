"""A database either does what was asked, wholly and for good, or says in one sentence what keeps it, without a password in it.

SQLite keeps the registry of one machine in a file, PostgreSQL that of several people. Who writes is alone with the database until
his transaction ends: SQLite begins with the writer's lock (BEGIN IMMEDIATE), PostgreSQL with an advisory lock. So what is read in a
transaction that writes is so until it has written, and two desks never draw the same number. A desk writes a few rows for each
file; it has no need of more than one writer.

Other programs may be in the way all the same (somebody locks a table by hand). PostgreSQL then ends one transaction, and `retried`
does its work again.
"""

from __future__ import annotations

import functools
import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import URL, Connection, Engine

__all__ = ["CONNECT_S", "LOCK_S", "TRIES_MAX", "BusyError", "Database", "retried"]

#: How long a desk waits for another one to end its transaction.
LOCK_S: Final = 30
#: How long a PostgreSQL server may take to answer a new connection.
CONNECT_S: Final = 10
#: So often a piece of work is tried whose transaction PostgreSQL ends for the sake of another one.
TRIES_MAX: Final = 5

#: Of the advisory lock; a number of our own.
_LOCK_ID: Final = 0x5EA7_0001
_WRITES: Final = "seatkeeper_writes"

#: What PostgreSQL says of such a transaction: serialization failure, deadlock.
_ENDED: Final = frozenset({"40001", "40P01"})

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

#: SQLSTATE, or its beginning -> what is wrong, and what to do.
_STATES: Final[tuple[tuple[str, str, str], ...]] = (
    ("28", "The database does not let this account in.", "Check the account, and its password in ~/.pgpass or PGPASSWORD."),
    ("3D000", "The server has no such database.", "Make it with `createdb`, then run `seatkeeper desk init`."),
    ("25006", "The registry can only be read here.", "Name the server that takes writes, or wait until it does."),
    ("53100", "The disk of the database is full.", "Free space there; nothing was kept of what was just asked."),
    ("53300", "The database takes no more connections.", "Close other programs, or raise max_connections there."),
    (
        "42501",
        "This account may not do that in the registry.",
        "Ask the owner of the database for the right to read and to write its tables.",
    ),
    ("55P03", "Another desk has held the registry for too long.", "Try again; if it stays so, look for a desk that hangs."),
    ("42P01", "A table of the registry is gone.", "Restore the registry from a backup."),
    ("22", "A value is not one that the registry can keep.", "Shorten it, and take out what is no text or number."),
    (
        "23",
        "The registry has such a row already, or lacks one that this refers to.",
        "Nothing of it was kept; look at `seatkeeper desk history`.",
    ),
    ("40", "Another transaction was in the way.", "Try again."),
    ("57", "The database was shut down.", "Try again when it is up."),
)

#: Words in what a database says where it gives no SQLSTATE -> what is wrong, and what to do.
_WORDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("database is locked", "Another program has held the registry for too long.", "Try again; if it stays so, look for a desk that hangs."),
    ("readonly database", "The registry can only be read here.", "Let this account write the file and its directory."),
    ("disk is full", "The disk of the registry is full.", "Free space there; nothing was kept of what was just asked."),
    ("unable to open", "The registry cannot be opened.", "Check the name, and who may read and write the file and its directory."),
    ("not a database", "This file is no registry.", "Name the file that `seatkeeper desk init` made."),
    ("malformed", "The registry is damaged.", "Restore it from a backup."),
    ("disk i/o error", "The disk of the registry fails.", "Look at the system's log, and restore the registry from a backup if need be."),
    ("no such table", "A table of the registry is gone.", "Restore the registry from a backup."),
    (
        "constraint failed",
        "The registry has such a row already, or lacks one that this refers to.",
        "Nothing of it was kept; look at `seatkeeper desk history`.",
    ),
    ("password", "The database does not let this account in.", "Check the account, and its password in ~/.pgpass or PGPASSWORD."),
    (
        "does not exist",
        "The server has no such database or account.",
        "Make it with `createdb` or `createuser`, then run `seatkeeper desk init`.",
    ),
    (
        "connection option",
        "The registry's address has an option that PostgreSQL does not know.",
        "Take out what stands behind the question mark, or correct it.",
    ),
    ("starting up", "The database is not up yet.", "Try again in a moment."),
)
_UNREACHABLE: Final = ("The database cannot be reached.", "Check host, port and firewall, and that PostgreSQL runs there.")


class BusyError(InputError):
    """Another transaction was in the way and nothing was kept; the same work, done again, may well go through."""


def retried(work: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The function, tried up to `TRIES_MAX` times; outside its one transaction it must do nothing."""

    @functools.wraps(work)
    def tried(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        for _ in range(TRIES_MAX - 1):
            try:
                return work(*args, **kwargs)
            except BusyError:
                continue
        return work(*args, **kwargs)

    return tried


class Database:
    """A SQLite file or a PostgreSQL database.

    Args:
        where: `sqlite:///desk.db`, the path of a file, or `postgresql://account@host/database`.
        create: Let a SQLite file be made where there is none.

    Raises:
        InputError: It cannot be told what is meant, or there is no such file.
    """

    def __init__(self, where: str, *, create: bool = False) -> None:
        url = _url_of(where)
        #: For people; without account and password.
        self.name = _name_of(url)
        self.sqlite = url.drivername == "sqlite"
        if self.sqlite:
            self._check_file(url.database or "", create=create)
        # Not even in a trace, where one is printed in spite of all: hide_parameters.
        arguments: dict[str, Any] = {"timeout": LOCK_S} if self.sqlite else {"connect_timeout": CONNECT_S}
        self._engine = create_engine(url, connect_args=arguments, hide_parameters=True, pool_pre_ping=not self.sqlite)
        if self.sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)

    def close(self) -> None:
        """Nothing is open any more."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the registry and changes nothing."""
        with self._explained():
            engine: Engine = self._engine if self.sqlite else self._engine.execution_options(isolation_level="REPEATABLE READ")
            with engine.connect() as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that nobody else writes beside; it is on the disk when the block has ended well, else nothing of it is."""
        options: dict[str, Any] = {_WRITES: True}
        if not self.sqlite:
            # Each statement sees what was committed before it, so whoever has got the lock sees all that came before.
            options["isolation_level"] = "READ COMMITTED"
        with self._explained(), self._engine.execution_options(**options).begin() as connection:
            if not self.sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_S}s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_ID})")
            yield connection

    def _check_file(self, path: str, *, create: bool) -> None:
        if os.path.isdir(path):  # noqa: PTH112
            raise InputError("This is a directory.", file=path, remedy="Name the file of the registry.")
        try:
            if create:
                # Born with its mode: the registry knows every customer.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            else:
                os.stat(path)  # noqa: PTH116
        except FileNotFoundError:
            if create:
                raise InputError("The registry cannot be made: its directory is not there.", file=path, remedy="Make it first.") from None
            remedy = f"Make it with `seatkeeper desk init --registry {path}`."
            raise InputError("There is no registry here.", file=path, remedy=remedy) from None
        except OSError as error:
            message = f"The registry cannot be {'made' if create else 'opened'}: {error.strerror}."
            raise InputError(message, file=path, remedy="Check the name, and who may write the file and its directory.") from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what the database says into a sentence of ours."""
        try:
            yield
        except SQLAlchemyError as error:
            message, remedy = _explanation(error, sqlite=self.sqlite)
            ended = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _ENDED
            raise (BusyError if ended else InputError)(message, file=self.name, remedy=remedy) from None


def _url_of(where: str) -> URL:
    """The URL that is meant.

    Raises:
        InputError: It is none that we know.
    """
    expected = "a file, sqlite:///FILE, or postgresql://ACCOUNT@HOST/DATABASE"
    if not where.strip() or "\0" in where:
        raise InputError("This names no registry.", file="--registry", expected=expected)
    if "://" not in where and where != ":memory:":
        return make_url("sqlite://").set(database=where)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        # What cannot be read may hold a password, so it is not shown.
        raise InputError("This names no registry.", file="--registry", expected=expected) from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite")
    if kind in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    raise InputError("The registry cannot be kept there.", file="--registry", found=kind, expected=expected)


def _name_of(url: URL) -> str:
    if url.drivername == "sqlite":
        return url.database or ""
    host = url.host or url.query.get("host", "localhost")
    return f"postgresql://{host if isinstance(host, str) else host[0]}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # We begin transactions ourselves: the module would begin them at the first change only, without the writer's lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # SQLite does not wait for this one; another program is doing the same then, or the file can only be read. It all works without.
    with suppress(sqlite3.OperationalError):
        cursor.execute("PRAGMA journal_mode = WAL")
    # In WAL, FULL is what has a commit on the disk when it returns; the default is not promised to be.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _explanation(error: SQLAlchemyError, *, sqlite: bool) -> tuple[str, str]:
    """What is wrong and what to do, without any of the words that the database was given."""
    original = error.orig if isinstance(error, DBAPIError) else None
    state = str(getattr(original, "sqlstate", None) or "")
    said = str(original).lower() if original is not None else ""
    refused = said.find("the registry never changes rows of ")
    if refused >= 0:
        rows = said[refused:].split("\n")[0].split()[6:7]
        return f"The registry never changes rows of {' '.join(rows)}.", "What was issued and done stays; add what is new."
    for beginning, message, remedy in _STATES:
        if state.startswith(beginning):
            return message, remedy
    if not state:
        for words, message, remedy in _WORDS:
            if words in said:
                return message, remedy
    if not sqlite and isinstance(error, InterfaceError | OperationalError) and state[:2] in {"", "08"}:
        return _UNREACHABLE
    kind = type(original or error).__name__ + (f" {state}" if state else "")
    return (
        f"The database refused this ({kind}).",
        "Nothing of it was kept. Run `seatkeeper desk verify`, and report this if it finds nothing.",
    )
