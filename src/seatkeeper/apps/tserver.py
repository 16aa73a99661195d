"""T-Server registers as many seat DNs as it has checked out licenses, and refuses the next one with message 20007.

How many licenses it asks for at startup comes from two options (facts, LRM 7): num-of-licenses is the ceiling over all DNs that are
licensed, num-sdn-licenses that over seat DNs, and `max` stands for all there are. Fewer than asked for will do; none at all ends the
startup. From release 7.2 on, technical DNs need no license; before it they have what num-of-licenses leaves them.

A higher number is asked for at once, and what does not come is a violation and asked for again. A lower one holds from the next start
on. With `max` T-Server does not look for more, so that an enlarged license file helps only after a restart, or a change to a number
(guide, the warning under "Combining New and Existing Licenses").

Of a redundant pair the primary holds the seats, and the backup notes which DNs are registered, so that they stay so when it takes over.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import COUNT_MAX, RESTART, Option, Value, count_option, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import Reservoir

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = [
    "DN_EVENTS",
    "DN_OPTIONS",
    "MULTI_SITE",
    "PAIR_LICENSES",
    "REJECTED",
    "RELEASE",
    "TServer",
    "TServerFamily",
    "seat_dns_requested",
    "tserver_profile",
]

#: "All ... seat licenses are in use already, registration rejected."
REJECTED: Final = 20007
#: Kinds of DN that agents use, and those that only Genesys software uses (guide, T-Server).
SEAT_KINDS: Final = frozenset({"extension", "acd-position"})
TECHNICAL_KINDS: Final = frozenset({"acd-queue", "routing-point"})

DN_OPTIONS: Final[tuple[Option, ...]] = (
    count_option("num-of-licenses", "How many licenses for DNs to check out in all; max, or 0, for all there are."),
    count_option("num-sdn-licenses", "How many of them for seat DNs; max for as many as num-of-licenses, 0 for none."),
)
RELEASE: Final = Option(
    "TServer",
    "release",
    "8.5",
    "Its release: before 7.2 technical DNs need licenses, before 8.0 it asks for version 7.0 of its features.",
    words=("7.0", "7.1", "7.2", "8.0", "8.1", "8.5"),
    takes_effect=RESTART,
)
MULTI_SITE: Final = flag_option("TServer", "multi-site", "Whether it takes part in routing between sites.", takes_effect=RESTART)
DN_EVENTS: Final[tuple[SiteEvent, ...]] = (
    SiteEvent("dn-registered", ("dn",), "A client registers a DN; a seat DN needs a license.", optional=("kind",)),
    SiteEvent("dn-unregistered", ("dn",), "No client has the DN registered any more."),
)
#: What the profiles of all T-Servers have in common.
tserver_profile: Final = partial(
    Profile,
    number=1,
    events=DN_EVENTS,
    unlicensed="Takes the seat DNs that are left; with none at all, or without the license that hot standby or multi-site needs, "
    "logs 07100 and exits.",
    violation="Registered DNs stay registered; logs 07100 once. New DNs are refused while the seats are lost; "
    "beyond those that it has, with 20007.",
    recovery="Logs 07105 and registers DNs again. A higher number holds at once, a lower one from the next start on.",
)
#: The licenses of those that run in hot standby and between sites.
PAIR_LICENSES: Final = (
    License("cti_ha_option", "8.0", "per redundant pair", "hot standby"),
    License("tserver_iscc", "8.0", "per instance", "calls between sites; per redundant pair in hot standby"),
)


def seat_dns_requested(num_of_licenses: Value, num_sdn_licenses: Value) -> int:
    """How many seat DNs T-Server asks for (facts, LRM 7: the checkout table); COUNT_MAX stands for all there are."""
    if num_sdn_licenses == 0:
        return 0
    ceilings = [value for value in (num_of_licenses, num_sdn_licenses) if isinstance(value, int) and value]
    return min([COUNT_MAX, *ceilings])


class TServerFamily(Application):
    """What all T-Servers have in common: DNs, calls between sites, hot standby.

    Attributes:
        seats: The reservoir of seat DNs.
        technical: That of technical DNs, where they need licenses.
    """

    #: The feature of seat DNs.
    seat_feature = "tserver_sdn"
    #: Whether there were releases that need licenses for technical DNs; the option `release` says which one runs.
    has_releases = False
    technical: Reservoir | None

    def build(self) -> None:
        """DNs, then what the options and the redundancy type add."""
        release = str(self.option("release", "TServer")) if self.has_releases else RELEASE.default
        # Rule of versions: 8.x applications check out 8.x only, those before it had licenses of 7.x (guide, Technical Licenses).
        self.version = "7.0" if str(release).startswith("7.") else "8.0"
        self.technical = None
        self.seats = Reservoir(self, self.seat_feature, self.version, self.wanted, keeps=True, scope="pair")
        if release in ("7.0", "7.1"):
            self.technical = Reservoir(self, "tserver_tdn", "7.0", self.wanted_technical, keeps=True, scope="pair")
        self.build_options()

    def build_options(self) -> None:
        """The licenses for hot standby and for calls between sites."""
        Single(self, "cti_ha_option", self.version, scope="pair", wanted=lambda: self.is_hot_standby)
        # One for each T-Server, but one for both of a pair in hot standby (guide, Multi-Site Functionality).
        Single(
            self,
            "tserver_iscc",
            self.version,
            scope="pair" if self.is_hot_standby else "instance",
            wanted=lambda: bool(self.option("multi-site", "TServer")),
        )

    def wanted(self) -> int:
        """How many seat DNs the options ask for."""
        return seat_dns_requested(self.option("num-of-licenses"), self.option("num-sdn-licenses"))

    def wanted_technical(self) -> int:
        """How many technical DNs they leave: what is under the ceiling and not for seat DNs."""
        ceiling = self.option("num-of-licenses")
        return max(0, ceiling - self.wanted()) if isinstance(ceiling, int) and ceiling else COUNT_MAX

    def on_dn_registered(self, event: Occurred) -> None:
        """A DN is registered as long as there are seats; further ones are told No More Licenses (guide, License File Problems)."""
        kind, dn = str(event.fields.get("kind", "extension")), str(event.fields["dn"])
        if kind not in SEAT_KINDS | TECHNICAL_KINDS:
            self.reply(event, f"A DN of kind {kind!r} is not known; it may be {', '.join(sorted(SEAT_KINDS | TECHNICAL_KINDS))}.")
            return
        dns, word = (self.seats, "seat") if kind in SEAT_KINDS else (self.technical, "technical")
        if dns is None or dns.take_or_note(dn):
            self.reply(event)
        elif dns.lost_for and not dns.capacity:
            # 20007 would say that they are in use; that they are lost is logged as 07100 already.
            self.reply(event, dns.refusal)
        else:
            self.write(f"All {dns.capacity} {word} licenses are in use already, registration rejected.", REJECTED)
            self.reply(event, "No More Licenses")

    def on_dn_unregistered(self, event: Occurred) -> None:
        """The DN's seat is free for another DN."""
        for dns in (self.seats, self.technical):
            if dns is not None:
                dns.free(str(event.fields["dn"]))
        self.reply(event)


class TServer(TServerFamily):
    """T-Server (guide, T-Server); before release 7.2 it needs a license for each technical DN too."""

    has_releases = True
    profile = tserver_profile(
        type="tserver",
        name="T-Server",
        source="guide, T-Server (7.2 and later), Notes on Application-Specific Behavior, License Failure Scenarios",
        licenses=(
            License("tserver_sdn", "8.0", "bulk at startup", "seat DNs"),
            License("tserver_tdn", "7.0", "bulk at startup", "technical DNs, before release 7.2 only"),
            *PAIR_LICENSES,
        ),
        options=(*DN_OPTIONS, MULTI_SITE, RELEASE),
    )
