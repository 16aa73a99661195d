from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.licfile.certificate import make_daemon_certificate, make_server_certificate
from seatkeeper.licfile.trust import Issuer, Trust, check_server, ending_sentence, key_id, parse_root, parse_trust, server_proof, sign_trust

DAY = date(2026, 3, 3)
END = date(2046, 3, 3)
HOSTID = "8:0:20:0:5:AC"
NONCE, SESSION = bytes(range(32)), b"session"


def key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def public(of: Ed25519PrivateKey) -> bytes:
    return of.public_key().public_bytes_raw()


ROOT, ISSUER, DAEMON, SERVER = map(key, range(1, 5))


def make_trust(vendor: str = "genesys.d", root: Ed25519PrivateKey = ROOT, daemon: Ed25519PrivateKey = DAEMON) -> Trust:
    certificate = make_daemon_certificate(root, vendor, daemon.public_key(), serial=7, not_before=DAY, not_after=END)
    issuer = Issuer(key_id(public(ISSUER)), public(ISSUER).hex(), DAY, date(2028, 3, 2))
    return Trust(vendor, 1, DAY, public(root).hex(), "release8", 9999, (issuer,), certificate)


TRUST = make_trust()
TEXT = sign_trust(TRUST, ROOT)


def certify(hostid: str = HOSTID, daemon: Ed25519PrivateKey = DAEMON, trust: Trust = TRUST, server: Ed25519PrivateKey = SERVER) -> bytes:
    made = make_server_certificate(daemon, trust.daemon_certificate, hostid, server.public_key(), serial=9, not_before=DAY)
    return (made + trust.daemon_certificate).encode()


CHAIN = certify()


def check(chain: bytes = CHAIN, proof: bytes | None = None, **changes: Any) -> None:
    options: dict[str, Any] = {"nonce": NONCE, "session": SESSION, "trust": TRUST, "hostids": [HOSTID], "today": DAY}
    proof = server_proof(SERVER, NONCE, SESSION, "genesys.d") if proof is None else proof
    check_server(chain, proof, **{**options, **changes})


def refused(**changes: Any) -> str:
    with pytest.raises(LicenseError) as caught:
        check(**changes)
    assert caught.value.number == -33
    return caught.value.reason


# The trust file.


def test_what_was_signed_is_read_again() -> None:
    assert parse_trust(TEXT, root=public(ROOT)) == TRUST
    assert parse_trust(TEXT.encode(), root=None) == TRUST


def test_the_signature_is_over_what_the_manual_says() -> None:
    """docs/trust.md, Trust file: made here with another JSON library."""
    trust = msgspec.structs.replace(TRUST, issuers=(msgspec.structs.replace(TRUST.issuers[0], reason="verloren: Schlüssel"),))
    file = json.loads(sign_trust(trust, ROOT))
    data = json.dumps(file["trust"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ROOT.public_key().verify(bytes.fromhex(file["signature"]), b"seatkeeper/trust/1\0" + data)


def test_the_layout_does_not_matter() -> None:
    assert parse_trust(json.dumps(json.loads(TEXT)), root=public(ROOT)) == TRUST


def test_it_can_be_read_by_people() -> None:
    assert '\n    "vendor": "genesys.d",\n' in TEXT
    assert '"revoked_on": null' in TEXT


def test_a_look_alike_with_another_root_is_refused() -> None:
    other = sign_trust(make_trust(root=key(9)), key(9))
    assert parse_trust(other, root=None).vendor == "genesys.d"
    with pytest.raises(LicenseError) as caught:
        parse_trust(other, root=public(ROOT), name="genesys.d.trust")
    assert caught.value.number == -137
    assert public(key(9)).hex() in caught.value.reason


def test_a_look_alike_that_names_the_right_root_is_refused() -> None:
    forged = json.loads(sign_trust(make_trust(root=key(9)), key(9)))
    forged["trust"]["root"] = TRUST.root
    for root in (None, public(ROOT)):
        with pytest.raises(InputError, match="signature does not fit"):
            parse_trust(json.dumps(forged), root=root)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vendor", "other.d"),
        ("serial", 2),
        ("signed_on", "2026-03-04"),
        ("version_rule", "flexnet"),
        ("seats_max", 10000),
        ("issuers", []),
        ("daemon_certificate", ""),
    ],
)
def test_every_field_is_signed(field: str, value: object) -> None:
    changed = json.loads(TEXT)
    changed["trust"][field] = value
    with pytest.raises(InputError, match="signature does not fit"):
        parse_trust(json.dumps(changed), root=public(ROOT))


