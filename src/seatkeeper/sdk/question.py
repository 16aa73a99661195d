"""One question's connection: plain, TLS or a Unix socket, with the server's proof before anything secret is said, and no way back to plain.

Where TLS is spoken and the vendor's root is known, the server has to prove first that it holds a key which this root vouches for, and
that the certificate of this very connection is its own (AskIdentity). A stranger in between has another certificate, and no proof for
it. Without a root the connection is encrypted all the same, against listeners; a token is then not sent. A server that takes no plain text
from this machine either is asked again with TLS, unless SEATKEEPER_PLAIN wants plain text.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING, Final, NoReturn

from msgspec.structs import replace

from seatkeeper.adapters import clock
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.sdk.access import TOKEN_VARIABLE, Access, goes_plain, is_own_machine, learn_root, note_unproven
from seatkeeper.wire.framing import WireError, encode_preface, frame, server_frames
from seatkeeper.wire.messages import (
    NONCE_BYTES,
    AskIdentity,
    AskServer,
    Authenticate,
    Done,
    Identity,
    Lines,
    PoolStatus,
    Refused,
    ServerStatus,
)

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from seatkeeper.adapters.tls import ClientTls
    from seatkeeper.wire.messages import ClientMessage, ServerMessage

__all__ = ["ANSWER_BYTES_MAX", "Question", "ask_unix"]

#: About a million holders.
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024
_READ_BYTES: Final = 65536
_REQUEST: Final = 1

# The second numbers; those that FlexNet's tools print are kept, 611 and above are ours (docs/protocol.md).
_MINOR_CONNECT: Final = 570
_MINOR_NAME: Final = 7
_MINOR_READ: Final = 287
_MINOR_FOREIGN: Final = 611
_MINOR_REFUSED: Final = 612
_MINOR_TRUST: Final = 614


class Question:
    """A connection for one question.

    Args:
        host: The server.
        port: Its port.
        vendor: Whom the question is for: a vendor daemon, or (empty) lmgrd.
        access: How to reach it, and as whom.
        nameless: The question may go without the token to a vendor whose root is not known, where other vendors' roots are.
        timeout: How long connecting may take, and each piece of an answer.
        connection: A connection that stands already, a Unix socket's.

    Raises:
        LicenseError: The server cannot be reached (-15, -16, -96), does not speak the protocol (-12), or does not prove what it is (-33).
    """

    def __init__(
        self,
        host: str,
        port: int,
        vendor: str,
        access: Access,
        timeout: float,
        *,
        nameless: bool = False,
        connection: socket.socket | None = None,
    ) -> None:
        self._place = f"{host}, port {port}," if connection is None else host
        self._whom = host, port, vendor, nameless
        self._access = access
        self._timeout = timeout
        self._reader = server_frames()
        self._unread: list[ServerMessage] = []
        self._total = 0
        self._tls: ClientTls | None = None
        self._may_be_secured = False
        self._connection = _connect(host, port, timeout) if connection is None else connection
        try:
            self._open(vendor, unix=connection is not None, nameless=nameless)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    @property
    def server_account(self) -> int | None:
        """The account of this machine that has accepted the TCP connection; None where the kernel does not tell."""
        from seatkeeper.adapters.peers import server_account

        return server_account(self._connection)

    @property
    def is_own_machine(self) -> bool:
        """True where the server is on this machine."""
        return is_own_machine(self._connection.getpeername()[0], self._connection.getsockname()[0])

    def ask(self, message: ClientMessage) -> list[ServerMessage]:
        """All messages of the answer, up to the one that ends it; never an empty list."""
        answers = self._ask(message)
        if self._may_be_secured and isinstance(answers[0], Refused) and answers[0].number == -33:
            self._secure()
            return self._ask(message)
        self._may_be_secured = False
        return answers

    def _ask(self, message: ClientMessage) -> list[ServerMessage]:
        self._send(frame(message))
        answers: list[ServerMessage] = []
        while not answers or isinstance(answers[-1], PoolStatus | Lines):
            answers.append(self._next())
        return answers

    # Opening ---------------------------------------------------------------------------------------------------------

    def _secure(self) -> None:
        """Goes on with TLS where the server takes no plain text; nothing secret was said."""
        host, port, vendor, nameless = self._whom
        self._connection.close()
        self._reader, self._unread = server_frames(), []
        self._may_be_secured = False
        self._access = replace(self._access, plain=False)
        self._connection = _connect(host, port, self._timeout)
        self._open(vendor, unix=False, nameless=nameless)

    def _open(self, vendor: str, *, unix: bool, nameless: bool) -> None:
        access = self._access
        # A token or a certificate says who asks, and only TLS carries it.
        self._may_be_secured = not unix and access.plain is None
        plain = unix or (goes_plain(access.plain, self._connection.getpeername()[0]) and not access.as_somebody)
        if plain:
            self._send(encode_preface(vendor))
            return
        self._may_be_secured = False
        from seatkeeper.adapters.tls import ClientTls, client_context

        try:
            tls = ClientTls(client_context(access.certificate))
        except OSError as error:
            reason = f"The client certificate {access.certificate} cannot be used: {error}."
            raise LicenseError(-42, minor=_MINOR_TRUST, reason=reason, remedy="Name a PEM file with the certificate and its key.") from None
        self._send(encode_preface(vendor, tls=True) + tls.start())
        self._tls = tls
        while not tls.binding:
            self._read()
        roots = access.roots_of(vendor)
        if roots:
            self._verify_any(roots, vendor, tls.binding)
        elif access.knows_roots and (nameless or not access.as_somebody):
            note_unproven(vendor)
            return
        elif access.knows_roots or access.token:
            raise self._unknown(vendor)
        if access.token:
            self._authenticate()

    def _verify_any(self, roots: tuple[bytes, ...], vendor: str, binding: bytes) -> None:
        """Return only if the server proves itself under one of the roots."""
        for number, root in enumerate(roots, 1):
            try:
                self._verify(root, vendor, binding)
            except LicenseError as error:
                if error.number != -33 or error.minor != _MINOR_TRUST or number == len(roots):
                    raise
            else:
                return

    def _verify(self, root: bytes, vendor: str, binding: bytes) -> None:
        """Return only if the server proves that this connection's certificate is its own, and its vendor's root is `root`."""
        from seatkeeper.licfile.trust import check_server, parse_trust

        nonce = (clock.new_id() + clock.new_id())[:NONCE_BYTES]
        (answer,) = self.ask(AskIdentity(_REQUEST, nonce, root.hex()))
        if isinstance(answer, Refused):
            raise LicenseError(answer.number, minor=_MINOR_REFUSED, reason=answer.reason)
        if not isinstance(answer, Identity):
            _unexpected(self._place, answer)
        try:
            trust = parse_trust(answer.trust, root=root, name="The server's trust file")
            hostids = self._access.hostids or tuple(answer.hostids)
            proof, today = answer.proof, clock.today()
            check_server(answer.chain, proof, nonce=nonce, session=b"", trust=trust, hostids=hostids, today=today, binding=binding)
        except InputError as error:
            raise LicenseError(-33, minor=_MINOR_TRUST, reason=f"{self._place} did not prove itself: {error.message}") from None
        except LicenseError as error:
            raise LicenseError(-33, minor=_MINOR_TRUST, reason=f"{self._place} did not prove itself: {error.reason}") from None
        learn_root(root, trust.vendor)
        if vendor and trust.vendor.lower() != vendor.lower():
            reason = f"{self._place} did not prove itself: it has the trust of {trust.vendor}, and not of {vendor}."
            raise LicenseError(-33, minor=_MINOR_TRUST, reason=reason)

    def _unknown(self, vendor: str) -> LicenseError:
        """Nobody can say who this is, so nothing is asked in somebody's name."""
        what = f"The token of {TOKEN_VARIABLE} was not sent" if self._access.token else "Nothing was asked by the client certificate"
        whom, whose = (vendor, vendor) if self._access.knows_roots else (self._place.rstrip(","), "the vendor")
        return LicenseError(
            -33,
            minor=_MINOR_TRUST,
            reason=f"{what}: without the root key of {whose} nobody knows who {whom} is.",
            remedy=f"Set SEATKEEPER_ROOT to it, or name with -c a license file that has the trust file of {whose} beside it.",
        )

    def _authenticate(self) -> None:
        (answer,) = self.ask(Authenticate(_REQUEST, self._access.token))
        if isinstance(answer, Done) and answer.number:
            raise LicenseError(answer.number, minor=_MINOR_REFUSED, reason=answer.text)
        if not isinstance(answer, Done):
            _unexpected(self._place, answer)

    # Bytes -----------------------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(self._tls.send(data) if self._tls is not None else data)
        except TimeoutError:
            raise self._silent() from None
        except OSError as error:
            raise self._broken(error) from error

    def _next(self) -> ServerMessage:
        while not self._unread:
            self._read()
        return self._unread.pop(0)

    def _read(self) -> None:
        """Takes what comes next."""
        from seatkeeper.adapters.tls import PlainText

        try:
            data = self._connection.recv(_READ_BYTES)
            self._total += len(data)
            if self._total > ANSWER_BYTES_MAX:
                raise LicenseError(-12, minor=_MINOR_FOREIGN, reason=f"{self._place} sent more than {ANSWER_BYTES_MAX} bytes.")
            if data and self._tls is not None:
                try:
                    data, more = self._tls.receive(data)
                except ssl.SSLZeroReturnError:
                    data, more = b"", b""
                else:
                    if not data and not more:
                        return
                if more:
                    self._connection.sendall(more)
                    if not data:
                        return
            if not data:
                raise LicenseError(-16, minor=_MINOR_READ, reason=f"{self._place} closed the connection before its answer was complete.")
            self._unread += self._reader.feed(data)
        except PlainText as plain:
            self._refused(plain.data)
        except TimeoutError:
            raise self._silent() from None
        except WireError as error:
            raise self._foreign(f"does not speak this protocol: {error}") from None
        except ssl.SSLError as error:
            reason = f"{self._place} and this program do not agree on TLS: {error.reason or error}."
            raise LicenseError(-33, minor=_MINOR_TRUST, reason=reason, remedy="See docs/security.md.") from None
        except OSError as error:
            raise self._broken(error) from error

    def _refused(self, data: bytes) -> NoReturn:
        """TLS was asked for, and plain text comes: only a refusal is believed."""
        self._tls = None
        messages = []
        try:
            messages = self._reader.feed(data)
            while not messages and (data := self._connection.recv(_READ_BYTES)):
                messages = self._reader.feed(data)
        except (OSError, WireError):
            pass
        if messages and isinstance(messages[0], Refused):
            raise LicenseError(messages[0].number, minor=_MINOR_REFUSED, reason=messages[0].reason)
        raise self._foreign("does not speak TLS")

    def _silent(self) -> LicenseError:
        reason = f"{self._place} accepted the connection, but sent nothing for {self._timeout:g} s."
        return LicenseError(-16, minor=_MINOR_READ, reason=reason)

    def _foreign(self, what: str) -> LicenseError:
        remedy = "Check that the port is that of a seatkeeper lmgrd."
        return LicenseError(-12, minor=_MINOR_FOREIGN, reason=f"{self._place} {what}.", remedy=remedy)

    def _broken(self, error: OSError) -> LicenseError:
        return LicenseError(-16, minor=_MINOR_READ, reason=f"{self._place} broke the connection off: {error.strerror or error}.")


