"""A vendor's key may live in a PKCS #11 token, where it was made, which signs with it and never gives it away.

A key in a token is named by a URI (RFC 7512):

    pkcs11:token=desk;object=issuer-1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/root/desk.pin

`token` (or `serial`) names the token, `object` (or `id`) the key; `module-path` is the token maker's library. The PIN comes from
`pin-source`: a file, `fd:N`, or `prompt`, which is also what holds where none is given. `pin-value` is refused: a URI stands in process
lists, shell histories and configuration files, and a PIN must not.

`TokenKey` is an `Ed25519PrivateKey` of the cryptography library, so whatever signs with a key from a file signs with one from a token,
certificates included; only what would take the private half out raises. Keys are made inside, sensitive and not extractable.

A process logs in to a token once, for all its keys: that is how PKCS #11 counts logins. The engine (python-pkcs11, in the extra `desk`)
is imported when a token is first used.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote, unquote_to_bytes

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from seatkeeper.adapters.secretsource import read_secret
from seatkeeper.base.errors import InputError
from seatkeeper.licfile.trust import KEY_BYTES, key_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = [
    "TOKEN_SCHEME",
    "TOKEN_URI_CHARS_MAX",
    "TokenKey",
    "TokenUri",
    "is_token",
    "make_token_key",
    "open_token_key",
    "parse_uri",
    "with_label",
]

TOKEN_SCHEME: Final = "pkcs11:"
TOKEN_URI_CHARS_MAX: Final = 2048

#: DER of the object identifier 1.3.101.112, Ed25519 (RFC 8410).
_ED25519: Final = bytes.fromhex("06032b6570")
_SIGNATURE_BYTES: Final = 64
_PATH_NAMES: Final = ("token", "serial", "manufacturer", "model", "object", "id", "type")
_QUERY_NAMES: Final = ("module-path", "pin-source")


class TokenUri(msgspec.Struct, frozen=True):
    """Where a key is: the parts of its URI that are understood.

    Attributes:
        text: The URI as it was given.
        module: The token maker's library.
        token: The token's label; empty where it is not given.
        serial: Its serial number.
        manufacturer: Its maker.
        model: Its model.
        object: The key's label.
        id: The key's id.
        pin_source: Where the PIN is read.
    """

    text: str
    module: str
    token: str = ""
    serial: str = ""
    manufacturer: str = ""
    model: str = ""
    object: str = ""
    id: bytes = b""
    pin_source: str = "prompt"

    @property
    def where(self) -> str:
        """How a sentence names the token."""
        return f"the token {self.token!r}" if self.token else f"the token with serial number {self.serial}"


class TokenKey(Ed25519PrivateKey):
    """A private key that a token holds; it signs like any other, and cannot be taken out."""

    def __init__(self, uri: TokenUri, private: Any, public: bytes, lock: AbstractContextManager[Any]) -> None:
        self.uri = uri
        self._private = private
        self._public = Ed25519PublicKey.from_public_bytes(public)
        # A session does one thing at a time.
        self._lock = lock

    def public_key(self) -> Ed25519PublicKey:
        """The public half."""
        return self._public

    def sign(self, data: Any) -> bytes:
        """The signature that the token makes."""
        import pkcs11

        with self._lock:
            try:
                made = bytes(self._private.sign(bytes(data), mechanism=pkcs11.Mechanism.EDDSA))
            except pkcs11.PKCS11Error as error:
                _explain(self.uri, error)
        if len(made) != _SIGNATURE_BYTES:
            raise InputError("The token's signature is not one of Ed25519.", file=self.uri.text)
        return made

    def destroy(self) -> None:
        """Take the key out of the world, where what it was made for came to nothing."""
        import pkcs11

        with self._lock:
            session = self._private.session
            for kind in (pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.ObjectClass.PUBLIC_KEY):
                for each in list(session.get_objects(_template(self.uri, kind))):
                    each.destroy()

    def private_bytes(self, *_: Any, **__: Any) -> bytes:
        """Raises: the token does not give it away."""
        raise self._kept()

    def private_bytes_raw(self) -> bytes:
        """Raises: the token does not give it away."""
        raise self._kept()

    def __copy__(self) -> TokenKey:
        return self

    def __deepcopy__(self, _: Any) -> TokenKey:
        return self

    def _kept(self) -> InputError:
        return InputError("A key in a token cannot be taken out of it.", file=self.uri.text)


def is_token(where: str) -> bool:
    """True for what names a key in a token rather than a file."""
    return where.startswith(TOKEN_SCHEME)


def parse_uri(text: str) -> TokenUri:
    """What a PKCS #11 URI says.

    Raises:
        InputError: It is none, says what is not understood, or does not name library, token and key. A `pin-value` is not repeated.
    """
    if not is_token(text) or len(text) > TOKEN_URI_CHARS_MAX or not text.isprintable() or " " in text:
        expected = f"{TOKEN_SCHEME}token=NAME;object=KEY?module-path=LIBRARY&pin-source=FILE, with blanks as %20"
        raise InputError("This does not name a key in a token.", file="token", expected=expected)
    path, _, query = text.removeprefix(TOKEN_SCHEME).partition("?")
    parts = [*_parts(path, ";", _PATH_NAMES), *_parts(query, "&", _QUERY_NAMES)]
    values = dict(parts)
    if len(values) != len(parts):
        raise InputError("The URI of the token says something twice.", file="token", remedy="Name each attribute once.")
    if values.pop("type", b"private") != b"private":
        raise InputError("The URI of the token names something else than a private key.", file="token", expected="type=private")
    module, source = values.pop("module-path", b""), values.pop("pin-source", b"")
    try:
        words = {name: value.decode() for name, value in values.items() if name != "id"}
        uri = TokenUri(text, module.decode(), id=values.get("id", b""), pin_source=_pin_source(source.decode()), **words)
    except UnicodeDecodeError:
        raise InputError("The URI of the token is not UTF-8.", file="token") from None
    for missing, what in (
        (not uri.module, "module-path, the library of the token's maker"),
        (not (uri.token or uri.serial), "token or serial"),
        (not (uri.object or uri.id), "object or id, the key's label or id"),
    ):
        if missing:
            raise InputError(f"The URI of the token does not say {what}.", file="token", remedy="See docs/keys.md for an example.")
    return uri


def with_label(text: str, label: str) -> str:
    """The URI of another key in the same token."""
    parse_uri(text)
    path, question, query = text.removeprefix(TOKEN_SCHEME).partition("?")
    parts = [part for part in path.split(";") if not part.startswith(("object=", "id="))]
    return f"{TOKEN_SCHEME}{';'.join([*parts, f'object={quote(label)}'])}{question}{query}"


def open_token_key(text: str) -> TokenKey:
    """The key that a URI names.

    Raises:
        InputError: Library, token or key is missing, or the PIN is wrong or locked; the PIN stands in no message.
    """
    uri = parse_uri(text)
    session, lock = _session_of(uri, write=False)
    with lock:
        private, public = _find_pair(session, uri)
    return TokenKey(uri, private, public, lock)


def make_token_key(text: str) -> TokenKey:
    """A key made inside the token, sensitive and not extractable, under the label and id of a URI that named none before.

    Raises:
        InputError: As for `open_token_key`, or there is such a key already, or the token makes no Ed25519 keys.
    """
    uri = parse_uri(text)
    if not uri.object:
        raise InputError("A new key in a token needs a label.", file=text, expected="object=LABEL in the URI")
    session, lock = _session_of(uri, write=True)
    import pkcs11

    with lock:
        try:
            if any(True for kind in _kinds() for _ in session.get_objects(_template(uri, kind))):
                remedy = "Keys are never overwritten: choose another label (object=)."
                raise InputError(f"There is a key {uri.object!r} in {uri.where} already.", file=text, remedy=remedy)
            made = session.create_domain_parameters(
                pkcs11.KeyType.EC_EDWARDS, {pkcs11.Attribute.EC_PARAMS: _ED25519}, local=True
            ).generate_keypair(
                mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                store=True,
                label=uri.object,
                id=uri.id or None,
                private_template={
                    pkcs11.Attribute.SENSITIVE: True,
                    pkcs11.Attribute.EXTRACTABLE: False,
                    pkcs11.Attribute.PRIVATE: True,
                    pkcs11.Attribute.SIGN: True,
                },
            )
            public, private = made
            point = _point(bytes(public[pkcs11.Attribute.EC_POINT]), uri)
            if private[pkcs11.Attribute.EXTRACTABLE] or not private[pkcs11.Attribute.SENSITIVE]:
                public.destroy()
                private.destroy()
                raise InputError("The token would give this key away.", file=text, remedy="Use a token that can keep it.")
            if not uri.id:
                # Other tools match the halves of a key by it, and people its name in the trust file.
                for half in (public, private):
                    half[pkcs11.Attribute.ID] = bytes.fromhex(key_id(point))
        except pkcs11.PKCS11Error as error:
            _explain(uri, error)
    return TokenKey(uri, private, point, lock)


def _parts(text: str, separator: str, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if name == "pin-value":
            remedy = "Write it into a file that only you can read, and name that with pin-source=FILE."
            raise InputError("A PIN does not belong into a URI, which others can see.", file="token", remedy=remedy)
        if name not in names or not equals:
            expected = ", ".join((*_PATH_NAMES, *_QUERY_NAMES))
            raise InputError("The URI of the token has an attribute that is not understood.", file="token", found=name, expected=expected)
        yield name, unquote_to_bytes(value)


def _pin_source(given: str) -> str:
    if not given:
        return "prompt"
    if given == "prompt" or given.startswith("fd:"):
        return given
    # RFC 7512 shows file:/path and plain paths.
    return f"file:{given.removeprefix('file://').removeprefix('file:')}"


#: Library and serial number of a token -> the session that this process has with it, and what keeps its users apart.
_sessions: dict[tuple[str, bytes], tuple[Any, threading.RLock]] = {}
_opening: Final = threading.Lock()


def _session_of(uri: TokenUri, *, write: bool) -> tuple[Any, threading.RLock]:
    """The session of this process with the token, logged in; made where there is none that may write."""
    try:
        import pkcs11
    except ImportError:
        raise InputError("Keys in tokens need another package.", file=uri.text, remedy="Install seatkeeper[desk].") from None

    with _opening:
        token = _find_token(uri)
        known = (uri.module, bytes(token.serial))
        if known in _sessions:
            return _sessions[known]
        pin = read_secret(uri.pin_source, uri.where, name="pin-source", word="PIN")
        try:
            # Opened for writing wherever the token allows it, since it is the process's only one.
            try:
                session = token.open(rw=True, user_pin=pin.decode())
            except pkcs11.exceptions.TokenWriteProtected:
                if write:
                    raise
                session = token.open(user_pin=pin.decode())
        except UnicodeDecodeError:
            raise InputError(f"The PIN of {uri.where} is not UTF-8.", file="pin-source") from None
        except pkcs11.PKCS11Error as error:
            _explain(uri, error)
        return _sessions.setdefault(known, (session, threading.RLock()))


def _find_token(uri: TokenUri) -> Any:
    import pkcs11

    try:
        library = pkcs11.lib(uri.module)
    except (RuntimeError, OSError) as error:
        if isinstance(error, pkcs11.PKCS11Error) and type(error) is not pkcs11.PKCS11Error:
            _explain(uri, error)
        remedy = "Install the token maker's PKCS #11 library, and name it with module-path."
        raise InputError("The library of the token cannot be loaded.", file=uri.text, found=uri.module, remedy=remedy) from None
    wanted: dict[str, str] = {name: value for name in ("manufacturer", "model") if (value := getattr(uri, name))}
    try:
        found = []
        for reader in library.get_slots(token_present=True):
            try:
                token = reader.get_token()
            except pkcs11.PKCS11Error:
                continue  # An empty place, or one that another library holds.
            named = {"manufacturer": token.manufacturer_id, "model": token.model}
            if (
                (not uri.token or token.label == uri.token)
                and (not uri.serial or bytes(token.serial).decode("ascii", "replace").strip() == uri.serial)
                and all(str(named[name]).strip() == value for name, value in wanted.items())
            ):
                found.append(token)
    except pkcs11.PKCS11Error as error:
        _explain(uri, error)
    if len(found) != 1:
        many = f"{len(found)} tokens answer to that: name its serial number (serial=)." if found else "Put it in, or correct the URI."
        raise InputError(f"There is {'more than one' if found else 'no'} such token: {uri.where}.", file=uri.text, remedy=many)
    return found[0]


def _find_pair(session: Any, uri: TokenUri) -> tuple[Any, bytes]:
    import pkcs11

    try:
        pairs = [list(session.get_objects(_template(uri, kind))) for kind in _kinds()]
        for kind, found in zip(("private", "public"), pairs, strict=True):
            if len(found) != 1:
                many = f"holds {len(found)} {kind} keys that are called" if found else f"holds no {kind} Ed25519 key"
                problem = f"{uri.where[0].upper()}{uri.where[1:]} {many} {uri.object or uri.id.hex()!r}."
                remedy = "Name one by its id (id=)." if found else "Correct the URI, or bring the token that has it."
                raise InputError(problem, file=uri.text, remedy=remedy)
        (private,), (public,) = pairs
        return private, _point(bytes(public[pkcs11.Attribute.EC_POINT]), uri)
    except pkcs11.PKCS11Error as error:
        _explain(uri, error)


def _kinds() -> tuple[Any, Any]:
    import pkcs11

    return pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.ObjectClass.PUBLIC_KEY


def _template(uri: TokenUri, kind: Any) -> dict[Any, Any]:
    import pkcs11

    wanted: dict[Any, Any] = {pkcs11.Attribute.CLASS: kind, pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.EC_EDWARDS}
    if uri.object:
        wanted[pkcs11.Attribute.LABEL] = uri.object
    if uri.id:
        wanted[pkcs11.Attribute.ID] = uri.id
    return wanted


def _point(value: bytes, uri: TokenUri) -> bytes:
    """The raw public key: PKCS #11 gives it as an octet string (2.40), some libraries bare."""
    raw = value[2:] if len(value) == KEY_BYTES + 2 and value.startswith(b"\x04\x20") else value
    if len(raw) != KEY_BYTES:
        raise InputError("The key in the token is not an Ed25519 key.", file=uri.text)
    return raw


