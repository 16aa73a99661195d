"""`lmborrow` says what is to be borrowed today, shows what is, and gives it back; an administrator ends with it a borrow of somebody else.

It runs on the borrower's machine, and all but `-return` and `-revoke` needs no license server (facts, FlexNet 5.6). A return
asks the server that lent the seats, with the secret of their record, and forgets the record only when the server has taken them
back, or knows nothing of them any more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.borrowed import BorrowStore, wished_until, wishes_path
from seatkeeper.adapters.host import host_facts, host_name, user_name
from seatkeeper.adapters.lendings import Lendings
from seatkeeper.adapters.settings import pinned_root
from seatkeeper.adapters.textfiles import change_text, read_text
from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.base.values import parse_version
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmcommon import UsageError
from seatkeeper.client.wishes import ALL, WISH_VARIABLE, Wish, parse_end, parse_wish, wishes_of, with_wish, without_wish
from seatkeeper.licfile.grammar import check_vendor_name
from seatkeeper.sdk.settling import OVER

if TYPE_CHECKING:
    from seatkeeper.adapters.borrowed import Loan
    from seatkeeper.cli.lmcommon import Options
    from seatkeeper.client.path import Address
    from seatkeeper.licfile.borrowing import Borrowed
    from seatkeeper.sdk.settling import Settled
    from seatkeeper.wire.messages import HolderStatus

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmborrow {VENDOR | all} ENDDATE [TIME]
       lmborrow -status [--json]
       lmborrow -clear
       lmborrow -purge
       lmborrow -return [-c PATH] [-d DISPLAY] [-u USER] [-h HOST] [-fqdn] [-vendor VENDOR] FEATURE [-bv VERSION]
       lmborrow -revoke [-c PATH] [-q] VENDOR FEATURE HANDLE

    VENDOR ENDDATE TIME   what this user checks out today is borrowed until then (dd-mmm-yyyy, hh:mm); without TIME until the day's end
    -status       what is borrowed on this machine
    --json        the same as JSON
    -clear        borrow no more; what is borrowed stays so
    -purge        forget borrows that have ended, and settle with their servers what a crash has broken off
    -return       give borrowed seats of FEATURE back before their time
    -c PATH       the license server, where that is not to be the one that lent them, as it was called then
    -d -u -h      only what was borrowed on this display, by this user, on this host
    -fqdn         the host's name with its domain, as it stands in the record
    -vendor NAME  only what this vendor daemon lent
    -bv VERSION   only this version
    -revoke       for administrators: free a borrower's seats on the server, although he may use them until their end
    -q            do not ask
    -v            version of this program
    -help         this text
"""

_KINDS: Final = {
    "-status": "",
    "--json": "",
    "-clear": "",
    "-purge": "",
    "-return": "",
    "-revoke": "",
    "-d": "display",
    "-u": "user",
    "-h": "host",
    "-fqdn": "",
    "-vendor": "vendor",
    "-bv": "version",
    "-q": "",
}
_DEEDS: Final = ("-status", "-clear", "-purge", "-return", "-revoke")
#: Flag to the deeds that take it.
_FLAGS_OF: Final = {
    "--json": ("-status",),
    "-c": ("-return", "-revoke"),
    "-q": ("-revoke",),
    **dict.fromkeys(("-d", "-u", "-h", "-fqdn", "-vendor", "-bv"), ("-return",)),
}
_WORDS_MAX: Final = 3
_PRIVATE: Final = 0o600
_NOT_CONFIRMED: Final = 1
#: The server does not take the seats back for this record's secret.
_NOT_ITS_OWN: Final = -124


def run(argv: list[str], program: str) -> int:
    """Does what the command line asks for; returns 0 when it is done, 1 when nobody said yes.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: It cannot be done.
    """
    options = lmcommon.read_options(argv, _KINDS, _WORDS_MAX)
    year = datetime.fromtimestamp(clock.now()).year
    if lmcommon.said(options, program, "lmborrow", USAGE, year):
        return 0
    asked = [deed for deed in _DEEDS if options.has(deed)]
    if len(asked) > 1:
        raise UsageError("lmborrow does one thing at a time.", found=" ".join(asked), expected="one of " + ", ".join(_DEEDS))
    deed = asked[0] if asked else ""
    for flag, deeds in _FLAGS_OF.items():
        if options.has(flag) and deed not in deeds:
            raise UsageError(f"{flag} belongs to {' or '.join(deeds)}.", found=deed or " ".join(options.words))
    if not options.has("--json"):
        print(lmcommon.banner(program, year))
    if deed == "-revoke":
        return _revoke(options)
    if deed == "-return":
        return _return(options)
    if deed:
        if options.words:
            raise UsageError(f"{deed} takes no words.", found=" ".join(options.words))
        return {"-status": _status, "-clear": _clear, "-purge": _purge}[deed](options)
    return _wish(options)


