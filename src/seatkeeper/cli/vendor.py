"""`seatkeeper vendor`: a vendor makes keys, tells what they are, replaces and revokes them; nobody is asked but who wants to be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatkeeper.cli import vendor_acts
from seatkeeper.cli.passphrases import FileOption, SourceOption

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.adapters.keyplaces import KeyKind
    from seatkeeper.licfile.trust import Issuer, Trust

__all__ = ["app", "main"]

app = typer.Typer(
    name="vendor",
    help="The keys of a vendor: an offline root, issuer keys, the vendor daemon's key, and the trust file that ties them together.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Keys = Annotated[Path, typer.Option("--keys", metavar="DIR", help="The directory that holds the keys.", show_default=False)]
Root = Annotated[
    str | None,
    typer.Option(
        "--root", metavar="WHERE", help="Where the root key is: a directory, its file, or a token (pkcs11:...).", show_default="DIR"
    ),
]
Days = Annotated[int, typer.Option("--days", metavar="N", help="For how many days the new issuer key may sign.")]
From = Annotated[
    str, typer.Option("--from", metavar="DD-MMM-YYYY", help="The first day on which the new issuer key may sign.", show_default="today")
]


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The vendor daemon's name, such as genesys.d.", show_default=False)],
    keys: Keys,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
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
    root: Root = None,
    issuer: Annotated[str, typer.Option("--issuer", metavar="TOKEN", help="Make the issuer key in a token (pkcs11:...).")] = "",
    daemon: Annotated[str, typer.Option("--daemon", metavar="TOKEN", help="Make the vendor daemon's key in a token (pkcs11:...).")] = "",
    days: Days = 730,
    start: From = "",
) -> None:
    """Make the keys and the trust file of a new vendor."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.keys import init_vendor
    from seatkeeper.base.errors import InputError
    from seatkeeper.cli.passphrases import read_passphrases

    if version_rule not in ("", "flexnet", "release8"):
        raise InputError("There is no such rule.", file="--version-rule", found=version_rule, expected="flexnet or release8")
    rule: Any = version_rule or None
    today = clock.today()
    first = _parse_day(start, "--from") if start else today
    tokens: dict[KeyKind, str] = {}
    if issuer:
        tokens["issuer"] = issuer
    if daemon:
        tokens["daemon"] = daemon
    secret = read_passphrases(passphrase_file, passphrase, new=("root", "issuer", "daemon"))
    trust = init_vendor(
        keys,
        name,
        passphrase=secret,
        today=today,
        version_rule=rule,
        seats_max=seats_max,
        simulation=simulation,
        days=days,
        start=first,
        root=root,
        tokens=tokens,
    )
    made = trust.issuers[-1]
    print(f"Keys of vendor {trust.vendor}, in {keys}:")
    since = f"from {_day(made.not_before)} " if first != today else ""
    # What is in a token cannot be taken out of it.
    held = _name(keys, "root", root).endswith(".token")
    keep = "the key is in the token, of which there is no copy" if held else "keep it offline, and a copy of it in another place"
    for file, use in (
        (_name(keys, "root", root), f"signs trust files: {keep}"),
        ("root.pub", "the root public key, which applications pin"),
        (_name(keys, f"issuer-{made.id}"), f"signs license lines {since}until {_day(made.not_after)}: needed by `seatkeeper issue`"),
        (_name(keys, "daemon"), "certifies license servers: needed by `seatkeeper issue`"),
        (f"{trust.vendor}.trust", "goes with every license file: not secret"),
    ):
        print(f"  {file:<27} {use}")
    if secret is None and any(keys.glob("*.key")):
        print("The private keys in files have no passphrase (--passphrase-file gives them one); only their owner may read them.")
    if simulation:
        print("They are for simulations only: throw them away afterwards, and never issue real licenses with them.")
    print(f"Root public key to pin: {trust.root}")


