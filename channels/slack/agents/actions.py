"""What the buttons and forms do. Each is done at the desk, or stored, before Slack gets its 200."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from channels.slack.agents import dialogs
from channels.slack.agents.case import CaseButtons
from channels.slack.agents.context import OK, AgentContext, ButtonPress
from channels.slack.agents.dialogs import EditForm
from channels.slack.agents.store import AgentReply, Saved
from channels.slack.api import SlackRefused
from channels.slack.markup import escape, one_line, readable
from gateway import (
    Agent,
    Conflict,
    ContextCard,
    Conversation,
    Json,
    NotFound,
    Outdated,
    WarmlineError,
)

DECIDED = "That has already been decided."


class Buttons:
    """Every button of ours, by its action id."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        card, suggestion, held = (
            CardButtons(context), SuggestionButtons(context), HeldReplyButtons(context),
        )  # fmt: skip
        case = CaseButtons(context)
        self._actions: dict[str, Callable[[ButtonPress, Agent], Awaitable[None]]] = {
            "agents:claim": card.claim,
            "agents:take": card.take_over,
            "agents:resolve": card.resolve,
            "agents:hand_back": card.hand_back,
            "agents:transfer": card.transfer,
            "agents:answer": card.answer,
            "agents:fact:confirm": case.confirm,
            "agents:promise:kept": case.kept,
            "agents:promise:withdrawn": case.withdrawn,
            "agents:suggestion:send": suggestion.send,
            "agents:suggestion:edit": suggestion.edit,
            "agents:suggestion:ignore": suggestion.ignore,
            "agents:reply:send": held.send_as_is,
            "agents:reply:customer": held.send_to_customer,
            "agents:reply:use": held.use_correction,
            "agents:reply:edit": held.edit,
            "agents:reply:note": held.keep_as_note,
            "agents:reply:drop": held.discard,
            "agents:reply:take": held.take_over,
        }

    async def press(self, press: ButtonPress) -> Json:
        """Do what the button says if an agent pressed it; None when it is not our button."""
        action = self._actions.get(press.action)
        if action is None:
            return None
        answer = self._context.answer_press
        try:
            agent = await self._context.members.agent(press.user)
            if agent is None:
                await answer(press, dialogs.BUTTON_REFUSED)
            else:
                await action(press, agent)
        except Conflict as late:
            await answer(press, f"✋ {dialogs.lost_race(late.conversation)}")
        except NotFound:
            await answer(press, "✋ This conversation no longer exists.")
        except SlackRefused as refused:
            await answer(press, f"✋ Slack opened no form ({refused.code}). Please press again.")
        except WarmlineError:
            await answer(press, "✋ Slack could not be reached for this. Please press again.")
        return OK


