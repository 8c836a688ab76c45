"""Our examples and answers as a Rasa project: complete, and trained with ``rasa train``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml

from gateway import (
    AnswerEntry,
    AnswersFile,
    BadConfig,
    ExamplesFile,
    Problem,
    Value,
    read_shape,
    read_yaml,
    yaml_files,
)

from .engine import FALLBACK, HANDOVER, LANGUAGE

VERSION = "3.1"
"""The version of Rasa's training data, as Rasa 3.1 to 3.6 read it."""
HANDOVER_RESPONSE = "utter_handover"
HANDOVER_TEXTS = {
    "en": "I am giving this to a colleague, who will answer you here.",
    "de": "Ich gebe das an eine Kollegin oder einen Kollegen weiter; die Antwort kommt hier.",
    "fr": "Je transmets cela à un collègue, qui vous répondra ici.",
    "es": "Se lo paso a un compañero, que le responderá aquí.",
}
_ENTITY = re.compile(r"\]\((\w+)\)|\]\{[^}]*\"entity\":\s*\"(\w+)\"")

Tree = Mapping[str, Any]
"""What is in a YAML file."""


class RasaResponse(Value, frozen=True, kw_only=True):
    """An answer in one language; ``buttons`` are (title, payload)."""

    text: str
    buttons: tuple[tuple[str, str], ...] = ()

    def tree(self) -> dict[str, Any]:
        """The response as ``domain.yml`` has it."""
        buttons = [{"title": title, "payload": payload} for title, payload in self.buttons]
        return {"text": self.text, **({"buttons": buttons} if buttons else {})}


class TrainingData(Value, frozen=True, kw_only=True):
    """What Rasa learns. ``examples``: (kind, name) -> lines, kinds as in Rasa's training data;
    ``answers``: intent -> language -> response."""

    examples: Mapping[tuple[str, str], tuple[str, ...]]
    answers: Mapping[str, Mapping[str, RasaResponse]]

    @property
    def intents(self) -> tuple[str, ...]:
        """The names of all intents."""
        return tuple(name for kind, name in self.examples if kind == "intent")


# -- reading a configuration ---------------------------------------------------------------------


def find_config(config: Path | None) -> Path:
    """``config``, else ``warmline.yaml`` in this folder, else the demo's. Raises BadConfig."""
    if config is not None:
        return config
    here = Path("warmline.yaml")
    if here.exists():
        return here
    for point in entry_points(group="warmline.config", name="default"):
        return Path(point.load()())
    raise _bad(here, "", "there is no such file in this folder; name one with --config")


def read_training_data(config: Path) -> TrainingData:
    """All files that the sections of ``config`` below ``plugins`` name as ``knowledge`` (in Rasa's
    format) and ``answers`` (in the FAQ's). Raises BadConfig."""
    tree, lines = read_yaml(config, yaml.CBaseLoader)
    files: dict[str, list[Path]] = {"knowledge": [], "answers": []}
    for key, paths in _named_files(tree.get("plugins")):
        if not all(isinstance(path, str) for path in paths):
            message = "must be the path of a file or a folder, or a list of them; change it"
            raise BadConfig([lines.problem(f"plugins.{key}", message)])
        files[key.rpartition(".")[2]] += yaml_files(config.parent / path for path in paths)
    examples: dict[tuple[str, str], tuple[str, ...]] = {}
    for file in files["knowledge"]:
        for entry in read_shape(file, ExamplesFile).nlu:
            known = examples.get(entry.name, ())
            examples[entry.name] = tuple(dict.fromkeys((*known, *entry.examples)))
    url = str(tree.get("public_url", ""))
    answers = {
        intent: said
        for file in files["answers"]
        for intent, answer in read_shape(file, AnswersFile).answers.items()
        if (said := {code: _response(answer, code, url)
                     for code in answer.say if answer.text_in(code)})
    }  # fmt: skip
    if sum(kind == "intent" for kind, _ in examples) < 2:
        message = "names fewer than two intents in all files of `knowledge`; add some"
        raise _bad(config, "plugins", message)
    return TrainingData(examples=examples, answers=answers)


