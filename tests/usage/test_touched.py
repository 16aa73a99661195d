from __future__ import annotations

from typing import Any

import ibis
import pytest

from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.seats import FOREVER
from seatkeeper.usage.touched import touched
from support.usagefacts import DAY, session, table_of

BEFORE = session(1, DAY, DAY + 100, agent="a")
OPEN = session(1, DAY, None, agent="a")


@pytest.mark.parametrize(
    ("before", "after", "times"),
    [
        ([BEFORE], [BEFORE], []),
        ([BEFORE], [{**BEFORE, "source": "|b|", "estimated": True}], []),
        ([], [BEFORE], [(DAY, DAY + 100)]),
        ([OPEN], [], [(DAY, FOREVER)]),
        ([OPEN], [BEFORE], [(DAY + 100, FOREVER)]),
        ([BEFORE], [{**BEFORE, "logout": DAY + 70}], [(DAY + 70, DAY + 100)]),
        ([BEFORE], [{**BEFORE, "media": "|chat|"}], [(DAY, DAY + 100)]),
        ([BEFORE], [{**BEFORE, "login": DAY - 9, "logout": DAY + 110}], [(DAY - 9, DAY + 110)]),
    ],
)
def test_only_the_time_that_is_told_otherwise_is_touched(
    before: list[dict[str, Any]], after: list[dict[str, Any]], times: list[tuple[int, int]]
) -> None:
    found = touched(table_of("sessions", before), table_of("sessions", after), KINDS["sessions"])
    assert [(row["since"], row["until"]) for row in ibis.duckdb.connect().to_pyarrow(found).to_pylist()] == times


def test_ports_touch_their_stretch_and_an_end_all_that_follows() -> None:
    engine = ibis.duckdb.connect()
    ports = table_of("ports", [{"source": "rs", "kind": "asr", "start": DAY, "seconds": 300, "peak": 4}])
    found = touched(table_of("ports", []), ports, KINDS["ports"])
    assert engine.to_pyarrow(found).to_pylist() == [{"since": DAY, "until": DAY + 300}]
    ends = table_of("ends", [{"source": "icon", "ended": DAY + 7}])
    found = touched(table_of("ends", []), ends, KINDS["ends"])
    assert engine.to_pyarrow(found).to_pylist() == [{"since": DAY + 7, "until": FOREVER}]
