"""The rows of an ICON database name only what is there, and each ICON has written what it could see."""

from __future__ import annotations

from random import Random

import pytest

from seatkeeper.sim.idb import ICONS, TABLES, directory_of, icon_rows
from seatkeeper.sim.month import Month, plan_month


@pytest.fixture(scope="module")
def month() -> Month:
    return plan_month(60, 3, 2026, 9, Random(4))


@pytest.mark.parametrize("icon", ICONS)
def test_rows_fit_their_tables_and_refer_to_what_is_there(month: Month, icon: str) -> None:
    rows = icon_rows(month, directory_of(month), icon)
    for table, columns in rows.items():
        assert set(columns) <= set(TABLES[table]), table
        assert len({len(values) for values in columns.values()}) == 1
    sessions = rows["g_login_session"]
    for column, table in (("agentid", "gc_agent"), ("placeid", "gc_place"), ("tenantid", "gc_tenant"), ("primarydeviceid", "gc_endpoint")):
        assert set(sessions[column]) - {None} <= set(rows[table]["id"])
    assert set(rows["gx_session_endpoint"]["loginsessionid"]) == set(sessions["loginsessionid"])


def test_an_icon_that_died_left_sessions_open_and_its_pair_did_not(month: Month) -> None:
    directory = directory_of(month)
    first, second, media = (icon_rows(month, directory, icon) for icon in ICONS)
    assert None not in first["g_login_session"]["terminated_ts"]
    assert None in second["g_login_session"]["terminated_ts"]
    assert None in media["g_login_session"]["terminated_ts"]
    assert set(second["g_login_session"]["loginsessionid"]) < set(first["g_login_session"]["loginsessionid"])
    # Something was told twice.
    assert len(set(first["g_login_session"]["loginsessionid"])) < len(first["g_login_session"]["loginsessionid"])
    assert second["g_dss_gls_provider"]["dss_id"] == [1, 2]
