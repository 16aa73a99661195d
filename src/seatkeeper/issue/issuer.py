"""License files are signed once, only after the linter passed them and their record is on the disk, and appear together or not at all.

The way of an order: its lines are planned (`plan`), and for a delta compared with the file that is there (`delta`); each
unsigned file goes through writer, parser and linter, and what passes gets a permit; only when all have one is the first record
written (`record`) and its permit redeemed, once, for signatures; each text is read back by the parser and verified against the
trust file that goes out with it. All files are made in a directory of their own beside their places (`placing`) and are moved
there together, license files last: who sees one can serve it.

Beside a license file lie `<vendor>.trust` and a credential for each of its SERVER lines; a license server needs no more. Of
several independent servers each has a directory of its own, so that no server's private key comes to another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.keys import credential_path, issue_credential, load_issuer, load_trust, read_trust, write_file
from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.issue.delta import delta_of, is_for
from seatkeeper.issue.existing import read_existing
from seatkeeper.issue.places import BACKUP_SUFFIX, DELTA_NAME, newer_trust, places_of
from seatkeeper.issue.placing import Placing
from seatkeeper.issue.plan import Plan, assemble, plan_file, plan_files
from seatkeeper.issue.record import FileRecorder, Record, digest_of
from seatkeeper.licfile.lint import lint
from seatkeeper.licfile.model import Feature, LicenseFile
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import sign_line, verify_lines
from seatkeeper.licfile.trust import key_id
from seatkeeper.licfile.writer import write

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from seatkeeper.adapters.keyplaces import Passphrase
    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Order, OrderServer
    from seatkeeper.issue.record import Recorder
    from seatkeeper.licfile.trust import Trust

__all__ = [
    "BACKUP_SUFFIX",
    "DELTA_NAME",
    "Issued",
    "IssuedFile",
    "Permit",
    "Progress",
    "Signed",
    "as_builtins",
    "examine",
    "issue_file",
    "issue_order",
    "planned",
    "sign",
    "vendor_trust",
]

#: So many servers' host ids an error names.
_SHOWN_PLANS_MAX: Final = 5
#: Is told how many files of how many are signed.
Progress = Callable[[int, int], None]


class Signed(msgspec.Struct, frozen=True):
    """A signed file that was read back and verified.

    Attributes:
        file: Its lines.
        text: Its text.
        plan: What it was made from.
        issuer: The key id that signed it.
        trust_path: The trust file against which it was verified.
        record: What the recorder calls it.
    """

    file: LicenseFile
    text: str
    plan: Plan
    issuer: str
    trust_path: Path
    record: str


class IssuedFile(msgspec.Struct, frozen=True):
    """One license file that issuing an order left on the disk.

    Attributes:
        signed: The signed file.
        path: The license file.
        trust: The trust file beside it.
        credentials: The credential of each license server.
        record: What the recorder calls it.
        servers: The license servers that it is for: one, or three redundant ones.
        backup: The file that stood there before; None where there was none.
    """

    signed: Signed
    path: Path
    trust: Path
    credentials: tuple[Path, ...]
    record: str
    servers: tuple[OrderServer, ...]
    backup: Path | None = None


class Issued(msgspec.Struct, frozen=True):
    """What issuing an order left on the disk.

    Attributes:
        files: One file, or one for each independent license server.
        unchanged: Of a delta for independent servers: those whose file has all of the order already.
    """

    files: tuple[IssuedFile, ...]
    unchanged: tuple[Plan, ...] = ()


class _Desk(msgspec.Struct, frozen=True):
    """What is needed to sign."""

    key: Ed25519PrivateKey
    trust_path: Path
    trust: Trust
    recorder: Recorder
    today: date


class Permit:
    """The leave to sign one file that the linter has passed; it is good once."""

    def __init__(self, file: LicenseFile) -> None:
        self._file: LicenseFile | None = file

    def redeem(self) -> LicenseFile:
        """The file to sign.

        Raises:
            SeatkeeperError: The permit was used before.
        """
        if self._file is None:
            raise SeatkeeperError("This permit to sign was used already.", "Examine the file again.")
        file, self._file = self._file, None
        return file


def examine(file: LicenseFile, today: date) -> Permit:
    """The permit to sign an unsigned file.

    Raises:
        SeatkeeperError: The writer and the parser do not agree on it, or the linter finds an error in it.
    """
    text = write(file)
    parsed = parse(text, "the unsigned file")
    errors = [problem for problem in lint(parsed, today=today) if problem.severity == "error"]
    if errors:
        first = errors[0]
        found = f" (found {first.found!r})" if first.found else ""
        raise SeatkeeperError(
            f"The linter refuses the file that this order would give: line {first.line}: {first.message}{found}",
            f"Nothing was signed. The line is: {_line_at(text, first.line)}",
        )
    if parsed.file != file:
        at = next((index for index, pair in enumerate(zip(parsed.file.lines, file.lines, strict=False)) if pair[0] != pair[1]), 0)
        raise SeatkeeperError(
            "A line of this order's file would not be read as it is meant.", f"Nothing was signed. It is: {file.lines[at]}"
        )
    return Permit(file)


def sign(permit: Permit, key: Ed25519PrivateKey) -> LicenseFile:
    """The file of the permit with digest and signature on each line that takes one."""
    file = permit.redeem()
    hostids = file.hostids
    signed = {index: sign_line(line, hostids, key) for index, line in file.signable()}
    return LicenseFile(tuple(signed.get(index, line) for index, line in enumerate(file.lines)))


def issue_file(
    order: Order,
    catalog: Catalog,
    keys: Path,
    today: date,
    *,
    passphrase: Passphrase = None,
    destination: str = "",
    recorder: Recorder | None = None,
) -> Signed:
    """The signed file of an order that has one; it is recorded, and nowhere else yet.

    Args:
        order: The order.
        catalog: What it was checked against.
        keys: The directory of the vendor's keys.
        today: The day of issue.
        passphrase: Opens the issuer key.
        destination: Where the file is to go, for the record.
        recorder: Keeps what is signed; by default the list beside the keys.

    Raises:
        InputError: The keys are missing, of another vendor, or cannot be used.
        SeatkeeperError: The file would not be good.
    """
    desk = _open(keys, catalog, today, passphrase, recorder)
    plan = plan_file(order, catalog, today)
    return _sign_recorded(examine(plan.file, today), plan, order, desk, destination)


def issue_order(
    order: Order,
    catalog: Catalog,
    keys: Path,
    output: Path,
    today: date,
    *,
    passphrase: Passphrase = None,
    force: bool = False,
    recorder: Recorder | None = None,
    delta_to: Path | None = None,
    progress: Progress | None = None,
) -> Issued:
    """What stands on the disk once all license files of an order are in their places, with trust files and credentials.

    A step that fails leaves everything as it was, but for the record.

    Args:
        order: The order.
        catalog: What it was checked against.
        keys: The directory of the vendor's keys.
        output: Where the license file is to be; of independent servers the directory with a directory for each.
        today: The day of issue.
        passphrase: Opens the private keys.
        force: Replace files that are there; they are kept with `BACKUP_SUFFIX`.
        recorder: Keeps what is signed; by default the list beside the keys.
        delta_to: The license file that is there, or the directory of those of several servers: only what is new or changed is issued.
        progress: Is told how many files of how many are signed.

    Raises:
        InputError: A file is in the way or cannot be written, or as for `issue_file` and `planned`.
        SeatkeeperError: As for `issue_file`.
    """
    trust_path, trust = vendor_trust(keys, catalog.vendor.name)
    plans, unchanged = planned(order, catalog, today, trust, delta_to)
    places = places_of(order, plans, output, force=force)
    trusts = {place.parent: place.parent / trust_path.name for place in places}
    newer = {where: newer_trust(path, trust, force=force) for where, path in trusts.items()}
    whole = order.terms.configuration == "independent" and not output.exists()
    files = []
    with Placing(output if output.is_dir() else output.parent) as placing:
        rooms = [placing.room(f"{'files' if whole else 'room'}/{_part_of(place, output)}") for place in places]
        credentials: list[list[tuple[Path, Path]]] = []
        for plan, place, room in zip(plans, places, rooms, strict=True):
            # The server of a file that is there has its credential; a second one would only be one more to keep secret.
            servers = () if plan.is_delta else plan.servers
            staged = [issue_credential(keys, server.hostid, room, passphrase=passphrase, today=today) for server in servers]
            goals = [credential_path(place.parent, trust.vendor, server.hostid) for server in servers]
            credentials.append(list(zip(staged, goals, strict=True)))
            if not newer[place.parent]:
                write_file(room / trust_path.name, trust_path.read_bytes(), private=False, replace=True)
        desk = _open(keys, catalog, today, passphrase, recorder)
        permits = [examine(plan.file, today) for plan in plans]
        for number, (plan, permit, place, room) in enumerate(zip(plans, permits, places, rooms, strict=True)):
            signed = _sign_recorded(permit, plan, order, desk, str(place))
            staged_file = room / place.name
            write_file(staged_file, signed.text.encode(), private=False, replace=True)
            held = trusts[place.parent] if newer[place.parent] else room / trust_path.name
            _check_signed(staged_file.read_text("utf-8"), signed.file, read_trust(held))
            own = tuple(goal for _, goal in credentials[number])
            backup = place.with_name(place.name + BACKUP_SUFFIX) if _will_replace(place, signed.text) else None
            files.append(IssuedFile(signed, place, trusts[place.parent], own, signed.record, plan.servers, backup))
            if progress is not None:
                progress(number + 1, len(plans))
        if whole:
            placing.add(placing.room("files"), output)
        else:
            for pairs, place, room in zip(credentials, places, rooms, strict=True):
                for staged_credential, goal in pairs:
                    placing.add(staged_credential, goal)
                if not newer[place.parent]:
                    placing.add(room / trust_path.name, trusts[place.parent])
            for issued, room in zip(files, rooms, strict=True):
                placing.add(room / issued.path.name, issued.path, backup=issued.backup, replace=force)
        placing.commit()
    for issued in files:
        desk.recorder.placed(issued.record)
    return Issued(tuple(files), unchanged)


def planned(
    order: Order, catalog: Catalog, today: date, trust: Trust | None = None, delta_to: Path | None = None
) -> tuple[tuple[Plan, ...], tuple[Plan, ...]]:
    """The files to sign, and those of independent servers that a delta leaves as they are.

    Args:
        order: The order.
        catalog: What it was checked against.
        today: The day of issue.
        trust: What the old files must verify against.
        delta_to: The file that is there, or the directory of several.

    Raises:
        InputError: An old file is not as it was issued or for no server of the order, or has all of the order already.
    """
    plans = plan_files(order, catalog, today)
    if delta_to is None or trust is None:
        return plans, ()
    olds = read_existing(delta_to, trust)
    changed: list[Plan] = []
    unchanged: list[Plan] = []
    for old in olds:
        if not any(is_for(plan, old.file) for plan in plans):
            raise InputError(
                "This license file is for another license server; lines for one host id mean nothing beside those for another.",
                file=old.name,
                found=f"host id {' '.join(old.file.hostids)}",
                expected=" or ".join(" ".join(server.hostid for server in plan.servers) for plan in plans[:_SHOWN_PLANS_MAX]),
                remedy="Correct the order's host id, or issue a complete file, without --delta-to.",
            )
    for plan in plans:
        own = [old for old in olds if is_for(plan, old.file)]
        if len(own) > 1:
            raise InputError(f"This is a second license file for {plan.servers[0].host}, beside {own[0].name}.", file=own[1].name)
        if own:
            plan = delta_of(plan, own[0], catalog.vendor.name)
            if plan.lines:
                plan = assemble(plan, order, catalog, today)
        (changed if plan.lines else unchanged).append(plan)
    if not changed:
        gone = [change for plan in unchanged for change in plan.changes]
        told = " ".join(f"{change[0].upper()}{change[1:]}." if change.startswith("no ") else f"{change}." for change in gone)
        raise InputError("The license file has all that the order asks for, so there is nothing to sign.", file=str(delta_to), remedy=told)
    return tuple(changed), tuple(unchanged)


def as_builtins(issued: IssuedFile) -> dict[str, Any]:
    """What was issued, for JSON."""
    lines = [line for line in issued.signed.file.lines if type(line) is Feature]
    rows = zip(lines, issued.signed.plan.lines, strict=True)
    return {
        "file": str(issued.path),
        "trust": str(issued.trust),
        "credentials": [str(path) for path in issued.credentials],
        "record": issued.record,
        "backup": str(issued.backup) if issued.backup is not None else None,
        "issuer": issued.signed.issuer,
        "servers": [{"host": server.host, "hostid": server.hostid, "port": server.port} for server in issued.servers],
        "delta": issued.signed.plan.is_delta,
        "changes": list(issued.signed.plan.changes),
        "left_out": list(issued.signed.plan.left_out),
        "features": [
            {
                "feature": line.name,
                "version": line.version,
                "count": planned.count,
                "expires": line.expiry,
                "product": planned.product or None,
                "rule": planned.rule or None,
                "items": list(planned.items),
            }
            for line, planned in rows
        ],
    }


def _open(keys: Path, catalog: Catalog, today: date, passphrase: Passphrase, recorder: Recorder | None) -> _Desk:
    trust_path, trust = vendor_trust(keys, catalog.vendor.name)
    key = load_issuer(keys, passphrase=passphrase, today=today)
    return _Desk(key, trust_path, trust, recorder or FileRecorder(keys), today)


def _sign_recorded(permit: Permit, plan: Plan, order: Order, desk: _Desk, destination: str) -> Signed:
    """The signed file of a plan, after its record was on the disk."""
    unsigned = write(plan.file)
    issuer = key_id(desk.key.public_key().public_bytes_raw())
    record = desk.recorder.intend(
        Record(
            order=order.terms.number,
            site=order.terms.site,
            company=order.terms.company,
            purpose=order.terms.purpose,
            issued=format_date(desk.today),
            expires=format_date(order.terms.expires),
            vendor=desk.trust.vendor,
            hostids=plan.file.hostids,
            issuer=issuer,
            file=destination,
            sha256=digest_of(unsigned),
            unsigned=unsigned,
        )
    )
    file = sign(permit, desk.key)
    text = write(file)
    _check_signed(text, file, desk.trust)
    desk.recorder.signed(record, text)
    return Signed(file, text, plan, issuer, desk.trust_path, record)


def _part_of(place: Path, output: Path) -> str:
    return "." if place == output else place.parent.name


def _will_replace(place: Path, text: str) -> bool:
    """Whether a file is there that is not to the letter what is to be there."""
    return place.exists() and place.read_bytes() != text.encode()


def vendor_trust(keys: Path, vendor: str) -> tuple[Path, Trust]:
    """The trust file of the key directory, and what it says.

    Raises:
        InputError: The directory has no keys, or those of another vendor.
    """
    if not list(keys.glob("*.trust")):
        raise InputError(
            "There are no keys here." if keys.is_dir() else "There is no such directory of keys.",
            file=str(keys),
            remedy=f"Make them with `seatkeeper vendor init {vendor} --keys {keys}`.",
        )
    path, trust = load_trust(keys)
    if trust.vendor != vendor:
        raise InputError("These are another vendor's keys.", file=str(path), found=trust.vendor, expected=f"{vendor}, as in the catalog")
    return path, trust


def _check_signed(text: str, file: LicenseFile, trust: Trust) -> None:
    """Return only if the text is read as `file` and each of its licenses verifies.

    Raises:
        SeatkeeperError: It is not, or one does not.
    """
    parsed = parse(text, "the signed file")
    refused = [problem.message for problem in parsed.problems if problem.severity == "error"]
    refused += [verdict.sentence for verdict in verify_lines(parsed.file, trust, places=parsed.places) if not verdict.ok]
    if refused or parsed.file != file:
        reason = refused[0] if refused else "it is not read as it was written."
        raise SeatkeeperError(f"The signed file does not stand the test: {reason}", "It was not put out; report this.")


def _line_at(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number - 1] if 0 < number <= len(lines) else ""
