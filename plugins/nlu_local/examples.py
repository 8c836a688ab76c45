"""Examples of what customers say, in files in Rasa's ``nlu.yml`` format.

The format is that of Rasa's training data, version 3.1: a list ``nlu`` whose entries have an
``intent`` and ``examples`` (a text block of ``- example`` lines, or a list of ``text`` entries).
An entity annotation is read as its words; lookups, synonyms and regexes are skipped.

The package has examples of its own, of what the customers of any shop write: small talk, a wish for
a person, and (``oos``) what no shop, or only another one, answers. They join those of the shop.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import as_file, files
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeAlias, TypeGuard

import structlog
import yaml

from gateway import (
    AdoptedExample,
    BadConfig,
    FileWatcher,
    OverlayProblem,
    Problem,
    compose_yaml,
    nearest,
    yaml_files,
)

from .language import DEFAULT_LANGUAGES
from .protocol import ANYTHING, OUT_OF_SCOPE, PACKAGED_INTENTS, PACKAGED_OUTSIDE

Example: TypeAlias = tuple[str, str]
"""Text and intent."""

MOST_EXAMPLES = 60
"""The packaged examples of small talk fill an intent up to this number of examples, the shop's own
included."""

_OTHER_SECTIONS = frozenset({"lookup", "synonym", "regex"})
_ENTITY = re.compile(r"\[([^\[\]]+)\](?:\([^()]*\)|\{[^{}]*\})")

log = structlog.get_logger(__name__)


class ExampleFiles:
    """Files of examples, or folders of them, read again when they change.

    ``examples`` are those read last, with the adopted ones. Raises BadConfig when it is created, as
    `read_examples` does.
    """

    def __init__(self, paths: Sequence[Path], packaged: Sequence[Example] = ()) -> None:
        """``packaged`` join those of the files: see `read_examples`."""
        self._paths, self._packaged = tuple(paths), tuple(packaged)
        self._adopted: tuple[AdoptedExample, ...] = ()
        self._watcher = FileWatcher(self._paths)
        self._joining = threading.Lock()
        self._own = read_files(self._paths, self._packaged)
        self.examples = self._joined()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, those in folders included."""
        return tuple(yaml_files(self._paths))

    def use_adopted(self, adopted: Sequence[AdoptedExample]) -> None:
        """From now on join these to the examples."""
        with self._joining:
            self._adopted = tuple(adopted)
            self.examples = self._joined()

    def misfits(self, adopted: Sequence[AdoptedExample]) -> list[OverlayProblem]:
        """Which of ``adopted`` are left out, and why: a sentence shows one intent."""
        return list(_fitting(self._own, adopted)[1])

    @property
    def of_shop(self) -> tuple[Example, ...]:
        """Those of the files and the adopted ones, without packaged ones."""
        fitting, _ = _fitting(self._own, self._adopted)
        return tuple(dict.fromkeys([*self._own, *((each.text, each.intent) for each in fitting)]))

    def _joined(self) -> tuple[Example, ...]:
        joined = tuple(join_examples(self.of_shop, self._packaged))
        # One intent alone cannot be told from others.
        return joined if self._own or count_intents(joined) > 1 else ()

    def reload_if_changed(self) -> tuple[Example, ...] | None:
        """The new examples when they have changed, else None. A file with a mistake is logged once,
        with file and line, and the examples stay as they were. Blocks while it reads files."""
        if not self._watcher.changed():
            return None
        try:
            self._own = read_files(self._paths, self._packaged)
        except BadConfig as error:
            log.warning("nlu.refused", problems=[str(problem) for problem in error.problems])
            return None
        with self._joining:
            before, self.examples = self.examples, self._joined()
        return None if self.examples == before else self.examples


def _fitting(
    own: Sequence[Example], adopted: Sequence[AdoptedExample]
) -> tuple[list[AdoptedExample], list[OverlayProblem]]:
    """The ``adopted`` examples that are not examples of another intent in the files or before them,
    and what is wrong with the others. The message names the sentence by its number, as it may be
    logged: it is a customer's."""
    known = {_comparable(text): intent for text, intent in own}
    fitting, problems = [], []
    for example in adopted:
        intent = known.setdefault(_comparable(example.text), example.intent)
        if intent == example.intent:
            fitting.append(example)
            continue
        which = f"sentence {example.id}" if example.id > 0 else f"new sentence {-example.id}"
        what = f"{which} is an example of `{intent}`; choose one of the two intents for it"
        problems.append(OverlayProblem(key=f"examples.{example.intent}", message=what))
    return fitting, problems