# What is to be borrowed -------------------------------------------------------------------------------------------


def _wish(options: Options) -> int:
    if len(options.words) < 2:
        raise UsageError(
            "It is not said from which vendor, or until when.",
            found=" ".join(options.words),
            expected="VENDOR ENDDATE, as in all 31-dec-2026",
        )
    vendor, day, *hour = options.words
    try:
        if vendor.lower() != ALL:
            check_vendor_name(vendor)
    except ValueError as error:
        raise UsageError("This is no vendor.", found=vendor, expected=f"{error}, or {ALL}") from None
    try:
        end = parse_end(day, *hour)
    except ValueError as error:
        raise UsageError("This is no end of a borrow.", found=" ".join([day, *hour]), expected=str(error)) from None
    if end.timestamp() <= clock.now():
        raise UsageError("A borrow has to end in the future.", found=" ".join([day, *hour]))
    wish = Wish(clock.today(), vendor, end)
    path = _wishes_path()
    change_text(path, lambda text: with_wish(text, wish), mode=_PRIVATE)
    print(f"{WISH_VARIABLE}={wish}")
    whose = "any vendor" if vendor.lower() == ALL else vendor
    print(f"What is checked out today from {whose} is borrowed until {_moment(end)}. `lmborrow -clear` takes that back.")
    if os.environ.get(WISH_VARIABLE):
        lmcommon.complain("lmborrow", f"{WISH_VARIABLE} is set in the environment too, and that counts first.")
    return 0


def _clear(_options: Options) -> int:
    place = _wishes_path()
    if _forget_wishes(ALL):
        print("Nothing more is borrowed today. What is borrowed stays so until its end, or until `lmborrow -return`.")
    else:
        print(f"There is nothing to clear in {place}.")
    if os.environ.get(WISH_VARIABLE):
        lmcommon.complain("lmborrow", f"{WISH_VARIABLE} is set in the environment, and counts on: unset it.")
    return 0


def _wishes_path() -> Path:
    path = wishes_path(os.environ)
    if path is None:
        raise InputError("There is no home directory to keep this in.", file="HOME", remedy=f"Set HOME, or {WISH_VARIABLE}.")
    return path


def _forget_wishes(vendor: str) -> bool:
    """True where there was one about the vendor."""
    path = wishes_path(os.environ)
    if path is None:
        return False
    try:
        if not path.exists():
            return False
        text, left = change_text(path, lambda text: without_wish(text, vendor), mode=_PRIVATE)
    except InputError as error:
        raise LicenseError(-122, reason=str(error)) from None
    return left != text


# What is borrowed -------------------------------------------------------------------------------------------------


def _status(options: Options) -> int:
    from seatkeeper.licfile.borrowing import read_borrowed

    root = pinned_root(None)
    shown: list[tuple[Borrowed, str]] = []
    problems: list[str] = []
    for loan in BorrowStore().loans():
        try:
            borrowed = read_borrowed(loan.data, root=root, today=clock.today())
        except LicenseError as error:
            problems.append(f"{loan.path}: {error.short()} {error.reason}")
            continue
        if borrowed.until > clock.now():
            shown.append((borrowed, loan.server))
        else:
            problems.append(f"{loan.path}: the borrow of {borrowed.feature} has ended; lmborrow -purge deletes it.")
    shown.sort(key=lambda one: (one[0].vendor, one[0].feature, one[0].until))
    if options.has("--json"):
        print(msgspec.json.format(msgspec.json.encode([_row(borrowed, lender) for borrowed, lender in shown]), indent=2).decode())
    else:
        print(f"\n{'Vendor':<11}{'Feature':<33}Expiration\n{'_' * 6:<11}{'_' * 8:<33}{'_' * 10}\n")
        for borrowed, _ in shown:
            print(f"{borrowed.vendor:<10} {borrowed.feature:<32} {_moment(datetime.fromtimestamp(borrowed.until))}")
        _say_wishes()
    store = BorrowStore()
    problems += [f"{loan.path}: these seats are on their way back; `lmborrow -purge` brings them home." for loan in store.returning()]
    if Lendings(store.directory).any_left():
        problems.append("A borrow was broken off before its record was kept; `lmborrow -purge` settles it with the server.")
    for problem in problems:
        lmcommon.complain("lmborrow", problem)
    return 0


def _say_wishes() -> None:
    """Tells what today's checkouts borrow."""
    text = os.environ.get(WISH_VARIABLE)
    path = wishes_path(os.environ)
    try:
        wishes = [parse_wish(text)] if text else wishes_of(read_text(path) or "") if path is not None else []
    except ValueError:
        # The same question as an application asks, for the same sentence.
        wished_until("", clock.today(), os.environ)
        raise
    for wish in wishes:
        if wish.start == clock.today():
            whose = "any vendor" if wish.vendor.lower() == ALL else wish.vendor
            print(f"\nWhat is checked out today from {whose} is borrowed until {_moment(wish.end)}.")


