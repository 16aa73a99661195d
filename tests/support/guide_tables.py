"""The guide's tables, and what an order needs by them: worked out here a second time, without the catalog's code."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatkeeper.catalog.expand import Environment

if TYPE_CHECKING:
    from seatkeeper.catalog.expand import Item

#: That of `seatkeeper order template`.
TEMPLATE: Final = Environment(sites=2, redundant_pairs=1, technical_dns=400)

#: Product -> [(feature, version)] of its required rows, from the copy of the guide's table.
TABLE: Final[dict[str, list[tuple[str, str]]]] = defaultdict(list)
for _row in (Path(__file__).parents[1] / "catalog" / "golden_products.tsv").read_text().splitlines():
    if not _row.startswith("#"):
        _product, _feature, _version, _need = _row.split("\t")
        TABLE[_product] += [(_feature, _version)] if _need == "Required" else []

# The guide's column "Quantity Required" ("Technical Licenses Used in v8.x Products"), by what it counts.
_ENVIRONMENT: Final = frozenset(
    {
        "cldistributed",
        "contextservices",
        "ha_redundancy",
        "iserver_ha_option",
        "iwd_jms_cp",
        "lds",
        "mldistributed",
        "mlsnmp",
        "router_ha_option",
        "tserver_nts",
    }
)
_INSTANCE: Final = frozenset({"gis"})
_EITHER: Final = frozenset({"ics_nlp_content_analysis", "isdk_factory", "isdk_queue"})


def _number(feature: str, quantities: list[int], around: Environment) -> int:
    """How many of a license, as the guide's column has it."""
    ordered = max(quantities) if around.deployment == "blended" else sum(quantities)
    if feature == "cti_ha_option":
        return around.redundant_pairs
    if feature == "tserver_iscc":
        return around.sites + around.network_tservers + around.ivr_servers
    if feature == "tserver_tdn":
        return 999_999 if around.technical_dns is None else around.technical_dns
    if feature == "tserver_sdn" and around.seat_dns is not None:
        return around.seat_dns
    if feature in _ENVIRONMENT:
        return around.environments
    if feature in _INSTANCE:
        return around.instances
    return max(around.environments, around.instances) if feature in _EITHER else ordered


def oracle(items: list[Item], around: Environment) -> dict[str, tuple[str, int]]:
    """Version and count of each technical license that the items require, by feature in lower case."""
    ordered: dict[str, int] = defaultdict(int)
    for item in items:
        ordered[item.product] += item.quantity
    needs: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for product, quantity in ordered.items():
        for feature, version in TABLE[product]:
            needs[feature.lower()].append((version, quantity))
    return {
        feature: (max(version for version, _ in rows), max(1, _number(feature, [quantity for _, quantity in rows], around)))
        for feature, rows in needs.items()
    }


NAMES: Final = sorted(TABLE)
VERSIONS: Final = [f"{major}.{minor}" for major in (7, 8, 9) for minor in range(10)]
