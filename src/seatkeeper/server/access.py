"""Who a connection is, is worked out here from the connection alone, and what he may do is asked of one table (base/roles.py).

| connection | identity |
|---|---|
| Unix socket | the account that the kernel names: an administrator as root, the server's own or of lmadmin; else a viewer |
| TCP from this machine | a viewer, without a name |
| TCP from elsewhere | anonymous |
| TLS with a client certificate that the file of administrators knows | that entry, with its role |
| TLS, after `Authenticate` with a token that the file knows | that entry, with its role |

Wrong tokens are answered after a pause, all alike, whether the token is unknown, the address has tried too often, or there is no file;
and so a right one from an address that has just tried wrong ones too often is refused as well. What an attacker learns is nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.admins import AdminFile, entry_of_token
from seatkeeper.adapters.peers import is_administrator, peer_of
from seatkeeper.adapters.tls import digest_of
from seatkeeper.base.roles import NOBODY, Identity, Restrictions, objection
from seatkeeper.server.crowd import ADDRESS_CONNECTIONS_MAX, address_key
from seatkeeper.wire.messages import AskReread, AskSwitch

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.adapters.admins import Administrator
    from seatkeeper.base.roles import Objection
    from seatkeeper.wire.messages import ClientMessage

__all__ = ["ADMIN_GROUP", "ATTEMPTS_MAX", "ATTEMPTS_S", "WRONG_S", "Access", "AccessPolicy", "Attempts", "command_of", "this_machine"]

#: The UNIX group of license administrators (facts, FlexNet 4.1).
ADMIN_GROUP: Final = "lmadmin"
#: Wrong tokens of one address in ATTEMPTS_S, after which none of its tokens is believed for a while.
ATTEMPTS_MAX: Final = 10
ATTEMPTS_S: Final = 60.0
#: Addresses whose wrong tokens are remembered.
_ADDRESSES_MAX: Final = 10_000
#: How long the answer to a wrong token is kept back.
WRONG_S: Final = 1.0
_FAULT_S: Final = 60.0


class AccessPolicy(msgspec.Struct, frozen=True):
    """How lmgrd was told to let people in; its vendor daemons are told the same.

    Attributes:
        plain: From where connections without TLS are taken: from nowhere, this machine, or everywhere.
        admins: The file of administrators from other machines; empty for none.
        group: The group whose members administer through the Unix socket.
        restrictions: `-x`, `-local`, `-2 -p`.
        address_connections_max: Connections of one address; 0 for any number.
    """

    plain: Literal["none", "loopback", "all"] = "loopback"
    admins: str = ""
    group: str = ADMIN_GROUP
    restrictions: Restrictions = Restrictions()
    address_connections_max: int = ADDRESS_CONNECTIONS_MAX


def command_of(message: ClientMessage) -> str:
    """The row of the table that a tool's message stands in."""
    name = type(message).__name__
    if type(message) is AskReread and message.dry_run:
        return f"{name} dry_run"
    if type(message) is AskSwitch:
        return f"{name} {message.what}"
    return name


def this_machine(peer: str, here: str) -> bool:
    """True where the other side's address is a loopback address, or the very one that it connected to."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback or peer == here)


class Attempts:
    """Counts wrong tokens by address."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def too_many(self, address: str, now: float) -> bool:
        """Whether the address has used up its attempts."""
        count, until = self._wrong.get(address, (0, 0.0))
        return count >= ATTEMPTS_MAX and now < until

    def wrong(self, address: str, now: float) -> None:
        """Notes a wrong token; the time of an address begins with its first and is not drawn out by later ones."""
        count, until = self._wrong.pop(address, (0, 0.0))
        self._wrong[address] = (count + 1, until) if now < until else (1, now + ATTEMPTS_S)
        if len(self._wrong) > _ADDRESSES_MAX:
            self._wrong.popitem(last=False)


class Access:
    """Tells who connections are and what they may.

    Args:
        policy: What lmgrd was told.
        say: Writes a line into the debug log.
    """

    def __init__(self, policy: AccessPolicy, say: Callable[[str], None]) -> None:
        self.policy = policy
        self._say = say
        self._file = AdminFile(Path(policy.admins)) if policy.admins else None
        self._attempts = Attempts()
        self._fault_told = -_FAULT_S

    def identity_of(self, client: socket.socket) -> Identity:
        """Who is at the other end of a connection, before anything was said on it."""
        try:
            if client.family == socket.AF_UNIX:
                peer = peer_of(client)
                role: Literal["administrator", "viewer"] = "administrator" if is_administrator(peer, self.policy.group) else "viewer"
                return Identity(role, peer.user, socket.gethostname(), local=True, attested=True)
            peer_address, here = client.getpeername()[0], client.getsockname()[0]
        except OSError:
            return NOBODY
        local = this_machine(peer_address, here)
        return Identity("viewer" if local else "anonymous", "", peer_address, local=local)

    def plain_allowed(self, identity: Identity, *, unix: bool) -> bool:
        """Whether this connection may go without TLS."""
        return unix or self.policy.plain == "all" or (self.policy.plain == "loopback" and identity.local)

    def known_certificates(self) -> tuple[str, ...]:
        """The client certificates of the file of administrators, as PEM."""
        return tuple(entry.certificate for entry in self._entries() if entry.certificate)

    def by_certificate(self, digest: str, identity: Identity) -> Identity:
        """Who it is after all, where the client has shown the certificate with this SHA-256."""
        for entry in self._entries() if digest else ():
            try:
                if entry.certificate and digest_of(entry.certificate) == digest:
                    return _as(entry, identity)
            except ValueError:
                continue
        return identity

    def by_token(self, token: str, identity: Identity) -> Identity | None:
        """Who it is, where this token is one of the file's; else None."""
        now = clock.monotonic()
        address = address_key(identity.host) or identity.host
        entry = entry_of_token(self._entries(), token)
        if self._attempts.too_many(address, now):
            return None
        if entry is None:
            self._attempts.wrong(address, now)
            self._say(f"An access token was refused that came from {identity.host}")
            return None
        return _as(entry, identity)

    def objection(self, message: ClientMessage, identity: Identity) -> Objection | None:
        """What speaks against carrying out a tool's message; None where nothing does."""
        return objection(command_of(message), identity, self.policy.restrictions)

    def _entries(self) -> tuple[Administrator, ...]:
        if self._file is None:
            return ()
        entries = self._file.entries()
        if self._file.fault:
            now = clock.monotonic()
            if now - self._fault_told >= _FAULT_S:
                self._fault_told = now
                self._say(f"Nobody administers from other machines: {self._file.fault}")
        return entries


def _as(entry: Administrator, identity: Identity) -> Identity:
    return Identity(entry.role, entry.name, identity.host, identity.local, attested=True)
