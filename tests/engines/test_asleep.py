"""An engine that nobody configured costs nothing."""

from __future__ import annotations

import subprocess
import sys

SDKS = ("openai", "boto3", "botocore", "google.cloud", "grpc", "httpx", "torch", "transformers")
PROGRAM = f"""
import sys
from gateway.plugins import Guests, installed
from gateway.settings import load
guests = Guests(installed())
settings = load(None, guests.declared(), {{"OPENAI_API_KEY": "k", "RASA_URL": "http://r"}})
guests.commands()
asleep = [name for name in settings.asleep if name.startswith("plugins.nlu_")]
print(*sorted(asleep))
print(*(name for name in {SDKS!r} if name in sys.modules))
"""


def test_asleep_no_library_is_loaded() -> None:
    """A start with the keys in the environment and no section loads no provider's library."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    asleep, loaded = done.stdout.splitlines()
    wanted = {f"plugins.nlu_{name}" for name in ("rasa", "openai", "dialogflow", "lex")}
    assert wanted <= set(asleep.split())
    assert loaded == ""
