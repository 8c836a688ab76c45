"""One update on its way into the inbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from weakref import WeakValueDictionary

import structlog
from telegram import ChatMemberUpdated, Update
from telegram.constants import ChatMemberStatus

from channels.telegram.api import Api
from channels.telegram.details import Wanted
from channels.telegram.parse import NAME, Heard, Press, Whereabouts, parse, whereabouts
from channels.telegram.recent import Recent
from gateway import (
    Address,
    Attachment,
    Fact,
    File,
    Inbound,
    Json,
    NotAccepted,
    Services,
    TooLarge,
    TryLater,
    Undeliverable,
    Unsure,
    WarmlineError,
)

log = structlog.get_logger(__name__)

_TRIES = 3
"""How often Telegram is asked to deliver an update again because its file did not come."""


class Unintelligible(WarmlineError):
    """It is no update, or nobody can tell whose."""


class Receiver:
    """Takes updates in, each once, those of one chat in order. ``blocked`` is kept up to date with
    the chats that blocked the bot or removed it."""

    def __init__(
        self,
        services: Services,
        api: Api,
        *,
        groups: bool,
        largest: int,
        blocked: Recent[int, bool],
    ) -> None:
        self._services, self._api = services, api
        self._groups, self._largest, self._blocked = groups, largest, blocked
        self._done: Recent[int, bool] = Recent()
        self._tries: Recent[int, int] = Recent()
        self._albums: Recent[str, bool] = Recent()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def take(self, raw: Json) -> None:
        """Returns once what ``raw`` says is committed. Raises NotAccepted when it must come again,
        Unintelligible when it never need."""
        id = raw.get("update_id") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or not isinstance(id, int) or not 0 <= id < 2**63:
            raise Unintelligible("no update of the Bot API: it has no update_id")
        where = whereabouts(raw)
        lock = self._locks.setdefault(where.chat if where else 0, asyncio.Lock())
        async with lock:
            if id not in self._done:
                await self._take(id, raw, where)
                self._done.set(id, True)

    async def _take(self, id: int, raw: Mapping[str, Json], where: Whereabouts | None) -> None:
        me = None
        if self._groups and where is not None and not where.private:
            try:
                me = await self._api.me()
            except (TryLater, Undeliverable, Unsure) as error:
                raise NotAccepted("who our bot is could not be asked") from error
        try:
            update = Update.de_json(dict(raw), None)
            heard = parse(update, me=me, groups=self._groups, now=self._services.clock.now())
            if update.my_chat_member is not None:
                self._note(update.my_chat_member)
        except Exception as error:  # noqa: BLE001  (the SDK checks no types; it is kept, and shown)
            log.warning("telegram.unreadable", update=id, error=type(error).__name__)
            await self._unreadable(id, raw, where)
        else:
            if heard is not None:
                await self._accept(id, raw, heard)

    def _note(self, change: ChatMemberUpdated) -> None:
        """A customer blocked the bot, a group removed it, or it is back."""
        if change.new_chat_member.status in (ChatMemberStatus.BANNED, ChatMemberStatus.LEFT):
            self._blocked.set(change.chat.id, True)
        else:
            self._blocked.forget(change.chat.id)

    async def _accept(self, id: int, raw: Mapping[str, Json], heard: Heard) -> None:
        inbound = heard.inbound
        files, left_out = await self._fetched(id, heard.files)
        inbound = inbound.replace(attachments=files, facts=inbound.facts + left_out)
        if heard.press and heard.press.button:
            inbound = await self._payload(inbound, heard.press.button)
        if heard.album:
            if not inbound.text and heard.album in self._albums:
                inbound = inbound.replace(automatic=True)  # the first picture was answered
            self._albums.set(heard.album, True)
        if not inbound.text and not files and inbound.kind == "message":
            inbound = inbound.replace(kind="unreadable", text="(a file that could not be fetched)")
        if inbound.kind == "unreadable":
            inbound = inbound.replace(raw=await self._keep_raw(id, raw))
        accepted = await self._services.intake.accept(inbound)
        self._tries.forget(id)
        self._blocked.forget(int(inbound.address.value.partition(":")[0]))
        log.info("telegram.accepted", turn=accepted.turn, update=id, duplicate=accepted.duplicate)
        if heard.press:
            await self._acknowledge(heard.press)

    async def _payload(self, inbound: Inbound, button: tuple[int, int]) -> Inbound:
        """What a button with a long payload stands for, from the customer's own conversation."""
        message, place = button
        said = await self._services.mailbox.messages(inbound.address, after=message - 1, limit=1)
        if said and said[0].id == message and place < len(said[0].buttons):
            return inbound.replace(text=said[0].buttons[place].payload)
        return inbound

    async def _acknowledge(self, press: Press) -> None:
        """Stop the button's spinner and take the buttons away; not worth a second delivery."""
        try:
            async with self._api.calling() as bot:
                if press.keyboard:
                    await bot.edit_message_reply_markup(press.chat, press.keyboard)
        except (TryLater, Undeliverable, Unsure) as error:
            log.info("telegram.buttons_stay", query=press.query, error=str(error))
        try:
            async with self._api.calling() as bot:
                text = f"✓ {press.title}"[:200] if press.title else None
                await bot.answer_callback_query(press.query, text=text)
        except (TryLater, Undeliverable, Unsure) as error:
            log.info("telegram.not_acknowledged", query=press.query, error=str(error))

    async def _unreadable(
        self, id: int, raw: Mapping[str, Json], where: Whereabouts | None
    ) -> None:
        """A person gets what a customer sent, whatever it is."""
        if where is None:
            raise Unintelligible("an update that nobody can read, from nobody")
        if not where.private:
            log.warning("telegram.ignored", update=id, why="in a group, and not readable")
            return
        accepted = await self._services.intake.accept(
            Inbound(
                address=Address(channel=NAME, value=str(where.chat)),
                text="",
                at=self._services.clock.now(),
                remote_id=f"update:{id}",
                kind="unreadable",
                raw=await self._keep_raw(id, raw),
            )
        )
        log.info("telegram.accepted", turn=accepted.turn, update=id, duplicate=accepted.duplicate)

    async def _keep_raw(self, id: int, raw: Mapping[str, Json]) -> str:
        try:
            data = json.dumps(raw).encode()
        except RecursionError:
            raise Unintelligible("an update nested deeper than any of Telegram's") from None
        file = File(name=f"update-{id}.json", media_type="application/json", data=data)
        return (await self._services.files.keep(file)).digest

    async def _fetched(
        self, id: int, wanted: tuple[Wanted, ...]
    ) -> tuple[tuple[Attachment, ...], tuple[Fact, ...]]:
        """The files that came, and of each other one why it did not."""
        kept: list[Attachment] = []
        left_out: list[Fact] = []
        for one in wanted:
            try:
                kept.append(await self._fetch(one))
            except (TooLarge, Undeliverable) as error:
                left_out.append(Fact(name="left out", value=f"{one.name}: {error}"))
            except (TryLater, Unsure) as error:
                tries = self._tries.get(id, 0) + 1
                self._tries.set(id, tries)
                if tries < _TRIES:
                    raise NotAccepted(f"please send it again: {error}") from error
                left_out.append(Fact(name="left out", value=f"{one.name}: {error}"))
        return tuple(kept), tuple(left_out)

    async def _fetch(self, wanted: Wanted) -> Attachment:
        if wanted.size is not None and wanted.size > self._largest:
            raise TooLarge(f"{wanted.size / 1e6:.1f} MB; up to {self._largest / 1e6:g} are taken")
        data = await self._api.fetch(wanted.id, self._largest)
        return await self._services.files.keep(
            File(name=wanted.name, media_type=wanted.media_type, data=data)
        )
