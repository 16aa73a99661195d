"""Hypothesis strategies for license files: every line that the grammar allows, and texts around them."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st

from seatkeeper.base.dates import format_date
from seatkeeper.licfile.grammar import ATTRIBUTES, KEYWORDS, LINE_BYTES_MAX
from seatkeeper.licfile.model import (
    Blank,
    Comment,
    Feature,
    LicenseFile,
    Package,
    Server,
    Upgrade,
    UseServer,
    Vendor,
)

__all__ = [
    "attribute_pairs",
    "comments",
    "features",
    "foreign_names",
    "issued_features",
    "license_files",
    "lines",
    "messy_texts",
    "names",
    "packages",
    "servers",
    "signable_lines",
    "upgrades",
    "values",
    "vendor_lines",
]

_NAME_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
#: What a value between double quotes may hold: blanks and tabs of any number, letters beyond ASCII, `#`, `\\`, keywords.
_VALUE_CHARS = _PRINTABLE.replace('"', "") + "\tÄé漢ß"

names = st.text(_NAME_CHARS, min_size=1, max_size=30)
#: Names that other vendors use, which the parser takes with a warning.
foreign_names = st.text(_NAME_CHARS + ".+:/", min_size=1, max_size=30)
vendor_names = st.one_of(st.just("genesys.d"), st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,29}", fullmatch=True))
versions = st.one_of(
    st.sampled_from(["8.0", "8.5", "1", "2026.0901", "9.10", "01.50"]), st.from_regex(r"[0-9]{1,5}(\.[0-9]{0,4})?", fullmatch=True)
)
dates = st.one_of(
    st.sampled_from(["permanent", "PERMANENT", "01-jan-00", "1-jan-0", "31-dec-26", "1-JAN-2010", "29-feb-2028"]),
    st.integers(0, 40_000).map(lambda days: format_date(date(1990, 1, 1) + timedelta(days=days))),
)
counts = st.one_of(st.sampled_from(["0", "uncounted", "UNCOUNTED"]), st.integers(1, 999_999_999).map(str))
keys = st.one_of(st.just(""), st.from_regex(r"[0-9A-Fa-f]{12,20}", fullmatch=True))
values = st.one_of(
    st.text(_VALUE_CHARS, max_size=200),
    st.lists(st.sampled_from(["FEATURE", "#", "\\", "a,", "word", "SERVER x", "=", "SIGN=1", "", "  "]), max_size=30).map(" ".join),
)
_filled = values.filter(lambda text: text.strip(" \t"))
_hex_groups = st.lists(st.from_regex(r"[0-9A-F]{4}", fullmatch=True), min_size=1, max_size=40).map(" ".join)
_numbers = st.integers(1, 99_999).map(str)


def _values_of(name: str) -> st.SearchStrategy[str]:
    special: dict[str, st.SearchStrategy[str]] = {
        "DUP_GROUP": st.sampled_from(["NONE", "SITE", "U", "uhd", "UHDV"]),
        "SUITE_DUP_GROUP": st.sampled_from(["NONE", "V"]),
        "VM_PLATFORMS": st.sampled_from(["PHYSICAL", "VM_ONLY"]),
        "OPTIONS": st.sampled_from(["SUITE", "suite_reserved"]),
        "COMPONENTS": st.lists(st.tuples(names, versions).map(":".join) | names, min_size=1, max_size=8).map(" ".join),
        "SUPERSEDE": st.lists(names, min_size=1, max_size=4).map(" ".join),
        "HEARTBEAT_INTERVAL": st.integers(0, 120).map(str),
        "AUTH": st.sampled_from(["{a}", '{ VENDOR={ SIGN="1 2" } }']),
        "HOSTID": st.sampled_from(["ANY", "0800200005ac", "INTERNET=127.17.0.1, INTERNET=2001:db8::1", "a,"]) | _filled,
    }
    if name in special:
        return special[name]
    attribute = ATTRIBUTES[name]
    if name in ("ISSUED", "START"):
        return dates
    if attribute.is_signature:
        return _hex_groups | _filled
    return _filled if attribute.takes_any_text and attribute.check else values if attribute.check is None else _numbers


def _pairs_of(name: str) -> st.SearchStrategy[tuple[str, str | None]]:
    attribute = ATTRIBUTES[name]
    spelled = st.sampled_from([name, name, name.lower(), name.upper()])
    texts: st.SearchStrategy[str | None] = {
        "none": st.none(),
        "optional": st.none() | _values_of(name),
        "required": _values_of(name),
    }[attribute.value]
    return st.tuples(spelled, texts)


def attribute_pairs(keyword: str, *, without: tuple[str, ...] = ()) -> st.SearchStrategy[tuple[tuple[str, str | None], ...]]:
    """Attributes that a line of the keyword takes, each at most once."""
    taken = [name for name, attribute in ATTRIBUTES.items() if keyword in attribute.lines and name not in without]
    chosen = st.lists(st.sampled_from(taken), max_size=6, unique=True)
    return chosen.flatmap(lambda some: st.tuples(*map(_pairs_of, some)))


hostids = st.sampled_from(["0800200005ac", "8:0:20:0:5:ac", "#2005771344", "ANY", "DISK_SERIAL_NUM=1CA25283", "ID=1234-5678"])
servers = st.builds(
    Server,
    host=st.sampled_from(["licsrv", "this_host", "192.0.2.7", "2001:db8::7", "licsrv.example.test"]),
    hostid=hostids,
    port=st.sampled_from([0, 7260, 65535]),
    attributes=attribute_pairs("SERVER"),
)
_paths = st.one_of(
    st.just(""),
    st.sampled_from(
        ["/opt/lm/genesys.d", "./", "c:\\flexlm\\", "c:\\program files\\x.exe", "options=x", "a=b", "7261", "port=1", "/päth/x"]
    ),
    st.text(_VALUE_CHARS, min_size=1, max_size=40),
)
vendor_lines = st.builds(
    Vendor,
    name=vendor_names,
    path=_paths,
    options=_paths,
    port=st.sampled_from([0, 7261, 65535]),
    keyword=st.sampled_from(["DAEMON", "VENDOR"]),
)
features = st.builds(
    Feature,
    name=names,
    vendor=vendor_names,
    version=versions,
    expiry=dates,
    count=counts,
    key=keys,
    attributes=attribute_pairs("FEATURE"),
    keyword=st.sampled_from(["FEATURE", "INCREMENT"]),
)
#: Lines of the form that our issuer writes, some with odd values.
issued_features = st.builds(
    lambda name, count, info, notice, sign, more: Feature(
        name,
        "genesys.d",
        "8.0",
        "permanent",
        count,
        "8F796FD181BC",
        (("vendor_info", info), ("NOTICE", notice), ("SN", "11111111"), ("ISSUED", "24-nov-2026"), *more, ("SIGN", sign)),
    ),
    name=names,
    count=st.sampled_from(["1", "100", "uncounted"]),
    info=st.sampled_from(["v8.5 - Genesys Inbound Voice", ""]) | values,
    notice=st.sampled_from(["Invented Ltd (Reseller) license_use"]) | values,
    sign=_hex_groups,
    more=st.sampled_from([(), (("TS_OK", None),), (("BORROW", "24"), ("HOSTID", "ANY"))]),
)
upgrades = st.builds(
    Upgrade,
    name=names,
    vendor=vendor_names,
    from_version=versions,
    to_version=versions,
    expiry=dates,
    count=counts,
    key=keys,
    attributes=attribute_pairs("UPGRADE"),
)
packages = st.builds(
    Package,
    name=names,
    vendor=vendor_names,
    version=st.just("") | versions,
    key=keys,
    attributes=st.tuples(attribute_pairs("PACKAGE", without=("COMPONENTS",)), _pairs_of("COMPONENTS")).map(lambda two: (*two[0], two[1])),
)
signable_lines = features | upgrades | packages
comments = st.text(_VALUE_CHARS + '"\x00\xa0\x1c', max_size=60).map(lambda text: Comment("#" + text)) | st.just(Comment(" \t# indented \\"))
lines = st.one_of(signable_lines, servers, vendor_lines, comments, st.just(Blank()), st.just(UseServer()))
license_files = st.lists(lines, max_size=8).map(lambda some: LicenseFile(tuple(some)))

_SCRAPS = (
    *sorted(KEYWORDS),
    *(
        " ",
        "  ",
        "\t",
        "\n",
        "\n",
        " \\\n\t",
        " \\\n\t",
        "\\\n",
        "\\",
        " \\\n    ",
        "\r\n",
        "\r",
        '"',
        '"',
        "=",
        "#",
        ",",
        "(",
        ")",
        "{",
        "}",
    ),
    *("FEATURE f genesys.d 8.0 permanent 10 8F796FD181BC", 'NOTICE="Customer (Reseller) license_use"', "SN=1111", "ISSUED=24-nov-2026"),
    *(
        'SIGN="64C2 C0C0 \\\n\tA262"',
        'SIGN("<...>")',
        'vendor_info="v8.5 - Voice"',
        "TS_OK",
        "HOSTID=a,",
        "FEATRUE",
        "hostid=ANY",
        "BORROW=",
    ),
    *(
        "\x1c",
        "\x85",
        "\xa0",
        "\u2028",
        "\ufeff",
        "é",
        "sampled-f1-00737-55296-1825",
        "AUTH={",
        "8F796FD181BC",
        "permanent",
        "uncounted",
        "0",
    ),
)
#: Texts that are nearly license files, and often are not.
messy_texts = st.lists(st.sampled_from(_SCRAPS) | st.text(max_size=4), max_size=40).map("".join)

assert LINE_BYTES_MAX > 60_000, "the lines made here are taken to be short enough"
