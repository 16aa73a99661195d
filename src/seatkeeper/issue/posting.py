"""An answer that waits in the outbox goes to a mail server once: that it leaves is on the disk first, and what broke off is not sent again.

A file in the answer's directory says how far it is, and a rename is each step:

    mail.waiting    it is to be sent
    mail.sending    it is being sent; where no run is at it, one broke off there
    mail.sent       the mail server has taken it
    mail.refused    the mail server will not take it as it is; nothing was sent
    mail.unknown    the mail server may have it

A mail server that cannot be reached, or does not know us, refuses no mail: all answers wait on. `refused` and `unknown` are for a
person, who may let it be sent all the same (`send_answer`); what was sent never goes again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.mail import Login, MailError, MailServer, send
from seatkeeper.adapters.wholefile import alone, replace_file, sync_directory
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.issue.delivery import Delivery, DeliveryRecorder, FileDeliveryRecorder
from seatkeeper.issue.intake import WAITING, Handled, answer_files
from seatkeeper.issue.parcel import read_parcel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatkeeper.adapters.registry import Registry
    from seatkeeper.catalog.model import Catalog

__all__ = ["Post", "send_answer", "send_answers", "unsent"]

_SENDING: Final = "mail.sending"
_SENT: Final = "mail.sent"
_REFUSED: Final = "mail.refused"
_UNKNOWN: Final = "mail.unknown"
_ASK: Final = "Ask the recipient, or look into the mail server's log; `seatkeeper intake send NAME` sends it all the same."
#: How long another run may take for what it sends before we leave all to it.
_LOCK_S: Final = 0.1


class Post(msgspec.Struct, frozen=True):
    """Which answers go out, by whom, and who keeps that.

    Attributes:
        folder: The drop folder, where nobody else sends meanwhile.
        outbox: Where the answers are.
        keys: The directory of the vendor's keys, whose list keeps what went out where there is no registry.
        catalog: What can be ordered.
        url: The mail server as it was named, for the record.
        server: The mail server.
        login: Who we are to it.
        registry: The desk's registry, which keeps what went out.
    """

    folder: Path
    outbox: Path
    keys: Path
    catalog: Catalog
    url: str
    server: MailServer
    login: Login | None = None
    registry: Registry | None = None


def send_answers(post: Post) -> Iterator[Handled]:
    """What became of each answer that waits to be sent; nothing where another run is at it.

    Raises:
        InputError: A directory is missing or cannot be written to.
    """
    try:
        with alone(post.folder / "mail", wait_s=_LOCK_S):
            for answer in sorted(post.outbox.iterdir()):
                if answer.name.startswith("."):
                    continue
                if (answer / _SENDING).exists():
                    _step(answer, _SENDING, _UNKNOWN)
                    yield Handled(answer.name, "answer.eml", "unsent", f"An earlier run broke off while it sent this. {_ASK}")
                elif (answer / WAITING).exists():
                    done, no_other = _send(post, answer)
                    yield done
                    if no_other:
                        return
    except TimeoutError:
        return


def unsent(outbox: Path) -> list[tuple[str, str, str]]:
    """Name and state of each answer that should have gone out and has not, and what is known of why."""
    states = (WAITING, _SENDING, _REFUSED, _UNKNOWN)
    found = [path for path in sorted(outbox.glob("*/mail.*")) if path.name in states]
    return [(path.parent.name, path.name.removeprefix("mail."), path.read_text().strip()) for path in found]


def send_answer(post: Post, name: str) -> Handled:
    """What became of the answer that a person wants sent, whatever became of it before; but what was sent never goes again.

    Args:
        desk: The post.
        post: Who sends it.
        name: Its id, or how that begins.

    Raises:
        InputError: No answer or several are meant, it is no mail, it was sent, or another run is at it.
    """
    try:
        with alone(post.folder / "mail"):
            found = [
                path for path in sorted(post.outbox.iterdir()) if name and path.name.startswith(name) and (path / "answer.eml").exists()
            ]
            found = [path for path in found if path.name == name] or found
            if len(found) != 1:
                shown = ", ".join(path.name for path in found) or "none"
                raise InputError("This does not name one answer that is a mail.", file=name, found=shown, expected="a name in the outbox")
            (answer,) = found
            if (answer / _SENT).exists():
                raise InputError("This answer was sent.", file=answer.name, found=(answer / _SENT).read_text().strip())
            for state in (_SENDING, _REFUSED, _UNKNOWN):
                if (answer / state).exists():
                    _step(answer, state, WAITING)
            if not (answer / WAITING).exists():
                replace_file(answer / WAITING, b"")
            return _send(post, answer)[0]
    except TimeoutError as error:
        raise InputError("Another run is sending.", file=str(error.filename)) from None


def _send(post: Post, answer: Path) -> tuple[Handled, bool]:
    """What became of one answer that waits, and whether every other would fare the same now."""
    mail = (answer / "answer.eml").read_bytes()
    message = message_from_bytes(mail, policy=default)
    sender = message["from"].addresses[0].addr_spec
    recipients = tuple(each.addr_spec for each in message["to"].addresses)
    name = f"answer.eml to {', '.join(recipients)}"
    recorder = _recorder(post, answer.name)
    try:
        delivery = _delivery(post, answer, mail, recipients, str(message["message-id"]))
        if delivery is not None:
            recorder.begun(delivery)
    except SeatkeeperError as error:
        # The files do not count any more, or cannot be delivered: a person has to look.
        _step(answer, WAITING, _REFUSED, str(error))
        return Handled(answer.name, name, "unsent", str(error)), False
    _step(answer, WAITING, _SENDING)
    try:
        said = send(mail, sender, recipients, post.server, login=post.login)
    except SeatkeeperError as error:
        outcome, ours = (error.outcome, error.ours) if isinstance(error, MailError) else ("refused", False)
        waits = ours or outcome == "later"
        _step(answer, _SENDING, WAITING if waits else _UNKNOWN if outcome == "unknown" else _REFUSED, str(error))
        if delivery is not None:
            recorder.ended(delivery.id, outcome, str(error))
        return Handled(answer.name, name, "unsent", str(error)), ours
    _step(answer, _SENDING, _SENT, f"{post.url}: {said}")
    if delivery is not None:
        recorder.ended(delivery.id, "sent", said)
    return Handled(answer.name, name, "sent", f"the mail server said: {said}"), False


def _step(answer: Path, before: str, after: str, text: str = "") -> None:
    """The answer's mail is a step further, for good."""
    (answer / before).rename(answer / after)
    sync_directory(answer)
    if text:
        replace_file(answer / after, f"{datetime.fromtimestamp(int(clock.now()), UTC).isoformat()} {text}\n".encode())


