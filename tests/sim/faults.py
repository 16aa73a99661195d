"""What goes wrong in a world, drawn from its seed: processes, disks, clocks and links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.cluster import Cluster

__all__ = ["Faults"]


class Faults:
    """Makes trouble until it is told to be calm."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.world = cluster.world
        rng = self.world.rng
        self.calm = False
        self.every_s = rng.choice((2.0, 4.0, 8.0))
        self.kills_new = rng.random() < 0.2
        kinds: list[Any] = [
            self._crash,
            self._crash_master,
            self._host,
            self._pause,
            self._power,
            self._power_all,
            self._wipe,
            self._one_way,
            self._partition,
            self._bridge,
            self._master_cut,
            self._flap,
            self._wall,
            self._client_pause,
            self._client_kill,
            self._client_cut,
            self._client_late,
        ]
        # Each seed has its own mixture.
        self.kinds = rng.sample(kinds, rng.randint(4, len(kinds)))
        if cluster.faulty:
            self.world.after(5.0, self._strike)

    def _strike(self) -> None:
        if self.calm:
            return
        self.world.after(self.world.rng.expovariate(1 / self.every_s), self._strike)
        kind = self.world.rng.choice(self.kinds)
        self.world.note(f"fault {kind.__name__}")
        kind()

    # Servers -------------------------------------------------------------------------------------------------------------

    def _any(self) -> Any:
        return self.world.rng.choice(self.cluster.servers)

    def _master(self) -> Any:
        found = [one for one in self.cluster.servers if one.member is not None and one.member.role == "master"]
        return found[-1] if found else self._any()

    def mastered(self, server: Any) -> None:
        """Some are killed when they have just won."""
        if self.kills_new and not self.calm and self.world.rng.random() < 0.3:
            self.world.after(self.world.rng.uniform(0, 0.02), self._end, server, server.life)

    def _end(self, server: Any, life: int) -> None:
        if server.life == life:
            server.stop()
            self.world.after(self.world.rng.uniform(0.3, 3), server.start)

    def _crash(self) -> None:
        server = self._any()
        self._end(server, server.life)

    def _crash_master(self) -> None:
        server = self._master()
        self._end(server, server.life)

    def _down(self, server: Any, *, power: bool, wiped: bool, seconds: float) -> None:
        server.stop(power=power)
        if wiped:
            server.journal, server.durable = [], 0
        self.cluster.stores.down(server.number, power=power, wiped=wiped)
        self.world.after(seconds, self._up, server)

    def _up(self, server: Any) -> None:
        self.cluster.stores.start(server.number)
        server.start()

    def _host(self) -> None:
        self._down(self._any(), power=False, wiped=False, seconds=self.world.rng.uniform(0.5, 12))

    def _pause(self) -> None:
        server = self._master() if self.world.rng.random() < 0.6 else self._any()
        server.pause(self.world.rng.choice((0.1, 1.0, 5.0, 20.0)) * self.world.rng.random())

    def _power(self) -> None:
        self._down(self._any(), power=True, wiped=False, seconds=self.world.rng.uniform(0.5, 8))

    def _power_all(self) -> None:
        for server in self.cluster.servers:
            self._down(server, power=True, wiped=False, seconds=self.world.rng.uniform(0.5, 6))

    def _wipe(self) -> None:
        if any(one.learner for one in self.cluster.stores.stores):
            return
        server = self._any()
        self._down(server, power=True, wiped=True, seconds=self.world.rng.uniform(0.5, 3))
        self.world.after(3.0, self._rejoin, server.number)

    def _rejoin(self, number: int) -> None:
        """The administrator's command: it counts again once it has all that is committed."""
        store, leader = self.cluster.stores.stores[number], self.cluster.stores.leader()
        if leader is not None and leader is not store and store.up and store.term == leader.term and len(store.log) >= leader.committed:
            store.learner = False
        else:
            self.world.after(0.5, self._rejoin, number)

    def _wall(self) -> None:
        if self.cluster.borrowing:
            # A master whose wall clock jumps ahead ends borrows early: known, and not mended by the log.
            return
        self._any().clock.jump += self.world.rng.choice((-3600.0, 3600.0, -86400.0 * 30, 86400.0 * 30))

    # Links ---------------------------------------------------------------------------------------------------------------

    def _long(self) -> float:
        return self.world.rng.choice((1.0, 5.0, 25.0)) * self.world.rng.random()

    def _one_way(self) -> None:
        a, b = self.world.rng.sample(("s0", "s1", "s2"), 2)
        self.world.cut([(a, b)], self._long())

    def _partition(self) -> None:
        alone = self._any().name
        others = [name for name in ("s0", "s1", "s2") if name != alone]
        self.world.cut([pair for other in others for pair in ((alone, other), (other, alone))], self._long())

    def _bridge(self) -> None:
        a, b = self.world.rng.sample(("s0", "s1", "s2"), 2)
        self.world.cut([(a, b), (b, a)], self._long())

    def _master_cut(self) -> None:
        """The master is cut from the others, together with some clients."""
        server, rng = self._master(), self.world.rng
        others = [one.name for one in self.cluster.servers if one is not server]
        mine = [one.name for one in self.cluster.clients if rng.random() < 0.5]
        yours = [one.name for one in self.cluster.clients if one.name not in mine]
        pairs = [(server.name, other) for other in others + yours] + [(client, other) for client in mine for other in others]
        self.world.cut([way for a, b in pairs for way in ((a, b), (b, a))], rng.uniform(3, 30))

    def _flap(self) -> None:
        a, b = self.world.rng.sample(("s0", "s1", "s2"), 2)
        for number in range(10):
            self.world.after(number * 0.8, self.world.cut, [(a, b), (b, a)], 0.4)

    # Clients -------------------------------------------------------------------------------------------------------------

    def _client(self) -> Any:
        return self.world.rng.choice(self.cluster.clients)

    def _client_pause(self) -> None:
        self._client().pause(self.world.rng.choice((1.0, 5.0, 20.0)) * self.world.rng.random())

    def _client_kill(self) -> None:
        client = self._client()
        client.kill()
        self.world.after(self.world.rng.uniform(0.5, 10), client.start)

    def _client_cut(self) -> None:
        name = self._client().name
        back = [(f"s{number}", name) for number in range(3)]
        forth = [(b, a) for a, b in back]
        self.world.cut(self.world.rng.choice((back, forth, back + forth)), self._long())

    def _client_late(self) -> None:
        """Answers come late, and from then on nothing is heard of who they are for."""
        name, rng = self._client().name, self.world.rng
        late_s = rng.uniform(1.0, 2.5)
        self.world.cut([(f"s{number}", name) for number in range(3)], late_s)
        forth = [(name, f"s{number}") for number in range(3)]
        self.world.after(late_s - 0.3, self.world.cut, forth, self.cluster.settings.lease_s * 1.6)

    # Calm ----------------------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """From now on nothing goes wrong, and what is down comes up."""
        self.calm = True
        self.world.cuts.clear()
        for server in self.cluster.servers:
            if server.paused:
                server._resume(server.life)
            self._up(server)
            if self.cluster.stores.stores[server.number].learner:
                self._rejoin(server.number)
        for client in self.cluster.clients:
            if client.paused:
                client._resume(client.lives)
            client.start()
