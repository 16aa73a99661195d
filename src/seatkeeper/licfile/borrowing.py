"""A borrow record proves offline what a server proves online: the vendor's licenses, the server's right to lend them, until when.

When seats are borrowed the server gives the client one record to keep, a MessagePack array of a format word, the record's own
bytes and the server's signature over them. The record holds what `client.guard` sees of a session: the vendor's trust file, the
server's certificates, the host ids of the SERVER lines and the license lines. A client that pins the root therefore believes a
record for the same reasons for which it believed the server, and a record that was changed, or that nobody signed, is worth nothing.

Two things limit what a server can lend. Its certificate only says who it is; that the feature may be borrowed at all, and for how
many hours, stands in the license line that the vendor signed (`BORROW=hours`, 168 where no number is given; facts, FlexNet 1.5).
And a record is good only for its borrower: user, machine, and the time between its start and its end.

The *secret* of a record returns the seats early. The server does not store it: it is made from the server's key whenever it is
needed, so that neither journal nor snapshot holds anything that could return somebody else's seats.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from msgspec import Meta

from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.base.values import is_version, version_satisfies
from seatkeeper.licfile.bundles import components_of
from seatkeeper.licfile.model import Feature, LicenseFile, Package, Server, Upgrade, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.trust import parse_trust
from seatkeeper.licfile.writer import write_line

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from seatkeeper.licfile.trust import Trust

__all__ = [
    "BORROW_HOURS",
    "CLOCK_S_MAX",
    "LINES_BYTES_MAX",
    "RECORD_BYTES_MAX",
    "SECRET_BYTES",
    "Borrowed",
    "borrow_hours",
    "borrow_secret",
    "check_borrower",
    "claimed",
    "is_same_machine",
    "read_borrowed",
    "sign_borrowed",
]

#: For how long a license with a bare BORROW may be borrowed ("default limit 168 h", facts, FlexNet 1.5).
BORROW_HOURS: Final = 168
#: A record travels in one frame with up to 48 KiB of license lines.
RECORD_BYTES_MAX: Final = 15 * 1024
#: Lines of a record; the lines of one pool are alike, so the first ones do for all.
LINES_BYTES_MAX: Final = 6 * 1024
SECRET_BYTES: Final = 16
#: How far the borrower's clock may be behind the server's.
CLOCK_S_MAX: Final = 3600.0

_FORMAT: Final = "seatkeeper-borrow-1"
_RECORD_TAG: Final = b"seatkeeper/borrow/1\0"
_SECRET_TAG: Final = b"seatkeeper/borrow-secret/1\0"
_HOUR_S: Final = 3600
#: An end is given to the minute, and the server's clock has run on since it was asked.
_ROUNDING_S: Final = 60.0

#: Kinds of hostid that hold a record to its machine, beside those that are written without a kind.
_FIRM: Final = frozenset({"DISK_SERIAL_NUM", "VM_UUID", "CONTAINER_ID"})

_Name = Annotated[str, Meta(max_length=256)]
_Time = Annotated[float, Meta(ge=0, le=2**53)]


class Borrowed(msgspec.Struct, frozen=True, array_like=True):
    """Seats that are out on loan.

    Attributes:
        vendor: The vendor daemon's name.
        feature: The feature.
        version: The version of the license that covers them.
        count: How many seats.
        user: Who borrowed them.
        host: The machine they were borrowed on, by its name.
        display: The display they were borrowed on.
        handle: The server's number for them.
        start: When the loan began, as Unix time by the server's clock.
        until: When it ends.
        secret: Returns the seats before that.
        server: The name of the server's machine. How the client called it, the client keeps beside the record.
        hostids: The host ids of the SERVER lines.
        lines: Signed license lines that cover the seats.
        trust: The vendor's trust file; empty where the server has none (an explicit unsafe setting).
        chain: The server's certificate and the daemon's, as PEM.
        machine: Host ids of the borrower's machine. Of those that are not merely names it must still have one; where it has none
            such, its name is enough.
    """

    vendor: Annotated[str, Meta(min_length=1, max_length=64)]
    feature: Annotated[str, Meta(min_length=1, max_length=256)]
    version: Annotated[str, Meta(max_length=32)]
    count: Annotated[int, Meta(ge=1)]
    user: _Name
    host: _Name
    display: _Name
    handle: Annotated[int, Meta(ge=0)]
    start: _Time
    until: _Time
    secret: Annotated[bytes, Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
    server: str
    hostids: tuple[str, ...]
    lines: str
    trust: str
    chain: bytes
    machine: tuple[str, ...] = ()


class _Signed(msgspec.Struct, frozen=True, array_like=True):
    """A record and the signature over its bytes; what is signed is what was sent, whoever may encode it in another way."""

    format: Literal["seatkeeper-borrow-1"]
    record: bytes
    signature: bytes


def borrow_secret(key: Ed25519PrivateKey | None, digest: str, handle: int) -> bytes:
    """The secret by which the seats of `handle` can be returned early; the same whenever it is asked for.

    Args:
        key: The private key of the server's credential; None on a server without one (an explicit unsafe setting), where the
            secret keeps out mistakes, but nobody who means harm.
        digest: What stands in the journal for the session that borrowed.
        handle: The seats' handle.
    """
    parts = (digest.encode(), str(handle).encode())
    message = _SECRET_TAG + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return sha256(key.sign(message) if key is not None else message).digest()[:SECRET_BYTES]


def sign_borrowed(key: Ed25519PrivateKey | None, borrowed: Borrowed) -> bytes:
    """The record that says `borrowed`, for the client to keep; of very many license lines it holds the first ones.

    Args:
        key: The private key of the server's credential; None makes a record that only a client without a root believes.
        borrowed: The seats.

    Raises:
        ValueError: The record would be too large for its frame.
    """
    if len(borrowed.lines) > LINES_BYTES_MAX:
        borrowed = msgspec.structs.replace(borrowed, lines=_first_lines(borrowed.lines))
    record = msgspec.msgpack.encode(borrowed)
    signed = _Signed(_FORMAT, record, key.sign(_RECORD_TAG + record) if key is not None else b"")
    data = msgspec.msgpack.encode(signed)
    if len(data) > RECORD_BYTES_MAX:
        raise ValueError(f"a borrow record of at most {RECORD_BYTES_MAX} bytes, and not {len(data)}")
    return data


def claimed(data: bytes) -> Borrowed | None:
    """What a record says of itself, unchecked, for who wants to be rid of it; None where it is no record."""
    if len(data) > RECORD_BYTES_MAX:
        return None
    try:
        return msgspec.msgpack.decode(msgspec.msgpack.decode(data, type=_Signed).record, type=Borrowed)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def read_borrowed(data: bytes, *, root: bytes | None, today: date, known: Trust | None = None) -> Borrowed:
    """What a record says, once all that it rests on has been checked; whether it has ended is not asked here.

    Args:
        data: The record.
        root: The pinned root public key; None believes the root that the record's own trust file names, or a server without one.
        today: The day for which the server's certificate and the license lines must be good.
        known: A trust file that the client has itself; the newer of the two counts.

    Raises:
        LicenseError: -117, it is no record, or was changed; -33, its server is not one of the vendor's; -8, a license line is
            not genuine; -10, it has expired; -68, it may not be borrowed; -104, not for that long.
    """
    if len(data) > RECORD_BYTES_MAX:
        raise LicenseError(-117, reason=f"A borrow record has at most {RECORD_BYTES_MAX} bytes; this one is longer.")
    try:
        signed = msgspec.msgpack.decode(data, type=_Signed)
        borrowed = msgspec.msgpack.decode(signed.record, type=Borrowed)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise LicenseError(-117, reason=f"This is no borrow record: {error}.") from None
    if borrowed.until <= borrowed.start:
        raise LicenseError(-117, reason="The borrow record ends before it begins.")
    if root is None and not borrowed.trust:
        return borrowed
    trust = _trust_of(borrowed, root)
    if known is not None and known.serial > trust.serial:
        trust = known
    if trust.vendor.lower() != borrowed.vendor.lower():
        raise LicenseError(-33, reason=f"The borrow record's trust file is one of {trust.vendor}, not of {borrowed.vendor}.")
    from seatkeeper.licfile.certificate import check_chain  # 45 ms of X.509 that a record without a trust file need not spend

    server = check_chain(borrowed.chain, trust=trust, hostids=borrowed.hostids, today=today)
    try:
        server.verify(signed.signature, _RECORD_TAG + signed.record)
    except InvalidSignature:
        raise LicenseError(-117, reason="The borrow record was changed, or is not signed by the server that it names.") from None
    _check_lines(borrowed, trust, today)
    return borrowed


def check_borrower(borrowed: Borrowed, *, user: str, host: str, hostids: Collection[str], now: float) -> None:
    """Return only if this user may use the seats on this machine at this time.

    Args:
        borrowed: The seats.
        user: Who wants to use them.
        host: This machine's name.
        hostids: This machine's host ids.
        now: Unix time.

    Raises:
        LicenseError: -117, they are another's, or another machine's; -118, the loan has ended; -88, it has not begun.
    """
    if user != borrowed.user or host.lower() != borrowed.host.lower():
        reason = f"{borrowed.feature} was borrowed by {borrowed.user} on {borrowed.host}, and this is {user} on {host}."
        raise LicenseError(-117, reason=reason, feature=borrowed.feature)
    firm, own = _firm(borrowed.machine), _firm(hostids)
    # Any one of them: a laptop leaves its docking station with the network card that is in it.
    if firm and not firm & own:
        reason = f"{borrowed.feature} was borrowed on the machine of host id {sorted(firm)[0]}, which this is not."
        raise LicenseError(-117, reason=reason, feature=borrowed.feature)
    if now >= borrowed.until:
        raise LicenseError(-118, reason=f"The borrow of {borrowed.feature} has ended.", feature=borrowed.feature)
    if now < borrowed.start - CLOCK_S_MAX:
        reason = f"By this machine's clock {borrowed.feature} has not been borrowed yet."
        raise LicenseError(-88, reason=reason, feature=borrowed.feature)


def is_same_machine(borrowed: Borrowed, hostids: Collection[str]) -> bool:
    """Whether a machine with these host ids is the one on which the seats were borrowed, however it is called by now."""
    return bool(_firm(borrowed.machine) & _firm(hostids))


def _firm(hostids: Collection[str]) -> frozenset[str]:
    """Host ids that a user does not choose: those without a kind before a `=`, and a few kinds."""
    return frozenset(hostid.lower() for hostid in hostids if hostid.partition("=")[0].upper() in _FIRM or "=" not in hostid)


def borrow_hours(line: Feature) -> int | None:
    """For how many hours the line's seats may be borrowed; None where they may not be."""
    value = line.attribute("BORROW")
    return None if value is None else int(value) if value else BORROW_HOURS


