"""An evidence pack has one form, to the byte: whoever has one can tell that it is whole, and what it says a report was made of.

A pack is a ZIP file, so that any program shows what is in it, but of the plainest sort: members in the order of their names, stored
and not compressed, without times, comments or anything else that ZIP allows. Whoever reads one compares each header with the only one
that there can be. So nothing can be hidden between members or behind them, no name can stand twice or lead out of a directory, and no
member grows when it is unpacked.

The manifest names all other members with their digests, and is what is signed. What the pack says of its making (`Parameters`) and of
the data (`Data`) are values with an order of their own, written without white space; JSON that is laid out in another way is refused.
"""

from __future__ import annotations

import re
import struct
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.periods import Granularity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DATA",
    "EVIDENCE_TAG",
    "LOCAL_BYTES",
    "MANIFEST",
    "MEMBERS_MAX",
    "PACK_BYTES_MAX",
    "PARAMETERS",
    "REPORT",
    "SIGNATURE",
    "ClosedEvidence",
    "Code",
    "Data",
    "Difference",
    "Entry",
    "FactsFile",
    "File",
    "Member",
    "PackManifest",
    "Parameters",
    "Rule",
    "check_name",
    "decoded",
    "differences",
    "directory",
    "encoded",
    "local_header",
    "parse_local_header",
    "rows_from_json",
    "rows_to_json",
]

#: What keeps a signature of a pack from being taken for another; the figure is the form's version.
EVIDENCE_TAG: Final = b"seatkeeper/evidence/1\0"
MANIFEST: Final = "MANIFEST.json"
SIGNATURE: Final = "SIGNATURE"
DATA: Final = "data.json"
PARAMETERS: Final = "parameters.json"
REPORT: Final = "report.json"
#: ZIP counts members and bytes in 16 and 32 bits; what is larger has another form.
MEMBERS_MAX: Final = 50_000
PACK_BYTES_MAX: Final = 4_000_000_000

_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_NAME: Final = re.compile(
    rf"{re.escape(MANIFEST)}|{SIGNATURE}|{re.escape(DATA)}|{re.escape(PARAMETERS)}|{re.escape(REPORT)}"
    rf"|facts/({'|'.join(KINDS)})/{_DAY}-\d{{3,5}}\.parquet|closed/{_DAY}-\d{{3,5}}\.parquet"
    r"|site/(usage\.toml|provisioned\.json|(bundles|entitlements)/\d{5}\.xml)",
    re.ASCII,
)
_LOCAL: Final = struct.Struct("<4s5H3I2H")
LOCAL_BYTES: Final = _LOCAL.size
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"
#: ZIP 2.0, made on UNIX: a plain file of its owner's, of 1980-01-01.
_VERSION: Final = 20
_MADE_ON: Final = 3 << 8 | _VERSION
_DATE: Final = 1 << 5 | 1
_MODE: Final = 0o100600 << 16

_Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
T = TypeVar("T")


class Entry(msgspec.Struct, frozen=True):
    """A member as ZIP has it: its name, how many bytes, and their CRC-32."""

    name: str
    size: int
    crc: int


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written in the order of its fields, and read in no other form."""


class Member(_Form, frozen=True):
    """A member of the pack: its name, how many bytes, and their SHA-256."""

    name: str
    bytes: _Count
    sha256: _Digest


class PackManifest(_Form, frozen=True):
    """What is signed.

    Attributes:
        form: The version of this form.
        made: When the pack was made, as its maker says.
        signer: The public key of who signed it, in hexadecimal.
        members: All members but the manifest and its signature, by name.
    """

    form: int
    made: Annotated[str, msgspec.Meta(pattern=rf"^{_DAY}T\d\d:\d\d:\d\dZ$")]
    signer: _Digest
    members: list[Member]


class Code(_Form, frozen=True):
    """What worked the report out: version of seatkeeper, SHA-256 of all of its files, and versions of what it is built on."""

    version: str
    sha256: _Digest
    packages: dict[str, str]


class Rule(_Form, frozen=True):
    """How an item was measured: what is in use and what is enabled, and the digest of both; a bundle may have had several rules."""

    name: str
    digest: str
    counts: str
    peak: Any
    enabled: Any
    source: str


class Parameters(_Form, frozen=True, rename={"report": "type", "first": "from", "end": "to"}):
    """What was asked, as `seatkeeper usage report` names it, and how it was worked out."""

    report: Literal["system", "tenant", "agent-group", "place-group"]
    item: str
    granularity: Granularity
    first: date
    end: date
    zone: str
    week_start: Annotated[int, msgspec.Meta(ge=0, le=6)]
    tenant: str | None
    group: str | None
    sampling: Literal["exact", "second", "minute"]
    membership: Literal["history", "day-end"]
    engine: str
    rules: list[Rule]
    code: Code


class File(_Form, frozen=True, order=True):
    """A file of the site's, or of a closed day: the name it has in the pack if it is there, and the SHA-256 of its bytes."""

    name: str
    sha256: _Digest


class FactsFile(_Form, frozen=True, order=True):
    """A file of facts: their kind, the UTC day on which they begin, how many, the name in the pack, and the SHA-256 of its bytes."""

    kind: str
    day: date
    rows: _Count
    sha256: _Digest
    name: str


class ClosedEvidence(_Form, frozen=True):
    """A day of which only the peaks are left that were kept when it was closed, by rules with these digests."""

    day: date
    at: _Count
    rules: dict[str, str]
    files: list[File]


