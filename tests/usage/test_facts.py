from __future__ import annotations

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.sim.sessions import COLUMNS
from seatkeeper.usage.facts import KINDS, kind_named, kind_of_columns


def test_sessions_have_the_columns_of_the_issue_and_of_simulated_days() -> None:
    assert [column.name for column in KINDS["sessions"].columns if not column.optional] == list(COLUMNS)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_known_by_its_columns(name: str) -> None:
    names = [column.name for column in KINDS[name].columns if not column.optional]
    assert kind_of_columns((*reversed(names), "remark"), "f.csv").name == name
    assert kind_named(name).key


def test_what_a_file_lacks_is_told() -> None:
    with pytest.raises(InputError, match="for sessions also logout"):
        kind_of_columns(tuple(name for name in COLUMNS if name != "logout"), "f.csv")
    with pytest.raises(InputError, match="no kind of facts"):
        kind_named("calls")
