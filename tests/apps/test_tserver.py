"""T-Server's checkout table, its examples, its DNs and its options."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.apps.events import CheckIn, CheckOut
from seatkeeper.apps.options import COUNT_MAX
from seatkeeper.apps.tserver import TServer, seat_dns_requested
from support.stage import Stage

LICENSES = {"tserver_sdn": 10, "tserver_tdn": 10, "cti_ha_option": 1, "tserver_iscc": 1}


def tserver(
    licenses: dict[str, int] | None = None,
    release: str = "8.5",
    *,
    multi_site: bool = False,
    num: object = "max",
    sdn: object = "max",
    **settings: str,
) -> Stage:
    options = {"license": {"num-of-licenses": num, "num-sdn-licenses": sdn}, "TServer": {"multi-site": multi_site, "release": release}}
    return Stage(TServer, LICENSES if licenses is None else licenses, options, **settings).start()


@pytest.mark.parametrize(
    ("num_of", "num_sdn", "requested"),
    [
        ("max", "max", 9999),
        (0, "max", 9999),
        ("max", 70, 70),
        (0, 70, 70),
        ("max", 0, 0),
        (0, 0, 0),
        (50, "max", 50),
        (50, 70, 50),
        (70, 50, 50),
        (50, 0, 0),
    ],
)
def test_the_checkout_table(num_of: str | int, num_sdn: str | int, requested: int) -> None:
    assert seat_dns_requested(num_of, num_sdn) == requested


@pytest.mark.parametrize(
    ("num_of", "num_sdn", "licensed", "result"),
    [("max", "max", 500, 500), (1000, "max", 500, 500), (1000, 400, 600, 400), ("max", 1000, 5000, 1000)],
)
def test_the_four_examples(num_of: str | int, num_sdn: str | int, licensed: int, result: int) -> None:
    stage = tserver({"tserver_sdn": licensed}, num=num_of, sdn=num_sdn)
    assert stage.in_use("tserver_sdn") == result
    assert stage.log(7101) == [f"07101 Feature 'tserver_sdn': {result} licenses checked out."]
    assert stage.alarms == []


def test_without_a_single_license_it_logs_the_violation_and_exits() -> None:
    stage = tserver({"tserver_sdn": 0})
    assert stage.status == 3
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE"]
    assert stage.log()[-1] == "05064 Application terminated"


def test_with_num_sdn_licenses_0_none_is_looked_for_and_none_granted() -> None:
    stage = tserver({}, sdn=0)
    assert stage.app.state == "running"
    assert not stage.accepted("dn-registered", dn="1")


def test_the_next_dn_is_told_no_more_licenses() -> None:
    stage = tserver({"tserver_sdn": 3})
    assert [stage.accepted("dn-registered", dn=str(dn)) for dn in range(4)] == [True, True, True, False]
    assert stage.log(20007) == ["20007 All 3 seat licenses are in use already, registration rejected."]
    reply = stage.occur("dn-registered", dn="9", kind="acd-position")
    assert reply is not None
    assert reply.reason == "No More Licenses"
    stage.occur("dn-unregistered", dn="0")
    assert stage.accepted("dn-registered", dn="3")
    assert stage.accepted("dn-registered", dn="3"), "a DN that is registered twice is one DN"


def test_technical_dns_need_no_license_from_release_7_2_on() -> None:
    stage = tserver({"tserver_sdn": 1})
    assert all(stage.accepted("dn-registered", dn=str(dn), kind="routing-point") for dn in range(20))
    assert not stage.accepted("dn-registered", dn="1", kind="fax")


@pytest.mark.parametrize("release", ["7.0", "7.1"])
def test_technical_dns_need_licenses_before_release_7_2(release: str) -> None:
    stage = tserver({"tserver_sdn": 5, "tserver_tdn": 2}, release)
    assert [stage.accepted("dn-registered", dn=str(dn), kind="acd-queue") for dn in range(3)] == [True, True, False]
    assert stage.log(20007) == ["20007 All 2 technical licenses are in use already, registration rejected."]
    stage.occur("dn-unregistered", dn="0")
    assert stage.accepted("dn-registered", dn="9", kind="acd-queue")


def test_a_higher_number_is_asked_for_at_once_and_is_a_violation_where_it_is_not_there() -> None:
    stage = tserver({"tserver_sdn": 5}, num=3)
    stage.change("num-of-licenses", 5)
    assert stage.in_use("tserver_sdn") == 5
    assert stage.alarms == []
    stage.change("num-of-licenses", 8)
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE"]
    stage.change("num-of-licenses", 5)
    assert stage.alarms == ["number of tserver_sdn", "-number of tserver_sdn"]


def test_a_higher_number_is_taken_as_soon_as_there_are_licenses() -> None:
    stage = tserver({"tserver_sdn": 5}, num=3)
    stage.change("num-of-licenses", 8)
    stage.licenses["tserver_sdn"] = 10
    stage.pass_time(60)
    assert stage.in_use("tserver_sdn") == 8
    assert not stage.app.violations.standing


def test_a_lower_number_holds_from_the_next_start_on() -> None:
    stage = tserver(num=8)
    assert all(stage.accepted("dn-registered", dn=str(dn)) for dn in range(8))
    stage.change("num-of-licenses", 3)
    assert stage.in_use("tserver_sdn") == 8
    assert stage.alarms == []


def test_with_max_it_does_not_notice_an_enlarged_file() -> None:
    stage = tserver({"tserver_sdn": 5})
    stage.licenses["tserver_sdn"] = 50
    stage.pass_time(24 * 3600)
    assert stage.in_use("tserver_sdn") == 5


@pytest.mark.parametrize("value", [-1, 10_000, "many", "", True])
def test_invalid_values_are_max(value: object) -> None:
    stage = tserver({"tserver_sdn": 7}, num=value, sdn=value)
    assert stage.in_use("tserver_sdn") == 7


def test_max_to_a_number_looks_for_what_was_added() -> None:
    stage = tserver({"tserver_sdn": 5})
    stage.licenses["tserver_sdn"] = 50
    stage.change("num-of-licenses", 0)
    assert stage.in_use("tserver_sdn") == 5, "0 and max are the same"
    stage.change("num-of-licenses", 40)
    assert stage.in_use("tserver_sdn") == 40
    assert stage.alarms == []


def test_a_number_to_max_takes_what_is_left_and_is_no_violation_whatever_that_is() -> None:
    for licensed in (3, 5):
        stage = tserver({"tserver_sdn": licensed}, num=3)
        stage.change("num-of-licenses", "max")
        assert stage.in_use("tserver_sdn") == licensed
        assert stage.alarms == []
        assert stage.app.next_deadline() is None


def test_startup_that_takes_what_is_left_does_not_look_for_the_rest_when_another_option_changes() -> None:
    stage = tserver({"tserver_sdn": 5}, num=8)
    stage.change("multi-site", True, "TServer")
    stage.change("num-sdn-licenses", 9)
    assert stage.alarms == []
    stage.change("num-sdn-licenses", 7)
    assert stage.alarms == ["number of tserver_sdn"]


@pytest.mark.parametrize("option", ["num-of-licenses", "num-sdn-licenses"])
def test_either_option_can_be_changed_both_ways(option: str) -> None:
    stage = tserver(num=4, sdn=4)
    other = {"num-of-licenses": "num-sdn-licenses", "num-sdn-licenses": "num-of-licenses"}[option]
    stage.change(other, 10)
    for value, seats in ((6, 6), (2, 6), (6, 6), (7, 7), ("nonsense", 10)):
        stage.change(option, value)
        assert stage.in_use("tserver_sdn") == seats, value
    assert "not valid" in stage.log(5066)[-1]
    assert stage.alarms == []


@given(
    st.integers(1, 30),
    st.lists(st.tuples(st.sampled_from(["num-of-licenses", "num-sdn-licenses"]), st.one_of(st.integers(0, 40), st.just("max")))),
    st.integers(0, 40),
)
def test_whatever_is_configured_it_drops_no_dn_and_holds_no_more_than_was_wanted(
    licensed: int, changes: list[tuple[str, int | str]], dns: int
) -> None:
    stage = tserver({"tserver_sdn": licensed}, num=10)
    registered = {dn for dn in map(str, range(dns)) if stage.accepted("dn-registered", dn=dn)}
    most = held = stage.in_use("tserver_sdn")
    for name, value in changes:
        stage.change(name, value)
        most = max(most, stage.app.wanted())
        assert held <= stage.in_use("tserver_sdn") <= min(licensed, most)
        assert set(stage.app.seats.users) == registered
        held = stage.in_use("tserver_sdn")
        # A violation stands only while a number is wanted that is not there.
        assert not stage.app.violations.standing or held < stage.app.wanted() < COUNT_MAX
    assert not any(isinstance(effect, CheckIn) for effect in stage.effects)


def test_a_higher_number_while_the_server_is_out_of_reach_is_the_same_violation() -> None:
    stage = tserver(num=3)
    stage.cut()
    stage.change("num-of-licenses", 5)
    assert stage.alarms == ["license server"]
    stage.heal()
    assert stage.in_use("tserver_sdn") == 3
    stage.pass_time(60)
    assert stage.in_use("tserver_sdn") == 5
    assert stage.alarms == ["license server", "-license server"]


def test_two_tservers_share_a_pool_as_their_options_say() -> None:
    first = tserver({"tserver_sdn": 10}, num=7)
    left = 10 - first.in_use("tserver_sdn")
    second = tserver({"tserver_sdn": left})
    assert second.in_use("tserver_sdn") == 3
    assert second.alarms == []
    assert [second.accepted("dn-registered", dn=dn) for dn in "abcd"] == [True, True, True, False]
    assert tserver({"tserver_sdn": left - second.in_use("tserver_sdn")}, num=3).status == 3


def test_a_tserver_that_asks_for_too_many_leaves_none_for_the_next() -> None:
    """Guide, Exceeding the Number of Licenses: 30 in place of 3 in another T-Server's configuration."""
    assert tserver({"tserver_sdn": 10 - tserver(num=30).in_use("tserver_sdn")}, num=7).status == 3
    assert tserver({"tserver_sdn": 10 - tserver(num=3).in_use("tserver_sdn")}, num=7).in_use("tserver_sdn") == 7