def ask_unix(path: Path, port: int, vendor: str, message: ClientMessage, timeout: float, server: int | None) -> list[ServerMessage]:
    """The answer over the Unix socket of this machine's lmgrd for `port`; empty where it cannot be asked there.

    The path came from whoever listens on the port, who may be any account of this machine. So it must have the name that lmgrd gives
    its socket, be of root, of ourselves or of the account `server` that answers on the port, and lead to the lmgrd of that very
    port: else a stranger who has taken some port could send an administrator to any socket, or his command to another server.

    Raises:
        LicenseError: -33, there is a socket, and it is none that can be believed; and as `Question`.
    """
    from seatkeeper.adapters.peers import Stranger, connect_believed

    place = f"The Unix socket {path}"
    if path.name != f"lmgrd-{port}.socket" or not path.is_absolute():
        raise _unbelieved(place, port, f"is not called lmgrd-{port}.socket")
    for step in ("look", "ask"):
        try:
            connection = connect_believed(path, timeout, server)
        except Stranger as stranger:
            raise _unbelieved(place, port, str(stranger)) from None
        except OSError:
            return []
        with Question(place, 0, "" if step == "look" else vendor, Access(), timeout, connection=connection) as question:
            if step == "ask":
                return question.ask(message)
            (found,) = question.ask(AskServer(_REQUEST))
            if not isinstance(found, ServerStatus) or found.port != port:
                return []
    return []


