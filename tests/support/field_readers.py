"""Small readers in the manner of the tools that sites point at lmstat (facts, lmstat formats), each with the habit that its kind has.

None is a copy: each was written from what its kind needs, and shares nothing with the others, so that a change of one shape is seen by
whoever relies on it. They return what they understood; `Misread` is the failure that such a tool would have in the field.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

__all__ = [
    "Misread",
    "Use",
    "agent",
    "checksums",
    "columns",
    "details",
    "diagnoses",
    "expiry_rows",
    "exporter",
    "fixed_lines",
    "last_totals",
    "license_file",
    "paragraphs",
    "people",
    "probe",
    "queue",
    "start_lines",
    "words",
]


class Misread(Exception):
    """Such a tool would crash, or report nonsense."""


class Use(NamedTuple):
    """What a reader makes of the line of a checkout."""

    feature: str
    user: str
    host: str
    display: str
    handle: int
    count: int


# Exporter of metrics ------------------------------------------------------------------------------------------------------


class Metrics(NamedTuple):
    """What an exporter publishes: by vendor daemon and feature, issued and used; who uses how much; and what is up."""

    servers: dict[str, tuple[bool, bool]]
    vendors: dict[str, str]
    features: dict[tuple[str, str], tuple[int, int]]
    users: dict[tuple[str, str], list[Use]]
    reserved: dict[tuple[str, str], int]
    queued: dict[tuple[str, str], int]


def exporter(text: str) -> Metrics:
    """Publishes all it finds; fails where a server is none of those in the status line, and where a feature's lines do not add up."""
    status = re.search(r"^License server status: (.+)$", text, re.MULTILINE)
    hosts = {place.partition("@")[2].split(".")[0].lower() for place in status[1].split(",")} if status else set()
    metrics = Metrics({}, {}, {}, {}, {}, {})
    vendor, key = "", ("", "")
    for line in text.splitlines():
        if server := re.match(r"\s*([\w.-]+): license server (UP|DOWN)( \(MASTER\))? v[\d.]+$", line):
            if server[1].split(".")[0].lower() not in hosts:
                raise Misread(f"the server {server[1]} is none of {hosts}")
            metrics.servers[server[1]] = server[2] == "UP", bool(server[3])
        elif up := re.match(r"\s*([\w.-]+): UP v([\d.]+)$", line):
            vendor = up[1]
            metrics.vendors[vendor] = up[2]
        elif total := re.match(r"Users of (.+):  \(Total of (\d+) licenses? issued;  Total of (\d+) licenses? in use\)$", line):
            key = vendor, total[1]
            if key in metrics.features:
                raise Misread(f"a series of {key} is there already")
            metrics.features[key] = int(total[2]), int(total[3])
        elif re.match(r"Users of (.+):  \(Uncounted, node-locked\)$", line):
            key = vendor, line.split(":")[0].removeprefix("Users of ")
        elif user := re.match(
            r"\s+(.+?) (\S+) (\S+)(?: (?:feature=\S+|\d+))? \(v\S+\) \((\S+)/\d+ (\d+)\), start \w+ \d+/\d+ \d+:\d+"
            r"(?:, (\d+) licenses)?(?:  \(linger: \d+ / \d+\))?(?:, PID: \d+)?\s*$",
            line,
        ):
            metrics.users.setdefault(key, []).append(Use(key[1], user[1], user[2], user[3], int(user[5]), int(user[6] or 1)))
        elif kept := re.match(r"\s+(\d+) RESERVATIONs? for \w+ \S+ \(\S+/\d+\)$", line):
            metrics.reserved[key] = metrics.reserved.get(key, 0) + int(kept[1])
        elif waiting := re.match(r"\s+.+ \S+ \S+ \d[\d.]* \(v\S+\) \(\S+/\d+ \d+\) queued for (\d+) licenses?$", line):
            metrics.queued[key] = metrics.queued.get(key, 0) + int(waiting[1])
    for name, (_, used) in metrics.features.items():
        told = sum(use.count for use in metrics.users.get(name, ())) + metrics.reserved.get(name, 0)
        if told != used:
            raise Misread(f"{name} has {used} in use, and lines for {told}")
    return metrics


# Agent of a scheduler -----------------------------------------------------------------------------------------------------


def agent(text: str) -> dict[str, tuple[int, int, list[tuple[str, str, int]]]]:
    """By feature: total, used, and who books how much where; a line that does not end as it knows is dropped without a word."""
    found: dict[str, tuple[int, int, list[tuple[str, str, int]]]] = {}
    booked: list[tuple[str, str, int]] = []
    for line in text.split("\n"):
        total = re.fullmatch(r"Users of ([^\s:]+):  \(Total of (\d+) license(?:s|) issued;  Total of (\d+) license(?:s|) in use\)", line)
        if total:
            booked = []
            found[total[1]] = int(total[2]), int(total[3]), booked
        use = re.fullmatch(
            r" +(\S+) (\S+) \S+ \(v[^)]+\) \([^)]+ \d+\), start [A-Z][a-z]{2} \d{1,2}/\d{1,2} \d{1,2}:\d\d(?:, (\d+) licenses)?", line
        )
        if use:
            booked.append((use[1], use[2], int(use[3] or 1)))
    return found


