"""What is wrong with a license file beyond its single lines is found before a server is, and each finding says what to do.

The rules are independent of each other and stand in one table. An error is something for which a line, or the whole file, is not
served whatever the day; a warning is something that works otherwise than it looks, or that time alone brings about and mends:
an expired line is a warning, for the file around it is good. Where a line with errors of its own leaves open what the file has
(a SERVER line that cannot be read is still one), the rules that would only repeat it keep quiet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from seatkeeper.base.dates import NEVER, format_date, parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile.grammar import LINES_MAX, attribute_of, misspelt_keyword
from seatkeeper.licfile.hostid import allowed_on_feature, allowed_on_server, parse_hostid, parse_hostids
from seatkeeper.licfile.model import Feature, Package, Problem, Server, Unknown, Upgrade, UseServer, Vendor
from seatkeeper.licfile.scanner import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from decimal import Decimal

    from seatkeeper.licfile.model import Parsed, Signable

__all__ = ["RULES", "SOON_DAYS", "lint"]

#: A license that ends within so many days is named, so that a renewal can be ordered in time.
SOON_DAYS: Final = 30
#: Versions of one feature among which the one to upgrade is looked for; with more of them no upgrade is doubted.
VERSIONS_MAX: Final = 1000

_PORT_DIGITS: Final = 5
_HEX: Final = re.compile(r"[0-9A-Fa-f \t]+")
_DATE_VERSION: Final = re.compile(r"(?:19|20)[0-9]{2}\.([1-9])([0-9]{2})")
_TWO_DIGIT_YEAR: Final = re.compile(r".*-([0-9]{2})", re.DOTALL)


class _View:
    """A parsed file as the rules look at it: its lines by kind, each with its line number."""

    def __init__(self, parsed: Parsed, today: date, soon_days: int) -> None:
        self.today = today
        self.soon_days = soon_days
        self.servers: list[tuple[int, Server]] = []
        self.vendors: list[tuple[int, Vendor]] = []
        self.licenses: list[tuple[int, Signable]] = []
        self.use_servers: list[int] = []
        #: Keywords of lines that could not be read.
        self.unread: set[str] = set()
        for place, line in zip(parsed.places, parsed.file.lines, strict=True):
            if isinstance(line, Server):
                self.servers.append((place, line))
            elif isinstance(line, Vendor):
                self.vendors.append((place, line))
            elif isinstance(line, Feature | Upgrade | Package):
                self.licenses.append((place, line))
            elif isinstance(line, UseServer):
                self.use_servers.append(place)
            elif isinstance(line, Unknown):
                word = kind_of(line.text.partition("\n")[0])[1]
                self.unread.add(misspelt_keyword(word) or word)

    @property
    def reads_features(self) -> bool:
        """False where a line that could not be read may have been a FEATURE or INCREMENT line."""
        return not {"FEATURE", "INCREMENT"} & self.unread

    @property
    def counted(self) -> Iterator[tuple[int, Feature | Upgrade]]:
        """The lines of counted licenses, which need a license server."""
        return ((place, line) for place, line in self.licenses if not isinstance(line, Package) and not _is_uncounted(line))


def lint(parsed: Parsed, *, today: date, soon_days: int = SOON_DAYS) -> tuple[Problem, ...]:
    """All that is wrong with the file on that day, in the order of its lines; the parser's problems are among it."""
    view = _View(parsed, today, soon_days)
    found = [*parsed.problems, *(problem for rule in RULES for problem in rule(view))]
    return tuple(sorted(found, key=lambda problem: (problem.line or LINES_MAX + 2, problem.column)))


def _error(line: int, message: str, found: str = "", expected: str = "", number: int = -2) -> Problem:
    return Problem(line, 0, message, found, expected, "error", number)


def _warning(line: int, message: str, found: str = "", expected: str = "", number: int = -2) -> Problem:
    return Problem(line, 0, message, found, expected, "warning", number)


def _is_uncounted(line: Feature | Upgrade) -> bool:
    return line.count.lower() == "uncounted" or not int(line.count)


def _folded(line: Signable) -> tuple[str, str]:
    # "Default is case-insensitive for keywords, feature and vendor names" (facts 1.1).
    return line.vendor.lower(), line.name.lower()


# SERVER lines.


def _server_count(view: _View) -> Iterator[Problem]:
    # "Order: 0, 1 or 3 SERVER lines" (facts 1.1).
    if len(view.servers) not in (0, 1, 3) and "SERVER" not in view.unread:
        message = f"The file has {len(view.servers)} SERVER lines; keep one, or three for three-server redundancy."
        yield _error(view.servers[-1][0], message)


