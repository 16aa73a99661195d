"""Good clients beside an attack, as a program of its own, so that the attack does not take their time.

    python good_clients.py PATH ROOT FEATURE CLIENTS PAUSE_S

Each is a real client of the SDK that checks a seat out and in again and again, with a pause between, until the standard input closes.
It prints one JSON line when all are connected, and one at the end: pairs of the client that made fewest, all pairs, errors, events, and
how long the slowest of a hundred checkouts took.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

from seatkeeper.sdk import Client, LicenseError


async def work(path: str, root: str, feature: str, clients: int, pause_s: float) -> None:
    stop = asyncio.Event()
    events: list[str] = []
    errors: list[str] = []
    times: list[float] = []
    pairs = [0] * clients
    connected = 0
    all_connected = asyncio.Event()

    async def one(number: int) -> None:
        nonlocal connected
        chance = random.Random(number)
        try:
            async with Client(
                path, root=root, user=f"good{number}", host="crowd", on_event=lambda event: events.append(type(event).__name__)
            ) as client:
                while not stop.is_set():
                    began = time.monotonic()
                    seat = await client.checkout(feature, "8.0")
                    times.append(time.monotonic() - began)
                    await client.checkin(seat)
                    pairs[number] += 1
                    if pairs[number] == 1:
                        connected += 1
                        if connected == clients:
                            all_connected.set()
                    await asyncio.sleep(pause_s * chance.uniform(0.5, 1.5))
        except LicenseError as error:
            errors.append(f"client {number} after {pairs[number]} pairs: {error.number} {error.reason}")
            all_connected.set()

    tasks = [asyncio.create_task(one(number)) for number in range(clients)]
    await all_connected.wait()
    print(json.dumps({"ready": True, "errors": errors}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    stop.set()
    await asyncio.gather(*tasks)
    times.sort()
    slowest = times[len(times) * 99 // 100] if times else 0.0
    seen = {"fewest": min(pairs), "pairs": sum(pairs), "errors": errors, "events": sorted(set(events)), "p99_s": round(slowest, 4)}
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    path, root, feature, clients, pause_s = sys.argv[1:]
    asyncio.run(work(path, root, feature, int(clients), float(pause_s)))
