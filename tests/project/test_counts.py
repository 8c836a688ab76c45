"""A count agrees with its noun: ``1 message``, never ``1 messages``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from gateway import counted

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "plugins", "channels", "brand_voice")
NOUNS = (
    "answers|conversations|customers|documents|examples|files|mails|matters|messages|passages"
    "|proposals|questions|replies|rows|tickets|turns"
)
PATTERNS = {
    ".py": re.compile(rf"(?<!\{{)\{{([^{{}}\"]{{1,80}})\}} (?:{NOUNS})\b"),
    ".html": re.compile(rf"\{{\{{([^{{}}]{{1,120}})\}}\}} (?:{NOUNS})\b"),
}
NEVER_ONE = re.compile(r"^[A-Z_]{3,}\b|counted\(|plural\(|in_hundred\(")
"""A limit of ours is a name in capitals; the others count for themselves."""
ONE_APART = re.compile(r"== 1\b|\b> 1\b")
"""The line says one in another way."""
MANY = {
    "gateway/pipeline/by_mail/answer_by_mail.py": "`who answers` is a verb",
    "gateway/routing/rules.py": "a machine is suspected after several replies",
    "plugins/knowledge/readers/reading.py": "more passages than a document may have",
    "plugins/knowledge/sources/folders.py": "more files than a limit that the settings have",
    "plugins/knowledge/sources/refresh.py": "said only where many documents are gone at once",
    "plugins/lead_rooms/templates/guide.html": "`people's` is whose replies they are",
}
"""Where a count is never one, and why."""


def counts_without_agreement() -> Iterator[str]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*")):
            name = file.relative_to(ROOT).as_posix()
            pattern = PATTERNS.get(file.suffix)
            if pattern is None or "demo_shop" in name or name in MANY:
                continue
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
                for found in pattern.finditer(line):
                    if not NEVER_ONE.search(found[1].strip()) and not ONE_APART.search(line):
                        yield f"{name}:{number}: {found[0]}"


def test_one_has_the_singular() -> None:
    """Also with a verb, and where the plural does not merely add an s."""
    assert counted(1, "message") == "1 message"
    assert counted(0, "message") == "0 messages"
    assert counted(1204, "reply", "replies") == "1,204 replies"
    assert counted(1, "conversation fails", "conversations fail") == "1 conversation fails"


def test_no_count_stands_before_a_plural_noun_alone() -> None:
    """`counted` writes both; a template has it, too."""
    assert list(counts_without_agreement()) == []
