"""Agents' words on their way to the customer: one reply after another in each thread.

A reply is written down before Slack gets its 200 (`door`). Here it is done: the desk dedupes by
our key, a note is looked for before it is made again, and only then is the reply marked as done.
So a crash or an outage between any two steps doubles and loses nothing.
"""

from __future__ import annotations

import asyncio

import structlog

from channels.slack.agents import dialogs as asks
from channels.slack.agents.context import Backoff, Office
from channels.slack.agents.line import Refused
from channels.slack.agents.store import Ending, Kept, Past, Reply
from channels.slack.agents.text import as_note, mentioned, plain
from gateway import (
    Agent,
    Attachment,
    Card,
    Conflict,
    Event,
    File,
    Finding,
    NotFound,
    Outdated,
    TooLarge,
    WarmlineError,
)

log = structlog.get_logger(__name__)
ATTEMPTS = 5
"""Failures of our own after which a reply is held, so that the agent knows."""


class Replies:
    """Works what is ``new``; ``held`` and ``asking`` ones wait for their agent."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._wake = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for kept in await self._office.book.live():
                    thread = kept.value.thread
                    if kept.value.stage == "new" and thread not in self._busy:
                        task = group.create_task(self._thread(thread))
                        self._busy[thread] = task
                await self._wake.wait()

    async def _thread(self, thread: str) -> None:
        backoff = Backoff()
        failures: dict[str, int] = {}
        try:
            while kept := await self._next(thread):
                id = kept.value.id
                try:
                    if await self._office.book.get(f"past/{id}", Past) is not None:
                        # Told again while it was being finished, and so written down again.
                        await self._office.book.drop(kept)
                        continue
                    await self._one(kept)
                except Outdated:
                    continue  # changed meanwhile (a lock, an edit, a click): look at it again
                except NotFound:
                    await self._office.book.drop(kept)  # the customer was erased
                except WarmlineError as error:
                    log.warning("agents_slack.reply_waits", reply=id, error=str(error))
                    await self._office.house.clock.sleep(backoff.after(error))
                except Exception:
                    log.exception("agents_slack.reply_failed", reply=id)
                    failures[id] = failures.get(id, 0) + 1
                    if failures[id] >= ATTEMPTS:
                        await self._hold(kept, "Something of ours failed. It was not sent.")
                    await self._office.house.clock.sleep(1.0)
                else:
                    backoff.over()
        finally:
            del self._busy[thread]
            self._wake.set()  # what came in the meantime must not wait for the next call

    async def _next(self, thread: str) -> Kept[Reply] | None:
        """The oldest that is new."""
        mine = [k for k in await self._office.book.live() if k.value.thread == thread]
        new = [k for k in mine if k.value.stage == "new"]
        return min(new, key=lambda k: (k.value.due, k.value.id), default=None)

    async def _one(self, kept: Kept[Reply]) -> None:
        office, reply = self._office, kept.value
        agent = await office.people.agent(reply.user)
        if agent is None:
            return await self._refuse(kept)
        wait = reply.due - office.seconds
        if wait > 0 and not reply.internal and as_note(reply.text) is None:
            await self._typing(reply, agent)
            await office.house.clock.sleep(wait)
            return None  # it may have been taken back meanwhile: look again
        if reply.internal or as_note(reply.text) is not None:
            return await self._note(kept, agent)
        return await self._answer(kept, agent)

    async def _typing(self, reply: Reply, agent: Agent) -> None:
        seen = (await self._office.house.desk.card(reply.conversation)).conversation
        data = {"author": "agent", "name": agent.name}
        topic = seen.address.lane
        self._office.house.events.publish(
            Event(topic=topic, name="typing", conversation=seen.id, data=data)
        )

    # -- not for the customer

    async def _refuse(self, kept: Kept[Reply]) -> None:
        reply = kept.value
        where = {"user": reply.user, "thread": reply.thread}
        if reply.typed:
            sign = {"user": reply.user, "thread": reply.id, "emoji": "no_entry_sign"}
            await self._tell(reply, "no", **sign)
        await self._tell(reply, "refused", text=asks.NO_AGENT, **where)
        await self._done(kept, "refused")

    async def _note(self, kept: Kept[Reply], agent: Agent) -> None:
        office, reply = self._office, kept.value
        said = as_note(reply.text)
        text = await self._read(reply, reply.text if said is None else said)
        text = "\n".join([text, *(f"📎 {one.name}" for one in reply.files)]).strip()
        if not text:
            await self._tell(reply, "empty", user=reply.user, thread=reply.thread,
                             text="A note needs words; nothing was kept.")  # fmt: skip
            return await self._done(kept, "withdrawn")
        card = await office.house.desk.card(reply.conversation)
        if reply.after < 0:
            last = max((m.id for m in card.messages), default=0)
            kept = await office.book.change(kept, reply.replace(after=last))
            id = (await office.house.desk.note(reply.conversation, agent, text)).id
        else:
            # It was begun before: made, or not?
            made = [
                m.id
                for m in card.messages
                if m.id > reply.after and m.internal and m.author == "agent" and m.text == text
                and m.agent is not None and m.agent.id == agent.id
            ]  # fmt: skip
            id = made[0] if made else 0
            id = id or (await office.house.desk.note(reply.conversation, agent, text)).id
        if reply.typed:
            await office.book.add(f"note/{id}", reply.id, conversation=reply.conversation)
            await self._tell(reply, "lock", user=reply.user, thread=reply.id, emoji="lock")
        await self._done(kept, "noted")
        await office.book.count(reply.user, office.today, "notes")
        return None

    # -- for the customer

    async def _answer(self, kept: Kept[Reply], agent: Agent) -> None:
        office, reply = self._office, kept.value
        card = await office.house.desk.card(reply.conversation)
        text = await self._read(reply, reply.text)
        why = None if reply.take else asks.question(card, agent.id)
        if why is not None:
            return await self._ask(kept, text, why)
        files, missing = await self._files(reply)
        findings = (*missing, *(await self._advise(reply, text, files)))
        wrong = asks.errors(findings)
        if wrong and not (reply.as_is and asks.possible(wrong)):
            blocks = asks.held(reply, text, findings, card)
            why = "It was not sent; see why."
            return await self._hold(kept, why, blocks=blocks)
        try:
            turn = await self._say(card, reply, agent, text, files)
        except Conflict as late:
            owner = late.conversation.owner
            who = f"{owner.name} was faster and" if owner else "A colleague"
            return await self._ask(kept, text, f"{who} has this conversation now.")
        if reply.typed:
            await office.book.add(f"turn/{turn}", reply.id, conversation=reply.conversation)
        told = asks.advice(text, findings)
        if told is not None:
            await self._tell(reply, "advice", user=reply.user, thread=reply.thread, text=told)
        await self._done(kept, "sent")
        await office.book.count(reply.user, office.today, "answers")
        return None

    async def _say(
        self, card: Card, reply: Reply, agent: Agent, text: str, files: tuple[Attachment, ...]
    ) -> int:
        """The turn in which it goes out. Raises Conflict when somebody else has it."""
        desk, seen = self._office.house.desk, card.conversation
        if reply.take and seen.owner is not None and seen.owner.id != agent.id:
            await desk.claim(seen.id, agent, epoch=seen.epoch)
        accepted = await desk.answer(
            seen.id,
            agent,
            text,
            key=f"slack:{self._office.channel}:{reply.id}",
            suggestion=reply.suggestion,
            attachments=files,
        )
        return accepted.turn

    async def _advise(
        self, reply: Reply, text: str, files: tuple[Attachment, ...]
    ) -> tuple[Finding, ...]:
        if not text:
            what = "There is nothing to send."
            nothing = Finding(rule="empty", severity="error", start=0, end=0, message=what)
            return () if files else (nothing,)
        return await self._office.house.desk.advise(reply.conversation, text)

    async def _files(self, reply: Reply) -> tuple[tuple[Attachment, ...], tuple[Finding, ...]]:
        """The files, kept; and for each that could not be had, why."""
        kept: list[Attachment] = []
        missing: list[Finding] = []
        for one in reply.files:
            try:
                data = await self._office.line.download(
                    one.url, self._office.largest, self._office.house.outside
                )
                file = File(name=one.name, media_type=one.media_type, data=data)
                kept.append(await self._office.house.files.keep(file))
            except (Refused, TooLarge) as error:
                what = f"The file {one.name} cannot be sent: {error}"
                missing.append(Finding(rule="file", severity="error", start=0, end=0, message=what))
        return tuple(kept), tuple(missing)

    async def _read(self, reply: Reply, text: str) -> str:
        names = await self._office.people.names(mentioned(text))
        return plain(text, names, reply.emoji) if reply.typed else text.strip()

    # -- what becomes of it

    async def _ask(self, kept: Kept[Reply], text: str, why: str) -> None:
        blocks = asks.asking(kept.value, text, why)
        await self._hold(kept, why, blocks=blocks, stage="asking")

    async def _hold(
        self,
        kept: Kept[Reply],
        why: str,
        *,
        blocks: list[dict[str, object]] | None = None,
        stage: str = "held",
    ) -> None:
        reply = kept.value
        waits = reply.replace(stage=stage, why=why, due=0.0)
        changed = await self._office.book.change(kept, waits)
        await self._tell(
            reply,
            f"{stage}{changed.version}",
            user=reply.user,
            thread=reply.thread,
            text=f"Not sent yet. {why}",
            blocks=blocks or [],
        )

    async def _done(self, kept: Kept[Reply], outcome: Ending) -> None:
        past = Past(user=kept.value.user, outcome=outcome)
        await self._office.book.finish(kept, past)
        self._office.wake(kept.value.conversation)

    async def _tell(self, reply: Reply, about: str, **what: object) -> None:
        await self._office.tell(f"{reply.id}:{about}", reply.conversation, **what)
