"""How well replies are read: the public cases, our own texts, and the libraries beside us.

Three figures for each reader and corpus, all of them shares of the cases: ``right`` (the words that
the customer wrote, no more and no less), ``lost`` (one of their words or more is missing) and
``leaked`` (one word or more of a quotation is left).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway import Value
from tests.bench.replies.corpora import CORPORA, Case, read_corpus
from tests.bench.replies.readers import Reader, readers
from tests.bench.replies.words import Difference, compare
from tests.bench.report import Report, say
from tests.email.replies.intro_texts import HELD_OUT, LATER, TUNING, IntroText

RIGHT, LOST = "replies.public.right", "replies.public.lost"
OWN_RIGHT, OWN_LEAKED = "replies.own.right", "replies.own.leaked"
TARGETS = (RIGHT, LOST, OWN_RIGHT, OWN_LEAKED)
OWN = {"own, tuned on": TUNING, "own, held out": HELD_OUT, "own, later": LATER}
_OURS = "ours"


class Shares(Value, frozen=True, kw_only=True):
    """``right``, ``lost`` and ``leaked`` are shares of ``cases``, from 0 to 1."""

    cases: int
    right: float
    lost: float
    leaked: float


def measure_replies(report: Report) -> None:
    """Report the figures of every reader that is installed over every corpus that is there."""
    found = readers()
    for name, reader in found.items():
        if reader is None:
            report.not_run(f"replies.{name}", "this library is not installed")
    present = {name: reader for name, reader in found.items() if reader}
    public: dict[str, list[Difference]] = {name: [] for name in present}
    for corpus, cases in _public_corpora(report):
        for name, reader in present.items():
            differences = [_read(reader, case) for case in cases]
            if not cases[0].html:
                public[name] += differences
            _print(report, name, corpus, differences)
    for corpus, texts in OWN.items():
        for name, reader in present.items():
            _print(report, name, corpus, [_read(reader, case) for case in _cases(texts)])
    for name, differences in public.items():
        if differences:
            _print(report, name, "all public", differences)
    _judge(report, public[_OURS], [_read(present[_OURS], case) for case in _own_cases()])


def _judge(report: Report, public: list[Difference], own: list[Difference]) -> None:
    if public:
        shares = _shares(public)
        report.judge(RIGHT, shares.right, "", 0.86, cases=shares.cases)
        report.cap(LOST, shares.lost, "", 0.005, cases=shares.cases)
    else:
        for name in (RIGHT, LOST):
            report.not_run(name, "no corpus is here; set WARMLINE_REPLIES_CRISP and the others")
    shares = _shares(own)
    report.judge(OWN_RIGHT, shares.right, "", 0.95, cases=shares.cases)
    report.cap(OWN_LEAKED, shares.leaked, "", 0.02, cases=shares.cases)


def _public_corpora(report: Report) -> Iterator[tuple[str, list[Case]]]:
    """(name, cases) of what is there, text and HTML apart. A case that an earlier corpus has, too
    (three of them descend from one), is counted there only."""
    seen: set[tuple[str, str]] = set()
    for corpus in CORPORA:
        cases = read_corpus(corpus)
        if cases is None:
            report.not_run(f"replies.{corpus.name}", f"{corpus.variable} is not set")
            continue
        new = [case for case in cases if (case.text, case.written) not in seen]
        seen.update((case.text, case.written) for case in new)
        for html in (False, True):
            if some := [case for case in new if case.html == html]:
                yield f"{corpus.name}{' (HTML)' if html else ''}", some


def _own_cases() -> Iterator[Case]:
    for texts in OWN.values():
        yield from _cases(texts)


def _cases(texts: Iterable[IntroText]) -> Iterator[Case]:
    for text in texts:
        yield Case(name=text.name, text=text.text, written=text.written)


def _read(reader: Reader, case: Case) -> Difference:
    try:
        found = reader(case.text, case.html)
    except Exception as error:  # noqa: BLE001  (a library that raises has read nothing)
        say(f"{case.name}: {error!r:.100}")
        found = ""
    return compare(found, case.written)


def _shares(differences: list[Difference]) -> Shares:
    count = len(differences)
    return Shares(
        cases=count,
        right=sum(difference.right for difference in differences) / count,
        lost=sum(bool(difference.lost) for difference in differences) / count,
        leaked=sum(bool(difference.leaked) for difference in differences) / count,
    )


def _print(report: Report, reader: str, corpus: str, differences: list[Difference]) -> None:
    shares = _shares(differences)
    report.line({
        "name": "replies", "reader": reader, "corpus": corpus, "cases": shares.cases,
        "right": shares.right, "lost": shares.lost, "leaked": shares.leaked,
    })  # fmt: skip
