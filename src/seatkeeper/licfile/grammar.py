"""Which words a license file may use, on which lines, and with what values: one table, asked by parser, writer and lint.

An attribute belongs to the vendor, who signs it, or to the administrator, who may add and change it. FlexNet tells the two apart
by the case of the name; here the name alone decides, in any case, so that writing `hostid=` for `HOSTID=` cannot take a node lock
out of the signature. The sections named in the comments are those of the guide and of the collected facts about FlexNet.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.dates import parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile.model import UNCOUNTED

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ATTRIBUTES",
    "COUNT_DIGITS_MAX",
    "FILE_BYTES_MAX",
    "KEYWORDS",
    "KEY_CHARS_MAX",
    "KEY_CHARS_MIN",
    "LINES_MAX",
    "LINE_BYTES_MAX",
    "NAME_CHARS_MAX",
    "NUMBER_DIGITS_MAX",
    "PORT_MAX",
    "SUITES",
    "Attribute",
    "attribute_of",
    "attributes_of",
    "check_count",
    "check_feature_name",
    "check_host",
    "check_key",
    "check_vendor_name",
    "forbidden_at",
    "is_decimal_line",
    "is_plain_name",
    "misspelt_keyword",
    "number_of",
]

#: A hundred thousand signed lines; FlexNet files are a few hundred lines long.
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
#: Physical lines: one million and some room for those who count to it.
LINES_MAX: Final = 1024 * 1024
#: One line with all its continuation lines. FlexNet's own buffers hold 2,000 to 4,000 characters.
LINE_BYTES_MAX: Final = 64 * 1024
#: "Up to 30 characters of letters, digits, _, -" (facts 1.1); vendors' names are held to the same.
NAME_CHARS_MAX: Final = 30
#: Host names: DNS allows 253 characters.
HOST_CHARS_MAX: Final = 255
#: 12 digits in the guide's samples, up to 20 where a start date was folded in (facts 1.5, key before release 7.1).
KEY_CHARS_MIN: Final = 12
KEY_CHARS_MAX: Final = 20
#: A count of seats, and any other number on a line.
COUNT_DIGITS_MAX: Final = 9
NUMBER_DIGITS_MAX: Final = 9
PORT_MAX: Final = 65535

#: The words with which a line may begin ("A license data file has four types of lines", guide, License Data File Format; the
#: others in facts 1.2 to 1.7).
KEYWORDS: Final = frozenset({"SERVER", "DAEMON", "VENDOR", "USE_SERVER", "FEATURE", "INCREMENT", "UPGRADE", "PACKAGE"})

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
# Names in the field also have dots, plus signs and colons; a quote, an equals sign or a backslash would change what the line means.
_FOREIGN_NAME: Final = re.compile(r"[A-Za-z0-9_!$%&'()*+,./:;<>?@\[\]^`{|}~-]+")
_VENDOR_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_HOST: Final = re.compile(r"[A-Za-z0-9_.:%\[\]-]+")
_KEY: Final = re.compile(rf"[0-9A-Fa-f]{{{KEY_CHARS_MIN},{KEY_CHARS_MAX}}}")
_DECIMAL_LINE: Final = re.compile(r"[A-Za-z0-9_.]+-[A-Za-z0-9_.-]+?(?:-[0-9]{1,5}){3,}")
_DUP_GROUP: Final = re.compile(r"NONE|SITE|(?!.*(.).*\1)[UHDV]{1,4}", re.IGNORECASE | re.ASCII)
_BRACES: Final = re.compile(r"[{}]")
# Letters to Unicode, nothing to the eye: Hangul fillers and the empty Braille pattern.
_INVISIBLE: Final = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")


def forbidden_at(text: str) -> int:
    """Where the first character stands that no line outside comments may hold; -1 where there is none.

    Only the blank and the tab separate. Every other control character and everything that looks like a blank or like nothing
    (no-break and zero-width spaces, U+2028, byte order marks within the text) is refused, since an editor shows one line
    where a program may see two.
    """
    plain = text.replace("\t", " ")
    if plain.isprintable() and (plain.isascii() or not _INVISIBLE.search(plain)):
        return -1
    return next(at for at, char in enumerate(plain) if not char.isprintable() or _INVISIBLE.match(char))


def check_feature_name(text: str) -> str:
    """`text`, a name of a feature or a package.

    Raises:
        ValueError: What is expected.
    """
    if not 0 < len(text) <= NAME_CHARS_MAX or not _FOREIGN_NAME.fullmatch(text):
        raise ValueError(f"a name of at most {NAME_CHARS_MAX} letters, digits, _ and -")
    return text


@lru_cache(maxsize=4096)
def is_plain_name(text: str) -> bool:
    """True for a feature name that every tool understands: letters, digits, `_` and `-` only."""
    return _NAME.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def check_vendor_name(text: str) -> str:
    """`text`, the name of a vendor daemon such as `genesys.d`.

    Raises:
        ValueError: What is expected.
    """
    if len(text) > NAME_CHARS_MAX or not _VENDOR_NAME.fullmatch(text) or text.replace(".", "").isdigit():
        raise ValueError(f"a vendor daemon's name, as genesys.d, of at most {NAME_CHARS_MAX} letters, digits, dots, _ and -")
    return text


def check_host(text: str) -> str:
    """`text`, a host name, `this_host`, or an IPv4 or IPv6 address ("Deployment in Mixed IPv6/IPv4 Environments").

    Raises:
        ValueError: What is expected.
    """
    if len(text) > HOST_CHARS_MAX or not _HOST.fullmatch(text):
        raise ValueError("a host name or an IP address")
    return text


@lru_cache(maxsize=4096)
def check_count(text: str) -> str:
    """`text`, a number of seats, or `uncounted` or 0 for a license that needs no server (facts 1.5, num_lic).

    Raises:
        ValueError: What is expected.
    """
    if text.lower() != UNCOUNTED and not (text.isascii() and text.isdigit() and len(text) <= COUNT_DIGITS_MAX):
        raise ValueError(f"a number of seats of at most {COUNT_DIGITS_MAX} digits, or uncounted")
    return text


def check_key(text: str) -> str:
    """`text`, the positional license key: the parser decides "by shape, bare hex vs keyword=" (facts 1.5).

    Raises:
        ValueError: What is expected.
    """
    if not _KEY.fullmatch(text):
        raise ValueError(f"a license key of {KEY_CHARS_MIN} to {KEY_CHARS_MAX} hex digits")
    return text


def is_decimal_line(text: str) -> bool:
    """True for a line in decimal format, as `sampled-f1-00737-55296-1825` (facts 1.8)."""
    return _DECIMAL_LINE.fullmatch(text.strip(" \t")) is not None


def number_of(low: int, high: int, what: str) -> Callable[[str], int]:
    """A check for a whole number from `low` to `high`, which it returns."""

    def check(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX and low <= int(text) <= high):
            raise ValueError(f"{what} from {low} to {high}")
        return int(text)

    return check


def _one_of(*words: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not text.isascii() or text.upper() not in words:
            raise ValueError(" or ".join(words))
        return text

    return check


def _dup_group(text: str) -> str:
    # "duplicate grouping mask, letters combine: User, Host, Display, Vendor-defined" (facts 1.5).
    if not _DUP_GROUP.fullmatch(text):
        raise ValueError("NONE, SITE, or each of the letters U, H, D, V at most once")
    return text


def _filled(text: str) -> str:
    if not text.strip(" \t"):
        raise ValueError("a value that is not empty")
    return text


def _names(text: str) -> str:
    for word in _filled(text).replace("\t", " ").split(" "):
        if word:
            check_feature_name(word)
    return text


def _components(text: str) -> str:
    # COMPONENTS="f[:ver[:count]] …" (facts 1.7).
    try:
        for word in _filled(text).replace("\t", " ").split(" "):
            if word:
                name, _, rest = word.partition(":")
                version, colon, count = rest.partition(":")
                check_feature_name(name)
                if version:
                    parse_version(version)
                if colon:
                    number_of(1, 10**COUNT_DIGITS_MAX - 1, "")(count)
    except ValueError:
        raise ValueError("components as name, name:version or name:version:count, with blanks between them") from None
    return text


def _braced(text: str) -> str:
    # AUTH={…}, for the common vendor daemon (facts 1.5): foreign, kept as it is.
    depth = 0
    for brace in _BRACES.findall(text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            break
    if depth != 0 or text.count('"') % 2 or not (text.startswith("{") and text.endswith("}")):
        raise ValueError("a value in matching braces")
    return text


#: PACKAGE's OPTIONS= (facts 1.7).
SUITES: Final = ("SUITE", "SUITE_RESERVED")

#: "Version-specific V71_SIGN … V84_SIGN2" (facts 1.5).
_RELEASES: Final = ("V71_", "V80_", "V81_", "V84_")

_SEATED: Final = frozenset({"FEATURE", "INCREMENT", "UPGRADE"})
_SIGNED: Final = _SEATED | {"PACKAGE"}
_PACKAGE: Final = frozenset({"PACKAGE"})
_SERVER: Final = frozenset({"SERVER"})


class Attribute(msgspec.Struct, frozen=True):
    """What the grammar says of one attribute.

    Attributes:
        name: The spelling in which it is written: upper case for the vendor's, lower case for the administrator's.
        lines: The keywords of the lines that take it.
        value: Whether `NAME=value` or the bare `NAME` or either is meant.
        check: Raises ValueError with what is expected; None where any text will do.
        number: The license error's number of a bad value.
    """

    name: str
    lines: frozenset[str] = _SEATED
    value: Literal["none", "optional", "required"] = "required"
    check: Callable[[str], object] | None = None
    number: int = -2

    @property
    def owner(self) -> Literal["vendor", "administrator"]:
        """Who may change it: the vendor's attributes are signed, but for the signature itself."""
        return "administrator" if self.name.islower() else "vendor"

    @property
    def takes_any_text(self) -> bool:
        """True where each value that is not empty will do."""
        return self.check is None or self.check is _filled

    @property
    def is_signature(self) -> bool:
        """True for the attributes that hold signatures, which may also be written `SIGN("…")`."""
        return self.name.endswith(("SIGN", "SIGN2"))


