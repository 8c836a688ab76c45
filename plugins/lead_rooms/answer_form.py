"""An answer as a form, and the form as changes in the format of the team's files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from gateway import (
    AddExamples,
    AdoptedChange,
    AdoptedExample,
    ExampleText,
    Json,
    KeyPath,
    RemoveAdopted,
    RemoveExamples,
    SetValue,
    Value,
    value_at,
)
from plugins.lead_rooms.editing import RoomForm, listed

MOST_EXAMPLES = 200
"""New sentences of one form."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")
_FACT = re.compile(r"([a-z][a-z0-9_]*)(?:\s*\(([a-z]{2,3})\))?\s*:\s*(.+)\Z")


class EditedAnswer(Value, frozen=True, kw_only=True):
    """An answer that is edited: where it is, and what applies there. ``known`` is None for a new
    one, and ``adopted`` are the examples that people adopted for its intent."""

    intent: str
    brand: str = ""
    known: Mapping[str, Json] | None = None
    overlaid: Mapping[str, Json] = {}
    adopted: tuple[AdoptedExample, ...] = ()

    @property
    def at(self) -> KeyPath:
        return (*(("brands", self.brand) if self.brand else ()), "answers", self.intent)

    @property
    def languages(self) -> tuple[str, ...]:
        say = self.known.get("say") if self.known else None
        return tuple(say) if isinstance(say, dict) else ()

    def text(self, language: str) -> dict[str, Json]:
        """The answer's text in ``language`` as the files have it."""
        found = value_at(self.known or {}, ("say", language))
        if isinstance(found, str | list):
            return {"body": found}
        return dict(found) if isinstance(found, dict) else {}

    def own_opener(self, language: str) -> bool:
        """Whether its opener is one text or none, so that the form can hold it."""
        opener = self.text(language).get("opener", {})
        by_mood = isinstance(opener, dict) and not set(opener) <= {"otherwise"}
        return not by_mood


def current_fields(answer: EditedAnswer) -> dict[str, str]:
    """The fields of the form as the answer is in force."""
    fields = {"facts": "\n".join(_fact_lines((answer.known or {}).get("facts"))), "examples": ""}
    for language in answer.languages:
        text = answer.text(language)
        fields[f"body-{language}"] = "\n".join(_as_lines(text.get("body")))
        fields[f"next-{language}"] = str(text.get("next_step") or "")
        fields[f"opener-{language}"] = _opener(text)
    return fields | {f"drop-{each.id}": "" for each in answer.adopted} | {
        "new-language": "", "new-body": "",
    }  # fmt: skip


def answer_changes(answer: EditedAnswer, form: RoomForm) -> list[AdoptedChange]:
    """What the form changes; mistakes that no file could have are noted in the form."""
    changes: list[AdoptedChange] = []
    for language in answer.languages:
        names = [f"{part}-{language}" for part in ("body", "next", "opener")]
        if any(map(form.changed, names)):
            changes += _text_change(answer, form, language)
    changes += _new_text(answer, form)
    if form.changed("facts"):
        changes += _fact_changes(answer, form)
    return [*changes, *_example_changes(answer, form)]


def new_examples(answer: EditedAnswer, form: RoomForm) -> list[str]:
    """The new sentences that are no adopted examples already."""
    known = {each.text for each in answer.adopted}
    return list(dict.fromkeys(text for text in listed(form.value("examples")) if text not in known))


def field_of(answer: EditedAnswer, key: str) -> str:
    """The field of the form that a problem's key is about."""
    if key.startswith("examples"):
        return "examples"
    rest = key.removeprefix(f"answers.{answer.intent}").lstrip(".").split(".")
    if rest[0] == "facts":
        return "facts"
    if rest[0] != "say" or len(rest) < 2:
        return ""
    part = rest[2] if len(rest) > 2 else "body"
    fields = {"next_step": "next", "next_step_known": "next", "opener": "opener"}
    name = f"{fields.get(part, 'body')}-{rest[1]}"
    return name if rest[1] in answer.languages else "new-body"


