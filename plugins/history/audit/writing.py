"""Writes an audit to a folder that only its owner may read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from gateway import WarmlineError, private_folder
from plugins.history.audit.data import audit_json
from plugins.history.audit.html import pages
from plugins.history.audit.report import AuditReport

FOLDER, FILE = 0o700, 0o600


def check_folder(out: Path) -> None:
    """Make the folder for its owner alone, and find out whether it can be written before the work
    begins. Raises WarmlineError."""
    try:
        private_folder(out)
        out.chmod(FOLDER)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise WarmlineError(
            f"--out {out}: {error.strerror or error}; name a folder that this user may write"
        ) from error


def write(report: AuditReport, out: Path) -> tuple[Path, Path]:
    """Write ``audit.json``, ``index.html`` and the lists, each whole or not at all, in place of
    those of an earlier audit. Returns the first two."""
    for old in out.glob("list-*.html"):
        old.unlink(missing_ok=True)
    data = out / "audit.json"
    _write(data, audit_json(report))
    for name, page in pages(report):
        _write(out / name, page.encode())
    return out / "index.html", data


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE), "wb") as file:
            file.write(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise WarmlineError(
            f"{path}: {error.strerror or error}; make room or name another folder with --out"
        ) from error
