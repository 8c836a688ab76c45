"""What Slack delivers to the agents' side: stored or done before it gets its 200.

Everything in the support channel is ours, so nothing that agents say among themselves is taken for
a customer's message. Payloads are as docs.slack.dev documents them and `endpoint` checked them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.slack.agents import dialogs, home
from channels.slack.agents.actions import Buttons, Forms
from channels.slack.agents.context import OK, AgentContext, ButtonPress
from channels.slack.agents.home import AppHomes
from channels.slack.agents.publisher import Publisher
from channels.slack.agents.store import (
    AgentReply,
    Availability,
    FinishedReply,
    PrivateNotice,
    ReplyFile,
    Saved,
)
from channels.slack.agents.sync import CardSync
from channels.slack.endpoint import PERSON_SUBTYPES
from channels.slack.files import MAX_FILES
from channels.slack.markup import emoji_in, has_shares, shared_files, with_shares
from gateway import Json, Outdated, TryLater, WarmlineError

LOCKS = frozenset({"lock", "closed_lock_with_key", "lock_with_ink_pen"})
CARD_WITHIN = 1.5
"""Seconds to wait for a card that is being posted: Slack wants its answer within three."""


class AgentEvents:
    """Takes payloads; None leaves them to others."""

    def __init__(
        self, context: AgentContext, homes: AppHomes, sync: CardSync, publisher: Publisher
    ) -> None:
        self._context, self._homes = context, homes
        self._buttons, self._forms = Buttons(context), Forms(context)
        self._sync, self._publisher = sync, publisher

    async def take(self, payload: Mapping[str, Any]) -> Json:
        """The answer for Slack. Raises TryLater when Slack must deliver it again."""
        kind = payload.get("type")
        if kind == "event_callback":
            return await self._event(payload["event"], _bot_user(payload))
        if kind == "block_actions":
            return await self._press(payload)
        if kind == "view_submission":
            return await self._forms.submit(payload.get("view") or {}, _user(payload))
        if payload.get("command") == self._context.settings.command:
            return await self._command(payload)
        return None

    # -- events

    async def _event(self, event: Mapping[str, Any], bot_user: str) -> Json:
        kind = event.get("type")
        if kind == "app_home_opened" and event.get("tab", "home") == "home":
            self._homes.opened(str(event.get("user", "")))
            return OK
        item = event.get("item")
        channel = item.get("channel") if isinstance(item, dict) else event.get("channel")
        if channel != self._context.channel:
            return None
        if kind in ("member_joined_channel", "member_left_channel"):
            self._context.members.forget(str(event.get("user", "")))
        elif kind == "reaction_added" and isinstance(item, dict):
            await self._reaction(event, str(item.get("ts", "")), bot_user)
        elif kind == "message":
            await self._message(event, bot_user)
        return OK

    async def _message(self, event: Mapping[str, Any], bot_user: str) -> None:
        subtype = event.get("subtype")
        message = event.get("message") if subtype == "message_changed" else event
        if isinstance(message, dict):
            self._publisher.note_timestamp(str(message.get("ts", "")))
        if subtype == "message_changed":
            await self._changed(event)
        elif subtype == "message_deleted":
            await self._deleted(event)
        elif event.get("user") == bot_user:
            return
        elif subtype in PERSON_SUBTYPES and not event.get("bot_id"):
            await self._written(event)
        elif event.get("bot_id") and event.get("thread_ts"):
            await self._from_app(event)

    async def _written(self, event: Mapping[str, Any]) -> None:
        """A message in a card's thread, stored to be worked on."""
        store = self._context.store
        ts, thread = str(event.get("ts", "")), str(event.get("thread_ts", ""))
        conversation = await self._conversation_of(thread) if thread and thread != ts else None
        if conversation is None or await store.get(f"past/{ts}", FinishedReply) is not None:
            return
        lock = await store.get(f"lock/{ts}", str)
        reply = AgentReply(
            id=ts,
            conversation=conversation,
            thread=thread,
            user=str(event.get("user", "")),
            text=_text(event),
            shares=has_shares(event.get("attachments")),
            files=_files(event),
            emoji=_emoji(event),
            due=self._context.seconds + self._context.settings.grace,
            internal=lock is not None,
        )
        await store.add(f"live/{ts}", reply, conversation=conversation)
        if lock is not None:
            await store.drop(lock)
        self._context.wake(conversation)

    async def _conversation_of(self, thread: str) -> int | None:
        """The conversation of a thread. Raises TryLater while a card is being posted whose
        timestamp is not known yet: it may be this one."""
        store = self._context.store
        found = await store.conversation_of(thread)
        if found is None and await self._sync.card_pending():
            await self._sync.wait_for_cards(CARD_WITHIN)
            found = await store.conversation_of(thread)
            if found is None and await self._sync.card_pending():
                raise TryLater("a card is being posted")
        return found

    async def _from_app(self, event: Mapping[str, Any]) -> None:
        """Another app wrote into a card's thread. A reaction shows that it was not sent; a text
        might be answered by that app."""
        ts, thread = str(event.get("ts", "")), str(event.get("thread_ts", ""))
        conversation = await self._conversation_of(thread)
        if conversation is not None:
            notice = PrivateNotice(thread=ts, emoji="no_entry_sign")
            await self._context.notify(f"{ts}:no", notice, conversation)

    async def _changed(self, event: Mapping[str, Any]) -> None:
        now, before = event.get("message") or {}, event.get("previous_message") or {}
        ts, text = str(now.get("ts", "")), _text(now)
        if str(now.get("text") or "") == str(before.get("text") or ""):
            return None  # Slack only added something, such as the preview of a link
        saved = await self._context.store.get(f"live/{ts}", AgentReply)
        if saved is None:
            return await self._too_late(ts, str(event.get("event_ts", text)), deleted=False)
        due = self._context.seconds + self._context.settings.grace
        again: dict[str, object] = {"as_is": False, "to_customer": False, "doubtful": False}
        return await self._change(saved, text=text, emoji=_emoji(now), due=due, **again)

    async def _deleted(self, event: Mapping[str, Any]) -> None:
        ts = str(event.get("deleted_ts", ""))
        saved = await self._context.store.get(f"live/{ts}", AgentReply)
        if saved is None:
            return await self._too_late(ts, "gone", deleted=True)
        return await self._context.store.finish(saved, "withdrawn")

    async def _too_late(self, ts: str, change: str, *, deleted: bool) -> None:
        """Explain to the author that a sent answer or a note does not change."""
        past = await self._context.store.get(f"past/{ts}", FinishedReply)
        if past is None or past.value.outcome not in ("sent", "noted"):
            return
        if past.value.outcome == "noted":
            text = dialogs.note_changed_too_late(deleted=deleted)
        else:
            card = await self._context.read_card(past.conversation)
            text = dialogs.changed_too_late(card.conversation, deleted=deleted)
        notice = PrivateNotice(user=past.value.user, text=text)
        await self._context.notify(f"{ts}:changed:{change}", notice, past.conversation)

    async def _reaction(self, event: Mapping[str, Any], ts: str, bot_user: str) -> None:
        """A lock makes a note of a reply that was not sent yet."""
        user, store = str(event.get("user", "")), self._context.store
        if event.get("reaction") not in LOCKS or user == bot_user:
            return
        saved = await store.get(f"live/{ts}", AgentReply)
        if saved is not None:
            if user == saved.value.user or await self._context.members.agent(user) is not None:
                await self._change(saved, internal=True, due=0.0)
            return
        past = await store.get(f"past/{ts}", FinishedReply)
        if past is None:
            await store.add(f"lock/{ts}", user)  # it may come before its message
        elif past.value.outcome == "sent":
            text = "🔒 comes too late here: the customer has this answer already."
            notice = PrivateNotice(user=user, text=text)
            await self._context.notify(f"{ts}:late", notice, past.conversation)

    async def _change(self, saved: Saved[AgentReply], **changes: object) -> None:
        """Work on the reply again, changed."""
        try:
            await self._context.store.change(saved, saved.value.replace(stage="new", **changes))
        except Outdated:
            # It is being worked on; the next delivery finds out how that ended.
            raise TryLater("this reply is being worked on") from None
        self._context.wake(saved.value.conversation)

    # -- interactions and commands

    async def _press(self, payload: Mapping[str, Any]) -> Json:
        actions = payload.get("actions")
        action = actions[0] if isinstance(actions, list) and actions else {}
        name = str(action.get("action_id", ""))
        if not name.startswith("agents:"):
            return None
        press = ButtonPress(
            id=f"{name}:{action.get('action_ts', '')}",
            user=_user(payload),
            action=name,
            value=str(action.get("value", "")),
            trigger=str(payload.get("trigger_id", "")),
        )
        answer = await self._buttons.press(press)
        self._homes.changed(press.user)
        return answer

    async def _command(self, payload: Mapping[str, Any]) -> Json:
        user, slash = str(payload.get("user_id", "")), self._context.settings.command
        word = str(payload.get("text", "")).strip().lower()
        try:
            agent = await self._context.members.agent(user)
        except WarmlineError:
            return home.ephemeral("Slack could not be asked who you are. Please try again.")
        if agent is None:
            return home.ephemeral("Only full members of the support channel can use this.")
        if word in ("available", "break"):
            await self._set_away(user, away=word == "break")
        return home.command_answer(word, await self._homes.read(user), slash)

    async def _set_away(self, user: str, *, away: bool) -> None:
        since = self._context.services.clock.now().isoformat() if away else ""
        seen = await self._context.store.get(f"person/{user}", Availability)
        if seen is None:
            await self._context.store.add(f"person/{user}", Availability(away_since=since))
        elif bool(seen.value.away_since) != away:
            await self._context.store.change(seen, Availability(away_since=since))
        self._sync.check_all_soon()
        self._homes.changed(user)


