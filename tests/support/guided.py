"""The license server of the guide's paragraphs: a test says what is licensed, and plays the applications that its paragraph speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk import admin
from support.playing import Playing
from support.site import VENDOR, feature

if TYPE_CHECKING:
    from seatkeeper.apps.application import Application
    from seatkeeper.licfile.model import Feature
    from support.site import Site

__all__ = ["ENDED", "NONE_LEFT", "NO_FEATURE", "NO_SERVER", "STARTED", "Guided", "failed", "out", "restored"]

#: Types of violations: the two that the guide names, and FlexNet's text for a feature that no line has.
NO_SERVER = "GLMR_LICENSE_SERVER_NOT_AVAILABLE"
NONE_LEFT = "GLMR_LICENSE_NO_LICENSE_AVAILABLE"
NO_FEATURE = "No such feature exists"
STARTED = "05060 Application started"
ENDED = "05064 Application terminated"


def failed(kind: str) -> str:
    """The line of a violation of this type."""
    return f"07100 Licensing violation is identified, the violation type {kind}"


def restored(kind: str) -> str:
    """The line of its end."""
    return f"07105 License status restored after violation with type '{kind}'"


def out(feature: str, count: int = 1) -> str:
    """The line of a checkout."""
    return f"07101 Feature '{feature}': {count} licenses checked out."


class Guided:
    """One site that tests use one after the other.

    Attributes:
        now: The time of the applications' events.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.now = 1_790_000_000.0

    def license(self, *lines: Feature, **counts: int) -> None:
        """From now on these lines are served, and (of version 8.0) so many seats of these features; nothing else is."""
        self.site.write([*lines, *(feature(name, count) for name, count in counts.items())])
        self.reread()

    def reread(self) -> None:
        """The license file as it is now is served from now on."""
        admin.reread("localhost", self.site.port)

    def play(self, made: type[Application], options: dict[str, dict[str, object]] | None = None, **settings: str) -> Playing:
        """An application that starts in `async with`; two at once have different names."""
        return Playing(self.site, made, options, now=lambda: self.now, **settings)

    async def later(self, seconds: float, *played: Playing) -> None:
        """So much later; applications see to what is due by then."""
        self.now += seconds
        for one in played:
            one.running.tick()
            await one.settle()

    def in_use(self, name: str) -> int:
        """Seats of a feature that the server counts as used."""
        try:
            return sum(pool.in_use for pool in admin.pools("localhost", self.site.port, VENDOR, name))
        except LicenseError as error:
            if error.number != -5:
                raise
            return 0

    def in_use_in_all(self) -> dict[str, int]:
        """Feature -> seats in use, where there are any."""
        found: dict[str, int] = {}
        for pool in admin.pools("localhost", self.site.port, VENDOR):
            if pool.in_use:
                found[pool.feature] = found.get(pool.feature, 0) + pool.in_use
        return found
