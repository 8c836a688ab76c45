"""What the scripts of a conversation's page ask beside its forms: who else is there, and which
conversations this person had open last."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from gateway import Services
from plugins.agents_desk import labels
from plugins.agents_desk.access.accounts import may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.composing.presence import ConversationPresence, Doing, people_json
from plugins.agents_desk.guard import RequestGuard, read_fields
from plugins.agents_desk.html import HtmlRenderer, with_security_headers
from plugins.agents_desk.pages import ID

MOST_RECENT = 8
"""Conversations that the palette offers."""
LINES_READ = 100
"""Entries of the audit log in which they are looked for."""


@dataclass(kw_only=True)
class ConversationCompanions:
    """Small answers in JSON. None of these requests counts as work of the person."""

    services: Services
    html: HtmlRenderer
    guard: RequestGuard
    presence: ConversationPresence

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"/desk/c/{ID}/presence", self.guard.act(self._presence)),
            web.get("/desk/recent", self.guard.read(self._recent)),
        ]

    async def _presence(self, request: web.Request, session: DeskSession) -> web.Response:
        """Tell colleagues what this person does, and this person who else is there."""
        number = int(request.match_info["id"])
        found = (await self.services.desk.headings((number,))).get(number)
        if found is None:
            return self.html.conversation_not_found()
        if not may_see(session.role, session.agent, found.conversation):
            return self.html.forbidden()
        told = (await read_fields(request)).get("doing")
        doing: Doing = "reading"
        if told == "writing":
            doing = "writing"
        elif told == "left":
            doing = "left"
        self.presence.publish(number, session.agent, doing)
        return with_security_headers(
            web.json_response({"people": people_json(self.presence, number, session.agent)})
        )

    async def _recent(self, _: web.Request, session: DeskSession) -> web.Response:
        """The conversations that this person viewed last, newest first."""
        lines = await self.services.audit.lines(who=session.agent.id, limit=LINES_READ)
        viewed = (line.conversation for line in lines if line.what == "viewed")
        ids = list(dict.fromkeys(id for id in viewed if id))[:MOST_RECENT]
        known = await self.services.desk.headings(ids)
        found = []
        for id, conversation, customer in (
            (id, known[id].conversation, known[id].customer) for id in ids if id in known
        ):
            if may_see(session.role, session.agent, conversation):
                name = labels.customer_name(customer.name, conversation.address)
                state = labels.state(conversation, session.agent.id)
                note = f"{labels.channel(conversation.address.channel)} · {state}"
                found.append({"conversation": id, "name": name, "note": note})
        return with_security_headers(web.json_response(found))
