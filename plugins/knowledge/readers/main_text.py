"""Which part of a page is its text, and what in it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

NEVER = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "canvas",
        "iframe",
        "object",
        "embed",
        "form",
        "button",
        "select",
        "textarea",
        "input",
        "label",
        "datalist",
        "dialog",
        "nav",
        "menu",
        "footer",
        "audio",
        "video",
        "map",
        "head",
        "link",
        "meta",
    ]
)
"""Elements without text of the page."""
ROLES = frozenset(
    [
        "navigation",
        "banner",
        "contentinfo",
        "search",
        "complementary",
        "dialog",
        "alertdialog",
        "menu",
        "menubar",
        "toolbar",
        "tablist",
        "tooltip",
        "status",
        "alert",
        "form",
    ]
)
"""ARIA roles of what surrounds the text (https://www.w3.org/TR/wai-aria-1.2/#landmark_roles)."""
_AROUND = re.compile(
    r"""(?:[a-z0-9]+-){0,2}(?:
    (?:cookie|consent|gdpr|ccpa)[a-z]*|breadcrumbs?|crumbs?|
    (?:site|page|global|main|top|bottom|left|right|side|sub|doc|docs|article|mobile)?
    (?:nav|navbar|navigation|menu|sidebar|sidenav|footer|toc|masthead)|
    tableofcontents|table-of-contents|on-this-page|
    skip(?:-?(?:link|nav|to-content|to-main))?|
    share|sharing|social|related|recommended|recent|recently-viewed|popular-posts|
    newsletter|subscribe|signup|promo|promotion|advert|advertisement|ads?|popup|modal|overlay|
    votes?|voting|rating|helpful|feedback|was-this-helpful|return-to-top|more-questions|
    comments?|disqus-thread|pagination|pager|prev-?next|next-?prev|
    back-?to-?top|scroll-?top|edit-(?:this-page|link|page)|
    headerlink|anchor-?link|hash-link|permalink|
    visually-?hidden|sr-only|screen-reader-text|noprint|
    byline|(?:article|post|entry|page)-meta(?:data)?|meta-group|meta-data|avatar|author(?:-info)?|
    announcement|lang(?:uage)?-?(?:switch|switcher|selector|picker)|search
    )(?:-(?:list|wrapper|container|section|area|box|inner|bar|banner|notice|links?|widget|block|
    articles?|posts?|content|topics|pages?|form|icons?|media|buttons?|share|items?|panel|menu|nav))*""",
    re.VERBOSE,
)
"""Names that page makers give to what surrounds the text, as a class or an id has them."""
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BEST = (
    "//*[@itemprop='articleBody']",
    "//main//article",
    "//article",
    "//*[@role='main']",
    "//main",
    "//*[@id='main-content' or @id='content' or @id='main' or @id='article']",
)
LEAST_SHARE = 0.5
"""What is marked as the text must hold so much of the page's text, without what surrounds it."""
MOST_OF_SEVERAL = 0.8
"""One of several articles is the page's when it has so much of the text of all."""
NEARLY_ALL = 0.9
LEAST_FOUND = 0.6
LEAST_OF_MARKED = 0.7
"""See `main_part`; measured on pages of documentation and of news, see docs/knowledge.md."""
MOST_AROUND = 2.0
"""What holds the text and its heading may have so many times the text that was found."""
_TEXTS = frozenset(
    [
        "p",
        "li",
        "td",
        "th",
        "tr",
        "tbody",
        "table",
        "ul",
        "ol",
        "dl",
        "pre",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
    ]
)
LARGEST_AROUND = 0.35
"""What holds more of a page's text than this does not surround it, whatever it is called."""
LINKS_ALONE = 0.85
"""A list with so much of its text in links leads elsewhere, and says nothing itself."""
LEAST_LINKS = 3
LONGEST_NOTE = 1500
NOTE_LINKS = 0.3
"""An ``aside`` of at most so many characters, with at most this share of them in links, is a note.
"""


def without_surroundings(page: HtmlElement) -> None:
    """Remove from ``page`` what is hidden or surrounds the text, in place."""
    for element in list(page.iter("script", "style", "noscript", "template")):
        _drop(element)
    most = LARGEST_AROUND * _weight(page)
    for element in list(page.iter()):
        if element.getparent() is None:
            continue
        if not isinstance(element.tag, str) or (surrounds(element) and _weight(element) <= most):
            _drop(element)


def surrounds(element: HtmlElement) -> bool:
    """Whether ``element`` is not part of a page's text."""
    tag = element.tag
    if tag in NEVER:
        return not (tag in ("form", "label") and _is_wrapper(element))
    if tag in ("html", "body", "main"):
        return False
    if _is_hidden(element) or element.get("role") in ROLES:
        return True
    if tag == "header":
        return element.find(".//h1") is None
    if tag == "aside":
        return not _is_note(element)
    text = tag in _TEXTS or element.find(".//main") is not None
    if text or element.find(".//h1") is not None:
        return False
    return any(map(_AROUND.fullmatch, _names(element)))


def main_part(page: HtmlElement, likely: str = "") -> HtmlElement:
    """The element with the text of ``page``, whose surroundings were removed.

    ``likely`` is what an extractor takes for the page's text. It is right about where the text is
    and often drops a table, a list or a short section, so the element that holds nearly all of it
    is taken, whole; and where the page marks its own text, only if little of that is lost.
    """
    body = page.find("body") if page.tag == "html" else page
    body = page if body is None else body
    marked = _marked_part(body)
    found = _with_heading(body, _holder(body, likely)) if likely else None
    if found is None:
        return body if marked is None else marked
    if marked is None:
        return found if _weight(found) >= LEAST_FOUND * _weight(body) else body
    inside = marked in found.iterancestors()
    return found if inside and _weight(found) >= LEAST_OF_MARKED * _weight(marked) else marked


def _marked_part(body: HtmlElement) -> HtmlElement | None:
    whole = _weight(body)
    for path in _BEST:
        found = body.xpath(path)
        if not found:
            continue
        best = max(found, key=_weight)
        if len(found) > 1 and _weight(best) < MOST_OF_SEVERAL * sum(map(_weight, found)):
            continue  # several articles: what holds them all
        if _weight(best) >= LEAST_SHARE * whole:
            return best
    return None


def _with_heading(body: HtmlElement, found: HtmlElement | None) -> HtmlElement | None:
    """``found``, or what holds it and the page's only first-level heading."""
    headings = list(body.iter("h1"))
    if found is None or len(headings) != 1 or found in headings[0].iterancestors():
        return found
    around = next((e for e in found.iterancestors() if e in set(headings[0].iterancestors())), None)
    if around is None or _weight(around) > MOST_AROUND * _weight(found):
        return found
    return around


def _holder(body: HtmlElement, text: str) -> HtmlElement | None:
    """The smallest element with nearly all of ``text``."""
    wanted = set(_grams(text))
    if not wanted:
        return None
    counts: dict[HtmlElement, int] = {}
    for element in body.iter():
        if any(above.tag in _TEXTS for above in element.iterancestors()):
            continue
        own = element.text_content() if element.tag in _TEXTS else _own_text(element)
        if count := sum(1 for gram in _grams(own) if gram in wanted):
            for above in (element, *element.iterancestors()):
                counts[above] = counts.get(above, 0) + count
    whole = counts.get(body, 0)
    found = body
    while whole:
        within = [child for child in found if counts.get(child, 0) >= NEARLY_ALL * whole]
        if not within or within[0].tag in _TEXTS:
            return found
        found = within[0]
    return None


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    """Runs of three words."""
    words = text.lower().split()
    return zip(words, words[1:], words[2:], strict=False)


def _own_text(element: HtmlElement) -> str:
    return " ".join([element.text or "", *(child.tail or "" for child in element)])


def is_list_of_links(element: HtmlElement) -> bool:
    """Whether a list only leads elsewhere, as menus do."""
    items = element.findall("li")
    links = element.findall(".//a")
    if len(items) < LEAST_LINKS or len(links) < LEAST_LINKS:
        return False
    text = _length(element)
    return sum(map(_length, links)) >= LINKS_ALONE * text


def _is_hidden(element: HtmlElement) -> bool:
    hidden = element.get("hidden")
    if hidden is not None and hidden != "until-found" and element.tag != "details":
        return True
    return element.get("aria-hidden") == "true" or bool(_HIDDEN.search(element.get("style") or ""))


def _names(element: HtmlElement) -> list[str]:
    """The classes and the id, as lower-case words between single hyphens."""
    found = f"{element.get('class') or ''} {element.get('id') or ''}"
    return [re.sub("[-_:]+", "-", name).strip("-").lower() for name in found.split()]


def _weight(element: HtmlElement) -> int:
    """The characters of text outside links."""
    links = sum(map(_length, element.iter("a")))
    return max(0, _length(element) - links)


def _length(element: HtmlElement) -> int:
    return len(" ".join(element.text_content().split()))


def _is_wrapper(element: HtmlElement) -> bool:
    """Old systems wrap a whole page in one form."""
    return element.find(".//h1") is not None or element.find(".//main") is not None


def _is_note(element: HtmlElement) -> bool:
    """A note beside a step is text; a list of links is not."""
    text = _length(element)
    links = sum(map(_length, element.iter("a")))
    menu = element.find(".//nav") is not None
    return not menu and 0 < text < LONGEST_NOTE and links < NOTE_LINKS * text


def _drop(element: HtmlElement) -> None:
    """Remove ``element`` with what it holds; the text after it stays."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)
