"""``warmline init``: asks a few questions, reads the team's site, and writes a new folder."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import click

from gateway import OpenServices, Value, choose_from, counted, may_ask, nearest
from plugins.start.opening_hours import Week, local_timezone, read_week
from plugins.start.site import SiteRead, read_site
from plugins.start.templates_filled import (
    FORMAL,
    INFORMAL,
    WORDS,
    FirstUser,
    NewShop,
    check_free,
    files_of,
    write_folder,
)

T = TypeVar("T")
LANGUAGES = tuple(WORDS)
"""Languages for which the package has texts of its own."""
USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""As the desk has them."""
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters of a generated password, without those that look alike."""


class Given(Value, frozen=True, kw_only=True):
    """What the command line says; empty: it is asked, or the default."""

    site: str = ""
    private: bool = False
    name: str = ""
    languages: str = ""
    tone: str = ""
    hours: str = ""
    timezone: str = "UTC"


def _known_timezone(_: click.Context, __: click.Parameter, value: str) -> str:
    if value and value not in available_timezones():
        raise click.BadParameter(f"{choose_from(value, available_timezones(), most=0)}")
    return value


def _user_name(_: click.Context, __: click.Parameter, value: str) -> str:
    if not USER_NAME.fullmatch(value):
        raise click.BadParameter("use letters, digits, `.`, `_`, `@` and `-`, at most 64")
    return value


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--yes", is_flag=True, help="Ask nothing: take the options, else the defaults.")
@click.option("--site", default="", help="Your website; a few of its pages are read.")
@click.option("--private", is_flag=True, help="The website may be in a network of your own.")
@click.option("--name", default="", help="What your company is called.")
@click.option("--languages", default="", help="Those of your customers, such as en,de.")
@click.option("--tone", type=click.Choice(["formal", "friendly"]), help="Sie or du, vous or tu.")
@click.option("--hours", default="", help="When people answer, such as Mon-Fri 9-17.")
@click.option(
    "--timezone",
    default="",
    callback=_known_timezone,
    help="Such as Europe/Berlin. Default: this machine's.",
)
@click.option(
    "--admin",
    default="admin",
    show_default=True,
    callback=_user_name,
    help="Who signs in at the desk first.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8080, help="Where the server listens."
)
@click.pass_obj
def init(  # noqa: PLR0917  (click passes them by name)
    opening: OpenServices,
    folder: Path,
    yes: bool,
    site: str,
    private: bool,
    name: str,
    languages: str,
    tone: str | None,
    hours: str,
    timezone: str,
    admin: str,
    port: int,
) -> None:
    """Make DIR, a new folder with everything a shop begins with.

    On a terminal it asks five questions; elsewhere, and with --yes, it takes the options and
    defaults. Nobody's hours are guessed: without --hours the bot states none. It never overwrites
    anything.
    """
    folder = folder.absolute()
    check_free(folder)
    asks = not yes and may_ask()
    given = Given(
        site=site,
        private=private,
        name=name,
        languages=languages,
        tone=tone or "",
        hours=hours,
        timezone=timezone or local_timezone(),
    )
    shop = _answers(opening, given, asks=asks)
    if shop.week and not timezone and not asks:
        click.echo(
            f"The hours count in this machine's time zone, {shop.timezone}; `--timezone`, or "
            "`hours` in policy.yaml, names another.",
            err=True,
        )
    password = "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))
    user = FirstUser.with_password(admin, password)
    shop = shop.replace(port=port, user=user)
    write_folder(folder, files_of(shop))
    _say_what_next(folder, admin, password, shop)


def _answers(opening: OpenServices, given: Given, *, asks: bool) -> NewShop:
    """The five answers: those of the command line, of a person, or the defaults."""
    ask = _Questions(asks)
    site = ask("1/5  Your website (Enter: none yet)", given.site, "", _site)
    read = _read(opening, site, private=given.private) if site else SiteRead()
    name = ask(
        "2/5  What is your company called? (Enter: not told)" if not read.name else
        "2/5  What is your company called?",
        given.name, read.name, _name,
    )  # fmt: skip
    spoken = ",".join(code for code in read.languages if code in LANGUAGES) or "en"
    languages = ask(
        "3/5  Which languages do your customers write?", given.languages, spoken, _languages
    )
    forms = {code: found.form for code, found in read.speech.items() if found.form}
    friendly = any(forms.get(code) == INFORMAL[code] for code in languages if code in INFORMAL)
    tone = ask(
        "4/5  How do you write to them: formal (Sie, vous, usted) or friendly (du, tu, tú)?",
        given.tone,
        "friendly" if friendly else "formal",
        _tone,
    )
    week: Week = ask(
        f"5/5  When do people answer, in the time zone {given.timezone}? Such as "
        "Mon-Fri 9-17, Sat 10-14 (Enter: not told)",
        given.hours,
        "",
        _hours,
    )
    chosen = INFORMAL if tone == "friendly" else FORMAL
    shows = forms if not given.tone and not asks else {}
    return NewShop(
        name=name,
        site=site,
        private=given.private,
        languages=tuple(languages),
        forms={code: shows.get(code, chosen[code]) for code in languages if code in chosen},
        friendly=tone == "friendly",
        timezone=given.timezone,
        week=week,
        speech={code: read.speech[code] for code in languages if code in read.speech},
    )


class _Questions:
    """Asks on a terminal, and elsewhere takes what is given."""

    def __init__(self, asks: bool) -> None:
        self._asks = asks

    def __call__(self, question: str, given: str, default: str, read: Callable[[str], T]) -> T:
        """The answer to ``question``, read. A wrong one on the command line is an error; a person
        is asked again."""
        if given or not self._asks:
            try:
                return read(given or default)
            except ValueError as error:
                raise click.UsageError(str(error)) from None

        def checked(text: str) -> T:
            try:
                return read(text)
            except ValueError as error:
                raise click.UsageError(str(error)) from None

        answer: T = click.prompt(
            question, default=default, value_proc=checked, err=True, show_default=bool(default)
        )
        return answer


def _site(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    url = text if "://" in text else f"https://{text}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"`{text}` is no website; write it as https://www.your-site.com")
    return url


def _hours(text: str) -> Week:
    return read_week(text) if text.strip() else {}


def _name(text: str) -> str:
    name = " ".join(text.split())[:60]
    if not name.isprintable():
        raise ValueError("write the name of your company")
    return name


def _languages(text: str) -> Sequence[str]:
    codes = [nearest(word, LANGUAGES) if word not in LANGUAGES else word
             for word in text.replace(",", " ").split()]  # fmt: skip
    if not codes or not all(codes):
        raise ValueError(f"write codes such as `en,de`; there are {', '.join(LANGUAGES)}")
    return [code for code in dict.fromkeys(codes) if code]


def _tone(text: str) -> str:
    word = text.strip().casefold()
    for tone, words in (("formal", "formal sie vous usted f"), ("friendly", "friendly du tu tú")):
        if word in words.split():
            return tone
    raise ValueError("write `formal` or `friendly`")


def _read(opening: OpenServices, url: str, *, private: bool) -> SiteRead:
    click.echo(f"Reading a few pages of {url} ...", err=True)
    read = asyncio.run(_read_with_services(opening, url, private=private))
    if read.trouble:
        click.echo(f"It was left out: {read.trouble}.", err=True)
    else:
        click.echo(f"Read {counted(read.pages, 'page')}.", err=True)
    return read


async def _read_with_services(opening: OpenServices, url: str, *, private: bool) -> SiteRead:
    """Read the site with the gateway's own guarded HTTP. It needs settings: the smallest."""
    with TemporaryDirectory(prefix="warmline-init-") as folder:
        config = Path(folder) / "warmline.yaml"
        config.write_text(f"data_dir: {folder}/var\nbrand_voice: {{}}\n", "utf-8")
        async with opening(config) as (services, _):
            return await read_site(services.public_http, url, private=private)


