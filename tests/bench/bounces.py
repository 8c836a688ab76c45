"""Measures what is recognised as a bounce, as automatic, or as a person's mail, on public corpora.

    WARMLINE_BENCH_BOUNCES=set-of-emails/maildir/bsd:flufl/bounce/tests/data \\
    WARMLINE_BENCH_BOUNCES_TRUTH=rb-sisimai/test/public \\
    WARMLINE_BENCH_MAIL=datasets-spam-assassin/data/easy-ham-1 \\
    python -m tests.bench.bounces

``WARMLINE_BENCH_BOUNCES`` are folders with one bounce a file, ``WARMLINE_BENCH_MAIL`` folders with
ordinary mail. ``WARMLINE_BENCH_BOUNCES_TRUTH`` has sisimai's own expectations: status code and hard
or soft. In each bounce the returned Message-ID is replaced by one of ours: then it reports on mail
of ours. Prints one JSON object; ``-v`` also names the files that went wrong.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from channels.email import ParsedMail, parse

OURS = frozenset({"help@shop.example"})
OUR_ID = b"0123456789abcdef0123456789abcdef.warmline@shop.example"
NO_BOUNCE = re.compile(r"^(?:arf|rfc3834)-")
"""Complaints and out-of-office replies, which sisimai's set holds, too."""

_ID_LINE = re.compile(rb"^[ \t>|]*Message-ID:\s*<?([^<>\s]+)>?", re.IGNORECASE | re.MULTILINE)
_ANSWERED = re.compile(rb"^In-Reply-To:\s*<([^<>\s]+)>", re.IGNORECASE | re.MULTILINE)
_REPORT = re.compile(rb"^Content-Type:\s*multipart/report", re.IGNORECASE | re.MULTILINE)
_EXPECTED = re.compile(
    r"'(\d\d)' => \[\['([\d.]*)', *'(\d*)', *'(\w+)', *(true|false)", re.IGNORECASE
)


def folders(variable: str) -> list[Path]:
    return [Path(path) for path in os.environ.get(variable, "").split(os.pathsep) if path]


def mails(variable: str) -> Iterator[tuple[Path, bytes]]:
    for folder in folders(variable):
        for path in sorted(folder.iterdir()):
            if path.suffix in (".eml", ".txt", "") and path.is_file():
                yield path, path.read_bytes()


def as_ours(raw: bytes) -> tuple[bytes, bool]:
    """``raw`` as a bounce of our mail, and whether it returns an id at all."""
    head, *rest = re.split(rb"(\r?\n[ \t]*\r?\n)", raw, maxsplit=1)
    body = b"".join(rest)
    returned = set(_ID_LINE.findall(body)) or set(_ANSWERED.findall(head))
    for id in returned:
        body = body.replace(id, OUR_ID)
        head = head if id in _ID_LINE.findall(head) else head.replace(id, OUR_ID)
    return head + body, bool(returned)


def truths() -> dict[str, tuple[str, str, bool]]:
    """Of each file with one recipient: status code, reason and hard, as sisimai expects them."""
    found = {}
    for folder in folders("WARMLINE_BENCH_BOUNCES_TRUTH"):
        for path in folder.glob("*.rb"):
            for number, code, _, reason, hard in _EXPECTED.findall(path.read_text()):
                found[f"{path.stem}-{number}"] = (code, reason, hard.lower() == "true")
    return found


def read(raw: bytes) -> ParsedMail:
    return parse(raw, own_addresses=OURS)


def share(part: int, whole: int) -> dict[str, Any]:
    return {"value": round(part / whole, 4) if whole else None, "n": whole, "right": part}


def measure_bounces(wrong: list[str]) -> dict[str, Any]:
    seen: Counter[tuple[str, bool]] = Counter()
    addresses = coded = codes = hards = softs = false_hard = missed_hard = known = (
        false_filtered
    ) = 0
    expected = truths()
    for path, raw in mails("WARMLINE_BENCH_BOUNCES"):
        if NO_BOUNCE.match(path.name):
            continue
        ours, with_id = as_ours(raw)
        bounces = read(ours).bounces
        kind = "rfc3464" if _REPORT.search(raw) else "returns_id" if with_id else "returns_words"
        seen[kind, bool(bounces)] += 1
        if not bounces:
            wrong.append(f"missed {kind}: {path.name}")
            continue
        addresses += bounces[0].address is not None
        truth = expected.get(path.stem)
        if truth is None:
            continue
        code, reason, hard = truth
        known += 1
        coded += not re.match(r"\d\.0\.", code)
        codes += bounces[0].status[:3] == code[:3] and not re.match(r"\d\.0\.", code)
        hards, softs = hards + hard, softs + (not hard)
        odd = reason == "filtered"  # sisimai's word for "user unknown" said after DATA
        false_filtered += bounces[0].hard and odd
        false_hard += bounces[0].hard and not hard
        missed_hard += hard and not bounces[0].hard
        if bounces[0].hard != hard:
            said = f"{bounces[0].status} {bounces[0].detail[:150]!r}"
            wrong.append(f"hard={bounces[0].hard}, is {code} {reason}: {path.name}: {said}")
    found = sum(count for (_, right), count in seen.items() if right)
    return {
        "found": {
            kind: share(seen[kind, True], seen[kind, True] + seen[kind, False])
            for kind in ("rfc3464", "returns_id", "returns_words")
        },
        "with_address": share(addresses, found),
        "class_and_subject_of_status": share(codes, coded),
        "hard_found": share(hards - missed_hard, hards),
        "soft_called_hard": share(false_hard, softs),
        "of_these_user_unknown_after_data": false_filtered,
    }


def measure_mail(wrong: list[str]) -> dict[str, Any]:
    """Ordinary mail that is taken for a bounce or a machine, also as an answer to one of ours."""
    count = bounced = automatic = lists = 0
    for path, raw in mails("WARMLINE_BENCH_MAIL"):
        count += 1
        as_reply = raw.replace(b"\nSubject:", b"\nIn-Reply-To: <" + OUR_ID + b">\nSubject:", 1)
        for version in (raw, as_ours(raw)[0], as_reply):
            if read(version).bounces:
                bounced += 1
                wrong.append(f"taken for a bounce: {path.name}")
                break
        why = read(as_reply).automatic or ""
        by_words = why.startswith("it reads like")
        lists += bool(why) and not by_words
        automatic += by_words
        if by_words:
            wrong.append(f"taken for automatic: {path.name}: {why}")
    return {
        "taken_for_bounce": share(bounced, count),
        "taken_for_automatic_by_its_words": share(automatic, count),
        "automatic_by_headers": share(lists, count),
    }


def main() -> None:
    wrong: list[str] = []
    result: dict[str, Any] = {}
    if folders("WARMLINE_BENCH_BOUNCES"):
        result["bounces"] = measure_bounces(wrong)
    if folders("WARMLINE_BENCH_MAIL"):
        result["ordinary_mail"] = measure_mail(wrong)
    sys.stdout.write(f"{json.dumps(result)}\n")
    if "-v" in sys.argv:
        sys.stderr.write("\n".join([*wrong, ""]))


if __name__ == "__main__":
    main()
