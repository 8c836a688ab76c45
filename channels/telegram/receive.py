"""Receives one update: parses it, fetches its files and puts it into the inbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog
from cachetools import LRUCache
from telegram import ChatMemberUpdated, Update
from telegram.constants import ChatMemberStatus

from channels.telegram.api import TelegramApi
from channels.telegram.content import TelegramFile
from channels.telegram.parse import (
    NAME,
    TelegramChat,
    TelegramPress,
    TelegramUpdate,
    chat_of,
    parse,
    unknown_kind,
)
from gateway import (
    ALBUM_WAIT,
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

MAX_ATTEMPTS = 3
"""How often Telegram may deliver an update while its file cannot be fetched."""
REMEMBERED = 10_000
"""Entries in each cache. Forgetting one does no harm: the inbox knows each message by its id."""


class UnreadableUpdate(WarmlineError):
    """It is not an update, or it does not say whose it is."""


class TelegramReceiver:
    """Receives each update once, those of one chat in order. Keeps ``blocked`` up to date: the
    chats that blocked or removed the bot."""

    def __init__(
        self,
        services: Services,
        api: TelegramApi,
        *,
        groups: bool,
        largest: int,
        blocked: LRUCache[int, bool],
        support_address: str = "",
    ) -> None:
        self._support_address = support_address
        self._services, self._api = services, api
        self._groups, self._largest, self._blocked = groups, largest, blocked
        self._done: LRUCache[int, bool] = LRUCache(REMEMBERED)
        self._attempts: LRUCache[int, int] = LRUCache(REMEMBERED)
        self._albums: LRUCache[str, datetime] = LRUCache(REMEMBERED)
        """When the last picture of an album was accepted."""
        self._overheard: LRUCache[str, dict[int, TelegramUpdate]] = LRUCache(REMEMBERED)
        """Pictures of albums in groups that do not mention the bot, by album and update id. Only
        their names at Telegram are kept, and only here, until one of the album mentions it."""
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def receive(self, raw: Json) -> None:
        """Returns once the update is committed. Raises NotAccepted when Telegram must deliver it
        again, UnreadableUpdate when that is useless."""
        id = raw.get("update_id") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or not isinstance(id, int) or not 0 <= id < 2**63:
            raise UnreadableUpdate("this is not an update of the Bot API: it has no update_id")
        chat = chat_of(raw)
        lock = self._locks.setdefault(chat.id if chat else 0, asyncio.Lock())
        async with lock:
            if id not in self._done:
                await self._receive(id, raw, chat)
                self._done[id] = True

    async def _receive(self, id: int, raw: Mapping[str, Json], chat: TelegramChat | None) -> None:
        if (kind := unknown_kind(raw)) is not None:
            log.info("telegram.unknown_update", update=id, kind=kind)
            self._services.ignored(NAME, f"update {kind}")
            return
        me = None
        if self._groups and chat is not None and not chat.private:
            try:
                me = await self._api.me()
            except (TryLater, Undeliverable, Unsure) as error:
                raise NotAccepted("Telegram did not say who our bot is") from error
        try:
            update = Update.de_json(dict(raw), None)
            parsed = parse(update, me=me, groups=self._groups, now=self._services.clock.now())
            if update.my_chat_member is not None:
                self._note_member(update.my_chat_member)
        except Exception as error:  # noqa: BLE001  (the SDK checks no types; it is kept, and shown)
            log.warning("telegram.unreadable", update=id, error=type(error).__name__)
            await self._accept_unreadable(id, raw, chat)
        else:
            if parsed is not None:
                await self._accept_parsed(id, raw, parsed)

    def _note_member(self, change: ChatMemberUpdated) -> None:
        """A customer blocked the bot, a group removed it, or it is back."""
        if change.new_chat_member.status in (ChatMemberStatus.BANNED, ChatMemberStatus.LEFT):
            self._blocked[change.chat.id] = True
        else:
            self._blocked.pop(change.chat.id, None)

    async def _accept_parsed(
        self, id: int, raw: Mapping[str, Json], update: TelegramUpdate
    ) -> None:
        """Accept ``update``, after the pictures of its album that did not mention the bot."""
        inbound = update.inbound
        if inbound.album is None or ":" not in inbound.address.value:
            await self._accept(id, raw, update)
            return
        key = f"{inbound.address.value} {inbound.album}"
        if update.overheard and key not in self._albums:
            self._overheard.setdefault(key, {})[id] = update
            return
        for earlier, overheard in self._overheard.get(key, {}).items():
            await self._accept(earlier, raw, overheard)
        await self._accept(id, raw, update)
        self._overheard.pop(key, None)
        self._albums[key] = self._services.clock.now()

    async def _accept(self, id: int, raw: Mapping[str, Json], update: TelegramUpdate) -> None:
        inbound, press = update.inbound, update.press
        inbound = inbound.replace(
            address=inbound.address.replace(support_address=self._support_address)
        )
        files, left_out = await self._fetch_all(id, update.files)
        inbound = inbound.replace(attachments=files, facts=inbound.facts + left_out)
        if press and press.button:
            inbound = await self._with_payload(inbound, press.button)
        if inbound.album:
            inbound = self._in_album(inbound, inbound.album)
        if not inbound.text and not files and inbound.kind == "message":
            inbound = inbound.replace(wordless=True, text="(a file that could not be fetched)")
        if inbound.kind == "unreadable":
            inbound = inbound.replace(raw=await self._keep_raw(id, raw))
        await self._commit(id, inbound)
        self._attempts.pop(id, None)
        self._blocked.pop(int(inbound.address.value.partition(":")[0]), None)
        if press:
            await self._acknowledge(press)

    def _in_album(self, inbound: Inbound, album: str) -> Inbound:
        """``inbound`` as a part of its album, unless that was handled already: then it is shown,
        and answered only if it has words of its own."""
        now, last = self._services.clock.now(), self._albums.get(album)
        if last is not None and now - last > timedelta(seconds=ALBUM_WAIT):
            return inbound.replace(album=None, automatic=inbound.wordless or not inbound.text)
        self._albums[album] = now
        return inbound

    async def _accept_unreadable(
        self, id: int, raw: Mapping[str, Json], chat: TelegramChat | None
    ) -> None:
        """A person gets whatever a customer sent."""
        if chat is None:
            raise UnreadableUpdate("this update cannot be read, and names no chat")
        if not chat.private:
            log.warning("telegram.ignored", update=id, why="unreadable, in a group")
            return
        inbound = Inbound(
            address=Address(
                channel=NAME, value=str(chat.id), support_address=self._support_address
            ),
            text="",
            at=self._services.clock.now(),
            remote_id=f"update:{id}",
            kind="unreadable",
            raw=await self._keep_raw(id, raw),
        )
        await self._commit(id, inbound)

    async def _commit(self, id: int, inbound: Inbound) -> None:
        accepted = await self._services.intake.accept(inbound)
        log.info("telegram.accepted", turn=accepted.turn, update=id, duplicate=accepted.duplicate)

    async def _with_payload(self, inbound: Inbound, button: tuple[int, int]) -> Inbound:
        """With the payload of a button of ours, from the customer's own conversation."""
        id, index = button
        mailbox = self._services.mailbox
        messages = await mailbox.messages(inbound.address, after=id - 1, limit=1)
        if messages and messages[0].id == id and index < len(messages[0].buttons):
            return inbound.replace(text=messages[0].buttons[index].payload)
        return inbound

    async def _acknowledge(self, press: TelegramPress) -> None:
        """Stop the button's spinner and remove the buttons. A failure is only logged: it is not
        worth a second delivery."""
        try:
            async with self._api.bot() as bot:
                if press.keyboard:
                    await bot.edit_message_reply_markup(press.chat, press.keyboard)
        except (TryLater, Undeliverable, Unsure) as error:
            log.info("telegram.buttons_stay", query=press.query, error=str(error))
        try:
            async with self._api.bot() as bot:
                text = f"✓ {press.title}"[:200] if press.title else None
                await bot.answer_callback_query(press.query, text=text)
        except (TryLater, Undeliverable, Unsure) as error:
            log.info("telegram.not_acknowledged", query=press.query, error=str(error))

    async def _keep_raw(self, id: int, raw: Mapping[str, Json]) -> str:
        try:
            data = json.dumps(raw).encode()
        except RecursionError:
            raise UnreadableUpdate("this update is nested deeper than any of Telegram's") from None
        file = File(name=f"update-{id}.json", media_type="application/json", data=data)
        return (await self._services.files.keep(file)).digest

    async def _fetch_all(
        self, id: int, files: tuple[TelegramFile, ...]
    ) -> tuple[tuple[Attachment, ...], tuple[Fact, ...]]:
        """The fetched files, and for each of the others a fact that says why it is missing."""
        kept: list[Attachment] = []
        left_out: list[Fact] = []
        for file in files:
            try:
                kept.append(await self._fetch(file))
            except (TooLarge, Undeliverable, TryLater, Unsure, NotAccepted) as error:
                if isinstance(error, TryLater | Unsure | NotAccepted):
                    self._attempts[id] = self._attempts.get(id, 0) + 1
                    if self._attempts[id] < MAX_ATTEMPTS:
                        raise NotAccepted(f"please deliver it again: {error}") from error
                left_out.append(Fact(name="left out", value=f"{file.name}: {error}"))
        return tuple(kept), tuple(left_out)

    async def _fetch(self, file: TelegramFile) -> Attachment:
        if file.size is not None and file.size > self._largest:
            limit = f"the limit is {self._largest / 1e6:g} MB"
            raise TooLarge(f"the file has {file.size / 1e6:.1f} MB; {limit}")
        data = await self._api.download(file.id, self._largest)
        return await self._services.files.keep(
            File(name=file.name, media_type=file.media_type, data=data)
        )
