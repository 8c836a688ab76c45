"""What Slack takes: arguments, tiers, and the limits of messages, blocks and views.

Sources, as of 2026: docs.slack.dev, "Web API methods" (arguments, errors, tiers), "Rate limits",
"Block Kit reference" (lengths), "Truncating really long messages" (40,000 characters).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Method(NamedTuple):
    """``tier``: calls a minute; ``per`` names the argument that the limit is counted by."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    tier: int = 50
    per: str = ""


T1, T2, T3, T4 = 1, 20, 50, 100
SAYING = ("text", "blocks", "attachments", "thread_ts", "link_names", "parse", "metadata")
PAGING = ("cursor", "limit")
SPAN = ("oldest", "latest", "inclusive", "include_all_metadata", *PAGING)
METHODS: dict[str, Method] = {
    "auth.test": Method((), tier=300),
    "apps.connections.open": Method((), tier=20),
    "chat.postMessage": Method(
        ("channel",),
        (
            *SAYING,
            "mrkdwn",
            "unfurl_links",
            "unfurl_media",
            "reply_broadcast",
            "username",
            "icon_url",
            "icon_emoji",
        ),
        tier=60,
        per="channel",
    ),
    "chat.postEphemeral": Method(("channel", "user"), (*SAYING, "username", "icon_url"), tier=T4),
    "chat.update": Method(("channel", "ts"), (*SAYING, "reply_broadcast", "file_ids"), tier=T3),
    "chat.delete": Method(("channel", "ts"), (), tier=T3),
    "chat.getPermalink": Method(("channel", "message_ts"), (), tier=300),
    "conversations.history": Method(("channel",), SPAN, tier=T3),
    "conversations.replies": Method(("channel", "ts"), SPAN, tier=T3),
    "conversations.info": Method(("channel",), ("include_num_members", "include_locale"), tier=T3),
    "conversations.list": Method((), ("types", "exclude_archived", *PAGING), tier=T2),
    "conversations.members": Method(("channel",), PAGING, tier=T4),
    "conversations.open": Method((), ("users", "channel", "return_im"), tier=T3),
    "conversations.join": Method(("channel",), tier=T3),
    "users.info": Method(("user",), ("include_locale",), tier=T4),
    "reactions.get": Method((), ("channel", "timestamp", "full", "file"), tier=T3),
    "reactions.add": Method(("channel", "name", "timestamp"), (), tier=T3),
    "views.open": Method(("trigger_id", "view"), (), tier=T4),
    "views.push": Method(("trigger_id", "view"), (), tier=T4),
    "views.update": Method(("view",), ("view_id", "external_id", "hash"), tier=T4),
    "views.publish": Method(("user_id", "view"), ("hash",), tier=T4),
    "files.getUploadURLExternal": Method(
        ("filename", "length"), ("alt_txt", "snippet_type"), tier=T4
    ),
    "files.completeUploadExternal": Method(
        ("files",), ("channel_id", "channels", "thread_ts", "initial_comment", "blocks"), tier=T4
    ),
    "files.info": Method(("file",), PAGING, tier=T4),
}


TOGETHER = 11_300
"""Characters of all blocks as JSON that Slack took in every measurement that we know of: 11,341 of
text were refused once (slackapi/bolt-js, issue 2867), 13,200 in general (issue 2509)."""


