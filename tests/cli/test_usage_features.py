"""`seatkeeper usage features` and `denials` as a person reads them; a real server is in tests/lrm/test_features.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.usage import main
from support.usagefacts import DAY, write_csv

if TYPE_CHECKING:
    from pathlib import Path

DAYS = ["--from", "2026-09-01", "--to", "2026-09-02"]


@pytest.fixture
def db(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    checkout = {"source": "lic1", "user": "ann", "host": "h", "feature": "tserver_sdn", "handle": "1", "seats": 40}
    denial = {"source": "lic1", "feature": "router_seats", "host": "h", "code": -4}
    files = {
        "checkouts": [{**checkout, "taken": DAY + 3600, "returned": DAY + 5400}],
        "denials": [{**denial, "user": f"u{number}", "at": DAY + 7200, "times": number + 1} for number in range(5)],
        "gaps": [{"source": "lic1", "since": DAY + 36_000, "until": DAY + 39_600, "reason": "it was down"}],
    }
    for kind, rows in files.items():
        assert main(["load", str(write_csv(tmp_path / f"{kind}.csv", kind, rows)), "--db", str(tmp_path / "db")]) == 0
    capsys.readouterr()
    return str(tmp_path / "db")


def test_tables(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "--db", db, *DAYS, "--zone", "Europe/Paris"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Feature       Peak  Peak time            Seat hours  Checkouts  Users  Denials",
        "------------  ----  -------------------  ----------  ---------  -----  -------",
        "router_seats     0  -                    0.0                 0      0  15",
        "tserver_sdn     40  2026-09-01 03:29:59  20.0                1      1",
        "Missing: lic1 has no data for 1 hour (it was down).",
    ]
    assert main(["denials", "--db", db, *DAYS, "--granularity", "hourly"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Feature       Start             Denials  Errors   Users",
        "------------  ----------------  -------  -------  ------------------------------",
        "router_seats  2026-09-01 02:00       15  -4 (15)  u4 (5), u3 (4), u2 (3), 2 more",
        "Missing: lic1 has no data for 1 hour (it was down).",
    ]
    assert main(["denials", "--db", db, *DAYS, "--feature", "tserver_sdn"]) == 0
    assert "Nothing was refused in this time." in capsys.readouterr().out
    assert main(["features", "--db", db, "--from", "2026-10-01", "--to", "2026-10-02"]) == 0
    assert "No technical license was checked out or refused in this time." in capsys.readouterr().out


def test_json_and_what_is_asked_wrongly(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "--db", db, *DAYS, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["features"][1] == {
        "feature": "tserver_sdn",
        "peak": 40,
        "peak_time": "2026-09-01T01:29:59Z",
        "seat_hours": 20.0,
        "checkouts": 1,
        "users": 1,
        "denials": 0,
    }
    for command, said in (
        (["features", "--from", "2026-09-02", "--to", "2026-09-01"], "The days end before they begin"),
        (["features", *DAYS, "--zone", "tenant"], "Technical licenses are no tenant's"),
        (["denials", *DAYS, "--feature", "tserver"], "No license server has told of this feature. (found 'tserver') Did you mean"),
        (["report", *DAYS, "--item", "feature:nothing"], "No license server has told of this feature"),
        (["report", *DAYS, "--item", "feature:tserver_sdn", "--type", "tenant"], "License servers know no tenants or groups"),
        (["who", "--item", "feature:tserver_sdn", "--at", "2026-09-01T01:10:00Z"], "session"),
    ):
        assert main([*command, "--db", db]) == 1
        assert said in capsys.readouterr().err
