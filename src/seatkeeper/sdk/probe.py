"""What a network and a license server do is tried out from this machine: names looked up, ports knocked at, and asked for seats.

It decides nothing; what a finding means is said in `client.findings` and `client.diagnosis`. A trial goes through the client that
applications use, and the server decides about it as about a checkout, and gives nothing: it takes no seat from anybody, and leaves
none that linger and no line in a log. A server that knows of no trials gives seats, and has them back at once.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError
from seatkeeper.client.diagnosis import Trial, Want
from seatkeeper.client.findings import Lookup, PortProbe
from seatkeeper.client.path import parse_path
from seatkeeper.sdk.admin import pools, server_status
from seatkeeper.sdk.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

    from seatkeeper.client.path import Address
    from seatkeeper.sdk.client import Seat
    from seatkeeper.wire.messages import Checkout, PoolStatus, ServerStatus

__all__ = ["LOOKUP_S", "PORT_S", "SCAN_ASKED_MAX", "SCAN_S", "Trials", "look_up", "scan_ports", "try_port", "who_listens"]

#: How long the name service may take; resolvers try several servers for 5 s each.
LOOKUP_S: Final = 15.0
#: How long a port may take to accept a connection: long enough for a lost packet to be sent again.
PORT_S: Final = 4.0
#: How long a scan may take as a whole, and one of its ports.
SCAN_S: Final = 60.0
SCAN_PORT_S: Final = 1.0
#: Ports that are tried at the same time.
_SCAN_WIDTH: Final = 256
#: Open ports that are asked whether a license server listens there.
SCAN_ASKED_MAX: Final = 32
_ADDRESSES_MAX: Final = 8
#: How long a tool's question within a diagnosis may take.
_ASK_S: Final = 5.0

_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})
#: Of a host's several addresses, the answer that says most.
_RANKS: Final = ("open", "refused", "forbidden", "silent", "unreachable")

# A client that believes a server without proof says so in its log; a diagnosis says so in a step of its own.
logging.getLogger("seatkeeper.sdk").addHandler(logging.NullHandler())


def look_up(host: str, timeout: float = LOOKUP_S) -> Lookup:
    """The addresses of a host name, or why there are none."""
    found: list[Lookup] = []

    def ask() -> None:
        try:
            told = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.append(Lookup(host, tuple(dict.fromkeys(str(where[0]) for _, _, _, _, where in told))[:_ADDRESSES_MAX]))
        except UnicodeError:
            found.append(Lookup(host, problem="it is no host name"))
        except OSError as error:
            found.append(Lookup(host, problem=error.strerror or str(error)))

    # The system's resolver takes no time limit, so it is left alone when it takes too long.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    return found[0] if found else Lookup(host, problem=f"the name service did not answer within {timeout:g} s")


def try_port(address: Address, timeout: float = PORT_S) -> PortProbe:
    """How the port takes a connection; of a host with several addresses the one that accepts, else the answer that says most."""
    tried: list[PortProbe] = []
    try:
        told = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        number = error.errno or 0 if isinstance(error, OSError) else 0
        return PortProbe(address, "unreachable", timeout, (number, "its name cannot be resolved"))
    for family, kind, protocol, _, where in told[:_ADDRESSES_MAX]:
        try:
            with socket.socket(family, kind, protocol) as sock:
                sock.settimeout(timeout)
                sock.connect(where)
            return PortProbe(address, "open")
        except TimeoutError:
            tried.append(PortProbe(address, "silent", timeout, (errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))))
        except OSError as error:
            number = error.errno or 0
            system = (number, os.strerror(number) if number else str(error))
            if number in _UNREACHABLE:
                tried.append(PortProbe(address, "unreachable", timeout, system))
            elif number in _FORBIDDEN:
                tried.append(PortProbe(address, "forbidden", timeout, system))
            else:
                tried.append(PortProbe(address, "silent" if number == errno.ETIMEDOUT else "refused", timeout, system))
    return min(tried, key=lambda probe: _RANKS.index(probe.state))


def scan_ports(
    host: str, ports: Iterable[int], tell: Callable[[int], None] = lambda done: None, *, limit_s: float = SCAN_S
) -> tuple[list[int], bool]:
    """The ports of the host that accept connections, and whether there was time for all of them.

    Args:
        host: Name or address.
        ports: The ports, in the order in which they are tried.
        tell: Called now and then with the number of ports that are done.
        limit_s: When to stop.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        return [], True
    waiting = iter(ports)
    found: list[int] = []
    done = 0

    async def work(until: float) -> bool:
        nonlocal done
        loop = asyncio.get_running_loop()
        for port in waiting:
            if loop.time() > until:
                return False
            with socket.socket(family, kind, protocol) as sock:
                sock.setblocking(False)
                try:
                    await asyncio.wait_for(loop.sock_connect(sock, (where[0], port, *where[2:])), SCAN_PORT_S)
                    found.append(port)
                except (OSError, TimeoutError):
                    pass
            done += 1
            tell(done)
        return True

    async def scan() -> bool:
        until = asyncio.get_running_loop().time() + limit_s
        return all(await asyncio.gather(*(work(until) for _ in range(_SCAN_WIDTH))))

    whole = asyncio.run(scan())
    return sorted(found), whole