@pytest.mark.parametrize(
    ("field", "value"), [("not_after", "2099-01-01"), ("not_before", "2020-01-01"), ("revoked_on", "2027-01-01"), ("reason", "x")]
)
def test_every_field_of_an_issuer_is_signed(field: str, value: object) -> None:
    changed = json.loads(TEXT)
    changed["trust"]["issuers"][0][field] = value
    with pytest.raises(InputError, match="signature does not fit"):
        parse_trust(json.dumps(changed), root=public(ROOT))


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="ascii"))
def test_no_character_can_be_changed(at: int, char: str) -> None:
    changed = TEXT[:at] + char + TEXT[at + 1 :]
    try:
        assert parse_trust(changed, root=public(ROOT)) == TRUST
    except (InputError, LicenseError):
        pass


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.update(extra=1),
        lambda file: file["trust"].update(extra=1),
        lambda file: file["trust"]["issuers"][0].update(extra=1),
        lambda file: file.pop("format"),
        lambda file: file.update(format="seatkeeper-trust-2"),
        lambda file: file.pop("signature"),
        lambda file: file.update(signature="00"),
        lambda file: file["trust"].update(vendor="../x"),
        lambda file: file["trust"].update(root=file["trust"]["root"].upper()),
        lambda file: file["trust"].update(seats_max=0),
    ],
)
def test_what_is_not_exactly_a_trust_file_is_refused(spoil: Any) -> None:
    file = json.loads(TEXT)
    spoil(file)
    with pytest.raises(InputError, match="not a trust file"):
        parse_trust(json.dumps(file), root=public(ROOT), name="x")


@pytest.mark.parametrize("text", ["", "{", "[]", b"\xff", "SERVER a b", "null", "[" * 100_000])
def test_other_files_are_refused(text: str | bytes) -> None:
    with pytest.raises(InputError, match="not a trust file"):
        parse_trust(text, root=None)


def test_a_huge_file_is_refused() -> None:
    with pytest.raises(InputError, match="larger than"):
        parse_trust(" " * 2_000_000, root=None)


@pytest.mark.parametrize("twice", [False, True])
def test_an_issuer_bears_its_own_id_once(twice: bool) -> None:
    issuer = TRUST.issuers[0]
    issuers = (issuer, issuer) if twice else (msgspec.structs.replace(issuer, id="0" * 16),)
    text = sign_trust(msgspec.structs.replace(TRUST, issuers=issuers), ROOT)
    with pytest.raises(InputError, match="its own key id, or stands twice"):
        parse_trust(text, root=public(ROOT))


def test_only_the_root_signs() -> None:
    with pytest.raises(InputError, match="not the root"):
        sign_trust(TRUST, ISSUER)


def test_an_issuer_on_a_day() -> None:
    issuer = TRUST.issuers[0]
    assert issuer.objection(DAY) == issuer.objection(date(2028, 3, 2)) == ""
    assert "valid only from" in issuer.objection(date(2026, 3, 2))
    assert "valid only until" in issuer.objection(date(2028, 3, 3))
    revoked = msgspec.structs.replace(issuer, revoked_on=date(2027, 1, 1), reason="lost")
    assert revoked.objection(date(2026, 12, 31)) == ""
    assert revoked.objection(date(2027, 1, 1)) == "was revoked on 01-jan-2027 (lost)"
    assert TRUST.issuer(issuer.id) == issuer
    assert TRUST.issuer("0" * 16) is None


# The pinned root.


def test_forms_of_a_root() -> None:
    raw = public(ROOT)
    pem = ROOT.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for given_form in (raw, raw.hex(), raw.hex().upper() + "\n", raw.hex().encode(), pem, pem.decode(), b"\n" + pem):
        assert parse_root(given_form) == raw


@pytest.mark.parametrize(
    "given_form", ["", b"", "zz" * 32, "00" * 31, b"\x00" * 31, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "é" * 32]
)
def test_what_is_no_root_is_refused(given_form: str | bytes) -> None:
    with pytest.raises(InputError, match=r"not an Ed25519 public key.*64 hex digits"):
        parse_root(given_form)


# The server.


def test_a_certified_server_is_accepted() -> None:
    check()
    check(hostids=["00", "8:0:20:0:5:ac"])
    check(today=END)


def test_the_daemon_certificate_need_not_be_sent() -> None:
    check(chain=CHAIN[: CHAIN.index(b"-----END CERTIFICATE-----") + 26])


@pytest.mark.parametrize(
    "changes",
    [{"nonce": bytes(32)}, {"session": b"other"}, {"binding": b"tls"}, {"proof": b""}, {"proof": bytes(64)}],
)
def test_a_proof_is_for_one_session(changes: dict[str, Any]) -> None:
    assert "did not prove" in refused(**changes)


def test_a_proof_is_for_one_vendor() -> None:
    assert "did not prove" in refused(proof=server_proof(SERVER, NONCE, SESSION, "other.d"))


def test_parts_of_a_proof_do_not_run_together() -> None:
    assert "did not prove" in refused(proof=server_proof(SERVER, NONCE + SESSION[:1], SESSION[1:], "genesys.d"))


def test_a_proof_may_be_bound_to_its_connection() -> None:
    check(proof=server_proof(SERVER, NONCE, SESSION, "genesys.d", binding=b"tls"), binding=b"tls")


def test_a_short_nonce_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="nonce"):
        server_proof(SERVER, b"short", SESSION, "genesys.d")


