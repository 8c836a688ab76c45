"""Parses the answer to a survey from free text, in the served languages. Pure.

A clear answer counts: a score, yes or no, "still broken", a word of thanks, STOP. A text that asks
something or is about anything else returns None and is handled as a new message.

The phrases are parts of patterns, in lower case and NFKC, as texts are normalised here. The first
words of `_STOP_PHRASES` are the opt-out keywords of Twilio and the carriers.
"""

from __future__ import annotations

import re
import unicodedata

from gateway import SurveyAnswer

LONGEST = 2_000
"""Characters; a longer text is no answer to a survey."""

_SPELLED = (
    "one eins einen um uma een één jeden ett bir un une uno una واحد واحدة نجمة",
    "two zwei deux dos due dois twee dwa två iki اثنان اثنين نجمتان نجمتين",
    "three drei trois tres tre três drie trzy üç ثلاثة ثلاث",
    "four vier quatre cuatro quattro quatro cztery fyra dört أربعة اربعة أربع اربع",
    "five fünf fuenf cinq cinco cinque vijf pięć fem beş خمسة خمس",
)
_NUMBER_WORDS = {word: n for n, words in enumerate(_SPELLED, 1) for word in words.split()}

_OF = "out of|of|von|sur|de|su|van|na|av|من"

_STAR_WORDS = (
    "stars?|points?|sterne?n?|punkte?|étoiles?|etoiles?|estrellas?|puntos?|نجوم|نجمات|نجمة|نقاط|"
    "stell[ae]|punt[oi]|estrelas?|pontos?|sterren|ster|punt(?:en)?|gwiazd(?:ka|ki|ek)|punkty?|"
    "punktów|stjärn(?:a|or)|poäng|yıldız|puan|点|つ星|つ|です|点です"
)

_LEAD_IN_WORDS = (
    "a|an|i give|i'd give|i would give|i'd say|i say|i rate|it's|it is|its|my rating is|rating|"
    "score|stars|you|it|this|him|her|them|solid|full|about|maybe|definitely|well|ok|so|"
    "eine|ich gebe|ich würde|sagen|geben|note|bewertung|von mir|gibt es|volle|"
    "je donne|je mets|je dirais|disons|la note|"
    "un|una|le doy|doy|les doy|diría|pongo|nota|"
    "voto|direi|dou|diria|ik geef|geef|cijfer|daję|ocena|jag ger|betyg|puanım|評価|"
    "أعطي|اعطي|أعطيكم|التقييم|تقييمي"
)

_CONTINUATIONS = (
    "because|but|and|as|since|for|from|thanks|thank|please|very|all|great|good|stop|"
    "weil|aber|und|da|danke|für|alles|sehr|"
    "parce|mais|et|car|merci|pour|"
    "porque|pero|y|gracias|por|"
    "perché|ma|grazie|mas|obrigad[oa]|muito|omdat|maar|bedankt|dank|bo|ale|dziękuję|dzięki|"
    "eftersom|tack|för|çünkü|ama|teşekkür|teşekkürler|"
    "لأن|لكن|ولكن|شكرا"
)

_PLEASE = (
    "please |bitte |s'il vous plaît |svp |por favor |per favore |alstublieft |proszę |snälla |"
    "lütfen |من فضلك |لو سمحت "
)

_COURTESIES = (
    "please|thanks|thank you|bitte|danke|merci|s'il vous plaît|svp|gracias|por favor|grazie|"
    "per favore|obrigad[oa]|bedankt|dank u|dank je|alstublieft|dziękuję|dzięki|proszę|tack|"
    "teşekkürler|teşekkür ederim|lütfen|شكرا|من فضلك|お願いします|ありがとうございます"
)

