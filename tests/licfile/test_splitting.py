"""A license file in parts: nothing is lost, nothing doubled, and what needs each other stays together."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.licfile.editing import read_source
from seatkeeper.licfile.model import Blank, Comment, LicenseFile, Line, Package, Server, Signable, Upgrade, Vendor
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.splitting import By, split
from seatkeeper.licfile.writer import write
from support.editing import HOSTID, TRUST, feature, random_file, signed

HEAD: tuple[Line, ...] = (Comment("#4711"), Server("licsrv", HOSTID, 7260), Vendor("genesys.d", keyword="DAEMON"))


def parts(*lines: Line, by: By = "vendor", groups: dict[str, list[str]] | None = None) -> dict[str, list[Line]]:
    source = read_source(write(LicenseFile((*HEAD, *lines))).encode(), "license.dat")
    return {part.name: list(parse(decode(part.data)).file.lines) for part in split(source, by, groups)}


def other(name: str) -> Signable:
    from seatkeeper.licfile.model import Feature

    return signed(Feature(name, "pigeon", "1.0", "permanent", "5", attributes=(("ISSUED", "24-nov-2026"),)))


def test_by_vendor_each_has_its_daemon_line() -> None:
    pigeon, a, b = Vendor("pigeon"), feature("a"), other("b")
    found = parts(pigeon, a, Comment("# of b"), b, by="vendor")
    assert found == {"genesys.d": [*HEAD, a], "pigeon": [HEAD[0], HEAD[1], pigeon, Comment("# of b"), b]}


def test_by_feature() -> None:
    a, b, c = feature("a"), feature("b"), feature("c")
    foot = (Blank(), Comment("# the end"))
    found = parts(a, b, c, *foot, by="feature", groups={"voice": ["A", "c"]})
    assert found == {"voice": [*HEAD, a, c, *foot], "rest": [*HEAD, b, *foot]}
    with pytest.raises(InputError, match="no such feature"):
        parts(a, by="feature", groups={"x": ["z"]})


def test_by_expiry_what_needs_each_other_stays_together() -> None:
    a, b = feature("a", expiry="31-dec-2027"), feature("b")
    upgrade = signed(Upgrade("a", "genesys.d", "8.0", "8.5", "permanent", "3", attributes=(("ISSUED", "24-nov-2026"),)))
    package = signed(Package("c", "genesys.d", "8.0", attributes=(("COMPONENTS", "x"), ("ISSUED", "24-nov-2026"))))
    c = feature("c", expiry="31-dec-2027")
    increments = [feature("d", add=True, expiry=day) for day in ("31-dec-2027", "permanent")]
    found = parts(a, b, upgrade, package, c, *increments, by="expiry")
    assert found == {"2027-12-31": [*HEAD, a, upgrade, package, c, increments[0]], "permanent": [*HEAD, b, increments[1]]}


@pytest.mark.parametrize(
    "text", ["", "SERVER licsrv 0800200005ac 7260\n", "DEAMON genesys.d\nFEATURE a genesys.d 1.0 permanent 5 SIGN=0\n"]
)
def test_what_cannot_be_divided(text: str) -> None:
    with pytest.raises(InputError, match=r"no license|cannot be read"):
        split(read_source(text.encode()), "vendor")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_is_lost_or_doubled(seed: int) -> None:
    r = Random(seed)
    source = read_source(random_file(r).encode())
    by = r.choice(["vendor", "expiry", "feature"])
    names = sorted({line.name for _, line in source.file.signable()})
    found = split(source, by, {"one": names[:1]} if by == "feature" else None)  # type: ignore[arg-type]
    good = sorted(repr(verdict.line) for verdict in verify_lines(source.file, TRUST) if verdict.ok)
    files = [parse(decode(part.data)).file for part in found]
    again = sorted(repr(verdict.line) for file in files for verdict in verify_lines(file, TRUST) if verdict.ok)
    copies = sum(not verdict.ok for verdict in verify_lines(source.file, TRUST))
    assert again == good or (copies and set(again) == set(good))
    assert all(piece in decode(b"".join(part.data for part in found)) for piece in source.pieces[:-1])
