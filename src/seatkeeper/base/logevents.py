"""What a Genesys application says in its log is one value with a number, and is written in the layouts that log readers know.

A message has an identifier of five digits, which alarms and searches go by, a level and a text. The licensing messages stand in the
guide ("Genesys Log Messages"): 07100 is a violation, 07101 a checkout, 07105 the end of a violation and the clearance of its alarm. For
07102 to 07104 the guide says only what they are about; their texts are ours.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "CHECKED_OUT",
    "LICENSE_FAIL",
    "LICENSE_RESTORED",
    "MESSAGE_FORMATS",
    "NO_LICENSE",
    "NO_SERVER",
    "SERVER_CHANGED",
    "SERVER_LOST",
    "SERVER_RESTORED",
    "STARTED",
    "TERMINATED",
    "TEXT_CHARS_MAX",
    "TIME_FORMATS",
    "USAGE_EXCEEDED",
    "Level",
    "Message",
    "checked_out",
    "format_message",
    "header",
    "license_fail",
    "license_restored",
]

STARTED: Final = 5060
TERMINATED: Final = 5064
LICENSE_FAIL: Final = 7100
CHECKED_OUT: Final = 7101
SERVER_LOST: Final = 7102
SERVER_RESTORED: Final = 7103
SERVER_CHANGED: Final = 7104
LICENSE_RESTORED: Final = 7105

#: Violation types with a name of their own (guide, GCTI_LICENSE_FAIL); all others are FlexNet's text for the error.
NO_SERVER: Final = "GLMR_LICENSE_SERVER_NOT_AVAILABLE"
NO_LICENSE: Final = "GLMR_LICENSE_NO_LICENSE_AVAILABLE"
#: The guide names the reason ("feature usage level has been exceeded") and no type for it; this name is ours.
USAGE_EXCEEDED: Final = "GLMR_LICENSE_USAGE_EXCEEDED"

#: A message's text; what is beyond it is cut.
TEXT_CHARS_MAX: Final = 1024
#: Messages below this number are of all applications, and have 00 for the type (guide, 00-07100); others are of their own.
_OWN_NUMBERS: Final = 10_000

MESSAGE_FORMATS: Final = ("short", "medium", "full")
TIME_FORMATS: Final = ("time", "locale", "iso8601")


class Level(Enum):
    """How much a message matters: the value is its name in the full format, `short` that in the short one."""

    DEBUG = "Debug"
    TRACE = "Trace"
    INTERACTION = "Interaction"
    STANDARD = "Standard"
    ALARM = "Alarm"

    @property
    def short(self) -> str:
        """Three letters, as `Std`."""
        return _SHORT[self]


_SHORT: Final = {Level.DEBUG: "Dbg", Level.TRACE: "Trc", Level.INTERACTION: "Int", Level.STANDARD: "Std", Level.ALARM: "Alr"}


class Message(msgspec.Struct, frozen=True):
    """One message: its number, its text, its level."""

    number: int
    text: str
    level: Level = Level.STANDARD


def license_fail(kind: str) -> Message:
    """07100: a violation of this type."""
    return Message(LICENSE_FAIL, f"Licensing violation is identified, the violation type {kind}")


def checked_out(feature: str, count: int) -> Message:
    """07101: so many seats of a feature are checked out."""
    return Message(CHECKED_OUT, f"Feature '{feature}': {count} licenses checked out.")


def license_restored(kind: str) -> Message:
    """07105: a violation of this type is over; clears the alarm that 07100 raised."""
    return Message(LICENSE_RESTORED, f"License status restored after violation with type '{kind}'")


def format_message(
    message: Message,
    at: datetime,
    *,
    message_format: str = "short",
    time_format: str = "time",
    host: str = "",
    name: str = "",
    type_number: int = 0,
) -> str:
    """The line of a message in one of MESSAGE_FORMATS, its time in one of TIME_FORMATS (facts, LRM 6.1).

    The short line leaves out what stands in the file's header; the full one says host, application and type too. What cannot be printed,
    line breaks above all, becomes blanks: a line is one message.
    """
    text = _one_line(message.text)
    stamp = _stamp(at, time_format)
    if message_format == "full":
        kind = type_number if message.number >= _OWN_NUMBERS else 0
        return f"{stamp} {message.level.value} {host} {name} GCTI-{kind:02}-{message.number:05} {text}"
    if message_format == "medium":
        return f"{stamp} {message.level.value} {name} {message.number:05} {text}"
    return f"{stamp} {message.level.short} {message.number:05} {text}"


def _one_line(text: str) -> str:
    if len(text) > TEXT_CHARS_MAX:
        text = text[: TEXT_CHARS_MAX - len(_CUT)] + _CUT
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


_CUT: Final = " ..."


def _stamp(at: datetime, time_format: str) -> str:
    milliseconds = f".{at.microsecond // 1000:03}"
    if time_format == "iso8601":
        return f"{at:%Y-%m-%dT%H:%M:%S}{milliseconds}"
    if time_format == "locale":
        return f"{at:%a %b} {at.day:2} {at:%H:%M:%S %Y}{milliseconds}"
    return f"{at:%H:%M:%S}{milliseconds}"


def header(
    *,
    name: str,
    type_name: str,
    type_number: int,
    version: str,
    command_line: str,
    host: str,
    zone: tuple[int, str, str],
    start_utc: datetime,
    local: datetime,
    file: str,
    number: int = 1,
) -> list[str]:
    """The lines at the head of a log file, of which the last names the file (facts, LRM 6.1).

    `zone` is seconds west of UTC, and the zone's names in winter and in summer; `number` counts the files of one run.
    """
    rows = (
        ("Application name:", name),
        ("Application type:", f"{type_name} ({type_number})" if type_number else type_name),
        ("Application version:", version),
        ("Command line:", command_line),
        ("Host name:", host),
        ("Time zone:", f"{zone[0]}, {zone[1]}, {zone[2]}"),
        ("Start time (UTC):", f"{start_utc:%Y-%m-%dT%H:%M:%S}"),
        ("Local time:", _stamp(local, "iso8601")),
        ("File:", f"({number}) {file}"),
    )
    return [f"{label:<21}{_one_line(value)}" for label, value in rows]
