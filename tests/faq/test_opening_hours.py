"""``{hours}`` in an answer: the opening hours in force, in the language of the reply."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import BadConfig, OpeningTimes, SetValue, TrialMessage
from plugins.faq import load
from tests.conftest import until
from tests.faq.conftest import Write, turn
from tests.faq.test_faq import handler
from tests.versions.shop import POLICY, adopt, ask, configuration, open_shop

TEXT = """\
answers:
  parking:
    say:
      en: {opener: "", body: "We are here {hours}."}
      de: {opener: "", body: "Wir sind da: {hours}."}
      pl: {opener: "", body: ["Chętnie pomożemy.", "Jesteśmy: {hours}."]}
"""
WEEK = OpeningTimes(week=(("09:00-17:00",),) * 5 + (("10:00-14:00",), ()))
MARCH = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "body"),
    [
        ("en", "We are here Monday to Friday, 09:00 to 17:00; Saturday, 10:00 to 14:00."),
        ("de", "Wir sind da: Montag bis Freitag, 09:00–17:00 Uhr; Samstag, 10:00–14:00 Uhr."),
        ("fr", "We are here Monday to Friday, 09:00 to 17:00; Saturday, 10:00 to 14:00."),
    ],
)
async def test_the_hours_are_said_in_the_reply_s_language(
    write: Write, language: str, body: str
) -> None:
    """French has no answer here: the reply is English, and so are its days. Each group of days is a
    fact, which the voice never changes."""
    reply = await handler(write(TEXT)).handle(
        turn("parking", language=language).replace(hours=WEEK)
    )
    assert reply is not None
    assert reply.body == (body,)
    assert len(reply.facts) == 2
    assert all(fact.value in body for fact in reply.facts)


async def test_without_hours_nothing_is_made_up(write: Write) -> None:
    """An answer of nothing but the hours is no answer then; a sentence with them is left out of
    another, and of a draft."""
    known = handler(write(TEXT))
    assert await known.handle(turn("parking")) is None
    assert await known.suggest(turn("parking", action="escalate")) is None
    reply = await known.handle(turn("parking", language="pl"))
    assert reply is not None
    assert reply.body == ("Chętnie pomożemy.",)


async def test_a_draft_has_the_hours_too(write: Write) -> None:
    draft = await handler(write(TEXT)).suggest(
        turn("parking", action="escalate").replace(hours=WEEK)
    )
    assert draft is not None
    assert "Saturday, 10:00 to 14:00" in draft.body[0]


@pytest.mark.parametrize("given", ["facts: {hours: 9-5}", ""])
async def test_a_fact_of_that_name_goes_first(write: Write, given: str) -> None:
    answers = f"answers:\n  parking:\n    {given}\n    say: {{en: {{body: 'Open {{hours}}.'}}}}\n"
    reply = await handler(write(answers)).handle(turn("parking").replace(hours=WEEK))
    assert reply is not None
    assert reply.body[0].startswith("Open 9-5" if given else "Open Monday")


def test_a_language_without_words_for_them_is_named(write: Write) -> None:
    """Finnish customers would hear nothing: the hours must be a fact there."""
    with pytest.raises(BadConfig, match=r"say\.fi.body: `\{hours\}` is not among the facts"):
        load([write(TEXT + "      fi: {body: 'Auki {hours}.'}\n")], public_url="")


def policy_with(week: str) -> str:
    return POLICY + f"hours:\n  week: {week}\n  holidays: [2026-03-09]\n"


async def test_the_answer_follows_the_policy(tmp_path: Path) -> None:
    """An edit of the file counts within moments, with a mistake in it the old hours stay, and what
    people adopt and try counts, too. A holiday within two weeks is named."""
    config: dict[str, Any] = configuration()
    (tmp_path / "answers.yaml").write_text(TEXT, "utf-8")
    (tmp_path / "policy.yaml").write_text(policy_with('{monday: "09:00-17:00"}'), "utf-8")
    (tmp_path / "guide.yaml").write_text("", "utf-8")
    async with open_shop(tmp_path, config=config, fresh=False) as gw:
        first = await ask(gw, "parking")
        assert first == ["We are here Monday, 09:00 to 17:00."]

        (tmp_path / "policy.yaml").write_text(policy_with("{friday: 9-17}"), "utf-8")
        await until(lambda: bool(gw.gateway.infrastructure.follower.left_out.get("policy")))
        assert await ask(gw, "parking") == first

        (tmp_path / "policy.yaml").write_text(policy_with('{tuesday: "08:00-12:00"}'), "utf-8")
        await until(lambda: not gw.gateway.infrastructure.follower.left_out["policy"])
        assert await ask(gw, "parking") == ["We are here Tuesday, 08:00 to 12:00."]

        sunday = SetValue(at=("hours", "week", "sunday"), value=["10:00-11:00"])
        asked = TrialMessage(text="parking", channel="sms", at=MARCH)
        tried = await gw.services.trials.respond(asked, {"hours": (sunday,)})
        assert tried.rendered.parts == (
            "We are here Tuesday, 08:00 to 12:00; Sunday, 10:00 to 11:00.",
        )
        await adopt(
            gw, "hours", SetValue(at=("hours", "exceptions", "2026-03-09"), value=["10:00-11:00"])
        )
        tried = await gw.services.trials.respond(asked)
        assert tried.rendered.parts == (
            "We are here Tuesday, 08:00 to 12:00; 9 March: 10:00 to 11:00.",
        )