def _named_files(sections: Any) -> Iterator[tuple[str, Sequence[Any]]]:
    """The keys that name files (``faq.answers``), and what they name."""
    for name, section in sections.items() if isinstance(sections, dict) else ():
        for key in ("knowledge", "answers"):
            if isinstance(section, dict) and (named := section.get(key)):
                yield f"{name}.{key}", named if isinstance(named, list) else [named]


def _response(answer: AnswerEntry, language: str, public_url: str) -> RasaResponse:
    links = [
        f"{link.title_in(language)}: {link.absolute(public_url)}"
        for link in answer.links
        if public_url or not link.url.startswith("/")
    ]
    return RasaResponse(
        text="\n".join([answer.text_in(language), *links]),
        buttons=tuple((b.title, b.payload or b.title) for b in answer.say[language].buttons),
    )


def _bad(file: Path, key: str, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(file), line=1, key=key, message=message)])


# -- writing a project ---------------------------------------------------------------------------


def build_project(data: TrainingData, *, epochs: int, fallback: str = "en") -> dict[str, Tree]:
    """The files of a Rasa project, by their path below its folder. ``epochs`` of DIET's training;
    ``fallback`` is the language of the answers that have no condition."""
    nlu = [
        {kind: name, "examples": "".join(f"- {line}\n" for line in lines)}
        for (kind, name), lines in data.examples.items()
    ]
    actions = {
        intent: _utter(intent) if intent in data.answers else HANDOVER_RESPONSE
        for intent in (*data.intents, FALLBACK)
    }
    rules = [
        {"rule": intent, "steps": [{"intent": intent}, {"action": action}]}
        for intent, action in actions.items()
    ]
    return {
        "config.yml": _config(epochs),
        "domain.yml": _domain(data, fallback),
        "data/nlu.yml": {"version": VERSION, "nlu": nlu},
        "data/rules.yml": {"version": VERSION, "rules": rules},
        "credentials.yml": {"rest": {}},
        "endpoints.yml": {"tracker_store": {"type": "InMemoryTrackerStore"}},
    }


def write_project(files: Mapping[str, Tree], folder: Path) -> None:
    """Write ``files`` below ``folder``, over those that are there already."""
    for name, tree in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.dump(tree, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
        path.write_text(text, "utf-8")


def _config(epochs: int) -> Tree:
    featurizer = {"name": "CountVectorsFeaturizer"}
    return {
        "recipe": "default.v1",
        "assistant_id": "warmline",
        "language": "en",
        "pipeline": [
            {"name": "WhitespaceTokenizer"},
            {"name": "RegexFeaturizer"},
            {"name": "LexicalSyntacticFeaturizer"},
            featurizer,
            {**featurizer, "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
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


def _domain(data: TrainingData, fallback: str) -> Tree:
    handover = {language: RasaResponse(text=text) for language, text in HANDOVER_TEXTS.items()}
    responses = {
        _utter(intent): _variations(by_language, fallback)
        for intent, by_language in data.answers.items()
        if intent in data.intents
    }
    responses[HANDOVER_RESPONSE] = [
        {**variation, "custom": {HANDOVER: True}} for variation in _variations(handover, "en")
    ]
    entities = _entities(data.examples.values())
    return {
        "version": VERSION,
        "intents": list(data.intents),
        **({"entities": entities} if entities else {}),
        "slots": {
            LANGUAGE: {
                "type": "text",
                "influence_conversation": False,
                "mappings": [{"type": "custom"}],
            }
        },
        "responses": responses,
        "session_config": {
            "session_expiration_time": 60,
            "carry_over_slots_to_new_session": True,
        },
    }


def _variations(by_language: Mapping[str, RasaResponse], fallback: str) -> list[dict[str, Any]]:
    """A response for each language, used when the slot has it, and one for all others."""
    default = by_language.get(fallback) or next(iter(by_language.values()))
    return [
        *(
            {
                "condition": [{"type": "slot", "name": LANGUAGE, "value": language}],
                **response.tree(),
            }
            for language, response in by_language.items()
            if response != default
        ),
        default.tree(),
    ]


def _entities(examples: Iterable[Sequence[str]]) -> list[str]:
    """The entities that examples are annotated with, each once."""
    found = (names for lines in examples for line in lines for names in _ENTITY.findall(line))
    return list(dict.fromkeys(first or second for first, second in found))


def _utter(intent: str) -> str:
    return f"utter_{intent}"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as Rasa's documentation does."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)
