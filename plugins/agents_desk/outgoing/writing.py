"""``/desk/new``: write to a customer first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import getaddresses

from aiohttp import web

from gateway import (
    Accepted,
    Address,
    Conflict,
    NotAccepted,
    NotFound,
    RefusedByChannel,
    SearchHit,
    Services,
    SupportAddress,
    Value,
    channel_key,
)
from plugins.agents_desk import labels
from plugins.agents_desk.access.accounts import may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import InvalidForm, RequestGuard, message_key, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.outgoing.unsent import NO_CONVERSATION, UnsentFiles
from plugins.agents_desk.search import may_find

STORED_WITHIN = 2.0
"""Seconds to wait at most until what an agent sends is in the history."""
LONGEST_COPIES = 2_000
"""Characters of a field with several mail addresses."""
LONGEST_QUERY = 300
MOST_FOUND = 20
"""Customers that the page offers for a search."""


class FirstMessageForm(Value, frozen=True, kw_only=True):
    """What the form holds. ``place`` is an `Address.channel_key` of ours."""

    place: str = ""
    to: str = ""
    subject: str = ""
    text: str = ""
    copies: str = ""
    key: str = ""
    files: tuple[str, ...] = ()

    @property
    def address(self) -> Address:
        channel, _, name = self.place.partition("/")
        return Address(channel=channel, value=self.to.strip(), support_address=name)


class FoundCustomer(Value, frozen=True, kw_only=True):
    """An address to write to, with whose it is."""

    name: str
    place: str
    label: str
    to: str


@dataclass(kw_only=True)
class WritingPages:
    """Chooses a customer, and begins a conversation that the agent has.

    ``longest``: characters of a message.
    """

    services: Services
    html: HtmlRenderer
    guard: RequestGuard
    unsent: UnsentFiles
    longest: int

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/desk/new", self.guard.read(self._open)),
            web.post("/desk/new", self.guard.act(self._begin)),
        ]

    async def _open(self, request: web.Request, session: DeskSession) -> web.Response:
        place, to, subject = (request.query.get(n, "")[:320] for n in ("place", "to", "subject"))
        form = FirstMessageForm(place=place, to=to, subject=subject)
        return await self.page(request, session, form)

    async def page(
        self,
        request: web.Request,
        session: DeskSession,
        form: FirstMessageForm,
        problem: str = "",
        status: int = 200,
    ) -> web.Response:
        """The form, with what a search found and what waits to be sent."""
        places = self.services.desk.writing_places(session.agent)
        asked = request.query.get("q", "").strip()[:LONGEST_QUERY]
        waiting = await self.unsent.of(NO_CONVERSATION, session.agent.id)
        chosen = next((place for place in places if place.key == form.place), None)
        limits = self.services.desk.file_limits(form.address) if chosen else None
        files = [unsent.file for unsent in waiting]
        refusal = (limits.refusal(files) if limits.most else limits.hint) if limits else None
        return self.html.page(
            "outgoing/new.html",
            status=status,
            session=session,
            places=places,
            chosen=chosen,
            form=form,
            asked=asked,
            found=await self._found(request, session, asked),
            waiting=waiting,
            refusal=refusal if files else None,
            problem=problem,
        )

    async def _found(
        self, request: web.Request, session: DeskSession, asked: str
    ) -> list[FoundCustomer]:
        """The addresses of the conversation that the page's address names, or those that a search
        found."""
        origin = request.query.get("from", "")
        if origin.isascii() and origin.isdecimal() and len(origin) < 19:
            return await self._known_addresses(int(origin), session)
        if not asked or self.services.search is None:
            return []
        page = await self.services.search.find(asked, brands=session.agent.brands)
        await self.services.audit.record(session.agent.id, "searched")
        found: dict[str, FoundCustomer] = {}
        for hit in page.hits:
            if hit.address not in found and may_find(hit, session):
                found[hit.address] = self._customer_of(hit)
        return list(found.values())[:MOST_FOUND]

    async def _known_addresses(self, origin: int, session: DeskSession) -> list[FoundCustomer]:
        try:
            card = await self.services.desk.card(origin)
        except NotFound:
            return []
        if not may_see(session.role, session.agent, card.conversation):
            return []
        return [self._customer_at(address, card.customer.name) for address in card.identities]

    def _customer_of(self, hit: SearchHit) -> FoundCustomer:
        return self._customer_at(Address.from_lane(hit.address), hit.customer_name)

    def _customer_at(self, address: Address, name: str | None) -> FoundCustomer:
        label = labels.channel(address.channel)
        if address.support_address:
            label += f" ({address.support_address})"
        return FoundCustomer(
            name=labels.customer_name(name, address),
            place=channel_key(address.channel, address.support_address),
            label=label,
            to=address.value,
        )

    async def _begin(self, request: web.Request, session: DeskSession) -> web.Response:
        form = _parse(await read_fields(request))
        try:
            place = self._place(form, session)
            if len(form.text) > self.longest:
                raise InvalidForm(f"The text is too long: at most {self.longest} characters fit.")  # noqa: TRY301
            files = await self.unsent.take(NO_CONVERSATION, session.agent.id, form.files)
            begun = await self.services.desk.begin(
                form.address,
                session.agent,
                form.text,
                key=message_key(
                    session.agent.id, form.key, form.subject, form.text, form.copies, *form.files
                ),
                subject=form.subject if place.subjects else "",
                attachments=files,
                copies=parse_copies(form.copies),
            )
        except (InvalidForm, RefusedByChannel) as refused:
            return await self.page(request, session, form, str(refused), 422)
        except Conflict as conflict:
            problem = f"{conflict}. Nothing was sent."
            return await self.page(request, session, form, problem, 409)
        except NotAccepted:
            problem = "It could not be stored, so nothing was sent. Please try again."
            return await self.page(request, session, form, problem, 503)
        await self.unsent.mark_sent(NO_CONVERSATION, session.agent.id, form.files)
        return redirect(f"/desk/c/{await shown_in(begun, self.services)}")

    def _place(self, form: FirstMessageForm, session: DeskSession) -> SupportAddress:
        """Raises InvalidForm for an address that is not one of those offered."""
        for place in self.services.desk.writing_places(session.agent):
            if place.key == form.place:
                if not form.to.strip():
                    raise InvalidForm("Say to whom: choose a customer, or type an address.")
                if not form.key:
                    raise InvalidForm("This page is out of date. Please try again.")
                return place
        raise InvalidForm("Choose the address to write from.")


def _parse(fields: Mapping[str, object]) -> FirstMessageForm:
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    return FirstMessageForm(
        place=texts.get("place", "")[:120],
        to=texts.get("to", "")[:320],
        subject=texts.get("subject", "")[:300],
        text=texts.get("text", "").replace("\r\n", "\n"),
        copies=texts.get("copies", "")[:2_000],
        key=texts.get("key", "")[:80],
        files=tuple(id for id in texts.get("files", "")[:2_000].split(",") if id),
    )


async def shown_in(accepted: Accepted, services: Services) -> int:
    """The conversation whose page shows what was sent. It is stored already; this waits a moment
    until it is in the history, too."""
    sent = await services.mailbox.answer(accepted.turn, timeout=STORED_WITHIN)
    return sent[0].conversation if sent else accepted.conversation


def parse_copies(text: str) -> tuple[str, ...]:
    """The addresses in ``text``, each once: separated by commas, semicolons or spaces, with or
    without names. Raises InvalidForm that names what is none; the channel checks the rest."""
    listed = text[:LONGEST_COPIES].replace(";", ",").replace("\n", ",").strip(" ,")
    if not listed:
        return ()
    if "," not in listed and "<" not in listed:
        listed = ",".join(listed.split())
    found = dict.fromkeys(address for _, address in getaddresses([listed]))
    for address in found:
        if "@" not in address:
            raise InvalidForm(f"This is not a list of mail addresses: {text.strip()[:120]}")
    return tuple(found)
