"""`seatkeeper options lint` and `explain`: their text, their JSON, their exit statuses, and which files they read."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seatkeeper.adapters.keys import init_vendor
from seatkeeper.cli.options import main

GOLDEN = Path(__file__).parent.parent / "golden" / "options"
DAY = "--today=2026-11-24"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in GOLDEN.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


def explain(*arguments: str) -> int:
    return main(["explain", DAY, "-c", "site.dat", *arguments])


# What a person sees. Written anew with the command, its standard output into the file.


@pytest.mark.parametrize("name", ["good", "bad"])
def test_lint_as_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", DAY, f"{name}.opt", "-c", "site.dat"]) == (name == "bad")
    assert capsys.readouterr().out == (GOLDEN / f"{name}.lint.txt").read_text()


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("limited", ["--user", "trainee", "--host", "pc7", "crm_agent"], 0),
        ("excluded", ["--user", "joe", "--host", "kiosk1", "--address", "192.0.2.7", "crm_agent"], 1),
        ("reserved", ["--user", "trainee", "--host", "pc7", "--count", "8", "--version", "8.5", "crm_agent"], 1),
        ("unnamed", ["--user", "joe", "desk"], 1),
        ("package", ["--user", "anne", "--host", "pc1", "voice"], 0),
    ],
)
def test_explain_as_text(name: str, arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(*arguments) == status
    assert capsys.readouterr().out == (GOLDEN / f"explain.{name}.txt").read_text()


# JSON.


def test_lint_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", DAY, "--json", "bad.opt", "-c", "site.dat"]) == 1
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["file"], found["vendor"]) == ("bad.opt", "genesys.d")
    assert found["errors"] + found["warnings"] == len(found["problems"])
    assert found["problems"][0] == {
        "line": 1,
        "column": 1,
        "message": "This is no keyword of an options file; did you mean EXCLUDE?",
        "found": "EXCLDUE",
        "expected": "",
        "severity": "error",
        "number": -2,
    }


def test_explain_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("--json", "--user", "trainee", "--host", "pc7", "--project", "P", "crm_agent") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    pools = found.pop("pools")
    assert found == {
        "file": "genesys.d.opt",
        "vendor": "genesys.d",
        "feature": "crm_agent",
        "user": "trainee",
        "host": "pc7",
        "display": "pc7",
        "project": "P",
        "address": "",
        "version": "",
        "count": 1,
        "allowed": True,
    }
    assert [(pool["version"], pool["seats"], pool["seats_max"], pool["number"]) for pool in pools] == [("8.5", 10, 2, 0), ("8.0", 20, 2, 0)]
    assert pools[0]["rule"] == "genesys.d.opt:6: MAX 2 crm_agent USER trainee"
    assert pools[1]["borrowing"] == {"number": 0, "reason": "", "rule": "", "hours_max": 24.0, "seats_kept": 0}


def test_who_is_denied_everywhere_is_not_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("--json", "--user", "joe", "--host", "192.0.2.9", "crm_agent") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["allowed"], found["address"]) == (False, "192.0.2.9")
    assert {pool["number"] for pool in found["pools"]} == {-38}


# Files.


def test_the_options_file_is_the_one_that_the_daemon_line_names(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (place / "site.dat").read_text()
    (place / "site.dat").write_text(text.replace("DAEMON genesys.d", "DAEMON genesys.d /opt/genesys.d options=other.opt"))
    (place / "other.opt").write_text("EXCLUDE crm_agent USER trainee\n")
    assert explain("--user", "trainee", "crm_agent") == 1
    assert "other.opt:1: EXCLUDE crm_agent USER trainee" in capsys.readouterr().out
    (place / "other.opt").unlink()
    assert explain("--user", "trainee", "crm_agent") == 1
    assert "The options file other.opt of the DAEMON line cannot be read" in capsys.readouterr().err


def test_an_options_file_may_be_named_before_the_feature(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "new.opt").write_text("INCLUDE crm_agent USER anne\n")
    assert explain("--user", "joe", "new.opt", "crm_agent") == 1
    assert "new.opt:1: INCLUDE crm_agent USER anne" in capsys.readouterr().out


def test_without_options_file_the_license_decides(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "genesys.d.opt").unlink()
    assert explain("--user", "joe", "crm_agent") == 0
    assert "no line of the options file does" in capsys.readouterr().out
    assert main(["lint", DAY, "-c", "site.dat"]) == 1
    assert "There is no options file. Name one, or write genesys.d.opt beside the license file." in capsys.readouterr().err


def test_errors_of_the_options_file_are_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("--user", "anne", "bad.opt", "crm_agent") == 0
    assert "bad.opt: 2 errors; `seatkeeper options lint` names them." in capsys.readouterr().err


def test_of_several_daemons_the_one_is_meant_whose_options_file_or_feature_it_is(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (place / "site.dat").open("a") as file:
        file.write("VENDOR other.d /opt/other.d\nFEATURE special other.d 1.0 permanent 3 8F796FD181BC\n")
    (place / "other.d.opt").write_text("MAX 2 special USER joe\n")
    assert explain("--user", "joe", "special") == 0
    assert "other.d.opt:1: MAX 2 special USER joe" in capsys.readouterr().out
    assert main(["lint", DAY, "other.d.opt", "-c", "site.dat"]) == 0
    assert main(["lint", DAY, "--vendor", "OTHER.D", "-c", "site.dat"]) == 0
    capsys.readouterr()
    assert main(["lint", DAY, "-c", "site.dat"]) == 1
    assert "several vendor daemons" in capsys.readouterr().err
    assert main(["lint", DAY, "--vendor", "third.d", "-c", "site.dat"]) == 1
    assert "no such vendor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "-c", "site.dat", "--user", "joe", "crm_agnet"], "Did you mean crm_agent?"),
        (["explain", "-c", "site.dat", "--user", "joe", "bundle"], "It is a package: ask for one of voice, chat."),
        (["explain", "-c", "site.dat", "--user", "joe", "--version", "x", "crm_agent"], "--version: This is no version."),
        (["explain", "-c", "site.dat", "--user", "joe", "--address", "x", "crm_agent"], "--address: This is no IP address."),
        (["explain", "-c", "site.dat", "--user", "joe", "a.opt", "b", "c"], "One options file and one feature"),
        (["explain", "-c", "site.dat", "--user", "joe", "absent.opt", "crm_agent"], "absent.opt: The options file cannot be read"),
        (["explain", "-c", "absent.dat", "--user", "joe", "crm_agent"], "There is no file absent.dat."),
        (["lint", "-c", "absent.dat"], "There is no file absent.dat."),
        (["lint", "absent.opt", "-c", "site.dat"], "absent.opt: The options file cannot be read: No such file or directory."),
        (["lint", "good.opt", "-c", "good.opt"], "The license files name no vendor daemon."),
    ],
)
def test_what_cannot_be_told_ends_with_1_and_says_why(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("seatkeeper options: ")
    assert message in output.err


def test_a_wrong_call_ends_with_2() -> None:
    assert main(["lint"]) == 2
    assert main(["explain", "-c", "site.dat", "crm_agent"]) == 2


@pytest.mark.parametrize(("rule", "status"), [("flexnet", 0), ("release8", 1)])
def test_the_trust_file_says_how_versions_meet(rule: Any, status: int, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trust = init_vendor(place / "keys", "genesys.d", today=date(2026, 11, 24), version_rule=rule)
    assert trust.version_rule == rule
    (place / "genesys.d.trust").write_bytes((place / "keys/genesys.d.trust").read_bytes())
    (place / "v9.dat").write_text("SERVER s ANY\nDAEMON genesys.d\nFEATURE f1 genesys.d 9.0 permanent 3 SIGN=0\n")
    arguments = ["explain", DAY, "-c", "v9.dat", "--user", "u", "--version", "8.5", "f1"]
    assert main(arguments) == status, capsys.readouterr()
    (place / "genesys.d.trust").write_text("nonsense")
    assert main(arguments) == 1
    assert "This is not a trust file" in capsys.readouterr().err


def test_the_day_decides_what_counts(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "site.dat").write_text("DAEMON genesys.d\nFEATURE desk genesys.d 8.0 1-dec-2026 5 8F796FD181BC\n")
    assert explain("--user", "joe", "desk") == 0
    assert main(["explain", "--today=2026-12-02", "-c", "site.dat", "--user", "joe", "desk"]) == 1
    assert "desk expired at the end of 01-dec-2026." in capsys.readouterr().out
