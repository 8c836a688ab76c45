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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gateway import MoodLabel

from ..features import Floats
from ..language import DEFAULT_LANGUAGES, LanguageDetector
from ..phrases import PHRASE_FILES, load_phrases
from ..protocol import MessageInContext
from ..reader import mood_context
from ..universal import UniversalEncoder
from .concepts import CONCEPT_ROWS, concept_buckets, concepts_of, group_pieces
from .model import BALANCE, EMBEDDING_SCALE, MOOD_FILE, MoodInputs, MoodModel, PhraseVotes
from .reading import MoodReader
from .signs import BUCKETS, MOODS, mood_text
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

LINEAR_STRENGTH = 30.0
"""scikit-learn's C for the n-grams and the concepts."""

HARM_ALARMS = 0.004
"""The share of harmless rows, unseen in cross-validation, above the threshold of harm."""

DISTRESS_AT = ((0.5, 0.05), (0.997, 0.75))
"""Shares of the calm sentences, and the distress that is not exceeded by them."""

FOLDS, JUDGES, SEED, BATCH = 3, 2, 0, 64
"""One of `FOLDS` parts of the rows is held out for the threshold of harm, and judged by as many
networks."""

JOBS = -1
"""joblib's ``n_jobs``: a process for each processor. It changes no result."""

T = TypeVar("T")

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
            [found for part in parts for found in part.pieces],
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
    groups: NDArray[np.uint16],
) -> dict[str, NDArray[Any]]:
    """The arrays of `MOOD_FILE`; ``groups`` are those of `group_pieces`."""
    tone = _learn_tone(reader, comments)
    inputs = reader.inputs([row.text for row in rows])
    scaled = inputs.embeddings * np.float32(EMBEDDING_SCALE)
    tones = scaled @ tone["tone_weights"] + tone["tone_bias"]
    signs = np.hstack([scaled, inputs.signs, tones]).astype(np.float32)
    grams = _row_matrix(inputs.grams, BUCKETS)
    concepts = _concept_matrix(inputs.pieces, groups)

    of_mood = np.array([row.mood is not None for row in rows])
    classes = [f"{row.mood}/{int(row.step_back)}" for row in rows if row.mood is not None]
    of_harm = np.array([row.harm is not None for row in rows])
    harm = np.array([bool(row.harm) for row in rows])[of_harm]

    arrays: dict[str, Any] = dict(tone)
    names = sorted(set(classes))
    arrays |= _learn_networks("mood", signs[of_mood], classes, MOOD_ROUNDS)
    arrays |= _learn_networks("harm", signs[of_harm], harm, HARM_ROUNDS)
    kinds = {"gram": grams, "concept": concepts}
    calls = [(found[of_mood], classes) for found in kinds.values()]
    calls += [(found[of_harm], harm) for found in kinds.values()]
    learnt = _in_parallel(_learn_linear, calls)
    for at, name in enumerate(kinds):
        arrays |= _pack_linear(name, learnt[at], learnt[at + len(kinds)])
    arrays["concepts"] = groups
    arrays["class_moods"] = np.array(
        [[name.split("/")[0] == mood for mood in MOODS] for name in names], np.float16
    )
    arrays["class_step_back"] = np.array([name.endswith("1") for name in names], np.float16)
    shares = np.array([np.mean([n.split("/")[0] == mood for n in classes]) for mood in MOODS])
    arrays["balance"] = (np.maximum(shares, 1e-3) ** -BALANCE).astype(np.float32)
    calm = np.array([row.mood == "calm" for row in rows])
    linear = (grams[of_harm], concepts[of_harm])
    arrays["harm_scale"] = _harm_scale(signs[of_harm], linear, harm, calm[of_harm])
    some = reader.inputs(comments.texts[:SCALED_COMMENTS])
    arrays["rank_scale"] = np.array(some.votes.ranking.std(), np.float32)
    arrays["distress_scale"] = np.array([1.0, 0.0], np.float32)
    arrays["distress_scale"] = _distress_scale(MoodModel(arrays), _taken(inputs, calm))
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
    fitted = _fit_networks(signs, target, rounds, NETWORKS)
    return {
        f"{name}_first": np.array([net.coefs_[0] for net in fitted], np.float16),
        f"{name}_first_bias": np.array([net.intercepts_[0] for net in fitted], np.float16),
        f"{name}_second": np.array([net.coefs_[1] for net in fitted], np.float16),
        f"{name}_second_bias": np.array([net.intercepts_[1] for net in fitted], np.float16),
    }


def _fit_networks(signs: Floats, target: Any, rounds: int, count: int) -> list[Any]:
    """``count`` networks, learnt from the seeds 0, 1, ..."""
    return _in_parallel(_fit_network, [(signs, target, rounds, seed) for seed in range(count)])


