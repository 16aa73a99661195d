"""What stands in an order has one form in a license file, and what cannot stand there is refused with what is expected."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.dates import NEVER
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue import values
from seatkeeper.issue.reading import Unfit
from seatkeeper.licfile.model import Comment, Feature, LicenseFile
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import write

TODAY = date(2026, 3, 14)


@given(st.text(max_size=values.TEXT_CHARS_MAX + 2))
def test_a_text_that_is_taken_survives_a_license_file(given_text: str) -> None:
    try:
        text = values.text(given_text)
    except Unfit:
        return
    file = LicenseFile(
        (
            Feature("f1", "genesys.d", "1.0", "permanent", "1", attributes=(("vendor_info", text), ("NOTICE", text))),
            Comment(f"# {text}"),
        )
    )
    parsed = parse(write(file, columns=60))
    assert not parsed.problems
    assert parsed.file == file


@pytest.mark.parametrize("bad", [None, 5, "", " \t\n ", "x" * (values.TEXT_CHARS_MAX + 1), 'a"b', "a\\b", "a\x00b", "a\u200bb"])
def test_a_text_that_is_refused(bad: Any) -> None:
    with pytest.raises(Unfit):
        values.text(bad)


def test_blanks_within_a_text_are_single() -> None:
    assert values.text("  Pigeon \t Post\nExample ") == "Pigeon Post Example"
    assert values.text_or_empty("") == ""


@pytest.mark.parametrize(("raw", "meant"), [(17, "17"), ("A-1.b_2", "A-1.b_2"), (-3, "-3")])
def test_numbers_of_orders(raw: Any, meant: str) -> None:
    assert values.number(raw) == meant


@pytest.mark.parametrize("bad", [None, True, 1.5, "", "-", "a b", "a#b", "é", "1" * (values.NUMBER_CHARS_MAX + 1), "17\n"])
def test_what_is_no_number_of_an_order(bad: Any) -> None:
    with pytest.raises(Unfit):
        values.number(bad)


@pytest.mark.parametrize("bad", [0, 11, True, "5", 2.0, None])
def test_whole_numbers_have_limits_and_no_quotes(bad: Any) -> None:
    read = values.whole(1, 10)
    assert (read(1), read(10)) == (1, 10)
    with pytest.raises(Unfit, match="a whole number from 1 to 10, without quotes"):
        read(bad)


def test_words_are_taken_in_any_case() -> None:
    read = values.one_of("demo", "production")
    assert read(" Demo ") == "demo"
    with pytest.raises(Unfit, match="demo or production"):
        read("demonstration")
    with pytest.raises(Unfit, match=r"^demo$"):
        values.one_of("demo")("production")


@pytest.mark.parametrize("bad", [8.5, "8.5.1", "v8", "", "12345678901", None])
def test_what_is_no_version(bad: Any) -> None:
    assert values.version("8.10") == "8.10"
    with pytest.raises(Unfit):
        values.version(bad)


@pytest.mark.parametrize("bad", ["2026-03-13", "13-mar-2026", "31-dec-26", "2026-02-30", "soon", 2027, datetime(2027, 1, 1), None])
def test_days_that_no_license_can_end_on(bad: Any) -> None:
    with pytest.raises(Unfit):
        values.expiry(TODAY)(bad)


def test_days_that_a_license_can_end_on() -> None:
    read = values.expiry(TODAY)
    assert read(TODAY) == TODAY
    assert read(" 30-Jun-2027 ") == date(2027, 6, 30)
    assert read("permanent") == NEVER


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("8:0:20:0:5:ac", "0800200005ac"),
        ("#2005771344", "778da450"),
        ("DISK_SERIAL_NUM= 1CA2-5283", "DISK_SERIAL_NUM=1ca25283"),
        ("hostname=LicSrv", "HOSTNAME=licsrv"),
        ("INTERNET=192.0.2.7", "INTERNET=192.0.2.7"),
        ("any", "ANY"),
    ],
)
def test_a_hostid_has_one_form(raw: str, meant: str) -> None:
    assert values.hostid(raw) == meant


@pytest.mark.parametrize("bad", ["192.0.2.7", "::1", "8:0:20", "000000000000", "ffffffff", "DEMO", "", "licsrv", 5])
def test_what_is_no_hostid_of_a_server(bad: Any) -> None:
    with pytest.raises(Unfit):
        values.hostid(bad)


@pytest.mark.parametrize("bad", ['a"b', " a", "a\n", "x" * (values.PATH_CHARS_MAX + 1), None])
def test_what_is_no_path(bad: Any) -> None:
    assert values.path("c:\\program files\\genesys.d.exe") == "c:\\program files\\genesys.d.exe"
    with pytest.raises(Unfit):
        values.path(bad)


@pytest.mark.parametrize("bad", ["2026-03-15", "15-mar-2026", "soon", 2026, datetime(2026, 3, 1), None])
def test_days_that_are_yet_to_come_or_none(bad: Any) -> None:
    read = values.day_until(TODAY)
    assert read("2026-03-14") == read(" 14-mar-2026 ") == read(TODAY) == TODAY
    with pytest.raises(Unfit, match="a day until 2026-03-14"):
        read(bad)


@pytest.mark.parametrize("bad", [0, 1, "true", "yes", None])
def test_true_and_false_have_no_quotes(bad: Any) -> None:
    assert (values.flag(True), values.flag(False)) == (True, False)
    with pytest.raises(Unfit, match="true or false, without quotes"):
        values.flag(bad)


@pytest.mark.parametrize(
    ("raw", "meant"), [("licsrv", "licsrv"), ("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7")]
)
def test_hosts_are_names_or_addresses(raw: str, meant: str) -> None:
    assert values.host(raw) == meant


@pytest.mark.parametrize(
    "bad", ["fe80::1%eth0", "-x", "a..b", ".a", "licsrv:7260", "[2001:db8::7]:7260", "2001:db8::g", "a b", "", 7, None]
)
def test_what_is_no_host(bad: Any) -> None:
    with pytest.raises(Unfit, match="a host name, as `hostname` prints it, or an IP address"):
        values.host(bad)


@pytest.mark.parametrize(
    ("raw", "meant"),
    [("Linux", "Linux"), ("solaris", "SUN Solaris"), ("HP-UX", "HPUX"), ("AIX", "AIX (RS/6000, PPC)"), ("dec alpha", "DEC Alpha")],
)
def test_systems_are_those_of_the_hostid_table(catalog: Catalog, raw: str, meant: str) -> None:
    assert values.system(catalog)(raw) == meant


@pytest.mark.parametrize(
    ("bad", "remedy"),
    [
        ("Windows Server 2019", 'Write system = "Windows", and what its version is into system_version.'),
        ("Linus", "Did you mean 'Linux'?"),
        ("OS/2", ""),
        ("", ""),
        (5, ""),
    ],
)
def test_systems_that_no_table_has(catalog: Catalog, bad: Any, remedy: str) -> None:
    with pytest.raises(Unfit, match="SUN Solaris, Windows, Linux") as refused:
        values.system(catalog)(bad)
    assert refused.value.remedy == remedy


def test_a_catalog_without_a_hostid_table_takes_any_system(catalog: Catalog) -> None:
    read = values.system(msgspec.structs.replace(catalog, hostids=()))
    assert read(" Plan  9 ") == "Plan 9"
    with pytest.raises(Unfit, match="the type of an operating system"):
        read("")


@pytest.mark.parametrize(
    ("reader", "raw", "meant", "near", "nearest"),
    [
        ("product", "genesys  e-mail", "Genesys E-mail", "Genesys Email", "'Genesys E-mail'"),
        ("application", "t-server", "T-Server", "TServer", "'T-Server'"),
        ("feature", "ROUTER_SEATS", "router_seats", "routerseats", "'router_seats'"),
    ],
)
def test_names_have_the_catalogs_spelling_or_the_nearest_is_said(
    catalog: Catalog, reader: str, raw: str, meant: str, near: str, nearest: str
) -> None:
    read = getattr(values, reader)(catalog)
    assert read(raw) == meant
    with pytest.raises(Unfit) as refused:
        read(near)
    assert nearest in refused.value.remedy
    with pytest.raises(Unfit, match=r"the name of an? "):
        read(7)


def test_a_sellable_item_among_technical_licenses_is_sent_to_its_table(catalog: Catalog) -> None:
    for item in (catalog.products[0].name, catalog.products[0].part):
        with pytest.raises(Unfit) as refused:
            values.feature(catalog)(item)
        assert (refused.value.message, refused.value.remedy) == ("This is a sellable item.", "Put it into an [[items]] table.")


def test_attributes_are_those_that_orders_may_ask_for(catalog: Catalog) -> None:
    read = values.attributes(catalog)
    assert read({"LINGER": 60, "BORROW": "168"}) == (("BORROW", "168"), ("LINGER", "60"))
    assert read({}) == ()


@pytest.mark.parametrize(
    ("bad", "message", "said"),
    [
        ({"BOROW": "168"}, "Orders cannot ask for the attribute BOROW.", "Did you mean 'BORROW'?"),
        ({"SIGN": "0"}, "Orders cannot ask for the attribute SIGN.", "BORROW, DUP_GROUP"),
        ({"BORROW": ""}, "The attribute BORROW cannot have this value.", "a text of 1 to 200 characters"),
        ({"BORROW": True}, "The attribute BORROW cannot have this value.", "a text of 1 to 200 characters"),
        ({"LINGER": "soon"}, "The attribute LINGER cannot have this value.", ""),
        ({"DUP_GROUP": "X"}, "The attribute DUP_GROUP cannot have this value.", ""),
        ("BORROW=168", "", "a table such as"),
    ],
)
def test_attributes_that_no_order_gets(catalog: Catalog, bad: Any, message: str, said: str) -> None:
    with pytest.raises(Unfit) as refused:
        values.attributes(catalog)(bad)
    assert refused.value.message == message
    assert said in f"{refused.value.expected} {refused.value.remedy}"


def test_quantities_are_of_items_and_technical_licenses_by_name(catalog: Catalog) -> None:
    read = values.quantities(catalog)
    assert read({"genesys e-mail": 60, "VCB_FULL": 0}) == (("Genesys E-mail", 60), ("vcb_full", 0))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"Genesys Email": 60}, "Did you mean 'Genesys E-mail'"),
        ({"vcb_full": -1}, "So many of vcb_full cannot be meant."),
        ({"vcb_full": True}, "So many of vcb_full cannot be meant."),
        ({"vcb_full": "60"}, "So many of vcb_full cannot be meant."),
        ({"vcb_full": 1_000_000}, "whole numbers from 0 to 999,999"),
        ([], "a table such as"),
    ],
)
def test_quantities_that_no_server_gets(catalog: Catalog, bad: Any, said: str) -> None:
    with pytest.raises(Unfit) as refused:
        values.quantities(catalog)(bad)
    assert said in f"{refused.value.message} {refused.value.expected} {refused.value.remedy}"