def test_a_withdrawn_feature_keeps_what_is_registered_and_refuses_what_is_new() -> None:
    stage = tserver({"tserver_sdn": 5})
    assert stage.accepted("dn-registered", dn="1")
    stage.withdraw("tserver_sdn")
    reply = stage.occur("dn-registered", dn="2")
    assert reply is not None
    assert (reply.accepted, reply.reason) == (False, "The licenses of tserver_sdn are lost: No such feature exists.")
    assert stage.accepted("dn-registered", dn="1"), "it is registered"
    assert stage.log(20007) == [], "they are not in use, they are lost"
    assert len(stage.log(7100)) == 1
    stage.bring_back("tserver_sdn", 5)
    assert stage.log(7105) == ["07105 License status restored after violation with type 'No such feature exists'"]
    assert stage.accepted("dn-registered", dn="2")


def test_a_withdrawn_hot_standby_license_is_a_violation_and_stops_nothing() -> None:
    stage = tserver(redundancy="hot standby", multi_site=True)
    stage.withdraw("cti_ha_option")
    assert stage.alarms == ["feature cti_ha_option"]
    assert stage.accepted("dn-registered", dn="1")
    stage.bring_back("cti_ha_option", 1)
    assert stage.alarms == ["feature cti_ha_option", "-feature cti_ha_option"]


