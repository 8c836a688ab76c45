"""The guide, compiled once: what a rule needs at hand for a language and a channel."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

from brand_voice.guide import Category, ChannelGuide, Form, Guide, Language
from brand_voice.phrases import Entry, Phrases, pattern
from gateway import MoodLabel

T = TypeVar("T")
FALLBACK = "en"

_OURS = Category(why="We have a word of our own for this.", severity="info")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'’-](?=[^\W\d_])){0,38}\.?")


class Tongue:
    """One language of the guide."""

    def __init__(self, code: str, guide: Guide) -> None:
        known = guide.languages.get(code, Language())
        self.code = code
        self.common = frozenset(word.lower() for word in known.common)
        self.abbreviations = frozenset(known.abbreviations)
        self.form = guide.address.get(code, Form())
        self._apologies = [pattern(word) for word in known.apologies]
        self._greetings = [pattern(word) for word in known.greetings]
        allowed = {phrase.lower() for phrase in guide.lexicon.allow}
        entries = [one for one in _entries(code, guide) if one.phrase.lower() not in allowed]
        self.phrases = Phrases(entries)
        self.changing = {
            serious: Phrases(one for one in entries if _changes(one.category, serious=serious))
            for serious in (False, True)
        }
        """What the bot's own words lose or exchange, at serious moods and at others."""

    def apologises(self, text: str) -> bool:
        """Whether ``text`` says sorry."""
        return any(apology.search(text) for apology in self._apologies)

    def greets(self, text: str) -> bool:
        """Whether ``text`` begins with a greeting."""
        return any(greeting.match(text) for greeting in self._greetings)

    def other_forms(self) -> list[str]:
        """Words of the forms of address that are not ours."""
        words = self.form.words
        mine = set(words.get(self.form.form, ()))
        return [
            w
            for form, these in words.items()
            if form != self.form.form
            for w in these
            if w not in mine
        ]


class Book:
    """A guide with everything compiled that can be."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide
        self.serious = frozenset(guide.serious)
        codes = {FALLBACK, *guide.languages, *guide.lexicon.use, *guide.address}
        codes |= {code for one in guide.lexicon.avoid.values() if one for code in one.phrases}
        self.tongues = {code: Tongue(code, guide) for code in sorted(codes)}
        self._unknown = Tongue("und", guide)
        self._default = guide.channel("default")
        self._channels = {name: guide.channel(name) for name in guide.channels}

    def channel(self, name: str) -> ChannelGuide:
        return self._channels.get(name, self._default)

    def tongue(self, code: str) -> Tongue:
        """The language ``code`` (``de-AT`` is ``de``); one without words when it is not known."""
        return self.tongues.get(language(code), self._unknown)

    def opener(self, label: MoodLabel, code: str, key: str) -> str:
        """A first sentence for ``label``, the same one for the same ``key``; may be none."""
        variants = translated(self.guide.openers.moods.get(label, {}), code) or ()
        return chosen(variants, key) if variants else ""

    def greeting(self, style: str, label: MoodLabel, code: str, customer: str | None) -> str:
        """The greeting that fits, with the customer's name where it looks like one."""
        for kind, found in self.guide.greetings.items():
            if kind == style and label in found.moods:
                name = self._name(code, customer)
                named = translated(found.named, code) if name else None
                plain = translated(found.plain, code) or ""
                return named.format(name=name) if named else plain.format()
        return ""

    def _name(self, code: str, customer: str | None) -> str:
        """A display name is shown, never trusted: what does not look like a name is not said."""
        name = " ".join((customer or "").split())
        use = self.tongue(code).form.name
        if use == "none" or not _NAME.fullmatch(name):
            return ""
        return name.split()[0] if use == "first" else name


def language(code: str) -> str:
    """``de`` of ``de-AT``."""
    return code.replace("_", "-").partition("-")[0].lower()


def translated(texts: Mapping[str, T], code: str) -> T | None:
    """The text of a language, else the English one."""
    found = texts.get(language(code))
    return texts.get(FALLBACK) if found is None else found


def chosen(variants: Sequence[str], key: str) -> str:
    """One of ``variants``, always the same one for ``key``, on every machine."""
    return variants[zlib.crc32(key.encode("utf-8", "surrogatepass")) % len(variants)]


def _changes(category: Category, *, serious: bool) -> bool:
    fits = category.moods == "any" or serious
    return fits and category.bot == "change" and "bot" in category.authors


def _entries(code: str, guide: Guide) -> list[Entry]:
    found = [
        Entry(rule="use", category=_OURS, phrase=word, instead=ours)
        for ours, words in guide.lexicon.use.get(code, {}).items()
        for word in words
    ]
    for rule, category in guide.lexicon.avoid.items():
        for one in category.phrases.get(code, ()) if category else ():
            entry = Entry(
                rule=rule, category=category or _OURS, phrase=one.phrase, instead=one.instead
            )
            found.append(entry)
    return found