@app.command()
def show(keys: Keys, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the keys of a vendor, which of them are good today, and which end soon."""
    import msgspec
    from cryptography import x509

    from seatkeeper.adapters import clock
    from seatkeeper.adapters.keyplaces import find_key
    from seatkeeper.adapters.keys import load_trust
    from seatkeeper.licfile.trust import ending_sentence

    path, trust = load_trust(keys)
    today = clock.today()
    warning = ending_sentence(trust, today)
    daemon_end = x509.load_pem_x509_certificate(trust.daemon_certificate.encode()).not_valid_after_utc.date()
    if json:
        shown = {"trust_file": str(path), **msgspec.to_builtins(trust)}
        for issuer, entry in zip(trust.issuers, shown["issuers"], strict=True):
            entry["status"] = _status(issuer, today)
            place = find_key(keys, f"issuer-{issuer.id}")
            entry["private_key"] = place is not None
            entry["in_token"] = place is not None and place.suffix == ".token"
        shown["daemon_key_ends"] = daemon_end
        shown["warning"] = warning or None
        print(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
        return
    print(f"Vendor           {trust.vendor}")
    print(f"Trust file       {path}, serial {trust.serial}, signed on {_day(trust.signed_on)}")
    print(f"Root public key  {trust.root}")
    print(f"Root key         {_held(keys, 'root', 'here (keep it offline)')}")
    print(f"Daemon key       {_held(keys, 'daemon')}, certified until {_day(daemon_end)}")
    print(f"Version rule     {trust.version_rule}")
    print(f"Seats a client   at most {trust.seats_max} of one feature")
    print("Issuers          key id            from         to           private key  status")
    for issuer in trust.issuers:
        held = _held(keys, f"issuer-{issuer.id}")
        print(f"{'':<17}{issuer.id}  {_day(issuer.not_before)}  {_day(issuer.not_after)}  {held:<11}  {_status(issuer, today)}")
    if warning:
        print(f"{warning} Prepare the next one with `seatkeeper vendor rotate --keys {keys} --from DAY --overlap DAYS`.")


@app.command()
def rotate(
    keys: Keys,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    daemon: Annotated[bool, typer.Option("--daemon", help="Replace the vendor daemon's key in place of the issuer's.")] = False,
    root: Root = None,
    days: Days = 730,
    start: From = "",
    overlap: Annotated[
        int, typer.Option(min=0, metavar="DAYS", help="For how many days after the new issuer key's first one the old one may sign.")
    ] = 0,
    token: Annotated[str, typer.Option("--token", metavar="TOKEN", help="Make the new key in a token (pkcs11:...).")] = "",
) -> None:
    """Replace the issuer key by a new one; files that the old one signed stay good."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters import keys as store
    from seatkeeper.cli.passphrases import read_passphrases

    today = clock.today()
    made: KeyKind = "daemon" if daemon else "issuer"
    trust = store.rotate(
        keys,
        passphrase=read_passphrases(passphrase_file, passphrase, kinds=("root", made), new=(made,)),
        today=today,
        daemon=daemon,
        root=root,
        days=days,
        start=_parse_day(start, "--from") if start else None,
        overlap=overlap,
        token=token,
    )
    if daemon:
        print(f"{_name(keys, 'daemon')} is new.", end=" ")
        print(f"Each license server needs a new credential: `seatkeeper vendor credential HOSTID --keys {keys} -o DIR`.")
    else:
        issuer = trust.issuers[-1]
        name = _name(keys, f"issuer-{issuer.id}")
        since = f"from {_day(issuer.not_before)} " if issuer.not_before > today else ""
        print(f"{name} is new and signs license lines {since}until {_day(issuer.not_after)}. What older keys signed stays good.")
        for older in trust.issuers[:-1]:
            if not older.objection(today):
                print(f"The issuer {older.id} may sign until {_day(older.last_day)}.")
    _say_sent(trust, keys)


@app.command()
def revoke(
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="The key id, as `seatkeeper vendor show` prints it.", show_default=False)],
    keys: Keys,
    on: Annotated[
        str, typer.Option(metavar="DD-MMM-YYYY", help="The first day on which its signature counts no more.", show_default="today")
    ] = "",
    reason: Annotated[str, typer.Option(help="Shown wherever a line is refused for it.")] = "",
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    root: Root = None,
) -> None:
    """Refuse what an issuer key signs; lines issued before that day stay good."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters import keys as store
    from seatkeeper.cli.passphrases import read_passphrases

    today = clock.today()
    day = _parse_day(on, "--on") if on else today
    secret = read_passphrases(passphrase_file, passphrase, kinds=("root",))
    trust = store.revoke(keys, issuer, on=day, reason=reason, passphrase=secret, today=today, root=root)
    print(f"The issuer is revoked: lines that it signed for {_day(day)} or a later day are refused.")
    _say_sent(trust, keys)
    revoked = "".join(issuer.split()).upper()
    print(f"Which files need to be issued anew: `seatkeeper vendor affected {revoked} --since {_day(day)} --keys {keys}`.")
    if all(each.objection(today) for each in trust.issuers):
        print(f"No issuer key is left that may sign today: make one with `seatkeeper vendor rotate --keys {keys}`.")


@app.command()
def credential(
    hostid: Annotated[
        list[str], typer.Argument(metavar="HOSTID...", help="The host id on a SERVER line, as it is written there.", show_default=False)
    ],
    keys: Keys,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the license file lies.", show_default=False)],
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
) -> None:
    """Make a license server's credential anew, where it was lost or the daemon's key was replaced."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.keys import issue_credential
    from seatkeeper.cli.passphrases import read_passphrases

    secret = read_passphrases(passphrase_file, passphrase, kinds=("daemon",))
    for each in hostid:
        path = issue_credential(keys, each, output, passphrase=secret, today=clock.today())
        print(f"{path} makes the server with host id {each} a license server; only its owner may read it.")


