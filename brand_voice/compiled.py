"""A guide compiled for use: what the rules look up for a language and a channel."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeVar

from brand_voice.guide import AddressForm, ChannelGuide, Guide, LanguageRules, PhraseCategory
from gateway import MoodLabel, Value

T = TypeVar("T")
FALLBACK = "en"

_PREFERRED = PhraseCategory(why="We have a word of our own for this.", severity="info")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'’-](?=[^\W\d_])){0,38}\.?")
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile("[぀-ヿ㐀-鿿]")
GAP = "…"
_GAP_WORDS = r"(?:[\s\u00a0]{1,3}[^\s.?!…,;:،؛؟]{1,40}){0,6}?[\s\u00a0]{1,3}"
_FIRST_WORDS = re.compile(r"([^\W\d_]+)(?!\w)(?:\s[^\W\d_]+)?")


class PhraseRule(Value, frozen=True, kw_only=True):
    """A phrase to avoid and what replaces it. ``name`` is the name of its rule or category."""

    name: str
    category: PhraseCategory
    phrase: str
    instead: str | None = None

    def suggestion(self, found: str) -> str | None:
        """The replacement for ``found``, capitalised like it; None when there is none."""
        return capitalised(self.instead) if self.instead and found[:1].isupper() else self.instead

    def changes_bot(self, *, serious: bool) -> bool:
        """Whether the phrase is replaced or removed in the bot's replies."""
        category = self.category
        in_mood = category.moods == "any" or serious
        return in_mood and category.bot == "change" and "bot" in category.authors


class PhraseMatch(Value, frozen=True, kw_only=True):
    """``text[start:end]`` is the phrase of ``rule``."""

    start: int
    end: int
    rule: PhraseRule


class PhraseIndex:
    """Finds phrases in a text. They are indexed by first word, so that long lists cost little."""

    def __init__(self, rules: Iterable[PhraseRule]) -> None:
        self._by_first: dict[str, list[tuple[re.Pattern[str], PhraseRule]]] = {}
        self._within: list[PhraseRule] = []
        for rule in sorted(rules, key=lambda rule: len(rule.phrase), reverse=True):
            if _UNSPACED.match(rule.phrase):
                self._within.append(rule)
                continue
            first = _WORD.match(rule.phrase)
            key = (first[0] if first else rule.phrase).lower()
            self._by_first.setdefault(key, []).append((phrase_pattern(rule.phrase), rule))

    def find(self, text: str) -> list[PhraseMatch]:
        """Every phrase, from left to right. Of two that overlap, the earlier and longer one."""
        matches: list[PhraseMatch] = []
        done = 0
        for word in _WORD.finditer(text):
            candidates = self._by_first.get(word[0].lower())
            if candidates is None or word.start() < done:
                continue
            for pattern, rule in candidates:
                if found := pattern.match(text, word.start()):
                    done = found.end()
                    matches.append(PhraseMatch(start=found.start(), end=done, rule=rule))
                    break
        return self._with_unspaced(text, matches) if self._within else matches

    def _with_unspaced(self, text: str, matches: list[PhraseMatch]) -> list[PhraseMatch]:
        """``matches`` and the phrases of scripts without spaces, which stand within a word."""
        for rule in self._within:
            for found in re.finditer(re.escape(rule.phrase), text):
                start, end = found.span()
                if all(end <= match.start or start >= match.end for match in matches):
                    matches.append(PhraseMatch(start=start, end=end, rule=rule))
        return sorted(matches, key=lambda match: match.start)


class CompiledLanguage:
    """One language of the guide, with its phrases compiled."""

    def __init__(self, code: str, guide: Guide) -> None:
        rules = guide.languages.get(code, LanguageRules())
        self.code = code
        self.common = frozenset(word.lower() for word in rules.common)
        self.abbreviations = frozenset(rules.abbreviations)
        self.form = guide.address.get(code, AddressForm())
        ours = self.form.words.get(self.form.form, ())
        self.other_forms = [
            (word, phrase_pattern(word))
            for form, words in self.form.words.items()
            for word in words
            if form != self.form.form and word not in ours
        ]
        """Words of the other forms of address, with their patterns."""
        self._apologies = [phrase_pattern(word) for word in rules.apologies]
        self._greetings = [phrase_pattern(word) for word in rules.greetings]
        self._after_comma = frozenset(phrase.lower() for phrase in rules.after_comma)
        allowed = {phrase.lower() for phrase in guide.lexicon.allow}
        avoided = [
            rule for rule in _phrase_rules(code, guide) if rule.phrase.lower() not in allowed
        ]
        self.phrases = PhraseIndex(avoided)
        self.changing = {
            serious: PhraseIndex(rule for rule in avoided if rule.changes_bot(serious=serious))
            for serious in (False, True)
        }
        """The phrases that change in the bot's replies, by whether the mood is serious."""

    def apologises(self, text: str) -> bool:
        """Whether ``text`` contains an apology."""
        return any(apology.search(text) for apology in self._apologies)

    def greets(self, text: str) -> bool:
        """Whether ``text`` begins with a greeting."""
        return any(greeting.match(text) for greeting in self._greetings)

    def continued(self, text: str) -> str:
        """``text`` as it goes on after a greeting that ends with a comma: with a small first letter
        where the language has one there, and the first word or two are known not to be a name."""
        first = _FIRST_WORDS.match(text)
        if first is None or not text[0].isupper() or text[1:2].isupper():
            return text
        known = {first[1].lower(), " ".join(first[0].lower().split())} & self._after_comma
        return text[0].lower() + text[1:] if known else text


