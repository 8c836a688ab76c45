"""``make faults MINUTES=10``: the table of ``docs/faults.md``."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.faults.harness import run, summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    parser.add_argument("--each", type=int, default=2, help="customers of each channel")
    parser.add_argument("--alone", action="store_true", help="one process on SQLite")
    parser.add_argument("--planted", help="a guest with a bug, such as tests.faults.hasty")
    parser.add_argument("--folder", type=Path, help="keep data and logs there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"seed {given.seed}, {given.minutes:g} minutes", flush=True)  # noqa: T201
        report = asyncio.run(
            run(
                given.minutes * 60,
                given.seed,
                folder,
                crew=not given.alone,
                each=given.each,
                planted=given.planted,
            )
        )
    print(summary(report))  # noqa: T201
    sys.exit(not report.clean)


if __name__ == "__main__":
    main()
