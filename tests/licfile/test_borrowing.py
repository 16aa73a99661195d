"""borrowing: a record of borrowed seats is believed whole, and by its borrower alone, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.adapters.keys import find_credential, init_vendor, issue_credential, load_issuer
from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile.borrowing import (
    BORROW_HOURS,
    LINES_BYTES_MAX,
    RECORD_BYTES_MAX,
    SECRET_BYTES,
    Borrowed,
    borrow_hours,
    borrow_secret,
    check_borrower,
    claimed,
    read_borrowed,
    sign_borrowed,
)
from seatkeeper.licfile.model import Feature, LicenseFile, Package
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.adapters.keys import Credential
    from seatkeeper.licfile.model import Attributes, Signable
    from seatkeeper.licfile.trust import Trust

VENDOR, HOSTID = "genesys.d", "0800200005ac"
TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


class Lender:
    """A vendor's keys, and one of his servers that lends seats."""

    def __init__(self, directory: Path) -> None:
        self.keys = directory
        self.trust: Trust = init_vendor(directory, VENDOR, today=TODAY)
        self.root = bytes.fromhex(self.trust.root)
        self.text = (directory / f"{VENDOR}.trust").read_text()
        issue_credential(directory, HOSTID, directory, today=TODAY)
        found = find_credential(directory, VENDOR, [HOSTID])
        assert found is not None
        self.credential: Credential = found

    def sign(self, *lines: Signable) -> str:
        key = load_issuer(self.keys, today=TODAY)
        return write(LicenseFile(tuple(sign_line(line, (HOSTID,), key) for line in lines)))

    def line(self, name: str = "f1", *, borrow: str | None = "24", expiry: str = "permanent", more: Attributes = ()) -> Feature:
        attributes = (("ISSUED", "24-nov-2026"), *((("BORROW", borrow or None),) if borrow is not None else ()), *more)
        return Feature(name, VENDOR, "8.5", expiry, "5", attributes=attributes)

    def borrowed(self, **changes: object) -> Borrowed:
        secret = borrow_secret(self.credential.key, "digest", 101)
        borrowed = Borrowed(
            VENDOR,
            "f1",
            "8.5",
            2,
            "ann",
            "laptop",
            "/dev/pts/1",
            101,
            NOON,
            NOON + 8 * HOUR,
            secret,
            "7260@licsrv",
            (HOSTID,),
            self.sign(self.line()),
            self.text,
            self.credential.chain,
        )
        return msgspec.structs.replace(borrowed, **changes)

    def record(self, **changes: object) -> bytes:
        return sign_borrowed(self.credential.key, self.borrowed(**changes))


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    return Lender(tmp_path_factory.mktemp("keys"))


def refusal(data: bytes, root: bytes | None, today: date = TODAY, known: Trust | None = None) -> LicenseError:
    with pytest.raises(LicenseError) as caught:
        read_borrowed(data, root=root, today=today, known=known)
    return caught.value


def test_a_record_comes_back_as_it_was_signed(lender: Lender) -> None:
    assert read_borrowed(lender.record(), root=lender.root, today=TODAY) == lender.borrowed()
    assert read_borrowed(lender.record(), root=None, today=TODAY, known=lender.trust) == lender.borrowed()


@given(st.data())
def test_no_changed_byte_is_believed(lender: Lender, data: st.DataObject) -> None:
    record = bytearray(lender.record())
    at = data.draw(st.integers(0, len(record) - 1))
    record[at] ^= data.draw(st.integers(1, 255))
    assert refusal(bytes(record), lender.root).number in (-117, -33, -8)


@given(st.binary(max_size=64))
def test_what_is_no_record_is_said_to_be_none(data: bytes) -> None:
    assert refusal(data, None).number == -117


def test_a_record_of_another_root_or_server_is_refused(lender: Lender, tmp_path: Path) -> None:
    stranger = Lender(tmp_path)
    assert refusal(stranger.record(), lender.root).number == -33
    forged = sign_borrowed(Ed25519PrivateKey.generate(), lender.borrowed())
    assert (refusal(forged, lender.root).number, "changed" in refusal(forged, lender.root).reason) == (-117, True)
    assert refusal(sign_borrowed(lender.credential.key, lender.borrowed(chain=stranger.credential.chain)), lender.root).number == -33
    assert refusal(lender.record(vendor="other.d"), lender.root).number == -33