_STOP_PHRASES = (
    r"stop|stopall|unsubscribe|end|quit|optout|opt out|opt me out|revoke|"
    r"(?:please )?(?:stop|unsubscribe)(?: (?:me|it|now|please|asking|sending|messaging|writing|"
    r"these|this|them|the|to|messages?|surveys?|questions?|emails?|texts?|from|your|list))+|"
    r"no more (?:surveys?|messages?|questions?)(?: please)?|"
    r"(?:don't|do not|never) (?:ask|write|message|text|contact|email) "
    r"(?:to )?(?:me )?(?:again|any ?more|this)|"
    r"stopp|abmelden|abbestellen|austragen|bitte (?:abmelden|aufhören)|aufhören|"
    r"keine (?:umfragen?|nachrichten|fragen)(?: mehr)?(?: bitte)?|"
    r"arr[êe]t|arr[êe]te[rz]?|d[ée]sabonner|me d[ée]sabonner|d[ée]sinscrire|me d[ée]sinscrire|"
    r"plus de (?:questions?|messages?|sondages?)|"
    r"baja|darme de baja|dar de baja|parar|no m[áa]s (?:preguntas|mensajes|encuestas)|"
    r"basta(?: domande)?|niente pi[uù] domande|sem mais perguntas|n[aã]o (?:me )?perguntem mais|"
    r"geen vragen(?: meer)?|bez pyta[ńn]|inga fler fr[åa]gor|ba[şs]ka soru yok|"
    r"質問(?:は)?不要(?:です|でお願いします)?|"
    r"لا مزيد من الأسئلة|لا مزيد من الاسئلة|"
    r"إيقاف|ايقاف|توقف|توقفوا|أوقف|إلغاء الاشتراك|الغاء الاشتراك|لا ترسلوا المزيد"
)

_UNSOLVED_PHRASES = (
    r"(?:not|n't|never|isn't|wasn't|hasn't been|un)[ -]?(?: been| really| yet| quite)?"
    r" ?(?:solved|resolved|fixed|sorted|working|repaired|answered)|"
    r"(?:still|again) (?:broken|not|no|waiting|missing|wrong|open|the same|doesn't|isn't|hasn't|"
    r"haven't|won't|can't)|(?:doesn't|does not|didn't|did not|won't) (?:work|help)|"
    r"(?:broke|broken|stopped working|failed) again|no help at all|"
    r"nicht (?:wirklich |ganz )?(?:gelöst|geklärt|behoben|erledigt|repariert|geholfen|beantwortet)|"
    r"ungelöst|immer noch|noch immer|noch nicht|(?:funktioniert|geht|klappt)(?: \w+)? nicht|"
    r"(?:pas|non|jamais|pas encore|toujours pas) (?:été )?(?:résolue?|réglée?|réparée?|résolu)|"
    r"toujours (?:pas|en panne|cassée?|rien)|(?:ne |n')?(?:marche|fonctionne) (?:toujours )?pas|"
    r"no (?:está|esta|ha sido|fue|se ha|quedó) (?:resuelt[oa]|solucionad[oa]|arreglad[oa])|"
    r"no (?:resuelt[oa]|solucionad[oa]|funciona)|sin (?:resolver|solucionar)|"
    r"(?:sigue|todavía|aún) (?:sin|no|rot[oa]|igual|mal)|"
    r"non (?:è |è stato |ancora )*(?:risolto|risolta|funziona)|ancora (?:rott[oa]|niente|aperto)|"
    r"ainda (?:não|à espera|avariad[oa])|não (?:foi |está |ficou )*(?:resolvid[oa]|funciona)|"
    r"continua (?:sem|igual|avariad[oa])|"
    r"(?:nog )?niet (?:echt )?(?:opgelost|gemaakt)|werkt (?:nog )?(?:steeds )?niet|nog steeds|"
    r"nie (?:zostało |jest )?(?:rozwiązan[aey]|naprawion[aey]|działa)|"
    r"(?:nadal|wciąż|ciągle) (?:nie|czekam)|"
    r"inte (?:löst|lagat|klart)|fungerar (?:fortfarande )?inte|fortfarande (?:inte|trasig)|"
    r"çözülmedi|(?:hala |hâlâ )(?:bozuk|yok|gelmedi|olmadı|aynı|bekliyorum)|"
    r"(?:hala |hâlâ )?çalışmıyor|\w*解決して(?:い)?(?:ない|ません)\w*|未解決\w*|"
    r"まだ(?:です|直|解決|壊|届|来|使え|動|でき|待)\w*|"
    r"(?:لم|لن) (?:يتم |تتم )?(?:ي?حل|تحل|حلها)(?: \w+)?|لا (?:يزال|تزال|يعمل|تعمل)|"
    r"ما ?(?:زال|زالت)|غير محلولة?"
)

