"""The output of every system's own command gives the hostid that the guide's table gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.hostid import HostId, parse_hostid
from seatkeeper.licfile.hostreports import (
    parse_aix_uname,
    parse_getmac,
    parse_hpux_uname,
    parse_ifconfig,
    parse_ifconfig_addresses,
    parse_lmhostid,
    parse_netstat,
    parse_solaris_hostid,
    parse_volume,
)
from seatkeeper.licfile.interfaces import Interface

RECORDED = Path(__file__).parents[1] / "golden" / "hostid"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "reader", "hostid"),
    [
        ("aix-uname-m", parse_aix_uname, "02765131"),
        ("hpux-uname-i", parse_hpux_uname, "778da450"),
        ("solaris-hostid", parse_solaris_hostid, "170a3472"),
        ("windows-vol", parse_volume, "DISK_SERIAL_NUM=1ca25283"),
        ("windows-vol-german", parse_volume, "DISK_SERIAL_NUM=1ca25283"),
        ("windows-dir", parse_volume, "DISK_SERIAL_NUM=1ca25283"),
    ],
)
def test_the_numbers_of_the_guides_table(name: str, reader: Callable[[str], HostId], hostid: str) -> None:
    assert str(reader(recorded(name))) == hostid


def test_solaris_leaves_leading_zeros_out() -> None:
    assert parse_solaris_hostid("0x80a1b2c\n") == HostId("LONG", "080a1b2c")


def _brief(found: tuple[Interface, ...]) -> list[tuple[str, str, str, str]]:
    return [(one.name, one.address, one.state, one.kind) for one in found if one.proposed]


def test_netstat_of_dec_alpha() -> None:
    found = parse_netstat(recorded("alpha-netstat-i"))
    assert _brief(found) == [("tu0", "080020005532", "up", "physical"), ("tu1", "08002baa1002", "down", "physical")]
    assert {one.name: one.kind for one in found if not one.proposed} == {"sl0": "tunnel", "lo0": "loopback"}


def test_getmac_of_windows_tells_cards_from_adapters_made_by_software() -> None:
    found = parse_getmac(recorded("windows-getmac"))
    assert _brief(found) == [
        ("Ethernet", "080020005532", "up", "physical"),
        ("Wi-Fi", "080020006601", "up", "wireless"),
        ("Ethernet 2", "080020005599", "down", "physical"),
    ]
    others = {one.name: (one.kind, one.address) for one in found if not one.proposed}
    assert others == {
        "vEthernet (Default Switch)": ("virtual", "00155d000001"),
        "Bluetooth Network Connection": ("virtual", "080020006602"),
        "Corporate": ("tap", "00ff00000009"),
        "Ethernet 3": ("physical", ""),
    }
    assert _brief(parse_getmac(recorded("windows-getmac-german"))) == [("Ethernet", "080020005532", "down", "physical")]


def test_ifconfig_of_macos_prefers_the_card_with_an_address_of_its_own() -> None:
    text = recorded("macos-ifconfig-a")
    assert _brief(parse_ifconfig(text)) == [("en0", "6003089af239", "up", "physical"), ("en1", "360020005540", "down", "physical")]
    kinds = {one.name: one.kind for one in parse_ifconfig(text)}
    assert (kinds["lo0"], kinds["bridge0"], kinds["anpi0"], kinds["utun0"], kinds["gif0"]) == (
        "loopback",
        "bridge",
        "bridge",
        "tunnel",
        "tunnel",
    )
    assert parse_ifconfig_addresses(text) == ("192.0.2.21", "2001:db8::21")


def test_ifconfig_of_freebsd() -> None:
    text = recorded("freebsd-ifconfig-a")
    assert _brief(parse_ifconfig(text)) == [("em0", "080020007701", "up", "physical"), ("em1", "080020007702", "down", "physical")]
    assert parse_ifconfig_addresses(text) == ("192.0.2.31",)


@pytest.mark.parametrize(
    ("name", "hostids"),
    [
        ("lmhostid-flexnet", "00155d90a4a9 f889d2da54e1"),
        ("lmhostid-flexlm", "170a3472"),
        ("lmhostid-volume", "DISK_SERIAL_NUM=1ca25283"),
    ],
)
def test_lmhostid_old_and_new(name: str, hostids: str) -> None:
    assert " ".join(map(str, parse_lmhostid(recorded(name)))) == hostids


@pytest.mark.parametrize(
    ("reader", "text", "expected"),
    [
        (parse_aix_uname, "x86_64", "12 digits that uname -m prints"),
        (parse_hpux_uname, "x86_64", "decimal number"),
        (parse_solaris_hostid, "hostid: not found", "8 hex digits"),
        (parse_volume, "The device is not ready.\n", "Volume Serial Number is"),
        (parse_getmac, "ERROR: The RPC server is unavailable.", "four fields"),
        (parse_netstat, "netstat: no namelist", "Name and Mtu"),
        (parse_ifconfig, "ifconfig: interface does not exist", "as ifconfig -a prints it"),
        (parse_lmhostid, "lmutil: command not found", "The FlexNet host ID of this machine is"),
    ],
)
def test_other_text_says_what_was_expected(reader: Callable[[str], object], text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        reader(text)


@given(st.text(max_size=60))
def test_no_output_at_all_raises_anything_else(text: str) -> None:
    for reader in (
        parse_aix_uname,
        parse_hpux_uname,
        parse_solaris_hostid,
        parse_volume,
        parse_getmac,
        parse_netstat,
        parse_ifconfig,
        parse_lmhostid,
    ):
        try:
            found = reader(text)
        except ValueError:
            continue
        if isinstance(found, HostId):
            assert parse_hostid(str(found)) == found


@given(st.integers(0, 2**32 - 1))
def test_the_32_bit_id_is_one_number_on_every_system(number: int) -> None:
    expected = HostId("LONG", f"{number:08x}")
    assert parse_aix_uname(f"00{number:08X}00\n") == parse_hpux_uname(f"{number}\n") == parse_solaris_hostid(f"{number:x}\n") == expected
