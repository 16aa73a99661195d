"""Packs as people make and check them: on the command line, in sentences, and with a status that a script can ask."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from seatkeeper.cli.main import main
from seatkeeper.usage.evidence import REPORT, rows_from_json, rows_to_json
from support.evidencepacks import STRANGER, altered, members, small_site

if TYPE_CHECKING:
    from pathlib import Path

ASKED = ["--type", "tenant", "--item", "genesys e-mail", "--from", "2026-09-01", "--to", "2026-09-03", "--zone", "Europe/Paris"]
MADE = ["--made", "2026-11-24T00:00:00Z"]


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    db = small_site(tmp_path).path
    assert main(["usage", "evidence-key", "--db", str(db)]) == 0
    assert "Made the evidence key " in capsys.readouterr().out
    return db


@pytest.fixture
def pack(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "september.evidence"
    assert main(["usage", "evidence", "--db", str(site), *ASKED, *MADE, "-o", str(path)]) == 0
    assert "give it to those only who may see them" in capsys.readouterr().out
    return path


def test_the_key_is_made_once_and_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret").write_text("a secret\n")
    command = ["usage", "evidence-key", "--key", str(tmp_path / "site.key"), "--passphrase", f"file:{tmp_path / 'secret'}", "--json"]
    told = []
    for _ in range(2):
        assert main(command) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert [each.pop("new") for each in told] == [True, False]
    assert told[0] == told[1]
    assert told[0]["public_file"] == str(tmp_path / "site.pub")
    assert main(command[:-3]) == 1
    assert "has a passphrase, and none was given" in capsys.readouterr().err
    assert main(["usage", "evidence-key"]) == 1
    assert "--db DIR" in capsys.readouterr().err
    db = small_site(tmp_path).path
    asked = ["usage", "evidence", "--db", str(db), *ASKED, "-o", str(tmp_path / "p")]
    assert main(asked) == 1
    assert "evidence-key" in capsys.readouterr().err
    assert main([*asked, *command[2:]]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == told[0]["key"]


def test_a_pack_is_made_whole_and_the_same_again(site: Path, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["usage", "evidence", "--db", str(site), *ASKED, *MADE, "-o", str(pack)]
    before = pack.read_bytes()
    assert main(command) == 1
    assert "is not overwritten" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert pack.read_bytes() == before
    capsys.readouterr()
    assert main([*command[:-1], str(tmp_path / "bare.zip"), "--without-facts", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["members"], told["made"], told["bytes"]) == (3, "2026-11-24T00:00:00Z", (tmp_path / "bare.zip").stat().st_size)
    assert main(["usage", "report", "--db", str(site), *ASKED, "--json"]) == 0
    assert json.loads(members(pack)[REPORT]) == json.loads(capsys.readouterr().out)


def test_a_good_pack_is_told_in_sentences(site: Path, pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "verify", str(pack), "--key", str(site / "evidence.pub"), "--db", str(site)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        "4 rows of a tenant report of genesys e-mail, daily, 2026-09-01 to 2026-09-03, zone Europe/Paris; made 2026-11-24"
    )
    assert [line.split()[0] for line in lines[1:-1]] == ["ok"] * 5
    assert lines[-1] == "All of this holds."
    assert main(["usage", "verify", str(pack), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["pinned"], told["rows"], told["differences"]) == (True, False, 4, [])
    assert [(check["what"], check["outcome"]) for check in told["checks"]][1] == ("signer", "note")
    assert main(["usage", "verify", str(pack)]) == 0
    assert capsys.readouterr().out.endswith("All of this holds, whoever it was that signed it.\n")
    assert main(["usage", "verify", str(pack), "--key", told["signer"]]) == 0


def test_a_bad_pack_ends_with_a_status_and_says_what_differs(
    site: Path, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_from_json(members(pack)[REPORT], REPORT)
    many = [{**row, "peak": 9, "tenant": f"{row['tenant']}\x1b[2J"} for row in rows * 4]
    bad = altered(pack, {REPORT: rows_to_json([{**rows[0], "peak": 7}, *many])}, tmp_path / "x", STRANGER)
    assert main(["usage", "verify", str(bad)]) == 1
    out = capsys.readouterr().out
    assert "FAILED  The report is not what the facts in the pack give" in out
    assert "        Harbor, genesys e-mail, 2026-08-31T22:00:00Z: peak is 7 in the pack and 2 anew." in out
    assert out.endswith("NOT all of this holds.\n")
    assert "\x1b" not in out
    assert main(["usage", "verify", str(bad), "--key", str(site / "evidence.pub"), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["pinned"], [check["what"] for check in told["checks"]]) == (False, True, ["whole", "signer"])
    (tmp_path / "cut").write_bytes(pack.read_bytes()[:-1])
    assert main(["usage", "verify", str(tmp_path / "cut")]) == 1
    assert "This is no evidence pack, or has been damaged" in capsys.readouterr().err
    assert main(["usage", "verify", str(pack), "--key", "nobody"]) == 1
    assert "64 hex digits" in capsys.readouterr().err


def test_the_signature_is_one_that_others_can_check(site: Path, pack: Path) -> None:
    # As docs/evidence.md has it, with nothing of ours.
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = load_pem_public_key((site / "evidence.pub").read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    with zipfile.ZipFile(pack) as file:
        signature = bytes.fromhex(file.read("SIGNATURE").decode())
        public.verify(signature[8:], b"seatkeeper/evidence/1\0" + file.read("MANIFEST.json"))


WAITS = """
import signal, sys
from seatkeeper.adapters import engines
from seatkeeper.cli.main import main

def wait(*_):
    print("unpacked", flush=True)
    while True:
        signal.pause()

engines.open_engine = wait
sys.exit(main(["usage", "verify", sys.argv[1]]))
"""


def test_an_interrupted_check_leaves_nothing_behind(pack: Path, tmp_path: Path) -> None:
    place = tmp_path / "scratch"
    place.mkdir()
    environment = {**os.environ, "TMPDIR": str(place)}
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, str(pack)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "unpacked\n"
        assert list(place.rglob("*.parquet"))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in said
    assert not list(place.iterdir())