@app.command("passphrase")
def change_passphrase(
    keys: Keys,
    kind: Annotated[
        list[str] | None, typer.Argument(metavar="[KIND]...", help="root, issuer or daemon.", show_default="all that lie in DIR")
    ] = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    new: Annotated[
        list[str] | None,
        typer.Option("--new", metavar="[KIND=]SOURCE", help="Where to read the new passphrase, as --passphrase. May be repeated."),
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Leave the keys without a passphrase.")] = False,
    root: Root = None,
) -> None:
    """Change the passphrase of private keys; with a wrong old one nothing is changed."""
    from seatkeeper.adapters import keys as store
    from seatkeeper.adapters.keyplaces import KINDS, passphrase_for
    from seatkeeper.base.errors import InputError
    from seatkeeper.cli.passphrases import read_passphrases

    if bool(new) == none:
        raise InputError("Say what the new passphrase is.", file="--new", expected="--new prompt, --new file:PATH, or --none")
    strange = [each for each in kind or () if each not in KINDS]
    if strange:
        raise InputError("There is no such kind of key.", file="KIND", found=strange[0], expected="root, issuer or daemon")
    kinds = tuple(each for each in KINDS if not kind or each in kind)
    old = read_passphrases(passphrase_file, passphrase, kinds=kinds)
    fresh = read_passphrases(None, new, new=kinds, kinds=kinds, name="--new")
    if not none and (missing := [each for each in kinds if passphrase_for(fresh, each) is None]):
        remedy = "Name the kinds that are to change, or give --new for the others."
        raise InputError(f"There is no new passphrase for the {missing[0]} key.", file="--new", remedy=remedy)
    for path in store.change_passphrase(keys, kinds, old=old, new=fresh, root=root):
        print(f"{path} {'has no passphrase any more' if none else 'opens with the new passphrase only'}.")


app.command("affected")(vendor_acts.affected)
app.command("ceremony")(vendor_acts.ceremony)


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


def _parse_day(text: str, option: str) -> date:
    from seatkeeper.base.dates import NEVER, parse_date
    from seatkeeper.base.errors import InputError

    expected = "a day as 03-mar-2026"
    try:
        day = parse_date(text)
    except ValueError as error:
        raise InputError("This is not a day.", file=option, found=text, expected=str(error)) from None
    if day == NEVER:
        raise InputError("This is not a day.", file=option, found=text, expected=expected)
    return day


def _say_sent(trust: Trust, keys: Path) -> None:
    path = keys / f"{trust.vendor}.trust"
    print(f"{path} has serial {trust.serial} now: put it beside the license file of every license server.")


def _name(keys: Path, name: str, where: str | None = None) -> str:
    """What the file of a key is called, which may be elsewhere."""
    from seatkeeper.adapters.keyplaces import find_key

    path = find_key(keys, name)
    if path is not None:
        return path.name
    return str(Path(where) / f"{name}.key") if where and Path(where).is_dir() else where or f"{name}.key"


def _held(keys: Path, name: str, here: str = "here") -> str:
    from seatkeeper.adapters.keyplaces import find_key

    path = find_key(keys, name)
    return "not here" if path is None else "in a token" if path.suffix == ".token" else here


def _status(issuer: Issuer, today: date) -> str:
    objection = issuer.objection(today)
    return objection.removeprefix("was ").removeprefix("is ") or "signs"


def _day(day: date) -> str:
    from seatkeeper.base.dates import format_date

    return format_date(day)
