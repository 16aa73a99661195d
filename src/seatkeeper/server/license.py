"""What a vendor daemon serves: the verified lines of its license files on this machine, or the reason why it serves nothing.

The path of a license file at the server (design, The house): text, parser, signature, host id. Lines that do not verify are
left out and named one by one; a whole that cannot be served is one LicenseError. So is a credential that no client would believe:
a vendor daemon that is up and refused by everybody is harder to understand than one that says why it is down.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.keys import credential_path, find_credential, find_trust
from seatkeeper.adapters.settings import license_files_in
from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile.certificate import check_chain
from seatkeeper.licfile.grammar import FILE_BYTES_MAX
from seatkeeper.licfile.hostid import allowed_on_server, explain_mismatch, matches_any, parse_hostids
from seatkeeper.licfile.model import Feature, LicenseFile, Parsed
from seatkeeper.licfile.options import parse_options
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.trust import TRUST_BYTES_MAX, parse_trust
from seatkeeper.server.unserved import unserved_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from seatkeeper.adapters.keys import Credential
    from seatkeeper.licfile.hostid import HostFacts, HostId
    from seatkeeper.licfile.model import Line, Signable
    from seatkeeper.licfile.options import OptionsFile
    from seatkeeper.licfile.signature import Verdict
    from seatkeeper.licfile.trust import Trust
    from seatkeeper.pools.decision import Unserved

__all__ = ["Served", "find_files", "load_served", "new_faults", "number_of", "read_file", "read_options"]

_THREADS: Final = 2
#: Below this many lines a pool of threads costs more than it gives.
_POOL_LINES_MIN: Final = 200


_Verified = tuple[tuple["Signable", ...], tuple[str, ...], tuple[tuple[str, int], ...], "Mapping[str, Unserved]", frozenset[str]]


class Served(msgspec.Struct, frozen=True):
    """What one vendor daemon serves.

    Attributes:
        lines: The verified lines of the vendor, in the files' order; which of them count, and as what, is for pools to say.
        hostids: Those of the SERVER lines, as written.
        trust: The vendor's trust, and `trust_text` the file it was read from.
        credential: The key and certificates by which this server proves itself.
        refusals: One sentence for each line that is not served.
        options: What the options file says; None where there is none.
        refused: Feature and seats of each line that would give some, and is refused.
        unserved: By name in lower case, the features that refused lines would have given, and why they do not.
        withdrawn: The refusals of lines whose issuer key the vendor has revoked.
    """

    lines: tuple[Signable, ...]
    hostids: tuple[str, ...]
    trust: Trust
    trust_text: str
    credential: Credential
    refusals: tuple[str, ...]
    options: OptionsFile | None = None
    refused: tuple[tuple[str, int], ...] = ()
    unserved: Mapping[str, Unserved] = {}
    withdrawn: frozenset[str] = frozenset()


def find_files(paths: Sequence[str]) -> list[Path]:
    """The license files that a -c list names: files as they are, of a directory its *.lic and *.dat, by name.

    Raises:
        LicenseError: -1, an entry does not exist or a directory has no license file; -30, the system refuses it; -42, a name is
            not UTF-8.
    """
    found: list[Path] = []
    for entry in paths:
        path = Path(entry)
        try:
            if path.is_dir():
                inside = license_files_in(path)
                if not inside:
                    raise LicenseError(-1, minor=359, reason=f"The directory {entry} has no *.lic or *.dat file.", path=tuple(paths))
                found += inside
            elif path.is_file():
                found.append(path)
            else:
                raise LicenseError(-1, minor=359, reason=f"There is no file {entry}.", path=tuple(paths))
        except OSError as error:
            system = (error.errno or 0, error.strerror or "")
            raise LicenseError(-30, reason=f"{entry} cannot be read: {error.strerror}.", system=system) from None
    for path in found:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        if shown != str(path):
            # It could neither be told to tools nor passed on to a vendor daemon.
            raise LicenseError(-42, reason=f"The name of {shown} is not UTF-8: rename it.")
    # A file that is named twice, by itself and by its directory, is one file.
    return list(dict.fromkeys(found))


def read_file(path: Path) -> Parsed:
    """The parsed license file.

    Raises:
        LicenseError: -30, it cannot be read; -2, it is too long or no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise LicenseError(-30, hints=(("Filename", str(path)),), system=(error.errno or 0, error.strerror or "")) from None
    if len(data) > FILE_BYTES_MAX:
        raise LicenseError(-2, reason=f"{path} is longer than {FILE_BYTES_MAX >> 20} MiB.")
    return parse(decode(data), str(path))


