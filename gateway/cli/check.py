"""``warmline check``: every mistake of every file of the configuration, at once."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from aiohttp import web

from gateway.app import Gateway, routes
from gateway.cli.common import (
    config_option,
    configure_logging,
    find_config,
    follow_versions,
    print_note,
)
from gateway.ops.consistency import inconsistencies
from gateway.ops.doctor import unsafe_settings
from gateway.plugins import (
    BadPlugin,
    InstalledPlugin,
    PluginRegistry,
    Registrations,
    default_config,
    installed_plugins,
    share_phrases,
)
from gateway.ports import LimitSource, WarmlineError
from gateway.routing.policy import Policy, load_policy
from gateway.settings import (
    BadConfig,
    MentionsNames,
    Problem,
    Settings,
    YamlLines,
    as_meant,
    nearest,
    read_settings,
    read_yaml,
    unknown_variables,
)

COLOUR_IN_COMMENT = re.compile(r"\s*(?:- )?([\w-]+):\s+(#[0-9a-fA-F]{6}|#[0-9a-fA-F]{3})\s*$")


@click.command()
@config_option
@click.option("--deploy", is_flag=True, help="Also name what is unsafe where others can reach it.")
def check(config: Path | None, deploy: bool) -> None:
    """Check the configuration and every file it names.

    Prints OK, or a line for each problem, with exit code 1.
    """
    file = find_config(config)
    try:
        gateway, problems = check_files(file)
        if gateway is not None and deploy:
            problems = [*problems, *deployment_problems(gateway, file)]
    except BadPlugin as bad:
        click.echo(f"{file}:1: packages: {bad}")
        sys.exit(1)
    if gateway is None or problems:
        problems.sort(key=lambda each: (each.file != str(file), each.file, each.line))
        for problem in problems:
            click.echo(str(problem))
        sys.exit(1)
    for warning in _warnings(gateway):
        print_note(f"warning: {warning}")
    click.echo("OK")


def check_files(file: Path | None) -> tuple[Gateway | None, list[Problem]]:
    """The gateway of the configuration ``file`` if it has no mistakes, and else all of them.

    A file with a mistake does not hide those of the others: what can be read is read. Raises
    BadPlugin.
    """
    registry = _LenientRegistry(installed_plugins())
    try:
        settings, wrong = read_settings(file, registry.declared())
    except BadConfig as bad:
        return None, bad.problems
    policy, refused = _read_policy(settings)
    problems = [*wrong, *refused]
    gateway = None
    try:
        lenient = settings.replace(core=settings.core.model_copy(update={"policy": None}))
        gateway = Gateway(registry, lenient if refused else settings)
        routed = list(routes(gateway))
    except BadConfig as bad:
        problems += bad.problems
    except WarmlineError:  # a part is missing because of a mistake that is named already
        if not (problems or registry.problems):
            raise
    problems += registry.problems
    mentions = [
        each.mentions(settings) for each in settings.sections if isinstance(each, MentionsNames)
    ]
    problems += inconsistencies(
        mentions,
        policy=policy,
        policy_file=_policy_file(settings),
        brands=settings.brands,
        sees_all_intents=max(registry.engines, 1) <= sum(each.engine for each in mentions),
        has_page=_page_finder(routed) if gateway else None,
    )
    problems += _colours_in_comments(file)
    problems = list(dict.fromkeys(_placed(problem, file) for problem in problems))
    return (None if problems else gateway), problems


class _LenientRegistry(PluginRegistry):
    """Leaves out what has mistakes, and collects these."""

    def __init__(self, plugins: Iterable[InstalledPlugin]) -> None:
        super().__init__(plugins)
        self.problems: list[Problem] = []
        self.engines = 0
        """Engines that understand messages and have no mistakes."""

    def registrations(self, settings: Settings) -> Registrations:
        found, self.problems = self.try_registrations(settings)
        self.engines = len(found.understanders)
        if not self.problems:
            share_phrases(found)
        return found


def _policy_file(settings: Settings) -> Path | None:
    return settings.path(settings.core.policy) if settings.core.policy else None


def _read_policy(settings: Settings) -> tuple[Policy, list[Problem]]:
    """The policy, as it was meant where it has mistakes; and these."""
    try:
        return load_policy(_policy_file(settings)), []
    except BadConfig as bad:
        return _policy_as_meant(settings), bad.problems


def _policy_as_meant(settings: Settings) -> Policy:
    file = _policy_file(settings)
    try:
        tree = read_yaml(file)[0] if file else {}
    except BadConfig:
        return Policy()
    return as_meant(Policy, tree) or Policy()


def _page_finder(routed: Iterable[web.RouteDef]) -> Callable[[str], bool]:
    """Tells whether a path is one of the gateway's pages."""
    router = web.UrlDispatcher()
    router.add_routes([route for route in routed if route.method in ("GET", "*")])
    infos = [resource.get_info() for resource in router.resources()]

    def has_page(path: str) -> bool:
        return any(
            info.get("path") == path
            or ("pattern" in info and info["pattern"].fullmatch(path) is not None)
            or ("prefix" in info and path.startswith(info["prefix"]))
            for info in infos
        )

    return has_page


