"""pseudonyms: the same for the same name, nothing to be read from them, and never a gap in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.roles import NOBODY, ROLES, Identity, sees_names
from seatkeeper.server.pseudonyms import SECRET_NAME, Pseudonyms

if TYPE_CHECKING:
    from pathlib import Path


def of(directory: Path, said: list[str] | None = None) -> Pseudonyms:
    return Pseudonyms(directory, (said if said is not None else []).append, lambda: b"d" * 16)


@pytest.mark.parametrize("role", ROLES)
def test_who_may_see_names_sees_them(tmp_path: Path, role: str) -> None:
    identity = Identity(role)  # type: ignore[arg-type]
    shown = of(tmp_path).names_for(identity)("user", "ada")
    assert (shown == "ada") == sees_names(identity)


def test_a_pseudonym_is_of_the_server_and_the_kind(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    names, again, other = (of(place).names_for(NOBODY) for place in (tmp_path, tmp_path, tmp_path / "b"))
    assert names("user", "ada") == again("user", "ada") == names("user", "ADA")
    shown = [names("user", "ada"), names("user", "bo"), names("host", "ada"), names("display", "ada"), other("user", "ada")]
    assert len(set(shown)) == 5
    assert len({one[2:] for one in shown}) == 5
    assert [one[:2] for one in shown] == ["u-", "u-", "h-", "d-", "u-"]


@given(st.text(max_size=300))
def test_a_pseudonym_is_one_word_whatever_the_name(name: str) -> None:
    names = Pseudonyms.__new__(Pseudonyms)
    names._secret = b"s"
    shown = names._hide("user", name)
    assert shown.isascii()
    assert shown.replace("-", "").isalnum()


def test_the_secret_is_made_with_the_first_name_that_is_hidden(tmp_path: Path) -> None:
    names = of(tmp_path)
    names.names_for(Identity("viewer"))("user", "ada")
    assert not (tmp_path / SECRET_NAME).exists()
    names.names_for(NOBODY)("user", "ada")
    assert (tmp_path / SECRET_NAME).stat().st_mode & 0o077 == 0


def test_without_a_place_for_the_secret_names_are_hidden_all_the_same(tmp_path: Path) -> None:
    said: list[str] = []
    names = of(tmp_path / "nowhere", said).names_for(NOBODY)
    assert names("user", "ada") == names("user", "ada") != "ada"
    names("user", "bo")
    assert len(said) == 1
    assert "Pseudonyms" in said[0]
