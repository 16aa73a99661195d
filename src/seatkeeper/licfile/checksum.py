"""The checksum of a license line is a number from 0 to 255 that no slip of a single character leaves as it was.

Theory of operation. `ck=` on a line says what its checksum was when the line was written; `lmcksum` compares. FlexNet's own
sum is not public (facts 1.5 has only samples), so this is ours: the CRC-8 of SAE J1850 (polynomial 1D, register and result
inverted) over everything on the line that may not be edited. That is the keyword, the positional fields with the key, and the
vendor's attributes with SIGN; of a SERVER line its host id, of a DAEMON line the name. What the administrator may change leaves
the sum alone: host names, ports, paths, `ck` itself and the other lower-case attributes, blanks, breaks, and the case of letters
unless that is asked for.

The polynomial is primitive, so of two characters less than 255 apart that change places none goes unseen either. It finds slips
and torn mails; against intent there are signatures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.licfile.canonical import FIELD, VALUE, keyword_of, positional_fields
from seatkeeper.licfile.grammar import attribute_of
from seatkeeper.licfile.model import Feature, Package, Server, Upgrade, Vendor

if TYPE_CHECKING:
    from seatkeeper.licfile.model import LicenseFile, Line, Signable

__all__ = ["covered", "crc8", "file_checksum", "line_checksum", "stated_checksum"]

_POLYNOMIAL: Final = 0x1D
_INVERTED: Final = 0xFF
_LINE_END: Final = b"\n"


def _table() -> bytes:
    found = bytearray()
    for value in range(256):
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value & 0x80 else 0)
        found.append(value & 0xFF)
    return bytes(found)


_TABLE: Final = _table()


def crc8(data: bytes) -> int:
    """The CRC-8 of SAE J1850."""
    register = _INVERTED
    for byte in data:
        register = _TABLE[register ^ byte]
    return register ^ _INVERTED


def covered(line: Line, *, cased: bool = False) -> bytes:
    """What the checksum of `line` is made of; nothing for a line that has none.

    Args:
        line: The line.
        cased: Whether the case of letters counts.
    """
    if isinstance(line, Server):
        fields = [b"SERVER", _bytes(line.hostid)]
    elif isinstance(line, Vendor):
        # DAEMON is the older word for VENDOR, and means the same.
        fields = [b"VENDOR", _bytes(line.name)]
    elif isinstance(line, Feature | Upgrade | Package):
        fields = [_bytes(field) for field in positional_fields(line, line.key)] + _attributes(line)
        fields[0] = _bytes(keyword_of(line))
    else:
        return b""
    data = FIELD.join(fields)
    return data if cased else data.lower()


def _attributes(line: Signable) -> list[bytes]:
    found = []
    for name, value in line.attributes:
        attribute = attribute_of(name)
        if attribute is None or attribute.owner == "vendor":
            found.append(_bytes(name) if value is None else _bytes(name) + VALUE + _bytes(value))
    return found


def _bytes(text: str) -> bytes:
    """The text with each run of blanks as one, since breaks and blanks may be edited."""
    return b" ".join(text.encode("utf-8", "surrogatepass").split())


def line_checksum(line: Line, *, cased: bool = False) -> int | None:
    """The checksum of `line`; None for a comment and every other line that has none."""
    data = covered(line, cased=cased)
    return crc8(data) if data else None


def stated_checksum(line: Line) -> int | None:
    """What the line itself says its checksum is (`ck=`); None where it says nothing."""
    if isinstance(line, Feature | Upgrade | Package) and (text := line.attribute("ck")):
        return int(text)
    return None


def file_checksum(file: LicenseFile, *, cased: bool = False) -> int:
    """The checksum of all lines in their order, of those that have one."""
    return crc8(b"".join(data + _LINE_END for line in file.lines if (data := covered(line, cased=cased))))
