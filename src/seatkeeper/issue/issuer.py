"""A license file is signed once, only after the linter passed it and the record of it is on the disk, and appears whole or not at all.

The way of an order: its lines are planned (`plan`); the unsigned file goes through writer, parser and linter, and what passes
gets a permit; the record is written (`record`); the permit is redeemed, once, for signatures; the text is read back by the
parser and verified against the trust file that goes out with it. All files are made in a directory of their own beside their
place (`placing`) and are moved there together, the license file last: who sees it can serve it.

Beside the license file lie `<vendor>.trust` and a credential for each SERVER line's host id; a license server needs no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.keys import credential_path, issue_credential, load_issuer, load_trust, read_trust, write_file
from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError
from seatkeeper.issue.placing import Placing
from seatkeeper.issue.plan import Plan, plan_file
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

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Order, OrderServer
    from seatkeeper.issue.record import Recorder
    from seatkeeper.licfile.trust import Trust

__all__ = ["BACKUP_SUFFIX", "Issued", "IssuedFile", "Permit", "Signed", "as_builtins", "examine", "issue_file", "issue_order", "sign"]

#: What a replaced license file is called afterwards; license servers do not read it, even where they are given the directory.
BACKUP_SUFFIX: Final = ".bak"


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
    """What issuing an order left on the disk: one file, or one for each independent license server."""

    files: tuple[IssuedFile, ...]


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
    passphrase: bytes | None = None,
    destination: str = "",
    recorder: Recorder | None = None,
) -> Signed:
    """The signed file of an order; it is recorded, and nowhere else yet.

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
    trust_path, trust = _vendor_trust(keys, catalog.vendor.name)
    key = load_issuer(keys, passphrase=passphrase, today=today)
    plan = plan_file(order, catalog, today)
    permit = examine(plan.file, today)
    unsigned = write(plan.file)
    issuer = key_id(key.public_key().public_bytes_raw())
    recorder = recorder or FileRecorder(keys)
    record = recorder.intend(
        Record(
            order=order.terms.number,
            site=order.terms.site,
            company=order.terms.company,
            purpose=order.terms.purpose,
            issued=format_date(today),
            expires=format_date(order.terms.expires),
            vendor=trust.vendor,
            hostids=plan.file.hostids,
            issuer=issuer,
            file=destination,
            sha256=digest_of(unsigned),
            unsigned=unsigned,
        )
    )
    file = sign(permit, key)
    text = write(file)
    _check_signed(text, file, trust)
    recorder.signed(record, text)
    return Signed(file, text, plan, issuer, trust_path, record)


def issue_order(
    order: Order,
    catalog: Catalog,
    keys: Path,
    output: Path,
    today: date,
    *,
    passphrase: bytes | None = None,
    force: bool = False,
    recorder: Recorder | None = None,
) -> Issued:
    """What stands on the disk once the license file of an order is at `output`, with trust file and credentials beside it.

    A step that fails leaves everything as it was, but for the record.

    Args:
        order: The order.
        catalog: What it was checked against.
        keys: The directory of the vendor's keys.
        output: Where the license file is to be.
        today: The day of issue.
        passphrase: Opens the private keys.
        force: Replace a file that is there; it is kept with `BACKUP_SUFFIX`.
        recorder: Keeps what is signed; by default the list beside the keys.

    Raises:
        InputError: A file is in the way or cannot be written, or as for `issue_file`.
        SeatkeeperError: As for `issue_file`.
    """
    recorder = recorder or FileRecorder(keys)
    _check_output(output, force=force)
    trust_path, trust = _vendor_trust(keys, catalog.vendor.name)
    place = output.parent / trust_path.name
    newer = _newer_trust(place, trust, force=force)
    with Placing(output.parent) as placing:
        credentials = []
        for server in order.servers:
            staged = issue_credential(keys, server.hostid, placing.directory, passphrase=passphrase, today=today)
            credentials.append(placing.add(staged, credential_path(output.parent, trust.vendor, server.hostid)))
        if not newer:
            write_file(placing.directory / trust_path.name, trust_path.read_bytes(), private=False, replace=True)
            placing.add(placing.directory / trust_path.name, place)
        signed = issue_file(order, catalog, keys, today, passphrase=passphrase, destination=str(output), recorder=recorder)
        staged = placing.directory / "license.new"
        write_file(staged, signed.text.encode(), private=False, replace=True)
        _check_signed(staged.read_text("utf-8"), signed.file, read_trust(place if newer else placing.directory / trust_path.name))
        backup = output.with_name(output.name + BACKUP_SUFFIX) if output.exists() else None
        placing.add(staged, output, backup=backup, replace=force)
        placing.commit()
    recorder.placed(signed.record)
    return Issued((IssuedFile(signed, output, place, tuple(credentials), signed.record, order.servers, backup),))


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


def _vendor_trust(keys: Path, vendor: str) -> tuple[Path, Trust]:
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


def _check_output(output: Path, *, force: bool) -> None:
    if not output.parent.is_dir():
        raise InputError("There is no such directory.", file=str(output.parent), remedy="Make it first, or name another place with -o.")
    if output.is_dir():
        raise InputError("This is a directory.", file=str(output), remedy=f"Name a file in it, such as {output / 'license.dat'}.")
    if output.exists() and not force:
        remedy = f"Name another with -o, or give --force, which keeps the old one as {output.name}{BACKUP_SUFFIX}."
        raise InputError("This file exists and is not overwritten.", file=str(output), remedy=remedy)


def _newer_trust(place: Path, trust: Trust, *, force: bool) -> bool:
    """True where the trust file beside the license file is of the same root and newer; it must not be replaced by an older one.

    Raises:
        InputError: There is one of another root, by which other license files here may live.
    """
    if not place.exists():
        return False
    try:
        held = read_trust(place)
    except (InputError, LicenseError):
        if force:
            return False
        raise
    if held.root != trust.root and not force:
        remedy = "Issue into another directory, or give --force if the license files here are to be replaced anyway."
        raise InputError("The trust file here is of another root, so other license files may need it.", file=str(place), remedy=remedy)
    return held.root == trust.root and held.serial > trust.serial


def _line_at(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number - 1] if 0 < number <= len(lines) else ""
