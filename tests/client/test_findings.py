"""What path, files, names, ports and servers turned out to be is one sentence each, with number and remedy."""

from __future__ import annotations

import pytest

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.findings import (
    PROBLEMS_NAMED_MAX,
    Lookup,
    PortProbe,
    daemon_step,
    file_step,
    hostid_step,
    name_step,
    path_step,
    port_step,
    protocol_step,
    signature_step,
    wrong_path_step,
)
from seatkeeper.client.path import Address, Chosen, parse_path
from seatkeeper.licfile.hostid import HostFacts
from seatkeeper.licfile.model import Feature
from seatkeeper.licfile.signature import Verdict
from seatkeeper.wire.messages import DaemonStatus, ServerStatus

HERE = Address("licsrv", 7260)


def status(*daemons: DaemonStatus) -> ServerStatus:
    return ServerStatus(1, "licsrv", 7260, "0.1.0", [], [], list(daemons))


def test_which_path_counts() -> None:
    entries = parse_path("7260@licsrv", windows=False)
    step = path_step(Chosen("7260@licsrv", "LM_LICENSE_FILE"), entries, "genesys.d")
    assert (step.state, step.sentence) == ("ok", "The license path is 7260@licsrv, from LM_LICENSE_FILE.")
    assert path_step(Chosen("7260@licsrv", "license path"), entries, "genesys.d").sentence.endswith("from the command line.")
    other = path_step(Chosen("7260@a", "GENESYS_D_LICENSE_FILE"), entries, "genesys.d", [Chosen("7260@b", "LM_LICENSE_FILE")])
    assert other.details == ("LM_LICENSE_FILE=7260@b does not count beside it",)


def test_what_several_servers_mean_is_said_with_the_path() -> None:
    entries = parse_path("7260@a:7260@b", windows=False)
    told = path_step(Chosen("7260@a:7260@b", "LM_LICENSE_FILE"), entries, "genesys.d").details
    assert len(told) == 2
    assert "held at one of them at a time" in told[0]
    assert "gone for the applications of all sites" in told[1]
    # Three redundant servers are one entry.
    entries = parse_path("7260@a,7260@b,7260@c", windows=False)
    assert path_step(Chosen("7260@a,7260@b,7260@c", "LM_LICENSE_FILE"), entries, "genesys.d").details == ()


def test_no_path_and_an_empty_one() -> None:
    step = path_step(None, (), "acme.d")
    assert (step.state, step.number) == ("failed", -1)
    assert "ACME_D_LICENSE_FILE" in step.remedy
    assert path_step(Chosen(" : ", "LM_LICENSE_FILE"), (), "acme.d").sentence == "The license path of LM_LICENSE_FILE is empty."


def test_a_path_that_is_none() -> None:
    step = wrong_path_step(InputError("This is no entry.", file="-c", found="x@y"))
    assert (step.state, step.number) == ("failed", -42)
    assert step.sentence == "-c: This is no entry. (found 'x@y')"


def test_a_file_leads_to_servers_or_says_why_not() -> None:
    assert file_step("a.dat", (HERE,), None).sentence == "a.dat names the license server 7260@licsrv."
    step = file_step("a.dat", (), LicenseError(-13, minor=359, reason="a.dat names no license server."))
    assert (step.state, step.number, step.place) == ("failed", -13, "a.dat")
    assert step.remedy


def test_names() -> None:
    assert name_step(Lookup("licsrv", ("10.0.0.5", "fd00::5"))).sentence == "licsrv is 10.0.0.5, fd00::5."
    assert name_step(Lookup("10.0.0.5", ("10.0.0.5",))).sentence == "10.0.0.5 is an address."
    step = name_step(Lookup("licsvr", problem="Name or service not known"))
    assert (step.state, step.number, step.minor) == ("failed", -96, 7)
    assert step.sentence == "The name licsvr cannot be resolved on this machine: Name or service not known."


