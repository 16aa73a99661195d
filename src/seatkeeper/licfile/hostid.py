"""Every way of writing a hostid means one value, and a machine either is that host or is told why not.

A hostid is a kind and a value in canonical form, so that `8:0:20:0:5:ac` and `0800200005AC` are equal and `str()` gives
what belongs in a license file. What a machine is comes as `HostFacts`, plain data that `adapters.host` collects; nothing
here looks at the machine itself. Kinds and wildcards are those of facts, FlexNet section 2, and of the guide,
"Determining Host IDs" and "Using Wildcards in an IPv6 Address".

Three decisions where the sources say nothing: letters fold to lower case in every kind but USER and DISPLAY, which
compare as the options file does; a `*` inside an IPv6 field stands for one hex digit, and leading zeros may be left out
there too; a kind that this program cannot determine (a dongle, a vendor's own) is met only by `HostFacts.others`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "HOSTIDS_MAX",
    "HOSTID_CHARS_MAX",
    "NO_HOSTID",
    "HostFacts",
    "HostId",
    "allowed_on_feature",
    "allowed_on_server",
    "explain_mismatch",
    "ids_of",
    "matches",
    "matches_any",
    "parse_hostid",
    "parse_hostids",
]

#: A DNS name has at most 253 characters; the rest is room for `HOSTNAME=`.
HOSTID_CHARS_MAX: Final = 280
#: Entries of one HOSTID= list.
HOSTIDS_MAX: Final = 1000
#: How many of its own ids a machine names in one sentence.
_NAMED_MAX: Final = 6

#: What tools print where they find nothing ("old Linux builds report 000000000000", facts 2): no machine has these.
NO_HOSTID: Final = frozenset({"000000000000", "ffffffffffff", "00000000", "ffffffff"})


class HostId(msgspec.Struct, frozen=True):
    """One hostid: its kind, the upper-case word before `=` (or ETHER, LONG, ANY, DEMO), and its canonical value."""

    kind: str
    value: str = ""

    def __str__(self) -> str:
        if self.kind in ("ANY", "DEMO"):
            return self.kind
        return self.value if self.kind in ("ETHER", "LONG") else f"{self.kind}={self.value}"


class HostFacts(msgspec.Struct, frozen=True):
    """What a machine is, in canonical form; anything unknown is empty.

    Attributes:
        ethers: Ethernet addresses as 12 lower-case hex digits, the one to order for first.
        long_id: The 32-bit host id as 8 lower-case hex digits.
        hostname: The machine's own name.
        fqdn: The name with its domain.
        user: Who runs the program.
        display: The terminal or X display of the program.
        addresses: IPv4 and IPv6 addresses, loopback left out.
        volumes: Serial numbers of disk volumes as 8 lower-case hex digits.
        vm_uuid: The virtual machine's UUID, dashed and in lower case.
        container_id: The container's id, 64 hex digits.
        others: Ids of kinds that only a vendor's or a cloud's own tool can tell.
    """

    ethers: tuple[str, ...] = ()
    long_id: str = ""
    hostname: str = ""
    fqdn: str = ""
    user: str = ""
    display: str = ""
    addresses: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    vm_uuid: str = ""
    container_id: str = ""
    others: tuple[HostId, ...] = ()


def _pattern(expression: str, expected: str) -> Callable[[str], str]:
    """A reader of values that `expression` matches whole; the value in lower case."""
    compiled = re.compile(expression, re.ASCII)

    def read(text: str) -> str:
        folded = text.lower()
        if not compiled.fullmatch(folded):
            raise ValueError(expected)
        return folded

    return read


def _word(expected: str) -> Callable[[str], str]:
    """A reader of values whose case counts."""

    def read(text: str) -> str:
        if not re.fullmatch(r"[!-~]+", text) or set(text) & set("\"',"):
            raise ValueError(f"{expected}, in printable ASCII without blanks, commas or quotes")
        return text

    return read


def _ether(text: str) -> str:
    """12 digits; separated bytes may leave out a leading zero ("8:0:20:0:5:ac", guide, About Host IDs)."""
    folded = text.lower()
    for separator in ":-":
        fields = folded.split(separator)
        if len(fields) == 6 and all(re.fullmatch(r"[0-9a-f]{1,2}", field) for field in fields):
            return "".join(field.zfill(2) for field in fields)
    if not re.fullmatch(r"[0-9a-f]{12}", folded):
        raise ValueError("all 12 hex digits of an Ethernet address, as in 0800200005ac or 8:0:20:0:5:ac")
    return folded


def _long(text: str) -> str:
    """8 hex digits, or `#` and the same number in decimal ("#2005771344", guide, About Host IDs)."""
    if text.startswith("#"):
        digits = text[1:]
        if not re.fullmatch(r"[0-9]{1,10}", digits) or int(digits) >= 1 << 32:
            raise ValueError("a decimal number below 4294967296 after #, as in #2005771344")
        return f"{int(digits):08x}"
    if not re.fullmatch(r"[0-9a-fA-F]{8}", text):
        raise ValueError("all 8 hex digits of a 32-bit host id, as in 170a3472, or # and the number in decimal")
    return text.lower()


def _disk(text: str) -> str:
    """8 hex digits, with the dash that `vol` prints or without it."""
    if not re.fullmatch(r"[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}", text):
        raise ValueError("the 8 hex digits of a volume serial number, as in DISK_SERIAL_NUM=1CA25283")
    return text.replace("-", "").lower()


def _uuid(text: str) -> str:
    digits = text.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}", digits):
        raise ValueError("the 32 hex digits of a UUID, with or without dashes")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _serial(text: str) -> str:
    folded = text.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-z]+", folded):
        raise ValueError("letters and digits, as in ID=1234-5678 (dashes do not count)")
    return folded


def _internet(text: str) -> str:
    """An address or a range of them: four decimal fields, or eight of hex written in full."""
    expected = "an IPv4 address as 192.0.2.7 or 192.0.2.*, or an IPv6 address as 2001:db8::7 or 2001:0db8:0:0:*:*:*:000*"
    if not re.fullmatch(r"[0-9a-fA-F:.*]+", text):
        raise ValueError(expected)
    try:
        if "*" not in text:
            return _address(text)
        return _ipv6_range(text.lower()) if ":" in text else _ipv4_range(text)
    except ValueError as error:
        raise ValueError(f"{expected}{f', and {error}' if '*' in text else ''}") from None


def _address(text: str) -> str:
    """One address without wildcards as `_internet` writes it; an IPv4-mapped IPv6 address is the IPv4 address.

    Raises:
        ValueError: `text` is no address.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or address.exploded)


