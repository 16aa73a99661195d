"""A signature made for one purpose is worth nothing for any other: each kind signs bytes that no other kind can produce.

Every kind that the code base has is made with one and the same key, and then tried in place of every other one. The checks are those
of the program; only the signature's bytes are exchanged.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.issue.transcript import StepTaken, Transcript, parse_transcript, sign_transcript
from seatkeeper.licfile.borrowing import Borrowed, read_borrowed, sign_borrowed
from seatkeeper.licfile.certificate import check_chain, make_daemon_certificate, make_server_certificate
from seatkeeper.licfile.detached import objection_to, objection_to_key, sign_detached
from seatkeeper.licfile.model import Feature, LicenseFile, Server, Vendor
from seatkeeper.licfile.signature import sign_line, verify_lines
from seatkeeper.licfile.trust import Issuer, Trust, check_server, key_id, parse_trust, server_proof, sign_trust
from seatkeeper.usage.entitlement import ENTITLEMENT_TAG, Entitlement, EntitlementLine, Header, canonical_entitlement
from seatkeeper.usage.evidence import EVIDENCE_TAG, PackManifest, encoded

TODAY = date(2026, 11, 24)
VENDOR, HOSTID = "genesys.d", "0800200005ac"
#: Root, issuer, daemon and server at once: the worst that could be done with keys.
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = KEY.public_key().public_bytes_raw()
ISSUER = Issuer(key_id(RAW), RAW.hex(), TODAY, TODAY)
DAEMON = make_daemon_certificate(KEY, VENDOR, KEY.public_key(), serial=1, not_before=TODAY, not_after=TODAY)
SERVER = make_server_certificate(KEY, DAEMON, HOSTID, KEY.public_key(), serial=2, not_before=TODAY)
TRUST = Trust(VENDOR, 1, TODAY, RAW.hex(), "release8", 9999, (ISSUER,), DAEMON)
TRUST_TEXT = sign_trust(TRUST, KEY)
LINE = sign_line(Feature("f1", VENDOR, "8.0", "permanent", "5", attributes=(("BORROW", None), ("ISSUED", "24-nov-2026"))), (HOSTID,), KEY)
BORROWED = Borrowed(
    *(VENDOR, "f1", "8.0", 1, "ann", "laptop", "d", 1, 1.0, 2.0, bytes(16), "s", (HOSTID,)),
    *("", TRUST_TEXT, SERVER.encode() + DAEMON.encode()),
)
RECORD = sign_borrowed(KEY, BORROWED)
TRANSCRIPT = Transcript(False, VENDOR, "", "Ann Example", (), "p", "0", "s", "t", "t", "", RAW.hex(), "", (StepTaken("init", "t", "t"),))
ENTITLEMENT = Entitlement(VENDOR, Header("c", "1", "1", "", "single-site", TODAY, TODAY), (EntitlementLine("1", "2", "d", "8.5", 1, 1),))
PACK_MANIFEST = encoded(PackManifest(1, "2026-11-24T00:00:00Z", RAW.hex(), []))
SESSION = {"nonce": bytes(16), "session": b"s"}


def with_signature(certificate: str, signature: bytes) -> str:
    """The certificate with another signature in its last field."""
    der = x509.load_pem_x509_certificate(certificate.encode()).public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(der[:-64] + signature).public_bytes(Encoding.PEM).decode()


def check_line(signature: bytes) -> None:
    signed = msgspec.structs.replace(
        LINE, attributes=(*LINE.attributes[:-1], ("SIGN", (bytes.fromhex(ISSUER.id) + signature).hex().upper()))
    )
    (verdict,) = verify_lines(LicenseFile((Server("h", HOSTID, 7260), Vendor(VENDOR), signed)), TRUST)
    if not verdict.ok:
        raise SeatkeeperError(verdict.sentence)


def check_trust(signature: bytes) -> None:
    parse_trust(json.dumps({**json.loads(TRUST_TEXT), "signature": signature.hex()}), root=RAW)


def check_transcript(signature: bytes) -> None:
    text = json.loads(sign_transcript(TRANSCRIPT, KEY))
    parse_transcript(json.dumps({**text, "signature": signature.hex()}), root=RAW)


def check_daemon(signature: bytes) -> None:
    trust = msgspec.structs.replace(TRUST, daemon_certificate=with_signature(DAEMON, signature))
    check_chain(SERVER.encode(), trust=trust, hostids=[HOSTID], today=TODAY)


def check_server_certificate(signature: bytes) -> None:
    check_chain(with_signature(SERVER, signature).encode(), trust=TRUST, hostids=[HOSTID], today=TODAY)


def check_proof(signature: bytes) -> None:
    check_server(SERVER.encode(), signature, trust=TRUST, hostids=[HOSTID], today=TODAY, **SESSION)


def check_borrow(signature: bytes) -> None:
    read = msgspec.msgpack.decode(RECORD)
    try:
        read_borrowed(msgspec.msgpack.encode([*read[:2], signature]), root=RAW, today=TODAY)
    except SeatkeeperError as error:
        # What comes after the signature is another matter: this record has no license lines.
        if "not signed by the server" in str(error):
            raise


def check_entitlement(signature: bytes) -> None:
    whole = (bytes.fromhex(ISSUER.id) + signature).hex()
    told = objection_to(whole, canonical_entitlement(ENTITLEMENT), ENTITLEMENT_TAG, TRUST, TODAY)
    if told:
        raise SeatkeeperError(told)


def check_evidence(signature: bytes) -> None:
    told = objection_to_key((bytes.fromhex(ISSUER.id) + signature).hex(), PACK_MANIFEST, EVIDENCE_TAG, RAW)
    if told:
        raise SeatkeeperError(told)


class Kind(NamedTuple):
    signature: bytes
    check: Callable[[bytes], None]


KINDS = {
    "license line": Kind(bytes.fromhex(LINE.attributes[-1][1] or "")[8:], check_line),
    "trust file": Kind(bytes.fromhex(json.loads(TRUST_TEXT)["signature"]), check_trust),
    "ceremony transcript": Kind(bytes.fromhex(json.loads(sign_transcript(TRANSCRIPT, KEY))["signature"]), check_transcript),
    "entitlement file": Kind(bytes.fromhex(sign_detached(canonical_entitlement(ENTITLEMENT), ENTITLEMENT_TAG, KEY))[8:], check_entitlement),
    "evidence pack": Kind(bytes.fromhex(sign_detached(PACK_MANIFEST, EVIDENCE_TAG, KEY))[8:], check_evidence),
    "daemon certificate": Kind(x509.load_pem_x509_certificate(DAEMON.encode()).signature, check_daemon),
    "server certificate": Kind(x509.load_pem_x509_certificate(SERVER.encode()).signature, check_server_certificate),
    "server proof": Kind(server_proof(KEY, vendor=VENDOR, **SESSION), check_proof),
    "borrow record": Kind(msgspec.msgpack.decode(RECORD)[2], check_borrow),
}


@pytest.mark.parametrize("place", KINDS)
@pytest.mark.parametrize("made", KINDS)
def test_a_signature_does_for_its_own_purpose_only(made: str, place: str) -> None:
    if made == place:
        KINDS[place].check(KINDS[made].signature)
        return
    with pytest.raises(SeatkeeperError):
        KINDS[place].check(KINDS[made].signature)


# What will be signed later, too.

SOURCE = Path(__file__).parents[2] / "src" / "seatkeeper"
#: Modules that sign what another module gave a form, and X.509, whose form is its own: DER never begins with our tags.
SIGN_FOR_OTHERS = {"adapters/tokens.py", "licfile/certificate.py", "licfile/detached.py", "licfile/signature.py"}


def sources() -> dict[str, str]:
    return {path.relative_to(SOURCE).as_posix(): path.read_text("utf-8") for path in SOURCE.rglob("*.py")}


def test_no_tag_is_the_beginning_of_another() -> None:
    found = [tag for text in sources().values() for tag in re.findall(r'b"(seatkeeper/[a-z-]+/\d+(?:\\0)?)"', text)]
    tags = sorted(tag.replace("\\0", "\0") if "\\0" in tag else f"{tag}\x1f" for tag in found)
    assert len(tags) >= 7
    assert len(set(tags)) == len(tags)
    assert not [(one, other) for one in tags for other in tags if one != other and other.startswith(one)]


def test_every_module_that_signs_has_a_tag_and_every_tag_is_in_the_manual() -> None:
    manual = (SOURCE.parents[1] / "docs" / "keys.md").read_text("utf-8")
    for name, text in sources().items():
        signs = [
            node
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sign"
        ]
        tags = re.findall(r'b"(seatkeeper/[a-z-]+/\d+)', text)
        assert not signs or tags or name in SIGN_FOR_OTHERS, f"{name} signs something without a domain tag (docs/keys.md, What is signed)"
        for tag in tags:
            assert f"`{tag}`" in manual, f"docs/keys.md does not list the tag {tag} of {name}"
