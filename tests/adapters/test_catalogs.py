"""A vendor's catalog is read whole, or refused with the file, the key and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters import catalogs
from seatkeeper.adapters.catalogs import load_catalog, load_vendor
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

VENDOR = """\
name = "acme.d"
title = "Acme Forge"
default_port = 27010
seats_max = 500
version_rule = "flexnet"
daemons = ["acme.d"]
"""
TECHNICAL = """\
[[technical]]
feature = "anvil_seat"
version = "1.0"
description = "Anvils."
rule = "per_user"
quantity = "one for each user"
"""
PRODUCTS = """\
# Two products.
[[products]]
name = "Anvil"
part = "AC1_ANVIL"
licenses = [{ feature = "anvil_seat", version = "1.0" }]

[[products]]
name = "Anvil Plus"
part = "AC2_ANVIL_PLUS"
licenses = [{ feature = "anvil_seat", version = "1.0", required = false }]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, text in (("vendor.toml", VENDOR), ("technical.toml", TECHNICAL), ("products.toml", PRODUCTS)):
        (tmp_path / name).write_text(text)
    return tmp_path


def refusal(directory: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load_catalog(directory)
    return caught.value


def test_the_built_in_catalog_is_read_once() -> None:
    assert load_catalog() is load_catalog()
    assert load_vendor() == load_catalog().vendor


def test_a_vendors_own_directory(directory: Path) -> None:
    catalog = load_catalog(directory)
    assert catalog.vendor == load_vendor(directory)
    assert catalog.product("anvil plus").optional[0].feature == "anvil_seat"
    assert catalog.applications == catalog.measured == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "line", "found", "expected"),
    [
        ("products.toml", '"AC2_ANVIL_PLUS"', '"AC2 ANVIL"', "products[1].part", 7, "AC2 ANVIL", "regex"),
        ("products.toml", 'part = "AC1_ANVIL"', "", "products[0]", 2, "", "'part', which is missing"),
        ("products.toml", "required = false", "requierd = false", "products[1].licenses[0]", 7, "", "no key 'requierd'"),
        ("products.toml", "required = false", 'required = "no"', "products[1].licenses[0].required", 7, "no", "bool"),
        ("products.toml", 'version = "1.0" }]', "version = 1.0 }]", "products[0].licenses[0].version", 2, "1.0", "str"),
        ("products.toml", '"AC2_ANVIL_PLUS"', '"AC1_ANVIL"', "products[1].part", 7, "AC1_ANVIL", "other than products[0].part"),
        (
            "products.toml",
            '[{ feature = "anvil_seat"',
            '[{ feature = "anvil"',
            "products[0].licenses[0].feature",
            2,
            "anvil",
            "technical.toml",
        ),
        ("technical.toml", "per_user", "per_moon", "technical[0].rule", 1, "per_moon", "one of the known words"),
        ("vendor.toml", "27010", "70000", "default_port", 3, "70000", "<= 65535"),
        ("vendor.toml", "flexnet", "newest", "version_rule", 5, "newest", "one of the known words"),
    ],
)
def test_a_bad_value_is_named(directory: Path, file: str, old: str, new: str, key: str, line: int, found: str, expected: str) -> None:
    path = directory / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    error = refusal(directory)
    assert (error.file, error.line, error.found) == (str(path), line, found)
    assert error.message.startswith(f"{key}: ")
    assert expected in error.expected


def test_a_file_that_is_not_toml_is_refused_with_line_and_column(directory: Path) -> None:
    (directory / "products.toml").write_text('[[products]]\nname "Anvil"\n')
    error = refusal(directory)
    assert (error.file, error.line, error.column) == (str(directory / "products.toml"), 2, 6)
    (directory / "products.toml").write_text("[[products]]\nlicenses = [")
    assert refusal(directory).line == 2


def test_an_empty_list_is_refused(directory: Path) -> None:
    (directory / "products.toml").write_text("products = []\n")
    error = refusal(directory)
    assert (error.message, error.line) == ("products: This value is not good.", 1)


@pytest.mark.parametrize("name", ["vendor.toml", "products.toml", "technical.toml"])
def test_a_missing_file_is_refused(directory: Path, name: str) -> None:
    (directory / name).unlink()
    error = refusal(directory)
    assert error.file == str(directory / name)
    assert "No such file" in error.message


def test_a_file_of_other_bytes_is_refused(directory: Path) -> None:
    (directory / "vendor.toml").write_bytes(b'name = "acme.d"\ntitle = "\xff"\n')
    error = refusal(directory)
    assert (error.line, "UTF-8" in error.message) == (2, True)


def test_a_file_that_is_too_large_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "CATALOG_FILE_BYTES_MAX", 100)
    assert refusal(directory).expected == "at most 100"


def test_a_directory_that_is_none_is_refused(directory: Path) -> None:
    assert refusal(directory / "nowhere").found == ""
    assert refusal(directory / "vendor.toml").found == "a file"
