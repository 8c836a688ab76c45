"""``warmline init``: a new folder that is valid at once, and how the team's site is heard."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from gateway.adapters.public_http import PublicNetworkHttp
from gateway.cli.check import check_files
from gateway.cli.common import open_services
from gateway.cli.main import command
from plugins.start.command import LANGUAGES
from plugins.start.opening_hours import read_week
from plugins.start.site import LARGEST, SiteRead, read_site
from plugins.start.speech import speech_of
from plugins.start.templates_filled import (
    WORDS,
    FirstUser,
    NewShop,
    files_of,
    write_folder,
)

WARMLINE = Path(sys.executable).parent / "warmline"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*arguments: str) -> Result:
    return CliRunner().invoke(command(), ["init", *arguments], obj=open_services)


def settings_of(folder: Path) -> dict[str, object]:
    tree: dict[str, object] = yaml.safe_load((folder / "warmline.yaml").read_text("utf-8"))
    return tree


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--name", "Lindenhof", "--languages", "de"],
        ["--languages", "de,en", "--tone", "friendly", "--hours", "Mo-Fr 8-18, Sa 9-12"],
        ["--languages", "fr", "--tone", "formal", "--name", 'L\'Atelier "Dubois"'],
        ["--languages", "spanish it pt nl", "--hours", "daily 10-22"],
        ["--languages", "ja,ar", "--timezone", "Asia/Tokyo", "--admin", "kenji"],
        ["--name", "<b>Müller & Söhne: #1</b>", "--hours", "Mon 9-12 13-17"],
    ],
)
def test_a_new_folder_is_valid_at_once(tmp_path: Path, options: list[str]) -> None:
    """``check`` finds nothing, whatever was answered, and the files are short."""
    result = init("shop", "--yes", *options)
    assert result.exit_code == 0, result.output
    assert [str(problem) for problem in check_files(tmp_path / "shop" / "warmline.yaml")[1]] == []
    for file in (tmp_path / "shop").iterdir():
        assert len(file.read_text("utf-8").splitlines()) <= 60
        assert file.name == "embed.html" or "#" in file.read_text("utf-8")


@pytest.mark.parametrize("tone", ["formal", "friendly"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_all_words_of_a_shop(tmp_path: Path, language: str, tone: str) -> None:
    """The sign-off, the first words, the answer and its examples are in the customer's language,
    and the form of address is one that the guide knows."""
    options = ["--languages", language, "--tone", tone, "--hours", "Mon 9-17"]
    printed = init("shop", "--yes", *options).output
    folder = tmp_path / "shop"
    assert [str(problem) for problem in check_files(folder / "warmline.yaml")[1]] == []
    read = {file.name: yaml.safe_load(file.read_text("utf-8")) for file in folder.glob("*.y*ml")}
    guide, words = read["guide.yaml"], WORDS[language]
    assert guide["honesty"]["sign_off"] == {language: f"{words.closing[tone]}\n{words.nameless}"}
    if tone == "friendly":
        assert guide["greetings"]["chat"]["plain"] == {language: words.hello["plain"]}
    else:
        assert "greetings" not in guide
    said = read["answers.yaml"]["answers"]["opening_hours"]["say"]
    assert said == {language: {"body": words.answer}}
    examples = read["nlu.yml"]["nlu"][0]["examples"].splitlines()
    assert examples == [f"- {question}" for question in words.questions]
    form = (words.informal if tone == "friendly" else words.formal) or None
    assert guide["address"].get(language, {}).get("form") == form or language == "en"
    informally = f"You address customers informally ({language}: {form})"
    assert (informally in printed) == ("still use the formal form" in printed)
    assert (informally in printed) == (tone == "friendly" and bool(words.informal))


def test_what_nobody_told_is_not_stated(tmp_path: Path) -> None:
    """No hours, no company: neither in what the bot says nor in the policy. Each is named with the
    place to write it."""
    printed = init("lindenhof", "--yes").output
    assert "Not told, so the bot does not say it" in printed
    assert "`hours` in policy.yaml" in printed
    read = {file.name: yaml.safe_load(file.read_text("utf-8"))
            for file in (tmp_path / "lindenhof").glob("*.y*ml")}  # fmt: skip
    assert (read["answers.yaml"]["answers"], read["nlu.yml"]["nlu"]) == (None, None)
    assert "hours" not in read["policy.yaml"]
    assert read["guide.yaml"]["honesty"]["sign_off"] == {
        "en": "Kind regards\nThe automated assistant"
    }
    assert "look" not in read["warmline.yaml"]["channels"]["webchat"]
    stated = "".join(
        line
        for file in (tmp_path / "lindenhof").iterdir()
        for line in file.read_text("utf-8").splitlines()
        if not line.lstrip().startswith("#")
    )
    assert "Lindenhof" not in stated
    assert "17:00" not in stated


def test_hours_that_were_given_are_stated(tmp_path: Path) -> None:
    """In the policy, and as the first answer; the time zone that was assumed is named."""
    printed = init("shop", "--yes", "--hours", "Mon-Fri 9-17").output
    assert "this machine's time zone" in printed
    assert "Not told" in printed  # the company's name
    assert "`hours`" not in printed.partition("Not told")[2]
    policy = yaml.safe_load((tmp_path / "shop" / "policy.yaml").read_text("utf-8"))
    assert policy["hours"]["week"]["friday"] == "09:00-17:00"
    answers = yaml.safe_load((tmp_path / "shop" / "answers.yaml").read_text("utf-8"))["answers"]
    assert answers["opening_hours"]["say"]["en"]["body"] == "People answer here: {hours}."
    assert answers["opening_hours"]["sources_first"] is True


def test_hours_that_are_stated_must_be_set(tmp_path: Path) -> None:
    """Whoever removes them from the policy learns which answers need them."""
    init("shop", "--yes", "--languages", "en,ja", "--hours", "Mon-Fri 9-17")
    policy = tmp_path / "shop" / "policy.yaml"
    tree = yaml.safe_load(policy.read_text("utf-8"))
    policy.write_text(yaml.safe_dump({"reasons": tree["reasons"]}), "utf-8")
    told = [str(each) for each in check_files(tmp_path / "shop" / "warmline.yaml")[1]]
    assert len(told) == 2
    assert "answers.opening_hours.say.en.body: `{hours}` states the opening hours" in told[0]
    assert "answers.opening_hours.say.ja.body" in told[1]
    assert f"write `hours` in {policy}" in told[0]


def test_enter_tells_no_hours(tmp_path: Path) -> None:
    """On a terminal, too, Enter is no answer."""
    screen = on_a_terminal(tmp_path, ["init", "shop"], ["", "", "", "", ""])
    assert "when people answer" in screen.partition("Not told")[2]
    policy = yaml.safe_load((tmp_path / "shop" / "policy.yaml").read_text("utf-8"))
    assert "hours" not in policy


def test_the_password_is_printed_once_and_signs_in(tmp_path: Path) -> None:
    """The folder has its hash alone."""
    printed = init("shop", "--yes").output
    password = re.search(r"^  (\w{4}(?:-\w{4}){3})$", printed, re.MULTILINE)
    assert password is not None
    everything = "".join(file.read_text("utf-8") for file in (tmp_path / "shop").iterdir())
    assert password[1] not in everything
    (user,) = settings_of(tmp_path / "shop")["plugins"]["agents_desk"]["users"]  # type: ignore[index]
    assert PasswordHasher().verify(user["password_hash"], password[1])
    assert (tmp_path / "shop").stat().st_mode & 0o077 == 0


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder with files stays as it is; an empty one is used."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", "utf-8")
    (tmp_path / "empty").mkdir()
    refused = init("full", "--yes")
    assert refused.exit_code == 1
    assert "nothing is overwritten" in str(refused.exception)
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["mine.txt"]
    assert init("empty", "--yes").exit_code == 0
    assert init("empty", "--yes").exit_code == 1


def test_one_that_is_killed_leaves_no_half_folder(tmp_path: Path) -> None:
    """At every write, the folder is there whole or not at all; the next run removes the rest."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from plugins.start.templates_filled import write_folder\n"
        "left = int(sys.argv[1])\n"
        "def fsync(fd, real=os.fsync):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left < 0: os.kill(os.getpid(), 9)\n"
        "    real(fd)\n"
        "os.fsync = fsync\n"
        "write_folder(Path('shop').absolute(), {'a': '1', 'b': '2', 'c': '3'})\n"
    )
    for writes in range(3):
        done = subprocess.run(
            [sys.executable, "-c", script, str(writes)], cwd=tmp_path, check=False
        )
        assert done.returncode == -signal.SIGKILL
        assert not (tmp_path / "shop").exists()
    write_folder(tmp_path / "shop", {"a": "1", "b": "2"})
    assert [file.name for file in tmp_path.iterdir()] == ["shop"]
    assert sorted(file.name for file in (tmp_path / "shop").iterdir()) == ["a", "b"]


