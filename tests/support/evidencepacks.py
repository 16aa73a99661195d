"""Evidence packs for tests: a small site, packs of it, and packs that somebody has altered and made whole again."""

from __future__ import annotations

import zipfile
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.evidencefile import content_of, write_pack
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.licfile.detached import sign_detached
from seatkeeper.lrm.evidence import Known, make_pack
from seatkeeper.lrm.evidence_check import check_pack
from seatkeeper.lrm.report import Query, items_by_name
from seatkeeper.usage.evidence import EVIDENCE_TAG, MANIFEST, SIGNATURE, Code, Member, PackManifest, encoded
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seatkeeper.lrm.evidence_check import Verdict

__all__ = ["CODE", "KEY", "KNOWN", "MADE", "PUBLIC", "QUERY", "STRANGER", "altered", "checked", "made", "members", "outcomes", "small_site"]

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KNOWN = Known(items_by_name(), {})
CODE = Code("0.1.0", "00" * 32, {"python": "3.11.7"})
MADE = "2026-11-24T00:00:00Z"
QUERY = Query("tenant", "Genesys E-Mail", "daily", date(2026, 9, 1), date(2026, 9, 3))


def small_site(path: Path) -> Warehouse:
    """Three sessions of two tenants on two days."""
    warehouse = Warehouse(path / "db")
    rows = [
        session(1, DAY + 3600, DAY + 7200, agent="ann", place="p1", media="email"),
        session(2, DAY + 5400, DAY + 9000, agent="bo", place="p2", media="email"),
        session(3, DAY + 90_000, DAY + 99_000, tenant="Meadow", agent="cy", place="p3", media="email|chat"),
    ]
    warehouse.load(write_csv(path / "sessions.csv", "sessions", rows))
    return warehouse


def made(path: Path, warehouse: Warehouse, query: Query = QUERY, **others: Any) -> Path:
    """A pack of a report."""
    make_pack(path, warehouse, open_duckdb, query, KNOWN, **{"key": KEY, "made": MADE, "code": CODE, **others})
    return path


def checked(path: Path, **others: Any) -> Verdict:
    """What is to be thought of it, by the key of the tests."""
    return check_pack(path, KNOWN, CODE, open_duckdb, **{"pinned": PUBLIC, **others})


def outcomes(verdict: Verdict) -> dict[str, str]:
    """What was looked at, and whether it holds; of notes beside a check the check counts."""
    found: dict[str, str] = {}
    for check in verdict.checks:
        found.setdefault(check.what, check.outcome)
    return found


def members(path: Path) -> dict[str, bytes]:
    """The members, as any program reads them."""
    with zipfile.ZipFile(path) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def altered(path: Path, changes: Mapping[str, bytes | None], into: Path, key: Ed25519PrivateKey | None = KEY) -> Path:
    """The pack with these members in place of others, signed anew by the key; None: with the manifest that it had."""
    whole = {name: data for name, data in {**members(path), **changes}.items() if data is not None}
    if key is not None:
        old = msgspec.json.decode(whole[MANIFEST], type=PackManifest)
        contents = {name: content_of(data) for name, data in whole.items() if name not in {MANIFEST, SIGNATURE}}
        listed = [Member(name, content.size, content.sha256) for name, content in sorted(contents.items())]
        manifest = encoded(PackManifest(old.form, old.made, key.public_key().public_bytes_raw().hex(), listed))
        whole |= {MANIFEST: manifest, SIGNATURE: f"{sign_detached(manifest, EVIDENCE_TAG, key)}\n".encode()}
    write_pack(into, {name: content_of(data) for name, data in whole.items()}, replace=True)
    return into
