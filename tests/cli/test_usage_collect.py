"""`seatkeeper usage collect` and `snapshot` as a person runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.usage import main
from support.idb import make_idb
from support.postgres import database, server

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = '{"cfg_tenant": [{"dbid": 1, "name": "Harbor"}], "cfg_person": []}'


def sources(db: Path, *blocks: str) -> None:
    db.mkdir()
    (db / "usage.toml").write_text("\n".join(f"[[sources]]\n{block}\n" for block in blocks))


def test_one_source_that_is_down_keeps_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = {"LoginSessionID": "a", "AgentID": 11, "PlaceID": 21, "PrimaryDeviceID": 31, "TenantID": 101}
    name = make_idb({"G_LOGIN_SESSION": [{**session, "Created_ts": 1_790_000_000, "Terminated_ts": 1_790_003_600}]})
    db = tmp_path / "db"
    down = f'kind = "icon"\nname = "down"\nurl = "{server().url("nothing")}"'
    sources(db, down, f'kind = "icon"\nname = "up"\nurl = "{server().url(name)}"\nschema = "idb"')
    assert main(["collect", "--db", str(db), "--from", "2026-09-21", "--to", "2026-09-22T00:00:00Z", "--json"]) == 1
    out, err = capsys.readouterr()
    assert "seatkeeper usage collect: down: postgresql:///nothing: The server has no such database" in err
    first, second = json.loads(out)
    assert (first["source"], bool(first["error"]), second["facts"]["sessions"], second["error"]) == ("down", True, 1, "")
    assert main(["report", "--db", str(db), "--item", "SIP Server", "--from", "2026-09-21", "--to", "2026-09-22"]) == 0
    assert "down has no data for 24 hours" in capsys.readouterr().out
    assert main(["collect", "--db", str(db), "--to", "2026-09-23"]) == 1
    assert "up: 1 sessions of 2026-09-20T00:00:00Z to 2026-09-23T00:00:00Z, 0 of them new." in capsys.readouterr().out


def test_a_snapshot_of_an_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = tmp_path / "db"
    down = f'kind = "configuration"\nname = "down"\nurl = "{server().url(database())}"'
    sources(db, 'kind = "configuration"\nname = "cfg"\nfile = "export.json"', down)
    (db / "export.json").write_text(CONFIGURATION)
    assert main(["snapshot", "--db", str(db), "--at", "2026-09-21T10:00:00Z"]) == 1
    out, err = capsys.readouterr()
    assert out == "cfg: 1 object at 2026-09-21T10:00:00Z, 1 change.\n"
    assert "down: postgresql:///" in err
    assert main(["snapshot", "--db", str(db), "--at", "2026-09-21", "--json"]) == 1
    assert "older than what is known" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["collect", "--from", "yesterday"], "--from: This is no time"),
        (["collect", "--from", "2026-09-02", "--to", "2026-09-01"], "ends before it begins"),
        (["snapshot"], "No source tells of configuration"),
    ],
)
def test_what_is_asked_wrongly_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], said: str) -> None:
    sources(tmp_path / "db", 'kind = "icon"\nname = "i"\nurl = "postgresql://x@127.0.0.1:1/x"')
    assert main([*command, "--db", str(tmp_path / "db")]) == 1
    assert said in capsys.readouterr().err
