"""A license server on which everything happens that lmstat can show, and what was checked out there, to be compared with a screen.

`BusyServer` starts two vendor daemons behind one lmgrd and holds seats of theirs: in two pools of one feature, shared, reserved, lingering,
borrowed, queued, uncounted, node-locked, over a lowered count, and under the names that people really have. `held`, `waiting` and
`reservations` are the truth that the test knows by itself; nothing in them was read from a screen.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING
from unittest.mock import patch

from seatkeeper import __version__
from seatkeeper.adapters.host import default_hostid
from seatkeeper.licfile.model import Package
from seatkeeper.sdk.admin import reread
from seatkeeper.sdk.blocking import Client
from seatkeeper.wire.framing import encode_preface, frame, server_frames
from seatkeeper.wire.messages import PROTOCOL, Checkin, Checkout, Denied, Granted, Hello, Queued, Returned, Welcome
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.licfile.model import Feature
    from seatkeeper.wire.messages import ServerMessage

OTHER = "other.d"
LINGER_S = 7200
#: What the lines say, after the reread.
ISSUED = {
    (VENDOR, "ports"): 30,
    (VENDOR, "solo"): 1,
    (VENDOR, "pair"): 2,
    (VENDOR, "idle"): 3,
    (VENDOR, "idle_one"): 1,
    (VENDOR, "lingering"): 4,
    (VENDOR, "lent"): 3,
    (VENDOR, "kept"): 12,
    (VENDOR, "shared"): 5,
    (VENDOR, "write"): 3,
    (VENDOR, "draw"): 3,
    (VENDOR, "suite"): 3,
    (VENDOR, "people"): 9,
    (VENDOR, "bound"): 2,
    (VENDOR, "drafted"): 1,
    (VENDOR, "over"): 1,
    (OTHER, "ports"): 2,
    (OTHER, "other_tool"): 1,
}
UNCOUNTED = ("free_held", "free_idle", "bound_free")
OPTIONS = f"""\
LINGER lingering {LINGER_S}
GROUP night nan ned
HOST_GROUP kiosks kiosk1 kiosk2
RESERVE 4 kept GROUP night
RESERVE 1 kept HOST desk9
RESERVE 2 kept HOST_GROUP kiosks
RESERVE 3 kept USER hal
"""
#: Users, hosts and displays as they are found, at their worst.
PEOPLE = (
    ("John Smith", "desk10", "desk10"),
    ("\u0141ukasz", "b\u00fcro-3", ":0"),
    ("\u5c71\u7530", "desk11", ":0"),
    ("u" * 256, "h" * 256, "d" * 256),
    ("DOMAIN\\joe.o'neil", "desk12.example.test", "10.1.2.3:0.0"),
    ("no-display", "desk13", ""),
)


@dataclass(frozen=True)
class Held:
    """Seats that somebody holds, as lmstat is to show them."""

    feature: str
    user: str
    host: str
    display: str
    version: str
    handle: int
    count: int = 1
    vendor: str = VENDOR
    lingers: bool = False


@dataclass(frozen=True)
class Kept:
    """Seats that are reserved, and idle."""

    feature: str
    count: int
    kind: str
    name: str


class Application:
    """A client that speaks the protocol by hand, so that it may have any name, and many handles."""

    def __init__(self, port: int, user: str, host: str, display: str, vendor: str = VENDOR) -> None:
        self.user, self.host, self.display, self.vendor = user, host, display, vendor
        self._socket = socket.create_connection(("localhost", port), timeout=20)
        self._reader = server_frames()
        self._messages: list[ServerMessage] = []
        self._request = 0
        self._socket.sendall(encode_preface(vendor))
        session = f"{user}{host}{id(self)}".encode()[-16:].rjust(16, b".")
        answer = self._ask(Hello(PROTOCOL, vendor, session, b"n" * 32, user, host, display, hostids=[default_hostid()]))
        assert isinstance(answer, Welcome), answer

    def checkout(self, name: str, version: str = "8.0", count: int = 1) -> int:
        """The handle of seats."""
        answer = self._ask(Checkout(self._next(), name, version, count))
        assert isinstance(answer, Granted), answer
        return answer.handle

    def wait_for(self, name: str, version: str = "8.0", count: int = 1) -> int:
        """The handle of a request that waits in the queue."""
        answer = self._ask(Checkout(self._next(), name, version, count, queue=True))
        assert isinstance(answer, Queued), answer
        return answer.handle

    def try_checkout(self, name: str, version: str = "8.0", count: int = 1, *, queue: bool = False) -> int:
        """The handle of seats, or of the request that waits for them; 0 where they are denied."""
        answer = self._ask(Checkout(self._next(), name, version, count, queue=queue))
        assert isinstance(answer, Granted | Queued | Denied), answer
        return 0 if isinstance(answer, Denied) else answer.handle

    def checkin(self, handle: int) -> None:
        """Gives seats back, or up the place in the queue."""
        answer = self._ask(Checkin(self._next(), handle))
        assert isinstance(answer, Returned), answer

    def _next(self) -> int:
        self._request += 1
        return self._request

    def _ask(self, message: Hello | Checkout | Checkin) -> ServerMessage:
        """The answer; what the server says by itself, or about earlier requests, which wait, is left aside."""
        self._socket.sendall(frame(message))
        while True:
            answer = self._receive()
            if isinstance(message, Hello) or getattr(answer, "request", 0) == message.request:
                return answer

    def _receive(self) -> ServerMessage:
        while not self._messages:
            data = self._socket.recv(65536)
            assert data, "the license server has closed the connection"
            self._messages += self._reader.feed(data)
        return self._messages.pop(0)

    def close(self) -> None:
        """Ends as if it were killed."""
        self._socket.close()


class BusyServer:
    """The server, everything that is held there, and what is kept and waited for; ends with `close`."""

    def __init__(self, directory: Path) -> None:
        self.held: list[Held] = []
        self.waiting: list[Held] = []
        self.kept: list[Kept] = []
        self.directory = directory
        self._clients: list[Application | Client] = []
        self.site = Site(directory, _lines(over=3, gone=True))
        self.site.add_vendor(OTHER, [feature("ports", 2, vendor=OTHER), feature("other_tool", 1, "2.11", vendor=OTHER)])
        self._spoil()
        (directory / f"{VENDOR}.opt").write_text(OPTIONS)
        self.path = f"{self.site.port}@localhost"
        self.version = f"v{__version__}"

    def start(self) -> BusyServer:
        """Starts the server and lets everything happen."""
        self.site.start("--lease", "600")
        self._hold()
        # A reread lowers a count under what is held, and removes a feature that somebody holds.
        self.site.write(_lines(over=1, gone=False))
        self._spoil()
        reread("localhost", self.site.port)
        return self

    def _spoil(self) -> None:
        """Somebody wanted more seats than were signed."""
        text = self.site.license.read_text()
        assert "broken genesys.d 8.0 permanent 7 " in text
        self.site.license.write_text(text.replace("broken genesys.d 8.0 permanent 7 ", "broken genesys.d 8.0 permanent 8 "))

    def _hold(self) -> None:
        ann = self.application("ann", "desk1", ":0")
        bob = self.application("bob", "desk2.example.test", "/dev/pts/3")
        self.take(ann, "ports", "8.5", 12)
        self.take(ann, "ports", "8.5")
        self.take(bob, "ports", "8.0", 8)
        cy = self.client("cy", "desk3", ":0.0")
        self.held.append(Held("ports", "cy", "desk3", ":0.0", "8.0", cy.checkout("ports", "8.0", 2).handle, 2))
        self.take(ann, "solo")
        self.wait(bob, "solo")
        self.take(ann, "pair", count=2)
        self.wait(bob, "pair")
        self.wait(self.application("dan", "desk4", "tty1"), "pair", count=2)
        # What lingers stays after the checkin, here of an application that has gone.
        gil = self.application("gil", "desk5", ":0")
        gil.checkin(self.take(gil, "lingering", count=2, lingers=True))
        gil.close()
        jo = self.application("jo", "desk8", ":0")
        jo.checkin(self.take(jo, "lingering", lingers=True))
        eve = self.client("eve", "laptop1", ":0")
        with patch.dict(os.environ, SEATKEEPER_BORROW_DIR=str(self.site.directory / "laptop1")):
            borrowed = eve.checkout("lent", "8.0", borrow_until=24)
        self.held.append(Held("lent", "eve", "laptop1", ":0", "8.0", borrowed.handle, lingers=True))
        eve.close()
        # Of the three seats that are kept for hal one is his.
        self.kept += [Kept("kept", 4, "GROUP", "night"), Kept("kept", 1, "HOST", "desk9"), Kept("kept", 2, "HOST_GROUP", "kiosks")]
        self.kept.append(Kept("kept", 2, "USER", "hal"))
        self.take(self.application("hal", "desk6", ":1"), "kept")
        self.take(ann, "kept")
        # Two checkouts share one seat; a third has one of its own.
        self.take(ann, "shared")
        ann.checkout("shared")
        self.take(bob, "shared")
        # Of a suite, the components are seats by themselves, and together one of the suite.
        for one, name in ((ann, "write"), (bob, "draw"), (ann, "draw")):
            self.take(one, name)
        self.held += [replace(held, feature="suite") for held in self.held[-3:-1]]
        self.take(ann, "free_held")
        self.take(bob, "free_held", count=3)
        self.take(ann, "bound_free")
        self.take(ann, "bound")
        self.take(ann, "drafted", count=3)
        self.take(bob, "over", count=3)
        for user, host, display in PEOPLE:
            self.take(self.application(user, host, display), "people")
        self.take(self.application("kim", "desk7", ":0", OTHER), "ports")
        self.take(ann, "gone")
        self.take(ann, "ended")

    def application(self, user: str, host: str, display: str, vendor: str = VENDOR) -> Application:
        """A client by hand."""
        one = Application(self.site.port, user, host, display, vendor)
        self._clients.append(one)
        return one

    def client(self, user: str, host: str, display: str) -> Client:
        """A client of the SDK."""
        one = Client(self.path, root=self.site.root, user=user, host=host, display=display)
        self._clients.append(one)
        return one

    def take(self, one: Application, name: str, version: str = "8.0", count: int = 1, *, lingers: bool = False) -> int:
        """Checks out what lmstat is to show; the handle."""
        handle = one.checkout(name, version, count)
        self.held.append(Held(name, one.user, one.host, one.display, version, handle, count, one.vendor, lingers))
        return handle

    def wait(self, one: Application, name: str, count: int = 1) -> None:
        """Queues for what lmstat is to show as queued."""
        handle = one.wait_for(name, "8.0", count)
        self.waiting.append(Held(name, one.user, one.host, one.display, "8.0", handle, count, one.vendor))

    def used(self, vendor: str, name: str) -> int:
        """Seats that are in use, by what was checked out and reserved."""
        held = sum(one.count for one in self.held if (one.vendor, one.feature) == (vendor, name))
        return held + sum(one.count for one in self.kept if (vendor, one.feature) == (VENDOR, name))

    def close(self) -> None:
        """Ends everything."""
        for one in self._clients:
            one.close()
        self.site.stop()


def suite(name: str, count: int) -> list[Feature]:
    """A suite of `write` and `draw`."""
    attributes = (("COMPONENTS", "write draw"), ("OPTIONS", "SUITE"), ("ISSUED", date.today().strftime("%d-%b-%Y").lower()))
    return [Package(name, VENDOR, "8.0", attributes=attributes), feature(name, count, keyword="INCREMENT")]  # type: ignore[list-item]


def _lines(*, over: int, gone: bool) -> list[Feature]:
    hostid = default_hostid()
    lines = [
        feature("ports", 20, "8.5", keyword="INCREMENT"),
        feature("ports", 10, "8.0", "05-feb-2031", keyword="INCREMENT", VENDOR_STRING="site=north"),
        feature("solo", 1),
        feature("pair", 2, "8.0", "31-dec-2030"),
        feature("idle", 3),
        feature("idle_one", 1),
        feature("lingering", 4),
        feature("lent", 3, BORROW="48"),
        feature("kept", 12),
        feature("shared", 5, DUP_GROUP="UHD"),
        *suite("suite", 3),
        feature("people", 9),
        feature("free_held", "uncounted", HOSTID="ANY"),
        feature("free_idle", "uncounted", HOSTID="ANY"),
        feature("bound", 2, HOSTID=hostid),
        feature("bound_free", "uncounted", HOSTID=hostid),
        feature("drafted", 1, OVERDRAFT="2"),
        feature("over", over),
        feature("broken", 7),
        feature("expired", 4, "8.0", "1-feb-2020"),
        feature("ended", 2, "8.0", "permanent" if gone else "1-feb-2020"),
        *([feature("gone", 2)] if gone else []),
    ]
    return lines
