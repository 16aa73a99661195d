"""A desk for the tests: keys, a registry and orders, and a process that issues and dies at a step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.keys import init_vendor, load_trust
from seatkeeper.adapters.registry import Registry, make_registry
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.issue import issuer, placing
from seatkeeper.issue.desk import Desk, Put, issue, register
from seatkeeper.issue.desk_recorder import RegistryRecorder
from seatkeeper.issue.desk_verify import Report, verify
from seatkeeper.licfile.trust import Trust
from support.postgres import registry_urls

__all__ = ["CATALOG", "MAIL", "TODAY", "VOICE", "Office", "Worker", "order", "two_servers"]

TODAY: Final = date(2026, 3, 14)
NOW: Final = 1.77e9
CATALOG: Final = load_catalog()
VOICE, MAIL = "Genesys Inbound Voice", "Genesys E-mail"


_SERVER: Final = '[[servers]]\nhost = "licsrv"\nhostid = "0800200005ac"\nport = 7260\n'


def order(items: dict[str, int], terms: str = 'purpose = "production"', servers: str = "", number: str = "auto") -> str:
    """An order as TOML, for one license server where no others are given."""
    tables = "".join(f'[[items]]\nproduct = "{name}"\nversion = "8.5"\nquantity = {count}\n' for name, count in items.items())
    return (
        f'[order]\nnumber = "{number}"\nsite = "1111"\ncompany = "Pigeon Post Example Ltd"\nrequestor = "Alex Example"\n'
        f"{terms}\n{tables}[environment]\ntechnical_dns = 100\n"
        f"{servers or _SERVER}"
    )


def two_servers(items: dict[str, int], terms: str = 'purpose = "production"', number: str = "auto") -> str:
    """An order for two independent license servers."""
    servers = "".join(
        f'[[servers]]\nhost = "{host}"\nhostid = "{hostid}"\nport = 7260\nshare = {share}\n'
        for host, hostid, share in (("north", "0800200005a1", 3), ("south", "0800200005a2", 2))
    )
    return order(items, f'{terms}\nconfiguration = "independent"', servers, number)


@dataclass
class Office:
    """Where the tests work.

    Attributes:
        directory: Of everything.
        url: Of the registry.
        registry: The registry, open.
    """

    directory: Path
    url: str
    registry: Registry

    @classmethod
    def make(cls, directory: Path, kind: str = "sqlite") -> Office:
        """A new one, with keys made today."""
        directory.mkdir(exist_ok=True)
        init_vendor(directory / "keys", "genesys.d", today=TODAY)
        url = registry_urls(kind, directory)
        make_registry(url)
        return cls(directory, url, Registry(url))

    @property
    def keys(self) -> Path:
        return self.directory / "keys"

    @property
    def trust(self) -> Trust:
        return load_trust(self.keys)[1]

    def opened(self) -> Office:
        """The same, with the registry opened anew."""
        return Office(self.directory, self.url, Registry(self.url))

    def desk(self, later: int = 0) -> Desk:
        """The desk, some days later."""
        return Desk(self.registry, CATALOG, NOW + 86_400 * later, TODAY + timedelta(days=later), "ann")

    def register(self, text: str) -> str:
        """The number of an order that is registered now."""
        return register(self.desk(), text, "order.toml").row.number

    def issue(self, number: str, name: str = "license.dat", *, later: int = 0, **more: Any) -> list[Put]:
        """What issuing an order into the file or directory `name` puts out."""
        return issue(self.desk(later), number, self.keys, self.directory / name, **more)

    def verify(self, **more: Any) -> Report:
        """What the registry is found to be."""
        with self.registry.read() as view:
            return verify(view, self.trust, **more)

    def states(self, number: str) -> dict[str, str]:
        """The files of an order with their states."""
        with self.registry.read() as view:
            return {file.number: file.state for file in view.files(order=number)}

    def acts(self, number: str) -> list[str]:
        """What the history tells of an order."""
        with self.registry.read() as view:
            return [row.act for row in view.history(order=number)]


_WORKER: Final = """\
import json, sys
sys.path.insert(0, sys.argv[1])
from support.deskwork import Worker
Worker(**json.loads(sys.argv[2])).run()
"""


@dataclass
class Worker:
    """A process that does desk work.

    Attributes:
        url: The registry.
        directory: The office's.
        texts: Orders to register and to issue, one after another.
        numbers: Orders to issue that are registered.
        output: What is issued goes to this, with the number of the order in place of {}.
        die_at: The process is killed at this step; 0 lets it live.
        delta_to: Issue a delta to this.
        by: Who it is.
    """

    url: str
    directory: str
    texts: list[str]
    numbers: list[str]
    output: str = "license.dat"
    die_at: int = 0
    delta_to: str = ""
    by: str = "ann"

    def start(self) -> subprocess.Popen[str]:
        """The process; it begins when it is sent a line."""
        tests = str(Path(__file__).parent.parent)
        command = [sys.executable, "-c", _WORKER, tests, json.dumps(self.__dict__)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def killed(self) -> bool:
        """Whether it came to the step at which it is killed; the caller has no registry open."""
        child = os.fork()
        if child == 0:
            try:
                _die_at(self.die_at)
                self.work()
            finally:
                os._exit(1 if sys.exc_info()[0] else 0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
        return os.WIFSIGNALED(status)

    def run(self) -> None:
        """What the process does once it may begin."""
        print("ready", flush=True)
        sys.stdin.readline()
        self.work()

    def work(self) -> None:
        """Register, issue, and say what came of it."""
        directory = Path(self.directory)
        with Registry(self.url) as registry:
            desk = Desk(registry, CATALOG, NOW, TODAY, self.by)
            for text in self.texts:
                self.numbers.append(register(desk, text, "order.toml").row.number)
            for number in self.numbers:
                output = directory / self.output.format(number)
                try:
                    put = issue(desk, number, directory / "keys", output, delta_to=Path(self.delta_to) if self.delta_to else None)
                    print(json.dumps([number, *[each.number for each in put]]), flush=True)
                except SeatkeeperError as error:
                    print(json.dumps([number, "refused", str(error)]), flush=True)


def _die_at(step: int) -> None:
    """Let this process be killed at its n-th step: before and after each commit of the registry and each change of a directory."""
    count = 0

    def at(*_: object) -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", at)

    def around(owner: Any, name: str) -> None:
        before = getattr(owner, name)

        def stepping(*arguments: Any, **named: Any) -> Any:
            at()
            result = before(*arguments, **named)
            at()
            return result

        setattr(owner, name, stepping)

    for owner, name in (
        (RegistryRecorder, "intend"),
        (RegistryRecorder, "signed"),
        (RegistryRecorder, "placed"),
        (issuer, "sign"),
        (issuer, "write_file"),
        (placing.Placing, "_move"),
        (placing.Placing, "_sync"),
    ):
        around(owner, name)
