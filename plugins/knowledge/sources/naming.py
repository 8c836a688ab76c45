"""Titles for files and pages that have none."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote


def title_of_name(location: str) -> str:
    """``saved_replies.xlsx`` as people write it: ``Saved replies``."""
    stem = PurePosixPath(unquote(location.partition("?")[0].rstrip("/"))).stem
    words = " ".join(re.sub(r"[_\-+]+", " ", stem).split())
    return words[:1].upper() + words[1:]