@pytest.mark.parametrize(
    ("release", "version"), [("7.0", "7.0"), ("7.1", "7.0"), ("7.2", "7.0"), ("8.0", "8.0"), ("8.1", "8.0"), ("8.5", "8.0")]
)
def test_releases_before_8_ask_for_7_0_and_the_others_for_8_0(release: str, version: str) -> None:
    stage = tserver(None, release, multi_site=True, redundancy="hot standby")
    asked = {effect.feature: effect.version for effect in stage.effects if isinstance(effect, CheckOut)}
    assert asked.pop("tserver_tdn", "none") == ("7.0" if release in ("7.0", "7.1") else "none")
    assert asked == dict.fromkeys(("tserver_sdn", "cti_ha_option", "tserver_iscc"), version)


@pytest.mark.parametrize(
    ("num", "sdn", "seats", "technical"), [("max", "max", 10, 10), (8, 6, 6, 2), (8, "max", 8, 0), ("max", 6, 6, 10), (8, 0, 0, 8)]
)
def test_technical_dns_have_what_the_ceiling_leaves_them(num: object, sdn: object, seats: int, technical: int) -> None:
    stage = tserver(None, "7.1", num=num, sdn=sdn)
    assert (stage.in_use("tserver_sdn"), stage.in_use("tserver_tdn")) == (seats, technical)
    assert tserver({"tserver_sdn": 10}, "7.1", num=8, sdn=6).status == 3, "tserver_tdn is missing"


