"""What is unsafe about an installation that others can reach, for ``warmline check --deploy``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gateway.ports import DeploymentCheck, UnsafeSetting
from gateway.settings import CoreSettings, Settings
from gateway.support.private import open_to_others

LOCAL = ("127.0.0.1", "::1", "localhost")
NAMED_FILES = 3
"""Files that one line names; there may be thousands."""


def unsafe_settings(
    settings: Settings, plugins: Iterable[object], *, demo: bool
) -> list[UnsafeSetting]:
    """Everything unsafe: the gateway's own settings, the files in its data folder, and what each
    plugin says of itself. ``demo``: whether the configuration is the packaged demo's."""
    core = settings.core
    found = [*_public_url(core), *_keys(core), *_webhooks(core), *_files(settings)]
    if demo:
        what = "this is the demo's configuration, with a demo's shop, answers and addresses"
        fix = "write a warmline.yaml of your own, or name it with --config"
        found.append(UnsafeSetting(key="plugins.demo_shop", what=what, fix=fix))
    for plugin in plugins:
        if isinstance(plugin, DeploymentCheck):
            found += plugin.unsafe_settings()
    return list(dict.fromkeys(found))


def _public_url(core: CoreSettings) -> Iterator[UnsafeSetting]:
    parts = urlsplit(core.public_url)
    if parts.scheme == "https":
        return
    where = "this machine alone" if parts.hostname in LOCAL else "plain http"
    yield UnsafeSetting(
        key="public_url",
        what=f"{core.public_url} is {where}: others could read messages, passwords and tokens on "
        "the way, and the desk's cookies are not restricted to https",
        fix="put a proxy with TLS in front, and set `public_url` to its https address",
    )


def _keys(core: CoreSettings) -> Iterator[UnsafeSetting]:
    if core.data_key is None or not core.data_key.get_secret_value().strip():
        yield UnsafeSetting(
            key="data_key",
            what="messages and files are stored unencrypted",
            fix="set WARMLINE_DATA_KEY_FILE to a file with the output of `warmline keys new`",
        )


def _webhooks(core: CoreSettings) -> Iterator[UnsafeSetting]:
    for name, endpoint in core.webhooks.endpoints.items():
        if endpoint.url.scheme == "http" and endpoint.url.host not in LOCAL:
            yield UnsafeSetting(
                key=f"webhooks.endpoints.{name}.url",
                what="webhooks are sent over plain http",
                fix="use an https address",
            )


def _files(settings: Settings) -> Iterator[UnsafeSetting]:
    for key, folder in _folders(settings):
        found = list(open_to_others(folder))
        if found:
            named = [f"{path} ({path.stat().st_mode & 0o777:o})" for path in found[:NAMED_FILES]]
            names = ", ".join(named)
            more = f" and {len(found) - NAMED_FILES} more" if len(found) > NAMED_FILES else ""
            yield UnsafeSetting(
                key=key,
                what=f"other users of this machine may read {names}{more}",
                fix=f"run `chmod -R go= {folder}`",
            )


def _folders(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield "data_dir", settings.data_dir
    if archive := settings.core.retention.archive:
        yield "retention.archive", settings.path(archive)
    file = settings.database_url.removeprefix("sqlite:///")
    if file != settings.database_url and not Path(file).is_relative_to(settings.data_dir):
        yield "database_url", Path(file)
