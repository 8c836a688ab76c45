"""The shop's pages: their links, their policy, and the mails that they show."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from gateway.plugins import PluginRegistry, installed_plugins
from gateway.settings import BadConfig, load
from gateway.testing import RunningGateway, running
from plugins import demo_shop
from plugins.demo_shop import DemoShopSettings, config
from plugins.demo_shop.pages import NEWEST_MAILS, read_mails
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
async def shop(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    """The shop alone, with a mail folder of its own."""
    section = {"maildir": str(tmp_path / "mail")}
    config = {"plugins": {"demo_shop": section}}
    async with running(demo_shop, config=config, tmp_path=tmp_path) as gw:
        yield gw


def put(maildir: Path, name: str, data: bytes, *, at: int = 1) -> None:
    """Put a mail into ``maildir``, last changed at second ``at``."""
    folder = maildir / "new"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    os.utime(folder / name, (at, at))


# -- the demo's configuration --------------------------------------------------------------------


def test_the_demos_configuration_is_valid() -> None:
    """Installed packages declare every section, every key is known, and nothing is missing."""
    settings = load(config(), PluginRegistry(installed_plugins()).declared(), {})
    assert settings.section(DemoShopSettings)
    assert settings.path(Path("nlu.yml")).is_file()


def test_the_demo_is_among_the_examples() -> None:
    """The folder that people read is a link to the one in the package."""
    examples = Path(__file__).parents[2] / "examples" / "demo"
    assert examples.is_symlink()
    assert examples.resolve() == config().parent.resolve()


@pytest.mark.parametrize(("environ", "port"), [({}, 2525), ({"SMTP_PORT": "2526"}, 2526)])
def test_the_page_shows_the_port_of_the_mail_channel(environ: dict[str, str], port: int) -> None:
    """It comes from the same variable."""
    environment = {f"WARMLINE_CHANNELS__EMAIL__{name}": value for name, value in environ.items()}
    section = load(config(), PluginRegistry(installed_plugins()).declared(), environment).section(
        DemoShopSettings
    )
    assert section
    assert section.smtp_port == port


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    """A misspelt key is named with its line."""
    file = tmp_path / "warmline.yaml"
    file.write_text("plugins:\n  demo_shop:\n    smtp_prot: 25\n", "utf-8")
    with pytest.raises(BadConfig, match=r"warmline\.yaml:3: plugins\.demo_shop\.smtp_prot"):
        load(file, PluginRegistry(installed_plugins()).declared(), {})


# -- the pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
async def test_pages_have_no_inline_scripts_or_styles(shop: RunningGateway, page: str) -> None:
    """And a policy that forbids them."""
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
async def test_every_link_of_a_page_works(shop: RunningGateway, page: str) -> None:
    """To the shop's assets, pages and anchors; nothing comes from another server."""
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


async def test_links_of_answers_lead_to_their_place_on_a_page(
    shop: RunningGateway, answers: FaqAnswers
) -> None:
    """Each page has the anchor."""
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


async def test_pages_show_the_facts_of_the_answers(
    shop: RunningGateway, answers: FaqAnswers
) -> None:
    """A price that changes in the answers changes on the page."""
    said = answers.find("shipping_cost", "en")
    assert said
    async with shop.session() as http, http.get("/shop/help") as answer:
        text = await answer.text()
    for fact in said.reply.facts:
        assert fact.value in text


async def test_the_page_names_the_user_of_the_desk(shop: RunningGateway, demo: Path) -> None:
    """It is the one that can sign in."""
    tree = yaml.safe_load((demo / "warmline.yaml").read_text("utf-8"))
    async with shop.session() as http, http.get("/") as answer:
        text = await answer.text()
    assert f"<code>{tree['plugins']['agents_desk']['demo_user']}</code>" in text


@pytest.mark.parametrize("name", ["shop.py", "..%2Fpages.py", "%2e%2e%2fdemo%2fwarmline.yaml", "x"])
async def test_only_assets_are_served(shop: RunningGateway, name: str) -> None:
    """No name leads out of their folder."""
    from yarl import URL  # noqa: PLC0415  (sends the path as it is written)

    async with (
        shop.session() as http,
        http.get(URL(f"{shop.url}/shop/{name}", encoded=True)) as got,
    ):
        assert got.status == 404


async def test_without_its_section_there_is_no_shop(tmp_path: Path) -> None:
    """The demo's configuration has the section."""
    async with (
        running(demo_shop, tmp_path=tmp_path) as gw,
        gw.session() as http,
        http.get("/shop/help") as answer,
    ):
        assert answer.status == 404


# -- sent mails ---------------------------------------------------------------------------------


async def test_a_mail_is_shown_as_text(shop: RunningGateway, tmp_path: Path) -> None:
    """The page shows a script in a mail and never runs it."""
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


async def test_html_mail_is_shown_as_source(shop: RunningGateway, tmp_path: Path) -> None:
    """When the mail has no plain text."""
    put(tmp_path / "mail", "1", b"Content-Type: text/html\r\n\r\n<b onclick=x()>hi</b>")
    async with shop.session() as http, http.get("/shop/mail") as answer:
        text = await answer.text()
    assert "&lt;b onclick=x()&gt;hi&lt;/b&gt;" in text


def test_the_newest_mails_come_first(tmp_path: Path) -> None:
    """A page has a limited number; older ones stay in the folder."""
    for number in range(NEWEST_MAILS + 5):
        put(tmp_path, str(number), f"Subject: {number}\r\n\r\nhi".encode(), at=number + 1)
    shown = [mail.subject for mail in read_mails(tmp_path)]
    assert shown == [str(number) for number in range(NEWEST_MAILS + 4, 4, -1)]


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
    """A mail with broken charsets, parts or headers is still listed."""
    put(tmp_path, "1", data)
    assert len(read_mails(tmp_path)) == 1


def test_no_folder_is_no_mail(tmp_path: Path) -> None:
    """The folder is made with the first mail."""
    assert read_mails(tmp_path / "none") == ()


# -- in a browser --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1440, 390])
async def test_a_browser_shows_the_whole_page(
    shop: RunningGateway, browser: Browser, width: int
) -> None:
    """The policy blocks nothing of ours, no page is wider than the screen, and images load."""
    page = await browser.new_page(viewport={"width": width, "height": 900})
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    for path in PAGES:
        await page.goto(shop.url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await page.evaluate(
            "Array.from(document.images).every(i => i.complete && i.naturalWidth > 0)"
        )
    assert [line for line in console if re.search("Content.Security|Refused", line)] == []


async def test_the_command_can_be_copied(shop: RunningGateway, browser: Browser) -> None:
    """The button copies it as one line, ready for a terminal."""
    context = await browser.new_context()
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    await page.goto(shop.url)
    await page.get_by_role("button", name="Copy").first.click()
    await page.get_by_role("button", name="Copied").wait_for()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("python3 -c \"import smtplib; smtplib.SMTP('127.0.0.1', 2525)")
    assert "\n" not in copied
