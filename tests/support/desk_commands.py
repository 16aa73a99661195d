"""The desk's commands for tests: on one fixed day, in a directory of their own, with keys and orders in it."""

from __future__ import annotations

import json
import shlex
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from seatkeeper.adapters import clock
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.cli import desk, entitlement, license

__all__ = ["NOW", "TODAY", "Commands", "order_text"]

TODAY: Final = date(2026, 3, 14)
NOW: Final = 1_773_480_600.0
_MAINS: Final = {"desk": desk.main, "entitlement": entitlement.main, "license": license.main}


def order_text(items: dict[str, int], *, number: str = "auto", site: str = "1111", expires: str = "permanent", servers: str = "") -> str:
    """An order as TOML."""
    tables = "".join(f'[[items]]\nproduct = "{name}"\nversion = "8.5"\nquantity = {count}\n\n' for name, count in items.items())
    return (
        f'[order]\nnumber = "{number}"\nsite = "{site}"\ncompany = "Pigeon Post Example Ltd"\nrequestor = "Alex Example"\n'
        f'purpose = "production"\nexpires = "{expires}"\ndeployment = "separate"\n\n{tables}[environment]\ntechnical_dns = 100\n\n'
        + (servers or '[[servers]]\nhost = "licsrv"\nhostid = "0800200005ac"\n')
    )


class Commands:
    """A working directory with `keys` and `order.toml`, in which commands run."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capsys = capsys
        monkeypatch.chdir(directory)
        monkeypatch.setattr(clock, "today", lambda: TODAY)
        monkeypatch.setattr(clock, "now", lambda: NOW)
        monkeypatch.delenv("SEATKEEPER_REGISTRY", raising=False)
        init_vendor(directory / "keys", "genesys.d", today=TODAY)
        (directory / "order.toml").write_text(order_text({"Genesys Inbound Voice": 20, "Genesys E-mail": 5}))

    def run(self, line: str) -> tuple[int, str, str]:
        """Status, output and errors of a command line without its `seatkeeper`."""
        name, *arguments = shlex.split(line)
        status = _MAINS[name](arguments)
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def good(self, line: str) -> str:
        """The output of a command that must end well, without a word on stderr."""
        status, out, err = self.run(line)
        assert (status, err) == (0, ""), err
        return out

    def bad(self, line: str) -> str:
        """The errors of a command that must not end well."""
        status, out, err = self.run(line)
        assert status != 0, out
        assert err.startswith("seatkeeper desk: ") or err.startswith("seatkeeper entitlement: ") or "Usage:" in err, err
        return err

    def json(self, line: str) -> Any:
        """What a command says with --json."""
        return json.loads(self.good(f"{line} --json"))
