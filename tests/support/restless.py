"""Applications that never rest, as a program of its own, so that lmstat is asked while seats change.

    python restless.py PORT SEED

Each checks out one to five seats of `many`, shares seats of `shared`, uses components of a suite, queues, leaves in the middle of it and
comes back, until the standard input closes; then it prints how often it did something.
"""

from __future__ import annotations

import random
import select
import sys

from support.busy_server import Application


def work(port: int, seed: int) -> int:
    chance = random.Random(seed)
    crowd: list[Application] = []
    held: dict[Application, list[int]] = {}
    done = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        done += 1
        if len(crowd) < 12:
            number = chance.randrange(30)
            crowd.append(Application(port, f"restless{number}", f"pc{number % 7}", f":{number % 3}"))
            held[crowd[-1]] = []
        one = chance.choice(crowd)
        what = chance.random()
        if what < 0.02:
            one.close()
            crowd.remove(one)
            del held[one]
        elif what < 0.5 and len(held[one]) < 12:
            name = chance.choice(["many", "many", "shared", "write", "draw", "scarce"])
            handle = one.try_checkout(name, count=chance.choice([1, 1, 2, 5]) if name == "many" else 1, queue=name == "scarce")
            held[one] += [handle] if handle else []
        elif held[one]:
            one.checkin(held[one].pop(chance.randrange(len(held[one]))))
        if done == 100:
            print("ready", flush=True)
    for one in crowd:
        one.close()
    return done


if __name__ == "__main__":
    print(work(int(sys.argv[1]), int(sys.argv[2])), flush=True)
