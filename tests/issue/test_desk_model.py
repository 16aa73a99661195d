"""The desk against a naive model: after any acts, what is entitled to, what each license server has and what counts is what was done.

The model (`Bought`) knows for each customer's row of orders what it has by name and number, and adds up by itself; from the catalog it
asks only what licenses a number of items gives. After each act: entitlements are the model's, and so are the sums of all changes; each
license server's file, with every delta merged into it as its administrator would, has exactly those licenses; files count or are
retired as in the model; the history is one chain that has grown from every earlier one; and the registry is whole but for what a
stolen key signed. At the end every file ever issued is made again, the same to the byte.

The same rules are played by hypothesis, which makes a failure short, and by dice with a seed, which get further in as many steps.
SEATKEEPER_LONG=1 plays more and longer, and on PostgreSQL too.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from seatkeeper.adapters.keys import load_trust, revoke, rotate
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.catalog.expand import Environment, ExtraLicense, Item, expand
from seatkeeper.catalog.model import RULES_OF_QUANTITY
from seatkeeper.issue import desk_acts
from seatkeeper.issue.desk import reproduce, withdraw
from seatkeeper.issue.desk_base import files_in_force, lay_out
from seatkeeper.issue.desk_entitling import held
from seatkeeper.licfile.editing import merge, read_source
from seatkeeper.licfile.model import Feature
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines
from support.deskwork import CATALOG, MAIL, TODAY, VOICE, Office, order

if TYPE_CHECKING:
    from seatkeeper.issue.model import Order

LONG: Final = os.environ.get("SEATKEEPER_LONG") == "1"
CHAT, MANAGER = "Genesys Chat", "Conversation Manager"
PRODUCTS: Final = (VOICE, MAIL, CHAT, MANAGER)
LICENSES: Final = ("vcb_full", "ics_custom_media_channel")
VERSIONS: Final = ("8.1", "8.5", "9.0")
ENVIRONMENT: Final = Environment(technical_dns=100)
CUSTOMERS: Final = {"1111": "Pigeon Post Example Ltd", "2222": "Pigeon Post Example Ltd", "3333": "Loft Example AG"}
ROWS_MAX: Final = 3
#: Where waiting for the disk costs nothing; that what is written stays there is for other tests.
IN_MEMORY: Final = Path("/dev/shm")

which = st.integers(0, 99)
products = st.sampled_from(PRODUCTS)
quantities = st.integers(1, 12)


@dataclass
class Issued:
    """A file as it was when it came out."""

    text: str
    issuer: str
    day: int


@dataclass
class Bought:
    """What a customer has by one row of orders."""

    site: str
    servers: list[str]
    shares: tuple[int, ...]
    items: dict[str, tuple[str, int]]
    expires: str
    licenses: dict[str, int] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    #: Host ids -> what the license server has by now.
    served: dict[str, str] = field(default_factory=dict)
    ended: bool = False

    def text(self) -> str:
        """The order that it began with, as TOML."""
        terms = f'purpose = "production"\nexpires = "{self.expires}"\n'
        if len(self.servers) > 1:
            terms += f'configuration = "{"independent" if self.shares else "redundant"}"'
        servers = "".join(
            f'[[servers]]\nhost = "host{at}"\nhostid = "{hostid}"\nport = 7260\n' + (f"share = {self.shares[at]}\n" if self.shares else "")
            for at, hostid in enumerate(self.servers)
        )
        text = order({name: count for name, (_, count) in self.items.items()}, terms, servers)
        return text.replace('"1111"', f'"{self.site}"').replace("Pigeon Post Example Ltd", CUSTOMERS[self.site])

    def entitled(self) -> dict[tuple[str, str], tuple[str, int]]:
        """Kind and name -> version and quantity."""
        rows = {("item", name): each for name, each in self.items.items()}
        return rows | {("license", line.feature): (line.version, line.count) for line in self.lines(self.items, self.licenses)}

    def lines(self, items: dict[str, tuple[str, int]], licenses: dict[str, int]) -> list[Any]:
        bought = [Item(name, version, count) for name, (version, count) in items.items() if count]
        return expand(CATALOG, bought, ENVIRONMENT, [ExtraLicense(name, count) for name, count in licenses.items() if count])

    def wanted(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Host ids -> license -> version and seats, for each license server."""
        if not self.shares:
            return {" ".join(self.servers): self._file(self.items, self.licenses, lambda count: count)}
        return {hostid: self._part(at) for at, hostid in enumerate(self.servers)}

    def _part(self, at: int) -> dict[str, tuple[str, str]]:
        def part(count: int) -> int:
            return divided(count, *self.shares)[at]

        items = {name: (version, part(count)) for name, (version, count) in self.items.items()}
        return self._file(items, {name: part(count) for name, count in self.licenses.items()}, part)

    def _file(self, items: dict[str, tuple[str, int]], licenses: dict[str, int], part: Callable[[int], int]) -> dict[str, tuple[str, str]]:
        found = {CATALOG.product(name).part: each for name, each in items.items()}
        here = {line.feature: line.count for line in self.lines(items, licenses)}
        for line in self.lines(self.items, self.licenses):
            # What does not follow quantities has no place of its own, so it is divided as it is.
            count = here.get(line.feature, 0) if line.rule in RULES_OF_QUANTITY else part(line.count)
            found[line.feature] = line.version, count
        return {name: (version, str(count)) for name, (version, count) in found.items() if count}


