"""No sequence of messages, right or wrong, brings the vendor daemon or lmgrd down (threat list 2.2; CVE-2018-20031 to 20034)."""

from __future__ import annotations

import contextlib
import os
import random
import select
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.journal import GENESIS, read_journal, segments
from seatkeeper.server.listener import STAGES_GREETED, STAGES_NEW
from seatkeeper.wire.framing import NO_MESSAGE, WireError, decode_client, encode_preface, frame, server_frames
from seatkeeper.wire.messages import AskFeatures, AskServer, Authenticate, Heartbeat
from support.hostile import PATIENCE_S, Watch, descriptors, hello, seats_become, sized, wait_until
from support.noise import KINDS, Noise
from support.site import VENDOR

if TYPE_CHECKING:
    from support.site import Site

pytestmark = [pytest.mark.processes, pytest.mark.timeout(3600)]

#: Connections that are used side by side.
_WIDTH = 12
#: A number that no random message has.
_PING = 7_654_321
#: Ended connections that are still read; a daemon that is slower than the noise is waited for.
_ENDING_MAX = 400


class Line:
    """One connection: sequences go out on it until one of them ends it; what comes back is read and counted."""

    def __init__(self, site: Site, chance: random.Random, said: Counter[str], noises: dict[object, Noise]) -> None:
        self._said = said
        self._reader = server_frames()
        vendor = chance.choice(("", VENDOR, VENDOR, VENDOR))
        greeted = bool(vendor) and chance.random() < 0.85
        # Wild ones end soon; tame ones go on with odd requests for long.
        wildness = chance.choice((0.0, 0.0, 0.02, 0.3))
        kinds = (STAGES_GREETED if greeted else STAGES_NEW if vendor else (AskServer,)) if wildness < 0.1 else KINDS
        key = wildness, greeted, bool(vendor)
        tame = tuple(kind for kind in kinds if kind is not Authenticate or wildness >= 0.1)
        self.noise = noises.get(key) or noises.setdefault(key, Noise(chance, wildness, tame))
        self.life = chance.randrange(1, 100) if vendor else chance.randrange(1, 10)
        # What is asked behind each sequence, and answered only when all of it was handled.
        self._ping = AskServer(_PING) if not vendor else Heartbeat(_PING) if greeted else AskFeatures(_PING, "no such feature")
        self._pending = False
        port = site.daemon_port if vendor and chance.random() < 0.3 else site.port
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S, (f"127.0.0.{chance.randrange(1, 251)}", 0))
        self.open = True
        start = encode_preface(vendor)
        if greeted:
            # Some share a session, so that connections take it over from each other.
            start += frame(hello(f"noise{chance.randrange(40)}"))
        self.send(start)
        self.socket.setblocking(False)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        deadline = time.monotonic() + PATIENCE_S
        while view and self.open:
            try:
                view = view[self.socket.send(view) :]
            except BlockingIOError:
                self.read()
                assert time.monotonic() < deadline, "the server takes nothing more"
            except ConnectionError:
                self.close()

    def ask(self, sequence: bytes) -> None:
        """Sends a sequence, when the one before has been handled."""
        deadline = time.monotonic() + PATIENCE_S
        while self._pending and self.open:
            select.select([self.socket], [], [], 1)
            self.read()
            assert time.monotonic() < deadline, "a sequence has not been handled"
        self.send(sequence + frame(self._ping))
        self._pending = True

    def end(self) -> None:
        """Nothing more is sent; the server hears everything that was."""
        if self.open:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.close()

    def read(self) -> None:
        """Takes what has come, without waiting."""
        while self.open:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self.close()
                return
            for message in self._reader.feed(data):
                self._said[type(message).__name__] += 1
                if getattr(message, "sequence", getattr(message, "request", 0)) == _PING:
                    self._pending = False

    def close(self) -> None:
        self.open = False
        self.socket.close()


def is_fatal(data: bytes) -> bool:
    """True where the connection cannot go on: the frames are not all messages, or one is a wrong token, which is answered late."""
    try:
        while data:
            length = int.from_bytes(data[:4], "big")
            if len(data) < 4 + length:
                return True
            if isinstance(decode_client(data[4 : 4 + length]), Authenticate):
                return True
            data = data[4 + length :]
    except NO_MESSAGE:
        return True
    return False


def test_random_sequences_of_messages(site: Site, watch: Watch) -> None:
    """1,000,000 sequences of valid and mutated messages: the same processes serve, no seat is lost, the journal holds."""
    seed = int(os.environ.get("SEATKEEPER_SEED", 0)) or random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    said: Counter[str] = Counter()
    noises: dict[object, Noise] = {}
    total, frames = sized(20_000, 1_000_000), 0
    lines: list[Line] = []
    ending: list[Line] = []
    began = time.monotonic()
    try:
        for number in range(total):
            if number % 1_000 == 0:
                assert os.path.exists(f"/proc/{watch.daemon}"), f"the vendor daemon is gone, seed {seed}, sequence {number}"  # noqa: PTH110
            while len(lines) < _WIDTH:
                lines.append(Line(site, chance, said, noises))
            at = chance.randrange(_WIDTH)
            line = lines[at]
            size = chance.choice((1, 1, 2, 3, 4, 8))
            data = b"".join(line.noise.frame() for _ in range(size))
            frames += size
            line.ask(data)
            line.read()
            line.life -= 1
            if not line.life or is_fatal(data):
                line.end()
                ending.append(lines.pop(at))
            elif not line.open:
                lines.pop(at)
            if len(ending) > _ENDING_MAX:
                deadline = time.monotonic() + PATIENCE_S
                while len(ending) > _ENDING_MAX // 2:
                    assert time.monotonic() < deadline, f"the server does not end broken connections any more, seed {seed}"
                    for one in ending:
                        one.read()
                    ending = [one for one in ending if one.open]
    except WireError as error:
        raise AssertionError(f"the server sent something that is no message: {error}, seed {seed}") from None
    finally:
        for line in (*lines, *ending):
            with contextlib.suppress(OSError):
                line.close()
    seconds = time.monotonic() - began
    print(f"{total} sequences, {frames} frames in {seconds:.0f} s; growth {[part >> 20 for part in watch.growth()]} MiB; {dict(said)}")
    watch.unharmed()
    # The noise was understood: requests of most kinds were answered, and seats were held.
    assert {"Welcome", "Granted", "Denied", "Returned", "Beat", "Refused", "ServerStatus", "PoolStatus", "Done"} <= said.keys()
    for feature in ("f1", "many", "scarce", "shared"):
        seats_become(site, feature, 0)
    wait_until(lambda: descriptors(watch.daemon) < 40)
    assert watch.growth()[0] < 256 << 20
    assert watch.growth()[1] < 128 << 20
    records = sum(1 for _ in read_journal(segments(site.directory / f"{VENDOR}.journal"), anchor=GENESIS))
    assert records > 100


def test_the_noise_has_every_kind_of_message() -> None:
    """What the sequences are made of: every kind but those that would end the server or write files, valid and not."""
    noise = Noise(random.Random(1))
    kinds: Counter[str] = Counter()
    for _ in range(20_000):
        data = noise.frame()
        if is_fatal(data):
            kinds["fatal"] += 1
        else:
            kinds[type(decode_client(data[4:])).__name__] += 1
    assert kinds.keys() >= {kind.__name__ for kind in KINDS} - {"AskDown", "AskSwitch", "AskReread", "Authenticate"}
    assert 0.2 < kinds["fatal"] / 20_000 < 0.6