def _server_missing(view: _View) -> Iterator[Problem]:
    # "No SERVER ⇒ every feature must be uncounted" (facts 1.1).
    if not view.servers and "SERVER" not in view.unread:
        for place, line in view.counted:
            message = f"{line.name} is counted, and counting needs a license server: put the SERVER line before the first license."
            yield _error(place, message, line.count, "a SERVER line in the file", -13)
            break


def _server_order(view: _View) -> Iterator[Problem]:
    # "0, 1 or 3 SERVER lines → ≥1 VENDOR lines → feature lines" (facts 1.1).
    others = [place for place, _ in (*view.vendors, *view.licenses)]
    for place, _ in view.servers:
        if others and min(others) < place:
            yield _error(place, f"The SERVER line stands after line {min(others)}; SERVER lines come first: move it up.")
    for place, _ in view.vendors:
        if view.licenses and view.licenses[0][0] < place:
            message = (
                f"The daemon's line stands after the first license, on line {view.licenses[0][0]}; move it up, behind the SERVER lines."
            )
            yield _warning(place, message)
    for place in view.use_servers:
        # "Only preceding SERVER lines count" (facts 1.4).
        if not any(server < place for server, _ in view.servers):
            yield _warning(place, "USE_SERVER stands before any SERVER line, so a client finds no server; move it behind them.")


def _server_lines(view: _View) -> Iterator[Problem]:
    for index, (place, server) in enumerate(view.servers):
        if server.hostid.isdigit() and len(server.hostid) <= _PORT_DIGITS and not server.port:
            message = "The SERVER line has a port but no host id; put the one that lmhostid prints before it."
            yield _error(place, message, server.hostid, "SERVER host hostid port", -9)
            continue
        try:
            if not allowed_on_server(parse_hostid(server.hostid)):
                yield _error(place, "DEMO is no host id for a license server; put the one that lmhostid prints.", server.hostid, number=-9)
        except ValueError as error:
            yield _error(place, "The SERVER line has no good host id.", server.hostid, str(error), -9)
        for name, _ in server.attributes:
            if len(view.servers) == 1:
                message = f"{name} is for three-server redundancy and does nothing here; delete it."
            elif index and name.upper() == "PRIMARY_IS_MASTER":
                # "goes after the port on the first SERVER line" (facts 1.2).
                message = f"PRIMARY_IS_MASTER counts on the first SERVER line only, line {view.servers[0][0]}; move it there."
            else:
                continue
            if name.upper() != "PLAT":
                yield _warning(place, message, name)


def _triad(view: _View) -> Iterator[Problem]:
    # "Triads need an explicit port on every line" (facts 1.2).
    if len(view.servers) == 3:
        seen: dict[str, int] = {}
        for place, server in view.servers:
            if not server.port:
                yield _error(
                    place, "Each of three SERVER lines needs a port; put one behind the host id.", expected="SERVER host hostid port"
                )
            for what, value in (("host", server.host), ("host id", server.hostid)):
                first = seen.setdefault(f"{what} {value.lower()}", place)
                if first != place and value.upper() != "ANY":
                    yield _error(place, f"The {what} stands on line {first} too; the three servers are three machines.", value)


# DAEMON and VENDOR lines.


def _vendor_missing(view: _View) -> Iterator[Problem]:
    if {"DAEMON", "VENDOR"} & view.unread or not (view.servers or view.vendors):
        return
    known = {vendor.name.lower() for _, vendor in view.vendors}
    lines: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    for place, line in view.licenses:
        folded = line.vendor.lower()
        if folded not in known:
            lines.setdefault(folded, []).append(place)
            names.setdefault(folded, line.vendor)
    for folded, places in lines.items():
        more = f" and {len(places) - 1:,} more of its lines" if len(places) > 1 else ""
        message = f"No DAEMON line starts {names[folded]}, so nobody serves this line{more}; add one behind the SERVER lines."
        yield _error(places[0], message, names[folded], f"DAEMON {names[folded]} in the file")


def _vendor_lines(view: _View) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for place, vendor in view.vendors:
        first = seen.setdefault(vendor.name.lower(), place)
        if first != place:
            yield _error(place, f"{vendor.name} has a line already, line {first}; delete one of the two.", vendor.name)
        for what, path in (("path", vendor.path), ("options", vendor.options)):
            if "\t" in path:
                # "Use only the Spacebar to manage space" (guide, Editing New Files).
                yield _warning(place, f"A tab stands in the {what} of {vendor.name}; put a blank in its place.", path)
        if vendor.options.isdigit():
            message = f"{vendor.options} is read as the options file, because it stands second; write port={vendor.options} for a port."
            yield _warning(place, message, vendor.options, "port=number")


