"""A small shop with a desk and the lead's rooms, and a lead who fills in forms."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import lxml.html

import brand_voice
from gateway.testing import FakeChannel, FakeClock, RunningGateway, running
from plugins import agents_desk, escalation, faq, insights, lead_rooms
from tests.agents_desk.conftest import Visit, as_config, user
from tests.insights.learning.shop import WordUnderstander

ANSWERS = """
answers:
  refund:
    facts: {days: "5"}
    say:
      en:
        opener: ""
        body: ["A refund is back in your account within {days} working days."]
        next_step: Is it urgent? Just say so.
      de: {opener: "", body: ["Eine Erstattung ist in {days} Werktagen auf Ihrem Konto."]}
  opening_hours:
    say:
      en: {opener: "", body: ["We are open from nine to five."]}
      de: {opener: "", body: ["Wir haben von neun bis fünf geöffnet."]}
"""
NORTH = """
answers:
  parking:
    say:
      en: {opener: "", body: ["Park behind the shop."]}
"""
ASKED = "When do I get my refund?"


def people() -> list[dict[str, Any]]:
    """Ana and Ben are leads, Nora is one of the brand north, Cleo is an agent."""
    nora = user("nora").model_copy(update={"brands": ("north",)})
    return [
        as_config(user("ana")),
        as_config(user("ben")),
        as_config(nora),
        as_config(user("cleo", "agent")),
    ]


@asynccontextmanager
async def open_rooms(folder: Path, **more: Any) -> AsyncIterator[RunningGateway]:
    """The shop, with its files in ``folder``. ``more`` are settings."""
    (folder / "answers.yaml").write_text(ANSWERS, "utf-8")
    (folder / "north.yaml").write_text(NORTH, "utf-8")
    config: dict[str, Any] = {
        "brand_voice": {},
        "brands": {
            "south": {"support_addresses": ["webchat", "email"]},
            "north": {"support_addresses": ["sms"], "answers": "north.yaml"},
        },
        "plugins": {
            "faq": {"answers": ["answers.yaml"], "packaged": False},
            "escalation": {},
            "insights": {},
            "lead_rooms": {},
            "agents_desk": {"users": people()},
        },
        **more,
    }
    channels = [FakeChannel("webchat"), FakeChannel("sms"), FakeChannel("email")]
    async with running(
        WordUnderstander(),
        *channels,
        brand_voice,
        faq,
        escalation,
        agents_desk,
        insights,
        lead_rooms,
        config=config,
        tmp_path=folder,
        clock=FakeClock(),
    ) as gateway:
        yield gateway


class Lead(Visit):
    """A lead in a browser without scripts, who changes fields of the page's form."""

    async def submit(self, path: str, do: str, **changed: str) -> int:
        """Fill in ``changed`` (``body_en`` is the field ``body-en``) in the form of the page that
        was read last, press the button ``do``, and return the status."""
        form = lxml.html.document_fromstring(self.page).forms[-1]
        fields = {name: str(value) for name, value in form.form_values() if name}
        for name, value in changed.items():
            fields[name.replace("_", "-") if f"was-{name}" not in fields else name] = value
        csrf = fields.pop("csrf")
        response = await self.send(path, csrf=csrf, **fields, do=do)
        return response.status

    @property
    def words(self) -> str:
        """The text of the page."""
        body = self.page.partition("<main")[2]
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

    def typed(self, name: str) -> str:
        """What the field shows."""
        form = lxml.html.document_fromstring(self.page).forms[-1]
        return str(dict(form.form_values()).get(name, "")).strip()


async def hears(gateway: RunningGateway, name: str, text: str = ASKED) -> str:
    """What a new customer is told."""
    customer = gateway.customer("webchat", name)
    await customer.say(text)
    return "\n".join(customer.heard)
