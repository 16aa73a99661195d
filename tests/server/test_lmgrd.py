"""lmgrd itself: what its files may say. The real process is in test_license_server, its tools' connections in test_tools."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING

import pytest
import uvloop

from seatkeeper.adapters import clock
from seatkeeper.adapters.debuglog import DebugLog
from seatkeeper.server import lmgrd as lmgrd_module
from seatkeeper.server.lmgrd import LicenseManager, ManagerOptions

if TYPE_CHECKING:
    from pathlib import Path


class TestManager:
    def run(self, tmp_path: Path) -> tuple[int, str]:
        descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        async def serve() -> int:
            log = DebugLog(descriptor, "lmgrd", clock.now)
            options = ManagerOptions((str(tmp_path / "license.dat"),))
            return await LicenseManager(options, log, descriptor, asyncio.get_running_loop()).serve()

        try:
            return uvloop.run(serve()), (tmp_path / "log").read_text()
        finally:
            os.close(descriptor)

    def test_a_port_that_may_not_be_had_is_not_waited_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "license.dat").write_text("SERVER h 001122334455 80\nDAEMON genesys.d\n")

        def refuse(_port: int) -> list[object]:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(lmgrd_module, "listening_sockets", refuse)
        status, log = self.run(tmp_path)
        assert status == 199
        assert "Port 80 cannot be opened: Permission denied" in log
        assert "Retrying" not in log

    @pytest.mark.parametrize(("text", "words"), [("", "names no license server"), ("SERVER h 001122334455\n", "no DAEMON line")])
    def test_a_file_without_what_lmgrd_needs(self, tmp_path: Path, text: str, words: str) -> None:
        (tmp_path / "license.dat").write_text(text)
        status, log = self.run(tmp_path)
        assert status != 0
        assert words in log
