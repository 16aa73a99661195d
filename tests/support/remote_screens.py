"""What somebody from another machine is shown, as a program of its own, in a network namespace of its own.

    unshare --map-root-user --net python remote_screens.py DIRECTORY

It gives the namespace two addresses, and lets connections to the first come from the second, so that the license server takes them for
another machine's. It prints one JSON object: by `local` and `remote`, the exit status, stdout and stderr of `lmstat -a`; and by `held`, the
names that were checked out. The exit status 77 says that there can be no such namespace here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE, THERE = "10.9.0.1", "10.9.0.2"


def prepare() -> bool:
    """Sets the addresses up; False where that cannot be."""
    try:
        for words in (
            ("link", "set", "lo", "up"),
            ("addr", "add", f"{HERE}/32", "dev", "lo"),
            ("addr", "add", f"{THERE}/32", "dev", "lo"),
            ("route", "replace", "local", HERE, "dev", "lo", "table", "local", "src", THERE),
        ):
            subprocess.run(["ip", *words], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def main(directory: Path) -> int:
    if not prepare():
        return 77
    from support.busy_server import BusyServer

    server = BusyServer(directory)
    try:
        server.start()
        shown: dict[str, object] = {}
        for name, host in (("local", "localhost"), ("remote", HERE)):
            command = [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmstat", "-a", "-c", f"{server.site.port}@{host}"]
            environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=environment, check=False)
            shown[name] = done.returncode, done.stdout.decode(), done.stderr.decode()
        shown["held"] = [(one.user, one.host) for one in (*server.held, *server.waiting)]
        print(json.dumps(shown))
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