def _bot_user(payload: Mapping[str, Any]) -> str:
    """Our own user id, from the envelope."""
    authorizations = payload.get("authorizations")
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else {}
    return str(first.get("user_id", "")) if isinstance(first, dict) else ""


def _user(payload: Mapping[str, Any]) -> str:
    user = payload.get("user")
    return str(user.get("id", "")) if isinstance(user, dict) else ""


def _text(message: Mapping[str, Any]) -> str:
    """What a message says, with what it forwards."""
    return with_shares(str(message.get("text") or ""), message.get("attachments"))


def _emoji(message: Mapping[str, Any]) -> dict[str, str]:
    return emoji_in((message.get("blocks"), message.get("attachments")))


def _files(event: Mapping[str, Any]) -> tuple[ReplyFile, ...]:
    found = []
    for file in (*(event.get("files") or ()), *shared_files(event.get("attachments"))):
        url = file.get("url_private_download") or file.get("url_private")
        if url:
            found.append(
                ReplyFile(
                    id=str(file.get("id", "")),
                    name=str(file.get("name") or file.get("title") or "file")[:200],
                    media_type=str(file.get("mimetype") or "application/octet-stream"),
                    url=str(url),
                    size=int(file.get("size") or 0),
                )
            )
    return tuple(found[:MAX_FILES])