def test_on_a_terminal_it_asks_five_questions(tmp_path: Path) -> None:
    """Enter takes the default; a wrong answer is asked for again."""
    answers = ["", "Lindenhof", "german", "du", "some time", "Mo-Fr 8-16"]
    screen = on_a_terminal(tmp_path, ["init", "shop"], answers)
    assert [number for number in "12345" if f"{number}/5" in screen] == list("12345")
    assert "write `Mon-Fri 9-17, Sat 10-14`" in screen
    policy = yaml.safe_load((tmp_path / "shop" / "policy.yaml").read_text("utf-8"))
    assert policy["hours"]["week"]["monday"] == "08:00-16:00"
    guide = yaml.safe_load((tmp_path / "shop" / "guide.yaml").read_text("utf-8"))
    assert guide["address"] == {"de": {"form": "du", "name": "first"}}


def on_a_terminal(folder: Path, arguments: list[str], answers: list[str]) -> str:
    """What ``warmline`` shows on a terminal on which somebody gives ``answers``."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [WARMLINE, *arguments], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        screen = ""
        for answer in answers:
            while not screen.rstrip().endswith(":") or screen.endswith("\n"):
                screen += os.read(ours, 4096).decode()
            os.write(ours, f"{answer}\n".encode())
            screen += "\n"
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux: the other end is closed
                break
            if not read:
                break
            screen += read.decode()
        assert process.wait() == 0, screen
    os.close(ours)
    return screen


@pytest.mark.parametrize(
    ("said", "day", "spans"),
    [
        ("Mon-Fri 9-17, Sat 10-14", "saturday", ["10:00-14:00"]),
        ("Mo-Fr 9-12 13-17 Uhr", "friday", ["09:00-12:00", "13:00-17:00"]),
        ("lundi-vendredi 9h-17h30", "tuesday", ["09:00-17:30"]),
        ("lunes a viernes 9:00 a 14:00", "monday", ["09:00-14:00"]),
        ("Sat-Sun 10am-4pm", "sunday", ["10:00-16:00"]),
        ("9-17", "sunday", ["09:00-17:00"]),
        ("Fri-Mon 9-17", "sunday", ["09:00-17:00"]),
    ],
)
def test_opening_hours_are_read_as_people_say_them(said: str, day: str, spans: list[str]) -> None:
    """In several languages, with days and times in their ways."""
    assert list(read_week(said)[day]) == spans


@pytest.mark.parametrize("said", ["", "sometimes", "Mon-Fri", "Xyz-Fri 9-17"])
def test_other_hours_are_refused_with_an_example(said: str) -> None:
    """Nobody's hours are guessed."""
    with pytest.raises(ValueError, match="Mon-Fri 9-17, Sat 10-14"):
        read_week(said)


