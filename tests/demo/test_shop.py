"""The shop's pages: what they link to, what they forbid, what they show of mails."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from gateway.guests import Guests, installed
from gateway.settings import BadConfig, load
from gateway.testing import Running, running
from plugins import demo_shop
from plugins.demo_shop import DemoShopSettings, config
from plugins.demo_shop.letters import NEWEST, letters
from plugins.faq import FaqAnswers

if TYPE_CHECKING:
    from playwright.async_api import Browser

PAGES = ("/", "/shop/help", "/shop/mail")


class Tags(HTMLParser):
    """The tags of a page, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, name: str) -> list[str]:
        """Every value of the attribute ``name``."""
        return [value for _, attrs in self.found if (value := attrs.get(name)) is not None]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Running]:
    """The shop alone, with a mail folder of its own."""
    section = {"maildir": str(tmp_path / "mail")}
    config = {"plugins": {"demo_shop": section}}
    async with running(demo_shop, config=config, tmp_path=tmp_path) as gw:
        yield gw


def put(maildir: Path, name: str, data: bytes, *, at: int = 1) -> None:
    """Lay a mail into ``maildir``, last changed at second ``at``."""
    folder = maildir / "new"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    os.utime(folder / name, (at, at))


# -- the demo's configuration --------------------------------------------------------------------


def test_the_demo_is_a_sound_configuration() -> None:
    """Every section is declared by an installed package, every key is known, nothing is missing."""
    settings = load(config(), Guests(installed()).declared(), {})
    assert settings.section(DemoShopSettings)
    assert settings.path(Path("nlu.yml")).is_file()


def test_the_demo_lies_with_the_examples() -> None:
    """The folder that people read is the one that the package carries."""
    examples = Path(__file__).parents[2] / "examples" / "demo"
    assert examples.is_symlink()
    assert examples.resolve() == config().parent.resolve()


@pytest.mark.parametrize(("environ", "port"), [({}, 2525), ({"SMTP_PORT": "2526"}, 2526)])
def test_the_page_knows_the_mail_door(environ: dict[str, str], port: int) -> None:
    """The port comes from the same variable as the mail channel's."""
    named = {f"WARMLINE_CHANNELS__EMAIL__{name}": value for name, value in environ.items()}
    mine = load(config(), Guests(installed()).declared(), named).section(DemoShopSettings)
    assert mine
    assert mine.smtp_port == port


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    """A misspelt key is told with its line."""
    file = tmp_path / "warmline.yaml"
    file.write_text("plugins:\n  demo_shop:\n    smtp_prot: 25\n", "utf-8")
    with pytest.raises(BadConfig, match=r"warmline\.yaml:3: plugins\.demo_shop\.smtp_prot"):
        load(file, Guests(installed()).declared(), {})


# -- the pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
async def test_pages_carry_no_code_and_no_style(shop: Running, page: str) -> None:
    """Nothing inline, and a policy that would refuse it."""
    async with shop.session() as http, http.get(page) as answer:
        policy = answer.headers["Content-Security-Policy"]
        tags = Tags(await answer.text())
    assert answer.status == 200
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert tags.found
    for tag, attrs in tags.found:
        assert tag != "style"
        assert tag != "script" or attrs.get("src")
        assert not any(name == "style" or name.startswith("on") for name in attrs)


@pytest.mark.parametrize("page", PAGES)
async def test_everything_a_page_names_is_there(shop: Running, page: str) -> None:
    """Every asset and page of the shop, and every anchor; nothing comes from elsewhere."""
    async with shop.session() as http:
        async with http.get(page) as answer:
            tags = Tags(await answer.text())
        for link in tags.all("src") + tags.all("href"):
            assert link.startswith(("/", "#")), link
            path, _, anchor = link.partition("#")
            if path == "/desk" or path.startswith("/channels/"):
                continue
            async with http.get(path or page) as found:
                assert found.status == 200, link
                if anchor:
                    assert anchor in Tags(await found.text()).all("id"), link


async def test_answers_link_to_what_the_shop_tells(shop: Running, answers: FaqAnswers) -> None:
    """Each link of an answer leads to its place on a page."""
    urls = {
        link.url
        for by in answers.by_intent.values()
        for said in by.values()
        for link in said.reply.links
    }
    async with shop.session() as http:
        for url in urls:
            path, _, anchor = url.removeprefix("http://here").partition("#")
            async with http.get(path) as found:
                assert found.status == 200
                assert anchor in Tags(await found.text()).all("id"), url


