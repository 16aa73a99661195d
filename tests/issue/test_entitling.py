"""Signed entitlement files: what goes out is good, and what is not does not go out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.entitlements import parse_entitlement
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.base.errors import InputError
from seatkeeper.issue.entitling import sign_entitlement
from seatkeeper.licfile.detached import objection_to
from seatkeeper.usage.entitlement import ENTITLEMENT_TAG, Entitlement, EntitlementLine, Header, canonical_entitlement

TODAY = date(2026, 11, 24)
CATALOG = load_catalog(None)
HEADER = Header("Blue Harbor Trading", "4711", "1", "1 Quay, Example", "single-site", TODAY, TODAY)
ONE = Entitlement("genesys.d", HEADER, (EntitlementLine("17", "3GP07021ABAA", "Routing", "8.5", 10, 12),))


def test_it_is_signed_and_read_back(tmp_path: Path) -> None:
    trust = init_vendor(tmp_path, "genesys.d", today=TODAY)
    said, signature = parse_entitlement(sign_entitlement(ONE, CATALOG, tmp_path, TODAY).encode())
    assert said == ONE
    assert objection_to(signature, canonical_entitlement(said), ENTITLEMENT_TAG, trust, TODAY) == ""


def test_what_is_wrong_is_not_signed(tmp_path: Path) -> None:
    init_vendor(tmp_path, "genesys.d", today=TODAY)
    with pytest.raises(InputError, match="another vendor's"):
        sign_entitlement(msgspec.structs.replace(ONE, vendor="other.d"), CATALOG, tmp_path, TODAY)
    with pytest.raises(InputError, match="0 items"):
        sign_entitlement(msgspec.structs.replace(ONE, lines=()), CATALOG, tmp_path, TODAY)
