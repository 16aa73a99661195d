"""Whoever fills in the template has an order; and as it stands it is one already, for the machine that printed it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from seatkeeper.catalog.model import Catalog

__all__ = ["SAMPLE_COMPANY", "template"]

#: Invented, like every name in the template.
SAMPLE_COMPANY: Final = "Pigeon Post Example Ltd"

#: What the template orders, where the catalog has it: product and quantity.
_SAMPLE_ITEMS: Final = (
    ("Genesys CIM Platform - MS", 150),
    ("Genesys Inbound Voice", 120),
    ("Genesys E-mail", 30),
    ("HA - CIM Platform", 150),
)
_SAMPLE_COUNT: Final = 3
_SAMPLE_APPLICATION: Final = "T-Server"

#: Technical licenses that the remarks show, where the catalog has them.
_SAMPLE_LICENSES: Final = (("vcb_full", 25), ("CConCopies", 1), ("gim_etl_voice", 1))

_HEAD: Final = """\
# A license order. Everything after # is a remark. Fill in, then:
#
#   seatkeeper order check order.toml       says what is wrong, all at once
#   seatkeeper order expand order.toml      lists the technical licenses and why there are so many
#   seatkeeper issue order.toml --keys DIR -o license.dat
#
# Names and numbers below are invented; the license server is the machine that printed this.

[order]
number = "20260001"           # your number for this order; each license line bears it as SN
site = "1111"                 # number of the customer's site
company = {company}
reseller = "Twine Example Trading"  # who sold it; "" for the vendor itself
requestor = "Alex Example"    # who asked for the file
purpose = "production"        # demo, evaluation, testing, development or production
license_use = "Customer use"  # the terms of use, as they stand in NOTICE of each line
expires = "permanent"         # or the last day: 2027-06-30, or "30-jun-2027"; some purposes end it sooner
# ordered = 2026-11-20        # the day of the order
deployment = "separate"       # separate: each item has agents of its own, so seats add up
                              # blended: the same agents serve several items, so the largest number is enough
# configuration = "single"    # single, redundant (three servers, one file) or independent (each serves its part); when left
                              # out, the number of [[servers]] tells

# The sellable items, a table for each: product as `seatkeeper catalog products` lists it, first two digits of its version,
# and how many seats, ports or users are bought (1 to 999999). Two tables with the same product add up.
"""

_TAIL: Final = """
# Technical licenses that no item yields, or that an item leaves optional, a table for each. `seatkeeper catalog show NAME`
# says what a license is for. The version may be left out. Take away the # to order one.
{extras}
# The applications that check licenses out, a table for each. Their numbers count where [environment] says less or nothing.
#
# [[applications]]
# name = {application}           # as `seatkeeper catalog applications` lists it
# version = "8.1"
# instances = 2                 # a redundant pair is two
# redundant = true              # they run in hot standby pairs
#
# The media layer, a table for each switch. Their DNs count where [environment] does not say how many there are.
#
# [[switches]]
# type = "Example Switch"
# version = "5.2"
# seat_dns = 300                # of agents: extensions, positions
# technical_dns = 400           # queues, routing points and other DNs
# distribution = "two for each agent"
# site = "North"

# The numbers that some licenses are counted by, whatever is bought.
[environment]
sites = 2                     # T-Servers, or redundant pairs of them, that each serve a site
redundant_pairs = {pairs}           # hot standby pairs of T-Servers
instances = 1                 # running copies of a licensed server, of the kind that has most
environments = 1              # configuration environments
network_tservers = 0          # Network T-Servers; each needs one multi-site license more
ivr_servers = 0               # IVR Servers; each needs one multi-site license more
technical_dns = 400           # queues, routing points and other DNs that are no seats; 999999 when left out
# seat_dns = 300              # DNs of agent seats, where an agent has more than one; the bought quantities when left out

# The license server. Host name and port may be changed in the issued file later, the host id may not.
[[servers]]
host = {host}
hostid = {hostid}
port = {port}                   # of lmgrd
# daemon_path = "/opt/flexlm/{daemon}"    # where the vendor daemon lies, when lmgrd does not find it beside itself
# daemon_port = {daemon_port}            # a fixed port of the vendor daemon, for a firewall
# daemon_options = "/opt/flexlm/{daemon}.opt"
# system = {system}              # type of the operating system; the form of the host id is checked by it
# system_version = "9"
#
# For three redundant servers add two tables, for independent ones as many as there are. These divide the licenses: by share, or
# by the DNs of the switches of the same site, or by name where that is said; else equally.
# site = "North"
# share = 60
# quantities = {{ {quantities} }}
"""


def template(catalog: Catalog, *, host: str, hostid: str, company: str = SAMPLE_COMPANY) -> str:
    """An order as TOML, with remarks, that can be issued as it stands.

    Args:
        catalog: What is sold; the items come from it.
        host: The license server's host name.
        hostid: The license server's host id.
        company: The customer.
    """
    vendor = catalog.vendor
    asked = f'# attributes = {{ {vendor.attributes[0]} = "168" }}   # of its licenses\n' if "BORROW" in vendor.attributes[:1] else ""
    head = _HEAD.format(company=_quoted(company))
    items = [
        f"\n[[items]]\nproduct = {_quoted(product)}\nversion = {_quoted(version)}\nquantity = {quantity}\n{asked if not index else ''}"
        for index, (product, version, quantity) in enumerate(_items(catalog))
    ]
    tail = _TAIL.format(
        extras=_extras(catalog),
        host=_quoted(host),
        hostid=_quoted(hostid),
        port=vendor.default_port,
        daemon=vendor.daemons[0],
        daemon_port=vendor.default_port + 1,
        application=_quoted(_application(catalog)),
        pairs=int(any(catalog.product(product).pairs for product, _, _ in _items(catalog))),
        system=_quoted(
            "Linux" if any(row.system == "Linux" for row in catalog.hostids) or not catalog.hostids else catalog.hostids[0].system
        ),
        quantities=f"{_quoted(_items(catalog)[0][0])} = 90",
    )
    return head + "".join(items) + tail


def _items(catalog: Catalog) -> list[tuple[str, str, int]]:
    known = {product.name for product in catalog.products}
    if known.issuperset(name for name, _ in _SAMPLE_ITEMS):
        return [(name, "8.5", quantity) for name, quantity in _SAMPLE_ITEMS]
    return [(product.name, "1.0", 10) for product in catalog.products[:_SAMPLE_COUNT]]


def _application(catalog: Catalog) -> str:
    names = [application.name for application in catalog.applications]
    return _SAMPLE_APPLICATION if _SAMPLE_APPLICATION in names else (names or ["none is known"])[0]


def _extras(catalog: Catalog) -> str:
    """Technical licenses as remarks that become tables when their # is taken away."""
    wanted = [(feature, quantity) for feature, quantity in _SAMPLE_LICENSES if catalog.versions_of(feature)]
    shown = wanted or [(license_.feature, 1) for license_ in catalog.technical[:1]]
    tables: list[str] = []
    for feature, quantity in shown:
        license_ = catalog.technical_license(feature)
        tables.append(
            f"#\n# [[licenses]]              # {license_.description}\n"
            f"# feature = {_quoted(feature)}\n# version = {_quoted(license_.version)}\n# quantity = {quantity}\n"
            + ('# attributes = { BORROW = "168" }\n' if "BORROW" in catalog.vendor.attributes and not tables else "")
        )
    return "".join(tables)


def _quoted(text: str) -> str:
    """`text` as a basic string of TOML, whose escapes are those of JSON for anything that can be printed."""
    return json.dumps(text, ensure_ascii=False)
