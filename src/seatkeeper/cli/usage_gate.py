"""`seatkeeper usage gate`: other products may connect only after License Reporting Manager was there once (Framework 8.5)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatkeeper.cli.order import print_json

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from seatkeeper.base.logevents import Message

__all__ = ["app"]

app = typer.Typer(name="gate", help="The gate of Framework 8.5: serve it, ask it, attend it.", no_args_is_help=True, rich_markup_mode=None)

State = Annotated[Path, typer.Option("--state", metavar="DIR", help="Where the gate's state and secret lie.", show_default=False)]
Host = Annotated[str, typer.Option("--host", metavar="HOST", help="Where the gate is.")]
Port = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Its port.")]

_LOCAL = "127.0.0.1"
#: Configuration Server's own port is 2020 by custom; this one is beside it.
_PORT = 2025


@app.command()
def serve(state: State, host: Host = _LOCAL, port: Port = _PORT) -> None:
    """Serve the gate until Ctrl-C; what Configuration Server would log goes to standard output."""
    from datetime import datetime

    from seatkeeper.adapters import clock
    from seatkeeper.adapters.host import host_name
    from seatkeeper.base.errors import SeatkeeperError
    from seatkeeper.base.logevents import format_message
    from seatkeeper.lrm.gate import GateService
    from seatkeeper.usage.gate import CONFIGURATION_SERVER_TYPE

    here = host_name()

    def log(message: Message) -> None:
        at = datetime.fromtimestamp(clock.now())
        line = format_message(
            message, at, message_format="full", time_format="iso8601", host=here, name="confserv", type_number=CONFIGURATION_SERVER_TYPE
        )
        print(line, flush=True)

    async def run() -> None:
        try:
            server = await GateService(state, clock.now, log).serve(host, port)
        except OSError as error:
            raise SeatkeeperError(f"The gate cannot listen at {host}:{port}: {error.strerror or error}.", "Name another --port.") from None
        async with server:
            address = server.sockets[0].getsockname()
            print(f"The gate listens at {address[0]}:{address[1]}; Ctrl-C stops it.", file=sys.stderr, flush=True)
            await server.serve_forever()

    _until_stopped(run())


@app.command()
def ask(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="Who wants to connect.", show_default=False)],
    host: Host = _LOCAL,
    port: Port = _PORT,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask whether a product may connect; end with 0 only when it may."""
    from seatkeeper.lrm.gate import ask_gate

    allowed, reason = asyncio.run(ask_gate(host, port, product))
    if json:
        print_json({"product": product, "allowed": allowed, "reason": reason})
    elif allowed:
        print(f"{product} may connect.")
    else:
        print(f"{product} may not connect: {reason}", file=sys.stderr)
    if not allowed:
        raise typer.Exit(1)


@app.command()
def attend(state: State, host: Host = _LOCAL, port: Port = _PORT) -> None:
    """Be License Reporting Manager to the gate until Ctrl-C."""
    from seatkeeper.lrm.gate import attend_gate

    async def run() -> None:
        writer = await attend_gate(state, host, port, "License Reporting Manager")
        print("License Reporting Manager is connected; Ctrl-C ends it.", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            writer.close()

    _until_stopped(run())


def _until_stopped(work: Coroutine[None, None, None]) -> None:
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
