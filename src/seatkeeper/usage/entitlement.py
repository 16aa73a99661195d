"""What a customer has bought, as one signed file for reports: cumulative, with a period in which it is in force, and readable by people.

The header says whose it is, the lines say what was bought in which order (facts, LRM 1.6); names of elements are ours, after the bundle
file of the same product. Entitlements are information: reports compare use with them, and nobody is denied a seat by one.

What is signed is not the XML but a compact encoding of the values in a fixed order, under a tag of its own (licfile.detached); so the
text may be laid out anew. A file without a signature is one that the customer has made himself, as releases before 8.5 had it.

An item that the catalog does not know is kept, and reports show its number. Of several files in force on a day the one issued last
counts, as with bundle sets (facts, LRM 1.7).
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final, Literal
from xml.sax.saxutils import escape, quoteattr

import msgspec

from seatkeeper.base.dates import NEVER, parse_date
from seatkeeper.base.errors import InputError
from seatkeeper.base.values import parse_version
from seatkeeper.catalog.model import folded
from seatkeeper.pools.lines import effective_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seatkeeper.catalog.model import Catalog, MeasuredItem
    from seatkeeper.licfile.model import Signable

__all__ = [
    "ENTITLEMENT_TAG",
    "LINES_MAX",
    "QUANTITY_MAX",
    "TEXT_CHARS_MAX",
    "Entitlement",
    "EntitlementLine",
    "EntitlementProblem",
    "Header",
    "Purchase",
    "canonical_entitlement",
    "check_entitlement",
    "from_license",
    "from_purchases",
    "in_force",
    "write_entitlement",
]

#: What keeps a signature of an entitlement file from being taken for another; the figure is the form's version.
ENTITLEMENT_TAG: Final = b"seatkeeper/entitlement/1\0"
LINES_MAX: Final = 10_000
QUANTITY_MAX: Final = 999_999_999
TEXT_CHARS_MAX: Final = 500

SiteType = Literal["single-site", "multi-site"]
LicenseType = Literal["concurrent", "enabled"]

#: A part number as sellable items have it: `3GP07021ABAA` (guide, the lines of a license file).
_PART: Final = re.compile(r"[0-9][0-9A-Z]{5,29}")
_DESCRIPTION: Final = re.compile(r"v([0-9.]+) - (.+)", re.DOTALL)


class Header(msgspec.Struct, frozen=True):
    """Whose entitlement it is, and when it is in force."""

    customer_name: str
    customer_id: str
    site_id: str
    site_address: str
    site_type: SiteType
    issued: date
    valid_from: date
    valid_to: date | None = None


class EntitlementLine(msgspec.Struct, frozen=True):
    """So much of one sellable item.

    Attributes:
        order: The number of the order.
        item: The item's number.
        description: What it is called.
        release: Its release.
        quantity: How much was bought.
        burst: How much may be in use for a while; as much as `quantity` where nothing was agreed.
        license_type: Whether seats in use at once are counted, or seats that are set up.
        measured: The item under which reports measure it; empty where none is known.
    """

    order: str
    item: str
    description: str
    release: str
    quantity: int
    burst: int
    license_type: LicenseType = "concurrent"
    measured: str = ""


class Entitlement(msgspec.Struct, frozen=True):
    """A whole entitlement file."""

    vendor: str
    header: Header
    lines: tuple[EntitlementLine, ...]


class Purchase(msgspec.Struct, frozen=True):
    """One row of what a customer ordered or gave back, as a registry keeps it.

    Attributes:
        quantity: How much came; negative for what went back.
        burst: How much may be used above that for a while.
        starts: From when it may be used.
        ends: Until when; None for ever.
    """

    order: str
    item: str
    description: str
    release: str
    quantity: int
    burst: int = 0
    license_type: LicenseType | None = None
    starts: date = date.min
    ends: date | None = None


class EntitlementProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong with an entitlement file; an error keeps it from being used."""

    message: str
    severity: Literal["error", "warning"] = "error"
    line: int = 0


