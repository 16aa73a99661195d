"""Where a site's facts come from: `[[sources]]` in `usage.toml`, each with a name, a kind, a place, and what differs there.

A password stands in no file that is read here: it comes from an environment variable, or from where PostgreSQL's own programs find it.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from seatkeeper.adapters.gvp import PATHS, ReportingServer
from seatkeeper.adapters.postgres import ForeignDatabase, check_no_password
from seatkeeper.base.errors import InputError
from seatkeeper.usage.idb import IdbOptions
from seatkeeper.usage.snapshots import ConfigurationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "SOURCES_FILE",
    "SOURCES_MAX",
    "ConfigurationSource",
    "GvpSource",
    "IconSource",
    "JournalSource",
    "Source",
    "open_reporting_server",
    "open_source",
    "read_sources",
]

SOURCES_FILE: Final = "usage.toml"
SOURCES_MAX: Final = 1_000
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$"

_Name = Annotated[str, msgspec.Meta(pattern=_NAME)]


class IconSource(IdbOptions, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="icon", tag_field="kind"):
    """An ICON's Interaction Database.

    Attributes:
        name: What facts from it are called.
        url: `postgresql://account@host/database`.
        password_env: The environment variable with the password.
        schema: The schema with its tables; empty for the first of the account's search path.
        pair: The same word for ICONs that watch the same switches: what one of them saw is not missing.
        late_hours: Rows may come so long after what they tell: that much is read again each time.
    """

    name: _Name
    url: str
    password_env: str = ""
    schema: str = ""
    pair: str = ""
    late_hours: Annotated[int, msgspec.Meta(ge=0, le=24 * 366)] = 48


class ConfigurationSource(
    ConfigurationOptions, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="configuration", tag_field="kind"
):
    """A Configuration Database, or a file to which one is exported.

    Attributes:
        name: What facts from it are called.
        url: `postgresql://account@host/database`; empty where there is a file.
        file: The export, relative to the directory with the usage data.
        password_env: The environment variable with the password.
        schema: The schema with its tables; empty for the first of the account's search path.
    """

    name: _Name
    url: str = ""
    file: str = ""
    password_env: str = ""
    schema: str = ""


class GvpSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="gvp", tag_field="kind"):
    """A voice platform's Reporting Server.

    Attributes:
        name: What facts from it are called.
        url: `http://host:port` of the primary.
        backup: The same of the one that stands in for it; empty where there is none.
        user: Of HTTP basic authentication; empty where none is asked for.
        password_env: The environment variable with its password.
        ports: Which kinds of ports it counts.
        tenants: A tenant's name here -> its id there; they are asked for one by one.
        paths: A kind of port -> the path of its report, where that is another one.
        late_hours: So much is read again each time.
        first_days: So much is read by the first run.
    """

    name: _Name
    url: str
    backup: str = ""
    user: str = ""
    password_env: str = ""
    ports: tuple[Literal["calls", "asr", "tts", "parking"], ...] = ("calls", "asr", "tts")
    tenants: dict[str, str] = {}
    paths: dict[str, str] = {}
    late_hours: Annotated[int, msgspec.Meta(ge=0, le=24 * 366)] = 24
    first_days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 31


class JournalSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="journal", tag_field="kind"):
    """The journal of a vendor daemon of ours.

    Attributes:
        name: What facts from it are called.
        path: Its directory, relative to the directory with the usage data.
    """

    name: _Name
    path: Annotated[str, msgspec.Meta(min_length=1)]


Source = IconSource | ConfigurationSource | GvpSource | JournalSource


def read_sources(directory: Path) -> list[Source]:
    """What the directory's `usage.toml` says about sources.

    Raises:
        InputError: There is no such file, or it cannot be used.
    """
    path = directory / SOURCES_FILE
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        said = {}
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    except ValueError as error:
        raise InputError("This is no TOML file.", file=str(path), found=str(error)) from None
    entries = said.get("sources") or []
    if not isinstance(entries, list) or not entries or len(entries) > SOURCES_MAX:
        raise InputError(
            "No sources are named.",
            file=str(path),
            expected=f"1 to {SOURCES_MAX} of [[sources]], each with kind, name, and url or path",
            remedy='Example: [[sources]], kind = "icon", name = "icon-north", url = "postgresql://reports@db1/icon".',
        )
    found = [_source(entry, f"{path} [[sources]] {number}") for number, entry in enumerate(entries, 1)]
    names = [source.name for source in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError("Sources have the same name.", file=str(path), found=", ".join(twice), expected="a name of its own for each")
    return found


def _source(entry: Any, place: str) -> Source:
    try:
        source: Source = msgspec.convert(entry, Source)
    except msgspec.ValidationError as error:
        raise InputError("This source cannot be used.", file=place, found=str(error), expected="see docs/usage.md, Sources") from None
    if isinstance(source, JournalSource):
        return source
    check_no_password(source.url, place)
    if isinstance(source, GvpSource) and set(source.paths) - set(PATHS):
        raise InputError("These paths are of no kind of port.", file=place, found=", ".join(source.paths), expected=", ".join(PATHS))
    if isinstance(source, ConfigurationSource) and bool(source.url) == bool(source.file):
        raise InputError("A source of configuration has a url or a file.", file=place, expected="one of the two")
    return source


def _password(source: IconSource | ConfigurationSource | GvpSource, environment: Mapping[str, str]) -> str:
    if not source.password_env:
        return ""
    password = environment.get(source.password_env, "")
    if not password:
        raise InputError("The variable with the password is not set.", file=source.name, expected=source.password_env)
    return password


def open_source(source: IconSource | ConfigurationSource, environment: Mapping[str, str]) -> ForeignDatabase:
    """The database of a source.

    Raises:
        SeatkeeperError: It cannot be reached, or the variable with its password is not set.
    """
    return ForeignDatabase(source.url, source.schema, _password(source, environment))


def open_reporting_server(source: GvpSource, environment: Mapping[str, str]) -> ReportingServer:
    """The Reporting Server of a source; it is asked when its peaks are.

    Raises:
        InputError: The variable with its password is not set.
    """
    urls = tuple(filter(None, (source.url, source.backup)))
    return ReportingServer(urls, source.user, _password(source, environment), source.tenants, source.paths)
