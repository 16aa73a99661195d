"""An order has one license file for each license server that stands by itself: the same order, catalog and day give the same lines.

A file is laid out as the guide's sample ("License File Samples", firewall): the site's number as a comment, SERVER, DAEMON,
the sellable items with their names in vendor_info, the technical licenses, and below them who ordered what as comments. One
server and three redundant ones have one file; independent servers divide the licenses (`division`) and have one file each.

No name stands twice: "the first is granted, the others are ignored" (guide, on FEATURE lines of one name), so a second line
would be seats that were paid for and never come. Items of one product therefore add up into one line, of the highest version.

Decided here: a permanent license says `permanent`. The guide's files say `01-jan-00` and must explain that this is no day of
the year 2000; both mean the same to every reader, and the word needs no explanation.

Decided here: the purpose is signed as VENDOR_STRING. It is the field that `lmstat` prints with each feature and that an options
file can select by (facts 1.5), and unlike NOTICE, which the guide's samples give to the customer's name, nothing else is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.base.values import parse_version
from seatkeeper.catalog.expand import expand
from seatkeeper.catalog.model import folded
from seatkeeper.issue.division import divide
from seatkeeper.issue.model import AUTO
from seatkeeper.issue.planned import Plan, PlannedLine
from seatkeeper.issue.remarks import foot
from seatkeeper.licfile.grammar import forbidden_at
from seatkeeper.licfile.model import Blank, Comment, Feature, LicenseFile, Server, Vendor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Order

__all__ = ["LINES_MAX", "Plan", "PlannedLine", "assemble", "plan_file", "plan_files", "plans_of"]

#: FEATURE lines of one file.
LINES_MAX: Final = 2000

#: How much of a product's name vendor_info shows.
_PRODUCT_CHARS_MAX: Final = 200


def plan_files(order: Order, catalog: Catalog, today: date) -> tuple[Plan, ...]:
    """The unsigned files of an order, issued `today`: one, or one for each independent server in the order's order.

    Raises:
        InputError: The order has no number yet, or as for `plans_of`.
        SeatkeeperError: As for `plans_of`.
    """
    if order.terms.number == AUTO:
        raise InputError("The order has no number yet.", remedy="Give it one, or let the registry draw one: `seatkeeper desk register`.")
    return tuple(assemble(plan, order, catalog, today) for plan in plans_of(order, catalog))


def plans_of(order: Order, catalog: Catalog) -> tuple[Plan, ...]:
    """What each file of an order has; the files themselves are still empty.

    Raises:
        InputError: The order's split among independent servers does not add up, or leaves one with nothing.
        SeatkeeperError: Two lines of a file would have the same name, or a file would have too many lines.
    """
    planned = (*_item_lines(order, catalog), *_technical_lines(order, catalog))
    names = {folded(line.name) for line in planned}
    if len(names) != len(planned):
        raise SeatkeeperError("The file would name a feature twice.", "Correct the catalog: `part` must be unique, and no feature.")
    if len(planned) > LINES_MAX:
        remedy = "Divide it into several orders for several license servers."
        raise SeatkeeperError(f"The file would have {len(planned):,} licenses, and {LINES_MAX:,} is the most.", remedy)
    if order.terms.configuration != "independent":
        return (Plan(LicenseFile(), planned, order.servers),)
    return tuple(Plan(LicenseFile(), part.lines, (part.server,), part.left_out, part.reason) for part in divide(order, planned))


def plan_file(order: Order, catalog: Catalog, today: date) -> Plan:
    """The only file of an order that has one.

    Raises:
        SeatkeeperError: It has several, or as for `plan_files`.
    """
    plans = plan_files(order, catalog, today)
    if len(plans) != 1:
        raise SeatkeeperError(f"The order has {len(plans)} license files, not one.", "Use `plan_files`.")
    return plans[0]


def assemble(plan: Plan, order: Order, catalog: Catalog, today: date) -> Plan:
    """The plan with the file that its lines, servers and remarks give."""
    vendor = catalog.vendor.name
    # Of three redundant servers one may speak for all; an order in which two contradict is refused.
    path, options = (next(filter(None, (getattr(each, key) for each in plan.servers)), "") for key in ("daemon_path", "daemon_options"))
    port = max(server.daemon_port for server in plan.servers)
    servers = [Server(server.host, server.hostid, server.port) for server in plan.servers]
    daemon = Vendor(vendor, path, options, port, keyword="DAEMON")
    notice = ", ".join(filter(None, (order.terms.notice, catalog.vendor.purpose(order.terms.purpose).marks)))
    features = [_feature(line, order, vendor, notice, today) for line in plan.lines]
    remarks = [Comment(text) for text in foot(plan, order, vendor, today)]
    file = LicenseFile((Comment(f"#{order.terms.site}"), *servers, daemon, *features, Blank(), *remarks))
    return msgspec.structs.replace(plan, file=file)


def _item_lines(order: Order, catalog: Catalog) -> tuple[PlannedLine, ...]:
    """One line for each product, in the order in which the order first names it."""
    lines: dict[str, PlannedLine] = {}
    for item in order.items:
        product = catalog.product(item.product)
        line = lines.get(product.name)
        version = item.version if line is None else max(line.version, item.version, key=parse_version)
        count = item.quantity + (line.count if line is not None else 0)
        attributes = _merged([*(line.attributes if line is not None else ()), *item.attributes])
        lines[product.name] = PlannedLine(product.part, version, count, product=product.name, attributes=attributes)
    return tuple(lines.values())


def _technical_lines(order: Order, catalog: Catalog) -> tuple[PlannedLine, ...]:
    return tuple(
        PlannedLine(
            line.feature, line.version, line.count, rule=line.rule, items=line.items, asked=line.asked, attributes=_merged(line.attributes)
        )
        for line in expand(catalog, order.items, order.environment, order.licenses)
    )


def _merged(attributes: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The attributes, of each name the first: a line may have none twice."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in attributes:
        found.setdefault(folded(name), (name, value))
    return tuple(found.values())


def _feature(line: PlannedLine, order: Order, vendor: str, notice: str, today: date) -> Feature:
    attributes: Sequence[tuple[str, str | None]] = (
        *([("vendor_info", f"v{line.version} - {_quotable(line.product)}")] if line.product else []),
        *[(name, value or None) for name, value in line.attributes],
        ("VENDOR_STRING", order.terms.purpose),
        ("NOTICE", notice),
        ("SN", order.terms.number),
        ("ISSUED", format_date(today)),
    )
    return Feature(line.name, vendor, line.version, format_date(order.terms.expires), str(line.count), attributes=tuple(attributes))


def _quotable(product: str) -> str:
    """A product's name as it can stand within quotes."""
    text = product.replace('"', "'").replace("\\", "/")
    return "".join(" " if forbidden_at(char) >= 0 else char for char in text)[:_PRODUCT_CHARS_MAX]
