"""What path, files, names, ports and servers turned out to be is told in one sentence each, with the remedy where one is needed.

The first half of a diagnosis (diagnosis.py): everything that can be found out without asking for seats. The facts come from
`sdk.probe` as values; nothing is looked up here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.diagnosis import Step, step_of_error
from seatkeeper.client.path import Address, vendor_variable
from seatkeeper.client.remedies import remedy_of
from seatkeeper.licfile.hostid import explain_mismatch, matches_any, parse_hostids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.client.path import Chosen, Entry
    from seatkeeper.licfile.hostid import HostFacts, HostId
    from seatkeeper.licfile.signature import Verdict
    from seatkeeper.wire.messages import ServerStatus

__all__ = [
    "PROBLEMS_NAMED_MAX",
    "Lookup",
    "PortProbe",
    "daemon_step",
    "file_step",
    "hostid_step",
    "name_step",
    "path_step",
    "port_step",
    "protocol_step",
    "signature_step",
    "wrong_path_step",
]

#: What several servers in a path mean (guide, Multiple, Independent Servers Configuration: its tip, its limit and its warning).
_INDEPENDENT: Final = (
    "its servers are independent: a checkout is held at one of them at a time, which gives no more than its own license file says",
    "where one of them ends, its licenses are gone for the applications of all sites until it is back",
)
#: Lines of a file that are told of.
PROBLEMS_NAMED_MAX: Final = 5


class Lookup(msgspec.Struct, frozen=True):
    """What the name service said of a host: its addresses, or what is wrong."""

    host: str
    addresses: tuple[str, ...] = ()
    problem: str = ""


class PortProbe(msgspec.Struct, frozen=True):
    """How a port took a connection.

    Attributes:
        address: Host and port.
        state: `refused` by the machine, `silent` where nobody answers, `unreachable` where there is no way, `forbidden` by this machine.
        waited_s: How long an answer was waited for.
        system: Number and text of the operating system's error.
    """

    address: Address
    state: Literal["open", "refused", "silent", "unreachable", "forbidden"]
    waited_s: float = 0.0
    system: tuple[int, str] | None = None


def path_step(chosen: Chosen | None, entries: Sequence[Entry], vendor: str, unused: Sequence[Chosen] = ()) -> Step:
    """Which license path counts; `unused` are those of lower priority, which people take for the one that counts."""
    if chosen is None or not entries:
        origin = f"The license path of {chosen.origin} is empty." if chosen is not None else "No license path is given."
        remedy = f"Name the license server with -c 7260@HOST, or set {vendor_variable(vendor)} or LM_LICENSE_FILE."
        return Step("path", "failed", origin, "", -1, 359, remedy)
    details = tuple(f"{other.origin}={other.text} does not count beside it" for other in unused)
    if len(entries) > 1:
        details += _INDEPENDENT
    # What was given on the command line has no name of its own.
    origin = "the command line" if chosen.origin == "license path" else chosen.origin
    return Step("path", "ok", f"The license path is {chosen.text}, from {origin}.", details=details)


def wrong_path_step(error: InputError) -> Step:
    """A license path that cannot be understood."""
    return Step(
        "path", "failed", str(error), "", -42, 359, "Write entries as 7260@HOST, a file or a directory, with the separator between."
    )


def file_step(place: str, addresses: Sequence[Address], error: LicenseError | None) -> Step:
    """Whether a file or directory of the path leads to servers."""
    if error is not None:
        return step_of_error("files", error, place)
    return Step("files", "ok", f"{place} names the license server {','.join(map(str, addresses))}.", place)


def name_step(lookup: Lookup) -> Step:
    """Whether a host's name can be resolved."""
    if lookup.addresses:
        listed = ", ".join(lookup.addresses)
        sentence = f"{lookup.host} is {listed}." if lookup.addresses != (lookup.host,) else f"{lookup.host} is an address."
        return Step("names", "ok", sentence, lookup.host)
    sentence = f"The name {lookup.host} cannot be resolved on this machine: {lookup.problem.rstrip('.')}."
    remedy = "Correct the host in the license path or on the SERVER line, or add the name to DNS or the hosts file of this machine."
    return Step("names", "failed", sentence, lookup.host, -96, 7, remedy)


