"""Every request in the drop folder is answered exactly once, with license files or with all that is missing, however often we are killed.

A request is claimed by a rename out of the folder, and its directory goes from place to place by renames:

    *.eml, *.toml   what arrived
    work/ID         claimed, and being answered; a later run goes on from here
    checked/ID      a good order that waits for a person (`approve`)
    processed/ID    answered
    failed/ID       not answered, and why.txt says why
    known           which order numbers were issued

OUTBOX/ID is the answer: license files, answer.eml, certificate.pdf; it appears whole. `posting` sends it, where the desk says so.

The answer is made in a hidden directory beside its place and appears by a rename. So whatever broke off before that rename was seen by
nobody and is made again, and whatever broke off after it is only tidied up. ID comes from the message id or the bytes, so a request
that arrives again meets its own answer and is given that.

A good order waits for a person's approval, for a mail's sender can be anybody; with `auto`, orders of senders in a list are issued at
once, unless their number was issued before.
"""

from __future__ import annotations

import shutil
import stat
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.documents import certificate_pdf
from seatkeeper.adapters.wholefile import alone, replace_file, sync_directory
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.issue.answers import problems_letter, unreadable_letter
from seatkeeper.issue.certificate_page import certificate_data
from seatkeeper.issue.issuer import issue_order
from seatkeeper.issue.letters import CERTIFICATE_NAME, Envelope, Letter, Mailbox, compose, delivery_letter
from seatkeeper.issue.model import AUTO
from seatkeeper.issue.order import Checked, check_order
from seatkeeper.issue.parcel import read_parcel
from seatkeeper.issue.requests import REQUEST_BYTES_MAX, Request, Unanswerable, Unreadable, read_request, request_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.adapters.keyplaces import Passphrase
    from seatkeeper.adapters.registry import Registry
    from seatkeeper.catalog.model import Catalog

__all__ = ["AGAIN_MAX", "REQUESTS_MAX", "WAITING", "Desk", "Handled", "answer_files", "approve", "take_in", "waiting"]

#: Of one look into the folder; the rest is taken at the next.
REQUESTS_MAX: Final = 1000
#: How often one request may come again and be given its answer.
AGAIN_MAX: Final = 3
#: Of an answer that is to be sent (`posting`).
WAITING: Final = "mail.waiting"
#: How long another run may be at the folder.
_LOCK_S: Final = 60.0

#: Where an answer has the files of independent license servers.
_LICENSES: Final = "licenses"
_PLACES: Final = ("work", "checked", "processed", "failed", "known")
_UNFINISHED: Final = (".part", ".tmp", ".crdownload")

What = Literal["issued", "checked", "refused", "failed", "again", "sent", "unsent"]


class Desk(msgspec.Struct, frozen=True):
    """Where orders come from, where answers go, and who answers.

    Attributes:
        folder: The drop folder.
        outbox: Where answers appear.
        keys: The vendor's keys.
        catalog: What can be ordered.
        sender: Who writes the answers.
        contact: Whom they say to ask.
        passphrase: Opens the keys.
        allowed: Addresses whose good orders are issued at once; None to let all wait for a person.
        settle_s: A file that was changed within so many seconds may still be being written.
        fonts: For the certificate.
        registry: Where orders are registered and their files kept; by default the list beside the keys keeps what is signed.
        posted: Whether answers are to be sent.
    """

    folder: Path
    outbox: Path
    keys: Path
    catalog: Catalog
    sender: Mailbox
    contact: str
    passphrase: Passphrase = None
    allowed: frozenset[str] | None = None
    settle_s: float = 3.0
    fonts: Path | None = None
    registry: Registry | None = None
    posted: bool = False


class Handled(msgspec.Struct, frozen=True):
    """What became of one request, or of the answer to one."""

    id: str
    name: str
    what: What
    detail: str = ""
    sender: str = ""


def take_in(desk: Desk) -> Iterator[Handled]:
    """What becomes of each request that is in the folder now, or was left by a run that broke off.

    Raises:
        InputError: A directory is missing or cannot be written to, or another run is at it all the time.
    """
    _make_places(desk)
    for left in sorted((desk.folder / "work").iterdir()):
        with _alone(desk):
            if left.exists() and (done := _go_on(desk, left)):
                yield done
    for path in sorted(desk.folder.iterdir())[: REQUESTS_MAX + len(_PLACES)]:
        if path.name in _PLACES or path.name.startswith(".") or path.suffix in _UNFINISHED:
            continue
        with _alone(desk):
            if done := _take(desk, path):
                yield done


