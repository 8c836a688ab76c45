"""What customers do in Slack, on its way to the inbox within Slack's three seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable

import msgspec
import structlog
from cachetools import LRUCache, TLRUCache

from channels.slack.api import Workspaces, display_name
from channels.slack.customers.events import (
    CHANNEL,
    CustomerAction,
    MessageClick,
    MessageEvent,
    SlackPlace,
    installation,
    parse_click,
    parse_event,
)
from channels.slack.customers.outgoing import with_choice
from channels.slack.endpoint import EventCallback, Payload, UnknownWorkspace
from channels.slack.files import FileFetcher
from channels.slack.markup import emoji_in, mentioned, readable, without_mention
from gateway import Address, Clock, Fact, File, Inbound, NotAccepted, Services, WarmlineError

log = structlog.get_logger(__name__)
NAMES_WITHIN, FILES_WITHIN = 0.8, 1.2
"""Seconds for names and for files. Slack waits three, and the commit needs some of them."""
LAST_RETRY = 3
"""Slack delivers an event again three times (Events API, "Retries")."""
REMEMBERED = 10_000
NAME_TTL, NO_NAME_TTL = 6 * 3600.0, 60.0
"""Seconds for which a name is cached, and for which it is cached that there is none."""


class CustomerEvents:
    """Takes the payloads that no subscriber took. ``channels`` are the ids where customers may
    ask; empty: all that we are in."""

    def __init__(
        self,
        services: Services,
        workspaces: Workspaces,
        fetcher: FileFetcher,
        *,
        enabled: bool,
        channels: Iterable[str],
        support_address: str = "",
    ) -> None:
        self._support_address = support_address
        self._services, self._workspaces, self._fetcher = services, workspaces, fetcher
        self._enabled, self._channels = enabled, frozenset(channels)
        self._names = UserNames(workspaces, services.clock)
        self._background: set[asyncio.Task[None]] = set()
        self._recent_lanes: LRUCache[str, bool] = LRUCache(REMEMBERED)
        """Lanes accepted lately: their first turn may not be committed yet."""

    async def receive(self, payload: Payload, retry: int) -> bool:
        """Commit what a customer did; False when the payload cannot be parsed. ``retry`` is how
        often Slack has delivered it before. Raises NotAccepted: Slack must deliver it again."""
        if not self._enabled:
            return True
        if payload["type"] == "block_actions":
            return await self._receive_click(payload)
        callback = msgspec.convert(payload, EventCallback)
        if callback.event.type not in ("message", "app_mention"):
            return True
        try:
            action = parse_event(callback, msgspec.convert(payload["event"], MessageEvent))
        except msgspec.ValidationError:
            return await self._accept_unreadable(callback, payload, retry)
        if action is not None:
            await self._accept(action, retry)
        return True

    def stop(self) -> None:
        """Cancel the updates that only decorate."""
        for task in self._background:
            task.cancel()

    async def _receive_click(self, payload: Payload) -> bool:
        try:
            click = msgspec.convert(payload, MessageClick)
            action = parse_click(click)
        except (msgspec.ValidationError, ValueError):
            # A button of another app, in a view or in a message that is not ours.
            return True
        if action is not None:
            await self._accept(action, 0)
            self._start(self._show_choice(click, action))
        return True

    async def _show_choice(self, click: MessageClick, action: CustomerAction) -> None:
        """Replace the buttons with the choice."""
        try:
            api = self._workspaces.api_for(action.place.team)
            await api.call("chat.update", **with_choice(click))
        except WarmlineError as error:  # the choice is stored; only its mark is missing
            log.info("slack.choice_not_shown", error=str(error))

    async def _accept(self, action: CustomerAction, retry: int) -> None:
        """Commit ``action``, unless it is not meant for us."""
        if not await self._is_for_us(action):
            return
        await self._check_workspace(action.place.team, retry)
        attachments, missing, complete = await self._fetcher.fetch(
            action.files,
            self._workspaces.api_for(action.place.team),
            self._services,
            within=FILES_WITHIN,
        )
        if not complete and retry < LAST_RETRY:
            raise NotAccepted("a file is still being fetched; the next delivery will have it")
        message = await self._message(action, missing)
        await self._services.intake.accept(message.replace(attachments=attachments))
        self._recent_lanes[message.address.lane] = True

    async def _check_workspace(self, team: str, retry: int) -> None:
        """Raises UnknownWorkspace for one without a token. Slack delivers again for about an
        hour: until then the token may be there."""
        if await self._workspaces.serves(team, self._services.clock.now()):
            return
        if retry == 0:
            self._services.ignored(CHANNEL, "workspace without a token")
        log.warning("slack.no_token", team=team, fix=f"set channels.slack.teams.{team}")
        raise UnknownWorkspace(f"there is no token for the workspace {team}")

    def _address(self, place: SlackPlace) -> Address:
        return place.address.replace(support_address=self._support_address)

    async def _is_for_us(self, action: CustomerAction) -> bool:
        """DMs and mentions always are, other messages in a thread where we take part."""
        place = action.place
        if place.thread and self._channels and place.channel not in self._channels:
            return False
        if action.addressed and action.kind == "message":
            return True
        address = self._address(place)
        if address.lane in self._recent_lanes:
            return True
        return bool(await self._services.mailbox.messages(address, limit=1, own=True))

    async def _message(self, action: CustomerAction, missing: tuple[str, ...]) -> Inbound:
        text = action.text
        if action.bot_user:
            text = without_mention(text, action.bot_user)
        users = (*mentioned(text), *(() if action.profile_name else (action.user,)))
        names = await self._names.find(action.place.team, users, within=NAMES_WITHIN)
        if action.plain:
            text = action.text
        else:
            text = readable(text, names=names, emoji=emoji_in(action.blocks))
        # Facts are known by name, so one fact names all files.
        lost = (Fact(name="files not fetched", value="; ".join(missing)),) if missing else ()
        return Inbound(
            address=self._address(action.place),
            text=f"(deleted) {text}" if action.deleted else text,
            at=action.at,
            remote_id=action.remote_id,
            wordless=bool(action.files) and not text.strip(),
            kind=action.kind,
            name=action.profile_name or names.get(action.user),
            facts=(*action.facts, *lost),
        )

    async def _accept_unreadable(
        self, callback: EventCallback, payload: Payload, retry: int
    ) -> bool:
        """Keep a DM that cannot be parsed for a person, when it names its writer."""
        event = payload["event"]
        channel, user = event.get("channel"), event.get("user")
        if not isinstance(channel, str) or not isinstance(user, str) or not channel.startswith("D"):
            return False
        if user == callback.bot_user or event.get("bot_id"):
            return True
        await self._check_workspace(installation(callback), retry)
        raw = msgspec.json.encode(payload)
        kept = await self._services.files.keep(
            File(name="slack.json", media_type="application/json", data=raw)
        )
        await self._services.intake.accept(
            Inbound(
                address=self._address(SlackPlace(team=installation(callback), channel=channel)),
                text="",
                at=self._services.clock.now(),
                remote_id=callback.event_id,
                kind="unreadable",
                raw=kept.digest,
            )
        )
        return True

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class UserNames:
    """Display names, cached for some hours; that a user has none, for a minute."""

    def __init__(self, workspaces: Workspaces, clock: Clock) -> None:
        self._workspaces = workspaces
        self._names: TLRUCache[tuple[str, str], str | None] = TLRUCache(
            REMEMBERED,
            ttu=lambda _, name, now: now + (NAME_TTL if name else NO_NAME_TTL),
            timer=lambda: clock.now().timestamp(),
        )

    async def find(self, team: str, users: Iterable[str], *, within: float) -> dict[str, str]:
        """The names that are known within ``within`` seconds, by user id. Never raises."""
        wanted = dict.fromkeys(users)
        unknown = [user for user in wanted if (team, user) not in self._names]
        if unknown:
            tasks = [asyncio.create_task(self._look_up(team, user)) for user in unknown]
            _, late = await asyncio.wait(tasks, timeout=within)
            for user, task in zip(unknown, tasks, strict=True):
                task.cancel()
                self._names[team, user] = None if task in late else task.result()
        found = {user: self._names.get((team, user)) for user in wanted}
        return {user: name for user, name in found.items() if name}

    async def _look_up(self, team: str, user: str) -> str | None:
        try:
            answer = await self._workspaces.api_for(team).call("users.info", user=user)
        except WarmlineError as error:  # a message is accepted without its writer's name
            log.info("slack.no_name", user=user, error=str(error))
            return None
        found = answer.get("user")
        return display_name(found) if isinstance(found, dict) else None
