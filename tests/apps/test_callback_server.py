"""Universal Callback Server: a license for 60 minutes a request, also after a restart, and a violation for a mode that is not licensed."""

from __future__ import annotations

import pytest

from seatkeeper.apps.callback_server import CallbackServer
from support.stage import NOON, Stage

PREVIEW = {"license": {"license-type": "preview"}}
UNLICENSED = "07100 Licensing violation is identified, the violation type GLMR_LICENSE_UNLICENSED_MODE"
USE = "use of vcb_full"


def serving(seats: int, *requests: str) -> Stage:
    """A server with so many full licenses, and these requests taken at noon."""
    stage = Stage(CallbackServer, {"vcb_full": seats}).start()
    assert all(stage.accepted("callback-requested", request=request) for request in requests)
    return stage


@pytest.mark.parametrize(
    ("option", "seats", "taken"),
    [(None, 50, 50), (20, 50, 20), ("max", 50, 50), (80, 50, 50), (None, 20_000, 9999), (12_000, 20_000, 9999)],
)
def test_licenses_are_checked_out_at_startup_up_to_the_configured_number(option: object, seats: int, taken: int) -> None:
    options = {} if option is None else {"license": {"num-of-licenses": option}}
    stage = Stage(CallbackServer, {"vcb_full": seats}, options).start()
    assert stage.in_use("vcb_full") == taken
    assert stage.log(7101) == [f"07101 Feature 'vcb_full': {taken} licenses checked out."]


@pytest.mark.parametrize(("kind", "taken"), [("full", "vcb_full"), ("preview", "vcb_preview"), ("full,preview", "vcb_full")])
def test_it_runs_on_either_license(kind: str, taken: str) -> None:
    stage = Stage(CallbackServer, {"vcb_full": 5, "vcb_preview": 7}, {"license": {"license-type": kind}}).start()
    assert set(stage.app.held()) == {taken}


@pytest.mark.parametrize("licenses", [{}, {"vcb_full": 0}, {"vcb_preview": 5}])
def test_without_a_license_it_logs_the_violation_and_exits(licenses: dict[str, int]) -> None:
    stage = Stage(CallbackServer, licenses).start()
    assert stage.status == 3
    assert len(stage.log(7100)) == 1


def test_a_request_and_a_lock_hold_a_license_for_60_minutes_each() -> None:
    stage = serving(2, "ann")
    stage.pass_time(600)
    assert stage.accepted("license-locked", lock="ivr")
    assert not stage.accepted("callback-requested", request="bob")
    stage.pass_time(2999)
    assert not stage.accepted("callback-requested", request="bob")
    stage.pass_time(1)
    assert stage.accepted("callback-requested", request="bob")
    assert not stage.accepted("license-locked", lock="another")
    stage.pass_time(600)
    assert stage.accepted("license-locked", lock="another")
    assert stage.in_use("vcb_full") == 2, "nothing goes back to the license server"


def test_a_request_beyond_the_licenses_is_refused_and_the_violation_ends_with_an_hour() -> None:
    stage = serving(1, "ann")
    for request in ("bob", "cem"):
        reply = stage.occur("callback-requested", request=request)
        assert reply is not None
        assert reply.reason == "All 1 licenses of vcb_full are in use."
    assert stage.alarms == [USE]
    assert len(stage.log(7100)) == 1
    stage.pass_time(3600)
    assert stage.alarms == [USE, f"-{USE}"]


def test_service_availability_says_whether_a_license_is_free_and_holds_none() -> None:
    stage = serving(1)
    assert stage.accepted("availability-requested")
    assert stage.accepted("availability-requested")
    assert stage.accepted("callback-requested", request="ann")
    assert not stage.accepted("availability-requested")
    stage.pass_time(3600)
    assert stage.accepted("availability-requested")
    assert not stage.alarms


def test_a_request_that_is_repeated_holds_one_license() -> None:
    stage = serving(2, "ann")
    assert stage.accepted("callback-requested", request="ann")
    assert list(stage.app.requests.users) == ["ann"]


# Processing Request to Work in Unlicensed Mode -----------------------------------------------------------------------------


def test_with_preview_licenses_a_request_on_an_autodial_cdn_is_a_violation() -> None:
    stage = Stage(CallbackServer, {"vcb_preview": 5}, PREVIEW).start()
    for request in ("ann", "bob"):
        assert not stage.accepted("callback-requested", request=request, cdn="5001", mode="autodial")
    assert stage.log(7100) == [UNLICENSED, UNLICENSED]
    assert stage.alarms == ["mode of 5001"]
    assert not stage.app.requests.users
    assert stage.accepted("callback-requested", request="cem", cdn="5002", mode="preview")
    assert stage.alarms == ["mode of 5001"], "another CDN tells nothing of this one"
    assert stage.accepted("callback-requested", request="dan", cdn="5001", mode="preview")
    assert stage.alarms == ["mode of 5001", "-mode of 5001"]
    assert stage.log(7105) == ["07105 License status restored after violation with type 'GLMR_LICENSE_UNLICENSED_MODE'"]


