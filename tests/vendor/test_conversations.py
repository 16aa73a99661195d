"""Each feature of the vendor daemon as a conversation: golden files of what is asked, what is answered, and what is written down.

A file begins with a sentence that says what it proves. `>` is a line of the license file, `|` one of the options file. A line that
begins with `@` is an event with its time in seconds; the indented lines below it are what the daemon does about it, the
entries that it appends (`log`), what it tells whom, and each pool whose count has changed. Clients show that they live before every
event, unless they are `mute`. SEATKEEPER_REWRITE_GOLDEN=1 writes the indented lines anew.
"""

from __future__ import annotations

import os
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.vendor_bench import NOON, Bench

from seatkeeper.vendor import entries, events
from seatkeeper.vendor.events import Append, Close, Heard, Send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.events import Answer, Instruction

GOLDEN = Path(__file__).parents[1] / "golden" / "vendor"


def moment(at: float) -> str:
    """A Unix time as seconds of the conversation."""
    return f"@{at - NOON:g}"


def seats(count: int) -> str:
    return f"{count} seat" if count == 1 else f"{count} seats"


class Play:
    """One conversation as it goes on."""

    def __init__(self) -> None:
        self.bench: Bench | None = None
        self.license: list[str] = []
        self.options: list[str] = []
        self.mute: set[str] = set()
        self.shown: dict[tuple[str, str], str] = {}

    def event(self, at: float, words: list[str]) -> Iterator[str]:
        """What the daemon does about it, line by line."""
        if self.bench is None:
            assert words == ["start"], "a conversation begins with `start`"
            self.bench = bench = Bench("\n".join(self.license), "\n".join(self.options))
            yield from (f"log {logged(entry)}" for entry in bench.log)
        else:
            bench = self.bench
            bench.now = at
            for name, number in bench.sessions.items():
                if name not in self.mute and bench.is_connected(number):
                    bench.machine.handle(Heard(number), bench.now, bench.wall)
            yield from (line for one in self.happens(bench, words) for line in self.told(bench, one))
        yield from self.counts(bench)

    def happens(self, bench: Bench, words: list[str]) -> list[Instruction]:
        who, *rest = words
        match who, rest:
            case "tick", []:
                return bench.run(events.Tick(bench.today))
            case "clock", [seconds]:
                bench.drift = float(seconds)
                return bench.run(events.Tick(bench.today))
            case "mute", [name]:
                self.mute.add(name)
                return []
            case "restart", more:
                self.mute.clear()
                return bench.restart(snapshot="snapshot" in more)
            case "reread", []:
                license_text = "\n".join(self.license) if self.license else None
                return bench.reread(license_text, "\n".join(self.options) if self.options else None)
            case "admin", ["removes", feature, "handle", number]:
                return bench.run(events.RemoveAsked("admin", 1, feature, "", "", "", int(number), "admin", "here"))
            case "admin", ["removes", feature, user, host, display]:
                return bench.run(events.RemoveAsked("admin", 1, feature, user, host, display, 0, "admin", "here"))
            case "admin", ["revokes", number]:
                return bench.run(events.RevokeAsked("admin", 1, int(number), "admin", "here"))
            case "home", [number, *how]:
                return bench.run(events.BorrowReturned("laptop", 1, int(number), "unproven" not in how))
        return self.client(bench, who, rest)

    def client(self, bench: Bench, name: str, words: list[str]) -> list[Instruction]:
        verb, *rest = words
        if verb == "comes":
            named = dict(zip(rest[::2], rest[1::2], strict=True))
            return self.comes(
                bench,
                name,
                **{key: tuple(map(int, value.split(","))) for key, value in named.items() if key != "on"},
                on=named.get("on", ":0"),
            )
        instructions: list[Instruction] = []
        if not bench.is_connected(bench.sessions.get(name, 0)):
            instructions += self.comes(bench, name)
        session = bench.sessions[name]
        if verb == "asks":
            bench.requests += 1
            instructions += bench.run(checkout(session, bench.requests, rest, bench.wall))
        elif verb == "returns":
            instructions += bench.back(name, int(rest[0]))
        elif verb in ("idle", "busy"):
            instructions += bench.idle(name, int(rest[0]) if rest else 0, idle=verb == "idle")
        else:
            instructions += {"leaves": bench.leave, "breaks": bench.drop}[verb](name)
        return instructions

    def comes(self, bench: Bench, name: str, on: str = ":0", **more: tuple[int, ...]) -> list[Instruction]:
        before, requests = len(bench.log), bench.requests
        bench.greet(name, display=on, **more)
        bench.requests = requests
        appended: list[Instruction] = [Append(entry) for entry in bench.log[before:]]
        return [*appended, *(Send(connection, answer, durable=True) for connection, answer in bench.sent)]

    def told(self, bench: Bench, instruction: Instruction) -> Iterator[str]:
        if isinstance(instruction, Append):
            yield f"log {logged(instruction.entry)}"
            return
        names = {connection: name for name, connection in bench.connections.items()}
        name = names.get(str(instruction.connection), str(instruction.connection).partition("#")[0])
        if isinstance(instruction, Close):
            yield f"{name}: closed {instruction.number}: {instruction.reason}"
        else:
            yield f"{name}: {answered(instruction.answer)}"

    def counts(self, bench: Bench) -> Iterator[str]:
        """The pools whose counts are others than after the last event."""
        now = {}
        for group in bench.ledger.pools.values():
            for pool in group:
                total = f" of {pool.total}" if pool.counted else ""
                more = f" + {pool.overdraft}" if pool.overdraft else ""
                kept = f", {pool.reserved_idle} reserved" if pool.reserved_idle else ""
                now[pool.feature, pool.key] = f"{pool.feature} v{pool.version}: {pool.in_use}{total}{more}{kept}"
        yield from (f"= {line}" for key, line in now.items() if self.shown.get(key) != line)
        yield from (f"= {key[0]} is gone" for key in self.shown.keys() - now.keys())
        self.shown = now


