"""Files of what was bought, as tests give them to reports: an entitlement, and a set of bundles."""

from __future__ import annotations

from datetime import date

from seatkeeper.usage.entitlement import Entitlement, EntitlementLine, Header, write_entitlement

__all__ = ["BUNDLES", "entitlement", "entitlement_text"]

BUNDLES = """<?xml version="1.0" encoding="UTF-8"?>
<lrm_bundle_set issue_date="2026-01-02" valid_from="2026-01-03" valid_to="2026-12-31" id="10000">
  <header><name>What we sell</name><description>For 2026</description></header>
  <bundle id="10001">
    <header><name>Basic</name><description/></header>
    <include_items><sellable_item item="Genesys E-Mail" license_type="concurrent"/><sellable_item item="SIP Server"/></include_items>
    <exclude_items><sellable_item item="Genesys Web Media"/></exclude_items>
  </bundle>
  <bundle id="10002">
    <header><name>Advanced</name></header>
    <include_items><sellable_item item="Genesys Web Media"/></include_items>
  </bundle>
</lrm_bundle_set>
"""


def entitlement(
    begin: date, quantities: dict[str, int], *, burst: int = 0, issued: date | None = None, end: date | None = None
) -> Entitlement:
    """So much of each item, in use at once, from a day on; as much more as `burst` for a while."""
    lines = [
        EntitlementLine("17", f"3GP0{number}", name, "8.5", quantity, quantity + burst, "concurrent", name)
        for number, (name, quantity) in enumerate(quantities.items())
    ]
    header = Header("Pigeon Post Example Ltd", "4711", "1", "1 Quay, Example", "single-site", issued or begin, begin, end)
    return Entitlement("genesys.d", header, tuple(lines))


def entitlement_text(
    begin: date, quantities: dict[str, int], *, burst: int = 0, issued: date | None = None, end: date | None = None
) -> str:
    """The same as a file."""
    return write_entitlement(entitlement(begin, quantities, burst=burst, issued=issued, end=end))
