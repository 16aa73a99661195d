from __future__ import annotations

import ibis

from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.closing import BIN_S, closed_in, day_peaks, measured, used_rows
from seatkeeper.usage.reports import Facts, Subject
from seatkeeper.usage.seats import Known
from support.usagefacts import DAY, moment, session, table_of

ENGINE = ibis.duckdb.connect()


def test_bins_of_nothing_are_not_kept_and_longer_periods_are_made_of_the_others() -> None:
    sessions = [
        session(1, moment("08:05"), moment("08:25"), media="|email|"),
        session(2, moment("08:12"), moment("08:15"), media="|email|"),
    ]
    known = Known(table_of("configuration", []), frozenset())
    facts = Facts(table_of("sessions", sessions), table_of("recordings", []), table_of("ports", []), table_of("ends", []), known)
    items = list(items_by_name().values())
    subjects = [Subject("Harbor"), Subject("Meadow")]
    used = used_rows(facts, measured(items))
    kept = ENGINE.create_table("kept", day_peaks(facts, used, items, "tenant", subjects, (DAY, DAY + 86_400), frozenset()))
    mail = ENGINE.to_pyarrow(kept.filter(kept.item == "Genesys E-Mail").order_by("start")).to_pylist()
    assert [(row["tenant"], row["measure"], (row["start"] - DAY) // BIN_S, row["peak"]) for row in mail] == [
        ("Harbor", "peak", 48, 1),
        ("Harbor", "peak", 49, 2),
        ("Harbor", "peak", 50, 1),
    ]
    assert mail[1]["last"] == moment("08:15") - 1
    pieces = [(0, DAY, DAY + 86_400), (1, moment("08:20"), moment("09:00"))]
    found = ENGINE.to_pyarrow(closed_in(kept, "tenant", ["Genesys E-Mail"], subjects, pieces).order_by("period")).to_pylist()
    mail_peak = {"item": "Genesys E-Mail", "measure": "peak"}
    assert found == [
        {**mail_peak, "key": 0, "period": 0, "peak": 2, "last": moment("08:15") - 1},
        {**mail_peak, "key": 0, "period": 1, "peak": 1, "last": moment("08:25") - 1},
    ]
