from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.main import main
from support.usagefacts import moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    rows = [
        session(1, moment("08:00"), moment("09:00"), agent="a", media="chat"),
        session(2, moment("08:30"), None, agent="b", media="chat"),
    ]
    file = write_csv(tmp_path / "sessions.csv", "sessions", rows)
    assert main(["usage", "load", str(file), "--db", str(tmp_path / "db")]) == 0
    assert "2 rows of sessions, 2 of them new, on 1 day." in capsys.readouterr().out
    return str(tmp_path / "db")


def test_a_report_as_json_has_what_scripts_read(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    days = ["--from", "2026-09-01", "--to", "2026-09-02"]
    assert main(["usage", "report", "--db", database, "--type", "tenant", "--item", "genesys web media", *days, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "tenant": "Harbor",
            "item": "genesys web media",
            "start": "2026-09-01T00:00:00Z",
            "peak": 2,
            "peak_time": "2026-09-01T08:59:59Z",
            "enabled": 2,
            "limit": None,
            "over": 0,
        }
    ]


def test_a_report_for_a_person_is_a_table(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "report", "--db", database, "--item", "GVP Ports", "--from", "2026-09-01", "--to", "2026-09-02"]) == 0
    out = capsys.readouterr().out
    assert "2026-09-01 00:00  ?" in out
    assert "?: no ports were counted." in out


def test_what_is_asked_wrongly_is_told(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["usage", "report", "--db", database, "--item", "GVP Ports", "--from", "yesterday", "--to", "2026-09-02"]
    assert main(asked) == 1
    assert "--from: This is no calendar day. (found 'yesterday', expected YYYY-MM-DD)" in capsys.readouterr().err
    assert main([*asked[:-3], "2026-09-01", "--to", "2026-09-02", "--zone", "Mars"]) == 1
    assert "no time zone" in capsys.readouterr().err
    assert main(["usage", "items", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 25
