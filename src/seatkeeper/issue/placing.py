"""Several files appear in a directory together, or none of them does and what stood there before stands there again.

They are made in a directory of their own beside their place, so that moving them is a rename. A rename can fail only where
somebody changes the directory at that moment; then those already made are taken back.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from seatkeeper.adapters.wholefile import sync_directory
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Placing"]


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

    def __enter__(self) -> Self:
        try:
            self.directory = Path(tempfile.mkdtemp(prefix=".issue-", dir=self._beside))
        except OSError as error:
            raise InputError(f"Nothing can be written here: {error.strerror}.", file=str(self._beside)) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def add(self, staged: Path, place: Path, *, backup: Path | None = None, replace: bool = True) -> Path:
        """`place`, where `commit` will move the file `staged` to.

        Args:
            staged: The file, in `directory`.
            place: Its place.
            backup: Where a file that is there goes; None drops it.
            replace: False refuses to replace one.
        """
        self._moves.append(_Move(staged, place, backup, replace))
        return place

    def commit(self) -> None:
        """Move all files to their places, in the order in which they were added.

        Raises:
            InputError: A file cannot be moved; all places are as they were before.
        """
        undo: list[tuple[Path, Path | None]] = []
        place = self._beside
        try:
            for move in self._moves:
                place = move.place
                before = self._copy(place)
                if before is not None and move.backup is not None:
                    undo.append((move.backup, self._copy(move.backup)))
                    shutil.copy2(before, self.directory / "backup")
                    (self.directory / "backup").replace(move.backup)
                if move.replace:
                    undo.append((place, before))
                    move.staged.replace(place)
                else:
                    # Unlike a rename, a link refuses a place that somebody has taken meanwhile.
                    place.hardlink_to(move.staged)
                    undo.append((place, None))
            self._sync()
        except BaseException as error:
            for moved, before in reversed(undo):
                _restore(moved, before)
            if isinstance(error, OSError):
                remedy = "Nothing was changed."
                raise InputError(f"This file cannot be written: {error.strerror}.", file=str(place), remedy=remedy) from None
            raise

    def _copy(self, place: Path) -> Path | None:
        """A copy of what stands at `place`, from which it can be restored; None where nothing does."""
        if not place.exists():
            return None
        copy = self.directory / f"before-{place.name}"
        shutil.copy2(place, copy)
        return copy

    def _sync(self) -> None:
        sync_directory(self._beside)


def _restore(place: Path, before: Path | None) -> None:
    try:
        if before is None:
            place.unlink(missing_ok=True)
        else:
            before.replace(place)
    except OSError:
        pass  # Whatever keeps us from undoing also keeps us from saying more than the first error does.
