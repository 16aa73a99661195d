from __future__ import annotations

import shutil
import ssl
import stat
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest

from seatkeeper.adapters import keyplaces, keys
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.licfile.trust import check_server, key_id, server_proof

TODAY = date(2026, 3, 3)
HOSTID = "8:0:20:0:5:ac"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    keys.init_vendor(tmp_path / "keys", "genesys.d", today=TODAY)
    return tmp_path / "keys"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def issuer_id(directory: Path) -> str:
    return key_id(keys.load_issuer(directory, today=TODAY).public_key().public_bytes_raw())


def test_init_makes_keys_that_only_their_owner_reads(store: Path) -> None:
    path, trust = keys.load_trust(store)
    issuer = trust.issuers[0]
    assert sorted(content(store)) == sorted(["root.key", "root.pub", f"issuer-{issuer.id}.key", "daemon.key", "genesys.d.trust"])
    assert path == store / "genesys.d.trust"
    assert mode(store) == 0o700
    assert {mode(store / name) for name in content(store) if name.endswith(".key")} == {0o600}
    assert mode(path) == 0o644
    assert (issuer.not_before, issuer.not_after) == (TODAY, TODAY + timedelta(days=keys.ISSUER_DAYS))
    assert (trust.serial, trust.version_rule, trust.seats_max) == (1, "release8", 9999)
    assert keys.read_root(store / "root.pub").hex() == trust.root == keys.load_root(store).public_key().public_bytes_raw().hex()
    assert issuer_id(store) == issuer.id


def test_other_vendors_have_the_rule_of_flexnet(tmp_path: Path) -> None:
    assert keys.init_vendor(tmp_path / "a", "other.d", today=TODAY).version_rule == "flexnet"
    assert keys.init_vendor(tmp_path / "b", "other.d", today=TODAY, version_rule="release8").version_rule == "release8"


def test_init_never_overwrites(store: Path) -> None:
    before = content(store)
    for vendor in ("genesys.d", "other.d"):
        with pytest.raises(InputError, match="holds keys already"):
            keys.init_vendor(store, vendor, today=TODAY)
    (store / "root.pub").unlink()
    (store / "genesys.d.trust").unlink()
    with pytest.raises(InputError, match=r"root\.key"):
        keys.init_vendor(store, "genesys.d", today=TODAY)
    assert {name: before[name] for name in content(store)} == content(store)


@pytest.mark.parametrize("vendor", ["", "a b", "../x", "-x", "é.d", "x" * 31])
def test_init_wants_a_name_that_files_can_bear(tmp_path: Path, vendor: str) -> None:
    with pytest.raises(InputError, match="vendor's name"):
        keys.init_vendor(tmp_path / "keys", vendor, today=TODAY)
    assert not (tmp_path / "keys").exists()


def test_init_leaves_nothing_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = keyplaces.write_file

    def fail_at_the_trust(path: Path, data: bytes, *, private: bool, replace: bool) -> None:
        if path.suffix == ".trust":
            raise InputError("The disk is full.")
        write(path, data, private=private, replace=replace)

    monkeypatch.setattr(keyplaces, "write_file", fail_at_the_trust)
    with pytest.raises(InputError, match="full"):
        keys.init_vendor(tmp_path / "keys", "genesys.d", today=TODAY)
    assert content(tmp_path / "keys") == {}


def test_init_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        keys.init_vendor(tmp_path / "file", "genesys.d", today=TODAY)


# Passphrases.