def load_served(files: Sequence[Path], vendor: str, facts: HostFacts, today: date, servers: int = 1) -> Served:
    """Everything that `vendor` may serve from these files on a machine of these facts, today, as one of so many servers.

    Raises:
        LicenseError: Nothing can be served, with the number and the reason of the first thing that is in the way.
    """
    parsed = [read_file(path) for path in files]
    # Files are combined only for one and the same server, and a file without SERVER lines (packages) joins it.
    with_server = [one for one in parsed if one.file.servers]
    if not with_server:
        raise LicenseError(-13, reason=f"{', '.join(map(str, files))} names no license server.")
    hostids = with_server[0].file.hostids
    named = len(with_server[0].file.servers)
    if named > servers:
        # Served alone on each of its machines, the file would give every seat three times.
        raise LicenseError(
            -85,
            reason=f"{with_server[0].name} is for three-server redundancy, which this license server was not started for.",
            remedy="Have a file with one SERVER line issued, or one for each of several independent servers.",
        )
    if named < servers:
        raise LicenseError(
            -85,
            reason=f"{with_server[0].name} is for one server, and this is one of three.",
            remedy="Put the file with three SERVER lines back, or stop lmgrd on all three machines and start it on one.",
        )
    for one in with_server[1:]:
        if [text.lower() for text in one.file.hostids] != [text.lower() for text in hostids]:
            raise LicenseError(
                -9,
                reason=f"{one.name} is for hostid {' '.join(one.file.hostids)}, {with_server[0].name} for {' '.join(hostids)}.",
                remedy="Serve files of different servers by different lmgrd.",
            )
    _check_host(hostids, facts, with_server[0].name)
    place = Path(with_server[0].name).parent
    trust_path, trust_text, trust = _find_trust(vendor, with_server[0])
    credential = _find_credential(place, vendor, hostids, with_server[0].name)
    _check_credential(credential, trust_path, trust, hostids, today)
    lines, refusals, refused, unserved, withdrawn = _verified(parsed, vendor, trust)
    options = read_options(vendor, parsed)
    return Served(lines, hostids, trust, trust_text, credential, refusals, options, refused, unserved, withdrawn)


def read_options(vendor: str, parsed: Sequence[Parsed]) -> OptionsFile | None:
    """The options file that the vendor's DAEMON line names, else `<vendor>.opt` beside the license file (facts, FlexNet 1.3).

    Raises:
        LicenseError: -30, the DAEMON line names a file that cannot be read; -2, it is too long.
    """
    for one in parsed:
        named = next((line.options for line in one.file.vendors if line.name.lower() == vendor.lower() and line.options), "")
        path = Path(one.name).parent / (named or f"{vendor}.opt")
        if not named and not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                data = file.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            reason = f"The options file {path} of the DAEMON line cannot be read: {error.strerror}."
            raise LicenseError(-30, reason=reason, system=(error.errno or 0, error.strerror or "")) from None
        if len(data) > FILE_BYTES_MAX:
            raise LicenseError(-2, reason=f"The options file {path} is longer than {FILE_BYTES_MAX >> 20} MiB.")
        return parse_options(decode(data), str(path))
    return None


def new_faults(before: Served, after: Served) -> list[str]:
    """Lines of license and options files that would have no effect from now on, each with its fault.

    What has none already does not count: it must not keep a good change from being made. Nor does what a newer trust file revokes:
    that it takes the effect from lines is what it is for, and a line of the thief must not keep it out.
    """
    known = set(map(_without_place, _faults(before)))
    if after.withdrawn and after.trust.root == before.trust.root and after.trust.serial > before.trust.serial:
        known |= set(map(_without_place, after.withdrawn))
    return [sentence for sentence in _faults(after) if _without_place(sentence) not in known]


def number_of(fault: str) -> int:
    """The license error's number that a fault ends with; that of bad syntax where it has none."""
    found = re.search(r"\((-\d+)\)$", fault)
    return int(found[1]) if found else -2


def _faults(served: Served) -> list[str]:
    options = served.options
    faults = [] if options is None else [f"options file {options.name}:{one.line}:{one.column}: {one.message}" for one in options.errors]
    return [*served.refusals, *faults]


def _without_place(sentence: str) -> str:
    """A sentence about a line, wherever the line stands."""
    return re.sub(r":\d+:\d+:|\bline \d+\b", "", sentence)


def _check_host(hostids: Sequence[str], facts: HostFacts, name: str) -> None:
    """The SERVER lines must be for this machine (guide, Host ID Problems)."""
    wanted: list[HostId] = []
    for text in hostids:
        try:
            wanted += parse_hostids(text)
        except ValueError:
            raise LicenseError(-9, reason=f"{name}: {explain_mismatch(text, facts)}") from None
    for hostid in wanted:
        if not allowed_on_server(hostid):
            raise LicenseError(-9, reason=f"{name}: {hostid} may not stand on a SERVER line.")
    if not matches_any(wanted, facts):
        raise LicenseError(-9, reason=explain_mismatch(wanted, facts))


