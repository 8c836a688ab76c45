"""Every parser that meets words from outside: what it is given, and the errors that are its own.

A target takes any bytes. What it raises besides ``own`` is a bug, and so is taking for ever.
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

import channels.rest
import channels.slack.customers.events
import channels.slack.endpoint
import channels.slack.markup
import channels.sms.incoming
import channels.sms.words
import channels.telegram.channel
import channels.telegram.receive
import channels.webchat.frame_handler
import channels.webchat.http_api
import channels.webchat.wire
import plugins.faq.answers
import plugins.nlu_local.knowledge
from brand_voice import loading, masking, segments
from channels.email.body import html_to_text
from channels.email.parse import parse as parse_mail
from gateway import BadConfig
from gateway.ops.evaluation import read_rows
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.routing.policy import load_policy
from gateway.settings import load
from plugins.nlu_local.readers import Readers

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """``seeds``: files that it can read, for the fuzzer to begin with."""

    call: Callable[[bytes], object]
    own: tuple[type[Exception], ...] = ()
    seeds: str = ""

    def __call__(self, data: bytes) -> None:
        try:
            self.call(data)
        except self.own:
            return


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _file(data: bytes, ending: str = "yaml") -> Path:
    path = _folder() / f"fuzzed.{ending}"
    path.write_bytes(data)
    return path


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="warmline-fuzz-"))


@cache
def _declared() -> list[Any]:
    return PluginRegistry(installed_plugins()).declared()


def _sms(data: bytes) -> None:
    form = channels.sms.incoming.read_form(data)
    words = channels.sms.words.Words(more_out=(), more_in=())
    channels.sms.incoming.receipt(form, message="1", at=NOW)
    channels.sms.incoming.parse(form, at=NOW, known=words, help_answered=True)


def _slack(data: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        try:
            payload = channels.slack.endpoint.parse_body(data, kind)
            channels.slack.endpoint.check_payload(payload)
        except (channels.slack.endpoint.BadPayload, UnicodeDecodeError):
            continue
        _slack_payload(payload)


def _slack_payload(payload: Mapping[str, Any]) -> None:
    """As `CustomerEvents` parses it."""
    events = channels.slack.customers.events
    try:
        if payload.get("type") == "block_actions":
            with suppress(ValueError):  # somebody else's button
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
    raw = channels.telegram.channel._json(data)
    if isinstance(raw, dict):
        channels.telegram.receive.whereabouts(raw)


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
    cut = segments.segments(text)
    assert "".join(cut) == text
    assert segments.count(text) == len(cut)
    segments.transliterate(text)
    mask = masking.Mask()
    assert mask.show(mask.hide(text)) == text


def _settings(data: bytes) -> None:
    load(_file(data), _declared(), {})


def _environment(data: bytes) -> None:
    """Each line is a variable."""
    pairs = (line.partition("=") for line in _text(data).replace("\0", "").splitlines())
    load(None, _declared(), {name: value for name, _, value in pairs if name})


@cache
def _readers() -> Any:
    return Readers(("en", "de", "fr"), closed=False)


def _understand(data: bytes) -> None:
    _readers().read(_text(data), None, None)


TARGETS: Mapping[str, Target] = {
    "mail": Target(call=parse_mail, seeds="tests/email/mails/*.eml"),
    "html": Target(call=_html, seeds="plugins/demo_shop/templates/*.html"),
    "rest": Target(call=channels.rest.decode, own=(msgspec.DecodeError, UnicodeDecodeError)),
    "sms": Target(call=_sms, own=(channels.sms.incoming.Unreadable, web.HTTPException)),
    "slack": Target(call=_slack, seeds="tests/slack/events/*.json"),
    "mrkdwn": Target(call=_markup),
    "telegram": Target(call=_telegram, own=(channels.telegram.receive.Unintelligible,)),
    "webchat": Target(call=_webchat, own=(channels.webchat.wire.BadFrame,)),
    "upload": Target(call=_upload),
    "nlu": Target(
        call=lambda data: plugins.nlu_local.knowledge.read_knowledge([_file(data, "yml")]),
        own=(BadConfig,),
        seeds="plugins/demo_shop/demo/nlu.de.yml",
    ),
    "answers": Target(
        call=lambda data: plugins.faq.answers.load([_file(data)], public_url="http://x"),
        own=(BadConfig,),
        seeds="plugins/demo_shop/demo/smalltalk.yaml",
    ),
    "guide": Target(
        call=lambda data: loading.load(_file(data)),
        own=(BadConfig,),
        seeds="brand_voice/guide.yaml",
    ),
    "policy": Target(
        call=lambda data: load_policy(_file(data)),
        own=(BadConfig,),
        seeds="plugins/demo_shop/demo/policy.yaml",
    ),
    "settings": Target(
        call=_settings, own=(BadConfig,), seeds="plugins/demo_shop/demo/warmline.yaml"
    ),
    "environment": Target(call=_environment, own=(BadConfig,)),
    "segments": Target(call=_segments),
    "csv": Target(call=lambda data: read_rows(_file(data, "csv"), "intent"), own=(BadConfig,)),
    "understand": Target(call=_understand),
}


def seeds(name: str) -> Iterable[bytes]:
    """What the fuzzer begins with: our own files, and what is kept in ``seeds/NAME``."""
    target = TARGETS[name]
    found = sorted(ROOT.glob(target.seeds)) if target.seeds else []
    kept = sorted((Path(__file__).parent / "seeds").glob(f"{name}/*"))
    return [path.read_bytes() for path in (*found, *kept)]