_SOLVED_PHRASES = (
    r"solved|resolved|fixed|sorted|works? (?:now|again|fine|great|perfectly)|working (?:now|again)|"
    r"all good|all fine|all is well|"
    r"gelöst|geklärt|behoben|erledigt|alles (?:gut|bestens|klar|in ordnung)|"
    r"(?:funktioniert|geht|klappt)(?: jetzt| wieder| nun)|"
    r"résolue?|réglée?|(?:ça|cela|tout) (?:marche|fonctionne|va bien)|tout est (?:bon|en ordre)|"
    r"resuelt[oa]|solucionad[oa]|arreglad[oa]|ya funciona|todo bien|"
    r"risolto|risolta|(?:ora )?funziona|tutto (?:bene|a posto|ok)|"
    r"resolvid[oa]|já funciona|tudo (?:bem|certo|ok)|opgelost|werkt (?:weer|nu)|"
    r"rozwiązan[aey]|(?:już )?działa|wszystko (?:dobrze|w porządku)|alles (?:goed|in orde)|"
    r"löst|fungerar (?:nu|igen)|allt (?:är )?bra|"
    r"çözüldü|(?:artık )?çalışıyor|her şey (?:yolunda|iyi)|解決しました|直りました|"
    r"تم (?:حل|الحل|حلها)\w*|(?:يعمل|تعمل) الآن|كل شيء (?:جيد|تمام|بخير)"
)

_NO_PHRASES = (
    "no|nope|nah|not really|not at all|nein|nö|nee|leider nein|non|pas vraiment|لا|كلا|"
    "não|nie|niestety nie|nej|tyvärr inte|hayır|maalesef|いいえ"
)

_YES_PHRASES = (
    "yes|yep|yeah|yup|sure|absolutely|definitely|of course|ja|jep|jawohl|klar|auf jeden fall|"
    "oui|ouais|tout à fait|bien sûr|sí|si|claro|por supuesto|نعم|أجل|اجل|بالتأكيد|طبعا|"
    "sì|certo|sim|com certeza|zeker|tak|jasne|jo|absolut|evet|tabii|はい"
)

_POLITE_WORDS = (
    "thanks thank thx ty cheers you very much so a lot many for your the everything all help "
    "service it is was were that's that this great good fine nice perfect excellent super "
    "lovely awesome amazing brilliant helpful friendly kind quick fast ok okay happy now and "
    "really bye dear team wonderful best support "
    "danke dankeschön vielen dank schön sehr gut alles prima toll klasse bestens freundlich "
    "schnell für die den hilfe ihre ihnen und war es "
    "merci beaucoup bien parfait parfaite très génial pour votre aide tout c'est était "
    "gracias muchas muy perfecto genial excelente por su la ayuda todo amable ha sido "
    "grazie mille tante molto bene perfetto ottimo gentile gentili per il aiuto vostro tutto "
    "obrigado obrigada muito bem perfeito ótimo excelente simpática simpático pela pelo ajuda tudo "
    "bedankt dank u uw wel je jullie hartelijk fijn prima top heel erg goed voor hulp alles "
    "dziękuję dzięki bardzo dobrze świetnie super doskonale miło za pomoc wszystko szybko "
    "tack tusen så mycket bra toppen jättebra perfekt snabbt vänligt för hjälpen allt "
    "teşekkürler teşekkür ederim ederiz çok iyi güzel harika mükemmel süper yardımınız için "
    "شكرا جزيلا ممتاز رائع جيد جدا لكم لك على المساعدة مساعدتكم "
    "ありがとう ありがとうございます ありがとうございました どうも 助かりました "
    "大変 とても 良い 良かったです"
)
_POLITE = frozenset(_POLITE_WORDS.split())
"""Words of thanks and praise. An answer of these alone says nothing else."""

