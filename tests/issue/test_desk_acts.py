"""Each act gives the order that says all that is had from then on; what is not had cannot be changed, and two desks change it once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest

from seatkeeper.base.dates import NEVER
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.catalog.expand import ExtraLicense, Item
from seatkeeper.issue.desk_acts import added, change, end, given_back, maintain, moved, renewed, upgraded
from seatkeeper.issue.desk_entitling import held
from seatkeeper.issue.model import Order
from seatkeeper.issue.order import check_order
from support.deskwork import CATALOG, MAIL, TODAY, VOICE, Office, order, two_servers

CHAT = "Genesys Chat"


def had(text: str = "", items: tuple[Item, ...] | None = None, licenses: tuple[ExtraLicense, ...] = ()) -> Order:
    """An order that a customer has."""
    checked = check_order(text or order({VOICE: 20, MAIL: 5}, number="4711"), "order.toml", CATALOG, TODAY)
    assert checked.order is not None
    return msgspec.structs.replace(checked.order, items=items if items is not None else checked.order.items, licenses=licenses)


def counts(value: Order) -> dict[str, tuple[str, int]]:
    return {item.product: (item.version, item.quantity) for item in value.items} | {
        each.feature: (each.version, each.quantity) for each in value.licenses
    }


# Orders as values ------------------------------------------------------------------------------------------------------------


def test_more_of_what_is_had_and_what_is_new() -> None:
    new = added(had(), {"genesys e-mail": 2, CHAT: 3}, {"VCB_full": 4}, CATALOG)
    assert counts(new) == {VOICE: ("8.5", 20), MAIL: ("8.5", 7), CHAT: ("8.5", 3), "vcb_full": ("", 4)}
    assert counts(added(new, {CHAT: 1}, {"vcb_full": 1}, CATALOG, version="9.0")) == {
        **counts(new),
        CHAT: ("8.5", 4),
        "vcb_full": ("", 5),
    }
    # A new item is as new as the newest of the others, where nobody says otherwise.
    older = had(items=(Item(VOICE, "8.1", 1), Item(MAIL, "7.6", 1)))
    assert counts(added(older, {CHAT: 1}, {}, CATALOG))[CHAT] == ("8.1", 1)
    assert counts(added(older, {CHAT: 1}, {}, CATALOG, version="9.0"))[CHAT] == ("9.0", 1)
    with pytest.raises(InputError, match=r"version of this item is not known.*--version"):
        added(had(items=(), licenses=(ExtraLicense("vcb_full", 1),)), {CHAT: 1}, {}, CATALOG)
    with pytest.raises(SeatkeeperError, match="Genesys Chat"):
        added(had(), {"Genesys Caht": 1}, {}, CATALOG)


def test_less_of_what_is_had_down_to_nothing_of_it() -> None:
    have = had(licenses=(ExtraLicense("vcb_full", 4),))
    assert counts(given_back(have, {VOICE: 1, MAIL: 5}, {"VCB_FULL": 3}, CATALOG)) == {VOICE: ("8.5", 19), "vcb_full": ("", 1)}
    for items, licenses, words in (
        ({MAIL: 6}, {}, "not so many of Genesys E-mail.*at most 5"),
        ({}, {"vcb_full": 5}, "at most 4"),
        ({CHAT: 1}, {}, f"no such item.*expected {VOICE}, {MAIL}"),
        ({}, {"ics_custom_media_channel": 1}, "no such item"),
        ({VOICE: 20, MAIL: 5}, {"vcb_full": 4}, "no items any more.*desk end 4711"),
    ):
        with pytest.raises(InputError, match=words):
            given_back(have, items, licenses, CATALOG)
    with pytest.raises(InputError, match="asks for no license by name"):
        given_back(had(), {}, {"vcb_full": 1}, CATALOG)


def test_of_an_item_in_several_versions_the_newest_stays() -> None:
    have = had(items=(Item(VOICE, "8.1", 5), Item(MAIL, "8.5", 1), Item(VOICE, "8.5", 5)), licenses=(ExtraLicense("vcb_full", 1, "8.0"),))
    assert given_back(have, {VOICE: 4}, {}, CATALOG).items == (Item(VOICE, "8.1", 1), Item(MAIL, "8.5", 1), Item(VOICE, "8.5", 5))
    assert given_back(have, {VOICE: 7}, {}, CATALOG).items == (Item(MAIL, "8.5", 1), Item(VOICE, "8.5", 3))


def test_other_versions_and_other_items() -> None:
    assert counts(upgraded(had(), {VOICE: "9.0"}, {MAIL: CHAT}, CATALOG)) == {VOICE: ("9.0", 20), CHAT: ("8.5", 5)}
    # All at once: two may change places.
    assert counts(upgraded(had(), {}, {MAIL: VOICE, VOICE: MAIL}, CATALOG)) == {MAIL: ("8.5", 20), VOICE: ("8.5", 5)}
    for versions, others in (({CHAT: "9.0"}, {}), ({}, {CHAT: MAIL})):
        with pytest.raises(InputError, match="no such item"):
            upgraded(had(), versions, others, CATALOG)


def test_another_license_server_and_only_that_one() -> None:
    both = had(two_servers({VOICE: 5}, number="4711"))
    new = moved(both, "08:00:20:00:05:A2", "001122334455")
    assert [(server.host, server.hostid, server.share) for server in new.servers] == [
        ("north", "0800200005a1", 3),
        ("south", "001122334455", 2),
    ]
    assert [server.host for server in moved(both, "0800200005a1", "001122334455", "harbor").servers] == ["harbor", "south"]
    with pytest.raises(InputError, match=r"has that host id.*0800200005a1 or 0800200005a2"):
        moved(both, "001122334455", "001122334456")
    with pytest.raises(InputError, match="--from: This is not a host id"):
        moved(both, "no host id", "001122334456")


def test_a_later_last_day() -> None:
    short = had(order({VOICE: 1}, 'purpose = "production"\nexpires = "2026-06-30"', number="4711"))
    assert renewed(short, date(2026, 7, 1)).terms.expires == date(2026, 7, 1)
    for until in (date(2026, 6, 30), date(2026, 6, 1)):
        with pytest.raises(InputError, match="not later than before"):
            renewed(short, until)
    assert had().terms.expires == NEVER
    with pytest.raises(InputError, match="never expire"):
        renewed(had(), date(2030, 1, 1))


# In the registry ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A desk with one order that was issued."""
    made = Office.make(tmp_path / "office")
    made.issue(made.register(order({VOICE: 20, MAIL: 5})))
    return made


