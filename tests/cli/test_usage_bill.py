from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seatkeeper.cli.main import main
from support.usagefacts import moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_month_is_billed_as_a_table_as_json_and_as_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [session(number, moment("08:00"), moment("09:00"), agent=f"a{number}", media="email") for number in range(3)]
    db, prices, csv = str(tmp_path / "db"), tmp_path / "prices.toml", tmp_path / "bill.csv"
    assert main(["usage", "load", str(write_csv(tmp_path / "s.csv", "sessions", rows)), "--db", db]) == 0
    about = ["--tenant", "Harbor", "--item", "Genesys E-Mail", "--from", "2026-09-01"]
    assert main(["usage", "provision", "set", "--db", db, *about, "--count", "1"]) == 0
    prices.write_text('currency = "EUR"\n[[prices]]\nitem = "Genesys E-Mail"\nover = 0.10\n')
    bill = ["usage", "bill", "--db", db, "--month", "2026-09", "--prices", str(prices)]
    capsys.readouterr()
    assert main([*bill, "--csv", str(csv)]) == 0
    out = capsys.readouterr().out
    assert "Harbor  Genesys E-Mail     3         1            1  -             2 x 0.10  0.20" in out
    assert "Total: 0.20 EUR." in out
    assert csv.read_text().splitlines()[1].startswith("2026-09,Harbor,Genesys E-Mail,3,2026-09-01T08:59:59Z,1,1,0,2,0,0.10,0.20,EUR")
    assert main([*bill, "--tenant", "Harbor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["month"], told["total"], told["charges"][0]["amount"]) == ("2026-09", "0.20", "0.20")
    assert main([*bill, "--system", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["charges"][0]["note"] == "there is no limit to compare with"
    assert main([*bill, "--system", "--tenant", "Harbor"]) == 1
    assert "for the whole system or for a tenant" in capsys.readouterr().err
    assert main([*bill[:5], "9/2026", *bill[6:]]) == 1
    assert "--month: This is no month." in capsys.readouterr().err
    prices.write_text("currency = EUR\n")
    assert main(bill) == 1
    assert "is no TOML" in capsys.readouterr().err
