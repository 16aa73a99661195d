"""What an application asks for is a request that a server can answer, or is refused here with the reason."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.base.values import parse_version
from seatkeeper.client.events import MINOR_LOCAL
from seatkeeper.wire.messages import HANDLES_MAX, NAME_CHARS_MAX, Checkout

__all__ = ["check_vendor", "check_want", "sendable", "until_of"]

#: The latest time that a message can carry.
_TIME_MAX: Final = 2.0**53
_HOUR_S: Final = 3600.0
#: What a connection's first bytes can carry.
_VENDOR_CHARS_MAX: Final = 64


def sendable(name: str) -> str:
    """The name as a message can carry it: no longer than that, and with question marks for bytes of the environment that are no UTF-8."""
    return name[:NAME_CHARS_MAX].encode("utf-8", "replace").decode()


def check_vendor(name: str) -> str:
    """`name`, which can be that of a vendor daemon.

    Raises:
        InputError: It cannot.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= _VENDOR_CHARS_MAX or not (name.isascii() and name.isprintable()):
        found = ascii(name)[:_VENDOR_CHARS_MAX]
        raise InputError("This is no name of a vendor daemon.", file="vendor", found=found, expected="a name as genesys.d")
    return name


def until_of(given: datetime | float | None, now: float) -> float:
    """The Unix time of a borrow's end, given as a moment or in hours from now; 0 where nothing is to be borrowed."""
    if given is None:
        return 0.0
    # 0 would mean that nothing is borrowed at all.
    return (given.timestamp() if isinstance(given, datetime) else now + given * _HOUR_S) or -1.0


def check_want(want: Checkout, now: float) -> None:
    """What no server could answer is refused: -77 for a version, -42 for anything else.

    Raises:
        LicenseError: With the reason.
    """
    reason = ""
    number = -42
    texts = {"feature": want.feature, "version": want.version, "display": want.display, "data": want.data}
    wrong = next((name for name, text in texts.items() if not _is_text(text)), "")
    # What no message can carry would end the session, and with it every seat that is held.
    if wrong:
        reason = f"{wrong} has to be text, and is {ascii(texts[wrong])[:NAME_CHARS_MAX]}."
    elif not isinstance(want.count, int) or isinstance(want.count, bool):
        reason = f"The number of seats has to be a whole number, and is {ascii(want.count)[:NAME_CHARS_MAX]}."
    elif not want.feature or len(want.feature) > NAME_CHARS_MAX or len(want.display) > NAME_CHARS_MAX:
        reason = f"A feature's name has 1 to {NAME_CHARS_MAX} characters, a display's at most as many."
    elif len(want.data) > NAME_CHARS_MAX:
        reason = f"Checkout data has at most {NAME_CHARS_MAX} characters."
    elif not 1 <= want.count <= HANDLES_MAX:
        reason = f"{want.count} seats were asked for; one checkout may ask for 1 to {HANDLES_MAX}."
    elif want.borrow_until and not now < want.borrow_until <= _TIME_MAX:
        reason = "A borrow has to end in the future."
    elif want.version:
        try:
            parse_version(want.version)
        except ValueError as error:
            number, reason = -77, f"The version {want.version!r} is not {error}."
    if reason:
        raise LicenseError(number, minor=MINOR_LOCAL, reason=reason, feature="" if wrong == "feature" else want.feature)


def _is_text(text: object) -> bool:
    """Whether a message can carry it."""
    if not isinstance(text, str):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
