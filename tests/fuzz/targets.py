"""Fuzz targets: every parser of text from outside, and the errors that it may raise.

A target takes any bytes. Any other error is a bug, and so is a parser that hangs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

import channels.rest.channel
import channels.slack.customers.events
import channels.slack.endpoint
import channels.slack.markup
import channels.sms.parse
import channels.telegram.channel
import channels.telegram.parse
import channels.telegram.receive
import channels.webchat.frame_handler
import channels.webchat.http_api
import channels.webchat.wire
import plugins.faq.answers
import plugins.nlu_local.examples
from brand_voice import loading, masking, segments
from channels.email.html import html_to_text
from channels.email.parse import parse as parse_mail
from gateway import BadConfig
from gateway.ops.labelled_rows import read_emotion_rows, read_rows
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.routing.policy import load_policy
from gateway.settings import load
from plugins.nlu_local.reader import MessageReader

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class FuzzTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A parser. ``errors`` are those that it may raise; ``seeds`` is a glob of valid files, with
    which the fuzzer begins."""

    call: Callable[[bytes], object]
    errors: tuple[type[Exception], ...] = ()
    seeds: str = ""

    def __call__(self, data: bytes) -> None:
        try:
            self.call(data)
        except self.errors:
            return


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _file(data: bytes, suffix: str = "yaml") -> Path:
    path = _folder() / f"fuzzed.{suffix}"
    path.write_bytes(data)
    return path


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="warmline-fuzz-"))


@cache
def _declared_settings() -> list[Any]:
    return PluginRegistry(installed_plugins()).declared()


def _sms(data: bytes) -> None:
    form = channels.sms.parse.read_form(data)
    keywords = channels.sms.parse.OptOutKeywords()
    channels.sms.parse.parse_receipt(form, message="1", at=NOW)
    channels.sms.parse.parse_message(form, at=NOW, keywords=keywords, help_by_twilio=True)


def _slack(data: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        try:
            payload = channels.slack.endpoint.parse_body(data, kind)
            channels.slack.endpoint.check_payload(payload)
        except (channels.slack.endpoint.BadPayload, UnicodeDecodeError):
            continue
        _read_slack(payload)


def _read_slack(payload: Mapping[str, Any]) -> None:
    """Parse a payload as `CustomerEvents` does."""
    events = channels.slack.customers.events
    try:
        if payload.get("type") == "block_actions":
            with suppress(ValueError):  # another app's button
                events.parse_click(msgspec.convert(payload, events.MessageClick))
        elif payload.get("type") == "event_callback":
            callback = msgspec.convert(payload, channels.slack.endpoint.EventCallback)
            event = msgspec.convert(payload["event"], events.MessageEvent)
            if action := events.parse_event(callback, event):
                channels.slack.markup.emoji_in(action.blocks)
    except msgspec.ValidationError:
        return


def _markup(data: bytes) -> None:
    text = _text(data)
    channels.slack.markup.readable(text, names={"U1": "Mia"}, emoji={"wave": "x"})
    channels.slack.markup.with_links(text)
    channels.slack.markup.without_mention(text, "U1")
    assert len(channels.slack.markup.fit(text, 100)) <= 100
    assert all(len(piece) <= 50 for piece in channels.slack.markup.pieces(text, 50))


def _telegram(data: bytes) -> None:
    raw = channels.telegram.channel.read_json(data)
    if isinstance(raw, dict):
        channels.telegram.parse.chat_of(raw)


def _webchat(data: bytes) -> None:
    frame = channels.webchat.wire.decode(data)
    channels.webchat.frame_handler.page_address(getattr(frame, "page", None))


def _upload(data: bytes) -> None:
    kind = channels.webchat.http_api.sniff(data) or "text/plain"
    name = channels.webchat.http_api.safe_name(_text(data), kind)
    assert 0 < len(name) <= 100
    assert "/" not in name


def _html(data: bytes) -> None:
    assert "\x00" not in html_to_text(_text(data))


def _segments(data: bytes) -> None:
    text = _text(data)
    parts = segments.segments(text)
    assert "".join(parts) == text
    assert segments.count(text) == len(parts)
    segments.transliterate(text)
    mask = masking.FactMask()
    assert mask.show(mask.hide(text)) == text


def _settings(data: bytes) -> None:
    load(_file(data), _declared_settings(), {})


def _csv(data: bytes) -> None:
    path = _file(data, "csv")
    with suppress(BadConfig):
        read_rows(path, "intent")
    read_emotion_rows(path)


def _environment(data: bytes) -> None:
    """Each line is an environment variable."""
    pairs = (line.partition("=") for line in _text(data).replace("\0", "").splitlines())
    load(None, _declared_settings(), {name: value for name, _, value in pairs if name})


@cache
def _readers() -> Any:
    return MessageReader(("en", "de", "fr"), closed=False)


def _understand(data: bytes) -> None:
    _readers().read(_text(data))


TARGETS: Mapping[str, FuzzTarget] = {
    "mail": FuzzTarget(call=parse_mail, seeds="tests/email/mails/*.eml"),
    "html": FuzzTarget(call=_html, seeds="plugins/demo_shop/templates/*.html"),
    "rest": FuzzTarget(
        call=channels.rest.channel.decode, errors=(msgspec.DecodeError, UnicodeDecodeError)
    ),
    "sms": FuzzTarget(call=_sms, errors=(channels.sms.parse.UnreadableForm, web.HTTPException)),
    "slack": FuzzTarget(call=_slack, seeds="tests/slack/events/*.json"),
    "mrkdwn": FuzzTarget(call=_markup),
    "telegram": FuzzTarget(call=_telegram, errors=(channels.telegram.receive.UnreadableUpdate,)),
    "webchat": FuzzTarget(call=_webchat, errors=(channels.webchat.wire.BadFrame,)),
    "upload": FuzzTarget(call=_upload),
    "nlu": FuzzTarget(
        call=lambda data: plugins.nlu_local.examples.read_examples([_file(data, "yml")]),
        errors=(BadConfig,),
        seeds="plugins/demo_shop/demo/nlu.de.yml",
    ),
    "answers": FuzzTarget(
        call=lambda data: plugins.faq.answers.load([_file(data)], public_url="http://x"),
        errors=(BadConfig,),
        seeds="plugins/demo_shop/demo/smalltalk.yaml",
    ),
    "guide": FuzzTarget(
        call=lambda data: loading.load(_file(data)),
        errors=(BadConfig,),
        seeds="brand_voice/guide.yaml",
    ),
    "policy": FuzzTarget(
        call=lambda data: load_policy(_file(data)),
        errors=(BadConfig,),
        seeds="plugins/demo_shop/demo/policy.yaml",
    ),
    "settings": FuzzTarget(
        call=_settings, errors=(BadConfig,), seeds="plugins/demo_shop/demo/warmline.yaml"
    ),
    "environment": FuzzTarget(call=_environment, errors=(BadConfig,)),
    "segments": FuzzTarget(call=_segments),
    "csv": FuzzTarget(call=_csv, errors=(BadConfig,)),
    "understand": FuzzTarget(call=_understand),
}


def seeds(name: str) -> Iterable[bytes]:
    """The inputs that the fuzzer begins with: files of ours, and those in ``seeds/NAME``."""
    target = TARGETS[name]
    ours = sorted(ROOT.glob(target.seeds)) if target.seeds else []
    extra = sorted((Path(__file__).parent / "seeds").glob(f"{name}/*"))
    return [path.read_bytes() for path in (*ours, *extra)]
