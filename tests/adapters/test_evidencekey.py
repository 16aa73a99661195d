"""An evidence key is its owner's alone, made once, and opened by its passphrase."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.evidencekey import make_key, open_key_file, public_key_given, public_path
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("passphrase", [None, b"a secret"])
def test_a_key_is_made_once_and_opened_again(tmp_path: Path, passphrase: bytes | None) -> None:
    path = tmp_path / "db" / "evidence.key"
    public = make_key(path, passphrase).public_key().public_bytes_raw()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_key_file(path, passphrase).public_key().public_bytes_raw() == public
    assert public_key_given(str(public_path(path))) == public
    assert public_key_given(public.hex()) == public
    before = path.read_bytes()
    with pytest.raises(InputError, match="There is a key already"):
        make_key(path, None)
    assert path.read_bytes() == before


def test_a_key_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    path = tmp_path / "evidence.key"
    with pytest.raises(InputError, match="There is no evidence key"):
        open_key_file(path, None)
    make_key(path, b"a secret")
    with pytest.raises(InputError, match="none was given"):
        open_key_file(path, None)
    with pytest.raises(InputError, match="does not open"):
        open_key_file(path, b"another")
    path.write_text("no key")
    with pytest.raises(InputError, match="cannot be used"):
        open_key_file(path, None)
    with pytest.raises(InputError, match="cannot be read"):
        open_key_file(tmp_path, None)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        make_key(tmp_path / "file" / "evidence.key", None)


def test_what_is_no_public_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        public_key_given(str(tmp_path / "none"))
    make_key(tmp_path / "evidence.key", None)
    with pytest.raises(InputError, match=r"no Ed25519 public key|not an Ed25519 public key") as caught:
        public_key_given(str(tmp_path / "evidence.key"))
    assert "evidence.pub" in caught.value.remedy
