"""The programs in docs/embed.md run as they stand, with the test's license server in place of `7260@licsrv`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.processes
PAGE = Path(__file__).parents[2] / "docs" / "embed.md"
PROGRAMS = re.findall(r"(?ms)^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"))
#: What each of them prints, in their order.
PRINTED = [
    r"10 seats of router_seats v8\.0, handle \d+, from \d+@localhost\n",
    r"the work is done under handle \d+\n-5 No such feature exists\. .+\n",
    r"number 1 of the queue for tserver_sdn\n-35 In the queue for this feature\.\n",
    r"calls are routed\n",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), {"router_seats": 150, "tserver_sdn": 5}) as running:
        (running.directory / "root.pub").write_bytes((running.keys / "root.pub").read_bytes())
        yield running.start()


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_of_the_manual(number: int, site: Site) -> None:
    program = PROGRAMS[number].replace("7260@licsrv", f"{site.port}@localhost")
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=site.directory, env=os.environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(PRINTED[number], done.stdout), done.stdout


def test_every_program_is_checked() -> None:
    assert len(PROGRAMS) == len(PRINTED)
