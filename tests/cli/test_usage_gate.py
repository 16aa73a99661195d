from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from support.site import free_port

if TYPE_CHECKING:
    from pathlib import Path

SEATKEEPER = [sys.executable, "-m", "seatkeeper.cli.main", "usage", "gate"]


def test_the_gate_opens_when_lrm_was_there(tmp_path: Path) -> None:
    port = str(free_port())
    at = ["--port", port]
    served = subprocess.Popen(
        [*SEATKEEPER, "serve", "--state", str(tmp_path), *at], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert served.stdout is not None
    assert served.stderr is not None
    try:
        assert "listens at 127.0.0.1" in served.stderr.readline()
        refused = subprocess.run([*SEATKEEPER, "ask", "tserver_1", *at], capture_output=True, text=True)
        assert (refused.returncode, "may not connect" in refused.stderr) == (1, True)
        assert "GCTI-21-25102 Connection of 'tserver_1' is refused" in served.stdout.readline()
        lrm = subprocess.Popen([*SEATKEEPER, "attend", "--state", str(tmp_path), *at], stdout=subprocess.PIPE, text=True)
        assert lrm.stdout is not None
        assert "is connected" in lrm.stdout.readline()
        assert "GCTI-21-25100 LRM Server connected successfully, system operating normally" in served.stdout.readline()
        lrm.send_signal(signal.SIGINT)
        lrm.communicate(timeout=30)
        assert "GCTI-21-25101" in served.stdout.readline()
        allowed = subprocess.run([*SEATKEEPER, "ask", "tserver_1", *at, "--json"], capture_output=True, text=True)
        assert json.loads(allowed.stdout) == {"product": "tserver_1", "allowed": True, "reason": ""}
    finally:
        served.send_signal(signal.SIGINT)
        served.communicate(timeout=30)
    assert served.returncode == 0
    alone = subprocess.run([*SEATKEEPER, "ask", "tserver_1", *at], capture_output=True, text=True)
    assert (alone.returncode, "does not answer" in alone.stderr) == (1, True)
