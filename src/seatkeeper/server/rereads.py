"""License files are read again as a whole, or nothing changes and it is said why.

Reading, verifying and grouping many lines takes longer than a client should wait, so it is done beside the service, on another
thread; what is found there is a value, and the exchange itself is one event of the machine. Rereads come one after the other. What is
served, and by which rules and credential, is `served`, from one exchange to the next.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError, SeatkeeperError
from seatkeeper.licfile.options_model import EMPTY_OPTIONS
from seatkeeper.server.collector import dissolve
from seatkeeper.server.control import fitting
from seatkeeper.server.license import new_faults, number_of
from seatkeeper.vendor.administration import prepare
from seatkeeper.vendor.events import LicenseReread
from seatkeeper.vendor.preview import line_changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.licfile.options_model import OptionsFile
    from seatkeeper.pools.subjects import Who
    from seatkeeper.server.collector import Collector
    from seatkeeper.server.license import Served
    from seatkeeper.server.pump import Pump
    from seatkeeper.server.triadpump import TriadPump
    from seatkeeper.vendor.events import Offer

__all__ = ["Rereads"]


class Rereads:
    """What a vendor daemon serves, and its exchange.

    Args:
        served: What it serves now.
        load: Reads the files again.
        adopt: Called with what is served from now on, before the machine is told of it.
        pump: The way to the machine.
        collector: Told of the reading.
        log: The debug log.

    Attributes:
        served: What is served now.
    """

    def __init__(
        self,
        served: Served,
        load: Callable[[], Served],
        adopt: Callable[[Served], None],
        pump: Pump | TriadPump,
        collector: Collector,
        log: DebugLog,
    ) -> None:
        self.served = served
        self._load = load
        self._adopt = adopt
        self._pump = pump
        self._collector = collector
        self._log = log
        self._under_way = asyncio.Lock()

    async def exchange(self, by_user: str, by_host: str, *, dry_run: bool = False) -> tuple[int, str]:
        """Serves by what the license files and the options file say now, or changes nothing and says why.

        A dry run only says what would change. Returns a license error's number, and what was done.
        """
        async with self._under_way:
            machine, today = self._pump.machine, clock.today()
            loop = asyncio.get_running_loop()
            try:
                with self._collector.reading():
                    served, offer = await loop.run_in_executor(None, self._read_anew, today, machine.ledger.holders())
            except Exception as error:
                # Whatever the files hold: who has asked is answered, and the old ones are served.
                number, why = _told(error)
                text = f"Nothing was changed: {why}"
                self._log.say(text)
                return number, text
            problems = [*served.refusals, *(served.options.sentences if served.options is not None else ())]
            if dry_run:
                self._pump.turn()
                return 0, fitting([machine.preview(offer), *problems, *offer.ignored])
            before, self.served = self.served, served
            self._adopt(served)
            replaced = machine.ledger.pools
            self._pump.run(LicenseReread(served.lines, today, served.options, by_user, by_host, offer))
            self._pump.turn()
            if machine.ledger.pools is not replaced:
                await loop.run_in_executor(None, dissolve, replaced)
            for sentence in machine.ignored:
                self._log.line(sentence)
            rules = _rules(before.options, served.options)
            for sentence in rules:
                self._log.say(sentence)
            self._log.say("Done rereading license file")
            return 0, fitting([f"{len(served.lines)} lines are served", *rules, *problems])

    def _read_anew(self, today: date, holders: list[tuple[Who, str, str]]) -> tuple[Served, Offer]:
        """What the files offer now; runs beside the event loop.

        Raises:
            SeatkeeperError: They offer nothing, and why.
            OSError: They cannot be read.
        """
        served = self._load()
        if not served.lines:
            raise LicenseError(-5, reason="The license files give this vendor daemon nothing to serve.")
        held, offered = self.served.trust, served.trust
        if offered.root == held.root and offered.serial < held.serial:
            # It may not know of a revocation.
            raise LicenseError(
                -137,
                reason=f"The trust file beside the license files has the number {offered.serial}, the one that is served {held.serial}.",
                remedy="Put the newer one back.",
            )
        found = new_faults(self.served, served)
        if found:
            raise LicenseError(number_of(found[0]), reason=fitting(found))
        return served, prepare(self._pump.machine.settings, served.lines, served.options, today, holders, served.unserved)


def _told(error: Exception) -> tuple[int, str]:
    """The license error's number of what kept a reread from being done, and what is said of it."""
    if isinstance(error, LicenseError):
        # What to do by the number alone the tool says itself.
        remedy = error.remedy if error.remedy != LicenseError(error.number, reason=error.reason).remedy else ""
        return error.number, " ".join(part for part in (error.message, error.reason, remedy) if part)
    if isinstance(error, SeatkeeperError):
        return -2, str(error)
    if isinstance(error, OSError):
        return -30, str(error)
    return -76, f"The files cannot be read by this program ({type(error).__name__}: {error})."


def _rules(before: OptionsFile | None, after: OptionsFile | None) -> list[str]:
    """One sentence about the options file that holds from now on; none where there was none and is none."""
    kinds = [effect.kind for effect in line_changes(before or EMPTY_OPTIONS, after or EMPTY_OPTIONS)]
    changed = f"{_counted(kinds.count('new'))} new, {_counted(kinds.count('gone'))} gone"
    if after is not None:
        return [f"Options file {after.name} applied: {changed if kinds else 'it says what it said before'}"]
    return [f"There is no options file any more: {_counted(len(kinds))} gone"] if before is not None else []


def _counted(lines: int) -> str:
    return f"{lines} line{'' if lines == 1 else 's'}"
