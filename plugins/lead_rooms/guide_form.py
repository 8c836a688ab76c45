"""The brand voice guide in one language as a form, and the form as changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from gateway import AddItems, AdoptedChange, Json, KeyPath, RemoveAdopted, SetValue, Value, value_at
from plugins.lead_rooms.editing import RoomForm, listed

MOODS = ("calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent")
HOUSE = "house"
"""The category of phrases that leads add here, unless they choose another."""
HOUSE_WHY = "We do not say this."
NEW_PHRASES = 3
"""Rows for new phrases in the form."""

ToneKind = Literal["number", "switch", "choice"]
TONE: Mapping[str, tuple[str, ToneKind, tuple[str, ...]]] = {
    "sentence_length": ("longest sentence, words", "number", ()),
    "max_parts": ("messages for one reply", "number", ()),
    "max_length": ("longest message, characters", "number", ()),
    "max_segments": ("SMS segments of a message", "number", ()),
    "greeting": ("greeting", "choice", ("none", "chat", "letter")),
    "sign_off": ("signature", "switch", ()),
    "emoji": ("emoji", "switch", ()),
    "links": ("links", "choice", ("bare", "titled")),
    "buttons": ("buttons", "choice", ("native", "text")),
}
"""The tone of a channel that the form edits: what it is called, and how it is written."""


class AvoidedCategory(Value, frozen=True, kw_only=True):
    """Phrases to avoid for one reason, in the chosen language. ``adopted`` are those that people
    adopted, which can be taken away here; ``off``: it was switched off here."""

    name: str
    why: str
    severity: str
    bot: str
    phrases: tuple[str, ...]
    adopted: tuple[Json, ...] = ()
    off: bool = False


class EditedGuide(Value, frozen=True, kw_only=True):
    """The guide that is edited: of a brand or of all, in one language. ``tree`` is in force, and
    ``overlaid`` is what people adopted of it."""

    language: str
    brand: str = ""
    tree: Mapping[str, Json] = {}
    overlaid: Mapping[str, Json] = {}

    @property
    def at(self) -> KeyPath:
        return ("brands", self.brand) if self.brand else ()

    @property
    def categories(self) -> tuple[AvoidedCategory, ...]:
        return tuple(_categories(self))

    @property
    def channels(self) -> tuple[str, ...]:
        found = self.tree.get("channels")
        return tuple(found) if isinstance(found, dict) else ()

    @property
    def words(self) -> Mapping[str, Json]:
        """The preferred words in the language, each with those that it replaces."""
        found = value_at(self.tree, ("lexicon", "use", self.language))
        return found if isinstance(found, dict) else {}


def guide_fields(guide: EditedGuide) -> dict[str, str]:
    """The fields of the guide in force."""
    fields = {"words": "", "allow": ""}
    for number in range(1, NEW_PHRASES + 1):
        fields |= {f"{part}-{number}": "" for part in ("phrase", "instead")}
        fields |= {f"how-{number}": "replace", f"category-{number}": HOUSE}
    for category in guide.categories:
        fields[f"on-{category.name}"] = "" if category.off else "1"
        fields |= {f"drop-{category.name}-{n}": "" for n in range(len(category.adopted))}
    for mood in MOODS:
        found = value_at(guide.tree, ("openers", "moods", mood, guide.language))
        fields[f"opener-{mood}"] = "\n".join(map(str, found)) if isinstance(found, list) else ""
    for channel in guide.channels:
        for key in TONE:
            value = value_at(guide.tree, ("channels", channel, key))
            fields[f"tone-{channel}-{key}"] = _text(value)
    return fields


def guide_changes(guide: EditedGuide, form: RoomForm) -> list[AdoptedChange]:
    """What the form changes; mistakes that no file could have are noted in it."""
    return [
        *_category_changes(guide, form),
        *_new_phrases(guide, form),
        *_new_words(guide, form),
        *_openers(guide, form),
        *_tones(guide, form),
    ]


def field_of(form: RoomForm, key: str) -> str:
    """The field of the form that a problem's key is about."""
    parts = key.split(".")
    if parts[:2] == ["openers", "moods"] and len(parts) > 2:
        return f"opener-{parts[2]}"
    if parts[0] == "channels" and len(parts) > 2:
        return f"tone-{parts[1]}-{parts[2]}"
    if parts[:2] == ["lexicon", "use"]:
        return "words"
    if parts[:2] == ["lexicon", "allow"]:
        return "allow"
    if parts[:2] == ["lexicon", "avoid"]:
        rows = [n for n in range(1, NEW_PHRASES + 1) if form.value(f"phrase-{n}")]
        return f"phrase-{rows[0]}" if len(rows) == 1 else ""
    return ""


