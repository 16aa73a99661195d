"""lmstat_text: the screens, as golden files, and every rule of lmstat-formats.md on servers that hypothesis makes up."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seatkeeper.base.errors import LicenseError
from seatkeeper.cli.lmstat_text import DaemonView, Row, Screen, ServerView, name_of_host, render, render_rows, version_word
from seatkeeper.wire.messages import (
    DaemonStatus,
    HolderStatus,
    MemberStatus,
    PoolStatus,
    QueuedStatus,
    ReservationStatus,
    ServerStatus,
)
from support.lmstat_reader import StrictReader

GOLDEN = Path(__file__).parents[1] / "golden" / "lmstat"
NOW = datetime(2026, 9, 28, 9, 5)
#: Monday 28 September 2026, 08:01:07 UTC.
BEGAN = datetime(2026, 9, 28, 8, 1, 7, tzinfo=UTC).timestamp()
GENESYS = DaemonStatus("genesys.d", up=True, version="0.1.0")
SERVICE = DaemonStatus("otherd", up=True, version="2.11")
ALONE = ServerStatus(1, "licsrv", 7260, "0.1.0", ["/opt/genesys/license.dat"], [MemberStatus("licsrv", 7260, True, True, "0.1.0")], [])
PLACE = (("licsrv", 7260),)
REFUSED = LicenseError(-15, minor=570, system=(111, "Connection refused"))


def utc(since: float) -> datetime:
    return datetime.fromtimestamp(since, UTC).replace(tzinfo=None)


def screen(*views: ServerView, **how: object) -> str:
    return render(Screen("lmutil", NOW, views, local=utc, **how))  # type: ignore[arg-type]


def holder(user: str, handle: int, count: int = 1, **more: object) -> HolderStatus:
    return HolderStatus(user, "desk" + user[-1], ":0", "8.1", handle, count, BEGAN, **more)  # type: ignore[arg-type]


def pool(feature: str, total: int, *holders: HolderStatus, **more: object) -> PoolStatus:
    fields = {"pool": 0, "vendor": "genesys.d", "version": "8.5", "expiry": "permanent", "in_use": 0} | more
    return PoolStatus(1, feature, total=total, holders=list(holders), **fields)  # type: ignore[arg-type]


def one(*pools: PoolStatus, daemon: DaemonStatus = GENESYS) -> ServerView:
    return ServerView(PLACE, ALONE, (DaemonView(daemon, pools),))


BUSY = (
    pool("tserver_sdn", 500, holder("tsrv1", 101, 300), holder("ada", 102)),
    pool(
        "tserver_sdn",
        10,
        holder("bo", 103, linger_s=1800, linger_total_s=3600),
        holder("cy", 104, 2, linger_s=1, linger_total_s=60),
        pool=1,
        version="8.1",
        expiry="01-Dec-2027",
        vendor_string="site=north",
        reservations=[
            ReservationStatus(1, "HOST", "desk7"),
            ReservationStatus(4, "GROUP", "night_shift"),
            ReservationStatus(0, "USER", "eve"),
        ],
        queued=[QueuedStatus("eve", "desk9", ":0", "8.1", 105, 1, BEGAN), QueuedStatus("fay", "desk8", "", "", 106, 2, BEGAN)],
    ),
    pool("ics_one", 1),
    pool("ocs_ports", 1, HolderStatus("gil", "desk6", "", "", 107, 1, BEGAN), hostid="0015f2a1b2c3"),
    pool("design_tool", 0, hostid="ANY"),
    pool("design_kit", 0, holder("hal", 108), hostid="ID=123456"),
)


def test_a_busy_server() -> None:
    check(
        "busy", "`lmstat -a` shows pools, users, reservations, lingering and queued requests in their lines", screen(one(*BUSY), users=True)
    )


def test_only_what_is_in_use() -> None:
    check("active", "`lmstat -A` leaves idle features out", screen(one(*BUSY), users=True, active_only=True))


def test_seconds() -> None:
    check("seconds", "`lmstat -asec` shows start times as HH:MM:SS", screen(one(BUSY[0]), users=True, seconds=True))


def test_no_users() -> None:
    check("totals", "`lmstat -a --no-user-info` shows totals only", screen(one(*BUSY), users=True, people=False))


def test_no_flags() -> None:
    check("status", "`lmstat` alone shows servers and vendor daemons, no features", screen(one(*BUSY)))


def test_without_a_path_option() -> None:
    check(
        "detecting",
        "Without -c the line about lmgrd processes stands before the server's",
        screen(one(BUSY[2]), users=True, detecting=True),
    )


def test_two_daemons_behind_one_server() -> None:
    down = DaemonView(replace(GENESYS, name="third", up=False), error=LicenseError(-97, minor=121))
    view = ServerView(PLACE, ALONE, (DaemonView(GENESYS, BUSY[2:4]), down, DaemonView(SERVICE, (pool("other_one", 3),))))
    check("daemons", "One `Vendor daemon status` heads all vendor daemons; one that is down says so", screen(view, users=True))


def test_one_feature_of_the_second_daemon() -> None:
    view = ServerView(PLACE, ALONE, (DaemonView(GENESYS), DaemonView(SERVICE, (pool("other_one", 3),))))
    check("feature", "`lmstat -f F` shows one totals line, the last", screen(view, users=True, feature="other_one"))


def test_a_feature_that_nobody_serves() -> None:
    view = ServerView(PLACE, ALONE, (DaemonView(GENESYS), DaemonView(SERVICE)))
    check("unknown", "`lmstat -f F` of an unknown feature says so once, with its numbers", screen(view, users=True, feature="nosuch"))


def test_a_triad_with_a_member_down() -> None:
    members = [
        MemberStatus("lic1", 7260, True, False, "0.1.0"),
        MemberStatus("lic2", 7260, True, True, "0.1.0"),
        MemberStatus("lic3.example.test", 7261, False, False),
    ]
    status = ServerStatus(1, "lic1", 7260, "0.1.0", ["/opt/a.dat", "/opt/b.dat"], members, [GENESYS])
    errors = {("lic3.example.test", 7261): LicenseError(-15, minor=570, system=(115, "Operation now in progress"))}
    view = ServerView((("lic1", 7260), ("lic2", 7260), ("lic3.example.test", 7261)), status, (DaemonView(GENESYS, BUSY[:1]),), None, errors)
    check("triad", "A triad has three server lines, the master's named and the missing one's error", screen(view, users=True))


def test_lines_that_are_not_served() -> None:
    """Idle ones are an error line; who still holds seats of one is counted, and beside lines that are served nobody is told of them."""
    ended = {"expiry": "1-feb-2026", "unsupported": 4}
    pools = (
        PoolStatus(1, "broken", 0, "genesys.d", "", "", 0, 0, unsupported=1),
        pool("ended", 0, **ended),
        pool("still_held", 0, holder("ada", 101), **ended),
        pool("renewed", 0, **ended),
        pool("renewed", 6, holder("bo", 102, 2), pool=1),
    )
    check(
        "unsupported",
        "Seats of lines that are not served are no seats, and no user stands below an error line",
        screen(one(*pools), users=True),
    )


def test_independent_servers() -> None:
    second = replace(ALONE, host="licsrv2", members=[MemberStatus("licsrv2", 7260, True, False, "0.1.0")])
    views = (
        one(BUSY[2]),
        ServerView((("licsrv2", 7260),), second, (DaemonView(GENESYS, (BUSY[0],)),)),
        ServerView((("licsrv3", 7260),), error=REFUSED),
    )
    check("independent", "Each independent server begins with a fresh header; one that is down has its error", screen(*views, users=True))


def test_a_server_that_is_down() -> None:
    check(
        "down",
        "`Error getting status` follows the status line when no server answers",
        screen(ServerView(PLACE, error=REFUSED), users=True),
    )
    late = screen(ServerView(PLACE, error=REFUSED), users=True, detecting=True)
    assert late.splitlines()[2:] == ["", "[Detecting lmgrd processes...]", f"Error getting status: {REFUSED.short()}"]


def test_license_file_rows() -> None:
    rows = [
        Row("tserver_sdn", "8.5", 500, "genesys.d", "permanent"),
        Row("FEATURE_WITH_A_NAME_OF_THIRTY_", "2026.0901", 12345, "genesys.d", "12-Jun-2027"),
        Row("design_tool", "8.0", 0, "genesys.d", "01-jan-00"),
    ]
    check("file", "`lmstat -i` shows one row a line, Vendor before Expires", render_rows("lmstat", NOW, rows))


def check(name: str, proves: str, shown: str) -> None:
    """The screen equals its golden file, whose first line says what it proves."""
    file = GOLDEN / f"{name}.txt"
    expected = f"# {proves}.\n{shown}"
    if os.environ.get("SEATKEEPER_REWRITE_GOLDEN"):
        file.write_text(expected, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == expected


# Names and hosts -------------------------------------------------------------------------------------------------


def test_a_lone_server_reached_by_address_is_shown_by_its_name() -> None:
    for written in ("::1", "[2001:db8::5]", "this_host"):
        status = replace(ALONE, members=[MemberStatus(written, 7260, True, True, "0.1.0")])
        shown = screen(ServerView((("::1", 7260),), status, (DaemonView(GENESYS, (BUSY[0],)),)), users=True)
        assert "License server status: 7260@licsrv\n" in shown
        assert "\n    licsrv: license server UP (MASTER) v0.1.0\n" in shown
        assert "(licsrv/7260 101)" in shown
        assert "::" not in shown


def test_an_ipv6_address_without_a_name_becomes_one_label() -> None:
    assert name_of_host("2001:db8::1") == "ipv6-2001-db8--1"
    assert name_of_host("[fe80::1%eth0]") == "ipv6-fe80--1"
    assert name_of_host("lic1.example.test") == "lic1.example.test"
    shown = screen(ServerView((("::1", 7260),), error=REFUSED), one())
    assert "License server status: 7260@localhost\n" in shown
    assert "\n localhost: Cannot connect" in shown


def test_a_server_without_members_is_shown_as_itself() -> None:
    shown = screen(ServerView(PLACE, replace(ALONE, members=[])))
    assert "    licsrv: license server UP (MASTER) v0.1.0\n" in shown


def test_versions_end_their_line_in_digits() -> None:
    assert version_word("0.1.0") == "v0.1.0"
    assert version_word("v0.1.0.dev3+local") == "v0.1.0"
    assert version_word("") == "v0"


def test_an_expiry_that_is_no_date_is_shown_as_it_is() -> None:
    assert "expiry: soon\n" in screen(one(pool("f1", 1, holder("ada", 1), expiry="soon")), users=True)


def test_a_holder_that_shares_anothers_seat_is_not_shown() -> None:
    shown = screen(one(pool("f1", 5, holder("ada", 1), holder("bo", 2, 0))), users=True)
    assert "Total of 1 license in use" in shown
    assert " bo " not in shown


def test_a_feature_of_both_kinds_has_a_line_for_each() -> None:
    shown = screen(one(pool("f1", 5, holder("ada", 1)), pool("f1", 0, holder("bo", 2), pool=1)), users=True)
    assert [line for line in shown.splitlines() if line.startswith("Users of")] == [
        "Users of f1:  (Uncounted, node-locked)",
        "Users of f1:  (Total of 5 licenses issued;  Total of 1 license in use)",
    ]


# The rules of lmstat-formats.md ----------------------------------------------------------------------------------

name = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=14).filter(lambda text: text[0].isalpha())
host_name = st.builds(lambda label, domain: label + domain, name, st.sampled_from(["", ".example.test"]))
version = st.sampled_from(["1", "8.5", "8.1", "31.000000", "2026.0901"])
expiry = st.sampled_from(["permanent", "1-jan-0", "31-dec-2027", "05-FEB-2031"])
since = st.floats(0, 4e9)
count = st.sampled_from([1, 1, 1, 2, 300])
handles = st.integers(1, 10**6)
holders = st.builds(
    HolderStatus,
    name,
    host_name,
    name | st.just("") | st.just(":0.0"),
    version | st.just(""),
    handles,
    count,
    since,
    linger_total_s=st.sampled_from([0, 0, 60]),
)
reservations = st.builds(ReservationStatus, st.integers(0, 3), st.sampled_from(["HOST", "GROUP", "HOST_GROUP", "USER"]), name)
queued = st.builds(QueuedStatus, name, host_name, name | st.just(""), version | st.just(""), handles, count, since)
pools = st.builds(
    PoolStatus,
    st.just(1),
    feature=name,
    pool=st.just(0),
    vendor=st.just("genesys.d"),
    version=version,
    expiry=expiry,
    total=st.sampled_from([0, 1, 5, 1000]),
    in_use=st.just(0),
    hostid=st.sampled_from(["", "ANY", "DEMO", "ID=123456", "0015f2a1b2c3"]),
    vendor_string=st.sampled_from(["", "QQ", "product=a|b"]),
    holders=st.lists(holders, max_size=4),
    reservations=st.lists(reservations, max_size=2),
    queued=st.lists(queued, max_size=2),
    unsupported=st.sampled_from([0, 0, 0, 4]),
)
daemons = st.builds(
    lambda called, up, told: DaemonView(
        DaemonStatus(called, up, "0.1.0"), tuple(told) if up else (), None if up else LicenseError(-97, minor=121)
    ),
    name,
    st.sampled_from([True, True, True, False]),
    st.lists(pools, max_size=4),
)


@st.composite
def servers(draw: st.DrawFn) -> ServerView:
    hosts = draw(st.lists(host_name, min_size=3, max_size=3, unique_by=lambda text: text.split(".")[0]))[: draw(st.sampled_from([1, 1, 3]))]
    master = draw(st.integers(0, len(hosts) - 1))
    members = [
        MemberStatus(host, 7260, number == master or draw(st.booleans()), number == master, "0.1.0") for number, host in enumerate(hosts)
    ]
    place = tuple((host, 7260) for host in hosts)
    if draw(st.integers(0, 5)) == 0:
        return ServerView(place, error=REFUSED)
    views = tuple(draw(st.lists(daemons, max_size=3)))
    errors = {(member.host, 7260): REFUSED for member in members if not member.up and draw(st.booleans())}
    status = ServerStatus(1, hosts[master], 7260, "0.1.0", ["/opt/license.dat"], members, [view.status for view in views])
    return ServerView(place, status, views, None, errors)


@given(st.lists(servers(), min_size=1, max_size=3))
def test_every_line_is_one_that_the_readers_know(views: list[ServerView]) -> None:
    StrictReader(screen(*views, users=True)).read()


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_name_can_begin_or_end_a_line(user: str, host: str, display: str) -> None:
    hostile = pool("f1", 5, HolderStatus(user, host, display, "8.1", 7, 2, BEGAN), vendor_string=display)
    lines = screen(one(hostile), users=True).splitlines()
    users = [line for line in lines if line.startswith("    ") and "License file" not in line and "license server" not in line]
    assert len(users) == 1
    assert users[0].endswith("(v8.1) (licsrv/7260 7), start Mon 9/28 8:01, 2 licenses")
    assert len(lines) == len(
        screen(one(replace(hostile, holders=[holder("ada", 7)], vendor_string=display and "x"))).splitlines()
    ) + 8 + bool(display)


def test_rows_split_on_blanks() -> None:
    rows = [Row("a b", "8.5", 3, "genesys.d", "31-dec-2027"), Row("f1", "1", 0, "v", "permanent")]
    table = render_rows("lmstat", NOW, rows).splitlines()
    start = next(number for number, line in enumerate(table) if line.startswith("____"))
    assert table[start - 1].split() == ["Feature", "Version", "#licenses", "Vendor", "Expires"]
    assert [line.split() for line in table[start + 1 :]] == [
        ["a", "b", "8.5", "3", "genesys.d", "31-dec-2027"],
        ["f1", "1", "uncounted", "v", "permanent(no", "expiration", "date)"],
    ]


@pytest.mark.parametrize(
    ("total", "hostid", "kind"),
    [
        (5, "", "floating license"),
        (5, "ANY", "floating license"),
        (5, "ID=123456", 'nodelocked license, locked to "ID=123456"'),
        (0, "ID=123456", 'uncounted nodelocked license, locked to "ID=123456"'),
        (0, "ANY", "uncounted nodelocked license locked to NOTHING (hostid=ANY)"),
        (0, "demo", "uncounted nodelocked license locked to NOTHING (hostid=DEMO)"),
    ],
)
def test_kinds_of_license(total: int, hostid: str, kind: str) -> None:
    assert f"  {kind}\n" in screen(one(pool("f1", total, holder("ada", 1), hostid=hostid)), users=True)


def test_ten_thousand_holders_each_have_their_line() -> None:
    many = pool("f1", 20000, *(HolderStatus(f"user{number}", "desk1", ":0", "8.5", number, 1, BEGAN) for number in range(10000)))
    assert screen(one(many), users=True).count(", start ") == 10000
