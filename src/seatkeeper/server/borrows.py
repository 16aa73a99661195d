"""Borrowed seats leave with a record that the server has signed, and come back early only for who has that record.

The record's secret is worked out from the server's key, the session and the handle, so the server keeps none: what it gave out it
can give out again, word for word, to a client whose answer was lost. lmgrd is told how many seats are borrowed, since it does
not shut down lightly then.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from seatkeeper.licfile.borrowing import Borrowed, borrow_secret, sign_borrowed
from seatkeeper.server.control import Lent
from seatkeeper.vendor.borrowing import borrowed_seats
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import Granted

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.server.answers import Grants
    from seatkeeper.server.control import Control
    from seatkeeper.server.license import Served
    from seatkeeper.vendor.events import BorrowAnswer
    from seatkeeper.vendor.machine import Machine

__all__ = ["Borrows"]


class Borrows:
    """The borrowed seats of one vendor daemon.

    Args:
        vendor: Its name.
        server: The name of its machine.
        machine: Knows which seats are borrowed.
        served: What is served now, and the key that signs.
        control: The way to lmgrd; None where there is none.
        grants: Knows which trust file goes with lines.
    """

    def __init__(
        self, vendor: str, server: str, machine: Machine, served: Callable[[], Served], control: Control | None, grants: Grants
    ) -> None:
        self._vendor = vendor
        self._server = server
        self._machine = machine
        self._served = served
        self._control = control
        self._grants = grants
        self._told = 0

    def answer(self, answer: BorrowAnswer) -> bytes:
        """The client's frame for borrowed seats, with the record for it to keep."""
        seat, served = answer.seat, self._served()
        pool, session = seat.pool, seat.session
        lines, version, expiry = (pool.text, pool.version, pool.expiry) if pool is not None else ("", seat.version, "")
        key = served.credential.key
        borrowed = Borrowed(
            self._vendor,
            seat.feature,
            version,
            seat.count,
            session.user,
            session.host,
            seat.display,
            seat.handle,
            seat.since,
            seat.borrow_until,
            borrow_secret(key, session.digest, seat.handle),
            self._server,
            served.hostids,
            lines,
            served.trust_text,
            served.credential.chain,
            tuple(session.hostids),
        )
        shown = lines if answer.show_line else ""
        self.tell()
        record = sign_borrowed(key, borrowed)
        trust = self._grants.trust_with(shown, len(record))
        return frame(Granted(answer.request, seat.handle, seat.count, version, expiry, shown, record, trust=trust))

    def proven(self, handle: int, secret: bytes) -> bool:
        """Whether who says this secret has the record of the handle's seats; of seats that are not held nobody need prove anything."""
        seat = self._machine.ledger.seats.get(handle)
        if seat is None:
            return True
        return hmac.compare_digest(borrow_secret(self._served().credential.key, seat.session.digest, seat.handle), secret)

    def tell(self) -> None:
        """Lets lmgrd know how many seats are borrowed, where that has changed."""
        lent = borrowed_seats(self._machine.state)
        if lent != self._told and self._control is not None:
            self._told = lent
            self._control.send(Lent(lent))
