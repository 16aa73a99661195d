"""A Configuration Database on a real PostgreSQL server, and a file to which it was exported, say the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.configuration import read_configuration, read_export
from seatkeeper.adapters.postgres import ForeignDatabase
from seatkeeper.base.errors import InputError
from seatkeeper.usage.snapshots import ConfigurationOptions, snapshot_of
from support.postgres import database, server

if TYPE_CHECKING:
    from pathlib import Path

STATEMENTS = """
CREATE TABLE cfg_tenant (dbid integer, name varchar(255), state integer);
CREATE TABLE cfg_person (dbid numeric(16), tenant_dbid integer, employee_id varchar(64), user_name varchar(255), is_agent integer,
    state integer, capacity_dbid integer);
CREATE TABLE cfg_switch (dbid integer, tenant_dbid integer, name varchar(255), type integer, state integer);
CREATE TABLE cfg_agent_login (dbid integer, switch_dbid integer, login_code varchar(255), state integer);
CREATE TABLE cfg_login_info (person_dbid integer, agent_login_dbid integer);
CREATE TABLE cfg_flex_prop (object_dbid integer, object_type integer, prop_type integer, prop_name varchar(255), prop_value varchar(255));
INSERT INTO cfg_tenant VALUES (101, 'Harbor', 1);
INSERT INTO cfg_person VALUES (11, 101, 'E1', 'ann', 2, 1, 7), (12, 101, 'E2', 'off', 2, 2, NULL);
INSERT INTO cfg_switch VALUES (1, 101, 'north', 1, 1), (2, 101, 'east', 1, 1);
INSERT INTO cfg_agent_login VALUES (41, 1, '7001', 1);
INSERT INTO cfg_login_info VALUES (11, 41);
INSERT INTO cfg_flex_prop VALUES (7, 12, 0, 'email', '2');
"""
TABLES = ("cfg_tenant", "cfg_person", "cfg_switch", "cfg_agent_login", "cfg_login_info", "cfg_flex_prop")


def objects(tables: dict[str, list[dict[str, Any]]]) -> set[tuple[str, str, str]]:
    return {(each.kind, each.name, each.detail) for each in snapshot_of(tables, ConfigurationOptions(), 0).objects}


def test_a_database_and_its_export_say_the_same(tmp_path: Path) -> None:
    name = database()
    server().execute(STATEMENTS, name)
    with ForeignDatabase(server().url(name)) as there:
        found = read_configuration(there)
    assert objects(found) == {
        *(("agent", "ann", word) for word in ("agent", "login", "premise", "email")),
        ("system", "multi-site", ""),
    }
    # As a person exports it.
    exported = {table.upper(): server().execute(f"SELECT json_agg(t) FROM {table} t", name)[0][0] for table in TABLES}
    file = tmp_path / "export.json"
    file.write_text(json.dumps(exported))
    assert read_export(file) == found


def test_a_database_without_people_is_none() -> None:
    with ForeignDatabase(server().url(database())) as there, pytest.raises(InputError, match="expected cfg_tenant"):
        read_configuration(there)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "no export of configuration tables"),
        ("{", "no export of configuration tables"),
        ('{"cfg_tenant": []}', "lacks a table.*expected cfg_person"),
        ('{"cfg_tenant": [{"dbid": "x", "name": "a"}], "cfg_person": []}', "row 1: dbid 'x'"),
        ('{"cfg_tenant": [{"name": "a"}], "cfg_person": []}', "row 1: dbid None"),
    ],
)
def test_a_file_that_is_no_export_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_export(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_export(tmp_path / "none.json")
