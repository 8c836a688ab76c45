"""Brands: which support addresses belong together, and what is their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from gateway.model import Address, Conversation
from gateway.settings.hours import Hours

NAME = r"[a-z0-9][a-z0-9_-]{0,39}"
SupportAddressName = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
"""The name of a further number, mailbox, bot or site of a channel; see `Address`."""
BrandName = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
ChannelKey = Annotated[str, StringConstraints(pattern=f"^[a-z][a-z0-9_]*(/{NAME})?$")]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


class BrandSettings(BaseModel):
    """One brand. What it does not set is as for everybody else. Paths are relative to the
    configuration file."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(
        None, min_length=1, max_length=80, description="as people read it; none: the key"
    )
    support_addresses: tuple[ChannelKey, ...] = Field(
        min_length=1, description="`sms` for a channel's first one, `sms/sales` for a named one"
    )
    guide: Path | None = Field(None, description="its voice guide, laid over the packaged one")
    answers: Annotated[tuple[Path, ...], BeforeValidator(_as_list)] = Field(
        (), description="its files or folders of answers; none: those of `plugins.faq`"
    )
    hours: Hours | None = Field(None, description="when its agents are available")
    survey: dict[str, Any] | None = Field(
        None, description="keys of `plugins.followup` that differ for it"
    )
    support_channel: str | None = Field(
        None, pattern="^[CG][A-Z0-9]+$", description="id of its agents' channel in Slack"
    )
    widget: dict[str, Any] | None = Field(None, description="the look of its web chat")


class Brands:
    """Finds the brand of a support address, and what belongs to a brand."""

    def __init__(self, brands: Mapping[str, BrandSettings]) -> None:
        self._brands = dict(brands)
        self._by_key = {key: name for name, b in brands.items() for key in b.support_addresses}

    def __iter__(self) -> Any:
        return iter(self._brands)

    def __bool__(self) -> bool:
        return bool(self._brands)

    def of(self, address: Address) -> str:
        """The brand of the support address in ``address``; empty when it has none."""
        return self._by_key.get(address.channel_key, "") if self._by_key else ""

    def by_key(self, key: str) -> str:
        """The same for an `Address.channel_key`."""
        return self._by_key.get(key, "")

    def problems(self, channels: Collection[str]) -> list[str]:
        """What is wrong with the support addresses of the brands, where ``channels`` are those that
        are awake, by their keys."""
        awake = {key.partition("/")[0] for key in channels}
        unknown = [
            f"brand {name}: there is no support address {key}; name it in `channels.{channel}`"
            for name, brand in self._brands.items()
            for key in brand.support_addresses
            if (channel := key.partition("/")[0]) in awake and key not in channels
        ]
        unowned = [
            f"{key} belongs to no brand; add it to one's `support_addresses`"
            for key in channels
            if self._brands and key not in self._by_key
        ]
        return unknown + unowned

    def title(self, brand: str) -> str:
        """The name of ``brand`` as people read it."""
        found = self._brands.get(brand)
        return (found.title if found else None) or brand

    @property
    def titles(self) -> dict[str, str]:
        """The names of all brands as people read them."""
        return {brand: self.title(brand) for brand in self._brands}

    def place(self, conversation: Conversation) -> str:
        """What people call our side of ``conversation``: its brand and its support address. Empty
        for a channel's only address."""
        name = conversation.address.support_address
        title = self.title(conversation.brand)
        parts = (title, name if name not in (conversation.brand, title) else "")
        return " · ".join(part for part in parts if part)

    def hours(self, brand: str) -> Hours | None:
        """The brand's own hours, if it has some."""
        found = self._brands.get(brand)
        return found.hours if found else None

    def address_in(self, brand: str, address: Address) -> Address | None:
        """``address`` at the support address through which ``brand`` reaches that channel; None
        when it has none there. A brand's first one comes first."""
        if not brand or self.of(address) == brand:
            return address
        for key in self._brands[brand].support_addresses if brand in self._brands else ():
            channel, _, name = key.partition("/")
            if channel == address.channel:
                return address.replace(support_address=name)
        return None
