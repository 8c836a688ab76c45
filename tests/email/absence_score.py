"""How many automatic mails, and how many people, are taken for an out-of-office reply.

``python -m tests.email.absence_score FILE ...`` prints counts and no mail, so that the files of
``tests/email/unseen`` stay unread.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from channels.email import parse

OURS = frozenset({"help@lindenhof.example"})
OUR_ID = "<000000000000000000000000000000aa.warmline@lindenhof.example>"


def is_taken(row: dict[str, Any], *, answers: bool) -> bool:
    """Whether the mail of ``row`` counts as automatic. ``answers``: it answers one of ours."""
    mail = EmailMessage()
    mail["From"] = "Ines <ines@post.example>"
    mail["Subject"] = row["subject"]
    mail["Message-ID"] = "<v@post.example>"
    if answers:
        mail["In-Reply-To"] = OUR_ID
    mail.set_content(row["text"])
    return parse(mail.as_bytes(), own_addresses=OURS).automatic is not None


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        kinds = Counter(row["kind"] for row in rows)
        for answers in (True, False):
            taken = Counter(row["kind"] for row in rows if is_taken(row, answers=answers))
            shares = ", ".join(f"{kind} {taken[kind]} of {kinds[kind]}" for kind in sorted(kinds))
            sys.stdout.write(f"{path.name}, answers a mail of ours: {answers}: taken {shares}\n")


if __name__ == "__main__":
    main()
