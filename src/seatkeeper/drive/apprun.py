"""A licensed application as a process: it holds its seats, serves what is fed to it, logs, and ends with its status.

How it works. The profile decides (apps), `Running` holds the seats; here are the log, the feed and the signals. SIGTERM and SIGINT end
it orderly, SIGHUP lets it read its profile file again: options that hold at once are applied, and a file that is no good changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper import __version__
from seatkeeper.adapters.host import host_name
from seatkeeper.apps.events import (
    Alarm,
    Cleared,
    Degraded,
    Effect,
    Exit,
    Forced,
    Occurred,
    OptionsChanged,
    Regained,
    Reply,
    Started,
    Stopped,
    Write,
)
from seatkeeper.base.errors import InputError
from seatkeeper.drive.applog import ApplicationLog, Head
from seatkeeper.drive.feed import LINE_BYTES_MAX, FeedError, event_of, read_lines, serve_socket
from seatkeeper.drive.profilefile import ProfileFile, read_profile
from seatkeeper.drive.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.apps.profile import Settings

    #: Takes an answer to whoever has fed an event.
    Answer = Callable[[bytes], None]

__all__ = ["ALARM_NAME", "ApplicationProcess"]

#: The predefined alarm condition that 07100 triggers (facts, LRM 6.3).
ALARM_NAME: Final = "Licensing Error"
#: How many replies of one feed may wait for the license server; the feed is not read further meanwhile.
UNANSWERED_MAX: Final = 10_000
#: How often it is looked whether somebody writes to a pipe, in seconds.
LOOK_S: Final = 0.05
#: The exit status where the events cannot be read.
EXIT_NO_FEED: Final = 1


class ApplicationProcess:
    """One application from its start to its end.

    Args:
        file: Its profile file, for SIGHUP.
        profile: What stands in it.
        path: The license path of the command line, which beats the option `license-file`.
        events: Where events come from: `-` for standard input, a file or pipe, `unix:PATH` for a socket; empty for nowhere.
        stay: Whether it goes on when its feed has ended.
        as_json: Everything that it does is printed as lines of JSON, in place of what [log] sends to stdout.
    """

    def __init__(self, file: Path, profile: ProfileFile, *, path: str, events: str, stay: bool, as_json: bool) -> None:
        self._file = file
        self._profile = profile
        self._path = path
        self._events = events
        self._stay = stay
        self._as_json = as_json
        made = profile.made.profile
        head = Head(profile.settings.name, made.name, made.number, __version__, " ".join(sys.argv), profile.host or host_name())
        outputs = profile.log.outputs
        if as_json:
            outputs = {level: tuple(place for place in places if place != "stdout") for level, places in outputs.items()}
        self._log = ApplicationLog(msgspec.structs.replace(profile.log, outputs=outputs), head, self._complain)
        self._settings = msgspec.structs.replace(profile.settings, license_path=path or profile.settings.license_path)
        # By mark and event, who waits for the reply, None where only standard error can be told; the application answers in any order.
        self._waiting: list[tuple[str, str, Answer | None]] = []
        self._room = asyncio.Event()
        self._room.set()
        self._feed_failed = False
        self._output_gone = False

    async def run(self) -> int:
        """Runs the application; its exit status.

        Raises:
            BrokenPipeError: It has ended because nobody reads what it prints.
        """
        profile = self._profile
        self._running = running = Running(
            profile.made(self._settings),
            path=self._path or None,
            license_file=profile.settings.license_path or None,
            root=profile.root or None,
            vendor=profile.vendor,
            user=profile.user or None,
            host=profile.host or None,
            show=self._show,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: running.tell(Stopped()))
        loop.add_signal_handler(signal.SIGHUP, self._reread)
        running.tell(Started())
        running.run_timers()
        feed = loop.create_task(self._read_feed())
        try:
            status = await running.ended
            if self._output_gone:
                raise BrokenPipeError
            return status or (EXIT_NO_FEED if self._feed_failed else 0)
        finally:
            feed.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await feed
            await running.close()
            self._log.close()

    # The feed -------------------------------------------------------------------------------------------------------------

    async def _read_feed(self) -> None:
        source = self._events
        # What is fed waits until the application has started, options as well as events: their order counts.
        while self._running.app.state == "starting":
            await self._running.settle()
        try:
            if source.startswith("unix:"):
                await self._read_socket(Path(source.removeprefix("unix:")))
            elif source:
                await self._read_file(source)
        except OSError as error:
            self._complain(f"The events cannot be read from {source}: {error.strerror or error}.")
            self._feed_failed = True
            self._running.tell(Stopped())
            return
        if source and not self._stay:
            await self._running.settle()
            self._running.tell(Stopped())

    async def _read_socket(self, path: Path) -> None:
        async with serve_socket(path, self._take):
            await asyncio.get_running_loop().create_future()

    async def _read_file(self, source: str) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        file = sys.stdin.buffer if source == "-" else await _opened(source)
        try:
            if _can_be_watched(file.fileno()):
                transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
                try:
                    await read_lines(reader, self._take_line)
                finally:
                    transport.close()
            else:
                for line in file:
                    if line.strip():
                        await self._take_line(line if len(line) <= LINE_BYTES_MAX else b"{}")
        finally:
            if source != "-":
                file.close()

    async def _take_line(self, line: bytes) -> None:
        await self._take(line, self._print if self._as_json else None)

    async def _take(self, line: bytes, answer: Answer | None) -> None:
        """One line of a feed."""
        try:
            event = event_of(line)
        except FeedError as error:
            if answer is None:
                self._complain(str(error))
            else:
                answer(msgspec.json.encode({"error": str(error)}))
            return
        if isinstance(event, Occurred):
            await self._room.wait()
            self._waiting.append((event.id, event.name, answer))
            if len(self._waiting) >= UNANSWERED_MAX:
                self._room.clear()
        self._running.tell(event)
        # Let the license server's answers in between the lines of a long feed.
        await asyncio.sleep(0)

    def _reread(self) -> None:
        try:
            profile = read_profile(self._file)
        except InputError as error:
            self._complain(f"The profile is not read again: {error}")
            return
        if profile.made is not self._profile.made or profile.settings.name != self._profile.settings.name:
            self._complain("The profile is of another application now; a restart is needed for that.")
            return
        self._running.tell(OptionsChanged(_difference(self._profile.settings, profile.settings)))
        self._profile = profile

    # What it does for people -------------------------------------------------------------------------------------------------

    def _show(self, effect: Effect, at: float) -> None:
        if isinstance(effect, Write):
            try:
                self._log.write(effect.message, at)
            except BrokenPipeError:
                self._lose_output()
        elif isinstance(effect, Reply):
            self._answer(effect)
        elif isinstance(effect, Alarm | Cleared):
            self._record_alarm(effect, at)
        if self._as_json and not isinstance(effect, Reply):
            self._print(msgspec.json.encode({"at": _iso(at), **_described(effect)}))

    def _answer(self, reply: Reply) -> None:
        place = next(i for i, (mark, name, _) in enumerate(self._waiting) if mark == reply.id and name == reply.name)
        answer = self._waiting.pop(place)[2]
        self._room.set()
        if answer is not None:
            given = {"reply": reply.name, "id": reply.id, "accepted": reply.accepted}
            answer(msgspec.json.encode({**given, "reason": reply.reason} if reply.reason else given))
        elif not reply.accepted:
            self._complain(f"{reply.name} is refused: {reply.reason}")

    def _record_alarm(self, effect: Alarm | Cleared, at: float) -> None:
        path = self._profile.log.alarms
        if not path:
            return
        record = {"at": _iso(at), "application": self._profile.settings.name, "alarm": ALARM_NAME, **_described(effect)}
        try:
            with Path(path).open("ab") as file:
                file.write(msgspec.json.encode(record) + b"\n")
        except OSError as error:
            self._complain(f"The alarm cannot be recorded in {path}: {error.strerror}.")

    def _print(self, line: bytes) -> None:
        """A line on standard output; whoever reads it no more ends what he reads, as with any command."""
        if self._output_gone:
            return
        try:
            print(line.decode(), flush=True)
        except BrokenPipeError:
            self._lose_output()

    def _lose_output(self) -> None:
        if not self._output_gone:
            self._output_gone = True
            asyncio.get_running_loop().call_soon(self._running.tell, Stopped())

    def _complain(self, text: str) -> None:
        print(f"seatkeeper app: {text}", file=sys.stderr, flush=True)


def _described(effect: Effect) -> dict[str, Any]:
    match effect:
        case Write(message=message):
            return {"log": f"{message.number:05}", "level": message.level.value, "text": message.text}
        case Alarm(cause=cause, kind=kind):
            return {"state": "raised", "message": "07100", "cause": cause, "type": kind}
        case Cleared(cause=cause, kind=kind):
            return {"state": "cleared", "message": "07105", "cause": cause, "type": kind}
        case Degraded(function=function, reason=reason):
            return {"degraded": function, "reason": reason}
        case Regained(function=function):
            return {"regained": function}
        case Forced(what=what, who=who, reason=reason):
            return {"forced": what, "who": who, "reason": reason}
        case Exit(status=status, reason=reason):
            return {"exit": status, "reason": reason}
        case _:
            raise AssertionError(effect)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _difference(old: Settings, new: Settings) -> dict[str, dict[str, str | int | bool | None]]:
    """The options of `new`, and None for those that only `old` has."""
    changes: dict[str, dict[str, str | int | bool | None]] = {section: dict(options) for section, options in new.options.items()}
    for section, options in old.options.items():
        for name in options:
            changes.setdefault(section, {}).setdefault(name, None)
    return changes


async def _opened(source: str) -> IO[bytes]:
    """The file, or the pipe once somebody has written to it; waiting for that holds nothing up, and can be broken off."""
    if not Path(source).is_fifo():
        return Path(source).open("rb")
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        while not any(happened & select.POLLIN for _, happened in poll.poll(0)):
            await asyncio.sleep(LOOK_S)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _can_be_watched(descriptor: int) -> bool:
    """Whether the event loop can wait for it: a pipe, a socket or a terminal, and not a file."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)
