"""What a message asks: several questions at once, the rest of an earlier question, or one matter in
one sentence and another in the next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import NamedTuple, Protocol

from gateway import Guess, Question, SentenceIntent

from .phrases import LanguagePhrases
from .protocol import MessageInContext
from .text import MAX_CHARACTERS, WordToken, tokenize

MAX_QUESTIONS = 4
PREVIOUS_CHARACTERS = 300
"""Characters of the previous message that are read again."""

MIN_WORDS = 2
"""Words of a question that can stand alone."""

MIN_CONFIDENCE = 0.6
"""A question needs this confidence to be one of several. A message with this confidence needs
nothing of the previous message."""

MAX_FOLLOW_UP = 9
"""Words of a question that is only the rest of an earlier one."""

_POINTING = """
    that it this they them those these there one
    das es dies diese dort dahin dorthin dafür davon damit dazu
    ça cela ceci celui celle ceux là
    eso esto ese esa esos esas allí ahí
    questo quello lì dat dit daar hiervoor daarvoor isso isto lá ali
"""
"""Words that point to what was said before, in the languages of the phrases."""
_ASPECTS = """
    long much many cost costs price fee when take takes pay pays expensive cheaper
    lange kostet kosten dauert dauern wann viel teuer preis zahlt bezahlt billiger
    combien coûte coûtent prix temps prend prennent quand dure cher paie
    cuánto cuánta cuesta cuestan tarda tardan cuándo precio vale caro paga
    quanto costa tempo quando prezzo duur hoelang hoeveel kost kosten wanneer custa demora preço
"""
"""Words that ask how long, how much or when, of whatever the conversation is about."""
_FILLERS = """
    and but so how what which who does do did is are was will would be for about the a an to of
    in on then usually normally roughly exactly please me i you we need have ok okay well again
    und aber also wie was wer denn dann so ist sind wird würde wäre für die der den es man sie ich
    bitte ungefähr etwa circa normalerweise genau ok mich mir noch
    et mais alors comment est ce que qui quel quelle sera serait pour le la les de du il elle on
    en y à peu près environ svp normalement se
    y pero entonces cómo qué quién es son será sería para por el la los las de se me lo más menos
    aproximadamente normalmente favor en
    e ma come che è sono per il ci vuole en maar hoe wat is het mas como é fica
"""
"""Words that name no matter."""

MIN_CONFIDENCE_BEFORE = 0.5
"""The previous message needs this confidence to be what a follow-up asks about."""

_CONTRASTS = "but because aber sondern weil mais car pero sino porque ma maar want mas"
"""Words between two parts of a sentence of which one may deny what the other says not."""
_THANKS = "thanks thank thx danke dank merci gracias grazie bedankt dank obrigado obrigada tack"
_MUCH = """
    you u very so much a lot again all sehr schön vielmals euch ihnen beaucoup bien infiniment mille
    muchas tante wel u hartelijk muito så mycket
