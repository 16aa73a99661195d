"""Login sessions are written in the columns that usage reports load."""

from __future__ import annotations

from datetime import date
from random import Random

import msgspec

from seatkeeper.sim.center import GROUPS, build_center
from seatkeeper.sim.sessions import COLUMNS, Session, session_rows


def test_a_row_has_every_column_and_an_open_session_no_logout() -> None:
    agent = msgspec.structs.replace(build_center(1, Random(1)).agents[0], group=GROUPS[1][0])
    rows = session_rows([Session(1, agent, "P1", "7001", 0, 61), Session(2, agent, "P1", "7001", 1439)], date(2026, 9, 30))
    first, second = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
    assert (first["login"], first["logout"]) == ("2026-09-30T00:00:00Z", "2026-09-30T01:01:00Z")
    assert (second["login"], second["logout"]) == ("2026-09-30T23:59:00Z", "")
    assert first["media"] == "voice|email"
    assert (first["dn"], first["switch_kind"]) == ("7001", "premise")
    assert first["session_id"] != second["session_id"]


def test_who_has_no_voice_has_no_dn() -> None:
    agent = msgspec.structs.replace(build_center(1, Random(1)).agents[0], group=GROUPS[2][0])
    row = dict(zip(COLUMNS, session_rows([Session(1, agent, "P1", "7001", 0)], date(2026, 9, 30))[0], strict=True))
    assert (row["dn"], row["switch_kind"], row["media"]) == ("", "", "email|chat")
