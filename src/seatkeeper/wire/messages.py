"""Every message of the protocol, in one place: what it carries and who may send it.

A frame is a length of four bytes, big-endian, and a MessagePack array: the message's tag, then its fields in the order
below. A reader ignores further elements, so that fields can be added at the end. Client messages have tags below 32,
server messages from 32 on. `request` is a number that the client chooses, unique within its session and rising; the
answer repeats it, and a retry with the same number is the same request, never a second one.

No message says who asks for something administrative: that is what the connection tells (base/roles.py).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from seatkeeper.wire.status import DaemonStatus, HolderStatus, MemberStatus, QueuedStatus, ReservationStatus

__all__ = [
    "BORROW_BYTES",
    "FRAME_BYTES_MAX",
    "HANDLES_MAX",
    "HOSTIDS_MAX",
    "NAME_CHARS_MAX",
    "NONCE_BYTES",
    "PROTOCOL",
    "SESSION_BYTES",
    "TOKEN_CHARS_MAX",
    "Activity",
    "AskDown",
    "AskFeatures",
    "AskIdentity",
    "AskLines",
    "AskRemove",
    "AskReread",
    "AskRevoke",
    "AskServer",
    "AskSwitch",
    "Authenticate",
    "Beat",
    "Checkin",
    "Checkout",
    "ClientMessage",
    "DaemonStatus",
    "Denied",
    "Done",
    "Elsewhere",
    "Goodbye",
    "Granted",
    "Heartbeat",
    "Hello",
    "HolderStatus",
    "Identity",
    "Lines",
    "Lost",
    "MemberStatus",
    "PoolStatus",
    "Queued",
    "QueuedStatus",
    "Refused",
    "ReservationStatus",
    "Restored",
    "ReturnBorrow",
    "Returned",
    "ServerMessage",
    "ServerStatus",
    "StatusEnd",
    "Welcome",
]

#: The protocol's number; a server answers a Hello of another number with Refused.
PROTOCOL: Final = 1
#: A frame's body, both ways. The largest real one is a Hello that names 9999 handles of five bytes.
FRAME_BYTES_MAX: Final = 65536
NAME_CHARS_MAX: Final = 256
SESSION_BYTES: Final = 16
NONCE_BYTES: Final = 32
#: A root public key in hex.
ROOT_CHARS_MAX: Final = 64
HANDLES_MAX: Final = 9999
#: Host ids that a client may name.
HOSTIDS_MAX: Final = 64
#: An access token, which an administrator from another machine shows.
TOKEN_CHARS_MAX: Final = 256
#: Bytes of the secret by which a borrowed license is returned early.
BORROW_BYTES: Final = 16

_Name = Annotated[str, Meta(max_length=NAME_CHARS_MAX)]
_Short = Annotated[str, Meta(max_length=32)]
_Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_Number = Annotated[int, Meta(ge=0, le=2**53)]
_Numbers = Annotated[list[_Number], Meta(max_length=HANDLES_MAX)]
_Time = Annotated[float, Meta(ge=0, le=2**53)]
_HostIds = Annotated[list[_Name], Meta(max_length=HOSTIDS_MAX)]
_Session = Annotated[bytes, Meta(min_length=SESSION_BYTES, max_length=SESSION_BYTES)]
_Nonce = Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]


class _Message(Struct, frozen=True, array_like=True, gc=False):
    """What all messages are: immutable, an array on the wire."""


# From an application or a tool -----------------------------------------------------------------------------------


class Hello(_Message, frozen=True, tag=1):
    """Opens a session, or takes it up again after a broken connection or a restarted server.

    `session` is the client's secret for as long as it runs: who knows it can take the session's seats over. `held` are the
    handles that the client believes it holds, `asking` the requests that it still waits for; seats of the session in
    neither list were never seen by the client and are returned. `platform` (such as `x64_lsb`) and `hostids` (as in license
    files) are for licenses that are limited to some.
    """

    protocol: int
    vendor: _Name
    session: _Session
    nonce: _Nonce
    user: _Name
    host: _Name
    display: _Name
    pid: _Number = 0
    project: _Name = ""
    application: _Name = ""
    held: _Numbers = msgspec.field(default_factory=list)
    asking: _Numbers = msgspec.field(default_factory=list)
    platform: _Short = ""
    hostids: _HostIds = msgspec.field(default_factory=list)


class Checkout(_Message, frozen=True, tag=2):
    """Asks for `count` seats of a feature; with `up_to` for as many of them as are free, at least one.

    An empty version means any. `display` overrides the session's for this checkout. With `queue` a request that finds no free
    seats waits for them: Queued tells the place, Granted ends the waiting, Checkin of the handle gives it up. `data` is the
    application's part of the key where a license is shared by duplicate grouping (DUP_GROUP=V). `borrow_until` (Unix time, 0
    for no) borrows the seats: they stay out after the session's end, until then. With `trial` the answer says what would be
    given (Granted with handle 0), or why not, and nothing is given, written down or counted.
    """

    request: _Number
    feature: _Name
    version: _Short = ""
    count: _Count = 1
    up_to: bool = False
    display: _Name = ""
    queue: bool = False
    data: _Name = ""
    borrow_until: _Time = 0.0
    trial: bool = False


class Checkin(_Message, frozen=True, tag=3):
    """Gives all seats of a handle back; a repeated one is answered like the first."""

    request: _Number
    handle: _Number


class Heartbeat(_Message, frozen=True, tag=4):
    """Says that the client lives; the answer is a Beat with the same sequence number."""

    sequence: _Number


class Goodbye(_Message, frozen=True, tag=5):
    """Ends the session; all its seats are returned."""


class Activity(_Message, frozen=True, tag=11):
    """Says that the application's user does nothing (`idle`), or works again; of one handle, or (0) of all."""

    idle: bool
    handle: _Number = 0


