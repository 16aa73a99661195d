"""`seatkeeper license split`: files in a directory, all or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatkeeper.cli.license import main
from support.licensedesk import Desk


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["split", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_files_verify_and_are_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path)
    monkeypatch.chdir(desk.place)
    desk.write("license.dat", a=10, b=5, c=3)
    words = ("license.dat", "-o", "parts", "--by", "feature", "--group", "voice=a,c")
    status, out, err = run(capsys, *words)
    assert (status, err) == (0, "")
    assert "parts/license.voice.lic: 2 licenses\nparts/license.rest.lic: 1 license\n" in out
    assert "lmgrd -c parts/license.voice.lic:parts/license.rest.lic" in out
    desk.send_trust(desk.place / "parts")
    assert main(["verify", "parts/license.voice.lic"]) == 0
    assert main(["verify", "parts/license.rest.lic"]) == 0
    (desk.place / "parts/license.voice.lic").unlink()
    status, _, err = run(capsys, *words)
    assert (status, "not overwritten" in err) == (1, True)
    assert not (desk.place / "parts/license.voice.lic").exists()
    status, out, _ = run(capsys, "license.dat", "-o", "all", "--json")
    assert json.loads(out)["files"] == [{"file": "all/license.genesys.d.lic", "part": "genesys.d", "licenses": 3}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--by", "size"), "vendor, expiry or feature"),
        (("--by", "feature"), "It is not said which features go together"),
        (("--group", "a=b"), "Features are listed"),
        (("--by", "feature", "--group", "../a=b"), "no list of features"),
        (("--by", "feature", "--group", "a="), "no list of features"),
    ],
)
def test_wrong_options(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    status, _, err = run(capsys, "none.dat", "-o", str(tmp_path), *words)
    assert (status, message in err) == (1, True)