def _first_lines(text: str) -> str:
    """As many of the license lines as fit; at least one."""
    kept = ""
    for line in parse(text).file.lines:
        more = write_line(line) + "\n"
        if kept and len(kept) + len(more) > LINES_BYTES_MAX:
            break
        kept += more
    return kept


def _trust_of(borrowed: Borrowed, root: bytes | None) -> Trust:
    if not borrowed.trust:
        raise LicenseError(-33, reason=f"The borrow record holds no trust file of {borrowed.vendor}.")
    try:
        return parse_trust(borrowed.trust, root=root, name="The borrow record's trust file")
    except InputError as error:
        raise LicenseError(-33, reason=error.message) from None
    except LicenseError as error:
        raise LicenseError(-33, reason=error.reason) from None


def _check_lines(borrowed: Borrowed, trust: Trust, today: date) -> None:
    """The lines are the vendor's, are of this feature, and let it be borrowed for that long."""
    lines = parse(borrowed.lines).file.lines
    if not lines or not all(isinstance(line, Feature | Package | Upgrade) for line in lines):
        raise LicenseError(-8, reason=f"The borrow record of {borrowed.feature} holds something that is no license line.")
    servers = tuple(Server("this_host", hostid) for hostid in borrowed.hostids)
    for verdict in verify_lines(LicenseFile((*servers, Vendor(trust.vendor), *lines)), trust):
        if not verdict.ok:
            raise LicenseError(-8, reason=f"The borrow record holds a line that is not genuine: {verdict.sentence}")
    features = [line for line in lines if type(line) is Feature]
    if borrowed.feature.lower() not in _names(lines) or not features:
        raise LicenseError(-8, reason=f"The borrow record of {borrowed.feature} holds lines of other features.")
    for line in features:
        if line.expires < today:
            raise LicenseError(-10, reason=f"The license line of {line.name} expired on {format_date(line.expires)}.")
        hours = borrow_hours(line)
        if hours is None:
            raise LicenseError(-68, reason=f"The license line of {line.name} has no BORROW.")
        if borrowed.until - borrowed.start > hours * _HOUR_S + _ROUNDING_S:
            raise LicenseError(-104, reason=f"The license line of {line.name} may be borrowed for {hours} hours.")
    # A component's version stands in the PACKAGE line, an upgraded one's in the UPGRADE line: there the server decides.
    own = [line for line in features if line.name.lower() == borrowed.feature.lower()]
    if len(own) == len(lines) and borrowed.version:
        for line in own:
            if not is_version(borrowed.version) or not version_satisfies(line.version, borrowed.version, "flexnet"):
                reason = f"The borrow record is for version {borrowed.version} of {line.name}, its license line for {line.version}."
                raise LicenseError(-8, reason=reason)


def _names(lines: Collection[object]) -> frozenset[str]:
    """The features that the lines give, by themselves or as components of a package, in lower case."""
    names: set[str] = set()
    for line in lines:
        if isinstance(line, Feature | Upgrade):
            names.add(line.name.lower())
        elif isinstance(line, Package):
            try:
                names.update(component.name.lower() for component in components_of(line))
            except ValueError as error:
                raise LicenseError(-8, reason=f"The borrow record's PACKAGE {line.name} is not understood: expected {error}.") from None
    return frozenset(names)