def _ports(view: _View) -> Iterator[Problem]:
    # "Ensure that the license daemon's port number differs from the license server's port number specified in the SERVER line"
    # (guide, Firewall Support).
    servers = {server.port: place for place, server in view.servers if server.port}
    daemons: dict[int, int] = {}
    for place, vendor in view.vendors:
        if not vendor.port:
            continue
        if vendor.port in servers:
            message = f"{vendor.name} has the port of the SERVER line, line {servers[vendor.port]}; give it another one."
            yield _error(place, message, f"port={vendor.port}")
        first = daemons.setdefault(vendor.port, place)
        if first != place:
            yield _error(place, f"{vendor.name} has the port of the daemon on line {first}; give it another one.", f"port={vendor.port}")


# Licenses.


def _repeated(view: _View) -> Iterator[Problem]:
    # "If more than one FEATURE line with the same name appears …, grants a license for the first FEATURE line, and ignores all
    # other instances of the same feature. Remove extra FEATURE lines or comment them out" (guide, License Files).
    seen: dict[tuple[str, str], int] = {}
    for place, line in view.licenses:
        if isinstance(line, Feature) and line.keyword == "FEATURE":
            first = seen.setdefault(_folded(line), place)
            if first != place:
                message = f"{line.name} has a FEATURE line already: line {first} is granted, this one is ignored; put # before one of them."
                yield _warning(place, message, line.name)


def _days(view: _View) -> Iterator[Problem]:
    for place, line in view.licenses:
        dates = {"START": line.attribute("START"), "ISSUED": line.attribute("ISSUED")}
        if not isinstance(line, Package):
            dates["expiry date"] = line.expiry
        for what, text in dates.items():
            match = _TWO_DIGIT_YEAR.fullmatch(text) if text else None
            if match is not None and int(match[1]):
                # "A non-zero two-digit year means 19yy" (facts 1.5; guide, Using Temporary Licenses).
                message = f"The {what} of {line.name} lies in 19{match[1]}: a year of two digits always does; it takes four digits."
                yield _warning(place, message, text or "", "dd-mmm-yyyy", -10 if what == "expiry date" else -11)
                dates[what] = None
        yield from _expiry(view, place, line, dates)


def _expiry(view: _View, place: int, line: Signable, dates: dict[str, str | None]) -> Iterator[Problem]:
    expiry, start = dates.get("expiry date"), dates["START"]
    expires = parse_date(expiry) if expiry else NEVER
    left = (expires - view.today).days
    if left < 0:
        message = f"{line.name} expired on {format_date(expires)}; order a renewal, or put # before the line."
        yield _warning(place, message, expiry or "", number=-10)
    elif expires != NEVER and left <= view.soon_days:
        days = "today" if not left else "tomorrow" if left == 1 else f"in {left} days"
        yield _warning(place, f"{line.name} expires {days}; order a renewal.", expiry or "", number=-10)
    begins = parse_date(start) if start else NEVER
    if begins != NEVER and begins > expires:
        yield _warning(place, f"{line.name} starts after it has expired, so it is never good; ask the vendor.", start or "", number=-31)
    elif begins != NEVER and begins > view.today:
        message = f"{line.name} is good from {format_date(begins)} on, not before; keep its old line until then."
        yield _warning(place, message, start or "", number=-31)


def _versions(view: _View) -> Iterator[Problem]:
    for place, line in view.licenses:
        versions = (line.from_version, line.to_version) if isinstance(line, Upgrade) else (line.version,)
        for version in versions:
            match = _DATE_VERSION.fullmatch(version)
            if match is not None and 1 <= int(match[2]) <= 31:
                # "Still a float, so 2020.901 (1 Sep) > 2020.1231 (31 Dec)" (facts 1.5, Version).
                month = version[:5] + "0" + version[5:]
                message = f"Versions are numbers, so {version} is above {version[:5]}1231, the year's last day; {month} would not be."
                yield _warning(place, message, version, month, -77)


def _hostids(view: _View) -> Iterator[Problem]:
    for place, line in view.licenses:
        if isinstance(line, Package):
            continue
        uncounted = _is_uncounted(line)
        text = line.attribute("HOSTID")
        if text is None:
            if uncounted:
                # "Uncounted; then HOSTID is mandatory" (facts 1.5, num_lic).
                yield _error(
                    place, f"{line.name} is uncounted, so it needs HOSTID=; ask the vendor for a line with it.", line.count, "HOSTID="
                )
            continue
        try:
            hostids = parse_hostids(text)
        except ValueError as error:
            yield _error(place, f"The HOSTID of {line.name} is no host id.", text, str(error), -9)
            continue
        if not all(allowed_on_feature(hostid, uncounted=uncounted) for hostid in hostids):
            # "DEMO: like ANY, only for uncounted FEATURE lines" (facts 2).
            message = f"DEMO is for uncounted licenses, and {line.name} has {line.count} seats; ask the vendor for another host id."
            yield _error(place, message, text, number=-9)


