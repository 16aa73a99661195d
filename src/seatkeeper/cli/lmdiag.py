"""`lmdiag` tries to check each license out, and says for each whether it can be had, in the words that scripts look for.

For every line of a license file, and every line that a server shows, it prints what the license is and whether this machine is its
node, then what a trial checkout came to. On a terminal, and without -n, it offers to look for the license
server's port when nothing answers at the one it was given.

Nobody checks a package out: a line that gives one its seats stands for the components of the package.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.host import host_facts
from seatkeeper.base.dates import NEVER, format_date, parse_date
from seatkeeper.base.errors import LICENSE_ERRORS, InputError, LicenseError
from seatkeeper.base.values import is_version, parse_version
from seatkeeper.cli import lmcommon
from seatkeeper.client.diagnosis import Want
from seatkeeper.client.remedies import remedy_of
from seatkeeper.licfile.bundles import components_of, is_enabled_by
from seatkeeper.licfile.hostid import explain_mismatch, matches_any, parse_hostids
from seatkeeper.licfile.model import Feature, Package
from seatkeeper.licfile.parser import parse
from seatkeeper.sdk.admin import lines, pools
from seatkeeper.sdk.premises import LocalFile, verdicts_of
from seatkeeper.sdk.probe import Trials, scan_ports, who_listens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seatkeeper.client.path import Address, Entry
    from seatkeeper.licfile.model import Line
    from seatkeeper.licfile.signature import Verdict
    from seatkeeper.wire.messages import PoolStatus

__all__ = ["ASK_S", "KEYWORDS", "USAGE", "run"]

USAGE: Final = """\
usage: lmdiag [-c PATH] [-n] [FEATURE[:KEYWORD=VALUE]]

    -c PATH   license path: FILE, DIRECTORY, PORT@HOST, @HOST, or three PORT@HOST with commas; several with ':' (Windows: ';')
    -n        do not ask anything
    -v        version of this program
    -help     this text

