"""Independent license servers get, all together, exactly what was ordered, and each of them as much of it as the customer wants.

"With the multiple independent-servers configuration, define how you would like to divide licenses among the servers" (guide,
Information for License Order Kit). So each server has a weight: the share that the order gives it; else the agents' DNs on the
switches of the site that it serves; else the same as every other, which is our proposal. What the order says by name for a
server (`OrderServer.quantities`) comes before any weight, and the technical licenses that sellable items need go where those
items go; but licenses for DNs go where the DNs are, if the order says where that is.

Seats are whole, so a line is divided by the largest remainder: each server gets its part without the fraction, and what is left
goes to those with the largest fractions. A server that is to have something of a line does not go without while another has two
of it: an application that finds no license at all does not start. Where fewer seats were ordered than there are servers, they go
to the heaviest, and the others' files leave the line out. The same order always gives the same division.
"""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import RULES_OF_QUANTITY, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatkeeper.issue.model import Order, OrderServer
    from seatkeeper.issue.planned import PlannedLine

__all__ = ["SERVERS_MAX", "Part", "Weights", "divide", "largest_remainder", "weights_of"]

#: Independent license servers of one order.
SERVERS_MAX: Final = 100
#: So many weights a sentence names.
_TOLD_MAX: Final = 10


class Weights(msgspec.Struct, frozen=True):
    """How much of the licenses each server is to get, in relation to the others.

    Attributes:
        numbers: One for each server, in the order's order.
        reason: Where they come from, for people: `60:40 as ordered`.
        by_rule: Those of licenses that are counted by DNs, where it is known which server's site has how many.
    """

    numbers: tuple[int, ...]
    reason: str
    by_rule: dict[str, tuple[int, ...]] = {}


class Part(msgspec.Struct, frozen=True):
    """What one server gets.

    Attributes:
        server: The server.
        lines: Its lines, with its counts.
        left_out: The features of which nothing is left for it.
        reason: How the licenses were divided, for people.
    """

    server: OrderServer
    lines: tuple[PlannedLine, ...]
    left_out: tuple[str, ...]
    reason: str


def divide(order: Order, lines: Sequence[PlannedLine]) -> tuple[Part, ...]:
    """One part for each server of an order, in the order's order; the counts of each line add up to the line's.

    Args:
        order: The order; its configuration is `independent`.
        lines: What all servers together get.

    Raises:
        InputError: The order's split does not add up, or leaves a server with nothing.
    """
    if len(order.servers) > SERVERS_MAX:
        raise InputError(
            "The order has too many license servers.",
            found=f"{len(order.servers)} [[servers]] tables",
            expected=f"at most {SERVERS_MAX}",
            remedy="Put some of the sites into an order of their own.",
        )
    weights = weights_of(order)
    splits = _splits(order, weights.numbers)
    combine = max if order.terms.deployment == "blended" else sum
    counts = [_counts(line, splits, weights, combine) for line in lines]
    named = any(server.quantities for server in order.servers)
    reason = "; ".join(["quantities by name as ordered"] * named + [weights.reason])
    parts = []
    for at, server in enumerate(order.servers):
        own = tuple(msgspec.structs.replace(line, count=count[at]) for line, count in zip(lines, counts, strict=True) if count[at])
        left_out = tuple(line.name for line, count in zip(lines, counts, strict=True) if not count[at])
        if not own:
            raise InputError(
                f"The license server {server.host} would get no license at all.",
                remedy="Give it a share or quantities, or take it out of the order.",
            )
        parts.append(Part(server, own, left_out, reason))
    return tuple(parts)


def weights_of(order: Order) -> Weights:
    """The weight of each server for what no quantity names.

    Raises:
        InputError: Some servers have a share and some have none.
    """
    shares = tuple(server.share for server in order.servers)
    if any(shares):
        if not all(shares):
            without = next(server.host for server in order.servers if not server.share)
            raise InputError(
                f"The license server {without} has no share, and others have one.",
                expected="a share for each of the servers, or for none",
            )
        return Weights(shares, f"shares {_told(shares)} as ordered")
    by_site = _dns_by_site(order, "seat_dns")
    if by_site is not None:
        reason = f"agents' DNs of the sites, {_told(by_site)}"
        technical = _dns_by_site(order, "technical_dns")
        if technical is None:
            return Weights(by_site, reason, {"per_seat_dn": by_site})
        return Weights(by_site, f"{reason}, and technical DNs, {_told(technical)}", {"per_seat_dn": by_site, "per_technical_dn": technical})
    return Weights((1,) * len(order.servers), "equal shares, as the order names none")


