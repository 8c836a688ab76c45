"""What the pages show, and that no text becomes markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from gateway import (
    Address,
    Cue,
    Emotion,
    Event,
    Message,
    MoodLabel,
    Understanding,
    cue_label,
    reason_label,
)
from plugins.agents_desk import labels, view
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    ANA,
    BEN,
    HELLO,
    INVOICE_DIGEST,
    JULES,
    MARIA,
    NOW,
    PRIYA,
    THIRD,
    TOM,
    WAITING,
    DeskGateway,
)

ROOT = Path(__file__).parents[2]
EVIL = """"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}</textarea></title>"""


class Elements(HTMLParser):
    """Finds what would run or load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def active(self) -> list[tuple[str, str]]:
        scripts = [(t, a.get("src") or "inline") for t, a in self.found if t in ("script", "img")]
        handlers = [(t, k) for t, a in self.found for k in a if k.startswith("on") or k == "style"]
        return [e for e in scripts + handlers if not e[1].startswith("/desk/static/")]


def hostile(value: Any, kind: Any) -> Any:
    """``value`` with every free text in it, however deep, replaced by EVIL."""
    if isinstance(value, msgspec.Struct):
        hints = {f.name: f.type for f in msgspec.structs.fields(value)}
        changed = {k: hostile(getattr(value, k), t) for k, t in hints.items()}
        return msgspec.structs.replace(value, **changed)
    if isinstance(value, tuple):
        inner = next((arg for arg in get_args(kind) if arg is not Ellipsis), Any)
        return tuple(hostile(item, inner) for item in value)
    if isinstance(value, str) and not is_closed(kind):
        return EVIL
    return value


def is_closed(kind: Any) -> bool:
    """Whether the type allows only fixed values."""
    return "Literal" in str(get_origin(kind) or kind)


def replace_method(
    monkeypatch: pytest.MonkeyPatch, service: Any, name: str, result: object
) -> None:
    """Let ``service.name`` return ``result``."""

    async def method(*_: object, **_options: object) -> object:
        return result

    monkeypatch.setattr(service, name, method)


async def test_every_field_is_escaped(
    ana: Visit, gw: DeskGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card whose every text is hostile shows it as text, in the queue, the card and history."""
    [*_, attachment] = (await gw.desk.card(TOM)).messages[0].attachments
    card = await gw.desk.card(MARIA)
    first = card.messages[0].replace(attachments=(attachment,))
    card = card.replace(messages=(first, *card.messages[1:]), on_its_way=card.messages[1:2])
    evil = hostile(card, type(card))
    evil = evil.replace(conversation=evil.conversation.replace(state="person", owner=BEN))
    assert EVIL in evil.messages[1].text
    page = await gw.desk.queue_page()
    waiting = tuple(hostile(item, type(item)) for item in page.waiting)
    held = tuple(hostile(item, type(item)) for item in page.held)
    replace_method(monkeypatch, gw.desk, "card", evil)
    page = page.replace(waiting=waiting, held=held)
    replace_method(monkeypatch, gw.desk, "queue_page", page)
    gw.services.events.publish(Event(topic="desk", name="queue"))
    conversation = f"/desk/c/{MARIA}"
    for path in ("/desk", "/desk/queue", conversation, f"{conversation}?show=all&edit=1"):
        answer = await ana.open(path)
        assert answer.status == 200
        assert Elements(ana.page).active() == []
        assert "<script>alert" not in ana.page
        assert "&lt;script&gt;alert(1)" in ana.page
        assert "49</textarea>" not in ana.page


@pytest.mark.parametrize("path", [
    "/desk/sign-in?next=/desk/%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "/desk?show=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    f"/desk/c/{MARIA}?way=%22%3E%3Cscript%3E,7&show=x",
])  # fmt: skip
async def test_text_in_urls_is_escaped(ana: Visit, path: str) -> None:
    """Text in a page's URL is never markup."""
    await ana.open(path)
    assert Elements(ana.page).active() == []


async def test_typed_text_is_escaped(ana: Visit) -> None:
    """Names and answers that come back to the page are text."""
    await ana.open(f"/desk/c/{MARIA}")
    await ana.send(f"/desk/c/{MARIA}/claim", epoch=ana.field("epoch"))
    await ana.send(f"/desk/c/{MARIA}/answer", text=EVIL, key="")
    assert "out of date" in ana.page
    assert Elements(ana.page).active() == []
    await ana.send("/desk/sign-out")
    await ana.send("/desk/sign-in", name=EVIL, password="x", next=EVIL)
    assert Elements(ana.page).active() == []


