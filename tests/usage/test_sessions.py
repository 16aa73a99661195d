from __future__ import annotations

import ibis

from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.sessions import ended_with_source
from support.usagefacts import DAY, session, table_of

SESSIONS = KINDS["sessions"]


def test_what_no_living_source_sees_has_ended_with_the_last_of_them() -> None:
    rows = [
        session(1, DAY, None, source="|dead|"),
        session(2, DAY, None, source="|dead|live|"),
        session(3, DAY, None, source="|dead|other|"),
        session(4, DAY + 500, None, source="|dead|"),
        session(5, DAY, DAY + 50, source="|dead|"),
    ]
    ends = [{"source": "dead", "ended": DAY + 100}, {"source": "other", "ended": DAY + 200}, {"source": "dead", "ended": DAY + 400}]
    told = ended_with_source(table_of("sessions", rows), table_of("ends", ends), SESSIONS)
    found = {row["session_id"]: (row["logout"], row["estimated"]) for row in ibis.duckdb.connect().to_pyarrow(told).to_pylist()}
    assert found == {
        "s1": (DAY + 100, True),
        "s2": (None, False),
        "s3": (DAY + 200, True),
        "s4": (None, False),
        "s5": (DAY + 50, False),
    }
