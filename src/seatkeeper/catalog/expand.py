"""An order's sellable items become technical licenses: one line a feature, of the highest version, never below one seat.

Theory of operation. A product's row says *which* technical license it needs, the license's rule says *how many*. Rules of
quantity follow what was ordered: each product needs as many as its ordered quantity. Where several products need the same
license, the deployment mode decides (guide, "Information for License Order Kit"): `separate` means that dedicated agents
handle each product, so the needs add up; `blended` means that the same agents handle several, so the largest need is
enough. Rules of environment follow the environment's numbers, and the quantity plays no part. Licenses that the order asks
for by name are one need more. Attributes of a line come from the catalog, from the items, which must agree, and from those wishes
by name; each wins over those before it.

The version is the one of the product table, whatever version of the product was ordered: the guide heads that table
"v8.x/9.x", applications of 8.x and 9.x ask for those versions, and a license of 8.0 meets a 7.x application's request too.
Among several needs the highest version wins, provided that it meets every other (vendor's version rule).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.base.values import parse_version, version_satisfies
from seatkeeper.catalog.model import RULES_OF_QUANTITY, Catalog, Product, Rule, TechnicalLicense, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "QUANTITY_MAX",
    "TECHNICAL_DNS_UNSTATED",
    "Conflict",
    "Environment",
    "ExtraLicense",
    "Item",
    "Line",
    "expand",
]

#: Of one item or one asked license in an order.
QUANTITY_MAX: Final = 999_999

#: "If you don't specify this number, a license for 999,999 DNs is issued" (guide, order kit, Media Layer resources).
TECHNICAL_DNS_UNSTATED: Final = 999_999

Quantity = Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=QUANTITY_MAX)]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sellable item of an order. The version is the product's own; it does not choose the technical licenses' versions.

    `attributes` are name and value of what the lines of its licenses say beside the usual, such as BORROW.
    """

    product: str
    version: str
    quantity: Quantity
    attributes: tuple[tuple[str, str], ...] = ()