def port_step(probe: PortProbe, vendor: str = "") -> Step:
    """Whether a port can be reached: lmgrd's, or with `vendor` that daemon's own, of which seatkeeper's clients have no need."""
    place = str(probe.address)
    whose = f"{place}, the fixed port of {vendor}," if vendor else place
    if probe.state == "open":
        return Step("ports", "ok", f"{whose} accepts connections.", place)
    text = probe.system[1] if probe.system is not None else ""
    sentence, number, remedy = {
        "refused": (
            f"{whose} refuses connections: the machine is up, and nothing listens at this port.",
            -15,
            "Start lmgrd on that machine, or correct the port: `lmdiag` without -n looks for the one on which it listens.",
        ),
        "silent": (
            f"{whose} did not answer within {probe.waited_s:g} s: a firewall drops the packets, or the machine is off.",
            -96,
            "Switch the machine on; else let the firewalls of both machines and between them pass TCP to this port.",
        ),
        "unreachable": (
            f"{whose} cannot be reached: {text}.",
            -96,
            "Look at this machine's network: cable, VPN, gateway, and whether the other machine is on.",
        ),
        "forbidden": (
            f"This machine does not let a program connect to {whose.rstrip(',')}: {text}.",
            -15,
            "Allow outgoing connections to this port in this machine's own firewall or security policy.",
        ),
    }[probe.state]
    if vendor:
        remedy = f"lmgrd hands connections over on its own port, so this matters only to servers on Windows. {remedy}"
        return Step("ports", "warning", sentence, place, number, 570, remedy)
    return Step("ports", "failed", sentence, place, number, 570 if number == -15 else 7, remedy)


def protocol_step(address: Address, status: ServerStatus | None, error: LicenseError | None) -> Step:
    """Whether a license server of this protocol answers at the port."""
    place = str(address)
    if status is not None:
        return Step("protocol", "ok", f"{place} is lmgrd v{status.version} of {status.host}.", place)
    assert error is not None
    return step_of_error("protocol", error, place)


def daemon_step(vendor: str, status: ServerStatus, place: str) -> Step:
    """Whether the vendor daemon is up, and why not."""
    daemon = next((daemon for daemon in status.daemons if daemon.name.lower() == vendor.lower()), None)
    if daemon is None:
        names = ", ".join(known.name for known in status.daemons) or "none"
        sentence = f"The license server {place} has no vendor daemon {vendor}; its vendor daemons: {names}."
        return Step(
            "daemon",
            "failed",
            sentence,
            place,
            -97,
            121,
            f"Name the right server, or the right vendor (--vendor), or add {vendor}'s lines there.",
        )
    if not daemon.up:
        reason = daemon.reason.rstrip(".") or "no reason is known"
        sentence = f"The vendor daemon {daemon.name} on {place} is down: {reason}."
        return Step("daemon", "failed", sentence, place, -97, 121, remedy_of(-97, sentence))
    if daemon.restarts:
        times = "once" if daemon.restarts == 1 else f"{daemon.restarts} times"
        sentence = f"{daemon.name} v{daemon.version} is up; it ended unasked and was restarted {times}."
        return Step("daemon", "warning", sentence, place, remedy="Look into the server's debug log for why it ended.")
    return Step("daemon", "ok", f"{daemon.name} v{daemon.version} is up.", place)


def hostid_step(name: str, hostids: Sequence[str], facts: HostFacts) -> Step:
    """Whether this machine is one that the SERVER lines of the file `name` are for."""
    wanted: list[HostId] = []
    try:
        for text in hostids:
            wanted += parse_hostids(text)
        good = matches_any(wanted, facts)
        told = explain_mismatch(wanted, facts)
    except ValueError:
        good, told = False, explain_mismatch(" ".join(hostids), facts)
    if good:
        return Step("hostid", "ok", f"This machine is the one that {name} is for: {' '.join(hostids)}.", name)
    return Step("hostid", "failed", told, name, -9, 0, remedy_of(-9))


def signature_step(name: str, verdicts: Sequence[Verdict], feature: str, *, served: bool) -> Step:
    """Whether the lines of a file are as the vendor signed them.

    Args:
        name: The file.
        verdicts: One for each of its lines.
        feature: The feature that matters; empty for all.
        served: Whether a vendor daemon reads this file; of a client's copy only the SERVER lines matter.
    """
    wanted = feature.lower()
    ours = [verdict for verdict in verdicts if not wanted or verdict.line.name.lower() == wanted]
    bad = [verdict for verdict in verdicts if not verdict.ok]
    if not bad:
        lines = "1 license line" if len(verdicts) == 1 else f"{len(verdicts)} license lines"
        return Step("signature", "ok", f"{lines} of {name} verified.", name)
    # What matters to the feature is told first.
    bad.sort(key=lambda verdict: verdict not in ours)
    fatal = served and bool(ours) and not any(verdict.ok for verdict in ours)
    first = bad[0]
    details = tuple(verdict.sentence for verdict in bad[1:PROBLEMS_NAMED_MAX])
    if len(bad) > PROBLEMS_NAMED_MAX:
        details = (*details, f"and {len(bad) - PROBLEMS_NAMED_MAX} more lines")
    sentence = f"{name}: {first.sentence}"
    return Step("signature", "failed" if fatal else "warning", sentence, name, first.number, 0, remedy_of(first.number), details)
