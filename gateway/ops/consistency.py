"""Whether the files of a configuration fit one another: every answer has an intent, every intent an
answer, every link a page, every name of a tier or an intent its owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.routing.policy import Policy
from gateway.settings import (
    BadConfig,
    Brands,
    MentionedName,
    MentionedNames,
    Problem,
    YamlLines,
    choose_from,
    nearest,
    read_yaml,
)

NOWHERE = frozenset({"example.com", "example.org", "example.net", "www.example.com"})
"""Hosts that belong to nobody (RFC 2606): a text that was copied and not finished."""
LISTS_OF_INTENTS = (
    ("reasons", "sensitive_intent", "intents"),
    ("reasons", "asked_for_person", "intents"),
    ("reasons", "out_of_scope", "intents"),
    ("pass_by_intents",),
    ("skills", "intents"),
)
"""Where a policy names intents."""


def inconsistencies(
    mentions: Sequence[MentionedNames],
    *,
    policy: Policy,
    policy_file: Path | None,
    brands: Brands,
    sees_all_intents: bool,
    has_page: Callable[[str], bool] | None,
) -> Iterator[Problem]:
    """Each name that does not fit. ``sees_all_intents``: no engine is awake whose intents no file
    of ours has. ``has_page``: whether the gateway has a page of that path; None: nobody knows."""
    unread = any(each.unread for each in mentions)
    answered = [name for each in mentions for name in each.answered]
    taught = [name for each in mentions for name in each.taught]
    taught_too = frozenset[str]().union(*(each.taught_too for each in mentions))
    intents = {*_names(taught), *taught_too}
    in_policy = [*_intents_in(policy_file)] if taught else []
    if not unread and sees_all_intents:
        yield from _answers_without_intent(answered, intents)
        yield from _unknown_in_policy(in_policy, intents)
    if not unread and answered and not any(each.answers_anything for each in mentions):
        meant = {nearest(each.name, intents) for each in (*answered, *in_policy)
                 if each.name not in intents}  # fmt: skip
        known = _names(answered) | _never_answered(policy) | {name for name in meant if name}
        for each in mentions:
            known |= each.answered_too
        yield from _intents_without_answer(taught, known, answered[0].file)
    for each in mentions:
        yield from each.problems
        yield from (
            _problem(place, _no_hours(place.name, policy_file))
            for place in each.hours
            if policy.hours is None and brands.hours(place.name) is None
        )
        yield from (found for link in each.links if (found := _bad_link(link, has_page)))
        yield from (
            _problem(
                tier, f"there is no tier `{tier.name}`; {choose_from(tier.name, policy.tiers)}"
            )
            for tier in each.tiers
            if tier.name not in policy.tiers
        )


def _no_hours(brand: str, policy_file: Path | None) -> str:
    """What to do about opening hours that are stated and not set."""
    where = f"`hours` in {policy_file}" if policy_file else "`hours` in a policy file (`policy`)"
    own = f", or `brands.{brand}.hours` in the settings" if brand else ""
    return f"`{{hours}}` states the opening hours, and none are set; write {where}{own}"


def _names(mentions: Sequence[MentionedName]) -> set[str]:
    return {mention.name for mention in mentions}


def _problem(mention: MentionedName, message: str) -> Problem:
    return Problem(file=mention.file, line=mention.line, key=mention.key, message=message)


def _answers_without_intent(
    answered: Sequence[MentionedName], known: Set[str]
) -> Iterator[Problem]:
    for answer in answered:
        if answer.name not in known:
            near = nearest(answer.name, known)
            fix = (
                f"did you mean `{near}`?"
                if near
                else f"write examples for `- intent: {answer.name}` in your file of examples"
            )
            what = f"no example leads to this answer: there is no intent `{answer.name}`"
            yield _problem(answer, f"{what}; {fix}")


def _intents_without_answer(
    taught: Sequence[MentionedName], known: Set[str], file: str
) -> Iterator[Problem]:
    seen: set[str] = set()
    for intent in taught:
        if intent.name in known or intent.name in seen:
            continue
        seen.add(intent.name)
        fix = (
            f"write one below `answers:` in {file}, or list the intent in the policy's "
            "`reasons.sensitive_intent.intents`, so that a person answers"
        )
        yield _problem(intent, f"there is no answer to the intent `{intent.name}`; {fix}")


def _never_answered(policy: Policy) -> frozenset[str]:
    """The intents that the policy gives to a person, or to nobody."""
    reasons = policy.reasons
    return (
        reasons.sensitive_intent.intents
        | reasons.asked_for_person.intents
        | reasons.out_of_scope.intents
        | policy.pass_by_intents
    )


def _intents_in(file: Path | None) -> Iterator[MentionedName]:
    """The intents that the policy's own file names."""
    try:
        tree, lines = read_yaml(file) if file else ({}, YamlLines(""))
    except BadConfig:
        return
    for path in LISTS_OF_INTENTS:
        found: Any = tree
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        listed = isinstance(found, list)
        for index, name in enumerate(found if isinstance(found, list | Mapping) else ()):
            place = lines.problem(".".join((*path, str(index) if listed else str(name))), "")
            yield MentionedName(name=str(name), file=place.file, line=place.line, key=place.key)


def _unknown_in_policy(named: Sequence[MentionedName], known: Set[str]) -> Iterator[Problem]:
    """Those of the policy's intents that are nearly a known one. Others may be an engine's."""
    for intent in named:
        if intent.name not in known and (near := nearest(intent.name, known)):
            what = f"there is no intent `{intent.name}`; did you mean `{near}`?"
            yield _problem(intent, what)


def _bad_link(link: MentionedName, has_page: Callable[[str], bool] | None) -> Problem | None:
    """Why ``link`` leads nowhere, if that is sure without asking the network."""
    try:
        parts = urlsplit(link.name)
        host = parts.hostname or ""
    except ValueError:
        return _problem(link, "is no URL; write it as `https://www.your-site.com/page`")
    if link.name.startswith("/"):
        if has_page is None or has_page(parts.path):
            return None
        return _problem(
            link,
            f"leads nowhere: the gateway has no page `{parts.path}`; for a page of your site write "
            "its whole URL, `https://...`",
        )
    if parts.scheme in ("http", "https") and host != "localhost":
        if "." not in host and ":" not in host:
            return _problem(link, f"leads nowhere: `{host}` is no host; write the whole name")
        if host in NOWHERE:
            return _problem(link, f"leads nowhere: {host} is nobody's; write your own page's URL")
    return None
