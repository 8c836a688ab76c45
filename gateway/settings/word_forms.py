"""Words that people write where a file has a fixed English word: in another language, or shorter.

What is near by spelling needs no entry here: `nearest` finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_WRITTEN_AS: Mapping[str, str] = {
    "monday": "mon mo montag lundi lun lunes lunedì lunedi segunda maandag ma",
    "tuesday": "tue tues di dienstag mardi mar martes martedì martedi terça terca dinsdag",
    "wednesday": "wed mi mittwoch mercredi mer miércoles miercoles mercoledì mercoledi woensdag",
    "thursday": "thu thur thurs do donnerstag jeudi jeu jueves giovedì giovedi donderdag",
    "friday": "fri fr freitag vendredi ven viernes venerdì venerdi sexta vrijdag",
    "saturday": "sat sa samstag sonnabend samedi sam sábado sabado sabato zaterdag",
    "sunday": "sun so sonntag dimanche dim domingo domenica zondag",
    "closed": "geschlossen zu ruhetag fermé ferme cerrado chiuso fechado gesloten off none no - x",
    "true": "yes y on ja j oui sí si sim 1 wahr vrai verdadero",
    "false": "no n off nein non não nee 0 falsch faux falso",
    "en": "english englisch anglais inglés ingles inglese engels eng gb uk us",
    "de": "german deutsch allemand alemán aleman tedesco duits ger deu at",
    "fr": "french französisch franzoesisch français francais francés frances frans fra fre",
    "es": "spanish spanisch espagnol español espanol castellano spaans spa",
    "it": "italian italienisch italien italiano italiaans ita",
    "pt": "portuguese portugiesisch portugais português portugues portugués por br",
    "nl": "dutch niederländisch niederlaendisch néerlandais nederlands holandés nld dut",
    "pl": "polish polnisch polonais polski pol",
    "sv": "swedish schwedisch suédois svenska swe se",
    "tr": "turkish türkisch turc türkçe turkce tur",
    "ar": "arabic arabisch arabe árabe ara",
    "ja": "japanese japanisch japonais japonés jpn jp",
    "calm": "neutral ruhig normal calme tranquilo",
    "pleased": "happy glad froh content contento zufrieden",
    "confused": "unsure verwirrt confus confundido",
    "anxious": "worried afraid ängstlich besorgt inquiet preocupado",
    "frustrated": "annoyed frustriert genervt frustré frustrado upset",
    "angry": "furious mad wütend sauer verärgert fâché furieux enfadado enojado",
    "urgent": "dringend eilig pressé urgente hurry",
    "otherwise": "default other others sonst else *",
    "admin": "administrator owner chef boss inhaber administrador",
    "lead": "leader supervisor manager teamleiter teamlead responsable",
    "agent": "user member mitarbeiter support employee",
    "first": "firstname vorname prénom nombre",
    "full": "fullname name",
    "none": "no kein keine off",
    "knowledge": "nlu examples training",
    "nlu_local": "nlu",
    "body": "text answer message content",
    "url": "href link address",
    "title": "label text",
    "say": "text texts",
    "nlu": "intents training",
    "password_hash": "passwort pass pw hash",
    "users": "agents people staff",
    "display_name": "title fullname full_name",
}
_MEANT: dict[str, tuple[str, ...]] = {}
for _word, _forms in _WRITTEN_AS.items():
    for _form in _forms.split():
        _MEANT[_form] = (*_MEANT.get(_form, ()), _word)

LIKE_ENOUGH = 0.6
"""The least similarity (difflib's ratio, 0 to 1) at which a known word is suggested for another;
the default of difflib."""


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The one of ``known`` that somebody most likely meant by ``word``; None: none is near. It is
    never ``word`` itself."""
    written = str(word).strip().strip("\"'").casefold()
    by_case = {each.casefold(): each for each in known if each != str(word)}
    if written in by_case:
        return by_case[written]
    for meant in _MEANT.get(written.rstrip("."), ()):
        if meant in by_case:
            return by_case[meant]
    near = get_close_matches(written, by_case, 1, LIKE_ENOUGH)
    return by_case[near[0]] if near else None


def choose_from(word: object, known: Iterable[str], *, most: int = 12) -> str:
    """What to do about an unknown ``word``: ``did you mean `x`?`` or the list of what there is."""
    known = sorted(set(known))
    if (near := nearest(word, known)) is not None:
        return f"did you mean `{near}`?"
    if not known:
        return "there are none yet; remove it"
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return f"choose from {', '.join(known[:most])}{more}"
