"""What is fuzzed: every parser that reads what somebody else wrote, with the exceptions that its documentation allows and no others.

A target takes bytes and either returns or raises what is documented; beyond that it may assert what must hold of any input. Bytes
become text as the program itself reads them.
"""

from __future__ import annotations

import atexit
import base64
import shutil
import tempfile
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509

from seatkeeper.adapters.bundlefiles import parse_bundles
from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.entitlements import parse_entitlement
from seatkeeper.adapters.evidencefile import PackFile
from seatkeeper.adapters.journal import JournalDamage, read_journal
from seatkeeper.adapters.usagesettings import read_settings
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.issue.answers import problems_letter, unreadable_letter
from seatkeeper.issue.letters import Envelope, Mailbox, compose
from seatkeeper.issue.order import check_order
from seatkeeper.issue.requests import Unanswerable, Unreadable, read_request, request_id
from seatkeeper.licfile.borrowing import claimed, read_borrowed
from seatkeeper.licfile.canonical import canonical_line
from seatkeeper.licfile.certificate import check_chain, hostid_of
from seatkeeper.licfile.hostid import parse_hostids
from seatkeeper.licfile.lint import lint
from seatkeeper.licfile.mailtext import html_text, import_text
from seatkeeper.licfile.model import LicenseFile, Parsed
from seatkeeper.licfile.options import parse_options
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.pem import read_private_pem
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.trust import parse_trust
from seatkeeper.licfile.writer import write
from seatkeeper.lrm.sources import read_sources
from seatkeeper.usage.evidence import MANIFEST
from seatkeeper.wire.framing import NO_MESSAGE, FrameReader, WireError, client_frames, decode_client, encode, parse_preface, server_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.licfile.trust import Trust

CORPUS = Path(__file__).parent / "corpus"
TODAY = date(2026, 11, 24)