def test_a_passphrase_closes_every_private_key(tmp_path: Path) -> None:
    store = tmp_path / "keys"
    keys.init_vendor(store, "genesys.d", passphrase=b"open sesame", today=TODAY)
    for path in store.glob("*.key"):
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert keys.load_root(store, passphrase=b"open sesame")
    for passphrase, expected in ((None, "none was given"), (b"wrong", "does not open")):
        with pytest.raises(InputError, match=expected):
            keys.load_root(store, passphrase=passphrase)
    assert keys.rotate(store, passphrase=b"open sesame", today=TODAY).serial == 2
    with pytest.raises(InputError, match="passphrase"):
        keys.issue_credential(store, HOSTID, tmp_path, today=TODAY)
    path = keys.issue_credential(store, HOSTID, tmp_path, passphrase=b"open sesame", today=TODAY)
    assert keys.read_credential(path).hostid == HOSTID


def test_an_empty_passphrase_is_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        keys.init_vendor(tmp_path / "keys", "genesys.d", passphrase=b"", today=TODAY)
    assert not (tmp_path / "keys").exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_openssl_reads_the_keys(tmp_path: Path) -> None:
    keys.init_vendor(tmp_path / "keys", "genesys.d", passphrase=b"open sesame", today=TODAY)
    command = ["openssl", "pkey", "-in", str(tmp_path / "keys" / "root.key"), "-passin", "pass:open sesame", "-pubout"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == (tmp_path / "keys" / "root.pub").read_bytes()


# Rotation and revocation.


def test_rotate_adds_an_issuer_and_ends_the_old_one(store: Path) -> None:
    old = keys.load_trust(store)[1].issuers[0]
    later = TODAY + timedelta(days=30)
    trust = keys.rotate(store, today=later)
    assert trust == keys.load_trust(store)[1]
    assert trust.serial == 2
    assert [issuer.not_after for issuer in trust.issuers] == [later, later + timedelta(days=keys.ISSUER_DAYS)]
    assert trust.issuers[0].objection(TODAY) == ""
    assert trust.issuers[0].id == old.id
    assert key_id(keys.load_issuer(store, today=later).public_key().public_bytes_raw()) == trust.issuers[1].id
    assert mode(store / f"issuer-{trust.issuers[1].id}.key") == 0o600


def test_rotating_the_daemon_key_needs_new_credentials(store: Path, tmp_path: Path) -> None:
    old = keys.read_credential(keys.issue_credential(store, HOSTID, tmp_path, today=TODAY))
    trust = keys.rotate(store, today=TODAY, daemon=True)
    assert len(trust.issuers) == 1
    new = keys.read_credential(keys.issue_credential(store, HOSTID, tmp_path, today=TODAY))
    nonce = bytes(16)
    for credential, good in ((new, True), (old, False)):
        proof = server_proof(credential.key, nonce, b"s", "genesys.d")
        if good:
            check_server(credential.chain, proof, nonce=nonce, session=b"s", trust=trust, hostids=[HOSTID], today=TODAY)
        else:
            with pytest.raises(LicenseError):
                check_server(credential.chain, proof, nonce=nonce, session=b"s", trust=trust, hostids=[HOSTID], today=TODAY)


def test_revoke(store: Path) -> None:
    wanted = issuer_id(store)
    trust = keys.revoke(store, wanted.lower(), on=TODAY, reason="laptop\nlost", today=TODAY)
    assert trust.serial == 2
    assert (trust.issuers[0].revoked_on, trust.issuers[0].reason) == (TODAY, "laptop lost")
    with pytest.raises(InputError, match=r"no issuer key that may sign today.*rotate"):
        keys.load_issuer(store, today=TODAY)
    with pytest.raises(InputError, match="revoked as of"):
        keys.revoke(store, wanted, on=TODAY, today=TODAY)
    earlier = TODAY - timedelta(days=9)
    assert keys.revoke(store, wanted, on=earlier, today=TODAY).issuers[0].revoked_on == earlier
    with pytest.raises(InputError, match="no such issuer"):
        keys.revoke(store, "00" * 8, on=TODAY, today=TODAY)


def test_the_root_key_may_be_elsewhere(store: Path, tmp_path: Path) -> None:
    (store / "root.key").rename(tmp_path / "safe")
    assert keys.load_issuer(store, today=TODAY)
    assert keys.issue_credential(store, HOSTID, tmp_path, today=TODAY).exists()
    before = content(store)
    with pytest.raises(InputError, match="offline"):
        keys.rotate(store, today=TODAY)
    with pytest.raises(InputError, match="offline"):
        keys.revoke(store, issuer_id(store), on=TODAY, today=TODAY)
    assert content(store) == before


def test_an_issuer_key_is_the_one_of_the_trust_file(store: Path) -> None:
    path = store / f"issuer-{issuer_id(store)}.key"
    path.write_bytes((store / "daemon.key").read_bytes())
    with pytest.raises(InputError, match="not the key that its name says"):
        keys.load_issuer(store, today=TODAY)
    path.unlink()
    with pytest.raises(InputError, match="misses issuer-"):
        keys.load_issuer(store, today=TODAY)


def test_an_issuer_key_has_its_time(store: Path) -> None:
    with pytest.raises(InputError, match="may sign today"):
        keys.load_issuer(store, today=TODAY + timedelta(days=keys.ISSUER_DAYS + 1))


def test_a_trust_file_of_another_root_beside_the_keys_is_noticed(store: Path, tmp_path: Path) -> None:
    keys.init_vendor(tmp_path / "other", "genesys.d", today=TODAY)
    shutil.copy(tmp_path / "other" / "genesys.d.trust", store)
    with pytest.raises(LicenseError, match="not signed by a key"):
        keys.load_trust(store)


def test_a_directory_without_keys_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a key directory"):
        keys.load_trust(tmp_path / "nothing")


# Credentials.


def test_a_credential_is_found_by_host_id(store: Path, tmp_path: Path) -> None:
    place = tmp_path / "licenses"
    place.mkdir()
    path = keys.issue_credential(store, HOSTID, place, today=TODAY)
    other = keys.issue_credential(store, "00b0d0abb1b2", place, today=TODAY)
    assert other.name == "genesys.d.00b0d0abb1b2.credential"
    assert path.name.startswith("genesys.d.8-0-20-0-5-ac-")
    assert mode(path) == 0o600
    found = keys.find_credential(place, "genesys.d", ["unknown", HOSTID.upper()])
    assert found is not None
    assert (found.path, found.hostid) == (path, HOSTID)
    assert keys.find_credential(place, "genesys.d", ["unknown"]) is None
    assert keys.find_credential(place, "other.d", [HOSTID]) is None
    trust = keys.load_trust(store)[1]
    proof = server_proof(found.key, bytes(16), b"s", "genesys.d")
    check_server(found.chain, proof, nonce=bytes(16), session=b"s", trust=trust, hostids=[HOSTID], today=TODAY)


def test_the_credential_of_another_host_does_not_do_under_this_ones_name(store: Path, tmp_path: Path) -> None:
    keys.issue_credential(store, "00b0d0abb1b2", tmp_path, today=TODAY).rename(keys.credential_path(tmp_path, "genesys.d", HOSTID))
    assert keys.find_credential(tmp_path, "genesys.d", [HOSTID]) is None


def test_names_of_credentials_do_not_collide() -> None:
    hostids = ["a:b", "a-b", "a b", "A/B", "a" * 60, "a" * 61, "..", "ID_STRING=x", "*"]
    names = [keys.credential_path(Path("d"), "v", hostid).name for hostid in hostids]
    assert len(set(names)) == len(names)
    assert all("/" not in name and len(name) < 80 for name in names)


@pytest.mark.parametrize("data", [b"", b"x", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_broken_credential_is_named(tmp_path: Path, data: bytes) -> None:
    path = keys.credential_path(tmp_path, "genesys.d", HOSTID)
    path.write_bytes(data)
    with pytest.raises(InputError, match="not a server's credential"):
        keys.find_credential(tmp_path, "genesys.d", [HOSTID])


def test_a_credential_whose_key_is_not_its_certificates(store: Path, tmp_path: Path) -> None:
    one = keys.issue_credential(store, HOSTID, tmp_path, today=TODAY)
    key_pem = one.read_bytes().split(b"-----BEGIN CERTIFICATE")[0]
    two = keys.issue_credential(store, HOSTID, tmp_path, today=TODAY)
    two.write_bytes(key_pem + two.read_bytes()[len(key_pem) :])
    with pytest.raises(InputError, match="not a server's credential"):
        keys.read_credential(two)


def test_a_daemon_key_that_is_not_certified_makes_no_credential(store: Path, tmp_path: Path) -> None:
    (store / "daemon.key").write_bytes((store / "root.key").read_bytes())
    with pytest.raises(InputError, match="not the key that the trust file certifies"):
        keys.issue_credential(store, HOSTID, tmp_path, today=TODAY)


def test_credentials_serve_for_tls_on_both_sides(store: Path, tmp_path: Path) -> None:
    """The real thing, in memory: each side shows its credential and trusts the daemon's certificate only."""
    from seatkeeper.adapters import clock

    credentials = [keys.issue_credential(store, hostid, tmp_path, today=clock.today()) for hostid in (HOSTID, "00b0d0abb1b2")]
    # These keys were made for a day in the past, which TLS, with its own clock, would find too old in twenty years.
    trust = keys.load_trust(store)[1]
    sides = []
    for purpose, credential in zip((ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT), credentials, strict=True):
        context = ssl.SSLContext(purpose)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
        context.load_cert_chain(credential)
        context.load_verify_locations(cadata=trust.daemon_certificate)
        sides.append(context)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = sides[0].wrap_bio(to_server, to_client, server_side=True)
    client = sides[1].wrap_bio(to_client, to_server)
    done: set[int] = set()
    for _ in range(10):
        for number, side in enumerate((client, server)):
            try:
                side.do_handshake()
                done.add(number)
            except ssl.SSLWantReadError:
                pass
    assert done == {0, 1}
    names = [side.getpeercert()["subjectAltName"] for side in (client, server)]  # type: ignore[index]
    assert names == [(("URI", f"seatkeeper:hostid:{HOSTID}"),), (("URI", "seatkeeper:hostid:00b0d0abb1b2"),)]


# Finding trust files, writing files.


def test_trust_is_looked_for_in_order(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("explicit", "beside", "cwd")]
    for place in places:
        place.mkdir()
        (place / "genesys.d.trust").write_text("")
    explicit, beside, cwd = places
    found = keys.find_trust("genesys.d", explicit / "genesys.d.trust", beside / "license.dat", cwd)
    assert found == explicit / "genesys.d.trust"
    assert keys.find_trust("genesys.d", explicit) == explicit / "genesys.d.trust"
    assert keys.find_trust("genesys.d", None, beside / "license.dat", cwd) == beside / "genesys.d.trust"
    (beside / "genesys.d.trust").unlink()
    assert keys.find_trust("genesys.d", None, beside / "license.dat", cwd) == cwd / "genesys.d.trust"
    assert keys.find_trust("other.d", None, beside / "license.dat", cwd) is None
    with pytest.raises(InputError, match="no such trust file"):
        keys.find_trust("genesys.d", tmp_path / "nowhere", beside / "license.dat", cwd)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    keys.write_file(path, b"one", private=True, replace=False)
    with pytest.raises(InputError, match="exists and is not overwritten"):
        keys.write_file(path, b"two", private=True, replace=False)
    assert content(tmp_path) == {"file": b"one"}
    path.chmod(0o644)
    keys.write_file(path, b"two", private=True, replace=True)
    assert (path.read_bytes(), mode(path)) == (b"two", 0o600)
    with pytest.raises(InputError, match="cannot be written"):
        keys.write_file(tmp_path / "no" / "file", b"x", private=False, replace=True)
    assert content(tmp_path) == {"file": b"two"}


def test_reading_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        keys.read_trust(tmp_path / "no.trust")
    (tmp_path / "big").write_bytes(b" " * 70_000)
    with pytest.raises(InputError, match="larger than"):
        keys.read_root(tmp_path / "big")


# Issuer keys in time.


def test_a_rotation_with_overlap_lets_both_sign(store: Path) -> None:
    old = issuer_id(store)
    start = TODAY + timedelta(days=60)
    trust = keys.rotate(store, today=TODAY, start=start, overlap=14, days=100)
    new = trust.issuers[1]
    assert (new.not_before, new.not_after) == (start, start + timedelta(days=100))
    assert trust.issuers[0].not_after == start + timedelta(days=14)
    assert issuer_id(store) == old
    assert key_id(keys.load_issuer(store, today=start).public_key().public_bytes_raw()) == new.id
    # The new key has not come to the desk yet.
    (store / f"issuer-{new.id}.key").unlink()
    assert key_id(keys.load_issuer(store, today=start + timedelta(days=14)).public_key().public_bytes_raw()) == old
    with pytest.raises(InputError, match="misses issuer-"):
        keys.load_issuer(store, today=start + timedelta(days=15))


def test_a_prepared_issuer_keeps_its_time_when_another_takes_over_sooner(store: Path) -> None:
    start = TODAY + timedelta(days=60)
    prepared = keys.rotate(store, today=TODAY, start=start).issuers[1]
    trust = keys.rotate(store, today=TODAY)
    assert trust.issuers[1] == prepared
    assert trust.issuers[0].not_after == TODAY


@pytest.mark.parametrize(
    ("words", "told"), [({"days": 0}, "so long"), ({"days": 10**7}, "so long"), ({"start": date(2026, 3, 2)}, "before today")]
)
def test_days_that_make_no_sense_change_nothing(store: Path, words: dict[str, object], told: str) -> None:
    before = content(store)
    with pytest.raises(InputError, match=told):
        keys.rotate(store, today=TODAY, **words)  # type: ignore[arg-type]
    assert content(store) == before


def test_the_root_acts_take_the_root_key_from_where_it_is_kept(store: Path, tmp_path: Path) -> None:
    (store / "root.key").rename(tmp_path / "root.key")
    assert keys.rotate(store, today=TODAY, root=tmp_path).serial == 2
    assert keys.revoke(store, issuer_id(store), on=TODAY, today=TODAY, root=tmp_path / "root.key").serial == 3
    keys.init_vendor(tmp_path / "other", "genesys.d", today=TODAY)
    before = content(store)
    with pytest.raises(InputError, match="not the root key of these keys"):
        keys.rotate(store, today=TODAY, root=tmp_path / "other")
    assert content(store) == before


def test_a_root_key_can_be_born_elsewhere(tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    keys.init_vendor(tmp_path / "a", "genesys.d", today=TODAY, root=usb)
    keys.init_vendor(tmp_path / "b", "genesys.d", today=TODAY, root=usb / "b.key")
    assert sorted(content(usb)) == ["b.key", "root.key"]
    assert not (tmp_path / "a" / "root.key").exists()
    with pytest.raises(InputError, match="is a root key already"):
        keys.init_vendor(tmp_path / "c", "genesys.d", today=TODAY, root=usb)
    for place in (usb / "b.key", tmp_path / "none" / "x.key", usb / "x"):
        with pytest.raises(InputError):
            keys.init_vendor(tmp_path / "c", "genesys.d", today=TODAY, root=place)
        assert not list((tmp_path / "c").glob("*"))
    assert keys.rotate(tmp_path / "b", today=TODAY, root=usb / "b.key").serial == 2


def test_two_changes_at_once_have_two_serials(store: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        serials = sorted(trust.serial for trust in pool.map(lambda _: keys.rotate(store, today=TODAY), range(4)))
    assert serials == [2, 3, 4, 5]
    assert len(keys.load_trust(store)[1].issuers) == 5
