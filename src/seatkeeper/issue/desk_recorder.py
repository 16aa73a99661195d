"""No signed file is on the disk that the registry does not know: its row is committed before it is signed, its text before it is seen.

A file goes from intended over signed to placed. An attempt that broke off stays intended until the order is issued again; then it
is retired, and whoever still works on it learns so before he puts anything out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters.registry_engine import retried
from seatkeeper.adapters.registry_reading import LIVE
from seatkeeper.adapters.registry_values import FileRow
from seatkeeper.base.dates import parse_date
from seatkeeper.base.errors import InputError
from seatkeeper.issue.desk_entitling import day_text
from seatkeeper.issue.record import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.adapters.registry import Act, Registry
    from seatkeeper.adapters.registry_reading import View
    from seatkeeper.adapters.registry_values import OrderRow
    from seatkeeper.issue.record import Record

__all__ = ["FILE_DIGITS", "RegistryRecorder", "retire", "wanted"]

#: Of a file's number, after its F.
FILE_DIGITS: Final = 6


class RegistryRecorder:
    """Keeps what is signed in the registry.

    Args:
        registry: The registry.
        now: When it is done, in seconds since the UNIX epoch.
        by: Who is at the desk.
        kind: `complete` or `delta`.
    """

    def __init__(self, registry: Registry, now: float, by: str, *, kind: str = "complete") -> None:
        self._registry = registry
        self._now = now
        self._by = by
        self._kind = kind
        self._signed: list[str] = []

    @retried
    def intend(self, record: Record, /) -> str:
        """The file's number, once its row is committed.

        Raises:
            InputError: The order is not registered or was issued already, or the registry cannot be written.
        """
        with self._registry.write(self._now, self._by) as act:
            order = act.order(record.order)
            if order.state != "registered":
                raise _issued_already(act, order)
            number = f"F{act.draw('file'):0{FILE_DIGITS}d}"
            row = FileRow(
                number=number,
                order=order.number,
                kind=self._kind,
                state="intended",
                why="",
                vendor=record.vendor,
                issuer=record.issuer,
                hostids=" ".join(record.hostids),
                destination=record.file,
                issued=day_text(parse_date(record.issued)),
                expires=day_text(parse_date(record.expires)),
                unsigned=record.unsigned,
                sha256=record.sha256,
                signed=None,
                signed_sha256=None,
                intended_at=act.at,
            )
            act.add_file(row)
            act.tell("intend", site=order.site, order=order.number, file=number, sha256=row.sha256, issuer=row.issuer, hostids=row.hostids)
        return number

    @retried
    def signed(self, name: str, text: str, /) -> None:
        """The signed text is committed.

        Raises:
            InputError: Another desk has issued the order meanwhile, or the registry cannot be written.
        """
        with self._registry.write(self._now, self._by) as act:
            file = act.file(name)
            order = act.order(file.order)
            others = [each.number for each in act.files(order=file.order, states=LIVE) if each.hostids == file.hostids]
            # Of several files another desk may have given up those that we have signed before this one.
            given_up = [each for each in self._signed if act.file(each).state not in LIVE]
            if file.state != "intended" or others or given_up or order.state != "registered":
                raise _issued_already(act, order)
            digest = digest_of(text)
            act.change_file(name, state="signed", signed=text, signed_sha256=digest, signed_at=act.at)
            act.use_key(file.issuer, file.vendor)
            act.tell("sign", site=order.site, order=order.number, file=name, sha256=digest, issuer=file.issuer)
        self._signed.append(name)

    @retried
    def placed(self, name: str, /) -> None:
        """The registry knows that the file is in its place, and that the order is issued where it was the last one."""
        with self._registry.write(self._now, self._by) as act:
            file = act.file(name)
            order = act.order(file.order)
            if file.state == "signed":
                act.change_file(name, state="placed", placed_at=act.at)
                act.tell("place", site=order.site, order=order.number, file=name, destination=file.destination)
            live = list(act.files(order=order.number, states=LIVE))
            hostids = {hostid for each in live if each.state == "placed" for hostid in each.hostids.split()}
            if order.state == "registered" and hostids >= wanted(act, order, live):
                _finish(act, order)


def wanted(view: View, order: OrderRow, live: Sequence[FileRow]) -> set[str]:
    """The host ids whose files make an order issued: all of it, or those that a delta was announced for.

    Args:
        view: The registry.
        order: The order.
        live: Its signed and placed files.
    """
    if live and all(file.kind == "delta" for file in live):
        told = [row for row in view.history(order=order.number) if row.act == "delta"]
        if told:
            return set(json.loads(told[-1].details)["hostids"].split())
    return set(order.hostids.split())


def _finish(act: Act, order: OrderRow) -> None:
    """Let an order be issued: it takes the place of the one before, whose files are retired unless it was a delta to them."""
    act.change_order(order.number, "issued")
    act.tell("issue", site=order.site, order=order.number)
    for file in list(act.files(order=order.number, states=("intended",))):
        why = "the order was issued by another attempt"
        act.change_file(file.number, state="retired", why=why, retired_at=act.at)
        act.tell("retire", site=order.site, order=order.number, file=file.number, why=why)
    if order.previous is None:
        return
    before = act.order(order.previous)
    act.change_order(before.number, "superseded")
    details = json.loads(order.details)
    row = {"order": order.number, "previous": before.number, "at": act.at}
    if order.act == "renew":
        act.insert("renewals", {**row, "expired": before.expires, "expires": order.expires})
    elif order.act == "move":
        act.insert("moves", {**row, "old_hostid": details["from"], "new_hostid": details["to"]})
    if all(file.kind == "complete" for file in act.files(order=order.number, states=LIVE)):
        retire(act, before, f"order {order.number} ({order.act}) took its place")


def retire(act: Act, order: OrderRow, why: str) -> None:
    """Retire the files of an order and of those before it."""
    at: OrderRow | None = order
    while at is not None:
        for file in list(act.files(order=at.number, states=LIVE)):
            act.change_file(file.number, state="retired", why=why, retired_at=act.at)
            act.tell("retire", site=at.site, order=at.number, file=file.number, why=why)
        at = act.find_order(at.previous) if at.previous is not None else None


def _issued_already(act: Act, order: OrderRow) -> InputError:
    follower = act.successor(order.number)
    if order.state in {"withdrawn", "ended", "superseded"} or follower is not None:
        then = f"; order {follower.number} took its place" if follower is not None else ""
        return InputError(f"The order is {order.state}{then}.", found=order.number, remedy="Issue the order that counts now.")
    return InputError(
        "The order was issued already, or another desk is at it.",
        found=order.number,
        remedy=f"`seatkeeper desk issue {order.number} --again` gives the same file.",
    )