def _ipv4_range(text: str) -> str:
    fields = text.split(".")
    # An IPv4 field is one byte, so "by field" and "byte-by-byte" are the same and `1*` has no one meaning.
    if len(fields) != 4 or not all(field == "*" or re.fullmatch(r"0|[1-9][0-9]{0,2}", field) for field in fields):
        raise ValueError("each of the four IPv4 fields is a number without leading zeros, or * as a whole")
    if any(field != "*" and int(field) > 255 for field in fields):
        raise ValueError("a field of an IPv4 address is at most 255")
    return text


def _ipv6_range(text: str) -> str:
    head, gap, tail = text.partition("::")
    before = head.split(":") if head else []
    after = tail.split(":") if tail else []
    missing = 8 - len(before) - len(after)
    if (missing < 1) if gap else (missing != 0):
        raise ValueError("an IPv6 address has eight fields, and one :: may stand for those that are 0")
    fields = before + ["0"] * missing + after
    if not all(re.fullmatch(r"[0-9a-f*]{1,4}", field) for field in fields):
        raise ValueError("a field of an IPv6 address has one to four hex digits, each of which may be *")
    # A lone * is the whole field; otherwise each * is one digit ("an entire field or on a byte-by-byte basis").
    full = ["*" if field in ("*", "****") else field.zfill(4) for field in fields]
    if full[:6] == ["0000"] * 5 + ["ffff"]:
        raise ValueError("a range of IPv4 addresses has four decimal fields")
    return ":".join(full)