def _unbelieved(place: str, port: int, why: str) -> LicenseError:
    reason = f"{place}, which the server on port {port} names for administrators, {why}: nothing was sent to it."
    remedy = "Find out which program listens on the port (`ss -ltnp`), and whether it is your license server."
    return LicenseError(-33, minor=_MINOR_TRUST, reason=reason, remedy=remedy)


def _unexpected(place: str, answer: ServerMessage) -> NoReturn:
    raise LicenseError(-12, minor=_MINOR_FOREIGN, reason=f"{place} answered with an unexpected {type(answer).__name__}.")


def _connect(host: str, port: int, timeout: float) -> socket.socket:
    """A connection to the first of the host's addresses, IPv6 or IPv4, that accepts one."""
    try:
        return socket.create_connection((host, port), timeout)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no host name"
        # What FlexNet prints for a name that nobody knows, errno included (lmstat formats, 2); the reason is the true one.
        system = (2, "No such file or directory")
        raise LicenseError(-96, minor=_MINOR_NAME, system=system, reason=f"The name {host} cannot be resolved: {why}.") from error
    except TimeoutError as error:
        number = error.errno or errno.ETIMEDOUT
        reason = f"{host}, port {port}, did not accept a connection within {timeout:g} s."
        raise LicenseError(-15, minor=_MINOR_CONNECT, system=(number, os.strerror(number)), reason=reason) from error
    except OSError as error:
        number = error.errno or 0
        text = os.strerror(number) if number else str(error)
        reason = f"{host}, port {port}, cannot be reached: {text}."
        raise LicenseError(-15, minor=_MINOR_CONNECT, system=(number, text), reason=reason) from error
