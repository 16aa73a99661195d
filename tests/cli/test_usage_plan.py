from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.cli.main import main
from seatkeeper.cli.usage_plan import seats_given, shift_given
from support.usagefacts import DAY, moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

MAIL = "Genesys E-Mail"
DAYS = ["--from", "2026-09-01", "--to", "2026-09-03"]


@pytest.fixture
def db(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """An early and a late shift that overlap for a quarter of an hour, on one day."""
    times = {"e1": ("06:00", "14:15"), "e2": ("06:00", "14:15"), "l1": ("14:00", "22:00"), "l2": ("14:00", "22:00")}
    rows = [
        session(number, moment(login), moment(logout), agent=name, media="email", place=f"P{name}")
        for number, (name, (login, logout)) in enumerate(times.items())
    ]
    members = [{"source": "c", "tenant": "Harbor", "kind": "agent-group", "name": "Desk", "detail": name, "since": DAY} for name in times]
    path = str(tmp_path / "db")
    for kind, facts in (("sessions", rows), ("configuration", members)):
        assert main(["usage", "load", str(write_csv(tmp_path / f"{kind}.csv", kind, facts)), "--db", path]) == 0
    about = ["--tenant", "Harbor", "--item", MAIL, "--count", "3", "--from", "2026-09-01"]
    assert main(["usage", "provision", "set", "--db", path, *about]) == 0
    capsys.readouterr()
    return path


def test_seats_for_a_risk_as_a_table_and_as_json(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["usage", "plan", "seats", "--db", db, "--item", MAIL, "--type", "tenant", *DAYS]
    assert main([*asked, "--risk", "25%"]) == 0
    out = capsys.readouterr().out
    assert "From 1 day, 2026-09-01 to 2026-09-01.\nLeft out: 1 day (after the last facts): 2026-09-02.\n" in out
    assert "The peak was 4, last at 2026-09-01 14:14. The limit is 3, since 2026-09-01." in out
    assert "25 %       3  1 fewer        as many         25 % of 4 logins (1)       1       1  0:15:00" in out
    assert "With 3 seats 1 of 4 logins are denied, on 2026-09-01 (1)." in out
    assert main([*asked, "--of", "time", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["tenant"], told["of"], told["peak"], told["limit"], told["limit_since"]) == ("Harbor", "time", 4, 3, "2026-09-01")
    assert told["days"]["count"] == 1
    assert told["days"]["left_out"] == [{"reason": "after the last facts", "days": ["2026-09-02"]}]
    last = told["risks"][-1]
    assert (last["risk"], last["seats"], last["met"], last["total"], last["below_peak"]) == (0.05, 2, 900, 57_600, 2)
    assert (last["replay"]["denied"], last["replay"]["days"]) == (2, [{"date": "2026-09-01", "denied": 2}])
    assert main([*asked, "--risk", "1"]) == 1
    assert "--risk: This is no share" in capsys.readouterr().err


def test_what_if_side_by_side(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["usage", "plan", "what-if", "--db", db, "--item", MAIL, "--type", "tenant", *DAYS]
    assert main([*asked, "--seats", "-1", "--without-overlap", "Desk"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["Peak", "4", "2"] in lines
    assert ["Seats", "3", "2"] in lines
    assert ["Logins", "denied", "1", "0"] in lines
    assert ["Over,", "for", "0:15:00", "0:00:00"] in lines
    assert main([*asked, "--shift", "Desk=+2h", "--handover", "20", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["before"]["peak_time"], told["after"]["peak_time"]) == ("2026-09-01T14:14:59Z", "2026-09-01T16:14:59Z")
    assert (told["after"]["over"], told["after"]["over_seconds"], told["after"]["replay"]["longest_wait_seconds"]) == (1, 900, 900)
    assert main(asked) == 1
    assert "Nothing is changed" in capsys.readouterr().err
    assert main([*asked, "--move", "Desk"]) == 1
    assert "--move: This names no group" in capsys.readouterr().err


def test_a_forecast_of_too_little_says_what_is_needed(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "plan", "forecast", "--db", db, "--item", MAIL, *DAYS, "--months", "2", "--interval", "50"]) == 1
    err = capsys.readouterr().err
    assert "There is too little history for a forecast" in err
    assert "expected at least 56 days since the first use, and 28 of them known" in err


def test_a_mix_with_and_without_prices(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["usage", "plan", "mix", "--db", db, *DAYS]
    assert main([*asked, "--item", MAIL]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[2].split() == ["Genesys", "E-Mail", "4", "4", "1.00"]
    assert out[3] == "From 1 day, 2026-09-01 to 2026-09-01."
    prices = tmp_path / "prices.toml"
    prices.write_text('currency = "EUR"\n[[prices]]\nitem = "genesys e-mail"\nenabled = 10\nconcurrent = 12.50\n')
    assert main([*asked, "--prices", str(prices), "--months", "0", "--type", "tenant", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["ratio"], told["break_even"], told["cheaper"], told["saves"], told["currency"]) == (
        "1.00",
        "1.25",
        "enabled",
        "10.00",
        "EUR",
    )


def test_seats_and_shifts_are_understood() -> None:
    assert [seats_given(text) for text in ("120", "+20", "-20")] == [(120, 0), (None, 20), (None, -20)]
    assert [shift_given(text) for text in ("+1h", "-30m", "1h30m")] == [3600, -1800, 5400]
    for call, texts in ((seats_given, ("x", "", "1.5")), (shift_given, ("1", "30m5m", "h"))):
        for text in texts:
            with pytest.raises(InputError):
                call(text)