def test_release_and_multi_site_hold_from_the_next_start_on() -> None:
    stage = tserver()
    stage.change("release", "7.1", "TServer")
    stage.change("multi-site", True, "TServer")
    assert (stage.in_use("tserver_tdn"), stage.in_use("tserver_iscc")) == (0, 0)
    assert len([line for line in stage.log() if "after a restart" in line]) == 2


@pytest.mark.parametrize("redundancy", ["warm standby", "hot standby"])
def test_a_pair_counts_once_and_keeps_its_dns_through_a_switchover(redundancy: str) -> None:
    primary = tserver(redundancy=redundancy, pair="north", num=8)
    backup = tserver(redundancy=redundancy, pair="north", num=8, role="backup")
    assert (primary.in_use("tserver_sdn"), backup.in_use("tserver_sdn")) == (8, 0)
    for dn in range(6):
        assert primary.accepted("dn-registered", dn=str(dn))
        assert backup.accepted("dn-registered", dn=str(dn))
    backup.occur("dn-unregistered", dn="0")
    assert backup.log(20007) == []
    asked = {effect.data for stage in (primary, backup) for effect in stage.effects if isinstance(effect, CheckOut)}
    assert asked <= {"pair:north"}

    primary.occur("become-backup")
    backup.occur("become-primary")
    assert (primary.held, backup.in_use("tserver_sdn")) == ({}, 8)
    assert list(backup.app.seats.users) == ["1", "2", "3", "4", "5"]
    assert [backup.accepted("dn-registered", dn=dn) for dn in "abcd"] == [True, True, True, False]
    assert backup.alarms == primary.alarms == []


def test_a_backup_that_takes_over_with_fewer_seats_drops_no_dn() -> None:
    stage = tserver({"tserver_sdn": 5}, redundancy="warm standby", role="backup", num=8)
    assert all(stage.accepted("dn-registered", dn=str(dn)) for dn in range(8))
    stage.occur("become-primary")
    assert stage.in_use("tserver_sdn") == 5
    assert len(stage.app.seats.users) == 8
    assert len(stage.alarms) == 1
    assert not stage.accepted("dn-registered", dn="9")
    stage.licenses["tserver_sdn"] = 9
    stage.pass_time(60)
    assert not stage.app.violations.standing


def test_the_backup_of_a_hot_standby_pair_starts_while_its_primary_has_the_license() -> None:
    stage = tserver({**LICENSES, "cti_ha_option": 0, "tserver_iscc": 0}, redundancy="hot standby", role="backup", multi_site=True)
    assert stage.app.state == "running"
    assert stage.held == {}


def test_hot_standby_needs_its_license_in_both() -> None:
    for role in ("primary", "backup"):
        stage = tserver({"tserver_sdn": 5}, redundancy="hot standby", role=role)
        assert stage.status == 3, role
    assert tserver({"tserver_sdn": 5}, redundancy="warm standby").app.state == "running"


def test_calls_between_sites_are_licensed_per_tserver_but_per_pair_in_hot_standby() -> None:
    alone = tserver(multi_site=True)
    assert alone.in_use("tserver_iscc") == 1
    warm = tserver(multi_site=True, redundancy="warm standby", role="backup")
    assert warm.in_use("tserver_iscc") == 1
    hot = tserver(multi_site=True, redundancy="hot standby", role="backup")
    assert hot.in_use("tserver_iscc") == 0
    assert tserver({"tserver_sdn": 5}, multi_site=True).status == 3


def test_a_peer_at_another_license_server_is_told() -> None:
    stage = tserver(redundancy="hot standby", license_path="7260@a", peer_path="7260@b")
    assert "one pool for the pair" in stage.app.degraded
    assert any("7260@b" in line for line in stage.log(5066))
