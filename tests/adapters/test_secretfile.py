"""secretfile: one secret for a directory, whoever asks first."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.secretfile import SECRET_BYTES, secret_of
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_drawn_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = secret_of(tmp_path / "s")
    assert len(first) == SECRET_BYTES
    assert secret_of(tmp_path / "s") == first
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
    assert secret_of(tmp_path / "t") != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "t"]


def test_many_that_ask_at_once_are_told_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: secret_of(tmp_path / "s"), range(40)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize("data", [b"", b"short", b"x" * (SECRET_BYTES + 1)])
def test_a_file_that_holds_something_else_is_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(InputError, match="Remove it"):
        secret_of(tmp_path / "s")
    assert (tmp_path / "s").read_bytes() == data


def test_where_nothing_can_be_written_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read or made"):
        secret_of(tmp_path / "nowhere" / "s")
