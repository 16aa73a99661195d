"""path: every form of a license path, on both systems, and what is said of a malformed one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.path import (
    ENTRIES_MAX,
    PATH_CHARS_MAX,
    Address,
    Chosen,
    Entry,
    addresses_of,
    choose_path,
    parse_path,
    path_sources,
    vendor_variable,
)
from seatkeeper.licfile.parser import parse

UNIX, WINDOWS = False, True


def server(text: str, *addresses: tuple[str, int]) -> Entry:
    return Entry(text, tuple(Address(*address) for address in addresses))


@pytest.mark.parametrize(
    ("text", "windows", "entries"),
    [
        ("7260@ctiserver", UNIX, [server("7260@ctiserver", ("ctiserver", 7260))]),
        ("@ctiserver", UNIX, [server("@ctiserver", ("ctiserver", 7260))]),
        ("27000@a:@b", UNIX, [server("27000@a", ("a", 27000)), server("@b", ("b", 7260))]),
        ("27000@a;@b", WINDOWS, [server("27000@a", ("a", 27000)), server("@b", ("b", 7260))]),
        ("1@a,2@b,3@c:@d", UNIX, [server("1@a,2@b,3@c", ("a", 1), ("b", 2), ("c", 3)), server("@d", ("d", 7260))]),
        ("7260@[::1]", UNIX, [server("7260@[::1]", ("::1", 7260))]),
        ("@[2001:db8::7]:/opt/x.lic", UNIX, [server("@[2001:db8::7]", ("2001:db8::7", 7260)), Entry("/opt/x.lic", place="/opt/x.lic")]),
        ("7260@[fe80::1%eth0]", UNIX, [server("7260@[fe80::1%eth0]", ("fe80::1%eth0", 7260))]),
        ("7260@2001:db8::7", WINDOWS, [server("7260@2001:db8::7", ("2001:db8::7", 7260))]),
        (
            r"C:\flexlm\license.dat;@b",
            WINDOWS,
            [Entry(r"C:\flexlm\license.dat", place=r"C:\flexlm\license.dat"), server("@b", ("b", 7260))],
        ),
        (
            "/opt/mlink/license.dat:/opt/other",
            UNIX,
            [Entry("/opt/mlink/license.dat", place="/opt/mlink/license.dat"), Entry("/opt/other", place="/opt/other")],
        ),
        ("/opt/me@work/license.dat", UNIX, [Entry("/opt/me@work/license.dat", place="/opt/me@work/license.dat")]),
        ("27020@server:", UNIX, [server("27020@server", ("server", 27020))]),
        (" @a : : @b ", UNIX, [server("@a", ("a", 7260)), server("@b", ("b", 7260))]),
        ("", UNIX, []),
    ],
)
def test_forms(text: str, windows: bool, entries: list[Entry]) -> None:
    assert parse_path(text, windows) == tuple(entries)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0@a", "0@a"),
        ("70000@a", "70000@a"),
        ("port@host", "port@host"),
        ("-1@a", "-1@a"),
        ("7260@", "7260@"),
        ("7260@::1", "7260@"),
        ("7260@a b", "7260@a b"),
        ("1@a,2@b", "1@a,2@b"),
        ("1@a,2@b,3@c,4@d", "1@a,2@b,3@c,4@d"),
        ("1@a,b,3@c", "b"),
        ("9" * 5000 + "@a", "9" * 5000 + "@a"),
    ],
)
def test_malformed_entries_are_named(text: str, found: str) -> None:
    with pytest.raises(InputError) as error:
        parse_path(text, UNIX, origin="LM_LICENSE_FILE")
    assert error.value.found == found
    assert str(error.value).startswith("LM_LICENSE_FILE")


def test_the_column_is_that_of_the_entry() -> None:
    with pytest.raises(InputError) as error:
        parse_path("7260@a:x@b", UNIX)
    assert error.value.column == 8


def test_a_path_has_limits() -> None:
    parse_path(":".join("@a" for _ in range(ENTRIES_MAX)), UNIX)
    with pytest.raises(InputError):
        parse_path(":".join("@a" for _ in range(ENTRIES_MAX + 1)), UNIX)
    with pytest.raises(InputError):
        parse_path("a" * (PATH_CHARS_MAX + 1), UNIX)


_host = st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z]{2,5})?", fullmatch=True)
_ipv6 = st.ip_addresses(v=6).map(str)
_address = st.builds(Address, st.one_of(_host, _ipv6), st.integers(1, 65535))


@given(st.lists(_address, max_size=6), st.booleans())
def test_addresses_survive_writing_and_reading(addresses: list[Address], windows: bool) -> None:
    text = (";" if windows else ":").join(str(address) for address in addresses)
    assert [entry.addresses for entry in parse_path(text, windows)] == [(address,) for address in addresses]


@given(st.text(max_size=40), st.booleans())
def test_any_text_is_a_path_or_an_input_error(text: str, windows: bool) -> None:
    try:
        entries = parse_path(text, windows)
    except InputError:
        return
    assert all(bool(entry.addresses) != bool(entry.place) for entry in entries)


def test_the_first_source_that_says_something_wins() -> None:
    environment = {"GENESYS_D_LICENSE_FILE": "@vendor", "LM_LICENSE_FILE": "@all"}
    assert choose_path("@given", "@option", environment, "genesys.d") == Chosen("@given", "license path")
    assert choose_path("", "@option", environment, "genesys.d") == Chosen("@option", "license-file")
    assert choose_path(None, None, environment, "genesys.d") == Chosen("@vendor", "GENESYS_D_LICENSE_FILE")
    assert choose_path(None, " ", {**environment, "GENESYS_D_LICENSE_FILE": ""}, "genesys.d") == Chosen("@all", "LM_LICENSE_FILE")
    assert choose_path(None, None, environment, "other") == Chosen("@all", "LM_LICENSE_FILE")
    assert choose_path(None, None, {}, "genesys.d") is None


def test_the_vendor_variable_can_be_exported_from_a_shell() -> None:
    assert vendor_variable("genesys.d") == "GENESYS_D_LICENSE_FILE"
    assert vendor_variable("my-vendor2") == "MY_VENDOR2_LICENSE_FILE"


def test_a_file_sends_its_clients_to_its_servers() -> None:
    def servers(text: str) -> tuple[Address, ...]:
        return addresses_of(parse(text).file, "x.lic", "genesys.d")

    assert servers("SERVER licsrv ANY 27000\nDAEMON genesys.d /opt/d port=5000\n") == (Address("licsrv", 27000),)
    assert servers("SERVER this_host ANY\n") == (Address("localhost", 7260),)
    assert servers("SERVER [::1] ANY 1\nVENDOR Genesys.D\n") == (Address("::1", 1),)
    triad = "SERVER a ANY 1\nSERVER b ANY 2\nSERVER c ANY 3\nDAEMON genesys.d\n"
    assert servers(triad) == (Address("a", 1), Address("b", 2), Address("c", 3))


@pytest.mark.parametrize(("text", "number"), [("DAEMON genesys.d\n", -13), ("SERVER a ANY 1\nDAEMON other\n", -3), ("", -13)])
def test_a_file_may_lead_to_no_server(text: str, number: int) -> None:
    with pytest.raises(LicenseError) as error:
        addresses_of(parse(text).file, "x.lic", "genesys.d")
    assert error.value.number == number
    assert "x.lic" in error.value.reason


STORED = {"GENESYS_D_LICENSE_FILE": "@stored", "LM_LICENSE_FILE": "@stored-all"}
ENVIRONMENT = {"GENESYS_D_LICENSE_FILE": "@env", "LM_LICENSE_FILE": "@env-all"}


def test_the_environment_counts_before_what_is_stored_variable_by_variable() -> None:
    expected = ["@l", "@option", "@env", "@stored", "@env-all", "@stored-all"]
    assert [source.text for source in path_sources("@l", "@option", ENVIRONMENT, "genesys.d", STORED)] == expected
    assert choose_path(None, None, {"LM_LICENSE_FILE": "@env-all"}, "genesys.d", STORED) == Chosen(
        "@stored", "GENESYS_D_LICENSE_FILE in .flexlmrc"
    )
    assert choose_path(None, None, {"GENESYS_D_LICENSE_FILE": " "}, "other", STORED) == Chosen(
        "@stored-all", "LM_LICENSE_FILE in .flexlmrc"
    )
    assert choose_path(None, None, {}, "genesys.d", {}) is None
