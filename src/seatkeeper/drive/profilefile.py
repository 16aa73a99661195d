"""An application is set up in one TOML file; what cannot be meant is an error that says what can.

    type = "tserver"
    name = "TServer_North"

    [license]
    license-file = "7260@licsrv"
    num-of-licenses = 200

    [redundancy]
    type = "hot standby"
    role = "primary"
    pair = "TServer_North"

    [log]
    verbose = "standard"
    standard = "stdout, logs/tserver"

Values of options that are no valid ones are no errors: the application takes its default and says so, as the guide has it.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.apps.options import Option
from seatkeeper.apps.profile import BACKUP, HOT_STANDBY, LICENSE_FILE, NO_REDUNDANCY, PRIMARY, WARM_STANDBY, Settings
from seatkeeper.apps.registry import application_type
from seatkeeper.base.errors import InputError
from seatkeeper.base.logevents import MESSAGE_FORMATS, TIME_FORMATS

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.apps.application import Application

__all__ = ["LOG_OUTPUTS", "PROFILE_BYTES_MAX", "VERBOSE", "LogSettings", "ProfileFile", "read_profile"]

PROFILE_BYTES_MAX: Final = 256 * 1024
#: The options of [log] that say where messages go -> up to which level each has them.
LOG_OUTPUTS: Final = ("all", "debug", "trace", "interaction", "standard")
VERBOSE: Final = ("all", "debug", "trace", "interaction", "standard", "none")

_TOP: Final = ("type", "name", "environment", "vendor", "root", "user", "host")
_REDUNDANCY: Final = ("type", "role", "pair", "peer-license-file")
_LOG: Final = (
    *("verbose", "message-format", "time-format", "time-convert", "segment", "expire", "alarms"),
    *LOG_OUTPUTS,
)
_SEGMENT_KB_MAX: Final = 10_000_000
_EXPIRE_MAX: Final = 1000


class LogSettings(msgspec.Struct, frozen=True):
    """Section [log]: as Genesys applications have it (facts, LRM 6.1).

    Attributes:
        verbose: Which messages there are at all.
        outputs: For each of LOG_OUTPUTS where they go: stdout, stderr, or the beginning of a file's name.
        utc: Times are UTC and not local.
        segment_bytes: A file that has become longer is followed by another; 0 for none.
        expire: How many files are kept; 0 for all.
        alarms: A file to which each alarm and its clearance is added as a line of JSON; empty for none.
    """

    verbose: str = "all"
    message_format: str = "short"
    time_format: str = "time"
    utc: bool = False
    outputs: dict[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: {"standard": ("stdout",)})
    segment_bytes: int = 0
    expire: int = 10
    alarms: str = ""


class ProfileFile(msgspec.Struct, frozen=True):
    """An application as its file has it; `root` is empty where the trust file tells."""

    made: type[Application]
    settings: Settings
    log: LogSettings
    vendor: str = "genesys.d"
    root: str = ""
    user: str = ""
    host: str = ""


def read_profile(path: Path) -> ProfileFile:
    """The application that a file describes.

    Raises:
        InputError: The file cannot be read, is no TOML, or says something that means nothing.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(PROFILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"The profile cannot be read: {error.strerror}.", file=name) from None
    if len(data) > PROFILE_BYTES_MAX:
        raise InputError("The profile is too long.", file=name, expected=f"at most {PROFILE_BYTES_MAX} bytes")
    try:
        tables = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("The profile is not UTF-8.", file=name) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The profile is no TOML: {error}.", file=name, remedy="`seatkeeper app show TYPE` prints an example.") from None
    return _Reader(name, tables).profile()