def _row(borrowed: Borrowed, lender: str) -> dict[str, object]:
    """What a script wants to know of a borrow, with the lender as the license path called it; its secret is not among it."""
    names = ("vendor", "feature", "version", "count", "user", "host", "display", "handle")
    moments = {name: datetime.fromtimestamp(getattr(borrowed, name)).astimezone().isoformat() for name in ("start", "until")}
    return {name: getattr(borrowed, name) for name in names} | {"server": lender or borrowed.server} | moments


def _purge(_options: Options) -> int:
    store = BorrowStore()
    settled = _settle(store)
    ended = store.purge(clock.now())
    for loan in ended:
        print(f"{loan.path} is deleted.")
    if not ended and not settled.lendings and not settled.returned:
        print("No borrow has ended here.")
    return 0


def _settle(store: BorrowStore) -> Settled:
    """Lets what a crash has left half done be finished, and tells of it."""
    from seatkeeper.sdk import Client
    from seatkeeper.sdk.settling import settle

    settled = asyncio.run(settle(store, Client))
    for lending in settled.lendings:
        print(f"{lending.feature}: a borrow that was broken off is settled with {lending.server}.")
    for borrowed in settled.returned:
        seats = "1 seat" if borrowed.count == 1 else f"{borrowed.count} seats"
        print(f"{borrowed.feature}: {seats} returned to {borrowed.server}, as was begun before.")
    for sentence in settled.left:
        lmcommon.complain("lmborrow", sentence)
    return settled


# Giving back ------------------------------------------------------------------------------------------------------


def _return(options: Options) -> int:
    if len(options.words) != 1:
        raise UsageError("It is not said which feature is to be returned.", found=" ".join(options.words), expected="FEATURE")
    feature = options.words[0]
    store = BorrowStore()
    settled = _settle(store)
    loans = [*store.loans(), *store.returning()]
    chosen = [(loan, borrowed) for loan in loans if (borrowed := _chosen(loan, feature, options)) is not None]
    if not chosen and any(borrowed.feature.lower() == feature.lower() for borrowed in settled.returned):
        return 0
    if not chosen:
        who = f"{options.flags.get('-u') or user_name()} on {options.flags.get('-h') or host_name()}"
        reason = f"No such license of {feature} is borrowed here by {who}: see `lmborrow -status`."
        raise LicenseError(-124, reason=reason, remedy="Return it on the machine and under the account that borrowed it.")
    for loan, borrowed in chosen:
        _return_one(store, loan, borrowed, options)
        if _forget_wishes(borrowed.vendor):
            print(f"Today's checkouts from {borrowed.vendor} are not borrowed any more.")
    if os.environ.get(WISH_VARIABLE):
        lmcommon.complain("lmborrow", f"{WISH_VARIABLE} is set in the environment, and counts on: unset it.")
    return 0


def _chosen(loan: Loan, feature: str, options: Options) -> Borrowed | None:
    """What the record says, where it is one of those that the command line means."""
    from seatkeeper.licfile.borrowing import claimed

    borrowed = claimed(loan.data)
    if borrowed is None or borrowed.feature.lower() != feature.lower():
        return None
    vendor, display = options.flags.get("-vendor"), options.flags.get("-d")
    if vendor is not None and vendor.lower() != borrowed.vendor.lower():
        return None
    if display is not None and display != borrowed.display:
        return None
    if borrowed.user != options.flags.get("-u", user_name()):
        return None
    hosts = [options.flags["-h"]] if options.has("-h") else [host_name()]
    if options.has("-fqdn"):
        hosts.append(host_facts().fqdn)
    if borrowed.host.lower() not in [host.lower() for host in hosts]:
        return None
    return borrowed if _is_version(options.flags.get("-bv"), borrowed.version) else None


def _is_version(wanted: str | None, version: str) -> bool:
    if wanted is None:
        return True
    try:
        return parse_version(wanted) == parse_version(version)
    except ValueError as error:
        raise UsageError("This is no version.", found=wanted, expected=str(error)) from None


