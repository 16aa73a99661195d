"""What `order template` prints is an order already, in which every key is explained."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.order import check_order
from seatkeeper.issue.template import template


def test_the_template_is_a_good_order_without_remarks_to_make(catalog: Catalog, today: date) -> None:
    checked = check_order(template(catalog, host="licsrv", hostid="0800200005ac"), "order.toml", catalog, today)
    assert checked.problems == ()
    assert checked.order is not None
    assert (checked.order.servers[0].host, checked.order.servers[0].hostid) == ("licsrv", "0800200005ac")
    assert 3 <= len(checked.order.items) <= 4
    assert checked.lines


def test_items_are_tables_without_tables(catalog: Catalog) -> None:
    raw = tomllib.loads(template(catalog, host="licsrv", hostid="0800200005ac"))
    assert raw.keys() == {"order", "items", "environment", "servers"}
    assert all(item.keys() == {"product", "version", "quantity"} for item in raw["items"])


def test_every_key_that_an_order_knows_stands_in_the_template(catalog: Catalog, today: date) -> None:
    from seatkeeper.issue.order import _tables

    text = template(catalog, host="licsrv", hostid="0800200005ac")
    uncommented = "".join(line.removeprefix("# ") if " = " in line or "[[" in line else line for line in text.splitlines(keepends=True))
    raw = tomllib.loads(uncommented)
    for name, keys in _tables(catalog, today).items():
        tables = raw[name] if isinstance(raw[name], list) else [raw[name]]
        assert set().union(*tables) == set(keys), name


def test_its_remarks_are_licenses_that_can_be_ordered(catalog: Catalog, today: date) -> None:
    text = template(catalog, host="licsrv", hostid="0800200005ac")
    start = text.index("# Technical licenses that no item")
    block = text[start : text.index("\n\n", start)]
    tables = "\n".join(line.removeprefix("# ") for line in block.split("\n")[3:] if line != "#")
    checked = check_order(text + "\n" + tables, "order.toml", catalog, today)
    assert checked.order is not None, checked.problems
    assert [license_.feature for license_ in checked.order.licenses] == ["vcb_full", "CConCopies", "gim_etl_voice"]


@pytest.mark.parametrize("company", ["Ünlikely Example", "O'Example & Söns", "Example #1 = best [sic]"])
def test_a_company_may_have_an_unusual_name(catalog: Catalog, today: date, company: str) -> None:
    checked = check_order(template(catalog, host="licsrv", hostid="ANY", company=company), "order.toml", catalog, today)
    assert checked.order is not None, checked.problems
    assert checked.order.terms.company == company


def test_another_vendors_template_orders_what_that_vendor_sells(tmp_path: Path, today: date) -> None:
    (tmp_path / "vendor.toml").write_text(
        'name = "acme"\ntitle = "Acme Example"\ndefault_port = 27000\nseats_max = 10\nversion_rule = "flexnet"\ndaemons = ["acme"]\n'
    )
    (tmp_path / "technical.toml").write_text(
        '[[technical]]\nfeature = "anvil"\nversion = "1.0"\ndescription = "Anvils."\nrule = "per_seat"\nquantity = "one"\n'
    )
    (tmp_path / "products.toml").write_text(
        '[[products]]\nname = "Anvil 19\\""\npart = "AC1"\nlicenses = [{ feature = "anvil", version = "1.0" }]\n'
    )
    catalog = load_catalog(tmp_path)
    checked = check_order(template(catalog, host="licsrv", hostid="0800200005ac"), "order.toml", catalog, today)
    assert checked.order is not None, checked.problems
    assert checked.problems == ()
    assert [item.product for item in checked.order.items] == ['Anvil 19"']
    assert checked.order.servers[0].port == 27000
