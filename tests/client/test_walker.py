"""walker: whole conversations with one and several servers, as golden files.

A file begins with a sentence that says what it proves, then names the servers. A line that begins with `@` is an event with its time;
the indented lines below it are what the client does about it. SEATKEEPER_REWRITE_GOLDEN=1 writes the indented lines anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatkeeper.client.events import (
    Abandon,
    Ask,
    Broken,
    Close,
    Connect,
    Event,
    Failed,
    Failure,
    GiveBack,
    GivenBack,
    HandBack,
    Idle,
    Instruction,
    Leave,
    Mistrusted,
    Opened,
    Placed,
    Received,
    Revoked,
    Seated,
    Send,
    Tell,
    Tick,
    Unseated,
)
from seatkeeper.client.path import parse_path
from seatkeeper.client.profile import Identity, Limits, Target
from seatkeeper.client.walker import Walker
from seatkeeper.wire import messages
from seatkeeper.wire.messages import BORROW_BYTES, Checkout, Hello, ReturnBorrow, Welcome

GOLDEN = Path(__file__).parents[1] / "golden" / "client"
NAMES = {name: getattr(messages, name) for name in messages.__all__}


def welcome(*held: int, heartbeat_s: float = 20.0, lease_s: float = 60.0) -> Welcome:
    return Welcome(messages.PROTOCOL, "licsrv", "0.1.0", heartbeat_s, lease_s, list(held), ["ANY"])


def event(line: str) -> Event:
    verb, *rest = line.split()
    if verb == "ask":
        key, feature = int(rest[0]), rest[1]
        more = rest[2:]
        version = next((word for word in more if word[0].isdigit()), "")
        count = next((int(word[1:]) for word in more if word[0] == "x"), 1)
        borrow_until = next((float(word[1:]) for word in more if word[0] == "b"), 0.0)
        flags = {"queue": "queue" in more, "trial": "trial" in more}
        return Ask(key, Checkout(0, feature, version, count, "up_to" in more, borrow_until=borrow_until, **flags))
    if verb == "tick":
        return Tick()
    if verb == "leave":
        return Leave()
    number = int(rest[0])
    if verb in ("idle", "busy"):
        return Idle(verb == "idle", number)
    if verb == "home":
        return HandBack(number, ReturnBorrow(0, int(rest[1]), bytes(BORROW_BYTES)))
    if verb == "back":
        return GiveBack(number)
    if verb == "abandon":
        return Abandon(number)
    if verb == "opened":
        return Opened(number, bytes(32))
    if verb == "failed":
        return Failed(number, Failure(int(rest[1])))
    if verb == "broken":
        return Broken(number, Failure(-16, reason="The connection was closed by the other side."))
    message = eval(line.split(None, 2)[2], {"__builtins__": {}, **NAMES, "welcome": welcome})
    if verb == "mistrusted":
        return Mistrusted(number, message, Failure(-33, reason="No proof."))
    assert verb == "got", line
    return Received(number, message)


def told(instruction: Instruction) -> str:
    match instruction:
        case Connect(link, server, address):
            return f"connect {link} to server {server} at {address}"
        case Send(link, Hello(held=held, asking=asking)):
            return f"send {link} Hello held={held} asking={asking}"
        case Send(link, message):
            values = [getattr(message, name) for name in message.__struct_fields__]
            # Fields at the end that say nothing are left out, so that a message may grow.
            while values and values[-1] in ("", b"", 0, False):
                values.pop()
            return f"send {link} {type(message).__name__}({', '.join(map(repr, values))})"
        case Close(link):
            return f"close {link}"
        case Seated(key, handle, count, version, expiry, server, borrow):
            kept = f" with a record of {len(borrow)} bytes" if borrow else ""
            return f"seated {key}: handle {handle}, {count} of v{version} until {expiry or '-'} from {server}{kept}"
        case Placed(key, position, server):
            return f"placed {key}: {position} at {server}"
        case Revoked(handle, server, reason):
            return f"revoked {handle} of {server}: {reason}"
        case Unseated(key, denials):
            return f"denied {key}: " + "; ".join(f"{denial.server} {denial.failure.number}" for denial in denials)
        case GivenBack(key, number):
            return f"given back {key}: {number}"
        case Tell(news):
            return f"tell {news}"
    raise AssertionError(instruction)


def play(text: str) -> str:
    """The conversation with everything that the client does."""
    lines: list[str] = []
    walker: Walker | None = None
    for line in text.splitlines():
        if line.startswith("servers "):
            entries = parse_path(line.removeprefix("servers "), windows=False)
            targets = [Target(entry.text, entry.addresses, bytes([index] * 16)) for index, entry in enumerate(entries)]
            walker = Walker(targets, Identity("genesys.d", "ann", "desk7", "/dev/tty"), Limits())
        if not line.startswith("    "):
            lines.append(line)
        if line.startswith("@"):
            assert walker is not None
            at, happened = line[1:].split(None, 1)
            now = float(at)
            lines += [f"    {told(instruction)}" for instruction in walker.handle(event(happened), now, 0.5)]
            due = walker.next_deadline()
            assert due is None or due > now - 1e-9, f"{line}: a tick stays due"
            lines.append(f"    next tick at {due:g}" if due is not None else "    no tick")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.txt")), ids=lambda file: file.stem)
def test_conversation(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    played = play(text)
    if os.environ.get("SEATKEEPER_REWRITE_GOLDEN"):
        file.write_text(played, encoding="utf-8")
    assert played == file.read_text(encoding="utf-8")


def test_there_are_conversations() -> None:
    assert len(list(GOLDEN.glob("*.txt"))) >= 14
