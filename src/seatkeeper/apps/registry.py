"""All kinds of licensed applications are in one table, so that a new one is added in one place."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.call_concentrator import CallConcentrator
from seatkeeper.apps.desktop import Desktop
from seatkeeper.apps.tserver import TServer
from seatkeeper.base.errors import InputError

__all__ = ["APPLICATIONS", "application_type"]

#: In the order of the guide's table of FEATURE names.
APPLICATIONS: Final[dict[str, type[Application]]] = {made.profile.type: made for made in (CallConcentrator, Desktop, TServer)}


def application_type(name: str) -> type[Application]:
    """The application of this type.

    Raises:
        InputError: There is none.
    """
    made = APPLICATIONS.get(name)
    if made is None:
        near = get_close_matches(name, APPLICATIONS, 1)
        raise InputError(
            "This is no type of application.",
            found=name,
            expected=f"{near[0]}, perhaps" if near else "one of those that `seatkeeper app list` shows",
        )
    return made
