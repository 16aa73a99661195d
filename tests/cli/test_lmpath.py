"""lmpath: what is set is what applications find, only lmpath writes the file, and what counts is explained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seatkeeper.adapters import wholefile
from seatkeeper.adapters.settings import find_path
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli.lmutil import main
from seatkeeper.sdk import Client


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GENESYS_D_LICENSE_FILE", "OTHER_LICENSE_FILE", "LM_LICENSE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rc(home: Path) -> str:
    return (home / ".flexlmrc").read_text()


def test_what_is_set_is_what_applications_find(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmpath", "-override", "genesys.d", "7260@a"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["GENESYS_D_LICENSE_FILE=7260@a"]
    assert main(["lmutil", "lmpath", "-add", "genesys.d", "@b:7260@a"]) == 0
    assert main(["lmpath", "-add", "all", "@c"]) == 0
    assert rc(home) == "GENESYS_D_LICENSE_FILE=@b:7260@a\nLM_LICENSE_FILE=@c\n"
    assert (home / ".flexlmrc").stat().st_mode & 0o777 == 0o600
    for vendor, found in (("genesys.d", ["@b", "7260@a"]), ("other", ["@c"])):
        _, entries = find_path(None, None, vendor)
        assert [entry.text for entry in entries] == found


def test_an_empty_list_deletes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".flexlmrc").write_text("# mine\nGENESYS_D_LICENSE_FILE=@a\nOTHER=1\n")
    assert main(["lmpath", "-override", "genesys.d", ""]) == 0
    assert "not set" in capsys.readouterr().out
    assert rc(home) == "# mine\nOTHER=1\n"
    assert main(["lmpath", "-override", "genesys.d", ""]) == 0
    assert "was not set" in capsys.readouterr().out
    (home / ".flexlmrc").unlink()
    assert main(["lmpath", "-override", "all", " "]) == 0
    assert not (home / ".flexlmrc").exists()


def test_relative_names_are_stored_whole_and_missing_files_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmpath", "-override", "genesys.d", "x/license.dat"]) == 0
    assert rc(home) == f"GENESYS_D_LICENSE_FILE={home}/x/license.dat\n"
    assert f"there is no file or directory {home}/x/license.dat" in capsys.readouterr().err


def test_a_place_that_cannot_be_looked_at_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(home / ("x" * 300))
    assert main(["lmpath", "-override", "all", place]) == 0
    assert capsys.readouterr().err == f"lmpath: {place} cannot be looked at: File name too long.\n"


def test_the_environment_that_hides_it_is_told(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GENESYS_D_LICENSE_FILE", "@env")
    assert main(["lmpath", "-override", "genesys.d", "@a"]) == 0
    assert "GENESYS_D_LICENSE_FILE is set in the environment too" in capsys.readouterr().err
    assert main(["lmpath", "-override", "all", "@a"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 123, "one thing at a time"),
        (["-add", "-status"], 123, "one thing at a time"),
        (["-status", "-c", "@a"], 123, "one thing at a time"),
        (["-add", "genesys.d"], 123, "does not take these words"),
        (["-status", "genesys.d"], 123, "does not take these words"),
        (["-add", "a b", "@x"], 123, "no vendor"),
        (["-add", "genesys.d", "x@a"], 214, "does not begin with a port"),
        (["-add", "genesys.d", ""], 214, "nothing to add"),
        (["-override", "genesys.d", "::"], 214, "no entry"),
        (["-override", "genesys.d", "a\nB_LICENSE_FILE=@evil"], 214, "cannot be stored"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    words: list[str], status: int, said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lmpath", *words]) == status
    assert said in capsys.readouterr().err
    assert not (home / ".flexlmrc").exists()


def test_without_a_home_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("HOME")
    assert main(["lmpath", "-override", "all", "@a"]) == 214
    assert "no home directory" in capsys.readouterr().err
    assert main(["lmpath", "-status"]) == 0
    assert main(["lmpath", "-explain"]) == 255


def test_status(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmpath", "-status"]) == 0
    assert capsys.readouterr().out.count("(no license path is set)") == 2
    (home / ".flexlmrc").write_text("GENESYS_D_LICENSE_FILE=@stored\nLM_LICENSE_FILE=@general\n")
    monkeypatch.setenv("OTHER_LICENSE_FILE", "@env")
    assert main(["lmpath", "-status"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "",
        "Known Vendors:",
        "______________",
        "",
        "other: @env    (OTHER_LICENSE_FILE)",
        "genesys.d: @stored    (GENESYS_D_LICENSE_FILE in .flexlmrc)",
        "",
        "Other Vendors:",
        "______________",
        "",
        "@general    (LM_LICENSE_FILE in .flexlmrc)",
    ]
    assert main(["lmpath", "-status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[2] == {"vendor": "all", "path": "@general", "from": "LM_LICENSE_FILE in .flexlmrc"}


def test_explain_shows_what_counts_and_where_it_leads(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "a.lic").write_text("SERVER licsrv ANY 7261\nDAEMON genesys.d\n")
    (home / ".flexlmrc").write_text(f"GENESYS_D_LICENSE_FILE=1@a,2@b,3@c:{home}/a.lic:{home}/gone:{home}\nodd\n")
    monkeypatch.setenv("LM_LICENSE_FILE", "@env")
    assert main(["lmpath", "-explain"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    (counts,) = [line for line in lines if line.startswith("=>")]
    assert "GENESYS_D_LICENSE_FILE in .flexlmrc" in counts
    assert any(line.startswith("   LM_LICENSE_FILE ") and line.endswith("@env    (not asked)") for line in lines)
    leads = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines if line.startswith("   ") and len(line.split()) > 2}
    assert leads["1@a,2@b,3@c"] == "license server a, port 1, license server b, port 2, license server c, port 3"
    assert leads[f"{home}/a.lic"] == "license file, with 7261@licsrv"
    assert leads[f"{home}/gone"] == f"There is no file or directory {home}/gone."
    assert leads[f"{home}"] == "license file, with 7261@licsrv"
    assert ".flexlmrc, line 2: this says nothing" in shown.err


def test_explain_agrees_with_what_an_application_does(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def counts(vendor: str) -> str | None:
        status = main(["lmpath", "-explain", vendor, "--json"])
        found = [row["path"] for row in json.loads(capsys.readouterr().out)["sources"] if row["counts"]]
        assert status == (0 if found else 255)
        return found[0] if found else None

    for environment, stored in (
        ({}, ""),
        ({"LM_LICENSE_FILE": "@1"}, ""),
        ({"LM_LICENSE_FILE": "@1"}, "GENESYS_D_LICENSE_FILE=@2\n"),
        ({}, "LM_LICENSE_FILE=@3\n"),
        ({"GENESYS_D_LICENSE_FILE": "@4"}, "GENESYS_D_LICENSE_FILE=@2\n"),
        ({"GENESYS_D_LICENSE_FILE": " "}, "LM_LICENSE_FILE=@3\nOTHER_LICENSE_FILE=@5\n"),
    ):
        (home / ".flexlmrc").write_text(stored)
        for name in ("GENESYS_D_LICENSE_FILE", "LM_LICENSE_FILE"):
            monkeypatch.setenv(name, environment.get(name, ""))
        for vendor in ("genesys.d", "other"):
            chosen, _ = find_path(None, None, vendor)
            assert counts(vendor) == (chosen.text if chosen is not None else None)
    assert counts("all") == "@3"


def test_a_malformed_path_and_a_closed_file_are_explained(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".flexlmrc").write_text("LM_LICENSE_FILE=x@a\n")
    assert main(["lmpath", "-explain", "genesys.d"]) == 0
    assert "Applications refuse the whole path." in capsys.readouterr().err
    (home / ".flexlmrc").unlink()
    (home / ".flexlmrc").mkdir()
    assert main(["lmpath", "-explain", "genesys.d"]) == 255
    assert "Applications pass over it." in capsys.readouterr().err
    assert main(["lmpath", "-override", "all", "@a"]) == 214


async def test_a_checkout_never_writes_the_file(home: Path) -> None:
    with pytest.raises(LicenseError):
        async with Client("1@127.0.0.1") as client:
            await client.checkout("f1")
    assert not (home / ".flexlmrc").exists()


def test_two_that_change_the_file_at_once_lose_no_change(home: Path) -> None:
    vendors = [f"vendor{number}" for number in range(6)]
    command = [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmpath", "-override"]
    children = [subprocess.Popen([*command, vendor, f"7260@{vendor}"], stdout=subprocess.DEVNULL) for vendor in vendors]
    assert [child.wait(60) for child in children] == [0] * len(vendors)
    assert sorted(rc(home).splitlines()) == [f"{vendor.upper()}_LICENSE_FILE=7260@{vendor}" for vendor in vendors]


def test_a_file_that_somebody_else_is_changing_is_not_changed(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wholefile, "_LOOK_S", wholefile.LOCK_S)
    with wholefile.alone(home / ".flexlmrc"):
        assert main(["lmpath", "-add", "genesys.d", "7260@a"]) != 0
    assert "Another program is changing this file" in capsys.readouterr().err
    assert not (home / ".flexlmrc").exists()
