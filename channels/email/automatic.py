"""Mail that no person wrote: automatic mail, and loops with other robots.

Sources: RFC 3834 (automatic responses), RFC 2919 and 2369 (mailing lists), RFC 3462 (delivery
reports), and the headers in use before them.

Out-of-office replies that no header marks, recognised by form and wording, in the languages of
`body.LANGUAGES`: absence, whoever left the company, mailboxes that nobody reads, offices that are
closed.

Mail programs put fixed words before our subject ("Automatic reply: ..."); these are certain. By its
text alone a mail counts only when it answers one of ours, speaks of absence as such replies do, and
neither asks for something nor says what the writer will do about the matter: a customer who will be
away and wants a parcel kept is a person. Sentences that send us to somebody else ("For orders write
to ...") are no request.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import MutableMapping
from datetime import datetime, timedelta

from cachetools import LRUCache

from channels.email.bounces import is_our_id
from channels.email.headers import Headers, first

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


# -- out-of-office replies that no header marks ---------------------------------------------------


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_REPLY_PREFIX = re.compile(r"^(?:\s*(?:re|aw|antw|sv|vs|odp|ref|rif|tr|r)\s*:)+\s*", re.IGNORECASE)
_FIXED_SUBJECT = _any(
    r"(?:automatic|automated|auto)[- ]?(?:reply|response|answer|responder)|autoreply"
    r"|autoresponse|auto(?= ?: ?(?:re|aw|antw|sv|vs|odp|ref|rif|res|tr|r) ?:)",
    r"out[- ]of[- ](?:the[- ])?office|vacation (?:reply|response|notice|message|autoreply)|ooo",
    r"automatische (?:r[üu]ck)?antwort|abwesenheits?(?:notiz|meldung|nachricht|assistent"
    r"|benachrichtigung|info\w*)|auto-?antwort",
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
    r"(?:ich bin )?(?:abwesen\w+|(?:im )?urlaub|außer haus|betriebsferien)\b"
    r"|(?:je suis )?(?:absente?|absence|en cong[ée]s?|en vacances)\b",
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
    # en
    r"\b(?:out of|away from) (?:the |my )?office\b|\b(?:not|n.t be) (?:currently )?(?:in"
    r"|at) (?:the "
    r"|my )(?:office|desk)\b",
    r"\b(?:am|.m|be|currently|presently) (?:\w+ ){0,2}(?:away|absent|travell?ing|unavailable"
    r"|off (?:work|sick)|ooo|retired)\b"
    r"|\btaking (?:[\w-]{1,15} ){0,3}(?:time|days?|weeks?) off\b|\bon pto\b",
    r"\b(?:am|.m) out (?:until|till|from|this|for|on)\b"
    r"|\bon (?:\w+ ){0,2}(?:leave|vacation|holidays?|business trip|sabbatical)\b|\bannual leave\b",
    # de
    r"\bwieder im (?:büro|haus|dienst)\b|\b(?:ich habe|habe ich) (?:\w+ )?urlaub\b"
    r"|\b(?:im|in) (?:\w+ ){0,2}urlaub\b|\bin (?:\w+ )?(?:elternzeit|mutterschutz|karenz)\b"
    r"|\babwesend\b|\bau(?:ß|ss)er haus\b|\bauf (?:dienst|geschäfts)reise\b",
    r"\bnicht (?:im (?:büro|haus|hause|dienst)|am (?:arbeits)?platz"
    r"|(?:\S{1,20} ){0,4}erreichbar|anwesend"
    r"|zu erreichen)\b|\bim ruhestand\b|\bkrankheitsbedingt\b|\bkrankgeschrieben\b"
    r"|\bim krankenstand\b",
    # fr
    r"\babsente?s?\b|\ben (?:cong[ée]s?|vacances|déplacement|arrêt (?:de travail|maladie)"
    r"|formation)\b|\bindisponible\b|\b(?:cong[ée]|arrêt) (?:maternité|paternité|maladie|parental)",
    r"\b(?:hors du|pas au) bureau\b",
    # es
    r"\bfuera de (?:la |mi )?oficina\b|\bde (?:vacaciones|baja|viaje|permiso)\b|\bausente\b"
    r"|\bno (?:estoy|estaré|me encuentro) (?:disponible|en la oficina)|\bbaja (?:por|médica)",
    # it
    r"\bfuori (?:dall.)?(?:ufficio|sede)\b|\bassente\b|\bin (?:\w+ )?(?:ferie|congedo|trasferta"
    r"|vacanza|maternità|malattia)\b|\bnon (?:sono|sarò) (?:in ufficio|disponibile|raggiungibile)",
    # nl
    r"\bafwezig\b|\bik ben er niet\b|\bniet (?:aanwezig|bereikbaar|op kantoor)\b|\b(?:met|op)"
    r" (?:\w+ ){0,2}(?:vakantie|verlof|reis|dienstreis|pensioen)\b|\bvakantie van\b"
    r"|\b(?:zwangerschaps|ouderschaps|ziekte)verlof\b",
    # sv
    r"\b(?:på|har|tar) (?:\w+ )?(?:semester|föräldraledig\w*|tjänsteresa|tjänsteresor)\b"
    r"|\b(?:är|är nu) (?:\w+ ){0,2}(?:borta|ledig|bortrest|frånvarande|tjänstledig|föräldraledig"
    r"|sjukskriven)\b",
    r"\binte (?:på (?:kontoret|plats|jobbet)|i tjänst|anträffbar|nåbar)\b",
    # da
    r"\b(?:på|har|holder|afholder) (?:\w+ )?(?:ferie|orlov|barsel|barselsorlov|fri|forretningsrejse"
    r"|tjenesterejse)\b|\bfraværende\b|\bsygemeldt\b",
    r"\bikke (?:på kontoret|på arbejde|til stede|at træffe)\b"
    r"|\bude af (?:huset|kontoret)\b",
    # pl
    r"\bna (?:\w+ ){0,2}urlopie\b|\bpoza (?:biurem|firmą)\b|\bnieobecn\w+|\bw delegacji\b"
    r"|\bna (?:\w+ )?zwolnieniu\b",
)
_AT_WORK = _any(
    r"\b(?:out of|not in|away from) (?:the |my )?office\b|\bnicht (?:im (?:büro|dienst)"
    r"|am (?:arbeits)?platz)\b|\bau(?:ß|ss)er haus\b|\b(?:absente? du|hors du|pas au) bureau\b",
    r"\bfuera de (?:la |mi )?oficina\b|\bfuori (?:dall.)?(?:ufficio|sede)\b|\bniet op kantoor\b"
    r"|\binte på (?:kontoret|jobbet)\b|\bikke på (?:kontoret|arbejde)\b|\bpoza biurem\b",
)
"""Where those who work are not."""
_CLOSED = _any(
    r"\b(?:our|the) (?:\w+ ){0,2}(?:offices?|company|team|studio|workshop|warehouse|practice)"
    r" (?:is|are|will be) (?:currently )?closed\b|\bwe (?:are|will be|.re|.ll be) closed\b",
    r"\bbetriebs(?:ferien|urlaub)\b|\bunser\w* (?:büro|betrieb|unternehmen|geschäft\w*|praxis|team)"
    r"\b.{0,60}geschlossen\b|\bnos (?:bureaux|locaux|services) (?:sont|seront) fermés\b"
    r"|\bfermeture (?:annuelle|estivale|hivernale)\b",
    r"\b(?:nuestras?|las?) oficinas? .{0,40}cerrad[ao]s?\b|\bcerrad[ao]s? por vacaciones\b"
    r"|\bchius[oi] per ferie\b|\b(?:i nostri|gli) uffici .{0,40}chiusi\b|\bchiusura (?:estiva"
    r"|invernale|natalizia)\b",
    r"\b(?:ons|het) kantoor is .{0,40}gesloten\b|\bsemesterstängt\b|\bvårt kontor .{0,40}stängt\b"
    r"|\bferielukket\b|\b(?:vores|vort) kontor .{0,40}lukket\b",
    r"\b(?:nasze )?biuro .{0,40}(?:nieczynne|zamknięte)\b|\bprzerw\w+ (?:urlopow|świąteczn)\w+",
)
"""A company that is closed for some time."""
_LEFT = _any(
    r"\b(?:have|has|.ve) (?:\w+ )?left (?:the (?:company|organi[sz]ation|firm|team|business)"
    r"|my (?:position|role|job)|\w+ (?:ltd|inc|gmbh)\b)|\b(?:have|has|.ve) moved on to (?:a|an"
    r"|my)\b",
    r"\bno longer (?:works? (?:at|for|with|here|in)|working (?:at|for|with|here|in)|employed"
    r"|(?:with|at) (?:the company|our|us|this|(?-i:[A-Z]))|part of (?:the|our)"
    r"|a member of (?:the|our)|at (?:the company"
    r"|our))",
    r"\bnicht (?:mehr|länger) (?:für|bei|in|im) .{2,60}(?:tätig|beschäftigt|angestellt)"
    r"|\b(?:bin|ist) nicht mehr (?:in (?:unserem|diesem|dem) (?:unternehmen|haus|betrieb|team)"
    r"|im unternehmen|bei uns)\b|\b(?:unternehmen|firma) .{0,40}verlassen\b|\bausgeschieden\b",
    r"\bne (?:travaille|travaillent) plus (?:chez|pour|dans|au|à|ici|avec)|\bne fai[ts] plus partie"
    r"|\b(?:a|ai) quitté (?:la (?:société|structure|compagnie)|l.(?:entreprise|équipe|organisation)"
    r"|notre (?:société|entreprise|équipe|structure)|[sm]es fonctions)",
    r"\bya no trabaj\w+ (?:en|para|con|aquí)|\bya no form\w+ parte|\b(?:ha|he) (?:dejado"
    r"|abandonado)"
    r" (?:la|nuestra|mi) (?:empresa|compañía|organización)",
    r"\bnon (?:lavor\w+) più (?:per|in|presso|con|qui|da)|\bnon (?:fa|faccio) più parte"
    r"|\b(?:ha|ho) lasciato (?:l.azienda|la (?:società|ditta|nostra azienda)|il gruppo)",
    r"\b(?:niet (?:meer|langer)) (?:werkzaam|in dienst)|\bwerkt? niet (?:meer|langer) (?:bij"
    r"|voor|hier)"
    r"|\b(?:bedrijf|organisatie|firma) .{0,20}verlaten\b|\buit dienst\b",
    r"\binte längre (?:kvar på|anställd|arbetar|jobbar)|\b(?:arbetar|jobbar) inte längre"
    r"|\bhar slutat (?:hos|vid|sin anställning|på (?:företaget|firman|bolaget|kontoret))",
    r"\bikke længere (?:ansat|en del af)|\barbejder ikke længere (?:hos|i|for|her)|\bfratrådt\b"
    r"|\b(?:er|har) stoppet (?:hos|som)\b",
    r"\b(?:już nie pracuj\w+|nie pracuj\w+ już) (?:w|u|dla|na)\b|\bzakończył\w* (?:pracę"
    r"|współpracę)"
    r"|\bnie jest już (?:naszym|pracownikiem)",
)
_UNREAD = _any(
    r"\b(?:this|that|the|our (?:old|former)) (?:\w+ )?(?:mailbox|inbox|e-?mail (?:address|account))"
    r" (?:is|are) (?:no longer|not)(?: being)?(?: regularly)? (?:monitored|in use|used|read|active"
    r"|checked|attended|manned)|\bthis address is (?:no longer|not) (?:monitored|in use|read"
    r"|active)"
    r"|\b(?:unmonitored|unattended) (?:mailbox|inbox|address|account)|\b(?:mailbox"
    r"|inbox) is un(?:monitored"
    r"|attended)",
    r"\b(?:diese[sr]?|das|die) (?:e-?mail-?|mail-?)?(?:postfach|mailbox|postkasten|adresse"
    r"|account|konto)"
    r" (?:ist|wird) .{0,20}nicht (?:mehr )?(?:gelesen|überwacht|betreut|abgerufen|verwendet"
    r"|genutzt|aktiv"
    r"|bearbeitet|besetzt|in (?:betrieb|verwendung|gebrauch))",
    r"\bcette (?:adresse|boîte|messagerie)(?: \S{1,20}){0,4} (?:n.est|ne sera) (?:plus"
    r"|pas) (?:utilisée"
    r"|active|valide|consultée|relevée|surveillée|lue|en service|suivie)",
    r"\best[ea] (?:buz[óo]n|direcci[óo]n|cuenta de correo"
    r"|bandeja)(?: \S{1,20}){0,4} (?:ya )?no (?:se"
    r" (?:revisa|supervisa|atiende|lee|utiliza|usa|monitoriza|consulta)|est[áa] (?:activ[ao]|en uso"
    r"|operativ[ao]|atendid[ao]|supervisad[ao]|monitorizad[ao])|existe)",
    r"\bquest[ao] (?:casella|indirizzo|account di posta)(?: \S{1,20}){0,4} non (?:è|viene|sarà"
    r"|risulta)"
    r" (?:più )?(?:presidiat[ao]|monitorat[ao]|attiv[ao]|utilizzat[ao]|lett[ao]|consultat[ao]"
    r"|in uso"
    r"|controllat[ao])",
    r"\b(?:deze|dit|het) (?:mailbox|postvak|inbox|(?:e-?)?mailadres|adres) (?:wordt|is) .{0,12}niet"
    r" (?:meer |langer )?(?:gelezen|beheerd|gemonitord|bekeken|gecontroleerd|gebruikt"
    r"|in gebruik|actief"
    r"|bemand)",
    r"\b(?:den här|denna|det här|detta) (?:brevlådan?|inkorgen?|(?:e-?post|mejl)?adress(?:en)?"
    r"|konto)"
    r" (?:bevakas|läses|används|övervakas|kontrolleras|är) (?:inte|ej)(?: längre)?",
    r"\b(?:denne|den her|dette) (?:postkasse|indbakke|(?:e-?)?mailadresse|adresse|mailkonto)"
    r" (?:overvåges|læses|bruges|tjekkes|benyttes|anvendes|er) (?:ikke|nedlagt|lukket)",
    r"\b(?:ta skrzynka|ten adres|to konto)(?: \S{1,20}){0,2} nie (?:jest"
    r"|są) (?:już )?(?:monitorowan"
    r"|obsługiwan|czytan|używan|aktywn|sprawdzan|wykorzystywan)[aey]",
)
"""Whoever had the address has left it for good, or nobody reads what is sent there."""
_LATER = _any(
    r"\b(?:until|till|through|back (?:on|in|at)|be back|return(?:ing)?|re-?open\w*"
    r"|from .{3,30} to)\b",
    r"\b(?:bis|ab dem|wieder (?:da|erreichbar|im|für)|zurück)\b|\b(?:jusqu|de retour|du \d"
    r"|retour le"
    r"|à partir du|rouvr)",
    r"\b(?:hasta|volver\w+|regres\w+|vuel\w+|reincorpor\w+|de vuelta|fino a\w*|rientr\w+"
    r"|(?:ri)?torner\w+"
    r"|dal \d|al \d|riapr\w+)\b",
    r"\b(?:tot|terug|vanaf|weer|till|åter\w*|tillbaka|t\.?o\.?m|til|tilbage|fra d"
    r"|do (?:\d+|dnia|końca|(?:poniedz|wtor|środ|czwart|piąt|sobot|niedz)\w*)|wróc\w+"
    r"|wrac\w+|powr\w+|od \d)\b",
)
_MEANWHILE = _any(
    r"(?:not|n.t) (?:be )?(?:read|check)\w* (?:my )?(?:e-?mail|mail)|(?:keine"
    r"|meine) (?:e-?)?mails|ne (?:lis|consulte) pas",
    r"no leo|non leggo|accesso limitato|lees (?:\w+ )?(?:geen|mijn)|läser inte|læser ikke"
    r"|nie czytam",
    r"(?:limited|intermittent|restricted|little|sporadic) (?:access|e-?mail|internet)|(?:no|without"
    r"|not have|don.t have) access to (?:my )?(?:e-?mail|mail)|when I (?:return|get back"
    r"|am back|.m back)"
    r"|(?:upon|on|after) my return|(?:will|.ll) (?:\w+ )?(?:reply|respond|answer|get back to you)",
    r"\burgent\b|in (?:my|his|her|our) absence|(?:contact|reach|write to|call|ask|e-?mail) my \w+"
    r"|as soon as (?:I|possible) .{0,20}(?:return|back)|not (?:be )?(?:read|forwarded|monitored)"
    r"|\bimmediate (?:assistance|help|attention)|slow(?:er)? to respond|delay(?:ed)? in",
    r"dringende\w* (?:f[äa]ll|angelegenheit|frage|anliegen)|wenden sie sich"
    r"|nicht (?:\S{1,20} ){0,3}(?:weitergeleitet|gelesen|bearbeitet|automatisch weiter)"
    r"|(?:keinen|eingeschränkt\w*"
    r"|unregelmäßig\w*|sporadisch\w*|begrenzt\w*) zugriff|nach (?:meiner )?r[üu]ckkehr"
    r"|mails? (?:werden|wird)|vertret(?:en|ung)|beantworte\w* ich|melde ich mich|antworte ich",
    r"urgence|urgent\w*|(?:à|dès) (?:mon|notre|la) (?:retour|réouverture)"
    r"|(?:en|durant) mon absence"
    r"|accès (?:limité|restreint|très limité)|vous adresser"
    r"|(?:répondrai|réponse) .{0,40}(?:retour|possible)",
    r"urgen(?:cia|te|tes|za|ze)\b|a mi (?:regreso|vuelta)|durante mi ausencia"
    r"|acceso (?:limitado|al correo)|póngase en contacto|(?:pueden?|diríjase) .{0,20}contactar"
    r"|(?:responder|contestar)é|al mio (?:rientro|ritorno)|in mia assenza|risponderò"
    r"|durante la mia|questioni urgenti|non (?:avrò|ho) accesso",
    r"dringend\w*|spoed\w*|bij terugkomst|na mijn (?:terugkeer|vakantie)|tijdens mijn"
    r"|niet (?:doorgestuurd|gelezen)|beperkt\w* (?:toegang|bereikbaar)"
    r"|(?:beantwoord|reageer) ik|ik (?:beantwoord|reageer)",
    r"brådskande|när jag är (?:tillbaka|åter)|under min|begränsad"
    r"|svarar (?:jag )?(?:\w+ )?(?:när|så snart)|akuta|besvara\w* .{0,30}(?:när|tillbaka)",
    r"haste\w*|når jeg er (?:tilbage|retur)|under mit|begrænset"
    r"|(?:besvare\w*|svarer) .{0,40}(?:når|tilbage)|akutte|presserende",
    r"piln\w+|po (?:moim )?powrocie|podczas mojej|w (?:czasie|trakcie) (?:mojej )?nieobecno"
    r"|ograniczony dostęp|proszę o kontakt z|zastępuj|odpowiem",
)
_AUTOMATIC = _any(
    r"\b(?:automatic|automated|auto-?generated|automatically generated"
    r"|auto-?reply)\b[^.\n]{0,30}(?:reply|response|message|e-?mail|answer)?"
    r"|generated automatically",
    r"automatisch (?:generiert|erstellt|erzeugt|versendet|verschickt)"
    r"|automati(?:sche|sierte) (?:antwort|nachricht|e-?mail)",
    r"r[ée]ponse automatique|message (?:\w+ )?automatique|automatiquement|(?:respuesta"
    r"|mensaje) autom[áa]tic\w|automáticamente",
    r"risposta automatica|messaggio automatico|automaticamente|automatisch(?:e)? (?:antwoord"
    r"|bericht|gegenereerd|verzonden|reactie)",
    r"automatiskt? (?:svar|meddelande|genererat|besked|besvarelse|genereret)|auto-?svar",
    r"automatyczn\w+ (?:odpowied|wiadomo)|wygenerowan\w+ automatycznie|odpowied\w+ automatyczn",
)
_THANKS_FOR_MAIL = _any(
    r"thank(?:s| you) for (?:your |the )?(?:e-?mail|mail|message|contact\w*|writing|reaching"
    r"|getting in touch|enquiry|inquiry)",
    r"dank\w* für (?:ihre|deine|die|eure) (?:e-?mail|mail|nachricht|anfrage|zuschrift"
    r"|kontaktaufnahme)",
    r"merci (?:pour|de) (?:votre|ton) (?:e-?mail|mail|message|courriel|demande)"
    r"|gracias por (?:su|tu|el|contact\w+|escribir\w*) ?(?:e-?mail|mail|mensaje|correo|consulta)?",
    r"grazie (?:per )?(?:il|la|l.)? ?(?:sua|tua|suo|tuo)? ?(?:e-?mail|mail|messaggio|richiesta"
    r"|avermi"
    r"|averci)",
    r"(?:bedankt|dank\w*(?: u| je)?) voor (?:uw|je|jouw|het|de) (?:e-?mail|mail|bericht|vraag)",
    r"tack för (?:ditt|ert|din) (?:e-?mail|mail|mejl|meddelande|e-?post)|tak for (?:din"
    r"|jeres|dit) (?:e-?mail|mail|besked|henvendelse)",
    r"dziękuj\w+ za (?:\w+ )?(?:e-?mail|mail|wiadomość|kontakt)",
)

# -- what people do, and machines do not ---------------------------------------------------------

_REQUEST = _any(
    r"\?|\bplease (?:send|keep|hold|wait|ship|refund|change|let (?:me|us)|help|stop|remove|delete"
    r"|close|cancel|confirm|update|tell|give|leave|put|make|take|bring|collect|arrange|call me"
    r"|reply|answer|do not)|\bI (?:want|would like|need)\b|\b(?:can|could) you\b",
    r"\bbitte (?:senden|schicken|warten|halten|keine?|helfen|ändern|löschen|entfernen|bestätigen"
    r"|kündigen|geben|lassen|stellen|rufen sie mich)|\bich (?:möchte|will|brauche|hätte)\b"
    r"|\b(?:können|könnten) sie\b",
    r"\b(?:pouvez|pourriez).vous\b|\b(?:pueden?|podrían?) (?:enviar|cambiar|esperar|guardar)"
    r"|\b(?:potete|potreste|kunt u|kan ni|kunne i|kan i|czy mog)\b",
    r"\bje (?:voudrais|veux|souhaite)|\bj.aimerais|\b(?:quiero|quisiera|necesito)\b|\b(?:vorrei"
    r"|voglio)\b",
    r"\bik (?:wil|zou graag)|\bjag (?:vill|skulle vilja)|\bjeg (?:vil gerne|ønsker)|\b(?:chcę"
    r"|chciał\w+)\b",
)
_TOPIC = _any(
    r"\b(?:order|parcel|package|deliver\w*|shipment|refund|invoice|cancel|lamp|money"
    r"|bought|broken)\b",
    r"\b(?:my|our|new|shipping|delivery|billing|wrong|right|correct) (?:\w+ )?address\b",
    r"liefer|bestell|paket|rückgabe|stornier|erstatt|rechnung|commande|colis|livrai|rembours"
    r"|facture",
    r"pedido|paquete|entrega|reembols|factura|ordine|pacco|consegn|rimbors|fattura|pakket|lever"
    r"|terugbeta",
    r"beställ|leverans|återbetal|faktur|bestil|pakke|refusion|zamówi|paczk|dostaw|zwrot",
)
"""What people write to a shop about. A reply that is plainly automatic may name it, too."""
_NEIGHBOUR = _any(
    r"neighbou?r|nachbar|sendung|päckchen|zustell|voisin|vecin[oa]|vicin[oa] di casa|\bbuur|\bburen"
    r"|granne|\bnabo|sąsia[dt]",
)
"""Asked for also where somebody else is named: who takes the parcel in."""
_ACTS = _any(
    r"\b(?:will|.ll|can|going to)(?: \w+){0,2} (?:send|bring|test|measure|pay|collect|ship"
    r"|let you know|tell you|install|upload|buy|decide|order|call you|take (?:it|the)"
    r"|pick (?:it|them) up|pick up (?:the|my)|return (?:it|them)|try (?:it|the|that|again|your)"
    r"|check (?:it|the|whether|if|that)|look (?:at|into|for) (?:it|the|that))",
    r"\b(?:schicke|sende|probiere|teste|messe|bezahle|überweise|hole|schaue|montiere|kaufe)\b"
    r"|\b(?:zurückschicken|zurücksenden|ausprobieren|nachsehen|nachmessen|vorbeikommen)\b",
    r"\b(?:enverrai|renverrai|essaierai|essayerai|paierai|vérifierai|regarderai|testerai|passerai"
    r"|rapporterai|dirai)\b",
    r"\b(?:enviaré|mandaré|probaré|pagaré|miraré|comprobaré|devolveré|recogeré|pasaré|avisaré"
    r"|diré)\b",
    r"\b(?:invierò|manderò|proverò|pagherò|controllerò|verificherò|guarderò|restituirò|ritirerò"
    r"|passerò|farò sapere)\b",
    r"\b(?:stuur|probeer|betaal|test|bekijk|meet|haal)\b|\bzal .{0,30}(?:sturen|proberen|betalen"
    r"|testen|bekijken)\b",
    r"\b(?:skickar|provar|testar|betalar|mäter|tittar|lämnar)\b"
    r"|\bkollar(?! (?:min|mina|mejl|mail))",
    r"\b(?:sender|prøver|tester|betaler|måler|henter|kigger|afleverer)\b",
    r"\b(?:wyślę|sprawdzę|spróbuję|zapłacę|przetestuję|zmierzę|odbiorę|odeślę|prześlę|przyniosę"
    r"|dam znać)\b",
)
"""What the writer will do about the matter."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_PLACE = _any(
    r"[\w.+-]{1,64}@[\w-]{1,63}\.|\+?\d[\d ()/.-]{6,20}\d|www\.|https?:",
    r"\b(?:mr|mrs|ms|mister|herrn?|frau|m(?:me|lle)|monsieur|madame|sra?|sig(?:nora?)?|dhr"
    r"|mevr(?:ouw)?"
    r"|meneer|pan[aią]?|supérieurs?)\.? (?-i:[A-ZÀ-ÝŁŚŻ])",
    r"\b(?:colleagues?|team|department|deput\w+|service desk|help ?desk|switchboard|reception"
    r"|kolleg\w+|vertretung|zentrale|abteilung|sekretariat|coll[èe]gues?|équipe|standard"
    r"|compañer\w+|equipo|departamento|centralita|collegh?[aeio]|reparto|centralino|collega.s"
    r"|afdeling\w*|kolleg\w*|avdelning\w*|växeln?|koleżank\w+|koleg\w+|dział\w*|sekretariat\w*)\b",
)
_DIRECTS = _any(
    r"\b(?:contact|write|call|reach|e-?mail|mail|use|ask|please|direct|speak|phone|looks? after"
    r"|covers?|wenden|schreiben|erreich\w+|richten|nutzen|kontakt\w*|anruf\w*|vertret\w+|vertritt"
    r"|écri\w+|joindre|adress\w+|contact\w+|appel\w+|remplac\w+|escrib\w+|llam\w+|dirij\w+"
    r"|sustitu\w+|scriv\w+|contatt\w+|rivolg\w+|chiam\w+|sostitu\w+|usate|schrijf\w*|bel|bellen"
    r"|neem"
    r"|opnemen|terecht|gebruik\w*|vervang\w*|skriv\w*|ring|ringa|använd\w*|vänd|vikarie\w*|brug\w*"
    r"|pisz\w*|pisać|dzwoni\w*|prosz\w+|zastęp\w+)\b",
    r"\b(?:for (?:any\w*|all|everything|other)|per (?:qualsiasi|ogni|qualunque)"
    r"|pour (?:toute?s?|tous)"
    r"|para cualquier|für (?:alle|sonstige|jegliche)|voor (?:alle|overige)|för (?:alla|övriga)"
    r"|w (?:sprawach|razie))\b",
)
_TO_WRITER = _any(
    r"\b(?:call|contact|reach|phone|write(?: to)?|e-?mail|text|ring) me\b"
    r"|\b(?:mich|mir|moi|m['’]\w+|mij|mig|mnie|mną)\b|\b(?:llám\w*me|llamarme|escríb\w*me"
    r"|escribirme|chiamarmi|contattarmi|scrivermi|mi (?:chiam|contatt|scriv)\w+)\b",
)
_URGENT = _any(
    r"urgent|emergenc|dringend|notf[aä]ll|eilig|urgence|urgencia|urgenza|urgenti|spoed|brådskande"
    r"|akut|haste|presserende|piln",
)
_OF_MAIL = _any(
    r"\b(?:e-?mail|mail|this|following|general) address(?:es)?\b|\bin (?:the )?order\b",
)
_ENOUGH, _PLAIN = 2, 4
"""Signs of a reply that is automatic, and of one that is plainly so."""
_SHORT = 60
_MOST = 1_500
"""Characters of a text that may be an out-of-office reply; longer ones are letters."""