def checkout(session: int, request: int, words: list[str], wall: float) -> events.CheckoutAsked:
    """`asks f1 x3 v8.0 up_to queue on :1 with data for 3600`: what is left out is one seat of any version."""
    feature, *rest = words
    after = {word: rest[at + 1] for at, word in enumerate(rest) if word in ("on", "with", "for")}
    count = next((int(word[1:]) for word in rest if word[0] == "x" and word[1:].isdigit()), 1)
    version = next((word[1:] for word in rest if word[0] == "v" and word[1:2].isdigit()), "")
    until = wall + float(after["for"]) if "for" in after else 0.0
    return events.CheckoutAsked(
        session,
        request,
        feature,
        version,
        count,
        "up_to" in rest,
        after.get("on", ""),
        "queue" in rest,
        after.get("with", ""),
        until,
    )


def logged(entry: Entry) -> str:
    match entry:
        case entries.SessionBegun(session=number, user=user, host=host):
            return f"session {number} begins: {user}@{host}"
        case entries.SessionEnded(session=number):
            return f"session {number} ends"
        case entries.CheckedOut(handle=handle, feature=feature, version=version, count=count, display=display, data=data):
            return f"checkout {handle}: {count} {feature} v{version}{f' {display}' if display else ''}{f' [{data}]' if data else ''}"
        case entries.CheckedIn(handle=handle, why=why):
            return f"checkin {handle}: {why}"
        case entries.Lingering(handle=handle, until=until):
            return f"linger {handle} until {moment(until)}"
        case entries.Queued(handle=handle, feature=feature, count=count):
            return f"queued {handle}: {count} {feature}"
        case entries.Dequeued(handle=handle, why=why):
            return f"dequeued {handle}: {why}"
        case entries.Denial(user=user, feature=feature, count=count, number=number):
            return f"denial {user}: {count} {feature} {number}"
        case entries.Revoked(handle=handle, by_user=user, by_host=host):
            return f"revoked {handle} by {user}@{host}"
        case entries.Act(what=what, by_user=user, by_host=host, text=text):
            return f"{what} by {user}@{host}: {text}"
        case entries.Expired(feature=feature):
            return f"expired {feature}"
        case entries.Clocked(behind_s=behind):
            return f"clock{f' behind by {behind:g} s' if behind else ''}"
        case entries.Reread(pools=pools):
            return "reread " + ", ".join(f"{name} {total or 'uncounted'}" for name, _, total in pools)
        case entries.Opened(lease_s=lease):
            return f"opened, lease {lease:g} s"
    raise AssertionError(entry)


