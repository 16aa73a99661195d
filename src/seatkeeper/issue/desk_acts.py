"""What a customer has is changed by an order that says all he is to have from then on, and takes the place of the one before.

Each function gives the new order; `change` writes it as TOML with a number of its own and registers it. Nothing is checked here
that checking an order says anyway.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.adapters.registry_engine import retried
from seatkeeper.base.dates import NEVER, format_date
from seatkeeper.base.errors import InputError
from seatkeeper.base.values import parse_version
from seatkeeper.catalog.expand import ExtraLicense, Item
from seatkeeper.catalog.model import folded, nearest_sentence
from seatkeeper.issue.desk import order_of, register
from seatkeeper.issue.desk_recorder import retire
from seatkeeper.issue.model import AUTO
from seatkeeper.issue.ordertext import order_text
from seatkeeper.licfile.hostid import parse_hostid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.desk import Desk, Registered
    from seatkeeper.issue.model import Order

__all__ = ["added", "change", "end", "given_back", "maintain", "moved", "renewed", "upgraded"]

#: How remarks of the desk's own orders name what was done.
_WORDS = {
    "add": "additional quantity",
    "upgrade": "upgrade",
    "return": "quantity given back",
    "move": "another license server",
    "renew": "renewal",
    "reissue": "the same, signed anew",
}


def change(
    desk: Desk,
    number: str,
    act: str,
    make: Callable[[Order], Order],
    details: Mapping[str, Any],
    *,
    maintained: tuple[str | None, str | None] | None = None,
) -> Registered:
    """The order that takes the place of order `number`, once it is registered."""
    with desk.registry.read() as view:
        order = make(order_of(view, number, desk.catalog))
    order = msgspec.structs.replace(order, terms=msgspec.structs.replace(order.terms, number=AUTO))
    text = order_text(order, remarks=[f"{_WORDS[act].capitalize()}: takes the place of order {number}."])
    return register(desk, text, f"order {number}, changed", act=act, replaces=number, details=details, maintained=maintained)


def added(order: Order, items: Mapping[str, int], licenses: Mapping[str, int], catalog: Catalog, *, version: str = "") -> Order:
    """The order with more of some sellable items and technical licenses; new ones are of `version`, or as high as the order's others."""
    bought = list(order.items)
    for name, quantity in items.items():
        product = catalog.product(name).name
        at = next((at for at, item in enumerate(bought) if item.product == product), None)
        if at is None:
            highest = max((item.version for item in bought), key=parse_version, default="")
            if not (version or highest):
                raise InputError("The version of this item is not known.", found=name, expected="--version")
            bought.append(Item(product, version or highest, quantity))
        else:
            bought[at] = msgspec.structs.replace(bought[at], quantity=bought[at].quantity + quantity)
    asked = list(order.licenses)
    for name, quantity in licenses.items():
        feature = catalog.technical_license(name).feature
        at = next((at for at, each in enumerate(asked) if folded(each.feature) == folded(feature)), None)
        if at is None:
            asked.append(ExtraLicense(feature, quantity))
        else:
            asked[at] = msgspec.structs.replace(asked[at], quantity=asked[at].quantity + quantity)
    return _with(order, bought, asked)


def given_back(order: Order, items: Mapping[str, int], licenses: Mapping[str, int], catalog: Catalog) -> Order:
    """The order with less of some sellable items and technical licenses; what falls to nothing is left out.

    Raises:
        InputError: It has not so many, or nothing would be left.
    """
    bought = list(order.items)
    for name, quantity in items.items():
        product = catalog.product(name).name
        held = [item.quantity if item.product == product else 0 for item in bought]
        left = _taken(name, held, quantity, [item.product for item in bought])
        kept = _kept([item.quantity for item in bought], held, left, [item.version for item in bought])
        bought = [msgspec.structs.replace(item, quantity=count) for item, count in zip(bought, kept, strict=True) if count]
    asked = list(order.licenses)
    for name, quantity in licenses.items():
        held = [each.quantity if folded(each.feature) == folded(name) else 0 for each in asked]
        left = _taken(name, held, quantity, [each.feature for each in asked])
        versions = [each.version or catalog.technical_license(each.feature).version for each in asked]
        kept = _kept([each.quantity for each in asked], held, left, versions)
        asked = [msgspec.structs.replace(each, quantity=count) for each, count in zip(asked, kept, strict=True) if count]
    if not bought and not asked:
        remedy = f"Where all is given back: `seatkeeper desk end {order.terms.number}`."
        raise InputError("The order would have no items any more.", found=order.terms.number, remedy=remedy)
    return _with(order, bought, asked)