class ReturnBorrow(_Message, frozen=True, tag=12):
    """Gives borrowed seats back before their time; `secret` is in the borrow record. The answer is Returned."""

    request: _Number
    handle: _Number
    secret: Annotated[bytes, Meta(min_length=BORROW_BYTES, max_length=BORROW_BYTES)]


class AskServer(_Message, frozen=True, tag=6):
    """Asks lmgrd what it is and how its vendor daemons are; the answer is ServerStatus."""

    request: _Number


class AskFeatures(_Message, frozen=True, tag=7):
    """Asks a vendor daemon for its pools, of one feature or (empty) of all: PoolStatus ... StatusEnd."""

    request: _Number
    feature: _Name = ""


class AskRemove(_Message, frozen=True, tag=8):
    """Asks a vendor daemon to take seats back: one handle, or (handle 0) all seats of user, host and display."""

    request: _Number
    feature: _Name
    user: _Name = ""
    host: _Name = ""
    display: _Name = ""
    handle: _Number = 0


class AskReread(_Message, frozen=True, tag=9):
    """Asks lmgrd to reread its license files; with a vendor, only that vendor daemon's lines.

    With `dry_run` nothing changes, and the answer's text says what would change and who would be affected.
    """

    request: _Number
    vendor: _Name = ""
    dry_run: bool = False


class AskDown(_Message, frozen=True, tag=10):
    """Asks lmgrd to shut down, or (vendor) one of its vendor daemons."""

    request: _Number
    vendor: _Name = ""
    force: bool = False


class AskSwitch(_Message, frozen=True, tag=13):
    """Asks a vendor daemon to write a log elsewhere.

    `debug` and `report` go on in the new file at `path`; `new` moves what is in the report log to `path` and goes on under the
    old name. With `rollover` the debug log's name is made from host and time.
    """

    request: _Number
    what: Literal["debug", "report", "new"]
    path: Annotated[str, Meta(max_length=4096)] = ""
    rollover: bool = False


class AskRevoke(_Message, frozen=True, tag=14):
    """Asks a vendor daemon to end a borrow before its time: the seats are free although the borrower may go on offline."""

    request: _Number
    handle: _Number


class AskLines(_Message, frozen=True, tag=15):
    """Asks a vendor daemon for its license lines, of one feature or (empty) of all, without signatures: Lines ... StatusEnd."""

    request: _Number
    feature: _Name = ""


class AskIdentity(_Message, frozen=True, tag=16):
    """Asks, over TLS only, for a proof of who the server is; the answer is Identity. A tool asks this before it sends a token.

    `root` is the root public key, in hex, under which the proof is wanted: an lmgrd of several vendors has one for each. Where it
    has none under that root, or none is named, it proves itself as the first of its vendors' server.
    """

    request: _Number
    nonce: _Nonce
    root: Annotated[str, Meta(max_length=ROOT_CHARS_MAX)] = ""


class Authenticate(_Message, frozen=True, tag=17):
    """Says, over TLS only, who asks on this connection; the answer is Done. What follows is asked in that role."""

    request: _Number
    token: Annotated[str, Meta(max_length=TOKEN_CHARS_MAX)]


# From lmgrd or a vendor daemon -----------------------------------------------------------------------------------


class Welcome(_Message, frozen=True, tag=32):
    """The session is open. `proof` signs nonce and session with the key of `chain` (licfile.trust).

    `held` are the handles that the session holds at the server; those the client named and that are missing are lost.
    `chain` is the server's certificate and the daemon's as PEM, `trust` the vendor's trust file, `hostids` those of the
    SERVER lines, to which the license lines' signatures are bound. Where the server has no trust (an explicit unsafe
    setting), chain, proof and trust are empty.
    """

    protocol: int
    server: str
    version: str
    heartbeat_s: float
    lease_s: float
    held: list[int]
    hostids: list[str]
    trust: str = ""
    chain: bytes = b""
    proof: bytes = b""


