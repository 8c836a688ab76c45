"""A simulated shop whose past is stored as an imported mailbox."""

from __future__ import annotations

from pathlib import Path

from gateway import CaseRecord, ImportedConversation, ImportedMessage, NewImport, Services
from gateway.cli.common import open_services
from tests.bench.audit.shops import SimulatedPast

BATCH = 300


async def store(past: SimulatedPast, config: Path) -> int:
    """Import what was said in the shop of ``config``; the number of messages."""
    async with open_services(config) as (services, _):
        return await add(services, past)


async def add(services: Services, past: SimulatedPast) -> int:
    """Import what was said in the shop; the number of messages."""
    history = services.past_conversations
    assert history is not None
    begun = await history.begin_import(NewImport(source="mailbox", format="mbox", label="imported"))
    messages = 0
    for start in range(0, len(past.cases), BATCH):
        batch = [_conversation(case) for case in past.cases[start : start + BATCH]]
        messages += (await history.add_many(begun.id, batch)).messages
    await history.finish_import(begun.id, {})
    return messages


def _conversation(case: CaseRecord) -> ImportedConversation:
    return ImportedConversation(
        address=case.conversation.address,
        name=case.customer_name or "",
        language=case.conversation.language,
        messages=tuple(
            ImportedMessage(
                key=f"<{message.id}@shop.example>",
                author="agent" if message.author == "agent" else "customer",
                text=message.text,
                at=message.at,
                name=message.agent.name if message.agent else "",
            )
            for message in case.messages
        ),
    )
