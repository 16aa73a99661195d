"""Which lines an options file may have and what their words may be: one table, asked by the parser and by the manual's tests.

A feature spec names the pools that a rule is about: `feature`, `feature:KEYWORD=value` or, in quotes, `"feature KEYWORD=value"`, each
with any number of keywords (facts, FlexNet 3.2). A keyword begins after the separator only where the grammar knows it, since values
hold colons (host ids), blanks and equals signs (vendor strings) of their own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from seatkeeper.base.dates import parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile.grammar import NUMBER_DIGITS_MAX, check_feature_name
from seatkeeper.licfile.hostid import parse_hostid, parse_hostids
from seatkeeper.licfile.options_model import FeatureSpec

__all__ = [
    "EVENTS",
    "KEYWORDS",
    "KINDS",
    "SPEC_KEYWORDS",
    "Keyword",
    "address_pattern",
    "parse_spec",
    "plain_address",
]

#: "USER HOST DISPLAY INTERNET PROJECT GROUP HOST_GROUP" (facts 3.3).
KINDS: Final = ("USER", "HOST", "DISPLAY", "INTERNET", "PROJECT", "GROUP", "HOST_GROUP")

#: Events that NOLOG may name (facts 3.4).
EVENTS: Final = ("IN", "OUT", "DENIED", "QUEUED", "UNSUPPORTED", "UPGRADE", "DEQUEUED")

#: What a feature spec may be narrowed by (facts 3.2), as the license file writes it.
SPEC_KEYWORDS: Final = (
    *("VERSION", "HOSTID", "EXPDATE", "KEY", "SIGN", "ISSUER", "NOTICE", "VENDOR_STRING"),
    *("dist_info", "vendor_info", "user_info", "asset_info"),
)

_ROLLOVER_MEGABYTES_MAX: Final = 1024 * 1024
_NUMBER_MAX: Final = 10**NUMBER_DIGITS_MAX - 1


class Keyword(msgspec.Struct, frozen=True):
    """What the grammar says of one keyword.

    Attributes:
        name: In upper case.
        words: What follows it, in order: `number`, `feature`, `kind`, `name` of a rule; empty for other lines.
        usage: The whole line, for messages and the manual.
        low: The least number that may stand there.
        high: The greatest.
        what: What the number is.
        note: Why the line has no effect here; empty where it has.
    """

    name: str
    words: tuple[str, ...]
    usage: str
    low: int = 0
    high: int = _NUMBER_MAX
    what: str = "a number of seats"
    note: str = ""


_TRUSTED_STORAGE: Final = "it is about licenses in trusted storage, and there is none"


def _table() -> dict[str, Keyword]:
    who = ("feature", "kind", "name")
    # facts 3.4, in its order.
    rows = [
        Keyword("RESERVE", ("number", *who), "RESERVE number feature type name"),
        Keyword("MAX", ("number", *who), "MAX number feature type name"),
        *(Keyword(name, who, f"{name} feature type name") for name in ("INCLUDE", "EXCLUDE", "INCLUDE_BORROW", "EXCLUDE_BORROW")),
        *(Keyword(name, ("kind", "name"), f"{name} type name") for name in ("INCLUDEALL", "EXCLUDEALL")),
        Keyword("GROUP", (), "GROUP name user ..."),
        Keyword("HOST_GROUP", (), "HOST_GROUP name host ..."),
        Keyword("GROUPCASEINSENSITIVE", (), "GROUPCASEINSENSITIVE ON|OFF"),
        Keyword("TIMEOUT", ("feature", "number"), "TIMEOUT feature seconds", what="a number of seconds"),
        Keyword("TIMEOUTALL", ("number",), "TIMEOUTALL seconds", what="a number of seconds"),
        Keyword("LINGER", ("feature", "number"), "LINGER feature seconds", what="a number of seconds"),
        Keyword("MAX_OVERDRAFT", ("feature", "number"), "MAX_OVERDRAFT feature number"),
        Keyword("BORROW_LOWWATER", ("feature", "number"), "BORROW_LOWWATER feature number"),
        Keyword("MAX_BORROW_HOURS", ("feature", "number"), "MAX_BORROW_HOURS feature hours", low=1, what="a number of hours"),
        Keyword("NOLOG", (), "NOLOG " + "|".join(EVENTS)),
        Keyword("REPORTLOG", (), "REPORTLOG [+]path [HIDE_USER]"),
        Keyword(
            "DEBUGLOG",
            (),
            "DEBUGLOG [+]path [OBF_ADDMARK] [AUTO_ROLLOVER megabytes]",
            low=1,
            high=_ROLLOVER_MEGABYTES_MAX,
            what="a number of megabytes",
        ),
        Keyword("AUTOMATIC_REREAD", (), "AUTOMATIC_REREAD ON|OFF"),
        Keyword(
            "DAEMON_SELECT_TIMEOUT",
            (),
            "DAEMON_SELECT_TIMEOUT seconds",
            low=1,
            high=60,
            what="a number of seconds",
            note="the daemon answers at once, whatever it is",
        ),
        Keyword("FQDN_MATCHING", (), "FQDN_MATCHING EXACT|LENIENT"),
        Keyword("MAX_CONNECTIONS", (), "MAX_CONNECTIONS number", low=1, what="a number of connections"),
        Keyword("ACTIVATION_LOWWATER", (), "ACTIVATION_LOWWATER feature number", note=_TRUSTED_STORAGE),
        Keyword("ACTIVATION_EXPIRY_DAYS", (), "ACTIVATION_EXPIRY_DAYS feature days", note=_TRUSTED_STORAGE),
        *(
            Keyword(f"{name}_ENTITLEMENT", (), f"{name}_ENTITLEMENT {what}type name", note=_TRUSTED_STORAGE)
            for name, what in [("INCLUDE", "id "), ("EXCLUDE", "id "), ("INCLUDEALL", ""), ("EXCLUDEALL", "")]
        ),
    ]
    by_name = {row.name: row for row in rows}
    # "Alias USER_GROUP" (facts 3.4).
    by_name["USER_GROUP"] = by_name["GROUP"]
    return by_name


#: Every keyword, and each alias, in upper case.
KEYWORDS: Final = _table()

_BY_FOLDED: Final = {name.upper(): name for name in SPEC_KEYWORDS}
_SEPARATED: Final = re.compile(rf"(?:[ \t]+|:)({'|'.join(SPEC_KEYWORDS)})=", re.IGNORECASE | re.ASCII)
_LIKE_A_KEYWORD: Final = re.compile(r"(?:[ \t]+|:)([A-Za-z_]+)=", re.ASCII)


@lru_cache(maxsize=4096)
def parse_spec(text: str) -> FeatureSpec:
    """The feature spec that is written so, without its quotes.

    Raises:
        ValueError: What is expected.
    """
    parts = _SEPARATED.split(text.strip(" \t"))
    name = parts[0]
    odd = _LIKE_A_KEYWORD.search(name)
    if odd is not None:
        raise ValueError(f"one of {', '.join(SPEC_KEYWORDS)} in place of {odd[1][:30]}")
    check_feature_name(name)
    keys = []
    for written, value in zip(parts[1::2], parts[2::2], strict=True):
        keyword = _BY_FOLDED[written.upper()]
        keys.append((keyword, _spec_value(keyword, value.strip(" \t"))))
    return FeatureSpec(name, tuple(keys))


def _spec_value(keyword: str, value: str) -> str:
    if not value:
        raise ValueError(f"a value after {keyword}=")
    try:
        if keyword == "VERSION":
            parse_version(value)
        elif keyword == "EXPDATE":
            parse_date(value)
        elif keyword == "HOSTID":
            parse_hostids(value)
        elif keyword in ("KEY", "SIGN"):
            bytes.fromhex(value)
    except ValueError as error:
        expected = "hex digits" if keyword in ("KEY", "SIGN") else str(error)
        raise ValueError(f"{expected} after {keyword}=") from None
    return value


# Addresses.


@lru_cache(maxsize=65536)
def address_pattern(text: str) -> str | None:
    """The IP address or range of addresses that is written so, in canonical form; None where it is none.

    Canonical are `*` for any address, four decimal fields, each of which may be `*`, or 32 hex digits, each of which may be `*`
    ("HOST accepts a host name or an IP with wildcards", "IPv6 too", facts 3.3). A `*` at the end may stand for several fields.
    """
    if text == "*":
        return text
    separator = ":" if ":" in text else "."
    if separator == "." and not (text[:1].isdigit() or text[:1] == "*"):
        return None
    if text.endswith(f"{separator}*") and "::" not in text:
        # 10.1.* is 10.1.*.*
        text += f"{separator}*" * ((7 if separator == ":" else 3) - text.count(separator))
    try:
        hostid = parse_hostid(f"INTERNET={text}")
    except ValueError:
        return None
    value = hostid.value
    if ":" not in value:
        return value
    return "".join("****" if field == "*" else field for field in value.split(":"))


def plain_address(text: str) -> str:
    """The address without wildcards in the canonical form of `address_pattern`; empty where `text` is none."""
    pattern = address_pattern(text.partition("%")[0])
    return pattern if pattern is not None and "*" not in pattern else ""
