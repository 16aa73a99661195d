"""Real PKCS #11 tokens for tests: SoftHSM in a directory of its own, as root and user of a token would set it up.

    tokens = Tokens(tmp_path)
    tokens.uri("issuer-1")      # a key in the token `desk`, whose PIN is in a file

A process loads the library once and learns from its environment where the tokens are; whoever makes new ones tells it to look again.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "602413"

needs_softhsm = pytest.mark.skipif(shutil.which("softhsm2-util") is None or not Path(MODULE).exists(), reason="no SoftHSM here")


class Tokens:
    """A machine's tokens: one, named `desk`, to begin with."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.pin = directory / "desk.pin"
        self.pin.write_text(f"{PIN}\n")
        (directory / "tokens").mkdir()
        config = directory / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
        monkeypatch.setenv("SOFTHSM2_CONF", str(config))
        self.add("desk")

    def add(self, label: str) -> None:
        """One more token."""
        command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "7777", "--pin", PIN]
        subprocess.run(command, check=True, capture_output=True)
        self.look_again()

    def look_again(self) -> None:
        """Let this process see the tokens as a new one would: nobody is logged in."""
        import pkcs11

        from seatkeeper.adapters import tokens

        tokens._sessions.clear()
        pkcs11.lib(MODULE).reinitialize()

    def uri(self, key: str, token: str = "desk", pin: Path | None = None) -> str:
        """The URI of a key."""
        return f"pkcs11:token={token};object={key}?module-path={MODULE}&pin-source=file:{pin or self.pin}"
