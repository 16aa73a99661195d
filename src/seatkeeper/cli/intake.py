"""`seatkeeper intake`: orders that arrive in a drop folder, as mails or files, are answered; a person approves what is issued."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seatkeeper.cli.deliver import CaOption, LoginOption, SmtpOption
from seatkeeper.cli.desk_common import OptionalRegistry, check_installed
from seatkeeper.cli.order import print_json, run
from seatkeeper.cli.passphrases import FileOption, SourceOption, read_passphrases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.adapters.keyplaces import Passphrase
    from seatkeeper.adapters.registry import Registry
    from seatkeeper.issue.intake import Desk, Handled
    from seatkeeper.issue.posting import Post

__all__ = ["app", "main"]

_NAME: Final = "seatkeeper intake"
#: Of the list of senders.
_ALLOWED_BYTES_MAX: Final = 1_000_000

app = typer.Typer(
    name="intake",
    help="Orders that arrive by mail or as files: check them, answer them, issue what a person approves.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Option("--folder", metavar="DIR", help="The drop folder: *.eml and *.toml.", show_default=False)]
Outbox = Annotated[Path, typer.Option("--outbox", metavar="DIR", help="Where answers appear, a directory each.", show_default=False)]
Keys = Annotated[Path, typer.Option("--keys", metavar="DIR", help="The directory of the vendor's keys.", show_default=False)]
Sender = Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Who answers.", show_default=False)]
Contact = Annotated[str | None, typer.Option("--contact", metavar="TEXT", help="Whom to ask.", show_default="the address of --from")]
Fonts = Annotated[Path | None, typer.Option("--fonts", metavar="DIR", help="Fonts for scripts that the embedded ones lack.")]
Directory = Annotated[Path | None, typer.Option("--catalog", metavar="DIR", help="A vendor's own catalog directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, a line for each request.")]


@app.command("run")
def take(
    folder: Folder,
    keys: Keys,
    outbox: Outbox,
    sender: Sender,
    contact: Contact = None,
    every: Annotated[float | None, typer.Option("--every", metavar="SECONDS", min=0.1, help="Look again and again.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end; this is what happens without --every.")] = False,
    auto: Annotated[
        Path | None,
        typer.Option("--auto", metavar="FILE", help="Issue good orders of the senders in FILE (an address a line) at once."),
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Let all good orders wait for approval; so it is without --auto.")] = False,
    smtp: SmtpOption = None,
    smtp_login: LoginOption = None,
    smtp_ca: CaOption = None,
    settle: Annotated[float, typer.Option("--settle", metavar="SECONDS", min=0, help="Leave files alone that changed so recently.")] = 3.0,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    fonts: Fonts = None,
    catalog: Directory = None,
    registry: OptionalRegistry = None,
    json: Json = False,
) -> None:
    """Take in what is in the folder (the word `run` may be left out)."""
    from seatkeeper.base.errors import InputError
    from seatkeeper.issue.intake import take_in

    if (once and every is not None) or (approve and auto is not None):
        raise InputError("Both cannot be meant.", file="--once and --every" if once and every is not None else "--approve and --auto")
    secret = read_passphrases(passphrase_file, passphrase, kinds=("issuer", "daemon"))
    with _registry(registry) as kept:
        post = _post(folder, outbox, keys, smtp, smtp_login, smtp_ca, catalog, kept)
        desk = _desk(folder, keys, outbox, sender, contact, secret, fonts, catalog, auto, settle, kept, posted=post is not None)
        while True:
            for done in take_in(desk):
                _say(done, as_json=json)
            sent = _send(post, as_json=json)
            if every is None:
                raise typer.Exit(0 if sent else 1)
            import time

            time.sleep(every)


@app.command("approve")
def approve_order(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The order's id as `seatkeeper intake list` shows it, or how it begins.")],
    folder: Folder,
    keys: Keys,
    outbox: Outbox,
    sender: Sender,
    contact: Contact = None,
    replaces: Annotated[
        str, typer.Option("--replaces", metavar="NUMBER", help="The order in the registry whose place it takes.", show_default=False)
    ] = "",
    smtp: SmtpOption = None,
    smtp_login: LoginOption = None,
    smtp_ca: CaOption = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    fonts: Fonts = None,
    catalog: Directory = None,
    registry: OptionalRegistry = None,
    json: Json = False,
) -> None:
    """Issue a checked order, and answer it."""
    from seatkeeper.issue.intake import approve

    secret = read_passphrases(passphrase_file, passphrase, kinds=("issuer", "daemon"))
    with _registry(registry) as kept:
        post = _post(folder, outbox, keys, smtp, smtp_login, smtp_ca, catalog, kept)
        desk = _desk(folder, keys, outbox, sender, contact, secret, fonts, catalog, None, 0.0, kept, posted=post is not None)
        _say(approve(desk, name, replaces=replaces), as_json=json)
        if not _send(post, as_json=json):
            raise typer.Exit(1)


@app.command("send")
def send_mail(
    folder: Folder,
    keys: Keys,
    outbox: Outbox,
    smtp: Annotated[str, typer.Option("--smtp", metavar="URL", help="The mail server, as for `seatkeeper deliver`.", show_default=False)],
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="An answer's name in the outbox, or how it begins.", show_default="all that wait"),
    ] = None,
    smtp_login: LoginOption = None,
    smtp_ca: CaOption = None,
    catalog: Directory = None,
    registry: OptionalRegistry = None,
    json: Json = False,
) -> None:
    """Send the answers that wait in the outbox; or one, whatever became of it before, but none twice that was sent."""
    from seatkeeper.issue.posting import send_answer

    with _registry(registry) as kept:
        post = _post(folder, outbox, keys, smtp, smtp_login, smtp_ca, catalog, kept)
        if name is None or post is None:
            sent = _send(post, as_json=json)
        else:
            done = send_answer(post, name)
            _say(done, as_json=json)
            sent = done.what == "sent"
    if not sent:
        raise typer.Exit(1)


@app.command("list")
def list_orders(
    folder: Folder,
    outbox: Annotated[
        Path | None, typer.Option("--outbox", metavar="DIR", help="Where answers appear: those that were to be sent and were not.")
    ] = None,
    json: Json = False,
) -> None:
    """List the orders that wait for approval, and answers that did not go out."""
    from seatkeeper.issue.intake import waiting
    from seatkeeper.issue.posting import unsent

    rows = waiting(folder)
    mails = unsent(outbox) if outbox is not None else []
    if json:
        states = [{"id": id, "mail": state, "summary": why} for id, state, why in mails]
        print_json([{"id": id, "summary": summary} for id, summary in rows] + states)
        return
    print("\n".join(f"{id}  {summary}" for id, summary in rows) if rows else "No order waits.")
    print("".join(f"{id}  answer not sent, {state}{': ' + why if why else ''}\n" for id, state, why in mails), end="")


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    # `seatkeeper intake --folder DIR ...` is what is run most often.
    words = ["run", *argv] if argv and argv[0].startswith("-") and argv[0] != "--help" else argv
    return run(app, _NAME, words)


def _desk(
    folder: Path, keys: Path, outbox: Path, sender: str, contact: str | None, passphrase: Passphrase, fonts: Path | None,
    catalog: Path | None, auto: Path | None, settle: float, registry: Registry | None, *, posted: bool = False,
) -> Desk:  # fmt: skip
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.issue.intake import Desk
    from seatkeeper.issue.letters import parse_mailbox

    writer = parse_mailbox(sender, "--from")
    return Desk(
        folder=folder,
        outbox=outbox,
        keys=keys,
        catalog=load_catalog(catalog),
        sender=writer,
        contact=contact or writer.address,
        passphrase=passphrase,
        allowed=_allowed(auto) if auto is not None else None,
        settle_s=settle,
        fonts=fonts,
        registry=registry,
        posted=posted,
    )


def _post(
    folder: Path, outbox: Path, keys: Path, smtp: str | None, login: Path | None, ca: Path | None, catalog: Path | None,
    registry: Registry | None,
) -> Post | None:  # fmt: skip
    """Who sends the answers; None where no mail server is named."""
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.mail import parse_server, read_login
    from seatkeeper.base.errors import InputError
    from seatkeeper.issue.posting import Post

    if smtp is None:
        if login is not None or ca is not None:
            raise InputError(
                "No mail server is named.", file="--smtp", remedy="Name it with --smtp, or leave --smtp-login and --smtp-ca out."
            )
        return None
    server = parse_server(smtp, ca=ca)
    known = read_login(login) if login is not None else None
    return Post(folder, outbox, keys, load_catalog(catalog), smtp, server, known, registry)


def _send(post: Post | None, *, as_json: bool) -> bool:
    """Whether all answers that were to be sent are."""
    if post is None:
        return True
    from seatkeeper.issue.posting import send_answers

    all_sent = True
    for done in send_answers(post):
        _say(done, as_json=as_json)
        all_sent = all_sent and done.what == "sent"
    return all_sent


@contextmanager
def _registry(where: str | None) -> Iterator[Registry | None]:
    """The registry that is named, open; None where none is."""
    if where is None:
        yield None
        return
    check_installed()
    from seatkeeper.adapters.registry import Registry

    with Registry(where) as registry:
        yield registry


def _allowed(path: Path) -> frozenset[str]:
    from seatkeeper.base.errors import InputError
    from seatkeeper.issue.letters import parse_mailbox

    try:
        with path.open("rb") as file:
            lines = file.read(_ALLOWED_BYTES_MAX).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("The list of senders cannot be read.", file=str(path), found=str(error)) from None
    plain = [line.partition("#")[0].strip() for line in lines]
    return frozenset(parse_mailbox(line, str(path)).address.lower() for line in plain if line)


def _say(done: Handled, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(done).decode(), flush=True)
        return
    who = f" from {done.sender}" if done.sender else ""
    print(f"{done.id}  {done.what:<8} {done.name}{who}" + (f": {done.detail}" if done.detail else ""), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
