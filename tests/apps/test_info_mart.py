"""Info Mart 7.2: voice, redundancy and high availability, by its sources."""

from __future__ import annotations

import pytest

from seatkeeper.apps.info_mart import InfoMart
from support.stage import Stage

ALL = {"gim_etl_voice": 1, "gim_etl_redundancy": 1, "gim_etl_ha_option": 1}


def info_mart(licenses: dict[str, int] | None = None, **options: object) -> Stage:
    given = {"gim-etl": {key.replace("_", "-"): value for key, value in options.items()}}
    return Stage(InfoMart, ALL if licenses is None else licenses, given).start()


@pytest.mark.parametrize(
    ("options", "features"),
    [
        ({}, {"gim_etl_voice"}),
        ({"call_concentrators": 2}, {"gim_etl_voice", "gim_etl_redundancy"}),
        ({"stat_servers": 3}, {"gim_etl_voice", "gim_etl_redundancy"}),
        ({"call_concentrators": 2, "redundant_pairs": True}, set(ALL)),
        ({"release": "7.5", "call_concentrators": 2, "redundant_pairs": True}, set()),
    ],
)
def test_what_its_sources_call_for(options: dict[str, object], features: set[str]) -> None:
    assert {feature for feature, _ in info_mart(None, **options).held.values()} == features


def test_a_missing_license_ends_the_startup() -> None:
    assert info_mart({}).status == 3
    assert info_mart({"gim_etl_voice": 1}, stat_servers=2).status == 3
    assert info_mart({}, release="8.0").app.state == "running"


def test_in_a_violation_it_goes_on_loading() -> None:
    stage = info_mart()
    stage.withdraw("gim_etl_voice")
    assert stage.accepted("load")
