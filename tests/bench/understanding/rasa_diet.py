"""Rasa 3.6's DIET, in the pipeline that `warmline rasa export` writes, on a real server.

It is measured where `make test-rasa` was run. It trains so slowly that it is measured only on the
first draw, with `EPOCHS` of training; the other engines' figures are the mean of five draws.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.error import URLError
from urllib.request import urlopen

from aiohttp.test_utils import unused_port

from gateway import Guess, Insight, Turn, WarmlineError
from gateway.ops.evaluation import OUT_OF_SCOPE
from gateway.ops.labelled_rows import Row
from plugins.nlu_rasa import RasaClient, RasaUnderstander
from plugins.nlu_rasa.project import TrainingData, build_project, write_project

from .data import QUICK, Figures, skipped

RASA = Path(".rasa-venv/bin/rasa")
EPOCHS = 20 if QUICK else 100
AT_ONCE = 8
START_TIMEOUT = 300.0
"""Seconds until the server must listen."""


def without_rasa() -> Figures | None:
    """A line that says why DIET is not measured; None when it is."""
    if RASA.exists():
        return None
    why = f"{Diet.name}: {RASA} is missing (`make test-rasa` installs it)"
    return skipped(Diet.name, why)


class Diet:
    """A server with a trained model; `train` does nothing."""

    name, priority = "rasa_diet", 20

    def __init__(self, url: str) -> None:
        self._engine = RasaUnderstander(client=RasaClient(url, timeout=60), at_once=1)

    def train(self, rows: Sequence[Row]) -> Diet:
        return self

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        """The real intents, also where Rasa itself would fall back."""
        insights = await self._engine.understand(turns)
        return [Insight(ranking=tuple(_in_scope(one.ranking or ()))) for one in insights]


def _in_scope(ranking: Sequence[Guess]) -> Iterator[Guess]:
    yield from (guess for guess in ranking if guess.name != OUT_OF_SCOPE)


@contextmanager
def trained(rows: Sequence[Row]) -> Iterator[tuple[Diet, float]]:
    """A server trained on ``rows``, which is ended on exit, and the seconds of training."""
    with tempfile.TemporaryDirectory(prefix="warmline-diet-") as name:
        folder = Path(name)
        write_project(build_project(_knowledge(rows), epochs=EPOCHS), folder)
        began = time.perf_counter()
        with (folder / "train.log").open("wb") as log:
            code = _rasa(folder, log, "train", "nlu", "--out", "models").wait()
        if code:
            raise WarmlineError(f"rasa train failed: {_end(folder / 'train.log')}")
        seconds = time.perf_counter() - began
        with _serving(folder) as url:
            yield Diet(url), seconds


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    port = unused_port()
    address = ("--interface", "127.0.0.1", "--port", str(port))
    with (folder / "run.log").open("wb") as log:
        server = _rasa(folder, log, "run", "--enable-api", *address)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/status", server, folder / "run.log")
        yield url
    finally:
        server.terminate()
        server.wait(60)


def _rasa(folder: Path, log: BinaryIO, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    environment |= {"RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}
    return subprocess.Popen(
        ["nice", "-n", "19", str(RASA.absolute()), *arguments],
        cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(url, timeout=5) as answer:  # noqa: S310  (our server)
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.5)
    raise WarmlineError(f"rasa run did not start within {START_TIMEOUT:g} s: {_end(log)}")


def _end(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-2000:]


def _knowledge(rows: Sequence[Row]) -> TrainingData:
    examples: dict[tuple[str, str], list[str]] = {}
    for text, intent in rows:
        examples.setdefault(("intent", intent), []).append(" ".join(text.split()))
    lines = {kind: tuple(found) for kind, found in examples.items()}
    return TrainingData(examples=lines, answers={})
