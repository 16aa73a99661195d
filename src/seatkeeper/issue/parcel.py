"""What is delivered was read from the disk and verified, and is what the order asked for: its number, its license servers.

A parcel is made of the files that `issuer` left, so that it can be made again on any later day and a delivery never needs the
vendor's keys. A license file that would not be served is not sent.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.keys import credential_path, read_trust
from seatkeeper.base.dates import NEVER, parse_date
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded
from seatkeeper.issue.order import check_order, read_text
from seatkeeper.issue.reading import OrderError
from seatkeeper.issue.remarks import PARTIAL
from seatkeeper.licfile.grammar import FILE_BYTES_MAX
from seatkeeper.licfile.model import Comment, Feature, LicenseFile
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.signature import verify_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from pathlib import Path

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Order, OrderServer
    from seatkeeper.licfile.trust import Trust

__all__ = ["FILES_MAX", "SUFFIXES", "Parcel", "ParcelFile", "find_files", "read_parcel"]

#: Of one order's license files; each independent license server has one.
FILES_MAX: Final = 100
#: What license files in a directory are called.
SUFFIXES: Final = (".dat", ".lic")


class ParcelFile(msgspec.Struct, frozen=True):
    """One license file.

    Attributes:
        path: Where it lies.
        name: What it is called in a mail and on paper: unlike any other file of the parcel.
        data: Its bytes.
        file: Its lines.
        sha256: Of its bytes, in hex.
        issuers: The key ids that signed its lines.
        issued: The latest day on which one of its lines was issued.
        expires: The first day after which one of its lines is no longer good, or `NEVER`.
        servers: The license servers that it is for, as the order has them.
    """

    path: Path
    name: str
    data: bytes
    file: LicenseFile
    sha256: str
    issuers: tuple[str, ...]
    issued: date
    expires: date
    servers: tuple[OrderServer, ...]

    @property
    def features(self) -> tuple[Feature, ...]:
        """Its FEATURE lines."""
        return tuple(line for line in self.file.lines if type(line) is Feature)

    @property
    def partial(self) -> bool:
        """Whether it is a delta, which is put together with the license server's own file."""
        return any(type(line) is Comment and PARTIAL in line.text for line in self.file.lines)


class Parcel(msgspec.Struct, frozen=True):
    """All that goes to the customer for one order; the credentials are private keys."""

    order: Order
    order_text: str
    files: tuple[ParcelFile, ...]
    trust: Path
    trust_data: bytes
    credentials: tuple[Path, ...]

    @property
    def issued(self) -> date:
        """The latest day of issue."""
        return max(each.issued for each in self.files)

    @property
    def expires(self) -> date:
        """The first day after which something is no longer good, or `NEVER`."""
        return min(each.expires for each in self.files)

    @property
    def partial(self) -> bool:
        """Whether a file of it is a delta."""
        return any(each.partial for each in self.files)


def find_files(place: Path) -> tuple[Path, ...]:
    """The license files at `place`: itself, or those in the directory, or in a directory of it for each independent server.

    Raises:
        InputError: There are none, or too many.
    """
    if not place.is_dir():
        return (place,)
    found = _files_in(place) or tuple(path for each in sorted(place.iterdir()) if each.is_dir() for path in _files_in(each))
    if not 0 < len(found) <= FILES_MAX:
        expected = f"at most {FILES_MAX} files *{' or *'.join(SUFFIXES)}, as `seatkeeper issue` leaves them"
        raise InputError("These are not the license files of one order.", file=str(place), found=str(len(found)), expected=expected)
    return found


def read_parcel(place: Path, order: Path | Callable[[str], str], catalog: Catalog) -> Parcel:
    """The parcel of the license file, or the directory of license files, at `place`.

    Args:
        place: The file or the directory.
        order: The file of the order from which they were issued, or who knows the text of the order of a number.
        catalog: What it was checked against.

    Raises:
        InputError: A file is missing, cannot be read or is not one of the order.
        OrderError: The order cannot be issued.
    """
    paths = find_files(place)
    trust_path = paths[0].parent / f"{catalog.vendor.name}.trust"
    if not trust_path.exists():
        remedy = "Deliver from the directory where `seatkeeper issue` left license file and trust file."
        raise InputError("The trust file does not lie beside the license file.", file=str(trust_path), remedy=remedy)
    trust = read_trust(trust_path)
    read = [_read(path) for path in paths]
    issued = max(_issued(path, file) for path, _, file in read)
    if callable(order):
        number = next((line.attribute("SN") or "" for _, line in read[0][2].signable()), "")
        name, text = f"order {number}", order(number)
    else:
        name, text = str(order), read_text(order)
    # Of an order that was issued some time ago, the last day may be past by now; it was not when it was issued.
    checked = check_order(text, name, catalog, issued)
    if checked.order is None:
        raise OrderError(checked.problems)
    # The files of independent servers have one name in directories of their servers' names.
    alike = len({path.name for path in paths}) < len(paths)
    names = [f"{path.parent.name}-{path.name}" if alike else path.name for path in paths]
    files = tuple(_verified(path, name, data, file, trust, checked.order) for name, (path, data, file) in zip(names, read, strict=True))
    _check_complete(files, checked.order, place)
    _check_quantities(files, checked.order, catalog)
    own = [(each.path.parent, server.hostid) for each in files for server in each.servers]
    credentials = [credential_path(directory, trust.vendor, hostid) for directory, hostid in dict.fromkeys(own)]
    held = tuple(path for path in credentials if path.exists())
    return Parcel(checked.order, text, files, trust_path, trust_path.read_bytes(), held)