#: Pieces of the grammars, for mutations that go beyond single bytes.
WORDS: dict[str, tuple[bytes, ...]] = {
    "license": (
        *(b"FEATURE ", b"INCREMENT ", b"UPGRADE ", b"PACKAGE ", b"SERVER ", b"DAEMON ", b"VENDOR ", b"USE_SERVER\n", b" \\\n\t", b"\r\n"),
        *(b'"', b"=", b"#", b"SIGN=", b'NOTICE="a b"', b"HOSTID=ANY", b"permanent", b"uncounted", b"31-dec-2027", b"01-jan-00", b"8.0"),
        *(b"COMPONENTS=", b"OPTIONS=SUITE", b"DUP_GROUP=UHD", b"SUPERSEDE=", b"\x1f", b"\x1e", b"\xc2\xa0", b"\xef\xbb\xbf", b"\xff\xfe"),
        *(b"999999999", b"0" * 400, b"AUTH={", b"START=", b"ISSUED="),
    ),
    "options": (
        *(b"GROUP ", b"HOST_GROUP ", b"INCLUDE ", b"EXCLUDE ", b"INCLUDEALL ", b"EXCLUDEALL ", b"RESERVE 2 ", b"MAX 3 ", b"TIMEOUT "),
        *(b"TIMEOUTALL 900\n", b"LINGER ", b"NOLOG OUT\n", b"REPORTLOG ", b"DEBUGLOG ", b"MAX_OVERDRAFT ", b"BORROW_LOWWATER "),
        *(b"MAX_BORROW_HOURS ", b"INCLUDE_BORROW ", b"EXCLUDE_BORROW ", b"GROUPCASEINSENSITIVE ON\n", b"FQDN_MATCHING EXACT\n"),
        *(b" USER ", b" HOST ", b" DISPLAY ", b" INTERNET ", b" PROJECT ", b" GROUP ", b"f1:VERSION=8.0", b":HOSTID=", b"127.0.0.*", b"*"),
        *(b" \\\n", b"#", b'"', b"\r\n", b"2147483648", b"-1", b"AUTO_ROLLOVER ", b"+", b"MAX_CONNECTIONS 5\n", b"AUTOMATIC_REREAD OFF\n"),
    ),
    "frames": (
        b"SEAT\x01\x00",
        b"SEAT\x01\x09genesys.d",
        b"\x00\x00\x00\x02\x91\x05",
        b"\xdc\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xc4\x10",
        b"\xd9\xff",
    ),
    "trust": (
        b'{"',
        b'":',
        b"[]",
        b"null",
        b"1e400",
        b"-----BEGIN CERTIFICATE-----",
        b"-----END CERTIFICATE-----",
        b"0" * 64,
        b"9999-12-31",
    ),
    "mailtext": (
        *(b"> ", b">> ", b"=\n", b"=3D", b"=22", b"=E2=80=9C", b"\xe2\x80\x9c", b"\xe2\x80\x99", b"\xc2\xa0", b"\xc2\xad", b"\xe2\x80\xa8"),
        *(b"<br>", b"<p>", b"</td>", b"<style>", b"<!--", b"&quot;", b"&#10;", b"&nbsp;", b" \\\n\t", b"\r\n", b"# ", b"SIGN=", b'"'),
        *(b"FEATURE ", b"INCREMENT ", b"SERVER licsrv 0800200005ac\n", b"DAEMON genesys.d\n", b"USE_SERVER\n"),
    ),
    "request": (
        *(b"From: ", b"Message-ID: <1@x.example>\n", b"Content-Type: multipart/mixed; boundary=x\n\n--x\n", b"Auto-Submitted: no\n"),
        *(b"Content-Transfer-Encoding: base64\n", b"Content-Type: text/plain; charset=utf-7\n", b"=?utf-8?q?=00?=", b"<a@b.example>", b","),
        *(b"[order]\n", b"[[items]]\n", b"[environment]\n", b"[[servers]]\n", b'number = "auto"\n', b"quantity = 999999\n", b"share = 1\n"),
        *(b'configuration = "independent"\n', b'"""', b"\\u0000", b"1979-05-27", b"inf", b"-- \n", b"> ", b"\r\n", b"\xff"),
    ),
    "bundles": (
        *(
            b"<bundle ",
            b"</bundle>",
            b"<include_items>",
            b"<exclude_items/>",
            b"<item name='x'/>",
            b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
            b"&b;",
        ),
        *(
            b"<![CDATA[",
            b"]]>",
            b"<!--",
            b"?>",
            b'="',
            b'id="99999999999999999999"',
            b"2026-02-30",
            b"&#0;",
            b"\xff",
            b" xmlns='x'",
            b"<a>" * 60,
        ),
    ),
    "entitlement": (
        *(
            b"<item ",
            b"</item>",
            b'quantity="-1"',
            b'="',
            b"9" * 30,
            b"<!DOCTYPE a SYSTEM 'file:///etc/hostname'>",
            b"&lt;",
            b"&#xD800;",
            b"1e9",
        ),
        *(b"<signature>", b"00" * 64, b"9999-12-31", b"\xff", b"<?xml version='1.0' encoding='utf-16'?>"),
    ),
    "evidence": (
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"MANIFEST.json",
        b"../",
        b"\x00" * 8,
        b"\xff" * 4,
        b'{"',
        b'":',
        b"[]",
        b"null",
        b"1e400",
    ),
    "usage_settings": (
        *(
            b"[[items]]\n",
            b"[[excluded]]\n",
            b"[[sources]]\n",
            b"[zones]\n",
            b"[retention]\n",
            b"[jobs]\n",
            b"[log]\n",
            b'= "',
            b"= true\n",
        ),
        *(
            b"= []\n",
            b"= {}\n",
            b"inf",
            b"nan",
            b"1979-05-27T07:32:00Z",
            b"99999999999999999999",
            b"\\u0000",
            b'"""',
            b"a.b.c = 1\n",
            b"\xff",
        ),
    ),
    "certificate": (b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n", b"MIIB", b"====", b"\n"),
    "borrow": (b"\x93", b"\xc4\x40", b"\xdc\xff\xff", b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"),
    "journal": (b'{"seq":', b',"prev":"', b',"entries":[', b'{"entry":"checkout"', b',"hash":"', b'"}\n', b"\n\n\n", b"1e400", b"[" * 300),
    "hostid": (
        b"ANY",
        b"HOSTNAME=",
        b"INTERNET=",
        b"DISK_SERIAL_NUM=",
        b"ID=",
        b"#",
        b":",
        b",",
        b" ",
        b"0800200005ac",
        b"COMPOSITE=",
        b"::1",
        b"*",
    ),
}


class Target(NamedTuple):
    """One thing to fuzz.

    Attributes:
        run: Takes an input, and raises nothing but what is documented.
        size_max: Inputs are not longer than this many bytes.
        cost: How many times as long as others it takes; so many times fewer mutations are tried in each test run.
    """

    run: Callable[[bytes], None]
    size_max: int = 4096
    cost: int = 1


def _must(so: bool, error: Exception) -> None:
    """Fails where an error that is documented says something that is not."""
    if not so:
        raise AssertionError(f"not as documented: {error!r}") from error


def license_file(data: bytes) -> None:
    """Both ways through a file agree, what was read can be written and read again, and lint never fails."""
    text = decode(data)
    parsed = parse(text, "fuzz.dat")
    careful = parse(text, "fuzz.dat", careful=True)
    assert parsed == careful, "the fast way and the careful way differ"
    assert len(parsed.file.lines) == len(parsed.places)
    lint(parsed, today=TODAY)
    if not parsed.problems:
        again = parse(write(parsed.file))
        assert LicenseFile(again.file.lines) == parsed.file, "what was written reads otherwise"
    for _, line in parsed.file.signable():
        try:
            canonical_line(line, parsed.file.hostids)
        except ValueError:
            continue


def options_file(data: bytes) -> None:
    """Any text is an options file, with problems."""
    options = parse_options(decode(data), "fuzz.opt")
    for rule in options.rules:
        assert options.cite(rule)


def frames(data: bytes) -> None:
    """A stream is the same messages in whatever pieces, or an error of this protocol."""
    try:
        parse_preface(data)
    except WireError:
        pass
    makers: tuple[Callable[[], FrameReader[object]], ...] = (client_frames, server_frames)  # type: ignore[assignment]
    for make in makers:
        results = []
        for size in (len(data) or 1, 1 + len(data) % 7):
            reader = make()
            messages: list[object] = []
            outcome = "open"
            try:
                for start in range(0, len(data), size):
                    messages += reader.feed(data[start : start + size])
            except WireError:
                outcome = "error"
            # As bytes, because a number that is none (NaN) does not even equal itself.
            results.append((outcome, [encode(message) for message in messages]))
        (whole, at_once), (pieces, bit_by_bit) = results
        assert whole == pieces
        # A piece that holds an error takes the messages before it along.
        assert at_once == bit_by_bit or whole == "error"
    try:
        message = decode_client(data)
    except NO_MESSAGE:
        return
    assert encode(decode_client(encode(message))) == encode(message)


def trust_file(data: bytes) -> None:
    """A trust file is read or refused."""
    for root in (None, bytes(32)):
        try:
            parse_trust(data, root=root)
        except (InputError, LicenseError):
            pass


@lru_cache(maxsize=1)
def _trust() -> Trust:
    return parse_trust((CORPUS / "trust" / "genesys.trust").read_bytes(), root=None)


def certificate(data: bytes) -> None:
    """A chain of certificates (as PEM, or one in DER) is good or refused, a private key read or refused."""
    chain = data if data.startswith(b"-----") else _BEGIN + base64.encodebytes(data) + _END
    try:
        check_chain(chain, trust=_trust(), hostids=["0800200005ac"], today=TODAY)
    except LicenseError as error:
        _must(error.number == -33, error)
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except (ValueError, x509.InvalidVersion):
        certificates = []
    for one in certificates:
        # What stands behind a good signature is read without fear too.
        hostid_of(one)
    if b"ENCRYPTED" not in data:
        # An encrypted key may ask for hours of key derivation; only its owner opens it.
        try:
            read_private_pem(data)
        except ValueError:
            pass


_BEGIN, _END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"


def borrow_record(data: bytes) -> None:
    """A borrow record is read or refused."""
    claimed(data)
    try:
        read_borrowed(data, root=None, today=TODAY)
    except LicenseError as error:
        _must(error.number in (-8, -10, -33, -68, -104, -117, -137), error)


@lru_cache(maxsize=1)
def _segment() -> Path:
    """A file in memory, where there is such a place."""
    shared = Path("/dev/shm")
    directory = tempfile.mkdtemp(prefix="seatkeeper-fuzz-", dir=shared if shared.is_dir() else None)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory) / f"{1:020d}.jsonl"


def journal(data: bytes) -> None:
    """A segment is read, its torn end left out, or its damage named."""
    path = _segment()
    path.write_bytes(data)
    for anchor in (None, "0" * 64):
        cut: list[int] = []
        try:
            for record in read_journal([path], anchor=anchor, torn=lambda _path, offset, cut=cut: cut.append(offset)):  # type: ignore[misc]
                assert record.entries is not None
        except JournalDamage as damage:
            _must(damage.line >= 1, damage)
        assert all(0 <= offset <= len(data) for offset in cut)


def hostid(data: bytes) -> None:
    """Host ids are read or refused with what is expected."""
    text = data.decode("utf-8", "replace")
    try:
        found = parse_hostids(text)
    except ValueError as error:
        _must(bool(str(error)), error)
        return
    assert found
    assert parse_hostids(", ".join(map(str, found))) == found


@lru_cache(maxsize=1)
def _mail_trust() -> Trust:
    return parse_trust((CORPUS / "trust" / "mailtext.trust").read_bytes(), root=None)


def _refused(parsed: Parsed) -> dict[int, str]:
    signable = [index for index, _ in parsed.file.signable()]
    verdicts = zip(signable, verify_lines(parsed.file, _mail_trust()), strict=True)
    return {index: verdict.sentence or "no" for index, verdict in verdicts if not verdict.ok}


def mail_text(data: bytes) -> None:
    """What is taken out of a mail verifies, and comes out of its own file again as it is, without a repair; a page is read or not."""
    text = decode(data)
    page = html_text(text)
    found = import_text(page if text[:1] == "<" else text, _refused)
    assert not (found.text and found.problems)
    assert found.text or not found.count or found.problems, "licenses, and neither a file nor a word why not"
    if found.text:
        parsed = parse(found.text)
        assert LicenseFile(parsed.file.lines) == found.file
        assert not _refused(parsed)
        again = import_text(found.text, _refused)
        assert (again.text, again.repairs) == (found.text, ())


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    return load_catalog()


def request(data: bytes) -> None:
    """What a stranger sends is an order, or is answered in a mail to him alone, or by nobody."""
    desk = Mailbox("desk@vendor.example")
    for mail in (True, False):
        assert request_id(data, mail=mail).isalnum()
        try:
            found = read_request(data, mail=mail, own=desk.address)
            checked = check_order(found.text, "order.toml", _catalog(), TODAY)
            if checked.order is not None:
                continue
            letter = problems_letter(checked.problems, found.text, _catalog(), desk.address)
        except Unanswerable:
            continue
        except Unreadable as error:
            found, letter = error.request, unreadable_letter(str(error), _catalog(), desk.address)
        if found.sender is not None:
            at = datetime(2026, 11, 24, tzinfo=UTC)
            made = compose(letter, Envelope(desk, (found.sender,), at, "<1@vendor.example>", "=_1", found.message_id, automatic=True))
            head = made.split(b"\r\n\r\n")[0].decode("ascii").lower()
            assert head.count("\r\nto: ") == 1
            assert "\r\nbcc:" not in head
            assert "\r\ncc:" not in head


def bundles(data: bytes) -> None:
    """A set of bundles is read or refused."""
    try:
        parse_bundles(data, "b.xml")
    except InputError:
        pass


def entitlement(data: bytes) -> None:
    """An entitlement is read or refused, and what was read has a signature that may be looked at."""
    try:
        parse_entitlement(data)
    except InputError:
        pass


def evidence(data: bytes) -> None:
    """A pack is opened and its members read, or it is refused; a manifest is one or not."""
    path = _segment().with_name("pack.zip")
    path.write_bytes(data)
    try:
        with PackFile(path) as pack:
            for name in pack.sizes:
                pack.read(name)
            pack.digest(MANIFEST)
    except (InputError, KeyError) as error:
        # Who asks for a member's digest has looked whether it is there.
        _must(not isinstance(error, KeyError) or MANIFEST in str(error), error)


def usage_settings(data: bytes) -> None:
    """Settings of usage reports, and sources, are read or refused."""
    directory = _segment().parent
    (directory / "usage.toml").write_bytes(data)
    for read in (read_settings, read_sources):
        try:
            read(directory)
        except InputError:
            pass


TARGETS: dict[str, Target] = {
    "license": Target(license_file),
    "options": Target(options_file),
    "frames": Target(frames),
    "trust": Target(trust_file),
    "certificate": Target(certificate),
    "borrow": Target(borrow_record, 8192),
    "bundles": Target(bundles),
    "entitlement": Target(entitlement),
    "evidence": Target(evidence, 65_536),
    "usage_settings": Target(usage_settings, cost=4),
    "journal": Target(journal),
    "hostid": Target(hostid, 256),
    "mailtext": Target(mail_text, cost=12),
    "request": Target(request, cost=4),
}


def corpus(name: str) -> list[Path]:
    """The kept inputs of a target, by name."""
    return sorted(path for path in (CORPUS / name).iterdir() if path.is_file())
