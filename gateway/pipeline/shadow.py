"""Shadow mode: whether it is on, and what it leaves of a turn's outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
import structlog

from gateway.model import Reply, Turn
from gateway.pipeline.case.promising import PROMISE_TIMER
from gateway.ports import AuditLog, Clock, Outdated, PluginStorage, ShadowPeriod, ShadowState
from gateway.store import TurnOutcome

log = structlog.get_logger()
OWNER, KEY = "gateway", "shadow"
"""Where the state lies in the storage."""
LOOK_EVERY = 1.0
"""Seconds, in real time, for which a process trusts what it saw: another process or a command may
have turned the switch. One read of one row."""
MOST_PERIODS = 100
NOTICE = "shadow_notice"
"""The handler of the out-of-hours notice, which shadow mode lets through."""


@dataclass(kw_only=True)
class DatabaseShadowSwitch:
    """See `ports.ShadowSwitch`. The state is a row of the database, which each process reads anew
    when what it saw is older than `LOOK_EVERY`."""

    storage: PluginStorage
    audit: AuditLog
    clock: Clock
    real_time: Callable[[], float] = time.monotonic
    _known: ShadowState = field(default=ShadowState(), init=False)
    _seen: float = field(default=-LOOK_EVERY, init=False)

    @property
    def known(self) -> ShadowState:
        return self._known

    async def is_on(self) -> bool:
        """Whether it is on, as of `LOOK_EVERY` ago at most."""
        if self.real_time() - self._seen >= LOOK_EVERY:
            await self.state()
        return self._known.on

    async def state(self) -> ShadowState:
        began = self.real_time()
        stored = await self.storage.get(OWNER, KEY)
        found = msgspec.json.decode(stored.value, type=ShadowState) if stored else ShadowState()
        if found.on != self._known.on:
            log.info("shadow.on" if found.on else "shadow.off")
        self._known, self._seen = found, began
        return found

    async def turn(self, *, on: bool, by: str) -> bool:
        while True:
            stored = await self.storage.get(OWNER, KEY)
            state = msgspec.json.decode(stored.value, type=ShadowState) if stored else ShadowState()
            if state.on == on:
                return False
            now = self.clock.now()
            if on:
                periods = (*state.periods, ShadowPeriod(since=now, by=by))
            else:
                last = msgspec.structs.replace(state.periods[-1], until=now)
                periods = (*state.periods[:-1], last)
            changed = ShadowState(periods=periods[-MOST_PERIODS:])
            try:
                await self.storage.put(
                    OWNER,
                    KEY,
                    msgspec.json.encode(changed).decode(),
                    version=stored.version if stored else 0,
                )
            except Outdated:
                continue  # somebody else did at this moment
            await self.audit.record(by, "shadow.on" if on else "shadow.off")
            await self.state()
            return True

    async def run(self) -> None:
        """Keep `known` true for pages, until cancelled."""
        away = False
        while True:
            try:
                await self.is_on()
                away = False
            except Exception:
                if not away:  # the database is: look again, and say it once
                    log.exception("shadow.not_read")
                away = True
            await asyncio.sleep(LOOK_EVERY)


def silent(outcome: TurnOutcome) -> TurnOutcome:
    """``outcome`` without anything that the bot would say or ask.

    A person's answer goes out, the out-of-hours notice that the settings ask for, and the
    confirmation of an opt-out, which the law asks for in many countries.
    """
    if outcome.consent is not None:
        return outcome
    kept = tuple(m for m in outcome.replies if m.author == "agent" or m.handler == NOTICE)
    if kept == outcome.replies and outcome.survey is None:
        return outcome
    timers = tuple(timer for timer in outcome.timers if timer.name != PROMISE_TIMER)
    return outcome.replace(replies=kept, survey=None, promises=(), timers=timers, language=None)


def closed_notice(turn: Turn, texts: Mapping[str, str]) -> Reply | None:
    """The notice for a customer who writes while nobody works; None: nobody asked for one, or
    people are there."""
    if turn.opening is None or not texts:
        return None
    language = turn.language if turn.language in texts else next(iter(texts))
    return Reply(opener="", body=(texts[language],), language=language, purpose="handover")