@pytest.mark.parametrize(
    ("state", "number", "about"),
    [
        ("refused", -15, "nothing listens at this port"),
        ("silent", -96, "did not answer within 4 s: a firewall drops the packets"),
        ("unreachable", -96, "cannot be reached: No route to host"),
        ("forbidden", -15, "This machine does not let a program connect to 7260@licsrv"),
    ],
)
def test_ports(state: str, number: int, about: str) -> None:
    probe = PortProbe(HERE, state, 4.0, (113, "No route to host"))  # type: ignore[arg-type]
    step = port_step(probe)
    assert (step.state, step.number) == ("failed", number)
    assert about in step.sentence
    assert step.remedy
    own = port_step(probe, "genesys.d")
    assert own.state == "warning"
    assert "7260@licsrv, the fixed port of genesys.d" in own.sentence
    assert "lmgrd hands connections over" in own.remedy


def test_an_open_port_and_who_answers_there() -> None:
    assert port_step(PortProbe(HERE, "open")).state == "ok"
    assert protocol_step(HERE, status(), None).sentence == "7260@licsrv is lmgrd v0.1.0 of licsrv."
    step = protocol_step(HERE, None, LicenseError(-12, reason="It speaks SSH."))
    assert (step.state, step.number, step.sentence) == ("failed", -12, "It speaks SSH.")


def test_the_vendor_daemon() -> None:
    up = DaemonStatus("genesys.d", up=True, version="0.1.0")
    assert daemon_step("GENESYS.D", status(up), "7260@licsrv").state == "ok"
    again = daemon_step("genesys.d", status(DaemonStatus("genesys.d", up=True, version="0.1.0", restarts=2)), "7260@licsrv")
    assert again.state == "warning"
    assert "restarted 2 times" in again.sentence
    down = daemon_step("genesys.d", status(DaemonStatus("genesys.d", up=False, reason="the disk is full.")), "7260@licsrv")
    assert (down.state, down.number, down.minor) == ("failed", -97, 121)
    assert down.sentence == "The vendor daemon genesys.d on 7260@licsrv is down: the disk is full."
    other = daemon_step("acme", status(up), "7260@licsrv")
    assert other.number == -97
    assert other.sentence == "The license server 7260@licsrv has no vendor daemon acme; its vendor daemons: genesys.d."


@pytest.mark.parametrize(("hostid", "state"), [("0123456789ab", "ok"), ("ANY", "ok"), ("0123456789ac", "failed"), ("10.0.0.5", "failed")])
def test_the_host_id_of_the_server_line(hostid: str, state: str) -> None:
    step = hostid_step("a.dat", [hostid], HostFacts(ethers=("0123456789ab",), hostname="licsrv"))
    assert step.state == state
    if state == "failed":
        assert step.number == -9
        assert hostid in step.sentence
        assert "0123456789ab" in step.sentence


def verdict(name: str, number: int = 0) -> Verdict:
    line = Feature(name, "genesys.d", "8.0", "permanent", "1")
    return Verdict(0, line, number, f"line 3, FEATURE {name} was changed." if number else "")


def test_genuine_lines() -> None:
    step = signature_step("a.dat", [verdict("f1"), verdict("f2")], "", served=True)
    assert (step.state, step.sentence) == ("ok", "2 license lines of a.dat verified.")


@pytest.mark.parametrize(
    ("feature", "served", "state"),
    [
        ("bad", True, "failed"),
        ("BAD", True, "failed"),
        ("good", True, "warning"),  # Another line is of no account,
        ("both", True, "warning"),  # nor one of two,
        ("", True, "warning"),
        ("bad", False, "warning"),  # nor any in a client's copy.
    ],
)
def test_what_matters_of_changed_lines(feature: str, served: bool, state: str) -> None:
    verdicts = [verdict("good"), verdict("both"), verdict("both", -8), verdict("bad", -8)]
    step = signature_step("a.dat", verdicts, feature, served=served)
    assert (step.state, step.number) == (state, -8)
    assert step.sentence == f"a.dat: line 3, FEATURE {'bad' if feature.lower() == 'bad' else 'both'} was changed."


def test_a_file_without_any_genuine_line_fails_as_a_whole() -> None:
    step = signature_step("a.dat", [verdict(f"f{number}", -137) for number in range(10)], "", served=True)
    assert (step.state, step.number) == ("failed", -137)
    assert len(step.details) == PROBLEMS_NAMED_MAX
    assert step.details[-1] == "and 5 more lines"
