"""Renders a reply for one channel and one mood."""

from __future__ import annotations

from collections.abc import Sequence

from brand_voice.compiled import CompiledGuide
from brand_voice.composition import Composer, Pieces, agent_text, join_texts
from brand_voice.guide import ChannelGuide, PieceKind
from brand_voice.lint import lint
from brand_voice.masking import FactMask, has_placeholder
from brand_voice.rewriting import Style
from brand_voice.segments import count, encoding, transliterate
from brand_voice.splitting import part_limit, sentences, split
from gateway import (
    AppliedRule,
    Finding,
    RenderContext,
    Rendered,
    Reply,
    plain_link,
    with_titled_links,
)

_REMOVABLE: tuple[PieceKind, ...] = ("sign_off", "greeting", "opener")
"""What is removed from a reply that is too long, in this order; never a word of the body."""

_BETWEEN = {"blank_line": "\n\n", "line": "\n", "space": " "}


def render(guide: CompiledGuide, reply: Reply, context: RenderContext) -> Rendered:
    """The parts of ``reply`` in ``context``, and the rules that shaped them.

    No part is longer than the channel's guide allows, and nothing that the reply states is left
    out: what does not fit goes into more parts. A reply without words has no parts.
    """
    renderer = _Renderer(guide, reply, context)
    if context.author == "bot":
        return renderer.finish(renderer.bot_parts(), ())
    known = context if context.language else context.replace(language=reply.language)
    return renderer.finish(renderer.agent_parts(), lint(guide, agent_text(reply), known))


class _Renderer:
    """Renders one reply and records what every rule did."""

    def __init__(self, guide: CompiledGuide, reply: Reply, context: RenderContext) -> None:
        self._reply = reply
        self._channel = guide.channel(context.channel, context.max_length)
        self._language = guide.language(reply.language)
        self._written, links = _agent_links(agent_text(reply), self._channel)
        exact = links if context.author == "agent" else ()
        self._mask = FactMask((*(fact.value for fact in reply.facts), *exact))
        self._fits = part_limit(self._channel)
        self._applied: list[AppliedRule] = []
        label = context.emotion.label
        self._composer = Composer(
            guide=guide,
            reply=reply,
            context=context,
            style=Style(
                channel=self._channel,
                language=self._language,
                serious=label in guide.serious or not guide.grave.isdisjoint(context.reasons),
                label=label,
            ),
            mask=self._mask,
            note=self._note,
        )

    def agent_parts(self) -> list[str]:
        """The agent's words as they are, in parts that the channel can carry. Only a link with a
        title takes the channel's form."""
        if self._written != (before := agent_text(self._reply)):
            self._note("links", before, self._written)
        texts = [self._mask.hide(self._written)]
        texts += [text for prompts in self._composer.prompts().values() for text in prompts]
        parts, applied = self._split("\n\n".join(filter(None, texts)))
        self._applied += applied
        return parts

    def bot_parts(self) -> list[str]:
        """The bot's words after all rules of the guide."""
        pieces = self._composer.pieces()
        most = self._channel.max_parts
        parts, applied = self._split(self._assemble(pieces))
        for kind in _REMOVABLE:
            texts = pieces.get(kind, [])
            if len(parts) > most and texts and not any(map(has_placeholder, texts)):
                self._note("shortened", " ".join(pieces.pop(kind)), "")
                parts, applied = self._split(self._assemble(pieces))
        self._applied += applied
        if len(parts) > most:
            self._note("more-parts", str(most), str(len(parts)))
        return parts

    def finish(self, parts: Sequence[str], advice: tuple[Finding, ...]) -> Rendered:
        rendered = Rendered(parts=tuple(parts), applied=tuple(self._applied), advice=advice)
        if self._channel.max_segments is None:
            return rendered
        ucs2 = any(encoding(part) == "UCS-2" for part in parts)
        return rendered.replace(
            encoding="UCS-2" if ucs2 else "GSM-7", segments=sum(map(count, parts))
        )

    def _assemble(self, pieces: Pieces) -> str:
        """The pieces in the channel's order. A chat's greeting and the opener run into the body."""
        between = _BETWEEN[self._channel.paragraphs]
        text, joint = "", ""
        for kind in dict.fromkeys((*self._channel.order, *pieces)):
            if kind in pieces:
                paragraphs = self._has_paragraphs(pieces[kind])
                text += joint + join_texts(kind, pieces[kind], between, paragraphs=paragraphs)
                chat = kind == "greeting" and self._channel.greeting == "chat"
                joint = " " if kind == "opener" or chat else between
        return text

    def _has_paragraphs(self, texts: Sequence[str]) -> bool:
        """Whether the texts are paragraphs: one of them has more than one sentence."""
        abbreviations = self._language.abbreviations
        return len(texts) > 1 and any(len(sentences(text, abbreviations)) > 1 for text in texts)

    def _split(self, text: str) -> tuple[list[str], list[AppliedRule]]:
        mask, applied = self._mask, list[AppliedRule]()
        if self._channel.max_segments is not None:
            mask, text = self._respelled(text, applied)
        parts = split(text, mask, self._fits, self._language.abbreviations)
        if len(parts) > 1:
            after = "\n---\n".join(parts)
            applied.append(AppliedRule(rule="split", before=mask.show(text), after=after))
        return parts, applied

    def _respelled(self, text: str, applied: list[AppliedRule]) -> tuple[FactMask, str]:
        """Spells an SMS in GSM-7 if all of it can be spelled so without loss."""
        before = self._mask.show(text)
        if encoding(before) == "GSM-7":
            return self._mask, text
        mask, plain = self._mask.respelled(transliterate), transliterate(text)
        after = mask.show(plain)
        if encoding(after) == "UCS-2":
            return self._mask, text
        applied.append(AppliedRule(rule="transliteration", before=before, after=after))
        return mask, plain

    def _note(self, rule: str, before: str, after: str) -> None:
        show = self._mask.show
        self._applied.append(AppliedRule(rule=rule, before=show(before), after=show(after)))


def _agent_links(text: str, channel: ChannelGuide) -> tuple[str, tuple[str, ...]]:
    """``text`` with its titled links as the channel shows them, and these links, which nothing may
    cut in two."""
    shown: list[str] = []

    def show(title: str, url: str) -> str:
        if channel.formatting == "markdown" or channel.links == "clickable":
            link = f"[{title}]({url})"
        elif channel.formatting == "mrkdwn" and not set("<>|") & set(title + url):
            link = f"<{url}|{title}>"
        else:
            link = plain_link(title, url)
            shown.append(url)
            return link
        shown.append(link)
        return link

    return with_titled_links(text, show), tuple(shown)
