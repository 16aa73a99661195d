"""An order is read whole, or everything that is wrong with it is said at once, with line, found, expected and remedy."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.base.dates import NEVER, format_date
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.expand import Environment, ExtraLicense, Item
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.model import Order, OrderServer, Terms
from seatkeeper.issue.order import (
    EXPIRING_DAYS,
    ITEMS_MAX,
    ORDER_BYTES_MAX,
    check_order,
    read_order,
    read_text,
)
from seatkeeper.issue.reading import OrderError, OrderProblem


def test_a_good_order_is_read_to_the_last_value(order: Order) -> None:
    assert order == Order(
        terms=Terms(
            number="20260042",
            site="1111",
            company="Pigeon Post Example Ltd",
            requestor="Alex Example",
            purpose="production",
            reseller="Twine Example Trading",
            license_use="Customer use",
            expires=NEVER,
            deployment="separate",
        ),
        items=(Item("Genesys CIM Platform - MS", "8.5", 100), Item("Genesys E-mail", "8.1", 20)),
        licenses=(ExtraLicense("vcb_full", 5),),
        environment=Environment(sites=3, technical_dns=200),
        servers=(OrderServer("licsrv", "0800200005ac", 7260, "/opt/example dir/genesys.d", daemon_port=7261),),
    )


def problems_of(text: str, catalog: Catalog, today: date) -> tuple[OrderProblem, ...]:
    return check_order(text, "order.toml", catalog, today).problems


def line_of(text: str, wanted: str) -> int:
    return text[: text.index(wanted)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "key", "message", "remedy"),
    [
        (
            "Genesys E-mail",
            "Genesys Email",
            "items[2].product",
            "no such product",
            "Did you mean 'Genesys E-mail', 'Genesys SMS' or 'Genesys Web Media'?",
        ),
        ('version = "8.5"', "version = 8.5", "items[1].version", "cannot be used", ""),
        ('version = "8.5"', 'version = "eight"', "items[1].version", "cannot be used", ""),
        ("quantity = 20\n", "quantity = 0\n", "items[2].quantity", "cannot be used", ""),
        ("quantity = 20\n", "quantity = 1000000\n", "items[2].quantity", "cannot be used", ""),
        ("quantity = 20\n", "quantity = true\n", "items[2].quantity", "cannot be used", ""),
        ("quantity = 20\n", "quantity = 2.5\n", "items[2].quantity", "cannot be used", ""),
        ("quantity = 20\n", "quantitiy = 20\n", "items[2].quantitiy", "no such key", "Did you mean 'quantity'?"),
        ("vcb_full", "vcb_fool", "licenses[1].feature", "no such technical license", "Did you mean 'vcb_full'?"),
        ("vcb_full", "Genesys Chat", "licenses[1].feature", "This is a sellable item.", "Put it into an [[items]] table."),
        ('"production"', '"producktion"', "order.purpose", "cannot be used", "Did you mean 'production'?"),
        ('"separate"', '"mixed"', "order.deployment", "cannot be used", ""),
        ('"permanent"', "2026-03-13", "order.expires", "past their last day", "Years have four digits; today may be the last day."),
        ('"permanent"', '"30-jun-26"', "order.expires", "past their last day", "Years have four digits; today may be the last day."),
        ('"permanent"', '"soon"', "order.expires", "cannot be used", ""),
        ('"permanent"', "2027-01-01T00:00:00", "order.expires", "cannot be used", ""),
        ('"20260042"', '"2026 0042"', "order.number", "cannot be used", ""),
        ('"20260042"', "true", "order.number", "cannot be used", ""),
        ('"Alex Example"', '"Alex \\" Example"', "order.requestor", "cannot stand in a license file", None),
        ('"Alex Example"', '"Alex\\u200b"', "order.requestor", "cannot stand in a license file", None),
        ('"Alex Example"', '"  "', "order.requestor", "cannot be used", ""),
        ("sites = 3", "sites = -1", "environment.sites", "cannot be used", ""),
        ("sites = 3", "site = 3", "environment.site", "no such key", "Did you mean 'sites'?"),
        ("sites = 3", 'deployment = "blended"', "environment.deployment", "no such key", "The deployment mode stands in [order]."),
        ("8:0:20:0:5:ac", "192.0.2.7", "servers[1].hostid", "An IP address is not a host id.", None),
        ("8:0:20:0:5:ac", "2001:db8::7", "servers[1].hostid", "An IP address is not a host id.", None),
        ("8:0:20:0:5:ac", "8:0:20:0:5", "servers[1].hostid", "This is not a host id.", None),
        ("8:0:20:0:5:ac", "000000000000", "servers[1].hostid", "find no host id", None),
        ("8:0:20:0:5:ac", "DEMO", "servers[1].hostid", "DEMO cannot be the host id", ""),
        ('"licsrv"', '"lic srv"', "servers[1].host", "cannot be used", ""),
        ("port = 7260", "port = 70000", "servers[1].port", "cannot be used", ""),
        ("daemon_port = 7261", "daemon_port = 7260", "servers[1].daemon_port", "cannot listen on the port of lmgrd", ""),
        ("/opt/example dir", '/opt/\\"example\\"', "servers[1].daemon_path", "cannot be used", ""),
    ],
)
def test_one_mistake_is_one_problem_with_its_place(
    order_text: str, catalog: Catalog, today: date, old: str, new: str, key: str, message: str, remedy: str | None
) -> None:
    text = order_text.replace(old, new, 1)
    (first,) = problems_of(text, catalog, today)
    assert first.key == key
    assert message in first.message
    assert first.line == line_of(text, new)
    assert first.found
    assert first.severity == "error"
    assert remedy is None or first.remedy == remedy


@pytest.mark.parametrize("key", ["number", "site", "company", "requestor", "purpose", "product", "quantity", "hostid", "host"])
def test_a_key_that_is_missing_is_named_with_its_table(order_text: str, catalog: Catalog, today: date, key: str) -> None:
    lines = order_text.split("\n")
    at = next(index for index, line in enumerate(lines) if line.startswith(f"{key} ="))
    header = max(index for index in range(at) if lines[index].startswith("[")) + 1
    (problem,) = problems_of("\n".join(lines[:at] + lines[at + 1 :]), catalog, today)
    assert problem.message == f"The key {key!r} is missing."
    assert problem.line == header
    assert problem.expected


def test_an_empty_file_misses_order_items_and_servers(catalog: Catalog, today: date) -> None:
    assert {problem.message for problem in problems_of("", catalog, today)} == {
        "The table [order] is missing.",
        "The order has no items.",
        "The order names no license server.",
    }


def test_the_number_of_servers_tells_the_configuration(order_text: str, catalog: Catalog, today: date) -> None:
    one, two = (f'[[servers]]\nhost = "{each}"\nhostid = "0800200005{each}"\n' for each in ("ab", "ad"))
    assert read_order_of(order_text, catalog, today).terms.configuration == "single"
    assert read_order_of(order_text + one + two, catalog, today).terms.configuration == "redundant"
    split = order_text + "share = 60\n" + one + "share = 40\n"
    assert read_order_of(split, catalog, today).terms.configuration == "independent"
    (unclear,) = problems_of(order_text + one, catalog, today)
    assert unclear.message == "The order does not say how its license servers work together."


@pytest.mark.parametrize(("purpose", "days"), [("demo", 30), ("evaluation", 90), ("testing", 365), ("development", 365)])
def test_a_purpose_limits_the_life_of_licenses(order_text: str, catalog: Catalog, today: date, purpose: str, days: int) -> None:
    text = order_text.replace('"production"', f'"{purpose}"')
    last = today + timedelta(days=days)
    # `permanent`, which the template has, is as long as can be; and that is said.
    (problem,) = problems_of(text, catalog, today)
    assert (problem.key, problem.found, problem.severity) == ("order.expires", "permanent", "warning")
    assert f"last {days} days at most, so these end on {format_date(last)}" in problem.message
    assert read_order_of(text, catalog, today).terms.expires == last
    assert read_order_of(text.replace('expires = "permanent"\n', ""), catalog, today).terms.expires == last
    assert read_order_of(text.replace('"permanent"', last.isoformat()), catalog, today).terms.expires == last
    (beyond,) = problems_of(text.replace('"permanent"', (last + timedelta(days=1)).isoformat()), catalog, today)
    assert (beyond.severity, beyond.expected) == ("error", f"a day until {last}")


def test_all_mistakes_of_an_order_are_said_together(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text
    for old, new in (("Genesys E-mail", "G"), ("quantity = 5", "quantity = -5"), ("8:0:20:0:5:ac", "1.2.3.4"), ("sites", "seits")):
        text = text.replace(old, new, 1)
    with pytest.raises(OrderError) as caught:
        read_order_of(text, catalog, today)
    assert [problem.key for problem in caught.value.problems] == [
        "items[2].product",
        "licenses[1].quantity",
        "environment.seits",
        "servers[1].hostid",
    ]
    assert str(caught.value).count("\n") == 3


def read_order_of(text: str, catalog: Catalog, today: date) -> Order:
    checked = check_order(text, "order.toml", catalog, today)
    if checked.order is None:
        raise OrderError(checked.problems)
    return checked.order


def test_versions_that_no_single_license_meets_are_refused_at_the_license_that_was_asked_for(
    order_text: str, catalog: Catalog, today: date
) -> None:
    text = order_text.replace('feature = "vcb_full"', 'feature = "router_seats"\nversion = "9.0"')
    (problem,) = problems_of(text, catalog, today)
    assert (problem.key, problem.line) == ("licenses[1].version", line_of(text, 'version = "9.0"'))
    assert "No single license of router_seats" in problem.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2027-06-30", date(2027, 6, 30)),
        ('"2027-06-30"', date(2027, 6, 30)),
        ('"30-JUN-2027"', date(2027, 6, 30)),
        ('"permanent"', NEVER),
        ('"01-jan-00"', NEVER),
        ("2026-03-14", date(2026, 3, 14)),
    ],
)
def test_a_last_day_may_be_written_as_in_toml_or_as_in_license_files(
    order_text: str, catalog: Catalog, today: date, written: str, meant: date
) -> None:
    assert read_order_of(order_text.replace('"permanent"', written), catalog, today).terms.expires == meant


def test_numbers_of_order_and_site_may_be_numbers(order_text: str, catalog: Catalog, today: date) -> None:
    terms = read_order_of(order_text.replace('"20260042"', "17").replace('"1111"', "18"), catalog, today).terms
    assert (terms.number, terms.site) == ("17", "18")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("8:0:20:0:5:ac", "ANY", "every machine"),
        ('"permanent"', "2026-03-20", "expire in 6 days"),
        ('"permanent"', "2026-03-15", "expire in 1 day, on 15-mar-2026."),
        ('"permanent"', "2026-03-14", "expire today"),
        ("technical_dns = 200\n", "", "tserver_tdn is issued for 999999"),
    ],
)
def test_what_deserves_a_second_look_is_a_warning(order_text: str, catalog: Catalog, today: date, old: str, new: str, message: str) -> None:
    checked = check_order(order_text.replace(old, new), "order.toml", catalog, today)
    assert checked.order is not None
    (warning,) = checked.warnings
    assert message in warning.message
    assert warning.line


def test_a_far_day_is_no_warning(order_text: str, catalog: Catalog, today: date) -> None:
    far = today + timedelta(days=EXPIRING_DAYS + 1)
    assert not problems_of(order_text.replace('"permanent"', far.isoformat()), catalog, today)


def test_hostids_have_one_form(order_text: str, catalog: Catalog, today: date) -> None:
    for written in ("08:00:20:00:05:AC", "0800200005AC", "08-00-20-00-05-ac"):
        assert read_order_of(order_text.replace("8:0:20:0:5:ac", written), catalog, today).servers[0].hostid == "0800200005ac"
    text = order_text.replace("8:0:20:0:5:ac", "DISK_SERIAL_NUM= 1CA25283")
    assert read_order_of(text, catalog, today).servers[0].hostid == "DISK_SERIAL_NUM=1ca25283"


def test_the_number_of_items_has_a_limit(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text + '[[items]]\nproduct = "Genesys Chat"\nversion = "8.5"\nquantity = 1\n' * (ITEMS_MAX - 1)
    (problem,) = problems_of(text, catalog, today)
    assert problem.message == f"There are more than {ITEMS_MAX} of these."


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, catalog: Catalog, today: date) -> None:
    with pytest.raises(InputError, match="order template"):
        read_order(tmp_path / "none.toml", catalog, today)
    (tmp_path / "latin.toml").write_bytes(b"[order]\ncompany = '\xfc'\n")
    with pytest.raises(InputError, match=r"latin\.toml:2: The order is not in UTF-8"):
        read_text(tmp_path / "latin.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (ORDER_BYTES_MAX + 1))
    with pytest.raises(InputError, match="too large"):
        read_text(tmp_path / "large.toml")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path, order_text: str, order: Order, catalog: Catalog, today: date) -> None:
    (tmp_path / "order.toml").write_bytes(b"\xef\xbb\xbf" + order_text.encode())
    assert read_order(tmp_path / "order.toml", catalog, today)[0] == order


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_order_is_read_or_refused_with_sentences(data: st.DataObject) -> None:
    from seatkeeper.adapters.catalogs import load_catalog

    text = (Path(__file__).parent / "order.toml").read_text()
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 5)) :]
    checked = check_order(damaged, "order.toml", load_catalog(), date(2026, 3, 14))
    assert (checked.order is None) == any(problem.severity == "error" for problem in checked.problems)
    for problem in checked.problems:
        assert problem.message.endswith((".", "?"))
        assert "\n" not in problem.message


@pytest.mark.parametrize(
    ("more", "key"),
    [
        (
            '[[items]]\nproduct = "Genesys Chat"\nversion = "8.5"\nquantity = 1\nattributes = { BORROW = "24" }\n'
            '[[items]]\nproduct = "Genesys SMS"\nversion = "8.5"\nquantity = 1\nattributes = { BORROW = "168" }\n',
            "items",
        ),
        (
            '[[licenses]]\nfeature = "vcb_full"\nquantity = 1\nattributes = { LINGER = "5" }\n'
            '[[licenses]]\nfeature = "vcb_full"\nquantity = 1\nattributes = { LINGER = "6" }\n',
            "licenses[3].attributes",
        ),
    ],
)
def test_attributes_that_no_single_line_can_have_are_said_where_they_stand(
    order_text: str, catalog: Catalog, today: date, more: str, key: str
) -> None:
    text = order_text + more
    (problem,) = problems_of(text, catalog, today)
    assert "which has one line" in problem.message
    assert problem.key.startswith(key)
    assert problem.key.endswith(".attributes")
    assert text.splitlines()[problem.line - 1].startswith("attributes = ")
    assert problem.remedy.startswith("Give ")


def test_purposes_are_those_of_the_catalog(order_text: str, catalog: Catalog, today: date) -> None:
    vendor = msgspec.structs.replace(catalog.vendor, purposes=catalog.vendor.purposes[:2])
    (problem,) = problems_of(order_text, msgspec.structs.replace(catalog, vendor=vendor), today)
    assert (problem.key, problem.expected) == ("order.purpose", "demo or evaluation")


def test_a_server_that_would_get_nothing_is_found_before_anything_is_issued(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text.partition("[[licenses]]")[0].replace("quantity = 100", "quantity = 1").replace("quantity = 20", "quantity = 1")
    text += "[environment]\ntechnical_dns = 1\n" + "".join(
        f'[[servers]]\nhost = "host{at}"\nhostid = "080020000{at:03}"\nshare = {9 - at}\n' for at in range(3)
    )
    (problem,) = problems_of(text, catalog, today)
    assert (problem.key, problem.severity) == ("servers[2]", "error")
    assert problem.message == "The license server host1 would get no license at all."
    assert text.splitlines()[problem.line - 1] == "[[servers]]"


def test_a_deployment_that_makes_a_difference_is_asked_for(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text.replace('deployment = "separate"\n', "")
    assert problems_of(text, catalog, today) == ()
    (problem,) = problems_of(text.replace("Genesys CIM Platform - MS", "Genesys Chat"), catalog, today)
    assert (problem.severity, problem.key) == ("warning", "order")
    assert "the needs of ics_multi_media_agent_seat add up" in problem.message
    assert problems_of(order_text.replace("Genesys CIM Platform - MS", "Genesys Chat"), catalog, today) == ()


def test_what_is_about_the_whole_order_is_said_last(order_text: str, catalog: Catalog, today: date) -> None:
    found = problems_of(order_text + '[[licenses]]\nfeature = "x"\n' * 600, catalog, today)
    assert found[0].line > 0
    assert found[-1].message == "There are more problems than these; correct these first."
