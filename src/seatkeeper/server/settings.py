"""A vendor daemon is told in one value how it is to run: lmgrd writes it on the command line, the daemon reads it there."""

from __future__ import annotations

from typing import Literal

import msgspec

from seatkeeper.server.access import AccessPolicy

__all__ = ["DaemonOptions", "TriadOptions"]


class TriadOptions(msgspec.Struct, frozen=True):
    """What a vendor daemon of three servers is told.

    Attributes:
        me: Which of them it is, by the order of SERVER lines, from 0.
        hosts: Their names, in that order.
        url: Where this machine's log server is.
        secret: The file with the name and the password for it.
    """

    me: int
    hosts: tuple[str, ...]
    url: str
    secret: str


class DaemonOptions(msgspec.Struct, frozen=True):
    """How lmgrd starts a vendor daemon.

    Attributes:
        vendor: Its name.
        files: The -c list of lmgrd.
        data: The journal's directory.
        port: Its own TCP port, 0 for none.
        control: The descriptor of its end of the control pair.
        lease_s: How long a silent client keeps its seats.
        heartbeat_s: How often clients show that they live.
        durable: False for the unsafe switch that leaves out the flush to the disk.
        journal: False for the unsafe switch that keeps no journal at all.
        access: Who may connect, and what he may.
        restarts: How often lmgrd has restarted this vendor daemon.
        order: In which order the pools of a feature are tried.
        timeout_s_min: Idle timeouts of the options file are at least this long.
        datestamp: Whether the logs' times carry the date.
        log: The file that standard output is, where it shall be begun anew when it was moved away; empty where it is none.
        clock: The file of a simulated wall clock (clock.SimulatedClock); empty for the machine's own.
        triad: What it is of three servers; None where it is the only one.
    """

    vendor: str
    files: tuple[str, ...]
    data: str
    port: int = 0
    control: int = -1
    lease_s: float = 180.0
    heartbeat_s: float = 60.0
    durable: bool = True
    journal: bool = True
    access: AccessPolicy = AccessPolicy()
    restarts: int = 0
    order: Literal["documented", "best_fit"] = "documented"
    timeout_s_min: float = 900.0
    datestamp: bool = False
    log: str = ""
    clock: str = ""
    triad: TriadOptions | None = None
