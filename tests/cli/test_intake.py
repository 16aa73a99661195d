"""`seatkeeper intake`: real runs, killed in the middle, answer each request once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seatkeeper.adapters import clock
from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.cli.intake import main
from seatkeeper.issue.parcel import read_parcel
from support.desk_mail import ORDER

DESK = ["--folder", "in", "--keys", "keys", "--outbox", "out", "--from", "desk@vendor.example"]
DEADLINE_S = 60.0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("in", "out"):
        Path(name).mkdir()
    init_vendor(tmp_path / "keys", "genesys.d", today=clock.today())
    return tmp_path


def test_an_order_waits_and_is_approved(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/order.toml").write_text(ORDER)
    assert main([*DESK, "--settle", "0", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["name"], done["what"]) == ("order.toml", "checked")
    assert main(["list", "--folder", "in"]) == 0
    assert capsys.readouterr().out.startswith(f"{done['id']}  order 20260042, Pigeon Post Example Ltd, production, from order.toml")
    assert main(["approve", done["id"], *DESK]) == 0
    assert capsys.readouterr().out == f"{done['id']}  issued   order.toml: order 20260042\n"
    assert Path("out", done["id"], "license.dat").exists()
    assert main(["list", "--folder", "in"]) == 0
    assert capsys.readouterr().out == "No order waits.\n"


@pytest.mark.parametrize(
    "words", [["--passphrase-file", "phrase"], ["--passphrase", "issuer=file:phrase", "--passphrase", "daemon=file:phrase"]]
)
def test_the_keys_are_opened_as_everywhere(place: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    Path("phrase").write_text("open up\n")
    init_vendor(place / "locked", "genesys.d", today=clock.today(), passphrase=b"open up")
    desk = ["locked" if word == "keys" else word for word in DESK]
    Path("in/order.toml").write_text(ORDER)
    assert main([*desk, "--settle", "0", "--json", *words]) == 0
    id_ = json.loads(capsys.readouterr().out)["id"]
    assert main(["approve", id_, *desk, *words]) == 0
    assert Path("out", id_, "license.dat").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*DESK[:-1], "nobody"], "This is not a mail address"),
        ([*DESK, "--once", "--every", "1"], "Both cannot be meant"),
        ([*DESK, "--auto", "none"], "The list of senders cannot be read"),
        (["approve", "x", *DESK], "does not name one order"),
        (["--folder", "none", *DESK[2:]], "There is no such directory"),
    ],
)
def test_what_cannot_be_meant(place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 1
    assert message in capsys.readouterr().err


@pytest.mark.processes
def test_runs_that_are_killed_answer_each_request_once(place: Path) -> None:
    count = 12
    Path("allowed").write_text("alex@pigeon.example  # the customer\n")
    for number in range(count):
        text = ORDER.replace("20260042", f"2026{number:04}").replace("quantity = 100", f"quantity = {0 if number % 4 == 3 else 100}")
        Path(f"in/{number:02}.eml").write_text(f"From: Alex@pigeon.example\nMessage-ID: <{number}@x.example>\n\n{text}")
    command = [sys.executable, "-m", "seatkeeper.cli.intake", *DESK, "--settle", "0", "--auto", "allowed"]
    until = time.monotonic() + DEADLINE_S
    kills = 0
    # Two runs at once, killed whenever something new has appeared, until all is answered; then one that ends by itself.
    while len([path for path in Path("out").iterdir() if not path.name.startswith(".")]) < count and kills < count:
        before = sorted(Path("out").iterdir())
        runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
        while sorted(Path("out").iterdir()) == before and any(each.poll() is None for each in runs):
            assert time.monotonic() < until
        for each in runs:
            each.kill()
            each.wait()
        kills += 1
    assert kills > 2
    last = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert (last.returncode, last.stderr) == (0, "")
    names = sorted(path.name for path in Path("out").iterdir())
    assert len(names) == count
    assert names == sorted(path.name for path in Path("in/processed").iterdir())
    assert [list(Path("in", each).iterdir()) for each in ("work", "failed", "checked")] == [[], [], []]
    issued = [path for path in Path("out").iterdir() if (path / "order.toml").exists()]
    numbers = {read_parcel(path, path / "order.toml", load_catalog()).order.terms.number for path in issued}
    assert len(numbers) == len(issued) == count - count // 4
    assert all((path / "answer.eml").exists() for path in Path("out").iterdir())
