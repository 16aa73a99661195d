from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seatkeeper.cli.main import main
from support.usagefacts import moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_peak_is_explained_down_to_its_sessions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        session(1, moment("08:00"), moment("09:00"), agent="a", media="email|chat"),
        session(2, moment("08:30"), None, agent="b", media="email", tenant="Meadow"),
    ]
    db = str(tmp_path / "db")
    assert main(["usage", "load", str(write_csv(tmp_path / "s.csv", "sessions", rows)), "--db", db]) == 0
    capsys.readouterr()
    about = ["usage", "who", "--db", db, "--item", "Genesys E-Mail"]
    assert main([*about, "--peak-of", "2026-09-01"]) == 0
    out = capsys.readouterr().out
    assert "agent a  Harbor  a      s1       chat, email  2026-09-01T08:00:00Z  2026-09-01T09:00:00Z" in out
    assert "2 seats in use at 2026-09-01T08:59:59Z, by 2 sessions." in out
    assert main([*about, "--at", "2026-09-01T08:00:00Z", "--type", "tenant", "--tenant", "Harbor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tenant"], told["at"], told["seats"]) == ("Harbor", "2026-09-01T08:00:00Z", 1)
    assert (told["sessions"][0]["session_id"], told["sessions"][0]["media"]) == ("s1", ["chat", "email"])
    assert main(about) == 1
    assert "either --at TIME or --peak-of DATE" in capsys.readouterr().err
    assert main([*about, "--at", "soon"]) == 1
    assert "--at: This is no time." in capsys.readouterr().err
