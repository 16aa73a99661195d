"""The signed content of a line is one string of bytes, whatever an editor did to the line's case, breaks and blanks.

A signature must survive everything that an administrator may do ("modify only these items if needed: host name (but not host
ID) on the SERVER line, port number on the SERVER line, path name on the DAEMON line"; guide, Editing New Files) and nothing
else. So what is signed is not the text of the file but this, in this order, with one separator between fields:

    domain tag, number of SERVER lines, their host ids, keyword, positional fields with the digest key, signed attributes

All of it stands as it was written, in its written order, after one folding: the letters A to Z become a to z, and each run of
blanks, tabs and line ends becomes one blank, which goes where it begins or ends a value. The folding works on the bytes of the
UTF-8 form and knows no other letters, because Unicode's own folding would let a Kelvin sign pass for a k. A date written in
another way, a count with a leading zero, attributes in another order are other bytes, hence another line.

The separators are control characters. A field that holds a control character cannot be signed or verified, so two different
lines never have the same bytes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from seatkeeper.licfile.grammar import attribute_of
from seatkeeper.licfile.model import Feature, Package, Upgrade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.licfile.model import Signable

__all__ = [
    "DIGEST_CHARS",
    "FIELD",
    "LINE_TAG",
    "VALUE",
    "canonical_line",
    "digest_of",
    "fold",
    "fold_name",
    "is_signed",
    "keyword_of",
    "line_digest",
    "positional_fields",
]

#: Keeps a signature over a line from being taken for a signature over anything else; the figure is the form's version.
LINE_TAG: Final = b"seatkeeper/license-line/1"

#: The positional key of readers that expect one: "encrypted key" of twelve hex digits in the guide's samples.
DIGEST_CHARS: Final = 12

#: Between two fields, and between the name and the value of an attribute.
FIELD: Final = b"\x1f"
VALUE: Final = b"\x1e"

_FIELD_TEXT: Final = FIELD.decode()
_VALUE_TEXT: Final = VALUE.decode()
_BLANKS: Final = b"\t\n\r"
_FOLDING: Final = bytes(0x20 if code in _BLANKS else code + 32 if 0x41 <= code <= 0x5A else code for code in range(256))
_BORDERS_AS_BLANKS: Final = bytes(0x20 if code in _BLANKS + FIELD + VALUE else code for code in range(256))
_CONTROLS: Final = bytes(code for code in (*range(32), 127) if code not in _BLANKS)
_RUN_OF_BLANKS: Final = re.compile(rb" {2,}")
_BLANK_AT_BORDER: Final = re.compile(rb" ?([\x1e\x1f]) ?")


def canonical_line(line: Signable, hostids: Sequence[str], *, key: str | None = None) -> bytes:
    """The bytes that a signature of `line` covers in a file whose SERVER lines have `hostids`.

    Args:
        line: The line; its attribute SIGN and those of the administrator do not count.
        hostids: The host id of each SERVER line, in the file's order.
        key: What to put for the positional key instead of the line's own.

    Raises:
        ValueError: One phrase; a field holds a control character or something that is not text.
    """
    fields = [str(len(hostids)), *hostids, *positional_fields(line, line.key if key is None else key)]
    separators = 0
    for name, value in line.attributes:
        if is_signed(name):
            if value is None:
                fields.append(name)
            else:
                fields.append(f"{name}{_VALUE_TEXT}{value}")
                separators += 1
    try:
        data = _FIELD_TEXT.join(fields).encode()
    except UnicodeEncodeError:
        raise ValueError("a field holds a character that is not text") from None
    separators += len(fields) - 1
    if len(data) - len(data.translate(None, _CONTROLS)) != separators:
        raise ValueError("a field holds a control character")
    return LINE_TAG + FIELD + fold(data)


def fold(data: bytes) -> bytes:
    """`data` with A to Z as a to z, white space as single blanks, and none beside a separator or at either end."""
    # One search of this kind costs as much as all else here, so it looks for every run of blanks and every blank at a border.
    if b"  " in data.translate(_BORDERS_AS_BLANKS):
        data = _RUN_OF_BLANKS.sub(b" ", data.translate(_FOLDING))
        return _BLANK_AT_BORDER.sub(rb"\1", data).strip(b" ")
    return data.translate(_FOLDING).strip(b" ")


@lru_cache(maxsize=4096)
def fold_name(name: str) -> str:
    """`name` with A to Z as a to z and no other letter touched: how attributes, vendors and host ids are compared."""
    return fold(name.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def digest_of(content: bytes) -> str:
    """The positional key for canonical bytes that were made with an empty key."""
    return sha256(content).hexdigest()[:DIGEST_CHARS].upper()


def line_digest(line: Signable, hostids: Sequence[str]) -> str:
    """The positional key that `line` should have: twelve hex digits that tell a changed line from a changed signature."""
    return digest_of(canonical_line(line, hostids, key=""))


def keyword_of(line: Signable) -> str:
    """The word with which the line begins."""
    if type(line) is Feature:
        return line.keyword
    return "UPGRADE" if type(line) is Upgrade else "PACKAGE"


def positional_fields(line: Signable, key: str) -> tuple[str, ...]:
    """Keyword and positional fields of `line`, always as many of them for one kind of line, with `key` as the last."""
    if type(line) is Feature:
        return (line.keyword, line.name, line.vendor, line.version, line.expiry, line.count, key)
    if type(line) is Upgrade:
        return ("UPGRADE", line.name, line.vendor, line.from_version, line.to_version, line.expiry, line.count, key)
    assert type(line) is Package
    return ("PACKAGE", line.name, line.vendor, line.version, key)


@lru_cache(maxsize=4096)
def is_signed(name: str) -> bool:
    """False for SIGN itself and for the attributes that the administrator may add and change; True for every other."""
    attribute = attribute_of(name)
    return attribute is None or not (attribute.owner == "administrator" or attribute.name == "SIGN")
