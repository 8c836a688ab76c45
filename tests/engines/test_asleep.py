"""An engine that is not configured costs nothing."""

from __future__ import annotations

import subprocess
import sys

SDKS = ("openai", "boto3", "botocore", "google.cloud", "grpc", "httpx", "torch", "transformers")
PROGRAM = f"""
import sys
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.settings import load
plugins = PluginRegistry(installed_plugins())
settings = load(None, plugins.declared(), {{"OPENAI_API_KEY": "k"}})
plugins.commands()
asleep = [name for name in settings.asleep if name.startswith("plugins.nlu_")]
print(*sorted(asleep))
print(*(name for name in {SDKS!r} if name in sys.modules))
"""


def test_no_library_of_a_provider_is_loaded_at_start() -> None:
    """Without a section, even when the environment has the key of one that needs more."""
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    asleep, loaded = process.stdout.splitlines()
    expected = {f"plugins.nlu_{name}" for name in ("rasa", "openai", "dialogflow", "lex")}
    assert expected <= set(asleep.split())
    assert loaded == ""
