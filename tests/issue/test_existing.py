"""A file that was issued before is taken as it stands only when all its licenses verify."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters.keys import read_trust
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.existing import has_licenses_of, read_existing
from seatkeeper.issue.issuer import issue_order
from seatkeeper.issue.model import Order
from seatkeeper.issue.plan import plan_file


@pytest.fixture
def issued(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> Path:
    return issue_order(order, catalog, keys, tmp_path / "license.dat", today).files[0].path


def test_an_issued_file_is_read_and_known_again(order: Order, catalog: Catalog, keys: Path, today: date, issued: Path) -> None:
    (parsed,) = read_existing(issued, read_trust(keys / "genesys.d.trust"))
    assert parsed.file.hostids == ("0800200005ac",)
    plan = plan_file(order, catalog, today)
    assert has_licenses_of(issued, plan.file)
    issued.write_text(issued.read_text().replace(" 100 ", " 101 ", 1))
    assert not has_licenses_of(issued, plan.file)
    assert not has_licenses_of(issued.parent, plan.file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" 100 ", " 101 ", r"not as it was issued: line 4.*was changed after signing"),
        ("0800200005ac", "0800200005ad", r"not as it was issued"),
        ("DAEMON", "DAEMN", r"license\.dat"),
        ("genesys.d", "other.d", r"has no license of genesys\.d"),
    ],
)
def test_a_damaged_file_is_refused(keys: Path, issued: Path, old: str, new: str, message: str) -> None:
    issued.write_text(issued.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        read_existing(issued, read_trust(keys / "genesys.d.trust"))


def test_what_is_not_there_is_refused(keys: Path, tmp_path: Path) -> None:
    trust = read_trust(keys / "genesys.d.trust")
    with pytest.raises(InputError, match="cannot be read"):
        read_existing(tmp_path / "none.dat", trust)
    with pytest.raises(InputError, match="no license file here"):
        read_existing(tmp_path, trust)
