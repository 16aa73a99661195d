"""An evidence pack is written whole or not at all, and read as one that somebody else may have made to do harm.

usage.evidence has its form. A reader goes through the file once, from header to header, and believes none that is not the one that
there can be; only then is anything read of a member, and a member is unpacked under a name that was checked, below the directory that
the caller names. What a file of facts would be when it is read is limited by how long it is (`facts_rows`).
"""

from __future__ import annotations

import binascii
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

import seatkeeper
from seatkeeper.adapters.wholefile import PRIVATE, whole_file
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.usage.evidence import (
    LOCAL_BYTES,
    MEMBERS_MAX,
    PACK_BYTES_MAX,
    Entry,
    check_name,
    directory,
    local_header,
    parse_local_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

__all__ = ["ROWS_PER_BYTE_MAX", "TEXT_BYTES_MAX", "Content", "PackFile", "content_of", "facts_rows", "source_digest", "write_pack"]

#: Of a member that is read as a whole.
TEXT_BYTES_MAX: Final = 256 * 1024 * 1024
#: A day of ports that nobody used has 40 in a byte; a file that says that it has many more would grow when it is read.
ROWS_PER_BYTE_MAX: Final = 1000
_CHUNK_BYTES: Final = 1 << 20
_NAME_BYTES_MAX: Final = 200
_CENTRAL_MARK: Final = b"PK\1\2"


class Content(msgspec.Struct, frozen=True):
    """What a member is made of: bytes, or a file that holds them, how many they are, their SHA-256 and CRC-32."""

    source: bytes | Path
    size: int
    sha256: str
    crc: int


def content_of(source: bytes | Path) -> Content:
    """What will be, or is, in a member.

    Raises:
        OSError: The file cannot be read.
    """
    size, crc, digest = 0, 0, sha256()
    for chunk in _chunks(source):
        size += len(chunk)
        crc = binascii.crc32(chunk, crc)
        digest.update(chunk)
    return Content(source, size, digest.hexdigest(), crc)


def _chunks(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def write_pack(path: Path, members: Mapping[str, Content], *, replace: bool) -> None:
    """Let `path` hold a pack of these members, which only its owner can read.

    Raises:
        InputError: It is there and not to be replaced, or the pack would be too large.
        SeatkeeperError: It cannot be written, or a file has changed since its digest was made; nothing was.
    """
    names = sorted(members)
    entries = [Entry(check_name(name), members[name].size, members[name].crc) for name in names]
    end = directory(entries)
    size = sum(LOCAL_BYTES + len(entry.name) + entry.size for entry in entries) + len(end)
    if size > PACK_BYTES_MAX or len(entries) > MEMBERS_MAX:
        raise InputError(
            "The pack would be too large.",
            file=str(path),
            found=f"{size} bytes, {len(entries)} members",
            expected=f"at most {PACK_BYTES_MAX} bytes, {MEMBERS_MAX} members",
            remedy="Ask for a shorter time, or leave the facts out (--without-facts).",
        )
    try:
        with whole_file(path, PRIVATE, replace=replace) as file:
            for entry in entries:
                file.write(local_header(entry))
                digest = sha256()
                for chunk in _chunks(members[entry.name].source):
                    digest.update(chunk)
                    file.write(chunk)
                if digest.hexdigest() != members[entry.name].sha256:
                    raise SeatkeeperError(f"{entry.name} has changed while the pack was written.", "Make the pack again.")
            file.write(end)
    except FileExistsError:
        raise InputError("This file exists and is not overwritten.", file=str(path), remedy="Name another one, or give --force.") from None
    except OSError as error:
        raise SeatkeeperError(f"{path} cannot be written: {error.strerror or error}.", "Nothing was written.") from error


class PackFile:
    """A pack that is open to be read; its form is right, and nothing is known yet of what is in it.

    Raises:
        InputError: It cannot be read, or is no pack.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, tuple[Entry, int]] = {}
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> PackFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def sizes(self) -> dict[str, int]:
        """The members' names, in order, and how many bytes each has."""
        return {name: entry.size for name, (entry, _) in self._places.items()}

    def _read(self) -> None:
        size = os.fstat(self._file.fileno()).st_size
        if size > PACK_BYTES_MAX:
            raise self._refused("it is too large", f"{size} bytes", f"at most {PACK_BYTES_MAX}")
        at, last = 0, ""
        while True:
            self._file.seek(at)
            head = self._file.read(LOCAL_BYTES + _NAME_BYTES_MAX)
            if head.startswith(_CENTRAL_MARK) and at:
                break
            if len(head) < LOCAL_BYTES:
                raise self._refused("it ends in the middle" if at else "it is no ZIP file")
            if not at and not head.startswith(b"PK"):
                raise self._refused("it is no ZIP file")
            try:
                entry = parse_local_header(head[:LOCAL_BYTES], head[LOCAL_BYTES:])
            except ValueError as error:
                raise self._refused(str(error)) from None
            begin = at + LOCAL_BYTES + len(entry.name)
            if entry.name <= last:
                raise self._refused(f"{entry.name} stands there twice, or not in its place")
            if begin + entry.size > size:
                raise self._refused("it ends in the middle")
            if len(self._places) == MEMBERS_MAX:
                raise self._refused("it has too many members", "", f"at most {MEMBERS_MAX}")
            self._places[entry.name] = entry, begin
            at, last = begin + entry.size, entry.name
        end = directory([entry for entry, _ in self._places.values()])
        self._file.seek(at)
        if self._file.read(len(end)) != end or at + len(end) != size:
            raise self._refused("the list of members at its end is another than that of the members, or something follows it")

    def _refused(self, why: str, found: str = "", expected: str = "") -> InputError:
        return InputError(f"This is no evidence pack, or has been damaged: {why}.", file=str(self.path), found=found, expected=expected)

    def _chunks(self, name: str) -> Iterator[bytes]:
        entry, at = self._places[name]
        self._file.seek(at)
        left, crc = entry.size, 0
        while left:
            chunk = self._file.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise self._refused("it ends in the middle")
            left -= len(chunk)
            crc = binascii.crc32(chunk, crc)
            yield chunk
        if crc != entry.crc:
            raise self._refused(f"the check sum of {name} is wrong")

    def read(self, name: str) -> bytes:
        """A member as a whole.

        Raises:
            InputError: There is none, or it is too large to be read.
        """
        if name not in self._places:
            raise self._refused(f"{name} is missing")
        if self._places[name][0].size > TEXT_BYTES_MAX:
            raise self._refused(f"{name} is too large", "", f"at most {TEXT_BYTES_MAX} bytes")
        return b"".join(self._chunks(name))

    def digest(self, name: str) -> str:
        """The SHA-256 of a member."""
        digest = sha256()
        for chunk in self._chunks(name):
            digest.update(chunk)
        return digest.hexdigest()

    def unpack(self, name: str, digest: str, into: Path) -> Path:
        """The file below `into` that holds the member now.

        Raises:
            InputError: It has another digest.
            SeatkeeperError: The disk is full.
        """
        target = into / check_name(name)
        found = sha256()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for chunk in self._chunks(name):
                    found.update(chunk)
                    file.write(chunk)
        except OSError as error:
            raise SeatkeeperError(
                f"The pack cannot be unpacked below {into}: {error.strerror or error}.", "TMPDIR names another place with more room."
            ) from None
        if found.hexdigest() != digest:
            raise self._refused(f"{name} is another than the manifest says")
        return target


def facts_rows(path: Path, name: str) -> int:
    """How many rows a Parquet file has, as it says itself.

    Args:
        path: The file.
        name: What it is called in messages.

    Raises:
        InputError: It is no Parquet file, or says of itself that it would grow without bounds.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise InputError("This is no Parquet file.", file=name, found=str(error).splitlines()[0][:200]) from None
    size = path.stat().st_size
    if not 0 <= rows <= size * ROWS_PER_BYTE_MAX:
        raise InputError("This file of facts says that it has more rows than it can have.", file=name, found=f"{rows} rows in {size} bytes")
    return rows


def source_digest() -> str:
    """The SHA-256 over the names and digests of all files of seatkeeper that are installed, in the form of `sha256sum`."""
    root = Path(seatkeeper.__file__).parent
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    digest = sha256()
    for name in paths:
        digest.update(f"{sha256((root / name).read_bytes()).hexdigest()}  {name}\n".encode())
    return digest.hexdigest()