def _categories(guide: EditedGuide) -> Iterator[AvoidedCategory]:
    found = value_at(guide.tree, ("lexicon", "avoid"))
    adopted = value_at(guide.overlaid, ("lexicon", "avoid"))
    adopted = adopted if isinstance(adopted, dict) else {}
    for name, category in (found if isinstance(found, dict) else {}).items():
        own = adopted.get(name)
        if category is None:
            if name in adopted:
                yield AvoidedCategory(name=name, why="", severity="", bot="", phrases=(), off=True)
            continue
        phrases = value_at(category, ("phrases", guide.language))
        items = value_at(own, ("phrases", guide.language)) if isinstance(own, dict) else None
        yield AvoidedCategory(
            name=name,
            why=str(category.get("why", "")),
            severity=str(category.get("severity", "")),
            bot=str(category.get("bot", "")),
            phrases=tuple(_phrase(each) for each in (phrases or ())),
            adopted=tuple(items) if isinstance(items, list) else (),
        )


def _category_changes(guide: EditedGuide, form: RoomForm) -> Iterator[AdoptedChange]:
    for category in guide.categories:
        at = (*guide.at, "lexicon", "avoid", category.name)
        if form.changed(f"on-{category.name}"):
            on = form.value(f"on-{category.name}")
            yield RemoveAdopted(at=at) if on else SetValue(at=at, value=None)
            continue
        gone = tuple(
            item
            for number, item in enumerate(category.adopted)
            if form.value(f"drop-{category.name}-{number}")
        )
        if gone:
            yield RemoveAdopted(at=(*at, "phrases", guide.language), items=gone)


def _new_phrases(guide: EditedGuide, form: RoomForm) -> Iterator[AdoptedChange]:
    known = {category.name for category in guide.categories if not category.off}
    for number in range(1, NEW_PHRASES + 1):
        phrase = " ".join(form.value(f"phrase-{number}").split())
        instead = " ".join(form.value(f"instead-{number}").split())
        how = form.value(f"how-{number}")
        if not phrase:
            if instead:
                form.say(f"phrase-{number}", "is empty; write the phrase to avoid")
            continue
        if how == "replace" and not instead:
            form.say(f"instead-{number}", "write what the bot says instead, or choose another way")
            continue
        name = form.value(f"category-{number}") or HOUSE
        at = (*guide.at, "lexicon", "avoid", name)
        if name not in known:
            if name != HOUSE:
                form.say(f"phrase-{number}", "this kind is switched off; choose another one")
                continue
            yield SetValue(at=(*at, "why"), value=HOUSE_WHY)
        item: dict[str, Json] = {"phrase": phrase}
        if how != "advise":
            item["instead"] = instead if how == "replace" else ""
        yield AddItems(at=(*at, "phrases", guide.language), items=(item,))


def _new_words(guide: EditedGuide, form: RoomForm) -> Iterator[AdoptedChange]:
    for line in listed(form.value("words")):
        word, equals, others = (part.strip() for part in line.partition("="))
        replaced = tuple(each.strip() for each in others.split(",") if each.strip())
        if not equals or not word or not replaced:
            form.say("words", f"`{line[:60]}`: write `our word = another, one more`")
            continue
        at = (*guide.at, "lexicon", "use", guide.language, word)
        yield AddItems(at=at, items=replaced)
    if allowed := listed(form.value("allow")):
        yield AddItems(at=(*guide.at, "lexicon", "allow"), items=tuple(allowed))


def _openers(guide: EditedGuide, form: RoomForm) -> Iterator[AdoptedChange]:
    for mood in MOODS:
        if form.changed(f"opener-{mood}"):
            lines: list[Json] = list(listed(form.value(f"opener-{mood}")))
            at = (*guide.at, "openers", "moods", mood, guide.language)
            yield SetValue(at=at, value=lines)


def _tones(guide: EditedGuide, form: RoomForm) -> Iterator[AdoptedChange]:
    for channel in guide.channels:
        for key, (_, kind, _choices) in TONE.items():
            name = f"tone-{channel}-{key}"
            if not form.changed(name):
                continue
            text = form.value(name).strip()
            value: Json = text
            if kind == "switch":
                value = bool(text)
            elif kind == "number":
                if text and not text.isdecimal():
                    form.say(name, "is no whole number; write one")
                    continue
                value = int(text) if text else None
            yield SetValue(at=(*guide.at, "channels", channel, key), value=value)


def _phrase(item: Json) -> str:
    if not isinstance(item, dict):
        return str(item)
    instead = item.get("instead")
    then = "" if instead is None else f" → {instead}" if instead else " (left out)"
    return f"{item.get('phrase')}{then}"


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if value is None else str(value)
