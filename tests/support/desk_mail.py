"""An issued order on the disk, a mail server that one can talk to, and its certificates, for the tests of delivery and intake."""

from __future__ import annotations

import ssl
import warnings
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.issue.issuer import issue_order
from seatkeeper.issue.order import check_order
from support.site import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = date(2026, 3, 14)
ORDER = (Path(__file__).parent.parent / "issue" / "order.toml").read_text()
#: Makes the sample order one for two independent servers.
TWO_SERVERS = (
    ('deployment = "separate"\n', 'deployment = "separate"\nconfiguration = "independent"\n'),
    ("[[servers]]\n", '[[servers]]\nhost = "second"\nhostid = "8:0:20:0:5:ad"\nshare = 1\n\n[[servers]]\nshare = 1\n'),
)
USER, PASSWORD = "desk", "a pass word"


def issued(directory: Path, *changes: tuple[str, str], today: date = TODAY) -> tuple[Path, Path]:
    """The license file and the order's file of the sample order, issued into `directory`, with these texts replaced."""
    text = ORDER
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    catalog = load_catalog()
    order = directory / "order.toml"
    order.write_text(text, encoding="utf-8")
    checked = check_order(text, str(order), catalog, today)
    assert checked.order is not None, checked.problems
    if not (directory / "keys").exists():
        init_vendor(directory / "keys", "genesys.d", today=today)
    place = directory / "out"
    if checked.order.terms.configuration != "independent":
        place.mkdir()
        place /= "license.dat"
    issue_order(checked.order, catalog, directory / "keys", place, today)
    return place, order


class Letterbox:
    """What a mail server took, and how it behaves.

    Attributes:
        taken: The envelopes.
        refused: Recipients that it does not know.
        data_reply: Its answer to a message, in place of taking it.
    """

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refused: dict[str, str] = {}
        self.data_reply = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data_reply:
            return self.data_reply
        self.taken.append(envelope)
        return "250 taken as 4711"


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=good)


@contextmanager
def mail_server(box: Letterbox, tls: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False) -> Iterator[int]:
    """The port of a mail server on the loopback; with STARTTLS where there is `tls`, with TLS from the start where `implicit`."""
    port = free_port()

    class Server(Controller):
        def factory(self) -> SMTP:
            context = None if implicit else tls
            wanted = {"auth_required": login, "authenticator": _authenticate if login else None, "auth_require_tls": not implicit}
            with warnings.catch_warnings():
                # It does not see that the connection has TLS already.
                warnings.simplefilter("ignore")
                return SMTP(self.handler, hostname="localhost", tls_context=context, require_starttls=context is not None, **wanted)

    server = Server(box, hostname="127.0.0.1", port=port, ssl_context=tls if implicit else None)
    server.start()
    try:
        yield port
    finally:
        server.stop()


def server_tls(directory: Path, name: str = "localhost") -> tuple[ssl.SSLContext, Path]:
    """A mail server's side of TLS, and the certificate that its clients must trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    held = directory / "server.pem"
    held.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM),
    )
    trusted = directory / "ca.pem"
    trusted.write_bytes(certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(held)
    return context, trusted
