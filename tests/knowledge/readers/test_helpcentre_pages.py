"""What is read of every page of the test help centre: its text, whole, and nothing around it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from lxml import html

from plugins.knowledge.readers.reading import ReadRequest, ReadResult, read
from tests.knowledge.test_helpcentre import PAGES, SHOP

TEXT = "//*[contains(@class,'article-body') or @class='kb'] | //article[not(@class)]"
"""Where each kind of markup has its text. The reader knows none of these names."""
ARTICLES = [path for path in PAGES if path.stem != "index"]
AROUND = re.compile(
    r"cookie|accept all|skip to content|related articles|verwandte artikel|was this article|"
    r"imprint|impressum|subscribe to|still stuck|last updated|zuletzt aktualisiert|sign in|basket \(",
    re.IGNORECASE,
)


def read_page(path: Path) -> ReadResult:
    location = f"https://help.example.org/{path.relative_to(SHOP)}"
    data = path.read_bytes().replace(b"{{base}}", b"https://help.example.org")
    (result,) = read(ReadRequest(data=data, format="html", location=location))
    return result


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def text_of(result: ReadResult) -> str:
    document = result.document
    lines = {document.title: None}
    for passage in document.passages:
        lines |= dict.fromkeys([*passage.headings, passage.question])
    return "\n".join([*lines, *(passage.text for passage in document.passages)])


def truth_of(path: Path) -> str:
    page = html.fromstring(path.read_bytes())
    (part, *_) = page.xpath(TEXT)
    for element in part.xpath(
        ".//script | .//nav | .//header//a | .//footer | .//*[contains(@class, 'toc')]"
        " | .//p[@class='updated' or @class='stamp' or @class='eyebrow'] | .//*[@class='kb-date']"
    ):
        element.drop_tree()
    title = "" if part.xpath(".//h1") else page.xpath("string(//h1)")
    return f"{title} " + " ".join(part.itertext())


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_a_page_is_read_whole_and_alone(path: Path) -> None:
    """All words of its text are in the passages, and none of what surrounds it."""
    result = read_page(path)
    got, wanted = words(text_of(result)), words(truth_of(path))
    lost = {word: n for word, n in (wanted - got).items() if not word.isdigit()}
    assert sum(lost.values()) <= 0.01 * wanted.total(), lost
    assert AROUND.findall(text_of(result)) == []
    assert result.document.updated_at is not None
    assert result.document.language == path.parent.name
    assert result.document.location.endswith(path.name)


def test_the_share_of_words_kept_and_let_in() -> None:
    """Over all pages: at least 0.995 of the words of the text are kept, and at most 0.005 of the
    words in passages are from around it. (Numbers of steps are ours.)"""
    kept = wanted_words = let_in = got_words = 0
    for path in ARTICLES:
        got, wanted = words(text_of(read_page(path))), words(truth_of(path))
        kept += (got & wanted).total()
        wanted_words += wanted.total()
        let_in += sum(n for word, n in (got - wanted).items() if not word.isdigit())
        got_words += got.total()
    assert kept / wanted_words >= 0.995
    assert let_in / got_words <= 0.005
