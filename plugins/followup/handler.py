"""Asks once whether a closed case went well, and takes the answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway import Fact, Message, Reason, Reply, SurveyAnswer, SurveyQuestion, Timer, Turn
from plugins.followup import words
from plugins.followup.answers import asks, read
from plugins.followup.arc import tone
from plugins.followup.quiet import not_in
from plugins.followup.settings import Asking, FollowupSettings

TIMER = "followup"
GOOD = 4


class Followup:
    """Sets an alarm when a person resolves a case, asks when it rings, and hears the answer.

    It asks nobody who opted out, nobody twice, and not in quiet hours; nor when the case was
    opened again meanwhile or the customer came with another.
    """

    name = "followup"
    priority = 5

    def __init__(self, settings: FollowupSettings) -> None:
        self._settings = settings

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind == "event" and turn.name == "resolved":
            return self._plan(turn)
        if turn.kind == "timer" and turn.name == TIMER:
            return self._ask(turn)
        if turn.kind == "message" and turn.survey_answer is not None:
            return _thank(turn, turn.survey_answer)
        return None

    def read_answer(self, turn: Turn) -> SurveyAnswer | None:
        """The answer that the message is, or None when it is about something new."""
        answer = read(turn.message.text)
        if answer is None and turn.survey is not None and turn.survey.ask.scale == "text":
            return _free_text(turn)
        return answer

    def _plan(self, turn: Turn) -> Reply | None:
        asking = self._asking(turn)
        if not asking.enabled or not _may_be_asked(turn):
            return None
        due = turn.at + timedelta(minutes=asking.delay_minutes)
        return self._later(turn, asking, str(turn.conversation.epoch), due=due)

    def _ask(self, turn: Turn) -> Reply | None:
        asking, epoch = self._asking(turn), turn.data.get("epoch")
        if turn.conversation.state != "resolved" or epoch != str(turn.conversation.epoch):
            return None
        if not asking.enabled or not _may_be_asked(turn) or _came_again(turn):
            return None
        # The alarm may come late (the server was down), and then in quiet hours after all.
        if not_in(asking.quiet, turn.at, self._settings.timezone) > turn.at:
            return self._later(turn, asking, epoch, due=turn.at)
        language = words.spoken(turn.language)
        return Reply(
            opener=words.OPENERS[tone(turn.history)][language],
            body=(words.QUESTIONS[self._settings.kind][language],),
            next_step=f"{words.UNSOLVED[language]} {words.STOP[language]}",
            language=language,
            purpose="survey",
            survey=SurveyQuestion(kind=self._settings.kind, scale=asking.scale),
        )

    def _later(self, turn: Turn, asking: Asking, epoch: str, *, due: datetime) -> Reply:
        due = not_in(asking.quiet, due, self._settings.timezone)
        timer = Timer(name=TIMER, due_at=due, data={"epoch": epoch})
        return Reply(language=turn.language, purpose="notice", timers=(timer,))

    def _asking(self, turn: Turn) -> Asking:
        return self._settings.on(turn.conversation.address.channel)


def _may_be_asked(turn: Turn) -> bool:
    waiting = turn.survey is not None and turn.survey.conversation == turn.conversation.id
    asked = waiting or any(m.purpose == "survey" for m in turn.history)
    return not turn.customer.opted_out and not asked and _was_heard(turn.history)


def _came_again(turn: Turn) -> bool:
    """Whether the customer began another conversation since, as far as a context source knows:
    the question would fall into it."""
    closed = turn.conversation.resolved_at
    return closed is not None and any(e.opened_at >= closed for e in turn.context.earlier)


def _was_heard(history: tuple[Message, ...]) -> bool:
    """Who never wrote (or whose only message was a machine's) is asked nothing."""
    return any(m.author == "customer" for m in history)


def _free_text(turn: Turn) -> SurveyAnswer | None:
    """Where we asked for words, any words are an answer, but not a question."""
    said = turn.message.text.strip()
    return SurveyAnswer(comment=said) if said and not asks(said) else None


def _thank(turn: Turn, answer: SurveyAnswer) -> Reply:
    language = words.spoken(turn.language)
    if turn.route.action == "escalate":
        return _reopened(turn, "unsolved", turn.route.reasons, language)
    if answer.opt_out:
        return _thanks("stopped", language)
    if asks(answer.comment):
        asked = Reason(code="survey_question", detail="asked something with the answer")
        return _reopened(turn, "asked", (asked,), language)
    content = answer.score is None or answer.score >= GOOD
    good = content and answer.solved is not False
    return _thanks("good" if good else "middling", language)


def _thanks(kind: str, language: str) -> Reply:
    body = (words.THANKS[kind][language],)
    return Reply(opener="", body=body, language=language, purpose="thanks")


def _reopened(turn: Turn, kind: str, reasons: tuple[Reason, ...], language: str) -> Reply:
    told = Reply(
        opener="",
        body=(words.REOPENED[kind][language],),
        language=language,
        purpose="handover",
        escalate=reasons,
    )
    if turn.opening is None:
        return told
    when = words.written(turn.opening, language)
    closed = words.CLOSED[language].format(when=when)
    return told.replace(body=(*told.body, closed), facts=(Fact(name="opening", value=when),))
