"""From nothing to a grounded, linked answer out of a help centre of 60 pages in two languages, a
PDF and a spreadsheet: by the documented commands alone, in five minutes of a person's time and one
of the machine's."""

from __future__ import annotations

import asyncio
import json
import resource
from pathlib import Path

import pytest

from tests.start.help_centre import CENTRE, help_centre
from tests.start.newcomer import Newcomer, ask, free_port, newcomer

KEYS_A_SECOND = 3.3
"""Of somebody who types 40 words of five letters a minute, the usual mean of adults (Dhakal et al.,
Observations on Typing from 136 Million Keystrokes, CHI 2018, has 52)."""
READING_SECONDS = 20.0
"""For what a command prints, and to find the next one on the page."""
PERSONS_SECONDS = 5 * 60.0
MACHINES_SECONDS = 60.0
"""Of processor time, which does not depend on what else runs here."""


class TimedNewcomer:
    """Counts what a person types, and the processor time of what they run."""

    def __init__(self, person: Newcomer) -> None:
        self.person, self.typed, self.commands = person, 0, 0
        self._begin = self._processor_seconds()

    async def types(self, command: str) -> str:
        self.typed += len(command)
        self.commands += 1
        return await self.person.run(command)

    @property
    def persons_seconds(self) -> float:
        return self.typed / KEYS_A_SECOND + self.commands * READING_SECONDS

    @property
    def machines_seconds(self) -> float:
        return self._processor_seconds() - self._begin

    def _processor_seconds(self) -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


@pytest.mark.timeout(1200)
async def test_a_help_centre_answers_within_five_minutes(tmp_path: Path) -> None:
    """The sources are a site, a PDF and a spreadsheet. A question in each language is answered with
    the page's words and a link to it."""
    port = free_port()
    async with help_centre() as centre, newcomer(tmp_path / "new") as newcomers_shell:
        person = TimedNewcomer(newcomers_shell)
        for name in ("service_booklet.pdf", "saved_replies.xlsx"):
            (newcomers_shell.folder / name).write_bytes((CENTRE / name).read_bytes())
        await person.types(
            f"warmline init shop --yes --site {centre}/en/index.html --private --port {port}"
        )
        await person.types("cd shop && warmline check")
        read = await person.types(f"warmline knowledge add {centre}/sitemap.xml --private")
        assert "61 documents" in read  # the pages, and the booklet that one of them links
        await person.types("warmline knowledge add ../service_booklet.pdf")
        await person.types("warmline knowledge add ../saved_replies.xlsx")
        said = json.loads(
            await person.types("warmline knowledge ask 'price of a parcel to Germany?' --json")
        )
        assert any("5.90" in passage["text"] for passage in said["passages"][:3])
        person.typed += len("warmline serve")
        person.commands += 1
        await newcomers_shell.serve("warmline serve", f"http://127.0.0.1:{port}/readyz")
        heard = await ask(port, "How long are spare parts available after a model is discontinued?")
        assert "12 years after a model was last built" in heard
        assert f"{centre}/en/spare-parts.html#how-long" in heard
        phone = await ask(port, "When can I reach you by phone?")
        assert "8:30 to 17:30" in phone or "Which one do you mean?" in phone
        assert "09:00" not in phone  # no default of ours beats the site's hours
        said = json.loads(
            await newcomers_shell.run(
                "warmline knowledge ask 'When can I reach you by phone?' --json"
            )
        )
        assert any("8:30 to 17:30" in passage["text"] for passage in said["passages"][:3])
        german = await ask(port, "Wann finden die Führungen durch die Werkstatt statt?")
        assert "Jeden ersten Freitag im Monat um 15 Uhr" in german
        assert f"{centre}/de/werkstatt-besuch.html#fuehrung" in german
        await newcomers_shell.close()
        assert person.persons_seconds <= PERSONS_SECONDS
        assert person.machines_seconds <= MACHINES_SECONDS


@pytest.mark.timeout(1200)
async def test_a_help_centre_is_read_by_documented_commands(tmp_path: Path) -> None:
    """Init hears how it speaks, and everything on it is read: 60 pages, a booklet, replies."""
    async with help_centre() as centre, newcomer(tmp_path / "new") as newcomers_shell:
        person = TimedNewcomer(newcomers_shell)
        await person.types(f"warmline init shop --yes --site {centre}/en/index.html --private")
        await person.types("cd shop && warmline check")
        read = await person.types(f"warmline knowledge add {centre}/sitemap.xml --private")
        assert "61 documents" in read
        listed = await person.types("warmline knowledge list")
        assert f"{centre}/sitemap.xml" in listed
        guide = await asyncio.to_thread((newcomers_shell.cwd / "guide.yaml").read_text, "utf-8")
        assert "de: {form: Sie, name: full}" in guide
        assert person.persons_seconds <= PERSONS_SECONDS
        assert person.machines_seconds <= MACHINES_SECONDS
