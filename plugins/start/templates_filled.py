"""The files of a new shop: `templates`, filled in with the answers, and written at once: either
all of them are there, or nothing."""

from __future__ import annotations

import html
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import jinja2
import msgspec
from argon2 import PasswordHasher

from gateway import DAYS, Value, WarmlineError, counted, packaged_yaml
from plugins.start.speech import SiteSpeech

FILES = ("warmline.yaml", "policy.yaml", "guide.yaml", "answers.yaml", "nlu.yml", "embed.html")


class ShopWords(Value, frozen=True, kw_only=True):
    """The words of a new shop in one language: see ``words.yaml``."""

    assistant: str
    nameless: str
    closing: Mapping[Literal["formal", "friendly"], str]
    hello: Mapping[Literal["named", "plain"], str]
    answer: str
    questions: Sequence[str]
    formal: str = ""
    informal: str = ""


WORDS: Mapping[str, ShopWords] = msgspec.convert(
    packaged_yaml("plugins.start", "words.yaml"), dict[str, ShopWords]
)
FORMAL = {code: words.formal for code, words in WORDS.items() if words.formal}
INFORMAL = {code: words.informal for code, words in WORDS.items() if words.informal}


class FirstUser(Value, frozen=True, kw_only=True):
    """The first user of the desk."""

    name: str
    password_hash: str

    @classmethod
    def with_password(cls, name: str, password: str) -> FirstUser:
        return cls(name=name, password_hash=PasswordHasher().hash(password))


class NewShop(Value, frozen=True, kw_only=True):
    """What the questions found out."""

    name: str = ""
    """The company's; empty: nobody told it, and the bot states none."""
    site: str = ""
    private: bool = False
    languages: tuple[str, ...] = ("en",)
    """ISO 639-1, the first is the main one."""
    forms: Mapping[str, str] = {}
    """The form of address, by language."""
    friendly: bool = False
    """Whether customers are addressed as friends are."""
    week: Mapping[str, Sequence[str]] = {}
    """When people answer; empty: nobody told it, and the bot states no hours."""
    speech: Mapping[str, SiteSpeech] = {}
    """How the site speaks, by language."""
    timezone: str = "UTC"
    port: int = 8080
    user: FirstUser | None = None


def files_of(shop: NewShop) -> dict[str, str]:
    """The text of each file, by name."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (YAML; what goes into HTML is escaped below)
    )
    environment.filters["q"] = lambda text: json.dumps(text, ensure_ascii=False)
    environment.globals["counted"] = counted
    values = _values(shop)
    texts = files(__package__) / "templates"
    filled = {
        name: environment.from_string((texts / name).read_text("utf-8")).render(values)
        for name in FILES
    }
    return {**filled, ".gitignore": "# What the server keeps: conversations, keys, models.\nvar/\n"}


def _values(shop: NewShop) -> dict[str, object]:
    parts = urlsplit(shop.site)
    origin = f"{parts.scheme}://{parts.netloc}" if shop.site else ""
    return {
        "shop": shop,
        "title": html.escape(shop.name or "Your chat"),
        "name": shop.name or "Your shop",
        "fallback": shop.languages[0],
        "origin": origin,
        "week": {day: list(shop.week.get(day, ())) for day in DAYS},
        "closings": _closings(shop),
        "informal": [
            code
            for code in shop.languages
            if (code in shop.forms and shop.forms[code] != FORMAL[code])
            or (code not in shop.forms and shop.friendly)
        ],
        "words": WORDS,
        "assistant": {
            code: words.assistant.replace("{name}", shop.name) if shop.name else words.nameless
            for code, words in WORDS.items()
        },
    }


def _closings(shop: NewShop) -> dict[str, str]:
    tone: Literal["formal", "friendly"] = "friendly" if shop.friendly else "formal"
    return {
        code: (shop.speech[code].closing if code in shop.speech else "")
        or WORDS[code].closing[tone]
        for code in shop.languages
    }


# -- written at once -----------------------------------------------------------------------------


def check_free(folder: Path) -> None:
    """Raise WarmlineError unless ``folder`` may be made: it is not there yet, or it is empty."""
    if folder == Path.cwd():
        raise WarmlineError(
            "`warmline init` makes a folder; name one that is not there yet, such as `my-shop`"
        )
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise WarmlineError(f"{folder} is there already; nothing is overwritten: name another")
    if not folder.parent.is_dir():
        raise WarmlineError(f"there is no folder {folder.parent}; make it first")


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Make ``folder`` with ``files`` (name to text). Raises WarmlineError when it is there already.

    They are written into a hidden folder beside it, which is then renamed: a process that dies
    leaves only that one, and the next one removes it.
    """
    _remove_remains(folder)
    draft = folder.with_name(f".{folder.name}.init-{os.getpid()}")
    draft.mkdir(mode=0o700)
    try:
        for name, text in files.items():
            with (draft / name).open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            (draft / name).chmod(0o600)
        try:
            draft.rename(folder)  # POSIX: replaces an empty folder, and nothing else
        except OSError:
            check_free(folder)
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_remains(folder: Path) -> None:
    """Remove the drafts of processes that died."""
    for draft in folder.parent.glob(f".{folder.name}.init-*"):
        number = draft.name.rpartition("-")[2]
        if number.isdigit() and not _lives(int(number)):
            shutil.rmtree(draft, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
