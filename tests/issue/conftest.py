"""Keys, an order and a day for the tests of issuing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.model import Order
from seatkeeper.issue.order import check_order
from seatkeeper.licfile.certificate import make_daemon_certificate
from seatkeeper.licfile.pem import private_pem
from seatkeeper.licfile.trust import Issuer, Trust, key_id, sign_trust

TODAY = date(2026, 3, 14)

ORDER = (Path(__file__).parent / "order.toml").read_text()


@pytest.fixture(scope="session")
def today() -> date:
    return TODAY


@pytest.fixture(scope="session")
def order_text() -> str:
    return ORDER


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
def order(catalog: Catalog) -> Order:
    checked = check_order(ORDER, "order.toml", catalog, TODAY)
    assert checked.order is not None, checked.problems
    return checked.order


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    init_vendor(tmp_path / "keys", "genesys.d", today=TODAY)
    return tmp_path / "keys"


@pytest.fixture
def fixed_keys(tmp_path: Path) -> Path:
    """Keys that are the same in every run, so that what they sign is too."""
    directory = tmp_path / "fixed"
    directory.mkdir()
    root, issuer, daemon = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2, 3))
    public = issuer.public_key().public_bytes_raw()
    first, last = TODAY, TODAY + timedelta(days=700)
    certificate = make_daemon_certificate(root, "genesys.d", daemon.public_key(), serial=7, not_before=first, not_after=last)
    trust = Trust(
        vendor="genesys.d",
        serial=1,
        signed_on=TODAY,
        root=root.public_key().public_bytes_raw().hex(),
        version_rule="release8",
        seats_max=9999,
        issuers=(Issuer(key_id(public), public.hex(), first, last),),
        daemon_certificate=certificate,
    )
    (directory / "root.pub").write_text(trust.root)
    (directory / "genesys.d.trust").write_text(sign_trust(trust, root))
    (directory / f"issuer-{trust.issuers[0].id}.key").write_bytes(private_pem(issuer))
    (directory / "daemon.key").write_bytes(private_pem(daemon))
    return directory
