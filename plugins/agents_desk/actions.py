"""Actions on a conversation. Each is a plain form that calls the gateway's `Desk` and leads back to
the conversation's page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from gateway import (
    Address,
    Conflict,
    ContextCard,
    Conversation,
    Event,
    NotAccepted,
    NotFound,
    RefusedByChannel,
    Services,
    Unfilled,
    note_text,
    why_internal,
)
from plugins.agents_desk import view
from plugins.agents_desk.access.accounts import DeskAccounts, may, may_see, may_work_on
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.composing.placeholders import why_unfinished
from plugins.agents_desk.composing.presence import unseen_messages
from plugins.agents_desk.composing.saved_replies import SavedReplies
from plugins.agents_desk.guard import (
    OUTDATED_PAGE,
    ActionForm,
    InvalidForm,
    RequestGuard,
    SessionHandler,
    message_key,
    parse_action_form,
    read_fields,
)
from plugins.agents_desk.html import HtmlRenderer, redirect, with_security_headers
from plugins.agents_desk.lists.query import FROM
from plugins.agents_desk.marks.actions import MarkActions
from plugins.agents_desk.outgoing.part import Outgoing
from plugins.agents_desk.outgoing.writing import parse_copies, shown_in
from plugins.agents_desk.pages import ID, DeskPages, PageDraft, list_of, queue_filter

NOTES = ("note", "note-as-is")


class AskFirst(InvalidForm):
    """Nothing was sent or stored: the agent is asked first. ``shown`` are the fields of the page's
    draft that ask."""

    def __init__(self, **shown: object) -> None:
        super().__init__("the agent is asked first")
        self.shown = shown


Action = Callable[[web.Request, DeskSession, ActionForm], Awaitable[web.Response | None]]
"""Returns a response, or None for the conversation's page."""


