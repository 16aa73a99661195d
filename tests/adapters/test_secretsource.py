from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seatkeeper.adapters.secretsource import SECRET_BYTES_MAX, check_source, read_secret
from seatkeeper.base.errors import InputError

ASK = (
    "import sys; from seatkeeper.adapters.secretsource import read_secret; from seatkeeper.base.errors import InputError\n"
    "try: print('got', read_secret('prompt', 'the root key', name='--passphrase', new=sys.argv[1] == 'new').hex())\n"
    "except InputError as error: print('refused:', error)"
)


def on_a_terminal(answers: list[str], how: str) -> str:
    """What a real process on a real terminal shows, its answers typed one after each question."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASK, how])
    shown, deadline = b"", time.monotonic() + 30
    left = list(answers)
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(terminal, 4096)
            except OSError:  # Linux: the other side has ended.
                break
            if not data:
                break
            shown += data
            if data.endswith(b": ") and left:
                os.write(terminal, left.pop(0).encode() + b"\n")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return shown.decode()


def test_a_file_gives_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "a=b:c"
    path.write_bytes(b"open sesame \r\nnot this\n")
    assert read_secret(f"file:{path}", "x", name="--passphrase") == b"open sesame "
    path.write_bytes(b"x" * SECRET_BYTES_MAX)
    assert len(read_secret(f"file:{path}", "x", name="--passphrase")) == SECRET_BYTES_MAX


@pytest.mark.parametrize("data", [b"", b"\n", b"x" * (SECRET_BYTES_MAX + 1)])
def test_a_file_without_a_secret(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(InputError, match="holds no passphrase"):
        read_secret(f"file:{tmp_path / 's'}", "x", name="--passphrase")
    with pytest.raises(InputError, match="cannot be read"):
        read_secret(f"file:{tmp_path / 'none'}", "x", name="--passphrase")


def test_a_descriptor_gives_a_line_for_each_who_asks() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\ntwo\n")
    os.close(writing)
    assert [read_secret(f"fd:{reading}", "x", name="--passphrase") for _ in range(2)] == [b"one", b"two"]
    with pytest.raises(InputError, match="holds no passphrase"):
        read_secret(f"fd:{reading}", "x", name="--passphrase")
    os.close(reading)
    for number in (reading, 1, 2):
        with pytest.raises(InputError, match="cannot be read"):
            read_secret(f"fd:{number}", "x", name="--passphrase")


@pytest.mark.parametrize("source", ["hunter2", "", "file:", "fd:x", "fd:", "env:PASS", "fd:99999"])
def test_another_source_is_refused_and_not_repeated(source: str) -> None:
    with pytest.raises(InputError, match="not where a secret can be read") as error:
        check_source(source, name="--passphrase")
    assert "hunter2" not in str(error.value)


def test_a_terminal_is_asked_without_an_echo() -> None:
    shown = on_a_terminal(["open sesame"], "old")
    assert f"got {b'open sesame'.hex()}" in shown
    assert "Passphrase of the root key:" in shown
    assert "open sesame" not in shown


def test_a_new_secret_is_asked_twice() -> None:
    shown = on_a_terminal(["open sesame", "open sesame"], "new")
    assert "New passphrase of the root key:" in shown
    assert f"got {b'open sesame'.hex()}" in shown
    shown = on_a_terminal(["open sesame", "open seasme"], "new")
    assert "refused: --passphrase: What was typed for the passphrase of the root key was not the same twice." in shown
    assert "got" not in shown
    assert "Nothing was typed" in on_a_terminal([""], "new")


def test_without_a_terminal_nobody_is_asked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, "old"], stdin=subprocess.DEVNULL, capture_output=True, text=True, start_new_session=True, check=True
    )
    assert "refused: --passphrase: There is no terminal on which to ask for the passphrase of the root key." in done.stdout
