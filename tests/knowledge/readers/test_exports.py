"""Exports of help centres, in the shapes that their providers document."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from plugins.knowledge.readers.blocks import UnreadableDocument
from tests.knowledge.readers.reading import read_as

BODY = (
    "<h2 id='h_1'>Price</h2><p>A parcel costs €4.90 today.</p><ol><li>Pay.</li><li>Wait.</li></ol>"
)
ZENDESK = {
    "count": 2,
    "next_page": None,
    "sections": [{"id": 7, "name": "Delivery", "locale": "en-us"}],
    "articles": [
        {
            "id": 11,
            "html_url": "https://shop.zendesk.com/hc/en-us/articles/11-Costs",
            "title": "Costs",
            "name": "Costs",
            "draft": False,
            "section_id": 7,
            "locale": "en-us",
            "updated_at": "2026-05-03T09:00:00Z",
            "body": BODY,
        },
        {"id": 12, "title": "Secret", "draft": True, "locale": "en-us", "body": "<p>A draft.</p>"},
    ],
}
FRESHDESK = [
    {
        "id": 21,
        "type": 1,
        "folder_id": 4,
        "hierarchy": [
            {"level": 0, "type": "category", "data": {"id": 3, "name": "Shop"}},
            {"level": 1, "type": "folder", "data": {"id": 4, "name": "Delivery"}},
        ],
        "title": "Costs",
        "description": BODY,
        "description_text": "Price A parcel ...",
        "status": 2,
        "updated_at": "2026-05-03T09:00:00Z",
    },
    {"id": 22, "title": "Secret", "description": "<p>A draft.</p>", "status": 1},
    {
        "id": 23,
        "title": "Agents",
        "description": "<p>Only us.</p>",
        "status": 2,
        "folder_visibility": 3,
    },
]
INTERCOM = {
    "type": "list",
    "total_count": 1,
    "pages": {"type": "pages", "page": 1},
    "data": [
        {
            "id": "31",
            "type": "article",
            "title": "Costs",
            "description": "",
            "body": BODY,
            "state": "published",
            "updated_at": 1777798800,
            "url": "http://help.example.org/en/articles/31-costs",
            "parent_id": "7",
            "default_locale": "en",
            "translated_content": {
                "type": "article_translated_content",
                "de": {
                    "type": "article_content",
                    "title": "Kosten",
                    "body": "<p>Ein Paket kostet heute 4,90 €.</p>",
                    "state": "published",
                    "updated_at": 1777798800,
                    "url": "http://help.example.org/de/articles/31-kosten",
                },
                "fr": {"title": "Frais", "body": "<p>Brouillon.</p>", "state": "draft"},
            },
        }
    ],
}
XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<solution-categories type="array"><solution-category><name>Shop</name><folders type="array">
<solution-folder><name>Delivery</name><articles type="array">
<solution-article><id type="integer">21</id><title>Costs</title><status type="integer">2</status>
<desc-un-html>Price</desc-un-html><description>{BODY.replace("<", "&lt;")}</description>
<updated-at type="datetime">2026-05-03T09:00:00Z</updated-at></solution-article>
<solution-article><id>22</id><title>Secret</title><status>1</status><description>A</description>
</solution-article></articles></solution-folder></folders></solution-category></solution-categories>"""


@pytest.mark.parametrize(
    ("format", "export", "location", "headings"),
    [
        (
            "json",
            json.dumps(ZENDESK),
            "https://shop.zendesk.com/hc/en-us/articles/11-Costs",
            ("Delivery", "Price"),
        ),
        ("json", json.dumps(FRESHDESK), "export.json#21", ("Shop", "Delivery", "Price")),
        ("json", json.dumps(INTERCOM), "http://help.example.org/en/articles/31-costs", ("Price",)),
        ("xml", XML, "export.json#21", ("Shop", "Delivery", "Price")),
        (
            "json",
            "\n".join(json.dumps(article) for article in ZENDESK["articles"]),  # type: ignore[attr-defined]
            "https://shop.zendesk.com/hc/en-us/articles/11-Costs",
            ("Price",),
        ),
    ],
)
def test_an_export(format: str, export: str, location: str, headings: tuple[str, ...]) -> None:
    """Published articles with section, date and address; drafts and what is for agents are not."""
    first, *others = read_as(format, export, location="export.json")  # type: ignore[arg-type]
    document = first.document
    assert (document.title, document.location) == ("Costs", location)
    assert document.updated_at == datetime(2026, 5, 3, 9, tzinfo=UTC)
    (passage,) = document.passages
    assert (passage.headings, passage.kind) == (headings, "steps")
    assert passage.text == "A parcel costs €4.90 today.\n1. Pay.\n2. Wait."
    assert [other.document.title for other in others] in ([], ["Kosten"])


def test_a_translation_is_a_document_of_its_own() -> None:
    """Intercom keeps translations within the article."""
    _, german = read_as("json", json.dumps(INTERCOM), location="export.json")
    assert (german.document.language, german.document.title) == ("de", "Kosten")


@pytest.mark.parametrize(
    ("format", "data", "says"),
    [
        ("json", "{", "cannot be parsed"),
        ("json", '{"tickets": []}', "no articles as Zendesk"),
        ("json", "[" * 100_000, "nested too deeply|cannot be parsed"),
        ("xml", "<a><b></a>", "cannot be parsed"),
        ("xml", "<rss/>", "no published"),
        (
            "xml",
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
            "document type or entities",
        ),
    ],
)
def test_what_is_no_export(format: str, data: str, says: str) -> None:
    """The message says what was looked for."""
    with pytest.raises(UnreadableDocument, match=says):
        read_as(format, data)  # type: ignore[arg-type]