def read_examples(paths: Sequence[Path], packaged: Sequence[Example] = ()) -> list[Example]:
    """All distinct examples of the files; a folder stands for the YAML files in and below it. As
    many of the ``packaged`` ones join them as `join_examples` allows. Raises BadConfig, as
    `read_files` does.
    """
    return join_examples(read_files(paths, packaged), packaged)


def read_files(paths: Sequence[Path], packaged: Sequence[Example] = ()) -> list[Example]:
    """All distinct examples of the files, without the ``packaged`` ones that join them later.

    Files in a folder without an ``nlu`` list (answers, stories) are skipped. Raises BadConfig that
    names every problem with file and line; fewer than two intents in all are a problem, too.
    """
    problems: list[Problem] = []
    examples: list[Example] = []
    for path in paths:
        for file in yaml_files([path]):
            try:
                examples += _read_file(file, required=file == path)
            except BadConfig as error:
                problems += error.problems
    own = list(dict.fromkeys(examples))
    if paths and not problems and count_intents(join_examples(own, packaged)) < 2:
        what = "has fewer than two intents; add some, or use the packaged ones (`packaged: true`)"
        problems += _bad(paths[0], 0, "nlu", what).problems
    if problems:
        raise BadConfig(problems)
    return own


def contradictions(files: Iterable[Path]) -> Iterator[Problem]:
    """The examples that two intents have: they teach nothing. Files with mistakes are skipped."""
    known: dict[str, str] = {}
    for file in files:
        try:
            found = parse_examples(file.read_text("utf-8"), file, required=False)
        except (BadConfig, OSError, UnicodeDecodeError):
            continue
        for text, intent in found:
            other = known.setdefault(_comparable(text), intent)
            if other != intent:
                what = f"`{text[:40]}` is an example of `{other}`, too; choose one of the two"
                line = _line_of(file, text)
                yield Problem(file=str(file), line=line, key=f"{intent}.examples", message=what)


def _line_of(file: Path, text: str) -> int:
    """The last line of ``file`` with the example ``text``."""
    lines = file.read_text("utf-8").splitlines()
    found = [n for n, line in enumerate(lines, 1) if text in _without_entities(line)]
    return found[-1] if found else 1


def packaged_examples(
    languages: Sequence[str], intents: Iterable[str] = PACKAGED_INTENTS
) -> list[Example]:
    """The package's examples of ``intents`` in ``languages`` (ISO 639-1; those without a file are
    left out). The languages alternate, so that the first of an intent are of all of them."""
    wanted = frozenset(intents)
    by_language = [_packaged_in(code) for code in languages]
    alternating = chain.from_iterable(zip_longest(*by_language))
    return [row for row in alternating if row and row[1].partition("/")[0] in wanted]


def packaged_courtesies(languages: Sequence[str] = DEFAULT_LANGUAGES) -> tuple[str, ...]:
    """The packaged greetings, thanks and goodbyes: they often stand around a question."""
    found = packaged_examples(languages, ("greeting", "thanks", "goodbye"))
    return tuple(text for text, _ in found)


def count_intents(examples: Iterable[Example]) -> int:
    """The number of intents, without what is out of scope."""
    return len({intent for _, intent in examples if intent.partition("/")[0] != OUT_OF_SCOPE})


def join_examples(own: Sequence[Example], packaged: Sequence[Example]) -> list[Example]:
    """``own``, those of the ``packaged`` ones that there is room for, and all out of scope.

    The shop's word counts: a text that it has is never added, and of two names for one intent
    (`PACKAGED_INTENTS`) the shop's is used.
    """
    counts = Counter(intent for _, intent in own)
    known = {_comparable(text) for text, _ in own}
    joined = list(own)
    for text, intent in packaged:
        if (key := _comparable(text)) in known:
            continue
        known.add(key)
        if intent == OUT_OF_SCOPE or intent.startswith(PACKAGED_OUTSIDE):
            joined.append((text, ANYTHING if intent == OUT_OF_SCOPE else intent))
            continue
        names = (intent, *PACKAGED_INTENTS[intent])
        name = next((name for name in names if name in counts), intent)
        if counts[name] < MOST_EXAMPLES:
            counts[name] += 1
            joined.append((text, name))
    return joined


