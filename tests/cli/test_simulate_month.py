"""`seatkeeper simulate month` as a person runs it; tests/lrm/test_month.py reads what it has written."""

from __future__ import annotations

import csv
import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.simulate import main
from support.postgres import ACCOUNT, PASSWORD, database, server

if TYPE_CHECKING:
    from pathlib import Path


def test_a_month_its_truth_and_how_to_collect_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = database()
    url = f"postgresql://{ACCOUNT}@127.0.0.1:{server().port}/{name}"
    monkeypatch.setenv("ICON_WORD", PASSWORD)
    truth, limits = tmp_path / "truth.json", tmp_path / "limits.csv"
    command = ["month", "--agents", "12", "--tenants", "2", "--month", "2026-04", "--url", url, "--password-env", "ICON_WORD"]
    assert main([*command, "--truth", str(truth), "--limits", str(limits)]) == 0
    out, err = capsys.readouterr()
    assert "login sessions of 2026-04" in err
    assert [source["password_env"] for source in tomllib.loads(out)["sources"]] == ["ICON_WORD"] * 4
    assert PASSWORD not in out + err
    said = json.loads(truth.read_text())
    assert (said["month"], said["agents"], said["seed"]) == ("2026-04", 12, 1)
    rows = list(csv.DictReader(limits.read_text().splitlines()))
    assert {row["from"] for row in rows} == {"2026-04-01"}
    assert main(command) == 2
    assert "There are rows already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "status", "said"),
    [
        (["--agents", "0"], 2, "--agents: A center has another number"),
        (["--tenants", "1001"], 2, "--tenants"),
        (["--month", "2026-13"], 2, "--month: This is no month"),
        (["--password-env", "NO_SUCH_WORD"], 2, "variable with the password is not set"),
        ([], 1, "cannot be reached"),
        (["--url", "postgresql://a:word@h/x"], 2, "--url: The address has a password in it"),
        (["--url", "x"], 2, "no address of a PostgreSQL database"),
    ],
)
def test_what_cannot_be_is_told(capsys: pytest.CaptureFixture[str], flags: list[str], status: int, said: str) -> None:
    assert main(["month", "--agents", "1", "--url", "postgresql://nobody@127.0.0.1:1/x", *flags]) == status
    assert said in capsys.readouterr().err
