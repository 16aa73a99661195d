"""Findings become steps, the first failed one is the cause, and a denial's number tells which step it is about."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import LICENSE_ERRORS, LicenseError
from seatkeeper.client.diagnosis import (
    NOT_REACHED,
    STEP_OF,
    STEPS,
    Step,
    Trial,
    Want,
    cause_of,
    clock_step,
    identity_step,
    request_steps,
    skipped,
    softened,
    step_of_error,
)
from seatkeeper.client.events import MINOR_TRUST
from seatkeeper.wire.messages import HolderStatus, PoolStatus, QueuedStatus, ReservationStatus

TODAY = date(2026, 9, 28)
NOW = 1_790_000_000.0
WANT = Want("f1")
GRANTED = Trial(WANT, None, "7260@licsrv", "8.0", "permanent")


def denied(number: int, minor: int = 0, reason: str = "", **more: object) -> Trial:
    return Trial(WANT, LicenseError(number, minor=minor, reason=reason, **more))  # type: ignore[arg-type]


def pool(version: str = "8.0", expiry: str = "permanent", total: int = 5, in_use: int = 2, **fields: object) -> PoolStatus:
    return PoolStatus(1, "f1", 0, "genesys.d", version, expiry, total, in_use, **fields)  # type: ignore[arg-type]


def holder(user: str, count: int, since: float = NOW) -> HolderStatus:
    return HolderStatus(user, "desk", ":0", "8.0", 101, count, since)


def steps_of(trial: Trial, pools: list[PoolStatus] | None = None, names: tuple[str, ...] = ("f1",)) -> dict[str, Step]:
    steps = request_steps(trial, [pool()] if pools is None else pools, names, TODAY, lambda since: f"{since:.0f}")
    assert [step.name for step in steps] == list(STEPS[STEPS.index("feature") :])
    return {step.name: step for step in steps}


# Cause ----------------------------------------------------------------------------------------------------------------


def test_the_first_failed_step_is_the_cause() -> None:
    steps = [Step("path", "ok", "a"), Step("names", "warning", "b"), Step("ports", "failed", "c"), Step("daemon", "failed", "d")]
    assert cause_of(steps) == steps[2]
    assert cause_of(steps[:2]) is None


def test_what_is_behind_a_daemon_that_is_down_is_the_cause() -> None:
    daemon, hostid, dates = Step("daemon", "failed", "a"), Step("hostid", "failed", "b"), Step("dates", "failed", "c")
    assert cause_of([daemon, hostid]) == hostid
    assert cause_of([daemon, dates]) == daemon


def test_one_of_several_servers_may_fail() -> None:
    good, bad = Step("ports", "ok", "a"), Step("ports", "failed", "b", number=-15)
    assert [step.state for step in softened([bad, good])] == ["warning", "ok"]
    assert softened([bad, bad]) == [bad, bad]
    assert softened([bad], others=True)[0].state == "warning"
    assert softened([bad, good])[0].number == -15
    assert softened([]) == []


def test_skipped_steps() -> None:
    assert skipped(("clock", "daemon")) == [Step("clock", "skipped", NOT_REACHED), Step("daemon", "skipped", NOT_REACHED)]


def test_a_denial_that_explains_itself_has_its_rule_and_time_in_the_details() -> None:
    error = LicenseError(
        -38, reason="No.", rule="genesys.d.opt:3: EXCLUDE f1 USER ada", free_at=NOW, hints=(("Hostname", "h"), ("Also", "x"))
    )
    step = step_of_error("options", error)
    assert step.sentence == "No."
    assert step.details[:2] == ("Also: x", "decided by genesys.d.opt:3: EXCLUDE f1 USER ada")
    assert step.details[2].startswith("seats may come free on ")
    assert "options explain" in step.remedy


@pytest.mark.parametrize("number", sorted(LICENSE_ERRORS, reverse=True))
def test_every_error_is_a_step_with_a_remedy(number: int) -> None:
    step = step_of_error("checkout", LicenseError(number))
    assert step.sentence
    assert step.remedy


# From the feature to the checkout -------------------------------------------------------------------------------------


def test_what_is_granted_is_ok_at_each_step() -> None:
    steps = steps_of(GRANTED)
    assert {step.state for step in steps.values()} == {"ok"}
    assert steps["feature"].sentence == "f1 is served by genesys.d."
    assert steps["version"].sentence == "Licensed is 8.0; any version will do."
    assert steps["dates"].sentence == "The license is good today, and never ends."
    assert steps["seats"].sentence == "2 of 5 seats are in use."
    assert steps["checkout"].sentence == "7260@licsrv would give 1 seat of f1 v8.0."


def test_a_server_that_shows_no_pools_is_enough() -> None:
    assert {step.state for step in steps_of(GRANTED, []).values()} == {"ok"}


def test_uncounted_licenses_have_seats() -> None:
    assert steps_of(GRANTED, [pool(total=0, in_use=0)])["seats"].sentence == "The license is not counted."


@pytest.mark.parametrize(
    ("number", "name"), [(number, name) for number, name in STEP_OF.items() if name in STEPS[STEPS.index("feature") :]]
)
def test_a_denial_fails_its_step_and_none_before(number: int, name: str) -> None:
    steps = steps_of(denied(number, reason="So it is."))
    at = list(steps).index(name)
    assert [step.state for step in steps.values()] == ["ok"] * at + ["failed"] + ["skipped"] * (len(steps) - at - 1)
    assert steps[name].number == number
    assert steps[name].sentence.startswith("So it is.")


@given(st.sampled_from(sorted(LICENSE_ERRORS)), st.sampled_from([0, 570, MINOR_TRUST]))
def test_no_denial_is_told_as_a_success(number: int, minor: int) -> None:
    steps = request_steps(denied(number, minor), [pool()], ("f1",), TODAY, str)
    assert steps[-1].state != "ok"
    if minor != MINOR_TRUST and number not in STEP_OF:
        assert [step.name for step in steps if step.state == "failed"] == ["checkout"]


def test_an_error_of_another_kind_says_nothing_of_the_steps_before() -> None:
    steps = steps_of(denied(-42, reason="That is too long."))
    assert [step.state for step in steps.values()] == ["skipped"] * 5 + ["failed"]
    assert steps["checkout"].sentence == "That is too long."


def test_a_misspelled_feature_is_suggested_and_others_are_listed() -> None:
    step = steps_of(denied(-5, reason="No line names tserver_snd."), [], ("tserver_sdn", "ics_one"))["feature"]
    assert step.sentence == "No line names tserver_snd."
    assert step.details == ("served: ics_one, tserver_sdn",)
    near = request_steps(Trial(Want("tserver_snd"), LicenseError(-5)), [], ("Tserver_SDN",), TODAY, str)[0]
    assert near.sentence.endswith("Did you mean Tserver_SDN?")


def test_lines_that_the_server_refuses_are_told_apart_from_missing_ones() -> None:
    refused = PoolStatus(1, "f1", 0, "genesys.d", "", "", 0, 0, unsupported=5)
    step = steps_of(denied(-5, reason="No line names f1."), [refused])["feature"]
    assert "its lines are not served" in step.sentence
    assert "license verify" in step.remedy


def test_holders_reservations_and_queue_are_told_the_largest_first() -> None:
    full = pool(
        in_use=5,
        holders=[holder("ada", 1), holder("bob", 3)],
        reservations=[ReservationStatus(1, "GROUP", "night")],
        queued=[QueuedStatus("cy", "desk", ":0", "8.0", 105, 1, NOW)],
    )
    assert steps_of(denied(-4), [full])["seats"].details == (
        "bob@desk :0 holds 3 seats since 1790000000",
        "ada@desk :0 holds 1 seat since 1790000000",
        "1 seat reserved for GROUP night",
        "1 waiting in the queue",
    )


def test_of_very_many_holders_some_are_named() -> None:
    many = pool(holders=[holder(f"u{number}", 1) for number in range(25)])
    details = steps_of(denied(-4), [many])["seats"].details
    assert len(details) == 11
    assert details[-1] == "and 15 other holders"


def test_the_denial_s_own_holders_stand_in_for_pools_that_are_not_shown() -> None:
    trial = denied(-4, holders=("ada@desk, 3 seats",))
    assert steps_of(trial, [])["seats"].details == ("held by ada@desk, 3 seats",)


@pytest.mark.parametrize(
    ("expiry", "state"), [("29-sep-2026", "warning"), ("28-oct-2026", "warning"), ("29-oct-2026", "ok"), ("1-jan-0", "ok")]
)
def test_a_license_that_ends_soon_is_warned_of(expiry: str, state: str) -> None:
    assert steps_of(GRANTED, [pool(expiry=expiry)])["dates"].state == state


def test_only_pools_of_a_fitting_version_count() -> None:
    trial = Trial(Want("f1", "8.0"), None, "7260@licsrv", "8.0")
    steps = steps_of(trial, [pool("7.0", "29-sep-2026", 100, 0), pool("8.0")])
    assert steps["version"].sentence == "Licensed is 7.0, 8.0; version 8.0 was asked for."
    assert steps["dates"].state == "ok"
    assert steps["seats"].sentence == "2 of 5 seats are in use."


# Clock and identity ---------------------------------------------------------------------------------------------------


def clock(trial: Trial | None, pools: list[PoolStatus] | None = None, *, here: bool = False) -> Step:
    return clock_step(trial, pools or [], here=here, now=NOW, today=TODAY)


@pytest.mark.parametrize(
    ("skew", "state", "sentence"),
    [
        (0.2, "ok", "The clocks agree."),
        (-20.0, "ok", "The server's clock is 20 s behind this machine's."),
        (300.0, "ok", "The server's clock is 5 minutes ahead of this machine's."),
        (-7200.0, "warning", "The server's clock is 2 hours behind this machine's."),
        (3 * 86400.0, "warning", "The server's clock is 3 days ahead of this machine's."),
    ],
)
def test_clocks_are_compared_by_a_checkout(skew: float, state: str, sentence: str) -> None:
    step = clock(Trial(WANT, None, "7260@licsrv", skew_s=skew))
    assert (step.state, step.sentence) == (state, sentence)


def test_a_server_that_is_ahead_shows_by_its_holders() -> None:
    assert clock(denied(-4), [pool(holders=[holder("ada", 1, NOW + 100)])]).state == "skipped"
    ahead = clock(denied(-4), [pool(holders=[holder("ada", 1, NOW + 200_000)])])
    assert (ahead.state, ahead.number) == ("failed", -34)


def test_a_server_that_takes_a_good_license_for_expired_has_another_clock() -> None:
    step = clock(denied(-10), [pool(expiry="31-dec-2026")])
    assert (step.state, step.number) == ("failed", -34)
    assert clock(denied(-10), [pool(expiry="28-sep-2026")]).state == "skipped"


@pytest.mark.parametrize("number", [-34, -88])
def test_a_denial_for_the_clock_s_sake_fails_there(number: int) -> None:
    step = clock(denied(number), here=True)
    assert (step.state, step.number) == ("failed", number)


def test_one_machine_has_one_clock() -> None:
    assert clock(GRANTED, here=True).state == "ok"


def test_the_server_s_proof() -> None:
    assert identity_step(GRANTED, pinned=True, root="SEATKEEPER_ROOT").state == "ok"
    assert identity_step(GRANTED, pinned=False, root="").state == "warning"
    failed = identity_step(denied(-8, MINOR_TRUST, "A line is not genuine."), pinned=True, root="x")
    assert (failed.state, failed.number, failed.sentence) == ("failed", -8, "A line is not genuine.")
    # A denial by a server that was met is one of a server that proved itself; who was not met proved nothing.
    assert identity_step(denied(-4), pinned=True, root="x").state == "ok"
    assert identity_step(denied(-97), pinned=True, root="x").state == "skipped"
