"""Who may not know names is told pseudonyms: one name has always the same one at this server, and no way leads back.

A pseudonym is a keyed digest (blake2b) of the name under a secret that only this license server has. So a list of likely names cannot
be tried against it, and the same user at two servers has two pseudonyms. It is never empty and has no blanks, so every line of
lmstat keeps its form. Case is folded: user and host names that differ in nothing else are mostly one person and one machine.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal

from seatkeeper.adapters.secretfile import secret_of
from seatkeeper.base.errors import InputError
from seatkeeper.base.roles import sees_names
from seatkeeper.server.status import plain_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seatkeeper.base.roles import Identity
    from seatkeeper.server.status import Names

__all__ = ["PSEUDONYM_DIGITS", "SECRET_NAME", "Pseudonyms"]

#: Beside the journals; the suffix is one that no log may be switched to.
SECRET_NAME: Final = "lmgrd.pseudonyms"
#: 48 bits: two names of a million have one pseudonym with a chance of one in five hundred.
PSEUDONYM_DIGITS: Final = 12

_LETTERS: Final = {"user": "u", "host": "h", "display": "d"}
_CACHED_MAX: Final = 65536


class Pseudonyms:
    """The pseudonyms of one license server.

    Args:
        directory: Where its journals and its secret lie.
        say: Writes a line into the debug log.
        draw: Draws a secret for the life of this process, where the server's own cannot be kept.
    """

    def __init__(self, directory: Path, say: Callable[[str], None], draw: Callable[[], bytes]) -> None:
        self._directory = directory
        self._say = say
        self._draw = draw
        # Read with the first name that is hidden: most servers are asked from their own machine only.
        self._secret = b""
        self._hidden = lru_cache(maxsize=_CACHED_MAX)(self._hide)

    def names_for(self, identity: Identity) -> Names:
        """How names are shown to this identity: as they are, or as pseudonyms."""
        return plain_names if sees_names(identity) else self._hidden

    def _hide(self, kind: Literal["user", "host", "display"], name: str, /) -> str:
        if not self._secret:
            try:
                self._secret = secret_of(self._directory / SECRET_NAME)
            except InputError as error:
                self._say(f"Pseudonyms for lmstat from other machines change with each start: {error}")
                self._secret = self._draw()
        digest = blake2b(f"{kind}\0{name.casefold()}".encode("utf-8", "surrogatepass"), key=self._secret, digest_size=PSEUDONYM_DIGITS // 2)
        return f"{_LETTERS[kind]}-{digest.hexdigest()}"
