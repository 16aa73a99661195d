"""The certificate of a delivery says in figures what was bought, for which hosts, until when, and how to tell that nothing was changed.

Here is only what stands on it, as values that a page setter takes as data (`adapters.documents`): no text of an order is ever
part of a page's program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from seatkeeper.base.dates import NEVER, format_date
from seatkeeper.catalog.expand import expand
from seatkeeper.catalog.model import folded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from seatkeeper.catalog.expand import Line
    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.parcel import Parcel, ParcelFile
    from seatkeeper.licfile.model import Feature

__all__ = ["CONFIGURATIONS", "DEPLOYMENTS", "certificate_data", "grouped", "long_date"]

#: Hex digits are compared by eye in groups of this many.
_GROUP_CHARS: Final = 8
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: What each license of a file bears anyway, or what has a place of its own.
_USUAL: Final = frozenset({"VENDOR_INFO", "NOTICE", "SN", "ISSUED", "SIGN"})

CONFIGURATIONS: Final = {
    "single": "single license server",
    "redundant": "three redundant license servers",
    "independent": "independent license servers",
}
DEPLOYMENTS: Final = {
    "separate": "separate agents for each item",
    "blended": "blended, shared agents",
}


def certificate_data(parcel: Parcel, catalog: Catalog) -> dict[str, Any]:
    """All that the page shows, as JSON can hold it; two pages of one parcel are the same."""
    order, terms = parcel.order, parcel.order.terms
    lines = {folded(line.feature): line for line in expand(catalog, order.items, order.environment, order.licenses)}
    day = parcel.issued
    return {
        "vendor": catalog.vendor.title,
        "number": terms.number,
        "site": terms.site,
        "company": terms.company,
        "reseller": terms.reseller,
        "requestor": terms.requestor,
        "license_use": terms.license_use,
        "purpose": terms.purpose,
        "production": terms.purpose == "production",
        "configuration": CONFIGURATIONS[terms.configuration],
        "deployment": DEPLOYMENTS[terms.deployment],
        "issued": long_date(day),
        "issued_on": [day.year, day.month, day.day],
        "expires": _until(parcel.expires),
        "items": _items(parcel, catalog),
        "files": [_file(each, catalog, lines, terms.purpose, several=len(parcel.files) > 1) for each in parcel.files],
        "trust": parcel.trust.name,
    }


def grouped(hexadecimal: str) -> str:
    """The digits in groups, for the eye."""
    return " ".join(hexadecimal[at : at + _GROUP_CHARS] for at in range(0, len(hexadecimal), _GROUP_CHARS))


def long_date(day: date) -> str:
    """`14 March 2026`, which nobody reads as another day."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _until(day: date) -> str:
    return "permanent, no expiry" if day == NEVER else f"{long_date(day)} (last day)"


def _items(parcel: Parcel, catalog: Catalog) -> list[dict[str, Any]]:
    """The sellable items as they were ordered, in that order."""
    return [
        {"product": item.product, "part": catalog.product(item.product).part, "version": item.version, "quantity": f"{item.quantity:,}"}
        for item in parcel.order.items
    ]


def _file(each: ParcelFile, catalog: Catalog, lines: Mapping[str, Line], purpose: str, *, several: bool) -> dict[str, Any]:
    parts = {folded(product.part): product.name for product in catalog.products}
    technical = [_license(line, catalog, lines, each.expires, purpose) for line in each.features if folded(line.name) not in parts]
    # One file has all that was ordered; of several, each says how many of an item it has.
    shares = [
        {"product": parts[folded(line.name)], "version": line.version, "quantity": _count(line)}
        for line in each.features
        if several and folded(line.name) in parts
    ]
    return {
        "name": each.name,
        "sha256": grouped(each.sha256),
        "issuer": ", ".join(map(grouped, each.issuers)),
        "expires": _until(each.expires),
        "partial": each.partial,
        "hosts": [
            {"host": server.host, "hostid": server.hostid, "port": str(server.port or ""), "site": server.site} for server in each.servers
        ],
        "shares": shares,
        "licenses": technical,
    }


def _license(line: Feature, catalog: Catalog, lines: Mapping[str, Line], expires: date, purpose: str) -> dict[str, Any]:
    known = catalog.technical_license(line.name, line.version) if catalog.versions_of(line.name) else None
    rule = known.quantity if known is not None else ""
    # What the catalog gives each license of the name, the rule of its count has in words.
    usual = {(name.upper(), value) for name, value in known.attributes.items()} if known is not None else set()
    planned = lines.get(folded(line.name))
    if planned is not None and not planned.items:
        rule = "as ordered by name"
    # The page says the purpose once, at its head.
    own = [
        (name, value)
        for name, value in line.attributes
        if name.upper() not in _USUAL and (name.upper(), value) not in {("VENDOR_STRING", purpose), *usual}
    ]
    notes = [f"{name}={value}" if value else name for name, value in own]
    if line.expires != expires:
        notes.append("permanent" if line.expires == NEVER else f"until {format_date(line.expires)}")
    return {"feature": line.name, "version": line.version, "count": _count(line), "rule": rule, "notes": ", ".join(notes)}


def _count(line: Feature) -> str:
    return "uncounted" if line.seats is None else f"{line.seats:,}"
