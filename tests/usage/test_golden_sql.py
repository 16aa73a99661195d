"""The SQL that each kind of report becomes, for both engines, as golden files: what an engine is asked for changes only on purpose.

SEATKEEPER_REWRITE_GOLDEN=1 writes tests/golden/usage anew. Small tables that are passed in have a name of their own each time, and are
numbered here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pytest

from seatkeeper.adapters.engines import schema_of
from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.closing import CLOSED_SCHEMA, closed_in
from seatkeeper.usage.drill import holders
from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.levels import levels
from seatkeeper.usage.measures import PortRule
from seatkeeper.usage.overuse import seconds_over
from seatkeeper.usage.periods import Edge
from seatkeeper.usage.reports import COUNTED, Facts, Subject, cells, concurrent, counted, enabled, numbered, port_peaks, times_of
from seatkeeper.usage.seats import Known
from support.usagefacts import DAY

if TYPE_CHECKING:
    from ibis.expr.types import Table

GOLDEN = Path(__file__).parents[1] / "golden" / "usage"
EDGES = [Edge(DAY, 0), Edge(DAY + 3600, 1), Edge(DAY + 7200, -1)]
PIECES = [(0, DAY, DAY + 3600), (1, DAY + 3600, DAY + 7200)]
HARBOR, MEADOW = Subject("Harbor"), Subject("Meadow")
SERVICE, HALL = Subject("Harbor", "service"), Subject("Harbor", "hall")
DAYS = [(DAY, DAY + 86_400)]


def reports() -> dict[str, Table]:
    """Name of the golden file -> what is asked."""
    tables = {name: ibis.table(schema_of(kind), name=name) for name, kind in KINDS.items()}
    known = Known(tables["configuration"], frozenset({"agent", "agent-group", "campaign", "place-group", "system"}))
    facts = Facts(tables["sessions"], tables["recordings"], tables["ports"], tables["ends"], known)
    items = items_by_name()
    chat, email, campaign = items["genesys web media"], items["genesys e-mail"], items["genesys outbound contact - ms"]
    connector, network = items["agent connector"], items["genesys network voice"]
    span = EDGES[0].at, EDGES[-1].at
    times = times_of(numbered([counted(facts, email)], COUNTED), facts, "tenant", [HARBOR], None, span)
    limits = ibis.memtable([(0, 0, 5)], schema={"key": "int64", "period": "int64", "limit": "int64"})
    return {
        "system": concurrent(facts, [counted(facts, email)], "system", [Subject()], EDGES),
        "system-recordings": concurrent(facts, [counted(facts, items["call recording"])], "system", [Subject()], EDGES),
        "tenant": concurrent(facts, [counted(facts, chat)], "tenant", [HARBOR, MEADOW], EDGES),
        "tenant-each-minute": concurrent(facts, [counted(facts, network)], "tenant", [HARBOR, MEADOW], EDGES, step_s=60),
        "agent-group": concurrent(facts, [counted(facts, email)], "agent-group", [SERVICE], EDGES),
        "place-group-at-days-end": concurrent(facts, [counted(facts, campaign)], "place-group", [HALL], EDGES, days=DAYS),
        "enabled-system": enabled(facts, [connector], "system", [Subject()], EDGES),
        "enabled-agent-group": enabled(facts, [email], "agent-group", [SERVICE], EDGES),
        "ports": port_peaks(facts, PortRule("asr"), [Subject()], PIECES),
        "over-use": seconds_over(times, cells(1, EDGES), limits),
        "levels": levels(times, cells(1, EDGES)),
        "who": holders(facts, chat, "agent-group", SERVICE, DAY + 60),
        "closed-days": closed_in(ibis.table(CLOSED_SCHEMA, name="closed"), "tenant", ["Genesys E-Mail"], [HARBOR], PIECES),
    }


@pytest.mark.parametrize("dialect", ["duckdb", "pyspark"])
@pytest.mark.parametrize("name", list(reports()))
def test_the_sql_of_a_report_is_the_golden_one(name: str, dialect: str) -> None:
    sql = str(ibis.to_sql(reports()[name], dialect=dialect))
    numbers: dict[str, str] = {}
    sql = re.sub(r"ibis_\w*memtable_\w+", lambda found: numbers.setdefault(found[0], f"passed_in_{len(numbers) + 1}"), sql)
    golden = GOLDEN / f"{name}.{dialect}.sql"
    if os.environ.get("SEATKEEPER_REWRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(sql + "\n", encoding="utf-8")
    assert sql + "\n" == golden.read_text(encoding="utf-8")