def test_the_certificate_alone_does_not_do() -> None:
    assert "did not prove" in refused(proof=server_proof(key(8), NONCE, SESSION, "genesys.d"))


def test_a_server_of_another_host_is_refused() -> None:
    reason = refused(chain=certify("00b0d0abb1b2"))
    assert "00b0d0abb1b2" in reason
    assert HOSTID in reason
    assert "host id" in refused(hostids=[])


def test_host_ids_with_odd_characters_do_not_collide() -> None:
    for one, other in (("a b", "a%20b"), ("a/b", "a-b"), ("é", "e")):
        check(chain=certify(one), hostids=[one])
        assert "host id" in refused(chain=certify(one), hostids=[other])


def test_a_server_of_another_vendor_is_refused() -> None:
    other = make_trust("other.d", key(9), key(10))
    assert "another authority" in refused(chain=certify(daemon=key(10), trust=other))
    alone = certify(daemon=key(10), trust=other).split(other.daemon_certificate.encode())[0]
    assert "was not signed" in refused(chain=alone)


def test_a_daemon_key_that_the_root_did_not_sign_is_refused() -> None:
    forged = make_daemon_certificate(key(9), "genesys.d", key(10).public_key(), serial=7, not_before=DAY, not_after=END)
    trust = msgspec.structs.replace(TRUST, daemon_certificate=forged)
    assert "by the root" in refused(chain=certify(daemon=key(10), trust=trust), trust=trust)


def test_the_daemon_certificate_itself_is_no_server() -> None:
    proof = server_proof(DAEMON, NONCE, SESSION, "genesys.d")
    assert "was not signed" in refused(chain=TRUST.daemon_certificate.encode() * 2, proof=proof)


def test_a_server_cannot_certify_another() -> None:
    with pytest.raises(ValueError, match="key of the daemon's certificate"):
        certify(daemon=SERVER)
    middle = CHAIN[: CHAIN.index(b"-----END CERTIFICATE-----") + 26].decode()
    made = make_server_certificate(SERVER, middle, HOSTID, key(8).public_key(), serial=9, not_before=DAY)
    proof = server_proof(key(8), NONCE, SESSION, "genesys.d")
    assert "another authority" in refused(chain=made.encode() + CHAIN, proof=proof)
    assert "was not signed" in refused(chain=made.encode(), proof=proof)


@pytest.mark.parametrize("today", [date(2026, 3, 1), date(2046, 3, 5)])
def test_certificates_have_their_time(today: date) -> None:
    assert "is valid from 02-mar-2026 to 04-mar-2046" in refused(today=today)


@pytest.mark.parametrize("chain", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b" " * 20_000])
def test_what_is_no_chain_is_refused(chain: bytes) -> None:
    assert "certificates" in refused(chain=chain)


@given(st.integers(0, len(CHAIN) - 1), st.binary(min_size=1, max_size=1))
def test_a_damaged_chain_is_refused_or_the_same(at: int, byte: bytes) -> None:
    damaged = CHAIN[:at] + byte + CHAIN[at + 1 :]
    try:
        check(chain=damaged)
    except LicenseError:
        return
    # PEM has places where anything may stand; the certificates themselves must be the same.
    server, *others = x509.load_pem_x509_certificates(damaged)
    assert server == x509.load_pem_x509_certificate(CHAIN)
    assert all(other == x509.load_pem_x509_certificate(TRUST.daemon_certificate.encode()) for other in others)


# What ends soon.


def issuers(*spans: tuple[int, int, int | None]) -> Trust:
    day = date(2026, 1, 1)
    made = []
    for number, (start, end, revoked) in enumerate(spans):
        data = bytes([number]) * 32
        on = day + timedelta(days=revoked) if revoked is not None else None
        made.append(Issuer(key_id(data), data.hex(), day + timedelta(days=start), day + timedelta(days=end), on))
    return msgspec.structs.replace(TRUST, issuers=tuple(made))


@pytest.mark.parametrize(
    ("spans", "told"),
    [
        ([(0, 31, None)], ""),
        ([(0, 30, None)], "31-jan-2026, in 30 days."),
        ([(0, 1, None)], "02-jan-2026, in 1 day."),
        ([(0, 0, None)], "01-jan-2026, today."),
        ([(0, 10, None), (11, 200, None)], ""),  # The next one is prepared.
        ([(0, 10, None), (5, 20, None)], "21-jan-2026, in 20 days."),
        ([(0, 10, None), (12, 200, None)], "11-jan-2026, in 10 days."),  # A day on which nobody may sign.
        ([(0, 200, 6)], "06-jan-2026, in 5 days."),  # Revoked as of a day to come.
        ([(0, 200, 0)], ""),  # Nobody may sign: that is said where a key is asked for.
        ([], ""),
    ],
)
def test_it_is_said_when_nobody_may_sign_soon(spans: list[tuple[int, int, int | None]], told: str) -> None:
    said = ending_sentence(issuers(*spans), date(2026, 1, 1))
    assert said == (f"The last day on which an issuer key of genesys.d may sign is {told}" if told else "")
