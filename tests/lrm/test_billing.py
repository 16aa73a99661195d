from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.lrm.billing import bill, bill_csv
from seatkeeper.lrm.report import items_by_name
from seatkeeper.lrm.site import Site
from seatkeeper.usage.billing import Price, Prices
from seatkeeper.usage.limits import Provisioned
from support.boughtfiles import entitlement
from support.usagefacts import DAY, moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

MONTH = date(2026, 9, 1)
PRICES = Prices(
    "EUR", (Price("genesys e-mail", Decimal("10.25")), Price("GVP Ports", Decimal(1)), Price("SIP Server", Decimal(1), tenant="Meadow"))
)


def test_tenants_and_the_system_pay_for_what_was_over_their_limits(tmp_path: Path) -> None:
    rows = [session(number, moment("08:00"), moment("09:00"), agent=f"a{number}", media="email") for number in range(4)]
    rows += [session(9, DAY + 86_400, DAY + 90_000, agent="b", media="email|voice", switch_kind="sip", tenant="Meadow")]
    warehouse = Warehouse(tmp_path / "db")
    warehouse.load(write_csv(tmp_path / "f.csv", "sessions", rows))
    provisioned = (
        Provisioned("Harbor", "Genesys E-Mail", MONTH, 1, 2),
        Provisioned("Harbor", "Genesys E-Mail", date(2026, 9, 2), 9),
        Provisioned("Meadow", "SIP Server", MONTH, 0),
    )
    site = Site(items_by_name(), provisioned=provisioned, entitlements=(entitlement(MONTH, {"Genesys E-Mail": 2}, burst=1),))
    told = bill(warehouse, open_duckdb(), MONTH, PRICES, site, system=False)
    assert [(one.tenant, one.item, one.peak, one.included, one.burst, one.over, one.amount) for one in told.charges] == [
        ("Harbor", "Genesys E-Mail", 4, 1, 2, 2, Decimal("20.50")),
        ("Harbor", "GVP Ports", None, None, None, 0, None),
        ("Meadow", "Genesys E-Mail", 1, None, None, 0, None),
        ("Meadow", "GVP Ports", None, None, None, 0, None),
        ("Meadow", "SIP Server", 1, 0, 0, 1, Decimal("1.00")),
    ]
    assert (told.total, told.charges[1].note) == (Decimal("21.50"), "no ports were counted")
    text = bill_csv(told).splitlines()
    assert text[1] == "2026-09,Harbor,Genesys E-Mail,4,2026-09-01T08:59:59Z,1,2,1,2,0,10.25,20.50,EUR,"
    (system, _) = bill(warehouse, open_duckdb(), MONTH, PRICES, site, system=True).charges
    assert (system.tenant, system.peak, system.included, system.burst, system.amount) == (None, 4, 2, 3, Decimal("10.25"))
    (mine,) = {one.tenant for one in bill(warehouse, open_duckdb(), MONTH, PRICES, site, system=False, tenant="Meadow").charges}
    assert mine == "Meadow"
