"""Chooses what is said: the handler's words after the rules, and the guide's own around them.

All pieces are masked texts. Nothing here knows how long a part may be.
"""

from __future__ import annotations

from collections.abc import Sequence

from brand_voice.book import Book, translated
from brand_voice.guide import Role
from brand_voice.masking import Mask, hidden
from brand_voice.wording import Manner, Note, calm_marks, reword, without_emoji
from gateway import Button, Link, RenderContext, Reply

Pieces = dict[Role, list[str]]

_UNGREETED = frozenset({"survey", "thanks", "notice"})


class Composer:
    """Composes one reply for one occasion; ``note`` is told what every rule did."""

    def __init__(
        self,
        book: Book,
        reply: Reply,
        occasion: RenderContext,
        *,
        manner: Manner,
        mask: Mask,
        note: Note,
    ) -> None:
        self._book, self._reply, self._occasion = book, reply, occasion
        self._manner, self._mask, self._note = manner, mask, note

    def pieces(self) -> Pieces:
        """Every role that has something to say; none for a reply without words."""
        found = self._own_words() | {"links": self._links()} | self.asking()
        said: Pieces = {role: lines for role, lines in found.items() if any(lines)}
        if not said:
            return {}
        framed: Pieces = {
            "opener": self._opener(said),
            "greeting": self._greeting(said),
            "sign_off": self._sign_off(),
        }
        for role, lines in framed.items():
            if any(lines):
                self._note(role, (self._reply.opener or "") if role == "opener" else "", lines[0])
                said[role] = lines
        return said

    def asking(self) -> Pieces:
        """How to answer, where the channel has no buttons for it."""
        guide, reply, code = self._book.guide.asking, self._reply, self._reply.language
        if self._manner.channel.buttons == "native":
            return {}
        found: Pieces = {}
        if titles := [self._title(button) for button in reply.buttons]:
            last = translated(guide.last, code) or ", "
            if any("," in title or title.endswith(("?", "!", ".")) for title in titles):
                titles = [f'"{title}"' for title in titles]
            options = last.join(part for part in (", ".join(titles[:-1]), titles[-1]) if part)
            line = (translated(guide.buttons, code) or "{options}").format(options=options)
            found["buttons"] = [line]
        if reply.survey:
            how = guide.text if reply.survey.scale == "text" else guide.number
            found["survey"] = [translated(how, code) or ""]
        for role, lines in found.items():
            self._note(role, "", lines[0])
        return found

    def _own_words(self) -> Pieces:
        """The handler's words after the rules; a word of ours where they left none."""
        reply = self._reply
        found: Pieces = {
            "opener": self._worded(reply.opener or ""),
            "body": self._worded(*reply.body),
            "next_step": self._worded(reply.next_step or ""),
        }
        if any(found.values()) or not _plain(reply).strip():
            return found
        understood = translated(self._book.guide.honesty.acknowledge, reply.language) or ""
        self._note("acknowledge", "", understood)
        return found | {"body": [understood]}

    def _worded(self, *texts: str) -> list[str]:
        said = (reword(self._mask.hide(text), self._manner, self._note) for text in texts if text)
        return [text for text in said if text]

    def _links(self) -> list[str]:
        said = _plain(self._reply)
        return [self._link(link) for link in self._reply.links if not _says(said, link.url)]

    def _link(self, link: Link) -> str:
        title = " ".join(self._worded(link.title)).rstrip(" .:")
        url = self._mask.hide(link.url)
        channel = self._manner.channel
        if not title or (channel.links == "bare" and not hidden(title)):
            return url
        if channel.formatting != "plain" and not set("[]()<>|") & set(link.title + link.url):
            return f"[{title}]({url})" if channel.formatting == "markdown" else f"<{url}|{title}>"
        return f"{title}: {url}"

    def _title(self, button: Button) -> str:
        """What to answer for a button; its payload where a calm title has no word left."""
        title = self._mask.hide(button.title)
        if self._occasion.author == "agent" or not self._manner.serious:
            return title
        for said in (title, self._mask.hide(button.payload)):
            if calm := without_emoji(calm_marks(said)).rstrip("."):
                return calm
        return title

    # -- the guide's own words -------------------------------------------------------------------

    def _opener(self, said: Pieces) -> list[str]:
        """A first sentence of the guide, unless the reply has one or wants none."""
        reply, openers = self._reply, self._book.guide.openers
        label = self._manner.label
        fitting = reply.purpose in openers.only.get(label, openers.purposes)
        if reply.opener == "" or "opener" in said or "body" not in said or not fitting:
            return []
        key = f"{self._occasion.customer or ''}\n{_plain(reply)}"
        chosen = self._book.opener(label, reply.language, key)
        apologises = self._manner.tongue.apologises
        if apologises(chosen) and apologises(said["body"][0]):
            return []
        return self._ours(chosen)

    def _greeting(self, said: Pieces) -> list[str]:
        style, reply = self._manner.channel.greeting, self._reply
        if style == "none" or not self._occasion.first or reply.purpose in _UNGREETED:
            return []
        first = (said.get("opener") or said.get("body") or [""])[0]
        if self._manner.tongue.greets(first):
            return []
        label, customer = self._manner.label, self._occasion.customer
        return self._ours(self._book.greeting(style, label, reply.language, customer))

    def _sign_off(self) -> list[str]:
        if not self._manner.channel.sign_off:
            return []
        return self._ours(translated(self._book.guide.honesty.sign_off, self._reply.language) or "")

    def _ours(self, text: str) -> list[str]:
        """The guide's own words keep its rules of mood too."""
        if self._manner.serious:
            text = calm_marks(text)
        if self._manner.serious or not self._manner.channel.emoji:
            text = without_emoji(text)
        return [text] if text else []


def words(reply: Reply) -> str:
    """All that a reply says, as one text, for an agent."""
    links = (f"{link.title}: {link.url}" for link in reply.links)
    return "\n\n".join(s for s in (reply.opener, *reply.body, reply.next_step, *links) if s)


def _plain(reply: Reply) -> str:
    return "\n".join((reply.opener or "", *reply.body, reply.next_step or ""))


def _says(text: str, url: str) -> bool:
    """Whether ``url`` itself, and not a longer one, stands in ``text``."""
    end = text.find(url) + len(url)
    while end >= len(url):
        after = text[end : end + 1]
        longer = after.isalnum() or (after and after in "/?=&#%~_+-")
        if not longer and not (after == "." and text[end + 1 : end + 2].isalnum()):
            return True
        end = text.find(url, end) + len(url)
    return False


def joined(role: Role, lines: Sequence[str], between: str, *, paragraphs: bool) -> str:
    """The lines of one role as a block; sentences of a body run on, paragraphs do not."""
    if role == "links":
        return ("\n" if between != " " else " ").join(lines)
    return (between if paragraphs or role != "body" else " ").join(lines)
