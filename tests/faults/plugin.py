"""The plugin that the harness installs: two channels with a test provider, and numbered answers.

It is installed as any other package: by an entry point of a distribution that `install` writes.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from gateway import Channel, Handler, Reply, Settings, Turn, hookimpl
from gateway.testing import FakeHandler
from tests.crash.server import AskChannel, ResendChannel, answer

PROVIDER_URL = "FAULTS_PROVIDER_URL"
"""The environment variable with the URL of the test provider."""


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if (url := os.environ.get(PROVIDER_URL)) is not None:
        register(AskChannel(url))
        register(ResendChannel(url))


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    register(FakeHandler(answer_or_crash, priority=-1000))


def answer_or_crash(turn: Turn) -> Reply | None:
    """As `answer`; ``crash NAME`` raises the exception NAME, or holds the event loop."""
    name = turn.message.text.removeprefix("crash ")
    if turn.kind != "message" or name == turn.message.text or turn.route.action == "escalate":
        return answer(turn)
    match name:
        case "CancelledError":
            raise asyncio.CancelledError
        case "SystemExit":
            raise SystemExit(1)
        case "KeyboardInterrupt":
            raise KeyboardInterrupt
        case "RecursionError":
            return answer_or_crash(turn)
        case _:
            time.sleep(60)
            return answer(turn)


def install(folder: Path, *modules: str) -> Path:
    """Write a distribution with ``modules`` as plugins into ``folder``. Put the folder on the
    path."""
    metadata = folder / "faults-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: faults\nVersion: 1.0\n", "utf-8"
    )
    points = "\n".join(f"{module.rpartition('.')[2]} = {module}" for module in modules)
    (metadata / "entry_points.txt").write_text(f"[warmline]\n{points}\n", "utf-8")
    return folder
