"""Three real log servers know each other by keys that the vendor has certified, and nobody else gets in."""

from __future__ import annotations

import asyncio
import time
from datetime import date
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.adapters.jetstream import RouteTls, SharedLog
from seatkeeper.adapters.keys import init_vendor, issue_credential, read_credential
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.licfile.certificate import leaf_of
from seatkeeper.vendor.log import Appended
from support.nats_trio import NatsTrio

if TYPE_CHECKING:
    from pathlib import Path

WAIT_S = 20.0
pytestmark = [
    pytest.mark.timeout(120),
    # nats-py leaves the writer of a connection that broke to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _pinned(directory: Path) -> list[RouteTls]:
    """Three servers' keys and certificates, made as a vendor makes them."""
    keys = directory / "keys"
    init_vendor(keys, "genesys.d", today=date.today())
    leaves = []
    for number in range(3):
        place = directory / str(number)
        place.mkdir()
        issue_credential(keys, f"00112233445{number}", place, today=date.today())
        (path,) = place.glob("*.credential")
        chain = read_credential(path).chain
        leaves.append((path, chain, leaf_of(chain)[1]))
    known = directory / "known.pem"
    known.write_bytes(b"".join(chain for _, chain, _ in leaves))
    return [RouteTls(path, known, tuple(digest for _, _, digest in leaves)) for path, _, _ in leaves]


@pytest.mark.parametrize("stranger", [False, True])
async def test_log_servers_know_each_other_by_their_keys_and_take_nobody_elses(tmp_path: Path, stranger: bool) -> None:
    tls = _pinned(tmp_path)
    if stranger:
        # The two others know of each other only; the vendor has certified the third as well.
        strict = msgspec.structs.replace(tls[0], pinned=tls[0].pinned[:2])
        tls = [strict, msgspec.structs.replace(tls[1], pinned=strict.pinned), tls[2]]
    trio = NatsTrio(tmp_path, tls)
    log = SharedLog(trio.url(2 if stranger else 0), "log", login=("someone", "a password"))
    try:
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                await log.connect()
                break
            except SeatkeeperError:
                assert time.monotonic() < deadline
        if stranger:
            while "not pinned" not in (tmp_path / "0.log").read_text() + (tmp_path / "1.log").read_text():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
            with pytest.raises(SeatkeeperError):
                await log.create()
            return
        while True:
            try:
                await log.create()
                break
            except SeatkeeperError:
                assert time.monotonic() < deadline
        assert await log.append(0, b"one") == Appended(1)
        with pytest.raises(SeatkeeperError):
            await SharedLog(trio.url(1), "log", login=("someone", "another password")).connect()
    finally:
        await log.close()
        trio.close()