def _in_parallel(compute: Callable[..., T], calls: Sequence[tuple[Any, ...]]) -> list[T]:
    """The results in order, computed by `JOBS` processes: they do not depend on each other."""
    from joblib import Parallel, delayed  # noqa: PLC0415  (slow to import)

    return list(Parallel(n_jobs=JOBS)(delayed(compute)(*call) for call in calls))


def _fit_network(signs: Floats, target: Any, rounds: int, seed: int) -> Any:
    import warnings  # noqa: PLC0415

    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  (slow to import)
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    with warnings.catch_warnings():
        # To stop early is what keeps them from learning the sentences by heart.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier(
            (HIDDEN,),
            alpha=DECAY,
            max_iter=rounds,
            batch_size=min(128, len(signs)),
            random_state=seed,
        ).fit(signs, target)


def _learn_linear(rows: Any, target: Any) -> tuple[Floats, Floats]:
    """The weights, a column for each class (one where there are two classes), and the biases."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    fitted = LogisticRegression(C=LINEAR_STRENGTH, max_iter=150).fit(rows, target)
    return fitted.coef_.T.astype(np.float32), fitted.intercept_.astype(np.float32)


def _pack_linear(name: str, *learnt: tuple[Floats, Floats]) -> dict[str, NDArray[Any]]:
    """The weights of all in bytes, with a scale for each column."""
    weights = np.hstack([weights for weights, _ in learnt])
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    return {
        f"{name}_weights": np.round(weights / scale).astype(np.int8),
        f"{name}_scale": scale.astype(np.float32),
        f"{name}_bias": np.concatenate([bias for _, bias in learnt]),
    }


def _concept_matrix(pieces: Sequence[Sequence[int]], groups: NDArray[np.uint16]) -> Any:
    buckets = [concept_buckets(concepts_of(each, groups)) for each in pieces]
    return _row_matrix(buckets, CONCEPT_ROWS)


def _row_matrix(found: Sequence[tuple[Any, ...]], size: int) -> Any:
    """What `MoodModel` adds up, as a sparse matrix with ``size`` columns: the rows of one kind
    have length 1 together."""
    from scipy.sparse import coo_matrix  # noqa: PLC0415  (slow to import)

    owners: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for at, kinds in enumerate(found):
        for kind in kinds:
            owners += [at] * len(kind)
            columns += [int(row) for row in kind]
            values += [max(len(kind), 1) ** -0.5] * len(kind)
    shape = (len(found), size)
    return coo_matrix((np.array(values, np.float32), (owners, columns)), shape=shape).tocsr()


def _harm_scale(signs: Floats, linear: Sequence[Any], harm: Flags, calm: Flags) -> Floats:
    """Slope and offset by which the score of harm is 0.5 at the threshold.

    The threshold is exceeded by `HARM_ALARMS` of the harmless rows of a third that the models
    judging it have not seen. ``linear`` are the rows of the linear models."""
    rest = np.random.default_rng(SEED).integers(FOLDS, size=len(harm)) == 0
    networks = _fit_networks(signs[~rest], harm[~rest], HARM_ROUNDS, JUDGES)
    learnt = _in_parallel(_learn_linear, [(rows[~rest], harm[~rest]) for rows in linear])
    unseen = np.zeros(int(rest.sum()), np.float32)
    for network in networks:
        odds = network.predict_proba(signs[rest])[:, 1].clip(1e-6, 1 - 1e-6)
        unseen += np.log(odds / (1 - odds)) / len(networks)
    for rows, (weights, bias) in zip(linear, learnt, strict=True):
        unseen += (rows[rest] @ weights + bias)[:, 0]
    harm, calm = harm[rest], calm[rest]
    threshold = float(np.quantile(unseen[~harm], 1 - HARM_ALARMS))
    for least in threshold + np.arange(0.0, -6.0, -0.5):
        shares = (np.mean(unseen[rows] >= least) for rows in (harm, calm & ~harm, ~calm & ~harm))
        found, requests, others = shares
        sys.stdout.write(
            f"harm, unseen, {least - threshold:+.1f}: recall {found:.3f}, "
            f"alarms {requests:.4f} of calm requests, {others:.4f} of others\n"
        )
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
    pieces = [found for found, take in zip(inputs.pieces, kept, strict=True) if take]
    votes = inputs.votes.taken(kept)
    return MoodInputs(inputs.embeddings[kept], inputs.signs[kept], grams, pieces, votes)


def main() -> None:
    goemotions, *requests = [Path(name) for name in sys.argv[1:]]
    with TemporaryDirectory() as folder:
        reader = SignReader(Path(folder))
        arrays = learn_moods(
            reader,
            list(dict.fromkeys([*read_sentences(SENTENCES), *read_requests(requests)])),
            read_comments(goemotions),
            group_pieces(reader.encoder.piece_table()),
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
