"""A mail is taken by the mail server for all its recipients or for none, and who sends it is told which, or that nobody can know.

A server is named by a URL: `smtp://host` speaks STARTTLS and refuses a server that does not offer it, `smtps://host` speaks TLS from
the start, and `smtp-plain://host` does without, on this machine only. User and password lie in a file that only its owner reads.

The one moment of doubt is after the last byte of a message: when the connection breaks there, the server may have it or not.
That is its own outcome (`unknown`), and nobody sends again by himself.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import stat
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import msgspec

from seatkeeper.base.errors import InputError, SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["LOGIN_BYTES_MAX", "MESSAGE_BYTES_MAX", "TIMEOUT_S", "Login", "MailError", "MailServer", "parse_server", "read_login", "send"]

#: How long a mail server may take for one answer.
TIMEOUT_S: Final = 30.0
#: Of a mail; a license file of a thousand lines with its certificate has a twentieth of it.
MESSAGE_BYTES_MAX: Final = 20_000_000
LOGIN_BYTES_MAX: Final = 4096

_PORTS: Final = {"smtp": 587, "smtps": 465, "smtp-plain": 25}
_REPLY_CHARS_MAX: Final = 300
_SEND_LATER: Final = "Nothing was sent; the mail is kept, send it again later."


class Login(msgspec.Struct, frozen=True):
    """Who sends, to the mail server."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r}, ...)"


class MailServer(msgspec.Struct, frozen=True):
    """The server that takes mails from us.

    Attributes:
        host: Its name, which its certificate must bear.
        port: Its port.
        tls: Whether TLS begins by STARTTLS, with the connection, or never.
        ca: A file of certificates to trust in place of the system's.
    """

    host: str
    port: int
    tls: Literal["starttls", "implicit", "never"]
    ca: Path | None = None


class MailError(SeatkeeperError):
    """A mail was not taken, or nobody can know.

    Attributes:
        outcome: `refused`: it will not be taken as it is; `later`: it may be another time; `unknown`: the server may have it.
        ours: Whether it was not about this mail, but about how we spoke to the server: every other mail would fare the same.
    """

    def __init__(self, message: str, remedy: str, outcome: Literal["refused", "later", "unknown"], *, ours: bool = False) -> None:
        super().__init__(message, remedy)
        self.outcome = outcome
        self.ours = ours


def parse_server(url: str, *, ca: Path | None = None) -> MailServer:
    """The mail server that a URL names.

    Raises:
        InputError: It names none, holds a password, or would send a mail to another machine in the clear.
    """
    expected = "smtp://HOST[:PORT] (STARTTLS), smtps://HOST[:PORT] or, on this machine, smtp-plain://HOST[:PORT]"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError("This is no mail server.", file="--smtp", found=url, expected=expected) from None
    if parts.username is not None or parts.password is not None:
        remedy = "Put user and password into a file of two lines, and name it with --smtp-login."
        raise InputError("Passwords do not belong into a URL, which others can see.", file="--smtp", remedy=remedy)
    if parts.scheme not in _PORTS or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InputError("This is no mail server.", file="--smtp", found=url, expected=expected)
    plain = parts.scheme == "smtp-plain"
    if plain and not _is_here(host):
        raise InputError("A mail to another machine does not go in the clear.", file="--smtp", found=url, expected=expected)
    tls: Literal["starttls", "implicit", "never"] = "never" if plain else "implicit" if parts.scheme == "smtps" else "starttls"
    return MailServer(host, port or _PORTS[parts.scheme], tls, ca)


