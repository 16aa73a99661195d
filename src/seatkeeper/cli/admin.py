"""`seatkeeper admin`: who administers a license server from other machines, and by what token or certificate he is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from seatkeeper.adapters.admins import Administrator

__all__ = ["app", "main"]

app = typer.Typer(
    name="admin",
    help="The file of administrators that `lmgrd --admins FILE` reads: people and programs that administer from other machines. It takes "
    "effect as soon as it is written.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_CERTIFICATE_BYTES_MAX: Final = 32768
_DIGEST_SHOWN: Final = 16

File = Annotated[Path, typer.Option("--admins", metavar="FILE", help="The file of administrators.", show_default=False)]
Name = Annotated[str, typer.Argument(metavar="NAME", help="In whose name the journal has what is done.", show_default=False)]


@app.command()
def add(
    name: Name,
    file: File,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="What he may do: see docs/security.md.", show_default=False)],
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="His client certificate (PEM), by which he is known instead of a token."),
    ] = None,
) -> None:
    """Add somebody; his access token is printed this once, and kept nowhere."""
    from seatkeeper.adapters.admins import Administrator, new_token, token_digest, write_admins
    from seatkeeper.adapters.textfiles import changing
    from seatkeeper.base.errors import InputError
    from seatkeeper.base.roles import ROLES

    offered = [each for each in ROLES if each != "anonymous"]
    found = next((each for each in offered if each == role), None)
    if found is None:
        raise InputError("There is no such role.", file="--role", found=role, expected=", ".join(offered))
    token = "" if certificate is not None else new_token()
    text = "" if certificate is None else _read_certificate(certificate)
    entry = _checked(Administrator, name, found, token_digest(token) if token else "", text)
    with changing(file):
        entries = _entries(file) if file.exists() else ()
        if any(one.name == name for one in entries):
            raise InputError("There is an entry of this name already.", file=str(file), found=name, remedy="Remove it first.")
        write_admins(file, [*entries, entry])
    print(f"{name} is {_article(role)} {role} now.", file=sys.stderr)
    if token:
        print(
            "The access token is shown this once: keep it in a file of mode 0600, and name that in SEATKEEPER_TOKEN_FILE.", file=sys.stderr
        )
        print(token)


@app.command("list")
def show(file: File, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List who may administer; no secret is in the file."""
    from seatkeeper.adapters.tls import digest_of

    rows = [
        {
            "name": entry.name,
            "role": entry.role,
            "token_sha256": entry.token_sha256,
            "certificate_sha256": digest_of(entry.certificate) if entry.certificate else "",
        }
        for entry in _entries(file)
    ]
    if json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    if not rows:
        print(f"Nobody is in {file}: `seatkeeper admin add` takes somebody in.", file=sys.stderr)
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        known = "token" if row["token_sha256"] else "certificate"
        digest = row["token_sha256"] or row["certificate_sha256"]
        print(f"{row['name']:<{width}}  {row['role']:<13}  {known} {digest[:_DIGEST_SHOWN]}")


@app.command()
def remove(name: Name, file: File) -> None:
    """Take somebody out; what he is doing at this moment is still done."""
    from seatkeeper.adapters.admins import write_admins
    from seatkeeper.adapters.textfiles import changing
    from seatkeeper.base.errors import InputError

    with changing(file):
        entries = _entries(file)
        rest = [entry for entry in entries if entry.name != name]
        if len(rest) == len(entries):
            expected = ", ".join(entry.name for entry in entries) or "no entry at all"
            raise InputError("There is no entry of this name.", file=str(file), found=name, expected=expected)
        write_admins(file, rest)
    print(f"{name} is taken out.", file=sys.stderr)


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    from seatkeeper.base.errors import SeatkeeperError

    try:
        app(args=argv, prog_name="seatkeeper admin")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except SeatkeeperError as error:
        print(f"seatkeeper admin: {error}", file=sys.stderr)
        return 1
    return 0


def _entries(file: Path) -> tuple[Administrator, ...]:
    from seatkeeper.adapters.admins import read_admins

    return read_admins(file)


def _read_certificate(path: Path) -> str:
    """The first certificate of a PEM file; a private key beside it is not taken along."""
    from seatkeeper.adapters.tls import digest_of
    from seatkeeper.base.errors import InputError

    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    try:
        with path.open("rb") as file:
            text = file.read(_CERTIFICATE_BYTES_MAX).decode("ascii")
        certificate = text[text.index(begin) : text.index(end) + len(end)]
        digest_of(certificate)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    except ValueError:
        raise InputError("There is no certificate in this file.", file=str(path), expected=f"PEM that begins with {begin}") from None
    return certificate


def _checked(make: type[Administrator], name: str, role: str, token: str, certificate: str) -> Administrator:
    import msgspec

    from seatkeeper.base.errors import InputError

    try:
        return msgspec.convert({"name": name, "role": role, "token_sha256": token, "certificate": certificate}, make)
    except msgspec.ValidationError:
        expected = "up to 64 letters, digits and any of _ . @ -"
        raise InputError("This cannot be a name.", file="NAME", found=name, expected=expected) from None


def _article(role: str) -> str:
    return "an" if role[0] in "aeiou" else "a"
