"""lmcommon: flags in any order, the license path from -c or the environment, servers asked side by side."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmcommon import Options, Target, UsageError, read_options
from seatkeeper.client.path import Address
from seatkeeper.wire.messages import MemberStatus
from support.fake_lmgrd import FakeLmgrd, license_server

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {"-a": "", "-A": "", "-f": "[feature]", "-t": "seconds"}
SEPARATOR = ";" if sys.platform == "win32" else ":"


@pytest.mark.parametrize(
    ("argv", "flags"),
    [
        ("-a -c 7260@h", {"-a": "", "-c": "7260@h"}),
        ("-c 7260@h -a", {"-c": "7260@h", "-a": ""}),
        ("-f -c 7260@h", {"-f": "", "-c": "7260@h"}),
        ("-A -f F1 -t 3", {"-A": "", "-f": "F1", "-t": "3"}),
        ("-a -f", {"-a": "", "-f": ""}),
        ("-verbose -v -help", {"-verbose": "", "-v": "", "-help": ""}),
    ],
)
def test_flags_come_in_any_order(argv: str, flags: dict[str, str]) -> None:
    assert read_options(argv.split(), KINDS) == Options(flags)


def test_words_are_kept_up_to_their_number() -> None:
    assert read_options(["f1", "-a", "bo lee", "-"], KINDS, 3).words == ("f1", "bo lee", "-")
    with pytest.raises(UsageError, match="found 'c'"):
        read_options(["a", "b", "c"], KINDS, 2)


@pytest.mark.parametrize(
    ("argv", "says"), [("-x", "-x: .*not known"), ("-F", "-F: .*not known"), ("-a -t", "-t: .*needs a value"), ("-a f1", "'f1'")]
)
def test_a_wrong_flag_is_named(argv: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_options(argv.split(), KINDS)


def places(option: str | None, **environment: str) -> list[str]:
    return [entry.text for entry in lmcommon.license_path(option, environment)]


def test_the_option_wins_over_the_environment() -> None:
    assert places("1@a", LM_LICENSE_FILE="2@b") == ["1@a"]


def test_all_license_variables_are_joined_ours_first_and_the_common_one_last() -> None:
    found = places(
        None, LM_LICENSE_FILE=f"9@z{SEPARATOR}1@a", AAA_LICENSE_FILE="5@e", GENESYS_D_LICENSE_FILE="1@a", HOME="7@h", EMPTY_LICENSE_FILE=""
    )
    assert found == ["1@a", "5@e", "9@z"]


def test_what_lmpath_stored_counts_where_the_environment_does_not_set_it(tmp_path: Path) -> None:
    (tmp_path / ".flexlmrc").write_text("LM_LICENSE_FILE=9@z\nGENESYS_D_LICENSE_FILE=1@a\nAAA_LICENSE_FILE=5@e\n")
    home = str(tmp_path)
    assert places(None, HOME=home) == ["1@a", "5@e", "9@z"]
    assert places(None, HOME=home, GENESYS_D_LICENSE_FILE="2@b", LM_LICENSE_FILE="") == ["2@b", "5@e", "9@z"]
    assert places("3@c", HOME=home) == ["3@c"]
    (tmp_path / ".flexlmrc").write_text("LM_LICENSE_FILE=x@y\n")
    with pytest.raises(InputError, match=r"^LM_LICENSE_FILE in \.flexlmrc:1: "):
        places(None, HOME=home)


def test_no_path_is_minus_1_359() -> None:
    with pytest.raises(LicenseError) as caught:
        places(None, LM_LICENSE_FILE="")
    assert caught.value.short() == 'Cannot find license file. (-1,359:2 "No such file or directory")'


def test_a_wrong_entry_names_where_it_stands() -> None:
    with pytest.raises(InputError, match=r"^MLM_LICENSE_FILE:1: "):
        places(None, MLM_LICENSE_FILE="x@y")


def targets(*entries: str) -> list[str]:
    return [str(target) for target in lmcommon.targets_of(lmcommon.license_path(SEPARATOR.join(entries), {}))[0]]


def test_a_file_stands_for_its_server_lines(tmp_path: Path) -> None:
    one = tmp_path / "one.lic"
    one.write_text("SERVER licsrv ANY 7300\nVENDOR genesys.d\n")
    (tmp_path / "two.dat").write_text("SERVER this_host ANY\nVENDOR genesys.d\n")
    (tmp_path / "readme.txt").write_text("no license file\n")
    triad = tmp_path / "triad"
    triad.write_text("SERVER a ANY 1\nSERVER b ANY 2\nSERVER c ANY 3\nVENDOR genesys.d\n")
    assert targets(str(one)) == ["7300@licsrv"]
    assert targets(str(tmp_path)) == ["7300@licsrv", "7260@localhost"]
    assert targets(str(triad), "@x", str(one), "7300@licsrv") == ["1@a,2@b,3@c", "7260@x", "7300@licsrv"]


def test_an_entry_that_cannot_be_had_does_not_hide_the_others(tmp_path: Path) -> None:
    plain = tmp_path / "no-server.lic"
    plain.write_text("# nothing here\n")
    gone = str(tmp_path / "gone.lic")
    found, errors = lmcommon.targets_of(lmcommon.license_path(SEPARATOR.join([gone, "1@a", str(plain)]), {}))
    assert found == [Target((Address("a", 1),))]
    assert [error.number for error in errors] == [-1, -13]
    assert gone in errors[0].reason
    with pytest.raises(LicenseError) as caught:
        targets(gone)
    assert caught.value.number == -1


@pytest.mark.parametrize("what", ["is_dir", "iterdir"])
def test_a_place_that_is_closed_to_this_account_is_minus_30(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), what, forbidden)
    with pytest.raises(LicenseError) as caught:
        targets(str(tmp_path))
    assert caught.value.short() == 'Cannot read license file. (-30,359:13 "Permission denied")'
    assert str(tmp_path) in caught.value.reason


def test_an_empty_directory_and_a_file_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(LicenseError, match="license file") as caught:
        targets(str(tmp_path))
    assert "no file that ends in" in caught.value.reason
    with pytest.raises(LicenseError) as caught:
        lmcommon.read_file(tmp_path)
    assert caught.value.number == -30


def test_of_a_triad_the_masters_view_counts() -> None:
    follower = license_server(host="a", members=(MemberStatus("a", 1, True, False), MemberStatus("b", 2, False, False)))
    master = license_server(host="b", members=(MemberStatus("a", 1, True, False), MemberStatus("b", 2, True, True)))
    with FakeLmgrd(follower) as one, FakeLmgrd(master) as two:
        triad = Target((Address("127.0.0.1", 1), Address("127.0.0.1", one.port), Address("127.0.0.1", two.port)))
        replies = lmcommon.ask_all([triad, Target((Address("127.0.0.1", 1),))])
    assert replies[0].status is not None
    assert replies[0].status.host == "b"
    assert replies[0].at == triad.addresses[2]
    assert replies[0].error is None
    assert list(replies[0].errors) == [("127.0.0.1", 1)]
    assert replies[1].status is None
    assert replies[1].error is not None
    assert replies[1].error.number == -15


def test_side_by_side_keeps_the_order() -> None:
    assert lmcommon.side_by_side(lambda number: number * number, list(range(50))) == [number * number for number in range(50)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("licsrv", "LICSRV", True),
        ("licsrv.example.test", "licsrv", True),
        ("a.example.test", "a.example.org", False),
        ("a", "b", False),
        ("[::1]", "::1", True),
    ],
)
def test_hosts_are_the_same_by_name_or_first_label(one: str, other: str, same: bool) -> None:
    assert lmcommon.same_host(one, other) is lmcommon.same_host(other, one) is same


def test_the_version_line_says_the_version_after_v() -> None:
    assert lmcommon.version_line("lmstat", "11.14.3").startswith("lmstat v11.14.3 build 111403 ")
    assert lmcommon.version_line("lmstat", "0.2").startswith("lmstat v0.2 build 200 ")
