"""Exports of help centres: Zendesk, Freshdesk and Intercom.

- Zendesk: the answer of ``GET /api/v2/help_center/{locale}/articles.json`` (``{"articles": [...]}``;
  https://developer.zendesk.com/api-reference/help_center/help-center-api/articles/), with
  ``sections`` and ``categories`` where they were side-loaded.
- Freshdesk: a list as of ``GET /api/v2/solutions/folders/{id}/articles``
  (https://developers.freshdesk.com/api/#solution_article_attributes), or ``Solutions.xml`` of the
  account's export.
- Intercom: the answer of ``GET /articles`` (``{"type": "list", "data": [...]}``;
  https://developers.intercom.com/docs/references/rest-api/api.intercom.io/articles).

Several answers may be in one file: a list of them, or one a line (JSON Lines).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from plugins.knowledge.readers.blocks import (
    Block,
    ReadDocument,
    UnreadableDocument,
    clean_line,
)
from plugins.knowledge.readers.dates import parse_date
from plugins.knowledge.readers.html import read_fragment

MOST_ARTICLES = 20_000
DRAFT, PUBLISHED = 1, 2
"""Freshdesk's ``status``."""
HIDDEN_FROM_CUSTOMERS = (3,)
"""Freshdesk's ``visibility`` of a folder: 3 is for agents alone."""


def read_json_export(data: bytes) -> tuple[ReadDocument, ...]:
    """Read the articles of an export in JSON. Drafts are left out. Raises UnreadableDocument."""
    answers = _answers(data)
    articles = list(_articles(answers))
    if not articles:
        raise UnreadableDocument(
            "the JSON file has no articles as Zendesk, Freshdesk or Intercom export them "
            "(`articles`, a list with `description`, or `data` with `body`); export it anew"
        )
    if len(articles) > MOST_ARTICLES:
        raise UnreadableDocument(f"has more than {MOST_ARTICLES} articles; split the file")
    names = _section_names(answers)
    return tuple(document for article in articles for document in _read(article, names))


def read_xml_export(data: bytes) -> tuple[ReadDocument, ...]:
    """Read Freshdesk's ``Solutions.xml``. Raises UnreadableDocument."""
    from lxml import etree  # noqa: PLC0415  (used in the process that reads)

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise UnreadableDocument(
            "the XML file declares a document type or entities, which exports do not; export it anew"
        )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableDocument(
            f"the XML file cannot be parsed ({error}); export it anew"
        ) from error
    found: list[ReadDocument] = []
    for article in root.iter("solution-article"):
        fields = {child.tag.replace("-", "_"): child.text or "" for child in article}
        if fields.get("status", "2").strip() == str(DRAFT):
            continue
        if len(found) >= MOST_ARTICLES:
            raise UnreadableDocument(f"has more than {MOST_ARTICLES} articles; split the file")
        names = [
            clean_line(above.findtext("name") or "")
            for above in article.iterancestors("solution-folder", "solution-category")
        ]
        found.append(
            _document(
                title=fields.get("title", ""),
                body=fields.get("description") or fields.get("desc_un_html", ""),
                part=fields.get("id", "") or f"article-{len(found) + 1}",
                sections=tuple(name for name in reversed(names) if name),
                updated=fields.get("modified_at") or fields.get("updated_at"),
            )
        )
    if not found:
        raise UnreadableDocument(
            "the XML file has no published `solution-article` as Freshdesk exports them; export it "
            "anew"
        )
    return tuple(found)


def _answers(data: bytes) -> list[Any]:
    text = data.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise UnreadableDocument("the JSON file is nested too deeply; export it anew") from error
    except ValueError as error:
        values = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            try:
                values.append(json.loads(line))
            except (ValueError, RecursionError):
                what = f"the JSON file cannot be parsed: {error}"
                if number > 1:
                    what = f"line {number} of the JSON file cannot be parsed"
                raise UnreadableDocument(f"{what}; export it anew") from error
        return values
    return value if isinstance(value, list) else [value]


def _articles(answers: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for answer in answers:
        if not isinstance(answer, dict):
            continue
        inner = next(
            (answer[k] for k in ("articles", "data", "results") if isinstance(answer.get(k), list)),
            None,
        )
        if inner is not None:
            yield from _articles(inner)
        elif isinstance(answer.get("article"), dict):
            yield answer["article"]
        elif ("title" in answer or "name" in answer) and (
            "body" in answer or "description" in answer
        ):
            yield answer


def _section_names(answers: Sequence[Any]) -> dict[str, str]:
    """The names of sections and collections by id, where the export has them."""
    return {
        str(section["id"]): clean_line(str(section.get("name", "")))
        for answer in answers
        if isinstance(answer, dict)
        for key in ("sections", "collections", "folders")
        if isinstance(answer.get(key), list)
        for section in answer[key]
        if isinstance(section, dict) and "id" in section
    }


def _read(article: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[ReadDocument]:
    if (
        article.get("draft") is True
        or article.get("state") == "draft"
        or article.get("status") == DRAFT
    ):
        pass
    elif article.get("folder_visibility") not in HIDDEN_FROM_CUSTOMERS:
        yield _document(
            title=str(article.get("title") or article.get("name") or ""),
            body=str(article.get("body") or article.get("description") or ""),
            part=str(article.get("id", "")),
            sections=_sections(article, names),
            updated=article.get("edited_at") or article.get("updated_at"),
            language=str(article.get("locale") or article.get("default_locale") or ""),
            location=str(article.get("html_url") or article.get("url") or ""),
        )
    translations = article.get("translated_content") or {}
    if not isinstance(translations, dict):
        return
    main = str(article.get("default_locale") or "")
    for language, content in translations.items():
        if (
            not isinstance(content, dict)
            or language in ("type", main)
            or content.get("state") == "draft"
        ):
            continue
        if content.get("body") and content.get("body") != article.get("body"):
            yield _document(
                title=str(content.get("title") or ""),
                body=str(content["body"]),
                part=f"{article.get('id', '')}-{language}",
                sections=(),
                updated=content.get("updated_at"),
                language=language,
                location=str(content.get("url") or ""),
            )


def _sections(article: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    hierarchy = article.get("hierarchy")
    if isinstance(hierarchy, list):
        data = [each.get("data", {}) for each in hierarchy if isinstance(each, dict)]
        return tuple(
            clean_line(str(d["name"])) for d in data if isinstance(d, dict) and d.get("name")
        )
    for key in ("section_id", "parent_id", "folder_id"):
        if name := names.get(str(article.get(key))):
            return (name,)
    return ()


def _document(
    *,
    title: str,
    body: str,
    part: str,
    sections: tuple[str, ...],
    updated: Any = None,
    language: str = "",
    location: str = "",
) -> ReadDocument:
    read = read_fragment(body, clean_line(title))
    above = tuple(
        Block(kind="heading", text=name, level=number - len(sections))
        for number, name in enumerate(sections)
    )
    code = language.lower().replace("_", "-").split("-")[0]
    return read.replace(
        blocks=(*above, *read.blocks) if read.blocks else (),
        updated_at=_moment(updated),
        part=part,
        language=code if code.isalpha() else "",
        location=location if location.startswith(("http://", "https://")) else "",
    )


def _moment(value: Any) -> datetime | None:
    """ISO 8601 (Zendesk, Freshdesk) or seconds since 1970 (Intercom)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return parse_date(value) if isinstance(value, str) else None
