"""Tells an agent's note from their answer, so that nothing internal reaches a customer. Pure.

`note_text` finds what was marked as a note. `why_internal` finds what reads as if it were meant for
colleagues: those texts are asked about before they are sent. The word lists are our own, in the
languages of a team; the figures that they reach are in docs/agents-slack.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

LOCKS = "\N{LOCK}\N{CLOSED LOCK WITH KEY}\N{LOCK WITH INK PEN}"
LOCK_CODES = ("lock", "closed_lock_with_key", "lock_with_ink_pen")

_NOTE_WORDS = (
    r"(?:internal|private|team|staff|case|agent|side)[ -]notes?|note(?: to (?:self|team|all))?",
    r"(?:strictly |for )?internal(?:ly)?(?: (?:only|use|use only|comment|remark|info))?",
    r"(?:private|staff|team|colleagues|agents)(?: only)?",
    r"(?:do not|don't|not) (?:send|forward|for|to) ?(?:to )?(?:the )?(?:customer|client)?",
    r"(?:interne|private|kurze|team)?[ -]?notiz(?: (?:intern|ans team|an mich))?",
    r"(?:nur )?(?:intern|interner?|internes)(?: (?:vermerk|kommentar|hinweis|info|bemerkung|notiz))?",
    r"(?:interner )?vermerk|aktennotiz|aktenvermerk|nicht (?:senden|an (?:den )?kunden|für (?:den )?kunden)",
    r"(?:petite )?note(?: (?:interne|privée|d'équipe|perso))?|remarque interne|commentaire interne",
    r"(?:en )?interne(?: uniquement)?|usage interne|ne pas (?:envoyer|transmettre)(?: au client)?",
    r"notas?(?: (?:interna|privada|del equipo|di servizio|da equipa|da equipe|privata))?",
    r"(?:s[oó]lo |solo |uso |ad uso |para uso |apenas )?(?:intern[oa]|interno)(?: (?:solo|apenas))?",
    r"comentario interno|commento interno|coment[aá]rio interno|no enviar(?: al cliente)?",
    r"non inviare(?: al cliente)?|n[aã]o enviar(?: ao cliente)?|appunt[oi](?: intern[oi])?",
    r"(?:interne )?notitie|interne (?:opmerking|aantekening)|aantekening|niet (?:versturen|verzenden)",
    r"(?:wewnętrzna )?notatka(?: wewnętrzna)?|wewnętrzn[eay]|tylko wewnętrznie|nie wysyłać",
    r"(?:intern )?anteckning|internt|endast internt|skicka inte",
    r"(?:iç |dahili )?not|dahili|ekip içi|gönderme(?:yin)?",
    r"ملاحظة(?: داخلية| للفريق)?|داخلي(?:ة)?|للفريق فقط|لا ترسل(?: للعميل)?",
    r"(?:社内|内部)(?:用|向け|のみ)?(?:メモ|連絡|共有)?|メモ|ノート|送信しないで?(?:ください)?",
)
_FOR_WHOM = r"(?: (?:for|to|für|an|ans|pour|à|para|per|a|voor|aan|dla|till|için) [^\n:：]{1,40})?"
_MARKUP = r"*_~`"
_EMOJI_CODE = r":[a-z0-9_+'-]{1,60}:(?::skin-tone-[2-6]:)?"
_EMOJI = (
    "[\u2190-\u2bff\u3030\u303d\U0001f000-\U0001faff][\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]*"
)
_LEAD = rf"(?:[\s{re.escape(_MARKUP)}>|#•·\-–—\[(【\"'“«]|&gt;|{_EMOJI_CODE}|{_EMOJI})*"
_CLOSE = rf"[\s{re.escape(_MARKUP)}]*"
_MARK = re.compile(
    rf"(?P<lead>{_LEAD})(?P<word>{'|'.join(_NOTE_WORDS)}){_FOR_WHOM}{_CLOSE}"
    rf"(?:[:：]|[\])】][{re.escape(_MARKUP)}]*\s*[:：]?|(?=\n))(?P<close>[{re.escape(_MARKUP)}]*)",
    re.I,
)
_DASHED = re.compile(rf"{_LEAD}(?:{'|'.join(_NOTE_WORDS)}){_CLOSE}[–—-]\s", re.I)
_LOCKED = re.compile(
    rf"(?:[\s{re.escape(_MARKUP)}>]|&gt;)*(?:[{LOCKS}][\ufe0e\ufe0f]?|:(?:{'|'.join(LOCK_CODES)}):)"
    rf"{_LEAD}"
)
_QUOTE = re.compile(r"^(?:&gt;|>)+ ?", re.MULTILINE)


def note_text(text: str) -> str | None:
    """The words of a note; None when ``text`` is not marked as one.

    The mark is ``note:``, ``internal:`` or their like in twelve languages, or a lock, at the very
    beginning; Slack's markup, quote marks, brackets and emoji may stand around it. ``text`` may be
    as Slack delivers it or plain.
    """
    if locked := _LOCKED.match(text):
        lead, rest = locked[0], text[locked.end() :]
        if marked := _MARK.match(rest):
            lead, rest = lead + marked["lead"], rest[marked.end() :]
    elif marked := _MARK.match(text):
        lead, rest = marked["lead"], text[marked.end() :]
    else:
        return None
    if ">" in lead or "&gt;" in lead:
        rest = _QUOTE.sub("", rest)
    return _without_stray_markup(rest.strip(), lead).strip()


def _without_stray_markup(rest: str, lead: str) -> str:
    """``rest`` without the end of the markup, bracket or quotation mark that ``lead`` began."""
    for opened, closed in (*((mark, mark) for mark in _MARKUP), ("[", "]"), ("(", ")"), ("“", "”"),
                           ('"', '"'), ("«", "»"), ("【", "】")):  # fmt: skip
        begun = lead.count(opened)
        if not begun or not rest.endswith(closed):
            continue
        if closed in _MARKUP and rest.count(closed) % 2 == 0:
            continue
        while begun and rest.endswith(closed):
            rest, begun = rest[: -len(closed)], begun - 1
    return rest


# -- words for colleagues --------------------------------------------------------------------------

_MENTION = re.compile(r"<@[UW][A-Z0-9]+|<!(?:subteam\^|here|channel|everyone)|<#[CG][A-Z0-9]+")
_AT_NAME = re.compile(r"(?<![\w.+/@-])@[^\W\d_][\w.-]+")
_GREETINGS = (
    "hi hello hey dear hiya good morning afternoon evening day thanks thank you sorry welcome mr mrs ms "
    "miss dr hallo liebe lieber guten tag morgen abend moin servus herr frau geehrte geehrter "
    "danke bonjour bonsoir salut cher chère merci madame monsieur hola buenos buenas días tardes "
    "noches estimado estimada querido querida gracias señor señora sr sra ciao salve gentile caro "
    "cara buongiorno buonasera grazie signor signora olá ola prezado prezada obrigado obrigada bom "
    "boa dia tarde senhor senhora hoi beste geachte dag bedankt dank meneer mevrouw cześć dzień "
    "dobry szanowny szanowna dziękuję pani panie hej tack merhaba sayın teşekkürler bey hanım "
    "مرحبا أهلا شكرا عزيزي عزيزتي السيد السيدة and und et y e en i och ve"
)
_TITLES = frozenset(
    "mr mrs ms miss dr herr frau madame monsieur señor señora sr sra signor signora senhor senhora "
    "meneer mevrouw pani panie bey hanım السيد السيدة".split()
)
_GREETING_WORDS = frozenset(_GREETINGS.split())
_YOU = re.compile(
    r"\b(?:you|your|yours|yourself|u|ur|du|dich|dir|dein\w{0,2}|euch|euer|eure\w?|ihnen|"
    r"vous|votre|vos|tu|toi|ton|tes|usted|ustedes|ti|contigo|tus|vuestr\w+|você|vocês|"
    r"jij|jou|jouw|uw|dig|din|ditt|dina|ciebie|tobie|twoj\w+|państw\w+|pan[ius]?|"
    r"siz\w*|senin|seni|sana|te|voi|vostr[oaei])\b|لك|لكم|عليك|طلبك|あなた|お客様",
    re.I,
)
_YOURS = re.compile(
    r"\b(?:your|yours|dein\w{0,2}|eure\w?|votre|vos|ton|ta|tes|tus?|sus?|uw|jouw|vostr[oaei]|"
    r"seus?|suas?)\b|\bIhre?[mnrs]?\b|\bIhnen\b|\b(?i:vous|usted|Lei)\b"
)
_FORMAL_YOU = re.compile(
    r"(?<![.!?\n] )(?<!^)\b(?:Sie|Ihnen|Ihr|Ihre[mnrs]?|Lei|Suo|Sua|Suoi|Sue|Le|La)\b"
)
_CUSTOMER = re.compile(
    r"\b(?:the|this|that|our|same|a|poor|angry|silly|difficult) (?:customer|client|buyer|caller|"
    r"shopper|guest|lady|guy|woman|man)\b(?!(?:'s)? (?:service|support|care|number|portal|account|"
    r"id|area|zone|login|reviews?|team))|^(?:customer|client|caller|cust)\b(?! (?:service|support|care|"
    r"number|portal|account|id))|"
    r"\b(?:der|die|den|dem|des|dieser?|diesem|diesen|unser[em]?|die gute|der gute) kund(?:e|en|in)\b|"
    r"^kund(?:e|in)\b|\b(?:le|la|ce|cette|notre|du|au|à la) client(?:e)?\b|^client(?:e)? |"
    r"\b(?:el|la|este|esta|ese|esa|nuestr[oa]|del) clienta?e?\b|(?<!atención )(?<!servicio )(?<!servizio )(?<!soporte )\bal cliente\b|"
    r"\b(?:il|la|questo|questa|del|della|alla) cliente\b|"
    r"\b(?:o|a|este|esta|do|da|à|essa|esse) cliente\b|(?<!apoio )(?<!atendimento )\bao cliente\b|"
    r"\b(?:de|deze|die|onze) klant\b|\bklient(?:ka|ki|owi|em)?\b|\bkunden\b(?= (?:vill|är|har|säger|skrev))|"
    r"\bmüşteri(?:ye|nin|yi)?\b(?! hizmet)|العميل|العميلة|الزبون|顧客|お客さん",
    re.I | re.MULTILINE,
)
_THEY = (
    r"her|him|them|she|he|hers|ihr|ihm|ihn|sie|er|elle|lui|ella|él|lei|hem|haar|ze|zij|hij|ela|ele|"
    r"henne|honom|hon|han|ona|jej|jemu|mu|onu|ona"
)
_DEEDS = (
    r"refund|reimburse|replace|compensate|offer|give|send|block|ban|escalate|ignore|apologi[sz]e|"
    r"credit|cancel|call|ring|charge|believe|trust|ask|tell|check|investigate|wait|close|approve|"
    r"pay|reject|deny|treat|handle|report|flag|push|warn|verify|answer|reply|write"
)
_PERSON_FIRST = re.compile(
    r"^[\s>*_~`\"'-]*(?:(?:so|ok|okay|well|hm+|apparently|seems|looks like|i think|i guess|maybe|also|"
    r"and|but|now|fyi|btw)[, ]+)*(?:s?he|s?he['’](?:s|d|ll)|her|his)\b|"
    r"^[\s>*_~`\"'-]*(?:also |jetzt |und |aber |ich glaube,? |anscheinend )?(?:sie|er)\s+"
    r"(?:will|wollte|möchte|schreibt|schrieb|sagt|sagte|meint|meinte|behauptet|fragt|fragte|braucht|"
    r"lügt|nervt|klingt|versteht|verlangt|droht|beschwert|regt|wartet|"
    r"(?:hat|hatte|ist|war|wurde)\b(?=[^.!?\n]*\b(?:geschickt|gesendet|geschrieben|bezahlt|angerufen|"
    r"gesagt|gefragt|bestellt|gewartet|beschwert|gedroht|bekommen|verloren|storniert|recht|sauer|"
    r"wütend|verärgert|verwirrt|genervt|nett|unfreundlich|stammkund\w+|frech|enttäuscht)\b))|"
    r"^[\s>*_~`\"'-]*(?:alors |et |mais |je crois qu'|apparemment )?(?:elle|il)\s+"
    r"(?:veut|voulait|dit|demande|attend|prétend|écrit|menace|se plaint|comprend|ment|"
    r"(?:a|avait|est|n'a|n'est)\b(?=[^.!?\n]*\b(?:envoyé|écrit|payé|appelé|demandé|commandé|attendu|dit|"
    r"raison|en colère|fâchée?|furieu(?:x|se)|menacé|déjà)\b))|"
    r"^[\s>*_~`\"'-]*(?:pero |y |creo que |parece que )?(?:ella|él)\s+\w+|"
    r"^[\s>*_~`\"'-]*(?:ma |e |credo che )?lui\s+\w+|"
    r"^[\s>*_~`\"'-]*(?:maar |en |volgens mij )?(?:ze|zij|hij)\s+(?:heeft|wil|zegt|is boos|is kwaad|vraagt|"
    r"wacht|belde|schrijft|schreef|stuurde|klaagt|had)|"
    r"^[\s>*_~`\"'-]*(?:mas |e |acho que )?(?:ela|ele)\s+(?:já|quer|disse|diz|enviou|mandou|está|pediu|tem|"
    r"pagou|escreveu)|"
    r"^[\s>*_~`\"'-]*(?:hon|han)\s+(?:har|vill|säger|skrev|är arg|väntar|skickade)|"
    r"^[\s>*_~`\"'-]*(?:ona|on)\s+(?:już|chce|mówi|napisała?|wysłała?|czeka|jest zł[ya])",
    re.I | re.MULTILINE,
)
_TO_TEAM = re.compile(
    r"\b(?:can|could|would|will) (?:someone|somebody|anyone|anybody|one of you|any of you)\b|"
    r"\b(?:does|did|has) (?:anyone|anybody|someone|somebody)\b|^(?:anyone|anybody)\b|\bwho (?:can|could|has|"
    r"knows|wants|is on|took|takes|handles)\b(?=[^.!\n]*\?)|\b(?:hey|hi|hello|morning),? (?:team|all|folks|guys|"
    r"everyone|everybody)\b|^(?:team|guys|folks|all)[,:!]|\bbetween (?:us|you and me)\b|"
    r"\b(?:just )?fyi\b|\bheads[ -]up\b|\boff the record\b|\bwhat do (?:you|we) (?:all |guys )?think\b|"
    r"^thoughts\?|^who \w+ed\b|^what an? (?:\w+ )?(?:man|woman|guy|lady|person|idiot|pain|mess|nightmare)\b|\bany (?:idea|thoughts|objections)\b|\bwhat should (?:we|i) (?:do|say|tell|answer|reply)\b|"
    r"\b(?:ok|okay|fine) (?:to|if (?:we|i)) (?:refund|send|replace|offer|close|cancel)\b|"
    r"\bdo we (?:have|still|offer|refund|know|sell|ship|do|need|want)\b|\bare we (?:allowed|sure|ok)\b|"
    r"\b(?:please )?approve (?:this|the|it)\b|\bneeds? (?:approval|sign[- ]off|a manager)\b|"
    r"\b(?:don'?t|do not) (?:tell|refund|answer|reply|trust|believe|send|promise)\b|\blet'?s (?:not )?(?:"
    + _DEEDS
    + r")\b|"
    r"\b(?:looks|smells|sounds|feels) like (?:a )?(?:fraud|scam|abuse|a fake|trouble|lie|fake)\b|\bscammer\b|"
    r"\btrouble ?maker\b|\bgoodwill\b(?=[^.\n]*\?)|\b(?:taking|i(?:'ll| will) take) (?:this|it) (?:one|over)\b|"
    r"\bmy shift\b|\bwho(?:'s| is) (?:on|taking)\b|"
    r"\b(?:kann|könnte|weiß|hat|mag|will) (?:da |das |hier |bitte |mal )*(?:jemand|wer|einer|eine von euch)\b|"
    r"^(?:wer|jemand) (?:kann|hat|weiß|übernimmt|macht)\b|\bhallo (?:team|zusammen|ihr|leute)\b|\bhey (?:team|leute)\b|"
    r"\bwas meint ihr\b|\bkönnt ihr\b|\bkönntet ihr\b|\blass(?:t)? uns\b|\b(?:nur )?zur info\b|\bunter uns\b|"
    r"\bkannst du (?:bitte |da |das |hier |mal |kurz )*(?:schauen|prüfen|übernehmen|freigeben|nachsehen|draufschauen|"
    r"gucken|checken|klären)\b|\bschau (?:bitte )?mal\b|\bmagst du (?:mal |das )|\bmüssen wir (?:das )?erstatten\b|"
    r"\bhaben wir (?:das|die|den|noch)\b|\bsag (?:ihr|ihm)\b|\bwas (?:sollen|sagen|machen|antworten) wir\b|"
    r"\bquelqu'un (?:peut|pourrait|sait|a)\b|\bqui (?:peut|sait|s'en occupe)\b(?=[^.\n]*\?)|\b(?:salut|bonjour) (?:l'équipe|à tous|tous)\b|"
    r"\bon (?:rembourse|lui|devrait|fait quoi|peut lui)\b|\bpour info\b|\bentre nous\b|\best-ce qu'on\b|\bdis-lui\b|"
    r"\bqu'est-ce qu'on (?:fait|répond|lui)\b|\bvous en pensez quoi\b|\btu en penses quoi\b|\btu peux (?:regarder|vérifier|"
    r"prendre|valider|checker|t'en occuper)\b|\bpeux-tu (?:regarder|vérifier|prendre|valider)\b|"
    r"\balguien (?:puede|podría|sabe|ha|tiene)\b|\bquién (?:puede|sabe|lo|se)\b|^\W*le [^\W\d_]+mos\b(?=[^.!\n]*\?)|\bhola (?:equipo|a todos|chicos)\b|"
    r"\bqué (?:hacemos|le decimos|opináis|opinan|pensáis)\b|\bentre nosotros\b|\bpara que (?:lo )?sepáis\b|"
    r"\bpuedes (?:mirarlo|revisarlo|echar un vistazo|encargarte|aprobarlo)\b|\bvamos a (?:devolverle|darle|ofrecerle)\b|"
    r"\bqualcuno (?:può|potrebbe|sa|ha)\b|\bchi (?:può|sa|se ne occupa)\b|\bche facciamo\b|\b(?:che|cosa) (?:le |gli )?diciamo\b|\btra noi\b|"
    r"\bciao (?:team|a tutti|ragazzi)\b|\bpuoi (?:guardare|controllare|occupartene|dare un'occhiata)\b|"
    r"\balguém (?:pode|poderia|sabe|tem)\b|\bquem (?:pode|sabe|fica)\b|\bo que (?:fazemos|dizemos)\b|\bentre nós\b|\boi (?:pessoal|equipe)\b|"
    r"\bkan (?:er )?iemand\b|\bweet iemand\b|\bwie (?:kan|weet|pakt)\b(?=[^.\n]*\?)|\bwat (?:doen|zeggen) we\b|\bhoi allemaal\b|\bonder ons\b|"
    r"\bkun je (?:hier |dit |even )*(?:naar kijken|checken|oppakken)\b|\b(?:zullen|moeten) we (?:haar|hem|dit|het)\b|"
    r"\bczy ktoś\b|\bmoże ktoś\b|\bco robimy\b|\bmiędzy nami\b|\bkan någon\b|\bvet någon\b|\bvad gör vi\b|"
    r"\bbiri(?:si)? (?:bakabilir|bakar|biliyor)\b|\bne yapalım\b|\baramızda\b|هل يمكن لأحد|هل يعرف أحد|ماذا نفعل|بيننا|"
    r"誰か|どうしましょう|ここだけの話",
    re.I | re.MULTILINE,
)
_WE_SHOULD = re.compile(
    rf"\b(?:we|i) (?:should|must|have to|need to|ought to)(?: just| probably| maybe|n't| not)* (?:{_DEEDS})\b|"
    rf"\b(?:should|shall|can) (?:we|i)(?: just| maybe)* (?:{_DEEDS})\b|"
    rf"^[\s>*_~`\"'-]*(?:please |pls |plz |just )?(?:(?:{_DEEDS}) (?:{_THEY})|(?:refund|block|ban|"
    r"escalate|close|approve|reject|deny|flag) (?:the|this))\b|"
    r"\bwir sollten\b|\b(?:sollten|sollen) wir\b|\bon (?:doit|pourrait|devrait)\b|"
    r"\b(?:nous devrions|devrions-nous|il faut|faut-il|il faudrait) (?:lui |la |le |leur )?(?:rembours|renvoy|appel|répond|propos|donn)|"
    r"\b(?:deberíamos|tendríamos que|habría que)\b|\bdovremmo\b|"
    r"\b(?:devíamos|deveríamos)\b|\b(?:we moeten|we kunnen) (?:haar|hem)\b|"
    r"\b(?:powinniśmy|musimy jej|musimy mu)\b|\bvi (?:borde|måste)\b|يجب أن (?:نعيد|نرد|نتصل|نعوض)|返金すべき",
    re.I | re.MULTILINE,
)
_THIRD_PERSON = re.compile(
    r"\b(?:she|he|her|him|hers)\b|\b(?:ihm|ihr) (?!Team)|"
    r"\b(?:ruf|rufe|frag|frage|informier|informiere|vertröste|schreib|schreibe) sie\b|"
    r"\b(?:pour|avec|chez|à|de) (?:elle|lui)\b|\b(?:je|on) (?:la|le|l')\s?(?:r?appelle|relance|préviens)|"
    r"\b(?:qu'|que )(?:elle|il) (?:a raison|ment|exagère|a (?:tort|déjà))|\blui (?:rembours|renvo|propos|écri|di|répond)\w*|"
    r"\b(?:a|con|para|por) (?:ella|él)\b|\b(?:la|lo) (?:llamo|llamamos|compensamos)\b|"
    r"\b(?:a|con|per) lui\b|\b(?:a|com|para) el[ae]\b|\b(?:met|voor|aan) (?:haar|hem)\b",
    re.I,
)
_SOMEBODY_ELSE = re.compile(
    r"\b(?:drivers?|couriers?|post(?:man|woman|ie)|colleagues?|neighbou?rs?|technician|manager|boss|"
    r"seller|expert|engineer|doctor|nurse|child|daughter|son|wife|husband|partner|friend|mother|"
    r"father|dog|cat|baby|fahrer\w*|kolleg\w+|nachbar\w*|techniker\w*|chef\w*|tochter|sohn|mann|frau|"
    r"livreur|collègue|voisine?|technicien|repartidor|compañer[oa]|vecin[oa]|técnico|corriere|"
    r"colleg[ah]\w*|vicin[oa]|estafeta|vizinh[oa]|bezorger|buurman|buurvrouw)\b",
    re.I,
)
_ASKS_SOMEONE = re.compile(
    r"\b(?:can|could|would|will) you (?:please |just |maybe )*(?:check|look|take|handle|approve|jump|help|have a look|"
    r"cover|call|ring|confirm|refund|reply|answer|find|ask|see|tell|verify|deal|sort|chase)\b|"
    r"\bplease (?:check|look|take|handle|approve|call|refund|ask|chase|find out)\b",
    re.I,
)
_REQUEST = r"(?:can|could|would|please|pls|kannst|könntest|bitte|tu peux|peux-tu|puedes|puoi|podes|kun je)\b"
_SENTENCE = re.compile(r"[^.!?\n;:]+[.!?\n;:]?")


def why_internal(
    text: str, *, customer: str | None = None, colleagues: Collection[str] = ()
) -> str | None:
    """Why ``text`` may be meant for colleagues and not for the customer; None when nothing shows
    that.

    ``text`` may be as Slack delivers it or plain, ``customer`` is the customer's name, and
    ``colleagues`` are names of the team.
    """
    if _MENTION.search(text):
        return "It mentions a colleague or a channel."
    if _inner_note(text):
        return "A part of it looks like a note."
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    if _AT_NAME.search(plain):
        return "It mentions a colleague."
    if name := _addressed_colleague(plain, customer, colleagues):
        return f"It speaks to {name}, who is a colleague."
    if _CUSTOMER.search(plain):
        return "It speaks about the customer."
    if _TO_TEAM.search(plain):
        return "It reads like a question or a message to the team."
    named = _names_customer(plain, customer)
    to_them = bool(_YOU.search(plain) or _FORMAL_YOU.search(plain))
    asks = bool(_ASKS_SOMEONE.search(plain))
    person = _THIRD_PERSON.search(plain) or _PERSON_FIRST.search(plain)
    about = bool(person) and not _SOMEBODY_ELSE.search(plain)
    if named and (asks or not to_them or _WE_SHOULD.search(plain)):
        return f"It speaks about {customer}."
    if about and (asks or not to_them or not _YOURS.search(plain)):
        return "It seems to speak about the customer."
    if _WE_SHOULD.search(plain) and not to_them:
        return "It reads like advice to the team."
    return None


def _inner_note(text: str) -> bool:
    """Whether a later line begins like a note, or the first one like a note with a dash."""
    if _DASHED.match(text):
        return True
    _, *others = text.split("\n")
    return any(_MARK.match(line) or _LOCKED.match(line) for line in others)


def _addressed_colleague(
    text: str, customer: str | None, colleagues: Collection[str]
) -> str | None:
    """The colleague to whom ``text`` begins to speak."""
    words = _words(text)[:4]
    first = next((word for word in words if word not in _GREETING_WORDS), "")
    own = set(_words(customer or ""))
    for name in colleagues:
        parts = _words(name)
        if parts and first in (parts[0], "".join(parts)) and first not in own:
            called = re.search(rf"\b{re.escape(first)}\b\s*(?:[,:!?\-–—\n]|{_REQUEST})", text, re.I)
            greeted = words[:1] != [first]
            if called or greeted:
                return name
    return None


def _names_customer(text: str, customer: str | None) -> bool:
    """Whether ``text`` has the customer's name other than as the one it speaks to."""
    names = [word for word in _words(customer or "") if len(word) > 1]
    return bool(names) and any(
        _names_in(sentence, names) for sentence in _SENTENCE.findall(text) if sentence.strip()
    )


def _names_in(sentence: str, names: Sequence[str]) -> bool:
    tokens = [(m[0].casefold(), m.start(), m.end()) for m in re.finditer(r"[\w'-]+", sentence)]
    count = len(tokens)
    for index, (word, start, end) in enumerate(tokens):
        if word.removesuffix("'s").removesuffix("'") not in names:
            continue
        if word.endswith("'s"):
            return True
        before = [t[0] for t in tokens[:index] if t[0] not in names]
        gap = sentence[tokens[index - 1][2] : start] if index else ""
        after = sentence[end:].lstrip()
        alone = not before or set(before) <= _GREETING_WORDS
        ends = not after or after[0] in ".!?,;:\n–—-"
        follows_name = index + 1 < count and tokens[index + 1][0] in names
        greeted = bool(set(before) - _TITLES)
        if alone and (ends or greeted or (follows_name and not before)):
            continue
        if ends and ("," in gap or set(before[-2:]) & _GREETING_WORDS):
            continue
        return True
    return False


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", unicodedata.normalize("NFKC", text).casefold())
