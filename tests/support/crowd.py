"""Crowds of real client processes for the tests of the license server; each crowd is a program of its own.

    python crowd.py race PATH ROOT FEATURE PROCESSES SECONDS
    python crowd.py churn PATH ROOT HOLD_FEATURE HOLDERS CHURN_FEATURE CHURNERS

`race` forks so many processes, which begin together, once all are connected, to check one seat out and in again and
again; a shared array shows who believes to hold a
seat, from after the grant to before the checkin. It prints the highest number seen at once, and how many grants and denials there were.

`churn` holds seats through some clients and makes pairs through others until its standard input closes; then it prints what
it holds, every handle it was ever granted, and what its clients were told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import mmap
import os
import sys
import time

from seatkeeper.sdk import Client, LicenseError
from seatkeeper.sdk.blocking import Client as BlockingClient


def race(path: str, root: str, feature: str, processes: int, seconds: float) -> dict[str, int]:
    shared = mmap.mmap(-1, processes)
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    children = []
    for number in range(processes):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            os.close(go_write)
            status = 1
            with contextlib.suppress(BaseException):
                os.write(write, json.dumps(_racer(path, root, feature, shared, number, ready_write, go_read, seconds)).encode())
                status = 0
            os._exit(status)
        os.close(write)
        children.append((pid, read))
    os.close(ready_write)
    connected = 0
    while connected < processes and (data := os.read(ready_read, processes)):
        connected += len(data)
    os.close(go_write)
    highest = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        highest = max(highest, shared[:].count(1))
        time.sleep(0.0005)
    totals = {"highest": highest, "granted": 0, "denied": 0, "others": 0, "connected": connected, "failed": 0}
    for pid, read in children:
        with os.fdopen(read) as pipe:
            text = pipe.read()
        if os.waitpid(pid, 0)[1] or not text:
            totals["failed"] += 1
            continue
        seen = json.loads(text)
        totals["highest"] = max(totals["highest"], seen.pop("highest"))
        for key, value in seen.items():
            totals[key] += value
    return totals


def _racer(path: str, root: str, feature: str, shared: mmap.mmap, number: int, ready: int, go: int, seconds: float) -> dict[str, int]:
    seen = {"highest": 0, "granted": 0, "denied": 0, "others": 0}
    with BlockingClient(path, root=root, user=f"racer{number}", host="crowd") as client:
        client.checkin(client.checkout("entry", "8.0"))
        os.write(ready, b".")
        os.read(go, 1)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                seat = client.checkout(feature, "8.0")
            except LicenseError as error:
                seen["denied" if error.number == -4 else "others"] += 1
                time.sleep(0.02)
                continue
            shared[number] = 1
            seen["granted"] += 1
            seen["highest"] = max(seen["highest"], shared[:].count(1))
            # The first hold is long, so that all seats are held at once however slowly the processes are scheduled.
            time.sleep(1.0 if seen["granted"] == 1 else 0.02)
            shared[number] = 0
            client.checkin(seat)
    return seen


async def churn(path: str, root: str, hold: str, holders: int, feature: str, churners: int) -> dict[str, object]:
    events: list[tuple[str, str]] = []
    granted: list[int] = []
    errors: list[str] = []
    stop = asyncio.Event()
    pairs = 0

    def client(name: str) -> Client:
        return Client(path, root=root, user=name, host="crowd", on_event=lambda event: events.append((name, type(event).__name__)))

    async def churner(name: str) -> None:
        nonlocal pairs
        async with client(name) as own:
            while not stop.is_set():
                try:
                    seat = await own.checkout(feature, "8.0")
                except LicenseError as error:
                    errors.append(f"{error.number} {error.reason}")
                    await asyncio.sleep(0.05)
                    continue
                granted.append(seat.handle)
                await own.checkin(seat)
                pairs += 1

    keepers = [client(f"holder{number}") for number in range(holders)]
    seats = [await keeper.checkout(hold, "8.0") for keeper in keepers]
    first = [seat.handle for seat in seats]
    tasks = [asyncio.create_task(churner(f"churner{number}")) for number in range(churners)]
    print(json.dumps({"ready": True}), flush=True)
    began = time.monotonic()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    seconds = time.monotonic() - began
    stop.set()
    await asyncio.gather(*tasks)
    answer: dict[str, object] = {
        "pairs": pairs,
        "seconds": seconds,
        "held_before": first,
        "held": [seat.handle for seat in seats],
        "valid": [seat.valid for seat in seats],
        "granted": granted,
        "events": sorted({event for _, event in events}),
        "lost": [name for name, event in events if event == "LicenseLost"],
        "errors": errors,
    }
    print(json.dumps(answer), flush=True)
    for keeper in keepers:
        await keeper.close()
    return answer


if __name__ == "__main__":
    kind, path, root, *rest = sys.argv[1:]
    if kind == "race":
        print(json.dumps(race(path, root, rest[0], int(rest[1]), float(rest[2]))))
    else:
        asyncio.run(churn(path, root, rest[0], int(rest[1]), rest[2], int(rest[3])))