# Readers that count words, columns and lines -------------------------------------------------------------------------------


def words(text: str) -> list[tuple[str, int, int]]:
    """Name, issued and used of each feature: the third, the sixth and the eleventh word of a line, like awk."""
    found = []
    for line in text.splitlines():
        parts = line.split()
        if line.startswith("Users of") and "issued;" in parts:
            if not (parts[5].isdecimal() and parts[10].isdecimal()):
                raise Misread(f"no numbers where they should be: {line}")
            found.append((parts[2].rstrip(":"), int(parts[5]), int(parts[10])))
    return found


def columns(text: str) -> list[tuple[Use, datetime]]:
    """Checkouts and when they began: exactly four blanks, then single ones; the year is that of the second line."""
    lines = text.split("\n")
    year = re.search(r"status on \w{3} \d+/\d+/(\d{4}) \d\d:\d\d$", lines[1])
    if not year:
        raise Misread(f"no year in {lines[1]}")
    found = []
    feature = ""
    for line in lines:
        if line.startswith("Users of "):
            feature = line[len("Users of ") : line.index(":")]
        if line[:4] == " " * 4 and line[4:5] not in ("", " ") and ", start " in line:
            user, host, display, version, place, handle, _, day, date, time, *rest = line[4:].split(" ")
            if not (version.startswith("(v") and place.startswith("(") and handle.endswith("),") and "" not in (user, host, display)):
                raise Misread(f"the columns are not where they should be: {line}")
            began = datetime.strptime(f"{day} {date} {time.rstrip(',')} {year[1]}", "%a %m/%d %H:%M %Y")
            count = int(rest[0]) if rest and rest[0] else 1
            found.append((Use(feature, user, host, display, int(handle[:-2]), count), began))
    return found


def fixed_lines(text: str) -> tuple[str, str]:
    """The license file and the vendor daemon, by the numbers of their lines: the sixth and the twelfth, where none was named."""
    lines = text.splitlines()
    files, vendor = lines[5].strip(), lines[11].strip()
    if not (files.startswith("License file(s) on ") and files.endswith(":") and vendor.partition(": ")[2].startswith("UP v")):
        raise Misread(f"lines 6 and 12 are {files!r} and {vendor!r}")
    return files.partition(": ")[2].rstrip(":"), vendor.partition(":")[0]


def last_totals(text: str) -> int:
    """Free licenses by the last line that has totals: what a script asks with `-f`."""
    numbers = [line for line in text.splitlines() if "licenses issued" in line or "license issued" in line][-1]
    issued, used = re.findall(r"Total of (\d+) licenses?", numbers)
    return int(issued) - int(used)


def start_lines(text: str) -> int:
    """How many use a feature: all lines with the word start."""
    return sum("start" in line for line in text.splitlines())


# Readers of blocks ----------------------------------------------------------------------------------------------------------


class Pool(NamedTuple):
    """A pool by its block, with the handles below it."""

    feature: str
    version: str
    vendor: str
    expiry: str
    kind: str
    handles: list[int]


def details(text: str) -> list[Pool]:
    """Pools by the line in quotes; a line that follows says whether they float. Where the block is indented does not matter."""
    found: list[Pool] = []
    kind = re.compile(r'floating license|(uncounted )?nodelocked license(, locked to "\S+"| locked to NOTHING \(hostid=\w+\))')
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if head := re.fullmatch(r'\s*"(.+)" v(\S+), vendor: (\S+), expiry: (\d{1,2}-[a-z]{3}-\d+|permanent\(no expiration date\))', line):
            third = next((text.strip() for text in lines[number + 1 :] if not text.strip().startswith("vendor_string: ")), "")
            if not kind.fullmatch(third):
                raise Misread(f"what kind of license is {third!r}?")
            found.append(Pool(*head.groups(), third, []))
        elif handle := re.search(r" \(\S+/\d+ (\d+)\)(?:, start| queued)", line):
            found[-1].handles.append(int(handle[1]))
    return found


def paragraphs(text: str) -> tuple[str, list[str]]:
    """The master and the vendor daemons that are up; the head of the daemons must be followed by exactly one empty line."""
    master = re.search(r"^\s*(\S+): license server UP \S+ v\S+$", text, re.MULTILINE)
    head = re.search(r"^Vendor daemon status \(on (\S+)\):\n\n(?!\n)", text, re.MULTILINE)
    if not master or not head or head[1] != master[1]:
        raise Misread("no master, or vendor daemons of another server")
    return master[1], re.findall(r"^\s*(\S+): UP v[\d.]+$", text[head.end() :], re.MULTILINE)