_NOTHING_WRONG = _POLITE | {"problem", "problems", "worries", "complaints", "questions", "more"}
"""Words after a "no" that do not complain: no thanks, no problem."""

_BAD_PHRASES = (
    "bad|badly|terrible|awful|horrible|poor|useless|disappointing|disappointed|not (?:very )?"
    "(?:good|helpful|happy|satisfied)|unhappy|worst|"
    "schlecht|furchtbar|schrecklich|mies|enttäuschend|enttäuscht|unzufrieden|"
    "nicht (?:gut|zufrieden)|"
    "mauvaise?|nulle?|horrible|déçue?|pas (?:bien|satisfaite?|bon)|"
    "malissimo|pessim[oa]|delus[oa]|insoddisfatt[oa]|péssim[oa]|má|mau|muito mal|desapontad[oa]|"
    "slecht|teleurgesteld|ontevreden|niet (?:goed|tevreden)|źle|słabo|fatalnie|niezadowolon[ya]|"
    "dåligt?|missnöjd|inte (?:bra|nöjd)|kötü|berbat|memnun değilim|最悪|不満|"
    "muy mal|mal[oa]|pésim[oa]|decepcionad[oa]|no (?:muy )?(?:bien|satisfech[oa]|content[oa])|"
    "سيء|سيئ|سيئة|غير راض"
)

_TAIL = (
    rf"(?=\s*(?:$|[.,;:!)\n–—،؛。-]|、(?!\d)|(?:{_CONTINUATIONS})(?!\w)|ありがとう|"
    # `2 still broken` is a score; `5 still missing` counts things.
    rf"(?<!^[45] )(?:{_UNSOLVED_PHRASES})(?!\w)))"
)
_STARS = rf"(?:\s*(?:{_STAR_WORDS})(?!\w))?"
_OF_FIVE = rf"(?:\s*(?:/|{_OF})\s*5)?"
_LEAD = rf"(?:(?:{_LEAD_IN_WORDS})[\s:]+){{0,4}}(?:星|評価は)?"
_NUMBER = re.compile(rf"\W*{_LEAD}([1-5])(?:[.,](\d))?{_OF_FIVE}{_STARS}{_TAIL}")
_OF_TEN = re.compile(rf"\W*{_LEAD}(10|\d)\s*(?:/|{_OF})\s*10{_TAIL}")
_WORD = re.compile(rf"\W*{_LEAD}({'|'.join(_NUMBER_WORDS)})(?!\w){_OF_FIVE}{_STARS}{_TAIL}")
_SYMBOLS = re.compile(r"[★⭐🌟]")
_ASTERISKS = re.compile(r"\s*(\*{1,5})\s*$")
_UP = re.compile("^[👍🙂😊😀😃😄😍❤🙏👌💯✅]+")
_DOWN = re.compile("^[👎😡😠😞🙁☹😢😤❌]+")
_STOP = re.compile(rf"^(?:{_PLEASE})?(?:{_STOP_PHRASES})(?: (?:{_COURTESIES}))*$")
_UNSOLVED = re.compile(rf"(?<!\w)(?:{_UNSOLVED_PHRASES})(?!\w)")
_SOLVED = re.compile(rf"(?<!\w)(?:{_SOLVED_PHRASES})(?!\w)")
_NO = re.compile(
    rf"^(?:{_NO_PHRASES})(?!\w)(?P<stop>\s*[,.!;:–—\n-]|\s*$)?\s*(?P<rest>.*)$", re.DOTALL
)
_YES = re.compile(rf"^(?:{_YES_PHRASES})(?!\w)\W*(?P<rest>.*)$", re.DOTALL)
_BAD = re.compile(rf"(?<!\w)(?:{_BAD_PHRASES})(?!\w)")


