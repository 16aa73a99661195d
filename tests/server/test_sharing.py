"""Each vendor has a log of its own, under a name that a log may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.server.settings import TriadOptions
from seatkeeper.server.sharing import log_name, shared_log

if TYPE_CHECKING:
    from pathlib import Path


def test_names_of_logs_have_no_dots_and_differ_where_the_vendors_do() -> None:
    names = [log_name(vendor) for vendor in ("genesys.d", "genesys_d", "genesys*d", "genesys d")]
    assert len(set(names)) == 4
    assert not any(set(name) & set(".*> ") for name in names)
    assert log_name("GENESYS.D") == names[0]


def test_a_password_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SeatkeeperError, match="cannot be read"):
        shared_log(TriadOptions(0, ("a", "b", "c"), "nats://127.0.0.1:1", str(tmp_path / "none")), "genesys.d")
