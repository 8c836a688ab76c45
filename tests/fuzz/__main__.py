"""``python -m tests.fuzz --seconds 10 [NAME ...]``: fuzzes each parser that long, by atheris.

Each runs in its own process. An input that breaks one is written to ``.fuzz/NAME-*``; add a test
of the right behaviour for it to test_parsers.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import click

FINDINGS = Path(__file__).parents[2] / ".fuzz"
MAX_SECONDS, MAX_MEGABYTES = 10, 2_048
"""For one input, and for the process."""


def main() -> int:
    """0 when nothing was found, or when atheris is missing: then it prints NOT RUN."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        click.echo("fuzz: NOT RUN: atheris is not installed (there are wheels for Linux on x86-64)")
        return 0
    if arguments.one:
        return _fuzz(arguments.one, arguments.seconds)
    return _fuzz_all(arguments.names, arguments.seconds)


def _fuzz_all(names: list[str], seconds: int) -> int:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415  (each child process imports it instrumented)

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
    FINDINGS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="warmline-fuzz-") as corpus:
        for number, data in enumerate(seeds(name)):
            Path(corpus, str(number)).write_bytes(data)
        options = [
            f"-max_total_time={seconds}",
            f"-timeout={MAX_SECONDS}",
            f"-rss_limit_mb={MAX_MEGABYTES}",
        ]
        options += [f"-artifact_prefix={FINDINGS / name}-", "-max_len=8192", corpus]
        atheris.Setup([sys.argv[0], *options], TARGETS[name])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
