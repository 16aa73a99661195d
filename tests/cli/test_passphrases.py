from __future__ import annotations

from pathlib import Path

import pytest

from seatkeeper.adapters.keyplaces import Passphrases
from seatkeeper.base.errors import InputError
from seatkeeper.cli.passphrases import read_passphrases, split_source


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"{name}\n")
    return tmp_path


def test_one_for_all_or_one_for_each(secrets: Path) -> None:
    one, two = f"file:{secrets / 'one'}", f"file:{secrets / 'two'}"
    assert read_passphrases(None, None) is None
    assert read_passphrases(secrets / "one", None) == read_passphrases(None, [one]) == Passphrases(b"one", b"one", b"one")
    assert read_passphrases(None, [f"root={two}", one]) == Passphrases(b"two", b"one", b"one")
    assert read_passphrases(secrets / "one", [f"daemon={two}"]) == Passphrases(b"one", b"one", b"two")
    assert read_passphrases(None, [f"issuer={one}"]) == Passphrases(issuer=b"one")


def test_nobody_is_asked_for_what_is_not_needed(secrets: Path) -> None:
    assert read_passphrases(None, ["root=file:/nowhere", f"issuer=file:{secrets / 'one'}"], kinds=("issuer",)) == Passphrases(issuer=b"one")


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (["file:a=b", "file:c"], "two passphrases for all keys"),
        (["root=file:a", "root=file:b"], "cannot be read|two passphrases for root"),
        (["boss=file:a"], "no such kind of key"),
        (["hunter2"], "not where a secret can be read"),
    ],
)
def test_what_does_not_do_is_said_without_repeating_it(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, sources: list[str], told: str
) -> None:
    monkeypatch.chdir(secrets)
    for name in ("a", "b", "c", "a=b"):
        (secrets / name).write_text("x\n")
    with pytest.raises(InputError, match=told) as error:
        read_passphrases(None, sources)
    assert "hunter2" not in str(error.value)


def test_the_file_of_old_says_where_it_is_wrong(secrets: Path) -> None:
    with pytest.raises(InputError, match="--passphrase-file"):
        read_passphrases(secrets / "none", None)
    with pytest.raises(InputError, match="two passphrases"):
        read_passphrases(secrets / "one", [f"file:{secrets / 'two'}"])


def test_a_path_may_have_an_equals_sign() -> None:
    assert split_source("file:/a=b", name="x") == (None, "file:/a=b")
    assert split_source("root=file:/a=b", name="x") == ("root", "file:/a=b")
