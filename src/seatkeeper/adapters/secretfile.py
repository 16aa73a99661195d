"""A secret of a server's own lies in a file that only it reads, is drawn once, and stays the same."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from seatkeeper.adapters.wholefile import PRIVATE, whole_file
from seatkeeper.base.errors import InputError

__all__ = ["SECRET_BYTES", "secret_of"]

SECRET_BYTES: Final = 32


def secret_of(path: Path) -> bytes:
    """The secret in the file, which is made where there is none yet; several processes that ask at once are told the same.

    Raises:
        InputError: The file can neither be read nor made, or holds something else.
    """
    try:
        try:
            return _read(path)
        except FileNotFoundError:
            pass
        try:
            with whole_file(path, PRIVATE, replace=False) as file:
                file.write(secrets.token_bytes(SECRET_BYTES))
        except FileExistsError:
            pass
        return _read(path)
    except OSError as error:
        raise InputError(f"The secret of this license server cannot be read or made: {error.strerror}.", file=str(path)) from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(SECRET_BYTES + 1)
    if len(data) != SECRET_BYTES:
        raise InputError("This file does not hold the secret that was written to it.", file=str(path), remedy="Remove it.")
    return data
