"""Bytes to messages and back: the preface that opens a connection, and length-prefixed frames.

A connection begins with a preface in clear: `SEAT`, the protocol's number, the length of the vendor daemon's name and the
name (nothing for lmgrd itself). The length's high bit says that TLS follows. lmgrd peeks at the preface before any transport
exists and passes the connection on, so one open port is enough. Frames follow, each way, inside TLS where that was said. A
reader never buffers more than one frame of FRAME_BYTES_MAX, and refuses a length above it before the body arrives.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec

from seatkeeper.wire.messages import FRAME_BYTES_MAX, PROTOCOL, ClientMessage, ServerMessage

__all__ = [
    "HEADER_BYTES",
    "NO_MESSAGE",
    "PREFACE_BYTES_MAX",
    "FrameReader",
    "WireError",
    "client_frames",
    "decode_client",
    "decode_server",
    "encode",
    "encode_preface",
    "frame",
    "parse_preface",
    "server_frames",
    "wants_tls",
]

HEADER_BYTES: Final = 4
_MAGIC: Final = b"SEAT"
_VENDOR_BYTES_MAX: Final = 64
#: In the byte of the name's length: what follows the preface is TLS.
_TLS: Final = 0x80
PREFACE_BYTES_MAX: Final = len(_MAGIC) + 2 + _VENDOR_BYTES_MAX

_Message = TypeVar("_Message")

#: What a decoder raises about a body that is no message: of another shape, not UTF-8, nested too deep.
NO_MESSAGE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: One encoder for all messages; msgspec's encoders are safe to share.
encode: Final = msgspec.msgpack.Encoder().encode
decode_client: Final = msgspec.msgpack.Decoder(ClientMessage).decode
decode_server: Final = msgspec.msgpack.Decoder(ServerMessage).decode


class WireError(Exception):
    """The other side sent something that is not this protocol; the connection cannot go on."""


def frame(message: ClientMessage | ServerMessage) -> bytes:
    """The message as it goes over the connection."""
    body = encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise WireError(f"a message of {len(body)} bytes is above the limit of {FRAME_BYTES_MAX}")
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def encode_preface(vendor: str = "", *, tls: bool = False) -> bytes:
    """The first bytes of a connection, for a vendor daemon or (empty) for lmgrd, and whether TLS follows them."""
    name = vendor.encode("utf-8")
    if len(name) > _VENDOR_BYTES_MAX:
        raise WireError(f"a vendor daemon's name has at most {_VENDOR_BYTES_MAX} bytes, this one {len(name)}")
    return _MAGIC + bytes((PROTOCOL, len(name) | (_TLS if tls else 0))) + name


def parse_preface(data: bytes) -> tuple[str, int] | None:
    """Vendor name and length of the preface at the start of `data`; None while it is incomplete.

    Raises:
        WireError: These bytes can never become a preface (an HTTP request, a TLS hello, another protocol's number).
    """
    if data[: len(_MAGIC)] != _MAGIC[: len(data)]:
        raise WireError("the connection does not begin with the preface of this protocol")
    if len(data) < len(_MAGIC) + 2:
        return None
    number, length = data[len(_MAGIC)], data[len(_MAGIC) + 1] & ~_TLS
    if number != PROTOCOL:
        raise WireError(f"protocol {number} is not spoken here, only {PROTOCOL}")
    if length > _VENDOR_BYTES_MAX:
        raise WireError("the vendor daemon's name is too long")
    end = len(_MAGIC) + 2 + length
    if len(data) < end:
        return None
    try:
        return data[end - length : end].decode("utf-8"), end
    except UnicodeDecodeError:
        raise WireError("the vendor daemon's name is not UTF-8") from None


def wants_tls(data: bytes) -> bool:
    """True where the preface that `parse_preface` finds in `data` says that TLS follows it."""
    return bool(data[len(_MAGIC) + 1] & _TLS)


class FrameReader(Generic[_Message]):
    """Cuts a stream of bytes, fed in any pieces, into messages."""

    __slots__ = ("_buffer", "_decoder")

    def __init__(self, decoder: msgspec.msgpack.Decoder[_Message]) -> None:
        self._decoder = decoder
        self._buffer = b""

    def feed(self, data: bytes) -> list[_Message]:
        """The messages that `data` completes.

        Raises:
            WireError: A frame is too long or is no message; nothing more may be fed.
        """
        buffer = self._buffer + data if self._buffer else data
        messages: list[_Message] = []
        position, size = 0, len(buffer)
        while size - position >= HEADER_BYTES:
            length = int.from_bytes(buffer[position : position + HEADER_BYTES], "big")
            if length > FRAME_BYTES_MAX:
                raise WireError(f"a frame of {length} bytes is above the limit of {FRAME_BYTES_MAX}")
            end = position + HEADER_BYTES + length
            if end > size:
                break
            try:
                messages.append(self._decoder.decode(buffer[position + HEADER_BYTES : end]))
            except NO_MESSAGE as error:
                raise WireError(f"a frame is not a message: {error}") from None
            position = end
        self._buffer = buffer[position:] if position else buffer
        return messages


def client_frames() -> FrameReader[ClientMessage]:
    """A reader of what clients send."""
    return FrameReader(msgspec.msgpack.Decoder(ClientMessage))


def server_frames() -> FrameReader[ServerMessage]:
    """A reader of what servers send."""
    return FrameReader(msgspec.msgpack.Decoder(ServerMessage))
