from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.lrm.gaps import gaps_in
from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.periods import Period
from support.usagefacts import DAY, moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path


def test_periods_say_which_source_has_no_data_for_how_long(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "db")
    hours = [Period(DAY + hour * 3600, DAY + hour * 3600, DAY + (hour + 1) * 3600) for hour in range(4)]
    items = items_by_name()
    email, ports = [items["genesys e-mail"]], [items["gvp ports"]]

    def told(asked: list) -> dict[int, str]:  # type: ignore[type-arg]
        return gaps_in(warehouse, open_duckdb(), warehouse.manifest(), asked, hours)

    assert told(email) == {}
    gaps = [
        {"source": "icon", "since": moment("01:30"), "until": moment("03:00"), "reason": "restart"},
        {"source": "rs", "since": moment("00:00"), "until": moment("00:15")},
        {"source": "icon-2", "since": moment("09:00"), "until": moment("10:00")},
    ]
    warehouse.load(write_csv(tmp_path / "gaps.csv", "gaps", gaps))
    # Of a source that has told nothing yet nobody knows what it would tell.
    assert told(email)[0] == "rs has no data for 0.25 hours"
    warehouse.load(write_csv(tmp_path / "s.csv", "sessions", [session(1, DAY, None, source="icon")]))
    bins = [{"source": "rs", "kind": "calls", "start": DAY, "seconds": 300, "peak": 4}]
    warehouse.load(write_csv(tmp_path / "p.csv", "ports", bins))
    assert told(email) == {1: "icon has no data for 0.5 hours (restart)", 2: "icon has no data for 1 hour (restart)"}
    assert told(ports) == {0: "rs has no data for 0.25 hours"}
