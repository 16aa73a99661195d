"""Catalogs come from TOML files: the built-in one of Genesys, or a vendor's own directory of the same files.

`vendor.toml`, `products.toml` and `technical.toml` must be there; `applications.toml`, `platforms.toml` and `lrm.toml` may.
A catalog that is not good is refused as a whole, with the file, the path of the key, its line where that can be told, what
was found and what was expected.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.check import problems
from seatkeeper.catalog.model import Application, Catalog, HostidCommand, LicenseManager, MeasuredItem, Product, TechnicalLicense, Vendor

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = ["CATALOG_FILE_BYTES_MAX", "load_catalog", "load_vendor"]

#: Of one file; the largest built-in one has 30 kB.
CATALOG_FILE_BYTES_MAX: Final = 4_000_000

T = TypeVar("T")


class _ProductsFile(msgspec.Struct, forbid_unknown_fields=True):
    products: Annotated[tuple[Product, ...], msgspec.Meta(min_length=1)]


class _TechnicalFile(msgspec.Struct, forbid_unknown_fields=True):
    technical: Annotated[tuple[TechnicalLicense, ...], msgspec.Meta(min_length=1)]


class _ApplicationsFile(msgspec.Struct, forbid_unknown_fields=True):
    applications: tuple[Application, ...] = ()


class _PlatformsFile(msgspec.Struct, forbid_unknown_fields=True):
    license_managers: tuple[LicenseManager, ...] = ()
    hostids: tuple[HostidCommand, ...] = ()


class _MeasuredFile(msgspec.Struct, forbid_unknown_fields=True):
    items: tuple[MeasuredItem, ...] = ()


def load_catalog(directory: Path | None = None) -> Catalog:
    """The catalog of that directory; the built-in one of Genesys without a directory.

    Raises:
        InputError: A file is missing or cannot be read, or a key of it is not good.
    """
    if directory is None:
        return _builtin_catalog()
    if not directory.is_dir():
        raise InputError(
            "There is no catalog here.",
            file=str(directory),
            found="a file" if directory.exists() else "",
            expected="a directory with vendor.toml, products.toml and technical.toml",
        )
    return _read_catalog(directory, str(directory))


def load_vendor(directory: Path | None = None) -> Vendor:
    """Only the names and limits of the vendor, which need no more than one small file.

    Raises:
        InputError: As for `load_catalog`.
    """
    return (
        _read(_builtin_directory(), "", "vendor.toml", Vendor)
        if directory is None
        else _read(directory, str(directory), "vendor.toml", Vendor)
    )


def _builtin_directory() -> Traversable:
    return files("seatkeeper").joinpath("data", "genesys")


@lru_cache(maxsize=1)
def _builtin_catalog() -> Catalog:
    return _read_catalog(_builtin_directory(), "seatkeeper/data/genesys")


def _read_catalog(directory: Traversable | Path, shown: str) -> Catalog:
    platforms = _read_optional(directory, shown, "platforms.toml", _PlatformsFile)
    catalog = Catalog(
        vendor=_read(directory, shown, "vendor.toml", Vendor),
        products=_read(directory, shown, "products.toml", _ProductsFile).products,
        technical=_read(directory, shown, "technical.toml", _TechnicalFile).technical,
        applications=_read_optional(directory, shown, "applications.toml", _ApplicationsFile).applications,
        license_managers=platforms.license_managers,
        hostids=platforms.hostids,
        measured=_read_optional(directory, shown, "lrm.toml", _MeasuredFile).items,
    )
    for problem in problems(catalog):
        raise _refusal(
            f"{shown}/{problem.file}", _text(directory, shown, problem.file), problem.key, problem.reason, problem.found, problem.expected
        )
    return catalog


def _read_optional(directory: Traversable | Path, shown: str, name: str, kind: type[T]) -> T:
    return _read(directory, shown, name, kind) if directory.joinpath(name).is_file() else kind()


def _read(directory: Traversable | Path, shown: str, name: str, kind: type[T]) -> T:
    file = f"{shown}/{name}"
    text = _text(directory, shown, name)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The parser ends its sentence with "(at line 3, column 7)" or "(at end of document)".
        reason, _, place = str(error).partition(" (at ")
        numbers = [int(number) for number in re.findall(r"\d+", place)] or [text.count("\n") + 1, 0]
        raise InputError(f"This is not TOML: {reason}.", file=file, line=numbers[0], column=numbers[1]) from None
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        key = path.rstrip("`").lstrip(".")
        raise _refusal(file, text, key, "This value is not good.", _found(raw, key), _expected(reason)) from None


def _text(directory: Traversable | Path, shown: str, name: str) -> str:
    file = f"{shown}/{name}"
    try:
        data = directory.joinpath(name).read_bytes()
    except OSError as error:
        raise InputError(
            f"This file of the catalog cannot be read: {error.strerror or error}.",
            file=file,
            remedy="docs/catalog.md says which files a catalog has.",
        ) from None
    if len(data) > CATALOG_FILE_BYTES_MAX:
        raise InputError(
            "This file of the catalog is too large.", file=file, found=f"{len(data)} bytes", expected=f"at most {CATALOG_FILE_BYTES_MAX}"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("This file of the catalog is not in UTF-8.", file=file, line=data.count(b"\n", 0, error.start) + 1) from None


def _refusal(file: str, text: str, key: str, reason: str, found: str, expected: str) -> InputError:
    return InputError(f"{key}: {reason}" if key else reason, file=file, line=_line_of(text, key), found=found, expected=expected)


def _line_of(text: str, key: str) -> int:
    """The line where the table of that key begins, or the key itself; 0 where that cannot be told."""
    table = re.match(r"(\w+)\[(\d+)\]", key)
    pattern = rf"^\s*\[\[\s*{table[1]}\s*\]\]" if table else rf"^\s*{re.escape(key)}\s*="
    hits = [match.start() for match in re.finditer(pattern, text, re.MULTILINE)] if key else []
    index = int(table[2]) if table else 0
    return text.count("\n", 0, hits[index] + 1) + 1 if index < len(hits) else 0


def _found(raw: Any, key: str) -> str:
    """What stands under a key path; empty where nothing does."""
    value = raw
    for step in re.findall(r"\w+", key):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return ""
    return "" if isinstance(value, (dict, list)) else str(value).lower() if isinstance(value, bool) else str(value)


def _expected(reason: str) -> str:
    """The reason that msgspec gives, as the end of a sentence that starts with "expected"."""
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", reason):
        return f"the key {missing[1]!r}, which is missing"
    if unknown := re.fullmatch(r"Object contains unknown field `(\w+)`", reason):
        return f"no key {unknown[1]!r}; it is misspelled or stands in the wrong table"
    if reason.startswith("Invalid enum value"):
        return "one of the known words"
    return reason.removeprefix("Expected ").replace("`", "")
