"""The lead's rooms at the desk: knowledge, guide, policy, hours, and the history of all."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from gateway import DeskPageProvider, HttpRoutes, Poller, Section, Settings, hookimpl
from plugins.lead_rooms.rooms import LeadRooms

__all__ = ["LeadRooms", "LeadRoomsSettings"]


class LeadRoomsSettings(BaseModel):
    """Section ``plugins.lead_rooms``."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(
        28, ge=1, le=366, description="days of conversations that effects are worked out from"
    )
    conversations: int = Field(
        10_000, ge=1, le=100_000, description="the newest of these days that are looked at"
    )
    seconds: float = Field(
        600, ge=1, le=3600, description="after so long what is worked out for a page is given up"
    )
    _rooms: LeadRooms | None = PrivateAttr(None)

    def rooms(self) -> LeadRooms:
        """The one of a gateway: what its pages began ends with it."""
        if self._rooms is None:
            self._rooms = LeadRooms(
                days=self.days, conversations=self.conversations, seconds=self.seconds
            )
        return self._rooms


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.lead_rooms", LeadRoomsSettings, {})


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if section := settings.section(LeadRoomsSettings):
        register(section.rooms())


@hookimpl
def register_desk_pages(register: Callable[[DeskPageProvider], None], settings: Settings) -> None:
    if section := settings.section(LeadRoomsSettings):
        register(section.rooms())
