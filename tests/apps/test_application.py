"""What all licensed applications have in common: starting, violations, looking for what is gone, changing roles, ending."""

from __future__ import annotations

import pytest

from seatkeeper.apps import application
from seatkeeper.apps.application import EXIT_UNLICENSED, RETRY_S, Application
from seatkeeper.apps.behaviours import Sessions, Single
from seatkeeper.apps.events import CheckIn, CheckOut, Count, Degraded, Exit, Lost, Occurred, OptionsChanged, Reply, Started, Stopped, Tick
from seatkeeper.apps.options import RESTART, Option, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import Reservoir
from support.stage import Stage


class Example(Application):
    """One of each: a seat for the pair, a switch, seats to give out, sessions."""

    profile = Profile(
        type="example",
        name="Example",
        number=0,
        source="the tests",
        licenses=(License("pair", "8.0", "per redundant pair", "the pair"),),
        options=(
            flag_option("general", "switch", "A function."),
            Option("license", "seats", 2, "Seats.", high=9999),
            Option("general", "name", "x", "A name.", any_text=True, takes_effect=RESTART),
        ),
        events=(SiteEvent("login", ("user",), "A user logs in."), SiteEvent("logout", ("user",), "He logs out.")),
        unlicensed="Exits.",
        violation="Goes on.",
        recovery="Goes on.",
        single_server=True,
    )

    def build(self) -> None:
        """In the order of the class's description."""
        self.pair = Single(self, "pair", "8.0", scope="pair")
        self.switch = Single(
            self, "switch", "8.0", required=False, function="a function", wanted=lambda: bool(self.option("switch", "general"))
        )
        self.seats = Reservoir(self, "seat", "8.0", lambda: int(self.option("seats")), scope="pair")
        self.users = Sessions(self, "user", "8.0")
        self.changes = 0

    def on_login(self, event: Occurred) -> None:
        """Needs a seat."""
        self.users.open(str(event.fields["user"]), lambda reason: self.reply(event, reason))

    def on_logout(self, event: Occurred) -> None:
        """Gives it back."""
        self.reply(event, "" if self.users.close(str(event.fields["user"])) else "He is not logged in.")

    def options_changed(self) -> None:
        """Counts."""
        self.changes += 1


LICENSES = {"pair": 1, "switch": 1, "seat": 5, "user": 2}


def example(licenses: dict[str, int] | None = None, **settings: str) -> Stage:
    return Stage(Example, LICENSES if licenses is None else licenses, **settings)


def replies(stage: Stage) -> list[tuple[str, bool]]:
    return [(effect.name, effect.accepted) for effect in stage.effects if isinstance(effect, Reply)]


# Startup --------------------------------------------------------------------------------------------------------------------------


def test_what_happens_before_all_is_answered_waits() -> None:
    stage = example()
    stage.occur("login", user="early")
    stage.slow = True
    stage.start()
    assert stage.occur("login", user="ann") is None
    assert stage.app.state == "starting"
    stage.answer()
    assert replies(stage) == [("login", True), ("login", True)]
    started = stage.log().index("05060 Application started")
    assert "Feature 'user'" in stage.log()[started + 1]


def test_more_than_may_wait_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "EARLY_MAX", 2)
    stage = example()
    assert [stage.occur("login", user=user) for user in "ab"] == [None, None]
    assert not stage.accepted("login", user="c")


def test_what_waits_for_a_startup_that_fails_is_refused_and_nothing_is_kept() -> None:
    stage = example({**LICENSES, "seat": 0})
    stage.slow = True
    stage.occur("login", user="ann")
    stage.start()
    stage.answer()
    assert stage.status == EXIT_UNLICENSED
    assert replies(stage) == [("login", False)]
    assert stage.held == {}
    assert stage.app.next_deadline() is None
    stage.forget()
    stage.occur("login", user="bob")
    assert stage.effects == []


def test_what_is_still_asked_for_at_the_end_is_taken_back() -> None:
    stage = example()
    stage.slow = True
    stage.start()
    stage.tell(Stopped())
    assert [effect.key for effect in stage.effects if isinstance(effect, CheckIn)] == [1, 2]
    assert stage.waiting == []
    assert [effect.status for effect in stage.effects if isinstance(effect, Exit)] == [0]


def test_an_option_that_changes_during_startup_does_not_stop_it() -> None:
    stage = Stage(Example, LICENSES, {"general": {"switch": True}})
    stage.slow = True
    stage.start()
    stage.change("switch", False, "general")
    stage.answer()
    assert stage.app.state == "running"
    assert stage.in_use("switch") == 0


def test_options_may_change_before_it_is_started() -> None:
    stage = example()
    stage.change("seats", 4)
    assert stage.effects == []
    stage.start()
    assert stage.in_use("seat") == 4


def test_it_starts_once() -> None:
    stage = example().start()
    stage.forget()
    stage.tell(Started())
    assert stage.effects == []


# Options -------------------------------------------------------------------------------------------------------------------------


def test_options_that_need_a_restart_are_told_and_the_others_hold_at_once() -> None:
    stage = example().start()
    stage.forget()
    stage.tell(OptionsChanged({"general": {"name": "y"}, "license": {"seats": "many"}}))
    assert stage.app.option("name", "general") == "x"
    assert [line for line in stage.log() if "takes effect after a restart" in line]
    assert [line for line in stage.log() if "'many', which is not valid" in line]
    assert stage.app.changes == 0
    stage.change("seats", 3)
    assert stage.app.changes == 1
    stage.change("unknown", 3)
    assert stage.app.changes == 1