def faults(method: str, args: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a call, in words; the first word is Slack's error."""
    known = METHODS[method]
    for name in known.required:
        if args.get(name) in (None, ""):
            yield f"invalid_arguments: {name} is missing"
    for name in set(args) - {*known.required, *known.optional, "team_id"}:
        yield f"invalid_arguments: {method} has no argument {name}"
    if method in ("chat.postMessage", "chat.postEphemeral", "chat.update"):
        yield from _saying(method, args)
    if method == "conversations.open" and not (args.get("users") or args.get("channel")):
        yield "users_list_not_supplied: users or channel"
    for name, most in (("limit", 999),):
        if name in args and not 1 <= int(args[name]) <= most:
            yield f"invalid_limit: {args[name]}"
    if "view" in args and method.startswith("views."):
        yield from view(structure(args["view"]))


def _saying(method: str, args: Mapping[str, Any]) -> Iterator[str]:
    text = args.get("text") or ""
    found = structure(args.get("blocks"))
    if not (text or found or args.get("attachments")):
        yield "no_text: text, blocks or attachments"
    if len(text) > 40_000:
        yield f"msg_too_long: {len(text)} characters"
    if found is not None:
        yield from blocks(found, most=50)
        if len(json.dumps(found, ensure_ascii=False)) > TOGETHER:
            yield "msg_blocks_too_long: the blocks together"
        if not text:
            yield "invalid_arguments: blocks need a text for notifications and screen readers"
    metadata = structure(args.get("metadata"))
    if metadata is not None and not (
        isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    ):
        yield "invalid_metadata_format: event_type and event_payload"
    if method == "chat.postEphemeral" and metadata is not None:
        yield "invalid_arguments: an ephemeral message has no metadata"


def structure(value: Any) -> Any:
    """A structured argument: as JSON, or as a string of JSON in a form."""
    return json.loads(value) if isinstance(value, str) and value else value


# -- Block Kit -----------------------------------------------------------------------------------

ELEMENTS = {
    "button", "static_select", "multi_static_select", "users_select", "overflow", "checkboxes",
    "radio_buttons", "plain_text_input", "datepicker", "image", "external_select",
    "conversations_select", "number_input", "rich_text_input",
}  # fmt: skip


def blocks(found: Any, *, most: int) -> Iterator[str]:
    if not isinstance(found, list):
        yield "invalid_blocks: not a list"
        return
    if len(found) > most:
        yield f"invalid_blocks: {len(found)} blocks, {most} allowed"
    ids = [block["block_id"] for block in found if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield "invalid_blocks: a block_id twice"
    for block in found:
        for fault in _block(block):
            yield f"invalid_blocks: {block.get('type')}: {fault}"


def _block(block: Mapping[str, Any]) -> Iterator[str]:  # noqa: C901, PLR0912  (a table)
    if len(block.get("block_id", "")) > 255:
        yield "block_id over 255"
    kind = block.get("type")
    if kind == "section":
        yield from _section(block)
    elif kind == "header":
        yield from text(block.get("text"), 150, plain=True)
    elif kind == "context":
        elements = block.get("elements") or []
        if not 1 <= len(elements) <= 10:
            yield f"{len(elements)} elements"
        for element in elements:
            if element.get("type") != "image":
                yield from text(element, 3000)
    elif kind == "actions":
        elements = block.get("elements") or []
        if not 1 <= len(elements) <= 25:
            yield f"{len(elements)} elements"
        ids = [element.get("action_id") for element in elements]
        if None in ids or len(ids) != len(set(ids)):
            yield "an action_id is missing or there twice"
        for element in elements:
            yield from _element(element)
    elif kind == "input":
        yield from text(block.get("label"), 2000, plain=True)
        yield from text(block.get("hint"), 2000, plain=True, must=False)
        yield from _element(block.get("element") or {})
    elif kind == "image":
        if not (block.get("image_url") or block.get("slack_file")) or not block.get("alt_text"):
            yield "image_url and alt_text"
    elif kind not in ("divider", "rich_text"):
        yield "unknown type"


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    fields = block.get("fields") or []
    if len(fields) > 10:
        yield f"{len(fields)} fields"
    for field in fields:
        yield from text(field, 2000)
    yield from text(block.get("text"), 3000, must=not fields)
    if "accessory" in block:
        yield from _element(block["accessory"])


def _element(element: Mapping[str, Any]) -> Iterator[str]:
    kind = element.get("type")
    if kind not in ELEMENTS:
        yield f"unknown element {kind}"
    if len(element.get("action_id", "")) > 255:
        yield "action_id over 255"
    if kind == "button":
        yield from text(element.get("text"), 75, plain=True)
        if len(element.get("value", "")) > 2000:
            yield "value over 2000"
        if element.get("style", "primary") not in ("primary", "danger"):
            yield f"style {element['style']}"
    if "placeholder" in element:
        yield from text(element["placeholder"], 150, plain=True)
    if len(element.get("initial_value", "")) > 3000:
        yield "initial_value over 3000"
    if "confirm" in element:
        confirm = element["confirm"]
        yield from text(confirm.get("title"), 100, plain=True)
        yield from text(confirm.get("text"), 300)
        yield from text(confirm.get("confirm"), 30, plain=True)
        yield from text(confirm.get("deny"), 30, plain=True)
    yield from _options(kind, element)


def _options(kind: Any, element: Mapping[str, Any]) -> Iterator[str]:
    options = element.get("options") or []
    most = {"overflow": 5, "checkboxes": 10, "radio_buttons": 10}.get(str(kind), 100)
    if len(options) > most:
        yield f"{len(options)} options"
    if kind in ("overflow", "checkboxes", "radio_buttons", "static_select") and not (
        options or element.get("option_groups")
    ):
        yield "no options"
    for option in options:
        yield from text(option.get("text"), 75)
        if not 1 <= len(option.get("value", "")) <= 150:
            yield "an option's value has 1 to 150 characters"


def text(found: Any, most: int, *, plain: bool = False, must: bool = True) -> Iterator[str]:
    """A text object."""
    if found is None:
        if must:
            yield "text is missing"
        return
    kind = found.get("type")
    if kind not in ("plain_text", "mrkdwn") or (plain and kind != "plain_text"):
        yield f"text of type {kind}"
    if "emoji" in found and kind != "plain_text":
        yield "emoji is for plain_text"
    length = len(found.get("text") or "")
    if not 1 <= length <= most:
        yield f"text of {length} characters, {most} allowed"


def view(found: Any) -> Iterator[str]:
    if not isinstance(found, dict) or found.get("type") not in ("modal", "home"):
        yield "invalid_arguments: view must be a modal or a home"
        return
    if found["type"] == "modal":
        for name, must in (("title", True), ("submit", False), ("close", False)):
            for fault in text(found.get(name), 24, plain=True, must=must):
                yield f"invalid_arguments: view.{name}: {fault}"
    if len(found.get("private_metadata", "")) > 3000:
        yield "invalid_arguments: private_metadata over 3000"
    if len(found.get("callback_id", "")) > 255:
        yield "invalid_arguments: callback_id over 255"
    inputs = any(block.get("type") == "input" for block in found.get("blocks") or [])
    if found["type"] == "modal" and inputs and not found.get("submit"):
        yield "invalid_arguments: a modal with inputs needs submit"
    yield from blocks(found.get("blocks"), most=100)
