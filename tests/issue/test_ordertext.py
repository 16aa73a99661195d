"""An order that is written as TOML and read again is the same order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.base.dates import NEVER
from seatkeeper.catalog.expand import Environment, ExtraLicense, Item
from seatkeeper.issue.model import Order, OrderedApplication, OrderServer, Switch, Terms
from seatkeeper.issue.order import check_order
from seatkeeper.issue.ordertext import order_text as text_of

if TYPE_CHECKING:
    from collections.abc import Callable

CATALOG = load_catalog()
TODAY = date(2026, 3, 14)

#: What an order lets through into a license file, and what TOML and JSON treat specially.
_LETTERS = st.sampled_from("ab Zß漢é'#=[]{},.…\u2028😀/%$&")
_PATH_LETTERS = st.one_of(_LETTERS, st.sampled_from("\\'\\"))


def _kept(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return strategy.map(lambda text: " ".join(text.split())).filter(bool)


texts = _kept(st.text(_LETTERS, min_size=1, max_size=30))
texts_or_none = st.one_of(st.just(""), texts)
paths = st.text(_PATH_LETTERS, max_size=30).map(str.strip)
versions = st.sampled_from(["8.0", "8.1", "8.10", "9.0"])
counts = st.integers(1, 999_999)
numbers = st.one_of(st.none(), st.integers(0, 5000))
attributes = st.sampled_from([(), (("BORROW", "168"),), (("BORROW", "24"), ("LINGER", "60"))])


@st.composite
def orders(draw: Callable[..., Any]) -> Order:
    """Anything that the types allow; what an order does not may be among it."""
    independent = draw(st.booleans())
    products = draw(st.lists(st.sampled_from([each.name for each in CATALOG.products]), min_size=1, max_size=3, unique=True))
    features = draw(st.lists(st.sampled_from([each.feature for each in CATALOG.technical]), max_size=2, unique=True))
    servers = [
        OrderServer(
            host=f"{host}.example.com",
            hostid=f"0800200005a{at}",
            port=draw(st.integers(1024, 60_000)),
            daemon_path=draw(paths),
            daemon_options=draw(paths),
            daemon_port=0,
            site=draw(texts_or_none) if independent else "",
            share=draw(st.integers(1, 9)) if independent else 0,
            system_version=draw(texts_or_none),
        )
        for at, host in enumerate(("north", "south") if independent else ("only",))
    ]
    deployment = draw(st.sampled_from(["separate", "blended"]))
    return Order(
        terms=Terms(
            number=draw(st.from_regex(r"[A-Za-z0-9._-]*[A-Za-z0-9]", fullmatch=True).filter(lambda each: len(each) <= 40)),
            site=draw(st.from_regex(r"[0-9]{1,8}", fullmatch=True)),
            company=draw(texts),
            requestor=draw(texts),
            purpose="production",
            reseller=draw(texts_or_none),
            license_use=draw(texts),
            expires=draw(st.sampled_from([NEVER, TODAY, TODAY + timedelta(days=90), date(2099, 12, 31)])),
            deployment=deployment,
            configuration="independent" if independent else "single",
            ordered=draw(st.sampled_from([None, TODAY, date(2026, 1, 2)])),
        ),
        items=tuple(Item(name, draw(versions), draw(counts), draw(attributes)) for name in products),
        licenses=tuple(ExtraLicense(name, draw(counts), attributes=draw(attributes)) for name in features),
        environment=Environment(
            deployment=deployment,
            **{name: draw(st.integers(0, 50)) for name in ("sites", "redundant_pairs", "network_tservers", "ivr_servers")},
            instances=draw(st.integers(0, 9)),
            environments=draw(st.integers(0, 9)),
            seat_dns=draw(numbers),
            technical_dns=draw(numbers),
        ),
        servers=tuple(servers),
        applications=tuple(
            OrderedApplication(each.name, "8.5", draw(st.integers(1, 4)) * 2, draw(st.booleans()))
            for each in draw(st.lists(st.sampled_from(CATALOG.applications), max_size=2, unique_by=lambda each: each.name))
        ),
        switches=tuple(
            Switch(draw(texts), draw(texts), draw(numbers), draw(numbers), draw(texts_or_none), draw(texts_or_none))
            for _ in range(draw(st.integers(0, 2)))
        ),
    )


@settings(max_examples=250, deadline=None)
@given(order=orders(), remark=st.text(max_size=30))
def test_what_is_read_of_its_text_is_the_order(order: Order, remark: str) -> None:
    written = text_of(order, remarks=[remark])
    checked = check_order(written, "order.toml", CATALOG, TODAY)
    assert not any("not TOML" in problem.message for problem in checked.problems), written
    if checked.order is not None:
        # What was read is an order that a customer could have written: it says all that it said, and comes out the same.
        terms = checked.order.terms
        assert (terms, checked.order.items, checked.order.licenses, checked.order.servers) == (
            order.terms,
            order.items,
            order.licenses,
            order.servers,
        )
        assert (checked.order.applications, checked.order.switches) == (order.applications, order.switches)
        again = check_order(text_of(checked.order), "again.toml", CATALOG, TODAY)
        assert again.order == checked.order
        assert again.lines == checked.lines


@pytest.mark.parametrize(("said", "sites"), [("", 2), ("sites = 2\n", 2), ("sites = 5\n", 5)])
def test_numbers_that_follow_the_applications_stay_as_they_were_said(said: str, sites: int, order_text: str) -> None:
    server = next(each for each in CATALOG.applications if each.counts == "sites")
    tables = f'[[applications]]\nname = "{server.name}"\nversion = "8.1"\ninstances = 2\n'
    checked = check_order(order_text.replace("sites = 3\n", said) + tables, "order.toml", CATALOG, TODAY)
    assert checked.order is not None, checked.problems
    assert checked.order.environment.sites == sites
    assert check_order(text_of(checked.order), "again.toml", CATALOG, TODAY).order == checked.order


def test_a_usual_number_that_was_said_is_said_again_beside_applications(order_text: str) -> None:
    tables = '[[applications]]\nname = "T-Server"\nversion = "8.1"\ninstances = 2\n'
    text = order_text.replace("Genesys CIM Platform - MS", "Genesys Inbound Voice").replace("sites = 3", "sites = 1")
    checked = check_order(text + tables, "order.toml", CATALOG, TODAY)
    assert checked.order is not None, checked.problems
    assert checked.order.environment.sites == 1
    assert check_order(text_of(checked.order), "again.toml", CATALOG, TODAY).order == checked.order


def test_text_is_what_a_person_reads_with_remarks_above(order: Order) -> None:
    written = text_of(order, remarks=["Additional\nquantity: takes   the place of order 1."])
    assert written.startswith("# Additional quantity: takes the place of order 1.\n\n[order]\n")
    assert 'expires = "permanent"' not in written  # As it would be anyway.
    assert 'deployment = "separate"\n' in written  # Who leaves it out is asked.
    assert "sites = 3" in written
    assert "ivr_servers" not in written
    assert "[[items]]\nproduct = " in written
    assert check_order(written, "order.toml", CATALOG, TODAY).order == order


@pytest.mark.parametrize("quantities", [(), (("Genesys E-mail", 3),)])
def test_the_split_by_quantities_stays(quantities: tuple[tuple[str, int], ...], order: Order) -> None:
    first = msgspec.structs.replace(order.servers[0], host="north", share=1, quantities=quantities)
    second = msgspec.structs.replace(order.servers[0], host="south", hostid="001122334455", share=1)
    split = msgspec.structs.replace(order, terms=msgspec.structs.replace(order.terms, configuration="independent"), servers=(first, second))
    checked = check_order(text_of(split), "order.toml", CATALOG, TODAY)
    assert checked.order == split, checked.problems
