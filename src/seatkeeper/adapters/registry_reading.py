"""Whoever asks the registry gets values of one moment: a `View` is one transaction's sight of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from sqlalchemy import func, select

from seatkeeper.adapters import registry_tables as tables
from seatkeeper.adapters.registry_values import Delivery, EntitlementRow, FileRow, HistoryRow, KeyRow, Move, OrderRow, Renewal
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded, nearest_sentence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection, Select

__all__ = ["LIVE", "View"]

#: States of files that were signed and count.
LIVE: Final = ("signed", "placed")

_Row = TypeVar("_Row", bound=msgspec.Struct)


class View:
    """What stands in the registry, as one transaction sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def order(self, number: str) -> OrderRow:
        """The order of that number.

        Raises:
            InputError: There is none; the nearest numbers are in the error.
        """
        found = self.find_order(number)
        if found is None:
            known = self._connection.execute(select(tables.orders.c.number)).scalars().all()
            remedy = nearest_sentence(number, known) or "`seatkeeper desk history` lists what the registry knows."
            raise InputError("The registry knows no such order.", found=number, expected="the number of a registered order", remedy=remedy)
        return found

    def find_order(self, number: str) -> OrderRow | None:
        """The order of that number, or None."""
        return self._one(OrderRow, select(tables.orders).where(tables.orders.c.number == number))

    def successor(self, number: str) -> OrderRow | None:
        """The order that took, or is to take, the place of that one."""
        orders = tables.orders
        return self._one(OrderRow, select(orders).where(orders.c.previous == number, orders.c.state != "withdrawn"))

    def orders(self, *, site: str = "", customer: str = "", states: Sequence[str] = ()) -> list[OrderRow]:
        """The orders of a site, of a customer or of all, oldest first; those in certain states where these are named."""
        orders, sites = tables.orders, tables.sites
        query = select(orders)
        if site:
            query = query.where(orders.c.site == site)
        if customer:
            query = query.join(sites, sites.c.number == orders.c.site).where(sites.c.customer == self.customer(customer)[0])
        if states:
            query = query.where(orders.c.state.in_(states))
        return self._all(OrderRow, query.order_by(orders.c.at, orders.c.number))

    def orders_for(self, hostids: Collection[str]) -> list[OrderRow]:
        """The orders that count for one of these license servers; those for any machine are for none of them."""
        wanted = set(hostids) - {"ANY"}
        return [order for order in self.orders(states=["issued"]) if wanted & set(order.hostids.split())]

    def customer(self, name: str) -> tuple[int, str]:
        """Id and name of a customer.

        Raises:
            InputError: There is none of that name.
        """
        customers = tables.customers
        row = self._connection.execute(select(customers.c.id, customers.c.name).where(customers.c.folded == folded(name))).first()
        if row is None:
            known = self._connection.execute(select(customers.c.name)).scalars().all()
            raise InputError("The registry knows no such customer.", found=name, remedy=nearest_sentence(name, known))
        return int(row[0]), str(row[1])

    def customer_of_site(self, site: str) -> str:
        """The name of the customer whose site it is.

        Raises:
            InputError: There is no such site.
        """
        customers, sites = tables.customers, tables.sites
        query = select(customers.c.name).join(sites, sites.c.customer == customers.c.id).where(sites.c.number == site)
        found = self._connection.execute(query).scalar()
        if found is None:
            known = self._connection.execute(select(sites.c.number)).scalars().all()
            raise InputError("The registry knows no such site.", found=site, remedy=nearest_sentence(site, known))
        return str(found)

    def site_customers(self) -> dict[str, str]:
        """Site -> name of its customer."""
        customers, sites = tables.customers, tables.sites
        query = select(sites.c.number, customers.c.name).join(customers, sites.c.customer == customers.c.id)
        return {str(number): str(name) for number, name in self._connection.execute(query)}

    def entitlements(self, order: str) -> list[EntitlementRow]:
        """What an order entitles to, in the order's sequence."""
        rows = tables.entitlements
        return self._all(EntitlementRow, select(rows).where(rows.c.order == order).order_by(rows.c.position))

    def file(self, number: str) -> FileRow:
        """The file of that number.

        Raises:
            InputError: There is none.
        """
        found = self._one(FileRow, select(tables.files).where(tables.files.c.number == number))
        if found is None:
            remedy = "`seatkeeper desk history --order NUMBER` names an order's files."
            raise InputError("The registry knows no such file.", found=number, expected="a file number such as F000001", remedy=remedy)
        return found

    def files(self, *, order: str = "", states: Sequence[str] = ()) -> Iterator[FileRow]:
        """The files of an order or of all, oldest first; those in certain states where these are named."""
        files = tables.files
        query = select(files)
        if order:
            query = query.where(files.c.order == order)
        if states:
            query = query.where(files.c.state.in_(states))
        return self._each(FileRow, query.order_by(files.c.number))

    def history(self, *, site: str = "", customer: str = "", order: str = "") -> Iterator[HistoryRow]:
        """What was done, oldest first: for a site, a customer or an order, or all of it."""
        rows = tables.history
        query = select(rows)
        if site:
            self.customer_of_site(site)
            query = query.where(rows.c.site == site)
        if customer:
            query = query.where(rows.c.customer == self.customer(customer)[1])
        if order:
            query = query.where(rows.c.order == self.order(order).number)
        return self._each(HistoryRow, query.order_by(rows.c.row))

    def last_history(self) -> HistoryRow | None:
        """The newest row of the history."""
        return self._one(HistoryRow, select(tables.history).order_by(tables.history.c.row.desc()).limit(1))

    def last_number(self, kind: str) -> int:
        """The last number that was drawn of a kind; 0 where none was. Of `history` it is the number of rows that were written."""
        numbers = tables.numbers
        return int(self._connection.execute(select(numbers.c.last).where(numbers.c.kind == kind)).scalar() or 0)

    def deliveries(self, file: str = "") -> list[Delivery]:
        """How a file, or all files, went out."""
        rows = tables.deliveries
        query = select(rows).where(rows.c.file == file) if file else select(rows)
        return self._all(Delivery, query.order_by(rows.c.id))

    def renewals(self) -> list[Renewal]:
        """All renewals of temporary licenses."""
        return self._all(Renewal, select(tables.renewals).order_by(tables.renewals.c.at, tables.renewals.c.order))

    def moves(self) -> list[Move]:
        """All moves to another license server."""
        return self._all(Move, select(tables.moves).order_by(tables.moves.c.at, tables.moves.c.order))

    def keys(self) -> list[KeyRow]:
        """The issuer keys that have signed, oldest first."""
        return self._all(KeyRow, select(tables.keys).order_by(tables.keys.c.first, tables.keys.c.issuer))

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """Every row of a table, in the sequence of its primary key."""
        table = next(each for each in tables.TABLES if each.name == name)
        for row in self._connection.execute(select(table).order_by(*table.primary_key)):
            yield dict(row._mapping)

    def count(self, name: str) -> int:
        """How many rows a table has."""
        table = next(each for each in tables.TABLES if each.name == name)
        return int(self._connection.execute(select(func.count()).select_from(table)).scalar_one())

    def _one(self, kind: type[_Row], query: Select[Any]) -> _Row | None:
        row = self._connection.execute(query).first()
        return kind(**row._mapping) if row is not None else None

    def _all(self, kind: type[_Row], query: Select[Any]) -> list[_Row]:
        return list(self._each(kind, query))

    def _each(self, kind: type[_Row], query: Select[Any]) -> Iterator[_Row]:
        for row in self._connection.execute(query):
            yield kind(**row._mapping)
