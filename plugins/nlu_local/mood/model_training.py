"""Makes ``data/mood.npz``, the coefficients of `MoodModel`. Run by ``make train-mood``:

    python -m plugins.nlu_local.mood.model_training GOEMOTIONS.csv CLINC150.csv BANKING77.csv

It learns moods, stepping back and harm from the sentences in ``sentences/``, written for this
project, with the requests of CLINC150 and BANKING77 as further calm ones (columns ``text`` and
``intent``); and the tone, which ranks, from GoEmotions (see `tone_training`). No sentence is kept.
With the same files, phrases and versions the result is the same in every run.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway import MoodLabel

from ..features import Floats
from ..language import DEFAULT_LANGUAGES, LanguageDetector
from ..phrases import PHRASE_FILES, load_phrases
from ..protocol import MessageInContext
from ..reader import mood_context
from ..universal import UniversalEncoder
from .model import BALANCE, EMBEDDING_SCALE, MOOD_FILE, MoodInputs, MoodModel, PhraseVotes
from .reading import MoodReader
from .signs import BUCKETS, MOODS, GramBuckets, mood_text
from .tone_training import NEEDS_PERSON

SENTENCES = Path(__file__).with_name("sentences")

GLAD = frozenset({
    *("joy", "love", "admiration", "gratitude", "excitement", "amusement", "pride", "relief"),
})  # fmt: skip
"""Labels of GoEmotions for someone glad: the second tone."""

DANGERS = ("harm", "danger", "grave", "anxious_person", "mixed", "child")
"""Kinds of upset sentences that may tell of harm: they are no examples against it."""

CALM_REQUESTS = 1_500
"""Rows of each public file that join the calm sentences; more do not help other languages."""

MAYBE_HARM = frozenset({
    *("compromised_card", "lost_or_stolen_card", "lost_or_stolen_phone", "report_fraud"),
    *("cash_withdrawal_not_recognised", "card_payment_not_recognised", "report_lost_card"),
    *("direct_debit_payment_not_recognised", "account_blocked", "freeze_account"),
})  # fmt: skip
"""Intents of the public requests that may tell of money leaving at this moment."""

TONE_COMMENTS = 21_705
"""Comments that the tone is learnt from: half of GoEmotions, every second one."""

SCALED_COMMENTS = 4_000
"""Of these, those whose phrases say how far their evidence spreads."""

TONE_STRENGTH = 0.002
"""scikit-learn's C. Weak weights are right for other languages, strong ones for the comments."""

NETWORKS, HIDDEN = 5, 128
MOOD_ROUNDS, HARM_ROUNDS = 20, 15
DECAY = 0.01
"""scikit-learn's ``alpha``."""

GRAM_STRENGTH = 30.0
"""scikit-learn's C for the n-grams."""

HARM_ALARMS = 0.004
"""The share of harmless rows, unseen in cross-validation, above the threshold of harm."""

DISTRESS_AT = ((0.5, 0.05), (0.997, 0.75))
"""Shares of the calm sentences, and the distress that is not exceeded by them."""

FOLDS, SEED, BATCH = 3, 0, 64

Flags = NDArray[np.bool_]


class Sentence(NamedTuple):
    """A training sentence. Where ``mood`` is None it only teaches harm, and ``step_back`` means
    nothing."""

    text: str
    mood: MoodLabel | None
    step_back: bool
    harm: bool | None
    """None: it may tell of harm, and nobody said whether it does."""


