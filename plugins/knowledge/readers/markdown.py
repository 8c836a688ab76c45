"""Markdown files, by way of HTML."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html import escape
from typing import Any

from plugins.knowledge.readers.blocks import ReadDocument, clean_line
from plugins.knowledge.readers.dates import parse_date, updated_in
from plugins.knowledge.readers.html import blocks_of, parse_html

_FRONT = re.compile(
    r"\A---[ \t]*\r?\n(.{0,20000}?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
_OWN_ANCHOR = re.compile(r"\s*\{#([\w-]+)\}\s*$")
_NO_SLUG = re.compile(r"[^\w\s-]")
TITLE_KEYS = ("title", "name")
DATE_KEYS = ("updated", "updated_at", "last_updated", "lastmod", "modified", "date")
LANGUAGE_KEYS = ("language", "lang", "locale")


def read_markdown(data: bytes) -> ReadDocument:
    """Read a Markdown file (CommonMark with GitHub's tables), with its front matter. Headings get
    the anchors that GitHub and most site generators give them."""
    from markdown_it import MarkdownIt  # noqa: PLC0415  (used in the process that reads)

    text = data.decode("utf-8-sig", "replace").replace("\0", "")
    front, text = _front_matter(text)
    parser = MarkdownIt("commonmark", {"maxNesting": 40}).enable(["table", "strikethrough"])
    page = parse_html(f"<html><body>{parser.render(text)}</body></html>".encode(), "utf-8")
    _set_anchors(page)
    blocks = tuple(blocks_of(page))
    first = next((block.text for block in blocks if block.kind == "heading"), "")
    title = _first_text(front, TITLE_KEYS) or first
    ends = "\n".join(text.strip().splitlines()[-5:] + text.strip().splitlines()[:8])
    return ReadDocument(
        title=title,
        blocks=blocks,
        language=_first_text(front, LANGUAGE_KEYS).lower()[:2],
        updated_at=_first_date(front)
        or next(filter(None, map(updated_in, ends.splitlines())), None),
    )


def read_text(data: bytes) -> ReadDocument:
    """Read a plain text: paragraphs stand between empty lines."""
    text = data.decode("utf-8-sig", "replace").replace("\0", "")
    parts = (part for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip())
    inner = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in parts)
    page = parse_html(f"<html><body>{inner}</body></html>".encode(), "utf-8")
    blocks = tuple(blocks_of(page))
    first = blocks[0].text.split("\n")[0] if blocks else ""
    return ReadDocument(title=first if len(first) <= 100 else "", blocks=blocks)


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    import yaml  # noqa: PLC0415

    found = _FRONT.match(text)
    if found is None:
        return {}, text
    # Aliases could make a small block of YAML huge (https://en.wikipedia.org/wiki/Billion_laughs).
    if re.search(r"[:\-\[{,]\s*[&*]\w", found[1]):
        return {}, text[found.end() :]
    try:
        values = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, text
    return (values if isinstance(values, dict) else {}), text[found.end() :]


def _first_text(front: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next(
        (clean_line(str(front[key])) for key in keys if isinstance(front.get(key), str)), ""
    )


def _first_date(front: dict[str, Any]) -> datetime | None:
    for key in DATE_KEYS:
        value = front.get(key)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, str) and (moment := parse_date(value)):
            return moment
    return None


def _set_anchors(page: Any) -> None:
    seen: dict[str, int] = {}
    for heading in page.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        text = clean_line(heading.text_content())
        if own := _OWN_ANCHOR.search(text):
            heading.set("id", own[1])
            for child in list(heading):
                child.drop_tag()
            heading.text = _OWN_ANCHOR.sub("", text)
            continue
        slug = re.sub(r"\s", "-", _NO_SLUG.sub("", text.lower()))
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        if slug:
            heading.set("id", f"{slug}-{count}" if count else slug)
