"""Reads what lmstat prints as the strictest of the field's tools do (facts, lmstat formats); a line that none of them knows fails."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Block", "Daemon", "Feature", "Reservation", "Seats", "Server", "StrictReader"]

WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
COPYRIGHT = re.compile(r"(lmutil|lmstat) - Copyright \(c\) \d{4} seatkeeper authors")
STATUS_ON = re.compile(
    rf"Flexible License Manager status on {WEEKDAY} (?:1[0-2]|[1-9])/(?:[12]\d|3[01]|[1-9])/\d{{4}} (?:[01]\d|2[0-3]):[0-5]\d"
)
ERROR = re.compile(r"Error getting status: \S.*\S \((?:-\d+,\d+)(?::\d+ \"[^\"]+\")?\)")
TOTALS = re.compile(r"Users of (\S+):  \(Total of (\d+) (licenses?) issued;  Total of (\d+) (licenses?) in use\)")
UNCOUNTED = re.compile(r"Users of (\S+):  \(Uncounted, node-locked\)")
UNSUPPORTED = re.compile(r"Users of (\S+):  \(Error: (\d+) licenses, unsupported by licensed server\)")
UNKNOWN = re.compile(r"Users of (\S+): Cannot get users of \1: No such feature exists\. \(-5,222\)")
DETAIL = re.compile(r'  "(\S+)" v(\S+), vendor: (\S+), expiry: ([1-9]\d?-[a-z]{3}-(?:\d{4}|0))')
KIND = re.compile(
    r'  (floating license|nodelocked license, locked to "[^"]+"|uncounted nodelocked license, locked to "[^"]+"'
    r"|uncounted nodelocked license locked to NOTHING \(hostid=(?:ANY|DEMO)\))"
)
# A user may have blanks in the name; host and display are the last two words before the version.
HOLDER = re.compile(
    r" {4}(\S+(?: \S+)*) (\S+) (\S+) \(v([\d.]+)\) \(([^/\s]+)/(\d+) (\d+)\), start "
    rf"({WEEKDAY} (?:1[0-2]|[1-9])/(?:[12]\d|3[01]|[1-9])) (\S+?)(?:, (?!1 )(\d+) licenses)?(?:  \(linger: (\d+) / (\d+)\))?"
)
MINUTES = re.compile(r"(?:1\d|2[0-3]|\d):[0-5]\d")
SECONDS = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d")
RESERVED = re.compile(r"\t(\d+) RESERVATION(s?) for (HOST|GROUP|HOST_GROUP|USER) (\S+) \(([^/\s]+)/(\d+)\)")
QUEUED = re.compile(r" {4}(\S+(?: \S+)*) (\S+) (\S+) ([\d.]+) \(v\4\) \(([^/\s]+)/(\d+) (\d+)\) queued for (\d+) (licenses?)")
SERVER_STATUS = re.compile(r"License server status: (\d+@[^\s,:@]+(?:,\d+@[^\s,:@]+){0,2})")
FILES = re.compile(r"    License file\(s\) on (\S+): (?:\S+:)+")
SERVER_UP = re.compile(r" {0,9}(\S+): license server UP( \(MASTER\))? v[\d.]+")
SERVER_DOWN = re.compile(r" {0,9}(\S+): Cannot (?:connect to|read data from) license server system\. \(-1[56],\d+(?::\d+ \"[^\"]+\")?\)")
DAEMON_STATUS = re.compile(r"Vendor daemon status \(on (\S+)\):")
DAEMON = re.compile(r" {0,9}(\S+): (?:(UP) v[\d.]+|The desired vendor daemon is down\. \(-97,121\))")


@dataclass(frozen=True)
class Seats:
    """A line of a checkout, or of a request that waits (without `start`)."""

    user: str
    host: str
    display: str
    version: str
    handle: int
    count: int
    start: str = ""
    linger: tuple[int, int] | None = None


@dataclass(frozen=True)
class Reservation:
    count: int
    kind: str
    name: str


@dataclass
class Block:
    """One pool and what stands under it."""

    feature: str
    version: str
    vendor: str
    expiry: str
    vendor_string: str = ""
    kind: str = ""
    holders: list[Seats] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    queued: list[Seats] = field(default_factory=list)

    @property
    def used(self) -> int:
        return sum(one.count for one in (*self.holders, *self.reservations))


@dataclass
class Feature:
    """One `Users of` line: `kind` is counted, uncounted, unsupported or unknown."""

    name: str
    kind: str
    issued: int = 0
    used: int = 0
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Daemon:
    name: str
    up: bool
    features: list[Feature] = field(default_factory=list)


@dataclass
class Server:
    """What stands under one header; `up` are the hosts that answer, `master` is empty where none does."""

    places: list[str]
    up: list[str] = field(default_factory=list)
    master: str = ""
    daemons: list[Daemon] = field(default_factory=list)


class StrictReader:
    """One screen of lmstat; after `read`, `servers` holds all of it, `features` (name, issued, in use) of each counted totals line.

    `seconds` expects the start times of -asec, and without `people` nothing stands below the totals.
    """

    def __init__(self, text: str, *, seconds: bool = False, people: bool = True) -> None:
        self.features: list[tuple[str, int, int]] = []
        self.servers: list[Server] = []
        self.error = ""
        self.detecting = False
        self.times = SECONDS if seconds else MINUTES
        self.people = people
        assert text.endswith("\n")
        assert "\n\n\n" not in text
        self.lines = text[:-1].split("\n")
        self.position = 0

    def next(self, pattern: re.Pattern[str] | str) -> re.Match[str]:
        found = self.maybe(pattern)
        assert found, f"expected {pattern!r}, found {self.peek()!r}"
        return found

    def maybe(self, pattern: re.Pattern[str] | str) -> re.Match[str] | None:
        found = re.fullmatch(pattern, self.peek()) if self.position < len(self.lines) else None
        self.position += found is not None
        return found

    def peek(self) -> str:
        return self.lines[self.position] if self.position < len(self.lines) else "(the end)"

    @property
    def more(self) -> bool:
        return self.position < len(self.lines)

    @property
    def daemons(self) -> list[Daemon]:
        """The vendor daemons of all servers."""
        return [daemon for server in self.servers for daemon in server.daemons]

    def read(self) -> StrictReader:
        """Reads the whole screen."""
        self.next(COPYRIGHT)
        self.next(STATUS_ON)
        if not ERROR.fullmatch(self.peek()):
            self.next("")
        self.detecting = bool(self.maybe(r"\[Detecting lmgrd processes\.\.\.\]"))
        if self.maybe(ERROR):
            self.error = self.lines[-1].removeprefix("Error getting status: ")
            assert not self.more
            return self
        while self.more:
            self.server()
        return self

    def server(self) -> None:
        if DAEMON_STATUS.fullmatch(self.peek()):
            # With -vd there are no lines about servers.
            server, ports = Server([]), {}
            self.servers.append(server)
            server.master = self.next(DAEMON_STATUS)[1]
        else:
            places = self.next(SERVER_STATUS)[1].split(",")
            server = Server(places)
            self.servers.append(server)
            ports = {place.split("@")[1]: place.split("@")[0] for place in places}
            answered = self.members(server, list(ports))
            if not answered or self.maybe(DAEMON_STATUS) is None:
                return
            assert DAEMON_STATUS.fullmatch(self.lines[self.position - 1])[1] == server.master  # type: ignore[index]
        self.next("")
        while self.more and not SERVER_STATUS.fullmatch(self.peek()) and not DAEMON_STATUS.fullmatch(self.peek()):
            if not self.maybe(""):
                self.daemon(server, ports.get(server.master, ""))

    def members(self, server: Server, hosts: list[str]) -> bool:
        """The lines of the servers themselves; False where none has answered."""
        files = self.maybe(FILES)
        self.next("")
        assert not files or files[1] in hosts
        for host in hosts:
            up = self.maybe(SERVER_UP)
            # Rule 4: the host of each line is that of the status line.
            assert (up or self.next(SERVER_DOWN))[1] == host
            if up:
                server.up.append(host)
                assert not (up[2] and server.master)
                server.master = host if up[2] else server.master
            assert len(self.lines[self.position - 1].split(":")[0]) == max(10, len(host))
        assert bool(files) == bool(server.up) == bool(server.master)
        self.next("")
        return bool(files)

    def daemon(self, server: Server, port: str) -> None:
        line = self.next(DAEMON)
        daemon = Daemon(line[1], bool(line[2]))
        server.daemons.append(daemon)
        assert len(line[0].split(":")[0]) == max(10, len(line[1]))
        if not daemon.up:
            self.maybe("")
            return
        if self.maybe("Feature usage info:"):
            self.next("")
            while self.peek().startswith("Users of"):
                daemon.features.append(self.feature(server.master, port))

    def feature(self, master: str, port: str) -> Feature:
        line = self.peek()
        if totals := self.maybe(TOTALS):
            found = Feature(totals[1], "counted", int(totals[2]), int(totals[4]))
            self.features.append((found.name, found.issued, found.used))
            words = line.split()
            assert (words[5], words[10]) == (totals[2], totals[4])
            assert totals[3] == ("license" if found.issued == 1 else "licenses")
            assert totals[5] == ("license" if found.used == 1 else "licenses")
        elif lacking := self.maybe(UNSUPPORTED):
            found = Feature(lacking[1], "unsupported", int(lacking[2]))
        elif unknown := self.maybe(UNKNOWN):
            found = Feature(unknown[1], "unknown")
        else:
            found = Feature(self.next(UNCOUNTED)[1], "uncounted")
        self.next("")
        while block := self.block(found.name, master, port):
            found.blocks.append(block)
        if found.kind == "counted" and self.people:
            # Rule 2: the sum of users is what is in use.
            assert sum(block.used for block in found.blocks) == found.used
        # Nobody's reader would give users to a feature that has no such line.
        assert not found.blocks or (self.people and found.kind in ("counted", "uncounted"))
        return found

    def block(self, feature: str, master: str, port: str) -> Block | None:
        """One pool; None where none follows."""
        detail = self.maybe(DETAIL)
        if detail is None:
            return None
        assert detail[1] == feature
        block = Block(*detail.groups())
        if text := self.maybe(r"  vendor_string: (\S+)"):
            block.vendor_string = text[1]
        block.kind = self.next(KIND)[1]
        self.next("")
        while not self.maybe(""):
            if reserved := self.maybe(RESERVED):
                block.reservations.append(Reservation(int(reserved[1]), reserved[3], reserved[4]))
                assert reserved[2] == ("" if reserved[1] == "1" else "s")
                where = reserved[5], reserved[6]
            elif waiting := self.maybe(QUEUED):
                block.queued.append(Seats(*waiting.group(1, 2, 3, 4), int(waiting[7]), int(waiting[8])))
                assert waiting[9] == ("license" if waiting[8] == "1" else "licenses")
                where = waiting[5], waiting[6]
            else:
                user = self.next(HOLDER)
                assert self.times.fullmatch(user[9])
                linger = (int(user[11]), int(user[12])) if user[11] else None
                assert not linger or linger[0] <= linger[1]
                block.holders.append(Seats(*user.group(1, 2, 3, 4), int(user[7]), int(user[10] or 1), f"{user[8]} {user[9]}", linger))
                where = user[5], user[6]
            assert where == (master, port or where[1])
        assert block.holders or block.reservations or block.queued, "a pool that nobody uses has no block"
        return block
