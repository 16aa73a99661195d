"""What lmstat shows is a function of what the servers said: the same values give the same screen, to the letter.

Theory of operation. The shapes are those of FlexNet 11.14 to 11.18, because some fifty tools read them (facts, lmstat
formats; the section is named beside each shape). Three of their rules are kept here by construction rather than by trust in
the server: the host name is one and the same on all lines of a server (rule 4), `in use` is the sum of the lines printed below
it (rule 2), and nothing that a user chose as a name can end a line or begin another one.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from seatkeeper.base.dates import NEVER, format_date, parse_date
from seatkeeper.wire.messages import DaemonStatus, HolderStatus, MemberStatus, PoolStatus, QueuedStatus, ServerStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seatkeeper.base.errors import LicenseError

__all__ = [
    "NO_DISPLAY",
    "DaemonView",
    "Row",
    "Screen",
    "ServerView",
    "held",
    "is_busy",
    "members_of",
    "name_of_host",
    "render",
    "render_rows",
    "reserved",
    "version_word",
]

#: Printed for a holder without a display: a missing word makes several tools lose the line (lmstat formats, 5).
NO_DISPLAY: Final = "/dev/tty"
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PERMANENT: Final = "permanent(no expiration date)"
_DAEMON_DOWN: Final = "The desired vendor daemon is down. (-97,121)"
_NO_ANSWER: Final = "Cannot connect to license server system. (-15,570)"


class DaemonView(Struct, frozen=True):
    """A vendor daemon as its lmgrd sees it, with the pools it told; `error` is why it told none."""

    status: DaemonStatus
    pools: tuple[PoolStatus, ...] = ()
    error: LicenseError | None = None


class ServerView(Struct, frozen=True):
    """One entry of the license path: what its server answered, or why there was no answer.

    Attributes:
        place: The members asked, as host and port; one, or the three of a triad.
        status: The answer; None with `error` where no member answered.
        daemons: The vendor daemons that are to be shown.
        error: Why there was no answer.
        member_errors: Why single members of a triad did not answer, by host and port.
    """

    place: tuple[tuple[str, int], ...]
    status: ServerStatus | None = None
    daemons: tuple[DaemonView, ...] = ()
    error: LicenseError | None = None
    member_errors: dict[tuple[str, int], LicenseError] = field(default_factory=dict)


class Screen(Struct, frozen=True):
    """What is to be shown, and how.

    Attributes:
        program: `lmstat`, or `lmutil` when called through it.
        now: The local time at which the servers were asked.
        views: The servers in the order of the license path.
        local: Unix time to local time.
        servers: Show the servers.
        daemons: Show the vendor daemons.
        users: Show the features and who holds them.
        feature: The one feature asked for; empty for all.
        active_only: Leave idle features out.
        people: Show user lines and pools; without it only the totals.
        seconds: Show start times as HH:MM:SS.
        detecting: No license path was given on the command line.
    """

    program: str
    now: datetime
    views: tuple[ServerView, ...]
    local: Callable[[float], datetime] = datetime.fromtimestamp
    servers: bool = True
    daemons: bool = True
    users: bool = False
    feature: str = ""
    active_only: bool = False
    people: bool = True
    seconds: bool = False
    detecting: bool = False


class Row(Struct, frozen=True):
    """One line of `lmstat -i`; `count` 0 is uncounted."""

    feature: str
    version: str
    count: int
    vendor: str
    expiry: str


# Words -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def _word(text: str) -> str:
    """`text` without anything that could end a line or fake a column; single blanks stay, as in FlexNet."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split()) or "?"


def name_of_host(host: str) -> str:
    """The host as a name: an IPv6 literal, on which most readers break, becomes one label of letters and dashes."""
    bare = host.strip("[]").partition("%")[0]
    if bare == "::1":
        return "localhost"
    return f"ipv6-{bare.replace(':', '-')}" if ":" in bare else _word(host)