def waiting(desk_folder: Path) -> list[tuple[str, str]]:
    """Id and summary of each order that waits for approval."""
    checked = desk_folder / "checked"
    found = sorted(checked.iterdir()) if checked.is_dir() else []
    return [(path.name, _text(path / "summary.txt").strip()) for path in found]


def approve(desk: Desk, name: str, *, replaces: str = "") -> Handled:
    """What becomes of a checked order that a person approves.

    Args:
        desk: The desk.
        name: Its id, or how that begins.
        replaces: The registered order whose place it takes.

    Raises:
        InputError: No order or several are meant, or it cannot be issued; it waits on.
    """
    if replaces and desk.registry is None:
        raise InputError("Only a registry knows which order takes the place of one.", file="--replaces", remedy="Name it with --registry.")
    _make_places(desk)
    with _alone(desk):
        found = [path for path in sorted((desk.folder / "checked").iterdir()) if name and path.name.startswith(name)]
        if len(found) != 1:
            known = ", ".join(id for id, _ in waiting(desk.folder)) or "nothing waits"
            raise InputError("This does not name one order that waits.", file=name, found=f"{len(found)} of them", expected=known)
        (held,) = found
        replace_file(held / "approved", replaces.encode())
        work = _move(held, desk.folder / "work" / held.name)
        done = _go_on(desk, work)
        if done is None or done.what == "checked":
            raise InputError("The order could not be issued, and waits on.", file=name, found=done.detail if done else "")
        return done


def _make_places(desk: Desk) -> None:
    for place in (desk.folder, desk.outbox):
        if not place.is_dir():
            raise InputError("There is no such directory.", file=str(place), remedy="Make it first.")
    try:
        for name in _PLACES:
            (desk.folder / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"Nothing can be written here: {error.strerror}.", file=str(desk.folder)) from None


class _alone:
    """Nobody else handles a request of this folder meanwhile."""

    def __init__(self, desk: Desk) -> None:
        self._lock = alone(desk.folder / "intake", wait_s=_LOCK_S)

    def __enter__(self) -> None:
        try:
            self._lock.__enter__()
        except TimeoutError as error:
            raise InputError("Another run is at this folder.", file=str(error.filename)) from None

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(None, None, None)


def _take(desk: Desk, path: Path) -> Handled | None:
    """What became of a file in the folder; None where it is still being written or has gone."""
    try:
        before = path.lstat()
        if clock.now() - before.st_ctime < desk.settle_s:
            return None
        reason = _unfit(path, before)
        data = b"" if reason else path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        reason, data = f"It cannot be read: {error.strerror}.", b""
    mail = path.suffix.lower() == ".eml"
    id = clock.new_id().hex()[:20] if reason else request_id(data, mail=mail)
    held = next((desk.folder / place / id for place in _PLACES[1:4] if (desk.folder / place / id).exists()), None)
    if held is not None and not reason:
        return _again(desk, path, held, "mail" if mail else "toml")
    work = desk.folder / "work" / id
    work.mkdir(mode=0o700, exist_ok=True)
    replace_file(work / "name.txt", path.name.encode("utf-8", "replace"))
    claimed = work / ("refused" if reason else "request.eml" if mail else "request.toml")
    path.rename(claimed)
    after = claimed.lstat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        # Somebody writes to it after all: it goes back until it is whole.
        claimed.rename(path)
        return None
    sync_directory(desk.folder)
    if reason:
        return _fail(desk, work, reason)
    return _go_on(desk, work)


def _unfit(path: Path, status: object) -> str:
    mode, size = getattr(status, "st_mode", 0), getattr(status, "st_size", 0)
    if not stat.S_ISREG(mode):
        return "This is no file."
    if path.suffix.lower() not in (".eml", ".toml"):
        return "Only mails (*.eml) and orders (*.toml) are taken; archives are not opened."
    if size > REQUEST_BYTES_MAX:
        return f"It is too large: {size:,} bytes, {REQUEST_BYTES_MAX:,} are possible."
    return ""


