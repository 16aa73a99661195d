"""A checkout of a borrowed feature is served on this machine, whether or not any server can be reached.

How it works. Before a server is asked, the records of adapters.borrowed are looked at: one of this vendor and feature, of this user on
this machine, that is genuine, covers the version, has not ended, and of which enough seats are not in use. A record that should do
and does not (its end has come, the clock was set back, it was changed) is told of when no server gives seats either.

A checkout that borrows is written down before its server hears of it (adapters.lendings), and seats go home only once nobody can use
their record any more. So a process may end at any moment: what it leaves is settled by the next one (settling.py).

Seats of a record are good until its end by whichever clock comes there first: the wall clock, or the one that nobody can set,
counted from the moment at which they were taken. While they are in use that is looked at again and again, since clocks may be set
and timers do not run in a machine that sleeps.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.borrowed import BORROW_VARIABLE, BorrowStore, wished_until
from seatkeeper.adapters.lendings import Lending, Lendings
from seatkeeper.base.errors import LicenseError
from seatkeeper.base.values import version_satisfies
from seatkeeper.client.denials import failure_of
from seatkeeper.client.events import BORROWED, MINOR_LOCAL, Denial
from seatkeeper.sdk.settling import settle
from seatkeeper.wire.messages import Denied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seatkeeper.adapters.borrowed import Loan, Use
    from seatkeeper.adapters.lendings import OpenLending
    from seatkeeper.client.events import Seated
    from seatkeeper.client.profile import Identity, Target
    from seatkeeper.licfile.borrowing import Borrowed
    from seatkeeper.sdk.bearings import Trusted
    from seatkeeper.sdk.settling import Resumable
    from seatkeeper.wire.messages import Checkout, Granted

__all__ = ["CHECK_S_MAX", "SETTLE_S", "Borrowing", "Loans", "as_wished", "local_denial"]

#: Borrowed seats in use are looked at at least as often.
CHECK_S_MAX: Final = 300.0
#: So long does a checkout wait for what an earlier process has left half done.
SETTLE_S: Final = 5.0


class Borrowing:
    """Borrowed seats that this client uses.

    Attributes:
        loan: Where their record is.
        borrowed: What it says.
        count: How many of them the client uses.
        timer: When they are looked at again.
    """

    def __init__(self, loan: Loan, borrowed: Borrowed, use: Use) -> None:
        self.loan = loan
        self.borrowed = borrowed
        self.count = use.count
        self.timer: asyncio.TimerHandle | None = None
        self._use: Use | None = use
        self._boot_end = clock.boottime() + borrowed.until - clock.now()

    @property
    def left_s(self) -> float:
        """For how long they are good; 0 or less once they are not."""
        if self._use is None:
            return 0.0
        return min(self.borrowed.until - clock.now(), self._boot_end - clock.boottime())

    def end(self) -> None:
        """They are used no longer."""
        if self.timer is not None:
            self.timer.cancel()
        use, self._use = self._use, None
        if use is not None:
            use.end()


class Loans:
    """What this client's user has borrowed on this machine, and which of it this client uses, by the keys of its checkouts.

    Args:
        identity: Who the client is.
        trusted: Looks up whom to believe, when that is first asked.
        loop: The client's event loop.
        on_end: Called with the key of seats in use that may not be used any longer, and why.
    """

    def __init__(
        self,
        identity: Identity,
        trusted: Callable[[], Trusted],
        loop: asyncio.AbstractEventLoop,
        on_end: Callable[[int, LicenseError], None],
    ) -> None:
        self._identity = identity
        self._find_trusted = trusted
        self._trusted: Trusted | None = None
        self._loop = loop
        self._on_end = on_end
        self._store = BorrowStore()
        self._used: dict[int, Borrowing] = {}
        # Those that this client has borrowed itself, by server and handle: their servers may still revoke them.
        self._lent: dict[tuple[str, int], Borrowing] = {}
        self._targets: Sequence[Target] = ()
        # Checkouts that borrow and have no answer yet that has been dealt with, by server and request; and records on their way home.
        self._going: dict[tuple[int, int], OpenLending] = {}
        self._home: dict[int, Loan] = {}
        self._looked = False

    async def settle(self, make: Callable[..., Resumable], plain: bool | None) -> None:
        """Let what an earlier process has left half done be finished; that is tried once, and for a short time."""
        if self._looked or not self._store.is_there:
            return
        self._looked = True
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await settle(self._store, make, self._identity.vendor, self._identity.user, plain=plain)

    def begin(self, trusted: Trusted, targets: Sequence[Target]) -> None:
        """The client begins to ask these servers, and believes them by that; records are read by it, too."""
        self._trusted, self._targets = trusted, targets

    def going(self, server: int, want: Checkout) -> None:
        """A checkout that borrows goes to this server of the path next: what is needed to settle it is on the disk.

        Raises:
            LicenseError: -117, it cannot be written down, so nothing is asked for.
        """
        if (server, want.request) in self._going:
            return
        target, identity = self._targets[server], self._identity
        root = self._trusted[0] if self._trusted is not None else None
        lending = Lending(
            identity.vendor,
            want.feature,
            want.borrow_until,
            identity.user,
            identity.host,
            identity.display,
            target.name,
            target.secret,
            root or b"",
        )
        try:
            self._going[server, want.request] = Lendings(self._store.directory).begin(lending)
        except OSError as error:
            if self._store.directory is None:
                reason = f"There is no directory to keep a borrow in: set HOME, or {BORROW_VARIABLE}."
            else:
                reason = f"A borrow cannot be kept in {self._store.directory}: {error.strerror}."
            raise LicenseError(-117, minor=MINOR_LOCAL, reason=reason, feature=want.feature) from None

    def answered(self, server: int, answer: Granted | Denied) -> None:
        """A request has its answer, and what follows from it is done; what was granted and not kept is settled by whoever comes next."""
        if isinstance(answer, Denied) or (self._targets[server].name, answer.handle) in self._lent:
            opened = self._going.pop((server, answer.request), None)
            if opened is not None:
                opened.end()

    def came_home(self, errand: int, number: int) -> None:
        """The errand is done, or (with a number) could not be."""
        loan = self._home.pop(errand, None)
        if loan is not None and not number:
            with suppress(LicenseError):
                self._store.drop(loan)

    def serve(self, key: int, want: Checkout) -> Borrowing | LicenseError | None:
        """Borrowed seats for a checkout; why those that there are do not do; or None where there are none, or all are in use."""
        # The usual case, that nothing is borrowed here, costs one look at a directory.
        if not self._store.is_there:
            return None
        problem: LicenseError | None = None
        for loan in self._store.loans():
            try:
                borrowing = self._try(loan, want)
            except LicenseError as error:
                problem = problem or error
            else:
                if borrowing is not None:
                    return self._begin_use(key, borrowing)
        return problem

    def keep(self, seated: Seated, want: Checkout) -> Borrowing:
        """The seats that a server has just lent, on record from now on and in use by this client.

        Raises:
            LicenseError: The record is no good or cannot be kept, so the seats have to go back.
        """
        borrowed = self._read(seated.borrow)
        self._check_borrower(borrowed)
        if (borrowed.feature.lower(), borrowed.handle, borrowed.count) != (want.feature.lower(), seated.handle, seated.count):
            reason = f"The server's record is about {borrowed.count} seats of {borrowed.feature}, handle {borrowed.handle}."
            raise LicenseError(-117, minor=MINOR_LOCAL, reason=reason, feature=want.feature)
        loan = self._store.keep(seated.borrow, borrowed, clock.now(), seated.server)
        try:
            use = self._store.use(loan, borrowed, seated.count, False, clock.now())
        except LicenseError:
            self._store.drop(loan)
            raise
        # Its files are new, so nobody else can use them yet.
        assert use is not None
        borrowing = self._lent[seated.server, seated.handle] = Borrowing(loan, borrowed, use)
        return self._begin_use(seated.key, borrowing)

    def good(self, key: int) -> bool | None:
        """Whether the borrowed seats of this checkout may be used at this moment; None where it has none."""
        borrowing = self._used.get(key)
        return borrowing.left_s > 0 if borrowing is not None else None

    def end_use(self, key: int) -> bool:
        """The seats of this checkout are used no longer, and stay borrowed; false where it has no borrowed ones."""
        borrowing = self._used.pop(key, None)
        if borrowing is None:
            return False
        if borrowing.left_s > 0:
            # A clock that was set back meanwhile is told at the next use.
            with suppress(LicenseError):
                self._store.pass_time(borrowing.loan, borrowing.borrowed, clock.now())
        borrowing.end()
        return True

    def end_all(self) -> None:
        """The client has ended."""
        for key in list(self._used):
            self.end_use(key)
        for opened in self._going.values():
            opened.leave()
        self._going.clear()

    def undo(self, key: int, errand: int) -> Borrowed | None:
        """What was borrowed by this checkout, which nobody uses from now on, and which this errand takes home; None where nothing was."""
        borrowing = self._used.pop(key, None)
        if borrowing is None:
            return None
        with suppress(LicenseError):
            self._home[errand] = borrowing.loan = self._store.retire(borrowing.loan)
        borrowing.end()
        return borrowing.borrowed

    def revoked(self, server: str, handle: int, reason: str) -> None:
        """An administrator has ended a borrow; this client does not count on it any more, and nobody on this machine will again."""
        borrowing = self._lent.pop((server, handle), None)
        if borrowing is None:
            return
        self._drop(borrowing)
        for key in [key for key, used in self._used.items() if used is borrowing]:
            self._on_end(key, LicenseError(0, reason=reason))

    def _begin_use(self, key: int, borrowing: Borrowing) -> Borrowing:
        self._used[key] = borrowing
        self._watch_later(key, borrowing)
        return borrowing

    def _watch_later(self, key: int, borrowing: Borrowing) -> None:
        borrowing.timer = self._loop.call_later(min(max(borrowing.left_s, 0.0), CHECK_S_MAX), self._watch, key)

    def _watch(self, key: int) -> None:
        borrowing = self._used.get(key)
        if borrowing is None:
            return
        borrowed = borrowing.borrowed
        try:
            if borrowing.left_s <= 0:
                raise LicenseError(-118, reason=f"The borrow of {borrowed.feature} has ended.")
            self._store.pass_time(borrowing.loan, borrowed, clock.now())
        except LicenseError as error:
            if error.number != -117:
                borrowing.end()
                self._on_end(key, error)
                return
            # A full disk takes no license from who works: until the end, the clock that nobody can set keeps the time.
        self._watch_later(key, borrowing)

    def _drop(self, borrowing: Borrowing) -> None:
        """Forget a borrow; a record that cannot be deleted is refused by its server, and is over in time."""
        with suppress(LicenseError):
            self._store.drop(borrowing.loan, borrowing.end)

    def _try(self, loan: Loan, want: Checkout) -> Borrowing | None:
        # cryptography, for which only those pay who have borrowed something
        from seatkeeper.licfile.borrowing import claimed, is_same_machine

        said = claimed(loan.data)
        identity = self._identity
        if said is None or said.vendor.lower() != identity.vendor.lower() or said.feature.lower() != want.feature.lower():
            return None
        # A machine that has another name by now, as in another network, is told why its seats do not do; a home on several is not.
        if said.user != identity.user or (said.host.lower() != identity.host.lower() and not is_same_machine(said, identity.hostids)):
            return None
        if want.version and said.version and not version_satisfies(said.version, want.version, "flexnet"):
            return None
        try:
            borrowed = self._read(loan.data)
            self._check_borrower(borrowed)
        except LicenseError as error:
            if error.number == -118:
                self._store.drop(loan)
            raise
        use = self._store.use(loan, borrowed, want.count, want.up_to, clock.now())
        return Borrowing(loan, borrowed, use) if use is not None else None

    def _read(self, record: bytes) -> Borrowed:
        from seatkeeper.licfile.borrowing import read_borrowed

        if self._trusted is None:
            self._trusted = self._find_trusted()
        root, known = self._trusted
        return read_borrowed(record, root=root, today=clock.today(), known=known)

    def _check_borrower(self, borrowed: Borrowed) -> None:
        from seatkeeper.licfile.borrowing import check_borrower

        identity = self._identity
        check_borrower(borrowed, user=identity.user, host=identity.host, hostids=identity.hostids, now=clock.now())


def local_denial(problem: LicenseError) -> Denial:
    """Why seats that are borrowed here do not do, in the words of a server."""
    return Denial(BORROWED, failure_of(problem), reached=False)


def as_wished(want: Checkout, vendor: str, environment: Mapping[str, str]) -> tuple[Checkout, bool]:
    """The checkout as a borrow where its user wishes that for today, and whether he does.

    Raises:
        InputError: The wish cannot be read.
    """
    end = wished_until(vendor, clock.today(), environment) if not want.borrow_until else None
    if end is None or end.timestamp() <= clock.now():
        return want, False
    return msgspec.structs.replace(want, borrow_until=end.timestamp()), True
