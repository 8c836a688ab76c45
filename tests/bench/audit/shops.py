"""Simulated shops with a past: questions, people's answers, a bot's knowledge, and the truth.

Each differs in its topics, facts, languages, the share of matters that one answer settles, how its
people write, how robotic some of their replies are, and which of its written answers are outdated.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gateway import Address, Agent, CaseRecord, Conversation, Message

MONTHS = 4
"""The last one is withheld."""
MONTH = timedelta(days=30)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
EXAMPLES = 5
"""Questions of a topic that the shop wrote down for its bot; customers ask these and others."""


@cache
def texts() -> Any:
    """What customers and people say."""
    return yaml.safe_load(Path(__file__).with_name("topics.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class TrueMatter:
    """What a conversation really is about. ``upset``: the customer is so from the beginning."""

    conversation: int
    month: int
    topic: str
    kind: str
    language: str
    upset: bool
    robotic: bool


@dataclass(kw_only=True)
class SimulatedPast:
    """A shop, what was said in it, and the truth of each conversation."""

    seed: int
    languages: tuple[str, ...]
    facts: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, Mapping[str, str]]
    """What the bot says: topic -> language -> text."""
    outdated: frozenset[str]
    examples: Mapping[str, Mapping[str, list[str]]]
    cases: list[CaseRecord] = field(default_factory=list)
    ledger: dict[int, TrueMatter] = field(default_factory=dict)

    def is_wrong(self, conversation: int, intent: str) -> bool:
        """Whether the bot's answer to the matter of a conversation, given for ``intent``, is
        wrong."""
        return intent != self.ledger[conversation].topic or intent in self.outdated

    def is_automatable(self, conversation: int) -> bool:
        """Whether one answer for all customers settles the matter, and nothing forbids it."""
        truth = self.ledger[conversation]
        return truth.kind == "general" and not truth.upset

    def write(self, folder: Path) -> Path:
        """Write the shop's configuration to ``folder``; its file."""
        folder.mkdir(parents=True, exist_ok=True)
        answers = {
            topic: {"say": {code: {"body": [text]} for code, text in says.items()}}
            for topic, says in self.answers.items()
        }
        _dump(folder / "answers.yaml", {"answers": answers})
        for language in self.languages:
            nlu = [
                {"intent": topic, "examples": "".join(f"- {each}\n" for each in asks[language])}
                for topic, asks in self.examples.items()
            ]
            _dump(folder / f"nlu.{language}.yml", {"version": "3.1", "nlu": nlu})
        file = folder / "warmline.yaml"
        _dump(
            file,
            {
                "data_dir": str(folder / "var"),
                "slots": {
                    "order": {"pattern": r"MP-\d{5}", "titles": {"en": "order number"},
                              "ask": {"en": "What is your order number?"}}
                },
                "brand_voice": {},
                "plugins": {
                    "nlu_local": {"knowledge": [f"nlu.{code}.yml" for code in self.languages]},
                    "faq": {"answers": ["answers.yaml"], "fallback_language": self.languages[0]},
                    "escalation": {},
                },
            },
        )  # fmt: skip
        return file


def _dump(file: Path, tree: object) -> None:
    file.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False), encoding="utf-8")


