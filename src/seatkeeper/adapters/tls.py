"""TLS as this project speaks it: version 1.3, the server's certificate from its credential, and nothing ever falls back to plain text.

Who the server is, is not decided here: its certificate leads to the vendor's root, not to the authorities of the web, and the client
asks for a proof that names this very certificate (`licfile.trust.check_server`). What ties the two together is the *binding*, the
SHA-256 of the server's certificate as the TLS connection showed it.

A client's side of TLS is bytes to bytes (`ClientTls`): the same object serves a blocking socket and an event loop, and it sees
what comes before TLS stands, so that a refusal in plain text can be read as what it is.
"""

from __future__ import annotations

import contextlib
import ssl
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["ClientTls", "PlainText", "binding_of", "client_context", "digest_of", "peer_digest", "server_context"]

_READ_BYTES: Final = 65536
#: The first byte of what a TLS server can answer to a hello: an alert, or its own hello.
_TLS_FIRST: Final = (0x15, 0x16)


class PlainText(Exception):
    """The other side answered in plain text; `data` is what it has sent."""

    def __init__(self, data: bytes) -> None:
        super().__init__("the other side does not speak TLS")
        self.data = data


def server_context(credential: Path, clients: Sequence[str] = ()) -> ssl.SSLContext:
    """How a server speaks TLS with its credential; it knows clients by the certificates `clients` (PEM), and others not at all.

    Raises:
        OSError: The credential cannot be read or used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(credential)
    # Sessions are not taken up again: each connection shows anew who it is, and a ticket costs two writes.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if clients:
        # Each certificate is itself an anchor: known are these very ones, and no others that their makers made.
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        for client in clients:
            # One that is no certificate must not take TLS from all the others.
            with contextlib.suppress(ssl.SSLError):
                context.load_verify_locations(cadata=client)
    return context


def client_context(certificate: Path | None = None) -> ssl.SSLContext:
    """How a client speaks TLS; with a certificate (and its key in the same file) it shows who it is.

    Raises:
        OSError: The certificate cannot be read or used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Names and authorities of the web say nothing here: see above.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def digest_of(certificate: str) -> str:
    """The SHA-256, in hex, of a certificate given as PEM.

    Raises:
        ValueError: It is no certificate.
    """
    # Decoding alone passes over what is no base64.
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificate)
    except (ssl.SSLError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from None
    return sha256(ssl.PEM_cert_to_DER_cert(certificate.strip())).hexdigest()


def binding_of(chain: bytes) -> bytes:
    """What ties a proof to a TLS connection of a server whose certificate is the first of `chain` (PEM)."""
    end = b"-----END CERTIFICATE-----"
    first = chain[: chain.index(end) + len(end)].decode("ascii")
    return bytes.fromhex(digest_of(first[first.index("-----BEGIN CERTIFICATE-----") :]))


def peer_digest(connection: object) -> str:
    """The SHA-256, in hex, of the certificate that the other side has shown and proved to hold; empty where it has shown none."""
    shown = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLObject | ssl.SSLSocket) else None
    return sha256(shown).hexdigest() if shown else ""


class ClientTls:
    """The client's end of a TLS connection, bytes to bytes.

    Attributes:
        binding: Of the server's certificate, once TLS stands; empty until then.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing)
        self._began = False
        self.binding = b""

    def start(self) -> bytes:
        """What to send first."""
        self._shake()
        return self._outgoing.read()

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """What came: the plain bytes in it, and what to send in turn.

        Raises:
            PlainText: The other side does not speak TLS.
            ssl.SSLError: It does, and there is something wrong; ssl.SSLZeroReturnError where it has ended the connection.
        """
        if not self._began and data:
            self._began = True
            if data[0] not in _TLS_FIRST:
                raise PlainText(data)
        self._incoming.write(data)
        found = b""
        if self.binding or self._shake():
            pieces = []
            try:
                while piece := self._object.read(_READ_BYTES):
                    pieces.append(piece)
            except ssl.SSLWantReadError:
                pass
            else:
                # An empty piece is the other side's goodbye.
                if not pieces:
                    raise ssl.SSLZeroReturnError(ssl.SSL_ERROR_ZERO_RETURN, "the other side has ended the TLS connection")
            found = b"".join(pieces)
        return found, self._outgoing.read()

    def send(self, data: bytes) -> bytes:
        """What to send for these plain bytes."""
        self._object.write(data)
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """What to send before the connection is closed."""
        try:
            self._object.unwrap()
        except ssl.SSLError:
            pass
        return self._outgoing.read()

    def _shake(self) -> bool:
        """True once TLS stands."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        shown = self._object.getpeercert(binary_form=True)
        if not shown:
            raise ssl.SSLError("the server has shown no certificate")
        self.binding = sha256(shown).digest()
        return True
