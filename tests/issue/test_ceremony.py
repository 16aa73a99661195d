from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from seatkeeper.adapters import keys as store
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.issue.ceremony import hold_ceremony
from seatkeeper.issue.ceremony_plan import read_plan
from seatkeeper.issue.transcript import Transcript, parse_transcript, state_of
from support.softhsm import Tokens, needs_softhsm

TODAY = date(2026, 3, 3)
SECRET = "open sesame"
HEAD = 'vendor = "genesys.d"\nkeys = "keys"\noperator = "Ann Example"\nwitnesses = ["Ben Example", "Cleo Example"]\n'
FIRST = '[root]\npassphrase = "file:secret"\n[[steps]]\ndo = "init"\ndays = 400\n'
NEXT = '[[steps]]\ndo = "rotate"\nfrom = 2027-03-01\noverlap = 14\n'


def hold(directory: Path, text: str, name: str = "t.json", **words: Any) -> Transcript:
    (directory / "secret").write_text(f"{SECRET}\n")
    path = directory / "plan.toml"
    path.write_text(HEAD + text)
    plan, digest = read_plan(path)
    return hold_ceremony(plan, path.name, digest, directory / name, now=lambda: 1772528400.0, today=TODAY, **words)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()} if directory.exists() else {}


def test_a_ceremony_leaves_keys_and_a_transcript_of_each(tmp_path: Path) -> None:
    said: list[str] = []
    held = hold(tmp_path, FIRST + NEXT, say=said.append)
    data = (tmp_path / "t.json").read_bytes()
    root = store.read_root(tmp_path / "keys" / "root.pub")
    assert parse_transcript(data, root=root) == held
    assert (held.rehearsal, held.operator, held.witnesses) == (False, "Ann Example", ("Ben Example", "Cleo Example"))
    assert held.begun == held.ended == "2026-03-03T09:00:00Z"
    _, trust = store.load_trust(tmp_path / "keys")
    assert [step.key for step in held.steps] == [issuer.id for issuer in trust.issuers]
    assert held.steps[1].ends == {trust.issuers[0].id: date(2027, 3, 15)}
    assert held.steps[1].serial == trust.serial == 2
    last = {made.path: made.sha256 for step in held.steps for made in step.files}
    assert last == {str(tmp_path / "keys" / name): sha256(each).hexdigest() for name, each in content(tmp_path / "keys").items()}
    assert SECRET.encode() not in data
    assert b"PRIVATE KEY" not in data
    assert any(trust.root in line for line in said)


def test_a_rehearsal_leaves_its_transcript_and_nothing_else(tmp_path: Path) -> None:
    held = hold(tmp_path, FIRST + NEXT, rehearse=True)
    assert held.rehearsal
    assert parse_transcript((tmp_path / "t.json").read_bytes(), root=None) == held
    assert not (tmp_path / "keys").exists()
    real = hold(tmp_path, FIRST + NEXT, "real.json")
    assert [step.do for step in real.steps] == [step.do for step in held.steps]
    assert real.root != held.root


def test_root_acts_on_keys_that_are_there_and_their_rehearsal(tmp_path: Path) -> None:
    first = hold(tmp_path, FIRST, "first.json").steps[0].key
    before = content(tmp_path / "keys")
    text = f'[root]\npassphrase = "file:secret"\n[[steps]]\ndo = "revoke"\nissuer = "{first}"\non = 2026-03-01\nreason = "drill"\n' + NEXT
    held = hold(tmp_path, text, "rehearsed.json", rehearse=True)
    assert held.steps[0].key == first
    assert content(tmp_path / "keys") == before
    held = hold(tmp_path, text, "second.json")
    _, trust = store.load_trust(tmp_path / "keys")
    assert (trust.serial, trust.issuers[0].revoked_on, trust.issuers[0].reason) == (3, date(2026, 3, 1), "drill")
    assert {Path(made.path).name for made in held.steps[0].files} == {"genesys.d.trust"}


def test_what_can_be_refused_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("")
    with pytest.raises(InputError, match="There is a file already"):
        hold(tmp_path, FIRST)
    with pytest.raises(InputError, match=r"not a key directory"):
        hold(tmp_path, NEXT, "u.json")
    with pytest.raises(SeatkeeperError, match=r"step 1 \(init\).*so long.*Nothing was made"):
        hold(tmp_path, FIRST.replace("400", "0"), "u.json")
    hold(tmp_path, FIRST, "first.json")
    before = content(tmp_path / "keys")
    (tmp_path / "wrong").write_text("wrong\n")
    with pytest.raises(InputError, match="does not open"):
        hold(tmp_path, '[root]\npassphrase = "file:wrong"\n' + NEXT, "u.json")
    with pytest.raises(InputError, match="no such issuer"):
        hold(tmp_path, '[root]\npassphrase = "file:secret"\n' + NEXT + '[[steps]]\ndo = "revoke"\nissuer = "00"\n', "u.json")
    for rehearse in (True, False):
        with pytest.raises(InputError, match="holds keys already"):
            hold(tmp_path, FIRST, "u.json", rehearse=rehearse)
    assert content(tmp_path / "keys") == before
    assert not (tmp_path / "u.json").exists()