def _upgrades(view: _View) -> Iterator[Problem]:
    # "Moves up to num_lic licenses from the closest preceding FEATURE/INCREMENT with version ≥ from and < to" (facts 1.6).
    before: dict[tuple[str, str], set[Decimal]] = {}
    for place, line in view.licenses:
        if isinstance(line, Feature):
            before.setdefault(_folded(line), set()).add(parse_version(line.version))
        elif isinstance(line, Upgrade):
            if _is_uncounted(line):
                yield _error(place, f"An upgrade of {line.name} needs a number of seats; ask the vendor.", line.count, "a number of seats")
            low, high = parse_version(line.from_version), parse_version(line.to_version)
            have = before.get(_folded(line), set())
            if low >= high:
                message = f"{line.name} is to be upgraded to a version that is not above {line.from_version}; ask the vendor."
                yield _error(place, message, line.to_version, f"a version above {line.from_version}", -77)
            elif view.reads_features and len(have) <= VERSIONS_MAX and not any(low <= version < high for version in have):
                which = f"{line.name} of a version from {line.from_version} to below {line.to_version}"
                message = f"No line above this one gives {which}, so there is nothing to upgrade; put the line that does before it."
                yield _error(place, message, line.name, "its FEATURE or INCREMENT line above")


def _packages(view: _View) -> Iterator[Problem]:
    # "Grants nothing alone; needs a FEATURE/INCREMENT with the same name (and same version if the package gives one)" (facts 1.7).
    enabling: dict[tuple[str, str], set[Decimal]] = {}
    for _, line in view.licenses:
        if isinstance(line, Feature):
            enabling.setdefault(_folded(line), set()).add(parse_version(line.version))
    seen: dict[tuple[str, str, str], int] = {}
    for place, line in view.licenses:
        if not isinstance(line, Package):
            continue
        first = seen.setdefault((*_folded(line), line.version), place)
        if first != place:
            yield _warning(place, f"The package {line.name} stands on line {first} too; delete one of the two.", line.name, number=-82)
        have = enabling.get(_folded(line))
        if view.reads_features and (not have or (line.version and parse_version(line.version) not in have)):
            which = f"{line.name} of version {line.version}" if line.version else line.name
            # "PACKAGE lines may live in a separate file" (facts 1.7), so this is no error.
            message = f"The package gives nothing without a FEATURE or INCREMENT line {which}, and this file has none; add it."
            yield _warning(place, message, line.name, number=-82)


def _attributes(view: _View) -> Iterator[Problem]:
    for place, line in view.licenses:
        for name, _ in line.attributes:
            attribute = attribute_of(name)
            if attribute is not None and name != attribute.name:
                # By FlexNet's rule the case would decide; here the name does, so the other spelling misleads its reader.
                whose = "signed by the vendor, in any case" if attribute.owner == "vendor" else "the administrator's, in any case"
                yield _warning(place, f"{name} is read as {attribute.name}: it is {whose}; spell it so.", name, attribute.name)
        names = {name.upper() for name, _ in line.attributes}
        if "SUPERSEDE" in names and "ISSUED" not in names:
            # "With ISSUED: lines for this feature issued earlier become ineffective" (facts 1.5).
            yield _warning(place, f"SUPERSEDE does nothing without ISSUED=, which {line.name} has not; ask the vendor.", "SUPERSEDE")


def _signatures(view: _View) -> Iterator[Problem]:
    for place, line in view.licenses:
        sign = line.attribute("SIGN")
        if sign is None and not any((attribute := attribute_of(name)) and attribute.is_signature for name, _ in line.attributes):
            signed = "only a license key" if line.key else "neither SIGN= nor a license key"
            yield _warning(place, f"{line.name} has {signed}, so no server of ours serves it.", expected="SIGN=", number=-114)
        elif sign is not None and not _HEX.fullmatch(sign):
            yield _warning(place, f"The signature of {line.name} is not in hex digits; restore it as it was issued.", sign[:40], number=-8)


#: Every rule: a function from the file to what is wrong with it.
RULES: Final[tuple[Callable[[_View], Iterator[Problem]], ...]] = (
    _server_count,
    _server_missing,
    _server_order,
    _server_lines,
    _triad,
    _vendor_missing,
    _vendor_lines,
    _ports,
    _repeated,
    _days,
    _versions,
    _hostids,
    _upgrades,
    _packages,
    _attributes,
    _signatures,
)