async def test_pages_tell_the_facts_of_the_answers(shop: Running, answers: FaqAnswers) -> None:
    """A price changed in the answers is changed on the page."""
    said = answers.find("shipping_cost", "en")
    assert said
    async with shop.session() as http, http.get("/shop/help") as answer:
        text = await answer.text()
    for fact in said.reply.facts:
        assert fact.value in text


async def test_the_page_tells_who_signs_in(shop: Running, demo: Path) -> None:
    """The name on the page is the one that the desk lets in."""
    tree = yaml.safe_load((demo / "warmline.yaml").read_text("utf-8"))
    async with shop.session() as http, http.get("/") as answer:
        text = await answer.text()
    assert f"<code>{tree['plugins']['agents_desk']['demo_user']}</code>" in text


@pytest.mark.parametrize("name", ["shop.py", "..%2Fpages.py", "%2e%2e%2fdemo%2fwarmline.yaml", "x"])
async def test_only_assets_are_served(shop: Running, name: str) -> None:
    """No name leads out of the folder."""
    from yarl import URL  # noqa: PLC0415  (only here is a path sent as it is written)

    async with (
        shop.session() as http,
        http.get(URL(f"{shop.url}/shop/{name}", encoded=True)) as got,
    ):
        assert got.status == 404


async def test_asleep_there_is_no_shop(tmp_path: Path) -> None:
    """Only the demo's configuration opens it."""
    async with (
        running(demo_shop, tmp_path=tmp_path) as gw,
        gw.session() as http,
        http.get("/shop/help") as answer,
    ):
        assert answer.status == 404


# -- the mails it sent ---------------------------------------------------------------------------


async def test_a_mail_is_shown_as_text(shop: Running, tmp_path: Path) -> None:
    """Whatever stands in a mail, the page shows it and never runs it."""
    evil = "<script>alert(1)</script>"
    mail = (
        f"From: Shop {evil} <help@magpie.example>\r\nTo: {evil}\r\nSubject: {evil}\r\n"
        f"Date: {evil}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n</pre>{evil} für 4,90 €"
    )
    put(tmp_path / "mail", "1", mail.encode())
    async with shop.session() as http, http.get("/shop/mail") as answer:
        text = await answer.text()
    assert evil not in text
    assert text.count("&lt;script&gt;") >= 4
    assert "für 4,90 €" in text


async def test_html_mail_is_shown_as_it_is_written(shop: Running, tmp_path: Path) -> None:
    """A mail that has no plain text shows its source."""
    put(tmp_path / "mail", "1", b"Content-Type: text/html\r\n\r\n<b onclick=x()>hi</b>")
    async with shop.session() as http, http.get("/shop/mail") as answer:
        text = await answer.text()
    assert "&lt;b onclick=x()&gt;hi&lt;/b&gt;" in text


def test_the_newest_mails_come_first(tmp_path: Path) -> None:
    """As many as fit a page; older ones stay in the folder."""
    for number in range(NEWEST + 5):
        put(tmp_path, str(number), f"Subject: {number}\r\n\r\nhi".encode(), at=number + 1)
    shown = [letter.subject for letter in letters(tmp_path)]
    assert shown == [str(number) for number in range(NEWEST + 4, 4, -1)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x00 not a mail",
        b"Subject: =?x?q?=FF?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA",
        b'To: "unclosed <a@b\r\nFrom: ,,;\r\nDate: soon\r\n\r\nhi',
    ],
)
def test_odd_mails_do_not_break_the_page(tmp_path: Path, data: bytes) -> None:
    """Broken charsets, parts and headers still make a line of the list."""
    put(tmp_path, "1", data)
    assert len(letters(tmp_path)) == 1


def test_no_folder_is_no_mail(tmp_path: Path) -> None:
    """Before the first mail there is no folder yet."""
    assert letters(tmp_path / "none") == ()


# -- in a browser --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1440, 390])
async def test_a_browser_shows_it_whole(shop: Running, browser: Browser, width: int) -> None:
    """The policy refuses nothing of ours, no page is wider than the screen, images load."""
    page = await browser.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for path in PAGES:
        await page.goto(shop.url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await page.evaluate(
            "Array.from(document.images).every(i => i.complete && i.naturalWidth > 0)"
        )
    assert [line for line in said if re.search("Content.Security|Refused", line)] == []


async def test_the_command_can_be_copied(shop: Running, browser: Browser) -> None:
    """The button copies the command as it stands, ready for a terminal."""
    context = await browser.new_context()
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    await page.goto(shop.url)
    await page.get_by_role("button", name="Copy").first.click()
    await page.get_by_role("button", name="Copied").wait_for()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("python3 -c \"import smtplib; smtplib.SMTP('127.0.0.1', 2525)")
    assert "\n" not in copied
