"""Takes the screenshots of the desk for the docs. Needs Chromium:

    PYTHONPATH=tests/guard python -m tests.agents_desk.screenshots docs/images

They show the made-up afternoon of `tests.agents_desk.conversations`.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, async_playwright

from gateway import FileLimits, Finding, Traits
from plugins.agents_desk.marks.team_labels import TeamLabels
from plugins.agents_desk.staff.storage import LOAD, PROFILE, TEAM, StaffStorage
from plugins.agents_desk.staff.values import (
    LoadSummary,
    Shift,
    StaffProfile,
    TeamCare,
)
from tests.agents_desk.conftest import PASSWORD, as_config, user
from tests.agents_desk.conversations import ANA, JULES, MARIA, NOW, PRIYA, DeskGateway, play
from tests.conftest import CHROMIUM_FLAGS, needs

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}}
DARK = {"color_scheme": "dark"}
COLOURS = 160
"""Enough for the desk's few colours; the file is a third as large."""
TEXT = "Great news! I am sorry for the inconvenience, I will post a new one on Tuesday."
FINDINGS = (
    Finding(
        rule="cheer",
        severity="error",
        start=0,
        end=11,
        message="Too cheerful for how this customer feels.",
        suggestion="",
    ),
    Finding(
        rule="empty_empathy",
        severity="warning",
        start=17,
        end=43,
        message="It sounds like a form letter. Name what went wrong.",
        suggestion="",
    ),
)


class Camera:
    """Somebody's browser at the desk."""

    def __init__(self, page: Any, url: str, folder: Path) -> None:
        self.page, self._url, self._folder = page, url, folder

    async def open(self, path: str) -> None:
        await self.page.goto(self._url + path)

    async def shoot(self, name: str, **options: Any) -> None:
        """Save what is seen as a PNG of few colours."""
        data = await self.page.screenshot(**options)
        with Image.open(io.BytesIO(data)) as picture:
            small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            small.save(self._folder / f"{name}.png", optimize=True)


@asynccontextmanager
async def camera(
    browser: Browser, gw: DeskGateway, name: str, folder: Path, **options: Any
) -> AsyncIterator[Camera]:
    context = await browser.new_context(reduced_motion="reduce", **options)
    page = await context.new_page()
    await page.goto(f"{gw.url}/desk/sign-in")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#queue", state="attached")
    yield Camera(page, gw.url, folder)
    await context.close()


async def prepare(gw: DeskGateway) -> None:
    """Labels, files, and what the pages about people show."""
    gw.channels["webchat"].traits = Traits(attachments=True, files=FileLimits(most=10))
    labels = TeamLabels(gw.services.storage)
    for title, colour in (("Carrier", "orange"), ("Refund", "blue"), ("Gift", "pink")):
        await labels.create(title, colour)
    await gw.desk.label(MARIA, ANA, add=("carrier", "gift"))
    await gw.desk.label(JULES, ANA, add=("refund",))
    staff = StaffStorage(gw.services.storage)
    day = (Shift(begin=540, end=750), Shift(begin=810, end=1020))
    week = {str(number): day for number in range(5)}
    profiles = {
        "ana": StaffProfile(agent=ANA.id, languages=("en", "de"), skills=("orders",), week=week),
        "ben": StaffProfile(
            agent="desk:ben", peer=True, peer_contact="Slack, or the kitchen", share_load=True
        ),
        "cleo": StaffProfile(agent="desk:cleo", languages=("fr",), most={"webchat": 2}),
    }
    for name, profile in profiles.items():
        agent = f"desk:{name}"
        await staff.change(PROFILE + agent, StaffProfile, lambda _, p=profile: p)
    for name in ("ana", "ben", "cleo", "dora", "eve", "finn"):
        await staff.saw(f"desk:{name}", NOW)
    heavy = LoadSummary(
        fleeting=22, lasting=9, unbroken=70, at=NOW.timestamp(), upset_since_break=3
    )
    await staff.change(LOAD + ANA.id, LoadSummary, lambda _: heavy)
    care = TeamCare(at=NOW, people=5, relief=True, typical="noticeable")
    await staff.change(TEAM, TeamCare, lambda _: care)


async def conversation(browser: Browser, gw: DeskGateway, folder: Path) -> None:
    """With a draft and advice; light, dark, and on a phone."""
    async with camera(browser, gw, "ana", folder, **WIDE) as ana:
        await ana.open(f"/desk/c/{MARIA}")
        await ana.page.keyboard.press("c")
        await ana.page.wait_for_selector("#answer:focus")
        gw.voice.findings = FINDINGS
        await ana.page.keyboard.type(TEXT)
        await ana.page.wait_for_selector(".advice .first li")
        await ana.shoot("desk-conversation")
        await ana.page.emulate_media(color_scheme="dark")
        await ana.shoot("desk-dark")
        await ana.page.emulate_media(color_scheme="light")
        await ana.page.keyboard.press("Control+K")
        await ana.page.wait_for_selector(".picker [role=option]")
        await ana.shoot("desk-palette")
    async with camera(browser, gw, "ana", folder, **PHONE) as ana:
        await ana.open("/desk")
        await ana.shoot("desk-phone-queue")
        await ana.open(f"/desk/c/{MARIA}")
        await ana.shoot("desk-phone")
        await ana.page.click(".to-card")
        await ana.shoot("desk-phone-context")


async def lists(browser: Browser, gw: DeskGateway, folder: Path) -> None:
    """A list with filters, a view, and two chosen lines."""
    async with camera(browser, gw, "ana", folder, **WIDE) as ana:
        await ana.open("/desk/list/all?channel=webchat")
        await ana.page.click("#save-view > summary")
        await ana.page.fill("#view-title", "Chats")
        await ana.page.click("#save-view button.main")
        await ana.page.wait_for_selector(".views")
        await ana.open("/desk/list/all?channel=webchat")
        for box in (f"#c{MARIA}", f"#c{PRIYA}"):
            await ana.page.check(box)
        await ana.page.mouse.move(0, 0)
        await ana.shoot("desk-list")


async def people(browser: Browser, gw: DeskGateway, folder: Path) -> None:
    """What somebody sees of themselves, the break, and what a lead sees."""
    size = {"viewport": {"width": 1000, "height": 820}}
    async with camera(browser, gw, "ana", folder, **size) as ana:
        for path, name in (("me", "care-me"), ("break", "care-break"), ("people", "care-people")):
            await ana.open(f"/desk/{path}")
            await ana.shoot(name)
        await ana.open("/desk/people/cleo")
        await ana.shoot("care-person", full_page=True)


async def main(folder: Path) -> None:
    """Take all screenshots, into ``folder``."""
    with tempfile.TemporaryDirectory() as scratch:
        await play(Path(scratch))
        gw = DeskGateway()
        users = [user("ana"), user("ben"), *(user(n, "agent") for n in ("cleo", "eve", "finn"))]
        async with (
            gw.start(Path(scratch), [as_config(one) for one in users]),
            async_playwright() as playwright,
        ):
            await prepare(gw)
            browser = await playwright.chromium.launch(
                executable_path=needs("chromium"), args=list(CHROMIUM_FLAGS)
            )
            await lists(browser, gw, folder)
            await conversation(browser, gw, folder)
            await people(browser, gw, folder)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