class CompiledGuide:
    """A guide with its languages and channels compiled."""

    def __init__(self, guide: Guide) -> None:
        self.source = guide
        self.serious = frozenset(guide.serious)
        self.grave = frozenset(guide.grave)
        codes = {FALLBACK, *guide.languages, *guide.lexicon.use, *guide.address}
        categories = filter(None, guide.lexicon.avoid.values())
        codes |= {code for category in categories for code in category.phrases}
        self.languages = {code: CompiledLanguage(code, guide) for code in sorted(codes)}
        self._unknown_language = CompiledLanguage("und", guide)
        self._default_channel = guide.channel("default")
        self._channels = {name: guide.channel(name) for name in guide.channels}

    def channel(self, name: str, max_length: int | None = None) -> ChannelGuide:
        """The rules of channel ``name``, or the default ones when it is not in the guide.

        ``max_length`` is the channel's own limit (see `Traits.max_length`): the guide may lower
        it, and a higher limit in the guide has no effect.
        """
        channel = self._channels.get(name, self._default_channel)
        if max_length is None or max_length >= channel.max_length:
            return channel
        return channel.model_copy(update={"max_length": max_length})

    def language(self, code: str) -> CompiledLanguage:
        """The language ``code`` (``de-AT`` is ``de``); an unknown language has no phrases."""
        return self.languages.get(_base(code), self._unknown_language)

    def opener(self, label: MoodLabel, code: str, key: str) -> str:
        """An opening sentence for ``label``, or ""; on every machine the same one for ``key``.

        A reply is in one language: without a text in its language it has none, as in `greeting`.
        """
        variants = in_code(self.source.openers.moods.get(label, {}), code) or ("",)
        return variants[zlib.crc32(key.encode("utf-8", "surrogatepass")) % len(variants)]

    def greeting(
        self, style: Literal["chat", "letter"], label: MoodLabel, code: str, customer: str | None
    ) -> str:
        """The greeting, or "". It uses the customer's name only if that looks like a name."""
        texts = self.source.greetings.get(style)
        if texts is None or label not in texts.moods:
            return ""
        name = self._name(code, customer)
        named = in_code(texts.named, code) if name else None
        return (named or in_code(texts.plain, code) or "").format(name=name)

    def _name(self, code: str, customer: str | None) -> str:
        """The part of the name that a greeting uses. Display names are untrusted input."""
        name = " ".join((customer or "").split())
        use = self.language(code).form.name
        if use == "none" or not _NAME.fullmatch(name):
            return ""
        return name.split()[0] if use == "first" else name


def translated(texts: Mapping[str, T], code: str) -> T | None:
    """The text in the language ``code``, else in English: only for what must not be left out."""
    return texts.get(_base(code), texts.get(FALLBACK))


def in_code(texts: Mapping[str, T], code: str) -> T | None:
    """The text in the language ``code``: a reply is in one language."""
    return texts.get(_base(code))


def capitalised(text: str) -> str:
    """``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]


def phrase_pattern(phrase: str) -> re.Pattern[str]:
    """Matches ``phrase`` in any case, with any whitespace and either apostrophe. ``…`` between two
    words is at most six words of the same clause: no comma or colon (`hätten Sie … müssen`)."""
    before, *gaps = (
        r"[\s\u00a0]+".join(re.sub("['’]", "['’]", re.escape(word)) for word in part.split())
        for part in phrase.split(GAP)
    )
    return re.compile("".join([before, *(_GAP_WORDS + part for part in gaps)]) + r"(?!\w)", re.I)


def _base(code: str) -> str:
    """``de`` of ``de-AT``."""
    return code.replace("_", "-").partition("-")[0].lower()


def _phrase_rules(code: str, guide: Guide) -> Iterator[PhraseRule]:
    for preferred, words in guide.lexicon.use.get(code, {}).items():
        for word in words:
            yield PhraseRule(name="use", category=_PREFERRED, phrase=word, instead=preferred)
    for name, category in guide.lexicon.avoid.items():
        if category is None:
            continue
        for avoided in category.phrases.get(code, ()):
            yield PhraseRule(
                name=name, category=category, phrase=avoided.phrase, instead=avoided.instead
            )
