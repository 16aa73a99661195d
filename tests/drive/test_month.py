"""A simulated month is written into a real PostgreSQL database once, and what it says how to collect fits it."""

from __future__ import annotations

import tomllib
from random import Random

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.drive.month import schema_of, sources_text, write_month
from seatkeeper.sim.month import plan_month
from support.postgres import database, server


def test_a_month_is_written_once_and_whole() -> None:
    name = database()
    url = server().url(name)
    month = plan_month(40, 2, 2026, 9, Random(1))
    written = write_month(url, month)
    assert written > len(month.sessions) * 2
    voice = server().execute("SELECT count(DISTINCT loginsessionid) FROM icon_voice_a.g_login_session", name)
    assert voice == [(sum(one.voice for one in month.sessions),)]
    assert server().execute("SELECT created_ts = extract(epoch FROM created) FROM icon_media.g_login_session LIMIT 1", name) == [(True,)]
    with pytest.raises(InputError, match=r"rows already.*icon_voice_a"):
        write_month(url, month)


def test_tables_of_an_earlier_installation_are_filled() -> None:
    name = database()
    write_month(server().url(name), plan_month(3, 1, 2026, 9, Random(1)))
    tables = server().execute(
        "SELECT string_agg(relname, ',') FROM pg_class WHERE relkind = 'r' AND relnamespace = 'icon_media'::regnamespace", name
    )
    for schema in ("icon_voice_a", "icon_voice_b", "icon_media"):
        server().execute("".join(f"TRUNCATE {schema}.{table};" for table in tables[0][0].split(",")), name)
    server().execute("DROP SCHEMA configuration CASCADE", name)
    assert write_month(server().url(name), plan_month(3, 1, 2026, 10, Random(1)))


def test_the_sources_are_toml_that_names_each_schema() -> None:
    sources = tomllib.loads(sources_text("postgresql://desk@/x?host=/run&port=1"))["sources"]
    assert [one["schema"] for one in sources] == [schema_of("voice-a"), schema_of("voice-b"), schema_of("media"), "configuration"]
    assert {one["url"] for one in sources} == {"postgresql://desk@/x?host=/run&port=1"}