def _colours_in_comments(file: Path | None) -> Iterator[Problem]:
    """Colours without quotes: YAML takes them for comments, so that the key is empty."""
    if file is None:
        return
    lines = read_yaml(file)[1]
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if found := COLOUR_IN_COMMENT.match(line):
            what = "is empty, for `#` begins a comment"
            message = f'{what}; put the colour in quotes: `{found[1]}: "{found[2]}"`'
            yield lines.problem(lines.key_at(number), message)


# -- where a mistake stands ----------------------------------------------------------------------


def _placed(problem: Problem, file: Path | None) -> Problem:
    """``problem`` at the line that has to be changed: for a file that is not there, this is the
    line that names it."""
    if file is None or problem.line > 0:
        return problem
    tree, lines = read_yaml(file)
    if problem.file in (str(file), "settings") and problem.key:
        return lines.problem(problem.key, problem.message)
    missing = Path(problem.file)
    if missing.exists():
        return problem
    for key, text in _texts(tree):
        if file.parent / text == missing:
            what = f"there is no file `{text}`; {_which_file(missing)}"
            return lines.problem(key, what)
    return problem


def _which_file(missing: Path) -> str:
    if not missing.parent.is_dir():
        return f"there is no folder `{missing.parent}` either; correct the path"
    beside = [each.name for each in missing.parent.iterdir()]
    if (near := nearest(missing.name, beside)) is not None:
        return f"did you mean `{near}`?"
    return "create it, or correct the name"


def _texts(tree: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Each text in ``tree`` with its key."""
    if isinstance(tree, str):
        yield at, tree
    elif isinstance(tree, dict | list):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, value in pairs:
            yield from _texts(value, f"{at}.{key}".lstrip("."))


# -- what is valid, and not as intended ----------------------------------------------------------


def _warnings(gateway: Gateway) -> Iterator[str]:
    """What is valid, and surely not as intended."""
    yield from map(str, gateway.settings.warnings)
    yield from map(str, plugin_warnings(gateway.settings))
    declared = PluginRegistry(installed_plugins()).declared()
    for name, advice in unknown_variables(declared, os.environ):
        yield f"<environment>: {name}: no setting is read from it; {advice}"
    configure_logging("auto", logging.ERROR)
    asyncio.run(follow_versions(gateway))
    for kind, left_out in gateway.infrastructure.follower.left_out.items():
        for misfit in left_out:
            yield f"left out of what was adopted ({kind}): {misfit}"
    voice = gateway.registrations.voice
    written = voice.limits() if isinstance(voice, LimitSource) else {}
    for channel in gateway.registrations.channels.values():
        limit = channel.traits.max_length
        if limit and written.get(channel.name, 0) > limit:
            yield (
                f"guide: channels.{channel.name}.max_length: it is above the channel's own limit of"
                f" {limit}, which applies; set {limit} or less"
            )
    for inconsistency in gateway.settings.brands.problems(gateway.registrations.channels):
        yield f"brands: {inconsistency}"


def plugin_warnings(settings: Settings) -> Iterator[Problem]:
    """What plugins find valid and surely not as intended, each at its line."""
    lines = read_yaml(settings.file)[1] if settings.file else YamlLines("<environment>")
    for section in settings.sections:
        if isinstance(section, MentionsNames):
            for key, message in section.mentions(settings).warnings:
                yield lines.problem(key, message)


def deployment_problems(gateway: Gateway, file: Path | None) -> list[Problem]:
    """What is unsafe about this installation, each with the line of its setting."""
    lines = read_yaml(file)[1] if file else YamlLines("<environment>")
    demo = file is not None and file == default_config()
    unsafe = unsafe_settings(gateway.settings, gateway.infrastructure.plugin_objects, demo=demo)
    return [lines.problem(each.key, f"{each.what}; {each.fix}") for each in unsafe]