@pytest.mark.parametrize("path", [
    "/desk", f"/desk/c/{MARIA}", "/desk/c/999", "/desk/sign-in",
    f"/desk/c/{TOM}/files/{INVOICE_DIGEST}",
])  # fmt: skip
async def test_security_headers(ana: Visit, path: str) -> None:
    """Every page: nothing inline, nothing from other sites, no frames, no caching."""
    answer = await ana.open(path, allow_redirects=False)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


async def test_static_files_are_cached_by_version(ana: Visit) -> None:
    """Static files are cached under their version; an old version is not."""
    await ana.open("/desk")
    found = re.search(r"/desk/static/(\w+)/desk\.js", ana.page)
    assert found
    answer = await ana.open(found[0])
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.content_type == "text/javascript"
    old = await ana.open("/desk/static/old/desk.js")
    assert (old.status, old.headers["Cache-Control"]) == (200, "no-store")
    assert (await ana.open("/desk/static/old/..%2f__init__.py")).status == 404


async def test_file_is_downloaded_not_displayed(ana: Visit) -> None:
    """Attachments are downloads without a type, under their own name."""
    answer = await ana.open(f"/desk/c/{TOM}/files/{INVOICE_DIGEST}")
    assert answer.content_type == "application/octet-stream"
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="Rechnung M_rz.pdf"')
    assert "filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf" in disposition
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [
    f"/desk/c/{MARIA}/files/{INVOICE_DIGEST}", f"/desk/c/999/files/{INVOICE_DIGEST}",
    f"/desk/c/{TOM}/files/{'cd' * 32}",
])  # fmt: skip
async def test_file_of_another_conversation_is_404(ana: Visit, path: str) -> None:
    """A digest opens a file only in the conversation that it came with."""
    assert (await ana.open(path)).status == 404


async def test_queue_entry(ana: Visit) -> None:
    """Each entry: who, since when, how urgent, the mood, the reasons and the channel."""
    await ana.open("/desk?show=waiting")
    line = ana.page[
        ana.page.index(f'id="q{TOM}"') : ana.page.index("</li>", ana.page.index(f'id="q{TOM}"'))
    ]
    for part in ("Tom Becker", ">4 min</time>", "at once", "very urgent", "Speaks of harm",
                 "E-mail", "safety"):  # fmt: skip
        assert part in line
    assert entries(ana) == [*WAITING]


@pytest.mark.parametrize(("show", "seen"), [
    ("all", {*WAITING, JULES, PRIYA}), ("mine", {JULES}), ("waiting", {*WAITING}),
    ("nonsense", {*WAITING, JULES, PRIYA}),
])  # fmt: skip
async def test_queue_filters(ana: Visit, show: str, seen: set[int]) -> None:
    """All, mine, waiting; each filter shows its count."""
    await ana.open(f"/desk?show={show}")
    assert set(entries(ana)) == seen
    assert "Waiting <b>4</b>" in ana.page
    assert "Mine <b>1</b>" in ana.page


async def test_context_card(ana: Visit) -> None:
    """Everything that a person needs is beside the conversation."""
    await ana.open(f"/desk/c/{MARIA}")
    card = ana.page[ana.page.index('id="card"') :]
    for part in ("maria.oliveira@example.org", "v-81f3", "C-20931", "Strong feelings",
                 "third contact about order status in 9 days",
                 "From calm to frustrated, getting worse", "Tried",
                 "Asked a clarifying question", "4471, paid 15 November", "Earlier contacts",
                 "2 of 5", "ended anxious"):  # fmt: skip
        assert part in card


async def test_the_card_shows_what_the_customer_stated(ana: Visit, gw: DeskGateway) -> None:
    """Beside a link to the message that it came from."""
    there = (await gw.desk.card(MARIA)).conversation.address
    await gw.write(there, "write to <b>tom@example.org</b>")
    await ana.open(f"/desk/c/{MARIA}")
    card = ana.page[ana.page.index('id="card"') :]
    assert re.search(
        r'<dt>E-mail</dt>\s*<dd><bdi>tom@example.org</bdi>\s*<small><a href="#m\d+"', card
    )


async def test_cues_are_marked_and_named(ana: Visit) -> None:
    """Cues are marked in the text and listed with their meaning; never by colour alone."""
    await ana.open(f"/desk/c/{MARIA}")
    assert '<mark title="in capitals">FRUSTRATED</mark>' in ana.page
    assert re.search(r"very frustrated</span>.*?<q[^>]*>third time</q> repeated", ana.page, re.S)
    assert 'role="img" aria-label="Mood over the customer' in ana.page


