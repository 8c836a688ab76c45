"""What is filled in and sent: answers that were edited, transfers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.slack.agents import dialogs as asks
from channels.slack.agents import modals
from channels.slack.agents.context import OK, Office
from channels.slack.agents.store import Reply
from gateway import Agent, Conflict, Json, WarmlineError


class Forms:
    """Done, or written down, before Slack gets its answer; what is wrong is said in the form."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def submit(self, view: Mapping[str, Any], user: str) -> Json:
        """What a form says; None when it is none of ours."""
        callback = view.get("callback_id")
        if callback not in (modals.EDIT, modals.TRANSFER):
            return None
        try:
            agent = await self._office.people.agent(user)
        except WarmlineError:
            return _wrong(callback, "Slack could not be reached. Please try again.")
        if agent is None:
            return _wrong(callback, "Only full members of the channel can do this.")
        if callback == modals.EDIT:
            return await self._edited(view, user)
        return await self._transferred(view, agent)

    async def _edited(self, view: Mapping[str, Any], user: str) -> Json:
        about, text = modals.about_edit(view), modals.values(view).get("text", "")
        if not text.strip():
            return _wrong(modals.EDIT, "There is nothing to send.")
        if about.reply is not None:
            kept = await self._office.book.get(f"live/{about.reply}", Reply)
            if kept is None or kept.value.stage == "new" or kept.value.user != user:
                return _wrong(modals.EDIT, "That was decided already.")
            said = asks.literal(text) if kept.value.typed else text
            changed = kept.value.replace(stage="new", text=said, as_is=False)
            await self._office.book.change(kept, changed)
            self._office.wake(about.conversation)
            return OK
        card = await self._office.house.desk.card(about.conversation)
        await self._office.queue(f"v{view.get('id', '')}", card, user, text, about.suggestion)
        return OK

    async def _transferred(self, view: Mapping[str, Any], agent: Agent) -> Json:
        about, given = modals.about_transfer(view), modals.values(view)
        if given.get("tier") not in self._office.settings.tiers:
            return _wrong(modals.TRANSFER, "Choose to whom it goes.")
        skills = tuple(s.strip()[:60] for s in given.get("skills", "").split(",") if s.strip())
        try:
            await self._office.house.desk.transfer(
                about.conversation,
                agent,
                epoch=about.epoch,
                tier=given["tier"],
                skills=skills[:20],
                reason=given.get("reason", "").strip()[:500],
            )
        except Conflict as late:
            return _wrong(modals.TRANSFER, asks.faster(late.conversation))
        return OK


def _wrong(callback: str, message: str) -> Json:
    """A form stays open and says what is wrong, at its first field."""
    first = "text" if callback == modals.EDIT else "tier"
    return {"response_action": "errors", "errors": {first: message}}