def from_license(lines: Sequence[Signable], catalog: Catalog, header: Header, vendor: str) -> Entitlement:
    """The entitlement that the product lines of a license file stand for on the day of issue, valid until the first of them ends.

    Args:
        lines: The verified lines of one vendor, in the file's order.
        catalog: Knows part numbers, and what is measured.
        header: Whose it is; its `valid_to` is kept where it is earlier.
        vendor: The vendor daemon's name.

    Raises:
        InputError: No line is that of a sellable item.
    """
    parts = {folded(product.part): product for product in catalog.products}
    found: list[Purchase] = []
    for line in effective_lines(lines, header.valid_from)[0]:
        info, product = line.attribute("vendor_info"), parts.get(folded(line.name))
        if product is None and not (info and _PART.fullmatch(line.name)):
            continue
        match = _DESCRIPTION.fullmatch(info or "")
        name = match[2].strip() if match is not None else (product.name if product is not None else info or line.name)
        starts = parse_date(line.attribute("START") or "01-jan-1970")
        ends = None if line.expires == NEVER else line.expires
        over = line.attribute("OVERDRAFT")
        burst = int(over) if over and over.isascii() and over.isdigit() else 0
        order = line.attribute("SN") or ""
        found.append(Purchase(order, line.name, name, line.version, line.seats or 0, burst, None, starts, ends))
    if not found:
        raise InputError("No line of this file is that of a sellable item.", expected="FEATURE lines with a part number and vendor_info")
    return from_purchases(found, catalog, header, vendor)


def from_purchases(rows: Iterable[Purchase], catalog: Catalog, header: Header, vendor: str) -> Entitlement:
    """The entitlement that orders come to: what of them is in force on its first day, each item once for each order.

    Raises:
        InputError: More of an item went back than came.
    """
    sums: dict[tuple[str, str, str, LicenseType], EntitlementLine] = {}
    end = header.valid_to
    for row in rows:
        if row.starts > header.valid_from or (row.ends is not None and row.ends < header.valid_from):
            continue
        if row.ends is not None:
            end = row.ends if end is None else min(end, row.ends)
        item = _measured(catalog, row)
        kind: LicenseType = row.license_type or ("enabled" if item is not None and item.enabled and not item.peak else "concurrent")
        key = (row.order, row.item, row.release, kind)
        line = sums.get(key)
        quantity = row.quantity + (line.quantity if line is not None else 0)
        burst = row.quantity + row.burst + (line.burst if line is not None else 0)
        name = item.name if item is not None else ""
        sums[key] = EntitlementLine(row.order, row.item, row.description, row.release, quantity, burst, kind, name)
    for line in sums.values():
        if line.quantity < 0:
            raise InputError(f"Of {line.item} more went back than came with order {line.order}.", found=str(line.quantity))
    lines = sorted((line for line in sums.values() if line.quantity), key=lambda line: (line.order, line.item, line.release))
    return Entitlement(vendor, msgspec.structs.replace(header, valid_to=end), tuple(lines))


def _measured(catalog: Catalog, row: Purchase) -> MeasuredItem | None:
    """Under what use of the item is reported."""
    product = next((product for product in catalog.products if folded(product.part) == folded(row.item)), None)
    names = {folded(row.description)} | ({folded(product.name)} if product is not None else set())
    for item in catalog.measured:
        known = {folded(name) for name in (item.name, *item.products)}
        if names & known and _is_measured(item, row.release):
            return item
    return None


def _is_measured(item: MeasuredItem, release: str) -> bool:
    try:
        version = parse_version(release)
    except ValueError:
        return True
    since = parse_version(item.since)
    return version == since if item.only else version >= since


def check_entitlement(entitlement: Entitlement, catalog: Catalog, today: date) -> tuple[EntitlementProblem, ...]:
    """Everything that is wrong with it, the header first; without an error it can be used."""
    header, problems = entitlement.header, list[EntitlementProblem]()
    for name, text in (("customer name", header.customer_name), ("customer id", header.customer_id), ("site id", header.site_id)):
        if not text:
            problems.append(EntitlementProblem(f"The {name} is missing."))
    texts = [text for text in msgspec.to_builtins(header).values() if isinstance(text, str)]
    texts += [text for line in entitlement.lines for text in (line.order, line.item, line.description, line.release, line.measured)]
    for text in dict.fromkeys(texts):
        if not text.isprintable() or text != text.strip() or len(text) > TEXT_CHARS_MAX:
            what = f"printable text of at most {TEXT_CHARS_MAX} characters without blanks around it"
            problems.append(EntitlementProblem(f"{text[:40]!r} cannot stand in the file: expected {what}."))
    if header.valid_to is not None and header.valid_to < header.valid_from:
        problems.append(EntitlementProblem(f"It ends on {header.valid_to}, before it begins on {header.valid_from}."))
    elif header.valid_to is not None and header.valid_to < today:
        problems.append(EntitlementProblem(f"It ended on {header.valid_to}.", "warning"))
    if header.valid_from > today:
        problems.append(EntitlementProblem(f"It is not in force before {header.valid_from}.", "warning"))
    if header.issued > today:
        problems.append(EntitlementProblem(f"It was issued on {header.issued}, which is yet to come.", "warning"))
    if not 0 < len(entitlement.lines) <= LINES_MAX:
        problems.append(EntitlementProblem(f"It has {len(entitlement.lines):,} items, and is to have 1 to {LINES_MAX:,}."))
    seen: set[tuple[str, str, str, str]] = set()
    for number, line in enumerate(entitlement.lines[:LINES_MAX], 1):
        problems += _check_line(line, catalog, number)
        key = (line.order, line.item, line.release, line.license_type)
        if key in seen:
            problems.append(EntitlementProblem(f"Item {line.item} of order {line.order} stands twice.", line=number))
        seen.add(key)
    return tuple(problems)


