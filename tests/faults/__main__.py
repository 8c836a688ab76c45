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
    parser.add_argument("--planted", help="a plugin with a bug, such as tests.faults.early_ack")
    parser.add_argument("--folder", type=Path, help="keep data and logs there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)  # noqa: T201
        report = asyncio.run(
            run(
                options.minutes * 60,
                options.seed,
                folder,
                cluster=not options.alone,
                each=options.each,
                planted=options.planted,
            )
        )
    print(summary(report))  # noqa: T201
    sys.exit(not report.clean)


if __name__ == "__main__":
    main()