def divided(count: int, first: int, second: int) -> tuple[int, int]:
    """The two whole parts that come nearest to the shares; nobody goes without who could have one."""
    low, high = (1, count - 1) if count > 1 else (0, count)
    best = min(range(low, high + 1), key=lambda part: (abs(part * (first + second) - count * first), -part if first >= second else part))
    return best, count - best


class DeskAgainstModel(RuleBasedStateMachine):
    """The desk and its model, told the same."""

    kind = "sqlite"

    @initialize(number=which, items=st.dictionaries(products, quantities, min_size=1))
    def begin(self, number: int, items: dict[str, int]) -> None:
        self.place = tempfile.TemporaryDirectory(prefix="seatkeeper-desk-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
        self.directory = Path(self.place.name)
        self.office = Office.make(self.directory / "office", self.kind)
        self.day = self.outputs = 0
        self.rows: list[Bought] = []
        self.files: dict[str, Issued] = {}
        self.stolen: dict[str, int] = {}
        self.moves = self.renewals = 0
        self.head = ""
        self.bought(sorted(CUSTOMERS)[number % 3], ("single", "independent", "redundant")[number // 3 % 3], (3, 2), items, "2026-09-30")

    # The model's acts ----------------------------------------------------------------------------------------------------

    def one(self, number: int) -> Bought:
        """One of those that count."""
        alive = [row for row in self.rows if not row.ended]
        return alive[number % len(alive)]

    def today(self) -> date:
        return TODAY + timedelta(days=self.day)

    def worthless(self) -> set[str]:
        """The files that a stolen key signed since it was."""
        return {number for number, file in self.files.items() if self.stolen.get(file.issuer, file.day + 1) <= file.day}

    def good(self, text: str) -> bool:
        """Whether a license server would take all of it by now."""
        parsed = parse(text)
        return all(verdict.ok for verdict in verify_lines(parsed.file, self.office.trust, places=parsed.places))

    def change(self, row: Bought, act: str, make: Callable[[Order], Order], delta: bool = False, **details: Any) -> None:
        number = desk_acts.change(self.office.desk(self.day), row.orders[-1], act, make, details).row.number
        row.orders.append(number)
        self.issue(row, number, delta=delta)

    def issue(self, row: Bought, number: str, *, delta: bool = False) -> None:
        self.outputs += 1
        output = f"out{self.outputs}"
        if not row.shares:
            (self.office.directory / output).mkdir()
            output += "/license.dat"
        more: dict[str, Any] = {}
        if delta:
            base = self.directory / f"base{self.outputs}"
            base.mkdir()
            with self.office.registry.read() as view:
                lay_out(view, number, base, self.today())
            more = {"delta_to": base}
            if not all(map(self.good, row.served.values())):
                # A delta never builds upon what would be refused.
                with pytest.raises(InputError, match="not as it was issued"):
                    self.office.issue(number, output, later=self.day, **more)
                more = {}
        put = self.office.issue(number, output, later=self.day, **more)
        if not more:
            row.live, row.served = [], {}
        for each in put:
            text = each.path.read_text()
            self.files[each.number] = Issued(text, each.issuer, self.day)
            row.live.append(each.number)
            old = row.served.get(each.hostids)
            both = (read_source(data.encode()) for data in (old, text) if data is not None)
            row.served[each.hostids] = merge(*both, self.today()).data.decode() if old is not None else text
            again = reproduce(self.office.desk(self.day), each.number, self.office.trust, self.office.keys)
            assert (again.text, again.resigned) == (text, True)

    # The rules -----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.rows) < ROWS_MAX)
    @rule(
        site=st.sampled_from(sorted(CUSTOMERS)),
        how=st.sampled_from(["single", "redundant", "independent"]),
        shares=st.tuples(st.integers(1, 5), st.integers(1, 5)),
        items=st.dictionaries(products, quantities, min_size=1),
        expires=st.sampled_from(["permanent", "2026-09-30"]),
    )
    def buy(self, site: str, how: str, shares: tuple[int, int], items: dict[str, int], expires: str) -> None:
        self.bought(site, how, shares, items, expires)

    def bought(self, site: str, how: str, shares: tuple[int, int], items: dict[str, int], expires: str) -> None:
        count = {"single": 1, "redundant": 3, "independent": 2}[how]
        servers = [f"08002000{len(self.rows):02d}{at:02d}" for at in range(count)]
        bought = {name: ("8.5", quantity) for name, quantity in items.items()}
        row = Bought(site, servers, shares if how == "independent" else (), bought, expires)
        if not all(row.wanted().values()):
            self.refused(lambda: self.office.register(row.text()), "would get no license at all")
            return
        self.rows.append(row)
        row.orders.append(self.office.register(row.text()))
        self.issue(row, row.orders[0])

    def refused(self, act: Callable[[], object], words: str) -> None:
        """It is, and leaves no trace."""
        with self.office.registry.read() as view:
            before = view.last_history()
        with pytest.raises(SeatkeeperError, match=words):
            act()
        with self.office.registry.read() as view:
            assert view.last_history() == before

    def try_change(self, row: Bought, new: Bought, act: str, make: Callable[[Order], Order], *, delta: bool = False) -> None:
        """Change it, or see it refused where a license server would have nothing left."""
        if not all(new.wanted().values()):
            desk, last = self.office.desk(self.day), row.orders[-1]
            self.refused(lambda: desk_acts.change(desk, last, act, make, {}), "would get no license at all")
            return
        row.items, row.licenses = new.items, new.licenses
        self.change(row, act, make, delta)

    def having(self, row: Bought, items: dict[str, tuple[str, int]], licenses: dict[str, int] | None = None) -> Bought:
        return Bought(row.site, row.servers, row.shares, items, row.expires, row.licenses if licenses is None else licenses)

    @precondition(lambda self: any(not row.ended for row in self.rows))
    @rule(number=which, items=st.dictionaries(products, quantities, max_size=2), license_=st.sampled_from(LICENSES), more=quantities,
          delta=st.booleans())  # fmt: skip
    def add(self, number: int, items: dict[str, int], license_: str, more: int, delta: bool) -> None:
        row = self.one(number)
        highest = max((version for version, _ in row.items.values()), default="8.5")
        bought = dict(row.items)
        for name, quantity in items.items():
            version, before = bought.get(name, (highest, 0))
            bought[name] = version, before + quantity
        licenses = {license_: more} if not items else {}
        new = self.having(row, bought, row.licenses | {name: row.licenses.get(name, 0) + count for name, count in licenses.items()})
        self.try_change(row, new, "add", lambda old: desk_acts.added(old, items, licenses, CATALOG, version=highest), delta=delta)

    @precondition(lambda self: any(row.items for row in self.rows if not row.ended))
    @rule(number=which, name=which, version=st.sampled_from(VERSIONS), delta=st.booleans())
    def upgrade(self, number: int, name: int, version: str, delta: bool) -> None:
        row = self.one(number)
        what = sorted(row.items)[name % len(row.items)] if row.items else ""
        if not what or row.items[what][0] == version:
            return
        row.items[what] = version, row.items[what][1]
        self.change(row, "upgrade", lambda old: desk_acts.upgraded(old, {what: version}, {}, CATALOG), delta)

    @precondition(lambda self: any(row.items for row in self.rows if not row.ended))
    @rule(number=which, name=which, other=products)
    def take_instead(self, number: int, name: int, other: str) -> None:
        row = self.one(number)
        if not row.items or (old := sorted(row.items)[name % len(row.items)]) == other:
            return
        items = dict(row.items)
        version, count = items.pop(old)
        before = items.get(other, (version, 0))
        items[other] = max(version, before[0]), count + before[1]
        self.try_change(row, self.having(row, items), "upgrade", lambda was: desk_acts.upgraded(was, {}, {old: other}, CATALOG))

    @precondition(lambda self: any(row.items for row in self.rows if not row.ended))
    @rule(number=which, name=which, quantity=quantities)
    def give_back(self, number: int, name: int, quantity: int) -> None:
        row = self.one(number)
        names = [*sorted(row.items), *sorted(row.licenses)]
        what = names[name % len(names)]
        items, licenses = dict(row.items), dict(row.licenses)
        desk, last = self.office.desk(self.day), row.orders[-1]
        given: tuple[dict[str, int], dict[str, int]] = ({what: quantity}, {}) if what in items else ({}, {what: quantity})
        had = items[what][1] if what in items else licenses[what]

        def make(old: Order) -> Order:
            return desk_acts.given_back(old, *given, CATALOG)

        if quantity > had:
            self.refused(lambda: desk_acts.change(desk, last, "return", make, {}), f"at most {had}")
            return
        if what in items:
            items[what] = items[what][0], had - quantity
        else:
            licenses[what] = had - quantity
        items = {name: each for name, each in items.items() if each[1]}
        licenses = {name: count for name, count in licenses.items() if count}
        if not items and not licenses:
            self.refused(lambda: desk_acts.change(desk, last, "return", make, {}), "no items any more.*desk end")
            return
        self.try_change(row, self.having(row, items, licenses), "return", make)

    @precondition(lambda self: any(not row.ended for row in self.rows))
    @rule(number=which, at=which)
    def move(self, number: int, at: int) -> None:
        row = self.one(number)
        old = row.servers[at % len(row.servers)]
        self.moves += 1
        new = f"00112233{self.moves:04d}"
        row.servers[row.servers.index(old)] = new
        self.change(row, "move", lambda was: desk_acts.moved(was, old, new, f"new{self.moves}"), **{"from": old, "to": new})

    @precondition(lambda self: any(not row.ended for row in self.rows))
    @rule(number=which, days=st.integers(-1, 9), delta=st.booleans())
    def renew(self, number: int, days: int, delta: bool) -> None:
        row = self.one(number)
        desk, last = self.office.desk(self.day), row.orders[-1]
        if row.expires == "permanent":
            words, until = "never expire", self.today()
        else:
            words, until = "not later than before", date.fromisoformat(row.expires) + timedelta(days=days)
        if row.expires == "permanent" or days <= 0:
            self.refused(lambda: desk_acts.change(desk, last, "renew", lambda old: desk_acts.renewed(old, until), {}), words)
            return
        row.expires = until.isoformat()
        self.renewals += 1
        self.change(row, "renew", lambda old: desk_acts.renewed(old, until), delta)

    @precondition(lambda self: any(not row.ended for row in self.rows))
    @rule(number=which)
    def end(self, number: int) -> None:
        row = self.one(number)
        desk_acts.end(self.office.desk(self.day), row.orders[-1], "closed down")
        row.ended, row.live, row.served = True, [], {}

    @precondition(lambda self: any(not row.ended for row in self.rows))
    @rule(number=which)
    def reissue(self, number: int) -> None:
        self.change(self.one(number), "reissue", lambda old: old)

    @precondition(lambda self: any(not row.ended for row in self.rows))
    @rule(number=which)
    def think_again(self, number: int) -> None:
        """What was registered and withdrawn has changed nothing, and another can be registered in its place."""
        row = self.one(number)
        desk = self.office.desk(self.day)
        added = desk_acts.change(desk, row.orders[-1], "add", lambda old: desk_acts.added(old, {VOICE: 3}, {}, CATALOG, version="8.5"), {})
        withdraw(desk, added.row.number, "a mistake")

    @precondition(lambda self: any(len(row.orders) > 1 or row.ended for row in self.rows))
    @rule(number=which)
    def change_what_counts_no_longer(self, number: int) -> None:
        row = self.rows[number % len(self.rows)]
        gone = row.orders[: None if row.ended else -1]
        if gone:
            desk = self.office.desk(self.day)
            words = "took this order's place|has ended|is ended"
            self.refused(lambda: desk_acts.change(desk, gone[number % len(gone)], "reissue", lambda old: old, {}), words)
            self.refused(lambda: desk_acts.end(desk, gone[number % len(gone)], ""), "counts now")
            self.refused(lambda: self.office.issue(gone[number % len(gone)], "nowhere", again=True), "is not issued")

    @precondition(lambda self: any(not row.ended for row in self.rows))
    @rule(number=which)
    def put_out_again(self, number: int) -> None:
        row = self.one(number)
        self.outputs += 1
        own = {number for number in row.live if self.order_of(number) == row.orders[-1]}
        output = f"again{self.outputs}"
        if own & self.worthless():
            with pytest.raises(InputError, match="does not verify"):
                self.office.issue(row.orders[-1], output, later=self.day, again=True)
            assert not (self.office.directory / output).exists()
            return
        put = self.office.issue(row.orders[-1], output, later=self.day, again=True)
        assert {each.number: each.path.read_text() for each in put} == {number: self.files[number].text for number in own}

    def order_of(self, file: str) -> str:
        with self.office.registry.read() as view:
            return view.file(file).order

    @rule(days=st.integers(1, 3), new_key=st.booleans())
    def time_goes_by(self, days: int, new_key: bool) -> None:
        self.day += days
        if new_key:
            rotate(self.office.keys, today=self.today())

    @precondition(lambda self: bool(self.files))
    @rule(ago=st.integers(0, 6))
    def a_key_is_stolen(self, ago: int) -> None:
        known = [issuer.id for issuer in load_trust(self.office.keys)[1].issuers if issuer.id not in self.stolen]
        rotate(self.office.keys, today=self.today())
        self.stolen[known[-1]] = self.day - ago
        revoke(self.office.keys, known[-1], on=self.today() - timedelta(days=ago), reason="laptop lost", today=self.today())

    # What must hold ------------------------------------------------------------------------------------------------------

    @invariant()
    def entitled_to_what_was_bought(self) -> None:
        expected = {
            (row.site, row.orders[-1], *key, version, count, row.expires)
            for row in self.rows
            if not row.ended
            for key, (version, count) in row.entitled().items()
        }
        with self.office.registry.read() as view:
            found = held(view)
            sums: dict[tuple[str, str, str], int] = {}
            for row in self.rows:
                for entitlement in [each for number in row.orders for each in view.entitlements(number)]:
                    key = (row.orders[-1], entitlement.kind, entitlement.name)
                    sums[key] = sums.get(key, 0) + entitlement.change
            assert (len(view.moves()), len(view.renewals())) == (self.moves, self.renewals)
        assert {(each.site, each.order, each.kind, each.name, each.version, each.quantity, each.expires) for each in found} == expected
        assert all(each.customer == CUSTOMERS[each.site] for each in found)
        wanted = {(row.orders[-1], *key): count for row in self.rows for key, (_, count) in row.entitled().items()}
        assert {key: count for key, count in sums.items() if count} == wanted

    @invariant()
    def each_server_has_its_licenses(self) -> None:
        for row in self.rows:
            if row.ended:
                continue
            wanted = row.wanted()
            assert row.served.keys() == wanted.keys()
            for hostids, text in row.served.items():
                parsed = parse(text)
                lines = [line for line in parsed.file.lines if type(line) is Feature]
                assert {line.name: (line.version, line.count) for line in lines} == wanted[hostids]
                assert len(lines) == len(wanted[hostids])
                assert {line.expires.isoformat() if line.expiry != "permanent" else "permanent" for line in lines} == {row.expires}
                assert self.good(text) or self.worthless() & set(row.live)

    @invariant()
    def the_registry_is_whole_and_knows_what_counts(self) -> None:
        live = {number for row in self.rows for number in row.live}
        with self.office.registry.read() as view:
            assert {file.number: file.state for file in view.files() if file.state != "retired" or file.signed is not None} == {
                number: "placed" if number in live else "retired" for number in self.files
            }
            for row in self.rows:
                assert [file.number for file in files_in_force(view, row.orders[-1])] == sorted(row.live)
        report = self.office.verify(kept=self.head)
        self.head = report.head if report.rows else ""
        assert {(finding.severity, finding.message.split()[0]) for finding in report.findings} == {
            ("error", number) for number in self.worthless() & live
        }

    def teardown(self) -> None:
        try:
            # Every file ever issued, also by keys that were changed since, is made again.
            worthless, trust, desk = self.worthless(), self.office.trust, self.office.desk(self.day)
            for number, file in self.files.items():
                again = reproduce(desk, number, None if number in worthless else trust, self.office.keys)
                assert (again.text, again.resigned, again.file.issuer) == (file.text, True, file.issuer)
                assert again.file.issued == (TODAY + timedelta(days=file.day)).isoformat()
                if number in worthless:
                    with pytest.raises(InputError, match="does not verify"):
                        reproduce(desk, number, trust)
        finally:
            self.office.registry.close()
            self.place.cleanup()


class OnPostgres(DeskAgainstModel):
    """The same on PostgreSQL."""

    kind = "postgresql"


def bought(r: Random, most: int = 3) -> dict[str, int]:
    """Some items and how many of each."""
    return {name: r.randint(1, 12) for name in r.sample(PRODUCTS, r.randint(1, most))}


#: How often each act is, beside the others, and the act with dice.
ACTS: Final[tuple[tuple[int, Callable[[Any, Random], object]], ...]] = (
    (6, lambda desk, r: desk.add(r.randrange(99), bought(r, 2), "", 0, r.random() < 0.4)),
    (2, lambda desk, r: desk.add(r.randrange(99), {}, r.choice(LICENSES), r.randint(1, 9), r.random() < 0.4)),
    (4, lambda desk, r: desk.upgrade(r.randrange(99), r.randrange(99), r.choice(VERSIONS), r.random() < 0.4)),
    (3, lambda desk, r: desk.take_instead(r.randrange(99), r.randrange(99), r.choice(PRODUCTS))),
    (6, lambda desk, r: desk.give_back(r.randrange(99), r.randrange(99), r.randint(1, 9))),
    (4, lambda desk, r: desk.move(r.randrange(99), r.randrange(99))),
    (4, lambda desk, r: desk.renew(r.randrange(99), r.randint(-1, 9), r.random() < 0.4)),
    (1, lambda desk, r: desk.end(r.randrange(99))),
    (2, lambda desk, r: desk.reissue(r.randrange(99))),
    (2, lambda desk, r: desk.think_again(r.randrange(99))),
    (3, lambda desk, r: desk.put_out_again(r.randrange(99))),
    (2, lambda desk, r: desk.change_what_counts_no_longer(r.randrange(99))),
    (1, lambda desk, r: desk.a_key_is_stolen(r.randrange(7))),
    (4, lambda desk, r: desk.time_goes_by(r.randint(1, 3), r.random() < 0.4)),
)  # fmt: skip


def walk(desk: DeskAgainstModel, seed: int, steps: int) -> None:
    """Acts by dice, which are more to the point than what makes a failure short."""
    r = Random(seed)
    desk.begin(seed, bought(r))
    try:
        for _ in range(steps):
            if all(row.ended for row in desk.rows) or (len(desk.rows) < ROWS_MAX and r.random() < 0.1):
                if len(desk.rows) == ROWS_MAX:
                    break
                how, expires = r.choice(["single", "redundant", "independent"]), r.choice(["permanent", "2026-09-30"])
                desk.buy(r.choice(sorted(CUSTOMERS)), how, (r.randint(1, 5), r.randint(1, 5)), bought(r), expires)
            else:
                (act,) = r.choices([act for _, act in ACTS], [weight for weight, _ in ACTS])
                act(desk, r)
            desk.entitled_to_what_was_bought()
            desk.each_server_has_its_licenses()
            desk.the_registry_is_whole_and_knows_what_counts()
    finally:
        desk.teardown()


WALKS: Final = [(DeskAgainstModel, seed) for seed in range(30 if LONG else 3)] + [(OnPostgres, seed) for seed in range(10 if LONG else 0)]


def play(machine: type[DeskAgainstModel], examples: int, steps: int) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=slow)
    )


@pytest.mark.timeout(1800 if LONG else 120)
def test_after_any_acts_the_desk_knows_what_was_done() -> None:
    play(DeskAgainstModel, *((60, 30) if LONG else (5, 12)))


@pytest.mark.parametrize(("machine", "seed"), WALKS)
def test_also_after_long_walks_with_dice(machine: type[DeskAgainstModel], seed: int) -> None:
    walk(machine(), seed, 80 if LONG else 40)
