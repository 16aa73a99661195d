"""One connection without a network: whatever comes in, in whatever pieces, it is handled in order, in turns, and never for ever."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.roles import Identity, Restrictions
from seatkeeper.server.access import WRONG_S, Access, AccessPolicy
from seatkeeper.server.channels import Channel, Channels
from seatkeeper.server.crowd import Crowd
from seatkeeper.server.listener import (
    CHECKOUTS_MAX,
    CHECKOUTS_S,
    FAREWELL_S,
    MESSAGES_MAX,
    WRITE_BYTES_MAX,
    ClientConnection,
)
from seatkeeper.vendor.events import CheckinAsked, CheckoutAsked, Disconnected, Greeting, Left
from seatkeeper.wire.framing import HEADER_BYTES, frame, server_frames
from seatkeeper.wire.messages import (
    FRAME_BYTES_MAX,
    PROTOCOL,
    AskFeatures,
    AskIdentity,
    AskRemove,
    Authenticate,
    Beat,
    Checkin,
    Checkout,
    Done,
    Goodbye,
    Heartbeat,
    Hello,
    Refused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VENDOR = "genesys.d"
HELLO = Hello(PROTOCOL, VENDOR, b"s" * 16, b"n" * 32, "ann", "pc", "tty")


class Transport:
    """What a connection does to its transport."""

    def __init__(self) -> None:
        self.sent = b""
        self.state = "open"
        self.reading = True
        self.unread = 0
        self.limit = 0

    def set_write_buffer_limits(self, high: int) -> None:
        self.limit = high

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.state != "open"

    def write(self, data: bytes) -> None:
        assert self.state == "open"
        self.sent += data

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    @property
    def answers(self) -> list[object]:
        return list(server_frames().feed(self.sent))


ADMINISTRATOR = Identity("administrator", "ops", "licsrv", local=True, attested=True)


class Daemon:
    """What a connection asks of its daemon."""

    vendor = VENDOR

    def __init__(self) -> None:
        self.events: list[object] = []
        self.calls: list[str] = []
        self.soon: list[Callable[[], object]] = []
        self.later: list[tuple[float, Callable[..., object], tuple[object, ...]]] = []
        self.now = 100.0
        self.loop = SimpleNamespace(
            call_soon=lambda call: self.soon.append(call),
            call_later=lambda delay, call, *rest: self.later.append((delay, call, rest)),
            time=lambda: self.now,
        )
        self.run = self.events.append

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.calls.append(name)

    def greet(self, connection: ClientConnection, _hello: Hello, _event: object) -> None:
        self.calls.append("greet")
        connection.session = 7

    def wait(self) -> float:
        """Time passes until the next thing is due; how long that takes."""
        delay, call, rest = self.later.pop(0)
        self.now += delay
        call(*rest)
        return delay


def channel_of(identity: Identity = ADMINISTRATOR, *, lent: bool = False, **policy: object) -> Channel:
    access = Access(AccessPolicy(**policy), print)  # type: ignore[arg-type]
    channels = Channels(SimpleNamespace(), access, Crowd(100), print, print)  # type: ignore[arg-type]
    return Channel(channels, identity, identity.host, tls=False, lent=lent)


def connect(*, greeted: bool = True, channel: Channel | None = None) -> tuple[ClientConnection, Transport, Daemon]:
    daemon, transport = Daemon(), Transport()
    connection = ClientConnection(daemon, channel or channel_of())  # type: ignore[arg-type]
    connection.connection_made(transport)  # type: ignore[arg-type]
    if greeted:
        connection.data_received(frame(HELLO))
    return connection, transport, daemon


def test_one_that_sends_very_much_at_once_takes_turns_with_the_others() -> None:
    connection, transport, daemon = connect()
    wanted = [Checkin(number, 101) for number in range(MESSAGES_MAX * 3 + 10)]
    connection.data_received(b"".join(map(frame, wanted)) + frame(Checkin(99_999, 1))[:5])
    assert len(daemon.events) == MESSAGES_MAX
    assert not transport.reading
    turns = 0
    while daemon.soon:
        daemon.soon.pop(0)()
        turns += 1
    assert turns == 3
    assert transport.reading
    assert daemon.events == [CheckinAsked(7, one.request, 101) for one in wanted]
    connection.data_received(frame(Checkin(99_999, 1))[5:])
    assert daemon.events[-1] == CheckinAsked(7, 99_999, 1)


def test_one_that_is_gone_has_no_further_turn() -> None:
    connection, transport, daemon = connect()
    connection.data_received(b"".join(frame(Checkin(number, 101)) for number in range(MESSAGES_MAX * 2)))
    transport.state = "closed"
    connection.connection_lost(None)
    daemon.soon.pop()()
    assert len(daemon.events) == MESSAGES_MAX + 1
    assert daemon.events[-1] == Disconnected(7, connection)


def test_one_that_was_refused_in_the_meantime_has_no_further_turn() -> None:
    connection, _, daemon = connect()
    connection.data_received(b"".join(frame(Checkin(number, 101)) for number in range(MESSAGES_MAX * 2)))
    connection.refuse(-134, "The session goes on through a newer connection.")
    daemon.soon.pop()()
    assert len(daemon.events) == MESSAGES_MAX


@pytest.mark.parametrize("end", ["refuse", "goodbye"])
@pytest.mark.parametrize("unread", [0, 5000])
def test_who_leaves_its_last_answers_unread_does_not_keep_the_connection(end: str, unread: int) -> None:
    connection, transport, daemon = connect()
    transport.unread = unread
    connection.data_received(frame(Goodbye()) if end == "goodbye" else b"\0\0\0\1\xc1")
    assert transport.state == "closed"
    assert [delay for delay, _, _ in daemon.later] == ([FAREWELL_S] if unread else [])
    while daemon.later:
        daemon.wait()
    assert transport.state == ("aborted" if unread else "closed")


def test_who_reads_nothing_is_dropped() -> None:
    connection, transport, daemon = connect()
    assert transport.limit == WRITE_BYTES_MAX
    connection.pause_writing()
    assert transport.state == "aborted"
    connection.send(Beat(1))
    connection.connection_lost(None)
    assert daemon.events == [Disconnected(7, connection)]


def test_a_tool_has_a_deadline_for_its_next_request_too() -> None:
    connection, _, daemon = connect(greeted=False)
    assert daemon.calls == ["opened"]
    connection.data_received(frame(AskFeatures(1)))
    assert daemon.calls == ["opened", "awaits_greeting", "send_status"]
    connection.data_received(frame(AskRemove(2, "f1", handle=101)))
    assert daemon.calls[3:] == ["awaits_greeting"]


def test_a_session_s_deadline_is_its_lease() -> None:
    connection, _, daemon = connect()
    connection.data_received(frame(AskFeatures(1)))
    connection.data_received(frame(AskRemove(2, "f1", handle=101)))
    assert daemon.calls == ["opened", "greeting_over", "greet", "send_status"]


@pytest.mark.parametrize("extra", [1, 100_000])
def test_a_frame_above_the_limit_is_refused_also_where_it_comes_in_one_piece(extra: int) -> None:
    connection, transport, daemon = connect()
    # A heartbeat with very many further elements, which a reader would pass over.
    body = b"\xdd" + (FRAME_BYTES_MAX + extra - 5).to_bytes(4, "big") + b"\x04" + b"\x01" * (FRAME_BYTES_MAX + extra - 6)
    connection.data_received(len(body).to_bytes(HEADER_BYTES, "big") + body)
    assert isinstance(transport.answers[0], Refused)
    assert daemon.calls == ["opened", "greeting_over", "greet"]


MESSAGES = [HELLO, Checkout(1, "f1"), Checkin(2, 101), Heartbeat(3), Goodbye(), AskFeatures(4), AskRemove(5, "f1")]


@given(st.lists(st.sampled_from(MESSAGES), max_size=12), st.data())
def test_any_sequence_in_any_pieces_is_handled_up_to_the_first_that_has_no_place(messages: list[object], data: st.DataObject) -> None:
    connection, transport, daemon = connect(greeted=False)
    stream = b"".join(map(frame, messages))
    while stream and transport.state == "open":
        size = data.draw(st.integers(1, len(stream)))
        connection.data_received(stream[:size])
        stream = stream[size:]
    expected, greeted, ended = [], False, False
    for message in messages:
        if type(message) in (Hello, Checkout, Checkin, Heartbeat, Goodbye) and greeted is (type(message) is Hello):
            ended = True
            break
        greeted = greeted or type(message) is Hello
        expected += [type(message)] if type(message) in (Checkout, Checkin, Goodbye, AskRemove) else []
        if type(message) is Goodbye:
            break
    kinds = {CheckoutAsked: Checkout, CheckinAsked: Checkin, Left: Goodbye}
    assert [kinds.get(type(event), AskRemove) for event in daemon.events] == expected
    assert (transport.state != "open") == (ended or Goodbye in expected)
    if ended:
        assert isinstance(transport.answers[-1], Refused)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_leave_the_connection_open_or_refused_and_raise_nothing(data: bytes, greeted: bool) -> None:
    connection, transport, _ = connect(greeted=greeted)
    connection.data_received(data)
    connection.data_received(data) if transport.state == "open" else None
    if transport.state != "open":
        assert not transport.answers or isinstance(transport.answers[-1], Refused | Done | Beat)


@pytest.mark.parametrize(
    ("identity", "number"),
    [
        (ADMINISTRATOR, None),
        (Identity("operator", "ada", "192.0.2.9", attested=True), None),
        (Identity("viewer", "", "127.0.0.1", local=True), -63),
        (Identity("anonymous", "", "192.0.2.9"), -63),
    ],
)
def test_a_seat_is_taken_back_by_who_the_channel_is(identity: Identity, number: int | None) -> None:
    connection, transport, daemon = connect(channel=channel_of(identity), greeted=False)
    connection.data_received(frame(AskRemove(1, "f1", handle=101)))
    assert [answer.number for answer in transport.answers] == ([] if number is None else [number])
    assert [(event.by_user, event.by_host) for event in daemon.events] == ([(identity.user, identity.host)] if number is None else [])


def test_what_is_switched_off_is_so_for_everybody() -> None:
    channel = channel_of(restrictions=Restrictions(("lmremove",)))
    connection, transport, daemon = connect(channel=channel, greeted=False)
    connection.data_received(frame(AskRemove(1, "f1", handle=101)))
    assert "lmgrd -x lmremove" in transport.answers[0].text
    assert not daemon.events


def test_the_room_for_administrators_is_for_nobody_else() -> None:
    connection, transport, daemon = connect(channel=channel_of(Identity("viewer", local=True), lent=True), greeted=False)
    connection.data_received(frame(AskFeatures(1)))
    assert transport.answers[-1].number == -106
    connection.data_received(frame(HELLO))
    assert isinstance(transport.answers[-1], Refused)
    assert transport.state == "closed"
    assert "greet" not in daemon.calls
    connection, _, daemon = connect(channel=channel_of(lent=True), greeted=False)
    connection.data_received(frame(AskFeatures(1)))
    assert daemon.calls[-1] == "send_status"


def test_a_token_in_plain_text_is_answered_late_and_the_connection_is_over() -> None:
    connection, transport, daemon = connect(greeted=False)
    connection.data_received(frame(Authenticate(1, "seatkeeper-x")) + frame(AskFeatures(2)))
    assert not transport.answers
    assert not transport.reading
    assert daemon.wait() == WRONG_S
    assert [answer.number for answer in transport.answers] == [-63]
    assert transport.state == "closed"
    assert "send_status" not in daemon.calls


def test_who_this_is_is_proved_over_tls_only() -> None:
    connection, transport, _ = connect(greeted=False)
    connection.data_received(frame(AskIdentity(1, b"n" * 32)))
    assert [(type(answer), answer.number) for answer in transport.answers] == [(Refused, -33)]
    assert transport.state == "closed"


def test_a_frame_that_is_begun_has_a_deadline() -> None:
    connection, _, daemon = connect()
    whole = frame(Checkin(1, 101))
    daemon.calls.clear()
    connection.data_received(whole[:3])
    connection.data_received(whole[3:7])
    assert daemon.calls == ["awaits_greeting"]
    # One that goes on with the next one at once gets a new deadline, and one that is whole needs none.
    connection.data_received(whole[7:] + whole[:5])
    connection.data_received(whole[5:])
    assert daemon.calls == ["awaits_greeting", "awaits_greeting", "greeting_over"]
    assert len(daemon.events) == 2
    connection.data_received(whole)
    assert daemon.calls == ["awaits_greeting", "awaits_greeting", "greeting_over"]


@pytest.mark.parametrize("together", [True, False])
def test_who_asks_for_very_many_seats_waits_and_is_served(together: bool) -> None:
    connection, transport, daemon = connect()
    wanted = [frame(Checkout(number, "f1")) for number in range(3 * CHECKOUTS_MAX)]
    pieces = [b"".join(wanted)] if together else wanted
    waits = []
    for piece in pieces:
        connection.data_received(piece)
        while daemon.soon or daemon.later:
            if daemon.soon:
                daemon.soon.pop(0)()
            else:
                waits.append(daemon.wait())
    # The first window has long begun when the first checkout comes.
    assert waits == [CHECKOUTS_S]
    assert transport.reading
    assert [event.request for event in daemon.events] == list(range(3 * CHECKOUTS_MAX))
    assert transport.state == "open"


def test_names_come_in_with_one_spelling_and_a_display_of_nothing_stays_empty() -> None:
    connection, _, daemon = connect(greeted=False)
    greetings: list[Greeting] = []
    daemon.greet = lambda _connection, _hello, event: greetings.append(event)  # type: ignore[method-assign,misc]
    connection.data_received(frame(Hello(PROTOCOL, VENDOR, b"s" * 16, b"n" * 32, "an\u200bn  lee", "\x00", " \u202e", project="p\nq")))
    (greeting,) = greetings
    assert (greeting.user, greeting.host, greeting.display, greeting.project) == ("an n lee", "?", "", "p q")
    connection.data_received(frame(Checkout(1, "f1", display="\u200b", data="a\tb")))
    connection.data_received(frame(AskRemove(2, "f1", "an\u200bn  lee", "\x00?", " ")))
    asked, removal = daemon.events
    assert (asked.display, asked.data) == ("", "a b")  # type: ignore[attr-defined]
    assert (removal.user, removal.host, removal.display) == ("an n lee", "?", "")  # type: ignore[attr-defined]
