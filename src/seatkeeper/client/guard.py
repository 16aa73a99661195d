"""A server is believed only when it proves that the vendor certified it, and a grant only with a line that the vendor signed.

How it works. The application pins the vendor's root key, or a trust file beside the license file names it. The Welcome brings the
vendor's trust file, which that root must have signed, the server's certificates, whose host id must be one of the SERVER lines',
and a signature over this client's own nonce: so neither a copied file nor a recorded conversation is enough (design, Signature
and Trust). A Granted brings the license lines the first time: signed ones, bound to the same host ids, that license the feature
in a version that suffices, today, and in number (coverage.py): by itself, as a component of a package with the line that enables
it, or as an upgrade with the line that it upgrades. A text is verified once; the verdict is kept for the life of the guard.

Without a root nothing is checked; who pins one never goes on without these proofs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.base.values import version_satisfies
from seatkeeper.client.events import MINOR_TRUST
from seatkeeper.wire.messages import Checkout, Denied, Granted, Welcome

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.client.coverage import Right
    from seatkeeper.licfile.model import Signable
    from seatkeeper.licfile.trust import Trust
    from seatkeeper.wire.messages import ServerMessage

__all__ = ["LINES_KEPT_MAX", "Guard"]

#: Verified lines that one guard remembers.
LINES_KEPT_MAX: Final = 4096
#: The server decides by its own calendar, and may stand where it is still yesterday, or tomorrow already.
_ELSEWHERE: Final = timedelta(days=1)
#: Of a pool of very many lines a server shows as many as fit into 48 KiB; lines of less than half of that are all there are.
_WHOLE_BYTES_MAX: Final = 24 * 1024


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
        self._binding = b""
        self._nonce = b""
        self._session = b""
        self._asked: dict[int, Checkout] = {}
        self._trust: Trust | None = None
        self._hostids: tuple[str, ...] = ()
        self._verified: dict[str, _Shown] = {}
        self._shown: dict[str, _Shown] = {}

    def greeted(self, nonce: bytes, session: bytes, binding: bytes = b"") -> None:
        """A new connection's Hello has left, with this nonce; `binding` is the TLS connection's, empty in plain text."""
        self._binding = binding
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
            LicenseError: The server does not prove what it says (-33), or the lines by which it grants are no good (-8, -10, -31).
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
            binding=self._binding,
        )
        hostids = tuple(welcome.hostids)
        if (trust, hostids) != (self._trust, self._hostids):
            self._trust, self._hostids = trust, hostids
            self._verified.clear()
            self._shown.clear()

    def _renew(self, text: str) -> None:
        """The server has read a newer trust file than its Welcome brought; an older one, or one of another vendor, changes nothing."""
        from seatkeeper.licfile.trust import parse_trust

        try:
            trust = parse_trust(text, root=self._root, name="The server's new trust file")
        except (InputError, LicenseError) as error:
            reason = error.reason if isinstance(error, LicenseError) else error.message
            raise LicenseError(-33, reason=reason) from None
        if self._trust is not None and trust.vendor == self._trust.vendor and trust.serial > self._trust.serial:
            self._trust = trust
            # What is granted from now on is judged anew; the lines that were shown before keep their right.
            self._verified.clear()

    def _check_grant(self, granted: Granted, today: date) -> None:
        checkout = self._asked.pop(granted.request, None)
        if checkout is None:
            return  # The session returns what it did not ask for.
        name = checkout.feature
        if granted.trust:
            self._renew(granted.trust)
        if granted.line:
            self._shown[name.lower()] = self._verify(granted.line)
        shown = self._shown.get(name.lower())
        if shown is None:
            raise LicenseError(-8, reason=f"The server granted {name} without showing a license line.")
        _check_right(shown, checkout, granted.count, today)

    def _verify(self, text: str) -> _Shown:
        """What the signed lines that `text` holds give."""
        known = self._verified.get(text)
        if known is not None:
            return known
        from seatkeeper.client.coverage import rights_of
        from seatkeeper.licfile.model import Feature, LicenseFile, Package, Server, Upgrade, Vendor
        from seatkeeper.licfile.parser import parse
        from seatkeeper.licfile.signature import verify_lines

        trust = self._trust
        if trust is None:
            raise LicenseError(-33, reason="The server granted seats before it had proved who it is.")
        # A base or a PACKAGE line comes with each of the lines that build on it.
        parsed = tuple(dict.fromkeys(parse(text).file.lines))
        lines = tuple(line for line in parsed if isinstance(line, Feature | Upgrade | Package))
        if not lines or len(lines) != len(parsed):
            raise LicenseError(-8, reason="The server granted seats by something that is no license line.")
        servers = tuple(Server("this_host", hostid) for hostid in self._hostids)
        for verdict in verify_lines(LicenseFile((*servers, Vendor(trust.vendor), *lines)), trust):
            if not verdict.ok:
                raise LicenseError(-8, reason=f"The server granted seats by a line that is not genuine: {verdict.sentence}")
        try:
            rights = rights_of(lines)
        except ValueError as error:
            raise LicenseError(-8, reason=f"The server granted seats by a line that is not understood: expected {error}.") from None
        by_name: dict[str, list[Right]] = {}
        for right in rights:
            by_name.setdefault(right.name.lower(), []).append(right)
        if len(self._verified) >= LINES_KEPT_MAX:
            self._verified.clear()
        shown = self._verified[text] = _Shown(lines, by_name, whole=len(text.encode()) <= _WHOLE_BYTES_MAX)
        return shown


class _Shown(NamedTuple):
    """Verified lines and what they give, by feature name in lower case; `whole` unless there may be more than could be shown."""

    lines: tuple[Signable, ...]
    rights: dict[str, list[Right]]
    whole: bool


def _check_right(shown: _Shown, checkout: Checkout, count: int, today: date) -> None:
    """Return only if the lines may give `count` seats of what was asked for."""
    name = checkout.feature
    rights = shown.rights.get(name.lower(), [])
    if not rights:
        from seatkeeper.client.coverage import explain_lack

        raise LicenseError(-8, reason=f"The server granted {name} {explain_lack(shown.lines, name)}.")
    fitting = [right for right in rights if not checkout.version or version_satisfies(right.version, checkout.version, "flexnet")]
    if not fitting:
        reason = f"The server granted version {checkout.version} of {name} by a line of version {rights[0].version}."
        raise LicenseError(-8, reason=reason)
    current = [right for right in fitting if right.expires >= today - _ELSEWHERE]
    if not current:
        raise LicenseError(-10, reason=f"The server granted {name} by a line that expired on {fitting[0].line.expiry}.")
    begun = [right for right in current if right.starts is None or right.starts <= today + _ELSEWHERE]
    if not begun:
        start = current[0].line.attribute("START")
        raise LicenseError(-31, reason=f"The server granted {name} by a line that is good from {start} on.")
    seats = [right.seats for right in begun if right.seats is not None]
    if shown.whole and len(seats) == len(begun) and count > sum(seats):
        raise LicenseError(-8, reason=f"The server granted {count} seats of {name} by lines that give {sum(seats)} at most.")
