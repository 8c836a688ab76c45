"""Our knowledge as a Rasa project: complete, and trained with ``rasa train``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .dialogue import HANDOVER, LANGUAGE
from .engine import FALLBACK
from .knowledge import Knowledge, Text

VERSION = "3.1"
"""Of Rasa's training data, as Rasa 3.1 to 3.6 read it."""
ENTITY = re.compile(r"\]\((\w+)\)|\]\{[^}]*\"entity\":\s*\"(\w+)\"")
LAST = "utter_handover"
HANDED_OVER = {
    "en": "I am giving this to a colleague, who will answer you here.",
    "de": "Ich gebe das an eine Kollegin oder einen Kollegen weiter; die Antwort kommt hier.",
    "fr": "Je transmets cela à un collègue, qui vous répondra ici.",
    "es": "Se lo paso a un compañero, que le responderá aquí.",
}

Tree = Mapping[str, Any]


def project(knowledge: Knowledge, *, epochs: int, fallback: str = "en") -> dict[str, Tree]:
    """Path below the project's folder -> what stands in it. ``epochs`` of DIET's training;
    ``fallback`` is the language of the answers that have no condition."""
    return {
        "config.yml": _config(epochs),
        "domain.yml": _domain(knowledge, fallback),
        "data/nlu.yml": _nlu(knowledge),
        "data/rules.yml": _rules(knowledge),
        "credentials.yml": {"rest": {}},
        "endpoints.yml": {"tracker_store": {"type": "InMemoryTrackerStore"}},
    }


def write(files: Mapping[str, Tree], folder: Path) -> None:
    """Write ``files`` below ``folder``; those that are there already are written anew."""
    for name, tree in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.dump(tree, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
        path.write_text(text, "utf-8")


def _config(epochs: int) -> Tree:
    words = {"name": "CountVectorsFeaturizer"}
    return {
        "recipe": "default.v1",
        "assistant_id": "warmline",
        "language": "en",
        "pipeline": [
            {"name": "WhitespaceTokenizer"},
            {"name": "RegexFeaturizer"},
            {"name": "LexicalSyntacticFeaturizer"},
            words,
            {**words, "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
            {
                "name": "DIETClassifier",
                "epochs": epochs,
                "constrain_similarities": True,
                "random_seed": 0,
            },
            {"name": "EntitySynonymMapper"},
            {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.05},
        ],
        "policies": [{"name": "RulePolicy", "enable_fallback_prediction": False}],
    }


def _domain(knowledge: Knowledge, fallback: str) -> Tree:
    handed_over = {code: Text(text=text) for code, text in HANDED_OVER.items()}
    responses = {
        _utter(intent): _variations(by_language, fallback)
        for intent, by_language in knowledge.answers.items()
        if intent in knowledge.intents
    }
    last = [{**one, "custom": {HANDOVER: True}} for one in _variations(handed_over, "en")]
    domain: dict[str, Any] = {"version": VERSION, "intents": list(knowledge.intents)}
    if entities := _entities(knowledge):
        domain["entities"] = entities
    domain["slots"] = {
        LANGUAGE: {
            "type": "text",
            "influence_conversation": False,
            "mappings": [{"type": "custom"}],
        }
    }
    domain["responses"] = {**responses, LAST: last}
    domain["session_config"] = {
        "session_expiration_time": 60,
        "carry_over_slots_to_new_session": True,
    }
    return domain


def _variations(by_language: Mapping[str, Text], fallback: str) -> list[dict[str, Any]]:
    """One for each language, on the condition that it is spoken; one is for all others."""
    plain = by_language.get(fallback) or next(iter(by_language.values()))
    return [
        *(
            {"condition": [{"type": "slot", "name": LANGUAGE, "value": code}], **_said(text)}
            for code, text in by_language.items()
            if text != plain
        ),
        _said(plain),
    ]


def _said(text: Text) -> dict[str, Any]:
    buttons = [{"title": title, "payload": payload} for title, payload in text.buttons]
    return {"text": text.text, **({"buttons": buttons} if buttons else {})}


def _entities(knowledge: Knowledge) -> list[str]:
    lines = (line for lines in knowledge.examples.values() for line in lines)
    found = (first or second for line in lines for first, second in ENTITY.findall(line))
    return list(dict.fromkeys(found))


def _nlu(knowledge: Knowledge) -> Tree:
    entries = [
        {kind: name, "examples": "".join(f"- {line}\n" for line in lines)}
        for (kind, name), lines in knowledge.examples.items()
    ]
    return {"version": VERSION, "nlu": entries}


def _rules(knowledge: Knowledge) -> Tree:
    steps = {
        intent: _utter(intent) if intent in knowledge.answers else LAST
        for intent in (*knowledge.intents, FALLBACK)
    }
    return {"version": VERSION, "rules": list(_each(steps.items()))}


def _each(steps: Iterable[tuple[str, str]]) -> Iterable[Tree]:
    for intent, action in steps:
        yield {"rule": intent, "steps": [{"intent": intent}, {"action": action}]}


def _utter(intent: str) -> str:
    return f"utter_{intent}"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as Rasa's documentation does, as blocks."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)
