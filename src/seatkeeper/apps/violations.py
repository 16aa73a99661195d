"""A licensing violation is raised once for each cause, however often it is met, and is cleared once.

A *cause* is what is wrong: the license server is out of reach, a feature was withdrawn, more agents work than seats are checked out.
While a cause stands, meeting it again may be logged again (an OCS does so for every agent too many), and raises no second alarm.
"""

from __future__ import annotations

from typing import Final

from seatkeeper.apps.events import Alarm, Cleared, Effect, Write
from seatkeeper.base.errors import error_text
from seatkeeper.base.logevents import NO_LICENSE, NO_SERVER, license_fail, license_restored

__all__ = ["SERVER_ERRORS", "Violations", "violation_kind"]

#: License errors that are about a server that is not there, and not about a license.
SERVER_ERRORS: Final = frozenset({-7, -15, -16, -17, -20, -23, -34, -36, -52, -96, -97, -99})
_NONE_LEFT: Final = frozenset({-4, -24, -26, -35})


def violation_kind(number: int) -> str:
    """The violation type of a license error: a GLMR name where there is one, else FlexNet's own text (guide, GCTI_LICENSE_FAIL)."""
    if number in SERVER_ERRORS:
        return NO_SERVER
    if number in _NONE_LEFT or number == 0:
        return NO_LICENSE
    return error_text(number).rstrip(".")


class Violations:
    """The causes that stand.

    Attributes:
        standing: Cause -> violation type.
    """

    def __init__(self) -> None:
        self.standing: dict[str, str] = {}

    def begin(self, cause: str, kind: str, *, again: bool = False) -> list[Effect]:
        """What to do when a cause is met; `again` logs one that stands already once more."""
        if cause in self.standing:
            return [Write(license_fail(kind))] if again else []
        self.standing[cause] = kind
        return [Write(license_fail(kind)), Alarm(cause, kind)]

    def end(self, cause: str) -> list[Effect]:
        """What to do when a cause is over; nothing where it did not stand."""
        kind = self.standing.pop(cause, None)
        return [] if kind is None else [Write(license_restored(kind)), Cleared(cause, kind)]
