from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from seatkeeper.adapters.keys import load_trust, read_root
from seatkeeper.cli.issue import main as issue
from seatkeeper.cli.order import main as order
from seatkeeper.cli.vendor import main
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines
from support.softhsm import Tokens, needs_softhsm


@pytest.fixture
def store(tmp_path: Path) -> Path:
    assert main(["init", "genesys.d", "--keys", str(tmp_path / "keys")]) == 0
    return tmp_path / "keys"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_init_says_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "init", "genesys.d", "--keys", tmp_path / "keys")
    assert (status, err) == (0, "")
    for path in (tmp_path / "keys").iterdir():
        assert re.search(rf"^  {re.escape(path.name)} ", out, re.MULTILINE)
    assert "keep it offline" in out
    assert f"Root public key to pin: {read_root(tmp_path / 'keys' / 'root.pub').hex()}" in out
    assert "no passphrase" in out


def test_init_asks_nothing(tmp_path: Path) -> None:
    """A real process without a terminal and with nothing to read."""
    code = "import sys; from seatkeeper.cli.vendor import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "init", "genesys.d", "--keys", str(tmp_path / "keys")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert load_trust(tmp_path / "keys")[1].vendor == "genesys.d"


def test_init_never_overwrites(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "init", "genesys.d", "--keys", store)
    assert (status, out) == (1, "")
    assert err.startswith(f"seatkeeper vendor: {store}: The directory holds keys already")


def test_settings_of_the_vendor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "keys"
    assert run(capsys, "init", "other.d", "--keys", store, "--version-rule", "release8", "--seats-max", "5")[0] == 0
    trust = load_trust(store)[1]
    assert (trust.version_rule, trust.seats_max) == ("release8", 5)
    status, _, err = run(capsys, "init", "other.d", "--keys", tmp_path / "b", "--version-rule", "newest")
    assert status == 1
    assert "--version-rule" in err
    assert not (tmp_path / "b").exists()


def test_a_passphrase_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret, store = tmp_path / "secret", tmp_path / "keys"
    secret.write_text("open sesame\nnot this\n")
    status, out, _ = run(capsys, "init", "genesys.d", "--keys", store, "--passphrase-file", secret)
    assert (status, "no passphrase" in out) == (0, False)
    status, _, err = run(capsys, "rotate", "--keys", store)
    assert (status, "--passphrase-file" in err) == (1, True)
    assert run(capsys, "rotate", "--keys", store, "--passphrase-file", secret)[0] == 0
    secret.write_text("\n")
    for path in (secret, tmp_path / "nowhere"):
        status, _, err = run(capsys, "init", "genesys.d", "--keys", tmp_path / "b", "--passphrase-file", path)
        assert (status, "--passphrase-file" in err, str(path) in err) == (1, True, True)
    assert not (tmp_path / "b").exists()


