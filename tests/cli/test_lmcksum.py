"""lmcksum: sums of files, what they are judged by, and the lines of a server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from seatkeeper.base.roles import Identity, Restrictions, objection
from seatkeeper.cli.lmutil import main
from seatkeeper.licfile.checksum import file_checksum, line_checksum
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import write_line
from seatkeeper.wire.messages import AskLines, AskServer, DaemonStatus, Done, Lines, ServerStatus, StatusEnd
from support.fake_lmgrd import FakeLmgrd, license_server
from support.site import Site

TEXT = """\
# Order 4711
SERVER licsrv 0800200005ac 7260
DAEMON genesys.d /opt/g
USE_SERVER
FEATURE f1 genesys.d 8.0 permanent 10 8F796FD181BC \\
\tSN=17 SIGN="64C2 C0C0"
INCREMENT F2 genesys.d 8.0 1-jan-2030 5 ck=0 SN=18
FEATURE f3 genesys.d 8.0 permanent 1 ck=0
"""


@pytest.fixture(name="license_file")
def _license_file(tmp_path: Path) -> Path:
    """The file with a right ck= for F2, and a wrong one for f3."""
    increment, feature = parse(TEXT).file.lines[5:7]
    text = TEXT.replace("5 ck=0", f"5 ck={line_checksum(increment)}").replace("1 ck=0", f"1 ck={(line_checksum(feature) or 0) ^ 1}")
    path = tmp_path / "license.dat"
    path.write_text(text)
    return path


def test_each_line_with_its_sum_and_verdict(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = parse(license_file.read_text()).file
    right = line_checksum(file.lines[6])
    assert main(["lmcksum", "-c", str(license_file)]) == 197
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].startswith("lmcksum - Copyright (c) ")
    assert lines[1] == f'lmcksum: using license file "{license_file}"'
    rows = [re.fullmatch(r"(OK|BAD)? *([0-9]+|-): (.*)", line) for line in lines[3:-1]]
    assert all(rows), lines
    assert [row[1] for row in rows if row] == [None, None, None, None, "OK", "BAD", None]
    assert [row[2] for row in rows if row] == [
        *(str(line_checksum(line)) if line_checksum(line) is not None else "-" for line in file.lines[1:]),
        str(file_checksum(file)),
    ]
    assert rows[3] is not None
    assert rows[3][3] == 'FEATURE f1 genesys.d 8.0 permanent 10 8F796FD181BC SN=17 SIGN="64C2 C0C0"'
    assert rows[-1] is not None
    assert rows[-1][3] == "(all lines)"
    assert shown.err == f"lmcksum: {license_file}, line 8: ck={(right or 0) ^ 1} should be {right}.\n"


def test_a_reader_of_the_field_finds_expiry_dates(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lmcksum", "-c", str(license_file)])
    # What phpLicenseWatcher does with each line of the answer (lmstat formats, 7).
    found = [match[0].split(" ") for line in capsys.readouterr().out.splitlines() if (match := re.search("INCREMENT .*|FEATURE .*", line))]
    assert [(words[1], words[4], words[5]) for words in found] == [
        ("f1", "permanent", "10"),
        ("F2", "1-jan-2030", "5"),
        ("f3", "permanent", "1"),
    ]


def test_with_k_the_case_of_letters_counts_but_not_for_ck(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def asked(*flags: str) -> list[dict[str, object]]:
        assert main(["lmcksum", "-c", str(license_file), "--json", *flags]) == 197
        (found,) = json.loads(capsys.readouterr().out)
        assert found["file"] == str(license_file)
        return found["lines"]

    plain, cased = asked(), asked("-k")
    assert [row["ok"] for row in plain] == [row["ok"] for row in cased] == [None, None, None, None, True, False]
    assert plain[4]["checksum"] == plain[4]["right"] == plain[4]["stated"]
    assert cased[4]["checksum"] != plain[4]["checksum"]
    license_file.write_text(license_file.read_text().replace("INCREMENT F2", "increment f2"))
    again = asked()
    assert again[4]["checksum"] == plain[4]["checksum"]
    assert again[4]["ok"] is True


def test_a_good_file_and_a_directory(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    license_file.write_text("SERVER licsrv 0800200005ac 7260\nDAEMON genesys.d\n")
    (license_file.parent / "b.lic").write_text("FEATURE f1 genesys.d 8.0 permanent 1\n")
    assert main(["lmcksum", "-c", str(license_file.parent)]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("using license file") == 2
    assert shown.err == ""


def test_lines_that_cannot_be_read_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "license.dat"
    path.write_text("\x1b[31mred\nFEATURE f1 genesys.d 8,0 permanent 1\n")
    assert main(["lmcksum", "-c", f"{path}:{tmp_path}/missing"]) == 255
    shown = capsys.readouterr()
    assert "   -: FEATURE f1 genesys.d 8,0 permanent 1\n" in shown.out
    assert "\x1b" not in shown.out
    assert f"{path}:2:22: The version cannot be read." in shown.err
    assert f"There is no file or directory {tmp_path}/missing." in shown.err
    assert main(["lmcksum", "-c", str(path)]) == 254


def test_the_license_path_may_come_from_the_environment(license_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GENESYS_D_LICENSE_FILE", "LM_LICENSE_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert main(["lmcksum"]) == 255
    monkeypatch.setenv("LM_LICENSE_FILE", str(license_file))
    assert main(["lmcksum"]) == 197


def served(lines: str) -> FakeLmgrd:
    plain = license_server()

    def answer(vendor: str, message: object) -> object:
        if isinstance(message, AskLines):
            return (
                [Lines(message.request, lines), StatusEnd(message.request)] if vendor == "genesys.d" else [StatusEnd(message.request, -97)]
            )
        (status,) = plain(vendor, message)  # type: ignore[arg-type, misc]
        assert isinstance(message, AskServer)
        assert isinstance(status, ServerStatus)
        daemons = [DaemonStatus("genesys.d", up=True), DaemonStatus("down.d", up=False)]
        return [msgspec.structs.replace(status, daemons=daemons)]

    return FakeLmgrd(answer)  # type: ignore[arg-type]


def test_a_server_s_lines_stand_at_the_beginning_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with served("INCREMENT f1 genesys.d 8.0 permanent 10 SN=1\nFEATURE f2 genesys.d 8.0 1-jan-2030 5 \\\n\tSN=2\n") as server:
        assert main(["lmutil", "lmcksum", "-c", f"{server.port}@127.0.0.1"]) == 159
        shown = capsys.readouterr()
        assert shown.out.splitlines()[1:5] == [
            f"lmcksum: using license server {server.port}@127.0.0.1",
            "",
            "INCREMENT f1 genesys.d 8.0 permanent 10 SN=1",
            "FEATURE f2 genesys.d 8.0 1-jan-2030 5 SN=2",
        ]
        assert "(-97," in shown.err
        main(["lmcksum", "--json", "-c", f"{server.port}@127.0.0.1"])
        (found,) = json.loads(capsys.readouterr().out)
        assert found["server"] == f"{server.port}@127.0.0.1"
        assert len(found["lines"]) == 2


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with served("") as server:
        port = server.port
    assert main(["lmcksum", "-c", f"{port}@127.0.0.1"]) == 241
    assert "(-15," in capsys.readouterr().err


@pytest.mark.processes
def test_a_real_server_shows_its_lines_without_what_proves_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Site(tmp_path, {"f1": 5, "f2": 1}) as site:
        site.start()
        assert main(["lmcksum", "-c", f"{site.port}@localhost"]) == 0
        shown = capsys.readouterr().out
    issued = [line for line in parse(site.license.read_text()).file.lines if write_line(line).startswith("FEATURE")]
    assert len(issued) == 2
    found = [line.split(" ")[:6] for line in shown.splitlines() if line.startswith("FEATURE ")]
    assert sorted(found) == sorted(write_line(line).split(" ")[:6] for line in issued)
    assert "SIGN" not in shown


def test_what_several_vendor_daemons_refuse_alike_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    plain = license_server(daemons=(DaemonStatus("genesys.d", up=True), DaemonStatus("other.d", up=True)))

    def answer(vendor: str, message: object) -> object:
        if isinstance(message, AskLines):
            wrong = objection("AskLines", Identity("anonymous", host="192.0.2.1"), Restrictions())
            assert wrong is not None
            return [Done(message.request, wrong.number, wrong.text)]
        return plain(vendor, message)  # type: ignore[arg-type]

    with FakeLmgrd(answer) as server:  # type: ignore[arg-type]
        assert main(["lmcksum", "-c", f"{server.port}@127.0.0.1"]) == 193
    told = capsys.readouterr().err
    assert told.count("(-63,") == 1
    assert "to see license lines (lmdiag, lmcksum) is for the role viewer" in told
