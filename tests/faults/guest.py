"""What the harness installs beside Warmline's own guests: two providers, and answers with numbers.

It comes in by the door for all: an entry point, of a distribution that `install` writes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gateway import Channel, Handler, Settings, hookimpl
from gateway.testing import FakeHandler
from tests.crash.server import Parrot, Pigeon, answer

FAR_END = "FAULTS_FAR_END"


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if (url := os.environ.get(FAR_END)) is not None:
        register(Pigeon(url))
        register(Parrot(url))


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    register(FakeHandler(answer, priority=-1000))


def install(folder: Path, *modules: str) -> Path:
    """A folder that, on the path, has ``modules`` installed as guests of Warmline."""
    told = folder / "faults-1.0.dist-info"
    told.mkdir(parents=True, exist_ok=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: faults\nVersion: 1.0\n", "utf-8")
    points = "\n".join(f"{module.rpartition('.')[2]} = {module}" for module in modules)
    (told / "entry_points.txt").write_text(f"[warmline]\n{points}\n", "utf-8")
    return folder