def _amazon_address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError("an elastic IPv4 address, as in AMZN_EIP=192.0.2.7") from None


def _hostname(text: str) -> str:
    folded = text.lower().removesuffix(".")
    if not re.fullmatch(r"[0-9a-z_]([0-9a-z_.-]*[0-9a-z_])?", folded) or ".." in folded or len(folded) > 253:
        raise ValueError("a host name of letters, digits, dots and dashes, as in HOSTNAME=licsrv")
    return folded


#: The word before `=` -> how its value is read. COMPOSITE, FLEXID, TPM and LMB come from tools of others and are kept as given.
_READERS: Final[dict[str, Callable[[str], str]]] = {
    "ETHER": _ether,
    "LONG": _long,
    "DISK_SERIAL_NUM": _disk,
    "HOSTNAME": _hostname,
    "USER": _word("a user's name"),
    "DISPLAY": _word("a display such as /dev/pts/3 or licsrv:0"),
    "INTERNET": _internet,
    "ID": _serial,
    "COMPOSITE": _pattern(r"[0-9a-f]{12}", "the 12 hex digits of a composite hostid"),
    "FLEXID": _pattern(r"[0-9]{1,2}-[0-9a-f]{1,32}", "a dongle's id, as in FLEXID=9-12ab34cd"),
    "VM_UUID": _uuid,
    "TPM": _word("a TPM's id"),
    "LMB": _word("a license manager's id"),
    "AMZN_EIP": _amazon_address,
    "AMZN_AMI": _pattern(r"ami-[0-9a-f]{8,17}", "a machine image's id, as in AMZN_AMI=ami-0abc1234"),
    "AMZN_IID": _pattern(r"i-[0-9a-f]{8,17}", "an instance's id, as in AMZN_IID=i-0abc1234"),
    "CONTAINER_ID": _pattern(r"[0-9a-f]{12}|[0-9a-f]{64}", "a container's id of 12 or 64 hex digits"),
}

#: What a sentence calls a machine's ids of a kind.
_NOUNS: Final = {
    "ETHER": "Ethernet address",
    "LONG": "32-bit host id",
    "DISK_SERIAL_NUM": "volume serial number",
    "HOSTNAME": "host name",
    "USER": "user name",
    "DISPLAY": "display",
    "INTERNET": "IP address",
    "VM_UUID": "virtual machine's UUID",
    "CONTAINER_ID": "container id",
}


def parse_hostid(text: str) -> HostId:
    """The one hostid that `text` writes, blanks around it and after `=` left out of account.

    Raises:
        ValueError: One phrase that says what is expected; `text` is no hostid.
    """
    text = text.strip(" \t")
    if not text or len(text) > HOSTID_CHARS_MAX:
        raise ValueError(f"a hostid of 1 to {HOSTID_CHARS_MAX} characters, as lmhostid prints it")
    if not text.isascii():
        raise ValueError("a hostid in ASCII characters, as lmhostid prints it")
    name, equals, value = text.partition("=")
    if not equals:
        return _parse_bare(text)
    kind, value = name.rstrip(" \t").upper(), value.lstrip(" \t")
    if kind in ("HOSTID", "ANY", "DEMO") or not re.fullmatch(r"[A-Z][A-Z0-9_]*", kind):
        raise ValueError("a hostid by itself, or a kind of hostid before the =, as in HOSTNAME=licsrv")
    # Vendors define kinds of their own (`PTC_HOSTID=08-00-76-32-E4-22`, facts 2), so an unknown word is one of those.
    read = _READERS.get(kind) or _word(f"a value after {kind}=")
    return HostId(kind, read(value))


