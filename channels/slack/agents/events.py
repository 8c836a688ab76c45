"""What Slack delivers, sorted: written down or done before it gets its 200.

Everything in the support channel is ours, so that no word of agents among themselves is ever taken
for a customer's. Payloads as docs.slack.dev documents them, in the form of the door ``slack``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from channels.slack.agents import dialogs as asks
from channels.slack.agents import home
from channels.slack.agents.clicks import Clicks
from channels.slack.agents.context import OK, Click, Office
from channels.slack.agents.desktop import Desktops
from channels.slack.agents.forms import Forms
from channels.slack.agents.publisher import Poster
from channels.slack.agents.store import Kept, Past, Person, Reply, SlackFile
from channels.slack.agents.sync import Mirror
from channels.slack.agents.text import LOCKS, emoji_in
from gateway import Json, Outdated, TryLater, WarmlineError

log = structlog.get_logger(__name__)
SAID = frozenset({None, "file_share", "thread_broadcast", "me_message"})
FILES = 20
SOON = 1.5
"""Seconds that may be waited for: Slack wants its answer within three."""


class Door:
    """Takes payloads; None leaves them to others."""

    def __init__(self, office: Office, desktops: Desktops, mirror: Mirror, poster: Poster) -> None:
        self._office, self._desktops = office, desktops
        self._clicks, self._forms = Clicks(office), Forms(office)
        self._mirror, self._poster = mirror, poster

    async def take(self, payload: Mapping[str, Any]) -> Json:
        kind = payload.get("type")
        if kind == "event_callback":
            return await self._event(payload["event"], _us(payload))
        if kind == "block_actions":
            return await self._click(payload)
        if kind == "view_submission":
            return await self._forms.submit(payload.get("view") or {}, _user(payload))
        if payload.get("command") == self._office.settings.command:
            return await self._command(payload)
        return None

    # -- events

    async def _event(self, event: Mapping[str, Any], us: str) -> Json:
        kind = event.get("type")
        if kind == "app_home_opened" and event.get("tab", "home") == "home":
            await self._desktops.opened(str(event.get("user", "")))
            return OK
        item = event.get("item")
        place = item.get("channel") if isinstance(item, dict) else event.get("channel")
        if place != self._office.channel:
            return None
        if kind in ("member_joined_channel", "member_left_channel"):
            self._office.people.forget(str(event.get("user", "")))
        elif kind == "reaction_added" and isinstance(item, dict):
            await self._reaction(event, str(item.get("ts", "")), us)
        elif kind == "message":
            await self._message(event, us)
        return OK

    async def _message(self, event: Mapping[str, Any], us: str) -> None:
        subtype = event.get("subtype")
        inner = event.get("message") if subtype == "message_changed" else event
        if isinstance(inner, dict):
            self._poster.saw(str(inner.get("ts", "")))
        if subtype == "message_changed":
            await self._changed(event)
        elif subtype == "message_deleted":
            await self._deleted(event)
        elif subtype in SAID and event.get("user") != us and not event.get("bot_id"):
            await self._said(event)
        elif event.get("bot_id") and event.get("user") != us and event.get("thread_ts"):
            await self._machine(event)

    async def _said(self, event: Mapping[str, Any]) -> None:
        """Words in a card's thread, written down to be worked."""
        ts, thread = str(event.get("ts", "")), str(event.get("thread_ts", ""))
        conversation = await self._of(thread) if thread and thread != ts else None
        if conversation is None or await self._office.book.get(f"past/{ts}", Past) is not None:
            return
        locked = await self._office.book.get(f"lock/{ts}", str)
        reply = Reply(
            id=ts,
            conversation=conversation,
            thread=thread,
            user=str(event.get("user", "")),
            text=str(event.get("text") or ""),
            files=_files(event),
            emoji=emoji_in(event.get("blocks")),
            due=self._office.seconds + self._office.settings.grace,
            internal=locked is not None,
        )
        await self._office.book.add(f"live/{ts}", reply, conversation=conversation)
        if locked is not None:
            await self._office.book.drop(locked)
        self._office.wake(conversation)

    async def _of(self, thread: str) -> int | None:
        """The conversation of a thread. Raises TryLater while a card is being posted whose
        timestamp we do not know: it may be this one, and Slack delivers again."""
        found = await self._office.book.conversation_of(thread)
        if found is None and await self._mirror.posting():
            await self._mirror.posted(SOON)
            found = await self._office.book.conversation_of(thread)
        if found is None and await self._mirror.posting():
            raise TryLater("a card is just being posted")
        return found

    async def _machine(self, event: Mapping[str, Any]) -> None:
        """Another app wrote into a card's thread: seen not to be sent. It gets no words, which it
        might answer."""
        ts, thread = str(event.get("ts", "")), str(event.get("thread_ts", ""))
        conversation = await self._of(thread)
        if conversation is not None:
            sign = {"user": "", "thread": ts, "emoji": "no_entry_sign"}
            await self._office.tell(f"{ts}:no", conversation, **sign)

    async def _changed(self, event: Mapping[str, Any]) -> None:
        now, before = event.get("message") or {}, event.get("previous_message") or {}
        ts, text = str(now.get("ts", "")), str(now.get("text") or "")
        if text == str(before.get("text") or ""):
            return None  # Slack only added something, such as the preview of a link
        kept = await self._office.book.get(f"live/{ts}", Reply)
        if kept is None:
            return await self._too_late(ts, str(event.get("event_ts", text)), gone=False)
        due = self._office.seconds + self._office.settings.grace
        changed = kept.value.replace(
            text=text, emoji=emoji_in(now.get("blocks")), stage="new", due=due, as_is=False
        )
        return await self._change(kept, changed)

    async def _deleted(self, event: Mapping[str, Any]) -> None:
        ts = str(event.get("deleted_ts", ""))
        kept = await self._office.book.get(f"live/{ts}", Reply)
        if kept is None:
            return await self._too_late(ts, "gone", gone=True)
        await self._office.book.finish(kept, Past(user=kept.value.user, outcome="withdrawn"))
        return None

    async def _too_late(self, ts: str, which: str, *, gone: bool) -> None:
        """What was sent or noted is explained to its writer."""
        past = await self._office.book.get(f"past/{ts}", Past)
        if past is None or past.value.outcome not in ("sent", "noted"):
            return
        card = await self._office.house.desk.card(past.conversation)
        text = asks.changed(card.conversation, gone=gone)
        if past.value.outcome == "noted":
            text = asks.note_changed(gone=gone)
        await self._office.tell(
            f"{ts}:changed:{which}", past.conversation, user=past.value.user, thread="", text=text
        )

    async def _reaction(self, event: Mapping[str, Any], ts: str, us: str) -> None:
        """A lock keeps among us what has not gone out yet."""
        user = str(event.get("user", ""))
        if event.get("reaction") not in LOCKS or user == us:
            return
        kept = await self._office.book.get(f"live/{ts}", Reply)
        if kept is not None:
            if user == kept.value.user or await self._office.people.agent(user) is not None:
                await self._change(kept, kept.value.replace(internal=True, stage="new", due=0.0))
            return
        past = await self._office.book.get(f"past/{ts}", Past)
        if past is None:
            await self._office.book.add(f"lock/{ts}", user)  # it may come before its message
        elif past.value.outcome == "sent":
            text = "🔒 comes too late here: the customer has this answer already."
            await self._office.tell(
                f"{ts}:late", past.conversation, user=user, thread="", text=text
            )

    async def _change(self, kept: Kept[Reply], reply: Reply) -> None:
        try:
            await self._office.book.change(kept, reply)
        except Outdated:
            # It is being worked at this moment; the next delivery finds out how it ended.
            raise TryLater("this reply is just being worked") from None
        self._office.wake(reply.conversation)

    # -- interactions and commands

    async def _click(self, payload: Mapping[str, Any]) -> Json:
        actions = payload.get("actions")
        action = actions[0] if isinstance(actions, list) and actions else {}
        name = str(action.get("action_id", ""))
        if not name.startswith("agents:"):
            return None
        click = Click(
            id=f"{name}:{action.get('action_ts', '')}",
            user=_user(payload),
            action=name,
            value=str(action.get("value", "")),
            trigger=str(payload.get("trigger_id", "")),
        )
        answer = await self._clicks.click(click)
        self._desktops.changed(click.user)
        return answer

    async def _command(self, payload: Mapping[str, Any]) -> Json:
        user, slash = str(payload.get("user_id", "")), self._office.settings.command
        said = str(payload.get("text", "")).strip().lower()
        try:
            agent = await self._office.people.agent(user)
        except WarmlineError:
            return home.said("Slack could not be asked who you are. Please try again.")
        if agent is None:
            return home.said("Only full members of the support channel can use this.")
        if said in ("available", "break"):
            await self._set(user, away=said == "break")
        return home.answer(said, await self._desktops.of(user), slash)

    async def _set(self, user: str, *, away: bool) -> None:
        since = self._office.house.clock.now().isoformat() if away else ""
        seen = await self._office.book.get(f"person/{user}", Person)
        if seen is None:
            await self._office.book.add(f"person/{user}", Person(away_since=since))
        elif bool(seen.value.away_since) != away:
            await self._office.book.change(seen, Person(away_since=since))
        self._mirror.wake()
        self._desktops.changed(user)


def _us(payload: Mapping[str, Any]) -> str:
    """Our own user id, as the envelope tells it."""
    told = payload.get("authorizations")
    first = told[0] if isinstance(told, list) and told else {}
    return str(first.get("user_id", "")) if isinstance(first, dict) else ""


def _user(payload: Mapping[str, Any]) -> str:
    user = payload.get("user")
    return str(user.get("id", "")) if isinstance(user, dict) else ""


def _files(event: Mapping[str, Any]) -> tuple[SlackFile, ...]:
    found = []
    for one in event.get("files") or ():
        url = one.get("url_private_download") or one.get("url_private")
        if isinstance(one, dict) and url:
            found.append(
                SlackFile(
                    id=str(one.get("id", "")),
                    name=str(one.get("name") or one.get("title") or "file")[:200],
                    media_type=str(one.get("mimetype") or "application/octet-stream"),
                    url=str(url),
                    size=int(one.get("size") or 0),
                )
            )
    return tuple(found[:FILES])