@dataclass(kw_only=True)
class ConversationActions:
    """What an agent does with a conversation, its suggestion and the customer's addresses.

    ``longest`` is how many characters an answer or a note may have.
    """

    services: Services
    pages: DeskPages
    html: HtmlRenderer
    guard: RequestGuard
    accounts: DeskAccounts
    longest: int
    marks: MarkActions
    outgoing: Outgoing
    replies: SavedReplies
    undo_send: float = 0.0
    """Seconds for which an answer can be taken back."""

    def routes(self) -> list[web.RouteDef]:
        actions: dict[str, Action] = {
            "claim": self._claim,
            "answer": self._answer,
            "answer-as-is": self._answer_as_is,
            "take-back": self._take_back,
            "note": self._note,
            "note-as-is": self._note_as_is,
            "resolve": self._resolve,
            "hand-back": self._hand_back,
            "transfer": self._transfer,
            "assign": self._assign,
            "ignore": self._ignore,
            "advice": self._advice,
            "prove": self._prove,
            "link": self._link,
            "unlink": self._unlink,
            **self.marks.actions(),
        }
        return [
            web.post(f"/desk/c/{ID}/{name}", self.guard.act(self._handler(name, action)))
            for name, action in actions.items()
        ]

    def _handler(self, name: str, action: Action) -> SessionHandler:
        """Parses the form, runs the action, and shows every problem on the conversation's page."""

        async def handle(request: web.Request, session: DeskSession) -> web.Response:
            number = int(request.match_info["id"])
            draft, form, status = PageDraft(), ActionForm(conversation=number), 422
            try:
                form = parse_action_form(request, await read_fields(request))
                draft = _draft(name, form)
                card = await self.services.desk.card(number)
                if not self._may(name, session, card.conversation):
                    return self.pages.owned_by_colleague(card.conversation, form.text)
                self._check_length(form)
                try:
                    response = await action(request, session, form)
                finally:
                    self.pages.boards.outdate()  # the next page shows what was done here
                return response or to_conversation(request, number)
            except NotFound:
                return self.html.conversation_not_found()
            except Conflict as conflict:
                status = 409
                if conflict.conversation.id != number:
                    draft = draft.replace(problem=f"{conflict}. Nothing was sent.")
                else:
                    card = await self.services.desk.card(number)
                    summary = view.conflict_summary(
                        card, session.agent, state=form.state, last=form.last
                    )
                    draft = draft.replace(conflict=summary)
            except AskFirst as asked:
                draft = draft.replace(**asked.shown)
            except (InvalidForm, RefusedByChannel, Unfilled) as invalid:
                nothing = "Nothing was sent: " if isinstance(invalid, Unfilled) else ""
                draft = draft.replace(problem=f"{nothing}{invalid}")
            except NotAccepted:
                problem = "It could not be stored, so nothing was sent. Please try again."
                draft, status = draft.replace(problem=problem), 503
            return await self.pages.conversation(request, session, draft, status)

        return handle

    def _may(self, action: str, session: DeskSession, conversation: Conversation) -> bool:
        """Whoever reads a conversation may leave a note in it; the rest is for those who may work
        on it."""
        if action in NOTES:
            return self.pages.may_read(session, conversation)
        return may_work_on(session.role, session.agent, conversation)

    def _check_length(self, form: ActionForm) -> None:
        if len(form.text) > self.longest:
            raise InvalidForm(f"The text is too long: at most {self.longest} characters fit.")

    async def _claim(
        self, request: web.Request, session: DeskSession, form: ActionForm
    ) -> web.Response:
        card = await self.services.desk.claim(form.conversation, session.agent, epoch=form.epoch)
        in_flight = ",".join(str(message.id) for message in card.on_its_way)
        return to_conversation(request, form.conversation, in_flight=in_flight)

    async def _answer(
        self, request: web.Request, session: DeskSession, form: ActionForm
    ) -> web.Response | None:
        """Send the answer, unless it is marked as a note or seems to be meant for colleagues."""
        if (note := note_text(form.text)) is not None:
            await self._note(request, session, form.replace(text=note))
            return None
        card = await self.services.desk.card(form.conversation)
        if not _is_suggestion(card, form) and (why := _doubt(card, form.text)):
            raise AskFirst(doubt=why)
        return await self._answer_as_is(request, session, form)

    async def _answer_as_is(
        self, request: web.Request, session: DeskSession, form: ActionForm
    ) -> web.Response:
        if not form.text.strip() and not form.files:
            raise InvalidForm("There is nothing to send yet.")
        if not form.key:
            raise InvalidForm(OUTDATED_PAGE)
        if why := why_unfinished(form.text):
            raise InvalidForm(why)
        card = await self.services.desk.card(form.conversation)
        if unseen := unseen_messages(card, session.agent, form.last):
            raise AskFirst(unseen=unseen)
        if form.via is not None and form.via not in card.identities:
            raise InvalidForm("The customer does not have this address. Nothing was sent.")
        unsent, agent = self.outgoing.unsent, session.agent
        accepted = await self.services.desk.answer(
            form.conversation,
            agent,
            form.text,
            key=answer_key(agent.id, form),
            suggestion=form.suggestion,
            attachments=await unsent.take(form.conversation, agent.id, form.files),
            via=form.via,
            copies=parse_copies(f"{form.copies},{form.reply_all}"),
            hold=self.undo_send,
        )
        await unsent.mark_sent(form.conversation, agent.id, form.files)
        if not accepted.duplicate:
            await self.replies.count_uses(form.replies, agent)
            if self.undo_send:
                return to_conversation(request, accepted.conversation)
        return to_conversation(request, await shown_in(accepted, self.services))

    async def _take_back(
        self, request: web.Request, session: DeskSession, form: ActionForm
    ) -> web.Response:
        """Take an answer back before it is sent; its text, its files and its copies return to the
        form."""
        if form.turn is None:
            raise InvalidForm(OUTDATED_PAGE)
        try:
            taken = await self.services.desk.take_back(
                form.conversation, session.agent, turn=form.turn
            )
        except NotAccepted:
            raise InvalidForm("It is on its way already and cannot be taken back.") from None
        await self.outgoing.unsent.put_back(form.conversation, session.agent.id, taken.attachments)
        draft = PageDraft(
            answer=taken.text, suggestion=taken.suggestion, copies=", ".join(taken.copies)
        )
        return await self.pages.conversation(request, session, draft)

    async def _note(self, request: web.Request, session: DeskSession, form: ActionForm) -> None:
        """Store a note, unless it mentions somebody who would not hear of it."""
        conversation = (await self.services.desk.card(form.conversation)).conversation
        if names := await self.marks.unheard(form.text, conversation):
            raise AskFirst(note=form.text, answer="", unheard=names)
        await self._note_as_is(request, session, form)

    async def _note_as_is(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        if not form.text.strip():
            raise InvalidForm("The note is empty.")
        note = await self.services.desk.note(form.conversation, session.agent, form.text)
        await self.marks.noted(note)

    async def _resolve(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        await self.services.desk.resolve(form.conversation, session.agent, epoch=form.epoch)

    async def _hand_back(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        await self.services.desk.hand_back(form.conversation, session.agent, epoch=form.epoch)

    async def _transfer(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        if not form.tier:
            raise InvalidForm("Choose a tier to transfer to.")
        await self.services.desk.transfer(
            form.conversation,
            session.agent,
            epoch=form.epoch,
            tier=form.tier,
            skills=form.skills,
            reason=form.reason,
        )

    async def _assign(
        self, _: web.Request, session: DeskSession, form: ActionForm
    ) -> web.Response | None:
        """Claim for a colleague. The audit log records who assigned it."""
        if not may(session.role, "reassign"):
            return self.html.forbidden()
        account = await self.accounts.find(form.to) if form.to else None
        if account is None or account.locked:
            raise InvalidForm("Choose a colleague.")
        card = await self.services.desk.card(form.conversation)
        if not may_see(account.role, account.agent, card.conversation.replace(owner=None)):
            raise InvalidForm(f"{account.agent.name} does not work for {card.place}.")
        await self.services.desk.claim(form.conversation, account.agent, epoch=form.epoch)
        await self.services.audit.record(
            session.agent.id,
            "assigned",
            conversation=form.conversation,
            detail=f"to {account.agent.id}",
        )
        return None

    async def _ignore(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        if form.suggestion is None:
            raise InvalidForm("There is no suggestion to ignore.")
        card = await self.services.desk.card(form.conversation)
        if card.suggestion is None or card.suggestion.id != form.suggestion:
            raise InvalidForm("This suggestion is no longer there.")
        await self.services.desk.ignore_suggestion(form.suggestion, session.agent)

    async def _advice(
        self, request: web.Request, session: DeskSession, form: ActionForm
    ) -> web.Response:
        """What the brand voice would change: JSON while the agent types, a page without scripts.

        The customer's page may show meanwhile that the agent is typing.
        """
        findings = await self.services.desk.advise(form.conversation, form.text)
        if "application/json" not in request.headers.get("Accept", ""):
            draft = _draft("answer", form).replace(findings=findings)
            return await self.pages.conversation(request, session, draft)
        conversation = (await self.services.desk.card(form.conversation)).conversation
        if conversation.owner is not None and conversation.owner.id == session.agent.id:
            self.services.events.publish(
                Event(
                    topic=conversation.address.lane,
                    name="typing",
                    conversation=conversation.id,
                    data={"author": "agent", "name": session.agent.name},
                )
            )
        fields = ("rule", "severity", "start", "end", "message", "suggestion")
        body = [{name: getattr(finding, name) for name in fields} for finding in findings]
        return with_security_headers(web.json_response(body))

    async def _prove(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        with _refusal_as_problem():
            await self.services.desk.ask_proof(
                form.conversation, _other_address(form), session.agent
            )

    async def _link(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        with _refusal_as_problem():
            await self.services.desk.link(form.conversation, _other_address(form), session.agent)

    async def _unlink(self, _: web.Request, session: DeskSession, form: ActionForm) -> None:
        if form.link is None:
            raise InvalidForm(OUTDATED_PAGE)
        with _refusal_as_problem():
            await self.services.desk.unlink(form.conversation, form.link, session.agent)


def _doubt(card: ContextCard, text: str) -> str | None:
    team = {message.agent.name for message in card.messages if message.agent}
    return why_internal(text, customer=card.customer.name, colleagues=team)


def _is_suggestion(card: ContextCard, form: ActionForm) -> bool:
    """Whether the text is the suggestion as it was offered."""
    offered = card.suggestion
    return (
        offered is not None
        and offered.id == form.suggestion
        and offered.text.split() == form.text.split()
    )


def answer_key(agent: str, form: ActionForm) -> str:
    """See `message_key`."""
    via = form.via.lane if form.via else ""
    said = (str(form.conversation), via, form.text, *form.files, form.copies, form.reply_all)
    return message_key(agent, form.key, *said)


def to_conversation(request: web.Request, number: int, *, in_flight: str = "") -> web.Response:
    """A redirect to a conversation, with the queue's filter. ``in_flight``: ids of bot messages
    that were being sent at the claim."""
    query = {
        "show": queue_filter(request),
        "brand": request.query.get("brand", "")[:64],
        FROM: list_of(request),
        "way": in_flight,
    }
    kept = urlencode({k: v for k, v in query.items() if v and v != "all"}, safe=",")
    return redirect(f"/desk/c/{number}" + (f"?{kept}" if kept else ""))


@contextmanager
def _refusal_as_problem() -> Iterator[None]:
    """Shows why the gateway refused to link or unlink an address."""
    try:
        yield
    except (NotAccepted, NotFound) as refused:
        raise InvalidForm(f"Nothing was changed: {refused}.") from refused


def _other_address(form: ActionForm) -> Address:
    """The address that was typed. Raises InvalidForm when it is incomplete or not an address."""
    if not form.channel or not form.value:
        raise InvalidForm("Fill in the channel and the address.")
    if ":" in form.channel or not (form.channel + form.value).isprintable():
        raise InvalidForm("This is not a valid address.")
    return Address(channel=form.channel, value=form.value)


def _draft(action: str, form: ActionForm) -> PageDraft:
    """What was typed, so that a failed action does not lose it."""
    if action in NOTES:
        return PageDraft(note=form.text)
    if action in ("prove", "link", "unlink"):
        return PageDraft(channel=form.channel, value=form.value)
    if action not in ("answer", "answer-as-is"):
        return PageDraft()
    return PageDraft(
        answer=form.text,
        suggestion=form.suggestion,
        via=form.via,
        copies=form.copies,
        replies=" ".join(form.replies),
    )