def _explain(uri: TokenUri, error: Exception) -> NoReturn:
    """Raises what a library's refusal means, in a sentence."""
    name = type(error).__name__
    whole = {
        "PinIncorrect": (
            f"The PIN of {uri.where} is wrong.",
            "Look before you try again: after a few wrong ones a token locks itself.",
        ),
        "PinLocked": (f"The PIN of {uri.where} is locked after too many wrong ones.", "Its security officer can set a new one."),
        "PinExpired": (f"The PIN of {uri.where} has expired.", "Set a new one with the tool of the token's maker."),
        "PinLenRange": (f"The PIN of {uri.where} is wrong: it is too short or too long.", "Correct what pin-source names."),
        "PinInvalid": (f"The PIN of {uri.where} is wrong: it has characters that no PIN has.", "Correct what pin-source names."),
        "UserPinNotInitialized": (f"Nobody has set a PIN for {uri.where}.", "Set one with the tool of the token's maker."),
        "TokenWriteProtected": (f"{uri.where[0].upper()}{uri.where[1:]} is write-protected.", "No key can be made in it."),
        "MechanismInvalid": (f"{uri.where[0].upper()}{uri.where[1:]} cannot sign with Ed25519 (EdDSA).", "Use one that can."),
    }
    gone = ("DeviceRemoved", "TokenNotPresent", "TokenNotRecognised", "SessionHandleInvalid", "SessionClosed", "DeviceError")
    if name in gone:
        _sessions.clear()
        raise InputError(f"{uri.where[0].upper()}{uri.where[1:]} is no longer there.", file=uri.text, remedy="Put it in and begin again.")
    sentence, remedy = whole.get(name, (f"{uri.where[0].upper()}{uri.where[1:]} refuses: {name}.", "See the token maker's manual."))
    raise InputError(sentence, file=uri.text, remedy=remedy) from None
