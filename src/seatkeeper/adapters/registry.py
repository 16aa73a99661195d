"""The desk's registry: what was ordered, issued, delivered and changed is written once, stays, and can be shown to be whole.

A `Registry` is opened on a database (`registry_engine`) that has the tables (`registry_tables`). Reading gives a `View`; writing an
`Act`, which sees what a view sees and adds to it. An act is one transaction: what it does and the rows of the history that tell of
it are kept together or not at all. Numbers come from the database within it, so no two desks draw the same.

Time and the name of whoever is at the desk are arguments of the act.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from sqlalchemy import inspect, select

from seatkeeper.adapters import registry_tables as tables
from seatkeeper.adapters.registry_chain import hash_of
from seatkeeper.adapters.registry_engine import Database
from seatkeeper.adapters.registry_reading import View
from seatkeeper.adapters.registry_values import HistoryRow
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from sqlalchemy import Connection

    from seatkeeper.adapters.registry_values import EntitlementRow, FileRow, OrderRow

__all__ = ["BY_CHARS_MAX", "Act", "Registry", "make_registry", "moment"]

#: Of the name of whoever is at the desk.
BY_CHARS_MAX: Final = 100
_VERSION: Final = re.compile(r"[0-9]{1,6}")


def moment(now: float) -> str:
    """Seconds since the UNIX epoch as the registry writes them."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_registry(where: str) -> str:
    """What became of the database: `made`, `migrated`, or `kept` where it was up to date already.

    Raises:
        InputError: It cannot be written, or is of a newer release.
    """
    database = Database(where, create=True)
    try:
        with database.write() as connection:
            found = _schema_of(connection, database.name)
            if found is None:
                others = tables.names_taken(connection)
                if others:
                    raise InputError(
                        "This database is another program's.", file=database.name, found=f"table {others[0]}", remedy="Name another one."
                    )
                tables.create(connection)
                return "made"
            _refuse_newer(found, database.name)
            if found < tables.SCHEMA:
                tables.migrate(connection, found)
                return "migrated"
            return "kept"
    finally:
        database.close()


