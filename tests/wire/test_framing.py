"""Frames and prefaces: whatever is cut up comes out whole, and whatever is no message is refused as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.wire.framing import (
    HEADER_BYTES,
    PREFACE_BYTES_MAX,
    WireError,
    client_frames,
    decode_client,
    encode_preface,
    frame,
    parse_preface,
    server_frames,
)
from seatkeeper.wire.messages import FRAME_BYTES_MAX, HANDLES_MAX, PROTOCOL, Beat, Checkout, Goodbye, Heartbeat, Hello, Welcome

HELLO = Hello(PROTOCOL, "genesys.d", b"s" * 16, b"n" * 32, "ann", "ann-pc", "tty1", held=[101, 70_000], asking=[3])


@given(st.lists(st.sampled_from([HELLO, Checkout(1, "f1", "8.0", 2), Heartbeat(7), Goodbye()]), max_size=8), st.data())
def test_a_stream_cut_anywhere_gives_the_same_messages(messages: list[object], data: st.DataObject) -> None:
    stream = b"".join(map(frame, messages))
    reader = client_frames()
    found, position = [], 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        found += reader.feed(stream[position : position + size])
        position += size
    assert found == messages


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_a_wire_error(data: bytes) -> None:
    for reader in (client_frames(), server_frames()):
        try:
            reader.feed(len(data).to_bytes(HEADER_BYTES, "big") + data)
        except WireError:
            pass


@given(st.data())
def test_one_changed_byte_is_another_message_or_a_wire_error(data: st.DataObject) -> None:
    whole = bytearray(frame(HELLO))
    whole[data.draw(st.integers(HEADER_BYTES, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        (message,) = client_frames().feed(bytes(whole))
    except WireError:
        return
    assert message != HELLO


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xed\xa0\x80"])
def test_text_that_is_not_utf_8_is_a_wire_error(text: bytes) -> None:
    body = frame(Checkout(1, "ab" if len(text) == 2 else "abc"))[HEADER_BYTES:].replace(b"ab" if len(text) == 2 else b"abc", text)
    with pytest.raises(WireError, match="not a message"):
        client_frames().feed(len(body).to_bytes(HEADER_BYTES, "big") + body)


def test_further_elements_are_passed_over_and_missing_ones_have_their_defaults() -> None:
    assert decode_client(b"\x94\x04\x07\x01\x02") == Heartbeat(7)
    assert decode_client(b"\x93\x02\x01\xa2f1") == Checkout(1, "f1", "", 1, False, "")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x95\x02\x01\xa2f1\xa0\x00", id="no seats at all"),
        pytest.param(b"\x95\x02\x01\xa2f1\xa0\xd0\xff", id="a negative count"),
        pytest.param(b"\x93\x02\x01\xda\x01\x01" + b"f" * 257, id="a name above the limit"),
        pytest.param(b"\x92\x04\xcf\xff\xff\xff\xff\xff\xff\xff\xff", id="a number above the limit"),
    ],
)
def test_values_beyond_their_limits_are_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        client_frames().feed(len(body).to_bytes(HEADER_BYTES, "big") + body)


def test_a_greeting_names_9999_handles_and_not_one_more() -> None:
    full = Hello(PROTOCOL, "d", b"s" * 16, b"n" * 32, "u", "h", "d", held=list(range(HANDLES_MAX)))
    assert client_frames().feed(frame(full)) == [full]
    with pytest.raises(WireError):
        client_frames().feed(frame(Hello(PROTOCOL, "d", b"s" * 16, b"n" * 32, "u", "h", "d", held=list(range(HANDLES_MAX + 1)))))


def test_a_length_above_the_limit_is_refused_before_its_body_comes() -> None:
    with pytest.raises(WireError, match="limit"):
        client_frames().feed((FRAME_BYTES_MAX + 1).to_bytes(HEADER_BYTES, "big"))


def test_a_message_above_the_limit_is_never_made() -> None:
    with pytest.raises(WireError, match="limit"):
        frame(Welcome(1, "s", "0", 1.0, 3.0, [], [], trust="x" * FRAME_BYTES_MAX))


def test_each_side_reads_only_what_the_other_may_send() -> None:
    with pytest.raises(WireError):
        client_frames().feed(frame(Beat(1)))
    with pytest.raises(WireError):
        server_frames().feed(frame(Heartbeat(1)))


@given(st.text(max_size=16), st.binary(max_size=80))
def test_a_preface_cut_anywhere_is_incomplete_and_then_itself(vendor: str, rest: bytes) -> None:
    whole = encode_preface(vendor)
    assert len(whole) <= PREFACE_BYTES_MAX
    for size in range(len(whole)):
        assert parse_preface(whole[:size]) is None
    assert parse_preface(whole + rest) == (vendor, len(whole))


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1", b"\x16\x03\x01", b"SEAT\x02\x00", b"SEAT\x01\x41", b"SEAT\x01\x02\xff\xfe", b"X", b"SEAX"]
)
def test_bytes_that_can_never_become_a_preface_are_refused_at_once(data: bytes) -> None:
    with pytest.raises(WireError):
        parse_preface(data)


@given(st.binary(max_size=100))
def test_any_first_bytes_are_a_preface_an_incomplete_one_or_a_wire_error(data: bytes) -> None:
    try:
        parsed = parse_preface(data)
    except WireError:
        return
    if parsed is not None:
        assert encode_preface(parsed[0]) == data[: parsed[1]]


def test_a_vendor_name_above_the_limit_is_never_sent() -> None:
    with pytest.raises(WireError):
        encode_preface("x" * 65)
