"""A naive vendor daemon: lists and sums, counted anew for every question, to be compared with the real one.

It is written from the manual and the facts (FlexNet 1.5 to 1.7, 3.4, 3.5, 9), and shares no code with seatkeeper. It knows nothing
of entries, accounts, or of what has to be looked at again when: after every event everything is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

__all__ = ["Ask", "Client", "Files", "Hold", "Line", "Model", "Pool", "Rule", "Verdict", "Wait"]

LEASE_S: Final = 60.0
RESOLUTION_S: Final = 0.5
REMOVE_PAUSE_S: Final = 120.0
CLOCK_BACK_S: Final = 300.0
BORROW_MARGIN_S: Final = 60.0
TIMEOUT_S_MIN: Final = 900.0
#: The further a request has come when a pool denies it, the more worth telling.
STAGES: Final = {-88: 2, -38: 5, -39: 5, -84: 5, -26: 6, -87: 7, -101: 8, -4: 9, -24: 10}


# Files ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """Seats from one day to another."""

    count: int
    overdraft: int = 0
    start: date = date.min
    expires: date = date.max


@dataclass(frozen=True)
class Pool:
    """Lines that count together. `suite` is SUITE or SUITE_RESERVED for the components of package `package`."""

    feature: str
    version: str
    lines: tuple[Line, ...]
    mask: str = ""
    minimum: int = 1
    linger_s: float = 0.0
    borrow_h: float = 0.0
    named_max: int = 0
    package: str = ""
    suite: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What pools it: the same after a reread, unless one of these has changed."""
        return self.feature, self.version, self.mask, self.suite, "named" if self.named_max else ""

    @property
    def dated(self) -> bool:
        return any(line.start != date.min or line.expires != date.max for line in self.lines)


@dataclass(frozen=True)
class Rule:
    """A line of the options file; `feature` may be a package's name, `version` narrows it to one pool."""

    keyword: str
    feature: str
    number: int = 0
    kind: str = ""
    name: str = ""
    version: str = ""


