"""settings: what the environment and the files of a license path say, and which file said it when it is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from seatkeeper.adapters import settings
from seatkeeper.adapters.settings import (
    Servers,
    default_path,
    find_path,
    find_servers,
    license_files_in,
    pinned_root,
    project,
    read_trust,
    stored_paths,
)
from seatkeeper.base.errors import InputError
from seatkeeper.cli.lmcommon import files_of
from seatkeeper.client.path import Chosen, parse_path
from seatkeeper.sdk.premises import local_files
from seatkeeper.server.license import find_files

VENDOR = "genesys.d"


def servers(text: str) -> Servers:
    return find_servers(parse_path(text, windows=False), VENDOR)


def license_file(path: Path, host: str = "licsrv", port: int = 7260, vendor: str = VENDOR) -> Path:
    path.write_text(f"SERVER {host} ANY {port}\nDAEMON {vendor}\n")
    return path


def test_the_environment_is_read_and_named() -> None:
    environment = {"GENESYS_D_LICENSE_FILE": "@a:@b"}
    chosen, entries = find_path(None, None, VENDOR, environment=environment)
    assert chosen == Chosen("@a:@b", "GENESYS_D_LICENSE_FILE")
    assert [entry.text for entry in entries] == ["@a", "@b"]
    assert find_path(None, None, VENDOR, environment={}) == (None, ())
    with pytest.raises(InputError, match="GENESYS_D_LICENSE_FILE"):
        find_path(None, None, VENDOR, environment={"GENESYS_D_LICENSE_FILE": "x@"})
    _, entries = find_path("C:\\a.lic;@b", None, VENDOR, environment={}, windows=True)
    assert [entry.text for entry in entries] == ["C:\\a.lic", "@b"]


def test_servers_files_and_directories_in_their_order(tmp_path: Path) -> None:
    directory = tmp_path / "licenses"
    directory.mkdir()
    license_file(directory / "b.dat", "two")
    license_file(directory / "a.lic", "one", 27000)
    (directory / "c.txt").write_text("not a license file")
    single = license_file(tmp_path / "license.dat", "three")
    found = servers(f"@zero:{directory}:{single}:1@a,2@b,3@c")
    assert [name for name, _ in found.found] == ["7260@zero", "27000@one", "7260@two", "7260@three", "1@a,2@b,3@c"]
    assert found.path == ("@zero", str(directory), str(single), "1@a,2@b,3@c")
    assert found.failures == ()
    assert found.places == (directory, tmp_path)


def test_a_server_that_is_named_twice_is_asked_once(tmp_path: Path) -> None:
    file = license_file(tmp_path / "license.dat", "licsrv")
    assert [name for name, _ in servers(f"@licsrv:{file}:@other:7260@licsrv").found] == ["7260@licsrv", "7260@other"]


def test_what_leads_nowhere_costs_the_others_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    license_file(tmp_path / "foreign.lic", vendor="other")
    (tmp_path / "local.lic").write_text("FEATURE f1 genesys.d 8.5 permanent uncounted\n")
    found = servers(f"{tmp_path}/missing.lic:{tmp_path}/empty:{tmp_path}/foreign.lic:{tmp_path}/local.lic:@licsrv")
    assert [name for name, _ in found.found] == ["7260@licsrv"]
    assert [denial.failure.number for denial in found.failures] == [-1, -1, -3, -13]
    assert [Path(denial.server).name for denial in found.failures] == ["missing.lic", "empty", "foreign.lic", "local.lic"]
    assert all(not denial.reached and denial.failure.reason and denial.failure.minor == 359 for denial in found.failures)
    assert found.failures[0].failure.system == (2, "No such file or directory")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    file = license_file(tmp_path / "license.dat")
    monkeypatch.setattr(Path, "open", forbidden)
    (failure,) = servers(str(file)).failures
    assert (failure.failure.number, failure.failure.system) == (-30, (13, "Permission denied"))


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "license.dat").write_bytes("# Büro\nSERVER licsrv ANY 7260\nDAEMON genesys.d\n".encode("latin-1"))
    assert [name for name, _ in servers(f"{tmp_path}/license.dat").found] == ["7260@licsrv"]


def test_the_root_in_all_its_forms(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate().public_key()
    raw = key.public_bytes_raw()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    file = tmp_path / "root.pub"
    file.write_bytes(pem)
    for given in (raw, raw.hex(), pem, pem.decode(), str(file)):
        assert pinned_root(given, environment={}) == raw
    assert pinned_root(None, environment={"SEATKEEPER_ROOT": str(file)}) == raw
    assert pinned_root(raw, environment={"SEATKEEPER_ROOT": "nonsense"}) == raw
    assert pinned_root(None, environment={}) is None
    assert pinned_root(None, environment={"SEATKEEPER_ROOT": ""}) is None


@pytest.mark.parametrize("given", ["no-such-file", "x" * 64, "\0", b"short"])
def test_a_root_that_is_none_is_named(given: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="root"):
        pinned_root(given, environment={})


def test_trust_is_looked_for_beside_the_files_and_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, beside = tmp_path / "here", tmp_path / "beside"
    for place in (here, beside):
        place.mkdir()
    monkeypatch.chdir(here)
    assert read_trust(VENDOR, (beside,)) is None
    (here / f"{VENDOR}.trust").write_text("here")
    assert read_trust(VENDOR, (beside,)) == (f"{VENDOR}.trust", "here")
    (beside / f"{VENDOR}.trust").write_text("beside")
    assert read_trust(VENDOR, (beside,)) == (str(beside / f"{VENDOR}.trust"), "beside")


def test_a_place_that_is_closed_to_this_account_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # After `su` the working directory may be another's home: whatever is asked about a file there is an error.
    real = Path.is_file
    closed = tmp_path / "closed"

    def is_file(self: Path) -> bool:
        if not self.is_absolute() or closed in self.parents:
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(Path, "is_file", is_file)
    monkeypatch.setattr(settings, "default_path", lambda windows=False: closed / "license.dat")
    assert read_trust(VENDOR, (closed,)) is None
    assert find_path(None, None, VENDOR, environment={}) == (None, ())


def test_small_files_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_SMALL_BYTES_MAX", 3)
    (tmp_path / f"{VENDOR}.trust").write_text("long")
    with pytest.raises(InputError, match="larger than 3 bytes"):
        read_trust(VENDOR, (tmp_path,))


def test_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LM_PROJECT", raising=False)
    assert project() == ""
    monkeypatch.setenv("LM_PROJECT", "migration")
    assert project() == "migration"


def test_the_user_s_file_counts_where_the_environment_is_silent(tmp_path: Path) -> None:
    (tmp_path / ".flexlmrc").write_text("GENESYS_D_LICENSE_FILE=@stored\nLM_LICENSE_FILE=@all\n")
    home = {"HOME": str(tmp_path)}
    assert find_path(None, None, VENDOR, environment=home)[0] == Chosen("@stored", "GENESYS_D_LICENSE_FILE in .flexlmrc")
    assert find_path(None, None, VENDOR, environment=home | {"LM_LICENSE_FILE": "@env"})[0] == Chosen(
        "@stored", "GENESYS_D_LICENSE_FILE in .flexlmrc"
    )
    assert find_path(None, None, "other", environment=home)[0] == Chosen("@all", "LM_LICENSE_FILE in .flexlmrc")
    for explicit, environment in (("@given", home), (None, home | {"GENESYS_D_LICENSE_FILE": "@given"})):
        _, entries = find_path(explicit, None, VENDOR, environment=environment)
        assert [entry.text for entry in entries] == ["@given"]
    (tmp_path / ".flexlmrc").write_text("GENESYS_D_LICENSE_FILE=x@\n")
    with pytest.raises(InputError, match=r"GENESYS_D_LICENSE_FILE in \.flexlmrc"):
        find_path(None, None, VENDOR, environment=home)


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe", "closed", "binary"])
def test_a_user_s_file_that_cannot_be_read_is_passed_over(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".flexlmrc"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "closed":
        path.write_text("LM_LICENSE_FILE=@a\n")

        def forbidden(self: Path, *_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", forbidden)
    elif kind == "binary":
        path.write_bytes(bytes(range(256)) * 10_000)
    assert stored_paths({"HOME": str(tmp_path)}) == {}
    assert find_path(None, None, VENDOR, environment={"HOME": str(tmp_path)}) == (None, ())


def test_the_default_license_file_counts_last_and_only_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "license.dat"
    monkeypatch.setattr(settings, "default_path", lambda windows=False: file)
    assert find_path(None, None, VENDOR, environment={}) == (None, ())
    license_file(file)
    chosen, entries = find_path(None, None, VENDOR, environment={})
    assert chosen == Chosen(str(file), "default license file")
    assert [entry.place for entry in entries] == [str(file)]
    assert str(settings.default_path()) == str(file)


def test_where_flexnet_keeps_the_license_file() -> None:
    assert str(default_path(False)) == "/usr/local/flexlm/licenses/license.dat"
    assert str(default_path(True)) == "C:\\flexlm\\license.dat"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    for name in ("b.lic", "A.DAT", "c.Lic", "d.txt", "lic", ".lic"):
        (tmp_path / name).write_text("# nothing\n")
    (tmp_path / "e.lic").mkdir()
    return tmp_path


def test_the_files_of_a_directory_in_any_case_by_name(mixed: Path) -> None:
    assert [path.name for path in license_files_in(mixed)] == ["A.DAT", "b.lic", "c.Lic"]


def test_server_tools_and_applications_find_the_same(mixed: Path) -> None:
    expected = license_files_in(mixed)
    assert find_files([str(mixed)]) == expected
    assert files_of(str(mixed)) == expected
    assert [file.path for file in local_files(parse_path(str(mixed), windows=False))] == expected


def test_a_directory_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        license_files_in(tmp_path / "nowhere")
