"""The license servers of an order are one of the guide's configurations, each can be told by its host id, and a split adds up.

An order that does not say its configuration has the one that its servers make: one is a single server; three without anything to
divide by are redundant; two or more with a share, quantities or sites are independent ("Selecting License Server Configuration").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.catalog.model import folded
from seatkeeper.issue.division import SERVERS_MAX
from seatkeeper.licfile.hostid import parse_hostid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.catalog.expand import ExtraLicense, Item
    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Configuration, OrderServer
    from seatkeeper.issue.reading import Sheet

__all__ = ["REDUNDANT_SERVERS", "SERVERS_MAX", "check_servers", "check_split", "configuration_of"]

REDUNDANT_SERVERS: Final = 3

_KINDS: Final = {"ETHER": "12 hex digits of an Ethernet address", "LONG": "8 hex digits of a 32-bit host id"}
_DISK: Final = "DISK_SERIAL_NUM= and the 8 hex digits of the serial number of drive C:"


def configuration_of(sheet: Sheet, stated: Configuration | None, servers: Sequence[OrderServer], *, complete: bool) -> Configuration:
    """The configuration of an order's servers; what does not fit is a problem of the sheet.

    Args:
        sheet: The order.
        stated: What it says.
        servers: Its servers.
        complete: Whether all that they say is good; what divides the licenses is not known else.
    """
    count = len(servers)
    divided = any(server.share or server.quantities or server.site for server in servers)
    if stated is None:
        if count <= 1:
            return "single"
        if divided or not complete:
            return "independent"
        if count == REDUNDANT_SERVERS:
            return "redundant"
        sheet.add(
            ("servers", 1, ""),
            "The order does not say how its license servers work together.",
            found=f"{count} [[servers]] tables",
            expected="one, three redundant ones, or independent ones with a share, quantities or a site each",
            remedy='Say it in [order]: configuration = "independent" divides the licenses, "redundant" is three with one file.',
        )
        return "independent"
    wrong = {
        "single": ("one [[servers]] table", count > 1, 'Write configuration = "redundant" or "independent".'),
        "redundant": ("three [[servers]] tables", count != REDUNDANT_SERVERS, "Name the three hosts, each with its own host id."),
        "independent": ("two or more [[servers]] tables", count == 1, 'Write configuration = "single".'),
    }[stated]
    if wrong[1] and count:
        message = f"The configuration {stated} has another number of license servers."
        sheet.add(("order", 0, "configuration"), message, found=f"{count} [[servers]] tables", expected=wrong[0], remedy=wrong[2])
    return stated


def check_servers(sheet: Sheet, catalog: Catalog, servers: Sequence[OrderServer]) -> None:
    """Report what is wrong with each server, and servers that are the same machine; what is empty was reported before."""
    if not servers:
        sheet.add(("servers", 0, ""), "The order names no license server.", expected="a [[servers]] table with host and hostid")
    hosts: dict[str, int] = {}
    hostids: dict[str, int] = {}
    for index, server in enumerate(servers):
        if server.port and server.daemon_port == server.port:
            sheet.add(
                ("servers", index, "daemon_port"),
                "The vendor daemon cannot listen on the port of lmgrd.",
                found=server.daemon_port,
                expected=f"another port than {server.port}",
            )
        if server.hostid == "ANY":
            sheet.add(("servers", index, "hostid"), "ANY lets the licenses be served by every machine.", severity="warning")
        _check_form(sheet, catalog, index, server)
        # "Each license server ... must run on its own machine" (guide, Multiple, Independent Servers Configuration).
        for key, value, seen in (("host", folded(server.host), hosts), ("hostid", server.hostid, hostids)):
            if value and seen.setdefault(value, index) != index:
                noun = "host" if key == "host" else "host id"
                sheet.add(
                    ("servers", index, key),
                    f"Two license servers have the same {noun}.",
                    found=getattr(server, key),
                    expected=f"another {noun} than that of servers[{seen[value] + 1}]",
                    remedy="Each license server runs on a machine of its own.",
                )


def _check_form(sheet: Sheet, catalog: Catalog, index: int, server: OrderServer) -> None:
    """A host id of the form that the catalog's table has for another system is refused; forms that it does not know are nobody's."""
    rows = [row for row in catalog.hostids if row.system == server.system and row.kind]
    if not server.hostid or not rows:
        return
    kind = parse_hostid(server.hostid).kind
    kinds = [row.kind for row in rows]
    if kind in kinds or kind not in {row.kind for row in catalog.hostids}:
        return
    forms = " or ".join(_KINDS.get(each, _DISK) for each in kinds)
    # What the command prints is not always what license files have: `uname -m` of AIX prints more digits.
    remedy = f"Run `{rows[0].commands[0]}` on {server.host}, and put here what it prints." + (f" {rows[0].note}" if rows[0].note else "")
    if kind == "LONG" and "DISK_SERIAL_NUM" in kinds:
        remedy = f'If it is the serial number of drive C:, write hostid = "DISK_SERIAL_NUM={server.hostid.upper()}".'
    sheet.add(
        ("servers", index, "hostid"),
        f"This is not the form of a host id on {server.system}.",
        found=server.hostid,
        expected=forms,
        remedy=remedy,
    )


def check_split(
    sheet: Sheet,
    configuration: Configuration,
    servers: Sequence[OrderServer],
    items: Sequence[Item | None],
    licenses: Sequence[ExtraLicense | None],
    *,
    complete: bool,
) -> None:
    """Report a split that does not add up, and one where nothing is to be divided.

    Args:
        sheet: The order.
        configuration: How its servers work together.
        servers: Its servers.
        items: Its items; None in place of one that is not good.
        licenses: Likewise.
        complete: Whether all that the servers say is good.
    """
    if len(servers) > SERVERS_MAX:
        sheet.add(("servers", SERVERS_MAX, ""), f"There are more than {SERVERS_MAX} license servers.", found=len(servers))
    if configuration != "independent":
        for index, server in enumerate(servers):
            for key in ("share", "quantities"):
                if getattr(server, key):
                    sheet.add(
                        ("servers", index, key),
                        "Only independent license servers divide the licenses.",
                        found=server.share if key == "share" else "a table",
                        expected=f"no {key} with the configuration {configuration}",
                    )
        _check_daemon(sheet, servers)
        return
    if complete:
        _check_shares(sheet, servers)
    _check_quantities(sheet, servers, items, licenses)


def _check_daemon(sheet: Sheet, servers: Sequence[OrderServer]) -> None:
    """Redundant servers have one file, and in it one DAEMON line: what two of them say of it must be the same."""
    for key in ("daemon_path", "daemon_options", "daemon_port"):
        given = [(index, getattr(server, key)) for index, server in enumerate(servers) if getattr(server, key)]
        for index, value in given[1:]:
            if value != given[0][1]:
                sheet.add(
                    ("servers", index, key),
                    "Redundant license servers have one file with one DAEMON line, which says this for all of them.",
                    found=value,
                    expected=f"{given[0][1]}, as for servers[{given[0][0] + 1}], or nothing",
                    remedy="Say it once, or leave it out where the machines differ.",
                )
    port = max((server.daemon_port for server in servers), default=0)
    for index, server in enumerate(servers):
        if port and port == server.port and not server.daemon_port:
            sheet.add(
                ("servers", index, "port"),
                "The vendor daemon cannot listen on the port of lmgrd.",
                found=server.port,
                expected=f"another port than daemon_port, {port}",
            )


def _check_shares(sheet: Sheet, servers: Sequence[OrderServer]) -> None:
    shares = [server.share for server in servers]
    if not any(shares):
        return
    if not all(shares):
        sheet.add(
            ("servers", shares.index(0), ""),
            "This license server has no share, and others have one.",
            expected="a share for each of the servers, or for none",
        )


def _check_quantities(
    sheet: Sheet,
    servers: Sequence[OrderServer],
    items: Sequence[Item | None],
    licenses: Sequence[ExtraLicense | None],
) -> None:
    ordered: dict[str, int] = {}
    for item in items:
        if item is not None:
            ordered[item.product] = ordered.get(item.product, 0) + item.quantity
    for license_ in licenses:
        if license_ is not None:
            ordered[license_.feature] = ordered.get(license_.feature, 0) + license_.quantity
    all_ordered = None not in items and None not in licenses
    given: dict[str, list[tuple[int, int]]] = {}
    for index, server in enumerate(servers):
        for name, quantity in server.quantities:
            if name in ordered:
                given.setdefault(name, []).append((index, quantity))
            elif all_ordered:
                sheet.add(
                    ("servers", index, "quantities"),
                    f"This license server is to get {name}, which the order does not have.",
                    found=name,
                    expected="names of [[items]] or [[licenses]] of this order",
                )
    for name, parts in given.items():
        total = sum(quantity for _, quantity in parts)
        everywhere = len(parts) == len(servers)
        if all_ordered and (total > ordered[name] or (everywhere and total < ordered[name])):
            sheet.add(
                ("servers", parts[-1][0], "quantities"),
                f"The split of {name} does not add up.",
                found=f"{' + '.join(str(quantity) for _, quantity in parts)} = {total}",
                expected=f"{'' if everywhere else 'at most '}{ordered[name]}, as ordered",
                remedy="Correct the quantities, or leave the item out at one server, which then gets the rest.",
            )