class Data(_Form, frozen=True):
    """What the report was worked out from.

    Attributes:
        kinds: The kinds of facts that the site has at all.
        facts: The files of facts that matter for the asked time.
        tenants: All tenants that the site's facts name.
        dropped_before: Before this day detail has been dropped; None: it has not.
        closed: Days before it that are taken from what was kept of them.
        site: The site's own files: settings, limits, bundles.
    """

    kinds: list[str]
    facts: list[FactsFile]
    tenants: list[str]
    dropped_before: date | None
    closed: list[ClosedEvidence]
    site: list[File]

    @property
    def count(self) -> int:
        """How many files these are."""
        return len(self.facts) + len(self.site) + sum(len(day.files) for day in self.closed)


class Difference(msgspec.Struct, frozen=True):
    """A row that is not the same in the pack as it is worked out anew.

    Attributes:
        place: Which row, in words.
        fields: What differs in it.
        told: The row in the pack; None: there is none.
        found: The row worked out anew; None: there is none.
    """

    place: str
    fields: tuple[str, ...]
    told: dict[str, Any] | None
    found: dict[str, Any] | None

    def sentence(self) -> str:
        """What differs, with both values."""
        if self.told is None and self.found is None:
            return f"{self.place}."
        if self.told is None:
            return f"{self.place}: not in the pack."
        if self.found is None:
            return f"{self.place}: only in the pack."
        both = [(name, self.told.get(name), self.found.get(name)) for name in self.fields]
        return f"{self.place}: {', '.join(f'{name} is {_shown(told)} in the pack and {_shown(found)} anew' for name, told, found in both)}."


def _shown(value: Any) -> str:
    return "unknown" if value is None else str(value)


def check_name(name: str) -> str:
    """The name, if a member may have it.

    Raises:
        ValueError: It may not.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"no member of an evidence pack is called {name[:100]!r}")
    return name


def local_header(entry: Entry) -> bytes:
    """What stands before a member's bytes."""
    name = entry.name.encode("ascii")
    return _LOCAL.pack(_LOCAL_MARK, _VERSION, 0, 0, 0, _DATE, entry.crc, entry.size, entry.size, len(name), 0) + name


def parse_local_header(data: bytes, name: bytes) -> Entry:
    """The member that these LOCAL_BYTES and this name announce.

    Args:
        data: The header without the name.
        name: As much as follows it, at least as long as the longest name.

    Raises:
        ValueError: They announce none, or in another way than `local_header`.
    """
    mark, _, flags, method, _, _, crc, size, unpacked, length, _ = _LOCAL.unpack(data)
    if mark != _LOCAL_MARK:
        raise ValueError("something else stands where a member should begin")
    if method or size != unpacked:
        raise ValueError("a member is compressed")
    if flags:
        raise ValueError("a member is encrypted, or of a form that packs do not have")
    entry = Entry(check_name(name[:length].decode("utf-8", "replace")), size, crc)
    if local_header(entry) != data + name[:length]:
        raise ValueError(f"{entry.name} has a time or another property that members do not have")
    return entry


def directory(entries: Sequence[Entry]) -> bytes:
    """What stands behind the last member: the list of all."""
    rows, at = [], 0
    for entry in entries:
        name = entry.name.encode("ascii")
        numbers = (_MADE_ON, _VERSION, 0, 0, 0, _DATE, entry.crc, entry.size, entry.size, len(name), 0, 0, 0, 0, _MODE, at)
        rows.append(_CENTRAL.pack(_CENTRAL_MARK, *numbers) + name)
        at += LOCAL_BYTES + len(name) + entry.size
    whole = b"".join(rows)
    return whole + _END.pack(_END_MARK, 0, 0, len(rows), len(rows), len(whole), at, 0)


def encoded(value: msgspec.Struct) -> bytes:
    """The value as the member that holds it."""
    return msgspec.json.encode(value) + b"\n"


def decoded(data: bytes, form: type[T], name: str) -> T:
    """The value that a member holds.

    Raises:
        InputError: It holds none, or not as `encoded` writes it.
    """
    try:
        value = msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InputError("This member of the pack is not understood.", file=name, found=str(error)[:300]) from None
    if msgspec.json.encode(value) + b"\n" != data:
        raise InputError("This member of the pack is not written as packs are.", file=name)
    return value


def rows_to_json(rows: Sequence[dict[str, Any]]) -> bytes:
    """The rows of a report as a list, one on each line."""
    return b"[\n" + b",\n".join(msgspec.json.encode(row) for row in rows) + b"\n]\n"


def rows_from_json(data: bytes, name: str) -> list[dict[str, Any]]:
    """The rows that `rows_to_json` wrote.

    Raises:
        InputError: They are none.
    """
    try:
        rows = msgspec.json.decode(data, type=list[dict[str, Any]])
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InputError("This member of the pack is not understood.", file=name, found=str(error)[:300]) from None
    if rows_to_json(rows) != data:
        raise InputError("This member of the pack is not written as packs are.", file=name)
    return rows


def differences(told: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> list[Difference]:
    """The rows that differ, in their order; none where both are the same, row by row.

    Args:
        told: The rows in the pack.
        found: The rows worked out anew.
    """
    if list(told) == list(found):
        return []
    ours, theirs = {_key(row): row for row in found}, {_key(row): row for row in told}
    differ = []
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        one, other = theirs.get(key), ours.get(key)
        if one != other:
            names = [name for name in {**(other or {}), **(one or {})} if (one or {}).get(name) != (other or {}).get(name)]
            differ.append(Difference(_place(one or other or {}), tuple(names), one, other))
    return differ or [Difference("The rows stand in another order, or twice", (), None, None)]


def _key(row: dict[str, Any]) -> str:
    return repr([row.get(name) for name in ("tenant", "group", "item", "start")])


def _place(row: dict[str, Any]) -> str:
    return ", ".join(str(row[name]) for name in ("tenant", "group", "item", "start") if row.get(name) is not None)