@dataclass(frozen=True, slots=True)
class CardButtons:
    """Claim, take over, resolve, hand back, transfer. They raise Conflict and NotFound."""

    context: AgentContext

    async def claim(self, press: ButtonPress, agent: Agent) -> None:
        conversation = (await self.context.card(press)).conversation
        if conversation.state != "waiting" and not _owns(agent, conversation):
            text = f"✋ {dialogs.lost_race(conversation)}"
            return await self.context.answer_press(press, text, conversation.id)
        return await self._claim(press, agent, conversation)

    async def take_over(self, press: ButtonPress, agent: Agent) -> None:
        await self._claim(press, agent, (await self.context.card(press)).conversation)

    async def resolve(self, press: ButtonPress, agent: Agent) -> None:
        if (conversation := await self._owned(press, agent)) is not None:
            desk = self.context.services.desk
            await desk.resolve(conversation.id, agent, epoch=conversation.epoch)
            await self.context.store.count(press.user, self.context.today, "resolved")

    async def hand_back(self, press: ButtonPress, agent: Agent) -> None:
        if (conversation := await self._owned(press, agent)) is not None:
            desk = self.context.services.desk
            await desk.hand_back(conversation.id, agent, epoch=conversation.epoch)

    async def transfer(self, press: ButtonPress, agent: Agent) -> None:
        card = await self.context.card(press)
        conversation = card.conversation
        if conversation.owner is not None and not _owns(agent, conversation):
            text = f"✋ {dialogs.owner_text(conversation)} Take it over first."
            return await self.context.answer_press(press, text, conversation.id)
        form = dialogs.transfer_form(card, self.context.settings.tiers)
        return await self.context.open_form(press, form)

    async def answer(self, press: ButtonPress, _: Agent) -> None:
        """Open the form for an answer; with the words of the note that the button names."""
        card = await self.context.card(press)
        note = press.value.partition(":")[2]
        words = (m.text for m in card.messages if m.internal and str(m.id) == note)
        form = EditForm(conversation=card.conversation.id)
        text = next(words, "")
        return await self.context.open_form(press, dialogs.edit_form(card, form, text))

    async def _claim(self, press: ButtonPress, agent: Agent, conversation: Conversation) -> None:
        id = conversation.id
        if _owns(agent, conversation):
            return await self.context.answer_press(press, "You already have this conversation.", id)
        card = await self.context.services.desk.claim(id, agent, epoch=conversation.epoch)
        await self.context.store.count(press.user, self.context.today, "claims")
        if card.on_its_way:
            messages = "\n".join(f"• {one_line(m.text, 300)}" for m in card.on_its_way[:5])
            text = f"⚠️ This was being sent when you claimed it:\n{messages}"
            await self.context.answer_press(press, text, id)
        return self.context.wake(id)

    async def _owned(self, press: ButtonPress, agent: Agent) -> Conversation | None:
        """The conversation, when this agent has it; else None, and they see why."""
        conversation = (await self.context.card(press)).conversation
        if _owns(agent, conversation):
            return conversation
        text = "Claim it first."
        if conversation.owner:
            text = f"{dialogs.owner_text(conversation)} Take it over first."
        await self.context.answer_press(press, f"✋ {text}", conversation.id)
        return None


@dataclass(frozen=True, slots=True)
class SuggestionButtons:
    """The suggested answer: sent, edited or ignored. All three are recorded."""

    context: AgentContext

    async def send(self, press: ButtonPress, _: Agent) -> None:
        card, id, draft = await self._draft(press)
        if draft is None:
            return await self._gone(press, card)
        return await self.context.queue_reply(f"s{id}", card, press.user, draft, id)

    async def edit(self, press: ButtonPress, _: Agent) -> None:
        card, id, draft = await self._draft(press)
        if draft is None:
            return await self._gone(press, card)
        form = EditForm(conversation=card.conversation.id, suggestion=id)
        return await self.context.open_form(press, dialogs.edit_form(card, form, draft))

    async def ignore(self, press: ButtonPress, agent: Agent) -> None:
        _, id, draft = await self._draft(press)
        if draft is not None:
            await self.context.services.desk.ignore_suggestion(id, agent)

    async def _gone(self, press: ButtonPress, card: ContextCard) -> None:
        text = "This suggestion is no longer available."
        await self.context.answer_press(press, text, card.conversation.id)

    async def _draft(self, press: ButtonPress) -> tuple[ContextCard, int, str | None]:
        """The suggestion, if it is still the one that was shown."""
        card = await self.context.card(press)
        id, draft = int(press.value.partition(":")[2]), card.suggestion
        return card, id, draft.text if draft and draft.id == id else None


