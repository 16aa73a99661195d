"""A licensed application for the demo: a process that holds real seats through the SDK and says what happens to them.

    python -m seatkeeper.drive.application '{"path": "7260@localhost", ..., "wants": [["tserver_sdn", "8.0", 9999, true]]}'

It prints one JSON object a line for each thing that happens, and ends when its standard input closes.
"""

from __future__ import annotations

import sys
import threading

import msgspec

from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk.blocking import Client

__all__ = ["Application", "Report", "main"]


class Application(msgspec.Struct, frozen=True):
    """What to hold, and as whom.

    Attributes:
        path: The license path.
        root: The vendor's root public key that the application pins, as hex digits.
        user: User name to be shown.
        host: Host name to be shown.
        display: Display to be shown.
        wants: Feature, version, count, and whether fewer will do, of each checkout.
    """

    path: str
    root: str
    user: str
    host: str
    display: str
    wants: tuple[tuple[str, str, int, bool], ...]


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened: `granted`, `denied`, `ready` or the kind of the SDK's event."""

    event: str
    feature: str = ""
    count: int = 0
    handle: int = 0
    number: int = 0
    text: str = ""


_lock = threading.Lock()


def _say(report: Report) -> None:
    # Events come on the SDK's thread, the rest on ours.
    with _lock:
        print(msgspec.json.encode(report).decode(), flush=True)


def main(argv: list[str]) -> int:
    """Runs the application until its standard input closes."""
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    wanted = msgspec.json.decode(argv[0], type=Application)
    with Client(
        wanted.path,
        root=wanted.root,
        user=wanted.user,
        host=wanted.host,
        display=wanted.display,
        application=wanted.user,
        on_event=lambda event: _say(
            Report(
                type(event).__name__, getattr(event, "feature", ""), handle=getattr(event, "handle", 0), text=getattr(event, "reason", "")
            )
        ),
    ) as client:
        for feature, version, count, up_to in wanted.wants:
            try:
                seat = client.checkout(feature, version, count, up_to)
            except LicenseError as error:
                _say(Report("denied", feature, count, number=error.number, text=f"{error.message} {error.reason}"))
            else:
                _say(Report("granted", feature, seat.count, seat.handle))
        _say(Report("ready"))
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
