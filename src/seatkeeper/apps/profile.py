"""What one wants to know of an application before running it is one value: features, options, events, what happens without a license."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.apps.options import RESTART, Option, Value
from seatkeeper.base.names import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BACKUP",
    "BEHAVIOURS",
    "FIELD_CHARS_MAX",
    "FIELD_KINDS",
    "HOT_STANDBY",
    "LICENSE_FILE",
    "NO_REDUNDANCY",
    "PRIMARY",
    "WARM_STANDBY",
    "License",
    "Profile",
    "Settings",
    "SiteEvent",
    "path_faults",
    "read_fields",
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
    """

    feature: str
    version: str
    behaviour: str
    text: str


#: A text in an event; a license server takes no longer name of whom a seat is for.
FIELD_CHARS_MAX: Final = 200
#: What a field of an event may hold -> how a person is told.
FIELD_KINDS: Final[dict[str, str]] = {
    "text": f"a text of 1 to {FIELD_CHARS_MAX} characters, or a whole number",
    "texts": f"a list of texts, each of 1 to {FIELD_CHARS_MAX} characters, or one text",
    "time": "a number: of seconds since 1970, UTC",
    "flag": "true or false",
}

FieldValue = str | int | float | bool | list[str]


class SiteEvent(msgspec.Struct, frozen=True):
    """Something that the application serves: its name, the fields that it must have and may have, what it means.

    `kinds` says of each field that is no text which of FIELD_KINDS it is.
    """

    name: str
    fields: tuple[str, ...]
    text: str
    optional: tuple[str, ...] = ()
    kinds: dict[str, str] = {}


def read_fields(event: SiteEvent, given: Mapping[str, object]) -> tuple[dict[str, FieldValue], str]:
    """The fields of an event, texts in one spelling, or the reason why it cannot be served. What it knows nothing of is left out."""
    fields: dict[str, FieldValue] = {}
    for name in (*event.fields, *event.optional):
        kind = event.kinds.get(name, "text")
        if name not in given:
            if name in event.fields:
                return {}, f"The event {event.name} needs the field {name!r}."
            continue
        value = _read_field(kind, given[name])
        if value is None:
            return {}, f"The field {name!r} of the event {event.name} must be {FIELD_KINDS[kind]}."
        fields[name] = value
    return fields, ""


def _read_field(kind: str, given: object) -> FieldValue | None:
    if kind == "flag":
        return given if isinstance(given, bool) else None
    if isinstance(given, bool):
        return None
    if kind == "time":
        return given if isinstance(given, int | float) and abs(given) < _TIME_END else None
    if kind == "texts" and isinstance(given, list):
        texts = [_text(part) for part in given]
        return [text for text in texts if text] if all(texts) else None
    text = _text(given)
    return ([text] if kind == "texts" else text) if text else None


#: Beyond it are no times, and not-a-number is not below it.
_TIME_END: Final = 1e15


def _text(given: object) -> str:
    text = clean_text(str(given)) if isinstance(given, str | int) else ""
    return text if len(text) <= FIELD_CHARS_MAX else ""


class Profile(msgspec.Struct, frozen=True):
    """One kind of licensed application.

    Attributes:
        type: The word for it in a profile file, such as `tserver`.
        name: As the guide calls it.
        number: The application type's number in full log lines and in heads of log files; 0 where it is not known.
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


#: Between servers: a comma in a redundant triad; a semicolon, or a colon that is neither a drive's nor part of an address.
_APART: Final = re.compile(r"[;,]|:(?![\\/])(?![^\[]*\])")


def path_faults(profile: Profile, settings: Settings) -> list[tuple[str, str]]:
    """What is wrong with the license paths: the function that degrades, and why."""
    faults = []
    if settings.peer_path and settings.license_path and settings.peer_path != settings.license_path:
        # Guide, HA Functionality: both must use the same license server to control the same pool.
        reason = (
            f"The other one of the pair uses the license server {settings.peer_path}, this one {settings.license_path}; "
            "they need the same one."
        )
        faults.append(("one pool for the pair", reason))
    servers = [part.strip() for part in _APART.split(settings.license_path) if part.strip()]
    if profile.single_server and len(servers) > 1:
        # Guide, Single-Server Configuration: the Java library knows one.
        reason = f"{profile.name} supports one license server: it counts on {servers[0]}, and not on {', '.join(servers[1:])}."
        faults.append(("further license servers", reason))
    return faults
