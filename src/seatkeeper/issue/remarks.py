"""Who opens a license file finds in it what was ordered, which server it is for, and what to do with it there.

These are the comments below the licenses. They are not signed, and no server reads them; a person in front of a server at
night does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.base.dates import NEVER, format_date

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from seatkeeper.issue.model import Order, OrderServer
    from seatkeeper.issue.planned import Plan

__all__ = ["PARTIAL", "at_host", "foot"]

#: What a delta says of itself.
PARTIAL: Final = "This is not a whole license file: it has only what is new or changed."
#: How many features a comment names; the report of `seatkeeper issue` has them all.
_NAMES_MAX: Final = 40
_COLUMNS: Final = 100

#: "Modify only these items if needed ... Altering other information invalidates the license" (guide, Editing New Files).
_EDITING: Final = (
    "Only these may be changed: host name and port on SERVER, path, options file and port on DAEMON.",
    "Anything else on these lines, the host id above all, makes the licenses invalid.",
)

#: Guide, Three-Server Redundant Configuration; facts 1.1, 1.2 and 9.10.
_REDUNDANT: Final = (
    "Three redundant license servers: seats are given while two of the three run, and none by a server that is alone.",
    "- Bring this same file to all three machines. The order of the SERVER lines must be the same on each.",
    "- A change of a host name or a port must be made in all three copies.",
    "- Keep the three close together in the network; start all of them, and wait until two have found each other.",
    "- After stopping one, wait four minutes before starting it again.",
    "- PRIMARY_IS_MASTER behind the first SERVER line's port lets the first server take over again when it comes back.",
    "- HEARTBEAT_INTERVAL=seconds there (20 if absent, 120 at most) makes slow networks look less like failures:",
    "  a server is given up after three times as long and two seconds.",
)


def foot(plan: Plan, order: Order, vendor: str, today: date) -> list[str]:
    """The comments below the licenses of a planned file, each a whole line."""
    terms = order.terms
    rows = [
        ("Order", terms.number),
        ("Site#", terms.site),
        ("IPN", f'"{terms.license_use}"'),
        ("Requestor", f'"{terms.requestor}"'),
        ("Company", f'"{terms.company}"'),
        *([("Reseller", f'"{terms.reseller}"')] if terms.reseller else []),
        ("Purpose", terms.purpose),
        ("Issued", format_date(today)),
        ("Expires", "never" if terms.expires == NEVER else format_date(terms.expires)),
        *_servers(plan, order),
    ]
    lines = [f"{name:<10} : {value}" for name, value in rows]
    for section in (_EDITING, _delta(plan), _REDUNDANT if len(plan.servers) > 1 else (), _independent(plan, order), _to_do(plan, vendor)):
        if section:
            lines += ["", *section]
    return [f"# {line}".rstrip() for line in lines]


def at_host(server: OrderServer) -> str:
    """How an application names the server: `7260@host`, with an IPv6 address in brackets."""
    return f"{server.port}@[{server.host}]" if ":" in server.host and "[" not in server.host else f"{server.port}@{server.host}"


def _servers(plan: Plan, order: Order) -> Iterator[tuple[str, str]]:
    """Which server the file is for."""
    for server in plan.servers:
        at = order.servers.index(server) + 1
        place = f", {at} of {len(order.servers)}" if len(order.servers) > 1 else ""
        site = f", site {server.site}" if server.site else ""
        yield "Server", f"{server.host} (host id {server.hostid}){place}{site}"
    if plan.division:
        yield "Division", plan.division


def _delta(plan: Plan) -> list[str]:
    """How the lines of a delta come into the file that they change."""
    if not plan.is_delta:
        return []
    return [
        f"{PARTIAL} It changes this in the file that is there:",
        *[f"- {change}" for change in plan.changes],
        "Do not serve it beside the old file: of two FEATURE lines of one name the first is used, and the other ignored. Put the two",
        "together, look at the difference, and let the server read the result:",
        "  seatkeeper license merge OLD NEW",
        "  seatkeeper license merge OLD NEW --apply",
        "  lmreread",
    ]


def _independent(plan: Plan, order: Order) -> list[str]:
    """What one of several independent servers has, and what it does not have."""
    if not plan.division:
        return []
    others = [at_host(server) for server in order.servers if server not in plan.servers]
    text = f"{len(order.servers)} independent license servers: each has a part of the licenses, and knows nothing of the others'."
    lines = [text, "An application asks one after the other; name them to it in the order in which it should."]
    if others:
        lines += _wrapped("The others: ", others)
    if plan.left_out:
        lines += _wrapped("Not in this file, because other servers have all there are: ", plan.left_out)
    return lines


def _to_do(plan: Plan, vendor: str) -> list[str]:
    """What must lie beside the file, and how it is served."""
    if plan.is_delta:
        return []
    if len(plan.servers) == 1:
        server = plan.servers[0]
        return [f"Put this file on {server.host}, with {vendor}.trust and that server's credential beside it, and start lmgrd with it."]
    return [
        f"To each machine: this file, {vendor}.trust, and the one credential that has the machine's host id in its name.",
        "A credential is a private key: do not leave the other two there.",
    ]


def _wrapped(head: str, names: tuple[str, ...] | list[str]) -> list[str]:
    shown = [*names[:_NAMES_MAX], *([f"and {len(names) - _NAMES_MAX} more"] if len(names) > _NAMES_MAX else [])]
    lines = [head]
    for at, name in enumerate(shown):
        piece = name + ("," if at + 1 < len(shown) else ".")
        if len(lines[-1]) + 1 + len(piece) > _COLUMNS:
            lines.append(" ")
        lines[-1] += piece if lines[-1].endswith(" ") else f" {piece}"
    return lines
