"""Another program's tables are read whatever the case of their names, and what keeps them is said without a password."""

from __future__ import annotations

import pytest

from seatkeeper.adapters.postgres import ForeignDatabase, Wanted, check_no_password, quoted
from seatkeeper.base.errors import InputError, SeatkeeperError
from support.postgres import ACCOUNT, PASSWORD, database, server
from support.site import free_port


@pytest.fixture
def name() -> str:
    name = database()
    server().execute('CREATE SCHEMA "Upper"', name)
    server().execute('CREATE TABLE "Upper"."GC_THING" ("ID" numeric(16), "Name" varchar(20))', name)
    server().execute('INSERT INTO "Upper"."GC_THING" VALUES (9007199254740993, \'x\'), (2, NULL)', name)
    return name


def test_names_in_any_case_and_columns_that_may_be_missing(name: str) -> None:
    with ForeignDatabase(server().url(name), "Upper") as there:
        assert there.has("gc_thing", "id")
        assert not there.has("gc_thing", "color")
        rows = there.select(
            "gc_thing",
            [Wanted("id", ("id",)), Wanted("name", ("label", "NAME"), "text"), Wanted("color", ("color",))],
            "t.* IS NOT NULL OR true",
        )
        assert sorted(rows.to_pylist(), key=lambda row: row["id"]) == [
            {"id": 2, "name": None, "color": None},
            {"id": 9007199254740993, "name": "x", "color": None},
        ]
        with pytest.raises(InputError, match=r"lacks a column.*Upper.gc_thing.*expected color or hue"):
            there.select("gc_thing", [Wanted("color", ("color", "hue"), required=True)])
        with pytest.raises(InputError, match=r"no such table.*schema Upper.*expected gc_other"):
            there.table("gc_other")


def test_readers_cannot_write(name: str) -> None:
    with ForeignDatabase(server().url(name), "Upper") as there, pytest.raises(SeatkeeperError, match="SQLSTATE 25006"):
        there.execute('DELETE FROM "Upper"."GC_THING"')


def test_writers_fill_tables_and_see_new_ones() -> None:
    import pyarrow

    name = database()
    with ForeignDatabase(server().url(name), write=True) as there:
        there.execute(f"CREATE TABLE {quoted('t')} (a integer, b varchar(9))")
        there.fill("t", pyarrow.table({"a": pyarrow.array([1], pyarrow.int32()), "b": ["x"]}))
        there.commit()
        assert there.has("T", "b")
    assert server().execute("SELECT * FROM t", name) == [(1, "x")]


def test_what_keeps_a_database_is_one_sentence_without_a_password(name: str) -> None:
    port = server().port
    wrong = {
        f"postgresql://{ACCOUNT}@127.0.0.1:{port}/{name}": ("pa:ss&w=rd", "does not let this account in"),
        f"postgresql://{ACCOUNT}:secret-word@127.0.0.1:{free_port()}/{name}": ("", "cannot be reached"),
        f"postgresql://{ACCOUNT}@/nothing?host={server().socket}&port={port}": ("", "no such database"),
        f"postgresql://{ACCOUNT}@/x?host={server().socket}&prt={port}": ("", "option that PostgreSQL does not know"),
        "mysql://x": ("", "no address of a PostgreSQL database"),
    }
    for url, (password, said) in wrong.items():
        with pytest.raises(SeatkeeperError, match=said) as caught:
            ForeignDatabase(url, password=password)
        assert "secret-word" not in str(caught.value)
        assert "pa:ss" not in str(caught.value)


def test_a_password_may_have_any_sign() -> None:
    url = f"postgresql://{ACCOUNT}@127.0.0.1:{server().port}/postgres"
    with ForeignDatabase(url, password=PASSWORD) as there:
        assert there.rows("SELECT 1 AS one") == [{"one": 1}]
        assert there.name == f"postgresql://127.0.0.1:{server().port}/postgres"


@pytest.mark.parametrize("url", ["postgresql://a:secret-word@h/x", "postgresql://h/x?password=secret-word", "postgresql://a:@h/x"])
def test_an_address_with_a_password_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="has a password in it") as caught:
        check_no_password(url, "--url")
    assert "secret-word" not in str(caught.value)
    check_no_password("postgresql://a@h:5432/x?host=/run", "--url")
