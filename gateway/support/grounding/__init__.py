"""Whether a text that a model wrote is said by its source."""

from gateway.support.grounding.cited import cited_spans, split_cited
from gateway.support.grounding.comparing import (
    Contradiction,
    SourceText,
    clause_contradictions,
    contradictions,
)
from gateway.support.grounding.concepts import LANGUAGES, Concept, concepts_in, restrictions_in
from gateway.support.grounding.figures import (
    StatedFigure,
    figures_in,
    same_figure,
    unsupported_figures,
)
from gateway.support.grounding.literal import (
    grounded,
    keeps_words,
    links_in,
    shared_words,
    stems,
)
from gateway.support.grounding.polarity import clauses, denies, sentence_spans
from gateway.support.grounding.wording import (
    ContentWord,
    content_words,
    likeable_words,
    same_word,
    source_words,
    unmatched,
)

__all__ = [
    "LANGUAGES",
    "Concept",
    "ContentWord",
    "Contradiction",
    "SourceText",
    "StatedFigure",
    "cited_spans",
    "clause_contradictions",
    "clauses",
    "concepts_in",
    "content_words",
    "contradictions",
    "denies",
    "figures_in",
    "grounded",
    "keeps_words",
    "likeable_words",
    "links_in",
    "restrictions_in",
    "same_figure",
    "same_word",
    "sentence_spans",
    "shared_words",
    "source_words",
    "split_cited",
    "stems",
    "unmatched",
    "unsupported_figures",
]
