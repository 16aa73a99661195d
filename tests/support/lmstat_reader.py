"""Reads what lmstat prints as the strictest of the field's tools do (facts, lmstat formats); a line that none of them knows fails."""

from __future__ import annotations

import re

__all__ = ["StrictReader"]

WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
TOTALS = re.compile(r"Users of (\S+):  \(Total of (\d+) (licenses?) issued;  Total of (\d+) (licenses?) in use\)")
UNCOUNTED = re.compile(r"Users of (\S+):  \(Uncounted, node-locked\)")
DETAIL = re.compile(r'  "(\S+)" v(\S+), vendor: (\S+), expiry: ([1-9]\d?-[a-z]{3}-(?:\d{4}|0))')
KIND = re.compile(
    r'  (?:floating license|nodelocked license, locked to "[^"]+"|uncounted nodelocked license, locked to "[^"]+"'
    r"|uncounted nodelocked license locked to NOTHING \(hostid=(?:ANY|DEMO)\))"
)
HOLDER = re.compile(
    r" {4}(\S+) (\S+) (\S+) \(v[\d.]+\) \(([^/\s]+)/(\d+) (\d+)\), start (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
    r" (?:1[0-2]|[1-9])/(?:[12]\d|3[01]|[1-9]) (?:1\d|2[0-3]|\d):[0-5]\d(?:, (?!1 )(\d+) licenses)?(?:  \(linger: \d+ / \d+\))?"
)
RESERVED = re.compile(r"\t(\d+) RESERVATION(s?) for (HOST|GROUP|HOST_GROUP|USER) (\S+) \(([^/\s]+)/(\d+)\)")
QUEUED = re.compile(r" {4}(\S+) (\S+) (\S+) ([\d.]+) \(v\4\) \(([^/\s]+)/(\d+) (\d+)\) queued for (\d+) (licenses?)")
SERVER_STATUS = re.compile(r"License server status: (\d+@[^\s,:@]+(?:,\d+@[^\s,:@]+){0,2})")
FILES = re.compile(r"    License file\(s\) on (\S+): (?:\S+:)+")
SERVER_UP = re.compile(r" {0,9}(\S+): license server UP( \(MASTER\))? v[\d.]+")
SERVER_DOWN = re.compile(r" {0,9}(\S+): Cannot (?:connect to|read data from) license server system\. \(-1[56],\d+(?::\d+ \"[^\"]+\")?\)")
DAEMON = re.compile(r" {0,9}(\S+): (?:UP v[\d.]+|The desired vendor daemon is down\. \(-97,121\))")


class StrictReader:
    """One screen of `lmstat -a`; after `read`, `features` holds (name, issued, in use) of each counted totals line."""

    def __init__(self, text: str) -> None:
        self.features: list[tuple[str, int, int]] = []
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

    def read(self) -> StrictReader:
        """Reads the whole screen."""
        self.next(r"(?:lmutil|lmstat) - Copyright \(c\) \d{4} seatkeeper authors")
        self.next(rf"Flexible License Manager status on {WEEKDAY} [1-9]\d?/[1-9]\d?/\d{{4}} \d\d:\d\d")
        if self.maybe(r"Error getting status: .* \(-\d+,\d+(:\d+ \"[^\"]+\")?\)"):
            assert self.peek() == "(the end)"
            return self
        self.next("")
        while self.position < len(self.lines):
            self.server()
        return self

    def server(self) -> None:
        places = self.next(SERVER_STATUS)[1].split(",")
        ports, hosts = zip(*(place.split("@") for place in places), strict=True)
        if self.maybe(FILES) is None:
            self.next("")
            for host in hosts:
                assert self.next(SERVER_DOWN)[1] == host
            self.next("")
            return
        self.next("")
        masters = []
        for host in hosts:
            up = self.maybe(SERVER_UP)
            # Rule 4: the host of each line is that of the status line.
            assert (up or self.next(SERVER_DOWN))[1] == host
            masters += [host] if up and up[2] else []
            assert len(self.lines[self.position - 1].split(":")[0]) == max(10, len(host))
        assert len(masters) == 1
        self.next("")
        assert self.next(r"Vendor daemon status \(on (\S+)\):")[1] == masters[0]
        self.next("")
        while self.position < len(self.lines) and not SERVER_STATUS.fullmatch(self.peek()):
            if self.maybe(""):
                continue
            daemon = self.next(DAEMON)
            if "UP" in daemon[0]:
                self.next("Feature usage info:")
                self.next("")
                while self.peek().startswith("Users of"):
                    self.feature(masters[0], ports[hosts.index(masters[0])])
            else:
                self.next("")

    def feature(self, master: str, port: str) -> None:
        line = self.peek()
        totals = self.maybe(TOTALS)
        if totals:
            issued, used = int(totals[2]), int(totals[4])
            self.features.append((totals[1], issued, used))
            words = line.split()
            assert (words[5], words[10]) == (totals[2], totals[4])
            assert totals[3] == ("license" if issued == 1 else "licenses")
            assert totals[5] == ("license" if used == 1 else "licenses")
        else:
            self.next(UNCOUNTED)
        self.next("")
        found = sum(iter(lambda: self.block(line, master, port), -1))
        # Rule 2: the sum of users is what is in use.
        assert not totals or found == used

    def block(self, line: str, master: str, port: str) -> int:
        """Seats of one pool; -1 where no pool follows."""
        detail = self.maybe(DETAIL)
        if detail is None:
            return -1
        assert line.startswith(f"Users of {detail[1]}:")
        self.maybe(r"  vendor_string: \S+")
        self.next(KIND)
        self.next("")
        seats = lines = 0
        while not self.maybe(""):
            lines += 1
            if reserved := self.maybe(RESERVED):
                assert (reserved[5], reserved[6]) == (master, port)
                assert reserved[2] == ("" if reserved[1] == "1" else "s")
                seats += int(reserved[1])
            elif waiting := self.maybe(QUEUED):
                assert (waiting[5], waiting[6]) == (master, port)
                assert waiting[9] == ("license" if waiting[8] == "1" else "licenses")
            else:
                user = self.next(HOLDER)
                assert (user[4], user[5]) == (master, port)
                seats += int(user[7] or 1)
        assert lines, "a pool that nobody uses has no block"
        return seats
