"""access: what the environment says about TLS, tokens and roots, and that it says it wrongly in a sentence."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters.keys import init_vendor
from seatkeeper.base.errors import InputError
from seatkeeper.sdk import access as access_module
from seatkeeper.sdk.access import (
    Access,
    goes_plain,
    is_own_machine,
    learn_root,
    note_license_file,
    note_unproven,
    plain_setting,
    read_access,
    take_unproven,
)


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_license_files", "_vendors", "_unproven"):
        monkeypatch.setattr(access_module, name, {})


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("fe80::1%eth0", False),
        ("not-an-address", False),
    ],
)
def test_only_loopback_goes_plain_unless_it_is_said(host: str, plain: bool) -> None:
    assert goes_plain(None, host) is plain
    assert goes_plain(True, host)
    assert not goes_plain(False, host)


def test_this_machine_is_one_address_or_loopback() -> None:
    assert is_own_machine("192.0.2.1", "192.0.2.1")
    assert is_own_machine("127.0.0.1", "127.0.0.1")
    assert not is_own_machine("192.0.2.1", "192.0.2.2")


@pytest.mark.parametrize(("value", "plain"), [("", None), ("0", False), ("1", True)])
def test_the_setting_for_plain_text(value: str, plain: bool | None) -> None:
    assert plain_setting({"SEATKEEPER_PLAIN": value}) is plain


def test_another_setting_for_plain_text_is_an_error() -> None:
    with pytest.raises(InputError, match="SEATKEEPER_PLAIN"):
        plain_setting({"SEATKEEPER_PLAIN": "yes"})


def test_nothing_is_said_by_an_empty_environment() -> None:
    assert read_access({}) == Access()
    assert not Access().as_somebody


def test_a_token_comes_from_a_file_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("seatkeeper-abc\n")
    path.chmod(0o600)
    found = read_access({"SEATKEEPER_TOKEN_FILE": str(path), "SEATKEEPER_CERTIFICATE": "me.pem"})
    assert (found.token, found.certificate, found.as_somebody) == ("seatkeeper-abc", Path("me.pem"), True)
    path.chmod(0o644)
    with pytest.raises(InputError, match="0600"):
        read_access({"SEATKEEPER_TOKEN_FILE": str(path)})


@pytest.mark.parametrize("text", ["", "two words", "x" * 300])
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InputError, match="does not hold") as caught:
        read_access({"SEATKEEPER_TOKEN_FILE": str(path)})
    assert not text or text not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_access({"SEATKEEPER_TOKEN_FILE": str(tmp_path / "gone")})


def test_a_license_file_brings_its_root_and_its_machine(tmp_path: Path) -> None:
    roots = []
    for name in ("a", "b"):
        trust = init_vendor(tmp_path / name / "keys", "d", today=date.today())
        (tmp_path / name / "d.trust").write_bytes((tmp_path / name / "keys" / "d.trust").read_bytes())
        roots.append(bytes.fromhex(trust.root))
    note_license_file(tmp_path / "a" / "license.dat", ("aa",))
    assert read_access({}) == Access(beside=(("d", roots[0]),), hostids=("aa",))
    assert read_access({"SEATKEEPER_ROOT": roots[1].hex()}).roots_of("d") == (roots[1],)
    # Of two roots of one vendor neither is believed for the other, and of two machines neither is.
    note_license_file(tmp_path / "b" / "license.dat", ("bb",))
    assert read_access({}) == Access()


def test_a_root_is_good_for_its_own_vendor_only() -> None:
    one, two, pinned = bytes(31) + b"1", bytes(31) + b"2", bytes(31) + b"3"
    beside = Access(beside=(("a.d", one), ("b.d", two)))
    assert beside.roots_of("A.d") == (one,)
    assert beside.roots_of("b.d") == (two,)
    assert beside.roots_of("c.d") == ()
    # lmgrd serves them all.
    assert beside.roots_of("") == (one, two)
    assert beside.knows_roots
    assert not Access().knows_roots
    # A pinned root comes first until it is known whose it is: by its trust file, or by a server's proof.
    both = Access(root=pinned, beside=beside.beside)
    assert [both.roots_of(vendor) for vendor in ("", "a.d", "c.d")] == [(pinned,)] * 3
    learn_root(pinned, "a.d")
    assert [both.roots_of(vendor) for vendor in ("", "A.D", "b.d", "c.d")] == [(pinned,), (pinned,), (two,), ()]
    known = Access(root=one, beside=beside.beside)
    assert [known.roots_of(vendor) for vendor in ("", "a.d", "b.d", "c.d")] == [(one,), (one,), (two,), ()]


def test_whom_nobody_knows_is_noted_once() -> None:
    for vendor in ("b.d", "a.d", "b.d"):
        note_unproven(vendor)
    assert take_unproven() == ("b.d", "a.d")
    assert take_unproven() == ()


def test_a_trust_file_that_is_none_brings_nothing(tmp_path: Path) -> None:
    (tmp_path / "d.trust").write_text("nonsense")
    note_license_file(tmp_path / "license.dat", ())
    assert read_access({}) == Access()
