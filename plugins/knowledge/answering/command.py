"""``warmline knowledge ask``: what the sources say to a question, and how surely."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from gateway import OpenServices, Route, Services, Settings, TrialMessage, Value, WarmlineError
from plugins.knowledge.answering.confidence import Candidate
from plugins.knowledge.answering.handler import SourceAnswers
from plugins.knowledge.answering.replies import public_url

SHOWN = 5
"""Passages that are printed."""


class AskedPassage(Value, frozen=True, kw_only=True):
    """A passage in the output. ``score`` is its confidence, 0..1; ``updated`` is in ISO 8601."""

    source: str
    title: str
    text: str
    score: float
    updated: str | None


class AskedAnswer(Value, frozen=True, kw_only=True):
    """The command's output. ``answer`` is None when the bot would not answer alone."""

    answer: str | None
    confidence: float
    passages: tuple[AskedPassage, ...]
    language: str
    promise: str


def ask_command(make: Callable[[Settings], SourceAnswers]) -> click.Command:
    """The command; ``make`` builds what answers from the settings."""

    @click.command()
    @click.argument("text")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--brand", default="", help="Ask as a customer of this brand.")
    @click.option(
        "--language", default="", help="The language of TEXT (ISO 639-1), if you know it."
    )
    @click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        default=None,
        help="the settings; default: warmline.yaml here, if there is one",
    )
    @click.pass_obj
    def ask(
        open_services: OpenServices,
        text: str,
        config: Path | None,
        brand: str,
        language: str,
        *,
        as_json: bool,
    ) -> None:
        """Show what the sources say to TEXT, and how surely.

        The answer is what a customer would get. Nothing is stored or sent.
        """

        async def run() -> AskedAnswer:
            async with open_services(config) as (services, settings):
                answers = make(settings)
                answers.use_services(services)
                return await _asked(answers, services, text, brand=brand, language=language)

        try:
            found = asyncio.run(run())
        except WarmlineError as error:
            raise click.ClickException(str(error)) from None
        click.echo(msgspec.json.encode(found) if as_json else _as_text(found))

    return ask


async def _asked(
    answers: SourceAnswers, services: Services, text: str, *, brand: str, language: str
) -> AskedAnswer:
    calibration = await answers.calibrate(services)
    if not language:
        message = TrialMessage(text=text, brand=brand, route=Route(action="pass"))
        language = (await services.trials.respond(message)).turn.language
    candidates = await answers.weighed(text, language=language, brand=brand)
    best = answers.answers_alone(candidates)
    return AskedAnswer(
        answer=best.said.text if best and best.said else None,
        confidence=round(candidates[0].confidence, 4) if candidates else 0.0,
        passages=tuple(_passage(candidate) for candidate in candidates[:SHOWN]),
        language=language,
        promise=calibration.sentence(),
    )


def _passage(candidate: Candidate) -> AskedPassage:
    passage = candidate.found.passage
    updated = passage.updated_at
    return AskedPassage(
        source=public_url(passage) or passage.location,
        title=" › ".join(dict.fromkeys((passage.title, *passage.headings))),
        text=passage.text,
        score=round(candidate.confidence, 4),
        updated=updated.isoformat() if updated else None,
    )


def _as_text(found: AskedAnswer) -> str:
    answer = found.answer or "No passage is sure enough to answer alone."
    lines = [answer, f"(confidence {found.confidence:.2f}; {found.promise})"]
    for passage in found.passages:
        dated = f", updated {passage.updated[:10]}" if passage.updated else ""
        lines.append(f"{passage.score:.2f}  {passage.title} ({passage.source}{dated})")
    return "\n".join(lines)
