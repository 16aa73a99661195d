"""A license file's comments say which server it is for and what to do with it."""

from __future__ import annotations

from datetime import date

from issue.test_division import independent
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.model import Order, OrderServer
from seatkeeper.issue.plan import plan_file, plan_files
from seatkeeper.issue.remarks import at_host, foot


def test_a_single_file_says_where_it_goes(order: Order, catalog: Catalog, today: date) -> None:
    text = "\n".join(foot(plan_file(order, catalog, today), order, "genesys.d", today))
    assert "# Server     : licsrv (host id 0800200005ac)" in text
    assert "Put this file on licsrv, with genesys.d.trust" in text
    assert "redundant" not in text


def test_independent_files_name_their_server_the_others_and_what_is_not_here(order: Order, catalog: Catalog, today: date) -> None:
    split = independent(order, {"site": "North"}, {})
    first, second = plan_files(split, catalog, today)
    text = "\n".join(foot(second, split, "genesys.d", today))
    assert "# Server     : host1 (host id 080020000501), 2 of 2\n" in text
    assert "# Division   : equal shares, as the order names none" in text
    assert "# The others: 7260@host0." in text
    assert "ISDK_FACTORY" in text
    assert "1 of 2, site North" in "\n".join(foot(first, split, "genesys.d", today))


def test_an_address_with_colons_is_in_brackets() -> None:
    assert at_host(OrderServer("licsrv", "ANY", 7260)) == "7260@licsrv"
    assert at_host(OrderServer("2001:db8::7", "ANY", 7261)) == "7261@[2001:db8::7]"
    assert at_host(OrderServer("[2001:db8::7]", "ANY", 7261)) == "7261@[2001:db8::7]"
