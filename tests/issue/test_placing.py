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


def place(directory: Path, *files: str, backup: bool = False, taken: str = "") -> None:
    """Place a new file of each name in the directory; the file `taken` must not be there."""
    with Placing(directory) as placing:
        for name in files:
            kept = directory / f"{name}.bak" if backup else None
            placing.add(stage(placing, f"staged-{name}", f"new {name}"), directory / name, backup=kept, replace=name != taken)
        placing.commit()


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
    with Placing(tmp_path) as placing:
        placing.add(stage(placing, "1", "new"), tmp_path / "b")
    assert contents(tmp_path) == {"b": "old b"}


def test_a_place_that_is_taken_is_refused_and_all_is_as_before(tmp_path: Path) -> None:
    before = {"b": "old b", "b.bak": "old b.bak", "c": "old c"}
    for name, text in before.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=r"c: This file cannot be written: File exists\. Nothing was changed\."):
        place(tmp_path, "a", "b", "c", backup=True, taken="c")
    assert contents(tmp_path) == before


def test_a_directory_in_the_way_is_refused_and_all_is_as_before(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with pytest.raises(InputError, match="c: This file cannot be written: Is a directory"):
        place(tmp_path, "a", "c")
    assert contents(tmp_path) == {"c": "/"}


def test_an_interruption_takes_back_what_was_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old a")

    def interrupt(self: Placing) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Placing, "_sync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        place(tmp_path, "a", "b", backup=True)
    assert contents(tmp_path) == {"a": "old a"}


def test_the_backup_is_the_last_file_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    place(tmp_path, "a", backup=True)
    (tmp_path / "a").write_text("2")
    place(tmp_path, "a", backup=True)
    assert contents(tmp_path) == {"a": "new a", "a.bak": "2"}


def test_modes_are_kept(tmp_path: Path) -> None:
    with Placing(tmp_path) as placing:
        path = stage(placing, "1", "secret")
        path.chmod(0o600)
        placing.add(path, tmp_path / "a")
        placing.commit()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Nothing can be written here"):
        place(tmp_path / "none", "a")


def test_a_new_directory_is_there_with_all_its_files_or_not_at_all(tmp_path: Path) -> None:
    with Placing(tmp_path) as placing:
        (placing.room("files/a") / "x").write_text("1")
        placing.add(placing.room("files"), tmp_path / "out")
        placing.commit()
    assert (tmp_path / "out" / "a" / "x").read_text() == "1"
    with Placing(tmp_path) as placing:
        placing.add(placing.room("files"), tmp_path / "out")
        with pytest.raises(InputError, match="out: This file cannot be written: File exists"):
            placing.commit()
    assert contents(tmp_path) == {"out": "/"}


def test_a_directory_that_was_made_for_a_file_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with Placing(tmp_path) as placing:
        placing.add(stage(placing, "1", "new"), tmp_path / "new" / "file")
        placing.add(stage(placing, "2", "new"), tmp_path / "c")
        with pytest.raises(InputError, match="c: This file"):
            placing.commit()
    assert contents(tmp_path) == {"c": "/"}


def test_what_is_there_to_the_letter_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("new a")
    place(tmp_path, "a", backup=True)
    place(tmp_path, "a", taken="a")
    assert contents(tmp_path) == {"a": "new a"}


def test_what_a_killed_process_left_is_cleared_away_and_what_a_living_one_makes_is_not(tmp_path: Path) -> None:
    left = tmp_path / ".issue-left"
    left.mkdir()
    (left / ".lock").touch()
    (left / "key").write_text("secret")
    with Placing(tmp_path) as first, Placing(tmp_path) as second:
        assert not left.exists()
        assert first.directory.is_dir()
        assert second.directory.is_dir()
    assert contents(tmp_path) == {}
