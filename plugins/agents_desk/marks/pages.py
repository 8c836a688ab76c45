"""Pages of one's own: what is due, mentions, alerts; and the team's labels and spam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from gateway import (
    Address,
    Message,
    Services,
    Value,
    WarmlineError,
)
from plugins.agents_desk import labels as words
from plugins.agents_desk.access.accounts import may, may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import InvalidForm, RequestGuard, read_fields, safe_target
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.marks.alerts import KINDS, AlertSettings, AlertStore
from plugins.agents_desk.marks.mentions import Mention, Mentions
from plugins.agents_desk.marks.personal import PersonalViews
from plugins.agents_desk.marks.reminders import Reminder, Reminders
from plugins.agents_desk.marks.team_labels import COLOURS, SPAM, TeamLabels
from plugins.agents_desk.marks.when import PRESETS, chosen_time

SHOWN = 50
EXCERPT = 200
"""Characters of a note that the list of mentions shows."""


class MentionView(Value, frozen=True, kw_only=True):
    """A mention with its note. ``text`` is empty for whom the conversation is not to be seen."""

    mention: Mention
    name: str
    text: str


class ReminderView(Value, frozen=True, kw_only=True):
    """A reminder with the name of its customer."""

    reminder: Reminder
    name: str


@dataclass(kw_only=True)
class MarkPages:
    """The pages; each form leads back to where it was sent from."""

    services: Services
    html: HtmlRenderer
    guard: RequestGuard
    labels: TeamLabels
    reminders: Reminders
    mentions: Mentions
    alerts: AlertStore
    views: PersonalViews
    colleagues: bool

    def routes(self) -> list[web.RouteDef]:
        read, act = self.guard.read, self.guard.act
        return [
            web.get("/desk/reminders", read(self._show_reminders)),
            web.post("/desk/reminders", act(self._change_reminder)),
            web.get("/desk/mentions", read(self._show_mentions)),
            web.post("/desk/mentions", act(self._read_mentions)),
            web.get("/desk/labels", read(self._show_labels)),
            web.post("/desk/labels", act(self._change_label)),
            web.get("/desk/spam", read(self._show_spam)),
            web.post("/desk/spam", act(self._change_spam)),
            web.get("/desk/alerts", read(self._show_alerts)),
            web.post("/desk/alerts", act(self._change_alerts)),
        ]

    async def _show_reminders(
        self, _: web.Request, session: DeskSession, problem: str = ""
    ) -> web.Response:
        found = await self.reminders.of(session.agent.id)
        names = await self._names([each.conversation for each in found[:SHOWN]], session)
        shown = [
            ReminderView(reminder=reminder, name=names.get(reminder.conversation, ""))
            for reminder in found[:SHOWN]
        ]
        return self.html.page(
            "marks/reminders.html",
            session=session,
            reminders=shown,
            more=len(found) - len(shown),
            presets=PRESETS,
            problem=problem,
            status=422 if problem else 200,
        )

    async def _change_reminder(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = await _texts(request)
        key, agent = fields.get("key", "")[:80], session.agent.id
        act = fields.get("act", "")
        try:
            if act == "postpone":
                due = chosen_time(fields, self.services.clock.now(), self.services.time_zone(""))
                await self.reminders.postpone(key, agent, due)
            elif act in ("done", "delete"):
                await self.reminders.finish(key, agent)
            else:
                raise InvalidForm("Choose what to do with the reminder.")
        except WarmlineError as error:
            return await self._show_reminders(request, session, f"{error}".capitalize())
        finally:
            self.views.outdate(agent)
        return redirect(_back(request, "/desk/reminders"))

    async def _show_mentions(self, request: web.Request, session: DeskSession) -> web.Response:
        after = request.query.get("after", "")[:120]
        found = (await self.mentions.of(session.agent.id, after=after))[:SHOWN]
        names = await self._names([mention.conversation for mention in found], session)
        notes = await self.services.desk.messages([mention.message for mention in found])
        shown = [_mentioned(mention, names, notes.get(mention.message)) for mention in found]
        return self.html.page(
            "marks/mentions.html",
            session=session,
            mentions=shown,
            older=found[-1].key if len(found) == SHOWN else "",
        )

    async def _read_mentions(self, _: web.Request, session: DeskSession) -> web.Response:
        """Mark all as read."""
        agent = session.agent.id
        await self.mentions.read(agent, await self.mentions.of(agent), self.services.clock.now())
        self.views.outdate(agent)
        return redirect("/desk/mentions")

    async def seen(self, session: DeskSession, conversation: int) -> None:
        """The person has opened a conversation: its mentions of them are read."""
        unread = self.views.of(session).unread
        here = [mention for mention in unread if mention.conversation == conversation]
        if here:
            await self.mentions.read(session.agent.id, here, self.services.clock.now())
            self.views.outdate(session.agent.id)

    async def _names(self, conversations: Sequence[int], session: DeskSession) -> dict[int, str]:
        """The customers' names by conversation, without those that were erased or that this person
        may not see."""
        found = await self.services.desk.headings(conversations)
        return {
            id: words.customer_name(each.customer.name, each.conversation.address)
            for id, each in found.items()
            if may_see(session.role, session.agent, each.conversation, colleagues=self.colleagues)
        }

    async def _show_labels(
        self, _: web.Request, session: DeskSession, problem: str = ""
    ) -> web.Response:
        return self.html.page(
            "marks/labels.html",
            session=session,
            team_labels=await self.labels.all(),
            colours=COLOURS,
            problem=problem,
            status=422 if problem else 200,
        )

    async def _change_label(self, request: web.Request, session: DeskSession) -> web.Response:
        """Everybody may add one; leads rename, recolour and delete."""
        fields = await _texts(request)
        title, colour = fields.get("title", ""), fields.get("colour", "grey")
        key, act = fields.get("key", "")[:48], fields.get("act", "")
        if act in ("change", "delete") and not may(session.role, "reassign"):
            return self.html.forbidden()
        try:
            if act == "create":
                key = (await self.labels.create(title, colour)).key
            elif act == "change":
                await self.labels.change(key, title, colour)
            elif act == "delete":
                await self.labels.delete(key)
            else:
                raise InvalidForm("Choose what to do with the label.")
        except WarmlineError as error:
            return await self._show_labels(request, session, str(error))
        finally:
            self.views.outdate()
        await self.services.audit.record(session.agent.id, f"label_{act}", detail=key)
        return redirect("/desk/labels")

    async def _show_spam(self, request: web.Request, session: DeskSession) -> web.Response:
        before, after = _number(request, "before"), _number(request, "after")
        desk, agent = self.services.desk, session.agent
        found = await desk.labelled(SPAM, agent, before=before, most=SHOWN)
        blocked = await desk.blocked(agent, after=after, most=SHOWN)
        return self.html.page(
            "marks/spam.html",
            session=session,
            conversations=[c for c in found if may_see(session.role, agent, c)],
            older=found[-1].id if len(found) == SHOWN else 0,
            blocked=blocked,
            further=blocked[-1].id if len(blocked) == SHOWN else 0,
            may_unblock=may(session.role, "reassign"),
        )

    async def _change_spam(self, request: web.Request, session: DeskSession) -> web.Response:
        """Take the label off a conversation; or let an address in again, which a lead decides."""
        fields = await _texts(request)
        try:
            if fields.get("act") == "unblock":
                if not may(session.role, "reassign"):
                    return self.html.forbidden()
                address = Address.from_lane(fields.get("address", "")[:400])
                await self.services.desk.unblock(address, session.agent)
            elif fields.get("act") == "not-spam":
                number = int(fields.get("conversation", "")[:18])
                card = await self.services.desk.card(number)
                if not may_see(session.role, session.agent, card.conversation):
                    return self.html.forbidden()
                await self.services.desk.label(number, session.agent, remove=(SPAM,))
        except (WarmlineError, ValueError):
            return self.html.message("Not found", "It is not in the list any more.", status=404)
        return redirect("/desk/spam")

    async def _show_alerts(self, _: web.Request, session: DeskSession) -> web.Response:
        return self.html.page(
            "marks/alerts.html",
            session=session,
            settings=await self.alerts.of(session.agent.id),
            kinds=KINDS,
        )

    async def _change_alerts(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = await _texts(request)
        await self.alerts.put(
            session.agent.id,
            AlertSettings(
                sound="sound" in fields,
                desktop="desktop" in fields,
                quiet_on_break="quiet" in fields,
                kinds=tuple(kind for kind in KINDS if f"kind-{kind}" in fields),
            ),
        )
        return redirect("/desk/alerts")


def _mentioned(mention: Mention, names: Mapping[int, str], note: Message | None) -> MentionView:
    """``note`` is shown to whom ``names`` has its conversation, and as long as it is there."""
    name = names.get(mention.conversation, "")
    there = note is not None and note.internal and note.conversation == mention.conversation
    text = note.text[:EXCERPT] if note and name and there else ""
    return MentionView(mention=mention, name=name, text=text)


def _back(request: web.Request, otherwise: str) -> str:
    """The page of ours that the form was sent from (our policy lets browsers name it)."""
    came = urlsplit(request.headers.get("Referer", ""))
    if came.netloc != request.host:
        return otherwise
    return safe_target(came.path + (f"?{came.query}" if came.query else ""))


def _number(request: web.Request, name: str) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


async def _texts(request: web.Request) -> dict[str, str]:
    fields = await read_fields(request)
    return {name: value for name, value in fields.items() if isinstance(value, str)}
