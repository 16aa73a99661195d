"""What one wants to know of an application before running it is one value: features, options, events, what happens without a license."""

from __future__ import annotations

from typing import Final

import msgspec

from seatkeeper.apps.options import RESTART, Option, Value

__all__ = [
    "BACKUP",
    "BEHAVIOURS",
    "HOT_STANDBY",
    "LICENSE_FILE",
    "NO_REDUNDANCY",
    "PRIMARY",
    "WARM_STANDBY",
    "License",
    "Profile",
    "Settings",
    "SiteEvent",
]

#: The ways to hold seats -> what each means.
BEHAVIOURS: Final[dict[str, str]] = {
    "bulk at startup": "takes seats at startup and gives them out itself; fewer than wanted will do",
    "exact number": "takes the configured number at startup and at every change of it; fewer is a violation",
    "per user session": "takes one for each user who logs in, until he is gone",
    "per connection": "takes one for each client connection, until it ends",
    "per instance": "takes one for each running instance",
    "per environment": "takes one for all instances of the configuration environment",
    "per redundant pair": "takes one for primary and backup together; the primary holds it",
    "per port": "takes one for each port, at startup, and gives them out call by call",
    "held for 60 minutes": "takes seats at startup; each use holds one for 60 minutes",
    "whole pool per instance": "each instance has all seats of the feature at its disposal",
    "feature switch": "works without the license, with less",
}

NO_REDUNDANCY: Final = "not specified"
WARM_STANDBY: Final = "warm standby"
HOT_STANDBY: Final = "hot standby"
PRIMARY: Final = "primary"
BACKUP: Final = "backup"

#: Every application has it (guide, "Starting Licensed Applications").
LICENSE_FILE: Final = Option(
    "license",
    "license-file",
    "",
    "Where the license server is: port@host, @host for port 7260, or a license file; several are separated as the system does it.",
    any_text=True,
    takes_effect=RESTART,
)


class License(msgspec.Struct, frozen=True):
    """A feature that the application checks out.

    Attributes:
        feature: Its name.
        version: The version asked for.
        behaviour: One of BEHAVIOURS.
        text: What it is for.
        data: The count depends on this: "pair" and "environment" share.
    """

    feature: str
    version: str
    behaviour: str
    text: str


class SiteEvent(msgspec.Struct, frozen=True):
    """Something that the application serves: its name, the fields that it must have and may have, what it means."""

    name: str
    fields: tuple[str, ...]
    text: str
    optional: tuple[str, ...] = ()


class Profile(msgspec.Struct, frozen=True):
    """One kind of licensed application.

    Attributes:
        type: The word for it in a profile file, such as `tserver`.
        name: As the guide calls it.
        number: The application type's number in full log lines.
        source: The guide's sections, or the other source, that it follows.
        licenses: What it checks out.
        options: Its options besides `license-file`.
        events: What it serves.
        unlicensed: What happens at startup without a license.
        violation: What happens when licenses are lost at run time.
        recovery: What happens when they are back.
        functions: Functions that degrade, and how.
        single_server: Built on the Java library, which knows one license server only.
    """

    type: str
    name: str
    number: int
    source: str
    licenses: tuple[License, ...]
    events: tuple[SiteEvent, ...]
    unlicensed: str
    violation: str
    recovery: str
    options: tuple[Option, ...] = ()
    functions: tuple[tuple[str, str], ...] = ()
    single_server: bool = False


class Settings(msgspec.Struct, frozen=True):
    """How one application is set up.

    Attributes:
        name: Its name.
        options: Section -> option -> value, as given.
        redundancy: NO_REDUNDANCY, WARM_STANDBY or HOT_STANDBY.
        role: PRIMARY or BACKUP.
        pair: The name that primary and backup have in common; the application's own where left out.
        environment: Which configuration environment it belongs to.
        license_path: Where it looks for its license server.
        peer_path: Where the other one of the pair does; empty where that is not known.
    """

    name: str
    options: dict[str, dict[str, Value]] = {}
    redundancy: str = NO_REDUNDANCY
    role: str = PRIMARY
    pair: str = ""
    environment: str = "default"
    license_path: str = ""
    peer_path: str = ""
