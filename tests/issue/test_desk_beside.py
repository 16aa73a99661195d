"""Trust files and credentials are found beside a license file without a private key being opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatkeeper.adapters.keys import init_vendor, load_trust
from seatkeeper.base.errors import InputError
from seatkeeper.issue.desk_beside import beside, trust_named
from support.desk_commands import TODAY


def test_the_named_trust_file_comes_before_that_of_the_keys(tmp_path: Path) -> None:
    for name in ("one", "two"):
        init_vendor(tmp_path / name, "genesys.d", today=TODAY)
    one, two = (load_trust(tmp_path / name)[1] for name in ("one", "two"))
    assert trust_named(None, None) is None
    assert trust_named(tmp_path / "one", None) == one
    assert trust_named(tmp_path / "one", tmp_path / "two" / "genesys.d.trust") == two != one
    for key in (tmp_path / "one").glob("*.key"):
        key.unlink()
    assert trust_named(tmp_path / "one", None) == one
    with pytest.raises(InputError):
        trust_named(None, tmp_path / "none.trust")


def test_only_what_is_there_lies_beside_a_file(tmp_path: Path) -> None:
    path = tmp_path / "license.dat"
    assert beside(path, "genesys.d", "0800200005ac 001122334455") == ([], [])
    (tmp_path / "genesys.d.trust").touch()
    credential = tmp_path / "genesys.d.001122334455.credential"
    credential.touch()
    assert beside(path, "genesys.d", "0800200005ac 001122334455") == ([tmp_path / "genesys.d.trust"], [credential])
