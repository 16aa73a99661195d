"""What was bought and provisioned, and what is sold as bundles, is kept beside the usage data, each file whole or not at all.

Provisioned counts are one list. Entitlement files and files of bundles are kept as they came, under the digest of their bytes, so that
the same file again changes nothing, and a signature can be checked at any time.
"""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.bundlefiles import parse_bundles
from seatkeeper.adapters.entitlements import parse_entitlement
from seatkeeper.adapters.wholefile import PUBLIC, alone, replace_file
from seatkeeper.adapters.xmlform import read_bytes
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.usage.limits import Provisioned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seatkeeper.usage.bundles import BundleSet
    from seatkeeper.usage.entitlement import Entitlement

__all__ = [
    "KeptEntitlement",
    "change_provisioned",
    "keep_bundles",
    "keep_entitlement",
    "kept_bundles",
    "kept_entitlements",
    "kept_files",
    "kept_provisioned",
]

_PROVISIONED: Final = "provisioned.json"
_ENTITLEMENTS: Final = "entitlements"
_BUNDLES: Final = "bundles"
_FORM: Final = 1
#: Files of one sort.
_FILES_MAX: Final = 10_000
_DIGEST_CHARS: Final = 32


class _Provisioned(msgspec.Struct):
    form: int
    counts: list[Provisioned]


class KeptEntitlement(msgspec.Struct, frozen=True):
    """An entitlement file that is kept: under which name, what it says, and its signature."""

    name: str
    entitlement: Entitlement
    signature: str


def kept_provisioned(directory: Path) -> tuple[Provisioned, ...]:
    """All provisioned counts, in order.

    Raises:
        InputError: The list is damaged, or of a newer release.
    """
    path = directory / _PROVISIONED
    try:
        whole = msgspec.json.decode(path.read_bytes(), type=_Provisioned)
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError("The list of provisioned counts cannot be read.", file=str(path), found=str(error)) from None
    if whole.form > _FORM:
        raise InputError(
            "The list was written by a newer seatkeeper.", file=str(path), found=f"form {whole.form}", expected=f"form {_FORM}"
        )
    return tuple(sorted(whole.counts))


def change_provisioned(directory: Path, change: Callable[[tuple[Provisioned, ...]], tuple[Provisioned, ...]]) -> tuple[Provisioned, ...]:
    """Lets the list be what `change` makes of it; nobody else changes it meanwhile.

    Raises:
        InputError: By `change`; nothing has changed.
        SeatkeeperError: It cannot be written.
    """
    with _written(directory):
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / _PROVISIONED
        with alone(path):
            rows = change(kept_provisioned(directory))
            replace_file(path, msgspec.json.format(msgspec.json.encode(_Provisioned(_FORM, list(rows))), indent=1), PUBLIC)
    return rows


@contextmanager
def _written(directory: Path) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise SeatkeeperError(f"Another program is changing {directory} all the time.", "Try again when it has ended.") from None
    except OSError as error:
        raise SeatkeeperError(f"{directory} cannot be written: {error.strerror or error}.", "Nothing has changed there.") from error


def _files(directory: Path) -> list[tuple[str, bytes]]:
    if not directory.is_dir():
        return []
    paths = sorted(directory.glob("*.xml"))
    if len(paths) > _FILES_MAX:
        raise InputError("These are too many files.", file=str(directory), found=str(len(paths)), expected=f"at most {_FILES_MAX}")
    return [(str(path), read_bytes(path)) for path in paths]


def kept_files(directory: Path) -> dict[str, bytes]:
    """The files themselves: the list of provisioned counts as `provisioned.json`, the others numbered below `entitlements` and `bundles`.

    In another directory, under these names, they say the same.

    Raises:
        InputError: One cannot be read.
    """
    try:
        found = {_PROVISIONED: (directory / _PROVISIONED).read_bytes()}
    except FileNotFoundError:
        found = {}
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(directory / _PROVISIONED)) from None
    for sort in (_ENTITLEMENTS, _BUNDLES):
        found |= {f"{sort}/{number:05}.xml": data for number, (_, data) in enumerate(_files(directory / sort))}
    return found


def _keep(directory: Path, data: bytes) -> str:
    """The name of the file that has these bytes from now on."""
    name = f"{sha256(data).hexdigest()[:_DIGEST_CHARS]}.xml"
    with _written(directory):
        directory.mkdir(parents=True, exist_ok=True)
        replace_file(directory / name, data, PUBLIC)
    return name


def kept_entitlements(directory: Path) -> list[KeptEntitlement]:
    """All entitlement files that are kept.

    Raises:
        InputError: One is damaged.
    """
    return [KeptEntitlement(name, *parse_entitlement(data, name)) for name, data in _files(directory / _ENTITLEMENTS)]


def keep_entitlement(directory: Path, path: Path) -> str:
    """Keeps a copy of an entitlement file; its name there.

    Raises:
        InputError: It is none.
    """
    data = read_bytes(path)
    parse_entitlement(data, str(path))
    return _keep(directory / _ENTITLEMENTS, data)


def kept_bundles(directory: Path) -> list[BundleSet]:
    """All sets of bundles that are kept.

    Raises:
        InputError: One is damaged.
    """
    return [parse_bundles(data, name) for name, data in _files(directory / _BUNDLES)]


def keep_bundles(directory: Path, path: Path, check: Callable[[BundleSet, list[BundleSet]], None]) -> BundleSet:
    """Keeps a copy of a file of bundles, where `check` finds nothing wrong with it beside the others; what it says.

    Raises:
        InputError: It is none, or by `check`.
    """
    data = read_bytes(path)
    new = parse_bundles(data, str(path))
    place = directory / _BUNDLES
    with _written(place):
        place.mkdir(parents=True, exist_ok=True)
        with alone(place):
            # The same file again is no other set with its number.
            check(new, [one for one in kept_bundles(directory) if one != new])
            _keep(place, data)
    return new