@dataclass(frozen=True)
class Files:
    """License and options file."""

    pools: tuple[Pool, ...]
    rules: tuple[Rule, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def packages(self) -> set[str]:
        return {pool.package for pool in self.pools}


# People --------------------------------------------------------------------------------------------------------------


@dataclass
class Client:
    """A client; `heard` is None while it has no session."""

    name: str
    user: str
    host: str
    display: str
    heard: float | None = None
    connected: bool = False


@dataclass(frozen=True)
class Ask:
    """A request."""

    request: int
    feature: str
    version: str
    count: int
    up_to: bool
    display: str
    data: str
    queue: bool
    borrow_until: float


@dataclass
class Hold:
    """Seats that are out.

    Attributes:
        key: The pool that gave them.
        home: The pool in which they count; None where no line covers them.
        kept: Until when they stay out although their client has given them back.
        revoked: Until when a removal waits for their client.
        idle: Since when their user does nothing.
    """

    handle: int
    client: Client
    request: int
    feature: str
    key: tuple[str, ...]
    home: tuple[str, ...] | None
    version: str
    count: int
    display: str
    data: str
    since: float
    borrow_until: float = 0.0
    kept: float = 0.0
    revoked: float = 0.0
    idle: float | None = None


@dataclass
class Wait:
    """A request that waits."""

    handle: int
    client: Client
    ask: Ask


@dataclass(frozen=True)
class Verdict:
    """What is to be done about a request: seats (number 0) or a denial, of which pools may give several reasons that are as good."""

    number: int
    pool: Pool | None = None
    count: int = 0
    may_wait: bool = False
    bars: frozenset[Pool] = frozenset()
    numbers: frozenset[int] = frozenset()


@dataclass
class Model:
    """The daemon."""

    files: Files
    now: float = 0.0
    wall: float = 0.0
    today: date = date.min
    clock_back: bool = False
    latest: float = 0.0
    holds: list[Hold] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    removed: dict[tuple[str, str, str, str], tuple[float, float]] = field(default_factory=dict)
    next_handle: int = 101

    # What the files say ----------------------------------------------------------------------------------------------

    def pools_of(self, feature: str) -> list[Pool]:
        return [pool for pool in self.files.pools if pool.feature == feature]

    def is_good(self, pool: Pool) -> bool:
        return bool(self.good_lines(pool))

    def good_lines(self, pool: Pool) -> list[Line]:
        return [line for line in pool.lines if line.start <= self.today <= line.expires]

    def total(self, pool: Pool) -> int:
        return sum(line.count for line in self.good_lines(pool))

    def capacity(self, pool: Pool) -> int:
        overdraft = sum(line.overdraft for line in self.good_lines(pool))
        return self.total(pool) + min([overdraft, *self.numbers("MAX_OVERDRAFT", pool)])

    def rules(self, keyword: str, pool: Pool) -> list[Rule]:
        names = (pool.feature, pool.package or pool.feature)
        return [
            rule for rule in self.files.rules if rule.keyword == keyword and rule.feature in names and rule.version in ("", pool.version)
        ]

    def numbers(self, keyword: str, pool: Pool) -> list[int]:
        """Of several lines the last one counts."""
        return [rule.number for rule in self.rules(keyword, pool)][-1:]

    def is_meant(self, rule: Rule, client: Client) -> bool:
        if rule.kind == "GROUP":
            return client.user in dict(self.files.groups).get(rule.name, ())
        return rule.name == {"USER": client.user, "HOST": client.host}[rule.kind]

    def refusal(self, pool: Pool, client: Client) -> int:
        """By EXCLUDE, INCLUDE and USER_BASED."""
        including = self.rules("INCLUDE", pool)
        if any(self.is_meant(rule, client) for rule in self.rules("EXCLUDE", pool)):
            return -38
        if including and not any(self.is_meant(rule, client) for rule in including):
            return -39
        if pool.named_max:
            named = list(dict.fromkeys(rule.name for rule in including if rule.kind == "USER"))
            if not named:
                return -84
            if client.user not in named[: pool.named_max]:
                return -39
        return 0

    def linger_s(self, pool: Pool) -> float:
        return max([pool.linger_s, *map(float, self.numbers("LINGER", pool))])

    def timeout_s(self, pool: Pool) -> float | None:
        found = self.numbers("TIMEOUT", pool)
        return max(float(found[0]), TIMEOUT_S_MIN) if found else None

    # Who holds what --------------------------------------------------------------------------------------------------

    def reread(self, files: Files) -> None:
        """Seats count in the pool that gave them, else in a good one that would meet the request, else nowhere."""
        self.files = files
        for hold in self.holds:
            pools = self.pools_of(hold.feature)
            own = [pool for pool in pools if pool.key == hold.key]
            heirs = own or [pool for pool in pools if self.is_good(pool) and float(pool.version) >= float(hold.version)]
            assert len(heirs) < 2, "the model does not say which of several pools takes seats over"
            hold.home = heirs[0].key if heirs else None

    def pool_of(self, hold: Hold) -> Pool | None:
        """Where seats count."""
        return next((pool for pool in self.pools_of(hold.feature) if pool.key == hold.home), None)

    def in_pool(self, pool: Pool) -> list[Hold]:
        return [hold for hold in self.holds if self.pool_of(hold) == pool]

    def group(self, pool: Pool, client: Client, display: str, data: str) -> tuple[str, ...] | None:
        """What checkouts that share a license have in common; None where each has its own."""
        if not pool.mask:
            return None
        if pool.mask == "SITE":
            return ()
        return tuple({"U": client.user, "H": client.host, "D": display, "V": data}[letter] for letter in pool.mask)

    def groups(self, pool: Pool) -> list[list[Hold]]:
        """The checkouts of a pool, those together that share a license."""
        found: dict[object, list[Hold]] = {}
        for hold in self.in_pool(pool):
            key = self.group(pool, hold.client, hold.display, hold.data)
            found.setdefault(hold.handle if key is None else key, []).append(hold)
        return list(found.values())

    def used(self, pool: Pool) -> int:
        return sum(max(hold.count for hold in group) for group in self.groups(pool))

    def suites(self, package: str) -> dict[tuple[str, str, str], list[Hold]]:
        """By user, host and display who holds components of a suite."""
        found: dict[tuple[str, str, str], list[Hold]] = {}
        for hold in self.holds:
            pool = self.pool_of(hold)
            if pool is not None and pool.suite and pool.package == package:
                found.setdefault((hold.client.user, hold.client.host, hold.display), []).append(hold)
        return found

    def suites_used(self, package: str) -> int:
        return sum(max(hold.count for hold in holds) for holds in self.suites(package).values())

    def limit_used(self, rule: Rule, feature: str) -> int:
        """A ceiling is over all pools of a feature; a shared license counts as the largest checkout of whom it names."""
        return sum(self.limited(rule, pool, group) for pool in self.pools_of(feature) for group in self.groups(pool))

    def limited(self, rule: Rule, pool: Pool, group: list[Hold]) -> int:
        if rule not in self.rules("MAX", pool):
            return 0
        # Who is not allowed any more counts under no rule.
        counts = [hold.count for hold in group if self.is_meant(rule, hold.client) and not self.refusal(pool, hold.client)]
        return max(counts, default=0)

    def reserved(self, pool: Pool) -> list[tuple[Rule | tuple[str, str, str], int, int]]:
        """Each reservation of a pool: whose it is, its seats, and how many of them are idle.

        Somebody's seats come out of what is kept for the fewest people first. The groups of the files lie within each other, so it
        does not matter whose of a group come out of what is kept for it.
        """
        left = self.total(pool)
        found: list[tuple[Rule | tuple[str, str, str], int, int]] = []
        # Where there are reservations, only seats of one user are shared.
        held = [(group[0].client, max(hold.count for hold in group)) for group in self.groups(pool)]
        held = [(client, count) for client, count in held if not self.refusal(pool, client)]
        counts: dict[Rule, int] = {}
        for rule in self.rules("RESERVE", pool):
            counts[rule] = min(rule.number, left)
            left -= counts[rule]
        groups = dict(self.files.groups)
        for rule in sorted(counts, key=lambda rule: len(groups.get(rule.name, "1"))):
            idle = counts[rule]
            for place, (client, count) in enumerate(held):
                part = min(idle, count) if self.is_meant(rule, client) else 0
                idle -= part
                held[place] = client, count - part
            found.append((rule, counts[rule], idle))
        if pool.suite == "SUITE_RESERVED":
            for key, holds in self.suites(pool.package).items():
                count = min(1, left)
                left -= count
                mine = [group for group in self.groups(pool) if any(hold in holds for hold in group)]
                taken = sum(max(hold.count for hold in group) for group in mine)
                found.append((key, count, max(0, count - taken)))
        return found

    def is_murky(self, pool: Pool) -> bool:
        """More suites are out than there are: which of them keep their components depends on which were first."""
        return bool(pool.suite) and len(self.suites(pool.package)) > self.total(pool)

    # May this request have seats -------------------------------------------------------------------------------------

    def decide(self, client: Client, ask: Ask, barred: frozenset[Pool], without: tuple[Pool, ...] = ()) -> Verdict:
        pools = [pool for pool in self.pools_of(ask.feature) if pool not in without]
        if not pools:
            return Verdict(-125 if ask.feature in self.files.packages else -5)
        fitting = [pool for pool in pools if not ask.version or float(pool.version) >= float(ask.version)]
        if not fitting:
            return Verdict(-21)
        good = [pool for pool in fitting if self.is_good(pool)]
        if not good:
            return Verdict(-31 if any(line.start > self.today for pool in fitting for line in pool.lines) else -10)
        partial: Verdict | None = None
        denials: list[Verdict] = []
        for pool in good:
            found = self.weigh(pool, client, ask, barred)
            if not found.number and (found.count >= ask.count or not ask.up_to):
                return found
            if found.number:
                denials.append(found)
            elif partial is None or found.count > partial.count:
                partial = found
        if partial is not None:
            return partial
        told = max(denials, key=lambda denial: STAGES[denial.number])
        numbers = frozenset(denial.number for denial in denials if STAGES[denial.number] == STAGES[told.number])
        bars = frozenset[Pool]().union(*(denial.bars for denial in denials))
        return replace(told, may_wait=any(denial.may_wait for denial in denials), bars=bars, numbers=numbers)

    def weigh(self, pool: Pool, client: Client, ask: Ask, barred: frozenset[Pool]) -> Verdict:
        if self.clock_back and pool.dated:
            return Verdict(-88, pool)
        refused = self.refusal(pool, client)
        if refused:
            return Verdict(refused, pool)
        display = ask.display or client.display
        count, least = max(ask.count, pool.minimum), max(1 if ask.up_to else ask.count, pool.minimum)
        mine = self.group(pool, client, display, ask.data)
        shared = [
            hold for hold in self.in_pool(pool) if mine is not None and self.group(pool, hold.client, hold.display, hold.data) == mine
        ]
        has = max((hold.count for hold in shared), default=0)
        suite = (client.user, client.host, display)
        reserved = self.reserved(pool)
        for_others = sum(seats for whose, seats, _ in reserved if isinstance(whose, Rule) and not self.is_meant(whose, client))
        limits = [rule for rule in self.rules("MAX", pool) if self.is_meant(rule, client)]
        may_wait = least <= min([self.capacity(pool) - for_others, *(rule.number for rule in limits)])
        own = sum(idle for whose, _, idle in reserved if isinstance(whose, Rule) and self.is_meant(whose, client))
        # The options file's ceilings.
        for rule in limits:
            left = rule.number - self.limit_used(rule, pool.feature) + self.limited(rule, pool, shared)
            if left < least:
                return Verdict(-87, pool, may_wait=may_wait)
            count = min(count, left)
        # The seats that are there.
        own += sum(idle for whose, _, idle in reserved if whose == suite)
        left = self.capacity(pool) - self.used(pool) + has
        free = max(has, left - sum(idle for _, _, idle in reserved) + own)
        most = has + own if pool in barred else count
        short_of = {pool}
        capacity = self.capacity(pool)
        short = False
        if pool.suite:
            counter = self.counter(pool)
            suites = max((hold.count for hold in self.suites(pool.package).get(suite, [])), default=0)
            suites_left = suites + max(0, self.capacity(counter) - self.suites_used(pool.package))
            short_of = {counter} if free >= least else {pool, counter}
            free, left = min(free, suites_left), min(left, suites_left)
            short = suites_left < least
            if counter in barred:
                most = min(most, suites)
        if free >= least and most >= least:
            return Verdict(0, pool, min(count, free, most))
        bars = frozenset(short_of) if may_wait else frozenset()
        if least > capacity:
            return Verdict(-26, pool)
        if most < least and may_wait:
            return Verdict(-24, pool, may_wait=may_wait, bars=bars)
        return Verdict(-101 if left >= least and not short else -4, pool, may_wait=may_wait, bars=bars)

    def counter(self, pool: Pool) -> Pool:
        """The seats of the suite itself: of its enabling line."""
        return replace(pool, feature=pool.package, package="", suite="")

    def borrow_denial(self, pool: Pool, client: Client, ask: Ask, count: int) -> int:
        wanted = ask.borrow_until - self.wall
        if not pool.borrow_h:
            return -68
        if wanted <= 0:
            return -117
        if wanted > min([pool.borrow_h, *self.numbers("MAX_BORROW_HOURS", pool)]) * 3600 + BORROW_MARGIN_S:
            return -104
        if any(self.is_meant(rule, client) for rule in self.rules("EXCLUDE_BORROW", pool)):
            return -38
        mine = self.group(pool, client, ask.display or client.display, ask.data)
        out, shared = 0, 0
        for group in self.groups(pool):
            borrowed = max((hold.count for hold in group if hold.borrow_until), default=0)
            out += borrowed
            if mine is not None and self.group(pool, group[0].client, group[0].display, group[0].data) == mine:
                shared = borrowed
        return -67 if count - shared > self.total(pool) - sum(self.numbers("BORROW_LOWWATER", pool)) - out else 0

    def decide_borrow(self, client: Client, ask: Ask, barred: frozenset[Pool]) -> Verdict:
        """The first pool that gives seats and lends them; else what stood against the first."""
        without: tuple[Pool, ...] = ()
        first: Verdict | None = None
        while True:
            found = self.decide(client, ask, barred, without)
            if found.number or not ask.borrow_until:
                return first if first is not None and found.number else found
            assert found.pool is not None
            number = self.borrow_denial(found.pool, client, ask, found.count)
            if not number:
                return found
            first = first or Verdict(number, found.pool)
            without = (*without, found.pool)

    # Waiting ---------------------------------------------------------------------------------------------------------

    def barred(self, family: set[str]) -> frozenset[Pool]:
        """For what earlier requests wait."""
        found: frozenset[Pool] = frozenset()
        for wait in self.waits:
            if wait.ask.feature in family:
                found |= self.bars(wait, found)
        return found

    def bars(self, wait: Wait, barred: frozenset[Pool]) -> frozenset[Pool]:
        if wait.client.connected:
            return self.decide(wait.client, wait.ask, barred).bars
        version = wait.ask.version
        would_do = [pool for pool in self.pools_of(wait.ask.feature) if self.is_good(pool) and (not version or pool.version >= version)]
        return frozenset([*would_do, *(self.counter(pool) for pool in would_do if pool.suite)])

    def family(self, feature: str) -> set[str]:
        """The features that hang together in suites with this one."""
        packages = {pool.package for pool in self.pools_of(feature) if pool.suite}
        return {feature} | {pool.feature for pool in self.files.pools if pool.suite and pool.package in packages}

    def serve(self) -> None:
        """Whoever waits and may have seats has them, in the order of asking; who never may waits no longer."""
        while self.serve_in_turn():
            pass

    def serve_in_turn(self) -> bool:
        before = len(self.waits)
        barred: frozenset[Pool] = frozenset()
        for wait in list(self.waits):
            if not wait.client.connected:
                barred |= self.bars(wait, barred)
                continue
            found = self.decide(wait.client, wait.ask, barred)
            if not found.number:
                self.waits.remove(wait)
                self.seat(wait.client, wait.ask, found, wait.handle)
            elif not found.may_wait and found.number != -88:
                self.waits.remove(wait)
            else:
                barred |= found.bars
        return len(self.waits) < before

    # Events ----------------------------------------------------------------------------------------------------------

    def ask(self, client: Client, ask: Ask) -> tuple[object, ...]:
        """What a request is answered: ("seats", handle, count), ("waits", handle) or ("denied", number)."""
        self.hear(client)
        own = self.own_lingering(client, ask)
        found = self.decide_with_own(client, ask, own)
        over = [hold for hold in self.holds if hold.kept and hold.kept <= self.wall]
        if found.may_wait and over:
            self.holds = [hold for hold in self.holds if hold not in over]
            own = None if own in over else own
            found = self.decide_with_own(client, ask, own)
        if own is not None and (not found.number or (ask.queue and found.may_wait and not ask.borrow_until)):
            self.holds.remove(own)
        if not found.number:
            handle = self.new_handle()
            self.seat(client, ask, found, handle)
            return "seats", handle, found.count
        if ask.queue and found.may_wait and not ask.borrow_until:
            self.waits.append(Wait(self.new_handle(), client, ask))
            return "waits", self.waits[-1].handle
        return "denied", found.numbers or frozenset([found.number])

    def new_handle(self) -> int:
        self.next_handle += 1
        return self.next_handle - 1

    def seat(self, client: Client, ask: Ask, found: Verdict, handle: int) -> None:
        pool = found.pool
        assert pool is not None
        version = ask.version or pool.version
        display = ask.display or client.display
        self.holds.append(
            Hold(
                handle,
                client,
                ask.request,
                ask.feature,
                pool.key,
                pool.key,
                version,
                found.count,
                display,
                ask.data,
                self.wall,
                ask.borrow_until,
            )
        )

    def lingers(self, hold: Hold) -> bool:
        return bool(hold.kept) and not hold.borrow_until

    def own_lingering(self, client: Client, ask: Ask) -> Hold | None:
        """The seats that linger for whoever asks."""
        who = (client.user, client.host, ask.display or client.display)
        found = [
            hold
            for hold in self.holds
            if self.lingers(hold)
            and hold.feature == ask.feature
            and (hold.client.user, hold.client.host, hold.display) == who
            and hold.count <= ask.count
        ]
        return min(found, key=lambda hold: hold.kept, default=None)

    def decide_with_own(self, client: Client, ask: Ask, own: Hold | None) -> Verdict:
        """As if the seats that linger for the asker were back; who waits does not come before him for those."""
        barred = self.barred(self.family(ask.feature))
        if own is None:
            return self.decide_borrow(client, ask, barred)
        pool = self.pool_of(own)
        if own.count == ask.count and pool is not None:
            barred -= {pool, self.counter(pool)} if pool.suite else {pool}
        before = list(self.holds)
        self.holds.remove(own)
        found = self.decide_borrow(client, ask, barred)
        self.holds = before
        return found

    def give_back(self, hold: Hold, why: str) -> None:
        """Seats come back, or stay out for a while."""
        pool = self.pool_of(hold)
        until = 0.0
        if not hold.revoked and not hold.kept and why in ("checkin", "closed", "silent"):
            until = hold.borrow_until + BORROW_MARGIN_S if hold.borrow_until else 0.0
            if pool is not None and self.linger_s(pool) and why != "silent":
                until = max(until, self.wall + self.linger_s(pool))
        if until > self.wall:
            hold.kept, hold.idle = until, None
        else:
            self.holds.remove(hold)

    def of(self, client: Client) -> list[Hold]:
        """What the client's session holds."""
        return [hold for hold in self.holds if hold.client is client and not hold.kept]

    def hear(self, client: Client) -> None:
        if client.heard is None or self.now - client.heard >= RESOLUTION_S:
            client.heard = self.now

    def end(self, client: Client, why: str) -> None:
        """The client's session ends."""
        self.waits = [wait for wait in self.waits if wait.client is not client]
        for hold in self.of(client):
            self.give_back(hold, why)
        client.heard, client.connected = None, False

    def greet(self, client: Client, held: set[int], asking: set[int]) -> None:
        client.connected = True
        self.hear(client)
        for hold in self.of(client):
            if hold.handle not in held and (hold.revoked or hold.request not in asking):
                self.holds.remove(hold)
        self.waits = [wait for wait in self.waits if wait.client is not client or wait.ask.request in asking]

    def remove(self, feature: str, user: str, host: str, display: str, handle: int) -> tuple[int, int]:
        """Number and how many handles were meant, of lmremove."""
        found = [hold for hold in self.holds if hold.feature == feature]
        if handle:
            found = [hold for hold in found if hold.handle == handle]
        else:
            found = [hold for hold in found if (hold.client.user, hold.client.host, hold.display) == (user, host, display)]
        if not found:
            return (-41 if self.pools_of(feature) else -5), 0
        live = [hold for hold in found if not hold.kept and hold.borrow_until <= self.wall]
        if not live:
            return -100, 0
        for hold in live:
            last = self.removed.get((feature, hold.client.user, hold.client.host, hold.display))
            if last is not None and self.now - last[0] < REMOVE_PAUSE_S and hold.since > last[1]:
                return -64, 0
        for hold in live:
            self.removed[feature, hold.client.user, hold.client.host, hold.display] = self.now, self.wall
            hold.revoked = hold.revoked or self.now + LEASE_S
        return 0, len(live)

    def tick(self) -> None:
        """Time has passed."""
        self.look_at_clock()
        self.holds = [hold for hold in self.holds if not hold.kept or hold.kept > self.wall]
        for client in self.clients:
            if client.heard is not None and client.heard + LEASE_S + RESOLUTION_S <= self.now:
                self.end(client, "silent")
        self.holds = [hold for hold in self.holds if not hold.revoked or hold.revoked > self.now]
        for hold in list(self.holds):
            pool = self.pool_of(hold)
            limit = self.timeout_s(pool) if pool is not None else None
            if limit is not None and hold.idle is not None and self.now - hold.idle >= limit and not hold.borrow_until:
                self.holds.remove(hold)

    def look_at_clock(self) -> None:
        self.today = datetime.fromtimestamp(self.wall, UTC).date()
        self.clock_back = self.latest - self.wall > CLOCK_BACK_S
        if not self.clock_back:
            self.latest = max(self.latest, self.wall)

    def restart(self, latest: float) -> None:
        """A new process, which has read of `latest` in its log."""
        self.latest = latest
        self.removed.clear()
        for client in self.clients:
            begun = any(hold.client is client and not hold.kept for hold in self.holds) or any(wait.client is client for wait in self.waits)
            client.connected = False
            client.heard = self.now if begun else None
        for hold in self.holds:
            hold.idle = None
            hold.revoked = self.now + LEASE_S if hold.revoked else 0.0
        self.look_at_clock()