def version_word(version: str) -> str:
    """`v` and the leading digits and dots of a version: readers end the line with `[0-9.]+`."""
    digits = version.removeprefix("v")
    end = next((index for index, char in enumerate(digits) if char not in "0123456789."), len(digits))
    return "v" + (digits[:end].rstrip(".") or "0")


def _short(error: LicenseError | None, otherwise: str) -> str:
    return error.short() if error is not None else otherwise


def _licenses(count: int) -> str:
    # Singular exactly for 1, plural for 0 too (lmstat formats, 3).
    return f"{count} license" if count == 1 else f"{count} licenses"


def _expiry_day(expiry: str) -> str:
    """`d-mmm-yyyy` in lower case, or `1-jan-0` for never: what 11.14 to 11.18 print (lmstat formats, 4).

    Seats that no line covers any more have no day, and readers want one.
    """
    if not expiry:
        return "1-jan-0"
    try:
        day = parse_date(expiry)
    except ValueError:
        return _word(expiry)
    return "1-jan-0" if day == NEVER else format_date(day, pad=False)


# Servers and daemons (lmstat formats, 1 and 2) -------------------------------------------------------------------


def members_of(status: ServerStatus) -> list[MemberStatus]:
    """The SERVER lines; a lone server has a name even where its SERVER line has an address or `this_host`."""
    if not status.members:
        return [MemberStatus(status.host, status.port, up=True, master=True, version=status.version)]
    if len(status.members) > 1:
        return status.members
    only = status.members[0]
    named = status.host if (":" in only.host or only.host == "this_host") and status.host else only.host
    return [MemberStatus(named, only.port, up=True, master=True, version=only.version)]


def _master(status: ServerStatus) -> MemberStatus:
    members = members_of(status)
    return next((member for member in members if member.master), members[0])


def _server_lines(view: ServerView, status: ServerStatus) -> list[str]:
    members = members_of(status)
    places = ",".join(f"{member.port}@{name_of_host(member.host)}" for member in members)
    # The member that answered, by its SERVER line's name.
    here = name_of_host(next((member.host for member in members if member.host.lower() == status.host.lower()), _master(status).host))
    files = "".join(f"{_word(file)}:" for file in status.files)
    lines = [f"License server status: {places}", f"    License file(s) on {here}: {files}", ""]
    for member in members:
        name = name_of_host(member.host)
        if member.up:
            master = " (MASTER)" if member.master else ""
            lines.append(f"{name:>10}: license server UP{master} {version_word(member.version or status.version)}")
        else:
            error = view.member_errors.get((member.host, member.port))
            lines.append(f"{name:>10}: {_short(error, _NO_ANSWER)}")
    return [*lines, ""]


def _silent_lines(view: ServerView) -> list[str]:
    """A server that did not answer, among others that did."""
    places = ",".join(f"{port}@{name_of_host(host)}" for host, port in view.place)
    lines = [f"License server status: {places}", ""]
    for host, port in view.place:
        error = view.member_errors.get((host, port), view.error)
        lines.append(f"{name_of_host(host):>10}: {_short(error, _NO_ANSWER)}")
    return [*lines, ""]


def _daemon_line(daemon: DaemonView) -> str:
    name = f"{_word(daemon.status.name):>10}"
    if daemon.status.up and daemon.error is None:
        return f"{name}: UP {version_word(daemon.status.version)}"
    return f"{name}: {_short(daemon.error, _DAEMON_DOWN)}"


def _daemon_lines(screen: Screen, view: ServerView, status: ServerStatus) -> list[str]:
    master = _master(status)
    where = f"({name_of_host(master.host)}/{master.port}"
    lines = [f"Vendor daemon status (on {name_of_host(master.host)}):", ""] if screen.daemons else []
    served = any(daemon.pools for daemon in view.daemons)
    answering = [daemon for daemon in view.daemons if daemon.status.up and daemon.error is None]
    for daemon in view.daemons:
        if screen.daemons:
            lines.append(_daemon_line(daemon))
        if not screen.users:
            continue
        if daemon not in answering:
            lines.append("")
            continue
        unknown = bool(screen.feature) and not served and daemon is answering[-1]
        if screen.feature and not daemon.pools and not unknown:
            continue
        lines += ["Feature usage info:", ""]
        for pools in _by_feature(daemon.pools):
            lines += _feature_lines(screen, pools, where)
        if unknown:
            name = _word(screen.feature)
            lines += [f"Users of {name}: Cannot get users of {name}: No such feature exists. (-5,222)", ""]
    return lines if lines and not lines[-1] else [*lines, ""]


