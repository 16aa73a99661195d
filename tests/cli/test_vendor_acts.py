from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters.keys import load_trust
from seatkeeper.cli.vendor import main
from seatkeeper.issue.record import Record, append_record
from support.desk_commands import Commands


@pytest.fixture
def store(tmp_path: Path) -> Path:
    assert main(["init", "genesys.d", "--keys", str(tmp_path / "keys")]) == 0
    return tmp_path / "keys"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_files_of_a_stolen_key(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    issuer = load_trust(store)[1].issuers[0].id
    assert "No file on record" in run(capsys, "affected", issuer, "--since", "03-mar-2026", "--keys", store)[1]
    for number, day in enumerate(("02-mar-2026", "03-mar-2026"), 1):
        rest = (
            "Pigeon Post Example Ltd",
            "production",
            day,
            "permanent",
            "genesys.d",
            ("0800200005ac",),
            issuer,
            f"{number}.dat",
            "",
            "text",
        )
        append_record(store, Record(f"2026000{number}", "1111", *rest))
    with (store / "issued.jsonl").open("a") as file:
        file.write('{"order":')
    status, out, err = run(capsys, "affected", issuer.lower(), "--since", "03-mar-2026", "--keys", store)
    assert (status, "20260002" in out, "20260001" in out, "1 file to issue anew" in out) == (0, True, False, True)
    assert "line 3" in err
    status, out, _ = run(capsys, "affected", issuer, "--since", "02-mar-2026", "--keys", store, "--json")
    shown = json.loads(out)
    assert ([each["file"] for each in shown], "unsigned" in shown[0]) == (["1.dat", "2.dat"], False)


@pytest.mark.parametrize(
    ("issuer", "day", "told"), [("00", "03-mar-2026", "no such issuer"), ("", "permanent", "--since"), ("", "x", "--since")]
)
def test_what_affected_refuses(store: Path, capsys: pytest.CaptureFixture[str], issuer: str, day: str, told: str) -> None:
    status, out, err = run(capsys, "affected", issuer or load_trust(store)[1].issuers[0].id, "--since", day, "--keys", store)
    assert (status, out, told in err) == (1, "", True)


PLAN = """
vendor = "genesys.d"
keys = "made"
operator = "Ann Example"
witnesses = ["Ben Example"]
place = "the small meeting room"
[[steps]]
do = "init"
"""


def test_a_ceremony_and_its_transcript(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, transcript = tmp_path / "plan.toml", tmp_path / "t.json"
    plan.write_text(PLAN)
    status, out, err = run(capsys, "ceremony", plan, "--transcript", tmp_path / "r.json", "--rehearse")
    assert (status, err, "The keys were thrown away." in out, (tmp_path / "made").exists()) == (0, "", True, False)
    assert "the rehearsal of a key ceremony" in run(capsys, "ceremony", "--verify", tmp_path / "r.json")[1]
    status, out, err = run(capsys, "ceremony", plan, "--transcript", transcript)
    assert (status, err, f"--verify {transcript}" in out) == (0, "", True)
    status, out, _ = run(capsys, "ceremony", "--verify", transcript, "--root", tmp_path / "made" / "root.pub")
    root = load_trust(tmp_path / "made")[1].root
    assert status == 0
    for word in ("Ann Example", "Ben Example", "the small meeting room", root, "ended well", "root.key", "1. init"):
        assert word in out
    assert json.loads(run(capsys, "ceremony", "--verify", transcript, "--json")[1])["root"] == root
    status, out, err = run(capsys, "ceremony", "--verify", tmp_path / "r.json", "--root", root)
    assert (status, out, "thrown-away root" in err) == (1, "", True)
    transcript.write_text(transcript.read_text().replace("Ben", "Ken"))
    status, out, err = run(capsys, "ceremony", "--verify", transcript)
    assert (status, out, "does not fit" in err) == (1, "", True)


def test_a_ceremony_for_a_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    status, out, _ = run(capsys, "ceremony", tmp_path / "plan.toml", "--transcript", tmp_path / "t.json", "--json")
    held = json.loads(out)
    assert (status, held["rehearsal"], held["steps"][0]["not_before"]) == (0, False, date.today().isoformat())


@pytest.mark.parametrize(
    "words", [[], ["plan.toml"], ["--transcript", "t.json"], ["plan.toml", "--verify", "t.json"], ["--verify", "t.json", "--rehearse"]]
)
def test_what_a_ceremony_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(PLAN)
    status, out, err = run(capsys, "ceremony", *words)
    assert (status, out, err.startswith("seatkeeper vendor: ")) == (1, "", True)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]


def test_a_registry_s_files_of_a_stolen_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    commands = Commands(tmp_path, monkeypatch, capsys)
    stolen = load_trust(Path("keys"))[1].issuers[0].id
    asked = ("affected", stolen, "--since", "14-mar-2026", "--keys", "keys")
    assert "--registry" in run(capsys, *asked)[1]
    for line in (
        "init",
        "register order.toml",
        "issue 20260001 --keys keys -o license.dat",
        'add 20260001 --item "Genesys E-mail=1" --keys keys -o more.dat --delta',
    ):
        commands.good(f"desk {line}")
    shown = json.loads(run(capsys, *asked, "--registry", "desk.db", "--json")[1])
    # Both are in force, and one new file takes the place of both.
    assert [(each["file"], each["order"], each["hostids"]) for each in shown] == [
        ("license.dat", "20260002", ["0800200005ac"]),
        ("more.dat", "20260002", ["0800200005ac"]),
    ]
    status, out, err = run(capsys, *asked, "--registry", "desk.db")
    assert (status, err, out.count("desk reissue 20260002")) == (0, "", 1)
    assert run(capsys, "revoke", stolen, "--on", "14-mar-2026", "--reason", "x", "--keys", "keys")[0] == 0
    assert run(capsys, "rotate", "--keys", "keys")[0] == 0
    commands.good("desk reissue 20260002 --why stolen --keys keys -o anew.dat")
    assert "No file on record" in run(capsys, *asked, "--registry", "desk.db")[1]