def _say_what_next(folder: Path, admin: str, password: str, shop: NewShop) -> None:
    try:
        here = os.path.relpath(folder)
    except ValueError:  # another drive
        here = str(folder)
    click.echo(
        f"{here}/ is ready:\n"
        "  warmline.yaml  the settings       policy.yaml  when a person answers, and your hours\n"
        "  answers.yaml   the answers        nlu.yml      examples of what customers ask\n"
        "  guide.yaml     how you write      embed.html   a page with the chat\n\n"
        f"The desk's first user is {admin}. The password is shown this once:\n\n"
        f"  {password}\n\n"
        f"{_not_told(shop)}"
        f"{_still_formal(shop)}"
        "Now:\n"
        f"  cd {here}\n"
        "  warmline check\n"
        f"  warmline serve        and open http://127.0.0.1:{shop.port}/\n"
    )


def _not_told(shop: NewShop) -> str:
    """What the bot does not state because nobody told it, with the place to write it."""
    lines = []
    if not shop.name:
        lines.append("  your company's name   `sign_off` in guide.yaml, `title` in warmline.yaml")
    if not shop.week:
        lines.append("  when people answer    `hours` in policy.yaml")
    return "\n".join(["Not told, so the bot does not say it:", *lines, "", ""]) if lines else ""


def _still_formal(shop: NewShop) -> str:
    """What does not follow an informal form of address, and where texts of one's own go."""
    informal = [f"{code}: {form}" for code, form in shop.forms.items() if form != FORMAL[code]]
    if not informal:
        return ""
    return (
        f"You address customers informally ({', '.join(informal)}).\n"
        "The texts of hand-overs, surveys and the chat's window still use the formal form. Your\n"
        "own for hand-overs go into `plugins.escalation.words` in warmline.yaml: see\n"
        "docs/routing.md\n\n"
    )
