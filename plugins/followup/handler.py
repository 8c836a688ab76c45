"""Asks once how a closed case went, and handles the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway import (
    Context,
    Emotion,
    Fact,
    Reason,
    Records,
    Reply,
    SurveyAnswer,
    Timer,
    Turn,
    says_thanks,
    spoke_of_harm,
)
from plugins.followup import texts
from plugins.followup.settings import (
    ChannelSurvey,
    FollowupSettings,
    after_quiet_hours,
)
from plugins.followup.survey_answers import contains_question, parse_answer
from plugins.followup.texts import TEXTS

TIMER = "followup"
GOOD = 4
"""The lowest score of a satisfied customer."""
UPSET = frozenset({"anxious", "frustrated", "angry", "urgent"})
STRONG = 0.6
"""Distress from which a customer counts as upset, whatever the label."""


@dataclass(kw_only=True)
class Followup:
    """Sets a timer when a person resolves a case, asks when it is due, and handles the answer.

    It asks nobody who opted out, nobody twice about a case, nobody who spoke of harm, nobody who
    was asked a short time ago, and nobody in quiet hours. It does not ask if the case was reopened
    or the customer began another conversation.
    """

    name = "followup"
    priority = 5

    settings: FollowupSettings
    brands: Mapping[str, FollowupSettings] = field(default_factory=dict)
    """Those of brands that differ."""

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind == "event" and turn.name == "resolved":
            return self._schedule(turn)
        if turn.kind == "timer" and turn.name == TIMER:
            return self._ask(turn)
        if turn.kind == "message" and turn.survey_answer is not None:
            if any(reason.code == "harm" for reason in turn.route.reasons):
                return None  # the hand-over about harm has words of its own
            return _answered(turn, turn.survey_answer)
        return None

    def read_answer(self, turn: Turn) -> SurveyAnswer | None:
        """The survey answer in the message, or None if it is about something new, or thanks alone:
        that keeps the survey open."""
        text = turn.message.text
        answer = parse_answer(text)
        says_more = answer and (
            answer.opt_out or answer.score is not None or answer.solved is not None
        )
        if says_thanks(text) and not says_more and not _declines(text):
            return None
        free_text = turn.survey is not None and turn.survey.ask.scale == "text"
        free_text = free_text and not turn.wordless
        if answer is None and free_text and text.strip() and not contains_question(text):
            return SurveyAnswer(comment=text.strip())
        return answer

    def _schedule(self, turn: Turn) -> Reply | None:
        survey = self._survey(turn)
        if not survey.enabled or not _may_be_asked(turn) or self._asked_lately(turn):
            return None
        due = turn.at + timedelta(minutes=survey.delay_minutes)
        return self._timer(turn, survey, str(turn.conversation.epoch), due=due)

    def _ask(self, turn: Turn) -> Reply | None:
        survey, epoch = self._survey(turn), turn.data.get("epoch")
        if turn.conversation.state != "resolved" or epoch != str(turn.conversation.epoch):
            return None
        if not survey.enabled or not _may_be_asked(turn) or _has_newer_conversation(turn):
            return None
        if self._asked_lately(turn):
            return None
        # A timer can be late (the server was down) and fall into quiet hours.
        if after_quiet_hours(survey.quiet, turn.at, self._settings(turn).timezone) > turn.at:
            return self._timer(turn, survey, epoch, due=turn.at)
        return self._question(turn)

    def _question(self, turn: Turn) -> Reply:
        language, channel = texts.supported(turn.language), turn.conversation.address.channel
        asked = self._settings(turn).question(turn.conversation.id, channel)
        stop = TEXTS.stop_word if channel == "sms" else TEXTS.no_more
        return Reply(
            opener=TEXTS.openers[_tone(turn)][language],
            body=(TEXTS.question(asked, language),),
            next_step=" ".join(words[language] for words in (TEXTS.unsolved, stop)),
            language=language,
            purpose="survey",
            survey=asked,
        )

    def _asked_lately(self, turn: Turn) -> bool:
        """Whether the customer was asked within the cool-down, as far as is known."""
        since = turn.at - timedelta(days=self._settings(turn).cool_down_days)
        return any(survey.asked_at > since for survey in turn.context.surveys)

    def _timer(self, turn: Turn, survey: ChannelSurvey, epoch: str, *, due: datetime) -> Reply:
        due = after_quiet_hours(survey.quiet, due, self._settings(turn).timezone)
        timer = Timer(name=TIMER, due_at=due, data={"epoch": epoch})
        return Reply(language=turn.language, purpose="notice", timers=(timer,))

    def _survey(self, turn: Turn) -> ChannelSurvey:
        return self._settings(turn).on(turn.conversation.address.channel)

    def _settings(self, turn: Turn) -> FollowupSettings:
        return self.brands.get(turn.conversation.brand, self.settings)


class SurveyHistory:
    """A source of what the customer was asked before and what was promised to them, for the turns
    that may ask."""

    name = "surveys"
    turn_kinds = frozenset({"timer", "event"})

    async def gather(self, turn: Turn, records: Records) -> Context:
        return Context(
            surveys=await records.surveys(turn.customer.id),
            promises=await records.promises(turn.conversation.id),
        )


def _declines(text: str) -> bool:
    """Whether it begins with a no: `no thanks` answers the question."""
    return text.strip().casefold().startswith(("no", "nein", "nö", "nee", "nie ", "hayır", "لا"))


def _may_be_asked(turn: Turn) -> bool:
    """Whether the customer wrote, did not opt out, did not speak of harm, and was not asked about
    this case yet."""
    open_survey = turn.survey is not None and turn.survey.conversation == turn.conversation.id
    known = any(survey.conversation == turn.conversation.id for survey in turn.context.surveys)
    asked = open_survey or known or any(m.purpose == "survey" for m in turn.history)
    wrote = any(message.author == "customer" for message in turn.history)
    barred = asked or turn.customer.opted_out or spoke_of_harm(turn.history)
    return wrote and not barred


def _has_newer_conversation(turn: Turn) -> bool:
    """Whether the customer began another conversation since, as far as a context source knows.

    The question would arrive in that conversation.
    """
    closed = turn.conversation.resolved_at
    return closed is not None and any(e.opened_at >= closed for e in turn.context.earlier)


def _tone(turn: Turn) -> texts.SurveyTone:
    """The tone of the question, by what was promised and not kept in time, else by how the customer
    felt over the conversation."""
    if any(promise.is_broken(turn.at) for promise in turn.context.promises):
        return "broken"
    emotions = [
        message.understanding.emotion
        for message in turn.history
        if message.author == "customer" and message.understanding
    ]
    if not any(map(_upset, emotions)):
        return "warm"
    return "careful" if _upset(emotions[-1]) else "recovered"


def _upset(emotion: Emotion) -> bool:
    strong = emotion.distress >= STRONG and emotion.label != "pleased"
    return emotion.label in UPSET or strong


def _answered(turn: Turn, answer: SurveyAnswer) -> Reply:
    language = texts.supported(turn.language)
    if turn.route.action == "escalate":
        return _reopened(turn, "unsolved", turn.route.reasons, language)
    if answer.opt_out:
        return _thanks("stopped", language)
    if contains_question(answer.comment):
        reason = Reason(code="survey_question", detail="asked something with the answer")
        return _reopened(turn, "asked", (reason,), language)
    satisfied = answer.score is None or answer.score >= GOOD
    return _thanks("good" if satisfied and answer.solved is not False else "middling", language)


def _thanks(kind: str, language: str) -> Reply:
    body = (TEXTS.thanks[kind][language],)
    return Reply(opener="", body=body, language=language, purpose="thanks")


def _reopened(turn: Turn, kind: str, reasons: tuple[Reason, ...], language: str) -> Reply:
    reply = Reply(
        opener="",
        body=(TEXTS.reopened[kind][language],),
        language=language,
        purpose="handover",
        escalate=reasons,
    )
    if turn.opening is None:
        return reply
    date = texts.date_of(turn.opening, language)
    closed = TEXTS.closed[language].format(when=date)
    return reply.replace(body=(*reply.body, closed), facts=(Fact(name="opening", value=date),))
