"""What the pages show, and that nobody's words become anything but words."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, get_args, get_origin

import msgspec
import pytest

from gateway import Address, Cue, Emotion, Label, Message, Reason, Understanding
from plugins.agents_desk import labels, view
from tests.agents_desk.conftest import Visit
from tests.agents_desk.town import BEN, INVOICE, NOW, Town, felt

EVIL = """"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}</textarea></title>"""


class Elements(HTMLParser):
    """Counts what would run or load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def dangers(self) -> list[tuple[str, str]]:
        scripts = [(t, a.get("src") or "inline") for t, a in self.found if t in ("script", "img")]
        handlers = [(t, k) for t, a in self.found for k in a if k.startswith("on") or k == "style"]
        return [one for one in scripts + handlers if not one[1].startswith("/desk/static/")]


def hostile(value: Any, kind: Any) -> Any:
    """``value`` with every free text in it, however deep, replaced by EVIL."""
    if isinstance(value, msgspec.Struct):
        hints = {f.name: f.type for f in msgspec.structs.fields(value)}
        changed = {k: hostile(getattr(value, k), t) for k, t in hints.items()}
        return msgspec.structs.replace(value, **changed)
    if isinstance(value, tuple):
        inner = next((one for one in get_args(kind) if one is not Ellipsis), Any)
        return tuple(hostile(one, inner) for one in value)
    if isinstance(value, str) and not is_closed(kind):
        return EVIL
    return value


def is_closed(kind: Any) -> bool:
    """Whether only known words fit."""
    return "Literal" in str(get_origin(kind) or kind)


async def test_every_field_is_escaped(ana: Visit, town: Town) -> None:
    """A card whose every text is hostile shows it as text, in the queue, the card and history."""
    card = town.desk.cards[1]
    first = card.messages[0].replace(attachments=(INVOICE,))
    card = card.replace(messages=(first, *card.messages[1:]), on_its_way=card.messages[1:2])
    evil = hostile(card, type(card))
    evil = evil.replace(conversation=evil.conversation.replace(state="person", owner=BEN))
    assert EVIL in evil.messages[1].text
    town.desk.cards[1] = evil
    for path in ("/desk", "/desk/c/1", "/desk/c/1?show=all&edit=1"):
        answer = await ana.open(path)
        assert answer.status == 200
        assert Elements(ana.page).dangers() == []
        assert "<script>alert" not in ana.page
        assert "&lt;script&gt;alert(1)" in ana.page
        assert "49</textarea>" not in ana.page


@pytest.mark.parametrize("path", [
    "/desk/sign-in?next=/desk/%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "/desk?show=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "/desk/c/1?way=%22%3E%3Cscript%3E,7&show=x",
])  # fmt: skip
async def test_addresses_are_escaped(ana: Visit, path: str) -> None:
    """What stands in an address is never markup."""
    await ana.open(path)
    assert Elements(ana.page).dangers() == []


async def test_what_was_typed_is_escaped(ana: Visit) -> None:
    """Names and answers that come back to the page are text."""
    await ana.open("/desk/c/1")
    await ana.send("/desk/c/1/claim", epoch=ana.field("epoch"))
    await ana.send("/desk/c/1/answer", text=EVIL, key="")
    assert "out of date" in ana.page
    assert Elements(ana.page).dangers() == []
    await ana.send("/desk/sign-out")
    await ana.send("/desk/sign-in", name=EVIL, password="x", next=EVIL)
    assert Elements(ana.page).dangers() == []


@pytest.mark.parametrize("path", [
    "/desk", "/desk/c/1", "/desk/c/999", "/desk/sign-in", f"/desk/c/2/files/{INVOICE.digest}",
])  # fmt: skip
async def test_headers_forbid_the_rest(ana: Visit, path: str) -> None:
    """Every page: nothing inline, nothing from elsewhere, no frames, nothing kept."""
    answer = await ana.open(path, allow_redirects=False)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


async def test_scripts_may_be_kept_for_ever(ana: Visit) -> None:
    """Assets are served under a version; an old version is not kept."""
    await ana.open("/desk")
    found = re.search(r"/desk/static/(\w+)/desk\.js", ana.page)
    assert found
    answer = await ana.open(found[0])
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.content_type == "text/javascript"
    old = await ana.open("/desk/static/old/desk.js")
    assert (old.status, old.headers["Cache-Control"]) == (200, "no-store")
    assert (await ana.open("/desk/static/old/..%2f__init__.py")).status == 404


async def test_a_file_is_saved_never_shown(ana: Visit) -> None:
    """Attachments are downloads of no type, under their own name."""
    answer = await ana.open(f"/desk/c/2/files/{INVOICE.digest}")
    assert answer.content_type == "application/octet-stream"
    told = answer.headers["Content-Disposition"]
    assert told.startswith('attachment; filename="Rechnung M_rz.pdf"')
    assert "filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf" in told
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [
    f"/desk/c/1/files/{INVOICE.digest}", f"/desk/c/999/files/{INVOICE.digest}",
    f"/desk/c/2/files/{'cd' * 32}",
])  # fmt: skip
async def test_a_file_belongs_to_its_conversation(ana: Visit, path: str) -> None:
    """No digest opens a file from a conversation that it did not come with."""
    assert (await ana.open(path)).status == 404


async def test_the_queue_tells_why_and_how_long(ana: Visit) -> None:
    """Each line: who, since when, how pressing, how they feel, why, on which channel."""
    await ana.open("/desk?show=waiting")
    line = ana.page[ana.page.index('id="q2"') : ana.page.index("</li>", ana.page.index('id="q2"'))]
    for part in ("Tom Becker", ">4 min</time>", "at once", "very urgent", "Speaks of harm",
                 "E-mail", "safety"):  # fmt: skip
        assert part in line
    order = re.findall(r'id="q(\d)"', ana.page)
    assert order == ["2", "1", "3", "4"]


@pytest.mark.parametrize(("show", "seen"), [
    ("all", {"1", "2", "3", "4", "5", "6"}), ("mine", {"5"}), ("waiting", {"1", "2", "3", "4"}),
    ("nonsense", {"1", "2", "3", "4", "5", "6"}),
])  # fmt: skip
async def test_filters(ana: Visit, show: str, seen: set[str]) -> None:
    """All, mine, waiting; the counts are told on each."""
    await ana.open(f"/desk?show={show}")
    assert set(re.findall(r'id="q(\d)"', ana.page)) == seen
    assert "Waiting <b>4</b>" in ana.page
    assert "Mine <b>1</b>" in ana.page


async def test_the_card_tells_the_whole_story(ana: Visit) -> None:
    """All that a person needs stands beside the conversation."""
    await ana.open("/desk/c/1")
    card = ana.page[ana.page.index('id="card"') :]
    for part in ("maria.oliveira@example.org", "v-81f3", "C-20931", "Strong feelings",
                 "third contact about order status", "From calm to frustrated, getting worse",
                 "What the bot tried", "Asked a clarifying question", "4471, paid 15 November", "Earlier contacts",
                 "2 of 5", "ended anxious"):  # fmt: skip
        assert part in card


async def test_moods_are_words_and_spans(ana: Visit) -> None:
    """Cue words are marked where they stand and listed with what they show; never colour alone."""
    await ana.open("/desk/c/1")
    assert '<mark title="in capitals">FRUSTRATED</mark>' in ana.page
    assert re.search(r"very frustrated</span>.*?<q[^>]*>third time</q> said again", ana.page, re.S)
    assert 'role="img" aria-label="Mood over the customer' in ana.page


async def test_why_is_explained(ana: Visit) -> None:
    """Each turn tells its route, its reasons, what was meant, and what the voice changed."""
    await ana.open("/desk/c/1")
    why = ana.page[ana.page.index('id="why-6"') :]
    parts = ("To a person: front, skills orders, priority high", "frustrated, 0.88", "order status 83 %",
             "distress 86 %", "nlu_local")  # fmt: skip
    for part in parts:
        assert part in why
    assert '<del dir="auto">Great news! I</del>' in why


def message(text: str, *cues: Cue) -> Message:
    understood = Understanding(emotion=Emotion(label="angry", cues=cues))
    return Message(
        id=1, conversation=1, author="customer", text=text, at=NOW, understanding=understood
    )


def test_pieces_are_the_whole_text() -> None:
    """Cutting at cues loses nothing; overlapping cues share a piece; false spans are left out."""
    told = message("so VERY angry", Cue(kind="shouting", text="VERY", start=3, end=7),
                   Cue(kind="phrase", text="VERY angry", start=3, end=13),
                   Cue(kind="x", text="elsewhere", start=0, end=9),
                   Cue(kind="x", text="so", start=90, end=92),
                   Cue(kind="x", text="", start=2, end=2),
                   Cue(kind="x", text="gry", start=-3, end=13))  # fmt: skip
    cut = view.text_spans(told)
    assert [(p.text, p.cues) for p in cut] == [
        ("so ", ()), ("VERY", ("in capitals", "phrase")), (" angry", ("phrase",)),
    ]  # fmt: skip
    assert "".join(p.text for p in cut) == told.text


@pytest.mark.parametrize("count", [1, 2, 24, 60])
def test_the_arc_stays_in_its_frame(count: int) -> None:
    """However many messages, and whatever an engine says of them."""
    told = [
        message("x").replace(id=i, understanding=felt("x", "angry", 0.9, 5.0 * (-1) ** i, "i"))
        for i in range(count)
    ]
    arc = view.mood_arc(told)
    assert arc
    assert len(arc.points) == min(count, 24)
    assert arc.points[-1].message.id == count - 1
    for point in arc.points:
        assert 0 <= point.x <= view.CHART_WIDTH
        assert 0 <= point.y <= view.CHART_HEIGHT


@pytest.mark.parametrize(("course", "told"), [
    ([("calm", 0.1)], "Calm (one message)"),
    ([("calm", 0.1), ("angry", 0.9)], "From calm to angry, getting worse"),
    ([("angry", 0.9), ("angry", 0.5), ("pleased", 0.0)], "From angry to pleased, getting better"),
    ([("calm", 0.1), ("angry", 0.9), ("calm", 0.1)], "Angry at one point, calm now"),
    ([("calm", 0.1), ("calm", 0.1)], "Calm throughout"),
    ([("calm", 0.1), ("confused", 0.2)], "From calm to confused"),
])  # fmt: skip
def test_the_arc_in_words(course: list[tuple[Label, float]], told: str) -> None:
    """The course of the mood in one line, with its worst point."""
    said = [message("x").replace(understanding=felt("x", label, 0.5, distress, "i"))
            for label, distress in course]  # fmt: skip
    arc = view.mood_arc(said)
    assert arc
    assert arc.text == told


def test_a_calm_message_is_not_marked() -> None:
    """Cues of a calm customer are noise; signals are not."""
    mark = Cue(kind="exclaiming", text="!", start=2, end=3)
    understood = Understanding(emotion=Emotion(cues=(mark,)))
    assert view.visible_cues(message("Hi!").replace(understanding=understood)) == ()
    asks = understood.replace(signals=(mark.replace(kind="asked_for_person"),))
    assert len(view.visible_cues(message("Hi!").replace(understanding=asks))) == 1


def test_no_arc_of_nothing() -> None:
    """A conversation nobody has understood yet has no arc."""
    bare = message("x").replace(understanding=None)
    assert view.mood_arc([bare]) is None
    assert view.mood_arc([]) is None


def test_every_mood_has_its_own_shape() -> None:
    """Moods differ in more than colour."""
    moods = get_args(Label)
    assert set(view.MOOD_ICONS) == set(moods)
    assert len({view.mood_icon(mood) for mood in moods}) == len(moods)


@pytest.mark.parametrize(("minutes", "told"), [
    (-5, "now"), (0, "now"), (0.99, "now"), (1, "1 min"), (59.9, "59 min"), (60, "1 h"),
    (125, "2 h 5 min"), (60 * 11 + 5, "11 h"), (60 * 24, "1 day"), (60 * 24 * 9, "9 days"),
])  # fmt: skip
def test_spans_in_words(minutes: float, told: str) -> None:
    """Times are told as coarsely as they help."""
    assert labels.duration(NOW, NOW + timedelta(minutes=minutes)) == told


def test_unknown_codes_have_words_too() -> None:
    """A reason or cue of a plugin we do not know still reads."""
    assert labels.escalation_reason(Reason(code="crm_vip_customer")) == "Crm vip customer"
    assert labels.cue("odd_thing") == "odd thing"
    assert labels.channel("telegram") == "Telegram"
    assert labels.customer_name(None, Address(channel="sms", value="+44")) == "+44"


async def test_changes_are_told(town: Town) -> None:
    """Nothing seen, nothing claimed to be different."""
    me = BEN.replace(id="desk:ana", name="Ana")
    card = town.desk.cards[1]
    same = view.conflict_summary(card, me, state="Waiting for a person", last=10)
    assert same.changes == ()
    card = card.replace(conversation=card.conversation.replace(state="resolved"))
    gone = view.conflict_summary(card, me, state="Waiting for a person", last=9)
    assert gone.changes == (
        "When you opened it: waiting for a person. Now: resolved.",
        "New since then: 1 message, 1 from the customer.",
    )
