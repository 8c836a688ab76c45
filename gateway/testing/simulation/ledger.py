"""The truth about a simulated month: one row for each conversation of the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from gateway.model import MoodLabel
from gateway.testing.simulation.contact import Contact
from gateway.testing.simulation.values import AgentAnswer, Heard, Received, Say


class LedgerEvent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something that happened in a conversation.

    ``kind``: ``customer``, ``bot`` and ``agent`` wrote; ``handed_over`` (``reasons``: codes),
    ``moved_up``, ``claimed``, ``transferred``, ``resolved``; ``survey_asked`` and
    ``survey_answered``.
    """

    at: datetime
    kind: str
    purpose: str | None = None
    agent: str | None = None
    intent: str | None = None
    confidence: float | None = None
    mood: MoodLabel | None = None
    intensity: float | None = None
    distress: float | None = None
    felt: float | None = None
    reasons: tuple[str, ...] = ()
    score: int | None = None


class LedgerSuggestion(msgspec.Struct, kw_only=True):
    """What an agent made of a suggestion; ``edit`` is how they changed it."""

    id: int
    source: str | None
    outcome: Literal["sent", "edited", "ignored"]
    edit: str | None
    agent: str


class LedgerSurvey(msgspec.Struct, kw_only=True):
    """An answered survey. ``score`` 1..5."""

    kind: str
    score: int


class LedgerRow(msgspec.Struct, kw_only=True):
    """One conversation. Times are UTC. `docs/simulation.md` describes every key."""

    conversation: int
    channel: str
    language: str
    intent: str
    opened_at: datetime
    mood_first: MoodLabel
    mood_last: MoodLabel
    handled_by: Literal["bot", "person"] = "bot"
    repeat_of: int | None = None
    survey: LedgerSurvey | None = None
    planted: list[str] = []
    # More than the contract asks for: what a measure can be computed from independently.
    customer: int
    address: str
    contact: int
    topic: str | None = None
    felt_first: float
    felt_last: float
    solved: bool | None = None
    customer_messages: int = 0
    bot_messages: int = 0
    agent_messages: int = 0
    handed_over_at: datetime | None = None
    reasons: tuple[str, ...] = ()
    claimed_at: datetime | None = None
    first_answer_at: datetime | None = None
    first_person_answer_at: datetime | None = None
    resolved_at: datetime | None = None
    agents: list[str] = []
    survey_asked: str | None = None
    survey_asked_at: datetime | None = None
    repeated_themselves: bool = False
    human_moments: list[str] = []
    suggestions: list[LedgerSuggestion] = []
    events: list[LedgerEvent] = []


