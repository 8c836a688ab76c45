"""The guide: what a brand voice is made of, as typed values.

A company's own guide says only what differs: it is laid over the packaged ``guide.yaml`` (see
`brand_voice.loading`), so nothing here is required of it.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from gateway import Json, MoodLabel, Purpose, Severity

Role = Literal["greeting", "opener", "body", "next_step", "links", "buttons", "survey", "sign_off"]
_SAID = re.compile(r"[^\W_][\w'’-]*\*?(?:\|[^\W_][\w'’-]*\*?)*\??")
ALWAYS_SERIOUS: frozenset[MoodLabel] = frozenset({"frustrated", "angry", "anxious"})


class Part(BaseModel):
    """A part of the guide. Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _with_fields(*fields: str) -> AfterValidator:
    """A text that may have ``{field}`` in it: these and no others."""

    def check(text: str) -> str:
        try:
            found = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        except ValueError as error:
            raise ValueError(f"a brace is open ({error}); write {{{{ for a brace") from None
        if wrong := found - set(fields):
            known = ", ".join(f"{{{field}}}" for field in fields) or "none"
            raise ValueError(f"{{{min(wrong)}}} is not known here; known: {known}")
        return text

    return AfterValidator(check)


def _starts_with_a_word(text: str) -> str:
    if not text[0].isalnum():
        raise ValueError("a phrase must begin with a letter or a digit")
    return text


def _findable(text: str) -> str:
    words = text.split()
    for word in words:
        if not _SAID.fullmatch(word):
            raise ValueError(
                f"`{word}` cannot be looked for; write words, `a|b` for either, `word*` for any "
                "ending, `word?` for perhaps"
            )
    if all(word.endswith("?") for word in words):
        raise ValueError("every word may be missing; take one `?` out")
    return text


def _stays_serious(labels: tuple[MoodLabel, ...]) -> tuple[MoodLabel, ...]:
    if missing := sorted(ALWAYS_SERIOUS.difference(labels)):
        raise ValueError(f"must hold {', '.join(missing)} too; add what is missing")
    return labels


LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Words = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_starts_with_a_word),
]


Said = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_findable),
]
"""A phrase that customers say, with the little grammar of `_SAID`."""


class Language(Part):
    """What the rules must know of a language."""

    common: tuple[Words, ...] = Field(
        (), description="everyday words by which lint tells the language when nobody says it"
    )
    abbreviations: tuple[Text, ...] = Field(
        (), description="lower case, with their dots: they do not end a sentence"
    )
    apologies: tuple[Words, ...] = Field(
        (), description="words that say sorry: it is not said twice in one reply"
    )
    greetings: tuple[Words, ...] = Field(
        (), description="words that greet: a reply that begins with one gets no second greeting"
    )


class Form(Part):
    """How a customer is addressed in a language."""

    form: Text = Field("you", description="one of the keys of `words`, such as Sie or du")
    name: Literal["first", "full", "none"] = Field(
        "full", description="which part of the customer's name a greeting uses"
    )
    words: dict[str, tuple[Words, ...]] = Field(
        default={},
        description="the words of each form; capital ones count only so, and not as first words",
    )


class Phrase(Part):
    """Words to look for; any blank, either apostrophe and any case of letters matches.

    ``instead`` replaces them; an empty one takes them out; without one a person must decide.
    """

    phrase: Words
    instead: Annotated[str, StringConstraints(max_length=200)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"phrase": value} if isinstance(value, str) else value


class Heard(Part):
    """How customers speak to this house, in one language: phrases and what they show."""

    names: tuple[Said, ...] = Field(
        (), description="products and the like: their capitals are no shouting"
    )
    angry: tuple[Said, ...] = ()
    frustrated: tuple[Said, ...] = ()
    anxious: tuple[Said, ...] = ()
    urgent: tuple[Said, ...] = ()
    confused: tuple[Said, ...] = ()
    pleased: tuple[Said, ...] = ()
    trouble: tuple[Said, ...] = Field((), description="a bad event, told calmly")
    asked_for_person: tuple[Said, ...] = ()
    harm: tuple[Said, ...] = Field((), description="words of danger; they go to a person at once")
    legal: tuple[Said, ...] = ()
    not_helped: tuple[Said, ...] = Field((), description="that an answer missed the question")


class Category(Part):
    """A kind of words to avoid. Its name is the name of the rule."""

    why: Text = Field("Better avoided.", description="the advice an agent reads")
    severity: Severity = "warning"
    moods: Literal["any", "serious"] = Field("any", description="at which customers it counts")
    authors: tuple[Literal["bot", "agent"], ...] = ("bot", "agent")
    bot: Literal["change", "advise"] = Field(
        "change",
        description="change: the renderer replaces or drops the words in the bot's replies",
    )
    phrases: dict[LanguageCode, tuple[Phrase, ...]] = Field(
        default={}, description="added to those of the packaged guide"
    )


