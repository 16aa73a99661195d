"""`seatkeeper intake`: real runs, killed in the middle, answer each request once."""

from __future__ import annotations

import json
import re
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
from support.desk_mail import ORDER, PASSWORD, USER, Letterbox, mail_server, server_tls

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
        ([*DESK, "--smtp", "http://x"], "This is no mail server"),
        ([*DESK, "--smtp-login", "login"], "No mail server is named"),
        (["send", "x", *DESK[:-2], "--smtp", "smtp-plain://localhost:1"], "does not name one answer"),
    ],
)
def test_what_cannot_be_meant(place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 1
    assert message in capsys.readouterr().err


def test_answers_are_sent_by_the_mail_server_that_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tls, trusted = server_tls(place)
    login = Path("login")
    login.touch(mode=0o600)
    login.write_text(f"{USER}\nwrong\n")
    Path("in/order.eml").write_text(f"From: alex@pigeon.example\nMessage-ID: <1@x.example>\n\n{ORDER}")
    Path("in/bad.eml").write_text("From: ben@loft.example\nMessage-ID: <2@x.example>\n\nhello")
    box = Letterbox()
    with mail_server(box, tls, login=True) as port:
        by = ["--smtp", f"smtp://localhost:{port}", "--smtp-ca", str(trusted), "--smtp-login", "login"]
        # With a password that is wrong nothing is lost: the answer waits.
        assert main([*DESK, "--settle", "0", *by]) == 1
        out = capsys.readouterr().out
        assert re.search(r"unsent +answer\.eml to ben@loft\.example: The mail server .* refused user", out)
        assert main(["list", "--folder", "in", "--outbox", "out"]) == 0
        assert re.search(r"answer not sent, waiting: .* refused user", capsys.readouterr().out)
        assert main(["list", "--folder", "in", "--outbox", "out", "--json"]) == 0
        assert [each.get("mail") for each in json.loads(capsys.readouterr().out)] == [None, "waiting"]
        login.write_text(f"{USER}\n{PASSWORD}\n")
        (id_,) = (path.name for path in Path("in/checked").iterdir())
        assert main(["approve", id_, *DESK, *by]) == 0
        assert len(re.findall(r"sent +answer\.eml to .*: the mail server said: taken as 4711", capsys.readouterr().out)) == 2
        assert main(["send", *DESK[:-2], *by]) == 0
        assert main(["send", id_, *DESK[:-2], *by]) == 1
        assert "This answer was sent" in capsys.readouterr().err
    assert sorted(each.rcpt_tos[0] for each in box.taken) == ["alex@pigeon.example", "ben@loft.example"]


@pytest.mark.processes
def test_runs_that_are_killed_answer_each_request_once_and_send_no_answer_twice(place: Path) -> None:
    count = 12
    Path("allowed").write_text("alex@pigeon.example  # the customer\n")
    for number in range(count):
        text = ORDER.replace("20260042", f"2026{number:04}").replace("quantity = 100", f"quantity = {0 if number % 4 == 3 else 100}")
        Path(f"in/{number:02}.eml").write_text(f"From: Alex@pigeon.example\nMessage-ID: <{number}@x.example>\n\n{text}")
    box = Letterbox()
    with mail_server(box) as port:
        smtp = f"smtp-plain://localhost:{port}"
        command = [sys.executable, "-m", "seatkeeper.cli.intake", *DESK, "--settle", "0", "--auto", "allowed", "--smtp", smtp]
        _run_and_kill(command, count, box)
    states = {path.parent.name: path.name for path in Path("out").glob("*/mail.*")}
    assert len(states) == count
    assert set(states.values()) <= {"mail.sent", "mail.unknown"}
    taken = [re.search(rb"<(\w+)\.answer@", each.content) for each in box.taken]
    ids = [found[1].decode() for found in taken if found]
    assert len(ids) == len(set(ids)) == len(box.taken)
    assert {name for name, state in states.items() if state == "mail.sent"} <= set(ids) <= set(states)


def _run_and_kill(command: list[str], count: int, box: Letterbox) -> None:
    until = time.monotonic() + DEADLINE_S
    kills = 0

    def seen() -> tuple[list[Path], int]:
        # Answers that appear, and then mails that arrive.
        return sorted(Path("out").iterdir()), len(box.taken)

    # Two runs at once, killed whenever something new has appeared, until half of the mails are out; then one that ends by itself.
    while len(box.taken) < count // 2 and kills < 2 * count:
        before = seen()
        runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
        while seen() == before and any(each.poll() is None for each in runs):
            assert time.monotonic() < until
        for each in runs:
            each.kill()
            each.wait()
        kills += 1
    assert kills > 2
    last = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    # An answer of which nobody knows whether it went out is for a person, and the status says so.
    assert (last.returncode, last.stderr) == (int("unsent" in last.stdout), "")
    names = sorted(path.name for path in Path("out").iterdir())
    assert len(names) == count
    assert names == sorted(path.name for path in Path("in/processed").iterdir())
    assert [list(Path("in", each).iterdir()) for each in ("work", "failed", "checked")] == [[], [], []]
    issued = [path for path in Path("out").iterdir() if (path / "order.toml").exists()]
    numbers = {read_parcel(path, path / "order.toml", load_catalog()).order.terms.number for path in issued}
    assert len(numbers) == len(issued) == count - count // 4
    assert all((path / "answer.eml").exists() for path in Path("out").iterdir())
