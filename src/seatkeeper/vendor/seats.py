"""The ledger's values: a session, the seats of a handle, and a request that waits for some."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seatkeeper.licfile.hostid import HostFacts, parse_hostids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.pools.accounts import Charge, Shared
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.decision import Asker
    from seatkeeper.vendor.events import Connection

__all__ = ["Seat", "Session", "Waiter", "host_facts"]


class Session:
    """One client, for as long as it lives, over all its connections.

    Attributes:
        number: How the log calls it.
        who: User and host, as the debug log writes them.
        address: Where it last came from.
        platform: What it says that it runs on.
        hostids: What it says that its machine is.
        connection: Where it is connected; None while it has not come back after a restart.
        knows: Whether it may be told who holds seats.
        heard: When it last showed that it lives, on the daemon's monotonic clock.
        begun: True once the log knows it, which it does from its first seat on.
        over: True when it has ended, and lives on only as the holder of seats that stay out.
        seats: Its seats by handle; None before the first.
        held: How many seats these are.
        asked: The highest request number seen.
        shown: By feature, the signed lines that this connection was last sent.
        waits: Its waiting requests by handle; None before the first.
        asker: Its usual self, for the options file; None until that is asked for.
    """

    __slots__ = (
        "address",
        "application",
        "asked",
        "asker",
        "begun",
        "connection",
        "digest",
        "display",
        "heard",
        "held",
        "host",
        "hostids",
        "knows",
        "number",
        "over",
        "pid",
        "platform",
        "project",
        "seats",
        "shown",
        "user",
        "waits",
        "who",
    )

    def __init__(
        self,
        number: int,
        digest: str,
        user: str,
        host: str,
        display: str,
        pid: int = 0,
        project: str = "",
        application: str = "",
        address: str = "",
    ) -> None:
        self.number = number
        self.digest = digest
        self.user = user
        self.host = host
        self.who = f"{user}@{host}"
        self.display = display
        self.pid = pid
        self.project = project
        self.application = application
        self.address = address
        self.platform = ""
        self.hostids: Sequence[str] = ()
        self.connection: Connection | None = None
        self.knows = False
        self.heard = 0.0
        self.begun = False
        self.over = False
        self.seats: dict[int, Seat] | None = None
        self.held = 0
        self.asked = -1
        self.shown: dict[str, str] | None = None
        self.waits: dict[int, Waiter] | None = None
        self.asker: Asker | None = None


class Seat(msgspec.Struct, eq=False):
    """The seats of one handle.

    Attributes:
        pool: Where they count; None while no license line covers them (after a reread), and they count nowhere.
        pool_key: Which pool of the feature gave them.
        version: The version that was asked for.
        since: Unix time of the checkout.
        charge: What they take from the pool, where more than the count matters; shared with others of its group.
        counter: In a suite, the group that they belong to.
        data: The application's part of the key under which checkouts share a license.
        borrow_until: Until when they are borrowed (Unix time); 0 for seats that are not.
        until: Until when they stay out although their holder has given them back; 0 while it holds them.
        revoked: True while an administrator's removal waits for the client.
    """

    handle: int
    session: Session
    request: int
    feature: str
    pool_key: str
    version: str
    count: int
    display: str
    since: float
    pool: Pool | None = None
    charge: Charge | None = None
    counter: Shared | None = None
    data: str = ""
    borrow_until: float = 0.0
    until: float = 0.0
    revoked: bool = False


class Waiter(msgspec.Struct, eq=False):
    """A request that waits for seats.

    Attributes:
        pool_key: The pool under which it is shown.
        told: The place that its client was told last.
        bars: The pools that lack seats for it, and whose next ones it has first.
    """

    handle: int
    session: Session
    request: int
    feature: str
    pool_key: str
    version: str
    count: int
    up_to: bool
    display: str
    data: str
    since: float
    told: int = 0
    bars: tuple[Pool, ...] = ()


def host_facts(session: Session, display: str) -> HostFacts:
    """The client's machine as it says; its names, display and address are those that are shown of it."""
    found: dict[str, list[str]] = {}
    for text in session.hostids:
        try:
            hostids = parse_hostids(text)
        except ValueError:
            continue
        for hostid in hostids:
            found.setdefault(hostid.kind, []).append(hostid.value)
    return HostFacts(
        ethers=tuple(found.get("ETHER", ())),
        long_id=next(iter(found.get("LONG", ())), ""),
        hostname=session.host,
        user=session.user,
        display=display,
        addresses=(session.address,) if session.address else (),
        volumes=tuple(found.get("DISK_SERIAL_NUM", ())),
        vm_uuid=next(iter(found.get("VM_UUID", ())), ""),
        container_id=next(iter(found.get("CONTAINER_ID", ())), ""),
    )