Without FEATURE all features are tried. KEYWORD picks among a feature's lines: VERSION, HOSTID, EXPDATE, KEY, VENDOR_STRING or ISSUER.
"""

#: What picks among the lines of a feature (facts, FlexNet 3.2).
KEYWORDS: Final = ("VERSION", "HOSTID", "EXPDATE", "KEY", "VENDOR_STRING", "ISSUER")

#: The license error that a reason names.
_NUMBER: Final = re.compile(r"\((-\d{1,3}),\d+\)")
#: How long a license server may take for each answer.
ASK_S: Final = 10.0
_RULE: Final = "-" * 53
#: The day from which a line without START is good, as lmdiag has always printed it.
_FIRST_DAY: Final = "1-jan-1990"
#: After these nothing more is asked of the same server for the same vendor.
_DEAD: Final = frozenset({-7, -12, -14, -15, -16, -33, -52, -96, -97, -134})
#: What a server says of a line that it left out.
_NOT_SERVED: Final = frozenset({-5, -18, -21, -25})
#: After these the port may be another.
_NO_SERVER: Final = frozenset({-7, -12, -15, -16, -96})
#: The name is a package's.
_PACKAGE: Final = -125
#: First those on which license servers usually listen.
_PORTS: Final = (*range(7260, 7270), *range(27000, 27010))
_PORT_MAX: Final = 65535


class _License(msgspec.Struct, frozen=True):
    """One line of a file, or what a server shows of one."""

    name: str
    vendor: str
    version: str = ""
    expiry: str = ""
    start: str = ""
    hostid: str = ""
    counted: bool = True
    vendor_string: str = ""
    issuer: str = ""
    keys: tuple[str, ...] = ()
    line: Feature | None = None
    package: str = ""


class _Spec(msgspec.Struct, frozen=True):
    """What to try: a feature (empty: all), and the value of one keyword."""

    feature: str = ""
    keyword: str = ""
    value: str = ""


def run(argv: list[str], program: str) -> int:
    """Prints whether the licenses can be checked out; returns 0 where all of them can.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: There is no license path.
    """
    options = lmcommon.read_options(argv, {"-n": ""}, 1)
    now = datetime.fromtimestamp(clock.now())
    if lmcommon.said(options, program, "lmdiag", USAGE, now.year):
        return 0
    spec = _read_spec(options.words[0] if options.words else "")
    entries = lmcommon.license_path(options.flags.get("-c"), os.environ)
    print(lmcommon.banner(program, now.year))
    print(f"FlexNet diagnostics on {now:%a} {now.month}/{now.day}/{now.year} {now:%H:%M}")
    errors: list[LicenseError] = []
    for entry in entries:
        errors += _Place(entry, spec).tell()
    print(f"\n{_RULE}")
    if not options.has("-n") and sys.stdin is not None and sys.stdin.isatty():
        targets, _ = lmcommon.targets_of(entries) if any(error.number in _NO_SERVER for error in errors) else ([], [])
        for host in dict.fromkeys(address.host for target in targets for address in target.addresses):
            _offer_scan(host)
    return errors[0].exit_status if errors else 0


def _read_spec(word: str) -> _Spec:
    feature, colon, rest = word.partition(":")
    keyword, equals, value = rest.partition("=")
    if colon and (keyword.upper() not in KEYWORDS or not equals or not value):
        expected = f"FEATURE:KEYWORD=VALUE with {', '.join(KEYWORDS)}"
        raise lmcommon.UsageError("This picks no line of a feature.", found=word, expected=expected)
    return _Spec(feature, keyword.upper(), value)


# One entry of the license path ------------------------------------------------------------------------------------


class _Place:
    """An entry of the license path, and what is tried there."""

    def __init__(self, entry: Entry, spec: _Spec) -> None:
        self._entry = entry
        self._spec = spec
        self._errors: list[LicenseError] = []
        # What was tried before is not tried again: by vendor, feature and version.
        self._tried: dict[tuple[str, str, str], LicenseError | None] = {}
        self._dead: dict[str, LicenseError] = {}
        # By vendor, why lines of the file are not genuine.
        self._refused: dict[str, list[Verdict]] = {}
        self._file: LocalFile | None = None

    def tell(self) -> list[LicenseError]:
        """Prints everything about the entry; returns why licenses cannot be checked out."""
        entry = self._entry
        if entry.addresses:
            self._head(entry.text)
            self._of_server(entry.addresses)
            return self._errors
        try:
            for path in lmcommon.files_of(entry.place):
                self._head(str(path))
                self._tried.clear()
                self._dead.clear()
                self._refused.clear()
                self._of_file(str(path))
        except LicenseError as error:
            self._head(entry.place)
            self._cannot(error)
        return self._errors

    def _head(self, name: str) -> None:
        print(f"\n{_RULE}\nLicense file: {name}\n{_RULE}")

    def _of_file(self, name: str) -> None:
        (entry,) = lmcommon.license_path(name, {})
        parsed = lmcommon.read_file(Path(name))
        file = parsed.file
        self._file = LocalFile(Path(name), parsed)
        hosts = ",".join(server.host for server in file.servers)
        chosen = [one for one in _licenses(file.lines, self._spec.feature) if _is_meant(one, self._spec)]
        if not chosen and file.servers and self._spec.feature and not self._spec.keyword:
            # The server may read other files than this copy.
            self._of_server(lmcommon.targets_of((entry,))[0][0].addresses)
        elif not chosen:
            self._nothing(name)
        else:
            self._try_all(name, hosts, chosen)

    def _of_server(self, addresses: tuple[Address, ...]) -> None:
        target = lmcommon.Target(addresses)
        (reply,) = lmcommon.ask_all([target], ASK_S)
        hosts = ",".join(address.host for address in addresses)
        if reply.status is None or reply.at is None:
            print(f"License server: {hosts}")
            error = reply.error or LicenseError(-96)
            self._cannot(_about(error, self._spec.feature, (str(target),)))
            return
        chosen: list[_License] = []
        for daemon in reply.status.daemons:
            if daemon.up:
                chosen += [one for one in _shown(reply.at, daemon.name, self._spec.feature) if _is_meant(one, self._spec)]
        down = [daemon for daemon in reply.status.daemons if not daemon.up]
        # Whoever asked for a feature that is served has his answer, whichever other vendor daemon is down.
        for daemon in () if self._spec.feature and chosen else down:
            print(f"License server: {hosts}")
            self._cannot(LicenseError(-97, minor=121, reason=f"{daemon.name}: {daemon.reason.rstrip('.')}." if daemon.reason else ""))
        if chosen:
            self._try_all(str(target), hosts, chosen)
        elif not down and not self._is_package(str(target), [daemon.name for daemon in reply.status.daemons]):
            self._nothing(str(target))

    def _is_package(self, path: str, vendors: list[str]) -> bool:
        """Tells of a package that was asked for by its name; of those a server shows neither lines nor pools."""
        if not self._spec.feature or self._spec.keyword:
            return False
        for vendor in vendors:
            with Trials(path, vendor, "lmdiag") as client:
                error = client.attempt(Want(self._spec.feature)).error
            if error is not None and error.number == _PACKAGE:
                self._cannot(error)
                return True
        return False

    def _nothing(self, name: str) -> None:
        """No line is the one that is meant."""
        spec = self._spec
        what = f"of {spec.feature}" if spec.feature else "of a FEATURE or INCREMENT"
        with_value = f" with {spec.keyword}={spec.value}" if spec.keyword else ""
        self._cannot(LicenseError(-5, minor=222, feature=spec.feature, reason=f"{name} has no line {what}{with_value}.", path=(name,)))

    def _try_all(self, path: str, hosts: str, chosen: list[_License]) -> None:
        clients: dict[str, Trials] = {}
        with ExitStack() as stack:
            for number, one in enumerate(chosen):
                if number:
                    print(_RULE)
                print("\n".join(_description(one, hosts)))
                if one.vendor not in clients:
                    clients[one.vendor] = stack.enter_context(Trials(path, one.vendor, "lmdiag"))
                error = self._try(clients[one.vendor], one)
                if error is None:
                    print(" ", "This license can be checked out", sep="\n")
                else:
                    self._cannot(error)
                sys.stdout.flush()

    def _try(self, client: Trials, one: _License) -> LicenseError | None:
        """Why this license cannot be checked out; None where it can."""
        dead = self._dead.get(one.vendor)
        if dead is not None:
            return _about(dead, one.name, dead.path)
        version = one.version if is_version(one.version) else ""
        key = one.vendor, one.name.lower(), version
        if key not in self._tried:
            error = self._tried[key] = client.attempt(Want(one.name, version)).error
            if error is not None and error.number in _DEAD:
                self._dead[one.vendor] = error
        error = self._tried[key]
        refused = self._refusal(one) if error is not None and error.number in _NOT_SERVED else None
        if error is None or refused is None:
            return error
        # What a server does not serve because it was changed is no missing feature.
        reason = f"{refused.sentence} The server says: {error.short()}"
        return LicenseError(refused.number, reason=reason, feature=one.name, path=error.path, hints=error.hints)

    def _refusal(self, one: _License) -> Verdict | None:
        """Why the line of the file is not genuine; None where it is, or where that cannot be told."""
        if one.line is None or self._file is None:
            return None
        if one.vendor not in self._refused:
            try:
                verdicts, _ = verdicts_of(self._file, one.vendor)
            except InputError:
                verdicts = []
            self._refused[one.vendor] = [verdict for verdict in verdicts if not verdict.ok]
        return next((verdict for verdict in self._refused[one.vendor] if verdict.line is one.line), None)

    def _cannot(self, error: LicenseError) -> None:
        error = _behind(error)
        self._errors.append(error)
        text = [line for line in str(error).splitlines() if not line.startswith("What to do: ")]
        remedy = remedy_of(error.number, error.reason) or error.remedy
        print(
            " ", "This license cannot be checked out because:", *map(_plain, text), *([f"What to do: {remedy}"] if remedy else []), sep="\n"
        )


def _about(error: LicenseError, feature: str, path: tuple[str, ...]) -> LicenseError:
    """The same error, told of another feature."""
    return LicenseError(
        error.number, minor=error.minor, reason=error.reason, feature=feature, path=path, system=error.system, hints=error.hints
    )


def _behind(error: LicenseError) -> LicenseError:
    """Why a vendor daemon is down, where it has said so with a license error of its own; else the same error."""
    numbers = _NUMBER.findall(error.reason) if error.number == -97 else []
    if not numbers or int(numbers[-1]) not in LICENSE_ERRORS:
        return error
    number, reason = int(numbers[-1]), f"The vendor daemon is down. {error.reason}"
    return LicenseError(number, reason=reason, feature=error.feature, path=error.path, hints=error.hints)


def _shown(at: Address, vendor: str, feature: str) -> list[_License]:
    """What a vendor daemon shows of its lines: the lines themselves to those who may see them, else its pools."""
    try:
        shown = _licenses(parse(lines(at.host, at.port, vendor, feature, ASK_S)).file.lines, feature)
        found = [one for one in shown if not feature or one.name.lower() == feature.lower()]
        if found:
            return found
    except LicenseError:
        pass
    try:
        return [_of_pool(pool) for pool in pools(at.host, at.port, vendor, feature, ASK_S)]
    except LicenseError:
        return []


def _licenses(lines: Iterable[Line], feature: str) -> Iterator[_License]:
    """What can be checked out by these lines: features, and the components of packages in the place of the lines that enable these.

    A package that is asked for by its name is told of all the same.
    """
    every = list(lines)
    packages = [line for line in every if isinstance(line, Package)]
    for line in every:
        if not isinstance(line, Feature):
            continue
        mine = [one for one in packages if one.vendor == line.vendor and is_enabled_by(one, line.name, line.version)]
        if not mine or line.name.lower() == feature.lower():
            yield _of_line(line)
        for package in mine:
            try:
                components = components_of(package)
            except ValueError:
                # What no license server can read it does not serve; its own line says so.
                continue
            for component in components:
                version = component.version or line.version
                yield msgspec.structs.replace(_of_line(line), name=component.name, version=version, package=package.name)


def _of_line(line: Feature) -> _License:
    keys = tuple(key for key in (line.key, line.attribute("SIGN") or "") if key)
    return _License(
        line.name,
        line.vendor,
        line.version,
        line.expiry,
        line.attribute("START") or "",
        line.attribute("HOSTID") or "",
        line.seats is not None,
        line.attribute("VENDOR_STRING") or "",
        line.attribute("ISSUER") or "",
        keys,
        line,
    )


def _of_pool(pool: PoolStatus) -> _License:
    return _License(pool.feature, pool.vendor, pool.version, pool.expiry, "", pool.hostid, pool.total > 0, vendor_string=pool.vendor_string)


def _is_meant(one: _License, spec: _Spec) -> bool:
    if spec.feature and one.name.lower() != spec.feature.lower():
        return False
    value = spec.value
    if spec.keyword == "VERSION":
        both = is_version(one.version) and is_version(value)
        return parse_version(one.version) == parse_version(value) if both else one.version == value
    if spec.keyword == "EXPDATE":
        try:
            return parse_date(one.expiry) == parse_date(value)
        except ValueError:
            return False
    if spec.keyword == "KEY":
        return _folded(value) in map(_folded, one.keys)
    known = {"HOSTID": one.hostid, "VENDOR_STRING": one.vendor_string, "ISSUER": one.issuer}
    return spec.keyword not in known or known[spec.keyword].lower() == value.lower()


def _folded(key: str) -> str:
    return "".join(key.split()).lower()


# What is printed --------------------------------------------------------------------------------------------------


def _description(one: _License, hosts: str) -> Iterator[str]:
    """The lines about a license, as the field's readers know them (lmstat formats, 7)."""
    if one.version:
        yield f'"{_plain(one.name)}" v{_plain(one.version)}, vendor: {_plain(one.vendor)}, expiry: {_day(one.expiry)}'
    else:
        yield f'"{_plain(one.name)}", vendor: {_plain(one.vendor)}'
    if hosts:
        yield f"License server: {_plain(hosts)}"
    if not one.version:
        yield "The server does not serve its lines of this feature: its debug log says why (Not served)"
        return
    if one.package:
        yield f'Component of package "{_plain(one.package)}"'
    yield f"{_kind(one)}  starts: {_day(one.start) if one.start else _FIRST_DAY},   expires: {_day(one.expiry)}"
    if one.hostid and one.hostid.upper() not in ("ANY", "DEMO"):
        facts = host_facts(resolve=False)
        try:
            wanted = parse_hostids(one.hostid)
        except ValueError:
            wanted = ()
        if matches_any(wanted, facts):
            yield "This is the correct node for this node-locked license"
        else:
            yield "This is not the correct node for this node-locked license"
            yield f" {_plain(explain_mismatch(wanted or one.hostid, facts, 'license'))}"