def people(text: str) -> dict[str, int]:
    """By feature, the seats that people hold: what is in use less what is reserved."""
    found: dict[str, int] = {}
    name = ""
    for line in text.splitlines():
        if total := re.match(r"Users of ([\w-]+):.*Total of (\d+) licenses? in use", line):
            name = total[1]
            found[name] = found.get(name, 0) + int(total[2])
        elif kept := re.match(r"\t(\d+) RESERVATION", line):
            found[name] -= int(kept[1])
    return found


def queue(text: str) -> list[tuple[str, str, str, int]]:
    """Who waits: feature, user, host and how many; the fourth word must be a number."""
    found = []
    feature = ""
    for line in text.splitlines():
        feature = line.split()[2].rstrip(":") if line.startswith("Users of") else feature
        if waiting := re.fullmatch(r"\s+(\S+) (\S+) \S+ [\d.]+ \(v[\d.]+\) \(\S+/\d+ \d+\) queued for (\d+) license(?:s|)", line):
            found.append((feature, waiting[1], waiting[2], int(waiting[3])))
    if len(found) != text.count(" queued for "):
        raise Misread("a line of the queue is not understood")
    return found


# Probes ---------------------------------------------------------------------------------------------------------------------


def probe(text: str, status: int) -> str:
    """What a monitor says: ok, or what is down."""
    if "Error getting status" in text or "Cannot connect to license server" in text:
        return "server down"
    if "vendor daemon is down" in text:
        return "daemon down"
    if not re.search(r"license server UP", text):
        return "unknown"
    return "ok" if status == 0 else f"status {status}"


def expiry_rows(text: str) -> list[dict[str, str]]:
    """The rows of `lmstat -i`; which column is which is said by the header, since there are two orders."""
    lines = text.splitlines()
    rule = next((number for number, line in enumerate(lines) if line.startswith("_____")), 0)
    if not rule:
        raise Misread("no table")
    names = lines[rule - 1].split()
    rows = []
    for line in lines[rule + 1 :]:
        parts = line.replace("permanent(no expiration date)", "never").split()
        if len(parts) != len(names):
            raise Misread(f"not a row of {names}: {line}")
        row = dict(zip(names, parts, strict=True))
        if row["Expires"] != "never" and not re.fullmatch(r"\d{1,2}-[a-z]{3}-\d{4}", row["Expires"]):
            raise Misread(f"no date: {line}")
        if not (row["#licenses"].isdecimal() or row["#licenses"] == "uncounted"):
            raise Misread(f"no count: {line}")
        rows.append(row)
    return rows


def diagnoses(text: str) -> list[tuple[str, str, str, bool]]:
    """What lmdiag says of each license: feature, version, server, and whether it can be had."""
    found = []
    for part in re.split(r"^-{20,}$", text, flags=re.MULTILINE):
        head = re.search(r'^"(.+)" v(\S+), vendor: \S+(?:, expiry: \S+)?$', part, re.MULTILINE)
        if not head:
            continue
        server = re.search(r"^License server: (\S+)$", part, re.MULTILINE)
        dates = re.search(r"  starts: (\d+-[a-z]{3}-\d+),   expires: (\d+-[a-z]{3}-\d+)$", part, re.MULTILINE)
        can = bool(re.search(r"^ +\nThis license can be checked out$", part, re.MULTILINE))
        cannot = bool(re.search(r"^ +\nThis license cannot be checked out because:$", part, re.MULTILINE))
        if not server or not dates or can == cannot:
            raise Misread(f"no verdict in {part!r}")
        found.append((head[1], head[2], server[1], can))
    return found


# License files ------------------------------------------------------------------------------------------------------------


def checksums(text: str) -> list[tuple[str, str, str, str, str]]:
    """Name, vendor, version, expiry and count of each license line in what lmcksum prints."""
    pattern = r"^.*?\b(?:INCREMENT|FEATURE) (\S+) (\S+) (\S+) (\S+) (\S+)"
    return [found.group(1, 2, 3, 4, 5) for found in re.finditer(pattern, text, re.MULTILINE)]


def license_file(text: str) -> dict[str, list[list[str]]]:
    """The words of each line by its keyword; a line that goes on ends in a backslash, and goes on after a TAB."""
    if re.search(r"\\\n(?!\t)", text):
        raise Misread("a line goes on without a TAB")
    found: dict[str, list[list[str]]] = {}
    for line in text.replace("\\\n\t", "").splitlines():
        if line and not line.startswith("#"):
            keyword, *rest = line.split()
            found.setdefault(keyword, []).append(rest)
    for rest in found.get("FEATURE", []) + found.get("INCREMENT", []):
        if not (re.fullmatch(r"permanent|\d{1,2}-[a-z]{3}-\d{1,4}", rest[3]) and re.fullmatch(r"\d+|uncounted", rest[4])):
            raise Misread(f"no license line: {rest}")
    return found
