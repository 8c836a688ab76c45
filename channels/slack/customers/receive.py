"""From what was heard to the inbox, within Slack's three seconds."""

from __future__ import annotations

from collections import OrderedDict

import structlog

from channels.slack.customers.events import Heard
from channels.slack.customers.workspaces import Accounts, Names
from channels.slack.files import Fetcher
from channels.slack.markup import emoji_in, mentioned, readable, without_us
from gateway import Fact, House, Inbound, NotAccepted

log = structlog.get_logger(__name__)
NAMES, FILES = 0.8, 1.2
"""Seconds for names and for files: Slack waits three, and the commit needs some as well."""
LAST = 3
"""Slack delivers an event again three times, and then never (Events API, "Retries")."""
REMEMBERED = 10_000


class Receiver:
    """Takes what customers do into the house."""

    def __init__(
        self, accounts: Accounts, names: Names, fetcher: Fetcher, *, channels: frozenset[str]
    ) -> None:
        self._accounts, self._names, self._fetcher = accounts, names, fetcher
        self._channels = channels
        self._ours: OrderedDict[str, None] = OrderedDict()
        """Lanes that were taken in lately: their first turn may not be committed yet."""

    async def take(self, heard: Heard, house: House, *, retry: int = 0) -> None:
        """Commit it, unless it is not said to us. Raises NotAccepted when Slack must deliver it
        again; ``retry`` is how often it has done so."""
        if not await self._to_us(heard, house):
            return
        attachments, missing, complete = await self._fetcher.fetch(
            heard.files, self._accounts.of(heard.place.team), house, within=FILES
        )
        if not complete and retry < LAST:
            raise NotAccepted("a file is still being fetched; the next delivery will find it")
        message = await self._message(heard, house, missing)
        await house.intake.accept(message.replace(attachments=attachments))
        self._remember(message.address.lane)

    async def _to_us(self, heard: Heard, house: House) -> bool:
        """In a DM and with a mention always; in a thread where we take part."""
        address = heard.place.address
        if heard.place.thread and self._channels and heard.place.channel not in self._channels:
            return False
        if heard.addressed and heard.kind == "message":
            return True
        if address.lane in self._ours:
            return True
        return bool(await house.mailbox.messages(address, limit=1, own=True))

    def _remember(self, lane: str) -> None:
        self._ours[lane] = None
        self._ours.move_to_end(lane)
        if len(self._ours) > REMEMBERED:
            self._ours.popitem(last=False)

    async def _message(self, heard: Heard, house: House, missing: tuple[str, ...]) -> Inbound:
        said = without_us(heard.text, heard.us) if heard.us else heard.text
        users = (*mentioned(said), *(() if heard.profile else (heard.user,)))
        names = await self._names.of(heard.place.team, users, house.clock, within=NAMES)
        emoji = emoji_in(heard.blocks)
        text = heard.text if heard.plain else readable(said, names=names, emoji=emoji)
        return Inbound(
            address=heard.place.address,
            text=f"(deleted) {text}" if heard.deleted else text,
            at=heard.at,
            remote_id=heard.remote_id,
            kind=heard.kind,
            name=heard.profile or names.get(heard.user),
            facts=(*heard.facts, *_told(missing)),
        )


def _told(missing: tuple[str, ...]) -> tuple[Fact, ...]:
    """A fact for the agent: they are known by name, so there is one for all files."""
    return (Fact(name="files not fetched", value="; ".join(missing)),) if missing else ()