def test_rotate_then_revoke_then_show(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = load_trust(store)[1].issuers[0].id
    status, out, _ = run(capsys, "rotate", "--keys", store)
    new = load_trust(store)[1].issuers[1].id
    assert (status, f"issuer-{new}.key is new" in out, "serial 2" in out) == (0, True, True)
    status, out, _ = run(capsys, "revoke", old, "--keys", store, "--on", "03-mar-2026", "--reason", "laptop lost")
    assert (status, "03-mar-2026 or a later day are refused" in out, "serial 3" in out) == (0, True, True)
    assert "vendor rotate" not in out
    status, out, _ = run(capsys, "show", "--keys", store)
    assert status == 0
    assert re.search(rf"{old} .* revoked on 03-mar-2026 \(laptop lost\)$", out, re.MULTILINE)
    assert re.search(rf"{new} .* here +signs$", out, re.MULTILINE)
    (store / "root.key").unlink()
    (store / f"issuer-{new}.key").unlink()
    status, out, _ = run(capsys, "show", "--keys", store, "--json")
    shown = json.loads(out)
    assert (shown["vendor"], shown["serial"]) == ("genesys.d", 3)
    assert [issuer["private_key"] for issuer in shown["issuers"]] == [True, False]
    assert [issuer["status"] for issuer in shown["issuers"]] == ["revoked on 03-mar-2026 (laptop lost)", "signs"]


def test_revoking_the_last_issuer_says_what_to_do(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "revoke", load_trust(store)[1].issuers[0].id, "--keys", store)
    assert (status, "No issuer key is left" in out, "vendor rotate" in out) == (0, True, True)


@pytest.mark.parametrize("day", ["yesterday", "permanent", "31-feb-2026"])
def test_revoke_wants_a_day(store: Path, capsys: pytest.CaptureFixture[str], day: str) -> None:
    status, _, err = run(capsys, "revoke", "00", "--keys", store, "--on", day)
    assert (status, err.startswith("seatkeeper vendor: --on: "), day in err) == (1, True, True)


def test_credentials_are_made_anew(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs a new credential" in run(capsys, "rotate", "--daemon", "--keys", store)[1]
    status, out, _ = run(capsys, "credential", "0800200005ac", "0800200005ad", "--keys", store, "-o", tmp_path)
    assert status == 0
    names = ["genesys.d.0800200005ac.credential", "genesys.d.0800200005ad.credential"]
    assert sorted(path.name for path in tmp_path.glob("*.credential")) == names
    assert all(name in out for name in names)


@pytest.mark.parametrize("words", [[], ["init"], ["init", "genesys.d"], ["nonsense"], ["revoke", "--keys", "x"], ["show", "--wrong"]])
def test_wrong_usage_is_told(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    status, out, err = run(capsys, *words)
    assert status == 2
    assert "Usage: seatkeeper vendor" in out + err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--help")
    assert (status, [word for word in ("init", "show", "rotate", "revoke") if word not in out]) == (0, [])


def test_a_root_key_that_is_kept_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, stick = tmp_path / "keys", tmp_path / "stick"
    stick.mkdir()
    status, out, _ = run(capsys, "init", "genesys.d", "--keys", store, "--root", stick, "--days", "20")
    assert (status, f"{stick / 'root.key'} " in out, (store / "root.key").exists()) == (0, True, False)
    status, out, _ = run(capsys, "show", "--keys", store)
    assert ("Root key         not here" in out, "in 20 days. Prepare the next one" in out) == (True, True)
    assert "in 20 days" in json.loads(run(capsys, "show", "--keys", store, "--json")[1])["warning"]
    status, _, err = run(capsys, "rotate", "--keys", store)
    assert (status, "--root" in err) == (1, True)
    first = (date.today() + timedelta(days=18)).strftime("%d-%b-%Y").lower()
    status, out, _ = run(capsys, "rotate", "--keys", store, "--root", stick, "--from", first, "--overlap", "1", "--days", "100")
    end = (date.today() + timedelta(days=19)).strftime("%d-%b-%Y").lower()
    assert (status, f"lines from {first} until" in out, f"may sign until {end}." in out) == (0, True, True)
    assert "Prepare the next one" not in run(capsys, "show", "--keys", store)[1]
    status, out, _ = run(capsys, "revoke", load_trust(store)[1].issuers[0].id, "--keys", store, "--root", stick)
    assert (status, "vendor affected" in out) == (0, True)
    for words in (["--from", "yesterday"], ["--from", "01-jan-2020"], ["--overlap", "-1"], ["--days", "0"]):
        assert run(capsys, "rotate", "--keys", store, "--root", stick, *words)[0] != 0
    assert load_trust(store)[1].serial == 3


def test_the_passphrase_is_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "keys"
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"{name}\n")
    one, two = f"file:{tmp_path / 'one'}", f"file:{tmp_path / 'two'}"
    assert run(capsys, "init", "genesys.d", "--keys", store, "--passphrase", one)[0] == 0
    before = {path: path.read_bytes() for path in store.iterdir()}
    status, _, err = run(capsys, "passphrase", "--keys", store, "--passphrase", two, "--new", one)
    assert (status, "does not open" in err) == (1, True)
    for words in ([], ["--new", one, "--none"], ["boss", "--none"], ["--new", f"root={one}"]):
        assert run(capsys, "passphrase", "--keys", store, "--passphrase", one, *words)[0] == 1
    assert {path: path.read_bytes() for path in store.iterdir()} == before
    status, out, _ = run(capsys, "passphrase", "root", "--keys", store, "--passphrase", one, "--new", two)
    assert (status, out) == (0, f"{store / 'root.key'} opens with the new passphrase only.\n")
    assert run(capsys, "rotate", "--keys", store, "--passphrase", f"root={two}", "--passphrase", one)[0] == 0
    status, out, _ = run(capsys, "passphrase", "issuer", "daemon", "--keys", store, "--passphrase", one, "--none")
    assert (status, out.count("has no passphrase any more")) == (0, 3)


@needs_softhsm
def test_keys_in_a_token_are_shown_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tokens, store = Tokens(tmp_path, monkeypatch), tmp_path / "keys"
    words = ["--root", tokens.uri("root"), "--issuer", tokens.uri("issuer-1"), "--daemon", tokens.uri("daemon")]
    status, out, _ = run(capsys, "init", "genesys.d", "--keys", store, *words)
    assert (status, "root.token " in out, "have no passphrase" in out) == (0, True, False)
    assert run(capsys, "show", "--keys", store)[1].count("in a token") == 3
    assert json.loads(run(capsys, "show", "--keys", store, "--json")[1])["issuers"][0]["in_token"] is True
    assert run(capsys, "rotate", "--keys", store, "--token", tokens.uri("issuer-2"))[0] == 0
    capsys.readouterr()
    assert order(["template"]) == 0
    (tmp_path / "order.toml").write_text(capsys.readouterr().out)
    tokens.look_again()
    assert issue([str(tmp_path / "order.toml"), "--keys", str(store), "-o", str(tmp_path / "license.dat")]) == 0
    file = parse((tmp_path / "license.dat").read_text()).file
    verdicts = verify_lines(file, load_trust(store)[1])
    assert {(verdict.ok, verdict.issuer) for verdict in verdicts} == {(True, load_trust(store)[1].issuers[1].id)}
    assert run(capsys, "credential", "0800200005ac", "--keys", store, "-o", tmp_path)[0] == 0
    status, out, err = run(capsys, "rotate", "--keys", store, "--token", "pkcs11:token=desk;object=a?pin-value=602413")
    assert (status, out, "602413" in err) == (1, "", False)


def test_issuing_needs_no_root_and_warns_before_nobody_may_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, stick = tmp_path / "keys", tmp_path / "stick"
    stick.mkdir()
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(f"{name}\n")
    one, two, three = (f"file:{tmp_path / name}" for name in ("one", "two", "three"))
    words = ["--passphrase", f"issuer={two}", "--passphrase", f"daemon={three}"]
    assert run(capsys, "init", "genesys.d", "--keys", store, "--root", stick, "--days", "20", "--passphrase", f"root={one}", *words)[0] == 0
    capsys.readouterr()
    assert order(["template"]) == 0
    (tmp_path / "order.toml").write_text(capsys.readouterr().out)
    command = [str(tmp_path / "order.toml"), "--keys", str(store), "-o", str(tmp_path / "license.dat")]
    assert issue([*command, *words[:2]]) == 1
    assert not (tmp_path / "license.dat").exists()
    capsys.readouterr()
    assert issue([*command, *words]) == 0
    assert "in 20 days. Bring out the root key" in capsys.readouterr().err
    assert (tmp_path / "license.dat").exists()
    first = (date.today() + timedelta(days=20)).strftime("%d-%b-%Y")
    assert run(capsys, "rotate", "--keys", store, "--root", stick, "--from", first, "--passphrase", one)[0] == 0
    assert issue([*command, "--force", *words]) == 0
    assert "root key" not in capsys.readouterr().err
