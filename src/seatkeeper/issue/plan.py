"""An order has one license file: the same order, catalog and day always give the same lines.

The file is laid out as the guide's sample ("License File Samples", firewall): the site's number as a comment, SERVER, DAEMON,
the sellable items with their names in vendor_info, the technical licenses, and below them who ordered what as comments.

No name stands twice: "the first is granted, the others are ignored" (guide, on FEATURE lines of one name), so a second line
would be seats that were paid for and never come. Items of one product therefore add up into one line, of the highest version.

Decided here: a permanent license says `permanent`. The guide's files say `01-jan-00` and must explain that this is no day of
the year 2000; both mean the same to every reader, and the word needs no explanation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import NEVER, format_date
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.base.values import parse_version
from seatkeeper.catalog.expand import expand
from seatkeeper.catalog.model import folded
from seatkeeper.licfile.grammar import forbidden_at
from seatkeeper.licfile.model import Blank, Comment, Feature, LicenseFile, Server, Vendor

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Order

__all__ = ["Plan", "PlannedLine", "plan_file"]

#: How much of a product's name vendor_info shows.
_PRODUCT_CHARS_MAX: Final = 200


class PlannedLine(msgspec.Struct, frozen=True):
    """Why one FEATURE line is in the file.

    Attributes:
        name: The feature.
        version: Its version.
        count: Its seats.
        product: The sellable item whose own line it is; empty for a technical license.
        rule: The quantity rule of a technical license.
        items: The sellable items that need it.
    """

    name: str
    version: str
    count: int
    product: str = ""
    rule: str = ""
    items: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """A file that is ready to be signed, and what each of its FEATURE lines is for."""

    file: LicenseFile
    lines: tuple[PlannedLine, ...]


def plan_file(order: Order, catalog: Catalog, today: date) -> Plan:
    """The unsigned file for an order, issued `today`.

    Raises:
        SeatkeeperError: Two of its lines would have the same name.
    """
    planned = (*_item_lines(order, catalog), *_technical_lines(order, catalog))
    names = {folded(line.name) for line in planned}
    if len(names) != len(planned):
        raise SeatkeeperError("The file would name a feature twice.", "Correct the catalog: `part` must be unique, and no feature.")
    vendor = catalog.vendor.name
    features = [_feature(line, order, vendor, today) for line in planned]
    head = [Comment(f"#{order.terms.site}")]
    servers = [Server(server.host, server.hostid, server.port) for server in order.servers]
    first = order.servers[0]
    daemon = Vendor(vendor, first.daemon_path, first.daemon_options, first.daemon_port, keyword="DAEMON")
    foot = [Comment(text) for text in _foot(order, today)]
    return Plan(LicenseFile((*head, *servers, daemon, *features, Blank(), *foot)), planned)


def _item_lines(order: Order, catalog: Catalog) -> tuple[PlannedLine, ...]:
    """One line for each product, in the order in which the order first names it."""
    lines: dict[str, PlannedLine] = {}
    for item in order.items:
        product = catalog.product(item.product)
        line = lines.get(product.name)
        version = item.version if line is None else max(line.version, item.version, key=parse_version)
        count = item.quantity + (line.count if line is not None else 0)
        lines[product.name] = PlannedLine(product.part, version, count, product=product.name)
    return tuple(lines.values())


def _technical_lines(order: Order, catalog: Catalog) -> tuple[PlannedLine, ...]:
    return tuple(
        PlannedLine(line.feature, line.version, line.count, rule=line.rule, items=line.items)
        for line in expand(catalog, order.items, order.environment, order.licenses)
    )


def _feature(line: PlannedLine, order: Order, vendor: str, today: date) -> Feature:
    attributes = (
        *([("vendor_info", f"v{line.version} - {_quotable(line.product)}")] if line.product else []),
        ("NOTICE", order.terms.notice),
        ("SN", order.terms.number),
        ("ISSUED", format_date(today)),
    )
    return Feature(line.name, vendor, line.version, format_date(order.terms.expires), str(line.count), attributes=attributes)


def _quotable(product: str) -> str:
    """A product's name as it can stand within quotes."""
    text = product.replace('"', "'").replace("\\", "/")
    return "".join(" " if forbidden_at(char) >= 0 else char for char in text)[:_PRODUCT_CHARS_MAX]


def _foot(order: Order, today: date) -> list[str]:
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
    ]
    # "Modify only these items if needed ... Altering other information invalidates the license" (guide, Editing New Files).
    rule = [
        "#",
        "# Only these may be changed: host name and port on SERVER, path, options file and port on DAEMON.",
        "# Anything else on these lines, the host id above all, makes the licenses invalid.",
    ]
    return [f"# {name:<10} : {value}" for name, value in rows] + rule
