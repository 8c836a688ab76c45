"""A shop without any knowledge whose old mails are imported, and the mails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

import brand_voice
from gateway import Address, Embedding, ImportedConversation, ImportedMessage, NewImport
from gateway.testing import FakeChannel, FakeClock, RunningGateway, running
from plugins import agents_desk, escalation, faq, insights
from plugins.insights.learning.loop import Learning
from plugins.insights.tickets.search import TicketSearch
from plugins.nlu_local.universal import UniversalEncoder
from tests.insights.learning.shop import Shop, WordUnderstander

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

RETURNS = (
    "How long do I have to send my order back?",
    "Until when can I return an item?",
    "How many days do I have to return something?",
    "What is the time limit for returns?",
    "How many days are there to return an order?",
    "For how long are returns accepted?",
)
RETURNS_DE = (
    "Wie lange kann ich meine Bestellung zurückschicken?",
    "Bis wann kann ich einen Artikel zurückgeben?",
    "Wie viele Tage habe ich für eine Rücksendung?",
)
GIFTS = (
    "Do you wrap presents?",
    "Is gift wrapping available?",
    "Can you wrap my order as a gift?",
    "Could you pack it in gift paper?",
    "Do you offer gift wrap for presents?",
    "Can I have this gift wrapped?",
)
PHONE = (
    "Can I call you on the telephone?",
    "What is your telephone number?",
    "Is there a phone line that I can ring?",
    "Do you have a hotline to call?",
    "Which phone number do I call for help?",
    "How can I reach you by phone?",
)

Mail = tuple[str, str]
"""A question and the reply."""


class EncodingUnderstander(WordUnderstander):
    """`WordUnderstander` with the sentence encoder that the local understander has."""

    embedding_model = "use"

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        return [np.asarray(row, np.float32).tobytes() for row in _encoder().encode(list(texts))]

    def train(self, rows: Sequence[tuple[str, str]]) -> WordUnderstander:
        return WordUnderstander(rows)


@cache
def _encoder() -> UniversalEncoder:
    return UniversalEncoder()


def returns(days: Iterable[str]) -> list[Mail]:
    """The mails about returns; each customer was told one of ``days``."""
    return [
        (question, f"Dear customer,\nYou can return everything within {told} days. Kind regards")
        for question, told in zip(RETURNS, days, strict=False)
    ]


@asynccontextmanager
async def open_empty_shop(
    folder: Path, *, rows: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[Shop]:
    """A shop without answers, and with ``rows`` as its only examples."""
    (folder / "answers.yaml").write_text("answers: {}\n", "utf-8")
    words = EncodingUnderstander(rows)
    async with running(
        words,
        FakeChannel("webchat"),
        FakeChannel("email"),
        brand_voice,
        faq,
        escalation,
        agents_desk,
        insights,
        config={
            "brand_voice": {},
            "plugins": {
                "faq": {"answers": ["answers.yaml"], "packaged": False},
                "escalation": {},
                "insights": {},
                "agents_desk": {"users": []},
            },
        },
        tmp_path=folder,
        clock=FakeClock(),
    ) as gateway:
        learning = Learning(services=gateway.services, least=5)
        learning.tickets = [TicketSearch(services=gateway.services, imported=True).drafts]
        yield Shop(gateway, learning, words)


async def import_mails(
    gw: RunningGateway, mails: Sequence[Mail], *, language: str = "en", name: str = "Anna Holt"
) -> None:
    """Import ``mails``, each of a customer of its own, a day after the one before."""
    past = gw.services.past_conversations
    assert past is not None
    record = await past.begin_import(
        NewImport(source=f"/old/{1 + len(await past.imports())}", format="mbox", label="imported")
    )
    found = []
    for day, (question, reply) in enumerate(mails):
        at, key = MONDAY + timedelta(days=day), f"{record.id}-{day}"
        messages = [ImportedMessage(key=f"q{key}", author="customer", text=question, at=at)]
        if reply:
            later = at + timedelta(hours=2)
            messages.append(
                ImportedMessage(
                    key=f"a{key}", author="agent", text=reply, at=later, name="Ben Lind"
                )
            )
        found.append(
            ImportedConversation(
                address=Address(channel="email", value=f"c{key}@mail.example"),
                messages=tuple(messages),
                name=name,
                language=language,
            )
        )
    await past.add_many(record.id, found)
    await past.finish_import(record.id, {})
