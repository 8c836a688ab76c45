"""The models of a brand-voice guide (YAML).

A company's own guide holds only what differs from the packaged ``guide.yaml``, so every key is
optional; `brand_voice.loading` merges the two.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from gateway import Json, MoodLabel, Purpose, Severity, choose_from

PieceKind = Literal[
    "greeting", "opener", "body", "next_step", "links", "buttons", "survey", "sign_off"
]
_CUSTOMER_WORD = re.compile(r"[^\W_][\w'’-]*\*?(?:\|[^\W_][\w'’-]*\*?)*\??")
ALWAYS_SERIOUS: frozenset[MoodLabel] = frozenset({"frustrated", "angry", "anxious"})


class GuideModel(BaseModel):
    """Base of every part of the guide. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _with_placeholders(*fields: str) -> AfterValidator:
    """Allows only the placeholders ``{field}`` named in ``fields``."""

    def check(text: str) -> str:
        try:
            found = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        except ValueError as error:
            raise ValueError(f"a brace is not closed ({error}); write {{{{ for a brace") from None
        if wrong := found - set(fields):
            known = ", ".join(f"{{{field}}}" for field in fields) or "none"
            raise ValueError(f"unknown placeholder {{{min(wrong)}}}; available here: {known}")
        return text

    return AfterValidator(check)


def _without_placeholders(text: str) -> str:
    if found := re.search(r"\{\w+\}", text):
        raise ValueError(f"{found[0]} is sent as it is: nothing is filled in here; remove it")
    return text


def _begins_with_word(text: str) -> str:
    if not text[0].isalnum():
        raise ValueError("a phrase must begin with a letter or a digit")
    return text


def _searchable(text: str) -> str:
    words = text.split()
    for word in words:
        if not _CUSTOMER_WORD.fullmatch(word):
            raise ValueError(
                f"`{word}` cannot be looked for; write words, `a|b` for either, `word*` for any "
                "ending, `word?` for perhaps"
            )
    if all(word.endswith("?") for word in words):
        raise ValueError("every word is optional; take one `?` out")
    return text


def _keeps_serious(labels: tuple[MoodLabel, ...]) -> tuple[MoodLabel, ...]:
    if missing := sorted(ALWAYS_SERIOUS.difference(labels)):
        raise ValueError(f"must include {', '.join(missing)}; add what is missing")
    return labels


LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
GuideText = Annotated[str, StringConstraints(min_length=1, max_length=500)]
PlainText = Annotated[GuideText, AfterValidator(_without_placeholders)]
"""A text in which nothing is filled in."""
Phrase = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_begins_with_word),
]


CustomerPhrase = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_searchable),
]
"""A phrase customers use. ``a|b`` is either word, ``word*`` any ending, ``word?`` optional."""


class LanguageRules(GuideModel):
    """What the rules need to know about a language."""

    common: tuple[Phrase, ...] = Field(
        (), description="everyday words by which lint detects the language when it is not given"
    )
    abbreviations: tuple[GuideText, ...] = Field(
        (), description="in lower case, with their dots; they do not end a sentence"
    )
    apologies: tuple[Phrase, ...] = Field(
        (), description="words that apologise; a reply apologises once"
    )
    greetings: tuple[Phrase, ...] = Field(
        (), description="words that greet; a reply that begins with one gets no second greeting"
    )
    after_comma: tuple[Phrase, ...] = Field(
        (),
        description="words that begin a text with a small letter after a greeting with a comma, as "
        "German wants it; all others keep their capital, for they may be nouns or names",
    )


class AddressForm(GuideModel):
    """The form of address in one language."""

    form: GuideText = Field("you", description="one of the keys of `words`, such as Sie or du")
    name: Literal["first", "full", "none"] = Field(
        "full", description="which part of the customer's name a greeting uses"
    )
    words: dict[str, tuple[Phrase, ...]] = Field(
        default={},
        description="the words of each form; a capitalised word matches only where it has its "
        "capital and does not begin a sentence",
    )

    @model_validator(mode="after")
    def _form_has_words(self) -> Self:
        if self.words and self.form not in self.words:
            raise ValueError(
                f"`form`: there is no form `{self.form}`; {choose_from(self.form, self.words)}"
            )
        return self


