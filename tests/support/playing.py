"""Licensed applications for tests: profiles that hold seats of a real license server, and what they wrote."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from seatkeeper.apps.events import Alarm, Cleared, Degraded, Effect, Forced, Occurred, OptionsChanged, Regained, Reply, Started, Write
from seatkeeper.apps.profile import Settings
from seatkeeper.client.profile import Limits
from seatkeeper.drive.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.site import Site

    from seatkeeper.apps.application import Application

__all__ = ["Playing"]

WAIT_S = 20.0


class Playing:
    """One application that runs against a site's license server.

        async with Playing(site, TServer, {"license": {"num-of-licenses": 3}}) as tserver:
            assert await tserver.accepted("dn-registered", dn="100")

    Attributes:
        running: It, with its SDK client.
        effects: What it did for people, in order.
    """

    def __init__(
        self,
        site: Site,
        made: type[Application],
        options: dict[str, dict[str, object]] | None = None,
        *,
        name: str = "app1",
        path: str = "",
        now: Callable[[], float] | None = None,
        limits: Limits | None = None,
        **settings: str,
    ) -> None:
        path = path or f"{site.port}@localhost"
        self.app = made(Settings(name, options or {}, license_path=path, **settings))
        self.effects: list[Effect] = []
        more = {} if now is None else {"now": now}
        self.running = Running(
            self.app,
            path=path,
            root=site.root,
            host="apphost",
            show=lambda effect, at: self.effects.append(effect),
            limits=limits or Limits(backoff_s=0.2, request_s=3.0),
            **more,
        )

    async def __aenter__(self) -> Playing:
        self.running.tell(Started())
        await self.settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.running.close()

    async def settle(self) -> None:
        """Waits until the license server has answered all."""
        async with asyncio.timeout(WAIT_S):
            await self.running.settle()

    async def occur(self, name: str, **fields: object) -> Reply:
        """Something happens at the site; returns the reply."""
        before = len(self.effects)
        self.running.tell(Occurred(name, fields, name))
        await self.settle()
        return [effect for effect in self.effects[before:] if isinstance(effect, Reply)][-1]

    async def accepted(self, name: str, **fields: object) -> bool:
        """Whether it is served."""
        return (await self.occur(name, **fields)).accepted

    async def change(self, name: str, value: object, section: str = "license") -> None:
        """The administrator changes an option."""
        self.running.tell(OptionsChanged({section: {name: value}}))
        await self.settle()

    async def until(self, holds: Callable[[], bool], what: str = "it") -> None:
        """Waits until something comes true."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                await asyncio.sleep(0.01)

    async def until_alarms(self, *causes: str) -> None:
        """Waits until just these alarms were raised and (`-cause`) cleared, in this order."""
        async with asyncio.timeout(WAIT_S):
            while self.alarms != list(causes):
                await asyncio.sleep(0.01)

    def log(self, number: int = 0) -> list[str]:
        """The log as `07100 text`, of one message or of all."""
        found = [effect.message for effect in self.effects if isinstance(effect, Write)]
        return [f"{message.number:05} {message.text}" for message in found if number in (0, message.number)]

    @property
    def alarms(self) -> list[str]:
        """Causes of alarms, in order; `-cause` where one is cleared."""
        shown = [effect for effect in self.effects if isinstance(effect, Alarm | Cleared)]
        return [effect.cause if isinstance(effect, Alarm) else f"-{effect.cause}" for effect in shown]

    @property
    def functions(self) -> list[str]:
        """Functions that degraded, in order; `-function` where one works again."""
        shown = [effect for effect in self.effects if isinstance(effect, Degraded | Regained)]
        return [effect.function if isinstance(effect, Degraded) else f"-{effect.function}" for effect in shown]

    @property
    def forced(self) -> list[str]:
        """Who was put out."""
        return [effect.who for effect in self.effects if isinstance(effect, Forced)]

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self.running.ended.result() if self.running.ended.done() else None
