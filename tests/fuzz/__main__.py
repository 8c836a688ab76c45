"""``python -m tests.fuzz --seconds 10 [NAME ...]``: each parser for so long, by atheris.

Each runs in a process of its own. What breaks one is written to ``.fuzz/NAME-*``; a test named
after the wrong behaviour belongs beside the others in test_parsers.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import click

HERE = Path(__file__).parents[2] / ".fuzz"
SLOW, MEMORY = 10, 2_048
"""Seconds that one input may take, and megabytes that the process may have."""


def main() -> int:
    """0 when nothing was found, also where atheris is missing: then it says NOT RUN."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        click.echo("fuzz: NOT RUN: atheris is not installed (it has wheels for Linux on x86-64)")
        return 0
    if asked.one:
        return _fuzz(asked.one, asked.seconds)
    return _all(asked.names, asked.seconds)


def _all(names: list[str], seconds: int) -> int:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415  (each child imports it instrumented)

    found = []
    for name in names or TARGETS:
        command = [sys.executable, "-m", "tests.fuzz", "--one", name, "--seconds", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
        click.echo(f"fuzz: {name}: {runs[0] if runs else 'FOUND'}")
        if done.returncode or not runs:
            found.append(name)
            click.echo(done.stdout[-3_000:] + done.stderr[-3_000:])
    return 1 if found else 0


def _fuzz(name: str, seconds: int) -> int:
    import atheris  # noqa: PLC0415  (it may be missing)

    with atheris.instrument_imports(include=["channels", "plugins", "brand_voice", "gateway"]):
        from tests.fuzz.targets import TARGETS, seeds  # noqa: PLC0415
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="warmline-fuzz-") as corpus:
        for number, data in enumerate(seeds(name)):
            Path(corpus, str(number)).write_bytes(data)
        options = [f"-max_total_time={seconds}", f"-timeout={SLOW}", f"-rss_limit_mb={MEMORY}"]
        options += [f"-artifact_prefix={HERE / name}-", "-max_len=8192", corpus]
        atheris.Setup([sys.argv[0], *options], TARGETS[name])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
