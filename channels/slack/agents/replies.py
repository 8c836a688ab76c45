"""Agents' replies on their way to the customer, one after another in each thread.

A reply is stored before Slack gets its 200 (`events`). Here it is worked on: the desk deduplicates
by our key, a note is looked for before it is made again, and only then is the reply finished. So a
crash or an outage between two steps neither doubles nor loses anything.
"""

from __future__ import annotations

import asyncio

import structlog

from channels.slack.agents import dialogs
from channels.slack.agents.blocks import Block
from channels.slack.agents.context import AgentContext
from channels.slack.agents.store import (
    AgentReply,
    FinishedReply,
    Outcome,
    PrivateNotice,
    ReplyFile,
    Saved,
    Stage,
)
from channels.slack.files import FileUnavailable, SharedFile, download
from channels.slack.markup import mentioned, readable
from gateway import (
    Agent,
    Attachment,
    Backoff,
    Conflict,
    ContextCard,
    Event,
    File,
    Finding,
    NotAccepted,
    NotFound,
    Outdated,
    RefusedByChannel,
    TooLarge,
    Unfilled,
    WarmlineError,
    note_text,
    why_internal,
    without_place,
)

log = structlog.get_logger(__name__)
ATTEMPTS = 5
"""Failures of our own after which a reply is held, so that the agent knows."""


