"""`seatkeeper license diff`: its table, its JSON, its exit statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatkeeper.cli.license import main

OLD = """\
SERVER licsrv 0800200005ac 7260
DAEMON genesys.d /opt/seatkeeper/genesys.d port=7261
FEATURE a genesys.d 8.0 permanent 100 8F796FD181BC SN=1 SIGN=64C2
FEATURE b genesys.d 8.0 31-dec-2026 5 SN=1 NOTICE="x y" SIGN=64C3
INCREMENT c genesys.d 8.0 permanent 10 SN=1 SIGN=64C5
INCREMENT c genesys.d 8.0 permanent 20 SN=2 SIGN=64C6
FEATURE gone genesys.d 8.0 permanent uncounted HOSTID=ANY SIGN=64C7
FEATURE sig genesys.d 8.0 permanent 7 SIGN=64C7
PACKAGE suite genesys.d 2.0 COMPONENTS="drawing:2.0 plotting" OPTIONS=SUITE SIGN=9004ED5C4D08
"""
NEW = """\
SERVER licsrv 0800200005ac 7270
DAEMON genesys.d port=7261
INCREMENT c genesys.d 8.0 permanent 20 sn=2 SIGN="64c6"
FEATURE a genesys.d 8.0 permanent 1500 8F796FD181BC SN=1 SIGN=64C2
FEATURE b genesys.d 8.5 31-dec-2027 5 SN=2 NOTICE="x z" SIGN=64D3
INCREMENT c genesys.d 8.0 permanent 10 SN=1 SIGN=64C5
INCREMENT c genesys.d 8.0 permanent 5 SN=3 SIGN=64C9
FEATURE fresh genesys.d 8.0 permanent 7 TS_OK SIGN=64C7
FEATURE sig genesys.d 8.0 permanent 7 SIGN=64C8
PACKAGE suite genesys.d 2.0 COMPONENTS="drawing:2.0 cutting" OPTIONS=SUITE SIGN=9004ED5C4D08
"""
SHOWN = """\
old.dat -> new.dat

         Line    Name       Fields
──────────────────────────────────────────────────────────────────
changed  SERVER  licsrv     port 7260 -> 7270
changed  DAEMON  genesys.d  path /opt/seatkeeper/genesys.d -> none

             Line       Name   Version     Seats         Expires                     Further
──────────────────────────────────────────────────────────────────────────────────────────────────────────────────
changed      FEATURE    a      8.0         100 -> 1,500  permanent
changed      FEATURE    b      8.0 -> 8.5  5             31-dec-2026 -> 31-dec-2027  SN 1 -> 2; NOTICE x y -> x z
added        INCREMENT  c      8.0         5             permanent                   together 30 -> 35 seats; SN 3
added        FEATURE    fresh  8.0         7             permanent                   TS_OK set
removed      FEATURE    gone   8.0         uncounted     permanent                   HOSTID ANY
signed anew  FEATURE    sig    8.0         7             permanent
changed      PACKAGE    suite  2.0                                                   COMPONENTS +cutting -plotting

Licenses: 2 added, 1 removed, 3 changed, 1 only signed anew. Other lines: 2.
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "old.dat").write_text(OLD)
    (tmp_path / "new.dat").write_text(NEW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["diff", *arguments])
    output = capsys.readouterr()
    return status, "".join(f"{line.rstrip()}\n" for line in output.out.splitlines()), output.err


def test_what_a_person_sees(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "old.dat", "new.dat") == (1, SHOWN, "")


def test_on_a_narrow_screen_what_no_column_has_follows_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    _, out, _ = run(capsys, "old.dat", "new.dat")
    lines = out.splitlines()
    assert "Further" not in out
    assert "changed      FEATURE    b      8.0 -> 8.5  5             31-dec-2026 -> 31-dec-2027" in lines
    at = lines.index("b: SN 1 -> 2; NOTICE x y -> x z")
    assert lines[at - 1 : at + 3] == ["", lines[at], "c: together 30 -> 35 seats; SN 3", "fresh: TS_OK set"]


def test_equal_files(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    head, *lines = OLD.splitlines(True)
    (place / "new.dat").write_text("# written anew\n" + head + "".join(reversed(lines)))
    assert run(capsys, "old.dat", "new.dat") == (0, "old.dat -> new.dat: both grant the same.\n", "")
    status, out, _ = run(capsys, "old.dat", "new.dat", "--json")
    assert (status, json.loads(out)) == (0, {"old": "old.dat", "new": "new.dat", "equal": True, "changes": []})


def test_only_other_lines(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    (place / "new.dat").write_text(OLD.replace("7260", "7270"))
    status, out, _ = run(capsys, "old.dat", "new.dat")
    assert (status, out.splitlines()[-1]) == (1, "No license changes. Other lines: 1.")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--json", "old.dat", "new.dat")
    found: dict[str, Any] = json.loads(out)
    assert (status, found["equal"]) == (1, False)
    by_name = {(change["name"], change["what"]): change for change in found["changes"]}
    assert by_name["a", "changed"]["fields"] == [{"field": "seats", "old": "100", "new": "1500"}]
    assert by_name["c", "added"]["pool_seats"] == [30, 35]
    assert by_name["fresh", "added"]["new"] == {
        **{"line": 8, "keyword": "FEATURE", "name": "fresh", "vendor": "genesys.d", "version": "8.0", "seats": "7"},
        **{"expiry": "permanent", "TS_OK": True, "SIGN": "64C7"},
    }
    assert "old" not in by_name["fresh", "added"]
    assert by_name["gone", "removed"]["old"]["line"] == 7
    assert by_name["licsrv", "changed"]["fields"] == [{"field": "port", "old": "7260", "new": "7270"}]


@pytest.mark.parametrize(
    "arguments", [("old.dat", "none.dat"), ("none.dat", "old.dat"), ("old.dat", "."), ("old.dat", "long.dat"), ("old.dat",)]
)
def test_trouble_ends_with_2(capsys: pytest.CaptureFixture[str], place: Path, arguments: tuple[str, ...]) -> None:
    (place / "long.dat").write_text("\n" * 1_100_000)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err


def test_lines_that_cannot_be_read_are_said_and_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    (place / "new.dat").write_text(OLD + "FEATRE \x1b[31mbad\n")
    status, out, err = run(capsys, "old.dat", "new.dat")
    assert status == 1
    assert "\x1b" not in out
    assert "added" in out
    assert "FEATRE" in out
    assert err == (
        "seatkeeper license diff: new.dat: 1 line that cannot be read is compared as text only; "
        "`seatkeeper license lint new.dat` says what is wrong.\n"
    )
