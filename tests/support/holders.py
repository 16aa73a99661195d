"""Holders to be killed, as a program of its own: each is a process that holds one seat through a connection of its own.

    python holders.py PORT FEATURE COUNT

It forks, prints the process ids as JSON once every one has its seat, and ends when its standard input closes.
"""

from __future__ import annotations

import json
import os
import sys
import time

from support.hostile import Peer


def hold(port: int, feature: str, number: int, report: int) -> None:
    peer = Peer(port)
    peer.hello(f"holder{number}")
    peer.checkout(feature)
    os.write(report, b".")
    while True:
        time.sleep(3600)


def main(port: int, feature: str, count: int) -> None:
    reader, writer = os.pipe()
    pids = []
    for number in range(count):
        pid = os.fork()
        if not pid:
            os.close(reader)
            try:
                hold(port, feature, number, writer)
            finally:
                os._exit(1)
        pids.append(pid)
    os.close(writer)
    ready = 0
    while ready < count and (data := os.read(reader, 4096)):
        ready += len(data)
    print(json.dumps({"pids": pids, "ready": ready}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
