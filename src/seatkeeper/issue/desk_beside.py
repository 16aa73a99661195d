"""A command of the desk knows by which trust file to verify, and what goes with a license file, and opens no private key for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.adapters.keys import credential_path, load_trust, read_trust

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.licfile.trust import Trust

__all__ = ["beside", "trust_named"]


def trust_named(keys: Path | None, trust: Path | None) -> Trust | None:
    """The trust in the file `trust`, else that of the vendor whose keys are named; None where nothing is.

    Raises:
        InputError: There is none, or it is not genuine.
    """
    if trust is not None:
        return read_trust(trust)
    return load_trust(keys)[1] if keys is not None else None


def beside(path: Path, vendor: str, hostids: str) -> tuple[list[Path], list[Path]]:
    """The trust file and the credentials that lie beside the license file at `path`, for license servers of these host ids."""
    trusts = [path.parent / f"{vendor}.trust"]
    credentials = [credential_path(path.parent, vendor, hostid) for hostid in hostids.split()]
    return [each for each in trusts if each.exists()], [each for each in credentials if each.exists()]
