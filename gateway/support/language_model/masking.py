"""What may reach the model. Pure functions.

Personal data and secrets are replaced by placeholders before a text leaves, and put back into what
the model answers. A message that tries to instruct a model is not sent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gateway.model import ContextCard, Message, Turn
from gateway.support.personal_data import CARD_NUMBER, EMAIL, IBAN, PHONE

_WORD = r"[^\W\d_]"
_TOKENS = (
    r"\b(?:xox[a-z]|xapp|sk|pk|rk|ghp|gho|glpat|whsec)[-_][\w-]{8,200}",
    r"\beyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,1000})?",
    r"\b\d{6,12}:[\w-]{30,64}",
    r"(?<=://)[^\s/:@]{1,100}:[^\s/@]{1,200}(?=@)",
    r"(?<=[?&#])[\w-]{1,40}=[^\s&#]{6,2000}",
    # Letters and digits without an order that a person would type: hexadecimal, base64.
    r"(?<![\w/.-])(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])[\w-]{20,200}(?![\w-])",
)
"""API keys, JSON Web Tokens, bots' tokens, credentials and secrets in links."""
_HOUSE = r"\d{1,5}(?:[ ]?[a-zA-Z])?(?![\w])"
_NAMED = rf"{_WORD}[\w.'’-]{{0,30}}"
_NOT_A_NAME = (
    r"(?!(?:days?|weeks?|hours?|minutes?|months?|times|bags?|people|of|on|in|at|the|a|to|for|and)"
    r"\b)"
)
_ENGLISH_STREET = (
    rf"\b\d{{1,5}}[a-z]?,? (?:{_NOT_A_NAME}{_NAMED} ){{1,4}}"
    r"(?:street|road|avenue|lane|boulevard|crescent|terrace|parkway|highway|rd|ave|ln|blvd)\b\.?"
)
_ENGLISH_CAPITALS = (  # words that mean more than a street
    r"\b\d{1,5}[a-z]?,? (?-i:(?:[A-Z][\w.'’-]{0,30} ){1,4}"
    r"(?:Drive|Court|Square|Place|Close|Way|Hill|St|Dr|Ct|Sq|Pl)\b\.?)"
)
_BRITISH_POSTCODE = r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b"
_GERMANIC_STREET = (  # German, Dutch, Scandinavian: Lange Straße 12, Keizersgracht 241
    rf"(?<![\w-])(?:{_WORD}[\w'’-]{{0,30}} ){{0,2}}{_WORD}{{0,40}}"
    r"(?:straße|strasse|str\.|gasse|platz|allee|ufer|damm|"
    rf"chaussee|weg|straat|laan|plein|gracht|kade|singel|gatan|vägen|vej|gade) {{0,2}}{_HOUSE}"
)
_FRENCH_STREET = (
    r"\b\d{1,5}(?: ?(?:bis|ter))?,? (?:rue|avenue|av\.|boulevard|bd|chemin|impasse|allée|quai|"
    rf"route|cours|square|passage|place)(?: {_NAMED}){{1,5}}"
)
_OTHER_STREET = (  # Spanish, Italian, Portuguese, Polish: Calle Mayor 5, rua Augusta nº 7
    r"\b(?:calle|c/|avenida|avda\.?|plaza|paseo|camino|carretera|ronda|via|viale|piazza|corso|"
    r"vicolo|rua|travessa|praça|estrada|ul\.|ulica|aleja|al\.|plac|os\.)"
    rf"(?: ?{_NAMED}){{1,5}},? ?(?:n[º°o]?\.? ?)?{_HOUSE}"
)
_STREETS = (
    _ENGLISH_STREET,
    _ENGLISH_CAPITALS,
    _BRITISH_POSTCODE,
    _GERMANIC_STREET,
    _FRENCH_STREET,
    _OTHER_STREET,
)
_KINDS = {
    "TOKEN": "|".join(_TOKENS),
    "EMAIL": EMAIL,
    "IBAN": IBAN,
    "STREET": f"(?i:{'|'.join(_STREETS)})",
    "CARD": CARD_NUMBER,
    "PHONE": PHONE,
    "ORDER": r"(?<!\w)(?:#[ ]?[A-Za-z]{0,5}-?\d{2,}|[A-Za-z]{1,6}[-_]?\d{3,}[\w-]*|\d{5,})(?!\w)",
}
_PERSONAL = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))

