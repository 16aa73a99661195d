"""Each file has its place, and nothing that is there is lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from issue.test_division import independent
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.model import Order
from seatkeeper.issue.places import places_of
from seatkeeper.issue.plan import plan_files


def places(order: Order, catalog: Catalog, today: date, output: Path, *hosts: str) -> list[Path]:
    split = independent(order, *[{"host": host} for host in hosts])
    return places_of(split, plan_files(split, catalog, today), output, force=False)


def test_each_independent_server_has_a_directory(order: Order, catalog: Catalog, today: date, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert places(order, catalog, today, output, "a.example", "2001:db8::7") == [
        output / "a.example" / "license.dat",
        output / "2001-db8--7" / "license.dat",
    ]
    assert places(order, catalog, today, output, "..", "b")[0] == output / "server" / "license.dat"
    assert not output.exists()


def test_two_servers_never_share_one(order: Order, catalog: Catalog, today: date, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Two license servers would have the directory"):
        places(order, catalog, today, tmp_path / "out", "same", "SAME")


def test_what_is_in_the_way_is_said(order: Order, catalog: Catalog, today: date, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="This is a file, and the order has one for each server"):
        places(order, catalog, today, tmp_path / "file", "a", "b")
    with pytest.raises(InputError, match="There is no such directory"):
        places(order, catalog, today, tmp_path / "none" / "out", "a", "b")
    (tmp_path / "out" / "b").mkdir(parents=True)
    (tmp_path / "out" / "b" / "license.dat").write_text("somebody's")
    with pytest.raises(InputError, match=r"b/license\.dat: This file exists"):
        places(order, catalog, today, tmp_path / "out", "a", "b")
