"""What a crash left half done between a server and the records of borrows is finished, and never to anybody's cost of a seat.

Two things can be left. A *lending*: a checkout that borrows was on its way, and its process ended before the record was kept or the
denial read. Whoever goes on in its session, and names the borrows that are on record, lets the server take back what is not. And a
*return*: the record was taken out of use, and the server told, or not yet. It is told again; a server that has the seats already says so.

What cannot be settled, since the server does not answer, stays for the next time; a lending until its seats have come back by themselves.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from seatkeeper.adapters import clock
from seatkeeper.adapters.lendings import Lendings
from seatkeeper.base.errors import LicenseError, SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from seatkeeper.adapters.borrowed import BorrowStore, Loan
    from seatkeeper.adapters.lendings import Lending
    from seatkeeper.licfile.borrowing import Borrowed

__all__ = ["OVER", "Resumable", "Settled", "home_root", "settle"]

#: The server's answers that mean that a borrow is over for it, whatever its record says.
OVER: Final = frozenset({-105, -128})
#: The secret does not return these seats: they are somebody else's by now.
_NOT_ITS_OWN: Final = -124
#: So much later than its record says the server has the seats back (BORROW_MARGIN_S there), by clocks that differ a little.
_MARGIN_S: Final = 600.0
#: No borrow has this handle: a question whose answer says that the greeting before it has been dealt with.
_NOBODYS: Final = 0
_SECRET_BYTES: Final = 16


class Settled:
    """What has been settled.

    Attributes:
        lendings: Checkouts that were on their way, of which nothing is out any more that is not on record.
        returned: Borrows that are back.
        left: A sentence for each thing that could not be settled.
    """

    def __init__(self) -> None:
        self.lendings: list[Lending] = []
        self.returned: list[Borrowed] = []
        self.left: list[str] = []


class Resumable(Protocol):
    """What is asked of a client (client.py)."""

    def resume(self, session: bytes, handles: tuple[int, ...]) -> None:
        """Go on in the session of a client that has ended."""

    async def return_borrow(self, borrowed: Borrowed) -> None:
        """Give borrowed seats back."""

    async def __aenter__(self) -> Resumable: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


async def settle(
    store: BorrowStore, make: Callable[..., Resumable], vendor: str = "", user: str = "", *, plain: bool | None = None
) -> Settled:
    """What was left in the directory of borrows, of one vendor and user or of all, is settled as far as its servers answer.

    Args:
        store: The directory.
        make: Makes a client (client.Client).
        vendor: Only what concerns this vendor daemon; empty for all.
        user: Only what is of this user; empty for all.
        plain: As of the client.
    """
    settled = Settled()
    lendings = Lendings(store.directory).left()
    mine = [(lending, opened) for lending, opened in lendings if _is_meant(lending.vendor, lending.user, vendor, user)]
    try:
        work = [_settle_lending(store, make, lending, settled, plain) for lending, _ in mine]
        done = await asyncio.gather(*work)
        for (lending, opened), is_done in zip(mine, done, strict=True):
            if is_done or lending.until + _MARGIN_S <= clock.now():
                opened.end()
    finally:
        for _, opened in lendings:
            opened.leave()
    await asyncio.gather(*(_settle_return(store, make, loan, vendor, user, settled, plain) for loan in store.returning()))
    return settled


def home_root(borrowed: Borrowed) -> bytes | None:
    """The root by which the lender of a record was believed; its secret is told to nobody else."""
    from seatkeeper.licfile.trust import parse_trust

    if not borrowed.trust:
        return None
    return bytes.fromhex(parse_trust(borrowed.trust, root=None, name="The borrow record's trust file").root)


def _is_meant(vendor: str, user: str, wanted_vendor: str, wanted_user: str) -> bool:
    return wanted_vendor.lower() in ("", vendor.lower()) and wanted_user in ("", user)


async def _settle_lending(
    store: BorrowStore, make: Callable[..., Resumable], lending: Lending, settled: Settled, plain: bool | None
) -> bool:
    from seatkeeper.licfile.borrowing import claimed

    kept = [said for loan in (*store.loans(), *store.returning()) if (said := claimed(loan.data)) is not None]
    handles = tuple(said.handle for said in kept if said.vendor.lower() == lending.vendor.lower())
    try:
        await _greet(make, lending, handles, plain)
    except SeatkeeperError as error:
        settled.left.append(
            f"{lending.feature} was being borrowed from {lending.server} when its program ended; whether it was lent is not known yet: "
            f"{getattr(error, 'reason', '') or error}"
        )
        return False
    settled.lendings.append(lending)
    return True


async def _greet(make: Callable[..., Resumable], lending: Lending, handles: tuple[int, ...], plain: bool | None) -> None:
    """Return when the server knows what is on record of the session.

    Raises:
        LicenseError: It cannot be asked, or is not believed.
    """
    from seatkeeper.licfile.borrowing import Borrowed

    client = make(
        lending.server, lending.vendor, lending.root or None, user=lending.user, host=lending.host, display=lending.display, plain=plain
    )
    client.resume(lending.session, handles)
    nobodys = Borrowed(lending.vendor, "-", "", 1, "", "", "", _NOBODYS, 0.0, 0.0, bytes(_SECRET_BYTES), "", (), "", "", b"")
    async with client:
        try:
            await client.return_borrow(nobodys)
        except LicenseError as error:
            if error.number not in OVER | {_NOT_ITS_OWN}:
                raise


async def _settle_return(
    store: BorrowStore, make: Callable[..., Resumable], loan: Loan, vendor: str, user: str, settled: Settled, plain: bool | None
) -> None:
    from seatkeeper.licfile.borrowing import claimed

    said = claimed(loan.data)
    if said is None or not _is_meant(said.vendor, said.user, vendor, user):
        return
    try:
        # Whoever is returning it at this moment has its seats.
        use = store.use(loan, said, said.count, False, None)
        if use is None:
            return
        try:
            async with make(
                loan.server or None, said.vendor, home_root(said), user=said.user, host=said.host, display=said.display, plain=plain
            ) as client:
                await client.return_borrow(said)
        except LicenseError as error:
            if error.number == _NOT_ITS_OWN:
                store.restore(loan)
                raise
            if error.number not in OVER:
                raise
        finally:
            use.end()
        store.drop(loan)
    except SeatkeeperError as error:
        settled.left.append(f"{said.feature} is on its way back to {loan.server}: {getattr(error, 'reason', '') or error}")
    else:
        settled.returned.append(said)
