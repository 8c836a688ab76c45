"""Makes ``channels/email/absence/model.npz``, the weights of `AbsenceModel`. Run by
``make train-absence``.

It learns from the mails in ``channels/email/absence/mails``, written for this project, and from
sentences of customers that train moods, as further mails of people. No mail is kept. With the same
files and versions the result is the same in every run.

The threshold is found by cross-validation: for each writer, a model that has not seen their mails
scores them, and a third of the sentences. It lies above every mail of a person and nearly all
sentences.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from channels.email import parse
from channels.email.automatic import (
    BUCKETS,
    FORM_SCALE,
    MODEL_FILE,
    AbsenceModel,
    AbsenceSigns,
    MailFeatures,
    find_signs,
    fixed_reason,
    is_absence_by_rules,
    read_features,
)

ROOT = Path(__file__).parents[2]
MAILS = ROOT / "channels" / "email" / "absence" / "mails"
SENTENCES = ROOT / "plugins" / "nlu_local" / "mood" / "sentences"

WRITERS = ("writer1", "writer2", "writer3")
"""Files of different writers. Those of ``variants`` resemble them, so nothing is measured on it."""
MORE_PEOPLE = 8_000
"""So many sentences of customers join."""
STRENGTH = 100.0
"""scikit-learn's C."""
MARGIN = 0.25
"""How far above the highest score of a person's mail, unseen in cross-validation, the threshold
lies."""
ALARMS = 0.0004
"""The share of the sentences above the threshold, at most. Some are what a mailbox could send."""
SEED = 0


class TrainingMail(NamedTuple):
    """A mail, as the gateway reads it, and who wrote it down."""

    writer: str
    automatic: bool
    subject: str
    text: str
    signs: AbsenceSigns
    features: MailFeatures


def read_mails(folder: Path = MAILS) -> Iterator[TrainingMail]:
    """The mails of the package, each as an answer to one of ours."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row: dict[str, str] = json.loads(line)
            mail = EmailMessage()
            mail["Subject"], mail["From"] = row["subject"], "ines@post.example"
            mail["Auto-Submitted"] = "auto-replied"  # so that the present model is not asked
            mail.set_content(row["text"])
            text = parse(mail.as_bytes(), own_addresses=frozenset()).text
            yield _mail(path.stem, row["kind"] == "automatic", row["subject"], text)


def read_customers(folder: Path = SENTENCES) -> Iterator[TrainingMail]:
    """`MORE_PEOPLE` sentences of customers."""
    found: set[str] = set()
    for path in folder.glob("*.txt"):
        lines = path.read_text("utf-8").splitlines()
        found |= {line.strip() for line in lines if line.strip() and line[0] != "#"}
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            found |= {row["text"] for row in csv.DictReader(file)}
    chosen = random.Random(SEED).sample(sorted(found), min(MORE_PEOPLE, len(found)))  # noqa: S311
    for text in chosen:
        yield _mail("customers", False, "", text)


def _mail(writer: str, automatic: bool, subject: str, text: str) -> TrainingMail:
    signs = find_signs(subject, text, answers_us=True)
    return TrainingMail(
        writer, automatic, subject, text, signs, read_features(subject, text, signs)
    )


def learn(mails: Sequence[TrainingMail]) -> dict[str, NDArray[Any]]:
    """The arrays of `AbsenceModel`, with an infinite threshold."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    fitted = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=SEED, max_iter=300)
    fitted.fit(_matrix(mails), [mail.automatic for mail in mails])
    grams, form = fitted.coef_[0][:BUCKETS], fitted.coef_[0][BUCKETS:] * FORM_SCALE
    scale = max(float(np.abs(grams).max()), 1e-9) / 127
    return {
        "weights": np.round(grams / scale).astype(np.int8),
        "scale": np.array(scale, np.float32),
        "form": form.astype(np.float32),
        "bias": np.array(fitted.intercept_[0], np.float32),
        "threshold": np.array(np.inf, np.float32),
    }


