from __future__ import annotations

import copy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from seatkeeper.adapters import tokens as store
from seatkeeper.adapters.tokens import make_token_key, open_token_key, parse_uri, with_label
from seatkeeper.base.errors import InputError
from support.softhsm import MODULE, PIN, Tokens, needs_softhsm


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    return Tokens(tmp_path, monkeypatch)


# URIs.


def test_a_uri_is_read_as_rfc_7512_has_it() -> None:
    uri = parse_uri("pkcs11:token=the%20desk;object=issuer-1;id=%01%ff;type=private?module-path=/lib/x.so&pin-source=file:/root/pin")
    assert (uri.token, uri.object, uri.id, uri.module, uri.pin_source) == (
        "the desk",
        "issuer-1",
        b"\x01\xff",
        "/lib/x.so",
        "file:/root/pin",
    )
    assert parse_uri("pkcs11:serial=12;object=a?module-path=x").pin_source == "prompt"
    assert parse_uri("pkcs11:token=a;object=a?module-path=x&pin-source=fd:5").pin_source == "fd:5"
    assert parse_uri("pkcs11:token=a;object=a?module-path=x&pin-source=/p").pin_source == "file:/p"
    assert parse_uri(with_label(uri.text, "a b")).object == "a b"
    assert parse_uri(with_label(uri.text, "a b")).id == b""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pkcs11:", "module-path"),
        ("pkcs11:object=a?module-path=x", "token or serial"),
        ("pkcs11:token=a?module-path=x", "object or id"),
        ("pkcs11:token=a;object=b", "module-path"),
        ("pkcs11:token=a;token=b;object=c?module-path=x", "twice"),
        ("pkcs11:token=a;colour=b?module-path=x", "not understood"),
        ("pkcs11:token=a;object=b;type=public?module-path=x", "private key"),
        ("pkcs11:token=%ff;object=b?module-path=x", "UTF-8"),
        ("pkcs11:token=a b;object=b?module-path=x", "does not name a key"),
        ("file:/x", "does not name a key"),
    ],
)
def test_a_uri_that_does_not_do_says_why(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_uri(text)


@pytest.mark.parametrize("text", ["pkcs11:token=a;object=b?module-path=x&pin-value=602413", "pkcs11:token=a;pin-value=602413"])
def test_a_pin_in_a_uri_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError, match="does not belong") as error:
        parse_uri(text)
    assert PIN not in str(error.value)


# A real token.


