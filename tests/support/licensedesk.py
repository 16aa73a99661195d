"""A vendor's keys and the place of a license server, where license files lie."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from seatkeeper.adapters import keys
from seatkeeper.base.dates import format_date
from seatkeeper.licfile.model import Feature, LicenseFile, Line, Server, Vendor
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write
from support.editing import HOSTID

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HEAD", "Desk"]

TODAY = date.today()
HEAD: tuple[Line, ...] = (Server("licsrv", HOSTID, 7260), Vendor("genesys.d", keyword="DAEMON"))


class Desk:
    """A vendor's keys and the place of a license server."""

    def __init__(self, directory: Path) -> None:
        self.keys = directory / "keys"
        self.place = directory / "here"
        self.place.mkdir()
        keys.init_vendor(self.keys, "genesys.d", today=TODAY)
        self.send_trust(self.place)

    def send_trust(self, where: Path) -> None:
        (where / "genesys.d.trust").write_bytes((self.keys / "genesys.d.trust").read_bytes())

    def write(self, name: str, *lines: Line, head: tuple[Line, ...] = HEAD, **counts: int) -> Path:
        path = self.place / name
        features = (self.feature(each, count) for each, count in counts.items())
        path.write_text(write(LicenseFile((*head, *lines, *features))))
        return path

    def feature(self, name: str, count: int) -> Line:
        key = keys.load_issuer(self.keys, today=TODAY)
        issued = format_date(TODAY)
        return sign_line(Feature(name, "genesys.d", "8.0", "permanent", str(count), attributes=(("ISSUED", issued),)), (HOSTID,), key)