class AvoidedPhrase(GuideModel):
    """A phrase to find. Case and the kinds of whitespace and apostrophe do not matter. ``…`` stands
    for at most six words in between.

    ``instead`` replaces it; an empty ``instead`` removes it; without one a person decides.
    """

    phrase: Phrase
    instead: Annotated[str, StringConstraints(max_length=200)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _accept_plain_text(cls, value: Any) -> Any:
        return {"phrase": value} if isinstance(value, str) else value


class CustomerPhrases(GuideModel):
    """Phrases that customers of this company use in one language, by what they show."""

    names: tuple[CustomerPhrase, ...] = Field(
        (), description="names of products and the like; their capitals do not count as shouting"
    )
    angry: tuple[CustomerPhrase, ...] = ()
    frustrated: tuple[CustomerPhrase, ...] = ()
    anxious: tuple[CustomerPhrase, ...] = ()
    urgent: tuple[CustomerPhrase, ...] = ()
    confused: tuple[CustomerPhrase, ...] = ()
    pleased: tuple[CustomerPhrase, ...] = ()
    trouble: tuple[CustomerPhrase, ...] = Field(
        (), description="something went wrong, reported calmly"
    )
    asked_for_person: tuple[CustomerPhrase, ...] = ()
    harm: tuple[CustomerPhrase, ...] = Field(
        (), description="words that show danger; such a message goes to a person at once"
    )
    legal: tuple[CustomerPhrase, ...] = ()
    not_helped: tuple[CustomerPhrase, ...] = Field(
        (), description="words that say an answer missed the question"
    )


class PhraseCategory(GuideModel):
    """Phrases to avoid for one reason. The name of the category is the name of the rule."""

    why: GuideText = Field("Better avoided.", description="the advice an agent sees")
    severity: Severity = "warning"
    moods: Literal["any", "serious"] = Field(
        "any", description="the customer moods in which the rule applies"
    )
    authors: tuple[Literal["bot", "agent"], ...] = ("bot", "agent")
    bot: Literal["change", "advise"] = Field(
        "change",
        description="change: the phrases are replaced or removed in the bot's replies",
    )
    phrases: dict[LanguageCode, tuple[AvoidedPhrase, ...]] = Field(
        default={}, description="added to those of the packaged guide"
    )


class Lexicon(GuideModel):
    """Preferred words, and phrases to avoid."""

    use: dict[LanguageCode, dict[Phrase, tuple[Phrase, ...]]] = Field(
        default={}, description="preferred word: the words it replaces"
    )
    avoid: dict[str, PhraseCategory | None] = Field(
        default={}, description="categories by name; null switches one off"
    )
    allow: tuple[Phrase, ...] = Field((), description="listed phrases that are allowed here")
    acronyms: tuple[Phrase, ...] = Field(
        (), description="words in capitals that do not count as shouting"
    )


class GreetingTexts(GuideModel):
    """The greeting of one kind, chat or letter."""

    named: dict[LanguageCode, Annotated[GuideText, _with_placeholders("name")]] = {}
    plain: dict[LanguageCode, Annotated[GuideText, _with_placeholders()]] = {}
    moods: tuple[MoodLabel, ...] = Field((), description="the customer moods in which it is used")
    not_for: tuple[str, ...] = Field(
        (),
        description="reasons for a hand-over that begins with the matter; in a chat, "
        "`honesty.disclosure` then ends it instead",
    )


class OpenerTexts(GuideModel):
    """Opening sentences by mood. The same reply always gets the same one of several."""

    purposes: tuple[Purpose, ...] = ("answer", "clarify", "fallback", "handover")
    only: dict[MoodLabel, tuple[Purpose, ...]] = Field(
        default={}, description="moods whose opening sentences are used for fewer purposes"
    )
    moods: dict[MoodLabel, dict[LanguageCode, tuple[PlainText, ...]]] = {}


class TextPrompts(GuideModel):
    """Lines that replace buttons and rating scales on channels that have none, or explain them."""

    buttons: dict[LanguageCode, Annotated[GuideText, _with_placeholders("options")]] = {}
    last: dict[LanguageCode, str] = Field(
        default={}, description="the text before the last option, such as ' or '"
    )
    number: dict[LanguageCode, GuideText] = Field(
        default={}, description="how to answer a survey on a scale of 1 to 5"
    )
    scale: dict[LanguageCode, GuideText] = Field(
        default={}, description="what 1 and 5 mean, where a survey's scale has buttons"
    )
    text: dict[LanguageCode, GuideText] = Field(
        default={}, description="how to answer a survey in free text"
    )


class HonestyTexts(GuideModel):
    """The bot's signature, and its reply when the rules left no words."""

    acknowledge: dict[LanguageCode, GuideText] = Field(
        default={}, description="sent when the rules removed every word of a reply"
    )
    disclosure: dict[LanguageCode, GuideText] = Field(
        default={},
        description="the last line of a first reply in a chat that has no greeting because of its "
        "reason; it must say that a machine wrote it",
    )
    sign_off: dict[LanguageCode, GuideText] = Field(
        default={}, description="how the bot signs letters; it must say that a machine wrote them"
    )


class ChannelGuide(GuideModel):
    """How replies are written on one channel. `default` supplies the keys a channel leaves out."""

    sentence_length: int = Field(
        25, ge=5, le=100, description="in words; a longer sentence is a finding"
    )
    max_parts: int = Field(
        3, ge=1, le=50, description="messages per reply; exceeded only to keep facts"
    )
    max_length: int = Field(
        2000, ge=60, le=100_000, description="of one part, in UTF-16 code units; never exceeded"
    )
    max_segments: int | None = Field(
        None, ge=1, le=10, description="makes it an SMS channel: segments per part; never exceeded"
    )
    greeting: Literal["none", "chat", "letter"] = "chat"
    sign_off: bool = False
    emoji: bool = False
    formatting: Literal["plain", "markdown", "mrkdwn"] = Field(
        "plain", description="the markup that texts may contain; the channel does the escaping"
    )
    links: Literal["bare", "titled", "clickable"] = Field(
        "titled",
        description="clickable: the channel makes a link of an agent's [title](address); elsewhere "
        "it becomes the title and the address",
    )
    buttons: Literal["native", "text"] = Field(
        "text", description="text: buttons and rating scales become a line of text"
    )
    paragraphs: Literal["blank_line", "line", "space"] = "blank_line"
    order: tuple[PieceKind, ...] = Field(
        (
            "greeting",
            "opener",
            "body",
            "next_step",
            "links",
            "buttons",
            "survey",
            "sign_off",
        ),
        description="the order of the pieces of a reply; those left out come last",
    )


class Guide(GuideModel):
    """A brand-voice guide."""

    version: Literal[1] = 1
    principles: tuple[GuideText, ...] = Field((), description="for people: what the rules are for")
    languages: dict[LanguageCode, LanguageRules] = {}
    address: dict[LanguageCode, AddressForm] = {}
    serious: Annotated[tuple[MoodLabel, ...], AfterValidator(_keeps_serious)] = Field(
        ("frustrated", "angry", "anxious", "urgent"),
        description="moods without cheer, emoji or exclamation marks; the first three are required",
    )
    grave: tuple[str, ...] = Field(
        ("harm", "legal"),
        description="reasons for a hand-over that are serious in every mood of the customer",
    )
    lexicon: Lexicon = Lexicon()
    customers: dict[LanguageCode, CustomerPhrases] = Field(
        default={}, description="phrases that customers use, for the understanders"
    )
    greetings: dict[Literal["chat", "letter"], GreetingTexts] = {}
    openers: OpenerTexts = OpenerTexts()
    asking: TextPrompts = TextPrompts()
    honesty: HonestyTexts = HonestyTexts()
    channels: dict[str, ChannelGuide] = Field(
        default={}, description="by channel name; `default` is for all others"
    )

    def channel(self, name: str) -> ChannelGuide:
        """The settings of channel ``name``: its own keys over those of ``default``."""
        default = self.channels.get("default", ChannelGuide())
        own = self.channels.get(name)
        if own is None:
            return default
        return default.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


def schema() -> dict[str, Json]:
    """The JSON Schema (draft 2020-12) of a guide file."""
    document: dict[str, Any] = Guide.model_json_schema()
    long_form = document["$defs"]["AvoidedPhrase"]
    short_form = {"type": "string", "minLength": 1, "maxLength": 200}
    document["$defs"]["AvoidedPhrase"] = {"anyOf": [short_form, long_form]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}
