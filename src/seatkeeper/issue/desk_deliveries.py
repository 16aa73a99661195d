"""What is delivered of a desk's files is in its registry, and nothing is delivered that the registry does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.adapters.registry_engine import retried
from seatkeeper.adapters.registry_reading import LIVE
from seatkeeper.base.errors import InputError
from seatkeeper.issue.desk import Desk, deliver, issue, register
from seatkeeper.issue.model import AUTO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seatkeeper.adapters.keyplaces import Passphrase
    from seatkeeper.adapters.registry_reading import View
    from seatkeeper.issue.delivery import Delivery, Outcome

__all__ = ["RegistryDeliveries", "counted_files", "issue_received"]


class RegistryDeliveries:
    """A `DeliveryRecorder`: the registry keeps, file by file, to whom it went.

    Args:
        desk: The desk.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._going: dict[str, tuple[Delivery, list[str]]] = {}

    @retried
    def begun(self, delivery: Delivery, /) -> None:
        """The history says that the delivery began.

        Raises:
            InputError: A file of it is not one that the registry has, and that counts; nothing may leave then.
        """
        with self._desk.registry.write(self._desk.now, self._desk.by) as act:
            numbers = counted_files(act, delivery.order, delivery.files)
            act.tell("delivering", site=delivery.site, order=delivery.order, id=delivery.id, files=" ".join(numbers), how=delivery.by)
        self._going[delivery.id] = delivery, numbers

    def ended(self, delivery: str, outcome: Outcome, detail: str, /) -> None:
        """The registry has the delivery of each file, where it arrived; what became of it otherwise is in the history."""
        given, numbers = self._going.pop(delivery)
        if outcome in ("sent", "written"):
            for number in numbers:
                deliver(self._desk, number, given.by, ", ".join(given.recipients))
            return
        self._undelivered(given, outcome, detail)

    @retried
    def _undelivered(self, given: Delivery, outcome: Outcome, why: str) -> None:
        with self._desk.registry.write(self._desk.now, self._desk.by) as act:
            act.tell("undelivered", site=given.site, order=given.order, id=given.id, outcome=outcome, why=why)


def counted_files(view: View, order: str, files: Sequence[tuple[str, str]]) -> list[str]:
    """The numbers of the files, each given by name and SHA-256, that the registry has of an order.

    Raises:
        InputError: It has not one of them, or that one does not count any more.
    """
    known = {file.signed_sha256: file.number for file in view.files(order=order, states=LIVE)}
    for name, digest in files:
        if digest not in known:
            raise InputError(
                f"The registry has no file of order {order} that counts and is this one.",
                file=name,
                remedy=f"`seatkeeper desk issue {order} --again` puts out those that it has.",
            )
    return [known[digest] for _, digest in files]


def issue_received(
    desk: Desk, text: str, name: str, number: str, keys: Path, place: Path, passphrase: Passphrase = None, *, replaces: str = ""
) -> str:
    """The text of an order that came in, once it is registered and its files are at `place`; what broke off before goes on.

    Args:
        desk: The desk.
        text: The order as it came.
        name: What it is called in errors.
        number: The number that it has; `auto` lets the registry draw one.
        keys: The directory of the vendor's keys.
        place: Where the license files are to be.
        passphrase: Opens the private keys.
        replaces: The order whose place it takes.

    Raises:
        InputError: The registry has another order of that number, or as for `desk.issue`.
    """
    with desk.registry.read() as view:
        known = view.find_order(number)
        if number == AUTO:
            # The same text came before: an earlier run broke off after the number was drawn.
            known = next((order for order in view.orders() if order.received == text), None)
    row = known if known is not None and known.received == text else register(desk, text, name, replaces=replaces).row
    issue(desk, row.number, keys, place, passphrase=passphrase, again=True)
    return row.text
