"""A lead changes answers and sentences: tried first, saved as versions, refused by field."""

from __future__ import annotations

from gateway.testing import RunningGateway
from tests.conftest import until
from tests.lead_rooms.conftest import Enter
from tests.lead_rooms.shop import ASKED, hears

REFUND = "/desk/knowledge/answer?intent=refund"
BETTER = "You have your money within {days} working days."


async def test_the_list_tells_use_rating_and_languages(shop: RunningGateway, enter: Enter) -> None:
    """And finds answers by their texts and sentences."""
    await hears(shop, "kim")
    await shop.pass_time(60)
    ana = await enter()

    async def counted() -> bool:
        await ana.open("/desk/knowledge")
        return "English, German 4 sentences given 1 time on Web chat" in ana.words

    await until(counted)
    assert "refund A refund is back" in ana.words
    await ana.open("/desk/knowledge?q=on+sunday")
    assert "opening hours" in ana.words
    assert "refund" not in ana.words


async def test_an_answer_is_tried_saved_and_heard(shop: RunningGateway, enter: Enter) -> None:
    ana = await enter()
    await ana.open(REFUND)
    assert "Web chat" in ana.words  # the preview on every channel
    assert await ana.submit(REFUND, "try", body_en=BETTER, say=ASKED) == 200
    assert "Understood as refund" in ana.words
    now, _, then = ana.words.partition("With your changes")
    assert "A refund is back in your account within 5 working days." in now
    assert "You have your money within 5 working days." in then
    assert "You have" not in await hears(shop, "kim")
    await ana.submit(REFUND, "save", why="shorter")
    assert "Saved as version 1" in ana.words
    assert "You have your money within 5 working days." in await hears(shop, "lea")
    [entry] = await shop.services.audit.lines(limit=1, who="desk:ana")
    assert (entry.what, entry.detail) == ("adopted", "answers version 1")


MISTAKES = (
    ({"body_en": " "}, "Is empty; write what the customer is told."),
    (
        {"body_en": "In {weeks} weeks."},
        "`{weeks}` is not among the facts or slots; add it to `facts`",
    ),
    ({"body_en": "Soon."}, "Never states the fact `days`; write `{days}` where it belongs."),
    ({"body_en": "{days} long days. " * 200}, "Too long for sms"),
    ({"facts": "days = 5"}, "`days = 5` is no fact; write `name: value`"),
    ({"facts": ""}, "`days` is in your own files and stays; take it out there."),
    ({"new_language": "fr"}, "Is empty; write the answer in this language, or name none."),
    ({"new_language": "French", "new_body": "{days}"}, "ISO 639-1 code"),
    ({"why": ""}, "Say why in a word: colleagues will read it."),
    ({}, "Nothing is changed; there is nothing to save."),
)


async def test_mistakes_stand_at_their_fields(enter: Enter) -> None:
    """Nothing is saved, and nothing that was typed is lost."""
    ana = await enter()
    for changed, says in MISTAKES:
        typed = {"body_en": BETTER, **changed} if "why" in changed else changed
        await ana.open(REFUND)
        assert await ana.submit(REFUND, "save", **{"why": "better", **typed}) == 422, says
        assert says in ana.words
        for name, value in typed.items():
            assert ana.typed(name.replace("_", "-")) == value.strip()


async def test_the_second_of_two_leads_sees_both_and_loses_nothing(
    shop: RunningGateway, enter: Enter
) -> None:
    """What she did not touch is as her colleague left it; what both changed shows both."""
    ana, ben = await enter("ana"), await enter("ben")
    await ana.open(REFUND)
    await ben.open(REFUND)
    german = "In {days} Tagen haben Sie Ihr Geld."
    await ben.submit(REFUND, "save", body_en="{days} days.", body_de=german, why="shorter")
    assert await ana.submit(REFUND, "save", body_en=BETTER, why="warmer") == 409
    assert "Somebody saved meanwhile" in ana.words
    assert "Version 1 by ben" in ana.words
    assert "In force now: {days} days." in ana.words
    assert (ana.typed("body-en"), ana.typed("body-de")) == (BETTER, german)
    assert await ana.submit(REFUND, "save") == 200
    assert "You have your money" in await hears(shop, "kim")
    assert "In 5 Tagen" in await hears(shop, "max", "ich: where is my refund")


async def test_sentences_are_learnt_for_the_live_test_and_evaluated(
    shop: RunningGateway, enter: Enter
) -> None:
    ana = await enter()
    await ana.open(REFUND)
    cash = "cash back please"
    await ana.submit(REFUND, "try", examples=cash, say="please my cash back")
    now, _, then = ana.words.partition("With your changes")
    assert "Route: the bot answers" not in now
    assert "Understood as refund (0.87)" in then
    assert "No conflict with sentences of other intents." in ana.words
    await ana.submit(REFUND, "evaluate")
    assert "Its own" in ana.words or "tell" in ana.words or "read" in ana.words
    await ana.submit(REFUND, "save", why="customers say so")
    assert "A refund is back" in await hears(shop, "kim", "please my cash back")
    assert ana.typed("examples") == ""
    [adopted] = (await shop.services.versions.overlay("answers")).examples
    await ana.submit(REFUND, "save", **{f"drop_{adopted.id}": "1"}, why="too broad")
    assert not (await shop.services.versions.overlay("answers")).examples


async def test_conflicts_with_other_intents_are_shown(enter: Enter) -> None:
    """The same sentence, and one that is nearer to another intent's."""
    ana = await enter()
    await ana.open(REFUND)
    sentences = "When are you open?\nare you open on monday"
    await ana.submit(REFUND, "preview", examples=sentences)
    assert "When are you open? is a sentence of opening hours already" in ana.words
    assert "are you open on monday is nearer to opening hours : are you open on sunday" in ana.words


async def test_a_new_answer_needs_a_name_and_a_text(shop: RunningGateway, enter: Enter) -> None:
    ana = await enter()
    new = "/desk/knowledge/answer"
    await ana.open(new)
    assert await ana.submit(new, "save", intent="Gift wrap", why="asked for") == 422
    assert "Write a name of small letters" in ana.words
    assert await ana.submit(new, "save", intent="refund", new_language="en", new_body="x") == 422
    assert "There is an answer of this name already" in ana.words
    status = await ana.submit(
        new, "save", intent="gift_wrap", new_body="We wrap it.", examples="can you wrap it"
    )
    assert status == 200
    assert "We wrap it." in await hears(shop, "kim", "can you wrap it")


async def test_only_leads_and_only_for_their_brands(shop: RunningGateway, enter: Enter) -> None:
    """An agent sees no rooms; a lead of one brand changes that brand's answers alone."""
    cleo = await enter("cleo")
    assert (await cleo.open("/desk/knowledge")).status == 403
    nora = await enter("nora")
    await nora.open(REFUND)
    assert "Only people who work for all of them" in nora.words
    assert await nora.submit(REFUND, "save", body_en=BETTER, why="mine") == 403
    own = "/desk/knowledge/answer?intent=parking&brand=north"
    await nora.open(own)
    assert await nora.submit(own, "save", body_en="Park in front.", why="new yard") == 200
    tree = (await shop.services.versions.overlay("answers")).tree
    assert list(tree) == ["brands"]
    assert (await nora.open("/desk/knowledge?brand=west")).status == 404


async def test_a_form_of_another_page_changes_nothing(shop: RunningGateway, enter: Enter) -> None:
    ana = await enter()
    await ana.open(REFUND)
    refused = await ana.send(REFUND, csrf="wrong", do="save", why="x")
    assert refused.status == 403
    assert not await shop.services.versions.history()
