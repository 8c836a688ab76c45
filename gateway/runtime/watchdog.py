"""Ends what a plugin does to the event loop: a step that holds it for too long is interrupted.

All conversations share one event loop. A handler with an endless loop, or one that calls
`time.sleep`, would stop every one of them, and no timeout of asyncio can fire. So a thread watches
each step that a plugin makes between two waits. After ``limit`` seconds it sends the main thread a
signal, and the signal's handler raises `LoopBlocked` inside of the plugin's code: the turn then
goes to a person, as after any other failure. A signal also ends a system call, such as a sleep.
(An extension module that neither returns nor releases the interpreter's lock cannot be ended.)

The thread also logs where the event loop stands when something else holds it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()
TICK = 0.25
"""Seconds between two looks. Looks are counted, not seconds: a process that was stopped by a
signal (SIGSTOP) or by the machine's sleep must not blame the step that it was in."""
SIGNAL = signal.SIGURG
"""Ignored by default, so that one that comes late does no harm; Go's runtime chose it as well."""
FRAMES = 12
"""Innermost frames of a stack that are logged."""


class LoopBlocked(BaseException):
    """Raised inside of a plugin's code that held the event loop for too long. No ``except
    Exception`` of the plugin stops it."""


class RunningStep:
    """The step that a plugin makes on the event loop just now. ``number`` is new for each step;
    ``late`` is that of a step which the watchdog wants to end."""

    __slots__ = ("late", "number", "runs")

    def __init__(self) -> None:
        self.number, self.runs, self.late = 0, False, -1

    def begin(self) -> bool:
        """A step begins. Returns whether it is part of another one."""
        outer = self.runs
        if not outer:
            self.number += 1
            self.runs = True
        return outer

    def end(self, outer: bool) -> None:
        self.runs = outer


running_step = RunningStep()


def _interrupt(_number: int, _frame: object) -> None:
    if running_step.runs and running_step.number == running_step.late:
        running_step.late = -1
        raise LoopBlocked("it held the event loop for longer than worker.step_timeout allows")


class LoopWatchdog:
    """Watches the event loop of the main thread. ``limit``: seconds of one step of a plugin."""

    def __init__(self, *, limit: float) -> None:
        self._limit = limit
        self._looks = max(2, round(limit / TICK))
        self._stopped = threading.Event()
        self._beats = 0
        self.blocked: str | None = None
        """Where the event loop stands, while something holds it; for people."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the running event loop while the block runs. Does nothing outside of the main
        thread, where signals are not handled."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        signal.signal(SIGNAL, _interrupt)  # stays: several gateways of a process share it
        thread = threading.Thread(
            target=self._watch, args=(loop,), name="loop-watchdog", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        step, looks, beat, silent = -1, 0, 0, 0
        loop.call_soon_threadsafe(self._beat)
        while not self._stopped.wait(TICK):
            if running_step.runs and running_step.number == step:
                looks += 1
            else:
                step, looks = running_step.number, 0
            if looks >= self._looks:
                looks, running_step.late = 0, step
                self._log("plugin.blocked_the_loop")
                signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)
            if self._beats != beat:
                beat, silent, self.blocked = self._beats, 0, None
                try:
                    loop.call_soon_threadsafe(self._beat)
                except RuntimeError:  # the loop is closed
                    return
                continue
            silent += 1
            if silent % self._looks == 0:
                self.blocked = f"the event loop has not run for {silent * TICK:.0f} s"
                self._log("loop.blocked")

    def _beat(self) -> None:
        self._beats += 1

    def _log(self, event: str) -> None:
        frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001  (documented)
        stack = "".join(traceback.format_stack(frame)[-FRAMES:]) if frame else ""
        log.error(event, seconds=self._limit, stack=stack)