@pytest.mark.parametrize("mode", ["preview", "autodial"])
def test_the_full_license_has_no_functional_limitation(mode: str) -> None:
    stage = serving(5)
    assert stage.accepted("callback-requested", request="ann", cdn="5001", mode=mode)
    assert not stage.alarms


def test_an_unknown_mode_is_told() -> None:
    assert not serving(5).accepted("callback-requested", request="ann", mode="telepathy")


# Database Dependencies ------------------------------------------------------------------------------------------------------


def test_after_a_restart_stored_call_times_say_how_long_licenses_are_held() -> None:
    stage = serving(3)
    stage.occur("recovered-request", request="over", **{"call-time": int(NOON) - 3600})
    stage.occur("recovered-request", request="old", **{"call-time": int(NOON) - 3000})
    stage.occur("recovered-request", request="new", **{"call-time": int(NOON) - 60})
    assert list(stage.app.requests.users) == ["old", "new"]
    stage.pass_time(600)
    assert list(stage.app.requests.users) == ["new"]
    stage.pass_time(2940)
    assert not stage.app.requests.users
    assert not stage.alarms


def test_a_backup_that_takes_over_enforces_what_its_primary_gave_out() -> None:
    stage = Stage(CallbackServer, {"vcb_full": 1}, role="backup", redundancy="warm standby").start()
    assert not stage.held
    assert not stage.accepted("callback-requested", request="early")
    assert not stage.alarms, "the seats are its primary's"
    stage.occur("recovered-request", request="ann", **{"call-time": int(NOON) - 1800})
    assert not stage.alarms
    stage.occur("become-primary")
    assert list(stage.app.requests.users) == ["ann"]
    assert not stage.accepted("callback-requested", request="bob")
    stage.pass_time(1800)
    assert stage.accepted("callback-requested", request="bob")


def test_stored_requests_beyond_the_licenses_are_kept_and_are_a_violation_until_they_are_over() -> None:
    stage = serving(1)
    for request, age in (("ann", 600), ("bob", 1200)):
        assert stage.accepted("recovered-request", request=request, **{"call-time": int(NOON) - age})
    assert stage.alarms == [USE]
    stage.pass_time(2400)
    assert stage.alarms == [USE, f"-{USE}"]
    assert list(stage.app.requests.users) == ["ann"]


def test_a_call_time_of_the_future_holds_no_longer_than_a_request_of_now() -> None:
    stage = serving(1)
    stage.occur("recovered-request", request="ann", **{"call-time": int(NOON) + 86_400})
    stage.pass_time(3600)
    assert not stage.app.requests.users


@pytest.mark.parametrize("time", ["noon", True, ["1"]])
def test_a_call_time_that_is_no_number_is_told(time: object) -> None:
    stage = serving(1)
    reply = stage.occur("recovered-request", request="ann", **{"call-time": time})
    assert reply is not None
    assert "seconds since 1970" in reply.reason
    assert not stage.app.requests.users


# Licensing Violations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [-5, 0])
def test_callbacks_that_were_taken_stand_while_the_licenses_are_gone(number: int) -> None:
    stage = serving(3, "ann")
    stage.withdraw("vcb_full", number)
    assert not stage.accepted("callback-requested", request="bob")
    assert not stage.accepted("availability-requested")
    assert list(stage.app.requests.users) == ["ann"]
    stage.bring_back("vcb_full", 3)
    stage.pass_time(60)
    assert stage.accepted("callback-requested", request="bob")
    assert stage.alarms == ["feature vcb_full", "-feature vcb_full"]


def test_a_server_out_of_reach_is_one_violation_and_time_goes_on() -> None:
    stage = serving(1, "ann")
    stage.cut()
    assert not stage.accepted("callback-requested", request="bob")
    stage.pass_time(3600)
    stage.heal()
    assert stage.accepted("callback-requested", request="bob")
    assert stage.alarms == ["license server", "-license server"]


def test_the_number_is_changed_at_run_time_and_takes_no_license_from_a_request() -> None:
    stage = Stage(CallbackServer, {"vcb_full": 10}, {"license": {"num-of-licenses": 2}}).start()
    stage.change("num-of-licenses", 4)
    assert stage.in_use("vcb_full") == 4
    assert all(stage.accepted("callback-requested", request=request) for request in ("ann", "bob", "cem"))
    stage.change("num-of-licenses", 1)
    assert stage.in_use("vcb_full") == 3
    stage.pass_time(3600)
    assert stage.in_use("vcb_full") == 1
    stage.change("license-type", "preview")
    assert "takes effect after a restart" in stage.log()[-1]
