"""Limits of connections at a real license server: one address has its share, and an administrator comes in when all is full."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.peers import connect_unix
from seatkeeper.sdk.access import Access
from seatkeeper.sdk.question import Question
from seatkeeper.wire.framing import encode_preface, frame, server_frames
from seatkeeper.wire.messages import AskFeatures, AskRemove, Done, Refused, ServerMessage, StatusEnd, Welcome
from support.hostile import Peer, hello, wait_until
from support.remote import connect_far
from support.site import VENDOR, Site

if TYPE_CHECKING:
    import socket
    from pathlib import Path

pytestmark = pytest.mark.processes


def answer(connection: socket.socket, message: object) -> ServerMessage | None:
    """The first answer; None where the connection is closed."""
    reader = server_frames()
    connection.sendall(frame(message))  # type: ignore[arg-type]
    while data := connection.recv(65536):
        found = reader.feed(data)
        if found:
            return found[0]
    return None


def test_one_address_has_its_share_and_this_machine_has_no_limit(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 5}) as site:
        site.start("--per-address", "3", "--plain", "all")
        inside = [connect_far(site.port) for _ in range(3)]
        for number, one in enumerate(inside):
            one.sendall(encode_preface(VENDOR))
            assert isinstance(answer(one, hello(f"far{number}")), Welcome)
        with connect_far(site.port) as more:
            more.sendall(encode_preface(VENDOR))
            refused = answer(more, hello("more"))
            assert isinstance(refused, Refused)
            assert refused.number == -106
        near = [Peer(site.port) for _ in range(6)]
        for number, peer in enumerate(near):
            assert isinstance(peer.ask(hello(f"near{number}")), Welcome)
        for peer in near:
            peer.close()
        inside.pop().close()

        def comes_in() -> bool:
            with connect_far(site.port) as again:
                again.sendall(encode_preface(VENDOR))
                return isinstance(answer(again, hello("again")), Welcome)

        wait_until(comes_in)
        for one in inside:
            one.close()
        assert "has 3 connections, further ones are refused" in site.read_log()


def test_when_all_is_full_an_administrator_comes_in(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 200}) as site:
        arguments = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(site.license), "-l", f"+{site.log}"]
        site.process = subprocess.Popen(["/bin/sh", "-c", 'ulimit -n 160; exec "$@"', "sh", *arguments], stdin=subprocess.DEVNULL)
        site.wait_until_serving()
        peers: list[Peer] = []
        refused = None
        # 160 less 64 are connections, of these 32 the room.
        while refused is None and len(peers) < 200:
            peers.append(Peer(site.port))
            told = peers[-1].ask(hello(f"p{len(peers)}"))
            refused = told if isinstance(told, Refused) else None
        assert refused is not None
        assert refused.number == -106
        assert len(peers) == 160 - 64 - 32 + 1
        # Connections that say nothing take half of the room, and not all of it.
        silent = [Peer(site.port) for _ in range(40)]
        with connect_unix(site.directory / f"lmgrd-{site.port}.socket", 15) as tool:
            tool.sendall(encode_preface(VENDOR))
            assert not isinstance(answer(tool, AskFeatures(1, "f1")), Refused | Done | None)
        question = Question("", 0, VENDOR, Access(), 15, connection=connect_unix(site.directory / f"lmgrd-{site.port}.socket", 15))
        with question:
            assert question.ask(AskFeatures(1, "f1"))[-1] == StatusEnd(1)
            done = question.ask(AskRemove(2, "f1", handle=999))[0]
            assert isinstance(done, Done)
            assert done.number == -41
        for peer in (*peers, *silent):
            peer.close()