@dataclass(frozen=True, slots=True)
class HeldReplyButtons:
    """What an agent decides about a reply that waits for them."""

    context: AgentContext

    async def send_as_is(self, press: ButtonPress, _: Agent) -> None:
        await self._retry(press, as_is=True)

    async def send_to_customer(self, press: ButtonPress, _: Agent) -> None:
        await self._retry(press, to_customer=True, doubtful=False)

    async def take_over(self, press: ButtonPress, _: Agent) -> None:
        await self._retry(press, take=True)

    async def keep_as_note(self, press: ButtonPress, _: Agent) -> None:
        await self._retry(press, internal=True)

    async def use_correction(self, press: ButtonPress, _: Agent) -> None:
        saved = await self._held(press)
        if saved is None:
            return None
        text = _plain(saved.value)
        findings = await self.context.services.desk.advise(saved.value.conversation, text)
        better = dialogs.corrected(text, findings)
        if better is None:
            return await self.context.answer_press(press, "The advice has changed. Please edit it.")
        # Our own text: it must not be taken for Slack's markup.
        return await self._retry(press, text=escape(better))

    async def edit(self, press: ButtonPress, _: Agent) -> None:
        saved = await self._held(press)
        if saved is None:
            return
        reply = saved.value
        card = await self.context.read_card(reply.conversation)
        text = _plain(reply) if reply.typed else reply.text
        form = EditForm(conversation=reply.conversation, reply=reply.id)
        await self.context.open_form(press, dialogs.edit_form(card, form, text))

    async def discard(self, press: ButtonPress, _: Agent) -> None:
        saved = await self._held(press)
        if saved is not None:
            await self.context.store.finish(saved, "withdrawn", press.user)
            text = "Discarded. It was not sent."
            await self.context.answer_press(press, text, saved.value.conversation)

    async def _retry(self, press: ButtonPress, **changes: object) -> None:
        """Work on the reply again, changed."""
        saved = await self._held(press)
        if saved is None:
            return None
        try:
            await self.context.store.change(saved, saved.value.replace(stage="new", **changes))
        except Outdated:
            return await self.context.answer_press(press, DECIDED)
        return self.context.wake(saved.value.conversation)

    async def _held(self, press: ButtonPress) -> Saved[AgentReply] | None:
        """The reply, when it waits for this agent; else None, and they see why."""
        saved = await self.context.store.get(f"live/{press.value}", AgentReply)
        if saved is None or saved.value.stage == "new":
            await self.context.answer_press(press, DECIDED)
            return None
        if saved.value.user != press.user:
            await self.context.answer_press(press, "✋ Only its author can decide that.")
            return None
        return saved


@dataclass(frozen=True, slots=True)
class Forms:
    """Forms that were submitted. A mistake is shown in the form, which stays open."""

    context: AgentContext

    async def submit(self, view: Mapping[str, Any], user: str) -> Json:
        """The answer to a form; None when it is not our form."""
        callback = view.get("callback_id")
        if callback not in (dialogs.EDIT, dialogs.TRANSFER):
            return None
        try:
            agent = await self.context.members.agent(user)
        except WarmlineError:
            return _error(callback, "Slack could not be reached. Please try again.")
        if agent is None:
            return _error(callback, "Only full members of the channel can do this.")
        if callback == dialogs.EDIT:
            return await self._edited(view, user)
        return await self._transferred(view, agent)

    async def _edited(self, view: Mapping[str, Any], user: str) -> Json:
        form, text = dialogs.parse_edit_form(view), dialogs.form_values(view).get("text", "")
        if not text.strip():
            return _error(dialogs.EDIT, "There is nothing to send.")
        if form.reply is None:
            card = await self.context.read_card(form.conversation)
            id = f"v{view.get('id', '')}"
            await self.context.queue_reply(id, card, user, text, form.suggestion)
            return OK
        saved = await self.context.store.get(f"live/{form.reply}", AgentReply)
        if saved is None or saved.value.stage == "new" or saved.value.user != user:
            return _error(dialogs.EDIT, DECIDED)
        text = escape(text) if saved.value.typed else text
        await self.context.store.change(
            saved, saved.value.replace(stage="new", text=text, as_is=False, to_customer=True)
        )
        self.context.wake(form.conversation)
        return OK

    async def _transferred(self, view: Mapping[str, Any], agent: Agent) -> Json:
        form, values = dialogs.parse_transfer_form(view), dialogs.form_values(view)
        if values.get("tier") not in self.context.settings.tiers:
            return _error(dialogs.TRANSFER, "Choose who gets it.")
        skills = [s.strip()[:60] for s in values.get("skills", "").split(",") if s.strip()]
        try:
            await self.context.services.desk.transfer(
                form.conversation,
                agent,
                epoch=form.epoch,
                tier=values["tier"],
                skills=tuple(skills[:20]),
                reason=values.get("reason", "").strip()[:500],
            )
        except Conflict as late:
            return _error(dialogs.TRANSFER, dialogs.lost_race(late.conversation))
        return OK


def _owns(agent: Agent, conversation: Conversation) -> bool:
    return conversation.owner is not None and conversation.owner.id == agent.id


def _plain(reply: AgentReply) -> str:
    return readable(reply.text, names={}, emoji=reply.emoji).strip()


def _error(callback: str, message: str) -> Json:
    """Shows ``message`` at the first field of the form."""
    first = "text" if callback == dialogs.EDIT else "tier"
    return {"response_action": "errors", "errors": {first: message}}
