"""The desk: an order is registered once, issued once, and each of its files can be put out or made again, the same to the byte.

Theory of operation. An order that comes in is checked as always and kept as it came. Issuing it goes through `issuer` with the
registry as recorder. Changes of what a customer has (`desk_acts`) are orders too: each says all that is to be had from then on, and
names the order whose place it takes. So what a site is entitled to is what its orders say that were issued and that no other has
taken the place of, and the changes along each row of orders add up to it. When an order is issued, the files before it are retired,
in the same transaction.

Where a process ended in between, the order stays registered. Issuing it again goes on: signed texts are put out as they are, and an
attempt that had not signed is given up and made anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.keyplaces import find_key, open_key, passphrase_for
from seatkeeper.adapters.keys import credential_path, issue_credential, load_trust, read_trust, write_file
from seatkeeper.adapters.registry_engine import retried
from seatkeeper.adapters.registry_reading import LIVE
from seatkeeper.adapters.registry_values import OrderRow
from seatkeeper.base.errors import InputError
from seatkeeper.issue.desk_base import order_in_force
from seatkeeper.issue.desk_entitling import day_text, entitlement_rows
from seatkeeper.issue.desk_recorder import RegistryRecorder, wanted
from seatkeeper.issue.issuer import BACKUP_SUFFIX, Permit, issue_order, planned, sign
from seatkeeper.issue.model import AUTO
from seatkeeper.issue.order import check_order
from seatkeeper.issue.placing import Placing
from seatkeeper.issue.reading import OrderError
from seatkeeper.issue.record import digest_of
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.writer import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from seatkeeper.adapters.keyplaces import Passphrase
    from seatkeeper.adapters.registry import Act, Registry
    from seatkeeper.adapters.registry_reading import View
    from seatkeeper.adapters.registry_values import FileRow
    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Order
    from seatkeeper.issue.order import Checked
    from seatkeeper.licfile.trust import Trust

__all__ = [
    "Desk",
    "Put",
    "Registered",
    "Reproduced",
    "deliver",
    "file_faults",
    "issue",
    "order_of",
    "register",
    "reproduce",
    "withdraw",
]

_AUTO_NUMBER: Final = re.compile(r"""(?m)^(\s*number\s*=\s*)(["'])auto\2""")


class Desk(msgspec.Struct, frozen=True):
    """Where somebody works.

    Attributes:
        registry: The registry.
        catalog: What is sold.
        now: When it is, in seconds since the UNIX epoch.
        today: Which day it is here.
        by: Who it is.
    """

    registry: Registry
    catalog: Catalog
    now: float
    today: date
    by: str


class Registered(msgspec.Struct, frozen=True):
    """An order that is in the registry now, and what checking it came to."""

    row: OrderRow
    order: Order
    checked: Checked


class Put(msgspec.Struct, frozen=True):
    """A license file that was put out.

    Attributes:
        number: Its number in the registry.
        path: Where it lies.
        issuer: The key id that signed it.
        hostids: For which license servers it is.
        sha256: Of its text.
        again: True where it had been signed before.
        backup: The file that stood there before.
        changes: Of a delta: what it changes, a sentence each.
    """

    number: str
    path: Path
    issuer: str
    hostids: str
    sha256: str
    again: bool = False
    backup: Path | None = None
    changes: tuple[str, ...] = ()


class Reproduced(msgspec.Struct, frozen=True):
    """A file as it was issued.

    Attributes:
        file: Its row.
        text: Its text.
        resigned: True where it was signed anew and came out the same; False where the issuer key is not here.
    """

    file: FileRow
    text: str
    resigned: bool


@retried
def register(
    desk: Desk,
    text: str,
    name: str,
    *,
    act: str = "order",
    replaces: str = "",
    details: Mapping[str, Any] | None = None,
    maintained: tuple[str | None, str | None] | None = None,
) -> Registered:
    """The order, once it is in the registry.

    Args:
        desk: The desk.
        text: The order as TOML, as it came.
        name: The file's name, for the errors.
        act: What the order is.
        replaces: The order whose place it takes.
        details: What it changes, for the history.
        maintained: First and last day of maintenance; as before where not given.

    Raises:
        OrderError: The order cannot be issued.
        InputError: Its number or its site is taken, or the order before it is not one that can be changed.
    """
    with desk.registry.write(desk.now, desk.by) as doing:
        meant = text.removeprefix("\ufeff")
        checked = _checked(meant, name, desk)
        if checked[0].terms.number == AUTO:
            meant = _AUTO_NUMBER.sub(lambda match: f"{match[1]}{match[2]}{_draw(doing, desk)}{match[2]}", meant, count=1)
            checked = _checked(meant, name, desk)
        order, expanded = checked
        terms = order.terms
        if terms.number == AUTO:
            raise InputError("The order's number cannot be drawn.", file=name, expected='number = "auto" on a line of its own in [order]')
        known = doing.find_order(terms.number)
        if known is not None:
            remedy = "" if known.received == text else 'Give it another number; "auto" draws one.'
            remedy = remedy or f"It is the same order; issue it with `seatkeeper desk issue {terms.number}`."
            raise InputError("The registry has an order of this number.", file=name, found=terms.number, remedy=remedy)
        doing.place_site(terms.site, terms.company)
        before = _replaced(doing, replaces, terms.site) if replaces else None
        old = doing.entitlements(before.number) if before is not None else []
        if maintained is None:
            maintained = (old[0].maintained_from, old[0].maintained_until) if old else (None, None)
        row = OrderRow(
            number=terms.number,
            site=terms.site,
            act=act,
            previous=before.number if before is not None else None,
            state="registered",
            purpose=terms.purpose,
            expires=day_text(terms.expires),
            terms=msgspec.json.encode(terms).decode(),
            details=json.dumps(dict(details or {}), ensure_ascii=False, sort_keys=True),
            text=meant,
            received=text,
            sha256=digest_of(meant),
            hostids=" ".join(server.hostid for server in order.servers),
            day=desk.today.isoformat(),
            at=doing.at,
        )
        doing.add_order(row, entitlement_rows(order, expanded.lines, desk.catalog, terms.number, old, maintained=maintained))
        told = {"replaces": before.number} if before is not None else {}
        doing.tell("register", site=row.site, order=row.number, kind=act, sha256=row.sha256, **told, **(details or {}))
    return Registered(row, order, expanded)


@retried
def withdraw(desk: Desk, number: str, why: str) -> OrderRow:
    """The order, once it is withdrawn; one that was issued cannot be."""
    with desk.registry.write(desk.now, desk.by) as act:
        order = act.order(number)
        signed = list(act.files(order=number, states=LIVE))
        if order.state != "registered" or signed:
            remedy = f"Give back what it has: `seatkeeper desk end {number}`."
            state = order.state
            if state == "registered":
                # Its text may be in somebody's hands.
                state, remedy = "signed", f"Issue it, `seatkeeper desk issue {number}`, then give all of it back with `end`."
            raise InputError(
                f"Only an order that was not issued can be withdrawn; this one is {state}.",
                found=number,
                remedy=remedy,
            )
        _give_up(act, order, "the order was withdrawn")
        act.change_order(number, "withdrawn")
        act.tell("withdraw", site=order.site, order=number, why=why)
    return order


def order_of(view: View, number: str, catalog: Catalog) -> Order:
    """The registered order as a value.

    Raises:
        InputError: It was imported without its text, or the catalog has changed so that it can no longer be read.
    """
    from datetime import date

    row = view.order(number)
    if not row.text:
        remedy = f"Write the whole order, and register it with --replaces {number}."
        raise InputError("This order was imported without its text, so it cannot be changed or issued.", found=number, remedy=remedy)
    # Checked as of its own day: a license may have expired since.
    checked = check_order(row.text, f"order {number}", catalog, date.fromisoformat(row.day))
    if checked.order is None:
        raise OrderError(checked.problems)
    return checked.order


def issue(
    desk: Desk,
    number: str,
    keys: Path,
    output: Path,
    *,
    passphrase: Passphrase = None,
    force: bool = False,
    again: bool = False,
    delta_to: Path | None = None,
) -> list[Put]:
    """The license files of a registered order, once they are at `output` and the registry knows it.

    Args:
        desk: The desk.
        number: The order's number.
        keys: The directory of the vendor's keys.
        output: Where the license file is to be; of independent servers the directory.
        passphrase: Opens the private keys.
        force: Replace files that are there.
        again: Put out once more what was issued, the same to the byte.
        delta_to: Issue only what is new against this file.

    Raises:
        InputError: It was issued already and `again` is False, or as for `issuer.issue_order`.
    """
    row, order, live, whole = _taken_up(desk, number, keys, again=again)
    if row.state == "issued" or whole:
        return _put_again(desk, row, order, live, keys, output, passphrase=passphrase, force=force)
    if delta_to is not None:
        _announce_delta(desk, row, order, keys, delta_to)
    recorder = RegistryRecorder(desk.registry, desk.now, desk.by, kind="complete" if delta_to is None else "delta")
    issued = issue_order(
        order, desk.catalog, keys, output, desk.today, passphrase=passphrase, force=force, recorder=recorder, delta_to=delta_to
    )
    return [
        Put(
            each.record,
            each.path,
            each.signed.issuer,
            " ".join(each.signed.file.hostids),
            digest_of(each.signed.text),
            backup=each.backup,
            changes=each.signed.plan.changes if each.signed.plan.is_delta else (),
        )
        for each in issued.files
    ]


def reproduce(desk: Desk, number: str, trust: Trust | None, keys: Path | None = None, *, passphrase: Passphrase = None) -> Reproduced:
    """A file as it was issued: its hash is right, each line verifies, and signing it anew gives the same where the key is here.

    Args:
        desk: The desk.
        number: The file's number.
        trust: By which its lines must verify; None does not ask.
        keys: The directory of the vendor's keys, where it is to be signed anew.
        passphrase: Opens the issuer key.

    Raises:
        InputError: It was never signed, or something about it is not right.
    """
    with desk.registry.read() as view:
        file = view.file(number)
    if file.signed is None:
        raise InputError("This file was never signed.", found=number, remedy=f"Issue its order: `seatkeeper desk issue {file.order}`.")
    faults = file_faults(file, trust)
    if faults:
        raise InputError(faults[0], found=number, remedy="`seatkeeper desk verify` looks at the whole registry.")
    resigned = False
    place = find_key(keys, f"issuer-{file.issuer}") if keys is not None else None
    if place is not None:
        unsigned = parse(file.unsigned, number).file
        # What is signed is what was signed before, so the permit is one that the linter gave then.
        text = write(sign(Permit(unsigned), open_key(place, passphrase_for(passphrase, "issuer"))))
        if text != file.signed:
            raise InputError("Signing this file anew gives another text.", found=number, remedy="Report this; keep the registry as it is.")
        resigned = True
    return Reproduced(file, file.signed, resigned)


def file_faults(file: FileRow, trust: Trust | None) -> list[str]:
    """What is not right about one file, as sentences."""
    faults = []
    if digest_of(file.unsigned) != file.sha256:
        faults.append(f"The unsigned text of {file.number} was changed.")
    if file.signed is not None:
        if digest_of(file.signed) != file.signed_sha256:
            faults.append(f"The signed text of {file.number} was changed.")
        if trust is not None:
            refused = _refused(file, trust)
            more = f" ({len(refused)} lines of it)" if len(refused) > 1 else ""
            faults += [f"{file.number} does not verify{more}: {sentence}" for sentence in refused[:1]]
    return faults


@retried
def deliver(desk: Desk, number: str, how: str, recipient: str) -> None:
    """Keep that a file went to somebody.

    Args:
        desk: The desk.
        number: The file's number.
        how: In which way: mail, file, phone.
        recipient: To whom.
    """
    with desk.registry.write(desk.now, desk.by) as act:
        file = act.file(number)
        if file.signed is None:
            raise InputError("This file was never signed, so it cannot have been delivered.", found=number)
        order = act.order(file.order)
        act.insert("deliveries", {"id": act.draw("delivery"), "file": number, "how": how, "recipient": recipient, "at": act.at})
        act.tell("deliver", site=order.site, order=order.number, file=number, how=how, recipient=recipient)


@retried
def _taken_up(desk: Desk, number: str, keys: Path, *, again: bool) -> tuple[OrderRow, Order, list[FileRow], bool]:
    """The order to issue, its signed files, and whether these are all of them and good; else what an earlier attempt left is given up."""
    with desk.registry.write(desk.now, desk.by) as act:
        row = act.order(number)
        if row.state not in {"registered", "issued"}:
            follower = act.successor(number)
            remedy = f"Order {follower.number} took its place." if follower is not None else ""
            raise InputError(f"The order is {row.state}, and is not issued.", found=number, remedy=remedy)
        order = order_of(act, number, desk.catalog)
        live = list(act.files(order=number, states=LIVE))
        if row.state == "issued" and not again:
            remedy = "Give --again for the same file, or `seatkeeper desk reissue` for one that is signed today."
            raise InputError(f"The order was issued already, as {' '.join(file.number for file in live)}.", found=number, remedy=remedy)
        whole = {hostid for file in live for hostid in file.hostids.split()} >= wanted(act, row, live)
        if row.state == "registered":
            trust = load_trust(keys)[1]
            # Signed texts whose key was revoked meanwhile are of no use to anybody.
            whole = whole and not any(_refused(file, trust) for file in live)
            if not whole:
                _give_up(act, row, "an attempt to issue that broke off")
    return row, order, live, whole


def _refused(file: FileRow, trust: Trust) -> list[str]:
    """A sentence for each line of a signed file that does not verify."""
    parsed = parse(file.signed or "", file.number)
    return [verdict.sentence for verdict in verify_lines(parsed.file, trust, places=parsed.places) if not verdict.ok]


def _checked(text: str, name: str, desk: Desk) -> tuple[Order, Checked]:
    checked = check_order(text, name, desk.catalog, desk.today)
    if checked.order is None:
        raise OrderError(checked.problems)
    return checked.order, checked


def _draw(act: Act, desk: Desk) -> str:
    """The next order number of this year that nobody has taken by hand."""
    while True:
        number = f"{desk.today.year}{act.draw(f'order {desk.today.year}'):04d}"
        if act.find_order(number) is None:
            return number


def _replaced(act: Act, number: str, site: str) -> OrderRow:
    """The order whose place another takes."""
    row = act.order(number)
    follower = act.successor(number)
    if follower is not None:
        last = order_in_force(act, follower)
        remedies = {"issued": f"Change order {last.number}.", "registered": f"Issue order {last.number}, or withdraw it."}
        remedy = remedies.get(last.state, f"Order {last.number} has {last.state}; register a new order.")
        raise InputError(f"Order {follower.number} took this order's place.", found=number, remedy=remedy)
    if row.state != "issued":
        remedy = f"Issue it first: `seatkeeper desk issue {number}`." if row.state == "registered" else ""
        raise InputError(f"Only an order that was issued can be changed; this one is {row.state}.", found=number, remedy=remedy)
    if row.site != site:
        raise InputError("The order before is another site's.", found=site, expected=row.site)
    return row


def _give_up(act: Act, order: OrderRow, why: str) -> None:
    """Retire what an attempt has left: intended files, and signed ones that others are missing beside."""
    for file in list(act.files(order=order.number, states=("intended", *LIVE))):
        act.change_file(file.number, state="retired", why=why, retired_at=act.at)
        act.tell("retire", site=order.site, order=order.number, file=file.number, why=why)


def _announce_delta(desk: Desk, row: OrderRow, order: Order, keys: Path, delta_to: Path) -> None:
    """Keep which servers get a file of a delta; the others' files have all of the order already."""
    if row.act == "move":
        raise InputError("Another license server needs a whole file.", found=row.number, remedy="Issue it without --delta-to.")
    changed, _ = planned(order, desk.catalog, desk.today, load_trust(keys)[1], delta_to)
    hostids = " ".join(server.hostid for plan in changed for server in plan.servers)
    _tell(desk, "delta", row, hostids=hostids)


def _put_again(
    desk: Desk, row: OrderRow, order: Order, files: list[FileRow], keys: Path, output: Path, *, passphrase: Passphrase, force: bool
) -> list[Put]:
    """Signed texts as they were, with trust file and credentials of today, at `output`."""
    trust_path, trust = load_trust(keys)
    several = order.terms.configuration == "independent"
    done = []
    whole = several and not output.exists()
    # All together, as when they were issued.
    with Placing(output if output.is_dir() else output.parent) as placing:
        for file in files:
            data = reproduce(desk, file.number, trust).text.encode()
            place = output.joinpath(*Path(file.destination).parts[-2:]) if several else output
            if place.is_dir() or (several and output.exists() and not output.is_dir()):
                expected = "a directory, with one in it for each server" if several else "a file"
                raise InputError("The license files cannot be put there.", file=str(output), expected=expected)
            backup = None
            if place.exists() and place.read_bytes() != data:
                if not force:
                    remedy = "Name another with -o, or give --force."
                    raise InputError("This file exists and is not overwritten.", file=str(place), remedy=remedy)
                backup = place.with_name(place.name + BACKUP_SUFFIX)
            room = placing.room(f"files/{place.parent.name}" if several else "files")
            made = []
            for hostid in file.hostids.split():
                goal = credential_path(place.parent, trust.vendor, hostid)
                if not goal.exists():
                    made.append((issue_credential(keys, hostid, room, passphrase=passphrase, today=desk.today), goal, None))
            beside = place.parent / trust_path.name
            if not beside.exists() or read_trust(beside).serial < trust.serial:
                write_file(room / trust_path.name, trust_path.read_bytes(), private=False, replace=True)
                made.append((room / trust_path.name, beside, None))
            write_file(room / place.name, data, private=False, replace=True)
            for staged, goal, kept in [] if whole else [*made, (room / place.name, place, backup)]:
                placing.add(staged, goal, backup=kept)
            done.append(Put(file.number, place, file.issuer, file.hostids, digest_of(file.signed or ""), again=True, backup=backup))
        if whole:
            placing.add(placing.room("files"), output)
        placing.commit()
    recorder = RegistryRecorder(desk.registry, desk.now, desk.by)
    for file in files:
        recorder.placed(file.number)
    if row.state == "issued":
        _tell(desk, "again", row, files=" ".join(file.number for file in files), destination=str(output))
    return done


@retried
def _tell(desk: Desk, what: str, row: OrderRow, **details: str) -> None:
    """Add a row of its own about an order to the history."""
    with desk.registry.write(desk.now, desk.by) as act:
        act.tell(what, site=row.site, order=row.number, **details)