def _matrix(mails: Sequence[TrainingMail]) -> Any:
    """A row for each mail: its buckets, then its form; what `AbsenceModel.score` adds up."""
    from scipy.sparse import coo_matrix, csr_matrix, hstack  # noqa: PLC0415  (slow to import)

    owners: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for at, mail in enumerate(mails):
        for kind in (mail.features.words, mail.features.pieces):
            owners += [at] * len(kind)
            columns += sorted(kind)
            values += [max(len(kind), 1) ** -0.5] * len(kind)
    grams = coo_matrix((values, (owners, columns)), shape=(len(mails), BUCKETS))
    form = np.array([mail.features.form for mail in mails]) * FORM_SCALE
    return hstack([grams, csr_matrix(form)]).tocsr()


class Unseen(NamedTuple):
    """A mail, and the score that a model which has not seen its writer gives it."""

    mail: TrainingMail
    score: float


def judge_unseen(mails: Sequence[TrainingMail]) -> list[Unseen]:
    """The mails of each of `WRITERS`, and a third of the customers, by a model learnt from the
    others. Those that ask for something are left out: they are never taken."""
    judged: list[Unseen] = []
    for at, writer in enumerate(WRITERS):
        out = [
            mail.writer == writer or (mail.writer == "customers" and number % len(WRITERS) == at)
            for number, mail in enumerate(mails)
        ]
        model = AbsenceModel(learn([m for m, o in zip(mails, out, strict=True) if not o]))
        judged += [
            Unseen(mail, model.score(mail.features))
            for mail, held in zip(mails, out, strict=True)
            if held and not mail.signs.asks
        ]
    return judged


def choose_threshold(judged: Sequence[Unseen]) -> float:
    """`MARGIN` above the highest score of a person's mail, and above all but `ALARMS` of the
    sentences."""
    people = [one for one in judged if not one.mail.automatic]
    mails = [one.score for one in people if one.mail.writer in WRITERS]
    sentences = sorted(
        (one.score for one in people if one.mail.writer not in WRITERS), reverse=True
    )
    return max(max(mails) + MARGIN, sentences[int(ALARMS * MORE_PEOPLE)])


def _by_rules(mail: TrainingMail) -> bool:
    fixed = fixed_reason(mail.signs, mail.subject, mail.text)
    return fixed is not None or is_absence_by_rules(mail.signs, mail.text)


def _report(mails: Sequence[TrainingMail], judged: Sequence[Unseen], threshold: float) -> None:
    scores = {id(one.mail): one.score for one in judged}
    for writer in WRITERS:
        rows = [mail for mail in mails if mail.writer == writer]
        for automatic in (True, False):
            kind = [mail for mail in rows if mail.automatic == automatic]
            learnt = [scores.get(id(mail), -np.inf) >= threshold for mail in kind]
            either = [a or _by_rules(m) for a, m in zip(learnt, kind, strict=True)]
            sys.stdout.write(
                f"{writer}, unseen, {'automatic' if automatic else 'person'}: "
                f"model {sum(learnt)}, rules {sum(map(_by_rules, kind))}, "
                f"either {sum(either)} of {len(kind)}\n"
            )


def main() -> None:
    mails = [*read_mails(), *read_customers()]
    judged = judge_unseen(mails)
    threshold = choose_threshold(judged)
    _report(mails, judged, threshold)
    arrays = learn(mails)
    arrays["threshold"] = np.array(threshold, np.float32)
    sources = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(MAILS.glob("*.jsonl"))
    }
    arrays["sources"] = np.frombuffer(json.dumps(sources).encode(), np.uint8)
    target = ROOT / "channels" / "email" / MODEL_FILE
    np.savez_compressed(target, allow_pickle=False, **arrays)
    sys.stdout.write(f"{MODEL_FILE}: threshold {threshold:.2f}, {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
