"""credentials: what a server shows is what a client believes, for this connection and no other."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.keys import init_vendor, issue_credential
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
    standing = find_standing(["other.d", "d"], place / "license.dat", [HOSTID])
    assert standing is not None
    told = standing.answer(AskIdentity(7, NONCE))
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
    assert find_standing(["other.d"], place / "license.dat", [HOSTID]) is None
    assert find_standing(["d"], place / "license.dat", ["aabbccddeeff"]) is None
    assert find_standing([], place / "license.dat", [HOSTID]) is None
    (place / "d.trust").write_text("nonsense")
    assert find_standing(["d"], place / "license.dat", [HOSTID]) is None
    (place / "d.trust").unlink()
    assert find_standing(["d"], place / "license.dat", [HOSTID]) is None