def read_sentences(folder: Path) -> Iterator[Sentence]:
    """The sentences of this package, in the order of the files' names."""
    for path in sorted(folder.glob("calm*.txt")):
        for line in path.read_text("utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                yield Sentence(line.strip(), "calm", step_back=False, harm=False)
    for path in sorted(folder.glob("moods*.csv")):
        for row in _rows(path):
            mood: Any = row["moods"].split("|")[0]
            danger = any(kind in row["kind"] for kind in DANGERS)
            sure_harm = "harm" in row["kind"] or "danger" in row["kind"]
            harm = (True if sure_harm else None) if danger else False
            yield Sentence(row["text"], mood, row["escalate"] == "1", harm)
    for path in sorted(folder.glob("harm*.csv")):
        for row in _rows(path):
            yield Sentence(row["text"], None, step_back=False, harm=row["harm"] == "1")


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def read_requests(paths: Iterable[Path]) -> Iterator[Sentence]:
    """`CALM_REQUESTS` of the requests of each file."""
    random = np.random.default_rng(SEED)
    for path in paths:
        rows = list(_rows(path))
        for at in random.permutation(len(rows))[:CALM_REQUESTS]:
            harm = None if rows[at]["intent"] in MAYBE_HARM else False
            yield Sentence(rows[at]["text"], "calm", step_back=False, harm=harm)


class Comments(NamedTuple):
    """Comments of GoEmotions, and whether their writers need a person, or are glad."""

    texts: list[str]
    needs: Flags
    glad: Flags


def read_comments(path: Path) -> Comments:
    """Every second comment of the file."""
    rows = list(_rows(path))[::2][:TONE_COMMENTS]
    labels = [frozenset(row["labels"].split()) for row in rows]
    return Comments(
        [row["text"].replace("[NAME]", "Sam").replace("[RELIGION]", "faith") for row in rows],
        np.array([bool(found & NEEDS_PERSON) for found in labels]),
        np.array([bool(found & GLAD) for found in labels]),
    )


class SignReader:
    """Reads the model's inputs of training texts, as the server does of messages."""

    def __init__(self, folder: Path) -> None:
        phrases = {code: load_phrases(code) for code in PHRASE_FILES}
        greetings = {code: language.greetings for code, language in phrases.items()}
        self._languages = LanguageDetector(DEFAULT_LANGUAGES, greetings, None)
        self.encoder = UniversalEncoder(folder)
        self._moods = MoodReader(phrases, encoder=self.encoder)

    def inputs(self, texts: Sequence[str]) -> MoodInputs:
        parts = [self._batch(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        return MoodInputs(
            np.concatenate([part.embeddings for part in parts]),
            np.concatenate([part.signs for part in parts]),
            [found for part in parts for found in part.grams],
            PhraseVotes(*map(np.concatenate, zip(*(part.votes for part in parts), strict=True))),
        )

    def _batch(self, texts: Sequence[str]) -> MoodInputs:
        languages = self._languages.detect_all(texts)
        return self._moods.inputs(
            [
                mood_context(MessageInContext(text), language, shares)
                for text, (language, shares) in zip(texts, languages, strict=True)
            ]
        )

    def embeddings(self, texts: Sequence[str]) -> Floats:
        batches = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
        return np.concatenate(
            [self.encoder.encode([mood_text(text) for text in batch]) for batch in batches]
        )


def learn_moods(
    reader: SignReader,
    rows: Sequence[Sentence],
    comments: Comments,
) -> dict[str, NDArray[Any]]:
    """The arrays of `MOOD_FILE`."""
    tone = _learn_tone(reader, comments)
    inputs = reader.inputs([row.text for row in rows])
    scaled = inputs.embeddings * np.float32(EMBEDDING_SCALE)
    tones = scaled @ tone["tone_weights"] + tone["tone_bias"]
    signs = np.hstack([scaled, inputs.signs, tones]).astype(np.float32)
    grams = _gram_matrix(inputs.grams)

    of_mood = np.array([row.mood is not None for row in rows])
    classes = [f"{row.mood}/{int(row.step_back)}" for row in rows if row.mood is not None]
    of_harm = np.array([row.harm is not None for row in rows])
    harm = np.array([bool(row.harm) for row in rows])[of_harm]

    arrays: dict[str, Any] = dict(tone)
    names = sorted(set(classes))
    arrays |= _learn_networks("mood", signs[of_mood], classes, MOOD_ROUNDS)
    arrays |= _learn_networks("harm", signs[of_harm], harm, HARM_ROUNDS)
    mood_grams = _learn_grams(grams[of_mood], classes)
    harm_grams = _learn_grams(grams[of_harm], harm)
    arrays |= _pack_grams(mood_grams, harm_grams)
    arrays["class_moods"] = np.array(
        [[name.split("/")[0] == mood for mood in MOODS] for name in names], np.float16
    )
    arrays["class_step_back"] = np.array([name.endswith("1") for name in names], np.float16)
    shares = np.array([np.mean([n.split("/")[0] == mood for n in classes]) for mood in MOODS])
    arrays["balance"] = (np.maximum(shares, 1e-3) ** -BALANCE).astype(np.float32)
    arrays["harm_scale"] = _harm_scale(signs[of_harm], grams[of_harm], harm)
    some = reader.inputs(comments.texts[:SCALED_COMMENTS])
    arrays["rank_scale"] = np.array(some.votes.ranking.std(), np.float32)
    arrays["distress_scale"] = np.array([1.0, 0.0], np.float32)
    calm_rows = np.array([row.mood == "calm" for row in rows])
    arrays["distress_scale"] = _distress_scale(MoodModel(arrays), _taken(inputs, calm_rows))
    return arrays


def _learn_tone(reader: SignReader, comments: Comments) -> dict[str, Floats]:
    """Two directions of the embedding: needing a person, and being glad; of deviation 1."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    scaled = reader.embeddings(comments.texts) * np.float32(EMBEDDING_SCALE)
    weights, biases = [], []
    for flags in (comments.needs, comments.glad):
        fitted = LogisticRegression(C=TONE_STRENGTH, max_iter=300).fit(scaled, flags)
        spread = fitted.decision_function(scaled).std()
        weights.append(fitted.coef_[0] / spread)
        biases.append(fitted.intercept_[0] / spread)
    return {
        "tone_weights": np.array(weights, np.float32).T.copy(),
        "tone_bias": np.array(biases, np.float32),
    }


def _learn_networks(name: str, signs: Floats, target: Any, rounds: int) -> dict[str, Floats]:
    fitted = _fit_networks(signs, target, rounds)
    return {
        f"{name}_first": np.array([net.coefs_[0] for net in fitted], np.float16),
        f"{name}_first_bias": np.array([net.intercepts_[0] for net in fitted], np.float16),
        f"{name}_second": np.array([net.coefs_[1] for net in fitted], np.float16),
        f"{name}_second_bias": np.array([net.intercepts_[1] for net in fitted], np.float16),
    }


def _fit_networks(signs: Floats, target: Any, rounds: int) -> list[Any]:
    import warnings  # noqa: PLC0415

    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  (slow to import)
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    with warnings.catch_warnings():
        # To stop early is what keeps them from learning the sentences by heart.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [
            MLPClassifier(
                (HIDDEN,),
                alpha=DECAY,
                max_iter=rounds,
                batch_size=min(128, len(signs)),
                random_state=seed,
            ).fit(signs, target)
            for seed in range(NETWORKS)
        ]


def _learn_grams(grams: Any, target: Any) -> tuple[Floats, Floats]:
    """The weights, a column for each class (one where there are two classes), and the biases."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    fitted = LogisticRegression(C=GRAM_STRENGTH, max_iter=150).fit(grams, target)
    return fitted.coef_.T.astype(np.float32), fitted.intercept_.astype(np.float32)


def _pack_grams(*learnt: tuple[Floats, Floats]) -> dict[str, NDArray[Any]]:
    """The weights of all in bytes, with a scale for each column."""
    weights = np.hstack([weights for weights, _ in learnt])
    scale = np.abs(weights).max(axis=0) / 127
    return {
        "gram_weights": np.round(weights / scale).astype(np.int8),
        "gram_scale": scale.astype(np.float32),
        "gram_bias": np.concatenate([bias for _, bias in learnt]),
    }


def _gram_matrix(grams: Sequence[GramBuckets]) -> Any:
    """What `MoodModel` adds up, as a sparse matrix: n-grams of one kind have length 1 together."""
    from scipy.sparse import coo_matrix  # noqa: PLC0415  (slow to import)

    owners: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for at, found in enumerate(grams):
        for kind in found:
            owners += [at] * len(kind)
            columns += kind
            values += [len(kind) ** -0.5] * len(kind)
    shape = (len(grams), BUCKETS)
    return coo_matrix((np.array(values, np.float32), (owners, columns)), shape=shape).tocsr()


def _harm_scale(signs: Floats, grams: Any, harm: Flags) -> Floats:
    """Slope and offset by which the score of harm is 0.5 at the threshold.

    The threshold is exceeded by `HARM_ALARMS` of the harmless rows, each judged by a model that
    has not seen it."""
    folds = np.random.default_rng(SEED).integers(FOLDS, size=len(harm))
    unseen = np.zeros(len(harm), np.float32)
    for fold in range(FOLDS):
        kept, rest = folds != fold, folds == fold
        for network in _fit_networks(signs[kept], harm[kept], HARM_ROUNDS)[:2]:
            odds = network.predict_proba(signs[rest])[:, 1].clip(1e-6, 1 - 1e-6)
            unseen[rest] += np.log(odds / (1 - odds)) / 2
        weights, bias = _learn_grams(grams[kept], harm[kept])
        unseen[rest] += (grams[rest] @ weights + bias)[:, 0]
    threshold = float(np.quantile(unseen[~harm], 1 - HARM_ALARMS))
    found = float(np.mean(unseen[harm] >= threshold))
    sys.stdout.write(f"harm, unseen: recall {found:.3f} at {HARM_ALARMS} alarms\n")
    return np.array([1.0, -threshold], np.float32)


def _distress_scale(model: MoodModel, calm: MoodInputs) -> Floats:
    """Slope and offset by which calm sentences have the distress of `DISTRESS_AT`."""
    (low, low_distress), (high, high_distress) = DISTRESS_AT
    shown = model.judge(calm).distress.astype(np.float64).clip(1e-6, 1 - 1e-6)
    order = np.log(shown / (1 - shown))
    from_order, to_order = np.quantile(order, [low, high])
    wanted = [float(np.log(d / (1 - d))) for d in (low_distress, high_distress)]
    slope = (wanted[1] - wanted[0]) / (to_order - from_order)
    return np.array([slope, wanted[0] - slope * from_order], np.float32)


def _taken(inputs: MoodInputs, kept: Flags) -> MoodInputs:
    grams = [found for found, take in zip(inputs.grams, kept, strict=True) if take]
    return MoodInputs(inputs.embeddings[kept], inputs.signs[kept], grams, inputs.votes.taken(kept))


def main() -> None:
    goemotions, *requests = [Path(name) for name in sys.argv[1:]]
    with TemporaryDirectory() as folder:
        arrays = learn_moods(
            SignReader(Path(folder)),
            list(dict.fromkeys([*read_sentences(SENTENCES), *read_requests(requests)])),
            read_comments(goemotions),
        )
    sources = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(
            [goemotions, *requests, *SENTENCES.glob("*.txt"), *SENTENCES.glob("*.csv")]
        )
    }
    arrays["sources"] = np.frombuffer(json.dumps(sources).encode(), np.uint8)
    target = Path(__file__).parents[1] / "data" / MOOD_FILE
    np.savez_compressed(target, allow_pickle=False, **arrays)
    sys.stdout.write(f"{target.name}: {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
