"""What the parts of the agents' plugin share, and who in Slack is an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from channels.slack.agents import AgentsSlackSettings
from channels.slack.agents.store import AgentReply, FinishedReply, PrivateNotice, StateStore
from channels.slack.api import SlackApi, SlackRefused, display_name
from gateway import (
    Agent,
    Clock,
    ContextCard,
    Conversation,
    NotFound,
    QueueItem,
    QueuePage,
    Services,
    TryLater,
    Unsure,
    Value,
    WarmlineError,
)

OK = ""
"""The body of an empty 200: the payload was taken and there is nothing to say."""
RELOAD_MEMBERS = timedelta(seconds=10)
"""Somebody may have just joined: an unknown user reloads the list, at most this often."""
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonPress:
    """One press of a button. ``id`` is the same when Slack delivers it twice."""

    id: str
    user: str
    action: str
    value: str
    trigger: str


class SlackUser(Value, frozen=True, kw_only=True):
    """A user at ``at``. ``full_member``: of this workspace, neither a guest nor a bot."""

    id: str
    name: str
    full_member: bool
    at: datetime


class SupportMembers:
    """Decides who is an agent: whom ``listed`` names, else every full member of the channel
    (``conversations.members``, ``users.info``). Answers are cached for ``fresh`` seconds.
    ``brands`` are theirs; none: all."""

    def __init__(
        self,
        api: SlackApi,
        clock: Clock,
        *,
        channel: str,
        listed: tuple[str, ...] | None,
        fresh: float,
        brands: tuple[str, ...] = (),
    ) -> None:
        self._brands = brands
        self._api, self._clock = api, clock
        self._channel = channel
        self._listed = frozenset(listed) if listed is not None else None
        self._fresh = timedelta(seconds=fresh)
        self._users: dict[str, SlackUser] = {}
        self._members: frozenset[str] = frozenset()
        self._members_at: datetime | None = None
        self._workspace: tuple[str, str] | None = None
        self.archive = ""
        """The address below which the channel's messages are; known once Slack was asked."""

    async def agent(self, user: str) -> Agent | None:
        """The agent, None when ``user`` is not one. Raises WarmlineError when Slack cannot say."""
        if self._listed is not None:
            if user not in self._listed:
                return None
            names = await self.names((user,))
            return self._agent(user, names.get(user, user))
        if user == SLACKBOT or not await self._is_member(user):
            return None
        known = await self._user(user)
        return self._agent(user, known.name) if known.full_member else None

    def _agent(self, user: str, name: str) -> Agent:
        return Agent(id=f"slack:{user}", name=name, brands=self._brands)

    async def names(self, users: Iterable[str]) -> Mapping[str, str]:
        """Display names by user id, without those that Slack cannot return now."""
        found: dict[str, str] = {}
        for user in users:
            try:
                found[user] = (await self._user(user)).name
            except WarmlineError:
                continue
        return found

    def known_names(self) -> frozenset[str]:
        """Names of the full members that we have seen so far."""
        return frozenset(user.name for user in self._users.values() if user.full_member)

    def forget(self, user: str) -> None:
        """Ask again: ``user`` joined or left."""
        self._members_at = None
        self._users.pop(user, None)

    async def _is_member(self, user: str) -> bool:
        now = self._clock.now()
        age = now - self._members_at if self._members_at else None
        if age is None or age > self._fresh or (user not in self._members and age > RELOAD_MEMBERS):
            pages = self._api.pages("conversations.members", channel=self._channel, limit=500)
            try:
                self._members = frozenset([id async for page in pages for id in page["members"]])
                self._members_at = now
            except (TryLater, Unsure):
                if user not in self._members:
                    raise  # in an outage, the last known members keep their rights
        return user in self._members

    async def _user(self, user: str) -> SlackUser:
        now = self._clock.now()
        known = self._users.get(user)
        if known is not None and now - known.at <= self._fresh:
            return known
        try:
            found = (await self._api.call("users.info", user=user))["user"]
        except SlackRefused as refused:
            if refused.kind == "token":
                raise  # a refused token says nothing about the user
            fresh = SlackUser(id=user, name=user, full_member=False, at=now)
        except (TryLater, Unsure):
            if known is None:
                raise
            return known  # in an outage, the last known user keeps their rights
        else:
            name, full = display_name(found) or user, await self._is_full_member(found)
            fresh = SlackUser(id=user, name=name, full_member=full, at=now)
        self._users[user] = fresh
        return fresh

    async def _is_full_member(self, user: Mapping[str, Any]) -> bool:
        flags = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
        if any(user.get(flag) for flag in (*flags, "is_app_user")):
            return False
        team, enterprise = self._workspace or await self._ask_workspace()
        theirs = str((user.get("enterprise_user") or {}).get("enterprise_id") or "")
        return user.get("team_id") == team or bool(enterprise and theirs == enterprise)

    async def _ask_workspace(self) -> tuple[str, str]:
        """The ids of our workspace and its enterprise."""
        identity = await self._api.call("auth.test")
        self._workspace = (
            str(identity.get("team_id", "")),
            str(identity.get("enterprise_id") or ""),
        )
        self.archive = f"{str(identity.get('url', '')).rstrip('/')}/archives/{self._channel}"
        return self._workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentContext:
    """The gateway's services and Slack. ``wake`` starts the workers with a conversation that has
    changed (0: none); ``largest_file`` is in bytes."""

    services: Services
    settings: AgentsSlackSettings
    api: SlackApi
    store: StateStore
    members: SupportMembers
    wake: Callable[[int], None]
    largest_file: int
    brands: tuple[str, ...] = ()
    """The brands whose conversations this support channel has; none: all."""

    async def queue(self) -> tuple[QueueItem, ...]:
        """The whole queue of this support channel."""
        items = await self.services.desk.queue()
        return tuple(item for item in items if self._has(item.conversation))

    async def queue_page(self, most: int) -> QueuePage:
        """The queue of this support channel; see `Desk.queue_page`."""
        return await self.services.desk.queue_page(most=most, brands=self.brands)

    async def read_card(self, conversation: int) -> ContextCard:
        """The card of a conversation. Raises NotFound for that of another support channel."""
        card = await self.services.desk.card(conversation)
        if not self._has(card.conversation):
            raise NotFound(f"this support channel has no conversation {conversation}")
        return card

    async def read_cards(self, conversations: Sequence[int]) -> dict[int, ContextCard]:
        """The cards of those conversations that this support channel has."""
        cards = await self.services.desk.cards(conversations)
        return {card.conversation.id: card for card in cards if self._has(card.conversation)}

    def _has(self, conversation: Conversation) -> bool:
        return not self.brands or conversation.brand in self.brands

    @property
    def channel(self) -> str:
        return self.settings.channel

    @property
    def seconds(self) -> float:
        return self.services.clock.now().timestamp()

    @property
    def today(self) -> str:
        return self.services.clock.now().date().isoformat()

    async def notify(self, id: str, notice: PrivateNotice, conversation: int = 0) -> None:
        """Store a notice; it is posted once Slack takes it, and once for each ``id``."""
        await self.store.add_notice(id, notice, conversation)
        self.wake(0)

    async def answer_press(self, press: ButtonPress, text: str, conversation: int = 0) -> None:
        """Show ``text`` to the one who pressed a button."""
        await self.notify(press.id, PrivateNotice(user=press.user, text=text), conversation)

    async def card(self, press: ButtonPress) -> ContextCard:
        """The card of the conversation whose button was pressed."""
        return await self.read_card(int(press.value.partition(":")[0]))

    async def open_form(self, press: ButtonPress, view: dict[str, Any]) -> None:
        """Open a form; Slack allows it for three seconds after the press."""
        await self.api.call("views.open", trigger_id=press.trigger, view=view)

    async def queue_reply(
        self, id: str, card: ContextCard, user: str, text: str, suggestion: int | None
    ) -> None:
        """Send ``text`` like a reply in the thread, once for each ``id``."""
        if await self.store.get(f"past/{id}", FinishedReply) is not None:
            return
        conversation = card.conversation.id
        reply = AgentReply(
            id=id,
            conversation=conversation,
            thread=await self.store.thread_of(conversation),
            user=user,
            text=text,
            suggestion=suggestion,
        )
        await self.store.add(f"live/{id}", reply, conversation=conversation)
        self.wake(conversation)
