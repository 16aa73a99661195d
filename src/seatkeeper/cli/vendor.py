"""`seatkeeper vendor`: a vendor makes keys, tells what they are, replaces and revokes them, and nobody is ever asked anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.licfile.trust import Issuer, Trust

__all__ = ["app", "main", "read_passphrase"]

app = typer.Typer(
    name="vendor",
    help="The keys of a vendor: an offline root, issuer keys, the vendor daemon's key, and the trust file that ties them together.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_PASSPHRASE_BYTES_MAX: Final = 4096

Keys = Annotated[Path, typer.Option("--keys", metavar="DIR", help="The directory that holds the keys.", show_default=False)]
Passphrase = Annotated[
    Path | None, typer.Option("--passphrase-file", metavar="FILE", help="The passphrase of the private keys: the first line of FILE.")
]


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The vendor daemon's name, such as genesys.d.", show_default=False)],
    keys: Keys,
    passphrase_file: Passphrase = None,
    version_rule: Annotated[
        str,
        typer.Option(
            help="How a license's version meets a request's: flexnet (at or above) or release8 (for requests of major version 8, only "
            "licenses of major version 8).",
            show_default="release8 for genesys.d, flexnet for others",
        ),
    ] = "",
    seats_max: Annotated[int, typer.Option(min=1, help="How many seats of one feature a client may hold.")] = 9999,
    simulation: Annotated[
        bool, typer.Option("--simulation", help="Keys for simulations only: a license server may run on a simulated clock under them.")
    ] = False,
) -> None:
    """Make the keys and the trust file of a new vendor."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.keys import init_vendor
    from seatkeeper.base.errors import InputError

    if version_rule not in ("", "flexnet", "release8"):
        raise InputError("There is no such rule.", file="--version-rule", found=version_rule, expected="flexnet or release8")
    rule: Any = version_rule or None
    secret = read_passphrase(passphrase_file)
    trust = init_vendor(keys, name, passphrase=secret, today=clock.today(), version_rule=rule, seats_max=seats_max, simulation=simulation)
    issuer = trust.issuers[-1]
    print(f"Keys of vendor {trust.vendor}, in {keys}:")
    for file, use in (
        ("root.key", "signs trust files: keep it offline, and a copy of it in another place"),
        ("root.pub", "the root public key, which applications pin"),
        (f"issuer-{issuer.id}.key", f"signs license lines until {_day(issuer.not_after)}: needed by `seatkeeper issue`"),
        ("daemon.key", "certifies license servers: needed by `seatkeeper issue`"),
        (f"{trust.vendor}.trust", "goes with every license file: not secret"),
    ):
        print(f"  {file:<27} {use}")
    if secret is None:
        print("The private keys have no passphrase (--passphrase-file gives them one); only their owner may read them.")
    if simulation:
        print("They are for simulations only: throw them away afterwards, and never issue real licenses with them.")
    print(f"Root public key to pin: {trust.root}")


