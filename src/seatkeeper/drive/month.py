"""A simulated month stands in a real PostgreSQL database, as ICONs and a Configuration Server would have left it.

Each ICON has its Interaction Database in a schema of its own, as a site would have databases of their own, and so has the Configuration
Database. Tables are made where they are missing. Nothing is added to rows that are there: a month is written once, whole or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from seatkeeper.adapters.postgres import ForeignDatabase, quoted
from seatkeeper.base.errors import InputError
from seatkeeper.sim.configuration import CONFIGURATION_TABLES, DESKTOP_TYPE, configuration_rows
from seatkeeper.sim.idb import ICONS, MEDIA_CODES, TABLES, directory_of, icon_rows
from seatkeeper.sim.truth import WFM_GROUP

if TYPE_CHECKING:
    from seatkeeper.sim.idb import Rows
    from seatkeeper.sim.month import Month

__all__ = ["CONFIGURATION_SCHEMA", "schema_of", "sources_text", "write_month"]

CONFIGURATION_SCHEMA: Final = "configuration"


def schema_of(icon: str) -> str:
    """The schema with that ICON's database."""
    return "icon_" + icon.replace("-", "_")


def write_month(url: str, month: Month, password: str = "") -> int:
    """Writes the month; how many rows that are.

    Raises:
        InputError: There are rows of another month already.
        SeatkeeperError: The database cannot be reached, or refuses.
    """
    directory = directory_of(month)
    written = 0
    # One after the other: the rows of one ICON are enough for one machine's memory.
    for icon in ICONS:
        written += _fill(url, password, schema_of(icon), TABLES, icon_rows(month, directory, icon))
    return written + _fill(url, password, CONFIGURATION_SCHEMA, CONFIGURATION_TABLES, configuration_rows(month, directory))


def _fill(url: str, password: str, schema: str, tables: dict[str, dict[str, str]], rows: Rows) -> int:
    import pyarrow

    count = 0
    with ForeignDatabase(url, schema, password, write=True) as database:
        database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        for table, types in tables.items():
            declared = ", ".join(f"{column} {kind}" for column, kind in types.items())
            database.execute(f"CREATE TABLE IF NOT EXISTS {quoted(schema)}.{table} ({declared})")
        for table, columns in rows.items():
            if database.rows(f"SELECT EXISTS (SELECT FROM {quoted(schema)}.{table}) AS used")[0]["used"]:
                raise InputError(
                    "There are rows already.",
                    file=database.name,
                    found=f"{schema}.{table}",
                    expected="an empty table, or none",
                    remedy="Name another database, or drop the schema first.",
                )
            arrow = {column: _values(values, tables[table][column]) for column, values in columns.items()}
            filled = pyarrow.table(arrow)
            database.fill(table, filled)
            count += filled.num_rows
        database.commit()
        # Otherwise the planner takes new tables for empty ones.
        for table in rows:
            database.execute(f"ANALYZE {quoted(schema)}.{table}")
        database.commit()
    return count


def _values(values: list[Any], kind: str) -> Any:
    import pyarrow

    if kind == "timestamp":
        return pyarrow.array(values, pyarrow.int64()).cast(pyarrow.timestamp("s")).cast(pyarrow.timestamp("us"))
    return pyarrow.array(values, pyarrow.int32() if kind == "integer" else pyarrow.int64() if kind.startswith("big") else pyarrow.string())


def sources_text(url: str, password_env: str = "") -> str:
    """The `usage.toml` that collects what was written; a password comes from that environment variable."""
    where = [f"url = {_toml(url)}", *([f"password_env = {_toml(password_env)}"] if password_env else [])]
    custom = f'media = {{ "{MEDIA_CODES["custom"]}" = "custom" }}'
    blocks = []
    for icon in ICONS:
        lines = ["[[sources]]", 'kind = "icon"', f'name = "icon-{icon}"', *where, f'schema = "{schema_of(icon)}"']
        lines += ['pair = "icon-voice"'] if icon.startswith("voice") else [custom]
        blocks.append("\n".join([*lines, 'client_column = "GSYS_EXT_VCH1"']))
    lines = ["[[sources]]", 'kind = "configuration"', 'name = "configuration"', *where, f'schema = "{CONFIGURATION_SCHEMA}"']
    # ICON tells the groups' history, to the second.
    lines += [f"desktop_types = [{DESKTOP_TYPE}]", f'wfm_groups = ["{WFM_GROUP}"]', "groups = false"]
    return "\n\n".join([*blocks, "\n".join(lines)]) + "\n"


def _toml(text: str) -> str:
    import json

    return json.dumps(text)