def _text_change(answer: EditedAnswer, form: RoomForm, language: str) -> list[AdoptedChange]:
    body = listed(form.value(f"body-{language}"))
    if not body:
        form.say(f"body-{language}", "is empty; write what the customer is told")
        return []
    text = answer.text(language) | {"body": list(body)}
    step = " ".join(form.value(f"next-{language}").split())
    text.pop("next_step", None)
    if step:
        text["next_step"] = step
    if form.changed(f"opener-{language}") and answer.own_opener(language):
        text.pop("opener", None)
        if opener := " ".join(form.value(f"opener-{language}").split()):
            text["opener"] = "" if opener == "-" else opener
    return [SetValue(at=(*answer.at, "say", language), value=text)]


def _new_text(answer: EditedAnswer, form: RoomForm) -> list[AdoptedChange]:
    language = form.value("new-language").strip().casefold()
    body = listed(form.value("new-body"))
    if not body:
        if answer.known is None:
            form.say("new-body", "is empty; write what the customer is told")
        elif language:
            form.say("new-body", "is empty; write the answer in this language, or name none")
        return []
    if not _LANGUAGE.fullmatch(language):
        form.say("new-language", "name the language by its ISO 639-1 code, such as en or de")
        return []
    if language in answer.languages:
        form.say("new-language", "there is a text in this language; change that one")
        return []
    return [SetValue(at=(*answer.at, "say", language), value={"body": list(body)})]


def _fact_changes(answer: EditedAnswer, form: RoomForm) -> list[AdoptedChange]:
    found: dict[str, dict[str, str]] = {}
    for line in listed(form.value("facts")):
        match = _FACT.fullmatch(line)
        if match is None:
            form.say(
                "facts",
                f"`{line[:60]}` is no fact; write `name: value`, or `name (de): value`",
            )
            continue
        found.setdefault(match[1], {})[match[2] or "*"] = match[3]
    known = {name: _by_language(value) for name, value in _facts(answer).items()}
    changes: list[AdoptedChange] = [
        SetValue(at=(*answer.at, "facts", name), value=dict(values))
        for name, values in found.items()
        if values != known.get(name)
    ]
    for name in known.keys() - found.keys():
        if value_at(answer.overlaid, ("facts", name)) is None:
            form.say("facts", f"`{name}` is in your own files and stays; take it out there")
        else:
            changes.append(RemoveAdopted(at=(*answer.at, "facts", name)))
    return changes


def _example_changes(answer: EditedAnswer, form: RoomForm) -> Iterable[AdoptedChange]:
    gone = tuple(each.id for each in answer.adopted if form.value(f"drop-{each.id}"))
    if gone:
        yield RemoveExamples(ids=gone)
    texts = new_examples(answer, form)
    if len(texts) > MOST_EXAMPLES:
        form.say("examples", f"at most {MOST_EXAMPLES} at once; save some of them first")
    elif texts:
        examples = tuple(ExampleText(text=text) for text in texts)
        yield AddExamples(intent=answer.intent, examples=examples)


def _facts(answer: EditedAnswer) -> Mapping[str, Json]:
    facts = (answer.known or {}).get("facts")
    return facts if isinstance(facts, dict) else {}


def _by_language(value: Json) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(code): str(each) for code, each in value.items()}
    return {"*": str(value)}


def _fact_lines(facts: Json) -> Iterable[str]:
    for name, value in (facts if isinstance(facts, dict) else {}).items():
        for code, each in _by_language(value).items():
            yield f"{name}: {each}" if code == "*" else f"{name} ({code}): {each}"


def _as_lines(body: Json) -> Sequence[str]:
    if isinstance(body, list):
        return [str(sentence) for sentence in body]
    return [str(body)] if body else []


def _opener(text: Mapping[str, Json]) -> str:
    """``-`` stands for no opener."""
    opener = text.get("opener")
    if isinstance(opener, dict):
        opener = opener.get("otherwise") if set(opener) <= {"otherwise"} else None
    if opener == "":
        return "-"
    return str(opener) if opener else ""
