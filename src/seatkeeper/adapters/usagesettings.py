"""What a site says stands in `usage.toml` beside the usage data: excluded times, time zones, rules of its own, jobs, log and retention.

A person writes the file, and it is read when a report is made; without it everything is as built in. A mistake in it stops the report
with the file and what is wrong, since a report by other rules than those meant would be believed.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, time, tzinfo
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded
from seatkeeper.usage.excluded import EXCLUDED_MAX, Excluded, excluded_entry
from seatkeeper.usage.measures import ITEMS, CheckoutRule, EnabledRule, Item, PortRule, RecordingRule, SessionRule

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SETTINGS_FILE", "JobSettings", "LogSettings", "UsageSettings", "read_settings", "reported_settings", "zone_named"]

SETTINGS_FILE: Final = "usage.toml"
_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
_TENANTS_MAX: Final = 100_000
_ITEMS_MAX: Final = 1000
_OWN_SOURCE: Final = "the site's own rule (usage.toml)"
#: What reports read of the file.
_REPORTED: Final = ("tenants", "excluded", "items")
_SWITCHES: Final = ("", "premise", "sip", "network")

#: Less than a second is for those who try it out.
_Minutes = Annotated[float, msgspec.Meta(ge=0.005, le=24 * 60)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class _Tenant(msgspec.Struct, forbid_unknown_fields=True):
    name: _Name
    zone: str


class _Excluded(msgspec.Struct, forbid_unknown_fields=True, rename={"begin": "from", "end": "to"}):
    begin: str
    end: str
    reason: str
    tenant: str = ""
    zone: str = ""


class _Item(msgspec.Struct, forbid_unknown_fields=True):
    name: _Name
    sessions: SessionRule | None = None
    ports: str = ""
    recordings: bool = False
    enabled: EnabledRule | None = None
    source: str = ""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log of jobs, section `[log]`.

    Attributes:
        file: Where, relative to the directory with the usage data; empty for none.
        message_format: As Genesys' option message-format.
        time_format: As time-format.
        time_convert: Whose time: `local` or `utc`.
    """

    file: str = ""
    message_format: Literal["short", "medium", "full"] = "full"
    time_format: Literal["time", "locale", "iso8601"] = "iso8601"
    time_convert: Literal["local", "utc"] = "local"


class JobSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When `seatkeeper usage run` does what, section `[jobs]`.

    Attributes:
        snapshot_minutes: How often configuration is looked at.
        collect_minutes: How often sources are read.
        close_at: The time of day at which days are closed, HH:MM or HH:MM:SS.
        zone: Whose time of day.
    """

    snapshot_minutes: _Minutes = 10.0
    collect_minutes: _Minutes = 60.0
    close_at: Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$")] = "02:30"
    zone: str = "UTC"


class _Retention(msgspec.Struct, forbid_unknown_fields=True):
    detail_days: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _Whole(msgspec.Struct, forbid_unknown_fields=True):
    tenants: Annotated[list[_Tenant], msgspec.Meta(max_length=_TENANTS_MAX)] = []
    excluded: Annotated[list[_Excluded], msgspec.Meta(max_length=EXCLUDED_MAX)] = []
    items: Annotated[list[_Item], msgspec.Meta(max_length=_ITEMS_MAX)] = []
    # Where facts come from, which no report asks: lrm.sources reads them.
    sources: list[Any] = []
    log: LogSettings = LogSettings()
    jobs: JobSettings = JobSettings()
    retention: _Retention = msgspec.field(default_factory=_Retention)


class UsageSettings(msgspec.Struct, frozen=True):
    """What a site says.

    Attributes:
        zones: Tenant -> its time zone, where it has one of its own.
        excluded: The times that do not count.
        items: Folded name -> an item with the site's own rules.
        log: Where jobs tell of failures.
        jobs: When they run.
        detail_days: Sessions and recordings that ended before so many days are dropped by the close; None: none are.
    """

    zones: dict[str, tzinfo] = {}
    excluded: tuple[Excluded, ...] = ()
    items: dict[str, Item] = {}
    log: LogSettings = LogSettings()
    jobs: JobSettings = JobSettings()
    detail_days: int | None = None


def zone_named(name: str, place: str) -> tzinfo:
    """The time zone of that name.

    Raises:
        InputError: There is none; the message begins with `place`.
    """
    if name.upper() in {"UTC", "GMT"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError("This is no time zone.", file=place, found=name, expected="a name such as Europe/Paris") from None


def read_settings(directory: Path) -> UsageSettings:
    """What the file in the directory of usage data says; nothing where there is none.

    Raises:
        InputError: It cannot be read, or what stands in it cannot be used.
    """
    path = directory / SETTINGS_FILE
    data = _bytes(path)
    if data is None:
        return UsageSettings()
    try:
        whole = msgspec.convert(_texts(tomllib.loads(data.decode("utf-8"))), _Whole)
    except ValueError as error:
        # TOMLDecodeError, ValidationError and UnicodeDecodeError are ValueErrors.
        raise InputError(f"The file is not understood: {error}.", file=str(path)) from None
    return _settings(whole, str(path))


def reported_settings(directory: Path) -> bytes | None:
    """What reports read of the file, as a file that says the same of reports and nothing of sources; None where there is none.

    Raises:
        InputError: It cannot be read.
    """
    path = directory / SETTINGS_FILE
    data = _bytes(path)
    if data is None:
        return None
    try:
        tables = _texts(tomllib.loads(data.decode("utf-8")))
    except ValueError as error:
        raise InputError(f"The file is not understood: {error}.", file=str(path)) from None
    return "".join(f"{name} = {_toml(tables[name])}\n" for name in _REPORTED if name in tables).encode()


def _toml(value: Any) -> str:
    """The value as TOML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for the one that TOML wants and JSON does not.
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    return str(value).lower()


