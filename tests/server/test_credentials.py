"""credentials: what a server shows is what a client believes, for this connection and no other."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.keys import init_vendor, issue_credential
from seatkeeper.adapters.tls import binding_of
from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile.trust import check_server, parse_trust
from seatkeeper.server.credentials import find_standing
from seatkeeper.wire.messages import AskIdentity

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date.today()
HOSTID = "001122334455"
NONCE = b"n" * 32


@pytest.fixture
def place(tmp_path: Path) -> Path:
    init_vendor(tmp_path / "keys", "d", today=TODAY)
    issue_credential(tmp_path / "keys", HOSTID, tmp_path, today=TODAY)
    (tmp_path / "d.trust").write_bytes((tmp_path / "keys" / "d.trust").read_bytes())
    return tmp_path


def test_the_proof_is_good_for_this_nonce_and_this_certificate(place: Path) -> None:
    standing = find_standing(["other.d", "d"], place / "license.dat", [HOSTID], TODAY)
    assert standing is not None
    told = standing.answer(AskIdentity(7, NONCE), standing.binding)
    assert (told.request, told.vendor, told.hostids) == (7, "d", [HOSTID])
    trust = parse_trust(told.trust, root=None)

    def check(nonce: bytes = NONCE, binding: bytes = standing.binding, session: bytes = b"") -> None:
        hostids = told.hostids
        check_server(told.chain, told.proof, nonce=nonce, session=session, trust=trust, hostids=hostids, today=TODAY, binding=binding)

    check()
    for wrong in ({"nonce": b"m" * 32}, {"binding": b"\0" * 32}, {"binding": b""}, {"session": b"s" * 16}):
        with pytest.raises(LicenseError):
            check(**wrong)


def test_a_vendor_without_trust_or_credential_has_no_standing(place: Path) -> None:
    assert find_standing(["other.d"], place / "license.dat", [HOSTID], TODAY) is None
    assert find_standing(["d"], place / "license.dat", ["aabbccddeeff"], TODAY) is None
    assert find_standing([], place / "license.dat", [HOSTID], TODAY) is None
    (place / "d.trust").write_text("nonsense")
    assert find_standing(["d"], place / "license.dat", [HOSTID], TODAY) is None
    (place / "d.trust").unlink()
    assert find_standing(["d"], place / "license.dat", [HOSTID], TODAY) is None
    assert find_standing(["d"], place / "license.dat", [HOSTID], TODAY) is None


def test_a_credential_that_no_client_would_believe_is_no_standing(place: Path) -> None:
    assert find_standing(["d"], place / "license.dat", [HOSTID], TODAY + timedelta(days=40 * 365)) is None
    init_vendor(place / "others", "e", today=TODAY)
    path = issue_credential(place / "others", HOSTID, place, today=TODAY)
    path.replace(next(place.glob("d.*.credential")))
    assert find_standing(["d"], place / "license.dat", [HOSTID], TODAY) is None


def test_each_vendor_s_root_has_its_proof_for_the_one_connection(place: Path) -> None:
    roots = {"d": parse_trust((place / "d.trust").read_text(), root=None).root}
    for vendor in ("e", "f"):
        roots[vendor] = init_vendor(place / f"keys-{vendor}", vendor, today=TODAY).root
        issue_credential(place / f"keys-{vendor}", HOSTID, place, today=TODAY)
        (place / f"{vendor}.trust").write_bytes((place / f"keys-{vendor}" / f"{vendor}.trust").read_bytes())
    standing = find_standing(["d", "e", "f"], place / "license.dat", [HOSTID], TODAY)
    assert standing is not None
    for vendor, root in roots.items():
        told = standing.answer(AskIdentity(1, NONCE, root), standing.binding)
        assert told.vendor == vendor
        trust = parse_trust(told.trust, root=bytes.fromhex(root))
        known = {"nonce": NONCE, "session": b"", "trust": trust, "hostids": [HOSTID], "today": TODAY}
        check_server(told.chain, told.proof, binding=standing.binding, **known)  # type: ignore[arg-type]
        # It is good for no other connection, not even one with this vendor's own certificate.
        if vendor != "d":
            with pytest.raises(LicenseError):
                check_server(told.chain, told.proof, binding=binding_of(told.chain), **known)  # type: ignore[arg-type]
    for stranger in ("", "0" * 64, "nonsense"):
        assert standing.answer(AskIdentity(1, NONCE, stranger), standing.binding).vendor == "d"
