"""Universal Callback Server holds a license for 60 minutes for each callback request, whatever becomes of the callback.

The time of each request is in its database (`call_time`), so that a server which starts, or takes over, knows which of them still hold one
(guide, Database Dependencies).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.ocs import count_of
from seatkeeper.apps.options import RESTART, Option, count_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import TimedReservoir
from seatkeeper.base.logevents import USAGE_EXCEEDED

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["UNLICENSED_MODE", "CallbackServer"]

FULL: Final = "vcb_full"
PREVIEW: Final = "vcb_preview"
#: The guide has the violation and no type for it; this name is ours.
UNLICENSED_MODE: Final = "GLMR_LICENSE_UNLICENSED_MODE"
_MODE_CAUSE: Final = "mode of callback"


class CallbackServer(Application):
    """Universal Callback Server (guide, Voice Callback; Notes on Application-Specific Behavior)."""

    profile = Profile(
        type="callback-server",
        name="Universal Callback Server",
        number=39,
        source="guide, Voice Callback and Universal Callback Server",
        licenses=(
            License(FULL, "8.0", "held for 60 minutes", "callbacks in preview and autodial mode"),
            License(PREVIEW, "8.0", "held for 60 minutes", "callbacks in preview mode, in place of the other"),
        ),
        options=(
            count_option("num-of-licenses", "How many requests of 60 minutes to license; max, or 0, for all there are."),
            Option(
                "license", "license-type", "full", "Which of the two licenses to run on.", words=("full", "preview"), takes_effect=RESTART
            ),
        ),
        events=(
            SiteEvent("callback-requested", ("request",), "A caller asks to be called back.", optional=("mode",)),
            SiteEvent("license-locked", ("lock",), "A license is locked for a request that is to come."),
            SiteEvent("recovered-request", ("request", "call-time"), "The database has a request of this time (UTC seconds)."),
            SiteEvent("availability-requested", (), "Somebody asks whether a callback can be taken."),
        ),
        unlicensed="Takes as many as are configured and left; with none at all logs 07100 and exits.",
        violation="Callbacks that were taken are made; new requests are refused, and 07100 is logged once.",
        recovery="A license is free again 60 minutes after its request; logs 07105.",
        functions=(("autodial mode", "With vcb_preview, requests on an autodial CDN are refused with a violation."),),
    )

    def build(self) -> None:
        """One of the two licenses."""
        feature = PREVIEW if self.option("license-type") == "preview" else FULL
        self.requests = TimedReservoir(self, feature, "8.0", lambda: count_of(self.option("num-of-licenses")))

    def on_callback_requested(self, event: Occurred) -> None:
        """Holds a license from now on; a preview license does not do for a CDN in autodial mode."""
        if str(event.fields.get("mode", "preview")) == "autodial" and self.requests.feature == PREVIEW:
            self.violate(_MODE_CAUSE, UNLICENSED_MODE, again=True)
            self.reply(event, f"Autodial mode needs a license of {FULL}.")
            return
        self.clear(_MODE_CAUSE)
        self._use(event, str(event.fields["request"]), self.now)

    def on_license_locked(self, event: Occurred) -> None:
        """Holds a license as a request does."""
        self._use(event, f"lock {event.fields['lock']}", self.now)

    def on_recovered_request(self, event: Occurred) -> None:
        """Holds what is left of its 60 minutes; one that is over holds nothing."""
        since = event.fields["call-time"]
        if not isinstance(since, int | float):
            self.reply(event, "call-time is a number of seconds, UTC.")
            return
        self._use(event, str(event.fields["request"]), float(since))

    def on_availability_requested(self, event: Occurred) -> None:
        """Whether there is a license to hold."""
        self.reply(event, "" if self.requests.room > 0 else "No callback can be taken now.")

    def _use(self, event: Occurred, what: str, since: float) -> None:
        if self.requests.use(what, since):
            self.reply(event)
        else:
            self.violate(self.requests.usage_cause, USAGE_EXCEEDED)
            self.reply(event, self.requests.refusal)
