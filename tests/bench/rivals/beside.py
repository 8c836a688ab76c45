"""Others under the same load, where they are installed: opsdroid, and a Rasa that has learnt what
the demo knows. Each has an environment of its own.

Both are given their best: nothing is stored (Rasa's tracker is in memory), nothing is logged.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway.plugins import default_config
from tests.bench import load, processes
from tests.bench.kinds import REST, Kind
from tests.bench.processes import Home
from tests.bench.report import say

OPSDROID = Path(".opsdroid-venv/bin/python")
RASA = Path(".rasa-venv/bin/python")
PROJECT = "rasa"
"""Where Rasa's model lies, in the benchmark's folder."""
EPOCHS = 10
"""Of DIET's training. Its answers cost the same however well they were learnt."""

DROID = (str(Path(__file__).with_name("droid.py").absolute()), "PORT", "FOLDER")
DROIDS = Home(python=str(OPSDROID.absolute()), ready="/stats")
DROID_ECHO = Kind(
    name="opsdroid_echo", arguments=DROID, path="/skill/bench/echo", wanted=load.ECHO,
    kept=True, home=DROIDS,
)  # fmt: skip
DROID_MESSAGE = Kind(
    name="opsdroid_message", arguments=DROID, path="/connector/bench", wanted=load.WORDS,
    kept=True, home=DROIDS,
)  # fmt: skip
RASA_TURN = Kind(
    name="rasa_turn",
    arguments=(
        *("-m", "rasa", "run", "--interface", "127.0.0.1", "--port", "PORT"),
        *("--model", f"FOLDER/{PROJECT}/models", "--endpoints", f"FOLDER/{PROJECT}/endpoints.yml"),
        *("--credentials", f"FOLDER/{PROJECT}/credentials.yml", "--log-file", "FOLDER/rasa.log"),
    ),
    path=REST,
    wanted=load.WORDS,
    kept=True,
    home=Home(
        python=str(RASA.absolute()),
        ready="/",
        own={"RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
             "LOG_LEVEL": "ERROR"},
    ),
    times=5,
)  # fmt: skip
BESIDE_RASA = Kind(
    name="turn_beside_rasa",
    arguments=processes.WARMLINE,
    path=REST,
    wanted=load.WORDS,
    times=RASA_TURN.times,
)
"""Our turn once more, next to Rasa's: as long in load before it is measured, and as long then."""
RIVALS = (DROID_ECHO, DROID_MESSAGE, BESIDE_RASA, RASA_TURN)


def absent() -> Mapping[str, str]:
    """Kinds that cannot be measured here -> why."""
    why: dict[str, str] = {}
    if not OPSDROID.exists():
        no = f"{OPSDROID} is not there (`make bench` installs it where it can be had)"
        why |= dict.fromkeys((DROID_ECHO.name, DROID_MESSAGE.name), no)
    if not RASA.exists():
        no = f"{RASA} is not there (`make test-rasa` installs it)"
        why |= dict.fromkeys((BESIDE_RASA.name, RASA_TURN.name), no)
    return why


async def learn(folder: Path) -> None:
    """Train a Rasa on what the demo knows, below ``folder``. Raises RuntimeError when it fails."""
    project = folder / PROJECT
    say("Rasa learns what the demo knows ...")
    warmline = Path(sys.executable).with_name("warmline")
    export = ("rasa", "export", str(project), "--epochs", str(EPOCHS))
    await _done(warmline, *export, "--config", str(default_config()), cwd=folder)
    train = ("-m", "rasa", "train", "--out", "models")
    await _done(Path(RASA_TURN.home.python), *train, cwd=project)


async def _done(program: Path, *arguments: str, cwd: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = await asyncio.create_subprocess_exec(
        str(program), *arguments, cwd=cwd, env=own | RASA_TURN.home.own,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await process.communicate()
    if process.returncode:
        end = told.decode(errors="replace")[-2000:]
        raise RuntimeError(f"{program.name} {' '.join(arguments)} failed: {end}")
