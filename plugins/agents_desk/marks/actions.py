"""What an agent marks a conversation with: forms of its page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from gateway import Conversation, Message, NotAccepted, NotFound, Services
from plugins.agents_desk.access.accounts import DeskAccounts
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import ActionForm, InvalidForm, read_fields
from plugins.agents_desk.marks.mentions import Mentions, unheard
from plugins.agents_desk.marks.personal import PersonalViews
from plugins.agents_desk.marks.reminders import Reminders
from plugins.agents_desk.marks.team_labels import TeamLabels
from plugins.agents_desk.marks.when import chosen_time

UNTIL_ANSWER = "answer"
"""The value of the field ``when`` of a snooze without a time."""
MarkAction = Callable[[web.Request, DeskSession, ActionForm], Awaitable[None]]


@dataclass(kw_only=True)
class MarkActions:
    """The actions, by the last part of their path. Each raises InvalidForm for what it refuses."""

    services: Services
    labels: TeamLabels
    reminders: Reminders
    mentions: Mentions
    accounts: DeskAccounts
    views: PersonalViews

    def actions(self) -> Mapping[str, MarkAction]:
        return {
            "labels": self._label,
            "snooze": self._snooze,
            "wake": self._wake,
            "remind": self._remind,
            "spam": self._spam,
        }

    async def noted(self, note: Message) -> None:
        """Tell whom a note mentions, from whichever page or chat it came."""
        card = await self.services.desk.card(note.conversation)
        await self.mentions.record(note, card.conversation, await self.accounts.all())

    async def unheard(self, text: str, conversation: Conversation) -> tuple[str, ...]:
        """The names in a note with which it tells nobody."""
        return unheard(text, conversation, await self.accounts.all())

    async def _label(self, request: web.Request, session: DeskSession, form: ActionForm) -> None:
        """Put on and take off what the agent changed: a colleague's labels of the meantime stay."""
        fields = await _texts(request)
        before, chosen = set(fields.get("before", "").split()), set(await _all(request, "label"))
        if title := fields.get("title", "").strip():
            chosen.add((await self.labels.create(title)).key)
            self.views.outdate()
        known = {label.key for label in await self.labels.all()} | before
        with _refusals():
            await self.services.desk.label(
                form.conversation,
                session.agent,
                add=sorted((chosen - before) & known),
                remove=sorted(before - chosen),
            )

    async def _snooze(self, request: web.Request, session: DeskSession, form: ActionForm) -> None:
        fields = await _texts(request)
        until = None
        if fields.get("when") != UNTIL_ANSWER:
            until = await self._time(fields, form.conversation)
        with _refusals():
            await self.services.desk.snooze(
                form.conversation, session.agent, until=until, epoch=form.epoch
            )

    async def _wake(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        with _refusals():
            await self.services.desk.wake(form.conversation, session.agent, epoch=form.epoch)

    async def _remind(self, request: web.Request, session: DeskSession, form: ActionForm) -> None:
        fields = await _texts(request)
        due = await self._time(fields, form.conversation)
        await self.reminders.add(
            session.agent,
            form.conversation,
            fields.get("words", ""),
            due,
            self.services.clock.now(),
        )
        await self.services.audit.record(
            session.agent.id, "reminder_set", conversation=form.conversation
        )
        self.views.outdate(session.agent.id)

    async def _spam(self, request: web.Request, session: DeskSession, form: ActionForm) -> None:
        block = (await _texts(request)).get("block") == "yes"
        with _refusals():
            await self.services.desk.mark_spam(
                form.conversation, session.agent, epoch=form.epoch, block=block
            )

    async def _time(self, fields: Mapping[str, str], conversation: int) -> datetime:
        card = await self.services.desk.card(conversation)
        zone = self.services.time_zone(card.conversation.brand)
        return chosen_time(fields, self.services.clock.now(), zone)


@contextmanager
def _refusals() -> Iterator[None]:
    """Shows why the gateway refused a mark."""
    try:
        yield
    except (NotAccepted, NotFound) as refused:
        raise InvalidForm(f"Nothing was changed: {refused}.") from refused


async def _texts(request: web.Request) -> dict[str, str]:
    fields = await read_fields(request)
    return {name: value for name, value in fields.items() if isinstance(value, str)}


async def _all(request: web.Request, name: str) -> list[str]:
    """Every value of a field that a form may have more than once."""
    return [value for value in (await request.post()).getall(name, []) if isinstance(value, str)]