def _parse_bare(text: str) -> HostId:
    """A hostid without `NAME=`: its shape says which kind it is."""
    folded = text.lower()
    if folded in ("any", "demo"):
        return HostId(folded.upper())
    if text.startswith("#") or re.fullmatch(r"[0-9a-f]{8}", folded):
        return HostId("LONG", _long(text))
    if re.fullmatch(r"[0-9a-f]{12}|([0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2}", folded):
        return HostId("ETHER", _ether(text))
    if re.fullmatch(r"[0-9a-f]+", folded):
        hint = f", or #{text} if that is a decimal number" if re.fullmatch(r"[1-9][0-9]{0,9}", text) else ""
        raise ValueError(f"all 12 hex digits of an Ethernet address, or the 8 of a 32-bit host id, and {text} has {len(text)}{hint}")
    if re.fullmatch(r"[0-9a-f]{4}-[0-9a-f]{4}", folded):
        raise ValueError(f"a volume serial number as DISK_SERIAL_NUM={_disk(text).upper()}")
    if _is_address(text):
        raise ValueError(f"a hostid, and an IP address is not one: run lmhostid on that machine, or write INTERNET={text}")
    raise ValueError("an Ethernet address of 12 hex digits, a 32-bit host id of 8, ANY, or a kind and a value as in HOSTNAME=licsrv")


def _is_address(text: str) -> bool:
    try:
        _internet(text)
    except ValueError:
        return False
    return True


def parse_hostids(text: str) -> tuple[HostId, ...]:
    """The hostids of a list, in order: separated by blanks, line ends or commas ("Using Wildcards in an IPv6 Address"), quoted or not.

    Raises:
        ValueError: One phrase that says which entry is wrong and what is expected.
    """
    bare = text.strip(" \t\r\n")
    # lmhostid prints a list within doubled quotes, and people copy them along.
    while len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    # The guide's host-id table writes `DISK_SERIAL_NUM= 1CA25283`: a blank after = separates nothing.
    entries = [entry for entry in re.split(r"[ \t\r\n,]+", re.sub(r"=[ \t]+", "=", bare)) if entry]
    if not 0 < len(entries) <= HOSTIDS_MAX:
        raise ValueError(f"1 to {HOSTIDS_MAX} hostids, separated by blanks or commas")
    found = []
    for entry in entries:
        try:
            found.append(parse_hostid(entry))
        except ValueError as error:
            raise ValueError(f"in place of {entry!r} {error}" if len(entries) > 1 else str(error)) from None
    return tuple(found)


def ids_of(facts: HostFacts, kind: str) -> tuple[HostId, ...]:
    """Every id of that kind that the machine has, without those that mean "none found", each once."""
    values: dict[str, tuple[str, ...]] = {
        "ETHER": facts.ethers,
        "LONG": (facts.long_id,),
        "DISK_SERIAL_NUM": facts.volumes,
        "HOSTNAME": (facts.hostname.lower(), facts.fqdn.lower()),
        "USER": (facts.user,),
        "DISPLAY": (facts.display,),
        "INTERNET": facts.addresses,
        "VM_UUID": (facts.vm_uuid,),
        "CONTAINER_ID": (facts.container_id,),
    }
    own = [HostId(kind, value) for value in values.get(kind, ()) if value and value not in NO_HOSTID]
    return tuple(dict.fromkeys(own + [other for other in facts.others if other.kind == kind]))


def matches(wanted: HostId, facts: HostFacts) -> bool:
    """True where the machine is the host that `wanted` names; ANY, DEMO and ID= name every host."""
    if wanted.kind in ("ANY", "DEMO", "ID"):
        return True
    own = ids_of(facts, wanted.kind)
    if wanted.kind == "INTERNET":
        return any(_in_range(wanted.value, address.value) for address in own)
    if wanted.kind == "HOSTNAME" and "." not in wanted.value:
        return any(name.value.partition(".")[0] == wanted.value for name in own)
    if wanted.kind == "CONTAINER_ID":
        # Container tools show the first 12 digits of the 64.
        return any(container.value.startswith(wanted.value) for container in own)
    return wanted in own