SITE = {
    "/": "<title>Lindenhof · Start</title><p>Schön, dass du da bist! Leg dir etwas in den "
    "Warenkorb.</p><a href='/hilfe'>Hilfe</a><a href='https://elsewhere.example/x'>x</a>",
    "/hilfe": "<title>Lindenhof · Hilfe</title><p>Du findest deine Bestellung in deinem Konto. "
    "Wenn dir etwas fehlt, schreib uns. Dein Warenkorb bleibt, im Warenkorb siehst du den Preis. "
    "Den Warenkorb leeren?</p><p>Liebe Grüße<br>Dein Team</p>",
}


@asynccontextmanager
async def site(pages: dict[str, str], lang: str = "de") -> AsyncIterator[str]:
    """A site with these pages, and its URL."""

    async def serve(request: web.Request) -> web.Response:
        if request.path not in pages:
            raise web.HTTPNotFound
        text = f"<html lang='{lang}'><body>{pages[request.path]}</body></html>"
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/"))
    finally:
        await server.close()


async def heard(pages: dict[str, str], *, private: bool = True, lang: str = "de") -> SiteRead:
    async with site(pages, lang) as url:
        return await read_site(PublicNetworkHttp(), url, private=private)


async def test_a_site_tells_how_it_speaks() -> None:
    """Name, language, form of address, the end of a letter, and words of its own."""
    read = await heard(SITE)
    assert (read.name, read.languages, read.pages, read.trouble) == ("Lindenhof", ("de",), 2, "")
    speech = read.speech["de"]
    assert (speech.form, speech.closing) == ("du", "Liebe Grüße")
    assert speech.prefers == {"Warenkorb": ("Einkaufskorb", "Einkaufswagen")}


