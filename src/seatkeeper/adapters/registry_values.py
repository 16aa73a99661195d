"""What the registry knows, as values: a row of each table, with the table's names."""

from __future__ import annotations

import msgspec

__all__ = ["Delivery", "EntitlementRow", "FileRow", "HistoryRow", "KeyRow", "Move", "OrderRow", "Renewal"]


class OrderRow(msgspec.Struct, frozen=True):
    """An order that the desk has taken; `registry_tables.orders` says what each field holds."""

    number: str
    site: str
    act: str
    previous: str | None
    state: str
    purpose: str
    expires: str
    terms: str
    details: str
    text: str
    received: str
    sha256: str
    hostids: str
    day: str
    at: str


class EntitlementRow(msgspec.Struct, frozen=True):
    """What an order entitles to, one sellable item or technical license."""

    order: str
    position: int
    kind: str
    name: str
    type: str
    unit: str
    version: str
    quantity: int
    change: int
    expires: str
    maintained_from: str | None = None
    maintained_until: str | None = None


class FileRow(msgspec.Struct, frozen=True):
    """A license file that was to be signed, and what became of it."""

    number: str
    order: str
    kind: str
    state: str
    why: str
    vendor: str
    issuer: str
    hostids: str
    destination: str
    issued: str
    expires: str
    unsigned: str
    sha256: str
    signed: str | None
    signed_sha256: str | None
    intended_at: str
    signed_at: str | None = None
    placed_at: str | None = None
    retired_at: str | None = None


class Delivery(msgspec.Struct, frozen=True):
    """How a file went to whom."""

    id: int
    file: str
    how: str
    recipient: str
    at: str


class Renewal(msgspec.Struct, frozen=True):
    """Temporary licenses that got a later last day."""

    order: str
    previous: str
    expired: str
    expires: str
    at: str


class Move(msgspec.Struct, frozen=True):
    """Licenses that went from one license server to another."""

    order: str
    previous: str
    old_hostid: str
    new_hostid: str
    at: str


class KeyRow(msgspec.Struct, frozen=True):
    """An issuer key that has signed."""

    issuer: str
    vendor: str
    first: str
    last: str
    files: int


class HistoryRow(msgspec.Struct, frozen=True):
    """One thing that was done, chained to the one before."""

    row: int
    at: str
    by: str
    act: str
    customer: str
    site: str
    order: str
    file: str
    details: str
    previous: str
    hash: str
