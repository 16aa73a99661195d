"""A passphrase or PIN comes from a file, an open file descriptor or a terminal that shows nothing, and from nowhere else.

    file:PATH   the first line of the file
    fd:N        the first line of what the program inherited as file descriptor N (`3<secret` in a shell)
    prompt      asked on the terminal, twice where the secret is new

Never from the command line or the environment, which other users and child processes can read. What was read appears in no message.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from seatkeeper.base.errors import InputError

__all__ = ["SECRET_BYTES_MAX", "SECRET_SOURCES", "check_source", "read_secret"]

SECRET_BYTES_MAX: Final = 4096
#: What may be given, for messages.
SECRET_SOURCES: Final = "file:PATH, fd:N (a file descriptor) or prompt"
_FIRST_OWN: Final = 3


def check_source(source: str, *, name: str) -> None:
    """Return only if `source` is written as a source must be.

    Raises:
        InputError: It is not; `name` is the option or key that gave it. What was given is not repeated: it might be the secret itself.
    """
    kind, _, rest = source.partition(":")
    good = source == "prompt" or (kind == "file" and rest != "") or (kind == "fd" and rest.isascii() and rest.isdigit() and len(rest) <= 4)
    if not good:
        remedy = "Write the secret into a file that only you can read, or let it be asked."
        raise InputError("This is not where a secret can be read.", file=name, expected=SECRET_SOURCES, remedy=remedy)


def read_secret(source: str, what: str, *, name: str, new: bool = False, word: str = "passphrase") -> bytes:
    """The secret that `source` gives.

    Args:
        source: One of the three forms.
        what: What it opens, for the question and for messages: "the root key".
        name: The option or key that gave the source.
        new: Ask twice, where it is asked.
        word: What it is: a passphrase or a PIN.

    Raises:
        InputError: It cannot be read, is empty or too long, or was not typed the same twice.
    """
    check_source(source, name=name)
    kind, _, rest = source.partition(":")
    if kind == "prompt":
        return _ask(f"{word} of {what}", name, new=new)
    place = f"The file {rest}" if kind == "file" else f"The file descriptor {rest}"
    try:
        if kind == "file":
            with Path(rest).open("rb") as file:
                first = file.readline(SECRET_BYTES_MAX + 2)
        else:
            first = _line_of(int(rest))
    except OSError as error:
        raise InputError(f"{place} cannot be read: {error.strerror}.", file=name) from None
    first = first.rstrip(b"\r\n")
    if not 0 < len(first) <= SECRET_BYTES_MAX:
        expected = f"a {word} of 1 to {SECRET_BYTES_MAX} bytes on its first line"
        raise InputError(f"{place} holds no {word}.", file=name, expected=expected)
    return first


def _line_of(descriptor: int) -> bytes:
    """The next line of the descriptor, and no byte more: several secrets may follow each other there."""
    if 0 < descriptor < _FIRST_OWN:
        raise OSError(0, "it is where the program writes")
    line = bytearray()
    while len(line) < SECRET_BYTES_MAX + 2 and (char := os.read(descriptor, 1)):
        line += char
        if char == b"\n":
            break
    return bytes(line)


def _ask(what: str, name: str, *, new: bool) -> bytes:
    import getpass  # Nobody else needs it, and every application imports this module with its trust.
    import hmac

    try:
        # getpass would fall back to standard input with an echo; a secret is asked where it is hidden, or not at all.
        terminal = os.open("/dev/tty", os.O_RDWR) if os.name == "posix" else -1
    except OSError:
        remedy = f"Give it as {SECRET_SOURCES.removesuffix(' or prompt')}."
        raise InputError(f"There is no terminal on which to ask for the {what}.", file=name, remedy=remedy) from None
    if terminal >= 0:
        os.close(terminal)
    try:
        first = getpass.getpass(f"New {what}: " if new else f"{what[0].upper()}{what[1:]}: ").encode()
        if not 0 < len(first) <= SECRET_BYTES_MAX:
            raise InputError(f"Nothing was typed for the {what}.", file=name, expected=f"1 to {SECRET_BYTES_MAX} bytes")
        if new and not hmac.compare_digest(getpass.getpass("The same again: ").encode(), first):
            raise InputError(
                f"What was typed for the {what} was not the same twice.", file=name, remedy="Nothing was changed; begin again."
            )
    except EOFError:
        raise InputError(f"The terminal ended before the {what} was typed.", file=name) from None
    return first