@needs_softhsm
def test_a_key_is_made_inside_signs_and_stays_inside(tokens: Tokens) -> None:
    made = make_token_key(tokens.uri("issuer-1"))
    made.public_key().verify(made.sign(b"text"), b"text")
    opened = open_token_key(tokens.uri("issuer-1"))
    assert opened.public_key() == made.public_key()
    assert opened.sign(b"text") == made.sign(b"text")  # Ed25519 draws nothing; files can be made again.
    private = opened._private
    assert (private[pkcs11.Attribute.SENSITIVE], private[pkcs11.Attribute.EXTRACTABLE]) == (True, False)
    with pytest.raises(pkcs11.exceptions.AttributeSensitive):
        private[pkcs11.Attribute.VALUE]
    for take in (made.private_bytes_raw, lambda: made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        with pytest.raises(InputError, match="cannot be taken out"):
            take()
    assert copy.copy(made) is copy.deepcopy(made) is made


@needs_softhsm
def test_a_key_is_found_by_the_id_that_its_name_in_the_trust_file_gives(tokens: Tokens) -> None:
    from seatkeeper.licfile.trust import key_id

    made = make_token_key(tokens.uri("issuer-1"))
    digits = key_id(made.public_key().public_bytes_raw())
    uri = (
        f"pkcs11:token=desk;id={''.join(f'%{digits[at : at + 2]}' for at in range(0, 16, 2))}?module-path={MODULE}&pin-source={tokens.pin}"
    )
    assert open_token_key(uri).public_key() == made.public_key()


@needs_softhsm
def test_keys_are_never_overwritten_and_can_be_destroyed(tokens: Tokens) -> None:
    made = make_token_key(tokens.uri("a"))
    with pytest.raises(InputError, match="already"):
        make_token_key(tokens.uri("a"))
    made.destroy()
    with pytest.raises(InputError, match="holds no private Ed25519 key 'a'"):
        open_token_key(tokens.uri("a"))
    assert make_token_key(tokens.uri("a")).public_key() != made.public_key()


@needs_softhsm
def test_many_threads_sign_with_one_key(tokens: Tokens) -> None:
    key = make_token_key(tokens.uri("a"))
    texts = [str(number).encode() for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        signed = list(pool.map(key.sign, texts))
    for text, signature in zip(texts, signed, strict=True):
        key.public_key().verify(signature, text)


@needs_softhsm
def test_what_is_wrong_with_a_token_is_said_in_a_sentence(tokens: Tokens, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pin"
    wrong.write_text("999999")
    strange = tmp_path / "not-a-library.so"
    strange.write_text("no")
    cases = [
        (tokens.uri("a", token="safe"), "There is no such token: the token 'safe'"),
        (tokens.uri("a", pin=wrong), "The PIN of the token 'desk' is wrong"),
        (tokens.uri("a", pin=tmp_path / "none"), "cannot be read"),
        (tokens.uri("nobody"), "holds no private Ed25519 key 'nobody'"),
        (tokens.uri("a").replace(MODULE, str(tmp_path / "missing.so")), "library of the token cannot be loaded"),
        (tokens.uri("a").replace(MODULE, str(strange)), "library of the token cannot be loaded"),
    ]
    for uri, told in cases:
        tokens.look_again()
        with pytest.raises(InputError) as error:
            open_token_key(uri)
        assert told in str(error.value)
        assert not any(secret in str(error.value) for secret in (PIN, "999999"))
    wrong.write_text("1")  # Too short to be one.
    tokens.look_again()
    with pytest.raises(InputError, match="PIN of the token 'desk' is wrong"):
        open_token_key(tokens.uri("a", pin=wrong))


@needs_softhsm
def test_two_tokens_of_one_name_are_told_apart_by_serial_number(tokens: Tokens) -> None:
    tokens.add("twin")
    tokens.add("twin")
    with pytest.raises(InputError, match="2 tokens answer"):
        make_token_key(tokens.uri("a", token="twin"))
    serials = [bytes(each.serial).decode() for each in pkcs11.lib(MODULE).get_tokens(token_label="twin")]
    for serial in serials:
        assert make_token_key(tokens.uri("a", token="twin").replace("token=twin", f"serial={serial}"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (pkcs11.exceptions.PinLocked, "is locked after too many wrong ones"),
        (pkcs11.exceptions.PinExpired, "has expired"),
        (pkcs11.exceptions.UserPinNotInitialized, "Nobody has set a PIN"),
        (pkcs11.exceptions.TokenWriteProtected, "write-protected"),
        (pkcs11.exceptions.MechanismInvalid, "cannot sign with Ed25519"),
        (pkcs11.exceptions.DeviceRemoved, "no longer there"),
        (pkcs11.exceptions.GeneralError, "refuses: GeneralError"),
    ],
)
def test_refusals_that_soft_tokens_do_not_know(error: type[Exception], told: str) -> None:
    """SoftHSM never locks a PIN and is never pulled out; the sentences are proved by the library's own errors."""
    with pytest.raises(InputError, match=told):
        store._explain(parse_uri("pkcs11:token=desk;object=a?module-path=x"), error())


@needs_softhsm
def test_a_pin_is_in_no_process_list(tokens: Tokens, tmp_path: Path) -> None:
    make_token_key(tokens.uri("a"))
    code = (
        "import sys; from pathlib import Path; from seatkeeper.adapters.tokens import open_token_key\n"
        "key = open_token_key(sys.argv[1]); key.public_key().verify(key.sign(b'x'), b'x')\n"
        "sys.stdout.buffer.write(Path('/proc/self/cmdline').read_bytes() + Path('/proc/self/environ').read_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", code, tokens.uri("a")], capture_output=True, check=True, timeout=60)
    assert str(tokens.pin).encode() in done.stdout
    assert PIN.encode() not in done.stdout


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    for use in (open_token_key, make_token_key):
        with pytest.raises(InputError, match=r"Install seatkeeper\[desk\]"):
            use("pkcs11:token=desk;object=a?module-path=x")