class _Reader:
    def __init__(self, file: str, tables: dict[str, Any]) -> None:
        self._file = file
        self._tables = tables

    def profile(self) -> ProfileFile:
        tables = self._tables
        made = application_type(self._text("type", "", required=True))
        name = self._text("name", "", required=True)
        known: dict[str, dict[str, Option]] = {}
        for option in (LICENSE_FILE, *made.profile.options):
            known.setdefault(option.section, {})[option.name] = option
        sections = {section: value for section, value in tables.items() if isinstance(value, dict)}
        self._names(tables.keys() - sections.keys(), _TOP, "at the head of the file")
        self._names(sections, (*known, "redundancy", "log"), "as a section", brackets=True)
        options = {}
        for section, given in sections.items():
            if section not in ("redundancy", "log"):
                self._names(given, tuple(known[section]), f"in section [{section}]")
                options[section] = {key: self._scalar(section, key, value) for key, value in given.items()}
        redundancy = sections.get("redundancy", {})
        self._names(redundancy, _REDUNDANCY, "in section [redundancy]")
        settings = Settings(
            name,
            options,
            redundancy=self._choice("redundancy", "type", NO_REDUNDANCY, (NO_REDUNDANCY, WARM_STANDBY, HOT_STANDBY)),
            role=self._choice("redundancy", "role", PRIMARY, (PRIMARY, BACKUP)),
            pair=str(redundancy.get("pair", "")),
            environment=self._text("environment", "default"),
            license_path=str(options.get("license", {}).get("license-file", "")),
            peer_path=str(redundancy.get("peer-license-file", "")),
        )
        texts = {key: self._text(key, "") for key in ("root", "user", "host")}
        return ProfileFile(made, settings, self._log(sections.get("log", {})), self._text("vendor", "genesys.d"), **texts)

    def _log(self, given: dict[str, Any]) -> LogSettings:
        self._names(given, _LOG, "in section [log]")
        outputs: dict[str, tuple[str, ...]] = {
            level: tuple(part.strip() for part in str(given[level]).split(",") if part.strip()) for level in LOG_OUTPUTS if level in given
        }
        return LogSettings(
            self._choice("log", "verbose", "all", VERBOSE),
            self._choice("log", "message-format", "short", MESSAGE_FORMATS),
            self._choice("log", "time-format", "time", TIME_FORMATS),
            self._choice("log", "time-convert", "local", ("local", "utc")) == "utc",
            outputs or {"standard": ("stdout",)},
            self._number("log", "segment", 0, _SEGMENT_KB_MAX) * 1024,
            self._number("log", "expire", 10, _EXPIRE_MAX),
            str(given.get("alarms", "")),
        )

    def _names(self, given: Any, known: tuple[str, ...], where: str, *, brackets: bool = False) -> None:
        for name in given:
            if name not in known:
                near = get_close_matches(name, known, 1)
                expected = f"{near[0]}, perhaps" if near else ", ".join(known)
                raise InputError(
                    f"Nothing of this name stands {where}.", file=self._file, found=f"[{name}]" if brackets else name, expected=expected
                )

    def _text(self, name: str, default: str, *, required: bool = False) -> str:
        value = self._tables.get(name, default)
        if not isinstance(value, str) or (required and not value):
            raise InputError(
                f"The profile needs {name} as a text." if required else f"{name} is a text.", file=self._file, found=str(value)
            )
        return value

    def _scalar(self, section: str, name: str, value: Any) -> str | int | bool:
        if isinstance(value, str | int | bool):
            return value
        raise InputError(f"Option {name} in section [{section}] is a text, a number, true or false.", file=self._file, found=str(value))

    def _choice(self, section: str, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = str(self._tables.get(section, {}).get(name, default))
        if value not in choices:
            raise InputError(
                f"{name} in section [{section}] has a value that it cannot have.", file=self._file, found=value, expected=", ".join(choices)
            )
        return value

    def _number(self, section: str, name: str, default: int, most: int) -> int:
        value = self._tables.get(section, {}).get(name, default)
        if value is False:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise InputError(
                f"{name} in section [{section}] is a number.", file=self._file, found=str(value), expected=f"0 to {most}, or false"
            )
        return value
