"""Chooses the texts of a reply: the handler's after the rules, and the guide's around them.

All texts are masked. How they are split into parts is decided in `brand_voice.rendering`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from brand_voice.compiled import CompiledGuide, in_code, translated
from brand_voice.guide import PieceKind
from brand_voice.masking import FactMask, has_placeholder
from brand_voice.rewriting import Note, Style, rewrite, without_emoji, without_exclamation
from gateway import Button, Link, RenderContext, Reply

Pieces = dict[PieceKind, list[str]]

_NUMBERED = re.compile(r"[1-9]\. \S")
"""Options that are numbered stand one below the other; the body says how to choose."""
_UNGREETED = frozenset({"survey", "thanks", "notice"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Composes one reply. ``note`` records what each rule did."""

    guide: CompiledGuide
    reply: Reply
    context: RenderContext
    style: Style
    mask: FactMask
    note: Note

    def pieces(self) -> Pieces:
        """The pieces that have a text; none for a reply without words."""
        composed = self._handler_texts() | {"links": self._links()} | self.prompts()
        pieces: Pieces = {kind: texts for kind, texts in composed.items() if any(texts)}
        if not pieces:
            return {}
        framed: Pieces = {
            "opener": self._opener(pieces),
            "greeting": self._greeting(pieces),
            "sign_off": self._sign_off(),
        }
        for kind, texts in framed.items():
            if any(texts):
                self.note(kind, (self.reply.opener or "") if kind == "opener" else "", texts[0])
                pieces[kind] = texts
        self._go_on(pieces)
        return pieces

    def _go_on(self, pieces: Pieces) -> None:
        """Begin what follows a greeting with a comma as its language wants it."""
        order = [kind for kind in self.style.channel.order if kind in pieces]
        if order[:1] != ["greeting"] or not pieces["greeting"][0].endswith(",") or len(order) < 2:
            return
        first, *others = pieces[order[1]]
        if (going_on := self.style.language.continued(first)) != first:
            self.note("small-letter", first, going_on)
            pieces[order[1]] = [going_on, *others]

    def prompts(self) -> Pieces:
        """How to answer: a survey's scale on every channel, and the options where there are no
        buttons."""
        texts, reply, code = self.guide.source.asking, self.reply, self.reply.language
        native = self.style.channel.buttons == "native"
        found: Pieces = {}
        titles = [] if native else [self._button_title(button) for button in reply.buttons]
        if titles and all(_NUMBERED.match(button.title) for button in reply.buttons):
            found["buttons"] = ["\n".join(titles)]
        elif titles:
            last = in_code(texts.last, code) or ", "
            if any("," in title or title.endswith(("?", "!", ".")) for title in titles):
                titles = [f'"{title}"' for title in titles]
            options = last.join(part for part in (", ".join(titles[:-1]), titles[-1]) if part)
            prompt = in_code(texts.buttons, code) or "{options}"
            found["buttons"] = [prompt.format(options=options)]
        if reply.survey:
            scale = (texts.scale or texts.number) if native else texts.number
            how = texts.text if reply.survey.scale == "text" else scale
            found["survey"] = [translated(how, code) or ""]
        for kind, lines in found.items():
            self.note(kind, "", lines[0])
        return found

    def _handler_texts(self) -> Pieces:
        """The handler's texts after the rules, or an acknowledgement if the rules left none."""
        reply = self.reply
        found: Pieces = {
            "opener": self._rewrite(reply.opener or ""),
            "body": self._rewrite(*reply.body),
            "next_step": self._rewrite(reply.next_step or ""),
        }
        if any(found.values()) or not _plain(reply).strip():
            return found
        acknowledgement = translated(self.guide.source.honesty.acknowledge, reply.language) or ""
        self.note("acknowledge", "", acknowledgement)
        return found | {"body": [acknowledgement]}

    def _rewrite(self, *texts: str) -> list[str]:
        rewritten = (rewrite(self.mask.hide(text), self.style, self.note) for text in texts if text)
        return [text for text in rewritten if text]

    def _links(self) -> list[str]:
        text = _plain(self.reply)
        return [self._link(link) for link in self.reply.links if not _contains(text, link.url)]

    def _link(self, link: Link) -> str:
        title = " ".join(self._rewrite(link.title)).rstrip(" .:")
        url = self.mask.hide(link.url)
        channel = self.style.channel
        if not title or (channel.links == "bare" and not has_placeholder(title)):
            return url
        if channel.formatting != "plain" and not set("[]()<>|") & set(link.title + link.url):
            return f"[{title}]({url})" if channel.formatting == "markdown" else f"<{url}|{title}>"
        return f"{title}: {url}"

    def _button_title(self, button: Button) -> str:
        """A button as an answer in text: its title, or its payload if the rules empty the title."""
        title = self.mask.hide(button.title)
        if self.context.author == "agent" or not self.style.serious:
            return title
        for text in (title, self.mask.hide(button.payload)):
            if calm := without_emoji(without_exclamation(text)).rstrip("."):
                return calm
        return title

    # -- the guide's own texts -------------------------------------------------------------------

    def _opener(self, pieces: Pieces) -> list[str]:
        """The guide's opening sentence, unless the reply has one or wants none."""
        reply, openers, style = self.reply, self.guide.source.openers, self.style
        wanted = reply.purpose in openers.only.get(style.label, openers.purposes)
        if reply.opener == "" or "opener" in pieces or "body" not in pieces or not wanted:
            return []
        key = f"{self.context.customer or ''}\n{_plain(reply)}"
        opener = self.guide.opener(style.label, reply.language, key)
        if style.language.apologises(opener) and style.language.apologises(pieces["body"][0]):
            return []
        return self._in_mood(opener)

    def _greeting(self, pieces: Pieces) -> list[str]:
        kind, reply = self.style.channel.greeting, self.reply
        if kind == "none" or not self._may_greet() or self._begins_with_matter(kind):
            return []
        first = (pieces.get("opener") or pieces.get("body") or [""])[0]
        if self.style.language.greets(first):
            return []
        label, customer = self.style.label, self.context.customer
        return self._in_mood(self.guide.greeting(kind, label, reply.language, customer))

    def _sign_off(self) -> list[str]:
        honesty = self.guide.source.honesty
        if self.style.channel.sign_off:
            return self._in_mood(translated(honesty.sign_off, self.reply.language) or "")
        return self._in_mood(self._disclosure(translated(honesty.disclosure, self.reply.language)))

    def _disclosure(self, text: str | None) -> str:
        """``text`` where a chat's greeting would have said it, had the reason allowed one."""
        greetings = self.guide.source.greetings.get("chat")
        if text is None or greetings is None or self.style.channel.greeting != "chat":
            return ""
        instead = self._may_greet() and self._begins_with_matter("chat")
        return text if instead and self.style.label in greetings.moods else ""

    def _may_greet(self) -> bool:
        return self.context.first and self.reply.purpose not in _UNGREETED

    def _begins_with_matter(self, kind: Literal["chat", "letter"]) -> bool:
        """Whether the reason for a hand-over allows no greeting."""
        texts = self.guide.source.greetings.get(kind)
        return texts is not None and not set(texts.not_for).isdisjoint(self.context.reasons)

    def _in_mood(self, text: str) -> list[str]:
        """Applies the rules of mood to one of the guide's own texts."""
        if self.style.serious:
            text = without_exclamation(text)
        if self.style.serious or not self.style.channel.emoji:
            text = without_emoji(text)
        return [text] if text else []


def agent_text(reply: Reply) -> str:
    """All texts and links of a reply as one text, as an agent would send it."""
    links = (f"{link.title}: {link.url}" for link in reply.links)
    return "\n\n".join(s for s in (reply.opener, *reply.body, reply.next_step, *links) if s)


def _plain(reply: Reply) -> str:
    return "\n".join((reply.opener or "", *reply.body, reply.next_step or ""))


def _contains(text: str, url: str) -> bool:
    """Whether ``text`` contains ``url`` itself, not only a longer address that begins with it."""
    end = text.find(url) + len(url)
    while end >= len(url):
        after = text[end : end + 1]
        longer = after.isalnum() or (after and after in "/?=&#%~_+-")
        if not longer and not (after == "." and text[end + 1 : end + 2].isalnum()):
            return True
        end = text.find(url, end) + len(url)
    return False


def join_texts(kind: PieceKind, texts: Sequence[str], between: str, *, paragraphs: bool) -> str:
    """The texts of one piece as a block. Sentences of a body run on; paragraphs do not."""
    if kind == "links":
        return ("\n" if between != " " else " ").join(texts)
    return (between if paragraphs or kind != "body" else " ").join(texts)