class ExtraLicense(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A technical license that an order asks for by name; without a version, the highest of the catalog.

    `attributes` are those of its line; they win over those of items that need the license too.
    """

    feature: str
    quantity: Quantity
    version: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The customer's numbers that rules of environment count.

    Attributes:
        deployment: `separate`: dedicated agents for each product; `blended`: the same agents for several. An order that
            does not say is separate, which can give too many licenses but never too few.
        sites: T-Servers, or redundant pairs of T-Servers, each serving a site.
        redundant_pairs: Hot standby pairs of T-Servers.
        instances: Instances of a licensed server, of the kind that has most.
        instances_of: By feature, how many instances are known to check it out, of whatever kind; the larger number counts.
        environments: Configuration environments.
        network_tservers: Network T-Servers; each needs a multi-site license as a site does.
        ivr_servers: IVR Servers; each needs a multi-site license as a site does.
        seat_dns: DNs of agent seats, in place of the ordered quantities; None where the order does not say.
        technical_dns: Other DNs; None where the order does not say.
    """

    deployment: Literal["separate", "blended"] = "separate"
    sites: _Count = 1
    redundant_pairs: _Count = 0
    instances: _Count = 1
    environments: _Count = 1
    network_tservers: _Count = 0
    ivr_servers: _Count = 0
    seat_dns: _Count | None = None
    technical_dns: _Count | None = None
    instances_of: tuple[tuple[str, _Count], ...] = ()


class Conflict(InputError):
    """Two parts of an order want unlike things of one license.

    Attributes:
        feature: The license.
        attribute: What they want otherwise; empty for the version.
    """

    def __init__(self, message: str, feature: str, attribute: str = "", *, found: str, expected: str, remedy: str) -> None:
        super().__init__(message, found=found, expected=expected, remedy=remedy)
        self.feature = feature
        self.attribute = attribute


class Line(msgspec.Struct, frozen=True):
    """A technical license that an order gives.

    Attributes:
        count: Seats, at least 1.
        rule: The rule that gave the count of what the items need.
        items: The products that need it, in the catalog's order; empty where only the order asked for it.
        asked: How many the order asked for by name.
        attributes: What its line says beside the usual, as the catalog, the items and the order's own wish have it.
    """

    feature: str
    version: str
    count: int
    rule: Rule
    items: tuple[str, ...]
    asked: int = 0
    attributes: tuple[tuple[str, str], ...] = ()


def expand(
    catalog: Catalog, items: Iterable[Item], environment: Environment | None = None, extra_licenses: Sequence[ExtraLicense] = ()
) -> list[Line]:
    """The technical licenses that an order needs, in the order of the catalog's technical license list.

    Optional licenses of a product are given only where `extra_licenses` asks for them. The order of the arguments'
    members does not matter, and a larger quantity never gives a smaller count.

    Raises:
        InputError: A product or license that the catalog does not have, a quantity out of range, or needs of one
            license whose versions or attributes no single line can meet (`Conflict`).
    """
    environment = environment or Environment()
    items = tuple(items)
    ordered = _ordered_quantities(catalog, items)
    wanted = _wanted_attributes(catalog, items)
    needs: dict[str, _Need] = {}
    for product in catalog.products:
        if quantity := ordered.get(product.name):
            for row in product.required:
                need = _need_of(needs, catalog, row.feature)
                need.versions.add(row.version)
                need.items.append(product)
                need.quantities.append(quantity)
                for name, value in wanted[product.name]:
                    _agree(need.attributes, need.license.feature, name, value)
    for extra in extra_licenses:
        _check_quantity(extra.quantity, extra.feature)
        need = _need_of(needs, catalog, extra.feature)
        need.versions.add(_version(extra.version or need.license.version, extra.feature))
        need.asked.append(extra.quantity)
        for name, value in extra.attributes:
            _agree(need.wishes, need.license.feature, name, value)
    return [
        _line(needs[key], environment, catalog) for key in dict.fromkeys(folded(each.feature) for each in catalog.technical) if key in needs
    ]


class _Need(msgspec.Struct):
    """What is known of one feature while an order is read."""

    license: TechnicalLicense
    versions: set[str]
    items: list[Product]
    quantities: list[int]
    asked: list[int]
    attributes: dict[str, str] = {}
    wishes: dict[str, str] = {}


def _need_of(needs: dict[str, _Need], catalog: Catalog, feature: str) -> _Need:
    key = folded(feature)
    if key not in needs:
        needs[key] = _Need(catalog.technical_license(feature), set(), [], [], [])
    return needs[key]


def _ordered_quantities(catalog: Catalog, items: Iterable[Item]) -> dict[str, int]:
    """Product name -> quantity; items of one product add up, because they are more of the same."""
    ordered: dict[str, int] = {}
    for item in items:
        _check_quantity(item.quantity, item.product)
        _version(item.version, item.product)
        name = catalog.product(item.product).name
        ordered[name] = ordered.get(name, 0) + item.quantity
    return ordered


def _wanted_attributes(catalog: Catalog, items: Iterable[Item]) -> dict[str, list[tuple[str, str]]]:
    """Product name -> attributes of its licenses; items of one product must agree, because they have one line."""
    wanted: dict[str, dict[str, str]] = {}
    for item in items:
        product = catalog.product(item.product)
        for name, value in item.attributes:
            _agree(wanted.setdefault(product.name, {}), product.name, name, value)
    return {product.name: list(wanted.get(product.name, {}).items()) for product in catalog.products}


def _agree(known: dict[str, str], feature: str, name: str, value: str) -> None:
    if known.setdefault(name, value) != value:
        raise Conflict(
            f"Two parts of the order want other values of {name} for {feature}, which has one line.",
            feature,
            name,
            found=value,
            expected=known[name],
            remedy=f"Give {name} the same value in both.",
        )


def _line(need: _Need, environment: Environment, catalog: Catalog) -> Line:
    version = max(need.versions, key=parse_version)
    for other in sorted(need.versions, key=parse_version):
        if not version_satisfies(version, other, catalog.vendor.version_rule):
            raise Conflict(
                f"No single license of {need.license.feature} meets both version {version} and version {other}.",
                need.license.feature,
                found=version,
                expected=f"a version that applications of {other} accept",
                remedy=f"Ask for version {other}, or put the two into separate orders.",
            )
    combine = max if environment.deployment == "blended" else sum
    asked = combine(need.asked) if need.asked else 0
    return Line(
        feature=need.license.feature,
        version=version,
        count=max(1, _count(need, environment, asked)),
        rule=need.license.rule,
        items=tuple(product.name for product in need.items),
        asked=asked,
        attributes=tuple(sorted({**need.license.attributes, **need.attributes, **need.wishes}.items())),
    )


def _count(need: _Need, environment: Environment, asked: int) -> int:
    rule = need.license.rule
    if not need.items:
        return asked
    if rule == "per_technical_dn" and environment.technical_dns is None:
        # An order that asks for technical DNs by name has said how many.
        return asked or TECHNICAL_DNS_UNSTATED
    if rule == "per_seat_dn" and environment.seat_dns is not None:
        return max(environment.seat_dns, asked)
    if rule in RULES_OF_QUANTITY:
        needed = max(need.quantities) if environment.deployment == "blended" else sum(need.quantities)
        return max(needed, asked) if environment.deployment == "blended" else needed + asked
    return max(_environment_number(need.license, environment), asked)


def _environment_number(license_: TechnicalLicense, environment: Environment) -> int:
    """How many the environment alone says."""
    rule: Rule = license_.rule
    known = max((number for feature, number in environment.instances_of if folded(feature) == folded(license_.feature)), default=0)
    match rule:
        case "per_technical_dn":
            return environment.technical_dns or 0
        case "per_instance":
            return max(environment.instances, known)
        case "per_environment_or_instance":
            return max(environment.environments, environment.instances, known)
        case "per_redundant_pair":
            return environment.redundant_pairs
        case "per_site":
            # One for each T-Server of a site, "you need two multi-site licenses, one for each T-Server" with a Network
            # T-Server, and "one additional tserver_iscc license for each IVR Server" (guide, Multi-Site Functionality).
            return environment.sites + environment.network_tservers + environment.ivr_servers
        case _:
            return environment.environments


def _check_quantity(quantity: int, name: str) -> None:
    if not 1 <= quantity <= QUANTITY_MAX:
        raise InputError(
            f"The quantity of {name} cannot be ordered.", found=str(quantity), expected=f"a whole number from 1 to {QUANTITY_MAX}"
        )


def _version(text: str, name: str) -> str:
    try:
        parse_version(text)
    except ValueError as error:
        raise InputError(f"The version of {name} is none.", found=text, expected=f"{error}, such as 8.5") from None
    return text
