"""A delta is made against what the registry says that the license servers have: the last complete files with all deltas since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.adapters.registry_reading import LIVE
from seatkeeper.base.errors import InputError
from seatkeeper.issue.existing import LICENSE_NAME
from seatkeeper.licfile.editing import merge, read_source

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from seatkeeper.adapters.registry_reading import View
    from seatkeeper.adapters.registry_values import FileRow, OrderRow

__all__ = ["files_in_force", "lay_out", "order_in_force"]


def order_in_force(view: View, order: OrderRow) -> OrderRow:
    """The order that has by now the place of one that was superseded; any other itself."""
    while order.state == "superseded" and (after := view.successor(order.number)) is not None:
        order = after
    return order


def files_in_force(view: View, number: str) -> list[FileRow]:
    """The files that count of an order and of those before it, the oldest first."""
    found: list[FileRow] = []
    at = view.find_order(number)
    while at is not None:
        found += view.files(order=at.number, states=LIVE)
        at = view.find_order(at.previous) if at.previous is not None else None
    return sorted(found, key=lambda file: file.number)


def lay_out(view: View, number: str, directory: Path, today: date) -> Path:
    """`directory`, with a license file for each license server that got one before order `number`: every delta is merged into it.

    Raises:
        InputError: The order takes the place of none, or nothing of that one is in force.
    """
    row = view.order(number)
    files = files_in_force(view, row.previous) if row.previous is not None else []
    if not files:
        remedy = "Issue the complete file, without --delta."
        raise InputError("There is no license file that this order could add to.", found=number, remedy=remedy)
    texts: dict[str, bytes] = {}
    names: dict[str, str] = {}
    for file in files:
        data = (file.signed or "").encode()
        if file.hostids in texts:
            old = read_source(texts[file.hostids], names[file.hostids])
            data = merge(old, read_source(data, file.number), today).data
        else:
            names[file.hostids] = file.number
        texts[file.hostids] = data
    for hostids, data in texts.items():
        place = directory / names[hostids]
        place.mkdir()
        (place / LICENSE_NAME).write_bytes(data)
    return directory