_SEATS_NUMBER = number_of(1, 10**COUNT_DIGITS_MAX - 1, "a number")
_SECONDS = number_of(0, 10**NUMBER_DIGITS_MAX - 1, "a number of seconds")
_NUMBER = number_of(0, 10**NUMBER_DIGITS_MAX - 1, "a number")


def _table() -> dict[str, Attribute]:
    vendor = (
        # facts 1.5, "Optional publisher attributes (upper case, signed)".
        Attribute("BORROW", value="optional", check=number_of(1, 10**6, "a number of hours")),
        Attribute("CAPACITY", value="optional"),
        Attribute("DUP_GROUP", check=_dup_group),
        Attribute("FLOAT_OK", value="optional", check=_filled),
        Attribute("HOSTID", check=_filled),
        Attribute("HOST_BASED", value="optional", check=_SEATS_NUMBER),
        Attribute("ISSUED", _SIGNED, check=parse_date, number=-11),
        Attribute("ISSUER", _SIGNED),
        Attribute("LINGER", check=_SECONDS),
        Attribute("METERED", value="optional"),
        Attribute("MINIMUM", check=_SEATS_NUMBER),
        Attribute("NOTICE", _SIGNED),
        Attribute("ONE_TS_OK", value="none"),
        Attribute("OVERDRAFT", check=_NUMBER),
        Attribute("PLATFORMS", _SIGNED, check=_filled),
        Attribute("SN", _SIGNED),
        Attribute("START", check=parse_date, number=-11),
        Attribute("SUITE_DUP_GROUP", check=_dup_group),
        Attribute("SUPERSEDE", _SIGNED, value="optional", check=_names),
        Attribute("SUPERSEDE_SIGN", _SIGNED, check=_filled),
        Attribute("TS_OK", value="none"),
        Attribute("TZ", check=_filled),
        Attribute("USER_BASED", value="optional", check=_SEATS_NUMBER),
        Attribute("VENDOR_STRING", _SIGNED),
        Attribute("VM_PLATFORMS", check=_one_of("PHYSICAL", "VM_ONLY")),
        # facts 1.7.
        Attribute("COMPONENTS", _PACKAGE, check=_components, number=-82),
        Attribute("OPTIONS", _PACKAGE, check=_one_of(*SUITES), number=-82),
        # facts 1.2. PRIMARY_IS_MASTER and HEARTBEAT_INTERVAL are upper case, yet not signed (facts 1.9).
        Attribute("PRIMARY_IS_MASTER", _SERVER, value="none"),
        Attribute("HEARTBEAT_INTERVAL", _SERVER, check=number_of(0, 120, "a number of seconds")),
        Attribute("PLAT", _SERVER, check=_NUMBER),
        # facts 1.5: SIGN, SIGN2, AUTH, and the signatures for the readers of one release.
        Attribute("AUTH", _SIGNED, check=_braced),
        *(Attribute(f"{release}SIGN{index}", _SIGNED, check=_filled) for release in ("", *_RELEASES) for index in ("", "2")),
    )
    # facts 1.5, "Attributes the administrator may add/change (lower case, unsigned)": exactly these. The guide shows vendor_info.
    administrator = (
        *(Attribute(name, _SIGNED) for name in ("asset_info", "dist_info", "user_info", "vendor_info")),
        Attribute("sort", _SIGNED, check=_NUMBER),
        Attribute("ck", _SIGNED, check=_NUMBER),
    )
    return {attribute.name: attribute for attribute in (*vendor, *administrator)}