def _bytes(path: Path) -> bytes | None:
    """The file; None where there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    if len(data) > _FILE_BYTES_MAX:
        raise InputError(f"The file is larger than {_FILE_BYTES_MAX >> 20} MiB.", file=str(path))
    return data


def _texts(value: Any) -> Any:
    """The same with dates and times as text, however TOML had them."""
    if isinstance(value, dict):
        return {key: _texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value.isoformat() if isinstance(value, datetime | time) else value


def _settings(whole: _Whole, path: str) -> UsageSettings:
    zones: dict[str, tzinfo] = {}
    for tenant in whole.tenants:
        if tenant.name in zones:
            raise InputError("This tenant stands there twice.", file=f"{path} [[tenants]]", found=tenant.name)
        zones[tenant.name] = zone_named(tenant.zone, f"{path} [[tenants]] {tenant.name}")
    excluded = []
    for number, entry in enumerate(whole.excluded, 1):
        place = f"{path} [[excluded]] {number}"
        zone = zone_named(entry.zone, place) if entry.zone else zones.get(entry.tenant, UTC)
        excluded.append(excluded_entry(entry.begin, entry.end, entry.reason, entry.tenant, zone, place))
    items: dict[str, Item] = {}
    for each in whole.items:
        if folded(each.name) in items:
            raise InputError("This item stands there twice.", file=f"{path} [[items]]", found=each.name)
        items[folded(each.name)] = _item(each, f"{path} [[items]] {each.name}")
    zone_named(whole.jobs.zone, f"{path} [jobs] zone")
    return UsageSettings(zones, tuple(excluded), items, whole.log, whole.jobs, whole.retention.detail_days)


def _item(given: _Item, place: str) -> Item:
    known = next((item for item in ITEMS if folded(item.name) == folded(given.name)), None)
    ways = [name for name, there in (("sessions", given.sessions), ("ports", given.ports), ("recordings", given.recordings)) if there]
    if len(ways) > 1:
        raise InputError("An item is measured in one way.", file=place, found=" and ".join(ways), expected="one of them")
    if not ways and given.enabled is None:
        raise InputError("The item has no rule.", file=place, expected="sessions, ports, recordings or enabled")
    peak: SessionRule | PortRule | RecordingRule | CheckoutRule | None
    if given.sessions is not None:
        _check(given.sessions, place)
        peak = given.sessions
    elif given.ports:
        peak = PortRule(given.ports)
    elif given.recordings:
        peak = RecordingRule()
    else:
        peak = known.peak if known is not None else None
    enabled = given.enabled if given.enabled is not None or known is None else known.enabled
    return Item(known.name if known is not None else given.name, peak, enabled, given.source or _OWN_SOURCE)


def _check(rule: SessionRule, place: str) -> None:
    if rule.switch not in _SWITCHES:
        raise InputError("This is no kind of switch.", file=place, found=rule.switch, expected=", ".join(_SWITCHES[1:]))
    for each in (*rule.any_of, *rule.none_of):
        _check(each, place)