_IS = r"is|was|ist|war|lautet|est|était|es|era|è|to jest|jest|to|é|är|er"
_STATES = (
    "not|wrong|incorrect|invalid|expired|locked|blocked|broken|gone|lost|too|nicht|falsch|gesperrt|"
    "abgelaufen|weg|pas|incorrecte?|expiré|bloqué|no|incorrect[ao]|bloquead[ao]|caducad[ao]|non|"
    "sbagliat[ao]|scadut[ao]|niet|fout|verlopen|nie|złe|não|errad[ao]|inte|fel"
)
"""What a password is said to be, rather than to read."""
_PASSWORDS = (
    r"pass ?words?|pass ?code|passphrase|passwd|pwd?|pin(?: code)?|puk|tan|cvv|cvc|"
    r"passwor[dt]e?s?|kennwort|geheimzahl|"
    r"mots? de passe|mdp|code secret|"
    r"contraseñas?|clave|"
    r"parola d.ordine|codice segreto|"
    r"wachtwoord(?:en)?|pincode|"
    r"senhas?|palavras?-passe|hasł[oa]|lösenord|adgangskode|salasana|parol[ae]?|şifre"
)
_CUED = (
    # A password behind its word: with `is` or a colon anything, alone only what is no plain word.
    (
        "PASSWORD",
        re.compile(
            rf"(?i)\b(?:{_PASSWORDS})\b(?:[ ]?[:=]|[ ](?:{_IS})\b[ ]?:?)[ ]?[\"'“„«»]?"
            rf"(?!(?:{_STATES})\b)(?P<value>[^\s\"“”«»]{{3,64}})"
        ),
    ),
    (
        "PASSWORD",
        re.compile(
            rf"(?i)\b(?:{_PASSWORDS})\b[ ][\"'“„«»]?"
            r"(?P<value>(?=[^\s]{0,64}[\d!$%&*+=@^~#])[^\s\"“”«»]{3,64})"
        ),
    ),
    # Names behind what introduces them, in any case; behind a title, and below a closing line.
    (
        "NAME",
        re.compile(
            r"(?i)\b(?:my name(?:'s| is)|i am called|mein name ist|ich hei(?:ß|ss)e|"
            r"je m.appelle|mon nom est|me llamo|mi nombre es|mi chiamo|il mio nome è|"
            r"mijn naam is|ik heet|nazywam się|mam na imię|o meu nome é|meu nome é|chamo-me|"
            r"jag heter|jeg hedder)[ ]"
            rf"(?P<value>{_WORD}[\w'’-]{{1,30}}"
            rf"(?:[ ]{_WORD}[\w'’-]{{1,30}}(?=[.,;!?\n]|$|[ ](?:and|und|et|y|e|en|i)\b))?"
            r"(?-i:[ ](?:(?:van|von|de|del|der|da|di|la|le|dos)[ ])"
            rf"{{0,2}}[^\W\d_a-zà-öø-ÿß][\w'’-]{{1,30}}){{0,3}})"
        ),
    ),
    (
        "NAME",
        re.compile(
            r"\b(?:Mrs?|Ms|Miss|Dr|Herrn?|Frau|Monsieur|Madame|Mme|Señora?|Sra?|Signora?|Sig|Dhr|"
            r"Mevrouw|Mevr|Pani?|Senhora?)\b\.?[ ]"
            r"(?P<value>[^\W\d_a-zà-öø-ÿß][\w'’-]{1,30}(?:[ ][^\W\d_a-zà-öø-ÿß][\w'’-]{1,30}){0,2})"
        ),
    ),
    (
        "NAME",
        re.compile(
            r"(?im)^[ ]{0,4}(?:(?:best|kind|warm)?[ ]?regards|yours[^\n]{0,20}|sincerely|"
            r"thanks|cheers|"
            r"(?:mit )?(?:freundlichen?|besten?|viele|liebe)n? grü(?:ß|ss)en?|mfg|lg|"
            r"cordialement|bien à vous|saludos[^\n]{0,20}|atentamente|cordiali saluti|"
            r"met vriendelijke groet|pozdrawiam|atenciosamente),?[ ]{0,4}\n[ ]{0,4}"
            rf"(?P<value>{_WORD}[\w.'’-]{{1,30}}(?:[ ]{_WORD}[\w.'’-]{{0,30}}){{0,3}})[ ]{{0,4}}$"
        ),
    ),
)
_SECRETS = ("PASSWORD", "TOKEN")
_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join((*_KINDS, 'NAME', 'PASSWORD'))})_\d+\]")
_SHORTEST_NAME = 3


