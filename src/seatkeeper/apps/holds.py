"""A hold is one checkout of an application, and a behaviour owns the holds of one feature; the application tells it what becomes of them.

A hold is `new`, then `asked` for, then `held` or denied. Held seats may be `lost`, and held again when they are restored. What is
`gone` is asked for again after a while. A hold that is given back is `over`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatkeeper.apps.application import Application

__all__ = ["Behaviour", "Hold"]


class Hold:
    """One checkout: asked for, held, lost (it may be restored), or gone (it may be asked for again).

    Attributes:
        key: Its number for the shell; a new one each time it is asked for.
        wanted: How many seats were asked for.
        count: How many are held, 0 where they are not.
        cause: The cause of the violation that stands for its want, from the loss or denial until it is held again or over.
    """

    __slots__ = ("behaviour", "cause", "count", "data", "feature", "key", "state", "up_to", "version", "wanted", "who")

    def __init__(self, behaviour: Behaviour, wanted: int, *, up_to: bool = False, data: str = "", who: str = "") -> None:
        self.behaviour = behaviour
        self.feature = behaviour.feature
        self.version = behaviour.version
        self.wanted = wanted
        self.up_to = up_to
        self.data = data
        self.who = who
        self.key = 0
        self.count = 0
        self.state = "new"
        self.cause = ""


class Behaviour:
    """One way to hold seats of one feature; the application that it belongs to tells it what happens to them."""

    #: One of profile.BEHAVIOURS.
    word: str = ""

    def __init__(self, app: Application, feature: str, version: str) -> None:
        self.app = app
        self.feature = feature
        self.version = version
        app.behaviours.append(self)

    @property
    def cause(self) -> str:
        """The cause of a violation for want of this feature."""
        return f"feature {self.feature}"

    def start(self) -> None:
        """The application starts, or takes over from its primary."""

    def options_changed(self) -> None:
        """Options have changed; those that hold only after a restart are still the old ones."""

    def stand_by(self) -> None:
        """The application hands over to the other one of the pair: give all back that the other needs."""

    def reached(self) -> None:
        """The license server is back; what was lost is restored after this."""

    def granted(self, hold: Hold) -> None:
        """The hold has its seats."""

    def denied(self, hold: Hold, number: int, text: str) -> None:
        """The hold has none, and is forgotten unless the behaviour calls `app.retry`."""

    def lost(self, hold: Hold) -> None:
        """The hold's seats are lost; the violation is raised already."""

    def restored(self, hold: Hold) -> None:
        """The hold's seats are back, perhaps in another number."""

    def counted(self, issued: int, free: int) -> None:
        """The answer to `app.count` or `app.look`: seats of the feature in all, and how many of them are free; -1 for not known."""

    def deadline(self) -> float | None:
        """When it wants to be woken."""
        return None

    def tick(self) -> None:
        """Its deadline may have passed."""
