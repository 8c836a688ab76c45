"""Other programs under the same load, if they are installed: opsdroid, and a Rasa that is trained
with the demo's examples. Each has its own environment.

Both run at their fastest: nothing is stored (Rasa's tracker is in memory), nothing is logged.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway.plugins import default_config
from tests.bench import load, processes
from tests.bench.processes import Runtime
from tests.bench.report import BenchError, say
from tests.bench.workloads import REST, Workload

OPSDROID = Path(".opsdroid-venv/bin/python")
RASA = Path(".rasa-venv/bin/python")
PROJECT = "rasa"
"""The folder of Rasa's project, in the benchmark's folder."""
EPOCHS = 10
"""Of DIET's training. Its answers cost the same however well it is trained."""

DROID = (str(Path(__file__).with_name("droid.py").absolute()), "PORT", "FOLDER")
DROID_RUNTIME = Runtime(python=str(OPSDROID.absolute()), ready="/stats")
DROID_ECHO = Workload(
    name="opsdroid_echo", arguments=DROID, path="/skill/bench/echo", wanted=load.ECHOED,
    kept=True, runtime=DROID_RUNTIME,
)  # fmt: skip
DROID_MESSAGE = Workload(
    name="opsdroid_message", arguments=DROID, path="/connector/bench", wanted=load.ANSWERED,
    kept=True, runtime=DROID_RUNTIME,
)  # fmt: skip
RASA_TURN = Workload(
    name="rasa_turn",
    arguments=(
        *("-m", "rasa", "run", "--interface", "127.0.0.1", "--port", "PORT"),
        *("--model", f"FOLDER/{PROJECT}/models", "--endpoints", f"FOLDER/{PROJECT}/endpoints.yml"),
        *("--credentials", f"FOLDER/{PROJECT}/credentials.yml", "--log-file", "FOLDER/rasa.log"),
    ),
    path=REST,
    wanted=load.ANSWERED,
    kept=True,
    runtime=Runtime(
        python=str(RASA.absolute()),
        ready="/",
        environ={"RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
             "LOG_LEVEL": "ERROR"},
    ),
    times=5,
)  # fmt: skip
TURNS_FOR_RASA = Workload(
    name="turn_beside_rasa",
    arguments=processes.WARMLINE,
    path=REST,
    wanted=load.ANSWERED,
    times=RASA_TURN.times,
)
"""Our turn once more, with the same warm-up and measuring time as Rasa's."""
RIVALS = (DROID_ECHO, DROID_MESSAGE, TURNS_FOR_RASA, RASA_TURN)


def absent() -> Mapping[str, str]:
    """The workloads that cannot be measured here -> why."""
    why: dict[str, str] = {}
    if not OPSDROID.exists():
        reason = f"{OPSDROID} does not exist (`make bench` installs it if it can be downloaded)"
        why |= dict.fromkeys((DROID_ECHO.name, DROID_MESSAGE.name), reason)
    if not RASA.exists():
        reason = f"{RASA} does not exist (`make test-rasa` installs it)"
        why |= dict.fromkeys((TURNS_FOR_RASA.name, RASA_TURN.name), reason)
    return why


async def train(folder: Path) -> None:
    """Train a Rasa with the demo's examples, below ``folder``. Raises BenchError if that fails."""
    project = folder / PROJECT
    say("training Rasa with the demo's examples ...")
    warmline = Path(sys.executable).with_name("warmline")
    export = ("rasa", "export", str(project), "--epochs", str(EPOCHS))
    await _run(warmline, *export, "--config", str(default_config()), cwd=folder)
    training = ("-m", "rasa", "train", "--out", "models")
    await _run(Path(RASA_TURN.runtime.python), *training, cwd=project)


async def _run(program: Path, *arguments: str, cwd: Path) -> None:
    inherited = {k: value for k, value in os.environ.items() if not k.startswith("PYTHON")}
    process = await asyncio.create_subprocess_exec(
        str(program), *arguments, cwd=cwd, env=inherited | RASA_TURN.runtime.environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        end = output.decode(errors="replace")[-2000:]
        raise BenchError(f"{program.name} {' '.join(arguments)} failed: {end}")