def parse_answer(text: str) -> SurveyAnswer | None:
    """The survey answer in ``text``, or None if it is none."""
    comment = text.strip()
    plain = _normalised(comment)
    if not plain or len(plain) > LONGEST:
        return None
    if _STOP.match(_words(plain)):
        return SurveyAnswer(opt_out=True)
    return _parse_score(plain, comment) or _parse_opinion(plain, comment)


def contains_question(text: str) -> bool:
    """Whether ``text`` contains a question mark."""
    return any(mark in text for mark in "?؟？")


def _parse_score(plain: str, comment: str) -> SurveyAnswer | None:
    score, rest = _score(plain)
    if score is None:
        return None
    return SurveyAnswer(
        score=score,
        solved=False if _UNSOLVED.search(rest) else None,
        comment=comment if re.search(r"\w", rest) else "",
        opt_out=bool(_STOP.match(_words(rest))),
    )


def _score(plain: str) -> tuple[int | None, str]:
    """The score (1..5) or None, and the rest of the text."""
    if stars := len(_SYMBOLS.findall(plain)):
        return min(stars, 5), re.sub(r"[★☆⭐🌟]", "", plain)
    if found := _ASTERISKS.match(plain):
        return len(found[1]), ""
    if found := _OF_TEN.match(plain):
        return min(5, max(1, (int(found[1]) + 1) // 2)), plain[found.end() :]
    if found := _NUMBER.match(plain):
        half = found[2] is not None and int(found[2]) >= 5
        return min(5, int(found[1]) + half), plain[found.end() :]
    if found := _WORD.match(plain):
        return _NUMBER_WORDS[found[1]], plain[found.end() :]
    return None, plain


def _parse_opinion(plain: str, comment: str) -> SurveyAnswer | None:
    if found := _UP.match(plain) or _DOWN.match(plain):
        rest = plain[found.end() :]
        if _only(_POLITE, rest):
            up = _UP.match(plain) is not None
            return SurveyAnswer(solved=up, comment=comment if _words(rest) else "")
    if _UNSOLVED.search(plain):
        return SurveyAnswer(solved=False, comment=comment)
    if found := _NO.match(plain):
        return _parse_no(found, comment)
    return None if contains_question(plain) else _parse_approval(plain, comment)


def _parse_no(found: re.Match[str], comment: str) -> SurveyAnswer | None:
    rest = found["rest"]
    if rest and _only(_NOTHING_WRONG, rest):
        return SurveyAnswer(comment=comment)
    short = len(rest.split()) <= 4 and not contains_question(rest)
    if found["stop"] is None and not short:
        return None
    return SurveyAnswer(solved=False, comment=comment if rest else "")


def _parse_approval(plain: str, comment: str) -> SurveyAnswer | None:
    length = len(plain.split())
    if found := _YES.match(plain):
        rest = found["rest"]
        if _only(_POLITE, rest) or _SOLVED.search(rest) or len(rest.split()) <= 6:
            return SurveyAnswer(solved=True, comment=comment if rest else "")
        return None
    if _SOLVED.search(plain) and length <= 12:
        return SurveyAnswer(solved=True, comment=comment)
    if _BAD.search(plain) and length <= 6:
        return SurveyAnswer(solved=False, comment=comment)
    return SurveyAnswer(comment=comment) if _words(plain) and _only(_POLITE, plain) else None


def _only(words: frozenset[str], text: str) -> bool:
    """Whether ``text`` has no other words than ``words``."""
    return words.issuperset(_words(text).split())


def _words(text: str) -> str:
    """The words of ``text``, without punctuation and emoji."""
    return " ".join(re.findall(r"[\w']+", text))


def _normalised(text: str) -> str:
    """``text`` in lower case, with ASCII digits, one kind of apostrophe and plain emoji."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    kept = (char for char in folded if not _is_modifier(char))
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in kept).strip()


def _is_modifier(char: str) -> bool:
    """Whether ``char`` joins or varies an emoji, stretches an Arabic word, or is a vowel sign."""
    if "\u064b" <= char <= "\u0652" or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True
    return char in "\u200d\ufe0e\ufe0f\u20e3\u0640"
