"""lmstat as JSON: what the servers said, with years, time zones and the names as they are.

The text of lmstat cannot change, because tools read it; JSON keeps apart what the text runs together. `in_use` counts seats that
somebody holds and `reserved` idle reservations, which the text adds up. docs/tools.md describes the object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.base.dates import NEVER, parse_date
from seatkeeper.cli.lmstat_text import held, is_busy, members_of, reserved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from seatkeeper.base.errors import LicenseError
    from seatkeeper.cli.lmstat_text import DaemonView, Row, Screen
    from seatkeeper.wire.messages import PoolStatus

__all__ = ["as_json", "rows_as_json"]


def _text(shown: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n"


def _expires(expiry: str) -> str | None:
    """The last day as ISO 8601, None for never; as written where it is no date."""
    try:
        day = parse_date(expiry)
    except ValueError:
        return expiry
    return None if day == NEVER else day.isoformat()


def _iso(moment: datetime) -> str:
    """Local time with its offset, to the second."""
    return (moment if moment.tzinfo else moment.astimezone()).isoformat(timespec="seconds")


def _json_error(error: LicenseError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"number": error.number, "minor": error.minor, "text": error.short(), "reason": error.reason, "remedy": error.remedy}


def _json_pool(pool: PoolStatus, local: Callable[[float], datetime]) -> dict[str, Any]:
    holders = [
        {
            "user": holder.user,
            "host": holder.host,
            "display": holder.display,
            "version": holder.version,
            "handle": holder.handle,
            "count": holder.count,
            "since": _iso(local(holder.since)),
            "pid": holder.pid,
            "linger_s": holder.linger_s,
            "linger_total_s": holder.linger_total_s,
            "attached": holder.attached,
            "borrowed": holder.borrowed,
            "data": holder.data,
        }
        for holder in pool.holders
    ]
    queued = [
        {
            "user": waiting.user,
            "host": waiting.host,
            "display": waiting.display,
            "version": waiting.version,
            "handle": waiting.handle,
            "count": waiting.count,
            "since": _iso(local(waiting.since)),
        }
        for waiting in pool.queued
    ]
    return {
        "pool": pool.pool,
        "version": pool.version,
        "expires": _expires(pool.expiry),
        "issued": pool.total or None,
        "in_use": held(pool),
        "reserved": reserved(pool),
        "overdraft": pool.overdraft,
        "over": max(0, held(pool) - pool.total) if pool.total else 0,
        "denials": pool.denials,
        "unsupported": pool.unsupported,
        "hostid": pool.hostid,
        "vendor_string": pool.vendor_string,
        "holders": holders,
        "reservations": [{"count": held.count, "kind": held.kind, "name": held.name} for held in pool.reservations],
        "queued": queued,
    }


def _json_features(screen: Screen, daemon: DaemonView, server: str) -> list[dict[str, Any]]:
    features: dict[str, list[PoolStatus]] = {}
    for pool in daemon.pools:
        features.setdefault(pool.feature, []).append(pool)
    return [
        {
            "feature": name,
            "vendor": daemon.status.name,
            "server": server,
            "issued": sum(pool.total for pool in pools) or None,
            "in_use": sum(map(held, pools)),
            "reserved": sum(map(reserved, pools)),
            "pools": [_json_pool(pool, screen.local) for pool in pools],
        }
        for name, pools in features.items()
        if not screen.active_only or is_busy(pools)
    ]


def as_json(screen: Screen) -> str:
    """The screen as one object: `servers`, `daemons` and `features`, joined by `server` and `vendor`."""
    servers: list[dict[str, Any]] = []
    daemons: list[dict[str, Any]] = []
    features: list[dict[str, Any]] = []
    for view in screen.views:
        server = ",".join(f"{port}@{host}" for host, port in view.place)
        status = view.status
        members = members_of(status) if status is not None else []
        servers.append(
            {
                "server": server,
                "up": status is not None,
                "error": _json_error(view.error),
                "host": status.host if status is not None else None,
                "port": status.port if status is not None else None,
                "version": status.version if status is not None else None,
                "files": status.files if status is not None else [],
                "members": [
                    {"host": one.host, "port": one.port, "up": one.up, "master": one.master, "version": one.version}
                    | ({"term": one.term, "position": one.position, "lag": one.lag} if len(members) > 1 else {})
                    for one in members
                ],
            }
            # Of three servers any two serve.
            | ({"quorum": any(one.master for one in members) and 2 * sum(one.up for one in members) > len(members)} if members[1:] else {})
        )
        for daemon in view.daemons:
            known = daemon.status
            daemons.append(
                {
                    "vendor": known.name,
                    "server": server,
                    "up": known.up and daemon.error is None,
                    "version": known.version,
                    "port": known.port,
                    "restarts": known.restarts,
                    "reason": known.reason,
                    "error": _json_error(daemon.error),
                }
            )
            features += _json_features(screen, daemon, server)
    return _text({"time": _iso(screen.now), "servers": servers, "daemons": daemons, "features": features})


def rows_as_json(now: datetime, rows: Iterable[Row]) -> str:
    """The rows of `lmstat -i` as one object; `count` is null for an uncounted license."""
    licenses = [
        {"feature": row.feature, "version": row.version, "count": row.count or None, "vendor": row.vendor, "expires": _expires(row.expiry)}
        for row in rows
    ]
    return _text({"time": _iso(now), "licenses": licenses})
