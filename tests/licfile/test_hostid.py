"""A hostid in any spelling is one value; a machine is that host or is told why not."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seatkeeper.licfile.hostid import (
    HOSTID_CHARS_MAX,
    HOSTIDS_MAX,
    HostFacts,
    HostId,
    allowed_on_feature,
    allowed_on_server,
    explain_mismatch,
    ids_of,
    matches,
    matches_any,
    parse_hostid,
    parse_hostids,
)

CONTAINER = "0123456789ab" * 5 + "cdef"
MACHINE = HostFacts(
    ethers=("6003089af239", "00155d90a4a9"),
    long_id="170a3472",
    hostname="Storage",
    fqdn="storage.example.com",
    user="jdoe",
    display="/dev/pts/3",
    addresses=("192.0.2.7", "2001:db8::ff8f:effa:13da:1", "fe80::1%eth0"),
    volumes=("1ca25283",),
    vm_uuid="564d4c0a-1111-2222-3333-444455556666",
    container_id=CONTAINER,
    others=(HostId("FLEXID", "9-12ab34cd"),),
)

SPELLINGS = [
    # The guide, "About Host IDs".
    ("8:0:20:0:5:ac", "ETHER", "0800200005ac"),
    ("0800200005ac", "ETHER", "0800200005ac"),
    ("08-00-20-00-05-AC", "ETHER", "0800200005ac"),
    ("ETHER=0800200005AC", "ETHER", "0800200005ac"),
    ("ether=8:0:20:0:5:ac", "ETHER", "0800200005ac"),
    ("#2005771344", "LONG", "778da450"),
    ("778DA450", "LONG", "778da450"),
    ("#0", "LONG", "00000000"),
    ("#4294967295", "LONG", "ffffffff"),
    # Its table of host-id commands, blank included.
    ("02765131", "LONG", "02765131"),
    ("170a3472", "LONG", "170a3472"),
    ("080020005532", "ETHER", "080020005532"),
    ("DISK_SERIAL_NUM= 1CA25283", "DISK_SERIAL_NUM", "1ca25283"),
    ("DISK_SERIAL_NUM=1CA2-5283", "DISK_SERIAL_NUM", "1ca25283"),
    ("ANY", "ANY", ""),
    ("any", "ANY", ""),
    ("Demo", "DEMO", ""),
    ("HOSTNAME=Storage.Example.com.", "HOSTNAME", "storage.example.com"),
    ("USER=JDoe", "USER", "JDoe"),
    ("DISPLAY=/dev/ttyp0", "DISPLAY", "/dev/ttyp0"),
    ("DISPLAY=licsrv:0.0", "DISPLAY", "licsrv:0.0"),
    ("INTERNET=195.186.*.*", "INTERNET", "195.186.*.*"),
    ("INTERNET=127.17.0.1", "INTERNET", "127.17.0.1"),
    ("INTERNET=2001:db8::ff8f:effa:13da:1", "INTERNET", "2001:0db8:0000:0000:ff8f:effa:13da:0001"),
    ("INTERNET=2001:0db8:0000:0000:*:*:*:000*", "INTERNET", "2001:0db8:0000:0000:*:*:*:000*"),
    ("INTERNET=2001:DB8::*", "INTERNET", "2001:0db8:0000:0000:0000:0000:0000:*"),
    ("INTERNET=2001:db8:*::1*", "INTERNET", "2001:0db8:*:0000:0000:0000:0000:001*"),
    ("INTERNET=::****:0", "INTERNET", "0000:0000:0000:0000:0000:0000:*:0000"),
    ("INTERNET=::ffff:192.0.2.7", "INTERNET", "192.0.2.7"),
    ("ID=1234-5678", "ID", "12345678"),
    ("ID=12345678", "ID", "12345678"),
    ("COMPOSITE=0A1B2C3D4E5F", "COMPOSITE", "0a1b2c3d4e5f"),
    ("FLEXID=7-B28520B9", "FLEXID", "7-b28520b9"),
    ("FLEXID=10-00a1", "FLEXID", "10-00a1"),
    ("VM_UUID=564D4C0A111122223333444455556666", "VM_UUID", "564d4c0a-1111-2222-3333-444455556666"),
    ("TPM=ek-01:AB", "TPM", "ek-01:AB"),
    ("LMB=x1", "LMB", "x1"),
    ("AMZN_EIP=192.0.2.9", "AMZN_EIP", "192.0.2.9"),
    ("AMZN_AMI=ami-0ABC1234", "AMZN_AMI", "ami-0abc1234"),
    ("AMZN_IID=i-0abc1234def567890", "AMZN_IID", "i-0abc1234def567890"),
    ("CONTAINER_ID=0123456789AB", "CONTAINER_ID", "0123456789ab"),
    ("ptc_hostid=08-00-76-32-E4-22", "PTC_HOSTID", "08-00-76-32-E4-22"),
    ("LONG=170A3472", "LONG", "170a3472"),
]


@pytest.mark.parametrize(("text", "kind", "value"), SPELLINGS)
def test_every_spelling_has_one_value(text: str, kind: str, value: str) -> None:
    hostid = parse_hostid(text)
    assert (hostid.kind, hostid.value) == (kind, value)
    assert parse_hostid(str(hostid)) == hostid
    assert " " not in str(hostid)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        # The guide's rows for Windows and Linux have a digit too many.
        ("0800200055327", "all 12 hex digits of an Ethernet address, or the 8 of a 32-bit host id, and 0800200055327 has 13"),
        ("08002000553", "has 11"),
        ("2005771344", "or #2005771344 if that is a decimal number"),
        ("8:0:20:0:5", "an Ethernet address of 12 hex digits"),
        ("08:00-20:00:05:ac", "all 12 hex digits"),
        ("ETHER=778da450", "all 12 hex digits"),
        ("#4294967296", "below 4294967296"),
        ("#", "decimal number"),
        ("#12ab", "decimal number"),
        ("#٢", "ASCII"),
        ("٠٨٠٠٢٠٠٠٠٥٥٣", "ASCII"),
        ("HOSTNAME=zürich", "ASCII"),
        ("10.0.0.5", "an IP address is not one: run lmhostid on that machine, or write INTERNET=10.0.0.5"),
        ("2001:db8::5", "an IP address is not one"),
        ("192.168.*.*", "an IP address is not one"),
        ("1CA2-5283", "DISK_SERIAL_NUM=1CA25283"),
        ("DISK_SERIAL_NUM=1CA2528", "8 hex digits of a volume serial number"),
        ("INTERNET=10.0.0", "an IPv4 address as"),
        ("INTERNET=10.0.0.256", "an IPv4 address as"),
        ("INTERNET=10.0.*.256", "at most 255"),
        ("INTERNET=10.0.0.1*", "or \\* as a whole"),
        ("INTERNET=010.0.0.*", "without leading zeros"),
        ("INTERNET=*", "four IPv4 fields"),
        ("INTERNET=2001:db8:*", "eight fields"),
        ("INTERNET=1:2:3:4:5:6:7:8:*", "eight fields"),
        ("INTERNET=1:2:3:4::5:6:7:*", "eight fields"),
        ("INTERNET=*::1::2", "one to four hex digits"),
        ("INTERNET=1:2:3:4:5:6:7:12345", "an IPv6 address as"),
        ("INTERNET=1:2:3:4:5:6:7:*2345", "one to four hex digits"),
        ("INTERNET=::ffff:c000:*", "four decimal fields"),
        ("INTERNET=fe80::1%eth0", "an IPv6 address as"),
        ("INTERNET=licsrv", "an IPv4 address as"),
        ("HOSTNAME=", "a host name"),
        ("HOSTNAME=a..b", "a host name"),
        ("HOSTNAME=-a", "a host name"),
        ("HOSTNAME=a b", "a host name"),
        ("USER=John Doe", "without blanks"),
        ('USER=a"b', "quotes"),
        ("USER=a,b", "commas"),
        ("ID=12_34", "letters and digits"),
        ("ID=-", "letters and digits"),
        ("COMPOSITE=12", "12 hex digits"),
        ("FLEXID=abc", "dongle"),
        ("VM_UUID=564d4c0a", "32 hex digits"),
        ("AMZN_EIP=192.0.2", "elastic IPv4"),
        ("AMZN_IID=0abc1234", "an instance's id"),
        ("CONTAINER_ID=0123", "12 or 64"),
        ("HOSTID=ANY", "a hostid by itself"),
        ("ANY=1", "a hostid by itself"),
        ("=1", "a kind of hostid before the ="),
        ("MY-ID=1", "a kind of hostid before the ="),
        ("VENDOR_ID=", "a value after VENDOR_ID="),
        ("licsrv", "or a kind and a value as in HOSTNAME=licsrv"),
        ("", "1 to 280 characters"),
        ("USER=" + "x" * HOSTID_CHARS_MAX, "1 to 280 characters"),
    ],
)
def test_what_is_no_hostid_says_what_is_expected(text: str, phrase: str) -> None:
    with pytest.raises(ValueError, match=phrase):
        parse_hostid(text)


@given(st.text(max_size=40))
def test_any_text_is_a_hostid_that_reads_back_or_a_value_error(text: str) -> None:
    try:
        hostid = parse_hostid(text)
    except ValueError:
        return
    assert parse_hostid(str(hostid)) == hostid


@given(st.from_regex(r"[A-Z_]{2,12}=[!-~*:.0-9a-f-]{1,30}", fullmatch=True))
def test_any_kind_and_value_reads_back_or_is_a_value_error(text: str) -> None:
    try:
        hostid = parse_hostid(text)
    except ValueError:
        return
    assert parse_hostid(str(hostid)) == hostid
    assert parse_hostids(f"{hostid},{hostid}") == (hostid, hostid)


@given(st.binary(min_size=6, max_size=6))
def test_an_ethernet_address_is_the_same_in_every_spelling(raw: bytes) -> None:
    plain = raw.hex()
    spellings = [plain, plain.upper(), raw.hex(":"), raw.hex("-").upper(), ":".join(f"{byte:x}" for byte in raw), f"ETHER={plain}"]
    assert {parse_hostid(spelling) for spelling in spellings} == {HostId("ETHER", plain)}


@given(st.integers(0, 2**32 - 1))
def test_a_32_bit_id_is_the_same_in_hexadecimal_and_decimal(number: int) -> None:
    assert parse_hostid(f"#{number}") == parse_hostid(f"{number:08X}") == HostId("LONG", f"{number:08x}")


def test_lists_are_separated_by_blanks_line_ends_or_commas() -> None:
    # The guide's sample, as it stands within the quotes.
    sample = "INTERNET=127.17.0.*,\n  INTERNET=2001:0db8:0000:0000:*:*:*:000*"
    expected = (HostId("INTERNET", "127.17.0.*"), HostId("INTERNET", "2001:0db8:0000:0000:*:*:*:000*"))
    assert parse_hostids(sample) == expected
    assert parse_hostids('""00155d90a4a9 f889d2da54e1""') == (HostId("ETHER", "00155d90a4a9"), HostId("ETHER", "f889d2da54e1"))
    assert parse_hostids("DISK_SERIAL_NUM= 1CA25283  ANY") == (HostId("DISK_SERIAL_NUM", "1ca25283"), HostId("ANY"))
    with pytest.raises(ValueError, match=r"in place of '10\.0\.0\.5' a hostid, and an IP address"):
        parse_hostids("ANY, 10.0.0.5")
    for nothing in ("", '""', " , "):
        with pytest.raises(ValueError, match="1 to 1000 hostids"):
            parse_hostids(nothing)
    with pytest.raises(ValueError, match="1 to 1000 hostids"):
        parse_hostids("ANY " * (HOSTIDS_MAX + 1))
    with pytest.raises(ValueError, match="ASCII"):
        parse_hostids("ANY\u00a0DEMO")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ANY", True),
        ("DEMO", True),
        ("ID=1234", True),
        ("60:3:8:9a:f2:39", True),
        ("00155d90a4a9", True),
        ("00155d90a4aa", False),
        ("#386544754", True),
        ("170a3473", False),
        ("DISK_SERIAL_NUM=1CA25283", True),
        ("DISK_SERIAL_NUM=1CA25284", False),
        ("HOSTNAME=STORAGE", True),
        ("HOSTNAME=storage.example.com", True),
        ("HOSTNAME=storage.example.org", False),
        ("HOSTNAME=example", False),
        ("USER=jdoe", True),
        ("USER=JDOE", False),
        ("DISPLAY=/dev/pts/3", True),
        ("DISPLAY=/dev/pts/33", False),
        ("INTERNET=192.0.2.7", True),
        ("INTERNET=192.0.*.7", True),
        ("INTERNET=*.*.*.*", True),
        ("INTERNET=192.0.2.70", False),
        ("INTERNET=2001:0db8:0000:0000:*:*:*:000*", True),
        ("INTERNET=2001:0db8:0000:0000:*:*:*:001*", False),
        ("INTERNET=2001:db8::ff8f:effa:13da:1", True),
        ("INTERNET=2001:db8:0:0:ff*f:effa:13da:1", True),
        ("INTERNET=fe80::1", True),
        ("VM_UUID=564D4C0A-1111-2222-3333-444455556666", True),
        ("CONTAINER_ID=0123456789ab", True),
        (f"CONTAINER_ID={CONTAINER}", True),
        ("CONTAINER_ID=123456789abc", False),
        ("FLEXID=9-12AB34CD", True),
        ("FLEXID=9-00000000", False),
        ("COMPOSITE=0a1b2c3d4e5f", False),
        ("PTC_HOSTID=08-00-76-32-E4-22", False),
    ],
)
def test_a_machine_is_or_is_not_the_host(text: str, expected: bool) -> None:
    assert matches(parse_hostid(text), MACHINE) is expected
    assert matches_any(parse_hostids(f"HOSTNAME=elsewhere {text}"), MACHINE) is expected


@pytest.mark.parametrize("text", ["000000000000", "ffffffffffff", "00000000", "ffffffff", "DISK_SERIAL_NUM=00000000"])
def test_the_ids_that_mean_none_found_match_no_machine(text: str) -> None:
    for long_id in ("00000000", "ffffffff"):
        blank = HostFacts(ethers=("000000000000", "ffffffffffff"), long_id=long_id, volumes=("00000000",))
        assert not matches(parse_hostid(text), blank)
    assert "what a tool prints when it finds none" in explain_mismatch(text, MACHINE)


def test_an_unknown_machine_matches_only_what_any_machine_does() -> None:
    for text, kind, _ in SPELLINGS:
        assert matches(parse_hostid(text), HostFacts()) is (kind in ("ANY", "DEMO", "ID"))


def _mapped(address: str) -> bool:
    """True for an IPv4 address in the clothes of IPv6, which no IPv6 range holds."""
    return ":" in address and ipaddress.IPv6Address(address).ipv4_mapped is not None


@given(st.ip_addresses().filter(lambda address: not _mapped(str(address))), st.data())
def test_wildcards_match_exactly_the_fields_that_they_leave_open(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject
) -> None:
    facts = HostFacts(addresses=(str(address),))
    separator = "." if address.version == 4 else ":"
    fields = address.exploded.split(separator)
    places = range(len(fields))
    opened = data.draw(st.sets(st.sampled_from(places)))
    pattern = separator.join("*" if place in opened else field for place, field in enumerate(fields))
    assert matches(parse_hostid(f"INTERNET={pattern}"), facts)
    closed = sorted(set(places) - opened)
    if closed:
        place = data.draw(st.sampled_from(closed))
        top, written = (255, "d") if address.version == 4 else (65535, "04x")
        other = data.draw(st.integers(0, top).filter(lambda number: format(number, written) != fields[place]))
        wrong = separator.join("*" if at in opened else format(other, written) if at == place else field for at, field in enumerate(fields))
        assume(not wrong.startswith("0000:0000:0000:0000:0000:ffff:"))
        assert not matches(parse_hostid(f"INTERNET={wrong}"), facts)


@given(st.ip_addresses(v=6).filter(lambda address: not _mapped(str(address))), st.data())
def test_a_star_within_an_ipv6_field_stands_for_one_digit(address: ipaddress.IPv6Address, data: st.DataObject) -> None:
    digits = list(address.exploded)
    places = [place for place, digit in enumerate(digits) if digit != ":"]
    opened = data.draw(st.sets(st.sampled_from(places), min_size=1))
    for place in opened:
        digits[place] = "*"
    wanted = parse_hostid("INTERNET=" + "".join(digits))
    assert matches(wanted, HostFacts(addresses=(str(address),)))
    changed = list(address.exploded)
    place = data.draw(st.sampled_from(places))
    changed[place] = data.draw(st.sampled_from("0123456789abcdef").filter(lambda digit: digit != changed[place]))
    assume(not _mapped("".join(changed)))
    assert matches(wanted, HostFacts(addresses=("".join(changed),))) is (place in opened)


def test_an_ipv4_mapped_client_is_its_ipv4_address() -> None:
    assert matches(parse_hostid("INTERNET=192.0.2.*"), HostFacts(addresses=("::ffff:192.0.2.9",)))
    assert not matches(parse_hostid("INTERNET=192.0.2.*"), HostFacts(addresses=("not an address",)))


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("080020000001", "The SERVER line is for hostid 080020000001; this machine has 6003089af239, 00155d90a4a9."),
        (
            "10.0.0.5",
            "An IP address is not a hostid: the SERVER line has 10.0.0.5; this machine has 6003089af239, 00155d90a4a9, 170a3472, "
            "DISK_SERIAL_NUM=1ca25283, HOSTNAME=storage, HOSTNAME=storage.example.com.",
        ),
        ("INTERNET=10.*.*.*", "The SERVER line is for hostid INTERNET=10.*.*.*; this machine has INTERNET=192.0.2.7, "),
        ("COMPOSITE=0a1b2c3d4e5f", "a kind that this program cannot determine; this machine has no COMPOSITE hostid, but 6003089af239"),
        ("0800200055327", "The SERVER line needs all 12 hex digits of an Ethernet address, or the 8"),
        ("HOSTNAME=a HOSTNAME=b", "The SERVER line is for hostid HOSTNAME=a or HOSTNAME=b; this machine has HOSTNAME=storage, "),
    ],
)
def test_a_mismatch_is_explained_in_one_sentence(wanted: str, sentence: str) -> None:
    said = explain_mismatch(wanted, MACHINE)
    assert said.startswith(sentence) or sentence in said
    assert said.endswith(".")
    assert "\n" not in said


def test_a_mismatch_names_the_line_and_what_is_missing() -> None:
    bare = HostFacts(ethers=("6003089af239",))
    volume = parse_hostid("DISK_SERIAL_NUM=1CA25283")
    assert explain_mismatch(volume, bare, "FEATURE line 7") == (
        "The FEATURE line 7 is for hostid DISK_SERIAL_NUM=1ca25283; this machine has no volume serial number, but 6003089af239."
    )
    assert explain_mismatch(volume, HostFacts()).endswith("this machine has no volume serial number, and no other hostid.")
    assert explain_mismatch((volume, parse_hostid("170a3472")), bare).endswith(
        "this machine has no hostid of these kinds, but 6003089af239."
    )
    many = HostFacts(ethers=tuple(f"0800200000{number:02x}" for number in range(9)))
    assert explain_mismatch(parse_hostid("170a3472"), many).endswith("080020000004, 080020000005 and 3 more.")


def test_ids_of_a_kind_come_once_each() -> None:
    twice = HostFacts(ethers=("6003089af239", "6003089af239"), hostname="a", fqdn="A")
    assert ids_of(twice, "ETHER") == (HostId("ETHER", "6003089af239"),)
    assert ids_of(twice, "HOSTNAME") == (HostId("HOSTNAME", "a"),)
    assert ids_of(twice, "NO_SUCH_KIND") == ()


def test_demo_stands_only_on_uncounted_licenses() -> None:
    demo, address = parse_hostid("DEMO"), parse_hostid("0800200005ac")
    assert not allowed_on_server(demo)
    assert allowed_on_server(parse_hostid("ANY"))
    assert allowed_on_server(address)
    assert allowed_on_feature(demo, uncounted=True)
    assert not allowed_on_feature(demo, uncounted=False)
    assert allowed_on_feature(address, uncounted=False)
