"""bearings: the path leads to servers, and to those whom to believe."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.keys import init_vendor
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.sdk.bearings import Bearings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No license path but the one that is given."""
    for name in ("GENESYS_D_LICENSE_FILE", "LM_LICENSE_FILE", "SEATKEEPER_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


def bearings(path: str | None = None, root: str | bytes | None = None) -> Bearings:
    return Bearings(path, None, "genesys.d", root)


def license_beside_trust(directory: Path) -> tuple[str, bytes]:
    """A license file with a trust file beside it, and the root of that."""
    trust = init_vendor(directory / "keys", "genesys.d", today=date(2026, 11, 24))
    (directory / "genesys.d.trust").write_bytes((directory / "keys" / "genesys.d.trust").read_bytes())
    (directory / "license.dat").write_text("SERVER licsrv ANY 7261\nVENDOR genesys.d\n")
    return str(directory / "license.dat"), bytes.fromhex(trust.root)


def test_a_path_of_servers() -> None:
    found = bearings("1@a:2@b", root=bytes(32))
    assert found.path == ()
    assert found.find("f1") == (bytes(32), None)
    assert [name for name, _ in found.servers.found] == ["1@a", "2@b"]
    assert found.path == ("1@a", "2@b")


def test_the_trust_beside_the_license_file_counts(tmp_path: Path) -> None:
    path, root = license_beside_trust(tmp_path)
    found, known = bearings(path).find("f1")
    assert (found, known is not None) == (root, True)
    # A pinned root stands above it, and a foreign trust file is nothing beside one.
    assert bearings(path, root=root).find("f1")[0] == root
    assert bearings(path, root=bytes(32)).find("f1") == (bytes(32), None)
    (tmp_path / "genesys.d.trust").write_text("nonsense")
    with pytest.raises(InputError, match="no"):
        bearings(path).find("f1")


def test_no_path_is_an_error_only_where_a_server_is_needed() -> None:
    with pytest.raises(LicenseError) as caught:
        bearings().find("f1")
    assert (caught.value.number, caught.value.minor) == (-1, 359)
    assert bearings().trusted() == (None, None)
    assert bearings(root=bytes(32)).trusted() == (bytes(32), None)
    assert bearings("nonsense@", root=bytes(32)).trusted() == (bytes(32), None)
    with pytest.raises(InputError):
        bearings("nonsense@").find("f1")
    with pytest.raises(LicenseError):
        bearings("nowhere.dat").find("f1")


def test_what_lies_beside_the_path_is_known_without_a_server(tmp_path: Path) -> None:
    path, root = license_beside_trust(tmp_path)
    assert bearings(path).trusted()[0] == root
