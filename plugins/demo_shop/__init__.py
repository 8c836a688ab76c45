"""Magpie Panniers: a fictional shop that shows the gateway at work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from gateway import ExclusiveTask, HttpRoutes, Poller, Section, Settings, hookimpl
from plugins.demo_shop.month import LABEL, PastMonth
from plugins.demo_shop.pages import ShopPages, config

__all__ = ["DemoShopSettings", "ShopPages", "config"]


class DemoShopSettings(BaseModel):
    """Section ``plugins.demo_shop``: the shop's pages, which anyone who reaches them may read."""

    model_config = ConfigDict(extra="forbid")

    maildir: Path | None = Field(
        None, description="folder of the e-mails at /shop/mail; none: `mail` in the data directory"
    )
    smtp_port: int = Field(2525, ge=0, le=65535, description="shown to visitors; 0: not known")
    history: bool = Field(
        False,
        description="whether a new database gets a simulated month of conversations, with the "
        "label `simulated`",
    )
    address: str = Field("help@magpie.example", description="the address that visitors write to")


@hookimpl
def register_settings(section: Section) -> None:
    # Visitors must see the port on which the mail channel listens.
    aliases = {"WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "smtp_port"}
    section("plugins.demo_shop", DemoShopSettings, aliases)


@hookimpl
def register_routes(
    register: Callable[[HttpRoutes | Poller | ExclusiveTask], None], settings: Settings
) -> None:
    if section := settings.section(DemoShopSettings):
        register(
            ShopPages(
                maildir=section.maildir or settings.data_dir / "mail",
                smtp_port=section.smtp_port,
                address=section.address,
                public_url=settings.core.public_url,
                history=LABEL if section.history else "",
            )
        )
        if section.history:
            register(
                PastMonth(
                    data_dir=settings.data_dir,
                    scenario=config().parent / "month.yaml",
                    config=config(),
                )
            )
