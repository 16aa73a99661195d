"""An administrator's question to a license server ends in its answer or in one license error with its numbers.

Theory of operation. Tools ask one thing and end, so each question has a connection of its own on a plain blocking socket: the
preface names lmgrd (an empty vendor) or one vendor daemon, one frame asks, frames answer until the one that ends the
answer. `Elsewhere` says that the vendor daemon listens on a port of its own; the question is put again there, once. Every way
in which that can go wrong is a `LicenseError` with the pair of numbers that FlexNet's tools print for it (facts, FlexNet 7
and lmstat formats 2), and with a sentence that says which address did what.

Who asks is never said in a question. On the server's own machine what only an administrator may ask goes over lmgrd's Unix socket,
where the kernel says it; lmgrd is asked for the socket's place first, and must be the one that was meant. From elsewhere a client
certificate or a token says it, over TLS, after the server has proved itself (sdk/access.py, sdk/question.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk.access import read_access
from seatkeeper.sdk.question import ANSWER_BYTES_MAX, Question, ask_unix
from seatkeeper.wire.messages import (
    AskDown,
    AskFeatures,
    AskLines,
    AskRemove,
    AskReread,
    AskRevoke,
    AskServer,
    AskSwitch,
    Done,
    Elsewhere,
    Lines,
    PoolStatus,
    Refused,
    ServerStatus,
    StatusEnd,
)

if TYPE_CHECKING:
    from typing import Literal

    from seatkeeper.wire.messages import ClientMessage, ServerMessage

__all__ = ["ANSWER_BYTES_MAX", "TIMEOUT_S", "WORK_S", "down", "lines", "pools", "remove", "reread", "revoke", "server_status", "switch"]

#: How long a server may take to accept a connection, and again for each piece of its answer.
TIMEOUT_S: Final = 10.0
#: A reread checks every signature of the new files, and a shutdown waits for the vendor daemons' orderly end.
WORK_S: Final = 90.0

#: How often a question follows an Elsewhere: lmgrd names the vendor daemon's port, the daemon names nobody.
_HOPS_MAX: Final = 1
#: A connection carries one question, so one number does for all.
_REQUEST: Final = 1

# The second numbers; those that FlexNet's tools print are kept, 611 and above are ours (docs/protocol.md).
_MINOR_DAEMON: Final = 121
_MINOR_NO_FEATURE: Final = 222
_MINOR_FOREIGN: Final = 611
_MINOR_REFUSED: Final = 612
_MINOR_DONE: Final = 613


def server_status(host: str, port: int, timeout: float = TIMEOUT_S) -> ServerStatus:
    """What the lmgrd at this address is, and how its vendor daemons are.

    Raises:
        LicenseError: -15, -16 or -96 where there is no answer, -12 where there is one of another protocol.
    """
    answer = _ask(host, port, "", AskServer(_REQUEST), timeout)[-1]
    return answer if isinstance(answer, ServerStatus) else _unexpected(host, port, answer)


def pools(host: str, port: int, vendor: str, feature: str = "", timeout: float = TIMEOUT_S) -> list[PoolStatus]:
    """The pools of a vendor daemon behind this lmgrd, each whole; of one feature, or of all.

    Raises:
        LicenseError: -5 where the feature does not exist, -97 where the daemon is down, and as `server_status`.
    """
    answers = _ask(host, port, vendor, AskFeatures(_REQUEST, feature), timeout)
    end = _end(host, port, answers)
    if end.number:
        raise LicenseError(end.number, minor=_MINOR_NO_FEATURE if end.number == -5 else _MINOR_DONE, feature=feature)
    whole: dict[tuple[str, int], PoolStatus] = {}
    for part in answers:
        if not isinstance(part, PoolStatus):
            _unexpected(host, port, part)
        first = whole.setdefault((part.feature, part.pool), part)
        if first is not part:
            # The lists were made for this answer alone, so the first part may grow.
            first.holders.extend(part.holders)
            first.reservations.extend(part.reservations)
            first.queued.extend(part.queued)
    return list(whole.values())


def remove(
    host: str,
    port: int,
    vendor: str,
    feature: str,
    *,
    user: str = "",
    user_host: str = "",
    display: str = "",
    handle: int = 0,
    timeout: float = TIMEOUT_S,
) -> str:
    """What was done: the seats of one handle are taken back, or (handle 0) all of a user on a host and display.

    Raises:
        LicenseError: The vendor daemon's refusal (-5, -41, -63, -64, -100), and as `pools`.
    """
    message = AskRemove(_REQUEST, feature, user, user_host, display, handle)
    return _done(host, port, vendor, message, timeout)


def lines(host: str, port: int, vendor: str, feature: str = "", timeout: float = TIMEOUT_S) -> str:
    """The license lines that a vendor daemon serves, without their signatures, as text; of one feature, or of all.

    Raises:
        LicenseError: As `pools`.
    """
    answers = _ask(host, port, vendor, AskLines(_REQUEST, feature), timeout)
    end = _end(host, port, answers)
    if end.number:
        raise LicenseError(end.number, minor=_MINOR_NO_FEATURE if end.number == -5 else _MINOR_DONE, feature=feature)
    # No part ends its last line: another may follow it, or none.
    return "\n".join(part.text if isinstance(part, Lines) else _unexpected(host, port, part) for part in answers)


def switch(
    host: str, port: int, vendor: str, what: Literal["debug", "report", "new"], path: str, rollover: bool = False, timeout: float = WORK_S
) -> str:
    """What was done: the vendor daemon's debug or report log goes on in another file (AskSwitch).

    Raises:
        LicenseError: The refusal, with the old file still written; and as `server_status`.
    """
    return _done(host, port, vendor, AskSwitch(_REQUEST, what, path, rollover), timeout)


def revoke(host: str, port: int, vendor: str, handle: int, timeout: float = TIMEOUT_S) -> str:
    """What was done: the borrow of this handle is over for the server, although the borrower may go on offline.

    Raises:
        LicenseError: The refusal (-41: nothing is borrowed under it); and as `server_status`.
    """
    return _done(host, port, vendor, AskRevoke(_REQUEST, handle), timeout)


def reread(host: str, port: int, vendor: str = "", *, dry_run: bool = False, timeout: float = WORK_S) -> str:
    """What was done: lmgrd and its vendor daemons, or the one named, serve what their license files say now.

    With `dry_run` nothing is changed, and the text says what would be.

    Raises:
        LicenseError: The refusal, with the old file still served; and as `server_status`.
    """
    return _done(host, port, "", AskReread(_REQUEST, vendor, dry_run), timeout)


def down(host: str, port: int, vendor: str = "", *, force: bool = False, timeout: float = WORK_S) -> str:
    """What was done: lmgrd with its vendor daemons, or only the one named, shuts down.

    Raises:
        LicenseError: The refusal (-119, -120); and as `server_status`.
    """
    return _done(host, port, "", AskDown(_REQUEST, vendor, force), timeout)


def _done(host: str, port: int, vendor: str, message: ClientMessage, timeout: float) -> str:
    """What was done by an administrator's request."""
    answer = _administer(host, port, vendor, message, timeout)
    if not isinstance(answer, Done):
        return _unexpected(host, port, answer)
    if answer.number:
        raise LicenseError(answer.number, minor=_MINOR_DONE, reason=answer.text)
    return answer.text