async def test_the_guide_is_what_the_site_says() -> None:
    """The file says where it comes from, and is valid."""
    read = await heard(SITE)
    user = FirstUser.with_password("ana", "a password")
    shop = NewShop(
        name=read.name,
        site="https://lindenhof.example",
        languages=("de",),
        forms={"de": "du"},
        speech=read.speech,
        week=read_week("9-17"),
        user=user,
    )
    guide = files_of(shop)["guide.yaml"]
    assert "# Taken from https://lindenhof.example" in guide
    tree = yaml.safe_load(guide)
    assert tree["address"]["de"] == {"form": "du", "name": "first"}
    assert tree["honesty"]["sign_off"]["de"].startswith("Liebe Grüße\n")
    assert tree["lexicon"]["use"]["de"] == {"Warenkorb": ["Einkaufskorb", "Einkaufswagen"]}


@pytest.mark.parametrize(
    ("pages", "trouble"),
    [
        ({"/x": "nothing at /"}, "it answered 404"),
        ({"/": "x" * (LARGEST + 1)}, "larger than"),
    ],
)
async def test_a_site_that_cannot_be_read_is_left_out(pages: dict[str, str], trouble: str) -> None:
    """Init goes on with its defaults, and says why."""
    read = await heard(pages)
    assert trouble in read.trouble
    assert read.pages == 0


async def test_an_address_of_the_own_network_needs_private() -> None:
    """Else a link could make init look into the network of whoever runs it."""
    read = await heard(SITE, private=False)
    assert read.trouble == "its address is in a private network; add --private if it is yours"


@pytest.mark.parametrize(
    ("text", "language", "form"),
    [
        ("Wir helfen Ihnen. Haben Sie Fragen, schreiben Sie uns; auch Ihre Freunde.", "de", "Sie"),
        ("Votre colis, vos retours : vous écrivez, nous répondons à vous.", "fr", "vous"),
        ("Tu pedido y tus datos: tú decides, contigo siempre, para ti.", "es", "tú"),
        ("Sie kommen bald. Sie sind schön. Sie gehen. Sie bleiben.", "de", ""),
        ("Du und Sie: fragen Sie, wenn du willst, ob Ihnen dein Rad passt.", "de", ""),
        ("We are here.", "en", ""),
    ],
)
def test_the_form_of_address_is_concluded_only_where_it_is_clear(
    text: str, language: str, form: str
) -> None:
    """`Sie` at the beginning of a sentence may be `they`; a mixture decides nothing."""
    speech = speech_of(text, language)
    assert speech is not None
    assert speech.form == form


def test_the_version_is_told() -> None:
    """``warmline --version``."""
    result = CliRunner().invoke(command(), ["--version"])
    assert re.fullmatch(r"warmline \d+\.\d+\.\d+\S*\n", result.output)
