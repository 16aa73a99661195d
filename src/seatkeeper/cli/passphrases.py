"""Every command that opens the vendor's keys asks for passphrases in the same two ways: --passphrase-file and --passphrase."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.adapters.keyplaces import KeyKind, Passphrase

__all__ = ["FileOption", "SourceOption", "read_passphrases", "split_source"]

FileOption = Annotated[
    Path | None, typer.Option("--passphrase-file", metavar="FILE", help="The passphrase of the private keys: the first line of FILE.")
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--passphrase",
        metavar="[KIND=]SOURCE",
        help="Where to read it: file:PATH, fd:N or prompt; for one kind of key (root, issuer, daemon) or for all. May be repeated.",
    ),
]


def read_passphrases(
    file: Path | None,
    sources: Sequence[str] | None,
    *,
    new: Sequence[KeyKind] = (),
    kinds: Sequence[KeyKind] = ("root", "issuer", "daemon"),
    name: str = "--passphrase",
) -> Passphrase:
    """The passphrases that the two options give; None where neither is given.

    Args:
        file: What --passphrase-file names: one for all kinds.
        sources: What --passphrase names, each for a kind or for all.
        new: The kinds of keys that are made now; a passphrase only for those is asked twice on the terminal.
        kinds: The kinds of keys that the command may open or make: nobody is asked for the passphrase of another.
        name: The second option, for messages.

    Raises:
        InputError: One cannot be read, or a kind has two.
    """
    from seatkeeper.adapters.keyplaces import Passphrases
    from seatkeeper.adapters.secretsource import read_secret
    from seatkeeper.base.errors import InputError

    given = [split_source(source, name=name) for source in sources or ()]
    if file is not None:
        if any(kind is None for kind, _ in given):
            raise InputError("There are two passphrases for all keys.", file="--passphrase-file", remedy=f"Give it or {name}.")
        given.insert(0, (None, f"file:{file}"))
    if not given:
        return None
    found: dict[str, bytes] = {}
    for wanted, source in given:
        if wanted in found or (wanted is None and "" in found):
            raise InputError(f"There are two passphrases for {f'{wanted} keys' if wanted else 'all keys'}.", file=name)
        if wanted is not None and wanted not in kinds:
            continue
        option = "--passphrase-file" if file is not None and wanted is None else name
        what = f"the {wanted} key" if wanted else "the private keys"
        fresh = all(kind in new for kind in ((wanted,) if wanted else kinds))
        found[wanted or ""] = read_secret(source, what, name=option, new=fresh)
    every = found.get("")
    return Passphrases(**{kind: found.get(kind, every) for kind in ("root", "issuer", "daemon")})


def split_source(text: str, *, name: str) -> tuple[KeyKind | None, str]:
    """The kind of key, or None for all, and the source that `[KIND=]SOURCE` says.

    Raises:
        InputError: It says neither.
    """
    from seatkeeper.adapters.keyplaces import KINDS
    from seatkeeper.adapters.secretsource import check_source
    from seatkeeper.base.errors import InputError

    before, equals, after = text.partition("=")
    kind = next((kind for kind in KINDS if kind == before), None)
    if equals and kind is None and ":" not in before:
        raise InputError("There is no such kind of key.", file=name, expected="root=, issuer= or daemon= before the source, or nothing")
    source = after if kind is not None else text
    check_source(source, name=name)
    return kind, source
