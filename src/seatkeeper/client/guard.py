"""A server is believed only when it proves that the vendor certified it, and a grant only with a line that the vendor signed.

How it works. The application pins the vendor's root key, or a trust file beside the license file names it. The Welcome brings the
vendor's trust file, which that root must have signed, the server's certificates, whose host id must be one of the SERVER lines',
and a signature over this client's own nonce: so neither a copied file nor a recorded conversation is enough (design, Signature
and Trust). A Granted brings the license line the first time: a signed one of that feature, bound to the same host ids, not
expired, of a version that suffices. A line is verified once; the verdict is kept for the life of the guard.

Without a root nothing is checked; who pins one never goes on without these proofs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.base.values import parse_version, version_satisfies
from seatkeeper.client.events import MINOR_TRUST
from seatkeeper.wire.messages import Checkout, Denied, Granted, Welcome

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.licfile.model import Feature
    from seatkeeper.licfile.trust import Trust
    from seatkeeper.wire.messages import ServerMessage

__all__ = ["LINES_KEPT_MAX", "Guard"]

#: Verified lines that one guard remembers.
LINES_KEPT_MAX: Final = 4096
#: The server decides by its own calendar, and may stand where it is still yesterday.
_ELSEWHERE_YESTERDAY: Final = timedelta(days=1)


class Guard:
    """Watches one server for one client.

    Args:
        vendor: The vendor daemon's name.
        root: The vendor's root public key; None lets everything pass.
        known: A trust file that the client has itself; the newer of this and the server's counts.
    """

    def __init__(self, vendor: str, root: bytes | None, known: Trust | None = None) -> None:
        self._vendor = vendor
        self._root = root
        self._known = known
        self._nonce = b""
        self._session = b""
        self._asked: dict[int, Checkout] = {}
        self._trust: Trust | None = None
        self._hostids: tuple[str, ...] = ()
        self._verified: dict[str, tuple[Feature, ...]] = {}
        self._lines: dict[str, tuple[Feature, ...]] = {}

    def greeted(self, nonce: bytes, session: bytes) -> None:
        """A new connection's Hello has left, with this nonce."""
        self._nonce = nonce
        self._session = session
        self._asked.clear()

    def asked(self, checkout: Checkout) -> None:
        """A Checkout has left."""
        if self._root is not None:
            self._asked[checkout.request] = checkout

    def check(self, message: ServerMessage, today: date) -> None:
        """Return only if `message` may be believed.

        Raises:
            LicenseError: The server does not prove what it says (-33), or the line that it grants is no good (-8, -10).
        """
        if self._root is None:
            return
        try:
            if type(message) is Welcome:
                self._check_server(message, self._root, today)
            elif type(message) is Granted:
                self._check_grant(message, today)
            elif type(message) is Denied:
                self._asked.pop(message.request, None)
        except LicenseError as error:
            raise LicenseError(error.number, minor=MINOR_TRUST, reason=error.reason, remedy=error.remedy) from None

    def _check_server(self, welcome: Welcome, root: bytes, today: date) -> None:
        from seatkeeper.licfile.trust import check_server, parse_trust  # 30 ms that a client without a root need not spend

        if not welcome.trust:
            raise LicenseError(-33, reason=f"The server has no trust file of {self._vendor}.")
        try:
            trust = parse_trust(welcome.trust, root=root, name="The server's trust file")
        except InputError as error:
            raise LicenseError(-33, reason=error.message) from None
        except LicenseError as error:
            raise LicenseError(-33, reason=error.reason) from None
        if self._known is not None and self._known.serial > trust.serial:
            trust = self._known
        if trust.vendor.lower() != self._vendor.lower():
            raise LicenseError(-33, reason=f"The server's trust file is one of {trust.vendor}, not of {self._vendor}.")
        check_server(
            welcome.chain,
            welcome.proof,
            nonce=self._nonce,
            session=self._session,
            trust=trust,
            hostids=welcome.hostids,
            today=today,
        )
        hostids = tuple(welcome.hostids)
        if (trust, hostids) != (self._trust, self._hostids):
            self._trust, self._hostids = trust, hostids
            self._verified.clear()
            self._lines.clear()

    def _check_grant(self, granted: Granted, today: date) -> None:
        checkout = self._asked.pop(granted.request, None)
        if checkout is None:
            return  # The session returns what it did not ask for.
        name = checkout.feature.lower()
        if granted.line:
            self._lines[name] = self._verify(granted.line, name)
        lines = self._lines.get(name)
        if not lines:
            raise LicenseError(-8, reason=f"The server granted {checkout.feature} without showing a license line.")
        for line in lines:
            if line.expires < today - _ELSEWHERE_YESTERDAY:
                raise LicenseError(-10, reason=f"The server granted {line.name} by a line that expired on {line.expiry}.")
            if checkout.version and not version_satisfies(line.version, checkout.version, "flexnet"):
                reason = f"The server granted version {checkout.version} of {line.name} by a line of version {line.version}."
                raise LicenseError(-8, reason=reason)

    def _verify(self, text: str, name: str) -> tuple[Feature, ...]:
        """The signed lines that `text` holds, all of the feature `name`."""
        known = self._verified.get(text)
        if known is not None:
            return known
        from seatkeeper.licfile.model import Feature, LicenseFile, Server, Vendor
        from seatkeeper.licfile.parser import parse
        from seatkeeper.licfile.signature import verify_lines

        trust = self._trust
        if trust is None:
            raise LicenseError(-33, reason="The server granted seats before it had proved who it is.")
        parsed = parse(text).file.lines
        lines = tuple(line for line in parsed if type(line) is Feature)
        if not lines or len(lines) != len(parsed):
            raise LicenseError(-8, reason="The server granted seats by something that is no license line.")
        servers = tuple(Server("this_host", hostid) for hostid in self._hostids)
        for verdict in verify_lines(LicenseFile((*servers, Vendor(trust.vendor), *lines)), trust):
            if not verdict.ok:
                raise LicenseError(-8, reason=f"The server granted seats by a line that is not genuine: {verdict.sentence}")
        for line in lines:
            if line.name.lower() != name:
                raise LicenseError(-8, reason=f"The server granted {name} by a line of {line.name}.")
            _check_version(line)
        if len(self._verified) >= LINES_KEPT_MAX:
            self._verified.clear()
        self._verified[text] = lines
        return lines


def _check_version(line: Feature) -> None:
    try:
        parse_version(line.version)
    except ValueError as error:
        raise LicenseError(-8, reason=f"The version of {line.name} is {line.version}, not {error}.") from None
