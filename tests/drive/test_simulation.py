"""A day's own license server is a real one, with throw-away keys and the licenses that were ordered."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.drive.simulation import OwnServer, foreign_server, order_text
from seatkeeper.sdk import admin
from seatkeeper.sim.installation import REREAD_LOWERS, REREAD_WITHDRAWS, Ordered
from support.site import free_port

if TYPE_CHECKING:
    from pathlib import Path

LICENSES = [Ordered("lds", "8.0", 1), Ordered(REREAD_WITHDRAWS, "7.0", 4), Ordered(REREAD_LOWERS, "7.0", 10)]


def totals(server: OwnServer) -> dict[str, int]:
    return {pool.feature: pool.total for pool in admin.pools("localhost", server.port, "genesys.d")}


def test_it_serves_rereads_dies_and_comes_back(tmp_path: Path) -> None:
    server = OwnServer(tmp_path / "x", LICENSES, date.today(), free_port(), lambda line: None)
    server.start()
    try:
        assert totals(server) == {"lds": 1, REREAD_WITHDRAWS: 4, REREAD_LOWERS: 10}
        assert server.reread(less=True) == REREAD_WITHDRAWS
        assert totals(server) == {"lds": 1, REREAD_LOWERS: 8}
        server.kill()
        with pytest.raises(SeatkeeperError):
            totals(server)
        server.start()
        server.reread(less=False)
        assert totals(server)[REREAD_WITHDRAWS] == 4
    finally:
        server.stop()


def test_a_server_of_somebody_else_is_neither_killed_nor_reread() -> None:
    server = foreign_server("7260@licsrv")
    assert (server.path, server.is_ours) == ("7260@licsrv", False)
    for path in ("a@b@c", "7260@a:7260@b", "/some/file.lic", ""):
        with pytest.raises(InputError):
            foreign_server(path)


def test_an_order_names_every_license() -> None:
    text = order_text(LICENSES, "0800200055ad", 7260)
    assert text.count("[[licenses]]") == 3
    assert 'hostid = "0800200055ad"' in text
