"""Calls of plugins, which may raise or do anything, and cancellation of asyncio tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from gateway.runtime.watchdog import LoopBlocked, running_step

P = ParamSpec("P")
T = TypeVar("T")


class PluginCrashed(Exception):
    """A plugin raised what would have ended our task or the server, such as SystemExit."""


def is_cancelled() -> bool:
    """Whether somebody has cancelled the current task. A CancelledError that comes without that is
    an error like any other: a plugin raised it, or what it waited for was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextmanager
def contained() -> Iterator[None]:
    """Turn what the code within raises into an Exception, so that ``except Exception`` is enough.

    Only a cancellation of the current task stays what it is. Anything else is raised as
    `PluginCrashed`: asyncio would let SystemExit and KeyboardInterrupt stop the event loop, and a
    CancelledError would silently end the task.
    """
    try:
        yield
    except (Exception, GeneratorExit):  # GeneratorExit: our own coroutine is being closed
        raise
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and is_cancelled():
            raise
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
    async with asyncio.timeout(seconds):
        remaining: T = await _Remaining(coroutine, awaited)
        return remaining


async def _wait_for(work: Awaitable[T]) -> T:
    return await work


class _Remaining:
    """A coroutine that has begun, from its first wait on."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: Any) -> None:
        self._work, self._awaited = work, awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        while True:
            try:
                try:
                    sent = yield awaited
                except GeneratorExit:
                    self._work.close()
                    raise
                except BaseException as error:  # noqa: BLE001  (cancellations go to the coroutine too)
                    awaited = call_plugin(self._work.throw, error)
                else:
                    awaited = call_plugin(self._work.send, sent)
            except StopIteration as done:
                return done.value


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