def _return_one(store: BorrowStore, loan: Loan, borrowed: Borrowed, options: Options) -> None:
    """Gives the seats of one record back, unless somebody works with them."""
    use = store.use(loan, borrowed, borrowed.count, False, None)
    if use is None:
        reason = f"Borrowed seats of {borrowed.feature} are in use on this machine."
        raise LicenseError(-124, reason=reason, remedy="End the application first.")
    told: list[bool] = []
    try:
        # Nobody uses the record from here on, whenever this program ends: the server may have given the seats to somebody else.
        loan = store.retire(loan)
        server = _send_home(borrowed, options.flags.get("-c"), loan.server, told)
        # While they are still in use here, so that no application takes them that has read the record before.
        store.drop(loan, use.end)
    except LicenseError as error:
        if error.number in OVER:
            store.drop(loan, use.end)
            lmcommon.complain("lmborrow", f"the server holds these seats no longer; their record {loan.path} is deleted.")
        elif not any(told) or error.number == _NOT_ITS_OWN:
            store.restore(loan)
        else:
            lmcommon.complain("lmborrow", f"the server may have taken {borrowed.feature} back, so nobody uses it here: repeat the return.")
        raise
    finally:
        use.end()
    seats = "1 seat" if borrowed.count == 1 else f"{borrowed.count} seats"
    print(f"{borrowed.feature}: {seats} returned to {server}.")


def _send_home(borrowed: Borrowed, path: str | None, lender: str, told: list[bool]) -> str:
    """The server that has taken the seats back: one of `-c`, or else the lender, or one of the user's own license path.

    `told` says for each that could not be asked or did not take them whether it was told to.
    """
    from seatkeeper.sdk.blocking import Client
    from seatkeeper.sdk.settling import home_root

    root = pinned_root(None) or home_root(borrowed)
    refusal: LicenseError | None = None
    for server in [path] if path is not None else [lender, None] if lender else [None]:
        try:
            with Client(
                server, borrowed.vendor, root, user=borrowed.user, host=borrowed.host, display=borrowed.display, application="lmborrow"
            ) as client:
                try:
                    client.return_borrow(borrowed)
                finally:
                    told.append(client.is_sent_home(borrowed))
                return server or "the server of the license path"
        except LicenseError as error:
            if error.number in OVER:
                raise
            # That there is no license path says less than why the lender cannot be reached.
            refusal = refusal if refusal is not None and error.number == -1 else error
    assert refusal is not None
    raise refusal


# For administrators -------------------------------------------------------------------------------------------------


def _revoke(options: Options) -> int:
    from seatkeeper.sdk.admin import revoke

    if len(options.words) != 3:
        raise UsageError("It is not said which borrow is to end.", found=" ".join(options.words), expected="VENDOR FEATURE HANDLE")
    vendor, feature, text = options.words
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= 2**53):
        raise UsageError("HANDLE is no such number.", found=text, expected="the number that `lmstat -a` prints")
    address, holder = _borrower(options.flags.get("-c"), vendor, feature, int(text))
    seats = "1 seat" if holder.count == 1 else f"{holder.count} seats"
    end = ""
    if holder.linger_s:
        end = f" until {_moment(datetime.fromtimestamp(clock.now() + holder.linger_s))}"
    print(f"{holder.user} has borrowed {seats} of {feature} on {holder.host}, and may go on using them there without a server{end}.")
    print(f"They become free for others all the same, so that as many more may be in use as are licensed: {seats}.")
    if not options.has("-q") and not _confirmed():
        print("Nothing is revoked.")
        return _NOT_CONFIRMED
    print(revoke(address.host, address.port, vendor, int(text)))
    return 0


def _borrower(path: str | None, vendor: str, feature: str, handle: int) -> tuple[Address, HolderStatus]:
    """Where the borrow is, and whose."""
    from seatkeeper.sdk.admin import pools

    targets, _ = lmcommon.targets_of(lmcommon.license_path(path, os.environ))
    replies = lmcommon.ask_all(targets)
    problem = next((reply.error for reply in replies if reply.error is not None), None)
    for reply in replies:
        if reply.status is None or reply.at is None or not any(one.name.lower() == vendor.lower() for one in reply.status.daemons):
            continue
        try:
            found = pools(reply.at.host, reply.at.port, vendor, feature)
        except LicenseError as error:
            problem = error
            continue
        for pool in found:
            for holder in pool.holders:
                if holder.handle == handle and holder.borrowed:
                    return reply.at, holder
        reason = f"No borrow of {feature} has handle {handle}: `lmstat -f {feature}` shows the borrowed ones with the seconds they linger."
        problem = LicenseError(-41, reason=reason, remedy="Name it exactly as lmstat prints it.")
    reason = f"No server of the license path has a vendor daemon {vendor}."
    raise problem or LicenseError(-97, minor=121, reason=reason, remedy="Name one that `lmstat -a` shows.")


def _confirmed() -> bool:
    sys.stdout.write("Are you sure (y/n)? ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        print()
    return line.strip().lower() in ("y", "yes")


def _moment(at: datetime) -> str:
    return f"{format_date(at.date(), pad=False)} {at:%H:%M}"