def test_a_ceremony_that_breaks_off_says_what_exists(tmp_path: Path) -> None:
    text = FIRST + NEXT + NEXT.replace("overlap = 14", "days = 0")
    with pytest.raises(SeatkeeperError, match=r"step 3 \(rotate\).*2 of 3 steps were done.*genesys\.d\.trust"):
        hold(tmp_path, text)
    read = parse_transcript((tmp_path / "t.json").read_bytes(), root=store.read_root(tmp_path / "keys" / "root.pub"))
    assert state_of(read).startswith("was broken off: step 3 (rotate)")
    assert [bool(step.ended) for step in read.steps] == [True, True, False]
    assert {Path(made.path).name for step in read.steps for made in step.files} == set(content(tmp_path / "keys"))
    (tmp_path / "aside").mkdir()
    with pytest.raises(SeatkeeperError, match="It was a rehearsal, so nothing exists"):
        hold(tmp_path / "aside", text, rehearse=True)


@pytest.mark.parametrize("step", [1, 2])
def test_a_ceremony_that_is_killed_leaves_a_page_that_says_how_far_it_came(tmp_path: Path, step: int) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "plan.toml").write_text(HEAD + FIRST + NEXT)
    code = (
        "import os, signal, sys\n"
        "from seatkeeper.adapters import keyplaces\n"
        "from seatkeeper.cli.vendor import main\n"
        f"write, left = keyplaces.write_file, [{[3, 10][step - 1]}]\n"
        "def killed(path, data, **words):\n"
        "    left[0] -= 1\n"
        "    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    write(path, data, **words)\n"
        "keyplaces.write_file = killed\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "ceremony", str(tmp_path / "plan.toml"), "--transcript", str(tmp_path / "t.json")]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done
    transcript = json.loads((tmp_path / "t.json").read_text())["transcript"]
    assert (len(transcript["steps"]), transcript["ended"], "ended" in transcript["steps"][-1]) == (step, "", False)
    if step == 1:
        with pytest.raises(InputError, match=r"not signed.*cut off in step 1 \(init\)"):
            parse_transcript((tmp_path / "t.json").read_bytes(), root=None)
    else:
        read = parse_transcript((tmp_path / "t.json").read_bytes(), root=None)
        assert "was cut off in step 2 (rotate)" in state_of(read)
        assert store.load_trust(tmp_path / "keys")[1].serial == 1


@needs_softhsm
def test_a_ceremony_with_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(tmp_path, monkeypatch)
    text = (
        f'[root]\nwhere = "{tokens.uri("root")}"\n[issuer]\nwhere = "{tokens.uri("issuer-1")}"\n[[steps]]\ndo = "init"\n'
        f'[[steps]]\ndo = "rotate"\nwhere = "{tokens.uri("issuer-2")}"\n'
    )
    hold(tmp_path, text, "rehearsed.json", rehearse=True)
    held = hold(tmp_path, text)  # The rehearsal has left no key in the token that would be in the way.
    data = (tmp_path / "t.json").read_bytes()
    assert parse_transcript(data, root=store.read_root(tmp_path / "keys" / "root.pub")) == held
    assert "object=root?" in held.root_where
    assert ["object=issuer-1?" in held.steps[0].where, "object=issuer-2?" in held.steps[1].where] == [True, True]
    assert tokens.pin.read_text().strip().encode() not in data
    tokens.look_again()
    assert store.load_issuer(tmp_path / "keys", today=TODAY)
    import pkcs11

    from support.softhsm import MODULE, PIN

    tokens.look_again()
    with pkcs11.lib(MODULE).get_token(token_label="desk").open(user_pin=PIN) as session:
        labels = {each.label for each in session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY})}
    assert labels == {"root", "issuer-1", "issuer-2"}
    with pytest.raises(SeatkeeperError, match=r"step 1 \(rotate\).*already.*Nothing was made"):
        hold(tmp_path, f'[[steps]]\ndo = "rotate"\nwhere = "{tokens.uri("issuer-2")}"\n', "again.json")