#: Every attribute by its name.
ATTRIBUTES: Final = _table()
_BY_FOLDED_NAME: Final = {name.upper(): attribute for name, attribute in ATTRIBUTES.items()}


@lru_cache(maxsize=4096)
def attribute_of(name: str) -> Attribute | None:
    """The attribute that is called `name` in any case; None for a name that the grammar does not know."""
    # Other letters than A to Z must not fold into them: the long s and the Kelvin sign would.
    return _BY_FOLDED_NAME.get(name.upper()) if name.isascii() else None


def attributes_of(keyword: str) -> tuple[str, ...]:
    """The names of the attributes that a line of this keyword takes, in the table's order."""
    return tuple(name for name, attribute in ATTRIBUTES.items() if keyword in attribute.lines)


def misspelt_keyword(word: str) -> str:
    """The keyword from which `word` is one slip away (a letter too many, too few, wrong, or two exchanged); else empty."""
    return _slips().get(word.upper(), "") if word.isascii() else ""


@lru_cache(maxsize=1)
def _slips() -> dict[str, str]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
    slips: dict[str, str] = {}
    for keyword in sorted(KEYWORDS):
        cuts = [(keyword[:at], keyword[at:]) for at in range(len(keyword) + 1)]
        wrong = [head + tail[1:] for head, tail in cuts if tail]
        wrong += [head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1]
        wrong += [head + letter + tail[1:] for head, tail in cuts if tail for letter in letters]
        wrong += [head + letter + tail for head, tail in cuts for letter in letters]
        slips.update((word, keyword) for word in wrong)
    for keyword in KEYWORDS:
        slips.pop(keyword, None)
    return slips