def same(old: Order) -> Order:
    return old


def states(office: Office) -> dict[str, str]:
    with office.registry.read() as view:
        return {row.number: row.state for row in view.orders()}


def test_a_change_is_an_order_that_a_person_can_read_and_counts_when_it_is_issued(office: Office) -> None:
    registered = change(office.desk(), "20260001", "add", lambda old: added(old, {MAIL: 2}, {}, CATALOG), {MAIL: 2})
    assert "# Additional quantity: takes the place of order 20260001.\n" in registered.row.text
    assert (registered.row.previous, registered.row.act, registered.order.terms.number) == ("20260001", "add", "20260002")
    with office.registry.read() as view:
        assert {(each.order, each.quantity) for each in held(view) if each.name == MAIL} == {("20260001", 5)}
        assert {each.name: each.change for each in view.entitlements("20260002") if each.kind == "item"} == {VOICE: 0, MAIL: 2}
    office.issue("20260002", "second.dat")
    with office.registry.read() as view:
        assert {(each.order, each.quantity) for each in held(view) if each.name == MAIL} == {("20260002", 7)}
    assert states(office) == {"20260001": "superseded", "20260002": "issued"}


def test_two_changes_of_one_order_cannot_both_be(office: Office) -> None:
    """Each would say all that is had, and nobody could add them up."""
    change(office.desk(), "20260001", "reissue", same, {})
    for _ in range(2):
        with pytest.raises(InputError, match=r"took this order's place.*Issue order 20260002, or withdraw it"):
            change(office.desk(), "20260001", "add", lambda old: added(old, {MAIL: 1}, {}, CATALOG), {})
    with pytest.raises(InputError, match=r"Only an order that counts now.*order 20260002 follows it"):
        end(office.desk(), "20260001", "")
    assert states(office) == {"20260001": "issued", "20260002": "registered"}


@pytest.mark.parametrize(
    ("act", "make", "details", "table"),
    [
        ("move", lambda old: moved(old, "0800200005ac", "001122334455"), {"from": "0800200005ac", "to": "001122334455"}, "moves"),
        ("renew", lambda old: renewed(old, date(2026, 9, 30)), {"until": "2026-09-30"}, "renewals"),
    ],
)
def test_a_move_and_a_renewal_stand_in_their_lists_once_they_are_issued(
    office: Office, act: str, make: Callable[[Order], Order], details: dict[str, str], table: str
) -> None:
    first = office.register(order({VOICE: 1}, 'purpose = "production"\nexpires = "2026-06-30"'))
    office.issue(first, "short.dat")
    number = change(office.desk(), first, act, make, details).row.number
    with office.registry.read() as view:
        assert list(view.rows(table)) == []
    office.issue(number, "after.dat")
    with office.registry.read() as view:
        (row,) = view.rows(table)
    assert (row["order"], row["previous"]) == (number, first)
    told = ["0800200005ac", "001122334455"] if act == "move" else ["2026-06-30", "2026-09-30"]
    assert list(row.values())[2:4] == told
    assert set(office.states(first).values()) == {"retired"}


def test_all_is_given_back_once(office: Office) -> None:
    end(office.desk(), "20260001", "closed down")
    assert (office.states("20260001"), office.acts("20260001")[-2:]) == ({"F000001": "retired"}, ["end", "retire"])
    with office.registry.read() as view:
        assert held(view) == []
    with pytest.raises(InputError, match="this one is ended"):
        end(office.desk(), "20260001", "")
    with pytest.raises(InputError, match="this one is ended"):
        change(office.desk(), "20260001", "add", lambda old: added(old, {MAIL: 1}, {}, CATALOG), {})
    with pytest.raises(InputError, match="Only an order that counts now"):
        end(office.desk(), office.register(order({VOICE: 1})), "")
    assert office.verify().whole


def test_maintenance_is_of_an_order_that_counts_and_its_days_stay_in_the_next_one(office: Office) -> None:
    desk = office.desk()
    assert maintain(desk, "20260001", "2026-01-01", "2026-12-31") == ("2026-01-01", "2026-12-31")
    assert maintain(desk, "20260001", None, "2027-12-31") == ("2026-01-01", "2027-12-31")
    for begin, until in ((None, "2025-12-31"), ("2028-01-01", None)):
        with pytest.raises(InputError, match="ends before it begins"):
            maintain(desk, "20260001", begin, until)
    number = change(desk, "20260001", "add", lambda old: added(old, {CHAT: 1}, {}, CATALOG), {}).row.number
    with office.registry.read() as view:
        assert {(row.maintained_from, row.maintained_until) for row in view.entitlements(number)} == {("2026-01-01", "2027-12-31")}
    office.issue(number, "after.dat")
    with pytest.raises(InputError, match=f"this one is superseded.*Order {number} took its place"):
        maintain(desk, "20260001", None, "2028-12-31")
    assert office.verify().whole
