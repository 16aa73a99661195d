"""`seatkeeper deliver`: issued license files go to the customer, as a mail and with a certificate, and what was delivered is on record."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seatkeeper.cli.desk_common import OptionalRegistry, open_desk
from seatkeeper.cli.order import print_json, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.adapters.mail import Login, MailServer
    from seatkeeper.issue.delivery import Delivery, DeliveryRecorder, Outcome
    from seatkeeper.issue.parcel import Parcel

__all__ = ["CaOption", "LoginOption", "SmtpOption", "app", "main"]

_NAME: Final = "seatkeeper deliver"

SmtpOption = Annotated[
    str | None,
    typer.Option("--smtp", metavar="URL", help="Send by this mail server: smtp:// with STARTTLS, smtps://, smtp-plain:// here only."),
]
LoginOption = Annotated[Path | None, typer.Option("--smtp-login", metavar="FILE", help="User and password, a line each.")]
CaOption = Annotated[Path | None, typer.Option("--smtp-ca", metavar="FILE", help="Certificates to trust, in PEM.")]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(no_args_is_help=True)
def deliver(
    place: Annotated[Path, typer.Argument(metavar="LICENSE", help="The license file, or the directory with all files of the order.")],
    order: Annotated[
        Path | None,
        typer.Option("--order", metavar="ORDER", help="The order that it was issued from.", show_default="the registry's"),
    ] = None,
    to: Annotated[list[str] | None, typer.Option("--to", metavar="ADDRESS", help="Who gets the mail; may be repeated.")] = None,
    sender: Annotated[str | None, typer.Option("--from", metavar="ADDRESS", help="Who writes it.")] = None,
    contact: Annotated[
        str | None, typer.Option("--contact", metavar="TEXT", help="Whom to ask.", show_default="the address of --from")
    ] = None,
    smtp: SmtpOption = None,
    smtp_login: LoginOption = None,
    smtp_ca: CaOption = None,
    outbox: Annotated[Path | None, typer.Option("--outbox", metavar="DIR", help="Write the mail here, as NUMBER.eml.")] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Write the certificate here.")] = None,
    no_pdf: Annotated[bool, typer.Option("--no-pdf", help="Make no certificate.")] = False,
    fonts: Annotated[Path | None, typer.Option("--fonts", metavar="DIR", help="Fonts for scripts that the embedded ones lack.")] = None,
    with_credentials: Annotated[
        bool,
        typer.Option("--with-credentials", help="Mail the private keys of the license servers too; whoever reads them can pose as one."),
    ] = False,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="DIR", help="Where deliveries.jsonl is kept.", show_default="beside the license file")
    ] = None,
    catalog: Annotated[
        Path | None, typer.Option("--catalog", metavar="DIR", help="A vendor's own catalog directory in place of the built-in one.")
    ] = None,
    registry: OptionalRegistry = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Deliver issued license files: verify them, make the certificate, and write or send the mail.

    The mail has the license files, the trust file and the certificate. The credentials are private keys and stay, unless you say otherwise.
    """
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.documents import certificate_pdf
    from seatkeeper.adapters.mail import parse_server, read_login
    from seatkeeper.base.errors import InputError
    from seatkeeper.issue.certificate_page import certificate_data
    from seatkeeper.issue.letters import parse_mailbox
    from seatkeeper.issue.parcel import read_parcel

    recipients = tuple(parse_mailbox(each, "--to") for each in to or ())
    mailed = smtp is not None or outbox is not None
    if mailed and (not recipients or sender is None):
        raise InputError("A mail needs a recipient and a sender.", file="--smtp or --outbox", remedy="Name them with --to and --from.")
    if not mailed and pdf is None:
        raise InputError("Nothing is to be delivered.", file="seatkeeper deliver", expected="--smtp URL, --outbox DIR or --pdf FILE")
    if pdf is not None and no_pdf:
        raise InputError("Both cannot be meant.", file="--pdf and --no-pdf")
    writer = parse_mailbox(sender, "--from") if sender is not None else None
    server = parse_server(smtp, ca=smtp_ca) if smtp is not None else None
    login = read_login(smtp_login) if smtp_login is not None else None
    loaded = load_catalog(catalog)
    if order is None and registry is None:
        raise InputError("No order is named.", file="--order", expected="the order's file, or --registry WHERE where a registry knows it")
    parcel = read_parcel(place, order or partial(_registered, registry), loaded)
    if registry is not None:
        _check_counts(registry, parcel)
    certificate = None if no_pdf else certificate_pdf(certificate_data(parcel, loaded), parcel.issued, fonts=fonts)
    for path in (outbox, pdf.parent if pdf is not None else None):
        if path is not None and not path.is_dir():
            raise InputError("There is no such directory.", file=str(path), remedy="Make it first.")
    report: dict[str, Any] = {"order": parcel.order.terms.number, "files": [str(each.path) for each in parcel.files]}
    if pdf is not None and certificate is not None:
        _write(pdf, certificate)
        report["certificate"] = str(pdf)
    if mailed and writer is not None:
        from seatkeeper.issue.letters import Attachment, delivery_letter

        if with_credentials and not parcel.credentials:
            raise InputError("There are no credentials beside the license file.", file="--with-credentials")
        secret = tuple(Attachment(path.name, path.read_bytes()) for path in parcel.credentials) if with_credentials else ()
        if secret:
            print(f"{_NAME}: warning: private keys go by mail: {', '.join(each.name for each in secret)}.", file=sys.stderr)
        letter = delivery_letter(parcel, loaded.vendor.title, contact or writer.address, certificate=certificate, credentials=secret)
        mail, delivery = _envelope(parcel, letter, writer, recipients, [each.name for each in secret], smtp or str(outbox))
        with _recorder(registry, keys or parcel.files[0].path.parent) as (recorder, name):
            recorder.begun(delivery)
            report |= _go(mail, delivery, recorder, writer.address, server, login, outbox)
        report["record"] = name
    _say(report, as_json=json)
    if report.get("outcome") in ("refused", "later", "unknown"):
        raise typer.Exit(1)


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, _NAME, argv)


