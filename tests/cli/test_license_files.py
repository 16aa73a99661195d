"""`seatkeeper license show` and `lint`: their text, their JSON, their exit statuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seatkeeper.cli.license_files import main
from seatkeeper.licfile.signature import SIGNATURE_BYTES

GOLDEN = Path(__file__).parent.parent / "golden" / "licfile"
DAY = "--today=2026-11-24"
NAMES = ["guide-firewall", "mixed", "broken"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in GOLDEN.glob("*.dat"):
        shutil.copy(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


def stripped(text: str) -> str:
    """The text without the blanks with which a table fills its lines."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@pytest.mark.parametrize("command", ["show", "lint"])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_person_sees(name: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, DAY, f"{name}.dat"])
    # Written anew with: seatkeeper license COMMAND --today=2026-11-24 NAME.dat > NAME.COMMAND.txt (COLUMNS=100, ends of lines cut)
    assert stripped(capsys.readouterr().out) == (GOLDEN / f"{name}.{command}.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["show", "mixed.dat"], 0),
        (["show", "broken.dat"], 0),
        (["lint", "mixed.dat"], 0),
        (["lint", "guide-firewall.dat"], 0),
        (["lint", "--strict", "guide-firewall.dat"], 246),
        (["lint", "--strict", "mixed.dat"], 0),
        (["lint", "broken.dat"], 247),
        (["lint", "mixed.dat", "broken.dat"], 247),
        (["lint", "absent.dat"], 255),
        (["lint", "absent.dat", "mixed.dat"], 255),
        (["show", "absent.dat"], 255),
        (["show", "."], 226),
        (["lint", "--today=tomorrow", "mixed.dat"], 2),
        (["lint"], 2),
    ],
)
def test_exit_status(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([arguments[0], *([] if "--today=tomorrow" in arguments else [DAY]), *arguments[1:]]) == status
    assert bool(capsys.readouterr().err) == (arguments[0] == "lint" or status != 0)


def test_a_syntax_error_ends_with_254(place: Path) -> None:
    (place / "x.dat").write_text("SERVER licsrv\n")
    assert main(["lint", "x.dat"]) == 254


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    main(["lint", DAY, "absent.dat", "guide-firewall.dat"])
    output = capsys.readouterr()
    assert output.err.startswith("seatkeeper license lint: absent.dat: No such file or directory.")
    assert "guide-firewall.dat:5:1: warning: 3GP07021ABAA expired on 06-may-2005" in output.out
    assert output.err.endswith("guide-firewall.dat: 5 warnings.\n")


def read_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    main(arguments)
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def test_show_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    mixed, guide = read_json(["show", "--json", DAY, "mixed.dat", "guide-firewall.dat"], capsys)
    assert mixed["file"] == "mixed.dat"
    assert mixed["use_server"] is True
    assert mixed["servers"][0] == {
        "line": 2,
        "host": "licsrv1",
        "hostid": "0800200005ac",
        "port": 7260,
        "attributes": {"PRIMARY_IS_MASTER": True, "HEARTBEAT_INTERVAL": "20"},
    }
    assert mixed["daemons"][0] == {
        "line": 5,
        "keyword": "VENDOR",
        "name": "genesys.d",
        "path": "/opt/blue harbor/genesys.d",
        "options": "/etc/blue harbor.opt",
        "port": 7261,
    }
    kinds = [(row["line"], row["keyword"], row["name"], row.get("seats"), row.get("expires")) for row in mixed["licenses"]]
    assert kinds == [
        (9, "FEATURE", "tserver_sdn", 100, None),
        (13, "INCREMENT", "tserver_sdn", 50, "2027-12-31"),
        (14, "INCREMENT", "tserver_sdn", None, None),
        (16, "UPGRADE", "tserver_sdn", 20, None),
        (17, "FEATURE", "suite", 5, None),
        (18, "PACKAGE", "suite", None, None),
    ]
    assert (mixed["licenses"][3]["from_version"], mixed["licenses"][3]["version"]) == ("8.0", "8.5")
    assert mixed["licenses"][5]["components"] == ["drawing:2.0", "plotting"]
    assert guide["licenses"][0]["attributes"]["vendor_info"] == "v7.0 - Genesys Enterprise Routing - MS"
    assert guide["licenses"][0]["signature"] == "foreign"


def test_lint_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = read_json(["lint", "--json", DAY, "mixed.dat", "broken.dat"], capsys)
    assert good == {"file": "mixed.dat", "errors": 0, "warnings": 0, "problems": []}
    assert (bad["errors"], bad["warnings"]) == (18, 5)
    assert bad["problems"][2] == {
        "line": 3,
        "column": 42,
        "message": "Unknown field; did you mean port?",
        "found": "prot=7261",
        "expected": "DAEMON name [path] [options=path] [port=number]",
        "severity": "error",
        "number": -90,
    }


def test_signatures_are_told_apart_by_their_looks(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = " ".join(["64C2"] * (SIGNATURE_BYTES // 2))
    lines = [f'SIGN="{ours}"', "SIGN=64C2", "SIGN=xyz", "8F796FD181BC", ""]
    (place / "x.dat").write_text("".join(f"INCREMENT f v 1.0 permanent 1 {line}\n" for line in lines))
    (shown,) = read_json(["show", "--json", "x.dat"], capsys)
    assert [row["signature"] for row in shown["licenses"]] == ["Ed25519", "foreign", "unreadable", "license key", "none"]


def test_nothing_in_a_file_reaches_the_terminal_as_a_control_sequence(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "x.dat").write_text("SERVER [2001:db8::7] ANY 1\nFEATURE f v \x1b[31m permanent 1\nFEATURE [red]f v 1.0 permanent 1\n")
    for command in ("show", "lint"):
        main([command, "x.dat"])
        output = capsys.readouterr().out
        assert "\x1b" not in output
        assert "[red]f" in output
    main(["show", "x.dat"])
    assert "[2001:db8::7]" in capsys.readouterr().out


def test_a_latin_1_file_and_a_utf_16_file_are_read(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'FEATURE f v 1.0 permanent 1 NOTICE="Zürich" SIGN=64C2\n'
    (place / "x.dat").write_bytes(text.encode("latin-1"))
    (place / "y.dat").write_bytes(text.encode("utf-16"))
    for shown in read_json(["show", "--json", "x.dat", "y.dat"], capsys):
        assert shown["licenses"][0]["attributes"]["NOTICE"] == "Zürich"