def _recorder(post: Post, name: str) -> DeliveryRecorder:
    """Who keeps what goes out."""
    if post.registry is None:
        return FileDeliveryRecorder(post.keys)
    from seatkeeper.issue.desk import Desk as RegistryDesk
    from seatkeeper.issue.desk_deliveries import RegistryDeliveries

    return RegistryDeliveries(RegistryDesk(post.registry, post.catalog, clock.now(), clock.today(), f"intake {name}"))


def _delivery(post: Post, answer: Path, mail: bytes, recipients: tuple[str, ...], message_id: str) -> Delivery | None:
    """The record of an answer with license files; None for one that has none.

    Raises:
        SeatkeeperError: The files are no longer those of their order.
    """
    order = answer / "order.toml"
    if not order.exists():
        return None
    parcel = read_parcel(answer_files(answer, post.catalog), order, post.catalog)
    return Delivery(
        id=clock.new_id().hex(),
        at=datetime.fromtimestamp(int(clock.now()), UTC).isoformat(),
        order=parcel.order.terms.number,
        site=parcel.order.terms.site,
        files=tuple((each.name, each.sha256) for each in parcel.files),
        recipients=recipients,
        by=post.url,
        message_id=message_id,
        mail_sha256=sha256(mail).hexdigest(),
    )