"""
_FOR = "for für fürs dass pour avoir por per voor för"
"""`Thanks`, how much, `for`: in this order, what follows is done. `Merci d'annuler` asks for it."""

MAX_SENTENCES = 12
"""Sentences of a message that are read alone: half from its beginning, half from its end."""

_SENTENCE_END = re.compile(r"[?？؟!.。…\n]+(?=\s|$|[¿])|[。！？؟]+")
UNSPACED = re.compile(r"[぀-ヿ㐀-鿿]{4}")
"""Several words where no spaces are written."""

Span = tuple[int, int]
"""Start and end (exclusive) of a question in its message."""


class MessageTopic(NamedTuple):
    """What a message is about; as in `Insight`."""

    ranking: tuple[Guess, ...] | None
    questions: tuple[Question, ...] = ()
    sentences: tuple[SentenceIntent, ...] = ()


class RankedMessage(NamedTuple):
    """A message and all rankings that may decide its topic.

    ``before`` ranks an earlier message, if this one may ask about its matter. Of a question
    (``before_asks``) it always does; a statement (`I want to return this bag`) has to fit, which
    ``together`` shows: the ranking of both as one text.
    """

    text: str
    alone: tuple[Guess, ...]
    spans: Sequence[Span]
    apart: Sequence[tuple[Guess, ...]]
    together: tuple[Guess, ...] | None
    before: tuple[Guess, ...] | None
    before_asks: bool


class IntentRanker(Protocol):
    """Ranks the intents of texts, best first."""

    def core(self, text: str) -> Span:
        """The part of ``text`` that is about something: without a greeting and a signature."""
        ...

    def rank_all(self, texts: Sequence[str]) -> list[tuple[Guess, ...]]: ...


class SentenceReading(NamedTuple):
    """A sentence and what tells whether it denies or thanks for what it names.

    ``others`` is its parts without negation and thanks; ``affirmed`` the sentence without its
    negations. None: it has no such parts, or no negation.
    """

    text: str
    doubtful: bool = False
    others: str | None = None
    affirmed: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for text in (self.text, self.others, self.affirmed) if text)

    def guess(self, rankings: Iterator[tuple[Guess, ...]]) -> Guess | None:
        """What it is about, by the ``rankings`` of `texts`. None: it denies the intent (`I have no
        complaint`), because it shows it no less without the negation, unlike `it did not arrive`;
        or it thanks for what was done."""
        guess = next(rankings)[0]
        others = _confidence(guess.name, next(rankings)) if self.others else 0.0
        affirmed = _confidence(guess.name, next(rankings)) if self.affirmed else 1.0
        stands = not self.doubtful or others >= MIN_CONFIDENCE or affirmed < guess.confidence
        return guess if stands else None


class QuestionFinder:
    """Finds questions by the words that begin them, and by those that continue an earlier one."""

    def __init__(self, phrases: Mapping[str, LanguagePhrases]) -> None:
        self._starts = frozenset(
            key for language in phrases.values() for key in language.question_starts
        )
        self._joiners = frozenset(
            key for language in phrases.values() for key in language.question_joiners
        )
        self._negations = frozenset(
            key for language in phrases.values() for key in language.negations
        )
        self._contrasts = self._joiners | _keys(_CONTRASTS)
        self._thanks, self._much, self._for = _keys(_THANKS), _keys(_MUCH), _keys(_FOR)
        self._pointing, self._aspects = _keys(_POINTING), _keys(_ASPECTS)
        self._generic = self._pointing | self._aspects | self._joiners | _keys(_FILLERS)

    def topics(
        self, messages: Sequence[MessageInContext], intents: IntentRanker
    ) -> list[MessageTopic]:
        """The topic of each message, alone or together with the previous message."""
        spans = [self.question_spans(message.text) for message in messages]
        sentences = [self._sentence_spans(message.text, intents) for message in messages]
        readings = [
            [self._reading(message.text[start:end].rstrip(" .。")) for start, end in found]
            for message, found in zip(messages, sentences, strict=True)
        ]
        joined = [self._with_previous(message) for message in messages]
        texts = [message.text for message in messages]
        texts += [
            message.text[start:end]
            for message, found in zip(messages, spans, strict=True)
            for start, end in found
        ]
        texts += [text for text in joined if text]
        asked_of = [self._topic_before(message) for message in messages]
        texts += [text for text in asked_of if text]
        texts += [text for each in readings for reading in each for text in reading.texts]
        rankings = iter(intents.rank_all(texts) if texts else ())
        alone = [next(rankings) for _ in messages]
        apart = [[next(rankings) for _ in found] for found in spans]
        together = [next(rankings) if text else None for text in joined]
        before = [next(rankings) if text else None for text in asked_of]
        guesses = [[reading.guess(rankings) for reading in each] for each in readings]
        asks = [bool(text) and self._is_question(text or "") for text in asked_of]
        texts = [message.text for message in messages]
        parts = zip(texts, alone, spans, apart, together, before, asks, strict=True)
        topics = [_choose_topic(RankedMessage(*part)) for part in parts]
        return [
            topic._replace(sentences=_other_matters(topic, found, guessed))
            for topic, found, guessed in zip(topics, sentences, guesses, strict=True)
        ]

    def question_spans(self, text: str) -> list[Span]:
        """The questions of ``text`` when there are two to `MAX_QUESTIONS`, else none."""
        found = [
            part
            for sentence in _sentences(text[:MAX_CHARACTERS])
            for part in self._split(text, sentence)
            if self._is_question(text[part[0] : part[1]])
        ]
        return found if 2 <= len(found) <= MAX_QUESTIONS else []

    def _sentence_spans(self, text: str, intents: IntentRanker) -> list[Span]:
        """The sentences of ``text`` that may be about something, when there are several, else none;
        at most `MAX_SENTENCES`."""
        if _SENTENCE_END.search(text) is None:
            return []
        first, last = intents.core(text) if len(text) <= MAX_CHARACTERS else (0, len(text))
        spans = [(start, end) for start, end in _sentences(text) if start < last and first < end]
        found = [
            _stripped(text, start, end)
            for start, end in _both_ends(spans, 2 * MAX_SENTENCES)
            if self._says_something(text[start:end])
        ]
        return _both_ends(found, MAX_SENTENCES) if len(found) > 1 else []

    def _reading(self, text: str) -> SentenceReading:
        """``text``, a sentence without its full stop, as the examples and moods are read."""
        words = tokenize(text)
        denies = any(word.key in self._negations for word in words)
        if not denies and not self._gives_thanks(words):
            return SentenceReading(text)
        starts = [
            at
            for at, word in enumerate(words)
            if at and (word.clause != words[at - 1].clause or word.key in self._contrasts)
        ]
        parts = [words[start:end] for start, end in pairwise((0, *starts, len(words)))]
        others = [
            text[part[0].start : part[-1].end]
            for part in parts
            if not self._gives_thanks(part) and self._negations.isdisjoint(w.key for w in part)
        ]
        affirmed = text
        for word in reversed(words):
            if word.key in self._negations:
                affirmed = affirmed[: word.start] + affirmed[word.end :].lstrip()
        return SentenceReading(
            text, True, ", ".join(others) or None, affirmed.strip() if denies else None
        )

    def _gives_thanks(self, words: Sequence[WordToken]) -> bool:
        """Whether ``words`` begin with thanks for something."""
        rest = iter(words[:MAX_FOLLOW_UP])
        if not any(word.key in self._thanks for word in islice(rest, 3)):
            return False
        after = next((word.key for word in rest if word.key not in self._much), None)
        return after in self._for or (after == "d" and next(rest, words[0]).key in self._for)

    def _says_something(self, text: str) -> bool:
        """Whether ``text`` has words that may name a matter."""
        words = [word.key for word in tokenize(text)]
        enough = len(words) >= MIN_WORDS or UNSPACED.search(text) is not None
        return enough and not self._generic.issuperset(words)

    def _with_previous(self, message: MessageInContext) -> str | None:
        """The previous message and this one, when this one is only the rest of a question (`and to
        Canada?`), or a short question that points to it (`can I do that online?`)."""
        if not message.previous_texts:
            return None
        matter = self._matter_before(message)
        words = tokenize(message.text)
        continues = 2 <= len(words) <= 7 and words[0].key in self._joiners
        points = len(words) <= MAX_FOLLOW_UP and any(w.key in self._pointing for w in words)
        points = points and self._is_question(message.text)
        if not continues and not (points and matter):
            return None
        previous = matter or message.previous_texts[0]
        return f"{previous[-PREVIOUS_CHARACTERS:]} {message.text}"

    def _topic_before(self, message: MessageInContext) -> str | None:
        """The earlier message about a matter (`do you ship to the US?`) of which this one only asks
        how long, how much or when (`how long does that take?`)."""
        previous = self._matter_before(message)
        if previous is None:
            return None
        words = tokenize(message.text)
        keys = {word.key for word in words}
        if len(words) > MAX_FOLLOW_UP or not keys & self._aspects or not keys <= self._generic:
            return None
        previous = previous[-PREVIOUS_CHARACTERS:]
        asks_itself = any(word.key in self._aspects for word in tokenize(previous))
        return previous if self._has_matter(previous) and not asks_itself else None

    def _matter_before(self, message: MessageInContext) -> str | None:
        """The last message that was about something: no greeting, thanks or follow-up."""
        return next(filter(self._has_matter, message.previous_texts), None)

    def _has_matter(self, text: str) -> bool:
        """Whether ``text`` says enough to be about something: it is no mere greeting."""
        words = [word.key for word in tokenize(text)]
        return len(words) > MIN_WORDS and not self._generic.issuperset(words)

    def _split(self, text: str, sentence: Span) -> Iterator[Span]:
        """A sentence, cut where it continues with another question (`... and how ...`)."""
        start, end = sentence
        cuts = [
            start + joiner.start
            for joiner, after in pairwise(tokenize(text[start:end]))
            if joiner.start and joiner.key in self._joiners and after.key in self._starts
        ]
        yield from pairwise((start, *cuts, end))

    def _is_question(self, text: str) -> bool:
        words = tokenize(text)
        if len(words) < MIN_WORDS:
            return False
        first = words[1] if words[0].key in self._joiners else words[0]
        return text.rstrip().endswith(("?", "？", "؟")) or first.key in self._starts


def _choose_topic(read: RankedMessage) -> MessageTopic:
    if questions := _distinct_questions(read.text, read.spans, [r[0] for r in read.apart]):
        first = next(ranking for ranking in read.apart if ranking[0] == questions[0].guess)
        return MessageTopic(first, questions)
    alone, together, before = read.alone[0], read.together, read.before
    if before and before[0].confidence >= MIN_CONFIDENCE_BEFORE:
        fits = together is not None and together[0].name == before[0].name
        if read.before_asks or fits:
            return MessageTopic(before)
    unsure = alone.confidence < MIN_CONFIDENCE
    if together and unsure and together[0].confidence > alone.confidence:
        return MessageTopic(together)
    return MessageTopic(read.alone)


def _distinct_questions(
    text: str, spans: Sequence[Span], guesses: Iterable[Guess]
) -> tuple[Question, ...]:
    """The questions, each with another intent; none when one of them is unsure."""
    found: dict[str, Question] = {}
    for (start, end), guess in zip(spans, guesses, strict=True):
        if guess.confidence < MIN_CONFIDENCE:
            return ()
        question = text[start:end].strip()
        begin = text.index(question, start)
        found.setdefault(
            guess.name,
            Question(text=question, start=begin, end=begin + len(question), guess=guess),
        )
    return tuple(found.values()) if len(found) > 1 else ()


def _other_matters(
    topic: MessageTopic, spans: Sequence[Span], guesses: Sequence[Guess | None]
) -> tuple[SentenceIntent, ...]:
    """The sentences that are surely about another intent each than ``topic`` is; of two about the
    same one the surer."""
    sure = topic.ranking and topic.ranking[0].confidence >= MIN_CONFIDENCE
    main = topic.ranking[0].name if topic.ranking and sure else None
    found: dict[str, SentenceIntent] = {}
    for (start, end), guess in zip(spans, guesses, strict=True):
        if guess is None:
            continue
        known = found.get(guess.name)
        surer = known is None or guess.confidence > known.guess.confidence
        if guess.name != main and guess.confidence >= MIN_CONFIDENCE and surer:
            found[guess.name] = SentenceIntent(start=start, end=end, guess=guess)
    return tuple(sorted(found.values(), key=lambda sentence: sentence.start))


def _confidence(name: str, ranking: Sequence[Guess]) -> float:
    return next((guess.confidence for guess in ranking if guess.name == name), 0.0)


def _keys(words: str) -> frozenset[str]:
    return frozenset(word.key for word in tokenize(words))


def _both_ends(spans: list[Span], most: int) -> list[Span]:
    """At most so many: half from the beginning, half from the end."""
    half = most // 2
    return spans if len(spans) <= most else [*spans[:half], *spans[-half:]]


def _stripped(text: str, start: int, end: int) -> Span:
    """Without blanks at both ends."""
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def _sentences(text: str) -> Iterator[Span]:
    start = 0
    for match in _SENTENCE_END.finditer(text):
        yield start, match.end()
        start = match.end()
    if text[start:].strip():
        yield start, len(text)