class Ledger:
    """Keeps the rows while the month runs."""

    def __init__(self) -> None:
        self.rows: dict[int, LedgerRow] = {}

    def __iter__(self) -> Iterator[LedgerRow]:
        """The rows in the order of the conversations."""
        return iter(row for _, row in sorted(self.rows.items()))

    def __len__(self) -> int:
        return len(self.rows)

    def wrote(self, contact: Contact, say: Say, received: Received, at: datetime) -> None:
        """A customer wrote, and the bot answered."""
        row = self.rows.get(received.conversation) or self._open(contact, say, received, at)
        mood = say.meaning.mood
        row.customer_messages += 1
        row.repeated_themselves = row.repeated_themselves or say.again
        felt = round(contact.feeling, 3)
        self._note(
            row,
            at,
            "customer",
            purpose=say.kind,
            intent=say.meaning.intent,
            confidence=say.meaning.confidence,
            mood=mood.label,
            intensity=mood.intensity,
            distress=mood.distress,
            felt=felt,
        )
        if say.kind != "survey":
            row.mood_last, row.felt_last = mood.label, felt
        elif row.survey_asked is not None and say.score is not None:
            row.survey = LedgerSurvey(kind=row.survey_asked, score=say.score)
            self._note(row, at, "survey_answered", score=say.score)
        for heard in received.heard:
            self.heard(heard)
        if received.handed_over:
            row.handled_by = "person"
            row.handed_over_at = row.handed_over_at or at
            row.reasons = tuple(dict.fromkeys((*row.reasons, *received.reasons)))
            row.resolved_at = None
            self._note(row, at, "handed_over", reasons=received.reasons)

    def heard(self, heard: Heard) -> None:
        """The bot wrote."""
        row = self.rows[heard.conversation]
        row.bot_messages += heard.parts
        self._note(row, heard.at, "bot", purpose=heard.purpose)
        if heard.survey is not None:
            row.survey_asked, row.survey_asked_at = heard.survey.kind, heard.at
            self._note(row, heard.at, "survey_asked", purpose=heard.survey.kind)
        elif row.first_answer_at is None:
            row.first_answer_at = heard.at

    def claimed(self, conversation: int, agent: str, at: datetime) -> None:
        row = self.rows[conversation]
        row.claimed_at = row.claimed_at or at
        if agent not in row.agents:
            row.agents.append(agent)
        self._note(row, at, "claimed", agent=agent)

    def answered(
        self, conversation: int, agent: str, answer: AgentAnswer, at: datetime, *, parts: int
    ) -> None:
        """An agent wrote; on this channel it became ``parts`` messages."""
        row = self.rows[conversation]
        row.agent_messages += parts
        row.first_answer_at = row.first_answer_at or at
        row.first_person_answer_at = row.first_person_answer_at or at
        row.human_moments += [kind for kind in answer.human if kind not in row.human_moments]
        self._note(row, at, "agent", agent=agent)
        if answer.suggestion is not None and answer.outcome is not None:
            row.suggestions.append(
                LedgerSuggestion(
                    id=answer.suggestion,
                    source=answer.source,
                    outcome=answer.outcome,
                    edit=answer.edit,
                    agent=agent,
                )
            )

    def transferred(self, conversation: int, agent: str, at: datetime) -> None:
        self._note(self.rows[conversation], at, "transferred", agent=agent)

    def resolved(self, conversation: int, agent: str, at: datetime) -> None:
        row = self.rows[conversation]
        row.resolved_at = at
        self._note(row, at, "resolved", agent=agent)

    def finish(self, contacts: Iterable[Contact]) -> None:
        """Add what is known only at the end of the month."""
        for contact in contacts:
            row = self.rows.get(contact.conversation)
            if row is not None:
                row.solved = contact.solved
                row.planted = sorted({*row.planted, *contact.planted})

    def write(self, path: Path) -> None:
        """Write one JSON object a line."""
        encoder = msgspec.json.Encoder()
        path.write_bytes(encoder.encode_lines(list(self)))

    def _open(self, contact: Contact, say: Say, received: Received, at: datetime) -> LedgerRow:
        earlier, felt = contact.repeat_of, round(contact.feeling, 3)
        row = LedgerRow(
            conversation=received.conversation,
            channel=contact.person.address.channel,
            language=contact.person.language,
            intent=contact.matter.intent,
            opened_at=at,
            mood_first=say.meaning.mood.label,
            mood_last=say.meaning.mood.label,
            repeat_of=earlier.conversation if earlier else None,
            planted=sorted(contact.planted),
            customer=contact.person.number,
            address=contact.person.address.lane,
            contact=contact.number,
            topic=contact.matter.topic,
            felt_first=felt,
            felt_last=felt,
        )
        self.rows[received.conversation] = row
        return row

    def _note(self, row: LedgerRow, at: datetime, kind: str, **more: Any) -> None:
        row.events.append(LedgerEvent(at=at, kind=kind, **more))


def read_ledger(path: Path) -> list[LedgerRow]:
    """The rows of a ledger file. Raises msgspec.ValidationError for a file of another kind."""
    return msgspec.json.Decoder(LedgerRow).decode_lines(path.read_bytes())
