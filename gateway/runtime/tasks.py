"""Calls of plugins, which may raise or do anything, and cancellation of asyncio tasks.

A plugin may raise SystemExit or a CancelledError, and it may hold the event loop that all
conversations share. Each is made an ordinary failure of the call: the message goes to a person.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

import structlog

P = ParamSpec("P")
T = TypeVar("T")


class PluginCrashed(Exception):
    """A plugin raised what would have ended our task or the server, such as SystemExit."""


def is_cancelled() -> bool:
    """Whether somebody has cancelled the current task. A CancelledError that comes without that is
    an error like any other: a plugin raised it, or what it waited for was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class contained:  # noqa: N801  (used as the context manager that it is)
    """Turn what the code within raises into an Exception, so that ``except Exception`` is enough.

    Only a cancellation of the current task stays what it is. Anything else is raised as
    `PluginCrashed`: asyncio would let SystemExit and KeyboardInterrupt stop the event loop, and a
    CancelledError would silently end the task.
    """

    # A class, as every request passes through it: a generator costs a hundredth of a webhook.
    __slots__ = ()

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        # GeneratorExit: our own coroutine is being closed
        if error is None or isinstance(error, Exception | GeneratorExit):
            return
        if isinstance(error, asyncio.CancelledError) and is_cancelled():
            return
        raise _crashed(error) from error


def call_plugin(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a plugin's function that does not wait. It raises only Exceptions: see `contained`. When
    it holds the event loop for too long, the watchdog interrupts it."""
    task = _current_task()
    cancelled = task.cancelling() if task else 0
    outer = running_step.begin()
    try:
        return function(*args, **kwargs)
    except Exception:
        raise
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and is_cancelled():
            raise
        raise _crashed(error) from error
    finally:
        running_step.end(outer)
        # Within a step only the plugin itself can cancel the task, and it must not.
        while task is not None and task.cancelling() > cancelled:
            task.uncancel()


async def with_timeout(seconds: float | None, work: Awaitable[T]) -> T:
    """The result of a plugin's ``work``. Raises TimeoutError when it takes longer than ``seconds``,
    and only Exceptions of the plugin: see `contained`.

    Most handlers return without waiting. So the coroutine first runs to its first wait, and only
    the rest runs under `asyncio.timeout`: a timer for every handler of every turn costs about
    a twentieth of a turn.
    """
    coroutine = work if isinstance(work, Coroutine) else _wait_for(work)
    try:
        awaited = call_plugin(coroutine.send, None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(seconds) as timeout:
        remaining: T = await _Remaining(coroutine, awaited, timeout)
        return remaining


async def _wait_for(work: Awaitable[T]) -> T:
    return await work


GRACE = 2.0
"""Seconds that a plugin may go on waiting after its timeout, for example to close a connection."""


class _Remaining:
    """A coroutine that has begun, from its first wait on. One that still waits `GRACE` seconds
    after its ``timeout`` is left behind: in a loop it may catch every CancelledError."""

    def __init__(
        self, work: Coroutine[Any, Any, T], awaited: Any, timeout: asyncio.Timeout
    ) -> None:
        self._work, self._awaited, self._timeout = work, awaited, timeout
        self._grace: asyncio.TimerHandle | None = None
        self._given_up = False

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from self._run())
        finally:
            if self._grace is not None:
                self._grace.cancel()

    def _run(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        while True:
            try:
                try:
                    sent = yield awaited
                except GeneratorExit:
                    self._work.close()
                    raise
                except BaseException as error:  # cancellations go to the coroutine too
                    if self._given_up:
                        self._leave_behind()
                        raise
                    awaited = call_plugin(self._work.throw, error)
                    if self._timeout.expired() and self._grace is None:
                        loop = asyncio.get_running_loop()
                        self._grace = loop.call_later(GRACE, self._give_up, _current_task())
                else:
                    awaited = call_plugin(self._work.send, sent)
            except StopIteration as done:
                return done.value

    def _give_up(self, task: asyncio.Task[Any] | None) -> None:
        if task is not None:
            self._given_up = True
            task.cancel()

    def _leave_behind(self) -> None:
        if (task := _current_task()) is not None:
            task.uncancel()  # that of `_give_up`; the timeout's own one stays
        with suppress(Exception):  # it may ignore this as well
            call_plugin(self._work.close)


def _crashed(error: BaseException) -> PluginCrashed:
    if isinstance(error, LoopBlocked):
        return PluginCrashed(str(error))
    return PluginCrashed(f"{type(error).__name__}, which would have stopped the server")


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return None


CANCEL_AGAIN = 1.0
"""Seconds until a task that still runs is cancelled once more."""


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` and wait until they have ended.

    One cancellation is not always enough: `asyncio.wait_for` of Python 3.11, which drivers use,
    loses a cancellation that arrives when its awaitable is just done (python/cpython#86296).
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN)


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
    """Watches the event loop of the main thread. ``limit``: seconds of one step of a plugin.

    A handler with an endless loop, or one that calls `time.sleep`, would stop every conversation,
    and no timeout of asyncio can fire. So a thread watches each step that a plugin makes between
    two waits. After ``limit`` seconds it sends the main thread a signal, and the signal's handler
    raises `LoopBlocked` inside of the plugin's code. A signal also ends a system call, such as a
    sleep. (An extension module that neither returns nor releases the interpreter's lock cannot be
    ended.) The thread also logs where the event loop stands when something else holds it.
    """

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
