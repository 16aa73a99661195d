"""Whoever has run this over a registry knows whether it is whole: the history, every order and every file, and what broke off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from seatkeeper.adapters.registry_chain import chain_faults
from seatkeeper.issue.desk import file_faults
from seatkeeper.issue.desk_base import order_in_force
from seatkeeper.issue.record import digest_of

if TYPE_CHECKING:
    from seatkeeper.adapters.registry_reading import View
    from seatkeeper.adapters.registry_values import FileRow
    from seatkeeper.licfile.trust import Trust

__all__ = ["Finding", "Report", "verify"]


class Finding(msgspec.Struct, frozen=True):
    """Something to look at.

    Attributes:
        severity: `error` where something is not as it was written or does not verify, `warning` where something broke off.
        message: What it is, in a sentence.
        remedy: What to do.
    """

    severity: str
    message: str
    remedy: str


class Report(msgspec.Struct, frozen=True):
    """What was looked at, and what was found."""

    orders: int
    files: int
    rows: int
    head: str
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """True where nothing was changed and all verifies."""
        return all(finding.severity != "error" for finding in self.findings)


_RESTORE = "Restore the registry from a backup, and find out who wrote to the database."


def verify(view: View, trust: Trust | None, *, kept: str = "") -> Report:
    """Everything that can be said about a registry.

    Args:
        view: The registry.
        trust: By which files must verify; None looks at their hashes only.
        kept: Number and hash of a row of the history, as an earlier report's `head` said.
    """
    told: dict[tuple[str, str], str] = {}
    last = "0:"
    heads = set()
    rows = list(view.history())
    for row in rows:
        last = f"{row.row}:{row.hash}"
        heads.add(last)
        if row.act in {"register", "intend", "sign"}:
            told[row.act, row.order if row.act == "register" else row.file] = str(json.loads(row.details).get("sha256", ""))
    findings = [Finding("error", fault, _RESTORE) for fault in chain_faults(rows, view.last_number("history"))]
    if kept and kept not in heads:
        findings.append(Finding("error", f"The history has no row {kept}: it was rewritten or cut off.", _RESTORE))
    orders = view.orders()
    for order in orders:
        if order.act != "imported" and (digest_of(order.text) != order.sha256 or told.pop(("register", order.number), "") != order.sha256):
            findings.append(Finding("error", f"Order {order.number} is not as it was registered.", _RESTORE))
    findings += _sums(view)
    count = 0
    for file in view.files():
        count += 1
        if told.pop(("intend", file.number), "") != file.sha256 or (file.signed is None) == (("sign", file.number) in told):
            findings.append(Finding("error", f"{file.number} is not as the history tells.", _RESTORE))
        if file.signed is not None and told.pop(("sign", file.number), "") != file.signed_sha256:
            findings.append(Finding("error", f"The signed text of {file.number} is not the one that the history tells of.", _RESTORE))
        # What took the place of a retired file makes up for it; it may well be retired because its key was stolen.
        faults = file_faults(file, trust if file.state != "retired" else None)
        remedy = _anew(view, file) if faults and "verify" in faults[0] else _RESTORE
        findings += [Finding("error", fault, remedy) for fault in faults]
        if file.state == "intended":
            message = f"{file.number} for order {file.order} was to be signed and was not; nothing of it is on a disk."
            findings.append(Finding("warning", message, f"Issue the order: `seatkeeper desk issue {file.order}`, or withdraw it."))
        elif file.state == "signed":
            message = f"{file.number} for order {file.order} was signed; whether it is at {file.destination} is not known."
            findings.append(Finding("warning", message, f"`seatkeeper desk issue {file.order}` goes on with the same file."))
    findings += [
        Finding("error", f"{number} stands in the history, and is gone from its table.", _RESTORE)
        for number in sorted({n for _, n in told})
    ]
    return Report(len(orders), count, len(rows), last, tuple(findings))


def _anew(view: View, file: FileRow) -> str:
    """What to do about a file that counts and no longer verifies."""
    order = order_in_force(view, view.order(file.order))
    return f"Issue it anew: `seatkeeper desk {'issue' if order.state == 'registered' else 'reissue'} {order.number}`."


def _sums(view: View) -> list[Finding]:
    """A finding for each order whose quantities are not what the changes along its row come to."""
    findings = []
    by_number = {order.number: order for order in view.orders()}
    for order in by_number.values():
        if order.state not in {"issued", "superseded", "ended"}:
            continue
        sums: dict[tuple[str, str], int] = {}
        at, seen = order, set()
        while at.number not in seen:
            seen.add(at.number)
            for row in view.entitlements(at.number):
                key = (row.kind, row.name.casefold())
                sums[key] = sums.get(key, 0) + row.change
            at = by_number.get(at.previous or "", at)
        own = {(row.kind, row.name.casefold()): row.quantity for row in view.entitlements(order.number)}
        if any(sums.get(key, 0) != own.get(key, 0) for key in sums.keys() | own.keys()):
            findings.append(Finding("error", f"The quantities of order {order.number} are not what its changes come to.", _RESTORE))
    return findings
