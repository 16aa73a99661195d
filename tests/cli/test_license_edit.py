"""`seatkeeper license merge`: what a person sees, what is written, and what is refused."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seatkeeper.adapters import keys, textfiles
from seatkeeper.adapters.wholefile import alone
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli.license import main
from seatkeeper.cli.license_edit import save_backup
from seatkeeper.cli.lmutil import main as lmutil
from seatkeeper.licfile.model import Comment, Server
from seatkeeper.sdk.blocking import Client
from support.editing import HOSTID
from support.licensedesk import HEAD, Desk
from support.site import Site

TODAY = date.today()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path)
    monkeypatch.chdir(made.place)
    monkeypatch.setenv("COLUMNS", "140")
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["merge", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_it_shows_and_changes_nothing_without_apply(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    old = desk.write("license.dat", Comment("# mine"), a=10)
    before = old.read_bytes()
    desk.write("new.lic", a=20, b=5)
    status, out, err = run(capsys, "license.dat", "new.lic")
    assert (status, err) == (0, "")
    assert "+FEATURE a genesys.d 8.0 permanent 20" in out
    assert "-FEATURE a genesys.d 8.0 permanent 10" in out
    assert "10 -> 20" in out
    assert "seatkeeper license merge license.dat new.lic --apply" in out
    assert old.read_bytes() == before
    assert sorted(path.name for path in desk.place.iterdir()) == ["genesys.d.trust", "license.dat", "new.lic"]


def test_apply_writes_keeps_a_backup_and_says_what_is_next(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    old = desk.write("license.dat", Comment("# mine"), a=10)
    old.chmod(0o640)
    before = old.read_bytes()
    desk.write("new.lic", a=20, b=5)
    status, out, _ = run(capsys, "license.dat", "new.lic", "--apply")
    assert status == 0
    (backup,) = desk.place.glob("license.dat.*.bak")
    assert backup.read_bytes() == before
    assert old.stat().st_mode & 0o777 == 0o640
    assert "lmreread -c license.dat" in out
    assert main(["verify", "license.dat"]) == 0
    # A second time nothing is written, and no backup made.
    status, out, _ = run(capsys, "license.dat", "new.lic", "--apply")
    assert (status, "nothing is to be changed" in out) == (0, True)
    assert len(list(desk.place.glob("*.bak"))) == 1


def test_it_writes_elsewhere_if_asked(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    old = desk.write("license.dat", a=10)
    before = old.read_bytes()
    desk.write("new.lic", b=5)
    assert run(capsys, "license.dat", "new.lic", "--apply", "-o", "merged.dat")[0] == 0
    assert old.read_bytes() == before
    assert b"FEATURE b " in (desk.place / "merged.dat").read_bytes()


def test_less_needs_leave(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    old = desk.write("license.dat", a=10)
    before = old.read_bytes()
    desk.write("new.lic", a=4)
    status, _, err = run(capsys, "license.dat", "new.lic", "--apply")
    assert status == 1
    assert "a: of 10 seats of version 8.0, 4 would be left" in err
    assert "--allow-less" in err
    assert old.read_bytes() == before
    assert run(capsys, "license.dat", "new.lic", "--apply", "--allow-less")[0] == 0
    assert old.read_bytes() != before


def test_a_damaged_new_line_refuses_the_merge_and_a_damaged_old_one_does_not(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    old = desk.write("license.dat", a=10, b=5)
    old.write_text(old.read_text().replace("FEATURE b genesys.d 8.0 permanent 5", "FEATURE b genesys.d 8.0 permanent 6"))
    new = desk.write("new.lic", c=7)
    status, out, _ = run(capsys, "license.dat", "new.lic")
    assert status == 0
    assert "Refused before, and left as it is: line" in out
    new.write_text(new.read_text().replace("permanent 7", "permanent 8"))
    status, _, err = run(capsys, "license.dat", "new.lic")
    assert status == 1
    assert "c was changed after signing" in err
    assert "would be refused" in err


def test_another_host_is_refused_with_what_to_order(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write("license.dat", a=10)
    desk.write("new.lic", a=20, head=(Server("x", "0800200005ad", 7260), HEAD[1]))
    status, _, err = run(capsys, "license.dat", "new.lic")
    assert status == 1
    assert f"Order them for {HOSTID}" in err


def test_a_newer_trust_file_is_named(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write("license.dat", a=10)
    keys.rotate(desk.keys, today=TODAY)
    coming = desk.place / "coming"
    coming.mkdir()
    desk.send_trust(coming)
    desk.write("coming/new.lic", b=5)
    status, _, err = run(capsys, "license.dat", "coming/new.lic")
    assert status == 1
    assert "coming/genesys.d.trust is newer than the trust file beside license.dat" in err
    desk.send_trust(desk.place)
    assert run(capsys, "license.dat", "coming/new.lic")[0] == 0


def test_without_trust_nothing_is_merged(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write("license.dat", a=10)
    desk.write("new.lic", b=5)
    (desk.place / "genesys.d.trust").unlink()
    assert "no genesys.d.trust" in run(capsys, "license.dat", "new.lic")[2]


def test_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write("license.dat", a=10)
    desk.write("new.lic", a=20, b=5)
    status, out, _ = run(capsys, "license.dat", "new.lic", "--json")
    report: dict[str, Any] = json.loads(out)
    assert status == 0
    assert (report["applied"], report["backup"], report["losses"]) == (False, None, [])
    assert [row["name"] for row in report["added"]] == ["a", "b"]
    assert [(row["line"], row["name"], row["by"]) for row in report["replaced"]] == [(3, "a", 3)]


def test_no_backup_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "license.dat"
    assert save_backup(path) is None
    path.write_text("one")
    backups = {save_backup(path) for _ in range(3)}
    assert len(backups) == 3
    assert all(each is not None and each.read_text() == "one" for each in backups)


def test_of_files_that_are_merged_at_once_none_is_lost(desk: Desk) -> None:
    """Each process waits until the one before has written, and merges into what that one left."""
    old = desk.write("license.dat", Comment("# mine"), a=10)
    names = [f"f{number}" for number in range(4)]
    for name in names:
        desk.write(f"{name}.lic", **{name: 5})
    command = [sys.executable, "-m", "seatkeeper.cli.main", "license", "merge", "license.dat"]
    with alone(old):
        # All of them have begun before the first may write.
        processes = [
            subprocess.Popen([*command, f"{name}.lic", "--apply", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for name in names
        ]
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(names), said
    lines = old.read_text().splitlines()
    assert "# mine" in lines
    assert sorted(line.split()[1] for line in lines if line.startswith("FEATURE")) == ["a", *names]
    assert main(["verify", "license.dat"]) == 0
    # What each of them found there is kept: one more license from one backup to the next.
    backups = [path.read_text().count("FEATURE ") for path in desk.place.glob("license.dat.*.bak")]
    assert sorted(backups) == [1, 2, 3, 4]
    assert len({json.loads(out)["backup"] for out, _ in said}) == len(names)
    assert not list(desk.place.glob(".license*"))


def test_who_waits_too_long_for_another_merge_is_told_and_changes_nothing(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = desk.write("license.dat", a=10)
    before = old.read_bytes()
    desk.write("new.lic", b=5)
    monkeypatch.setattr(textfiles, "alone", functools.partial(alone, wait_s=0.05))
    with alone(old):
        status, out, err = run(capsys, "license.dat", "new.lic", "--apply")
        assert (status, out) == (1, "")
        assert "Another program is changing this file." in err
        assert "Try again when it has ended." in err
        # To look needs no lock.
        assert run(capsys, "license.dat", "new.lic")[0] == 0
    assert old.read_bytes() == before
    assert not list(desk.place.glob("*.bak"))
    assert run(capsys, "license.dat", "new.lic", "--apply")[0] == 0


def test_a_running_server_takes_the_merged_file_and_nobody_loses_a_seat(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 1}) as site:
        site.start()
        served = site.license.read_bytes()
        site.write({"f1": 3, "f2": 2})
        coming = tmp_path / "new.lic"
        coming.write_bytes(site.license.read_bytes())
        site.license.write_bytes(served)
        with Client(f"{site.port}@localhost", root=site.root, user="ann") as client, client.checkout("f1"):
            with pytest.raises(LicenseError):
                client.checkout("f1")
            assert main(["merge", str(site.license), str(coming), "--apply"]) == 0
            assert lmutil(["lmutil", "lmreread", "-c", str(site.license)]) == 0
            with client.checkout("f1"), client.checkout("f1"), client.checkout("f2"):
                pass