class ReplyWorker:
    """Works on ``new`` replies; ``held`` and ``asking`` ones wait for their agent."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._wake = asyncio.Event()
        self._busy: set[str] = set()
        """The threads that are worked on."""

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for saved in await self._context.store.open_replies():
                    thread = saved.value.thread
                    if saved.value.stage == "new" and thread not in self._busy:
                        self._busy.add(thread)
                        group.create_task(self._work(thread))
                await self._wake.wait()

    async def _work(self, thread: str) -> None:
        """Work on the replies of one thread until none is new."""
        clock, store = self._context.services.clock, self._context.store
        backoff = Backoff(most=30.0)
        failures: dict[str, int] = {}
        try:
            while saved := await self._next(thread):
                id = saved.value.id
                try:
                    if await store.get(f"past/{id}", FinishedReply) is not None:
                        # Slack delivered it again while it was being finished.
                        await store.drop(saved)
                        continue
                    await self._handle(saved)
                except Outdated:
                    continue  # changed meanwhile (a lock, an edit, a click): read it again
                except NotFound:
                    await store.drop(saved)  # the customer was erased
                except WarmlineError as error:
                    log.warning("agents_slack.reply_waits", reply=id, error=str(error))
                    await clock.sleep(backoff.next(getattr(error, "after", None)))
                except Exception:
                    log.exception("agents_slack.reply_failed", reply=id)
                    failures[id] = failures.get(id, 0) + 1
                    if failures[id] >= ATTEMPTS:
                        await self._hold(saved, "An internal error occurred. It was not sent.")
                    await clock.sleep(1.0)
                else:
                    backoff.reset()
        finally:
            self._busy.remove(thread)
            self._wake.set()  # for what came in meanwhile

    async def _next(self, thread: str) -> Saved[AgentReply] | None:
        """The oldest that is new."""
        new = [
            saved
            for saved in await self._context.store.open_replies()
            if saved.value.thread == thread and saved.value.stage == "new"
        ]
        return min(new, key=lambda saved: (saved.value.due, saved.value.id), default=None)

    async def _handle(self, saved: Saved[AgentReply]) -> None:
        context, reply = self._context, saved.value
        agent = await context.members.agent(reply.user)
        if agent is None:
            return await self._refuse(saved)
        if self._is_note(reply):
            return await self._note(saved, agent)
        wait = reply.due - context.seconds
        if wait > 0:
            await self._show_typing(reply, agent)
            return await context.services.clock.sleep(wait)  # then read it again: it may be changed
        return await self._answer(saved, agent)

    def _is_note(self, reply: AgentReply) -> bool:
        if reply.internal or note_text(reply.text) is not None:
            return True
        notes = self._context.settings.thread_messages == "notes"
        return notes and reply.typed and not reply.to_customer

    async def _show_typing(self, reply: AgentReply, agent: Agent) -> None:
        services = self._context.services
        conversation = (await self._context.read_card(reply.conversation)).conversation
        services.events.publish(
            Event(
                topic=conversation.address.lane,
                name="typing",
                conversation=conversation.id,
                data={"author": "agent", "name": agent.name},
            )
        )

    # -- what stays internal

    async def _refuse(self, saved: Saved[AgentReply]) -> None:
        reply = saved.value
        if reply.typed:
            await self._react(reply, "no", "no_entry_sign")
        await self._notify(reply, "refused", dialogs.NOT_AN_AGENT)
        await self._finish(saved, "refused")

    async def _note(self, saved: Saved[AgentReply], agent: Agent) -> None:
        context, reply = self._context, saved.value
        note = note_text(reply.text)
        text = await self._plain(reply, reply.text if note is None else note)
        text = "\n".join([text, *(f"📎 {file.name}" for file in reply.files)]).strip()
        if not text:
            await self._notify(reply, "empty", "A note needs text; nothing was saved.")
            return await self._finish(saved, "withdrawn")
        card = await context.read_card(reply.conversation)
        id = None
        if reply.after < 0:
            last = max((m.id for m in card.messages), default=0)
            saved = await context.store.change(saved, reply.replace(after=last))
        else:  # it was begun before: look whether it was made
            id = _find_note(card, text, agent, after=reply.after)
        if id is None:
            id = (await context.services.desk.note(reply.conversation, agent, text)).id
        if reply.typed:
            await context.store.add(f"note/{id}", reply.id, conversation=reply.conversation)
            await self._react(reply, "lock", "lock")
        if reply.typed and context.settings.thread_messages == "notes" and not reply.internal:
            blocks = dialogs.kept_as_note(reply, id)
            await self._notify(reply, "kept", dialogs.KEPT, blocks)
        await self._finish(saved, "noted")
        return await context.store.count(reply.user, context.today, "notes")

    # -- what goes to the customer

    async def _answer(self, saved: Saved[AgentReply], agent: Agent) -> None:
        context, reply = self._context, saved.value
        card = await context.read_card(reply.conversation)
        text = await self._plain(reply, reply.text)
        if (doubt := self._doubt(card, reply)) is not None:
            blocks = dialogs.customer_question(reply, text, doubt, card)
            doubt = f"{dialogs.CUSTOMER_QUESTION} {doubt}"
            return await self._hold(saved, doubt, blocks=blocks, stage="asking", doubtful=True)
        why = None if reply.take else dialogs.confirmation_reason(card, agent.id)
        if why is not None:
            return await self._ask(saved, text, why)
        files, missing = await self._fetch_files(reply)
        findings = (*missing, *(await self._advise(reply, text, files)))
        wrong = dialogs.errors_in(findings)
        if wrong and not (reply.as_is and dialogs.can_send_as_is(wrong)):
            blocks = dialogs.held_reply(reply, text, findings, card)
            return await self._hold(saved, "It was not sent; see why.", blocks=blocks)
        try:
            turn = await self._send(card, reply, agent, text, files)
        except (Unfilled, RefusedByChannel) as refused:
            return await self._hold_refused(saved, card, text, refused)
        except Conflict as late:
            owner = late.conversation.owner
            who = f"{owner.name} was faster and" if owner else "A colleague"
            return await self._ask(saved, text, f"{who} has this conversation now.")
        if reply.typed:
            await context.store.add(f"turn/{turn}", reply.id, conversation=reply.conversation)
        if (advice := dialogs.advice(text, findings)) is not None:
            await self._notify(reply, "advice", advice)
        await self._finish(saved, "sent")
        return await context.store.count(reply.user, context.today, "answers")

    async def _hold_refused(
        self, saved: Saved[AgentReply], card: ContextCard, text: str, refused: NotAccepted
    ) -> None:
        if isinstance(refused, Unfilled):
            why, finding = f"{refused.placeholder} is still a gap.", gap_finding(text, refused)
        else:
            why, finding = str(refused), _error("too-many-files", str(refused))
        blocks = dialogs.held_reply(saved.value, text, (finding,), card)
        return await self._hold(saved, why, blocks=blocks)

    def _doubt(self, card: ContextCard, reply: AgentReply) -> str | None:
        """Why a typed reply may be meant for colleagues, unless its agent has said that it is for
        the customer."""
        if not reply.typed or reply.to_customer:
            return None
        if reply.shares:
            return "It has a forwarded message."
        known = {m.agent.name for m in card.messages if m.agent is not None}
        team = {*known, *self._context.members.known_names()}
        return why_internal(reply.text, customer=card.customer.name, colleagues=team)

    async def _send(
        self,
        card: ContextCard,
        reply: AgentReply,
        agent: Agent,
        text: str,
        files: tuple[Attachment, ...],
    ) -> int:
        """The turn of the answer. Raises Conflict when somebody else has the conversation."""
        desk, conversation = self._context.services.desk, card.conversation
        owner = conversation.owner
        if reply.take and owner is not None and owner.id != agent.id:
            await desk.claim(conversation.id, agent, epoch=conversation.epoch)
        accepted = await desk.answer(
            conversation.id,
            agent,
            text,
            key=f"slack:{self._context.channel}:{reply.id}",
            suggestion=reply.suggestion,
            attachments=files,
        )
        return accepted.turn

    async def _advise(
        self, reply: AgentReply, text: str, files: tuple[Attachment, ...]
    ) -> tuple[Finding, ...]:
        if text:
            return await self._context.services.desk.advise(reply.conversation, text)
        return () if files else (_error("empty", "There is nothing to send."),)

    async def _fetch_files(
        self, reply: AgentReply
    ) -> tuple[tuple[Attachment, ...], tuple[Finding, ...]]:
        """The files, stored; and for each that cannot be fetched, why."""
        context = self._context
        fetched: list[Attachment] = []
        missing: list[Finding] = []
        for file in reply.files:
            try:
                data = await download(
                    _shared(file),
                    context.api,
                    context.services.public_http,
                    limit=context.largest_file,
                )
                stored = File(name=file.name, media_type=file.media_type, data=data)
                stored = await asyncio.to_thread(without_place, stored)
                fetched.append(await context.services.files.keep(stored))
            except (FileUnavailable, TooLarge, NotAccepted) as error:
                missing.append(_error("file", f"The file {file.name} cannot be sent: {error}"))
        return tuple(fetched), tuple(missing)

    async def _plain(self, reply: AgentReply, text: str) -> str:
        if not reply.typed:
            return text.strip()
        names = await self._context.members.names(mentioned(text))
        return readable(text, names=names, emoji=reply.emoji).strip()

    # -- outcomes

    async def _ask(self, saved: Saved[AgentReply], text: str, why: str) -> None:
        blocks = dialogs.take_over_question(saved.value, text, why)
        await self._hold(saved, why, blocks=blocks, stage="asking")

    async def _hold(
        self,
        saved: Saved[AgentReply],
        why: str,
        *,
        blocks: list[Block] | None = None,
        stage: Stage = "held",
        doubtful: bool = False,
    ) -> None:
        waiting = saved.value.replace(stage=stage, why=why, due=0.0, doubtful=doubtful)
        changed = await self._context.store.change(saved, waiting)
        about = f"{stage}{changed.version}"
        await self._notify(saved.value, about, f"Not sent yet. {why}", blocks)

    async def _finish(self, saved: Saved[AgentReply], outcome: Outcome) -> None:
        await self._context.store.finish(saved, outcome)
        self._context.wake(saved.value.conversation)

    async def _notify(
        self, reply: AgentReply, about: str, text: str, blocks: list[Block] | None = None
    ) -> None:
        notice = PrivateNotice(user=reply.user, thread=reply.thread, text=text, blocks=blocks or [])
        await self._context.notify(f"{reply.id}:{about}", notice, reply.conversation)

    async def _react(self, reply: AgentReply, about: str, emoji: str) -> None:
        notice = PrivateNotice(user=reply.user, thread=reply.id, emoji=emoji)
        await self._context.notify(f"{reply.id}:{about}", notice, reply.conversation)


def _find_note(card: ContextCard, text: str, agent: Agent, *, after: int) -> int | None:
    """The id of this agent's note with this text, made after message ``after``."""
    for message in card.messages:
        internal = message.id > after and message.internal and message.author == "agent"
        if internal and message.text == text and message.agent and message.agent.id == agent.id:
            return message.id
    return None


def _error(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity="error", start=0, end=0, message=message)


def _shared(file: ReplyFile) -> SharedFile:
    return SharedFile(
        id=file.id,
        name=file.name,
        mimetype=file.media_type,
        size=file.size,
        url_private=file.url,
    )


def gap_finding(text: str, gap: Unfilled) -> Finding:
    """The gap as advice that the agent must follow."""
    start = text.find(gap.placeholder)
    return Finding(
        rule="placeholder",
        severity="error",
        start=max(0, start),
        end=max(0, start) + len(gap.placeholder),
        message="Fill this in or remove it.",
    )
