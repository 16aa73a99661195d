"""What is configured in a simulated center refers to what is there, and says how many seats are enabled."""

from __future__ import annotations

from random import Random

from seatkeeper.sim.configuration import CONFIGURATION_TABLES, configuration_rows, enabled_of
from seatkeeper.sim.idb import directory_of
from seatkeeper.sim.month import plan_month


def test_tables_and_enabled_seats() -> None:
    month = plan_month(80, 3, 2026, 9, Random(5))
    rows = configuration_rows(month, directory_of(month))
    for table, columns in rows.items():
        assert set(columns) == set(CONFIGURATION_TABLES[table])
    assert set(rows["cfg_agent_group"]["agent_dbid"]) <= set(rows["cfg_person"]["dbid"])
    enabled = {(row["tenant"], row["item"]): row["enabled"] for row in enabled_of(month)}
    assert enabled[None, "Genesys Info Mart"] == 80
    assert sum(enabled.get((tenant, "Genesys E-Mail"), 0) for tenant in month.center.tenants) == enabled[None, "Genesys E-Mail"]
    assert not [name for name in rows["cfg_person"]["user_name"] if name.startswith("helper")]
