"""Whatever happens, in whatever order: the license server and an application agree, and nobody who is served is dropped by a violation.

Profiles of every kind are played on the stage. The server answers at once or late, loses features, seats and its connection; options
change, primaries and backups change their roles, users come and go.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from seatkeeper.apps.application import RETRY_S, SERVER_CAUSE, Application
from seatkeeper.apps.behaviours import Sessions
from seatkeeper.apps.callback_server import CallbackServer
from seatkeeper.apps.desktop import Desktop
from seatkeeper.apps.events import Alarm, CheckOut, Cleared, Degraded, Exit, Forced, Regained, Stopped
from seatkeeper.apps.gis import IntegrationServer
from seatkeeper.apps.interaction_server import InteractionServer
from seatkeeper.apps.ocs import OutboundContactServer
from seatkeeper.apps.options import COUNT_MAX, Option
from seatkeeper.apps.reservoir import HOLD_S, Reservoir, TimedReservoir
from seatkeeper.apps.scs import SolutionControlServer
from seatkeeper.apps.tserver import TServer
from seatkeeper.apps.uc_connector import UcConnector
from seatkeeper.apps.urs import UniversalRoutingServer
from support.stage import Stage

PLENTY = 60
USERS = st.sampled_from([f"user{number}" for number in range(4)])
#: Values for fields in which not every text will do.
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "supervisor": st.booleans(),
    "media": st.lists(st.sampled_from(["email", "chat", "custom"]), max_size=2),
    "mode": st.sampled_from(["preview", "autodial", "progressive"]),
    "campaign": st.sampled_from(["c1", "c2"]),
    "kind": st.sampled_from(["extension", "acd-queue"]),
    "service": st.sampled_from(["interaction", "configuration", "queue"]),
    "call-time": st.sampled_from([1_790_000_000 - 3000, 1_790_000_000 - 9000]),
}
#: These end somebody's use of a seat: of nobody but the user in one of their fields.
LEAVING = ("logout", "unregistered", "unloaded", "closed", "crashed", "disconnect", "timeout", "disabled", "deleted", "freed")


def values_of(option: Option) -> st.SearchStrategy[object]:
    if option.flag:
        return st.booleans()
    numbers = st.integers(0, 9) if option.high else st.nothing()
    return st.one_of(st.none(), st.just("no such value"), numbers, st.sampled_from(option.words or ("x",)))


class Play(RuleBasedStateMachine):
    """One application on the stage; subclasses say which."""

    made: ClassVar[type[Application]]
    options: ClassVar[dict[str, dict[str, object]]] = {}

    @initialize(
        counts=st.lists(st.integers(1, 9), min_size=8, max_size=8),
        redundancy=st.sampled_from(["not specified", "hot standby"]),
        slow=st.booleans(),
    )
    def set_up(self, counts: list[int], redundancy: str, slow: bool) -> None:
        self.features = [license.feature.lower() for license in self.made.profile.licenses]
        self.stage = Stage(self.made, dict(zip(self.features, counts, strict=False)), self.options, redundancy=redundancy)
        self.gone: set[str] = set()
        self.lease_ended = False
        self.served: set[tuple[int, str]] = set()
        self.leaving: set[object] = set()
        self.stage.slow = slow
        self.stage.start()

    # What happens -----------------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def serve_first(self, data: st.DataObject) -> None:
        self.serve(data)

    @rule(data=st.data())
    def serve_further(self, data: st.DataObject) -> None:
        self.serve(data)

    @rule(data=st.data())
    def serve(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.made.profile.events))
        fields = {name: data.draw(FIELDS.get(name, USERS), label=name) for name in event.fields}
        fields |= {name: data.draw(FIELDS.get(name, USERS)) for name in event.optional if data.draw(st.booleans())}
        before = self.users()
        self.stage.occur(event.name, **fields)
        if any(word in event.name for word in LEAVING):
            self.leaving |= {who for _, who in self.served} if event.name == "campaign-unloaded" else {*map(str, fields.values())}
        if not self.stage.waiting:
            self.nobody_came_without_room(before)

    def nobody_came_without_room(self, before: set[tuple[int, str]]) -> None:
        came = {place for place, _ in self.users() - before}
        for place, behaviour in enumerate(self.app.behaviours):
            if isinstance(behaviour, Reservoir) and place in came and self.app.role == "primary":
                assert behaviour.room >= 0 or isinstance(behaviour, TimedReservoir)

    @precondition(lambda self: not self.stage.waiting)
    @rule(slow=st.booleans())
    def server_is_slow(self, slow: bool) -> None:
        self.stage.slow = slow

    @rule()
    def server_answers(self) -> None:
        self.stage.answer()

    @rule(seconds=st.sampled_from([1.0, RETRY_S, RETRY_S + 1, HOLD_S]))
    def time_passes(self, seconds: float) -> None:
        self.stage.pass_time(seconds)
        deadline = self.app.next_deadline()
        assert deadline is None or deadline > self.stage.now
        if self.made is CallbackServer:
            self.served &= self.users()

    @precondition(lambda self: self.stage.up)
    @rule(place=st.integers(0, 7))
    def feature_is_withdrawn(self, place: int) -> None:
        feature = self.features[place % len(self.features)]
        self.gone.add(feature)
        self.stage.withdraw(feature)

    @precondition(lambda self: self.stage.up and self.gone)
    @rule(count=st.integers(0, 9))
    def feature_is_back(self, count: int) -> None:
        feature = self.gone.pop()
        self.stage.bring_back(feature, max(count, self.stage.in_use(feature)))

    @precondition(lambda self: self.stage.up)
    @rule(place=st.integers(0, 7))
    def administrator_removes_seats(self, place: int) -> None:
        self.stage.withdraw(self.features[place % len(self.features)], 0)

    @rule(place=st.integers(0, 7), count=st.integers(0, 9))
    def count_changes(self, place: int, count: int) -> None:
        """Others take seats, or give them back."""
        feature = self.features[place % len(self.features)]
        if feature not in self.gone:
            self.stage.licenses[feature] = max(count, self.stage.in_use(feature))

    @precondition(lambda self: self.stage.up)
    @rule(lease_ends=st.booleans())
    def connection_is_cut(self, lease_ends: bool) -> None:
        self.stage.cut(lease_ends=lease_ends)
        self.lease_ended = lease_ends

    @precondition(lambda self: not self.stage.up)
    @rule()
    def connection_heals(self) -> None:
        self.stage.heal(lease_ended=self.lease_ended)

    @precondition(lambda self: self.made.profile.options)
    @rule(data=st.data())
    def option_changes(self, data: st.DataObject) -> None:
        option = data.draw(st.sampled_from(self.made.profile.options))
        before = len(self.stage.effects)
        self.stage.change(option.name, data.draw(values_of(option), label=option.name), option.section)
        put_out = {effect.who for effect in self.stage.effects[before:] if isinstance(effect, Forced)}
        assert not put_out or self.made is InteractionServer
        self.leaving |= put_out

    @rule(name=st.sampled_from(["become-primary", "become-backup"]))
    def role_changes(self, name: str) -> None:
        self.stage.occur(name)

    @rule()
    @precondition(lambda self: len(self.stage.effects) > 150)
    def stop(self) -> None:
        self.stage.tell(Stopped())

    # What holds ---------------------------------------------------------------------------------------------------------------

    @property
    def app(self) -> Application:
        return self.stage.app

    def users(self) -> set[tuple[int, str]]:
        """Who is served: the place of the behaviour, and the user; -1 for any kind of session, which a user may exchange for another."""
        found: set[tuple[int, str]] = set()
        for place, behaviour in enumerate(self.app.behaviours):
            if isinstance(behaviour, Reservoir):
                found |= {(place, who) for who in behaviour.users}
            elif isinstance(behaviour, Sessions):
                found |= {(-1, who) for who, hold in behaviour.open_sessions.items() if hold.state != "asked"}
        return found

    @invariant()
    def server_and_application_agree(self) -> None:
        known = {hold.key: (hold.feature.lower(), hold.count) for hold in self.app.holds if hold.state in ("held", "lost")}
        assert known.keys() == self.stage.held.keys()
        assert {key: value for key, value in known.items() if value[1]}.items() <= self.stage.held.items()
        asked = {hold.key for hold in self.app.holds if hold.state == "asked"}
        assert asked == {one.key for one in self.stage.waiting if isinstance(one, CheckOut)}
        for feature in self.features:
            assert self.stage.in_use(feature) <= COUNT_MAX

    @invariant()
    def alarms_are_raised_once_and_cleared_once(self) -> None:
        open_ones: dict[str, str] = {}
        for effect in self.stage.effects:
            if isinstance(effect, Alarm):
                assert effect.cause not in open_ones
                open_ones[effect.cause] = effect.kind
            elif isinstance(effect, Cleared):
                assert open_ones.pop(effect.cause) == effect.kind
        assert open_ones == self.app.violations.standing

    @invariant()
    def functions_degrade_once_and_are_regained_once(self) -> None:
        degraded: set[str] = set()
        for effect in self.stage.effects:
            if isinstance(effect, Degraded):
                assert effect.function not in degraded
                degraded.add(effect.function)
            elif isinstance(effect, Regained):
                degraded.remove(effect.function)
        assert degraded == set(self.app.degraded)

    @invariant()
    def whoever_is_served_stays_served(self) -> None:
        missing = {(place, who) for place, who in self.served - self.users() if who not in self.leaving}
        assert self.app.state == "ended" or not missing
        self.served = self.users()
        if not self.stage.waiting:
            self.leaving.clear()

    @invariant()
    def server_out_of_reach_is_one_violation(self) -> None:
        assert self.app.reachable or self.app.state == "ended" or SERVER_CAUSE in self.app.violations.standing

    @invariant()
    def ends_once_and_only_at_startup_or_when_told(self) -> None:
        ends = [effect for effect in self.stage.effects if isinstance(effect, Exit)]
        assert len(ends) == (self.app.state == "ended")
        if ends and ends[0].status:
            assert "05060 Application started" not in self.stage.log()

    @invariant()
    def a_lost_hold_is_a_violation_that_stands(self) -> None:
        for hold in self.app.holds:
            assert (hold.state != "lost") or hold.cause in self.app.violations.standing

    def teardown(self) -> None:
        """All is well again in the end: then no violation stands but for those who want more than is configured."""
        if not hasattr(self, "stage") or self.app.state == "ended":
            return
        self.stage.answer()
        self.stage.slow = False
        self.stage.answer()
        if not self.stage.up:
            self.connection_heals()
        for feature in self.features:
            self.stage.bring_back(feature, PLENTY)
        self.stage.pass_time(3 * RETRY_S)
        wanting = {
            behaviour.usage_cause
            for behaviour in self.app.behaviours
            if isinstance(behaviour, Reservoir) and (behaviour.beyond or behaviour.room < 0)
        }
        if self.app.state == "running":
            standing = {cause for cause in self.app.violations.standing if not cause.startswith("mode of")}
            assert standing <= wanting
            assert not self.app.degraded
            self.server_and_application_agree()


PLAYED: list[tuple[type[Application], dict[str, dict[str, object]]]] = [
    (TServer, {"TServer": {"multi-site": True}, "license": {"num-of-licenses": 4}}),
    (Desktop, {}),
    (InteractionServer, {"license": {"ics_multi_media_agent_seat": 3, "ics_email_webform_channel": 2, "iwd_jms_cp": True}}),
    (OutboundContactServer, {"license": {"num-of-licenses": 3}}),
    (UniversalRoutingServer, {"default": {"pickup_calls": True}}),
    (CallbackServer, {"license": {"num-of-licenses": 3}}),
    (SolutionControlServer, {"general": {"snmp": True}}),
    (IntegrationServer, {"services": {"queue": True}}),
    (UcConnector, {}),
]


@pytest.mark.parametrize(("made", "options"), PLAYED, ids=lambda value: value.profile.type if isinstance(value, type) else "")
def test_nothing_that_happens_breaks_it(made: type[Application], options: dict[str, dict[str, object]]) -> None:
    machine = type(f"Play{made.__name__}", (Play,), {"made": made, "options": options})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)),
    )
