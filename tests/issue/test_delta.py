"""A delta has what is new or changed, and says everything that it changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from issue.test_division import independent
from seatkeeper.adapters.keys import load_issuer, read_trust
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.expand import ExtraLicense, Item
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.delta import delta_of, is_for
from seatkeeper.issue.issuer import issue_order
from seatkeeper.issue.model import Order, OrderServer
from seatkeeper.issue.plan import plan_file
from seatkeeper.licfile.model import Feature, LicenseFile
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import sign_line, verify_lines
from seatkeeper.licfile.writer import write


@pytest.fixture
def old(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> Path:
    return issue_order(order, catalog, keys, tmp_path / "license.dat", today).files[0].path


def grown(order: Order, **terms: object) -> Order:
    """20 more seats of the platform, Chat is new, E-mail is no longer ordered."""
    items = (Item("Genesys CIM Platform - MS", "8.5", 120), Item("Genesys Chat", "9.0", 5))
    changed = msgspec.structs.replace(order.terms, number="20260043", **terms)
    return msgspec.structs.replace(order, items=items, terms=changed)


def features(path: Path) -> dict[str, str]:
    return {line.name: line.count for line in parse(path.read_text()).file.lines if isinstance(line, Feature)}


def test_only_new_and_changed_lines_are_issued(order: Order, catalog: Catalog, keys: Path, today: date, old: Path) -> None:
    (issued,) = issue_order(grown(order), catalog, keys, old.parent / "delta.dat", today, delta_to=old).files
    lines = features(issued.path)
    assert lines["SK029_CIM_PLATFORM_MS"] == lines["router_seats"] == "120"
    assert "tserver_tdn" not in lines
    assert any("CHAT" in name for name in lines)
    changes = issued.signed.plan.changes
    assert "SK029_CIM_PLATFORM_MS 8.5: 100 become 120" in changes
    assert any(change.endswith("is new") for change in changes)
    gone = [change for change in changes if "no longer ordered" in change]
    assert any("EMAIL" in change or "E_MAIL" in change for change in gone)
    text = issued.path.read_text()
    for change in changes:
        assert f"# - {change}\n" in text
    assert "seatkeeper license merge OLD NEW --apply" in text
    parsed = parse(text)
    assert not parsed.problems
    assert all(verdict.ok for verdict in verify_lines(parsed.file, read_trust(issued.trust)))
    assert issued.credentials == ()


def test_fewer_seats_another_purpose_and_another_last_day_are_said(
    order: Order, catalog: Catalog, keys: Path, today: date, old: Path
) -> None:
    terms = msgspec.structs.replace(order.terms, purpose="testing", expires=date(2027, 1, 31))
    fewer = msgspec.structs.replace(order, terms=terms, licenses=(ExtraLicense("vcb_full", 4),))
    (issued,) = issue_order(fewer, catalog, keys, old.parent / "delta.dat", today, delta_to=old).files
    (change,) = [each for each in issued.signed.plan.changes if each.startswith("vcb_full")]
    assert change == (
        "vcb_full 8.0: 5 become 4, which is fewer; permanent becomes until 31-jan-2027; "
        'NOTICE "Pigeon Post Example Ltd (Twine Example Trading) Customer use" becomes '
        '"Pigeon Post Example Ltd (Twine Example Trading) Customer use, NOT FOR PRODUCTION"; '
        'VENDOR_STRING "production" becomes "testing"'
    )


def test_nothing_new_is_no_file(order: Order, catalog: Catalog, keys: Path, today: date, old: Path) -> None:
    same = msgspec.structs.replace(order, terms=msgspec.structs.replace(order.terms, number="20260043"))
    with pytest.raises(InputError, match="nothing to sign"):
        issue_order(same, catalog, keys, old.parent / "delta.dat", today, delta_to=old)
    less = msgspec.structs.replace(same, licenses=())
    with pytest.raises(InputError, match=r"nothing to sign.*vcb_full 8\.0 \(5\) is no longer ordered"):
        issue_order(less, catalog, keys, old.parent / "delta.dat", today, delta_to=old)
    assert not (old.parent / "delta.dat").exists()


def test_another_servers_file_is_refused(order: Order, catalog: Catalog, keys: Path, today: date, old: Path) -> None:
    moved = msgspec.structs.replace(grown(order), servers=(OrderServer("other", "0800200005ad", 7260),))
    with pytest.raises(InputError, match=r"for another license server.*0800200005ac.*0800200005ad"):
        issue_order(moved, catalog, keys, old.parent / "delta.dat", today, delta_to=old)


def test_an_old_file_with_increments_of_what_changes_has_no_delta(order: Order, catalog: Catalog, keys: Path, today: date) -> None:
    plan = plan_file(order, catalog, today)
    key = load_issuer(keys, today=today)
    line = next(line for line in plan.file.lines if isinstance(line, Feature) and line.name == "vcb_full")
    more = sign_line(msgspec.structs.replace(line, keyword="INCREMENT", count="2"), plan.file.hostids, key)
    old = parse(write(LicenseFile((*plan.file.lines, more))), "old.dat")
    assert is_for(plan, old.file)
    assert delta_of(plan, old, "genesys.d").lines == ()
    larger = plan_file(msgspec.structs.replace(order, licenses=(ExtraLicense("vcb_full", 9),)), catalog, today)
    with pytest.raises(InputError, match=r"old\.dat:\d+: No delta can change vcb_full"):
        delta_of(larger, old, "genesys.d")


def test_a_second_site_gets_a_whole_file_and_the_first_a_delta(
    order: Order, catalog: Catalog, keys: Path, today: date, old: Path, tmp_path: Path
) -> None:
    split = independent(order, {"share": 3}, {"share": 2})
    servers = (msgspec.structs.replace(split.servers[0], host="licsrv", hostid="0800200005ac"), split.servers[1])
    first, second = issue_order(
        msgspec.structs.replace(split, servers=servers), catalog, keys, tmp_path / "sites", today, delta_to=old
    ).files
    assert (first.path, second.path) == (tmp_path / "sites/licsrv/delta.dat", tmp_path / "sites/host1/license.dat")
    assert features(first.path)["router_seats"] == "60"
    assert features(second.path)["router_seats"] == "40"
    assert "router_seats 8.0: 100 become 60, which is fewer" in first.signed.plan.changes