async def test_decisions_are_explained(ana: Visit, gw: DeskGateway) -> None:
    """Each message shows its route, reasons and intent, and what the brand voice changed."""
    await ana.open(f"/desk/c/{MARIA}")
    why = ana.page[ana.page.index(f'id="why-{await gw.message(THIRD)}"') :]
    parts = ("To a person: front, skills orders, priority high", "frustrated 0.88",
             "order status 83 %", "distress 86 %", "scripted")  # fmt: skip
    for part in parts:
        assert part in why
    assert '<del dir="auto">Great news! I</del>' in why


def message(text: str, *cues: Cue) -> Message:
    understanding = Understanding(emotion=Emotion(label="angry", cues=cues))
    return Message(
        id=1, conversation=1, author="customer", text=text, at=NOW, understanding=understanding
    )


def understood(emotion: Emotion, id: int = 1) -> Message:
    return message("x").replace(id=id, understanding=Understanding(emotion=emotion))


def entries(visit: Visit) -> list[int]:
    """The conversations in the queue on the page."""
    return [int(number) for number in re.findall(r'id="q(\d+)"', visit.page)]


def test_text_spans_cover_the_whole_text() -> None:
    """Splitting at cues loses nothing; overlapping cues share a span; wrong spans are ignored."""
    angry = message("so VERY angry", Cue(kind="shouting", text="VERY", start=3, end=7),
                   Cue(kind="phrase", text="VERY angry", start=3, end=13),
                   Cue(kind="x", text="elsewhere", start=0, end=9),
                   Cue(kind="x", text="so", start=90, end=92),
                   Cue(kind="x", text="", start=2, end=2),
                   Cue(kind="x", text="gry", start=-3, end=13))  # fmt: skip
    spans = view.text_spans(angry)
    assert [(p.text, p.cues) for p in spans] == [
        ("so ", ()), ("VERY", ("in capitals", "phrase")), (" angry", ("phrase",)),
    ]  # fmt: skip
    assert "".join(p.text for p in spans) == angry.text


@pytest.mark.parametrize("count", [1, 2, 24, 60])
def test_mood_chart_stays_in_its_frame(count: int) -> None:
    """For any number of messages, and any value from an engine."""
    messages = [understood(Emotion(label="angry", distress=5.0 * (-1) ** i), id=i)
                for i in range(count)]  # fmt: skip
    arc = view.mood_arc(messages)
    assert arc
    assert len(arc.points) == min(count, 24)
    assert arc.points[-1].message.id == count - 1
    for point in arc.points:
        assert 0 <= point.x <= view.CHART_WIDTH
        assert 0 <= point.y <= view.CHART_HEIGHT


@pytest.mark.parametrize(("course", "text"), [
    ([("calm", 0.1)], "Calm (one message)"),
    ([("calm", 0.1), ("angry", 0.9)], "From calm to angry, getting worse"),
    ([("angry", 0.9), ("angry", 0.5), ("pleased", 0.0)], "From angry to pleased, getting better"),
    ([("calm", 0.1), ("angry", 0.9), ("calm", 0.1)], "Angry at one point, calm now"),
    ([("calm", 0.1), ("calm", 0.1)], "Calm throughout"),
    ([("calm", 0.1), ("confused", 0.2)], "From calm to confused"),
])  # fmt: skip
def test_mood_chart_as_text(course: list[tuple[MoodLabel, float]], text: str) -> None:
    """The course of the mood in one line, with its worst point."""
    arc = view.mood_arc([understood(Emotion(label=label, intensity=0.5, distress=distress))
                         for label, distress in course])  # fmt: skip
    assert arc
    assert arc.text == text


def test_calm_message_shows_only_signals() -> None:
    """Cues of a calm customer are noise; signals are not."""
    mark = Cue(kind="exclaiming", text="!", start=2, end=3)
    calm = Understanding(emotion=Emotion(cues=(mark,)))
    assert view.visible_cues(message("Hi!").replace(understanding=calm)) == ()
    asks = calm.replace(signals=(mark.replace(kind="asked_for_person"),))
    assert len(view.visible_cues(message("Hi!").replace(understanding=asks))) == 1


def test_no_mood_chart_without_understanding() -> None:
    """A conversation without understood messages has no mood chart."""
    bare = message("x").replace(understanding=None)
    assert view.mood_arc([bare]) is None
    assert view.mood_arc([]) is None