# Events of the site -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", [["ann"], True, "", " \n", "a" * 201, 1.5])
def test_a_field_that_holds_no_name_is_refused(user: object) -> None:
    stage = example().start()
    reply = stage.occur("login", user=user)
    assert reply is not None
    assert not reply.accepted
    assert "'user'" in reply.reason
    assert stage.app.users.open_sessions == {}


def test_names_have_one_spelling() -> None:
    stage = example().start()
    assert stage.accepted("login", user=" ann\tlee ")
    assert list(stage.app.users.open_sessions) == ["ann lee"]
    assert stage.accepted("login", user=17)
    assert stage.accepted("logout", user="17")


# Violations --------------------------------------------------------------------------------------------------------------------


def test_a_cause_stands_until_the_last_hold_has_what_it_wants() -> None:
    stage = example().start()
    stage.occur("login", user="ann")
    stage.occur("login", user="bob")
    stage.withdraw("user", 0)
    assert stage.alarms == ["feature user"]
    stage.licenses["user"] = 1
    stage.pass_time(RETRY_S)
    assert stage.in_use("user") == 1
    assert stage.alarms == ["feature user"], "bob's seat is not back"
    stage.licenses["user"] = 2
    stage.pass_time(RETRY_S)
    assert stage.alarms == ["feature user", "-feature user"]


def test_looking_for_seats_is_no_request() -> None:
    stage = Stage(Example, {key: LICENSES[key] for key in ("pair", "seat", "user")}, {"general": {"switch": True}}).start()
    assert stage.alarms == ["feature switch"]
    stage.forget()
    stage.pass_time(10 * RETRY_S)
    assert {type(effect) for effect in stage.effects} == {Count}
    assert len(stage.effects) == 10
    stage.licenses["switch"] = 1
    stage.pass_time(RETRY_S)
    assert [effect.feature for effect in stage.effects if isinstance(effect, CheckOut)] == ["switch"]
    assert stage.alarms == ["-feature switch"]
    assert not stage.app.degraded


def test_a_session_that_ends_while_the_server_is_away_ends_no_violation() -> None:
    stage = example().start()
    stage.occur("login", user="ann")
    stage.cut()
    stage.occur("logout", user="ann")
    assert stage.alarms == ["license server"]
    stage.heal()
    assert stage.alarms == ["license server", "-license server"]


def test_what_was_lost_with_the_server_may_have_another_reason_when_it_is_back() -> None:
    stage = example().start()
    stage.cut()
    stage.licenses.pop("seat")
    stage.heal()
    assert stage.alarms == ["license server"], "seats are lost still"
    key = next(key for key, (feature, _) in stage.held.items() if feature == "seat")
    stage.tell(Lost(key, -5))
    assert stage.alarms == ["license server", "feature seat", "-license server"]
    stage.bring_back("seat", 5)
    assert stage.alarms[3:] == ["-feature seat"]


def test_seats_that_an_administrator_removes_after_they_were_lost_are_looked_for() -> None:
    stage = example().start()
    stage.withdraw("seat")
    stage.withdraw("seat", 0)
    assert stage.in_use("seat") == 0
    assert stage.alarms == ["feature seat"]
    stage.licenses["seat"] = 5
    stage.pass_time(RETRY_S)
    assert stage.in_use("seat") == 2
    assert stage.alarms == ["feature seat", "-feature seat"]


def test_while_the_server_is_away_nothing_is_asked_and_when_it_is_back_at_once() -> None:
    stage = example().start()
    stage.withdraw("seat", 0)
    stage.cut(lease_ends=False)
    stage.forget()
    stage.pass_time(5 * RETRY_S)
    assert stage.effects == []
    stage.heal(lease_ended=False)
    stage.tell(Tick())
    assert stage.in_use("seat") == 2
    assert not stage.app.violations.standing


def test_seats_that_are_lost_twice_are_lost_once() -> None:
    stage = example().start()
    stage.withdraw("seat")
    stage.forget()
    for key in stage.held:
        if stage.held[key][0] == "seat":
            stage.tell(Lost(key, -5))
    assert stage.effects == []


# Pairs ------------------------------------------------------------------------------------------------------------------------------


def test_what_happens_while_a_backup_takes_over_waits() -> None:
    stage = example(redundancy="hot standby", role="backup", pair="p").start()
    stage.slow = True
    assert stage.accepted("become-primary")
    assert stage.occur("login", user="ann") is None
    stage.answer()
    assert stage.app.role == "primary"
    assert stage.in_use("seat") == 2
    assert replies(stage)[-1] == ("login", True)


def test_a_primary_that_takes_over_too_early_goes_on_and_looks_for_its_seats() -> None:
    stage = example({**LICENSES, "seat": 0, "pair": 0}, redundancy="hot standby", role="backup", pair="p").start()
    assert stage.app.state == "running", "the pair's license is in use by its primary"
    stage.accepted("become-primary")
    assert stage.app.state == "running"
    assert stage.alarms == ["feature pair", "number of seat"]
    stage.licenses.update(LICENSES)
    stage.pass_time(RETRY_S)
    assert sorted(stage.alarms[2:]) == ["-feature pair", "-number of seat"]


def test_two_license_servers_of_a_pair_are_told() -> None:
    stage = example(license_path="7260@a", peer_path="7260@b").start()
    assert "one pool for the pair" in stage.app.degraded
    assert not example(license_path="7260@a", peer_path="7260@a").start().app.degraded


@pytest.mark.parametrize(("path", "told"), [("7260@a:@b", True), ("@a;@b", True), ("1@a,1@b,1@c", True), ("C:\\x\\license.dat", False)])
def test_several_license_servers_are_told_where_one_is_supported(path: str, told: bool) -> None:
    stage = example(license_path=path).start()
    assert ("further license servers" in [effect.function for effect in stage.effects if isinstance(effect, Degraded)]) == told