def out_of_office_reason(subject: str, text: str, *, answers_us: bool) -> str | None:
    """Why a mail with ``subject`` and the new words ``text`` is an out-of-office reply; None when a
    person may have written it. ``answers_us``: it names a mail of ours as the one it answers."""
    plain = _REPLY_PREFIX.sub("", subject)
    # A person who answers a mail about an automatic reply has its words behind their own "Re:".
    fixed = _FIXED_SUBJECT.match(subject)
    own = _own_sentences(text[: 2 * _MOST])
    asks, topic = _asks(own), bool(_TOPIC.search(_OF_MAIL.sub(" ", own)))
    if fixed:
        rest = subject[fixed.end() :].strip()
        alone = not rest and not (asks or topic) and (len(text) <= _MOST)
        if rest[:1] in tuple(":：([") or _REPLY_PREFIX.match(rest) or alone:
            return f"it reads like an out-of-office reply: {fixed.group()[:40]}"
    noted = _ABSENT_SUBJECT.match(plain)
    answers = answers_us or subject != plain or noted is not None
    if len(text) > _MOST or asks or not answers:
        return None
    begins = noted is not None and bool(_UNTIL.match(plain, noted.end()))
    weight = _weight(text, noted=noted is not None, begins=begins)
    if weight >= (_PLAIN if topic else _ENOUGH):
        return "it reads like an out-of-office reply: it speaks of absence"
    return None


