"""All tests run in a clean environment: no license path, wish or borrow of the person's own, and property tests without a clock.

The two cores here are shared, so a hypothesis example that takes long says nothing; and in CI the examples are the same each
time, so that a submission is judged by its own change.
"""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from hypothesis import settings

from seatkeeper.sdk import access

_LICENSE_PATHS = ("LM_LICENSE_FILE", "GENESYS_D_LICENSE_FILE")

#: Set by a person who rewrites the golden files (every test of golden files looks at it), or wants the hostile tests' full numbers.
_OURS = ("SEATKEEPER_REWRITE_GOLDEN", "SEATKEEPER_LONG")

for _name in [name for name in os.environ if name in _LICENSE_PATHS or (name.startswith("SEATKEEPER_") and name not in _OURS)]:
    # Before any test module is imported: a license server of the machine must not answer for the one under test.
    del os.environ[_name]

#: `.flexlmrc`, `.flexlmborrow` and borrowed seats of the person at the machine are neither used nor added to.
_HOME = tempfile.mkdtemp(prefix="seatkeeper-tests-")
os.environ["HOME"] = _HOME


@pytest.fixture(autouse=True)
def _a_tool_runs_once() -> None:
    """What one test's tool has noted of license files and roots is nothing to the next one's, which has a process of its own elsewhere."""
    access._license_files.clear()
    access._vendors.clear()
    access._unproven.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A failure in random order can be repeated: -q leaves out the head of the report, where the seed would be."""
    seed = config.getoption("randomly_seed", None)
    if seed is not None and (terminalreporter.stats.get("failed") or terminalreporter.stats.get("error")):
        terminalreporter.write_line(f"The tests' order: --randomly-seed={seed}")


def pytest_unconfigure() -> None:
    """The tests' home goes with them."""
    shutil.rmtree(_HOME, ignore_errors=True)


settings.register_profile("laptop", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")
