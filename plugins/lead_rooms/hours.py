"""The room ``/desk/hours``: when people are there, and what a customer is told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from gateway import (
    AdoptedChange,
    ChangeRefused,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    Json,
    NotFound,
    Reason,
    Route,
    Services,
    TrialMessage,
    Value,
)
from plugins.lead_rooms.editing import NOT_YOURS, RoomEdit, RoomForm, may_edit
from plugins.lead_rooms.hours_form import DAYS, field_of, hours_changes, hours_fields, hours_path
from plugins.lead_rooms.html import RoomTemplates

ASKS = Route(action="escalate", reasons=(Reason(code="asked_for_person", detail="wants a person"),))
LANGUAGES = ("en", "de", "fr", "es", "ar", "it", "pt", "nl")


class ToldWhen(Value, frozen=True, kw_only=True):
    """What a customer who wants a person is told at a moment: ``at`` and ``opens`` are wall-clock
    times of the business; ``opens`` is None while people are there."""

    name: str
    at: datetime
    opens: datetime | None
    parts: tuple[str, ...]


@dataclass(kw_only=True)
class HoursPage:
    """The week, holidays and exceptions of a brand, with a preview."""

    services: Services
    templates: RoomTemplates
    path: str = "/desk/hours"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        brand = self._brand(request)
        hours = await self._hours(brand)
        newest = (await self.services.versions.overlay("hours")).number
        form = RoomForm.opened(hours_fields(hours), newest)
        return await self._page(request, brand, form)

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Preview or save what was typed."""
        brand = self._brand(request)
        hours = await self._hours(brand)
        form = RoomForm.submitted(hours_fields(hours), request)
        changes = hours_changes(brand, hours, form)
        edit = RoomEdit(services=self.services, kind="hours", field_of=field_of)
        if changes and not form.problems:
            await edit.check(form, changes)
        sound = () if form.problems else changes
        if request.value("do") != "save":
            return await self._page(request, brand, form, changes=sound)
        if not may_edit(request.agent, brand):
            form.say("", NOT_YOURS)
            return await self._page(request, brand, form, status=403)
        adoption = await edit.save(form, changes, request)
        if adoption is None:
            status = 409 if form.others else 422
            return await self._page(request, brand, form, changes=sound, status=status)
        if adoption.not_written:
            hours = await self._hours(brand)
            form = RoomForm.opened(hours_fields(hours), adoption.version.number)
            notice = " ".join(adoption.not_written)
            return await self._page(request, brand, form, notice=notice)
        saved = {"brand": brand, "saved": str(adoption.version.number)}
        address = urlencode({key: value for key, value in saved.items() if value})
        return DeskPageResult(redirect=f"/desk/hours?{address}")

    def _brands(self, request: DeskPageRequest) -> tuple[str, ...]:
        brands = (brand for brand in self.services.brands if request.agent.works_for(brand))
        return ("", *brands)

    def _brand(self, request: DeskPageRequest) -> str:
        brand = request.query.get("brand", "")
        if brand not in self._brands(request):
            raise NotFound("there is no such brand for you")
        return brand

    async def _hours(self, brand: str) -> Json:
        return await self.services.trials.in_force("hours", hours_path(brand))

    async def _page(
        self,
        request: DeskPageRequest,
        brand: str,
        form: RoomForm,
        *,
        changes: Sequence[AdoptedChange] = (),
        notice: str = "",
        status: int = 200,
    ) -> DeskPageResult:
        language = request.value("preview-language") or "en"
        language = language if language in LANGUAGES else "en"
        channels = list(self.services.trials.channels) or ["webchat"]
        channel = request.value("preview-channel")
        channel = channel if channel in channels else channels[0]
        told: list[ToldWhen] = []
        if not form.problems:
            for name, at in self._moments(request, form):
                message = TrialMessage(
                    text="?", channel=channel, brand=brand, language=language, at=at, route=ASKS
                )
                try:
                    told.append(await self._told(name, message, form, changes))
                except ChangeRefused as refused:
                    form.say("", str(refused))
                    break
        return self.templates.page(
            "hours.html",
            title="Hours",
            request=request,
            status=status,
            brand=brand,
            brands=self._brands(request),
            form=form,
            days=DAYS,
            told=told,
            at=request.value("at"),
            language=language,
            languages=LANGUAGES,
            chosen_channel=channel,
            channels=channels,
            changed=bool(changes),
            may=may_edit(request.agent, brand),
            notice=notice,
            left_out=self.services.versions.left_out("hours"),
            writes_files=self.services.versions.writes_files,
            saved=request.query.get("saved", "")[:12] if status == 200 else "",
        )

    async def _told(
        self,
        name: str,
        message: TrialMessage,
        form: RoomForm,
        changes: Sequence[AdoptedChange],
    ) -> ToldWhen:
        found = await self.services.trials.respond(message, {"hours": changes})
        opens = datetime.fromisoformat(found.turn.opening) if found.turn.opening else None
        at = found.turn.at.astimezone(_zone(form.value("timezone")))
        return ToldWhen(name=name, at=at, opens=opens, parts=found.rendered.parts)

    def _moments(self, request: DeskPageRequest, form: RoomForm) -> list[tuple[str, datetime]]:
        """Now, tonight, at Christmas, and when the person wants to know of."""
        zone = _zone(form.value("timezone"))
        now = self.services.clock.now().astimezone(zone)
        tonight = now.replace(hour=23, minute=0, second=0, microsecond=0)
        christmas = datetime(now.year, 12, 25, 11, tzinfo=zone)
        if christmas < now:
            christmas = christmas.replace(year=now.year + 1)
        moments = [("Now", now), ("Tonight at 23:00", tonight), ("At Christmas, 11:00", christmas)]
        try:
            asked = datetime.fromisoformat(request.value("at"))
        except ValueError:
            return moments
        soon = now + timedelta(days=3660)
        if asked.tzinfo is None and now.year - 1 <= asked.year <= soon.year:
            moments.append(("When you asked for", asked.replace(tzinfo=zone)))
        return moments


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return ZoneInfo("UTC")
