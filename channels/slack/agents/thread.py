"""What stands in the thread below a card: the conversation so far, and each message. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from channels.slack.agents import blocks as kit
from channels.slack.agents.blocks import Block
from channels.slack.agents.card import customer_name, public_messages, shown_words, who_wrote
from channels.slack.agents.labels import author_label, place_label, size_label
from channels.slack.markup import TOGETHER, escape, fit, one_line, pieces, size
from gateway import Attachment, ContextCard, Message, Value

LONGEST = 2800
"""Characters of one post."""
TITLE = 200
"""Characters that the title of a part of the story takes, as a block."""
STATUS_EMOJI = {
    "sent": "white_check_mark",
    "delivered": "white_check_mark",
    "read": "eyes",
    "failed": "x",
    "discarded": "x",
    "unsure": "grey_question",
}
"""How the delivery status of an agent's message shows, as a reaction on it."""
FINAL_STATUSES = frozenset({"read", "failed", "discarded"})


class ThreadPost(Value, frozen=True, kw_only=True):
    """One post in a thread: text, or a file. Its ``marker`` is looked for in Slack when its
    outcome is not known."""

    marker: str
    text: str = ""
    blocks: tuple[Block, ...] = ()
    file: Attachment | None = None
    broadcast: bool = False
    """Also shown in the channel itself."""


def transcript(card: ContextCard) -> tuple[ThreadPost, ...]:
    """The conversation so far, for what does not fit on the card: all its words, in as many posts
    as Slack's limits ask for."""
    sections = list(_story_sections(card))
    posts: list[list[str]] = [[]]
    for text in sections:
        made = [kit.section(known) for known in (*posts[-1], text)]
        if posts[-1] and (len(made) >= kit.MOST - 1 or size(made) > TOGETHER - TITLE):
            posts.append([])
        posts[-1].append(text)
    return tuple(
        ThreadPost(
            marker=f"story:{card.conversation.id}.{index}",
            # Should Slack refuse the blocks, the text alone is posted.
            text="\n".join((title, *texts)),
            blocks=(kit.context(title), *map(kit.section, texts)),
        )
        for index, texts in enumerate(posts)
        for title in (_story_title(index, len(posts)),)
    )


def _story_title(index: int, count: int) -> str:
    title = "The conversation so far"
    return title if count == 1 else f"{title} ({index + 1} of {count})"


def _story_sections(card: ContextCard) -> Iterator[str]:
    """The lines of the story, joined to sections that Slack takes."""
    section = ""
    for message in public_messages(card):
        files = "".join(f" 📎 {one_line(f.name, 80)}" for f in message.attachments)
        head = f"*{escape(who_wrote(message, card))}*:"
        first, *more = list(pieces(shown_words(message), LONGEST - len(head) - 1)) or [""]
        for line in (f"{head} {first}".rstrip(), *more, *([files.strip()] if files else ())):
            if section and len(section) + len(line) + 1 > LONGEST:
                yield section
                section = ""
            section = f"{section}\n{line}".strip()
    if section:
        yield section


def message_posts(
    message: Message, card: ContextCard, *, mention: str = ""
) -> tuple[ThreadPost, ...]:
    """The posts of ``message``, in order; none for a bot's message that was never sent.
    ``mention`` is how an alarm calls people, in Slack's markup."""
    if message.status == "discarded" and message.author == "bot":
        return ()
    marker = f"m{message.id}"
    if message.purpose == "alarm":
        return (_alarm_post(message, card, f"{marker}.0", mention),)
    if message.author == "system":
        parts = [(message.text, kit.context(f"· {fit(message.text, LONGEST)}"))]
    else:
        parts = _text_parts(message, card)
    posts = [
        ThreadPost(marker=f"{marker}.{n}", text=fit(text, 3000), blocks=(block,))
        for n, (text, block) in enumerate(parts)
    ]
    files = [
        ThreadPost(marker=f"{marker}-{n}", file=file) for n, file in enumerate(message.attachments)
    ]
    return (*posts, *files)


def _alarm_post(message: Message, card: ContextCard, marker: str, mention: str) -> ThreadPost:
    """An alarm, for the whole channel: what it is about, and none of the customer's words."""
    channel = place_label(card)
    where = f"conversation {card.conversation.id} on {escape(channel)}"
    text = f"🚨 {mention} *{escape(message.text)}* ({where}). Claim it on its card."
    text = " ".join(text.split())
    return ThreadPost(marker=marker, text=text, blocks=(kit.section(text),), broadcast=True)


def without_file(post: ThreadPost, why: str) -> ThreadPost:
    """What stands in the thread for a file that Slack does not take."""
    name = post.file.name if post.file else ""
    line = f"📎 {one_line(name, 200)} cannot be shown here ({escape(why)}); open it at the desk."
    return ThreadPost(marker=post.marker, text=line, blocks=(kit.context(line),))


def gap(before: int) -> ThreadPost:
    """Stands for the messages before message ``before`` that were not copied."""
    line = "Some messages in between were not copied here; you can read them at the desk."
    return ThreadPost(marker=f"gap:{before}", text=line, blocks=(kit.context(f"⚠️ {line}"),))


def _text_parts(message: Message, card: ContextCard) -> list[tuple[str, Block]]:
    author = author_label(message, customer_name(card))
    head = f"{_icon(message)} *{escape(author)}* {_verb(message)}"
    files = ", ".join(f"{one_line(f.name, 80)} ({size_label(f.size)})" for f in message.attachments)
    if files:
        head = f"{head} 📎 {files}"
    head = head[:600]
    bodies = list(pieces(shown_words(message), LONGEST - len(head))) or [""]
    first = f"{author}: {message.text or files}", kit.section(f"{head}\n{bodies[0]}".strip())
    return [first, *((body, kit.section(body)) for body in bodies[1:])]


def _icon(message: Message) -> str:
    if message.author == "customer":
        return "💬"
    if message.author == "bot":
        return "🤖"
    return "🔒" if message.internal else "↩️"


def _verb(message: Message) -> str:
    if message.author == "customer":
        if message.route and any(r.code == "unreadable" for r in message.route.reasons):
            return "sent something that cannot be read"
        return "changed an earlier message:" if message.edited else "wrote:"
    if message.author == "bot":
        return "said:"
    return "noted:" if message.internal else "answered:"