def matches_any(wanted: Iterable[HostId], facts: HostFacts) -> bool:
    """True where the machine is one of the hosts of a list."""
    return any(matches(one, facts) for one in wanted)


def _in_range(pattern: str, address: str) -> bool:
    """True where the address, in any spelling, fits the canonical pattern field by field."""
    try:
        canonical = _address(address.partition("%")[0])
    except ValueError:
        return False
    separator = ":" if ":" in pattern else "."
    want, have = pattern.split(separator), canonical.split(separator)
    return len(want) == len(have) and all(
        field == "*" or (len(field) == len(own) and all(digit in ("*", its) for digit, its in zip(field, own, strict=True)))
        for field, own in zip(want, have, strict=True)
    )


def explain_mismatch(wanted: HostId | Iterable[HostId] | str, facts: HostFacts, line: str = "SERVER line") -> str:
    """One sentence that says what the line wants and what this machine has; it fits whether or not they match.

    Args:
        wanted: A hostid, a list of them, or the text that stands on the line, which need not be a hostid at all.
        facts: This machine.
        line: What the sentence calls the line.
    """
    if isinstance(wanted, str):
        try:
            hostids = parse_hostids(wanted)
        except ValueError as error:
            about = "An IP address is not a hostid" if _is_address(wanted) else f"The {line} needs {error}"
            return f"{about}: the {line} has {wanted[:HOSTID_CHARS_MAX]}; this machine has {_listed(_all_ids(facts))}."
    else:
        hostids = (wanted,) if isinstance(wanted, HostId) else tuple(wanted)
    kinds = tuple(dict.fromkeys(hostid.kind for hostid in hostids))
    asked = f"The {line} is for hostid {_listed(hostids, 'or')}"
    if len(hostids) == 1 and hostids[0].kind in ("ETHER", "LONG", "DISK_SERIAL_NUM") and hostids[0].value in NO_HOSTID:
        asked += ", which is what a tool prints when it finds none"
    elif len(kinds) == 1 and kinds[0] not in _NOUNS and kinds[0] not in ("ANY", "DEMO", "ID"):
        asked += ", a kind that this program cannot determine"
    own = [hostid for kind in kinds for hostid in ids_of(facts, kind)]
    if own:
        return f"{asked}; this machine has {_listed(own)}."
    noun = _NOUNS.get(kinds[0], f"{kinds[0]} hostid") if len(kinds) == 1 else "hostid of these kinds"
    others = _all_ids(facts)
    return f"{asked}; this machine has no {noun}{f', but {_listed(others)}' if others else ', and no other hostid'}."


def _all_ids(facts: HostFacts) -> tuple[HostId, ...]:
    """The ids that a SERVER line may well be for; IP addresses only where there is nothing else."""
    ids = [hostid for kind in ("ETHER", "LONG", "DISK_SERIAL_NUM", "HOSTNAME") for hostid in ids_of(facts, kind)]
    return tuple(ids) or ids_of(facts, "INTERNET")


def _listed(hostids: Iterable[HostId], conjunction: str = "") -> str:
    """The ids with commas, the first few only."""
    names = [str(hostid) for hostid in hostids]
    if not names:
        return "no hostid that could be determined"
    if len(names) > _NAMED_MAX:
        return ", ".join(names[:_NAMED_MAX]) + f" {conjunction or 'and'} {len(names) - _NAMED_MAX} more"
    return f" {conjunction} ".join(names) if conjunction and len(names) == 2 else ", ".join(names)


def allowed_on_server(hostid: HostId) -> bool:
    """False for DEMO, which stands only on uncounted licenses; any other hostid may stand on a SERVER line."""
    return hostid.kind != "DEMO"


def allowed_on_feature(hostid: HostId, *, uncounted: bool) -> bool:
    """False for DEMO on a counted license (facts, FlexNet section 2); any other hostid may lock a license."""
    return uncounted or hostid.kind != "DEMO"
