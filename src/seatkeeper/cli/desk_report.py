"""Whoever did something at the desk reads what was done, which files there are now and which no longer count, and what to do next."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.cli.order import counted, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatkeeper.adapters.keyplaces import Passphrase
    from seatkeeper.adapters.registry_values import EntitlementRow, FileRow, OrderRow
    from seatkeeper.issue.desk import Desk, Put
    from seatkeeper.issue.model import Order

__all__ = ["Output", "Result", "put_out", "result_json", "result_lines", "taken"]

#: So many changes of a delta are shown one by one.
_CHANGES_SHOWN_MAX: Final = 20
#: What an order is, by its act.
_ACTS: Final = {
    "order": "new order",
    "add": "additional quantity",
    "upgrade": "upgrade",
    "return": "quantity given back",
    "move": "another license server",
    "renew": "renewal",
    "reissue": "signed anew",
    "imported": "imported",
}


class Output(msgspec.Struct, frozen=True):
    """Where license files are to be, and how they are made.

    Attributes:
        keys: The directory of the vendor's keys.
        path: The license file; of independent servers the directory.
        delta: Only what is new or changed.
        force: Replace files that are there.
        again: Put out once more what was issued.
        passphrase: Opens the private keys.
    """

    keys: Path
    path: Path
    delta: bool = False
    force: bool = False
    again: bool = False
    passphrase: Passphrase = None


class Result(msgspec.Struct, frozen=True):
    """An order after something was done with it.

    Attributes:
        registry: Where it stands.
        company: Whose order it is.
        row: The order in the registry.
        order: What it says.
        entitlements: What it entitles to.
        before: The order whose place it takes.
        versions: Kind and name -> version of what that one entitled to.
        files: What was put out.
        deltas: The numbers of those files that are only what changes.
        retired: What counts no longer.
        warnings: What checking it said.
    """

    registry: str
    company: str
    row: OrderRow
    order: Order
    entitlements: tuple[EntitlementRow, ...]
    before: OrderRow | None = None
    versions: Mapping[tuple[str, str], str] = {}
    files: tuple[Put, ...] = ()
    deltas: frozenset[str] = frozenset()
    retired: tuple[FileRow, ...] = ()
    warnings: tuple[str, ...] = ()


def taken(desk: Desk, number: str, warnings: Sequence[str] = ()) -> Result:
    """The order as it is in the registry now."""
    from seatkeeper.issue.desk import order_of

    with desk.registry.read() as view:
        row = view.order(number)
        order = order_of(view, number, desk.catalog)
        return Result(
            desk.registry.name,
            view.customer_of_site(row.site),
            row,
            order,
            tuple(view.entitlements(number)),
            view.order(row.previous) if row.previous is not None else None,
            {(each.kind, each.name): each.version for each in view.entitlements(row.previous or "") if each.quantity},
            warnings=tuple(warnings),
        )


def put_out(desk: Desk, number: str, output: Output, warnings: Sequence[str] = ()) -> Result:
    """The order once it is issued.

    Raises:
        InputError: As for `issue.desk.issue`.
    """
    from seatkeeper.issue.desk import issue
    from seatkeeper.issue.desk_base import files_in_force, lay_out

    with desk.registry.read() as view:
        state = view.order(number).state
        before = files_in_force(view, number)
    with tempfile.TemporaryDirectory(prefix="seatkeeper-") as directory:
        base = None
        # Of an order that was issued, `issue` says so.
        if output.delta and state == "registered":
            with desk.registry.read() as view:
                base = lay_out(view, number, Path(directory), desk.today)
        files = issue(
            desk,
            number,
            output.keys,
            output.path,
            passphrase=output.passphrase,
            force=output.force,
            again=output.again,
            delta_to=base,
        )
    result = taken(desk, number, warnings)
    with desk.registry.read() as view:
        retired = [file for each in before if (file := view.file(each.number)).state == "retired"]
        deltas = frozenset(put.number for put in files if view.file(put.number).kind == "delta")
    return msgspec.structs.replace(result, files=tuple(files), deltas=deltas, retired=tuple(retired))


def result_json(result: Result) -> dict[str, Any]:
    """The result for scripts."""
    row = result.row
    return {
        "registry": result.registry,
        "order": row.number,
        "site": row.site,
        "company": result.company,
        "act": row.act,
        "state": row.state,
        "replaces": row.previous,
        "expires": row.expires,
        "changes": [
            {
                "kind": each.kind,
                "name": each.name,
                "version": each.version,
                "version_before": result.versions.get((each.kind, each.name)),
                "quantity": each.quantity,
                "change": each.change,
            }
            for each in _changed(result)
        ],
        "files": [
            {
                "file": put.number,
                "path": str(put.path),
                "hostids": put.hostids.split(),
                "issuer": put.issuer,
                "sha256": put.sha256,
                "delta": put.number in result.deltas,
                "again": put.again,
                "backup": str(put.backup) if put.backup is not None else None,
                "changes": list(put.changes),
            }
            for put in result.files
        ],
        "retired": [{"file": each.number, "path": each.destination, "why": each.why} for each in result.retired],
        "warnings": list(result.warnings),
    }


def result_lines(result: Result, vendor: str) -> list[str]:
    """The result for people."""
    from seatkeeper.issue.desk_beside import beside

    row = result.row
    instead = f" in place of order {row.previous}" if row.previous else ""
    lines = [f"Order {row.number} for {result.company}, site {row.site}: {_ACTS.get(row.act, row.act)}{instead}, {row.state}."]
    if row.state == "registered" or not any(put.again for put in result.files):
        lines += ["", *_changes(result), ""]
    for put in result.files:
        hosts = ", ".join(server.host for server in result.order.servers if server.hostid in put.hostids.split())
        lines.append(f"License file  {put.path} ({put.number}, {'as it was issued, ' if put.again else ''}for {hosts})")
        lines += [f"              {change}" for change in put.changes[:_CHANGES_SHOWN_MAX]]
        if len(put.changes) > _CHANGES_SHOWN_MAX:
            lines.append(f"              and {len(put.changes) - _CHANGES_SHOWN_MAX} changes more")
        trusts, credentials = beside(put.path, vendor, put.hostids)
        lines += [f"Trust file    {path}" for path in trusts]
        # The server that a delta is for has its credential.
        lines += [
            f"Credential    {path} (a private key: only for the license server)" for path in credentials if put.number not in result.deltas
        ]
        if put.backup is not None:
            lines.append(f"Old file      {put.backup}")
    lines += [f"Retired       {each.number}, which was put out as {each.destination}" for each in result.retired]
    lines += [f"Registry      {result.registry}", ""]
    return lines + _next(result)


def _changed(result: Result) -> list[EntitlementRow]:
    """What the order entitles to otherwise than the one before."""
    return [
        each
        for each in result.entitlements
        if each.change or (each.quantity and result.versions.get((each.kind, each.name), each.version) != each.version)
    ]


def _changes(result: Result) -> list[str]:
    """What the order changes of what the customer has, for people: its sellable items, and licenses where no item changes."""
    changed = _changed(result)
    rows = [each for each in changed if each.kind == "item"] or changed
    lines = []
    if rows and result.before is None:
        lines = table(("Sellable item", "Version", "Quantity"), [(each.name, each.version, str(each.quantity)) for each in rows])
    elif rows:
        cells = [(each.name, _version(result, each), str(each.quantity - each.change), str(each.quantity)) for each in rows]
        lines = table(("Item or license", "Version", "Before", "Now"), cells)
    details = msgspec.json.decode(result.row.details)
    if result.row.act == "move":
        lines.append(f"The license server with host id {details['from']} gives way to the one with {details['to']}.")
    elif not lines:
        lines.append("Items, versions and quantities stay as they are.")
    technical = sum(each.kind == "license" and bool(each.quantity) for each in result.entitlements)
    last = "They never expire." if result.row.expires == "permanent" else f"{result.row.expires} is their last day."
    if result.before is not None and result.before.expires != result.row.expires:
        last += f" It was {result.before.expires} before." if result.before.expires != "permanent" else " They never expired before."
    return [*lines, f"{counted(technical, 'technical license')} in all. {last}"]


def _version(result: Result, row: EntitlementRow) -> str:
    before = result.versions.get((row.kind, row.name), row.version)
    return row.version if before == row.version else f"{before} -> {row.version}"


def _next(result: Result) -> list[str]:
    """What to do with it now."""
    row = result.row
    if not result.files:
        lines = [f"  seatkeeper desk issue {row.number} --keys DIR -o license.dat"]
        if row.act in {"add", "upgrade", "renew"}:
            lines.append(f"  seatkeeper desk issue {row.number} --keys DIR -o delta.dat --delta     (only what changes)")
        return ["Next: issue it", *lines]
    first = result.files[0]
    if first.number in result.deltas:
        where = "the license server's own file, LICENSE" if len(result.files) == 1 else "each license server's own file, LICENSE"
        return [
            f"Next: put it together with {where}, look at what comes of it, and let the server read it",
            f"  seatkeeper license merge LICENSE {first.path.name}",
            f"  seatkeeper license merge LICENSE {first.path.name} --apply",
            "  lmreread",
        ]
    if row.act == "move":
        new = msgspec.json.decode(row.details)["to"]
        host = next((server.host for server in result.order.servers if server.hostid == new), "the new license server")
        return [
            f"Next: bring the files to {host} and start the license server there",
            f"  lmgrd -c {first.path.name} -l +debug.log",
            "Stop the old one (lmdown), and remove its license file: it no longer counts.",
        ]
    if row.previous is not None:
        return [
            "Next: put the license file in the place of the one that is there, with the trust file beside it, and let the server read it",
            "  lmreread --dry-run",
            "  lmreread",
        ]
    several = len(result.files) > 1
    return [
        "Next: bring each directory to its own license server, and start it there"
        if several
        else "Next: bring the files to the license server and start it there",
        f"  lmgrd -c {first.path.name} -l +debug.log",
    ]