def _find_trust(vendor: str, first: Parsed) -> tuple[Path, str, Trust]:
    """Path, text and content of the vendor's trust file; it is read once, so that the two are the same even while it is replaced."""
    # Beside the file with the SERVER lines, like the credential.
    found = find_trust(vendor, None, Path(first.name))
    if found is None:
        foreign = next((line for _, line in first.file.signable() if line.vendor.lower() == vendor.lower()), None)
        what = f"{foreign.name} is not signed by a key this server trusts: " if foreign is not None else ""
        raise LicenseError(-137, reason=f"{what}there is no {vendor}.trust beside {first.name}.")
    try:
        with found.open("rb") as file:
            data = file.read(TRUST_BYTES_MAX + 1)
    except OSError as error:
        raise LicenseError(-30, hints=(("Filename", str(found)),), system=(error.errno or 0, error.strerror or "")) from None
    trust = parse_trust(data, root=None, name=str(found))
    if trust.vendor.lower() != vendor.lower():
        raise LicenseError(
            -137,
            reason=f"{found} is the trust file of {trust.vendor}: put the one there that came with the licenses of {vendor}.",
        )
    return found, data.decode("utf-8"), trust


def _find_credential(place: Path, vendor: str, hostids: Sequence[str], name: str) -> Credential:
    credential = find_credential(place, vendor, hostids)
    if credential is not None:
        return credential
    there = next((path for path in (credential_path(place, vendor, text) for text in hostids) if path.exists()), None)
    what = (
        f"No credential {vendor}.<hostid>.credential for hostid {' '.join(hostids)} stands beside {name}."
        if there is None
        else f"The credential {there} is for another hostid than {' '.join(hostids)}."
    )
    raise LicenseError(-33, reason=what, remedy="Put the credential file there that came with the license file.")


def _check_credential(credential: Credential, trust_path: Path, trust: Trust, hostids: Sequence[str], today: date) -> None:
    """What clients check first must hold, or every one of them would refuse this server."""
    try:
        check_chain(credential.chain, trust=trust, hostids=hostids, today=today)
    except LicenseError as error:
        raise LicenseError(
            -33,
            reason=(
                f"The credential {credential.path} is not good for {trust.vendor} by {trust_path}, so no client would believe this server: "
                f"{error.reason} Put the credential and the trust file there that came with {trust.vendor}'s license file."
            ),
        ) from None


def _verified(parsed: Sequence[Parsed], vendor: str, trust: Trust) -> _Verified:
    """The vendor's lines that verify, a sentence for each that does not, or that is not understood, and what the latter would give.

    Last come those of the sentences that are about lines of a revoked issuer. All files are judged as one, so that a line copied into
    a second file is seen.
    """
    servers = next(one.file.servers for one in parsed if one.file.servers)
    daemons = tuple(line for one in parsed for line in one.file.vendors)
    refusals = [
        f"{one.name}:{problem.line}:{problem.column}: {problem.message}"
        for one in parsed
        for problem in one.problems
        if problem.severity == "error"
    ]
    ours = [
        (one.name, place, line)
        for one in parsed
        for line, place in zip(one.file.lines, one.places, strict=True)
        if getattr(line, "vendor", "").lower() == vendor.lower()
    ]
    head: tuple[Line, ...] = (*servers, *daemons)
    whole = LicenseFile((*head, *(line for _, _, line in ours)))
    places = (*(0 for _ in head), *(place for _, place, _ in ours))
    if len(ours) >= _POOL_LINES_MIN:
        with ThreadPoolExecutor(_THREADS) as pool:
            verdicts = verify_lines(whole, trust, map=pool.map, places=places)
    else:
        verdicts = verify_lines(whole, trust, places=places)
    lines: list[Signable] = []
    refused: list[tuple[str, int]] = []
    failed: list[tuple[str, Verdict]] = []
    withdrawn: set[str] = set()
    for verdict in verdicts:
        name = ours[verdict.index - len(head)][0]
        if not verdict.ok:
            refusals.append(f"{name}: {verdict.sentence} ({verdict.number})")
            failed.append((name, verdict))
            issuer = trust.issuer(verdict.issuer)
            if verdict.number == -137 and issuer is not None and issuer.revoked_on is not None:
                withdrawn.add(refusals[-1])
            if isinstance(verdict.line, Feature) and verdict.line.seats:
                refused.append((verdict.line.name, verdict.line.seats))
        else:
            lines.append(verdict.line)
    return tuple(lines), tuple(refusals), tuple(refused), unserved_features(parsed, vendor, failed), frozenset(withdrawn)