def _go_on(desk: Desk, work: Path) -> Handled | None:
    """What became of a claimed request; what was done before is not done again."""
    name = _text(work / "name.txt")
    if (work / "refused").exists() or (work / "refused").is_symlink():
        return _fail(desk, work, "It could not be taken.")
    found = [work / each for each in ("request.eml", "request.toml") if (work / each).exists()]
    if not found:
        # The claim broke off before the rename: the request is still in the folder.
        shutil.rmtree(work)
        return None
    if (desk.outbox / work.name).exists():
        what: What = "issued" if (desk.outbox / work.name / "order.toml").exists() else "refused"
        return _finish(desk, work, name, what)
    mail = found[0].suffix == ".eml"
    try:
        request = read_request(found[0].read_bytes(), mail=mail, own=desk.sender.address)
    except Unanswerable as error:
        return _fail(desk, work, str(error))
    except Unreadable as error:
        _answer(desk, work, error.request, unreadable_letter(str(error), desk.catalog, desk.contact))
        return _finish(desk, work, name, "refused", str(error), error.request)
    replace_file(work / "order.toml", request.text.encode("utf-8", "surrogateescape"))
    checked = check_order(request.text, "order.toml", desk.catalog, clock.today())
    if checked.order is None:
        _answer(desk, work, request, problems_letter(checked.problems, request.text, desk.catalog, desk.contact))
        errors = sum(problem.severity == "error" for problem in checked.problems)
        return _finish(desk, work, name, "refused", f"{errors} to correct", request)
    why = _why_wait(desk, work, request, checked)
    if why:
        return _hold(desk, work, name, why, request, checked)
    try:
        number = _issue(desk, work, request, checked)
    except SeatkeeperError as error:
        (work / "approved").unlink(missing_ok=True)
        return _hold(desk, work, name, str(error), request, checked)
    return _finish(desk, work, name, "issued", f"order {number}", request)


def _why_wait(desk: Desk, work: Path, request: Request, checked: Checked) -> str:
    """Why a person has to look at a good order; empty where nobody has to."""
    if (work / "approved").exists():
        return ""
    if desk.allowed is None:
        return "It waits for approval."
    if request.sender is None or request.sender.address.lower() not in desk.allowed:
        return "Its sender is not in the list of those whose orders are issued at once."
    if checked.order is not None and (known := _known(desk, checked.order.terms.number)).exists() and _text(known) != work.name:
        return f"An order of this number was issued before, for request {_text(known)}."
    return _beside(desk, request, checked)


def _beside(desk: Desk, request: Request, checked: Checked) -> str:
    """That another order counts for a license server of this one, so that there would be two files for it; empty where none does."""
    if desk.registry is None or checked.order is None:
        return ""
    with desk.registry.read() as view:
        others = [each for each in view.orders_for([server.hostid for server in checked.order.servers]) if each.received != request.text]
    if not others:
        return ""
    names = ", ".join(each.number for each in others)
    return f"For its license server counts order {names}: approve it with --replaces NUMBER where it takes that one's place."


def answer_files(answer: Path, catalog: Catalog) -> Path:
    """Where the license files of an answer are: the file, or the directory of those of independent servers."""
    return answer / _LICENSES if (answer / _LICENSES).is_dir() else answer / catalog.vendor.license_file


def _known(desk: Desk, number: str) -> Path:
    return desk.folder / "known" / f"order-{sha256(number.encode()).hexdigest()[:20]}"


def _issue(desk: Desk, work: Path, request: Request, checked: Checked) -> str:
    """The order's number, once the license files, the certificate and the mail are in the outbox."""
    order = checked.order
    assert order is not None
    staged = _staged(desk, work)
    # Independent servers have a directory each, which must not be there yet.
    independent = order.terms.configuration == "independent"
    place = staged / (_LICENSES if independent else desk.catalog.vendor.license_file)
    if desk.registry is None:
        issue_order(order, desk.catalog, desk.keys, place, clock.today(), passphrase=desk.passphrase)
        text = request.text
    else:
        from seatkeeper.issue.desk import Desk as RegistryDesk
        from seatkeeper.issue.desk_deliveries import issue_received

        registered = RegistryDesk(desk.registry, desk.catalog, clock.now(), clock.today(), f"intake {work.name}")
        number, replaces = order.terms.number, _text(work / "approved")
        text = issue_received(registered, request.text, "order.toml", number, desk.keys, place, desk.passphrase, replaces=replaces)
    replace_file(staged / "order.toml", text.encode("utf-8", "surrogateescape"))
    parcel = read_parcel(place, staged / "order.toml", desk.catalog)
    # A registry may have drawn it.
    number = parcel.order.terms.number
    replace_file(_known(desk, number), work.name.encode())
    certificate = None
    try:
        certificate = certificate_pdf(certificate_data(parcel, desk.catalog), parcel.issued, fonts=desk.fonts)
        replace_file(staged / CERTIFICATE_NAME, certificate)
    except SeatkeeperError as error:
        # The licenses matter more than the page; a person can make it later with `seatkeeper deliver --fonts`.
        replace_file(staged / "no-certificate.txt", f"{error}\n".encode())
    letter = delivery_letter(parcel, desk.catalog.vendor.title, desk.contact, certificate=certificate)
    _publish(desk, work, staged, request, letter)
    return number


