from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters import keyplaces, keys
from seatkeeper.adapters.keyplaces import (
    Passphrases,
    change_passphrase,
    find_key,
    kind_of,
    making,
    new_key,
    open_key,
    passphrase_for,
    place_for,
)
from seatkeeper.adapters.tokens import open_token_key
from seatkeeper.base.errors import InputError
from support.softhsm import Tokens, needs_softhsm

TODAY = date(2026, 3, 3)
WORDS = Passphrases(root=b"one", issuer=b"two", daemon=b"three")


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    keys.init_vendor(tmp_path / "keys", "genesys.d", today=TODAY, passphrase=WORDS)
    return tmp_path / "keys"


def test_each_kind_has_its_passphrase() -> None:
    assert [passphrase_for(WORDS, kind) for kind in keyplaces.KINDS] == [b"one", b"two", b"three"]
    assert [passphrase_for(b"all", kind) for kind in keyplaces.KINDS] == [b"all"] * 3
    assert [passphrase_for(None, kind) for kind in keyplaces.KINDS] == [None] * 3
    assert "one" not in repr(WORDS)
    assert [kind_of(Path(name)) for name in ("root.key", "issuer-00.key", "daemon.token", "other.key")] == [
        "root",
        "issuer",
        "daemon",
        "root",
    ]


def test_who_issues_need_not_know_the_roots_passphrase(store: Path, tmp_path: Path) -> None:
    desk = Passphrases(issuer=b"two", daemon=b"three")
    assert keys.load_issuer(store, passphrase=desk, today=TODAY)
    assert keys.issue_credential(store, "00b0d0abb1b2", tmp_path, passphrase=desk, today=TODAY)
    with pytest.raises(InputError, match="none was given"):
        keys.load_root(store, passphrase=desk)
    with pytest.raises(InputError, match=r"does not open the key.*issuer=SOURCE"):
        keys.load_issuer(store, passphrase=b"one", today=TODAY)


def test_the_root_key_is_found_where_it_is_kept(store: Path, tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    assert place_for(store, None) == store / "root.key"
    (store / "root.key").rename(usb / "root.key")
    assert place_for(store, str(usb)) == place_for(store, usb / "root.key") == usb / "root.key"
    assert place_for(store, "pkcs11:token=a") == "pkcs11:token=a"
    with pytest.raises(InputError, match="not there"):
        place_for(store, tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"missing. Bring it"):
        open_key(place_for(store, None), b"one", "Bring it.")


def test_a_passphrase_is_changed_for_one_kind_or_for_all(store: Path) -> None:
    before = content(store)
    change_passphrase(store, ["issuer"], old=b"two", new=b"four")
    assert {name for name, data in content(store).items() if data != before[name]} == {path.name for path in store.glob("issuer-*")}
    assert keys.load_issuer(store, passphrase=b"four", today=TODAY)
    with pytest.raises(InputError, match="does not open"):
        keys.load_issuer(store, passphrase=b"two", today=TODAY)
    done = change_passphrase(store, keyplaces.KINDS, old=Passphrases(b"one", b"four", b"three"), new=None)
    assert len(done) == 3
    assert all(b"ENCRYPTED" not in path.read_bytes() for path in store.glob("*.key"))
    assert {path.stat().st_mode & 0o777 for path in store.glob("*.key")} == {0o600}


def test_a_wrong_passphrase_changes_nothing(store: Path) -> None:
    before = content(store)
    for old in (Passphrases(b"one", b"two", b"wrong"), b"one", None):
        with pytest.raises(InputError, match=r"does not open|none was given"):
            change_passphrase(store, keyplaces.KINDS, old=old, new=b"new")
    assert content(store) == before


def test_a_change_that_cannot_be_finished_is_taken_back(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, write = content(store), keyplaces.write_file
    left = [2]

    def fail_at_the_third(path: Path, data: bytes, *, private: bool, replace: bool) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise InputError("The disk is full.")
        write(path, data, private=private, replace=replace)

    monkeypatch.setattr(keyplaces, "write_file", fail_at_the_third)
    with pytest.raises(InputError, match="full"):
        change_passphrase(store, keyplaces.KINDS, old=WORDS, new=b"new")
    assert content(store) == before


def test_a_change_wants_key_files(store: Path, tmp_path: Path) -> None:
    (store / "root.key").rename(tmp_path / "root.key")
    with pytest.raises(InputError, match="no such key file"):
        change_passphrase(store, ["root"], old=b"one", new=b"new")
    assert change_passphrase(store, ["root"], old=b"one", new=b"new", root=tmp_path) == [tmp_path / "root.key"]


def test_what_was_made_goes_where_the_rest_does_not_follow(tmp_path: Path) -> None:
    def make_and_fail() -> None:
        with making() as made:
            made.file(tmp_path / "a", b"x", private=True)
            raise KeyError

    with pytest.raises(KeyError):
        make_and_fail()
    assert not list(tmp_path.iterdir())


# In tokens.


@needs_softhsm
def test_all_keys_of_a_vendor_in_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, store = Tokens(tmp_path, monkeypatch), tmp_path / "keys"
    monkeypatch.chdir(tmp_path)
    near = (
        f"pkcs11:token=desk;object=daemon?module-path={tokens.uri('x').partition('module-path=')[2].partition('&')[0]}&pin-source=desk.pin"
    )
    trust = keys.init_vendor(
        store, "genesys.d", today=TODAY, root=tokens.uri("root"), tokens={"issuer": tokens.uri("issuer-1"), "daemon": near}
    )
    assert sorted(content(store)) == sorted(
        ["root.token", "root.pub", f"issuer-{trust.issuers[0].id}.token", "daemon.token", "genesys.d.trust"]
    )
    monkeypatch.chdir("/")  # The PIN file that was named from another directory is still found.
    tokens.look_again()
    issuer = keys.load_issuer(store, today=TODAY)
    assert issuer.public_key().public_bytes_raw().hex() == trust.issuers[0].public_key
    credential = keys.read_credential(keys.issue_credential(store, "00b0d0abb1b2", tmp_path, today=TODAY))
    assert credential.hostid == "00b0d0abb1b2"
    changed = keys.rotate(store, today=TODAY, token=tokens.uri("issuer-2"))
    assert keys.load_issuer(store, today=TODAY).public_key().public_bytes_raw().hex() == changed.issuers[1].public_key
    keys.rotate(store, today=TODAY, daemon=True)
    assert find_key(store, "daemon") == store / "daemon.key"
    assert not (store / "daemon.token").exists()
    (store / "root.token").unlink()
    with pytest.raises(InputError, match="not the root key of these keys"):
        keys.revoke(store, trust.issuers[0].id, on=TODAY, today=TODAY, root=tokens.uri("issuer-1"))
    assert keys.revoke(store, trust.issuers[0].id, on=TODAY, today=TODAY, root=tokens.uri("root")).serial == 4


@needs_softhsm
def test_a_key_made_in_a_token_for_nothing_is_destroyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, store = Tokens(tmp_path, monkeypatch), tmp_path / "keys"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        keys.init_vendor(tmp_path / "file", "genesys.d", today=TODAY, tokens={"issuer": tokens.uri("a")})
    with pytest.raises(InputError, match="no such token"):
        keys.init_vendor(store, "genesys.d", today=TODAY, tokens={"issuer": tokens.uri("a"), "daemon": tokens.uri("b", token="none")})
    assert not store.exists()
    with pytest.raises(InputError, match="holds no private"):
        open_token_key(tokens.uri("a"))
    assert new_key(tokens.uri("a"), None).suffix == ".token"
