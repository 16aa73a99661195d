"""What `usage.toml` says about sources is understood, or told with its place and what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.usagesettings import read_settings
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.sources import ConfigurationSource, IconSource, JournalSource, open_source, read_sources

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
[[sources]]
kind = "icon"
name = "icon-north"
url = "postgresql://reports@db1/icon"
pair = "north"
media = { "300" = "claims" }

[[sources]]
kind = "configuration"
name = "cfg"
file = "export.json"
wfm_groups = ["sales"]

[[sources]]
kind = "journal"
name = "licsrv"
path = "../genesys.d.journal"

[[tenants]]
name = "Harbor"
zone = "Europe/Paris"
"""


def test_sources_and_what_reports_read_stand_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "usage.toml").write_text(GOOD)
    icon, configuration, journal = read_sources(tmp_path)
    assert journal == JournalSource(name="licsrv", path="../genesys.d.journal")
    assert isinstance(icon, IconSource)
    assert (icon.pair, icon.media, icon.late_hours) == ("north", {"300": "claims"}, 48)
    assert isinstance(configuration, ConfigurationSource)
    assert configuration.wfm_groups == ("sales",)
    assert list(read_settings(tmp_path).zones) == ["Harbor"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "No sources are named"),
        ("[[sources", "no TOML file"),
        ("sources = 1", "No sources are named"),
        ('[[sources]]\nkind = "oracle"\nname = "a"', r"sources\]\] 1: This source cannot be used.*oracle"),
        ('[[sources]]\nkind = "icon"\nname = "a"', "missing required field `url`"),
        ('[[sources]]\nkind = "icon"\nname = "a#b"\nurl = "x"', "regex"),
        ('[[sources]]\nkind = "icon"\nname = "a"\nurl = "x"\ncolor = 1', "unknown field `color`"),
        (
            '[[sources]]\nkind = "icon"\nname = "a"\nurl = "postgresql://h/x?user=a&password=word"',
            r"\]\] 1: The address has a password in it",
        ),
        ('[[sources]]\nkind = "configuration"\nname = "a"', "a url or a file"),
        ('[[sources]]\nkind = "journal"\nname = "a"', "missing required field `path`"),
        ('[[sources]]\nkind = "journal"\nname = "a"\npath = ""', "length >= 1"),
        (GOOD + '[[sources]]\nkind = "icon"\nname = "cfg"\nurl = "x"', "have the same name.*found 'cfg'"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "usage.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_sources(tmp_path)


def test_a_password_comes_from_the_environment() -> None:
    source = IconSource(name="a", url="postgresql://x@127.0.0.1:1/x", password_env="PW")
    with pytest.raises(InputError, match=r"variable with the password is not set.*expected PW"):
        open_source(source, {})