def _administer(host: str, port: int, vendor: str, message: ClientMessage, timeout: float) -> ServerMessage:
    access = read_access()
    if not access.as_somebody:
        with Question(host, port, "", access, min(timeout, TIMEOUT_S)) as question:
            status, here = question.ask(AskServer(_REQUEST))[-1], question.is_own_machine
            named = status.admin_socket if here and isinstance(status, ServerStatus) else ""
            server = question.server_account if named else None
        if named:
            answers = ask_unix(Path(named), port, vendor, message, timeout, server)
            if answers:
                return answers[-1]
    return _ask(host, port, vendor, message, timeout, nameless=False)[-1]


def _end(host: str, port: int, answers: list[ServerMessage]) -> StatusEnd:
    """Takes the last message off, which ends the answer."""
    end = answers.pop()
    if isinstance(end, Done) and end.number:
        raise LicenseError(end.number, minor=_MINOR_DONE, reason=end.text)
    return end if isinstance(end, StatusEnd) else _unexpected(host, port, end)


def _unexpected(host: str, port: int, answer: ServerMessage) -> NoReturn:
    if isinstance(answer, Refused):
        raise LicenseError(answer.number, minor=_MINOR_REFUSED, reason=answer.reason)
    raise LicenseError(-12, minor=_MINOR_FOREIGN, reason=f"{host}, port {port}, answered with an unexpected {type(answer).__name__}.")


def _ask(host: str, port: int, vendor: str, message: ClientMessage, timeout: float, *, nameless: bool = True) -> list[ServerMessage]:
    """All messages of the answer; the last is ServerStatus, StatusEnd, Done or one that does not belong there.

    What only shows something (`nameless`) is also asked of a vendor daemon that nobody can tell, then without the token.
    """
    access = read_access()
    for hop in range(_HOPS_MAX + 1):
        try:
            question = Question(host, port, vendor, access, timeout, nameless=nameless)
        except LicenseError as error:
            if not hop or error.number not in (-15, -96):
                raise
            reason = f"lmgrd says that {vendor} listens on port {port}, which does not answer: {error.reason}"
            raise LicenseError(-97, minor=_MINOR_DAEMON, reason=reason) from error
        with question:
            answers = question.ask(message)
        last = answers[-1]
        if isinstance(last, Refused):
            raise LicenseError(last.number, minor=_MINOR_DAEMON if last.number == -97 else _MINOR_REFUSED, reason=last.reason)
        if not isinstance(last, Elsewhere):
            return answers
        port = last.port
    raise LicenseError(-97, minor=_MINOR_DAEMON, reason=f"{host} sends requests for {vendor or 'lmgrd'} from port to port.")
