"""What the store knows of links between the addresses of one person."""

from __future__ import annotations

from datetime import datetime

from gateway.adapters.sql.addresses import owner
from gateway.adapters.sql.going_on import go_on
from gateway.adapters.sql.linking import link, links_of, unlink
from gateway.adapters.sql.proving import redeem, send_code
from gateway.adapters.sql.units import AnyDatabase
from gateway.model import Address, Agent, Conversation, LinkedAddress, Message


class SqlLinks:
    """One person, several addresses; see `store.Links`."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database

    async def link(
        self, conversation: int, address: Address, at: datetime, *, how: str, agent: Agent | None
    ) -> int:
        return await self._db.write(
            lambda c: link(c, owner(c, conversation), address, at, how=how, agent=agent)
        )

    async def unlink(self, link: int, at: datetime) -> None:
        await self._db.write(lambda c: unlink(c, link, at))

    async def of(self, conversation: int) -> tuple[LinkedAddress, ...]:
        return await self._db.read(lambda c: links_of(c, owner(c, conversation)))

    async def send_code(
        self,
        conversation: int,
        address: Address,
        digest: str,
        message: Message,
        expires: datetime,
        *,
        mailbox: bool,
    ) -> None:
        await self._db.write(
            lambda c: send_code(
                c, conversation, address, digest, message=message, expires=expires, mailbox=mailbox
            ),
            key=address.lane,
        )

    async def redeem(self, conversation: int, digest: str, at: datetime) -> Address | None:
        return await self._db.write(lambda c: redeem(c, conversation, digest, at))

    async def go_on(
        self, conversation: int, address: Address, agent: Agent, at: datetime
    ) -> Conversation:
        return await self._db.write(
            lambda c: go_on(c, conversation, address, agent, at), key=address.lane
        )
