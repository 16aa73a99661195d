from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters import clock, keys
from seatkeeper.cli.main import main
from support.boughtfiles import BUNDLES, entitlement_text
from support.usagefacts import moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path) -> str:
    rows = [session(number, moment("08:00"), moment("08:10"), agent=f"a{number}", media="email") for number in range(3)]
    file = write_csv(tmp_path / "sessions.csv", "sessions", rows)
    assert main(["usage", "load", str(file), "--db", str(tmp_path / "db")]) == 0
    return str(tmp_path / "db")


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main(["usage", *words]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    return json.loads(out) if "--json" in words else out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["usage", *words]) == 1
    return capsys.readouterr().err


def test_counts_are_set_listed_deleted_and_carried(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = ["--db", db, "--tenant", "Harbor", "--item", "genesys e-mail"]
    assert "Harbor may use 2 seats of Genesys E-Mail" in told(capsys, "provision", "set", *about, "--count", "2", "--from", "2026-09-01")
    told(capsys, "provision", "set", *about, "--count", "5", "--from", "2026-10-01", "--burst", "7")
    rows = told(capsys, "provision", "list", "--db", db, "--json")
    assert rows[1] == {"tenant": "Harbor", "item": "Genesys E-Mail", "from": "2026-10-01", "count": 5, "burst": 7}
    days = ["--from", "2026-09-01", "--to", "2026-09-02"]
    (row,) = told(capsys, "report", "--db", db, "--type", "tenant", "--item", "Genesys E-Mail", *days, "--json")
    assert (row["peak"], row["limit"], row["limit_since"], row["over"], row["over_seconds"]) == (3, 2, "2026-09-01", 1, 600)
    file = str(tmp_path / "counts.csv")
    told(capsys, "provision", "export", file, "--db", db)
    told(capsys, "provision", "delete", *about, "--from", "2026-10-01")
    assert len(told(capsys, "provision", "list", "--db", db, "--tenant", "Harbor", "--item", "Genesys E-Mail", "--json")) == 1
    told(capsys, "provision", "import", file, "--db", db)
    assert told(capsys, "provision", "list", "--db", db, "--json") == rows
    assert "no usage data yet of Other" in told(
        capsys, "provision", "set", *about[:2], "--tenant", "Other", *about[4:], "--count", "1", "--from", "2026-09-01"
    )


def test_what_is_asked_wrongly_changes_nothing(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = ["--db", db, "--tenant", "Harbor"]
    day = ["--from", "2026-09-01"]
    assert "Genesys E-Mail" in refused(capsys, "provision", "set", *about, "--item", "Genesys Email", "--count", "2", *day)
    assert "--burst" in refused(capsys, "provision", "set", *about, "--item", "Genesys E-Mail", "--count", "2", "--burst", "1", *day)
    assert "expected no day" in refused(capsys, "provision", "delete", *about, "--item", "Genesys E-Mail", *day)
    (tmp_path / "bad.csv").write_text("tenant,item,count,from\nHarbor,Genesys E-Mail,2,2026-09-01\nHarbor,Genesys Email,2,2026-09-01\n")
    assert "No such item" in refused(capsys, "provision", "import", str(tmp_path / "bad.csv"), "--db", db)
    assert "Nothing is provisioned." in told(capsys, "provision", "list", "--db", db)


def test_what_was_bought_is_the_systems_limit(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "e.xml"
    file.write_text(entitlement_text(date(2026, 9, 1), {"Genesys E-Mail": 1}, burst=1))
    assert "It is not signed." in told(capsys, "entitlement", "import", str(file), "--db", db)
    days = ["--from", "2026-09-01", "--to", "2026-09-02"]
    (row,) = told(capsys, "report", "--db", db, "--item", "Genesys E-Mail", *days, "--json")
    assert (row["limit"], row["over"], row["burst"]) == (1, 2, 2)
    (kept,) = told(capsys, "entitlement", "list", "--db", db, "--json")
    assert (kept["signed"], kept["entitlement"]["lines"][0]["quantity"]) == (False, 1)
    assert "2026-09-01" in told(capsys, "entitlement", "list", "--db", db)
    file.write_text(file.read_text().replace(">1</quantity>", ">0</quantity>"))
    assert "Nothing was kept" in refused(capsys, "entitlement", "import", str(file), "--db", db)


def test_a_signature_is_checked_by_the_trust_file(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.issue.entitling import sign_entitlement
    from support.boughtfiles import entitlement

    today = clock.today()
    keys.init_vendor(tmp_path / "keys", "genesys.d", today=today)
    trust = next((tmp_path / "keys").rglob("*.trust"))
    text = sign_entitlement(entitlement(today, {"Genesys E-Mail": 1}), load_catalog(None), tmp_path / "keys", today)
    file = tmp_path / "signed.xml"
    file.write_text(text)
    words = ["entitlement", "import", str(file), "--db", db, "--trust", str(trust), "--json"]
    assert told(capsys, *words)["verified"] is True
    file.write_text(text.replace(">1</quantity>", ">9</quantity>").replace('burst_limit="1"', 'burst_limit="9"'))
    assert "Nothing was kept" in refused(capsys, *words)
    assert len(told(capsys, "entitlement", "list", "--db", db, "--json")) == 1


def test_bundles_are_kept_listed_shown_and_reported(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.xml"
    file.write_text(BUNDLES)
    assert "set 10000 with 2 bundles" in told(capsys, "bundle", "import", str(file), "--db", db)
    assert [one["name"] for one in told(capsys, "bundle", "list", "--db", db, "--json")[0]["bundles"]] == ["Basic", "Advanced"]
    assert "10002  Advanced" in told(capsys, "bundle", "list", "--db", db)
    assert "and none of                   Genesys Web Media" in told(capsys, "bundle", "show", "basic", "--db", db)
    assert told(capsys, "bundle", "show", "10001", "--db", db, "--json")[0]["set"] == 10_000
    assert "Did you mean 'Basic'" in refused(capsys, "bundle", "show", "Basix", "--db", db)
    days = ["--from", "2026-09-01", "--to", "2026-09-02"]
    (row,) = told(capsys, "report", "--db", db, "--item", "Basic", *days, "--json")
    assert (row["item"], row["peak"]) == ("Basic", 3)
    # What a bundle had is kept when days are closed, and told when their detail has been dropped.
    assert told(capsys, "close", "--db", db, "--through", "2026-09-01", "--keep-days", "1", "--json")["dropped"] == 3
    assert told(capsys, "report", "--db", db, "--item", "Basic", *days, "--json") == [row]
    assert told(capsys, "close", "--db", db, "--through", "2026-09-01", "--json")["closed"] == []
    file.write_text(BUNDLES.replace('item="SIP Server"', 'item="GVP Ports"').replace("10000", "20000"))
    assert "not measured from sessions" in refused(capsys, "bundle", "import", str(file), "--db", db)