def who_listens(host: str, ports: Iterable[int]) -> list[tuple[int, ServerStatus | None]]:
    """By port, the license server that listens there, or None where something else does; of many ports the first are asked."""
    told: list[tuple[int, ServerStatus | None]] = []
    for asked, port in enumerate(ports):
        status = None
        if asked < SCAN_ASKED_MAX:
            try:
                status = server_status(host, port, SCAN_PORT_S)
            except LicenseError:
                pass
        told.append((port, status))
    return told


class _TrialClient(Client):
    """The client that applications use, but that it only asks whether it would have seats, and for none to borrow (LM_BORROW)."""

    def _wish(self, want: Checkout) -> tuple[Checkout, bool]:
        return msgspec.structs.replace(want, trial=True), False


class Trials:
    """Trial checkouts along one license path, over one session.

    Args:
        path: The license path; None for that of the environment.
        vendor: The vendor daemon's name.
        application: The name under which the server records them.

    Raises:
        InputError: SEATKEEPER_ROOT is no key.
    """

    def __init__(self, path: str | None, vendor: str, application: str) -> None:
        self._client = _TrialClient(path, vendor, application=application)
        self._vendor = vendor
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session."""
        with self._runner as runner:
            runner.run(self._client.close())

    def attempt(self, want: Want, *, clock_too: bool = False) -> Trial:
        """What came of a trial checkout; with `clock_too` the server's clock is looked at."""
        return self._runner.run(self._attempt(want, clock_too))

    async def _attempt(self, want: Want, clock_too: bool) -> Trial:
        client = self._client
        try:
            before = clock.now()
            seat = await client.checkout(want.feature, want.version, want.count)
            after = clock.now()
        except LicenseError as error:
            return Trial(want, error)
        skew = await asyncio.to_thread(self._skew, seat, (before + after) / 2) if clock_too else None
        trial = Trial(want, None, seat.server, seat.version, seat.expiry, skew)
        try:
            await client.checkin(seat)
        except LicenseError:
            pass  # It has gone by itself in the meantime.
        return trial

    def _skew(self, seat: Seat, at: float) -> float | None:
        """How far the server's clock is ahead: the time of its answer tells, or the one that it noted for a checkout."""
        if seat.at:
            return seat.at - at
        known: list[PoolStatus] = []
        for address in parse_path(seat.server, windows=False)[0].addresses if "@" in seat.server else ():
            try:
                known = pools(address.host, address.port, self._vendor, seat.feature, _ASK_S)
            except LicenseError:
                continue
            break
        return next((holder.since - at for pool in known for holder in pool.holders if holder.handle == seat.handle), None)
