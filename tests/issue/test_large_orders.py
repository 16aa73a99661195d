"""The largest orders are read, divided, signed and verified like small ones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from seatkeeper.issue.issuer import issue_order
from seatkeeper.issue.order import ITEMS_MAX, check_order
from seatkeeper.issue.serving import SERVERS_MAX
from seatkeeper.licfile.lint import lint
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.issuer import Issued
    from seatkeeper.issue.model import Order


def ordered(text: str, catalog: Catalog, today: date) -> Order:
    checked = check_order(text, "order.toml", catalog, today)
    assert checked.order is not None, checked.problems
    return checked.order


def counts(issued: Issued, catalog: Catalog, keys: Path, today: date) -> Counter[str]:
    """What all files have together; each is what lint and verification let through."""
    from seatkeeper.adapters.keys import load_trust

    _, trust = load_trust(keys)
    found: Counter[str] = Counter()
    for each in issued.files:
        parsed = parse(each.path.read_text(), str(each.path))
        assert not [problem for problem in lint(parsed, today=today) if problem.severity == "error"]
        assert all(verdict.ok for verdict in verify_lines(parsed.file, trust))
        found.update({line.name: int(line.count) for _, line in parsed.file.signable()})
    return found


def test_a_thousand_tables_of_items(order_text: str, catalog: Catalog, keys: Path, tmp_path: Path, today: date) -> None:
    # Whoever sells occ_preview sells no occ_full.
    names = [product.name for product in catalog.products if all(row.feature != "occ_preview" for row in product.required)]
    head, _, tail = order_text.partition("[[items]]")
    tail = tail[tail.index("[environment]") :].replace("[environment]", "[environment]\nredundant_pairs = 1")
    tables = "".join(
        f"[[items]]\nproduct = '{names[at % len(names)]}'\nversion = \"8.{at % 6}\"\nquantity = {999_999 - at}\n" for at in range(ITEMS_MAX)
    )
    order = ordered(head + tables + tail, catalog, today)
    found = counts(issue_order(order, catalog, keys, tmp_path / "license.dat", today), catalog, keys, today)
    assert sum(found[catalog.product(name).part] for name in names) == sum(999_999 - at for at in range(ITEMS_MAX))


def test_a_hundred_servers(order_text: str, catalog: Catalog, keys: Path, tmp_path: Path, today: date) -> None:
    head = order_text.partition("[[servers]]")[0].replace("quantity = 100", "quantity = 9973")
    tables = "".join(
        f'[[servers]]\nhost = "host{at}"\nhostid = "08002000{at:04x}"\nshare = {at % 7 + 1}\n' for at in range(1, SERVERS_MAX + 1)
    )
    order = ordered(head + tables, catalog, today)
    issued = issue_order(order, catalog, keys, tmp_path / "out", today)
    assert len(issued.files) == SERVERS_MAX
    found = counts(issued, catalog, keys, today)
    whole = check_order(order_text.replace("quantity = 100", "quantity = 9973"), "order.toml", catalog, today)
    assert {line.feature: line.count for line in whole.lines} == {name: found[name] for name in found if not name.startswith("SK")}
    assert found["SK029_CIM_PLATFORM_MS"] == 9973
    assert {len(list(each.path.parent.iterdir())) for each in issued.files} == {3}