class Placeholders:
    """Stand for personal data and secrets in one exchange with the model; a value always gets the
    same one.

    They replace passwords, tokens, e-mail addresses, IBANs, card, phone and order numbers, streets
    with a house number, ``names`` (what the customer and our people are called), and names that
    the text introduces, titles or signs with. Other names are not found.
    """

    def __init__(self, names: Iterable[str | None] = ()) -> None:
        self._by_value: dict[str, str] = {}
        self._known: set[str] = set()
        self._names: re.Pattern[str] | None = None
        self._learn(*filter(None, names))

    def mask(self, text: str) -> str:
        """``text`` with placeholders for personal data and secrets."""
        # A customer who types a placeholder must not get another value put in its place.
        text = _PLACEHOLDER.sub(lambda found: f"({found[0][1:-1]})", text)
        for kind, pattern in _CUED:
            text = pattern.sub(lambda found, kind=kind: self._cued(kind, found), text)  # type: ignore[misc]  # bound at once
        text = _PERSONAL.sub(lambda found: self._instead(found.lastgroup or "", found[0]), text)
        if self._names is not None:
            text = self._names.sub(lambda found: self._instead("NAME", found[0]), text)
        return text

    @staticmethod
    def stand_in(text: str) -> bool:
        """Whether a placeholder stands in ``text``."""
        return _PLACEHOLDER.search(text) is not None

    def restore(self, text: str) -> str:
        """``text`` with the values back in place. Raises KeyError for a placeholder that `mask`
        never wrote, and for that of a secret, which nobody repeats."""
        values = {
            placeholder: value
            for value, placeholder in self._by_value.items()
            if not placeholder.startswith(tuple(f"[{kind}_" for kind in _SECRETS))
        }
        return _PLACEHOLDER.sub(lambda found: values[found[0]], text)

    def _cued(self, kind: str, found: re.Match[str]) -> str:
        value = found["value"].rstrip(".,;!?)")
        if _PLACEHOLDER.fullmatch(value):
            return found[0]
        if kind == "NAME":
            self._learn(value)
        start, end = found.start("value") - found.start(), found.start("value") - found.start()
        return found[0][:start] + self._instead(kind, value) + found[0][end + len(value) :]

    def _learn(self, *names: str) -> None:
        """Find these names elsewhere too, each of their words alone."""
        self._known |= {word for name in names for word in re.findall(r"[^\W\d_][\w'’-]+", name)}
        words = sorted(
            (re.escape(word) for word in self._known if len(word) >= _SHORTEST_NAME), reverse=True
        )
        if words:
            self._names = re.compile(rf"(?<!\[)\b(?:{'|'.join(words)})\b(?!_\d+\])", re.IGNORECASE)

    def _instead(self, kind: str, value: str) -> str:
        return self._by_value.setdefault(value, f"[{kind}_{len(self._by_value) + 1}]")


def placeholders_for(turn: Turn) -> Placeholders:
    """Those of an exchange about ``turn``, with the names of the customer and of our people."""
    return Placeholders([turn.customer.name, *_agents(turn.history)])


def placeholders_for_card(card: ContextCard) -> Placeholders:
    """Those of an exchange about the conversation of ``card``."""
    return Placeholders([card.customer.name, *_agents(card.messages)])


def _agents(messages: Iterable[Message]) -> Iterable[str]:
    return [message.agent.name for message in messages if message.agent is not None]


def masked_history(
    turn: Turn, placeholders: Placeholders, *, messages: int, longest: int
) -> list[dict[str, str]]:
    """The last public ``messages`` before this one, masked, each cut to ``longest`` characters."""
    public = [message for message in turn.history if not message.internal and message.text.strip()]
    return [
        {"by": message.author, "text": placeholders.mask(message.text[:longest])}
        for message in (public[-messages:] if messages else [])
    ]


_INJECTIONS = (
    r"(ignore|disregard|forget|override|bypass)\W+(\w+\W+){0,4}(instruction|rule|prompt|guideline)",
    r"(system|developer|hidden|initial)\W*(prompt|message|instruction)",
    r"(reveal|print|repeat|show)\W+(\w+\W+){0,4}(prompt|instructions)",
    r"you are (now|no longer)\b",
    r"\b(jailbreak|dan mode|developer mode)\b",
    r"<\|?\W{0,8}(im_start|im_end|system|assistant|endoftext)",
    r"\[/?(inst|system)\]",
    r"^[^\w\n]*(system|assistant)\s*:",
    r"(ignorier|vergiss|missacht)\w*\W+(\w+\W+){0,4}(anweisung|regel|vorgabe)",
    r"(ignore[rz]?|oublie[rz]?)\W+(\w+\W+){0,4}(instruction|consigne|regle)",
    r"(ignora|olvida)\w*\W+(\w+\W+){0,4}(instruccion|regla|istruzion)",
)
_INJECTION = re.compile("|".join(_INJECTIONS), re.MULTILINE)
_INVISIBLE = ("Cf", "Cc", "Co", "Mn")


def instructs_model(text: str) -> bool:
    """Whether ``text`` tries to instruct a model, invisible characters and accents aside.

    No list of patterns is complete and nothing depends on this one: an intent counts only within a
    closed set, a sentence only as far as its source says it. It saves calls and tokens.
    """
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text)
        if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE
    )
    return _INJECTION.search(plain.casefold()) is not None
