"""The public test cases of six libraries, read from checkouts of their repositories.

None is part of this repository: the environment variable of each corpus names a checkout, and a
corpus without one is named as absent. Where a library's test says what it expects word by word,
that is used. Elsewhere `WRITTEN` says which lines of the file the customer wrote.
"""

from __future__ import annotations

import ast
import email
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway import Value
from tests.bench.replies.written import WRITTEN

_PLACEHOLDER = "Fusce bibendum"
"""The first words of the five lines that the customer wrote in many files of two corpora."""


class Case(Value, frozen=True, kw_only=True):
    """One mail text, and what the customer wrote in it."""

    name: str
    text: str
    written: str
    html: bool = False


class Corpus(Value, frozen=True, kw_only=True):
    """A corpus at ``variable``'s path. ``commit`` and ``date`` say which version is meant."""

    name: str
    variable: str
    commit: str
    date: str


CORPORA = (
    Corpus(name="crisp-oss/email-reply-parser", variable="WARMLINE_REPLIES_CRISP",
           commit="0b3704c", date="2025-12-29"),
    Corpus(name="zapier/email-reply-parser", variable="WARMLINE_REPLIES_ZAPIER",
           commit="f67a872", date="2020-10-07"),
    Corpus(name="willdurand/EmailReplyParser", variable="WARMLINE_REPLIES_WILLDURAND",
           commit="f25f8c6", date="2022-01-30"),
    Corpus(name="mailgun/talon", variable="WARMLINE_REPLIES_TALON",
           commit="71d9b6e", date="2022-02-07"),
    Corpus(name="discourse/email_reply_trimmer", variable="WARMLINE_REPLIES_DISCOURSE",
           commit="117fd1a", date="2024-11-29"),
    Corpus(name="EdgeTier/email-reply-parser", variable="WARMLINE_REPLIES_EDGETIER",
           commit="48783bf", date="2026-06-10"),
)  # fmt: skip


def read_corpus(corpus: Corpus) -> list[Case] | None:
    """The cases of ``corpus``, or None when its environment variable is not set.

    Raises OSError when the folder that the variable names is not a checkout of it.
    """
    path = os.environ.get(corpus.variable)
    return list(_READERS[corpus.name](Path(path))) if path else None


def _read_crisp(root: Path) -> Iterator[Case]:
    yield from _marked_files(root / "test/fixtures", WRITTEN["crisp"])


def _read_zapier(root: Path) -> Iterator[Case]:
    yield from _marked_files(root / "test/emails", WRITTEN["zapier"])


def _read_edgetier(root: Path) -> Iterator[Case]:
    yield from _marked_files(root / "test/emails", WRITTEN["edgetier"])


def _read_willdurand(root: Path) -> Iterator[Case]:
    folder = root / "tests/Fixtures"
    yield from _marked_files(folder, WRITTEN["willdurand"])
    php = (root / "tests/EmailReplyParser/Tests/Parser/EmailParserTest.php").read_text("utf-8")
    dates, _, senders = php.partition("function getFromHeaders")
    frame = (folder / "email_with_date_headers.txt").read_text("utf-8")
    for number, date in enumerate(re.findall(r"array\(['\"](.+)['\"]\),", dates)):
        text = frame.replace("[DATE]", date)
        yield Case(name=f"date {number}", text=text, written="Thank you very much.")
    frame = (folder / "email_with_from_headers.txt").read_text("utf-8")
    for number, sender in enumerate(re.findall(r"array\('(.+)'\)", senders)):
        text = frame.replace("[FROM]", sender)
        yield Case(name=f"sender {number}", text=text, written=text.partition(sender)[0])


def _read_discourse(root: Path) -> Iterator[Case]:
    for path in sorted((root / "test/emails").glob("*.txt")):
        written = (root / "test/trimmed" / path.name).read_text("utf-8")
        yield Case(name=path.stem, text=path.read_text("utf-8"), written=written)


def _read_talon(root: Path) -> Iterator[Case]:
    source = (root / "tests/text_quotations_test.py").read_text("utf-8")
    yield from _python_cases(source)
    folder = root / "tests/fixtures/standard_replies"
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes())
        part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        expected = path.with_name(f"{path.stem}_reply_text")
        written = expected.read_text("utf-8") if expected.exists() else "Hello"
        yield Case(name=path.stem, text=payload.decode("utf-8", "replace"), written=written)
    for path in sorted((root / "tests/fixtures/html_replies").glob("*.html")):
        written = "Hi. I am fine.\n\nThanks,\nAlex"
        yield Case(name=path.stem, text=path.read_text("utf-8"), written=written, html=True)


_READERS: dict[str, Callable[[Path], Iterator[Case]]] = {
    "crisp-oss/email-reply-parser": _read_crisp,
    "zapier/email-reply-parser": _read_zapier,
    "willdurand/EmailReplyParser": _read_willdurand,
    "mailgun/talon": _read_talon,
    "discourse/email_reply_trimmer": _read_discourse,
    "EdgeTier/email-reply-parser": _read_edgetier,
}


def _marked_files(folder: Path, lines: dict[str, str]) -> Iterator[Case]:
    """The files of ``folder``: written are ``lines`` of each ("1-3 7"), else the placeholder."""
    for path in sorted(folder.glob("*.txt")):
        text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
        rows = text.split("\n")
        marked = lines.get(path.stem)
        if marked is None:
            starts = [n for n, row in enumerate(rows) if row.startswith(_PLACEHOLDER)]
            if not starts:
                continue
            marked = f"{starts[0] + 1}-{starts[0] + 5}"
        yield Case(name=path.stem, text=text, written=_pick(rows, marked))


def _pick(rows: list[str], marked: str) -> str:
    if marked == "all":
        return "\n".join(rows)
    picked: list[str] = []
    for span in marked.split():
        first, _, last = span.partition("-")
        picked += rows[int(first) - 1 : int(last or first)]
    return "\n".join(picked)


def _python_cases(source: str) -> Iterator[Case]:
    """The ``eq_(expected, quotations.extract_from_plain(text))`` of a test module, not run.

    A decorated test changes a limit of the library, so that its case says nothing about others.
    """
    for function in ast.parse(source).body:
        known: dict[str, str] = {}
        if getattr(function, "decorator_list", ()):
            continue
        for number, node in enumerate(getattr(function, "body", ())):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                known[node.targets[0].id] = _literal(node.value, known) or ""
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                case = _case_of(node.value, known)
                named = f"{getattr(function, 'name', '')} {number}"
                yield from [case.replace(name=named)] if case else []


def _case_of(call: ast.Call, known: dict[str, str]) -> Case | None:
    name = ast.unparse(call.func)
    if name == "_check_pattern_original_message":
        text = f"Test reply\n\n-----{_literal(call.args[0], known)}-----\n\nTest"
        return Case(name="", text=text, written="Test reply")
    if name != "eq_" or not isinstance(read := call.args[1], ast.Call) or not read.args:
        return None
    written, text = _literal(call.args[0], known), _literal(read.args[0], known) or ""
    if ast.unparse(read.func) != "quotations.extract_from_plain" or written is None or not text:
        return None
    return Case(name="", text=text, written=written)


def _literal(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return known.get(node.id) if isinstance(node, ast.Name) else None