def test_a_server_lends_only_what_the_vendor_lets_it_lend(lender: Lender) -> None:
    plain = lender.sign(lender.line(borrow=None))
    assert refusal(lender.record(lines=plain), lender.root).number == -68
    assert refusal(lender.record(until=NOON + 25 * HOUR), lender.root).number == -104
    assert read_borrowed(lender.record(until=NOON + 24 * HOUR), root=lender.root, today=TODAY).count == 2
    week = lender.sign(lender.line(borrow=""))
    assert read_borrowed(lender.record(lines=week, until=NOON + BORROW_HOURS * HOUR), root=lender.root, today=TODAY).lines == week
    assert refusal(lender.record(lines=lender.sign(lender.line("f2"))), lender.root).number == -8
    assert refusal(lender.record(version="9.0"), lender.root).number == -8
    assert refusal(lender.record(lines=lender.borrowed().lines.replace(" 5 ", " 9 ", 1)), lender.root).number == -8
    assert refusal(lender.record(lines=""), lender.root).number == -8
    assert refusal(lender.record(lines="SERVER a ANY\n"), lender.root).number == -8
    assert refusal(lender.record(lines=lender.sign(lender.line(expiry="23-nov-2026"))), lender.root).number == -10
    assert refusal(lender.record(until=NOON), lender.root).number == -117


def test_a_component_is_lent_by_its_package(lender: Lender) -> None:
    package = Package("suite", VENDOR, "1.0", attributes=(("COMPONENTS", "f1:8.5 f2"), ("ISSUED", "24-nov-2026")))
    lines = lender.sign(package, lender.line("suite"))
    assert read_borrowed(lender.record(lines=lines), root=lender.root, today=TODAY).feature == "f1"
    assert refusal(lender.record(lines=lender.sign(package)), lender.root).number == -8


def test_without_trust_only_a_client_without_a_root_believes(lender: Lender) -> None:
    unsigned = sign_borrowed(None, lender.borrowed(trust="", chain=b""))
    assert read_borrowed(unsigned, root=None, today=TODAY).handle == 101
    assert refusal(unsigned, lender.root).number == -33


def test_many_lines_are_cut_and_a_record_that_is_too_large_is_not_made(lender: Lender) -> None:
    many = lender.sign(*(lender.line(more=(("SN", str(number)),)) for number in range(60)))
    assert len(many) > RECORD_BYTES_MAX
    cut = read_borrowed(lender.record(lines=many), root=lender.root, today=TODAY).lines
    assert 0 < len(cut) <= LINES_BYTES_MAX
    assert many.startswith(cut)
    with pytest.raises(ValueError, match="at most"):
        lender.record(trust=" " * RECORD_BYTES_MAX + lender.text)
    assert refusal(b"x" * (RECORD_BYTES_MAX + 1), None).number == -117


def test_the_secret_is_the_same_again_and_nobody_elses(lender: Lender) -> None:
    key = lender.credential.key
    secret = borrow_secret(key, "d", 1)
    assert (len(secret), borrow_secret(key, "d", 1)) == (SECRET_BYTES, secret)
    others = {borrow_secret(key, "d1", 1), borrow_secret(key, "d", 11), borrow_secret(None, "d", 1)}
    others.add(borrow_secret(Ed25519PrivateKey.generate(), "d", 1))
    assert len(others | {secret}) == 5


def test_seats_are_used_by_their_borrower_there_and_then(lender: Lender) -> None:
    borrowed = lender.borrowed(machine=("HOSTNAME=laptop", "USER=ann", HOSTID, "VM_UUID=1"))

    def number(user: str = "ann", host: str = "LAPTOP", hostids: tuple[str, ...] = (HOSTID.upper(),), now: float = NOON) -> int:
        try:
            check_borrower(borrowed, user=user, host=host, hostids=hostids, now=now)
        except LicenseError as error:
            return error.number
        return 0

    assert number() == 0
    assert number(user="Ann") == number(host="desk") == number(hostids=()) == -117
    assert (number(now=NOON + 8 * HOUR - 1), number(now=NOON + 8 * HOUR)) == (0, -118)
    assert (number(now=NOON - HOUR), number(now=NOON - HOUR - 1)) == (0, -88)
    # Whoever calls his machine the same has not got it.
    assert number(hostids=("HOSTNAME=laptop", "USER=ann", "0800200005ad")) == -117
    assert number(hostids=("VM_UUID=1", "0800200005ad")) == 0
    check_borrower(lender.borrowed(machine=("HOSTNAME=laptop",)), user="ann", host="laptop", hostids=(), now=NOON)


def test_a_record_that_nobody_wants_tells_how_to_return_it(lender: Lender) -> None:
    said = claimed(lender.record())
    assert said is not None
    assert (said.handle, said.secret) == (101, borrow_secret(lender.credential.key, "digest", 101))
    assert claimed(b"nonsense") is claimed(b"x" * (RECORD_BYTES_MAX + 1)) is None


@pytest.mark.parametrize(("value", "hours"), [(None, None), ("", BORROW_HOURS), ("720", 720)])
def test_the_line_says_for_how_long(lender: Lender, value: str | None, hours: int | None) -> None:
    assert borrow_hours(lender.line(borrow=value)) == hours