def _weight(text: str, *, noted: bool, begins: bool) -> int:
    """How many signs of such a reply ``text`` has, 0 where it does not speak of absence; ``noted``
    and ``begins``: so does the subject, and says until when."""
    absent, closed, left, unread, later, meanwhile, automatic, thanks = (
        bool(pattern.search(text))
        for pattern in (
            _ABSENT,
            _CLOSED,
            _LEFT,
            _UNREAD,
            _LATER,
            _MEANWHILE,
            _AUTOMATIC,
            _THANKS_FOR_MAIL,
        )
    )
    gone = left or unread
    elsewhere = any(map(_sends_elsewhere, _SENTENCE.split(text)))
    deferred = thanks and later and meanwhile and elsewhere
    if not (absent or closed or gone or begins or deferred):
        return 0
    works = absent and bool(_AT_WORK.search(text))
    alone = works and len(text) <= _SHORT and text.strip().count("\n") == 0
    signs = (gone or thanks, later, meanwhile, elsewhere, closed, works, alone, noted, begins)
    return sum(signs) + 2 * automatic + gone


def _asks(own: str) -> bool:
    """Whether a text asks us for something, or says what its writer will do. ``own``: without the
    sentences that send us to somebody else."""
    return bool(_REQUEST.search(own) or _NEIGHBOUR.search(own) or _ACTS.search(own))


def _own_sentences(text: str) -> str:
    return " ".join(
        one for one in _SENTENCE.split(text) if not _sends_elsewhere(one) or _NEIGHBOUR.search(one)
    )


def _sends_elsewhere(sentence: str) -> bool:
    """ "For orders write to orders@...", "Is it urgent? Ask my colleague." """
    if _URGENT.search(sentence) and sentence.rstrip().endswith("?"):
        return True
    directs = _PLACE.search(sentence) and _DIRECTS.search(sentence)
    return bool(directs) and not _TO_WRITER.search(sentence)
