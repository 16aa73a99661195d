"""Lines of JSON become events; what is none harms nothing."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.apps.events import Occurred, OptionsChanged, Stopped
from seatkeeper.drive.feed import LINE_BYTES_MAX, FeedError, event_of, read_lines, serve_socket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_lines_become_events() -> None:
    assert event_of(b'{"event": "agent-login", "agent": "ann", "id": "17", "media": ["email"]}\n') == Occurred(
        "agent-login", {"agent": "ann", "media": ["email"]}, "17"
    )
    assert event_of(b'{"event": "options", "license": {"num-of-licenses": 5, "x": null}}') == OptionsChanged(
        {"license": {"num-of-licenses": 5, "x": None}}
    )
    assert event_of(b'{"event": "stop"}') == Stopped()


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{", b"[]", b"3", b'"x"', b"{}", b"\xff", b"[" * 100_000),
        *(b'{"event": 3}', b'{"event": "x", "y": {}}', b'{"event": "x", "y": [1]}'),
        *(b'{"event": "options", "license": 5}', b'{"event": "options", "license": {"x": []}}'),
    ],
)
def test_what_is_no_event_says_why(line: bytes) -> None:
    with pytest.raises(FeedError):
        event_of(line)


@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_an_event_or_a_feed_error(line: bytes) -> None:
    try:
        event_of(line)
    except FeedError:
        return


async def test_a_line_that_is_too_long_is_one_bad_line() -> None:
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    lines: list[bytes] = []

    async def tell(line: bytes) -> None:
        lines.append(line.strip())

    task = asyncio.ensure_future(read_lines(reader, tell))
    reader.feed_data(b"a\n\n" + b"x" * (3 * LINE_BYTES_MAX))
    await asyncio.sleep(0)
    reader.feed_data(b"x\nb\nrest")
    reader.feed_eof()
    await task
    assert lines == [b"a", b"{}", b"b", b"rest"]


async def test_a_socket_answers_those_who_feed_it(tmp_path: Path) -> None:
    async def tell(line: bytes, answer: Callable[[bytes], None]) -> None:
        answer(line.strip().upper())

    place = tmp_path / "s"
    async with serve_socket(place, tell):
        reader, writer = await asyncio.open_unix_connection(place)
        writer.write(b"one\ntwo\n")
        assert [await reader.readline(), await reader.readline()] == [b"ONE\n", b"TWO\n"]
        with pytest.raises(OSError, match="listens there already"):
            async with serve_socket(place, tell):
                pass
        assert place.exists()
    assert not place.exists()
    assert await reader.read() == b""
    writer.close()
    # One that was left behind by a process that was killed is no obstacle.
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    async with serve_socket(place, tell):
        assert place.exists()