# Features (lmstat formats, 3 to 5) -------------------------------------------------------------------------------


def _is_counted(pool: PoolStatus) -> bool:
    """Also of a pool whose lines have ended, or have not begun: it has no seats now."""
    return pool.total > 0 or pool.unsupported > 0


def _by_feature(pools: Iterable[PoolStatus]) -> list[list[PoolStatus]]:
    """The pools of each `Users of` line, in the order of the license file.

    A feature that has both kinds of pools gets two lines, the uncounted first: a sum over both would break rule 2, and
    readers that keep the last line of a name then keep the counted one.
    """
    groups: dict[tuple[str, bool], list[PoolStatus]] = {}
    order: dict[str, None] = {}
    for pool in pools:
        groups.setdefault((pool.feature, _is_counted(pool)), []).append(pool)
        order.setdefault(pool.feature)
    return [groups[key] for name in order for key in ((name, False), (name, True)) if key in groups]


def _shown(pool: PoolStatus) -> list[HolderStatus]:
    """Holders with a seat of their own; one that shares another's (DUP_GROUP) has a count of 0 and is left out."""
    return [holder for holder in pool.holders if holder.count > 0]


def reserved(pool: PoolStatus) -> int:
    """Idle reservations; lmstat counts them as in use."""
    return sum(reservation.count for reservation in pool.reservations)


def held(pool: PoolStatus) -> int:
    """Seats that somebody holds."""
    return sum(holder.count for holder in pool.holders)


def is_busy(pools: Iterable[PoolStatus]) -> bool:
    """True where somebody holds seats, waits for some, or has some reserved."""
    return any(_shown(pool) or reserved(pool) or pool.queued for pool in pools)


def _feature_lines(screen: Screen, pools: Sequence[PoolStatus], where: str) -> list[str]:
    if screen.active_only and not is_busy(pools):
        return []
    name = _word(pools[0].feature)
    used = sum(held(pool) + reserved(pool) for pool in pools)
    issued = sum(pool.total for pool in pools)
    lacking = sum(pool.unsupported for pool in pools)
    if issued or (lacking and is_busy(pools)):
        # Who holds seats of lines that have ended is counted: readers give users below an error line to the feature before it.
        lines = [f"Users of {name}:  (Total of {_licenses(issued)} issued;  Total of {_licenses(used)} in use)", ""]
    elif lacking:
        # Never singular (facts, FlexNet 5.2).
        lines = [f"Users of {name}:  (Error: {lacking} licenses, unsupported by licensed server)", ""]
    else:
        lines = [f"Users of {name}:  (Uncounted, node-locked)", ""]
    if screen.people:
        for pool in pools:
            lines += _pool_lines(screen, pool, where)
    return lines


def _pool_lines(screen: Screen, pool: PoolStatus, where: str) -> list[str]:
    if not is_busy([pool]):
        return []
    lines = [f'  "{_word(pool.feature)}" v{_word(pool.version)}, vendor: {_word(pool.vendor)}, expiry: {_expiry_day(pool.expiry)}']
    if pool.vendor_string:
        lines.append(f"  vendor_string: {_word(pool.vendor_string)}")
    lines += [f"  {_kind(pool)}", ""]
    for reservation in pool.reservations:
        if reservation.count > 0:
            many = "" if reservation.count == 1 else "s"
            lines.append(f"\t{reservation.count} RESERVATION{many} for {_word(reservation.kind)} {_word(reservation.name)} {where})")
    lines += [_holder_line(screen, pool, holder, where) for holder in _shown(pool)]
    for waiting in pool.queued:
        # The version stands twice: a reader needs the numeric word before "(v" (lmstat formats, 5).
        version = _version(waiting, pool)
        lines.append(f"    {_who(waiting)} {version} (v{version}) {where} {waiting.handle}) queued for {_licenses(waiting.count)}")
    return [*lines, ""]


