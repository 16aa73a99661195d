"""Any license error, exit status, log line or complaint that a person pastes is answered with its cause and what to do.

How it works. A text may be a number (`-15`, `-97,121`), an exit status of a tool (`241`), or a line of any log, which carries
numbers in one of the forms that FlexNet's programs and ours write: `(-4,342)`, `(-15,570:111 "Connection refused")`,
`error:-15,570`. Numbers are explained by cases.py and cases_foreign.py, words by symptoms.py; the second number says where the error
arose, and an operating system's number behind it what the system met. A line whose words are known but which has no number is
explained by the words; the texts of `base.errors` count as words.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from seatkeeper.base.errors import LICENSE_ERRORS, error_text, special_remedy
from seatkeeper.client.cases import CASES
from seatkeeper.client.cases_foreign import FOREIGN_CASES
from seatkeeper.client.symptoms import SYMPTOMS

__all__ = ["NUMBERS", "PLACES", "SYSTEM_ERRORS", "TEXT_CHARS_MAX", "Advice", "advice_of", "explain", "remedy_of"]

#: Of a pasted text no more is read.
TEXT_CHARS_MAX: Final = 10_000
#: Symptoms and numbers told of one text.
_ADVICE_MAX: Final = 5

_ALL: Final = CASES | FOREIGN_CASES
#: The numbers that can be explained, -1 first.
NUMBERS: Final = tuple(sorted(_ALL, reverse=True))

#: Second numbers -> where the error arose (docs/protocol.md; facts, FlexNet 7.2).
PLACES: Final[dict[int, str]] = {
    7: "while the host's name was looked up, or its machine was tried",
    10: "while the connection was being made (other programs)",
    121: "at lmgrd, which has no such vendor daemon in service",
    132: "in the client, when the server denied it (other programs)",
    147: "in the client, when the server did not know the feature (other programs)",
    222: "when a tool asked for the feature's state",
    287: "while an answer was awaited",
    327: "in the vendor daemon's log, where it does not serve the feature",
    332: "in the vendor daemon's log, where others wait",
    342: "in the vendor daemon's log, where all seats are taken",
    346: "in the vendor daemon's log, where no line names the feature",
    357: "in the client, before any server was asked (other programs)",
    359: "while the license path was read, before any server was asked",
    570: "while the connection was being made",
    578: "while the connection to a vendor daemon was being made (other programs)",
    611: "in a tool, at an answer that does not belong to its question",
    612: "in a tool, when the server turned it away",
    613: "at the server, which refused an administrator's command",
    621: "in the client, before the server had greeted it",
    622: "in the client, which did not believe the server",
    623: "in the client, while it waited for the server's answer",
    624: "in the client itself, before anything was sent",
}

#: What the operating system met: numbers of Linux and Windows, name, explanation.
SYSTEM_ERRORS: Final[tuple[tuple[frozenset[int], str, str], ...]] = (
    (frozenset({2}), "no such file or directory", "A file is missing; beside -96 it only says that the name could not be resolved."),
    (frozenset({13, 10013}), "permission denied", "A local firewall or policy forbids this program the connection or the file."),
    (frozenset({24, 10024}), "too many open files", "The program has used up its file descriptors (ulimit -n)."),
    (frozenset({28}), "no space left on device", "The disk is full; the server stops rather than give a seat that it cannot write down."),
    (frozenset({98, 10048}), "address already in use", "Another program has the port."),
    (frozenset({99, 10049}), "cannot assign requested address", "The address is not one that this machine can use."),
    (frozenset({101, 10051}), "network is unreachable", "This machine has no route to that network: VPN, gateway or cable."),
    (frozenset({104, 10054}), "connection reset by peer", "The other side, or a firewall in its name, cut the connection."),
    (frozenset({110, 115, 10060, 10036, 10035}), "timed out", "Nobody answered: a firewall drops the packets, or the machine is off."),
    (
        frozenset({111, 10061}),
        "connection refused",
        "The machine is up, and nothing listens at this port: lmgrd is down, or the port is another.",
    ),
    (frozenset({113, 10065}), "no route to host", "The machine is off, or a firewall says that it cannot be reached."),
    (frozenset({11001, 11004}), "host not found", "The name service does not know the name."),
)


class Advice(msgspec.Struct, frozen=True):
    """What one number or symptom means.

    Attributes:
        title: The number with its text, or the symptom's name.
        cause: What is behind it.
        remedy: What to do.
        number: The license error's number; 0 where none belongs to it.
        section: The topic of the guide, or empty.
    """

    title: str
    cause: str
    remedy: str
    number: int = 0
    section: str = ""


# A pair in brackets with or without the system's error, as lmstat and the logs have it.
_BRACKETS: Final = re.compile(r'\((-\d{1,3})(?:,\s?(\d{1,5}))?(?::(\d{1,5})(?:\s"[^"]*")?)?\)')
_LONG: Final = re.compile(r"(?i)\berror:?\s*(-\d{1,3})(?:,\s?(\d{1,5}))?")
_SYSTEM: Final = re.compile(r"(?i)system error:?\s*(\d{1,5})")
_BARE: Final = re.compile(r'(-?\d{1,3})(?:\s*,\s*(\d{1,5}))?(?:\s*:\s*(\d{1,5})(?:\s*"[^"]*")?)?')
_STATUS: Final = re.compile(r"(?i)\b(?:exit(?:ed)?|returned|status|code)\b[^0-9]{0,20}(\d{3})(?!\d)")
#: Statuses of tools are the low bytes of the numbers (facts, FlexNet 5); below this they mean something else.
_STATUS_MIN: Final = 256 + min(_ALL)


def advice_of(number: int, minor: int = 0, system: int = 0) -> Advice | None:
    """What a license error's number means, with its second number and the operating system's; None for a number nobody uses."""
    case = _ALL.get(number)
    if case is None:
        return None
    cause, remedy = case
    if minor in PLACES:
        cause += f" It arose {PLACES[minor]} ({minor})."
    cause += "".join(f" The system says: {text}. {told}" for numbers, text, told in SYSTEM_ERRORS if system in numbers)
    pair = f"{number},{minor}" if minor else str(number)
    return Advice(f"{error_text(number)} ({pair})", cause, remedy, number)


def remedy_of(number: int, reason: str = "") -> str:
    """What to do about a license error of this number, and for this reason; empty for a number nobody uses."""
    case = _ALL.get(number)
    return special_remedy(number, reason) or (case[1] if case is not None else "")


def explain(text: str) -> tuple[Advice, ...]:
    """What a pasted number, exit status, log line or complaint means, the most special first; nothing where nothing is known."""
    text = text[:TEXT_CHARS_MAX].strip()
    bare = _BARE.fullmatch(text.strip("()"))
    if bare is not None:
        return _of_number(int(bare[1]), int(bare[2] or 0), int(bare[3] or 0))
    # Numbers with a comma or a line break inside come from a terminal that has wrapped them.
    line = " ".join(text.split())
    system = _SYSTEM.search(line)
    pairs = [(int(found[1]), int(found[2] or 0), int(found[3] or 0)) for found in _BRACKETS.finditer(line)]
    pairs += [(int(found[1]), int(found[2] or 0), int(system[1]) if system else 0) for found in _LONG.finditer(line)]
    numbered = [advice for pair in dict.fromkeys(pairs) if (advice := advice_of(*pair)) is not None]
    symptoms = _symptoms(line.lower())
    if not numbered:
        known = {advice.number for advice in symptoms}
        numbered = [advice for advice in _texts(line.lower()) if advice.number not in known]
    # A log line tells the very case by its number; a complaint's words come before what follows from them.
    found = [*numbered, *symptoms] if pairs else [*symptoms, *numbered]
    if not found:
        found = [
            Advice(f"the system's error: {words}", told, remedy_of(-15))
            for numbers, words, told in SYSTEM_ERRORS
            if words in line.lower() or (system and int(system[1]) in numbers)
        ]
    status = _STATUS.search(line)
    if not found and status is not None and _STATUS_MIN <= int(status[1]) <= 255:
        found = list(_of_number(int(status[1]), 0, 0))
    return tuple(found[:_ADVICE_MAX])


def _of_number(number: int, minor: int, system: int) -> tuple[Advice, ...]:
    if number >= _STATUS_MIN:
        advice = advice_of(number - 256)
        if advice is None:
            return ()
        return (msgspec.structs.replace(advice, title=f"exit status {number} is error {number - 256}: {error_text(number - 256)}"),)
    advice = advice_of(number if number < 0 else -number, minor, system)
    return (advice,) if advice is not None else ()


def _symptoms(line: str) -> list[Advice]:
    found = [symptom for symptom in SYMPTOMS if any(re.search(pattern, line) for pattern in symptom.patterns)]
    special = [symptom for symptom in found if not symptom.general]
    return [Advice(symptom.name, symptom.cause, symptom.remedy, symptom.number, symptom.section) for symptom in special or found]


def _texts(line: str) -> list[Advice]:
    """The errors whose short texts stand in the line."""
    found = [(len(text), number) for number, (text, _) in LICENSE_ERRORS.items() if text.rstrip(".").lower() in line]
    # "Feature has expired" stands within no other text, but one text may contain another: the longest is the one that is meant.
    longest = max((length for length, _ in found), default=0)
    return [advice for length, number in found if length == longest and (advice := advice_of(number)) is not None]