def simulate(seed: int, *, monthly: tuple[int, int] = (120, 400)) -> SimulatedPast:
    """The shop of ``seed`` with `MONTHS` months, each of so many conversations."""
    rng = random.Random(seed)  # noqa: S311  (repeatable)
    topics = texts()["topics"]
    languages = rng.choice([("en",), ("de",), ("en", "de"), ("en", "de")])
    by_kind = {
        kind: [name for name, each in topics.items() if each["kind"] == kind]
        for kind in ("general", "account", "varying", "grave")
    }
    general = rng.sample(by_kind["general"], rng.randint(5, len(by_kind["general"])))
    account = rng.sample(by_kind["account"], rng.randint(2, len(by_kind["account"])))
    facts = {
        name: {key: rng.choice(values) for key, values in topics[name].get("facts", {}).items()}
        for name in general
    }
    known = rng.sample(general, max(3, round(rng.uniform(0.5, 0.95) * len(general))))
    outdated = frozenset(name for name in known if rng.random() < rng.choice([0.0, 0.08, 0.2]))
    answers = {name: _bot_answer(name, facts[name], name in outdated, languages, rng)
               for name in known}  # fmt: skip
    for name, says in texts()["generic"].items():
        if name in account and rng.random() < 0.3:
            answers[name] = {code: says[code] for code in languages}
    intents = [*answers, *(name for name in account if name not in answers)]
    past = SimulatedPast(
        seed=seed,
        languages=languages,
        facts=facts,
        answers=answers,
        outdated=outdated,
        examples={name: {code: rng.sample(topics[name][code]["asks"],
                                          min(EXAMPLES, len(topics[name][code]["asks"])))
                         for code in languages} for name in intents},
    )  # fmt: skip
    shares = {
        "general": rng.uniform(0.3, 0.75), "varying": rng.uniform(0.02, 0.12),
        "grave": rng.uniform(0, 0.01),
    }  # fmt: skip
    named = {"general": general, "account": account, "varying": by_kind["varying"],
             "grave": by_kind["grave"]}  # fmt: skip
    weights = {name: rng.gammavariate(1.2, 1.0) for each in named.values() for name in each}
    size = rng.randint(*monthly)
    habits = _Habits(
        upset=rng.uniform(0.02, 0.15), robotic=rng.choice([0.0, 0.0, 0.1, 0.25]),
        wrong=rng.uniform(0, 0.04), short=rng.uniform(0, 0.3),
        agents=rng.sample(texts()["agents"], rng.randint(2, 5)),
    )  # fmt: skip
    customers = [(index + 1, rng.choice(texts()["names"])) for index in range(size * 3)]
    number = 0
    for month in range(MONTHS):
        drift = {name: weight * rng.lognormvariate(0, 0.15) for name, weight in weights.items()}
        for at in sorted(rng.random() for _ in range(round(size * rng.uniform(0.85, 1.2)))):
            number += 1
            roll = rng.random()
            kind = "account"
            for name, share in shares.items():
                if roll < share:
                    kind = name
                    break
                roll -= share
            topic = rng.choices(named[kind], [drift[name] for name in named[kind]])[0]
            _add(past, number, month, BEGIN + MONTH * (month + at), topic, kind, customers, habits,
                 rng)  # fmt: skip
    return past


@dataclass(frozen=True, kw_only=True)
class _Habits:
    """How often customers are upset, and how people write."""

    upset: float
    robotic: float
    wrong: float
    short: float
    agents: Sequence[str]


def _bot_answer(
    name: str, facts: Mapping[str, Any], old: bool, languages: Sequence[str], rng: random.Random
) -> dict[str, str]:
    topic = texts()["topics"][name]
    if old:
        facts = _other_facts(name, facts, rng)
    variant = rng.randrange(2)
    return {code: topic[code]["says"][variant].format(**facts) for code in languages}


