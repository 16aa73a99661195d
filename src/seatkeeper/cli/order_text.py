"""An order as a person reads it: who bought what on which terms, for which servers, and what that gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.base.dates import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seatkeeper.catalog.expand import Line
    from seatkeeper.issue.model import Order, OrderServer

__all__ = ["order_lines"]


def order_lines(order: Order, technical: Sequence[Line]) -> list[str]:
    """The lines of a screen that shows an order.

    Args:
        order: The order.
        technical: The technical licenses that it gives.
    """
    terms, around = order.terms, order.environment
    facts = [
        ("Order", terms.number + (f", of {terms.ordered}" if terms.ordered else "")),
        ("Site", terms.site),
        ("Company", terms.company),
        ("Reseller", terms.reseller),
        ("Requestor", terms.requestor),
        ("Purpose", terms.purpose),
        ("License use", terms.license_use),
        ("Expires", "never" if terms.expires == NEVER else str(terms.expires)),
        ("Deployment", terms.deployment),
        ("Servers are", terms.configuration),
    ]
    numbers = [("sites", around.sites), ("redundant pairs", around.redundant_pairs), ("instances", around.instances)]
    numbers += [("environments", around.environments), ("Network T-Servers", around.network_tservers), ("IVR Servers", around.ivr_servers)]
    numbers += [
        (name, number) for name, number in (("seat DNs", around.seat_dns), ("technical DNs", around.technical_dns)) if number is not None
    ]
    return [
        *(f"{name:<12} {value}" for name, value in facts if value),
        *_block("Sellable items", (f"{each.quantity:>7}  {each.product} {each.version}{_more(each.attributes)}" for each in order.items)),
        *_block(
            "Technical licenses asked for",
            (
                f"{each.quantity:>7}  {' '.join(filter(None, (each.feature, each.version)))}{_more(each.attributes)}"
                for each in order.licenses
            ),
        ),
        *_block(
            "Applications",
            (
                f"{each.instances:>7}  {each.name} {each.version}{', in hot standby pairs' if each.redundant else ''}"
                for each in order.applications
            ),
        ),
        *_block(
            "Switches",
            (
                "  ".join(
                    filter(None, (f"{each.type} {each.version}", each.site, _dns(each.seat_dns, each.technical_dns), each.distribution))
                )
                for each in order.switches
            ),
        ),
        *_block("Environment", (f"{number:>7}  {name if number != 1 else name.removesuffix('s')}" for name, number in numbers)),
        *_block("License servers", (f"{each.host}  {each.hostid}  port {each.port}{_server(each)}" for each in order.servers)),
        *_block("Technical licenses", (f"{each.count:>7}  {each.feature} {each.version}{_more(each.attributes)}" for each in technical)),
    ]


def _block(title: str, rows: Iterable[str]) -> list[str]:
    shown = [f"  {row}" for row in rows]
    return ["", title, *shown] if shown else []


def _more(attributes: Iterable[tuple[str, str]]) -> str:
    return "".join(f"  {name}={value}" for name, value in attributes)


def _dns(seats: int | None, technical: int | None) -> str:
    known = [f"{number} {name} DNs" for name, number in (("seat", seats), ("technical", technical)) if number is not None]
    return ", ".join(known)


def _server(server: OrderServer) -> str:
    parts = [
        " ".join(filter(None, (server.system, server.system_version))),
        f"daemon port {server.daemon_port}" if server.daemon_port else "",
        f"daemon {server.daemon_path}" if server.daemon_path else "",
        f"options {server.daemon_options}" if server.daemon_options else "",
        f"site {server.site}" if server.site else "",
        f"share {server.share}" if server.share else "",
        ", ".join(f"{quantity} of {name}" for name, quantity in server.quantities),
    ]
    return "".join(f"  {part}" for part in parts if part)
