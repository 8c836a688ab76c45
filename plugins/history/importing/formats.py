"""Finds out what a file or folder is."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from gateway import WarmlineError
from plugins.history.importing.mailboxes.boxes import is_maildir
from plugins.history.importing.mailboxes.mbox import is_mbox
from plugins.history.importing.tickets.records import ExportFiles

Format: TypeAlias = Literal[
    "mbox", "maildir", "mail", "imap", "zendesk", "freshdesk", "intercom", "csv", "jsonl"
]
FORMATS: tuple[str, ...] = get_args(Format)
LOOKED_AT = 20
"""Records that are looked at to tell one system's export from another's."""
_SIGNS: dict[str, tuple[str, ...]] = {
    "intercom": ("conversation_parts", "conversation_message", "conversation_rating"),
    "freshdesk": ("helpdesk_ticket", "responder_id", "fr_escalated", "helpdesk_notes", "display_id",
                  "conversations", "notes"),
    "zendesk": ("requester_id", "submitter_id", "comments", "satisfaction_rating", "raw_subject"),
}  # fmt: skip
"""Fields that are typical of each, the surest system first."""


def find_format(path: Path, *, mapped: bool) -> Format:
    """What is at ``path``; ``mapped``: a mapping was given for it. Raises WarmlineError."""
    if not path.exists():
        raise WarmlineError(f"{path} does not exist; name a file or a folder")
    if path.is_dir():
        if is_maildir(path):
            return "maildir"
        return _of_export(path) if _has_exports(path) else "mail"
    if path.stat().st_size == 0:
        raise WarmlineError(f"{path} is empty")
    return _of_file(path, path.name.lower().removesuffix(".gz"), mapped=mapped)


def _of_file(path: Path, name: str, *, mapped: bool) -> Format:
    if name.endswith((".csv", ".tsv")):
        return "csv"
    if name.endswith((".json", ".jsonl", ".ndjson", ".xml")):
        return "jsonl" if mapped else _of_export(path)
    if name.endswith(".zip"):
        return _of_zip(path)
    if name.endswith((".eml", ".mbox", ".mbx")) or is_mbox(path):
        return "mail" if name.endswith(".eml") else "mbox"
    raise WarmlineError(f"{path}: what is it? Say so with --format, one of {', '.join(FORMATS)}")


def _of_zip(path: Path) -> Format:
    try:
        return _of_export(path)
    except WarmlineError as error:
        if "has no .json" in str(error):
            return "mbox"
        raise


def _has_exports(path: Path) -> bool:
    return any(p.suffix.lower() in (".json", ".jsonl", ".ndjson", ".xml") for p in path.iterdir())


def _of_export(path: Path) -> Format:
    files = ExportFiles(path)
    try:
        found = [record for record, _ in islice(files.records(), LOOKED_AT)]
    finally:
        files.close()
    keys = {key for record in found if isinstance(record, dict) for key in record}
    for system, signs in _SIGNS.items():
        if sum(sign in keys for sign in signs) >= (1 if system == "intercom" else 2):
            return system  # type: ignore[return-value]  # a Format
    if "helpdesk_ticket" in keys:
        return "freshdesk"
    raise WarmlineError(
        f"{path}: no export of Zendesk, Freshdesk or Intercom is recognised in it; say which with "
        "--format, or, for other JSON lines, name their fields with --mapping"
    )
