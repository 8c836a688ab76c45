"""What encryption at rest costs: ``python -m tests.bench.encryption``, one JSON object a line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from cryptography.fernet import Fernet

from gateway.adapters.encryption import DataKeys, new_key, read_keys

TEXT = "Where is my parcel? It should have been here on Monday. " * 6
ROUNDS = 20_000


def microseconds(work: Callable[[], object]) -> float:
    """Microseconds of one call, the best of five runs."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(ROUNDS // 5):
            work()
        best = min(best, time.perf_counter() - began)
    return round(best / (ROUNDS // 5) * 1e6, 2)


def main() -> None:
    off, on, fernet = DataKeys(), read_keys(new_key()), Fernet(Fernet.generate_key())
    sealed, token = on.seal(TEXT, "messages.text:rest:a"), fernet.encrypt(TEXT.encode())
    figures = {
        "off": (lambda: off.seal(TEXT, "p"), lambda: off.open(TEXT, "p")),
        "aes-gcm": (
            lambda: on.seal(TEXT, "messages.text:rest:a"),
            lambda: on.open(sealed, "messages.text:rest:a"),
        ),
        "fernet": (lambda: fernet.encrypt(TEXT.encode()), lambda: fernet.decrypt(token)),
    }
    sizes = {"off": len(TEXT), "aes-gcm": len(sealed), "fernet": len(token)}
    for name, (seal, open_) in figures.items():
        line = {"how": name, "seal_us": microseconds(seal), "open_us": microseconds(open_)}
        print(json.dumps({**line, "bytes": sizes[name], "of": len(TEXT)}))  # noqa: T201


if __name__ == "__main__":
    main()