def _answer(desk: Desk, work: Path, request: Request, letter: Letter) -> None:
    _publish(desk, work, _staged(desk, work), request, letter)


def _staged(desk: Desk, work: Path) -> Path:
    """An empty directory in which the answer is made; what an earlier run left there was seen by nobody."""
    staged = desk.outbox / f".new-{work.name}"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(mode=0o700)
    return staged


def _publish(desk: Desk, work: Path, staged: Path, request: Request, letter: Letter) -> None:
    """The answer is in the outbox, whole; a copy of the letter stays with the request, for whoever asks again."""
    files = {"answer.txt": letter.text.encode()}
    if request.sender is not None:
        domain = desk.sender.address.rpartition("@")[2]
        at = datetime.fromtimestamp(int(clock.now()), UTC)
        envelope = Envelope(
            desk.sender, (request.sender,), at, f"<{work.name}.answer@{domain}>", f"=_{work.name}", request.message_id, automatic=True
        )
        files["answer.eml"] = compose(letter, envelope)
    for directory in (staged, work):
        for name, data in files.items():
            replace_file(directory / name, data)
    if desk.posted and request.sender is not None:
        replace_file(staged / WAITING, b"")
    _move(staged, desk.outbox / work.name)


def _finish(desk: Desk, work: Path, name: str, what: What, detail: str = "", request: Request | None = None) -> Handled:
    _move(work, desk.folder / "processed" / work.name)
    return Handled(work.name, name, what, detail, str(request.sender or "") if request is not None else "")


def _fail(desk: Desk, work: Path, reason: str) -> Handled:
    name = _text(work / "name.txt")
    replace_file(work / "why.txt", f"{reason}\n".encode())
    _move(work, desk.folder / "failed" / work.name)
    return Handled(work.name, name, "failed", reason)


def _hold(desk: Desk, work: Path, name: str, why: str, request: Request, checked: Checked) -> Handled:
    order = checked.order
    assert order is not None
    terms = order.terms
    warnings = [f"  {problem}" for problem in checked.warnings]
    called = "order without a number" if terms.number == AUTO else f"order {terms.number}"
    beside = _beside(desk, request, checked)
    summary = [f"{called}, {terms.company}, {terms.purpose}, from {request.sender or name}: {why}", *warnings]
    summary += [f"  {beside}"] if beside and beside != why else []
    replace_file(work / "summary.txt", ("\n".join(summary) + "\n").encode())
    _move(work, desk.folder / "checked" / work.name)
    return Handled(work.name, name, "checked", why, str(request.sender or ""))


def _again(desk: Desk, path: Path, held: Path, kind: str) -> Handled:
    """A request that came before is given its answer again, where it has one."""
    number = sum(each.name.startswith("again-") for each in held.iterdir()) + 1
    answered = held.parent.name == "processed" and number <= AGAIN_MAX
    place = desk.outbox / f"{held.name}-again-{number}"
    if answered and not place.exists():
        staged = desk.outbox / f".new-{place.name}"
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(mode=0o700)
        for name in ("answer.txt", "answer.eml"):
            if (held / name).exists():
                replace_file(staged / name, (held / name).read_bytes())
        _move(staged, place)
    path.rename(held / f"again-{number}.{kind}")
    return Handled(held.name, path.name, "again", "answered as before" if answered else f"it came before and is in {held.parent.name}")


def _move(path: Path, place: Path) -> Path:
    path.rename(place)
    sync_directory(place.parent)
    sync_directory(path.parent)
    return place


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(REQUEST_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return ""
