"""Files appear together or not at all; what stood in their places comes back when one of them cannot be placed."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.issue.placing import Placing


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() if path.is_file() else "/" for path in sorted(directory.iterdir())}


def stage(placing: Placing, name: str, text: str) -> Path:
    path = placing.directory / name
    path.write_text(text)
    return path


def test_committed_files_are_in_their_places_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old b")
    with Placing(tmp_path) as placing:
        assert placing.add(stage(placing, "1", "new a"), tmp_path / "a") == tmp_path / "a"
        placing.add(stage(placing, "2", "new b"), tmp_path / "b", backup=tmp_path / "b.bak")
        assert contents(tmp_path).keys() == {"b", placing.directory.name}
        placing.commit()
    assert contents(tmp_path) == {"a": "new a", "b": "new b", "b.bak": "old b"}


def test_without_commit_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old b")
    with pytest.raises(RuntimeError), Placing(tmp_path) as placing:
        placing.add(stage(placing, "1", "new"), tmp_path / "b")
        raise RuntimeError
    assert contents(tmp_path) == {"b": "old b"}


def test_a_place_that_is_taken_is_refused_and_all_is_as_before(tmp_path: Path) -> None:
    for name in ("b", "b.bak", "c"):
        (tmp_path / name).write_text(f"old {name}")
    with (
        pytest.raises(InputError, match=r"c: This file cannot be written: File exists\. Nothing was changed\."),
        Placing(tmp_path) as placing,
    ):
        placing.add(stage(placing, "1", "new a"), tmp_path / "a")
        placing.add(stage(placing, "2", "new b"), tmp_path / "b", backup=tmp_path / "b.bak")
        placing.add(stage(placing, "3", "new c"), tmp_path / "c", replace=False)
        placing.commit()
    assert contents(tmp_path) == {"b": "old b", "b.bak": "old b.bak", "c": "old c"}


def test_a_directory_in_the_way_is_refused_and_all_is_as_before(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with pytest.raises(InputError), Placing(tmp_path) as placing:
        placing.add(stage(placing, "1", "new a"), tmp_path / "a")
        placing.add(stage(placing, "3", "new c"), tmp_path / "c")
        placing.commit()
    assert contents(tmp_path) == {"c": "/"}


def test_an_interruption_takes_back_what_was_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old a")

    def interrupt(self: Placing) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Placing, "_sync", interrupt)
    with pytest.raises(KeyboardInterrupt), Placing(tmp_path) as placing:
        placing.add(stage(placing, "1", "new a"), tmp_path / "a", backup=tmp_path / "a.bak")
        placing.commit()
    assert contents(tmp_path) == {"a": "old a"}


def test_the_backup_is_the_last_file_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    for text in ("2", "3"):
        with Placing(tmp_path) as placing:
            placing.add(stage(placing, "x", text), tmp_path / "a", backup=tmp_path / "a.bak")
            placing.commit()
    assert contents(tmp_path) == {"a": "3", "a.bak": "2"}


def test_modes_are_kept(tmp_path: Path) -> None:
    with Placing(tmp_path) as placing:
        path = stage(placing, "1", "secret")
        path.chmod(0o600)
        placing.add(path, tmp_path / "a")
        placing.commit()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Nothing can be written here"), Placing(tmp_path / "none"):
        pass