def answered(answer: Answer) -> str:
    match answer:
        case events.Accepted(session=number, held=held):
            return f"session {number} holds {', '.join(map(str, held)) or 'nothing'}"
        case events.GrantAnswer(handle=handle, count=count, pool=pool):
            return f"granted {handle}: {seats(count)} of {f'v{pool.version}' if pool is not None else 'no license'}"
        case events.BorrowAnswer(seat=seat):
            return f"granted {seat.handle}: {seats(seat.count)}, borrowed until {moment(seat.borrow_until)}"
        case events.DenialAnswer(number=number, reason=reason, rule=rule, holders=holders, free_at=free_at):
            more = f" [{rule}]" if rule else ""
            more += f" held by {'; '.join(holders)}" if holders else ""
            return f"denied {number}: {reason}{more}{f' free {moment(free_at)}' if free_at else ''}"
        case events.QueuedAnswer(handle=handle, position=position):
            return f"waits as {handle}, place {position}"
        case events.ReturnAnswer(handle=handle, number=number):
            return f"returned {handle}{f': {number}' if number else ''}"
        case events.LossAnswer(handle=handle, number=number, reason=reason):
            return f"loses {handle}{f' {number}' if number else ''}: {reason}"
        case events.RestoreAnswer(handle=handle):
            return f"has {handle} licensed again"
        case events.RemovalAnswer(number=number, text=text):
            return f"{f'{number} ' if number else ''}{text}"
    raise AssertionError(answer)


def play(text: str) -> str:
    """The conversation with everything that the daemon does."""
    lines: list[str] = []
    scene = Play()
    for line in text.splitlines():
        if line.startswith("    "):
            continue
        lines.append(line)
        if line.startswith(">"):
            scene.license.append(f"{line[1:].strip()} SIGN=00")
        elif line.startswith("|"):
            scene.options.append(line[1:].strip())
        elif line.startswith("@"):
            at, *words = line[1:].split()
            lines += [f"    {told}" for told in scene.event(float(at), words)]
            if words[0] in ("start", "reread"):
                scene.license, scene.options = [], []
    assert scene.bench is not None
    # Whatever was said, a reader of the log knows the same.
    replayed = scene.bench.replayed().ledger.snapshot(0.0)
    known = scene.bench.ledger.snapshot(0.0)
    assert (replayed.seats, replayed.waiters) == (known.seats, known.waiters)
    assert sorted(replayed.sessions, key=attrgetter("session")) == sorted(known.sessions, key=attrgetter("session"))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.txt")), ids=lambda file: file.stem)
def test_conversation(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    played = play(text)
    if os.environ.get("SEATKEEPER_REWRITE_GOLDEN"):
        file.write_text(played, encoding="utf-8")
    assert played == file.read_text(encoding="utf-8")


def test_each_conversation_says_what_it_proves() -> None:
    files = sorted(GOLDEN.glob("*.txt"))
    assert len(files) >= 30
    for file in files:
        first = file.read_text(encoding="utf-8").partition("\n")[0]
        assert first.startswith("# "), file
        assert first.endswith("."), file
