"""lmstat_json: what the text cannot say: years, time zones, names as they are, reservations apart from use."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from seatkeeper.base.errors import LicenseError
from seatkeeper.cli.lmstat_json import as_json, rows_as_json
from seatkeeper.cli.lmstat_text import DaemonView, Row, Screen, ServerView
from seatkeeper.wire.messages import DaemonStatus, HolderStatus, MemberStatus, PoolStatus, QueuedStatus, ReservationStatus, ServerStatus

EAST = timezone(timedelta(hours=5, minutes=30))
NOW = datetime(2026, 9, 28, 9, 5, tzinfo=EAST)
BEGAN = datetime(2024, 2, 29, 8, 1, 7, tzinfo=EAST).timestamp()


def screen(**how: object) -> Screen:
    status = ServerStatus(1, "licsrv", 7260, "0.1.0", ["/opt/license.dat"], [MemberStatus("licsrv", 7260, True, True, "0.1.0")], [])
    pools = (
        PoolStatus(
            1, "f1", 0, "genesys.d", "8.5", "31-dec-2027", 10, 5,
            holders=[HolderStatus("bo lee", "desk1", "", "8.1", 7, 3, BEGAN, pid=42)],
            reservations=[ReservationStatus(2, "GROUP", "night")],
        ),
        PoolStatus(1, "f1", 1, "genesys.d", "8.1", "permanent", 5, 0, queued=[QueuedStatus("eve", "desk2", ":0", "8.1", 8, 1, BEGAN)]),
        PoolStatus(1, "idle", 0, "genesys.d", "8.1", "permanent", 0, 0, hostid="ANY"),
    )  # fmt: skip
    down = DaemonView(
        DaemonStatus("third", up=False, reason="it ended", restarts=4), error=LicenseError(-97, minor=121, reason="third: it ended.")
    )
    views = (
        ServerView((("licsrv", 7260),), status, (DaemonView(DaemonStatus("genesys.d", True, "0.1.0", port=5), pools), down)),
        ServerView((("licsrv2", 7260),), error=LicenseError(-15, minor=570, system=(111, "Connection refused"), reason="It is off.")),
    )
    return Screen("lmstat", NOW, views, local=lambda since: datetime.fromtimestamp(since, EAST), users=True, **how)  # type: ignore[arg-type]


def test_one_object_of_servers_daemons_and_features() -> None:
    shown = json.loads(as_json(screen()))
    assert list(shown) == ["time", "servers", "daemons", "features"]
    assert datetime.fromisoformat(shown["time"]) == NOW
    up, silent = shown["servers"]
    assert (up["server"], up["up"], up["files"], up["error"]) == ("7260@licsrv", True, ["/opt/license.dat"], None)
    assert up["members"] == [{"host": "licsrv", "port": 7260, "up": True, "master": True, "version": "0.1.0"}]
    assert (silent["server"], silent["up"], silent["members"]) == ("7260@licsrv2", False, [])
    assert silent["error"] == {
        "number": -15,
        "minor": 570,
        "text": 'Cannot connect to license server system. (-15,570:111 "Connection refused")',
        "reason": "It is off.",
        "remedy": "Start the server, or check host, port and firewall.",
    }
    assert list(up) == list(silent)
    assert [(one["vendor"], one["up"], one["restarts"], one["reason"]) for one in shown["daemons"]] == [
        ("genesys.d", True, 0, ""),
        ("third", False, 4, "it ended"),
    ]


def test_features_hold_pools_and_holders_and_keep_reservations_apart() -> None:
    feature, idle = json.loads(as_json(screen()))["features"]
    assert {key: feature[key] for key in ("feature", "vendor", "server", "issued", "in_use", "reserved")} == {
        "feature": "f1",
        "vendor": "genesys.d",
        "server": "7260@licsrv",
        "issued": 15,
        "in_use": 3,
        "reserved": 2,
    }
    first, second = feature["pools"]
    assert (first["expires"], second["expires"]) == ("2027-12-31", None)
    assert (first["overdraft"], first["over"], first["denials"]) == (0, 0, 0)
    assert first["reservations"] == [{"count": 2, "kind": "GROUP", "name": "night"}]
    assert first["holders"] == [
        {
            "user": "bo lee",
            "host": "desk1",
            "display": "",
            "version": "8.1",
            "handle": 7,
            "count": 3,
            "since": "2024-02-29T08:01:07+05:30",
            "pid": 42,
            "linger_s": 0,
            "linger_total_s": 0,
            "attached": True,
            "borrowed": False,
            "data": "",
        }
    ]
    assert [waiting["handle"] for waiting in second["queued"]] == [8]
    assert (idle["issued"], idle["pools"][0]["hostid"]) == (None, "ANY")


def test_idle_features_can_be_left_out() -> None:
    assert [one["feature"] for one in json.loads(as_json(screen(active_only=True)))["features"]] == ["f1"]


def test_rows() -> None:
    rows = [Row("f1", "8.5", 5, "genesys.d", "01-Dec-2027"), Row("f2", "8.5", 0, "genesys.d", "1-jan-0"), Row("f3", "1", 1, "v", "soon")]
    shown = json.loads(rows_as_json(NOW, rows))
    assert [(row["feature"], row["count"], row["expires"]) for row in shown["licenses"]] == [
        ("f1", 5, "2027-12-01"),
        ("f2", None, None),
        ("f3", 1, "soon"),
    ]