def _kind(one: _License) -> str:
    free = one.hostid.upper() in ("", "ANY", "DEMO")
    if one.counted:
        return "floating license" if free else f'nodelocked license, locked to "{_plain(one.hostid)}"'
    if free:
        return f"uncounted nodelocked license locked to NOTHING (hostid={one.hostid.upper() or 'ANY'})"
    return f'uncounted nodelocked license, locked to "{_plain(one.hostid)}"'


def _day(text: str) -> str:
    try:
        day = parse_date(text)
    except ValueError:
        return _plain(text)
    return "1-jan-0" if day == NEVER else format_date(day, pad=False)


def _plain(text: str) -> str:
    """Text of a file or a server, which must neither steer the terminal nor begin a line of its own."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


# Extended diagnostics ---------------------------------------------------------------------------------------------


def _offer_scan(host: str) -> None:
    """Looks for the port on which the host's license server listens, if the person at the terminal wants that."""
    sys.stdout.write(f"Look for open ports on {host} (y/n)? ")
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print()
    if answer.strip().lower() not in ("y", "yes"):
        return
    found, whole = _scan(host)
    servers = []
    for port, status in who_listens(host, found):
        what = "something else" if status is None else f"license server v{_plain(status.version)} of {_plain(status.host)}"
        print(f"    port {port}: {what}")
        servers += [port] if status is not None else []
    if servers:
        print(f"A license server listens on {host}: use -c {servers[0]}@{host}")
    else:
        limit = "" if whole else ", as far as there was time to look"
        print(f"No license server listens on {host}{limit}: start lmgrd there, or let the firewall pass its port.")


def _scan(host: str) -> tuple[list[int], bool]:
    from rich.console import Console
    from rich.progress import Progress

    ports = [*_PORTS, *(port for port in range(1, _PORT_MAX + 1) if port not in _PORTS)]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"ports of {host}", total=len(ports))
        return scan_ports(host, ports, lambda done: progress.update(task, completed=done))
