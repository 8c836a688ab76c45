"""What is praise of a person, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import (
    Address,
    Agent,
    CaseRecord,
    ChangedCases,
    Conversation,
    Emotion,
    Guess,
    Message,
    MoodLabel,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    Understanding,
)
from gateway.testing import FakeClock, MemoryStorage
from plugins.agents_desk.staff.follow import CaseFollower, praise_in
from plugins.agents_desk.staff.storage import StaffStorage

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)
ANA = Agent(id="desk:ana", name="Ana")


def said(
    number: int, text: str, *, mood: MoodLabel = "pleased", intent: str = "thanks", by: Any = None
) -> Message:
    understanding = Understanding(
        ranking=(Guess(name=intent, confidence=0.9),),
        emotion=Emotion(label=mood, intensity=0.8, distress=0.0),
    )
    return Message(
        id=number,
        conversation=1,
        author="agent" if by else "customer",
        text=text,
        at=NOW + timedelta(minutes=number),
        agent=by,
        status="sent" if by else "received",
        understanding=None if by else understanding,
    )


def case(*messages: Message, surveys: tuple[Survey, ...] = ()) -> CaseRecord:
    conversation = Conversation(
        id=1, address=Address(channel="email", value="x@example.org"), opened_at=NOW
    )
    return CaseRecord(conversation=conversation, customer=1, messages=messages, surveys=surveys)


ANSWER = said(1, "It is on its way.", by=ANA)


@pytest.mark.parametrize(("message", "praised"), [
    (said(2, "Thank you so much, that was quick"), True),
    (said(2, "You are great, best service ever", intent="praise", mood="calm"), True),
    (said(2, "Thanks"), False),
    (said(2, "thank you, I will wait", mood="calm"), False),
    (said(2, "ok thanks"), False),
    (said(2, "Okay, thanks for your answer!", intent="praise"), False),
    (said(2, "Great, thank you. Bye"), False),
    (said(2, "Fine, that answers it, thank you"), False),
    (said(2, "Alles klar, vielen Dank für Ihre Antwort"), False),
    (said(2, "Parfait, merci beaucoup et bonne journée"), False),
    (said(2, "Vale, muchas gracias, eso es todo"), False),
    (said(2, "Va bene, grazie mille della risposta"), False),
    (said(2, "Perfeito, muito obrigado"), False),
    (said(2, "Prima, bedankt voor de hulp"), False),
    (said(2, "Dobrze, dziękuję bardzo"), False),
    (said(2, "Tack så mycket, ha det bra"), False),
    (said(2, "Tamam, çok teşekkürler"), False),
    (said(2, "ありがとうございました"), False),
    (said(2, "شكرا جزيلا لكم"), False),
    (said(2, "Thank you. Kind regards"), False),
    (said(2, "Thanks, best regards"), False),
    (said(2, "Thanks and all the best"), False),
    (said(2, "Danke! Mit freundlichen Grüßen"), False),
    (said(2, "Merci beaucoup, cordialement"), False),
    (said(2, "Muchas gracias, saludos"), False),
    (said(2, "Grazie, cordiali saluti"), False),
    (said(2, "Obrigada, cumprimentos"), False),
    (said(2, "Bedankt, met vriendelijke groet"), False),
    (said(2, "Dziękuję, serdecznie pozdrawiam"), False),
    (said(2, "Tack, med vänliga hälsningar"), False),
    (said(2, "Teşekkürler, saygılarımla"), False),
    (said(2, "شكرا، مع التحية"), False),
    (said(2, "Lovely, thanks"), False),
    (said(2, "Brilliant, thank you"), False),
    (said(2, "Super, danke"), False),
    (said(2, "Toll, vielen Dank"), False),
    (said(2, "Génial, merci"), False),
    (said(2, "Genial, gracias"), False),
    (said(2, "Excelente, obrigado"), False),
    (said(2, "Toppen, tack"), False),
    (said(2, "Harika, teşekkürler"), False),
    (said(2, "Thanks for the brilliant service. Kind regards"), True),
    (said(2, "Danke für die tolle Hilfe"), True),
    (said(2, "Gracias por la excelente ayuda"), True),
    (said(2, "Great answer, thanks", intent="praise"), True),
    (said(2, "Thanks, you were so kind"), True),
    (said(2, "Thank you so much!"), True),
    (said(2, "Danke für die schnelle Hilfe"), True),
    (said(2, "Merci, vous êtes très gentil"), True),
    (said(2, "Gracias, muy amable"), True),
    (said(2, "Grazie, siete stati gentilissimi"), True),
    (said(2, "Bedankt voor de snelle reactie"), True),
    (said(2, "Tack för snabbt svar"), True),
    (said(2, "助かりました、迅速な対応ありがとうございます"), True),
    (said(2, "You saved my holiday, thanks"), True),
    (said(2, "I am happy to hear that, but where is it?", intent="order_status"), False),
    (said(2, " ".join(["thank you"] * 50)), False),
])  # fmt: skip
def test_warm_words_after_an_answer_are_praise(message: Message, praised: bool) -> None:
    """Not a bare thanks, nor a request in good mood, nor a long letter."""
    assert [note.agent for note in praise_in(case(ANSWER, message))] == ["desk:ana"] * praised


def test_praise_of_the_bot_is_nobodys() -> None:
    assert list(praise_in(case(said(2, "Thank you so much, that was quick")))) == []


@pytest.mark.parametrize(("score", "comment", "praised"), [
    (5, "she understood at once", True), (5, "", False), (4, "she understood at once", False),
])  # fmt: skip
def test_the_best_score_with_words_is_praise(score: int, comment: str, praised: bool) -> None:
    survey = Survey(
        id=1,
        conversation=1,
        ask=SurveyQuestion(kind="csat", scale="number"),
        asked_at=NOW + timedelta(minutes=2),
        answered_at=NOW + timedelta(minutes=4),
        answer=SurveyAnswer(score=score, comment=comment),
    )
    answer = said(3, f"{score} {comment}", mood="calm", intent="none")
    notes = list(praise_in(case(ANSWER, answer, surveys=(survey,))))
    assert [(note.message, note.score) for note in notes] == [(3, 5)] * praised


class WrittenMeanwhile:
    """Records of two conversations, a page each. Somebody thanks in the first one while the second
    is read, in which an agent answers later still."""

    def __init__(self) -> None:
        other = said(3, "We are looking into it.", by=ANA)
        self._read = {1: case(ANSWER), 2: case(other)}
        self._now = {1: case(ANSWER, said(2, "Thank you so much, that was quick")), 2: case(other)}

    async def cases(self, *, since: datetime, after: int = 0, limit: int) -> tuple[CaseRecord, ...]:
        assert since < NOW
        return tuple(self._at(self._read, number) for number in (1, 2) if number == after + 1)

    async def cases_by_id(self, ids: Sequence[int]) -> tuple[CaseRecord, ...]:
        return tuple(self._at(self._now, number) for number in ids)

    async def changed_cases(self, *, message: int, claimed: bool) -> ChangedCases:
        assert claimed
        changed = tuple(
            number
            for number, found in self._now.items()
            if any(each.id > message for each in found.messages)
        )
        return ChangedCases(conversations=changed, message=3)

    @staticmethod
    def _at(cases: dict[int, CaseRecord], number: int) -> CaseRecord:
        found = cases[number]
        return found.replace(conversation=found.conversation.replace(id=number))


async def test_thanks_that_come_while_an_old_shop_is_read_are_not_missed() -> None:
    services: Any = SimpleNamespace(
        records=WrittenMeanwhile(), clock=FakeClock(NOW + timedelta(minutes=1, seconds=30))
    )
    follower = CaseFollower(services, StaffStorage(MemoryStorage()))
    assert [note.message for note in await follower.catch_up()] == [2]
