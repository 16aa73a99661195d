"""The whole ledger against a naive model: any sequence of events leaves both with the same seats."""

from __future__ import annotations

from datetime import date

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from seatkeeper.licfile.model import Feature
from seatkeeper.vendor.events import (
    Accepted,
    Append,
    CheckinAsked,
    CheckoutAsked,
    DenialAnswer,
    Disconnected,
    GrantAnswer,
    Greeting,
    LicenseReread,
    Recovered,
    Send,
    Tick,
)
from seatkeeper.vendor.machine import HEARD_RESOLUTION_S, Machine, VendorSettings

TODAY = date(2026, 11, 24)
LEASE_S = 30.0
FEATURES = ("a", "b")


class LedgerAgainstModel(RuleBasedStateMachine):
    """The model knows seats as (client, handle) -> (feature, count), and nothing else."""

    @initialize(totals=st.tuples(st.integers(1, 6), st.integers(1, 6)))
    def begin(self, totals: tuple[int, int]) -> None:
        self.totals = dict(zip(FEATURES, totals, strict=True))
        self.now = 100.0
        self.log: list[object] = []
        self.sessions: dict[str, int] = {}
        self.heard: dict[str, float] = {}
        self.seats: dict[int, tuple[str, str, int]] = {}
        self.request = 0
        self.new_machine()

    def new_machine(self) -> None:
        self.machine = Machine(VendorSettings("d", "0", LEASE_S, 10.0), TODAY)
        for entry in self.log:
            self.machine.replay(entry)
        self.reread()
        self.run_event(Recovered())

    def reread(self) -> None:
        lines = tuple(Feature(name, "d", "1.0", "permanent", str(total)) for name, total in self.totals.items())
        self.run_event(LicenseReread(lines, TODAY))

    def run_event(self, event: object) -> list[object]:
        instructions = self.machine.handle(event, self.now, self.now)
        self.log += [one.entry for one in instructions if isinstance(one, Append)]
        return [one.answer for one in instructions if isinstance(one, Send)]

    def used(self, feature: str) -> int:
        return sum(count for _, name, count in self.seats.values() if name == feature)

    @rule(client=st.sampled_from("xyz"))
    def connect(self, client: str) -> None:
        held = tuple(handle for handle, (owner, _, _) in self.seats.items() if owner == client)
        answers = self.run_event(Greeting((client, self.now), client, client, "h", "d", held=held))
        accepted = [answer for answer in answers if isinstance(answer, Accepted)]
        assert sorted(accepted[0].held) == sorted(held)
        self.sessions[client] = accepted[0].session
        self.heard[client] = self.now

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), feature=st.sampled_from(FEATURES), count=st.integers(1, 4), up_to=st.booleans())
    def check_out(self, data: st.DataObject, feature: str, count: int, up_to: bool) -> None:
        client = data.draw(st.sampled_from(sorted(self.sessions)))
        self.request += 1
        (answer,) = self.run_event(CheckoutAsked(self.sessions[client], self.request, feature, "", count, up_to, ""))
        self.heard[client] = self.now
        free = max(0, self.totals[feature] - self.used(feature))
        if free >= count or (up_to and free):
            assert isinstance(answer, GrantAnswer)
            assert answer.count == min(count, free)
            assert answer.handle not in self.seats
            self.seats[answer.handle] = (client, feature, answer.count)
        else:
            assert isinstance(answer, DenialAnswer)

    @precondition(lambda self: self.seats)
    @rule(data=st.data())
    def check_in(self, data: st.DataObject) -> None:
        handle = data.draw(st.sampled_from(sorted(self.seats)))
        client = self.seats[handle][0]
        if client in self.sessions:
            self.run_event(CheckinAsked(self.sessions[client], 0, handle))
            self.heard[client] = self.now
            del self.seats[handle]

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(sorted(self.sessions)))
        session = self.machine.ledger.sessions[self.sessions[client]]
        self.run_event(Disconnected(session.number, session.connection))
        self.drop(client)

    def drop(self, client: str) -> None:
        self.sessions.pop(client, None)
        self.heard.pop(client, None)
        self.seats = {handle: seat for handle, seat in self.seats.items() if seat[0] != client}

    @rule(seconds=st.sampled_from([1.0, 7.0, 16.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.run_event(Tick(TODAY))
        for client in [client for client, heard in self.heard.items() if self.now - heard >= LEASE_S + HEARD_RESOLUTION_S]:
            self.drop(client)

    @rule()
    def crash(self) -> None:
        """A new process replays the log; holders have the lease time anew to come back."""
        self.sessions.clear()
        self.heard = {owner: self.now for owner, _, _ in self.seats.values()}
        self.new_machine()

    @rule(feature=st.sampled_from(FEATURES), total=st.integers(1, 6))
    def change_total(self, feature: str, total: int) -> None:
        self.totals[feature] = total
        self.reread()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "machine"):
            return
        ledger = self.machine.ledger
        ledger.check()
        assert {handle: (seat.session.user, seat.feature, seat.count) for handle, seat in ledger.seats.items()} == self.seats


TestLedgerAgainstModel = LedgerAgainstModel.TestCase
TestLedgerAgainstModel.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