def upgraded(order: Order, versions: Mapping[str, str], products: Mapping[str, str], catalog: Catalog) -> Order:
    """The order with other versions of some sellable items, and some items in place of others.

    Raises:
        InputError: The order has no such item.
    """
    bought = list(order.items)
    for name, version in versions.items():
        product = catalog.product(name).name
        _taken(name, [item.quantity for item in bought if item.product == product], 0, [item.product for item in bought])
        bought = [msgspec.structs.replace(item, version=version) if item.product == product else item for item in bought]
    others = {}
    for name, other in products.items():
        product = catalog.product(name).name
        _taken(name, [item.quantity for item in bought if item.product == product], 0, [item.product for item in bought])
        others[product] = catalog.product(other).name
    # All at once: two items may change places.
    bought = [msgspec.structs.replace(item, product=others.get(item.product, item.product)) for item in bought]
    return _with(order, bought, list(order.licenses))


def moved(order: Order, old: str, new: str, host: str = "") -> Order:
    """The order for another license server.

    Raises:
        InputError: No server of the order has the old host id.
    """
    try:
        folded_old = str(parse_hostid(old))
    except ValueError as error:
        raise InputError("This is not a host id.", file="--from", found=old, expected=str(error)) from None
    if all(server.hostid != folded_old for server in order.servers):
        known = " or ".join(server.hostid for server in order.servers)
        raise InputError("No license server of this order has that host id.", file="--from", found=old, expected=known)
    servers = tuple(
        msgspec.structs.replace(server, hostid=new, host=host or server.host) if server.hostid == folded_old else server
        for server in order.servers
    )
    return msgspec.structs.replace(order, servers=servers)


def renewed(order: Order, until: date) -> Order:
    """The order with a later last day.

    Raises:
        InputError: It never expires, or not earlier.
    """
    before = order.terms.expires
    if before == NEVER:
        raise InputError("The licenses of this order never expire, so there is nothing to renew.", found=order.terms.number)
    if until <= before:
        raise InputError(
            "This is not later than before.", file="--until", found=format_date(until), expected=f"after {format_date(before)}"
        )
    return msgspec.structs.replace(order, terms=msgspec.structs.replace(order.terms, expires=until))


@retried
def maintain(desk: Desk, number: str, begin: str | None, until: str | None) -> tuple[str | None, str | None]:
    """First and last day of maintenance of all that an order entitles to; None leaves a day as it is.

    Raises:
        InputError: The order does not count now, or the days are the wrong way round.
    """
    with desk.registry.write(desk.now, desk.by) as act:
        row = act.order(number)
        if row.state not in {"registered", "issued"}:
            follower = act.successor(number)
            remedy = f"Order {follower.number} took its place." if follower is not None else ""
            raise InputError(f"Only an order that counts is maintained; this one is {row.state}.", found=number, remedy=remedy)
        held = next(iter(act.entitlements(number)), None)
        begin = begin or (held.maintained_from if held is not None else None)
        until = until or (held.maintained_until if held is not None else None)
        if begin and until and begin > until:
            raise InputError("Maintenance ends before it begins.", file="--maintained-until", found=until, expected=f"{begin} or later")
        act.maintain(number, begin, until)
        act.tell("maintain", site=row.site, order=number, begin=begin, until=until)
    return begin, until


@retried
def end(desk: Desk, number: str, why: str) -> None:
    """Let an order entitle to nothing any more: all was given back, and its files are retired."""
    with desk.registry.write(desk.now, desk.by) as act:
        row = act.order(number)
        follower = act.successor(number)
        if row.state != "issued" or follower is not None:
            then = f", and order {follower.number} follows it" if follower is not None else ""
            raise InputError(f"Only an order that counts now can be given back; this one is {row.state}{then}.", found=number)
        act.change_order(number, "ended")
        act.tell("end", site=row.site, order=number, why=why)
        retire(act, row, f"all of order {number} was given back")


def _with(order: Order, items: list[Item], licenses: list[ExtraLicense]) -> Order:
    return msgspec.structs.replace(order, items=tuple(items), licenses=tuple(licenses))


def _taken(name: str, held: Sequence[int], quantity: int, known: Sequence[str]) -> int:
    """What is left of a name when `quantity` of it is taken."""
    if not any(held):
        expected = ", ".join(dict.fromkeys(known)) or "an item: the order asks for no license by name, all follow from its items"
        raise InputError("The order has no such item.", found=name, expected=expected, remedy=nearest_sentence(name, known))
    if quantity > sum(held):
        raise InputError(f"The order has not so many of {name}.", found=str(quantity), expected=f"at most {sum(held)}")
    return sum(held) - quantity


def _kept(quantities: Sequence[int], held: Sequence[int], left: int, versions: Sequence[str]) -> list[int]:
    """The quantity of each row when those that count have `left` together; the newest versions stay."""
    kept = list(quantities)
    for at in sorted(range(len(held)), key=lambda at: parse_version(versions[at]), reverse=True):
        if held[at]:
            kept[at] = min(held[at], left)
            left -= kept[at]
    return kept
