"""A profile file that cannot be meant is an error that says what can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.apps.tserver import TServer
from seatkeeper.base.errors import InputError
from seatkeeper.drive.profilefile import PROFILE_BYTES_MAX, read_profile

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
type = "tserver"
name = "TServer_North"
environment = "prod"
host = "voice1"
[license]
license-file = "7260@licsrv"
num-of-licenses = 200
num-sdn-licenses = "max"
[redundancy]
type = "hot standby"
role = "backup"
pair = "North"
peer-license-file = "7260@other"
[log]
verbose = "standard"
standard = "stdout, logs/tserver"
trace = "logs/tserver"
message-format = "full"
time-format = "iso8601"
time-convert = "utc"
segment = 100
expire = 3
alarms = "alarms.jsonl"
"""


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "profile.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_whole_profile_is_read(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, WHOLE))
    settings, log = profile.settings, profile.log
    assert profile.made is TServer
    assert (settings.name, settings.environment, profile.host) == ("TServer_North", "prod", "voice1")
    assert (settings.redundancy, settings.role, settings.pair) == ("hot standby", "backup", "North")
    assert (settings.license_path, settings.peer_path) == ("7260@licsrv", "7260@other")
    assert settings.options["license"] == {"license-file": "7260@licsrv", "num-of-licenses": 200, "num-sdn-licenses": "max"}
    assert log.outputs == {"trace": ("logs/tserver",), "standard": ("stdout", "logs/tserver")}
    assert (log.utc, log.segment_bytes, log.expire, log.alarms) == (True, 102_400, 3, "alarms.jsonl")


def test_a_short_one_logs_to_the_terminal(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, 'type = "tserver"\nname = "t1"\n'))
    assert profile.log.outputs == {"standard": ("stdout",)}
    assert profile.settings.redundancy == "not specified"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('type = "tservr"\nname = "t"\n', "tserver, perhaps"),
        ('name = "t"\n', "needs type"),
        ('type = "tserver"\n', "needs name"),
        ('type = "tserver"\nname = ""\n', "needs name"),
        ('type = "tserver"\nname = 3\n', "name"),
        ('type = "tserver"\nname = "t"\n[license]\nnum-of-license = 3\n', "num-of-licenses, perhaps"),
        ('type = "tserver"\nname = "t"\n[licence]\n', "license, perhaps"),
        ('type = "tserver"\nname = "t"\nlicense-file = "x"\n', "head of the file"),
        ('type = "tserver"\nname = "t"\n[license]\nnum-of-licenses = [3]\n', "num-of-licenses"),
        ('type = "tserver"\nname = "t"\n[redundancy]\ntype = "hot"\n', "hot standby"),
        ('type = "tserver"\nname = "t"\n[log]\nverbose = "loud"\n', "standard"),
        ('type = "tserver"\nname = "t"\n[log]\nsegment = -1\n', "segment"),
        ('type = "tserver"\nname = "t"\n[log]\nexpire = true\n', "expire"),
        ("type = \n", "no TOML"),
        (b"\xff\xfe", "UTF-8"),
        (b"#" * (PROFILE_BYTES_MAX + 1), "too long"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(InputError) as error:
        read_profile(write(tmp_path, text))
    assert told in str(error.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml"):
        read_profile(tmp_path / "none.toml")


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.integers(), st.text(max_size=8), st.booleans(), st.floats(allow_nan=False))))
def test_no_profile_ends_in_anything_but_an_input_error(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> None:
    import json

    body = "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in values.items())
    path = write(tmp_path_factory.mktemp("profile"), f'type = "tserver"\nname = "t"\n[log]\n{body}')
    try:
        read_profile(path)
    except InputError:
        return