def _other_facts(name: str, facts: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    choices = texts()["topics"][name]["facts"]
    return {key: rng.choice([each for each in choices[key] if each != value])
            for key, value in facts.items()}  # fmt: skip


def _add(  # noqa: PLR0917  (one conversation, in the order in which it comes about)
    past: SimulatedPast, number: int, month: int, at: datetime, topic: str, kind: str,
    customers: Sequence[tuple[int, str]], habits: _Habits, rng: random.Random,
) -> None:  # fmt: skip
    language = rng.choice(past.languages)
    customer, name = rng.choice(customers)
    upset = kind != "grave" and rng.random() < habits.upset
    robotic = rng.random() < habits.robotic
    said = texts()["topics"][topic][language]
    own = {
        "order": f"MP-{rng.randint(10000, 99999)}", "invoice": f"R-{rng.randint(100000, 999999)}",
        "amount": f"{rng.randint(5, 200)}.{rng.choice(['00', '50', '90'])}",
        "date": _date(at - timedelta(days=rng.randint(0, 5)), language),
        "later": _date(at + timedelta(days=rng.randint(1, 6)), language), "name": name,
    }  # fmt: skip
    asked = _typed(rng.choice(said["asks"]).format(**own), rng)
    parts = [rng.choice(texts()["before"][language]), asked]
    if upset:
        parts.insert(rng.randint(0, 1) * 2, rng.choice(texts()["upset"][language]))
    parts.append(rng.choice(texts()["after"][language]).format(name=name.split()[0]))
    agent = rng.choice(habits.agents)
    lines = [("customer", " ".join(part for part in parts if part))]
    if robotic:
        lines.append(("agent", rng.choice(texts()["robotic"][language])))
        if rng.random() < 0.6:
            lines.append(("customer", rng.choice(texts()["angrier"][language]) + " " + asked))
    lines.append(("agent", _answer(past, topic, language, own, agent, habits, rng)))
    if rng.random() < 0.4:
        lines.append(("customer", rng.choice(texts()["thanks"][language])))
    messages = []
    for index, (author, text) in enumerate(lines):
        messages.append(
            Message(
                id=number * 10 + index,
                conversation=number,
                author=author,  # type: ignore[arg-type]  # of the lines above
                text=text,
                at=at + timedelta(minutes=index * rng.randint(20, 300)),
                agent=Agent(id=agent.lower(), name=agent) if author == "agent" else None,
                status="received" if author == "customer" else "sent",
            )
        )
    address = Address(channel="email", value=f"c{customer}@example.org")
    past.cases.append(
        CaseRecord(
            conversation=Conversation(
                id=number, address=address, state="resolved", opened_at=at, language=language,
                resolved_at=messages[-1].at,
            ),
            customer=customer,
            customer_name=name,
            messages=tuple(messages),
        )
    )  # fmt: skip
    past.ledger[number] = TrueMatter(
        conversation=number, month=month, topic=topic, kind=kind, language=language, upset=upset,
        robotic=robotic,
    )  # fmt: skip


def _answer(  # noqa: PLR0917  (see `_add`)
    past: SimulatedPast, topic: str, language: str, own: Mapping[str, str], agent: str,
    habits: _Habits, rng: random.Random,
) -> str:  # fmt: skip
    facts: Mapping[str, Any] = past.facts.get(topic, {})
    if facts and rng.random() < habits.wrong:
        facts = _other_facts(topic, facts, rng)
    says = texts()["topics"][topic][language]["says"]
    things = rng.sample(texts()["things"][language], 2)
    own = {**own, "thing": things[0], "other": things[1]}
    several = texts()["topics"][topic]["kind"] == "varying"  # nobody gets the same advice
    chosen = rng.sample(says, min(len(says), rng.randint(1, 3))) if several else [rng.choice(says)]
    said = " ".join(chosen).format(**{**own, **facts})
    if rng.random() < habits.short:
        return said
    greeting = rng.choice(texts()["greeting"][language]).format(name=own["name"].split()[0])
    closing = rng.choice(texts()["closing"][language]).format(agent=agent)
    return f"{greeting}\n{said}\n{closing}"


def _date(at: datetime, language: str) -> str:
    months = {"en": "January February March April May June July August September October November"
                    " December", "de": "Januar Februar März April Mai Juni Juli August September"
                    " Oktober November Dezember"}  # fmt: skip
    month = months[language].split()[at.month - 1]
    return f"{at.day}. {month}" if language == "de" else f"{at.day} {month}"


def _typed(text: str, rng: random.Random) -> str:
    """``text`` as people type: sometimes in small letters, or with two letters swapped."""
    if rng.random() < 0.15:
        text = text.lower().replace("mp-", "MP-")
    if rng.random() < 0.15:
        words = text.split(" ")
        at = rng.randrange(len(words))
        word = words[at]
        if len(word) > 5 and word.isalpha():
            cut = rng.randint(1, len(word) - 3)
            words[at] = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
        text = " ".join(words)
    return text


def questions(past: SimulatedPast) -> Iterator[str]:
    """What the customers wrote first, for a look at them."""
    for case in past.cases:
        yield case.messages[0].text