def _files_in(directory: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in directory.iterdir() if path.suffix in SUFFIXES and path.is_file()))


def _read(path: Path) -> tuple[Path, bytes, LicenseFile]:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"The license file cannot be read: {error.strerror}.", file=str(path)) from None
    parsed = parse(decode(data), str(path))
    for problem in parsed.problems:
        if problem.severity == "error":
            raise InputError(problem.message, file=str(path), line=problem.line, found=problem.found)
    if not parsed.file.servers or not any(True for _ in parsed.file.signable()):
        raise InputError("This is not a license file for a license server.", file=str(path), expected="SERVER and FEATURE lines")
    return path, data, parsed.file


def _issued(path: Path, file: LicenseFile) -> date:
    try:
        return max(parse_date(line.attribute("ISSUED") or "") for _, line in file.signable())
    except ValueError:
        remedy = "Deliver files that `seatkeeper issue` made."
        raise InputError("A line of this file does not say when it was issued.", file=str(path), remedy=remedy) from None


def _verified(path: Path, name: str, data: bytes, file: LicenseFile, trust: Trust, order: Order) -> ParcelFile:
    """The file with what delivery needs to know of it.

    Raises:
        InputError: A line does not verify, or is of another order or license server.
    """
    verdicts = verify_lines(file, trust)
    for verdict in verdicts:
        if not verdict.ok:
            remedy = "It is not delivered; issue the order anew."
            raise InputError(f"This file would not be served: {verdict.sentence}", file=str(path), remedy=remedy)
    for _, line in file.signable():
        if (number := line.attribute("SN")) != order.terms.number:
            expected = f"SN={order.terms.number}"
            remedy = "Name the order that it was issued from. A desk's registry knows it: give --registry, and leave --order out."
            raise InputError("This file is of another order.", file=str(path), found=number or "", expected=expected, remedy=remedy)
    by_hostid = {server.hostid: server for server in order.servers}
    strange = [hostid for hostid in file.hostids if hostid not in by_hostid]
    if strange:
        expected = ", ".join(by_hostid)
        raise InputError("The order does not name the host id of this file.", file=str(path), found=strange[0], expected=expected)
    return ParcelFile(
        path=path,
        name=name,
        data=data,
        file=file,
        sha256=sha256(data).hexdigest(),
        issuers=tuple(dict.fromkeys(verdict.issuer for verdict in verdicts)),
        issued=_issued(path, file),
        expires=min((line.expires for line in file.lines if type(line) is Feature), default=NEVER),
        servers=tuple(by_hostid[hostid] for hostid in file.hostids),
    )


def _check_quantities(files: Sequence[ParcelFile], order: Order, catalog: Catalog) -> None:
    """Return only if the files have of each sellable item what the order has: letter and certificate say what the order says."""
    if order.terms.configuration == "independent" and any(each.partial for each in files):
        # What of an item did not change is in no delta, so the parts of several servers do not add up.
        return
    ordered: dict[str, int] = {}
    for item in order.items:
        ordered[item.product] = ordered.get(item.product, 0) + item.quantity
    for product, quantity in ordered.items():
        part = folded(catalog.product(product).part)
        held = [line.seats or 0 for each in files for line in each.features if folded(line.name) == part]
        if sum(held) != quantity and (held or not files[0].partial):
            raise InputError(
                f"The order has another quantity of {product} than what was issued.",
                file=str(files[0].path),
                found=f"{sum(held):,}",
                expected=f"{quantity:,}, as the order has it",
                remedy="Name the order as it was when the file was issued.",
            )


def _check_complete(files: Sequence[ParcelFile], order: Order, place: Path) -> None:
    served = {server.hostid for each in files for server in each.servers}
    missing = [server.hostid for server in order.servers if server.hostid not in served]
    # A license server for which nothing changed has no delta.
    if missing and not any(each.partial for each in files):
        remedy = "Deliver the directory with all files of the order."
        raise InputError("There is no license file for a license server of the order.", file=str(place), expected=missing[0], remedy=remedy)
