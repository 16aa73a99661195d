"""Several files appear together, or none of them does and what stood there before stands there again.

They are made in a directory of their own beside their places, so that moving them is a rename. A rename can fail only where
somebody changes a directory at that moment; then those already made are taken back. A whole new directory is one rename, so
that it is there with all its files or not at all, however the process ends.

A process that is killed takes nothing back. What it has placed is whole, and whoever comes next goes on: a place that has what
it is to have is left alone, and a directory of making whose process is gone is cleared away.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from seatkeeper.adapters.wholefile import sync_directory, take_lock
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Placing"]

_PREFIX: Final = ".issue-"
_LOCK: Final = ".lock"
#: So often a directory of making is made where others clear it away; a file system without locks takes them all.
_TRIES: Final = 3


class _Move(msgspec.Struct, frozen=True):
    staged: Path
    place: Path
    backup: Path | None
    replace: bool


class Placing:
    """The moves that `commit` makes; leaving the block without it changes nothing.

    Attributes:
        directory: Where the files are made; only its owner can look into it.
    """

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self._moves: list[_Move] = []
        self._undo: list[tuple[Path, Path | None]] = []
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            # Where a directory is new its making stands beside it; whoever comes next may find it made.
            _clear_away(self._beside.parent)
            _clear_away(self._beside)
            for _ in range(_TRIES):
                self.directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._beside))
                self._lock = _locked(self.directory / _LOCK, os.O_CREAT)
                # Between its making and our lock somebody may have taken it for one that was left.
                if self._lock >= 0 and (self.directory / _LOCK).exists():
                    break
        except OSError as error:
            raise InputError(f"Nothing can be written here: {error.strerror}.", file=str(self._beside)) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)

    def room(self, name: str) -> Path:
        """A directory in which files can be made that are called like others of this placing."""
        path = self.directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def add(self, staged: Path, place: Path, *, backup: Path | None = None, replace: bool = True) -> Path:
        """`place`, where `commit` will move `staged` to: a file, or a whole directory where there is none.

        Args:
            staged: The file or directory, in `directory`.
            place: Its place; the directory around it is made where it does not exist.
            backup: Where a file that is there goes; None drops it.
            replace: False refuses to replace one.
        """
        self._moves.append(_Move(staged, place, backup, replace))
        return place

    def commit(self) -> None:
        """Move all to their places, in the order in which they were added; a file that is there as it is to be stays.

        Raises:
            InputError: Something cannot be moved; all places are as they were before.
        """
        place = self._beside
        try:
            for number, move in enumerate(self._moves):
                place = move.place
                self._move(move, self.directory / f"before-{number}")
            self._sync()
        except BaseException as error:
            for moved, before in reversed(self._undo):
                _restore(moved, before)
            if isinstance(error, OSError):
                remedy = "Nothing was changed."
                raise InputError(f"This file cannot be written: {error.strerror}.", file=str(place), remedy=remedy) from None
            raise

    def _move(self, move: _Move, kept: Path) -> None:
        if not move.place.parent.is_dir():
            move.place.parent.mkdir()
            self._undo.append((move.place.parent, None))
        if move.staged.is_dir():
            if move.place.exists():
                raise FileExistsError(0, "File exists")
            move.staged.replace(move.place)
            self._undo.append((move.place, None))
            return
        before = _copy(move.place, kept)
        if before is not None and before.read_bytes() == move.staged.read_bytes():
            return
        if before is not None and move.replace and move.backup is not None:
            self._undo.append((move.backup, _copy(move.backup, kept.with_name(f"{kept.name}-backup"))))
            shutil.copy2(before, self.directory / "backup")
            (self.directory / "backup").replace(move.backup)
        if move.replace:
            self._undo.append((move.place, before))
            move.staged.replace(move.place)
        else:
            # Unlike a rename, a link refuses a place that somebody has taken meanwhile.
            move.place.hardlink_to(move.staged)
            self._undo.append((move.place, None))

    def _sync(self) -> None:
        for directory in dict.fromkeys([self._beside, *[move.place.parent for move in self._moves]]):
            sync_directory(directory)


def _copy(place: Path, kept: Path) -> Path | None:
    """A copy of what stands at `place`, from which it can be restored; None where nothing does."""
    if not place.exists():
        return None
    shutil.copy2(place, kept)
    return kept


def _restore(place: Path, before: Path | None) -> None:
    # Whatever keeps us from undoing also keeps us from saying more than the first error does.
    with suppress(OSError):
        if place.is_dir() and before is None:
            shutil.rmtree(place)
        elif before is None:
            place.unlink(missing_ok=True)
        else:
            before.replace(place)


def _locked(path: Path, flags: int = 0) -> int:
    """The open lock file, which is ours; -1 where somebody else has it, or where files cannot be locked."""
    descriptor = os.open(path, os.O_RDWR | flags, 0o600)
    try:
        if take_lock(descriptor):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return -1


def _clear_away(beside: Path) -> None:
    """Remove the directories of those who were killed while they made files here; there are private keys in them."""
    for left in beside.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if (lock := _locked(left / _LOCK)) >= 0:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)