def read_login(path: Path) -> Login:
    """User and password: the first two lines of a file.

    Raises:
        InputError: It cannot be read, others can read it, or it does not hold them.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            data = file.read(LOGIN_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"The file of user and password cannot be read: {error.strerror}.", file=str(path)) from None
    if mode & 0o077:
        raise InputError("Others can read this password.", file=str(path), found=f"mode {mode:04o}", remedy=f"Run chmod 600 {path}.")
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        lines = []
    if len(data) > LOGIN_BYTES_MAX or len(lines) < 2 or not lines[0] or not lines[1]:
        raise InputError(
            "This file does not hold user and password.", file=str(path), expected="the user on the first line, then the password"
        )
    return Login(lines[0], lines[1])


def send(
    message: bytes, sender: str, recipients: Sequence[str], server: MailServer, *, login: Login | None = None, timeout_s: float = TIMEOUT_S
) -> str:
    """What the mail server said when it took the message for all recipients.

    Args:
        message: The whole mail, with lines as they go over the wire.
        sender: The address on the envelope.
        recipients: The addresses to which it goes.
        server: Who takes it.
        login: Who we are to it.
        timeout_s: How long each of its answers may take.

    Raises:
        InputError: The mail is too large.
        MailError: It was not taken, or nobody can know; its `outcome` says which.
    """
    if len(message) > MESSAGE_BYTES_MAX:
        expected = f"at most {MESSAGE_BYTES_MAX:,} bytes"
        raise InputError("The mail is too large.", found=f"{len(message):,} bytes", expected=expected, remedy="Nothing was sent.")
    smtp = _connect(server, timeout_s)
    try:
        return _hand_over(smtp, message, sender, recipients, server, login)
    finally:
        with suppress(OSError, smtplib.SMTPException):
            # A message that was taken is taken, whatever becomes of the goodbye.
            smtp.quit()
        smtp.close()


def _context(server: MailServer) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(server.ca) if server.ca is not None else None)
    except (OSError, ssl.SSLError):
        raise InputError("These are no certificates to trust.", file=str(server.ca), expected="a file of certificates in PEM") from None


def _connect(server: MailServer, timeout_s: float) -> smtplib.SMTP:
    where = f"{server.host}:{server.port}"
    try:
        if server.tls == "implicit":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=timeout_s, context=_context(server))
        smtp = smtplib.SMTP(server.host, server.port, timeout=timeout_s)
    except ssl.SSLError as error:
        raise _untrusted(where, error) from None
    except smtplib.SMTPResponseException as error:
        raise MailError(f"The mail server {where} takes no mail now: {_said(error)}.", _SEND_LATER, "later", ours=True) from None
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(f"The mail server {where} cannot be reached: {_reason(error)}.", _SEND_LATER, "later", ours=True) from None
    if server.tls == "starttls":
        try:
            _start_tls(smtp, server)
        except BaseException:
            smtp.close()
            raise
    return smtp


def _start_tls(smtp: smtplib.SMTP, server: MailServer) -> None:
    where = f"{server.host}:{server.port}"
    try:
        smtp.ehlo_or_helo_if_needed()
        if not smtp.has_extn("starttls"):
            remedy = "Nothing was sent. Name a server that offers STARTTLS, or smtps://HOST for one that speaks TLS from the start."
            raise MailError(f"The mail server {where} offers no TLS.", remedy, "refused", ours=True)
        smtp.starttls(context=_context(server))
    except ssl.SSLError as error:
        raise _untrusted(where, error) from None
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(f"The mail server {where} could not begin TLS: {_reason(error)}.", _SEND_LATER, "later", ours=True) from None


def _hand_over(smtp: smtplib.SMTP, message: bytes, sender: str, recipients: Sequence[str], server: MailServer, login: Login | None) -> str:
    where = f"{server.host}:{server.port}"
    last = False
    try:
        smtp.ehlo_or_helo_if_needed()
        if login is not None:
            _log_in(smtp, login, where)
        _expect(smtp.mail(sender), f"The mail server {where} does not take mail from {sender}", ours=True)
        for recipient in recipients:
            # All or none: what one of several has got, nobody can take back.
            _expect(smtp.rcpt(recipient), f"The mail server {where} does not take mail for {recipient}")
        _expect(smtp.docmd("DATA"), f"The mail server {where} does not take the message", good=354)
        last = True
        smtp.send(_as_data(message))
        reply = smtp.getreply()
        last = False
        _expect(reply, f"The mail server {where} refused the message")
        return _shown(reply[1])
    except (OSError, smtplib.SMTPException) as error:
        reason = _reason(error)
        if last:
            remedy = "Ask the recipient, or look into the mail server's log, before you send it again."
            raise MailError(f"Whether the mail server {where} has taken the mail is not known: {reason}.", remedy, "unknown") from None
        raise MailError(f"The mail server {where} broke off: {reason}.", _SEND_LATER, "later") from None


def _as_data(message: bytes) -> bytes:
    """The message as it goes over the wire, its end included (RFC 5321, 4.5.2)."""
    lines = message.removesuffix(b"\n").removesuffix(b"\r").replace(b"\r\n", b"\n").split(b"\n")
    return b"".join(b"." + line + b"\r\n" if line.startswith(b".") else line + b"\r\n" for line in lines) + b".\r\n"


def _log_in(smtp: smtplib.SMTP, login: Login, where: str) -> None:
    try:
        smtp.login(login.user, login.password)
    except smtplib.SMTPAuthenticationError as error:
        if 400 <= error.smtp_code < 500:
            raise MailError(
                f"The mail server {where} cannot check the password now: {_said(error)}.", _SEND_LATER, "later", ours=True
            ) from None
        remedy = "Nothing was sent. Correct user and password in the file of --smtp-login."
        raise MailError(f"The mail server {where} refused user {login.user!r}: {_said(error)}.", remedy, "refused", ours=True) from None
    except smtplib.SMTPNotSupportedError:
        remedy = "Nothing was sent. Leave --smtp-login out."
        raise MailError(f"The mail server {where} takes no password.", remedy, "refused", ours=True) from None


def _expect(reply: tuple[int, bytes], sentence: str, *, good: int = 250, ours: bool = False) -> None:
    code, text = reply
    if code in (good, 251):
        return
    said = f"{code} {_shown(text)}"
    if 400 <= code < 500:
        raise MailError(f"{sentence} now: {said}.", _SEND_LATER, "later", ours=ours)
    raise MailError(f"{sentence}: {said}.", "Nothing was sent.", "refused", ours=ours)


def _untrusted(where: str, error: ssl.SSLError) -> MailError:
    reason = getattr(error, "verify_message", "") or error.reason or str(error)
    remedy = "Nothing was sent. Check host name and port, and name the certificates to trust with --smtp-ca."
    return MailError(f"The mail server {where} cannot be trusted: {reason}.", remedy, "refused", ours=True)


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return f"{error.smtp_code} {_shown(text if isinstance(text, bytes) else text.encode())}"


def _shown(text: bytes) -> str:
    """A server's words on one line."""
    words = " ".join(text.decode("utf-8", "replace").split())
    return "".join(char if char.isprintable() else "?" for char in words)[:_REPLY_CHARS_MAX].rstrip(".")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) or (isinstance(error, smtplib.SMTPServerDisconnected) and "timed out" in str(error)):
        # smtplib reports a server that says nothing as one that has gone.
        return "it did not answer in time"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "it closed the connection"
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error)
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    return _shown(str(error.strerror if isinstance(error, OSError) and error.strerror else error).encode())


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