class Lexicon(Part):
    """Words we use, and words we do not."""

    use: dict[LanguageCode, dict[Words, tuple[Words, ...]]] = Field(
        default={}, description="our word: the words it replaces"
    )
    avoid: dict[str, Category | None] = Field(
        default={}, description="categories by name; null switches one off"
    )
    allow: tuple[Words, ...] = Field(
        (), description="phrases of the lists that are fine here after all"
    )
    acronyms: tuple[Words, ...] = Field((), description="capitals that are not shouting")


class Greeting(Part):
    """How a conversation begins."""

    named: dict[LanguageCode, Annotated[Text, _with_fields("name")]] = {}
    plain: dict[LanguageCode, Annotated[Text, _with_fields()]] = {}
    moods: tuple[MoodLabel, ...] = Field((), description="the moods it fits")


class Openers(Part):
    """First sentences by mood; one of several is chosen, the same one for the same reply."""

    purposes: tuple[Purpose, ...] = ("answer", "clarify", "fallback", "handover")
    only: dict[MoodLabel, tuple[Purpose, ...]] = Field(
        default={}, description="moods whose first sentences fit fewer purposes"
    )
    moods: dict[MoodLabel, dict[LanguageCode, tuple[Text, ...]]] = {}


class Asking(Part):
    """Lines for channels that have no buttons."""

    buttons: dict[LanguageCode, Annotated[Text, _with_fields("options")]] = {}
    last: dict[LanguageCode, str] = Field(
        default={}, description="what stands before the last option, such as ' or '"
    )
    number: dict[LanguageCode, Text] = Field(
        default={}, description="how to answer a survey of stars or numbers: 1 to 5"
    )
    text: dict[LanguageCode, Text] = Field(
        default={}, description="how to answer a survey in one's own words"
    )


class Honesty(Part):
    """A bot never passes for a person."""

    acknowledge: dict[LanguageCode, Text] = Field(
        default={}, description="said when the rules left no word of a reply"
    )
    sign_off: dict[LanguageCode, Text] = Field(
        default={}, description="how the bot signs letters; it says that it is a machine"
    )


class ChannelGuide(Part):
    """How a channel is written. What a channel does not say, `default` says."""

    sentence_length: int = Field(25, ge=5, le=100, description="words; more is a finding")
    max_parts: int = Field(3, ge=1, le=50, description="more only where facts need them")
    max_length: int = Field(
        2000, ge=60, le=100_000, description="of a part, in UTF-16 code units; never exceeded"
    )
    max_segments: int | None = Field(
        None, ge=1, le=10, description="an SMS channel: segments of a part; never exceeded"
    )
    greeting: Literal["none", "chat", "letter"] = "chat"
    sign_off: bool = False
    emoji: bool = False
    formatting: Literal["plain", "markdown", "mrkdwn"] = Field(
        "plain", description="markup that its texts may hold; escaping is the channel's own work"
    )
    links: Literal["bare", "titled"] = "titled"
    buttons: Literal["native", "text"] = Field(
        "text", description="text: buttons and stars are offered as a line of text"
    )
    paragraphs: Literal["blank_line", "line", "space"] = "blank_line"
    order: tuple[Role, ...] = Field(
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
        description="what is left out here comes at the end",
    )


class Guide(Part):
    """A company's voice."""

    version: Literal[1] = 1
    principles: tuple[Text, ...] = Field((), description="for people: what all rules serve")
    languages: dict[LanguageCode, Language] = {}
    address: dict[LanguageCode, Form] = {}
    serious: Annotated[tuple[MoodLabel, ...], AfterValidator(_stays_serious)] = Field(
        ("frustrated", "angry", "anxious", "urgent"),
        description="no cheer, emoji or exclamation mark; the first three cannot be taken out",
    )
    lexicon: Lexicon = Lexicon()
    customers: dict[LanguageCode, Heard] = Field(
        default={}, description="what customers say here, for the understanding"
    )
    greetings: dict[Literal["chat", "letter"], Greeting] = {}
    openers: Openers = Openers()
    asking: Asking = Asking()
    honesty: Honesty = Honesty()
    channels: dict[str, ChannelGuide] = Field(
        default={}, description="by a channel's name; `default` for all others"
    )

    def channel(self, name: str) -> ChannelGuide:
        """How ``name`` is written: its own words over those of ``default``."""
        default = self.channels.get("default", ChannelGuide())
        own = self.channels.get(name)
        if own is None:
            return default
        return default.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


def schema() -> dict[str, Json]:
    """The JSON Schema (draft 2020-12) of a guide's file."""
    made: dict[str, Any] = Guide.model_json_schema()
    long_form = made["$defs"]["Phrase"]
    short_form = {"type": "string", "minLength": 1, "maxLength": 200}
    made["$defs"]["Phrase"] = {"anyOf": [short_form, long_form]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
