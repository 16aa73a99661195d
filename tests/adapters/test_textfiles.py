"""textfiles: a file is replaced whole, keeps its permissions, and is left alone where it cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatkeeper.adapters import textfiles
from seatkeeper.adapters.textfiles import read_text, replace_text
from seatkeeper.base.errors import InputError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert read_text(path) is None
    replace_text(path, "Büro\n\udcff\n")
    assert read_text(path) == "Büro\n\udcff\n"
    assert path.read_bytes() == "Büro\n".encode() + b"\xff\n"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_permissions_of_new_and_of_old_files(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        replace_text(tmp_path / "new", "x", mode=0o600)
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
        (tmp_path / "new").chmod(0o640)
        replace_text(tmp_path / "new", "y")
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/target").write_text("x")
    (tmp_path / "link").symlink_to("there/target")
    replace_text(tmp_path / "link", "y")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there/target").read_text() == "y"


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="cannot be written"):
        replace_text(tmp_path / "a", "x")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        replace_text(path, "after")
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for work in (lambda: replace_text(tmp_path, "x"), lambda: read_text(tmp_path)):
        with pytest.raises(InputError, match="no file"):
            work()
    with pytest.raises(InputError, match="cannot be written"):
        replace_text(tmp_path / "missing/a", "x")
    with pytest.raises(InputError, match="cannot be written"):
        replace_text(tmp_path / "a", "\ud800")


def test_a_file_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textfiles, "_BYTES_MAX", 3)
    (tmp_path / "a").write_text("long")
    with pytest.raises(InputError, match="longer than"):
        read_text(tmp_path / "a")