def test_every_mood_has_its_own_icon() -> None:
    """Moods differ in more than colour."""
    moods = get_args(MoodLabel)
    assert set(view.MOOD_ICONS) == set(moods)
    assert len({view.mood_icon(mood) for mood in moods}) == len(moods)


@pytest.mark.parametrize(("minutes", "text"), [
    (-5, "now"), (0, "now"), (0.99, "now"), (1, "1 min"), (59.9, "59 min"), (60, "1 h"),
    (125, "2 h 5 min"), (60 * 11 + 5, "11 h"), (60 * 24, "1 day"), (60 * 24 * 9, "9 days"),
])  # fmt: skip
def test_durations(minutes: float, text: str) -> None:
    """Durations are as coarse as is still useful."""
    assert labels.duration(NOW, NOW + timedelta(minutes=minutes)) == text


def test_unknown_codes_are_readable() -> None:
    """A reason or cue of an unknown plugin is still readable."""
    assert reason_label("crm_vip_customer") == "Crm vip customer"
    assert cue_label("odd_thing") == "odd thing"
    assert labels.channel("telegram") == "Telegram"
    assert labels.customer_name(None, Address(channel="sms", value="+44")) == "+44"


async def test_conflict_summary(gw: DeskGateway) -> None:
    """Only what differs from what the agent saw is mentioned."""
    card = await gw.desk.card(MARIA)
    last = card.messages[-1].id
    same = view.conflict_summary(card, ANA, state="Waiting for a person", last=last)
    assert same.changes == ()
    seen = max(m.id for m in card.messages if m.author != "system" and m.text != HELLO)
    card = card.replace(conversation=card.conversation.replace(state="resolved"))
    resolved = view.conflict_summary(card, ANA, state="Waiting for a person", last=seen)
    assert resolved.changes == (
        "When you opened it: waiting for a person. Now: resolved.",
        "New since then: 1 message, 1 from the customer.",
    )


async def test_a_banner_says_that_the_bot_only_listens(ana: Visit, gw: DeskGateway) -> None:
    """On every page, as long as shadow mode is on."""
    shadow = gw.services.shadow
    assert shadow is not None
    for on in (False, True, False):
        await shadow.turn(on=on, by="cli:test")
        for path in ("/desk", f"/desk/c/{MARIA}", "/desk/search"):
            await ana.open(path)
            assert ("Shadow mode." in ana.page) is on, path


async def test_a_path_that_is_no_page_says_so_at_the_desk(
    ana: Visit, visitor: Callable[[], Visit]
) -> None:
    """A browser gets a page with a way back, also where a form was reloaded; a program gets JSON
    (405 where the path takes another method), and whoever is not signed in the sign-in."""
    browser = {"Accept": "text/html,application/xhtml+xml"}
    paths = {"/desk/nonsense": 404, "/desk/c/abc": 404, "/desk/replies/save": 405}
    for path, status in paths.items():
        answer = await ana.http.get(f"{ana.url}{path}", headers=browser)
        page = await answer.text()
        assert (answer.status, answer.content_type) == (404, "text/html"), path
        assert "There is no such page at the desk." in page
        assert '<a class="button" href="/desk">Back to the desk</a>' in page
        program = await ana.http.get(f"{ana.url}{path}")
        assert (program.status, program.content_type) == (status, "application/json"), path
        assert program.headers.get("Allow") == ("POST" if status == 405 else None)
    posted = await ana.http.post(f"{ana.url}/desk/nonsense", headers=browser)
    assert posted.status == 404
    stranger = visitor()
    answer = await stranger.http.get(
        f"{stranger.url}/desk/nonsense", headers=browser, allow_redirects=False
    )
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/desk/sign-in?next=")


def test_titles_have_one_size_on_all_pages() -> None:
    """`desk.css` sets it. Others are the titles within the panes of the queue and of lists, and the
    report and the audit, which are also read outside of the desk."""
    own = re.compile(r"^([^{}\n]*\bh1\b[^{}\n]*)\{[^}]*font-size: *([^;}]+)", re.MULTILINE)
    found = {
        (file.name, selector.strip()): size.strip()
        for file in (ROOT / "plugins").rglob("*.css")
        if file.parent.parent.name not in ("demo_shop", "audit", "start")
        for selector, size in own.findall(file.read_text("utf-8"))
    }
    assert found == {
        ("desk.css", "h1"): "20px",
        ("desk.css", ".head h1"): "17px",
        ("lists.css", ".list-head h1"): "17px",
        ("report.css", ".insights h1"): "30px",
        ("report.css", ".admin-page .insights h1"): "20px",
    }
