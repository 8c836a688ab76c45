"""HTML pages become passages under their headings; what surrounds the text is left out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.knowledge.readers.reading import passages, read_as


def page(body: str, head: str = "") -> str:
    return f"<html lang='en'><head><title>Help</title>{head}</head><body>{body}</body></html>"


def test_passages_stand_under_their_headings_with_an_anchor() -> None:
    """The title is not repeated among the headings; the nearest anchor leads to the passage."""
    found = passages(
        "html",
        page(
            "<main><h1>Delivery</h1><p>We deliver everywhere in the country.</p>"
            "<section id='cost'><h2>Price</h2><p>A parcel costs €4.90 in all cases.</p>"
            "<h3><a name='isl'></a>Islands</h3><p>Islands cost three euros more.</p></section></main>"
        ),
    )
    assert [(p.headings, p.anchor, p.text) for p in found] == [
        ((), "", "We deliver everywhere in the country."),
        (("Price",), "cost", "A parcel costs €4.90 in all cases."),
        (("Price", "Islands"), "isl", "Islands cost three euros more."),
    ]


def test_a_table_keeps_its_rows() -> None:
    """A cell that spans rows is in each of them, and headings of columns come first."""
    (found,) = passages(
        "html",
        page(
            "<h1>Prices</h1><p>These are the prices:</p><table><tr><th>Country<th>Weight<th>Price"
            "<tr><td rowspan=2>Spain<td>to 5 kg<td>€7<tr><td>to 10 kg<td>€9</table>"
        ),
    )
    assert found.kind == "table"
    assert found.text == (
        "These are the prices:\nCountry | Weight | Price\nSpain | to 5 kg | €7\nSpain | to 10 kg | €9"
    )


def test_steps_are_numbered_and_lists_within_them_indented() -> None:
    """Steps stay whole, with what lies within one."""
    (found,) = passages(
        "html",
        page(
            "<h1>Reset</h1><ol start=2><li><p>Hold the key.</p><ul><li>red: wait</li></ul></li>"
            "<li>Let it go.</li></ol>"
        ),
    )
    assert (found.kind, found.text) == ("steps", "2. Hold the key.\n  - red: wait\n3. Let it go.")


def test_an_unfolding_question_is_a_question() -> None:
    """``details`` and headings that ask become questions."""
    found = passages(
        "html",
        page(
            "<h1>FAQ</h1><details id=w><summary>How heavy is it?</summary><p>It weighs 5 kg.</p>"
            "</details><h2>Is it waterproof?</h2><p>No, it is not at all.</p>"
        ),
    )
    assert [(p.kind, p.question, p.anchor) for p in found] == [
        ("question", "How heavy is it?", "w"),
        ("question", "Is it waterproof?", ""),
    ]


def test_definitions_are_a_list_or_headings() -> None:
    """Short definitions are a list; long ones a heading each."""
    (short,) = passages(
        "html", page("<h1>Lamp</h1><dl><dt>Green<dd>charged<dt>Red<dd>too cold</dl>")
    )
    assert (short.kind, short.text) == ("list", "- Green: charged\n- Red: too cold")
    long = "You can send it back within thirty days and we pay for the label in all countries."
    (found,) = passages("html", page(f"<h1>A to Z</h1><dl><dt>Returns<dd>{long}</dl>"))
    assert (found.headings, found.text) == (("Returns",), long)


@pytest.mark.parametrize(
    "around",
    [
        "<nav><ul><li>Home page of the shop</li></ul></nav>",
        "<div class='cookie-banner'><p>We use cookies for your comfort.</p></div>",
        "<footer><p>Imprint and privacy of the shop</p></footer>",
        "<div role='dialog'><p>Subscribe and get five euros</p></div>",
        "<aside><h2>Related</h2><ul><li><a href=/x>Other things</a></li></ul></aside>",
        "<div hidden><p>Nobody sees this sentence here</p></div>",
        "<div style='display: none'><p>Nobody sees this sentence either</p></div>",
        "<div class='breadcrumbs'>Home / Help / Delivery</div>",
        "<div id='onetrust-consent-sdk' class='consent'><p>Accept all of them</p></div>",
        "<p>© 2026 The Shop, all rights reserved</p>",
        "<p>Last updated: 3 May 2026</p>",
        "<script>document.write('never read')</script>",
    ],
)
def test_what_surrounds_the_text_is_left_out(around: str) -> None:
    """Whether or not the page marks its main part."""
    text = "<h1>Delivery</h1><p>A parcel costs €4.90 and arrives within two days.</p>" * 1
    expected = ["A parcel costs €4.90 and arrives within two days."]
    for body in (f"{around}<main>{text}</main>", f"<div>{text}</div>{around}"):
        assert [p.text for p in passages("html", page(body))] == expected


def test_text_with_an_unlucky_name_is_kept() -> None:
    """A container that holds most of the text is never taken for a sidebar or a menu."""
    text = "<p>A parcel costs €4.90 and arrives within two days, everywhere.</p>"
    found = passages("html", page(f"<div class='sidebar'><h2>Cost</h2>{text}</div>"))
    assert [p.text for p in found] == [
        "A parcel costs €4.90 and arrives within two days, everywhere."
    ]


def test_a_list_of_links_is_kept_only_after_a_colon() -> None:
    """Menus of links say nothing; links that a sentence introduces do."""
    links = (
        "<ul><li><a href=/a>Refund form</a><li><a href=/b>Label</a><li><a href=/c>Photos</a></ul>"
    )
    text = "<p>Returns are free within thirty days of the delivery.</p>"
    (found,) = passages("html", page(f"<main><h1>R</h1>{text}{links}</main>"))
    assert "Label" not in found.text
    (found,) = passages("html", page(f"<main><h1>R</h1>{text}<p>You need:</p>{links}</main>"))
    assert found.text.endswith("You need:\n- Refund form\n- Label\n- Photos")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("<meta property='article:modified_time' content='2026-05-03T09:00:00+02:00'>", ""),
        (
            '<script type="application/ld+json">{"@graph":[{"dateModified":"2026-05-03"}]}</script>',
            "",
        ),
        ("", "<p>Last updated: 3 May 2026</p>"),
        ("", "<p>Zuletzt aktualisiert am 3. Mai 2026</p>"),
        ("", "<p>Stand: 03.05.2026</p>"),
        ("", "<p>Dernière mise à jour le 3 mai 2026</p>"),
        ("", "<p>Última actualización: 3 de mayo de 2026</p>"),
        ("", "<p>Updated <time datetime='2026-05-03'>three days ago</time></p>"),
        ("", "<p>最終更新日：2026年5月3日</p>"),
    ],
)
def test_the_date_of_the_last_change(head: str, body: str) -> None:
    """A page tells it in its metadata, or in words."""
    (result,) = read_as("html", page(f"<h1>A</h1><p>Some text of the page.</p>{body}", head))
    updated = result.document.updated_at
    assert updated is not None
    assert updated.date() == datetime(2026, 5, 3, tzinfo=UTC).date()


@pytest.mark.parametrize(
    "text", ["Last updated: 3/4/2026", "In force since 3 May 2026", "Updated often"]
)
def test_a_date_that_is_not_told(text: str) -> None:
    """A date that can be read in two ways, or is of something else, is not taken."""
    (result,) = read_as("html", page(f"<h1>A</h1><p>Some text of the page.</p><p>{text}</p>"))
    assert result.document.updated_at is None


def test_the_language_of_the_words_overrules_the_template() -> None:
    """A page that declares English and is written in German is German."""
    text = (
        "Wir liefern alle Bestellungen innerhalb von zwei Werktagen. Der Versand kostet fünf Euro, "
        "und ab einem Wert von hundert Euro ist er kostenlos. Auf Inseln dauert die Lieferung bis "
        "zu fünf Tage, weil die Fähre nicht jeden Tag fährt. Bitte geben Sie Ihre Adresse genau an."
    )
    (result,) = read_as("html", page(f"<h1>Versand</h1><p>{text}</p>"))
    assert result.document.language == "de"


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("<meta charset=iso-8859-1><p>Größe über alles €</p>".encode("cp1252"), ""),
        ("<p>Größe über alles €</p>".encode(), ""),
        ("<p>Größe über alles €</p>".encode("cp1252"), ""),
        ("<p>Größe über alles €</p>".encode("iso-8859-15"), "iso-8859-15"),
        ("\ufeff<p>Größe über alles €</p>".encode("utf-16-le"), ""),
    ],
)
def test_charsets(data: bytes, charset: str) -> None:
    """The mark, the server, the page, or what fits decides."""
    assert passages("html", data, charset=charset)[0].text == "Größe über alles €"


def test_what_a_crawl_wants_to_know() -> None:
    """Links without those that the page disowns, the canonical address, and ``noindex``."""
    head = "<link rel=canonical href='/b#x'><meta name=Robots content='NOINDEX, follow'>"
    body = "<p>Two words of text.</p><a href='c?d=1#e'>c</a><a href=mailto:a@b.c>m</a><a rel=nofollow href=/n>n</a>"
    (result,) = read_as("html", page(body, head))
    assert result.links == ("https://help.example.org/c?d=1",)
    assert result.canonical == "https://help.example.org/b"
    assert result.unlisted


def test_the_title_is_the_heading_else_without_the_site() -> None:
    """The site's name after the title is nobody's title."""
    (with_heading,) = read_as("html", page("<h1>Delivery ¶</h1><p>Some words of text.</p>"))
    (without,) = read_as(
        "html", "<title>Refunds | The Shop</title><body><p>Some words of text.</p></body>"
    )
    assert (with_heading.document.title, without.document.title) == ("Delivery", "Refunds")


def test_the_digest_is_of_what_people_read() -> None:
    """Markup, dates and what surrounds the text do not change it; a price does."""
    text = "<main><h1>A</h1><p>It costs €5 to send.</p></main>"
    digests = [
        read_as("html", page(body))[0].document.digest
        for body in (
            text,
            f"<nav>Menu</nav>{text}<footer>Build 77</footer>",
            text.replace("<p>", "<p class=x>"),
            text.replace("€5", "€6"),
        )
    ]
    assert digests[0] == digests[1] == digests[2] != digests[3]