def _check_line(line: EntitlementLine, catalog: Catalog, number: int) -> list[EntitlementProblem]:
    problems = []
    if not line.item:
        problems.append(EntitlementProblem(f"Item {number} has no item number.", line=number))
    if not 0 < line.quantity <= QUANTITY_MAX:
        problems.append(
            EntitlementProblem(f"Item {line.item} has the quantity {line.quantity}: expected 1 to {QUANTITY_MAX:,}.", line=number)
        )
    if not line.quantity <= line.burst <= QUANTITY_MAX:
        message = f"Item {line.item} has the burst limit {line.burst}: expected at least its quantity, {line.quantity}."
        problems.append(EntitlementProblem(message, line=number))
    known = {folded(product.part) for product in catalog.products}
    if line.measured and line.measured not in {item.name for item in catalog.measured}:
        message = f"Nothing is measured as {line.measured!r}; reports show item {line.item} by its number."
        problems.append(EntitlementProblem(message, "warning", number))
    elif folded(line.item) not in known and not line.measured:
        message = f"Item {line.item} is not in the catalog; it is kept, and reports show it by its number."
        problems.append(EntitlementProblem(message, "warning", number))
    return problems


def in_force(entitlements: Sequence[Entitlement], day: date) -> tuple[Entitlement | None, tuple[Entitlement, ...]]:
    """Of several files of one site the one that counts on a day, and those that it overrules: the one issued last."""

    def is_valid(one: Entitlement) -> bool:
        return one.header.valid_from <= day and (one.header.valid_to is None or day <= one.header.valid_to)

    valid = sorted((one for one in entitlements if is_valid(one)), key=lambda one: (one.header.issued, one.header.valid_from), reverse=True)
    return (valid[0], tuple(valid[1:])) if valid else (None, ())


def canonical_entitlement(entitlement: Entitlement) -> bytes:
    """The bytes that a signature covers, under `ENTITLEMENT_TAG`: the values in a fixed order, whatever the text looks like."""
    return msgspec.json.encode(entitlement, order="sorted")


def write_entitlement(entitlement: Entitlement, signature: str = "") -> str:
    """The file's text; the values must have passed `check_entitlement`."""
    header = entitlement.header
    dates = [("issue_date", header.issued), ("valid_from", header.valid_from), ("valid_to", header.valid_to)]
    written = "".join(f' {name}="{day.isoformat()}"' for name, day in dates if day is not None)
    rows = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<entitlement version="1" vendor={quoteattr(entitlement.vendor)}{written}>',
        "  <header>",
        *(
            f"    <{name}>{escape(getattr(header, name))}</{name}>"
            for name in ("customer_name", "customer_id", "site_id", "site_address", "site_type")
        ),
        "  </header>",
        "  <items>",
    ]
    for line in entitlement.lines:
        named = f" measured={quoteattr(line.measured)}" if line.measured else ""
        rows += [
            f"    <item order={quoteattr(line.order)} number={quoteattr(line.item)}{named}>",
            f"      <description release={quoteattr(line.release)}>{escape(line.description)}</description>",
            f'      <quantity burst_limit="{line.burst}" license_type="{line.license_type}">{line.quantity}</quantity>',
            "    </item>",
        ]
    rows.append("  </items>")
    rows += [f"  <signature>{signature}</signature>"] if signature else []
    return "\n".join([*rows, "</entitlement>", ""])