class Granted(_Message, frozen=True, tag=33):
    """`count` seats are held under `handle`. `line` are the signed license lines, the first time a session meets its pool.

    `borrow` is the signed record of borrowed seats, for the client to keep. To a trial the handle is 0, and `at` the server's
    Unix time. `trust` comes with lines after the server has read a trust file that is not the one of its start: its Welcome may
    have brought an older one, which does not know the lines' issuer yet.
    """

    request: int
    handle: int
    count: int
    version: str = ""
    expiry: str = ""
    line: str = ""
    borrow: bytes = b""
    # A whole number takes one byte of the frame of each ordinary grant.
    at: float = 0
    trust: str = ""


class Denied(_Message, frozen=True, tag=34):
    """The checkout is refused: the license error's number, and what lies behind it in one sentence.

    `rule` is the line of the options file or the license file that decides, as `file:line: text`; `holders` are those of the
    seats (`user@host, 3 seats`), for a client that may know them; `free_at` is the Unix time at which seats may come free
    without anybody's doing (a borrow or linger that ends, a license that starts), 0 where that is not known.
    """

    request: int
    number: int
    minor: int = 0
    reason: str = ""
    rule: str = ""
    holders: list[str] = msgspec.field(default_factory=list)
    free_at: float = 0.0


class Queued(_Message, frozen=True, tag=45):
    """The request waits, as the `position`th of its pool, under a handle by which Checkin gives the waiting up."""

    request: int
    handle: int
    position: int


class Returned(_Message, frozen=True, tag=35):
    """The checkin is done (number 0), or why not."""

    request: int
    handle: int
    number: int = 0


class Beat(_Message, frozen=True, tag=36):
    """Answers a Heartbeat; the lease runs from the time the client sent that."""

    sequence: int


class Lost(_Message, frozen=True, tag=37):
    """Seats of this handle are taken from the session: removed by an administrator, expired, no longer licensed."""

    handle: int
    number: int
    reason: str = ""


class Restored(_Message, frozen=True, tag=38):
    """What a Lost with a handle still held announced is over."""

    handle: int


class Refused(_Message, frozen=True, tag=39):
    """The server will not go on with this connection, and closes it."""

    number: int
    reason: str = ""


class Elsewhere(_Message, frozen=True, tag=40):
    """The vendor daemon is not reached through this connection: connect to this port of the same host."""

    port: int


class ServerStatus(_Message, frozen=True, tag=41):
    """Answers AskServer. `admin_socket` is the path of lmgrd's Unix socket, for who asks from the same machine."""

    request: int
    host: str
    port: int
    version: str
    files: list[str]
    members: list[MemberStatus]
    daemons: list[DaemonStatus]
    admin_socket: str = ""


class PoolStatus(_Message, frozen=True, tag=42):
    """One pool of a feature; a pool with many holders comes in several of these with the same `feature` and `pool`.

    `total` is 0 for an uncounted license; `in_use` counts idle reservations, as lmstat does. `hostid` is what the
    license is locked to, empty for a floating one. Beyond `total`, `overdraft` further seats may be held; `denials` were sent since
    the daemon started. `unsupported` are seats of lines that are not served, where none of the feature's is: expired, not begun, refused.
    """

    request: int
    feature: str
    pool: int
    vendor: str
    version: str
    expiry: str
    total: int
    in_use: int
    hostid: str = ""
    vendor_string: str = ""
    holders: list[HolderStatus] = msgspec.field(default_factory=list)
    reservations: list[ReservationStatus] = msgspec.field(default_factory=list)
    queued: list[QueuedStatus] = msgspec.field(default_factory=list)
    overdraft: int = 0
    denials: int = 0
    unsupported: int = 0


class StatusEnd(_Message, frozen=True, tag=43):
    """No more PoolStatus for this request; number -5 where the feature asked for does not exist."""

    request: int
    number: int = 0


class Lines(_Message, frozen=True, tag=46):
    """A part of the answer to AskLines: license lines as text, one a line, without their signatures."""

    request: int
    text: str


class Done(_Message, frozen=True, tag=44):
    """Answers an administrative request: number 0 for success, and what was done or why not."""

    request: int
    number: int
    text: str = ""


class Identity(_Message, frozen=True, tag=47):
    """Answers AskIdentity: `chain` and `trust` as in Welcome; `proof` signs the nonce and the certificate of the TLS connection.

    lmgrd's connections have the certificate of one of its vendors, whichever vendor it proves itself for.
    """

    request: int
    vendor: str
    hostids: list[str]
    trust: str
    chain: bytes
    proof: bytes


ClientMessage = (
    Hello
    | Checkout
    | Checkin
    | Heartbeat
    | Goodbye
    | Activity
    | ReturnBorrow
    | AskServer
    | AskFeatures
    | AskRemove
    | AskReread
    | AskDown
    | AskSwitch
    | AskRevoke
    | AskLines
    | AskIdentity
    | Authenticate
)
ServerMessage = (
    Welcome
    | Granted
    | Denied
    | Queued
    | Returned
    | Beat
    | Lost
    | Restored
    | Refused
    | Elsewhere
    | ServerStatus
    | PoolStatus
    | Lines
    | StatusEnd
    | Done
    | Identity
)