@app.command()
def show(keys: Keys, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the keys of a vendor, and which of them are good today."""
    import msgspec

    from seatkeeper.adapters import clock
    from seatkeeper.adapters.keys import load_trust

    path, trust = load_trust(keys)
    today = clock.today()
    if json:
        shown = {"trust_file": str(path), **msgspec.to_builtins(trust)}
        for issuer, entry in zip(trust.issuers, shown["issuers"], strict=True):
            entry["status"] = _status(issuer, today)
            entry["private_key"] = (keys / f"issuer-{issuer.id}.key").exists()
        print(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
        return
    print(f"Vendor           {trust.vendor}")
    print(f"Trust file       {path}, serial {trust.serial}, signed on {_day(trust.signed_on)}")
    print(f"Root public key  {trust.root}")
    print(f"Root key         {'here (keep it offline)' if (keys / 'root.key').exists() else 'not here'}")
    print(f"Daemon key       {'here' if (keys / 'daemon.key').exists() else 'not here'}")
    print(f"Version rule     {trust.version_rule}")
    print(f"Seats a client   at most {trust.seats_max} of one feature")
    print("Issuers          key id            from         to           private key  status")
    for issuer in trust.issuers:
        held = "here" if (keys / f"issuer-{issuer.id}.key").exists() else "not here"
        print(f"{'':<17}{issuer.id}  {_day(issuer.not_before)}  {_day(issuer.not_after)}  {held:<11}  {_status(issuer, today)}")


@app.command()
def rotate(
    keys: Keys,
    passphrase_file: Passphrase = None,
    daemon: Annotated[bool, typer.Option("--daemon", help="Replace the vendor daemon's key in place of the issuer's.")] = False,
) -> None:
    """Replace the issuer key by a new one; files that the old one signed stay good."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters import keys as store

    trust = store.rotate(keys, passphrase=read_passphrase(passphrase_file), today=clock.today(), daemon=daemon)
    if daemon:
        print(f"daemon.key is new. Each license server needs a new credential: `seatkeeper vendor credential HOSTID --keys {keys} -o DIR`.")
    else:
        issuer = trust.issuers[-1]
        print(f"issuer-{issuer.id}.key is new and signs license lines until {_day(issuer.not_after)}. What older keys signed stays good.")
    _say_sent(trust, keys)


@app.command()
def revoke(
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="The key id, as `seatkeeper vendor show` prints it.", show_default=False)],
    keys: Keys,
    on: Annotated[
        str, typer.Option(metavar="DD-MMM-YYYY", help="The first day on which its signature counts no more.", show_default="today")
    ] = "",
    reason: Annotated[str, typer.Option(help="Shown wherever a line is refused for it.")] = "",
    passphrase_file: Passphrase = None,
) -> None:
    """Refuse what an issuer key signs; lines issued before that day stay good."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters import keys as store

    today = clock.today()
    day = _parse_day(on) if on else today
    trust = store.revoke(keys, issuer, on=day, reason=reason, passphrase=read_passphrase(passphrase_file), today=today)
    print(f"The issuer is revoked: lines that it signed for {_day(day)} or a later day are refused.")
    _say_sent(trust, keys)
    if all(each.objection(today) for each in trust.issuers):
        print(f"No issuer key is left that may sign today: make one with `seatkeeper vendor rotate --keys {keys}`.")


@app.command()
def credential(
    hostid: Annotated[
        list[str], typer.Argument(metavar="HOSTID...", help="The host id on a SERVER line, as it is written there.", show_default=False)
    ],
    keys: Keys,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the license file lies.", show_default=False)],
    passphrase_file: Passphrase = None,
) -> None:
    """Make a license server's credential anew, where it was lost or the daemon's key was replaced."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.keys import issue_credential

    secret = read_passphrase(passphrase_file)
    for each in hostid:
        path = issue_credential(keys, each, output, passphrase=secret, today=clock.today())
        print(f"{path} makes the server with host id {each} a license server; only its owner may read it.")


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    from seatkeeper.base.errors import SeatkeeperError

    try:
        app(args=argv, prog_name="seatkeeper vendor")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except SeatkeeperError as error:
        print(f"seatkeeper vendor: {error}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    return 0


def read_passphrase(path: Path | None) -> bytes | None:
    """The first line of the file that --passphrase-file names; None where none is named.

    Raises:
        InputError: It cannot be read, or holds no passphrase.
    """
    from seatkeeper.base.errors import InputError

    if path is None:
        return None
    try:
        with path.open("rb") as file:
            first = file.readline(_PASSPHRASE_BYTES_MAX + 1).rstrip(b"\r\n")
    except OSError as error:
        raise InputError(f"The file {path} cannot be read: {error.strerror}.", file="--passphrase-file") from None
    if not 0 < len(first) <= _PASSPHRASE_BYTES_MAX:
        expected = f"a passphrase of 1 to {_PASSPHRASE_BYTES_MAX} bytes on its first line"
        raise InputError(f"The file {path} holds no passphrase.", file="--passphrase-file", expected=expected)
    return first


def _parse_day(text: str) -> date:
    from seatkeeper.base.dates import NEVER, parse_date
    from seatkeeper.base.errors import InputError

    expected = "a day as 03-mar-2026"
    try:
        day = parse_date(text)
    except ValueError as error:
        raise InputError("This is not a day.", file="--on", found=text, expected=str(error)) from None
    if day == NEVER:
        raise InputError("This is not a day.", file="--on", found=text, expected=expected)
    return day


def _say_sent(trust: Trust, keys: Path) -> None:
    path = keys / f"{trust.vendor}.trust"
    print(f"{path} has serial {trust.serial} now: put it beside the license file of every license server.")


def _status(issuer: Issuer, today: date) -> str:
    objection = issuer.objection(today)
    return objection.removeprefix("was ").removeprefix("is ") or "signs"


def _day(day: date) -> str:
    from seatkeeper.base.dates import format_date

    return format_date(day)