class Registry:
    """A registry that is open, and as this release knows it.

    Args:
        where: As for `registry_engine.Database`.

    Raises:
        InputError: There is none, or its schema is another one.
    """

    def __init__(self, where: str) -> None:
        self._database = Database(where)
        self.name = self._database.name
        try:
            with self._database.read() as connection:
                found = _schema_of(connection, self.name)
            if found is None:
                raise InputError("There is no registry here.", file=self.name, remedy="Make it with `seatkeeper desk init`.")
            _refuse_newer(found, self.name)
            if found < tables.SCHEMA:
                raise InputError(
                    "This registry was made by an older release.",
                    file=self.name,
                    found=f"schema {found}",
                    expected=f"schema {tables.SCHEMA}",
                    remedy="Back it up, then `seatkeeper desk init` brings it up; older releases cannot use it afterwards.",
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Nothing is open any more."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[View]:
        """The registry as it is at one moment."""
        with self._database.read() as connection:
            yield View(connection)

    @contextmanager
    def write(self, now: float, by: str) -> Iterator[Act]:
        """An act, which is on the disk when the block has ended well; otherwise nothing of it is."""
        # The name may come from the system, and be no text in it.
        name = " ".join(by.encode(errors="replace").decode().replace("\0", "").split())[:BY_CHARS_MAX]
        with self._database.write() as connection:
            yield Act(connection, moment(now), name)


class Act(View):
    """One transaction that writes; nobody else writes beside it.

    Attributes:
        at: When it is done.
        by: Who is at the desk.
    """

    def __init__(self, connection: Connection, at: str, by: str) -> None:
        super().__init__(connection)
        self.at = at
        self.by = by

    def draw(self, kind: str) -> int:
        """The next number of its kind, from 1; drawn once, ever."""
        numbers = tables.numbers
        last = self._connection.execute(select(numbers.c.last).where(numbers.c.kind == kind)).scalar()
        if last is None:
            self._connection.execute(numbers.insert().values(kind=kind, last=1))
            return 1
        self._connection.execute(numbers.update().where(numbers.c.kind == kind).values(last=last + 1))
        return int(last) + 1

    def tell(self, act: str, *, site: str = "", order: str = "", file: str = "", **details: Any) -> None:
        """Add a row to the history."""
        last = self.last_history()
        row = HistoryRow(
            row=last.row + 1 if last is not None else 1,
            at=self.at,
            by=self.by,
            act=act,
            customer=self.customer_of_site(site) if site else "",
            site=site,
            order=order,
            file=file,
            details=json.dumps(details, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
            previous=last.hash if last is not None else tables.EMPTY_HASH,
            hash="",
        )
        self.insert("history", msgspec.structs.asdict(msgspec.structs.replace(row, hash=hash_of(row))))
        # Kept apart from the history, so that rows cut off at its end are missed.
        self.raise_number("history", row.row)

    def place_site(self, site: str, company: str) -> None:
        """Let the registry know a customer and his site.

        Raises:
            InputError: The site is another customer's.
        """
        customers, sites = tables.customers, tables.sites
        found = self._connection.execute(select(customers.c.id).where(customers.c.folded == folded(company))).scalar()
        if found is None:
            found = self.draw("customer")
            self.insert("customers", {"id": found, "name": company, "folded": folded(company), "since": self.at})
        held = self._connection.execute(select(sites.c.customer).where(sites.c.number == site)).scalar()
        if held is None:
            self.insert("sites", {"number": site, "customer": found, "since": self.at})
        elif held != found:
            raise InputError(
                f"Site {site} belongs to another customer.",
                found=company,
                expected=self.customer_of_site(site),
                remedy="Correct the company's name or the site's number in the order.",
            )

    def add_order(self, order: OrderRow, entitlements: Sequence[EntitlementRow]) -> None:
        """Keep an order and what it entitles to."""
        self.insert("orders", msgspec.structs.asdict(order))
        for each in entitlements:
            self.insert("entitlements", msgspec.structs.asdict(each))

    def change_order(self, number: str, state: str) -> None:
        """Let an order be in another state."""
        self._connection.execute(tables.orders.update().where(tables.orders.c.number == number).values(state=state))

    def maintain(self, order: str, begin: str | None, end: str | None) -> None:
        """Set the period of maintenance of all that an order entitles to."""
        rows = tables.entitlements
        self._connection.execute(rows.update().where(rows.c.order == order).values(maintained_from=begin, maintained_until=end))

    def add_file(self, file: FileRow) -> None:
        """Keep a file that is to be signed."""
        self.insert("files", msgspec.structs.asdict(file))

    def change_file(self, number: str, **values: str | None) -> None:
        """Let a file be signed, placed or retired; the database refuses anything else."""
        self._connection.execute(tables.files.update().where(tables.files.c.number == number).values(**values))

    def use_key(self, issuer: str, vendor: str) -> None:
        """Count a file that an issuer key has signed."""
        keys = tables.keys
        files = self._connection.execute(select(keys.c.files).where(keys.c.issuer == issuer)).scalar()
        if files is None:
            self.insert("keys", {"issuer": issuer, "vendor": vendor, "first": self.at, "last": self.at, "files": 1})
        else:
            self._connection.execute(keys.update().where(keys.c.issuer == issuer).values(last=self.at, files=files + 1))

    def insert(self, name: str, values: dict[str, Any]) -> None:
        """Add a row to a table."""
        table = next(each for each in tables.TABLES if each.name == name)
        self._connection.execute(table.insert().values(values))

    def raise_number(self, kind: str, last: int) -> None:
        """Let numbers of a kind go on behind `last`, where they have not got that far."""
        numbers = tables.numbers
        held = self._connection.execute(select(numbers.c.last).where(numbers.c.kind == kind)).scalar()
        if held is None:
            self.insert("numbers", {"kind": kind, "last": last})
        elif held < last:
            self._connection.execute(numbers.update().where(numbers.c.kind == kind).values(last=last))


def _schema_of(connection: Connection, name: str) -> int | None:
    """The version of the schema that a database has; None where it has no registry.

    Raises:
        InputError: It holds something else.
    """
    if not inspect(connection).has_table("registry"):
        return None
    names = {column["name"] for column in inspect(connection).get_columns("registry")}
    value = None
    if names == {column.name for column in tables.meta.columns}:
        value = connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == "schema")).scalar()
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise InputError("This database holds no registry, but something else.", file=name, remedy="Name another one.")
    return int(value)


def _refuse_newer(found: int, name: str) -> None:
    if found > tables.SCHEMA:
        raise InputError(
            "This registry is of a newer release.",
            file=name,
            found=f"schema {found}",
            expected=f"schema {tables.SCHEMA} or an older one",
            remedy="Update seatkeeper on this machine.",
        )