def _registered(registry: str | None, number: str) -> str:
    """The text of an order that the registry has."""
    from seatkeeper.base.errors import InputError

    with open_desk(registry or "") as desk, desk.registry.read() as view:
        text = view.order(number).text
    if not text:
        raise InputError("This order was imported without its text.", found=number, remedy="Name a file of it with --order.")
    return text


def _check_counts(registry: str, parcel: Parcel) -> None:
    """Return only if the registry has each file of the parcel, and it counts."""
    with open_desk(registry) as desk, desk.registry.read() as view:
        from seatkeeper.issue.desk_deliveries import counted_files

        counted_files(view, parcel.order.terms.number, [(each.name, each.sha256) for each in parcel.files])


@contextmanager
def _recorder(registry: str | None, directory: Path) -> Iterator[tuple[DeliveryRecorder, str]]:
    """Who keeps what is delivered, and where that is."""
    if registry is None:
        from seatkeeper.issue.delivery import FileDeliveryRecorder

        kept = FileDeliveryRecorder(directory)
        yield kept, str(kept.path)
        return
    with open_desk(registry) as desk:
        from seatkeeper.issue.desk_deliveries import RegistryDeliveries

        yield RegistryDeliveries(desk), desk.registry.name


def _envelope(parcel: Parcel, letter: Any, writer: Any, recipients: tuple[Any, ...], secret: list[str], by: str) -> tuple[bytes, Delivery]:
    """The mail and the record of it."""
    from datetime import UTC, datetime
    from hashlib import sha256

    from seatkeeper.adapters import clock
    from seatkeeper.issue.delivery import Delivery
    from seatkeeper.issue.letters import Envelope, compose

    drawn = clock.new_id().hex()
    at = datetime.fromtimestamp(int(clock.now()), UTC)
    message_id = f"<{drawn}@{writer.address.rpartition('@')[2]}>"
    mail = compose(letter, Envelope(writer, recipients, at, message_id, f"=_{drawn}"))
    terms = parcel.order.terms
    delivery = Delivery(
        id=drawn,
        at=at.isoformat(),
        order=terms.number,
        site=terms.site,
        files=tuple((each.name, each.sha256) for each in parcel.files),
        credentials=tuple(secret),
        recipients=tuple(each.address for each in recipients),
        by=by,
        message_id=message_id,
        mail_sha256=sha256(mail).hexdigest(),
    )
    return mail, delivery


def _go(
    mail: bytes,
    delivery: Delivery,
    recorder: DeliveryRecorder,
    sender: str,
    server: MailServer | None,
    login: Login | None,
    outbox: Path | None,
) -> dict[str, Any]:
    """What became of the mail, which is in the outbox and on record by then."""
    from seatkeeper.adapters.mail import MailError, send

    report: dict[str, Any] = {"recipients": list(delivery.recipients), "message_id": delivery.message_id}
    outcome: Outcome = "written"
    detail = ""
    if outbox is not None:
        path = outbox / f"{delivery.order}-{delivery.id[:8]}.eml"
        _write(path, mail)
        report["mail"] = detail = str(path)
    if server is not None:
        try:
            detail = send(mail, sender, delivery.recipients, server, login=login)
            outcome = "sent"
        except MailError as error:
            outcome, detail = error.outcome, str(error)
    recorder.ended(delivery.id, outcome, detail)
    return {**report, "outcome": outcome, "detail": detail}


def _write(path: Path, data: bytes) -> None:
    from seatkeeper.adapters.wholefile import PRIVATE, replace_file
    from seatkeeper.base.errors import InputError

    try:
        replace_file(path, data, PRIVATE)
    except OSError as error:
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(path)) from None


def _say(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    print(f"Order {report['order']}: {', '.join(report['files'])} verified.")
    if "certificate" in report:
        print(f"Certificate   {report['certificate']}")
    if "mail" in report:
        print(f"Mail          {report['mail']}")
    outcome = report.get("outcome")
    if outcome == "sent":
        print(f"Sent to       {', '.join(report['recipients'])} (the mail server said: {report['detail']})")
    elif outcome not in (None, "written"):
        print(f"{_NAME}: {report['detail']}", file=sys.stderr)
    if "record" in report:
        print(f"Record        {report['record']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
