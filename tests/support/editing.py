"""Signed license files at random, of few features, so that old and new files meet in all ways."""

from __future__ import annotations

from datetime import date
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seatkeeper.licfile.model import Blank, Comment, Feature, LicenseFile, Line, Package, Server, Signable, Upgrade, Vendor
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.trust import Issuer, Trust, key_id
from seatkeeper.licfile.writer import write

__all__ = ["HOSTID", "KEY", "TODAY", "TRUST", "feature", "random_file", "signed"]

TODAY = date(2026, 11, 24)
HOSTID = "0800200005ac"
KEY = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
_ROOT = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
_PUBLIC = KEY.public_key().public_bytes_raw()
TRUST = Trust(
    "genesys.d",
    1,
    date(2026, 1, 1),
    _ROOT.public_key().public_bytes_raw().hex(),
    "release8",
    9999,
    (Issuer(key_id(_PUBLIC), _PUBLIC.hex(), date(2026, 1, 1), date(2027, 12, 31)),),
    "",
)


def signed(line: Signable, hostid: str = HOSTID) -> Signable:
    """The line with its signature."""
    return sign_line(line, (hostid,), KEY)


def feature(
    name: str, count: int = 10, version: str = "8.0", expiry: str = "permanent", *, add: bool = False, **attributes: str
) -> Signable:
    """A signed FEATURE line, or INCREMENT with `add`; attributes as keywords, ISSUED among them where not given."""
    issued = attributes.pop("ISSUED", "24-nov-2026")
    rest = tuple((key, value or None) for key, value in attributes.items())
    keyword = "INCREMENT" if add else "FEATURE"
    return signed(Feature(name, "genesys.d", version, expiry, str(count), attributes=(*rest, ("ISSUED", issued)), keyword=keyword))  # type: ignore[arg-type]


def _random_line(r: Random) -> Signable:
    name = r.choice(["alpha", "beta", "gamma"])
    version, count = r.choice(["8.0", "8.0", "8.10", "8.5"]), r.choice([5, 10, 10, 20])
    expiry = r.choice(["permanent", "permanent", "31-dec-2026", "01-jan-2026", "30-jun-2027"])
    issued = ("ISSUED", r.choice(["01-nov-2026", "24-nov-2026"]))
    kind = r.choice(["feature"] * 6 + ["increment"] * 3 + ["upgrade", "package", "locked"])
    if kind == "upgrade":
        return signed(Upgrade(name, "genesys.d", "8.0", "8.5", expiry, "3", attributes=(issued,)))
    if kind == "package":
        return signed(Package(name, "genesys.d", "8.0", attributes=(("COMPONENTS", r.choice(["delta", "delta zeta:8.0"])), issued)))
    more: tuple[tuple[str, str | None], ...] = r.choice([(), (), (), (("DUP_GROUP", "UH"),), (("BORROW", None),), (("NOTICE", "a b  c"),)])
    if kind == "locked":
        return signed(Feature(name, "genesys.d", version, expiry, "uncounted", attributes=(("HOSTID", HOSTID), issued)))
    if r.random() < 0.15:
        more = (*more, ("START", "01-feb-2027"), ("SUPERSEDE", None))
    if r.random() < 0.2:
        more = (*more, ("SN", r.choice(["1", "2"])))
    if r.random() < 0.3:
        info = r.choice(["it's here", "a=41 and more of it, so that the line is a long one", "server feature", "caf\u00e9 \u2019x", "# 5"])
        more = (("vendor_info", info), *more)
    keyword = "INCREMENT" if kind == "increment" else "FEATURE"
    return signed(Feature(name, "genesys.d", version, expiry, str(count), attributes=(*more, issued), keyword=keyword))  # type: ignore[arg-type]


def random_file(r: Random, *, host: str = "licsrv") -> str:
    """The text of a signed file with comments and blank lines between its few licenses."""
    lines: list[Line] = [Comment("#4711"), Server(host, HOSTID, 7260), Vendor("genesys.d", "/opt/d", keyword="DAEMON")]
    for _ in range(r.randrange(1, 7)):
        lines += r.choice([[], [], [Blank()], [Comment("# by hand")]])
        lines.append(_random_line(r))
    lines += r.choice([[], [Blank(), Comment("# the end \\")]])
    text = write(LicenseFile(tuple(lines)), columns=r.choice([60, 80, 400]))
    if r.random() < 0.3:
        text = text.replace("\n", "\r\n")
    return text.rstrip() if r.random() < 0.2 else text
