"""What a sentence says that its source does not, by rules alone: no encoder, no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from gateway.model import Value
from gateway.support.grounding.concepts import (
    LANGUAGES,
    comes_after,
    concepts_in,
    directions_in,
    modals_in,
    restrictions_in,
)
from gateway.support.grounding.figures import (
    DURATIONS,
    MONEY,
    StatedFigure,
    figures_in,
    units_named,
    unsupported_figures,
)
from gateway.support.grounding.literal import (
    LINKS,
    codes_in,
    grounded,
    links_in,
    mails_in,
    stems,
)
from gateway.support.grounding.meanings import meanings_of
from gateway.support.grounding.polarity import count_denials, denies
from gateway.support.personal_data import PHONE
from gateway.support.statements.claims import claims_in
from gateway.support.statements.phrases import phrases
from gateway.support.statements.text import read_text

Contradiction = Literal[
    "link",
    "address",
    "code",
    "figure",
    "deciding_word",
    "claim",
    "promise",
    "first_person",
    "question",
    "negation",
    "left_out",
    "roles",
    "other_language",
]
"""Why a sentence is not what its source says. ``deciding_word``: see `concepts_in`. ``claim``: that
we did something; ``promise``: that we will. ``left_out``: a condition or a limit of the source is
missing. ``roles``: we and the customer have changed places. ``other_language``: a language without
lists of ours, in which the words differ."""

_PHONE = re.compile(PHONE)
_FIRST_PERSON = {
    "en": r"\b(?:i|i'm|i've|i'll|me|my|mine)\b",
    "de": r"\b(?:ich|mich|mir|mein\w{0,2})\b",
    "fr": r"\b(?:je|j'|moi|m'|mon|mes)\b",
    "es": r"\b(?:yo|mi|mis|me)\b",
}
_WE = {
    "en": r"we|us|our|ours",
    "de": r"wir|uns|unser\w{0,2}",
    "fr": r"nous|notre|nos",
    "es": r"nosotros|nos|nuestr[oa]s?",
}
_YOU = {
    "en": r"you|your|yours",
    "de": r"sie|ihnen|ihr\w{0,2}|du|dich|dir|dein\w{0,2}",
    "fr": r"vous|votre|vos|tu|ton|ta|tes",
    "es": r"usted|ustedes|su|sus|le|les|tu|tus|te",
}
_OPENS_CONDITION = {
    "en": re.compile(r"\W{0,9}(?:if|when|once|provided|as long as|as soon as|in case)\b"),
    "de": re.compile(r"\W{0,9}(?:wenn|falls|sofern|sobald|solange|nachdem|um)\b"),
    "fr": re.compile(
        r"\W{0,9}(?:si|s'il|lorsqu|quand|une fois|tant que|des que|a condition|pour)\b"
    ),
    "es": re.compile(r"\W{0,9}(?:si|cuando|una vez|mientras|siempre que|en caso|para)\b"),
}
_PERFECT = {
    "en": r"\b(?:has|have|had|'ve|'s been|was|were)\b",
    "de": r"\b(?:habe|haben|hat|hatte|wurden?|worden)\b",
    "fr": r"\b(?:j'ai|ai|a|avons|ont|avait|ete)\b",
    "es": r"\b(?:he|ha|hemos|han|habia|sido|fue|fueron)\b",
}
"""What is over: no rule."""
NEARLY_THE_SAME = 0.75
"""Shared words of two sentences that say the same in the same words."""
_NOT_OURS = re.compile(
    r"\b(?:our|unser\w*|notre|nuestr\w+) "
    r"(?:money|card|account|geld|karte|konto|argent|carte|compte|dinero|tarjeta|cuenta)\b"
)
"""What is the customer's."""
_AUXILIARY = frozenset((
    *("can", "may", "will", "would", "have", "are", "do", "does", "should", "need", "want", "get"),
    *("and", "or", "if", "that", "with", "for", "to", "from", "the"),
    *("kann", "konnen", "wird", "werden", "haben", "sind", "wenn", "dass", "ob", "und", "oder"),
    *("an", "auf", "in", "mit", "fur", "von", "zu", "der", "die", "das", "den", "dem"),
    *("avez", "pouvez", "peut", "sont", "si", "que", "et", "ou", "en", "pour", "avec", "par"),
    *("puede", "pueden", "tiene", "tienen", "y", "o", "para", "por", "con", "de", "a"),
    *("les", "le", "la", "el", "los", "las"),
))  # fmt: skip
"""Stands beside either, and says nothing of who does what."""
_STEM = 5
_FAMILIES = (
    frozenset(("spring", "summer", "autumn", "winter")),
    frozenset(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")),
    frozenset(("morning", "afternoon", "evening", "night")),
    frozenset(("daily", "weekly", "monthly", "yearly")),
    frozenset(("first", "second", "third")),
    frozenset(("standard", "express")), frozenset(("small", "large")),
    frozenset(("hot", "cold")), frozenset(("inside", "outside")), frozenset(("left", "right")),
    frozenset(("online", "in_shop")), frozenset(("adult", "child", "student", "senior")),
    frozenset(("black", "white", "red", "green", "blue", "yellow", "grey", "brown")),
)  # fmt: skip
"""Concepts of which one does not stand for another: a part of a sentence and the nearest part of
the source must have the same."""
_LIMITS = frozenset(
    ("unused", "unopened", "member", "new_customer", "adult", "child", "student", "senior",
     "standard", "express", "online", "in_shop", "damaged", "before", "some",
     "once_per", "daily", "weekly", "monthly", "yearly")
)  # fmt: skip
"""Concepts that say to what or whom a statement is limited."""
_AFTER_BOUND = ("least", "most", "after")


class SourceText(Value, frozen=True, kw_only=True):
    """What a sentence rests on. ``evidence``: the sentences that say it. ``context``: what else
    belongs to them (titles, the question, the head of a table). ``language``: ISO 639-1."""

    evidence: str
    context: str = ""
    language: str

    @property
    def text(self) -> str:
        return f"{self.context}\n{self.evidence}"


def contradictions(sentence: str, language: str, source: SourceText) -> tuple[Contradiction, ...]:
    """What ``sentence`` says beyond ``source``; empty: nothing that these rules find.

    Links, addresses, codes and figures must be in the source, and so must every deciding word, in
    whatever language. A sentence that says what we did or will do for this customer, that speaks as
    a person, or that asks is never said by a source, unless the source has the same.
    In a language without lists the words themselves must be the source's: see `grounded`.
    """
    found: list[Contradiction] = []
    whole = source.text
    if not links_in(sentence) <= links_in(whole):
        found.append("link")
    if not mails_in(sentence) <= mails_in(whole) or not _phones(sentence) <= _phones(whole):
        found.append("address")
    if not codes_in(sentence) <= codes_in(whole):
        found.append("code")
    if unsupported_figures(_figures(sentence), (*_figures(whole), *_in_table(source))):
        found.append("figure")
    if language not in LANGUAGES:
        if not grounded(sentence, source.evidence):
            found.append("other_language")
        return tuple(found)
    said, known = _concepts(sentence, language), _concepts(whole, source.language)
    if said - known or _turned_round(sentence, language, source):
        found.append("deciding_word")
    found += _spoken(sentence, language, source)
    if language == source.language and _nearly_the_same(sentence, source.evidence):
        found += _changed_within(sentence, source.evidence, language)
    return tuple(dict.fromkeys(found))


def clause_contradictions(
    clause: str, language: str, source_clause: str, source: SourceText, sentence: str
) -> tuple[Contradiction, ...]:
    """What ``clause``, a part of ``sentence``, turns round in ``source_clause``, the part of the
    source that is nearest to it."""
    found: list[Contradiction] = []
    if _of_another_matter(clause, source_clause):
        found.append("figure")
    said, known = _concepts(clause, language), _concepts(source_clause, source.language)
    if any(said & family - known and known & family for family in _FAMILIES):
        found.append("deciding_word")
    denied = denies(clause, language)
    # A condition put in a clause of its own has its denial, if any, in the other one.
    aside = (
        not denied
        and _opens_condition(clause, language)
        and not _opens_condition(source_clause, source.language)
    )
    if denied != denies(source_clause, source.language) and not aside:
        found.append("negation")
    duties, rights = modals_in(clause, language), modals_in(source_clause, source.language)
    if not denied and len(duties) == len(rights) == 1 and duties != rights:
        found.append("deciding_word")
    if _left_out(sentence, language, source_clause, source.language):
        found.append("left_out")
    if source.language in LANGUAGES and _roles_changed(clause, language, source):
        found.append("roles")
    return tuple(found)


def _opens_condition(clause: str, language: str) -> bool:
    shape = _OPENS_CONDITION.get(language)
    return shape is not None and shape.match(read_text(clause).folded) is not None


def _figures(text: str) -> tuple[StatedFigure, ...]:
    return figures_in(blank_names(text))


def blank_names(text: str) -> str:
    """``text`` with spaces for links, addresses and phone numbers: their digits are no figures."""
    for shape in (*LINKS, _PHONE):
        text = shape.sub(lambda match: " " * len(match[0]), text)
    return text


def _in_table(source: SourceText) -> tuple[StatedFigure, ...]:
    """Bare numbers of the evidence, with each unit that the context names: a table's cells."""
    if " | " not in source.evidence:
        return ()
    units = units_named(source.text)
    bare = [figure for figure in figures_in(source.evidence) if not figure.unit]
    return tuple(figure._replace(unit=unit) for figure in bare for unit in units)


def _phones(text: str) -> set[str]:
    return {re.sub(r"\D", "", match[0]) for match in _PHONE.finditer(text)}


def _concepts(text: str, language: str) -> set[str]:
    return {concept.name for concept in concepts_in(text, language)}


def _spoken(sentence: str, language: str, source: SourceText) -> list[Contradiction]:
    found: list[Contradiction] = []
    folded = read_text(sentence).folded
    evidence = read_text(source.evidence).folded
    known, known_source = phrases(language), phrases(source.language)
    as_a_rule = _as_a_rule(sentence, folded, language, source)
    claimed = claims_in(sentence, language) and not claims_in(source.evidence, source.language)
    if claimed and not as_a_rule:
        found.append("claim")
    commits = known.commits.search(folded) and not known.commits_not.search(folded)
    conditional = known.conditional.search(folded)
    if commits and not conditional and not known_source.commits.search(evidence):
        found.append("promise")
    first = re.search(_FIRST_PERSON[language], folded)
    if first and not re.search(_FIRST_PERSON.get(source.language, r"(?!)"), evidence):
        found.append("first_person")
    if "?" in sentence and "?" not in source.evidence:
        found.append("question")
    return found


def _as_a_rule(sentence: str, folded: str, language: str, source: SourceText) -> bool:
    """Whether a passive tells a rule: ``is refunded within 5 days``, ``is open``."""
    if re.search(_PERFECT[language], folded):
        return False
    hours = {"open", "closed"} & _concepts(sentence, language)
    if hours and hours <= _concepts(source.evidence, source.language):
        return True
    return any(figure.unit in DURATIONS and figure.bound for figure in figures_in(sentence))


def _nearly_the_same(sentence: str, evidence: str) -> bool:
    said, known = stems(sentence), stems(evidence)
    return len(said & known) >= NEARLY_THE_SAME * len(said | known)


def _changed_within(sentence: str, evidence: str, language: str) -> list[Contradiction]:
    """What differs between a sentence and a source in nearly the same words: one `not` of several,
    `winter` twice, `must` for `may`."""
    found: list[Contradiction] = []
    if count_denials(sentence, language) != count_denials(evidence, language):
        found.append("negation")
    said = Counter(concept.name for concept in concepts_in(sentence, language))
    known = Counter(concept.name for concept in concepts_in(evidence, language))
    turned = any(
        read(sentence, language) != read(evidence, language) for read in (modals_in, directions_in)
    )
    if said - known or turned:
        found.append("deciding_word")
    return found


def _turned_round(sentence: str, language: str, source: SourceText) -> bool:
    """``after`` where the source says ``before``."""
    before = "before" in _concepts(source.evidence, source.language)
    kept = "before" in _concepts(sentence, language)
    after = comes_after(sentence, language) and not comes_after(source.evidence, source.language)
    return before and not kept and after


def _of_another_matter(clause: str, source_clause: str) -> bool:
    """Whether ``clause`` has a figure that the nearest part of the source has not, though that has
    another one of the same unit: the days of express delivery for those of the standard one."""
    theirs = _figures(source_clause)
    units = {figure.unit for figure in theirs}
    return any(f.unit in units for f in unsupported_figures(_figures(clause), theirs))


def _left_out(sentence: str, language: str, source_clause: str, source_language: str) -> bool:
    limits = {concept.name for concept in restrictions_in(source_clause, source_language)}
    if limits and not restrictions_in(sentence, language):
        return True
    if (_concepts(source_clause, source_language) & _LIMITS) - _concepts(sentence, language):
        return True
    said = figures_in(sentence)
    bounded = [
        figure
        for figure in figures_in(blank_names(source_clause))
        if figure.bound in _AFTER_BOUND and figure.unit in (*DURATIONS, *MONEY, "%", "")
    ]
    return bool(unsupported_figures([f._replace(bound="") for f in bounded],
                                    [f._replace(bound="") for f in said]))  # fmt: skip


def _roles_changed(clause: str, language: str, source: SourceText) -> bool:
    """Whether a word stands beside `you` that stands beside `we` in the source alone, or the other
    way round: ``we pay the postage``, ``you pay the postage``."""
    across = language != source.language
    if _NOT_OURS.search(read_text(clause).folded) and not _NOT_OURS.search(
        read_text(source.evidence).folded
    ):
        return True
    said = _beside(clause, language, across=across)
    known = _beside(source.evidence, source.language, across=across)
    for mine, other in ((0, 1), (1, 0)):
        if said[mine] & known[other] - known[mine] - said[other]:
            return True
    return False


def _beside(text: str, language: str, *, across: bool) -> tuple[set[str], set[str]]:
    """What stands beside `we` and beside `you` (verbs, and things owned): beginnings of words, or,
    to compare ``across`` languages, the meanings of our list."""
    sequence: Sequence[str] = read_text(text).sequence
    sides: tuple[set[str], set[str]] = (set(), set())
    we, you = re.compile(_WE[language]), re.compile(_YOU[language])
    padded = ("", *sequence, "")
    for before, here, behind in zip(padded, padded[1:], padded[2:], strict=False):
        if language == "es" and here.endswith("mos") and len(here) > _STEM:
            sides[0].update(_keys(here, language, across=across))
        for side, shape in zip(sides, (we, you), strict=True):
            if shape.fullmatch(here):
                for word in (before, behind):
                    if word not in _AUXILIARY and not (we.fullmatch(word) or you.fullmatch(word)):
                        side.update(_keys(word, language, across=across))
    return sides


def _keys(word: str, language: str, *, across: bool) -> set[str]:
    if across:
        concepts = (concept.name for concept in concepts_in(word, language))
        return {*(str(row) for row in meanings_of(word, language)), *concepts}
    return {word[:_STEM]} if len(word) > 2 else set()
