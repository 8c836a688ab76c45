"""``make crash KILLS=200``: the table of ``docs/crash.md``."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.crash.harness import run, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"seed {options.seed}, {options.kills} kills", flush=True)  # noqa: T201
        verdicts = asyncio.run(run(options.kills, options.seed, Path(folder)))
    print(table(verdicts))  # noqa: T201
    for verdict in verdicts:
        for problem in (*verdict.lost, *verdict.doubled, *verdict.misordered):
            print(f"{verdict.channel}: {problem}")  # noqa: T201
    sys.exit(not all(verdict.clean for verdict in verdicts))


if __name__ == "__main__":
    main()
