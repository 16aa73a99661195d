from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters.usagelimits import (
    change_provisioned,
    keep_bundles,
    keep_entitlement,
    kept_bundles,
    kept_entitlements,
    kept_files,
    kept_provisioned,
)
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.bundles import BundleSet, check_bundles
from seatkeeper.usage.limits import Provisioned, with_counts
from support.boughtfiles import BUNDLES, entitlement_text


def count(number: int) -> Provisioned:
    return Provisioned(f"T{number:02}", "Genesys E-Mail", date(2026, 9, 1), number)


def test_counts_are_kept_whoever_else_changes_them(tmp_path: Path) -> None:
    place = tmp_path / "db"
    assert kept_provisioned(place) == ()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: change_provisioned(place, lambda rows: with_counts(rows, [count(number)])), range(24)))
    assert kept_provisioned(place) == tuple(count(number) for number in range(24))


def test_a_change_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    change_provisioned(tmp_path, lambda rows: (count(1),))

    def refuse(rows: tuple[Provisioned, ...]) -> tuple[Provisioned, ...]:
        raise InputError("no")

    with pytest.raises(InputError):
        change_provisioned(tmp_path, refuse)
    assert kept_provisioned(tmp_path) == (count(1),)


def test_a_damaged_or_newer_list_is_told(tmp_path: Path) -> None:
    path = tmp_path / "provisioned.json"
    path.write_text('{"form": 2, "counts": []}')
    with pytest.raises(InputError, match="newer seatkeeper"):
        kept_provisioned(tmp_path)
    path.write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        kept_provisioned(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SeatkeeperError, match="cannot be written"):
        change_provisioned(tmp_path / "file" / "db", lambda rows: rows)


def test_entitlement_files_are_kept_as_they_came_and_once(tmp_path: Path) -> None:
    file = tmp_path / "e.xml"
    file.write_text(entitlement_text(date(2026, 9, 1), {"Genesys E-Mail": 10}))
    names = {keep_entitlement(tmp_path / "db", file) for _ in range(2)}
    (kept,) = kept_entitlements(tmp_path / "db")
    assert names == {Path(kept.name).name}
    assert (kept.entitlement.lines[0].quantity, kept.signature) == (10, "")
    assert (Path(kept.name)).read_bytes() == file.read_bytes()
    file.write_text("<other/>")
    with pytest.raises(InputError):
        keep_entitlement(tmp_path / "db", file)
    assert len(kept_entitlements(tmp_path / "db")) == 1


def test_bundles_are_kept_where_nothing_is_wrong_with_them(tmp_path: Path) -> None:
    def check(new: BundleSet, others: list[BundleSet]) -> None:
        check_bundles(new, others, items_by_name(), {}, "b.xml")

    file = tmp_path / "b.xml"
    file.write_text(BUNDLES)
    for _ in range(2):
        assert keep_bundles(tmp_path / "db", file, check).number == 10_000
    assert [one.number for one in kept_bundles(tmp_path / "db")] == [10_000]
    file.write_text(BUNDLES.replace("For 2026", "another set with the same number"))
    with pytest.raises(InputError, match="stands for another"):
        keep_bundles(tmp_path / "db", file, check)
    assert len(kept_bundles(tmp_path / "db")) == 1


def test_the_files_that_are_kept_say_the_same_under_other_names(tmp_path: Path) -> None:
    assert kept_files(tmp_path) == {}
    change_provisioned(tmp_path, lambda rows: (count(1),))
    (tmp_path / "e.xml").write_text(entitlement_text(date(2026, 9, 1), {"Genesys E-Mail": 10}))
    keep_entitlement(tmp_path, tmp_path / "e.xml")
    files = kept_files(tmp_path)
    assert sorted(files) == ["entitlements/00000.xml", "provisioned.json"]
    for name, data in files.items():
        (tmp_path / "other" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / name).write_bytes(data)
    assert kept_provisioned(tmp_path / "other") == (count(1),)
    assert kept_entitlements(tmp_path / "other")[0].entitlement == kept_entitlements(tmp_path)[0].entitlement
