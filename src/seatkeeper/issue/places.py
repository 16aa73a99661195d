"""Each license file has a place that nobody's work is lost at: what is there is replaced only when that was asked for.

One file goes where it is told. Of independent servers each has a directory with its host's name, so that a server's private key
never lies with another's. A trust file is never replaced by an older one, nor silently by one of another root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.adapters.keys import read_trust
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.issue.existing import LICENSE_NAME, has_licenses_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seatkeeper.issue.model import Order, OrderServer
    from seatkeeper.issue.planned import Plan
    from seatkeeper.licfile.trust import Trust

__all__ = ["BACKUP_SUFFIX", "DELTA_NAME", "check_output", "newer_trust", "places_of"]

#: What a replaced license file is called afterwards; license servers do not read it, even where they are given the directory.
BACKUP_SUFFIX: Final = ".bak"
#: What the delta of an independent server is called: not `license.dat`, so that nobody takes it for a whole file.
DELTA_NAME: Final = "delta.dat"


def places_of(order: Order, plans: Sequence[Plan], output: Path, *, force: bool) -> list[Path]:
    """Where each license file is to be.

    Raises:
        InputError: Something is in the way.
    """
    if order.terms.configuration != "independent":
        check_output(output, plans[0], force=force)
        return [output]
    if output.exists() and not output.is_dir():
        remedy = "Name a directory with -o: each of the independent servers gets one of its own in it."
        raise InputError("This is a file, and the order has one for each server.", file=str(output), remedy=remedy)
    if not output.parent.is_dir():
        raise InputError("There is no such directory.", file=str(output.parent), remedy="Make it first, or name another place with -o.")
    places: dict[Path, OrderServer] = {}
    for plan in plans:
        server = plan.servers[0]
        where = output / _directory_name(server)
        clash = next((other for path, other in places.items() if path.parent.name.casefold() == where.name.casefold()), None)
        if clash is not None:
            raise InputError(
                f"Two license servers would have the directory {where.name}: {clash.host} and {server.host}.",
                expected="a host name of its own for each",
                remedy="Independent servers run on machines of their own.",
            )
        place = where / (DELTA_NAME if plan.is_delta else LICENSE_NAME)
        if where.exists():
            check_output(place, plan, force=force)
        places[place] = server
    return list(places)


def _directory_name(server: OrderServer) -> str:
    """The name of a server's directory: its host name, with `-` where an IPv6 address has what no file name should."""
    name = "".join(char if char.isalnum() or char in "._-" else "-" for char in server.host).strip("-")
    return name if name.strip(".") else "server"


def check_output(output: Path, plan: Plan, *, force: bool) -> None:
    """Return only if the planned file may come to `output`.

    Raises:
        InputError: There is no such directory, or something is there that may not be replaced.
    """
    if not output.parent.is_dir():
        raise InputError("There is no such directory.", file=str(output.parent), remedy="Make it first, or name another place with -o.")
    if output.is_dir():
        raise InputError("This is a directory.", file=str(output), remedy=f"Name a file in it, such as {output / 'license.dat'}.")
    # What somebody who was interrupted has left is what is to be here, and is left alone.
    if output.exists() and not force and not has_licenses_of(output, plan.file):
        remedy = f"Name another with -o, or give --force, which keeps the old one as {output.name}{BACKUP_SUFFIX}."
        raise InputError("This file exists and is not overwritten.", file=str(output), remedy=remedy)


def newer_trust(place: Path, trust: Trust, *, force: bool) -> bool:
    """True where the trust file beside the license file is of the same root and newer; it must not be replaced by an older one.

    Raises:
        InputError: There is one of another root, by which other license files here may live.
    """
    if not place.exists():
        return False
    try:
        held = read_trust(place)
    except (InputError, LicenseError):
        if force:
            return False
        raise
    if held.root != trust.root and not force:
        remedy = "Issue into another directory, or give --force if the license files here are to be replaced anyway."
        raise InputError("The trust file here is of another root, so other license files may need it.", file=str(place), remedy=remedy)
    return held.root == trust.root and held.serial > trust.serial
