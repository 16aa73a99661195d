"""convert: readable and decimal lines mixed, older releases, and signed lines that stay as they came."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.licfile import convert
from seatkeeper.licfile.convert import lowered, parse_release, readable, rendered
from seatkeeper.licfile.decimal import encode
from seatkeeper.licfile.model import Blank, Comment, Feature, LicenseFile, Package, Server, UseServer, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import sign_line
from support.licfiles import license_files, names

HOSTIDS = ("0800200005ac",)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PLAIN = Feature("f1", "genesys.d", "8.0", "permanent", "10", "", (("ISSUED", "24-nov-2026"),))
SIGNED = sign_line(PLAIN, HOSTIDS, KEY)
HEAD = (Comment("# Order 4711"), Server("licsrv", *HOSTIDS, 7260), Vendor("genesys.d"), Blank())


@given(license_files, st.booleans(), st.integers(40, 120))
@settings(max_examples=100)
def test_what_is_rendered_reads_as_the_same_file(file: LicenseFile, decimal: bool, columns: int) -> None:
    written = rendered(file, decimal=decimal, columns=columns)
    back, errors = readable(parse(written.text))
    assert not errors
    assert back == file
    assert written.converted + len(written.kept) == (len(list(file.signable())) if decimal else 0)


@given(st.lists(names, min_size=1, max_size=4, unique=True))
@settings(max_examples=30)
def test_signed_files_survive_there_and_back_to_the_letter(features: list[str]) -> None:
    lines = [sign_line(msgspec.structs.replace(PLAIN, name=name), HOSTIDS, KEY) for name in features]
    file = LicenseFile((*HEAD, *lines))
    text = rendered(file).text
    there = rendered(file, decimal=True).text
    assert "SIGN" not in there
    assert rendered(readable(parse(there))[0]).text == text


def test_what_cannot_be_decimal_stays_readable_and_says_why() -> None:
    odd = msgspec.structs.replace(PLAIN, name="a+b")
    written = rendered(LicenseFile((odd, PLAIN)), decimal=True)
    assert written.converted == 1
    assert [error.number for error in written.kept] == [-98]
    assert written.text.startswith("FEATURE a+b ")


def test_all_mistakes_are_told_in_the_order_of_the_file() -> None:
    good = encode(SIGNED)
    bad = good[:-1] + str((int(good[-1]) + 1) % 10)
    text = f"SERVER licsrv 0800200005ac 7260\n{bad}\nFEATURE f2 genesys.d 8,0 permanent 1\n{good}\nsampled-f1-00737-55296-1825\nnonsense\n"
    file, errors = readable(parse(text, "a.dat"))
    assert [error.number for error in errors] == [-99, -77, -98, -2]
    assert [error.reason.partition(":")[0] for error in errors] == [f"a.dat, line {number}" for number in (2, 3, 5, 6)]
    assert file.lines[3] == SIGNED


def test_releases() -> None:
    assert parse_release("7.1") == (7, 1)
    assert parse_release(" v11.14.1 ") == (11, 14, 1)
    assert parse_release("11.14") > parse_release("11.2")
    for text in ("", "x", "7,1", "7.", "-1", "v", "1.2.3.4.5"):
        with pytest.raises(InputError, match="no release"):
            parse_release(text)


UNSIGNED = LicenseFile(
    (
        Comment("# Büro"),
        Server("licsrv", "0800200005ac"),
        Vendor("genesys.d", "/opt/g"),
        UseServer(),
        PLAIN,
        Feature("f2", "genesys.d", "8.0", "1-dec-2030", "Uncounted", "", (("HOSTID", "ANY"),)),
        Package("p", "genesys.d", "8.0", "", (("COMPONENTS", "f1 f2"),)),
    )
)


def test_an_old_release_gets_the_words_that_it_knows() -> None:
    file, changes = lowered(UNSIGNED, (5,))
    assert rendered(file).text.splitlines() == [
        "# B?ro",
        "SERVER licsrv 0800200005ac 7260",
        "DAEMON genesys.d /opt/g",
        "USE_SERVER",
        "FEATURE f1 genesys.d 8.0 1-jan-0 10 ISSUED=24-nov-2026",
        "FEATURE f2 genesys.d 8.0 1-dec-2030 0 HOSTID=ANY",
        'PACKAGE p genesys.d 8.0 COMPONENTS="f1 f2"',
    ]
    assert len(changes) == 5
    # What the words mean has not changed.
    meant = [(line.seats, line.expires) for _, line in file.signable() if isinstance(line, Feature)]
    assert meant == [(line.seats, line.expires) for _, line in UNSIGNED.signable() if isinstance(line, Feature)]


def test_a_new_release_needs_no_change() -> None:
    assert lowered(UNSIGNED, (8,)) == (UNSIGNED, ())
    assert lowered(LicenseFile((*HEAD, SIGNED)), (7, 1)) == (LicenseFile((*HEAD, SIGNED)), ())
    assert lowered(LicenseFile((*HEAD, SIGNED)), (11, 14)) == (LicenseFile((*HEAD, SIGNED)), ())


@pytest.mark.parametrize(
    ("line", "release", "why"),
    [
        (SIGNED, (7, 0), "signed with SIGN="),
        (msgspec.structs.replace(PLAIN, key="8F796FD181BC"), (5,), "permanent"),
        (msgspec.structs.replace(PLAIN, expiry="1-jan-0", count="uncounted", attributes=(("V71_SIGN", "AB"),)), (5,), "uncounted"),
        (msgspec.structs.replace(PLAIN, attributes=(("AUTH", "{a}"),)), (5,), "permanent"),
        (msgspec.structs.replace(PLAIN, attributes=(("NOTICE", "Büro"),)), (7, 9), "beyond ASCII"),
        (Vendor("genesys.d", "/opt/büro"), (7, 9), "beyond ASCII"),
    ],
)
def test_what_is_signed_is_refused_rather_than_changed(line: Feature, release: tuple[int, ...], why: str) -> None:
    with pytest.raises(InputError, match=why):
        lowered(LicenseFile((line,)), release)


@given(license_files, st.sampled_from([(4,), (6, 5), (7, 5), (9,)]))
@example(LicenseFile((Feature("f", "v", "8.0", "permanent", "1", "", (("ISSUER", "SIGN"),)),)), (4,))
def test_lowering_never_touches_what_is_signed(file: LicenseFile, release: tuple[int, ...]) -> None:
    try:
        lower, _ = lowered(file, release)
    except InputError:
        return
    assert lower.hostids == file.hostids
    for (_, before), (_, after) in zip(file.signable(), lower.signable(), strict=True):
        signed = before.key or any(name.upper().startswith(("SIGN", "AUTH")) for name, _ in before.attributes)
        assert before == after or not signed


def test_a_conversion_that_went_wrong_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "encode", lambda line: encode(msgspec.structs.replace(line, count="11")))
    with pytest.raises(SeatkeeperError, match="does not read as"):
        rendered(LicenseFile((SIGNED,)), decimal=True)