def largest_remainder(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`total` in whole parts that add up to it and follow the weights; of two equal claims the first wins.

    Nobody who has a weight gets nothing while another has two. Where no weight is above 0, all are equal.
    """
    if not any(weights):
        weights = (1,) * len(weights)
    everything = sum(weights)
    parts = [total * weight // everything for weight in weights]
    claims = sorted(range(len(weights)), key=lambda at: (-(total * weights[at] % everything), -weights[at], at))
    for at in claims[: total - sum(parts)]:
        parts[at] += 1
    for at in sorted(range(len(weights)), key=lambda at: (-weights[at], at)):
        if weights[at] and not parts[at]:
            # Of equally rich ones the lightest gives, so that more weight never means less.
            richest = max(range(len(parts)), key=lambda other: (parts[other], -weights[other], other))
            if parts[richest] < 2:
                break
            parts[richest] -= 1
            parts[at] += 1
    return tuple(parts)


def _told(numbers: Sequence[int]) -> str:
    return ":".join([*map(str, numbers[:_TOLD_MAX]), *(["..."] if len(numbers) > _TOLD_MAX else [])])


def _dns_by_site(order: Order, key: Literal["seat_dns", "technical_dns"]) -> tuple[int, ...] | None:
    """These DNs of each server's site, times a number for all so that servers of one site share them; None where not known."""
    dns: dict[str, int] = {}
    for switch in order.switches:
        number: int | None = getattr(switch, key)
        if number is not None:
            dns[_site(switch.site)] = dns.get(_site(switch.site), 0) + number
    sites = [_site(server.site) for server in order.servers]
    if any(not site or not dns.get(site) for site in sites):
        return None
    common = lcm(*(sites.count(site) for site in sites))
    return tuple(dns[site] * common // sites.count(site) for site in sites)


def _site(text: str) -> str:
    return " ".join(text.split()).casefold()


def _splits(order: Order, weights: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """By folded name of a sellable item, and of a technical license that was asked for: how many of it each server gets."""
    ordered: dict[str, tuple[str, int]] = {}
    for name, quantity in [(item.product, item.quantity) for item in order.items] + [(one.feature, one.quantity) for one in order.licenses]:
        ordered[folded(name)] = (name, ordered.get(folded(name), (name, 0))[1] + quantity)
    named = [{folded(name): quantity for name, quantity in server.quantities} for server in order.servers]
    for server, quantities in zip(order.servers, named, strict=True):
        for name, _ in server.quantities:
            if folded(name) not in ordered:
                raise InputError(f"The license server {server.host} is to get {name}, which the order does not have.", found=name)
        if any(quantity < 0 for quantity in quantities.values()):
            raise InputError(f"The license server {server.host} is to get less than nothing.", expected="whole numbers from 0")
    return {key: _split(name, total, [one.get(key) for one in named], weights) for key, (name, total) in ordered.items()}


def _split(name: str, total: int, named: Sequence[int | None], weights: Sequence[int]) -> tuple[int, ...]:
    """`total` of one item: what is named goes where it is named, the rest to the others by weight."""
    given = sum(quantity for quantity in named if quantity is not None)
    others = [at for at, quantity in enumerate(named) if quantity is None]
    if given > total or (given < total and not others):
        raise InputError(
            f"The split of {name} does not add up.",
            found=f"{given} on the servers that name it",
            expected=f"{total}, as ordered" if not others else f"at most {total}, as ordered",
            remedy="Correct `quantities` of the servers.",
        )
    rest = largest_remainder(total - given, [weights[at] for at in others]) if others else ()
    return tuple(rest[others.index(at)] if quantity is None else quantity for at, quantity in enumerate(named))


def _counts(
    line: PlannedLine, splits: dict[str, tuple[int, ...]], weights: Weights, combine: Callable[[tuple[int, ...]], int]
) -> tuple[int, ...]:
    """How much of a line each server gets; `combine` makes one need of those of several items, as in `catalog.expand`."""
    if line.product:
        return splits[folded(line.product)]
    if line.rule in weights.by_rule and folded(line.name) not in splits:
        return largest_remainder(line.count, weights.by_rule[line.rule])
    needs = [splits[folded(item)] for item in line.items if folded(item) in splits] if line.rule in RULES_OF_QUANTITY else []
    asked = [splits[folded(line.name)]] if folded(line.name) in splits else []
    # Seats that follow quantities, or that the order asked for, go where those go; what the environment gives has no place.
    if needs or (asked and line.asked >= line.count):
        return largest_remainder(line.count, [combine(each) for each in zip(*needs, *asked, strict=True)])
    return largest_remainder(line.count, weights.numbers)
