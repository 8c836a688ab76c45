"""Magpie Panniers: a small shop that does not exist, to see the gateway at work."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from gateway import HttpRoutes, Poller, Section, Settings, hookimpl
from plugins.demo_shop.pages import Shop

__all__ = ["DemoShopSettings", "Shop", "config"]


class DemoShopSettings(BaseModel):
    """Section ``plugins.demo_shop``: the shop's pages, which anyone who reaches them may read."""

    model_config = ConfigDict(extra="forbid")

    maildir: Path | None = Field(
        None, description="the mails shown at /shop/mail; none: `mail` in the data directory"
    )
    smtp_port: int = Field(2525, ge=0, le=65535, description="as told to visitors; 0: not known")
    address: str = Field("help@magpie.example", description="whom visitors write to")


def config() -> Path:
    """The demo's configuration, for `warmline` when it is given none."""
    return Path(str(files("plugins.demo_shop").joinpath("demo", "warmline.yaml")))


@hookimpl
def register_settings(section: Section) -> None:
    # The visitor must read the port on which the mail channel really listens.
    aliases = {"WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "smtp_port"}
    section("plugins.demo_shop", DemoShopSettings, aliases)


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if mine := settings.section(DemoShopSettings):
        register(
            Shop(
                maildir=mine.maildir or settings.data_dir / "mail",
                smtp_port=mine.smtp_port,
                address=mine.address,
                public_url=settings.core.public_url,
            )
        )
