"""A simulated month in PostgreSQL, collected and closed day by day, is reported as the simulator's own record of the truth says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.usagelimits import change_provisioned
from seatkeeper.cli.simulate import main as simulate
from seatkeeper.cli.usage import main as usage
from seatkeeper.usage.limits import counts_from_csv
from support.postgres import database, server

if TYPE_CHECKING:
    from pathlib import Path

#: What is asked of all items; of some, more is asked.
ALWAYS = (("tenant", "daily"),)
MORE = {
    "Genesys CIM Platform-MS": (("system", "daily"), ("system", "hourly")),
    "Genesys E-Mail": (("tenant", "hourly"), ("tenant", "monthly")),
    "Genesys Outbound Contact - MS": (("system", "daily"),),
    "HA-CIM": (("system", "monthly"),),
    "SIP Server": (("system", "daily"),),
}


def moment(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp())


@pytest.mark.timeout(600)
def test_reports_of_a_simulated_month_are_the_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db, truth_file, limits = tmp_path / "db", tmp_path / "truth.json", tmp_path / "limits.csv"
    url = server().url(database())
    center = ["--agents", "300", "--tenants", "5", "--seed", "4", "--month", "2026-02"]
    assert simulate(["month", *center, "--url", url, "--truth", str(truth_file), "--limits", str(limits)]) == 0
    db.mkdir()
    (db / "usage.toml").write_text(capsys.readouterr().out)
    change_provisioned(db, lambda rows: tuple(counts_from_csv(limits.read_text(), "limits.csv")))
    assert usage(["snapshot", "--db", str(db), "--at", "2026-02-01"]) == 0
    assert usage(["collect", "--db", str(db), "--to", "2026-03-01"]) == 0
    # Some of it is closed, the rest is worked out when it is asked for.
    assert usage(["close", "--db", str(db), "--from", "2026-02-01", "--through", "2026-02-08"]) == 0
    capsys.readouterr()
    truth = json.loads(truth_file.read_text())
    gap = next((one["since"], one["until"]) for one in truth["gaps"] if one["icon"] == "media")
    enabled = {(row["tenant"], row["item"]): row["enabled"] for row in truth["enabled"]}
    told = {(row["tenant"], row["item"]): row for row in truth["peaks"]}
    lengths = {"hourly": 3600, "daily": 86_400, "monthly": 28 * 86_400}
    over: set[tuple[str, str]] = set()
    checked = 0
    for item in sorted({row["item"] for row in truth["peaks"]}):
        for kind, granularity in (*ALWAYS, *MORE.get(item, ())):
            asked = [
                "--type",
                kind,
                "--item",
                item,
                "--granularity",
                granularity,
                "--from",
                "2026-02-01",
                "--to",
                "2026-03-01",
                "--json",
            ]
            assert usage(["report", "--db", str(db), *asked]) == 0
            rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
            wanted = {
                (key[0], start): (peak, last, more)
                for key, row in told.items()
                if key[1] == item and (key[0] is None) == (kind == "system")
                for start, peak, last, more in row[granularity]
            }
            assert len(rows) == len(wanted)
            for row in rows:
                start = moment(row["start"])
                assert start is not None
                peak, last, more = wanted[row["tenant"], start]
                # Where nobody was seen while an ICON was away it is not known whether there was somebody.
                unknown = not peak and gap[0] < start + lengths[granularity] and start < gap[1]
                found = row["peak"], moment(row["peak_time"]), row["over"]
                assert found == (None if unknown else peak, last, more), (item, row)
                assert row["enabled"] in {None, enabled.get((row["tenant"], item), 0)}, (item, row)
                checked += 1
                if row["over"]:
                    over.add((row["tenant"], f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d}"))
    assert checked > 5_000
    assert {tenant for tenant, _ in over} == {truth["planted"]["tenant"]}
    assert truth["planted"]["day"] in {day for _, day in over}
