"""The license files that can be read on this machine are compared with it: host ids, signatures, and whether it is the server's own.

A client's copy of a license file only tells it where the server is; host id and signatures of the lines matter where a vendor daemon
reads the file. Whether this machine is the license server's own is known by its address, and by the name under which the server knows
itself, since a tunnel also ends on this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import settings
from seatkeeper.base.errors import InputError
from seatkeeper.client.diagnosis import Step, skipped, softened
from seatkeeper.client.findings import hostid_step, signature_step
from seatkeeper.client.remedies import remedy_of
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.trust import parse_trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seatkeeper.client.path import Address, Entry
    from seatkeeper.licfile.hostid import HostFacts
    from seatkeeper.licfile.model import Parsed
    from seatkeeper.licfile.signature import Verdict
    from seatkeeper.wire.messages import ServerStatus

__all__ = ["LocalFile", "hostid_steps", "is_server", "local_files", "served_files", "signature_steps", "verdicts_of"]

#: How a machine is called by itself.
_THIS_HOST: Final = frozenset({"localhost", "this_host", "127.0.0.1", "::1"})


class LocalFile(msgspec.Struct, frozen=True):
    """A license file on this machine; `served` where a vendor daemon here reads it."""

    path: Path
    parsed: Parsed
    served: bool = False


def local_files(entries: Iterable[Entry]) -> list[LocalFile]:
    """The license files of a license path, as far as they can be read."""
    found: list[LocalFile] = []
    for entry in entries:
        place = Path(entry.place)
        try:
            if entry.addresses:
                continue
            paths = settings.license_files_in(place) if place.is_dir() else [place]
        except OSError:
            continue
        found += [file for path in paths[: settings.FILES_MAX] if (file := _read(path)) is not None]
    return found


def served_files(files: Iterable[LocalFile], statuses: Iterable[ServerStatus]) -> list[LocalFile]:
    """The files of the path as those that the license server on this machine reads, and further ones that it says it reads."""
    found = {file.path.resolve(): msgspec.structs.replace(file, served=True) for file in files}
    for name in (name for status in statuses for name in status.files):
        path = Path(name)
        if path.is_absolute() and path.resolve() not in found and (file := _read(path)) is not None:
            found[path.resolve()] = msgspec.structs.replace(file, served=True)
    return list(found.values())


def is_server(facts: HostFacts, resolved: Mapping[str, tuple[str, ...]], statuses: Mapping[Address, ServerStatus]) -> bool:
    """Whether this machine is the license server's own.

    Args:
        facts: This machine.
        resolved: The addresses of each host of the license path.
        statuses: What the servers that answered say of themselves.
    """
    own = {*facts.addresses, *_THIS_HOST}
    hosts = {host for host, addresses in resolved.items() if own & set(addresses)}
    said = {status.host.lower() for address, status in statuses.items() if address.host in hosts}
    names = {facts.hostname.lower(), facts.hostname.lower().split(".")[0], *own}
    return bool(hosts) and (not said or any(name in names or name.split(".")[0] in names for name in said))


def hostid_steps(files: Iterable[LocalFile], facts: HostFacts, *, granted: bool) -> list[Step]:
    """Whether this machine is the one that the served files' SERVER lines are for; nothing fails where a checkout was `granted`."""
    steps = [hostid_step(str(file.path), file.parsed.file.hostids, facts) for file in files if file.served and file.parsed.file.servers]
    return softened(steps, others=granted) or skipped(
        ("hostid",), "This machine is not the license server, or its file cannot be read here."
    )


def signature_steps(files: Iterable[LocalFile], vendor: str, feature: str, *, granted: bool) -> list[Step]:
    """Whether the lines of the files are as the vendor signed them; nothing fails where a checkout was `granted`."""
    steps = [_signature(file, vendor, feature) for file in files if any(True for _ in file.parsed.file.signable())]
    # What is granted is served from other lines, or as they were before the next reread.
    return softened(steps, others=granted) or skipped(("signature",), "No license file with license lines can be read here.")


def _read(path: Path) -> LocalFile | None:
    try:
        with path.open("rb") as file:
            data = file.read(settings.FILE_BYTES_MAX)
    except OSError:
        return None
    return LocalFile(path, parse(decode(data), str(path)))


def verdicts_of(file: LocalFile, vendor: str) -> tuple[list[Verdict], str]:
    """One verdict for each license line of the file, or none and why they cannot be had.

    Raises:
        InputError: The trust file that judges them is none.
    """
    found = settings.read_trust(vendor, (file.path.parent,))
    if found is None:
        return [], f"{file.path} cannot be verified here: there is no {vendor}.trust beside it or in the working directory."
    # Whose root that is the server's identity tells; here the lines are to fit the file that judges them.
    trust = parse_trust(found[1], root=None, name=found[0])
    return verify_lines(file.parsed.file, trust, places=file.parsed.places), ""


def _signature(file: LocalFile, vendor: str, feature: str) -> Step:
    name = str(file.path)
    vendors = {line.vendor.lower(): line.vendor for _, line in file.parsed.file.signable()}
    try:
        verdicts, problem = verdicts_of(file, vendors.get(vendor.lower(), next(iter(vendors.values()))))
    except InputError as error:
        return Step("signature", "warning", str(error), name, -137, 0, "Ask the vendor for a new trust file.")
    if problem and not file.served:
        return Step("signature", "skipped", problem, name)
    if problem:
        return Step("signature", "failed", problem, name, -137, 0, remedy_of(-137))
    step = signature_step(name, verdicts, feature, served=file.served)
    problems = [problem for problem in file.parsed.problems if problem.severity == "error"]
    if step.state == "ok" and problems:
        first = problems[0]
        sentence = f"{name}: line {first.line}, column {first.column}: {first.message}"
        return Step("signature", "warning", sentence, name, first.number, 0, f"Run `seatkeeper license lint {name}`.")
    return step