def _kind(pool: PoolStatus) -> str:
    hostid = pool.hostid.strip()
    if _is_counted(pool):
        return "floating license" if hostid.upper() in ("", "ANY") else f'nodelocked license, locked to "{_word(hostid)}"'
    if hostid.upper() in ("", "ANY", "DEMO"):
        return f"uncounted nodelocked license locked to NOTHING (hostid={hostid.upper() or 'ANY'})"
    return f'uncounted nodelocked license, locked to "{_word(hostid)}"'


def _who(holder: HolderStatus | QueuedStatus) -> str:
    return f"{_word(holder.user)} {_word(holder.host)} {_word(holder.display or NO_DISPLAY)}"


def _version(holder: HolderStatus | QueuedStatus, pool: PoolStatus) -> str:
    """The version asked for; whoever asked for any has the pool's."""
    return _word(holder.version or pool.version)


def _holder_line(screen: Screen, pool: PoolStatus, holder: HolderStatus, where: str) -> str:
    began = screen.local(holder.since)
    clock = began.strftime("%H:%M:%S") if screen.seconds else f"{began.hour}:{began.minute:02d}"
    line = (
        f"    {_who(holder)} (v{_version(holder, pool)}) {where} {holder.handle}), "
        f"start {_WEEKDAYS[began.weekday()]} {began.month}/{began.day} {clock}"
    )
    if holder.count > 1:
        line += f", {holder.count} licenses"
    if holder.linger_total_s:
        line += f"  (linger: {holder.linger_s} / {holder.linger_total_s})"
    return line


# Screens ---------------------------------------------------------------------------------------------------------


def _head(program: str, now: datetime) -> list[str]:
    stamp = f"{_WEEKDAYS[now.weekday()]} {now.month}/{now.day}/{now.year} {now.hour:02d}:{now.minute:02d}"
    return [f"{program} - Copyright (c) {now.year} seatkeeper authors", f"Flexible License Manager status on {stamp}"]


def render(screen: Screen) -> str:
    """The screen of `lmstat`, ending in a line end."""
    lines = _head(screen.program, screen.now)
    answered = any(view.status is not None for view in screen.views)
    if answered or screen.detecting:
        lines.append("")
    if screen.detecting:
        lines.append("[Detecting lmgrd processes...]")
    if not answered:
        error = next((view.error for view in screen.views if view.error is not None), None)
        lines.append(f"Error getting status: {_short(error, _NO_ANSWER)}")
    for view in screen.views if answered else ():
        if view.status is None:
            lines += _silent_lines(view)
            continue
        if screen.servers:
            lines += _server_lines(view, view.status)
        if screen.daemons or screen.users:
            lines += _daemon_lines(screen, view, view.status)
    return "\n".join(lines) + "\n"


def render_rows(program: str, now: datetime, rows: Iterable[Row]) -> str:
    """The screen of `lmstat -i`: one row a license line, no blank inside a column but in the text for never."""
    lines = _head(program, now)
    lines += [
        "",
        "NOTE: lmstat -i does not give information from the server,",
        "      but only reads the license file.  For this reason,",
        "      lmstat -a is recommended instead.",
        "",
        "Feature                         Version     #licenses    Vendor        Expires",
        "_______                         _________   _________    ______        ________",
    ]
    for row in rows:
        expires = _expiry_day(row.expiry)
        count = str(row.count) if row.count else "uncounted"
        lines.append(
            f"{_word(row.feature):<32} {_word(row.version):<12} {count:<11} {_word(row.vendor):<12} "
            f"{_PERMANENT if expires == '1-jan-0' else expires}"
        )
    return "\n".join(lines) + "\n"
