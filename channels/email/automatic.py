"""Mail that no person wrote: automatic mail, and loops with other robots.

Sources: RFC 3834 (automatic responses), RFC 2919 and 2369 (mailing lists), RFC 3462 (delivery
reports), and the headers in use before them.

Out-of-office replies that no header marks are recognised by form and wording, in the languages of
`body.LANGUAGES`. Mail programs put fixed words before our subject ("Automatic reply: ..."); these
are certain. By its text alone a mail counts only when it answers one of ours, speaks of absence as
such replies do, and asks for nothing: a customer who will be away and wants a parcel kept is a
person.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import MutableMapping
from datetime import datetime, timedelta

from cachetools import LRUCache

from channels.email.bounces import is_our_id
from channels.email.headers import Headers, first


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_BULK = {"bulk", "list", "junk", "auto_reply"}
_LIST_HEADERS = ("list-id", "list-post", "list-unsubscribe")
_LIST_ADDRESSES = ("list-post", "mailing-list", "x-beenthere")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,255}")
_REPLY_HEADERS = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply",
                  "x-failed-recipients")  # fmt: skip
_MACHINES = re.compile(
    r"(?:mailer-?daemon|(?:do[-_.]?)?no[-_.]?t?[-_.]?(?:reply|respond)|postmaster|bounces?"
    r"|listserv|majordomo)"
    r"(?:[+=._-].*)?"
)
_MAX_SENDERS = 10_000

_REPLY_PREFIX = re.compile(r"^(?:\s*(?:re|aw|antw|sv|vs|odp|ref|rif|tr|r)\s*:)+\s*", re.IGNORECASE)
_FIXED_SUBJECT = _any(
    r"(?:automatic|automated|auto)[- ]?(?:reply|response|answer|responder)|autoreply"
    r"|autoresponse|auto(?= ?: ?(?:re|aw|antw|sv|vs|odp|ref|rif|res|tr|r) ?:)",
    r"out[- ]of[- ](?:the[- ])?office|vacation (?:reply|response|notice|message|autoreply)|ooo",
    r"automatische (?:r[üu]ck)?antwort|abwesenheits?(?:notiz|meldung|nachricht|assistent"
    r"|benachrichtigung|info\w*)"
    r"|auto-?antwort",
    r"r[ée]ponse automatique(?: d.absence)?|message d.absence|absence du bureau"
    r"|absent(?:e)? du bureau",
    r"respuesta autom[áa]tica|auto-?respuesta|fuera de (?:la )?oficina|mensaje de ausencia",
    r"risposta automatica|fuori (?:sede|ufficio)|messaggio di assenza",
    r"automatisch(?:e)? (?:antwoord|reactie|beantwoording)|afwezigheids?(?:bericht|melding"
    r"|assistent)",
    r"automatiskt svar|auto-?svar|fr[åa]nvaro(?:meddelande|besked|assistent)",
    r"automatisk (?:svar|besvarelse)|frav[æa]rs(?:besked|meddelelse|assistent)|ikke p[åa] kontoret",
    r"automatyczna odpowied[źz]|auto-?odpowied[źz]|odpowied[źz] automatyczna|poza biurem",
    r"resposta autom[áa]tica|fora do escrit[óo]rio|mensagem de aus[êe]ncia",
    r"otomatik (?:yan[ıi]t|cevap)|ofis d[ıi]ş[ıi]nda|رد تلقائي|خارج المكتب"
    r"|自動(?:返信|応答)|自动(?:回复|答复)",
)
_ABSENT_SUBJECT = _any(
    r"(?:I am |I.m |currently )?(?:absent|absence|away|on (?:leave|vacation|holidays?)"
    r"|annual leave|vacation)\b",
    r"(?:ich bin )?(?:abwesen\w+|(?:im )?urlaub|außer haus)\b|(?:je suis )?(?:absente?|absence"
    r"|en cong[ée]s?|en vacances)\b",
    r"ausen(?:te|cia)\b|de vacaciones\b|(?:estoy )?fuera\b|assen(?:te|za)\b|in ferie\b"
    r"|afwezig\w*|(?:met |op )?vakantie\b",
    r"frånvar\w+|(?:på )?semester\b|ledig\b|fravær\w*|(?:på )?ferie\b|nieobecn\w+|(?:na )?urlop\w*",
)
_UNTIL = _any(
    r"\W*(?:re|aw|tr|sv|vs|antw|odp|r)\s*:|\W*(?:until|till|from|through|back|bis|vom|ab|jusqu"
    r"|du|de|hasta|del|fino|dal)\b",
    r"\W*(?:tot|van|vanaf|till|från|til|fra|do|od)\b|\W*\d",
)
_ABSENT = _any(
    r"\bout of (?:the |my )?office\b|\b(?:not|n.t be) (?:currently )?(?:in|at) (?:the "
    r"|my )(?:office|desk)\b",
    r"\b(?:am|.m|be|currently|presently) (?:\w+ ){0,2}(?:away|absent|travell?ing|unavailable"
    r"|off (?:work|sick))\b",
    r"\bon (?:\w+ ){0,2}(?:leave|vacation|holidays?|business trip)\b|\bannual leave\b",
    r"\bwieder im (?:büro|haus|dienst)\b|\b(?:ich habe|habe ich) (?:\w+ )?urlaub\b"
    r"|\bim (?:\w+ )?urlaub\b|\bin (?:elternzeit|mutterschutz)\b|\babwesend\b|\baußer haus\b"
    r"|\bauf dienstreise\b",
    r"\bnicht (?:im (?:büro|haus|hause|dienst)|am (?:arbeits)?platz|erreichbar|anwesend"
    r"|zu erreichen)\b",
    r"\babsente?\b|\ben (?:cong[ée]s?|vacances|déplacement|arrêt maladie)\b|\bindisponible\b",
    r"\bfuera de (?:la |mi )?oficina\b|\bde (?:vacaciones|baja|viaje)\b|\bausente\b"
    r"|\bno (?:estoy|estaré) (?:disponible|en la oficina)",
    r"\bfuori (?:ufficio|sede)\b|\bassente\b|\bin (?:ferie|congedo|trasferta|vacanza)\b"
    r"|\bnon (?:sono|sarò) (?:in ufficio|disponibile)",
    r"\bafwezig\b|\bniet (?:aanwezig|bereikbaar|op kantoor)\b|\b(?:met|op) (?:\w+ )?(?:vakantie"
    r"|verlof|reis)\b|\bvakantie van\b",
    r"\b(?:på|har) (?:semester|föräldraledig\w*|tjänsteresa)\b|\b(?:är|är nu) (?:borta|ledig"
    r"|bortrest|frånvarande|tjänstledig|föräldraledig)\b",
    r"\binte (?:på (?:kontoret|plats|jobbet)|i tjänst)\b|\b(?:på|har|holder) (?:ferie|orlov"
    r"|barsel|fri)\b|\bfraværende\b",
    r"\bikke (?:på kontoret|på arbejde|til stede|at træffe)\b|\bude af (?:huset|kontoret)\b",
    r"\bna (?:\w+ )?urlopie\b|\bpoza (?:biurem|firmą)\b|\bnieobecn\w+|\bw delegacji\b"
    r"|\bna zwolnieniu\b",
)
_GONE = _any(
    r"\b(?:have|has) (?:now )?left (?:the company|the organi[sz]ation|my position|\w+ (?:ltd|inc"
    r"|gmbh)\b)",
    r"\bno longer (?:works?|working|employed|with)\b|\bnicht mehr (?:für|bei"
    r"|in) .{2,40} (?:tätig|beschäftigt)",
    r"\bne (?:travaille|fait) plus\b|\bya no (?:trabaj|form)\w+|\bnon (?:lavor\w+|fa) più\b"
    r"|\bniet meer werkzaam\b",
    r"\b(?:inte längre|slutat)\b.{0,30}(?:kvar|anställd|arbetar|på)|\bikke længere ansat\b"
    r"|\bnie pracuj\w+ już\b",
    r"\bthis (?:mailbox|inbox|e-?mail address|address) is (?:no longer|not) (?:monitored|in use"
    r"|read|active)",
)
"""Whoever had the address has left it for good."""
_LATER = _any(
    r"\b(?:until|till|through|back (?:on|in|at)|be back|return(?:ing)?|from .{3,30} to)\b",
    r"\b(?:bis|ab dem|wieder (?:da|erreichbar|im)|zurück)\b|\b(?:jusqu|de retour|du \d|retour le"
    r"|à partir du)",
    r"\b(?:hasta|volver\w+|regres\w+|vuel\w+|de vuelta|fino a\w*|rientr\w+|torner\w+|dal \d"
    r"|al \d)\b",
    r"\b(?:tot|terug|vanaf|weer|till|åter\w*|tillbaka|t\.?o\.?m|til|tilbage|fra d|do|wróc\w+"
    r"|wrac\w+"
    r"|powr\w+)\b",
)
_MEANWHILE = _any(
    r"(?:not|n.t) (?:be )?(?:read|check)\w* (?:my )?(?:e-?mail|mail)|(?:keine"
    r"|meine) (?:e-?)?mails|ne (?:lis|consulte) pas",
    r"no leo|non leggo|accesso limitato|lees (?:\w+ )?(?:geen|mijn)|läser inte|læser ikke"
    r"|nie czytam",
    r"limited (?:access|e-?mail)|(?:no|without|not have|don.t have) access to (?:my )?(?:e-?mail"
    r"|mail)|when I (?:return|get back|am back|.m back)|(?:upon|on|after) my return",
    r"\burgent\b|in (?:my|his|her) absence|(?:contact|reach|write to|call|ask|e-?mail) my \w+"
    r"|as soon as (?:I"
    r"|possible) .{0,20}(?:return|back)|not (?:be )?(?:read|forwarded|monitored)",
    r"dringende\w* (?:f[äa]ll|angelegenheit|frage|anliegen)|wenden sie sich|mein\w* (?:vertret"
    r"|kolleg)|nicht (?:weitergeleitet|gelesen|automatisch weiter)|(?:keinen|eingeschränkt\w*"
    r"|unregelmäßig\w*) zugriff|nach (?:meiner )?r[üu]ckkehr|mails? (?:werden|wird)",
    r"urgence|urgent\w*|à mon retour|dès mon retour|en mon absence|durant mon absence"
    r"|mon collègue|ma collègue|accès (?:limité|restreint)|vous adresser",
    r"urgen(?:cia|te|tes|za|ze)\b|a mi (?:regreso|vuelta)|durante mi ausencia|mi compañer"
    r"|acceso limitado|póngase en contacto|al mio (?:rientro|ritorno)|in mia assenza"
    r"|durante la mia|collega|questioni urgenti",
    r"dringend\w*|spoed\w*|bij terugkomst|na mijn (?:terugkeer|vakantie)|tijdens mijn"
    r"|mijn collega|niet (?:doorgestuurd|gelezen)|beperkt\w* (?:toegang|bereikbaar)",
    r"brådskande|när jag är (?:tillbaka|åter)|under min|min kollega|begränsad"
    r"|svarar (?:jag )?(?:när|så snart)|akuta",
    r"haste\w*|når jeg er (?:tilbage|retur)|under mit|min kollega|begrænset"
    r"|besvare\w* .{0,30}når|akutte|presserende",
    r"piln\w+|po (?:moim )?powrocie|podczas mojej|w (?:czasie|trakcie) (?:mojej )?nieobecno"
    r"|ograniczony dostęp|proszę o kontakt z|zastępuj",
)
_AUTOMATIC = _any(
    r"\b(?:automatic|automated|auto-?generated|automatically generated"
    r"|auto-?reply)\b[^.\n]{0,30}(?:reply|response|message|e-?mail|answer)?"
    r"|generated automatically",
    r"automatisch (?:generiert|erstellt|erzeugt)|automatische (?:antwort|nachricht|e-?mail)",
    r"r[ée]ponse automatique|message (?:\w+ )?automatique|automatiquement|(?:respuesta"
    r"|mensaje) autom[áa]tic\w|automáticamente",
    r"risposta automatica|messaggio automatico|automaticamente|automatisch(?:e)? (?:antwoord"
    r"|bericht|gegenereerd|verzonden)",
    r"automatiskt? (?:svar|meddelande|genererat|besked|besvarelse|genereret)|auto-?svar",
    r"automatyczn\w+ (?:odpowied|wiadomo)|wygenerowan\w+ automatycznie|odpowied\w+ automatyczn",
)
_THANKS_FOR_MAIL = _any(
    r"thank(?:s| you) for (?:your |the )?(?:e-?mail|mail|message|contact\w*|writing|reaching"
    r"|getting in touch|enquiry|inquiry)",
    r"dank\w* für (?:ihre|deine|die|eure) (?:e-?mail|mail|nachricht|anfrage|zuschrift"
    r"|kontaktaufnahme)",
    r"merci (?:pour|de) (?:votre|ton) (?:e-?mail|mail|message|courriel|demande)"
    r"|gracias por (?:su|tu|el|contact\w+) ?(?:e-?mail|mail|mensaje|correo|consulta)?",
    r"grazie per (?:il|la|l.)? ?(?:sua|tua|suo|tuo)? ?(?:e-?mail|mail|messaggio|richiesta|avermi"
    r"|averci)",
    r"(?:bedankt|dank\w*(?: u| je)?) voor (?:uw|je|jouw|het|de) (?:e-?mail|mail|bericht|vraag)",
    r"tack för (?:ditt|ert|din) (?:e-?mail|mail|mejl|meddelande|e-?post)|tak for (?:din"
    r"|jeres) (?:e-?mail|mail|besked|henvendelse)",
    r"dziękuj\w+ za (?:\w+ )?(?:e-?mail|mail|wiadomość|kontakt)",
)
_REQUEST = _any(
    r"\?|\bplease (?:send|keep|hold|wait|ship|refund|change|let me|help|stop)|\bI (?:want"
    r"|would like|need)\b",
    r"\bbitte (?:senden|schicken|warten|halten|keine?|helfen|ändern)|\bich (?:möchte|will"
    r"|brauche|hätte)\b",
    r"\bje (?:voudrais|veux|souhaite)|\bj.aimerais|\b(?:quiero|quisiera|necesito)\b|\b(?:vorrei"
    r"|voglio)\b",
    r"\bik (?:wil|zou graag)|\bjag (?:vill|skulle vilja)|\bjeg (?:vil gerne|ønsker)|\b(?:chcę"
    r"|chciał\w+)\b",
    r"\b(?:order|parcel|package|deliver\w*|shipment|refund|invoice|cancel|lamp|address|money"
    r"|bought|broken)\b",
    r"liefer|bestell|paket|rückgabe|stornier|erstatt|rechnung|commande|colis|livrai|rembours"
    r"|facture",
    r"pedido|paquete|entrega|reembols|factura|ordine|pacco|consegn|rimbors|fattura|pakket|lever"
    r"|terugbeta",
    r"neighbou?r|nachbar|sendung|päckchen|zustell|voisin|vecin[oa]|vicin[oa] di casa|\bbuur|\bburen"
    r"|granne|\bnabo|sąsia[dt]",
    r"beställ|leverans|återbetal|faktur|bestil|pakke|refusion|zamówi|paczk|dostaw|zwrot",
)
_MOST = 1_500
"""Characters of a text that may be an out-of-office reply; longer ones are letters."""


class LoopGuard:
    """Counts mails by sender to find robots that do not identify themselves.

    ``max_mails`` of one sender in ``window`` seconds are answered.
    """

    def __init__(self, *, max_mails: int, window: float) -> None:
        self._max_mails, self._window = max_mails, timedelta(seconds=window)
        self._times: MutableMapping[str, deque[datetime]] = LRUCache(_MAX_SENDERS)

    def reason(self, sender: str, now: datetime) -> str | None:
        """Why one more mail of ``sender`` is not answered, or None."""
        recent = [at for at in self._times.get(sender, ()) if at > now - self._window]
        if len(recent) < self._max_mails:
            return None
        seconds = int(self._window.total_seconds())
        return f"its sender wrote {self._max_mails} mails in {seconds} s"

    def count(self, sender: str, now: datetime) -> None:
        """Count a mail of ``sender``. Only the latest senders are remembered."""
        self._times.setdefault(sender, deque(maxlen=self._max_mails)).append(now)


def automatic_reason(
    headers: Headers, *, sender: str, envelope: str | None, own_addresses: frozenset[str]
) -> str | None:
    """Why this mail must not be answered; None when a person may have written it.

    ``envelope`` is the SMTP sender where it is known, ``<>`` or empty for the null sender.
    """
    submitted = first(headers, "auto-submitted").partition(";")[0].strip().lower()
    suppress = first(headers, "x-auto-response-suppress").lower()
    path = first(headers, "return-path").strip() if envelope is None else envelope.strip()
    null_path = path in ("<>", "") if envelope is not None else path == "<>"
    local = sender.rpartition("@")[0]
    foreign_list = not is_own_list(headers, own_addresses)
    bulk = _BULK if foreign_list else _BULK - {"list"}
    reasons = (
        (submitted not in ("", "no"), f"Auto-Submitted: {submitted[:40]}"),
        (first(headers, "precedence").strip().lower() in bulk, "Precedence says bulk"),
        (
            foreign_list and any(name in headers for name in _LIST_HEADERS),
            "it came by a mailing list",
        ),
        (any(name in headers for name in _REPLY_HEADERS), "it says it is an automatic reply"),
        (bool({"all", "autoreply"} & set(re.split(r"[,\s]+", suppress))), "it asks for no answer"),
        (null_path, "its return path is empty"),
        (bool(_MACHINES.fullmatch(local)), "its sender takes no mail"),
        (_content_type(headers).startswith("multipart/report"), "it is a delivery report"),
        (is_our_id(first(headers, "message-id").strip()), "it is our own mail, sent back to us"),
        (sender in own_addresses, "it is from our own address"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def is_own_list(headers: Headers, own_addresses: frozenset[str]) -> bool:
    """Whether the mail came by a mailing list whose address is our own (a Google Group): then its
    members are our agents, and who wrote to it is a customer.

    ``List-Post`` (RFC 2369 section 3.4) names the list's address; Google's and Yahoo's groups name
    it in ``Mailing-list``, Mailman in ``X-BeenThere``.
    """
    values = [value for name in _LIST_ADDRESSES for value in headers.get(name, ())]
    return any(address.lower() in own_addresses for address in _ADDRESS.findall(" ".join(values)))


def _content_type(headers: Headers) -> str:
    return first(headers, "content-type").strip().lower()


def out_of_office_reason(subject: str, text: str, *, answers_us: bool) -> str | None:
    """Why a mail with ``subject`` and the new words ``text`` is an out-of-office reply; None when a
    person may have written it. ``answers_us``: it names a mail of ours as the one it answers."""
    plain = _REPLY_PREFIX.sub("", subject)
    # A person who answers a mail about an automatic reply has its words behind their own "Re:".
    fixed = _FIXED_SUBJECT.match(subject)
    absent, later, meanwhile = (
        bool(pattern.search(text[:_MOST])) for pattern in (_ABSENT, _LATER, _MEANWHILE)
    )
    automatic = bool(_AUTOMATIC.search(text[:_MOST]))
    thanks = bool(_THANKS_FOR_MAIL.search(text))
    asks = bool(_REQUEST.search(text))
    if fixed:
        rest = subject[fixed.end() :].strip()
        alone = not rest and not asks and (len(text) <= _MOST)
        if rest[:1] in tuple(":：([") or _REPLY_PREFIX.match(rest) or alone:
            return f"it reads like an out-of-office reply: {fixed.group()[:40]}"
    noted = _ABSENT_SUBJECT.match(plain)
    gone = bool(_GONE.search(text))
    answers = answers_us or subject != plain or noted is not None
    if len(text) > _MOST or asks or not answers or not (absent or gone or noted):
        return None
    begins = noted is not None and bool(_UNTIL.match(plain, noted.end()))
    signs = (gone or thanks, later, meanwhile, noted is not None, begins)
    if sum(signs) + 2 * automatic + gone >= 2 and (absent or gone or begins):
        return "it reads like an out-of-office reply: it speaks of absence"
    return None
