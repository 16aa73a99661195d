"""Universal Callback Server holds a license for 60 minutes for each callback request, whatever becomes of the callback.

The time of each request is in its database (`call_time`), so that a server which starts, or takes over, knows which of them still hold one
(guide, Database Dependencies).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.options import RESTART, Option, count_of, count_option
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
_MODES: Final = ("preview", "autodial")


class CallbackServer(Application):
    """Universal Callback Server (guide, Voice Callback; Notes on Application-Specific Behavior)."""

    profile = Profile(
        type="callback-server",
        name="Universal Callback Server",
        number=0,
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
            SiteEvent(
                "callback-requested",
                ("request",),
                "A caller asks to be called back, on a CDN in mode preview or autodial.",
                optional=("mode", "cdn"),
            ),
            SiteEvent("license-locked", ("lock",), "A license is locked for a request that is to come."),
            SiteEvent(
                "recovered-request",
                ("request", "call-time"),
                "The database has a request of this time (seconds since 1970, UTC).",
                kinds={"call-time": "time"},
            ),
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
        mode, cdn = str(event.fields.get("mode", "preview")), str(event.fields.get("cdn", ""))
        # The violation is over when the CDN is seen in a mode that is licensed.
        cause = f"mode of {cdn}" if cdn else "mode of callback"
        if mode not in _MODES:
            self.reply(event, f"There is no mode {mode!r}; there are {', '.join(_MODES)}.")
        elif mode == "autodial" and self.requests.feature == PREVIEW:
            self.violate(cause, UNLICENSED_MODE, again=True)
            self.reply(event, f"Autodial mode needs a license of {FULL}.")
        else:
            self.clear(cause)
            self._use(event, str(event.fields["request"]))

    def on_license_locked(self, event: Occurred) -> None:
        """Holds a license as a request does."""
        self._use(event, f"lock {event.fields['lock']}")

    def on_recovered_request(self, event: Occurred) -> None:
        """Holds what is left of its 60 minutes, even where none is free: it was taken when one was. One that is over holds nothing."""
        # A clock that was ahead keeps no license for longer than a request of now would.
        self.requests.recover(str(event.fields["request"]), min(float(str(event.fields["call-time"])), self.now))
        self.reply(event)

    def on_availability_requested(self, event: Occurred) -> None:
        """Whether there is a license to hold."""
        self.reply(event, "" if self.requests.room > 0 else self.requests.refusal)

    def _use(self, event: Occurred, what: str) -> None:
        if self.requests.use(what, self.now):
            self.reply(event)
        else:
            if not self.requests.is_unsettled:
                self.violate(self.requests.usage_cause, USAGE_EXCEEDED)
            self.reply(event, self.requests.refusal)