@cache
def _packaged_in(language: str) -> tuple[Example, ...]:
    """The package's examples in one language, in the order of its file; none without a file."""
    packaged = files(__package__) / "packaged" / f"{language}.yml"
    if not packaged.is_file():
        return ()
    with as_file(packaged) as file:
        return tuple(_read_file(file, required=True))


def _comparable(text: str) -> str:
    """A text without case, spaces and punctuation, if that leaves anything."""
    return "".join(char for char in text.casefold() if char.isalnum()) or text


def _read_file(path: Path, *, required: bool) -> list[Example]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, 0, "", f"cannot be read: {error}; correct `knowledge`") from None
    return parse_examples(text, path, required=required)


def parse_examples(text: str, path: Path, *, required: bool = True) -> list[Example]:
    """The examples in ``text``, the content of the file at ``path``. Raises BadConfig."""
    root = compose_yaml(text, str(path))
    sections = _get(root, "nlu")
    if sections is None and not required:
        return []
    if isinstance(sections, yaml.ScalarNode) and sections.tag.endswith(":null"):
        return []  # `nlu:` with nothing below it yet
    if not isinstance(sections, yaml.SequenceNode):
        raise _bad(path, _line(sections or root), "nlu", _no_list(root))
    problems: list[Problem] = []
    examples: list[Example] = []
    for section in sections.value:
        try:
            examples += _read_section(path, section)
        except BadConfig as error:
            problems += error.problems
    if problems:
        raise BadConfig(problems)
    return examples


def _no_list(root: yaml.Node | None) -> str:
    keys = [str(key.value) for key, _ in root.value] if _is_mapping(root) else []
    near = next((key for key in keys if key != "nlu" and nearest(key, ("nlu",))), None)
    fix = f"did you mean `nlu` by `{near}`?" if near else "write `nlu:` and `- intent: name` below"
    return f"must be a list of intents; {fix}"


def _read_section(path: Path, section: yaml.Node) -> list[Example]:
    if any(_get(section, kind) for kind in _OTHER_SECTIONS):
        return []
    intent = _scalar(_get(section, "intent"))
    if not intent:
        raise _bad(path, _line(section), "intent", _missing_intent(section))
    examples = _get(section, "examples")
    texts = _read_texts(path, intent, examples)
    if not texts:
        line = _line(examples or section)
        raise _bad(path, line, f"{intent}.examples", "has none; write `examples: |` and `- ...`")
    return [(text, intent) for text in texts]


def _missing_intent(section: yaml.Node) -> str:
    keys = [str(key.value) for key, _ in section.value] if _is_mapping(section) else []
    for key in keys:
        if nearest(key, ("intent",)):
            return f"is missing; did you mean `intent` by `{key}`?"
    return "is missing; write `- intent: name`"


def _is_mapping(node: yaml.Node | None) -> TypeGuard[yaml.MappingNode]:
    return isinstance(node, yaml.MappingNode)


def _read_texts(path: Path, intent: str, examples: yaml.Node | None) -> Sequence[str]:
    if isinstance(examples, yaml.SequenceNode):
        listed = (_scalar(_get(item, "text")) or _scalar(item) for item in examples.value)
        return [_without_entities(text.removeprefix("- ")) for text in listed if text]
    found: list[str] = []
    first = _line(examples) + (1 if getattr(examples, "style", None) in ("|", ">") else 0)
    for number, line in enumerate(_scalar(examples).splitlines(), first):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if not bare.startswith("-"):
            mistake = f"`{bare[:40]}` is not an example; begin it with `- `"
            raise _bad(path, number, f"{intent}.examples", mistake)
        if text := _without_entities(bare[1:]):
            found.append(text)
    return found


def _without_entities(text: str) -> str:
    """``[two](count) [mugs]{"entity": "thing"}`` becomes ``two mugs``."""
    return " ".join(_ENTITY.sub(r"\1", text).split())


def _get(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs: Iterable[tuple[yaml.Node, yaml.Node]]
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def _scalar(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _line(node: yaml.Node | None) -> int:
    return int(node.start_mark.line) + 1 if node is not None else 1


def _bad(path: Path, line: int, key: str, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(path), line=line, key=key, message=message)])
