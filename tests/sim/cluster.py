"""Three servers, their stores and their clients in one world, from a seed; `run` raises a Violation where an invariant does not hold."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from seatkeeper.vendor.machine import VendorSettings
from sim.checks import Checks, state_of
from sim.clients import Client
from sim.faults import Faults
from sim.logmodel import Stores
from sim.servers import Server
from sim.world import Violation, World
from support.vendor_bench import license_lines

__all__ = ["Cluster"]

FAULTY_S = 60.0
CALM_S = 25.0
AGREED_S = 10.0


class Cluster:
    """The whole of it."""

    def __init__(self, seed: int, *, faulty: bool = True, lazy: bool = False, wiped_votes: bool = False, unfenced: bool = False) -> None:
        self.world = world = World(seed)
        rng = world.rng
        self.faulty = faulty
        self.unfenced = unfenced
        # In some worlds all clients' clocks are as slow as may be, and all servers' as fast.
        self.skewed = rng.random() < 0.2
        self.eps = 0.1 if self.skewed else rng.choice((0.0, 0.01, 0.05))
        self.forwards = rng.random() < 0.5
        self.eager = rng.random() < 0.5
        self.borrowing = rng.choice((0.0, 0.0, 0.1))
        total = rng.randint(3, 5)
        lease_s = rng.choice((6.0, 8.0, 10.0))
        self.settings = VendorSettings("genesys.d", "0", lease_s=lease_s, heartbeat_s=lease_s / 4, closed_frees=False, drift=self.eps)
        text = f"SERVER this_host ANY\nVENDOR genesys.d\nFEATURE f1 genesys.d 8.0 permanent {total} BORROW SIGN=x\n"
        self.lines = license_lines(text)
        self.masters = self.losses = 0
        self.dead: dict[str, float] = {}
        self.checks = Checks(world, total, self.settings, self.lines)
        self.stores = Stores(world, self.checks, lazy, wiped_votes)
        self.servers: list[Server] = []
        self.clients: list[Client] = []
        self.faults: Any = Faults(self)
        self.servers += [Server(self, number) for number in range(3)]
        for server in self.servers:
            server.start()
        self.clients += [Client(self, number) for number in range(8)]
        self.checks.clients = self.clients

    def run(self) -> None:
        """Trouble, and then calm in which all must agree."""
        self.world.run(FAULTY_S)
        self.faults.end()
        self.stores.calm = True
        self.world.note("calm")
        self.world.run(FAULTY_S + AGREED_S)
        self._agreed()
        self.world.run(FAULTY_S + CALM_S)
        self._agreed()
        self._served()

    def way(self, client: str, number: int) -> list[str]:
        """Which hosts a connection goes through: a follower may pass it on to the master that it knows."""
        member = self.servers[number].member
        here = f"s{number}"
        if self.forwards and member is not None and member.master not in (-1, number):
            return [client, here, f"s{member.master}"]
        return [client, here]

    # Checks at the end, and of the dead ------------------------------------------------------------------------------------

    def _agreed(self) -> None:
        """I7: one master, and all have read the same."""
        members = [server.member for server in self.servers]
        masters = [member for member in members if member is not None and member.role == "master"]
        if len(masters) != 1:
            raise Violation(f"I7: {len(masters)} masters, roles {[member and member.role for member in members]}")
        for member in members:
            assert member is not None
            if member.master != masters[0].settings.me:
                raise Violation(f"I7: server {member.settings.me} takes {member.master} for the master")
            if member.position < masters[0].position - 5:
                raise Violation(f"I7: server {member.settings.me} is at {member.position} of {masters[0].position}")

    def _served(self) -> None:
        """Nobody who is alive is out of contact with seats or wishes."""
        for client in self.clients:
            session = client.walker._sessions[0] if client.walker is not None else None
            if session is not None and session.state.value not in ("open", "idle", "connecting", "greeting"):
                raise Violation(f"I7: {client.name} is {session.state.value} after {CALM_S} calm seconds")

    def died(self, secret: bytes) -> None:
        """A client was killed: its seats must soon be free."""
        self.dead[blake2b(secret, digest_size=16).hexdigest()] = self.world.now

    def dead_are_gone(self, server: Server) -> None:
        """I8: a dead client's seats are free when the lease, 5 % of it and 2 s have passed under one master."""
        member = server.member
        if not self.dead or member is None or member.role != "master":
            return
        eps = self.eps
        allowed = self.settings.lease_s * max(1.05, (1 + eps) / (1 - eps) ** 2) + 2.0
        for digest, since in self.dead.items():
            session = member.machine.ledger.by_digest.get(digest)
            if session is None or self.world.now - max(since, server.master_since) <= allowed:
                continue
            # What it had sent may have been on its way behind a cut link.
            if any(not seat.until for seat in (session.seats or {}).values()) and server.clock.now() - session.heard > allowed:
                raise Violation(f"I8: a dead client's seats are held {self.world.now - since:.1f} s later")

    def digest(self) -> str:
        """What came of it, to compare two runs of a seed."""
        return f"{self.world.events}/{len(self.checks.golden)}/{state_of(self.checks.oracle.ledger)}"
