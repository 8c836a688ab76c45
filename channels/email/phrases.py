"""The words with which mail programs mark a quotation, a forward and a sign-off, per language.

Collected from the mail programs themselves: Gmail, Outlook, Apple Mail, Thunderbird, Yahoo, Proton,
Zoho, Samsung Mail, eM Client, Spark, Tuta, Open-Xchange, GMX and web.de, T-Online, Orange, Free, La
Poste, Libero, Virgilio, WP, Onet, Interia. All are regular expressions, matched without regard to
case; a space stands for any blanks.
"""

from __future__ import annotations

from gateway import Value


class MailPhrases(Value, frozen=True, kw_only=True):
    """The phrases of one language.

    ``openers`` begin an introduction ("On Monday, Anna wrote:"), and ``wrote`` is its verb. ``own``
    are words that no mail program writes into one, but a customer does ("your driver wrote:");
    ``articles`` stand before a noun ("the driver wrote:"), where a program writes a name.
    ``sender``, ``sent``, ``to``, ``subject`` and ``other`` are names of header lines. ``original``
    and ``forwarded`` stand between dashes above a quotation and a forward. ``device`` begins the
    line of a phone ("Sent from my ..."), ``device_whole`` is all of it where it names a device.
    ``salutation`` begins a mail. ``closing`` begins a sign-off, ``postscript`` ends it.
    ``subject_forward`` begins the subject of a forward.
    """

    openers: tuple[str, ...] = ()
    wrote: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    sender: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    original: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    device_whole: tuple[str, ...] = ()
    salutation: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    postscript: tuple[str, ...] = ()
    subject_forward: tuple[str, ...] = ()
    weekdays: tuple[str, ...] = ()
    months: tuple[str, ...] = ()


PHRASES: dict[str, MailPhrases] = {
    "en": MailPhrases(
        openers=("on", "at", "in a message dated"),
        wrote=("wrote", "writes", "sent"),
        own=("you", "your", "yours", "i", "me", "my", "we", "our", "us", "he", "she", "they"),
        articles=("the", "a", "an"),
        sender=("from",),
        sent=("sent", "date", "sent on", "sent at"),
        to=("to",),
        subject=("subject",),
        other=("cc", "bcc", "reply-to", "importance", "attachments?", "priority"),
        original=("original message", "original email", "original e-mail", "reply message",
                  "reply to message", "replied message"),
        forwarded=("forwarded message", "begin forwarded message", "forwarded email", "forwarded",
                   "start of forwarded message", "forwarded by .{1,80}"),
        device=("sent (?:from|via|with|using|by)", "written (?:on|from)"),
        salutation=("hi", "hello", "hey", "dear", "good (?:morning|afternoon|evening|day)",
                    "greetings"),
        closing=("best(?=[,.! ]*$)",
                 "(?:with )?(?:my )?(?:best|kind|kindest|warm|warmest|many) (?:regards|wishes)",
                 "regards", "cheers", "sincerely", "(?:yours|very) (?:sincerely|faithfully|truly)",
                 "sincerely yours", "all the best", "take care", "br", "kr", "respectfully"),
        postscript=(r"p\.? ?s\.?", r"p\.? ?p\.? ?s\.?", r"n\.? ?b\.?"),
        subject_forward=("fwd?", "forward"),
        weekdays=("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
        months=("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    ),
    "de": MailPhrases(
        openers=("am", "vom"),
        wrote=("schrieb", "schrieben", "geschrieben", "schreibt"),
        own=("sie", "ihre?[nmrs]?", "ich", "mi[rc]h?", "meine?[nmrs]?", "wir", "uns", "unsere?\\w?",
             "du", "deine?[nmrs]?", "euer", "eure?\\w?"),
        articles=("der", "die", "das", "ein", "eine"),
        sender=("von",),
        sent=("gesendet", "datum", "gesendet am", "date"),
        to=("an",),
        subject=("betreff", "betr\\."),
        other=("cc", "kopie", "bcc", "antwort an", "wichtigkeit", "anlagen", "anhänge?"),
        original=("urspr(?:ü|ue|u)ngliche (?:nachricht|e-?mail|mail)", "original-?nachricht",
                  "originalmail", "antwort nachricht"),
        forwarded=("weitergeleitete nachricht", "anfang der weitergeleiteten (?:nachricht|e-?mail)",
                   "weitergeleitete e-?mail", "weitergeleitet von .{1,80}"),
        device=("gesendet (?:von|vom|mit|aus|über|per|via)", "versendet (?:von|vom|mit)",
                "verschickt (?:von|vom|mit)"),
        device_whole=(("von mein\\w+(?:/mein\\w+)?"
                       " (?!.*\\b(?:wurden?|habe[nt]?|hat|ist|sind|war)\\b)"
                       ".{1,60} (?:gesendet|verschickt|versendet)"),
                      "diese (?:nachricht|e-?mail) wurde .{0,60}(?:gesendet|versendet|verschickt)"),
        salutation=("hallo", "hi", "guten (?:tag|morgen|abend)", "liebe[rs]?",
                    "sehr geehrte[rs]?", "grüezi", "moin", "servus"),
        closing=(("mit (?:freundlichen?|lieben|besten|herzlichen|vielen)"
                 " (?:gr(?:ü|u|ue)(?:ß|ss)en?|gru(?:ß|ss))"),
                 ("(?:viele|liebe|beste|freundliche|herzliche|schöne)"
                 " gr(?:ü|u|ue)(?:ß|ss)e(?: aus [\\w -]{2,30})?"),
                 "gr(?:ü|u|ue)(?:ß|ss)e", "(?:lieben |schönen |besten )?gru(?:ß|ss)",
                 "mfg", "m\\.f\\.g\\.", "lg", "vg", "hochachtungsvoll"),
        postscript=(r"p\.? ?s\.?", r"n\.? ?b\.?"),
        subject_forward=("wg", "weitergeleitet", "wtr"),
        weekdays=("mo", "di", "mi", "do", "fr", "sa", "so", "montag", "dienstag", "mittwoch",
                  "donnerstag", "freitag", "samstag", "sonntag", "don", "die", "mit", "mon", "son"),
        months=("januar", "februar", "märz", "mär", "mrz", "april", "mai", "juni", "juli", "august",
                "september", "oktober", "okt", "november", "dezember", "dez"),
    ),
    "fr": MailPhrases(
        openers=("le",),
        wrote=("a (?:é|e)crit", "(?:é|e)crit", "ont écrit"),
        own=("vous", "votre", "vos", "je", "j", "m", "me", "mon", "ma", "mes", "nous", "notre",
             "nos", "tu", "ton", "ta", "tes"),
        articles=("le", "la", "les", "un", "une", "l"),
        sender=("de", "exp(?:é|e)diteur"),
        sent=("(?:envoyé|envoye)(?: le)?", "date", "date d.envoi", "message du"),
        to=("à", "a", "pour", "destinataires?"),
        subject=("objet", "sujet"),
        other=("cc", "copie(?: à)?", "cci", "répondre à", "pièces? jointes?"),
        original=("message d.origine", "message original", "message initial", "courriel original",
                  "e-?mail d.origine"),
        forwarded=("message transf(?:é|e)r(?:é|e)", "message r(?:é|e)exp(?:é|e)di(?:é|e)",
                   "d(?:é|e)but du message (?:r(?:é|e)exp(?:é|e)di(?:é|e)|transf(?:é|e)r(?:é|e))",
                   "courriel transf(?:é|e)r(?:é|e)", "message suivi"),
        device=("envoy(?:é|e)e? (?:de|d|du|depuis|à partir|avec|par|via|à l.aide)",),
        device_whole=("provenance ?: ?courrier pour windows.{0,10}",),
        salutation=("bonjour", "bonsoir", "cher", "chère", "ch(?:er|ère)s", "salut", "madame",
                    "monsieur"),
        closing=("(?:bien )?cordialement", "bien à (?:vous|toi)", "cdlt", "cdt",
                 ("(?:sincères |meilleures |cordiales |mes |respectueuses )*salutations"
                 "(?: distinguées)?"),
                 "bonne (?:fin de )?(?:journée|soirée|réception)", "amicalement", "sincèrement",
                 "à bientôt", "respectueusement", "au revoir"),
        postscript=(r"p\.?-? ?s\.?", r"n\.? ?b\.?"),
        subject_forward=("tr", "transf(?:é|e)r(?:é|e)"),
        weekdays=("lun", "mar", "mer", "jeu", "ven", "sam", "dim"),
        months=("janv", "févr?", "fevr?", "mars", "avr", "mai", "juin", "juil", "août", "aout",
                "sept", "octobre", "nov", "déc"),
    ),
    "es": MailPhrases(
        openers=("el(?: el)?", "en", "a las"),
        wrote=("escribió", "escribio", "ha escrito", "ha escrit", "escribiste"),
        own=("usted", "ustedes", "su", "sus", "yo", "me", "mi", "mis", "nos", "nuestr[oa]s?", "tú",
             "tu", "tus", "vuestr[oa]"),
        articles=("el", "la", "los", "las", "un", "una"),
        sender=("de",),
        sent=("enviad[oa](?: el)?", "fecha", "enviado a las"),
        to=("para", "a"),
        subject=("asunto",),
        other=("cc", "cco", "responder a", "datos adjuntos", "importancia"),
        original=("mensaje original", "correo original", "mensaje de origen"),
        forwarded=("mensaje reenviado", "(?:inicio|comienzo) del mensaje reenviado",
                   "correo reenviado", "forwarded message"),
        device=("enviad[oa] (?:desde|con|mediante|a través|por)",),
        salutation=("hola", "buen[oa]s (?:días|tardes|noches)", "estimad[oa]s?", "querid[oa]s?"),
        closing=("(?:un )?(?:cordial |fuerte )?saludos?(?: cordial(?:es)?)?",
                 "(?:muchos |cordiales )?saludos", "salud", "(?:muy )?atentamente",
                 "atte", "cordialmente", "un abrazo", "abrazos"),
        postscript=(r"p\.? ?d\.?", r"p\.? ?s\.?", r"n\.? ?b\.?"),
        subject_forward=("rv", "reenv(?:ío|iado)?"),
        weekdays=("lun", "mar", "mié", "mie", "jue", "vie", "sáb", "sab", "dom"),
        months=("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept?", "oct", "nov",
                "dic"),
    ),
    "it": MailPhrases(
        openers=("il(?: giorno)?", "in data", "alle"),
        wrote=("ha scritto", "hanno scritto", "scrive", "scriveva"),
        own=("lei", "suo", "sua", "vostr[oaie]", "voi", "io", "mi", "mio", "mia", "ci", "noi",
             "nostr[oaie]", "tu", "tuo", "tua"),
        articles=("il", "lo", "la", "i", "gli", "le", "un", "una", "l"),
        sender=("da", "mittente"),
        sent=("inviat[oa](?: il)?", "data"),
        to=("a", "per"),
        subject=("oggetto", "ogg"),
        other=("cc", "ccn", "risposta", "rispondi a", "allegati", "priorità"),
        original=("messaggio originale", "messaggio originario", "e-?mail originale"),
        forwarded=("messaggio inoltrato", "inizio (?:del )?messaggio inoltrato", "inoltrato da .+"),
        device=("inviat[oa] (?:da|dal|dall|con|tramite|via|mediante)",),
        salutation=("buongiorno", "buonasera", "salve", "ciao", "gentile", "gentilissim[oa]",
                    "car[oa]", "egregi[oa]"),
        closing=("(?:cordiali|distinti|cari|tanti|un caro) salut[io]", "salut[io]",
                 "(?:un )?cordiale saluto", "cordialmente", "in fede", "a presto"),
        postscript=(r"p\.? ?s\.?", r"n\.? ?b\.?"),
        subject_forward=("i", "inoltr(?:o|ato)?"),
        weekdays=("lun", "mar", "mer", "gio", "ven", "sab", "dom"),
        months=("gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"),
    ),
    "nl": MailPhrases(
        openers=("op",),
        wrote=("schreef", "schreven", "geschreven", "verzond"),
        own=("u", "uw", "ik", "mij", "me", "mijn", "wij", "we", "jullie", "je", "jij", "jouw",
             "ons", "onze"),
        articles=("de", "het", "een"),
        sender=("van",),
        sent=("verzonden(?: op)?", "datum", "verstuurd"),
        to=("aan",),
        subject=("onderwerp",),
        other=("cc", "bcc", "antwoord aan", "bijlagen?", "urgentie"),
        original=("oorspronkelijk(?:e)? (?:bericht|mail|e-mail)", "origineel bericht",
                  "originele (?:bericht|e-?mail)"),
        forwarded=("doorgestuurd bericht", "begin doorgestuurd(?:e)? bericht",
                   "begin (?:van )?doorgestuurd bericht", "doorgestuurde e-?mail"),
        device=("(?:verzonden|verstuurd) (?:vanaf|vanuit|met|via|van)",),
        salutation=("hallo", "hoi", "beste", "geachte", "goede(?:morgen|middag|navond|dag)",
                    "dag"),
        closing=("(?:met )?(?:vriendelijke|hartelijke|beste|warme) groet(?:en)?",
                 "(?:hartelijke )?groet(?:en|jes)?", "mvg", "m\\.v\\.g\\.", "hoogachtend"),
        postscript=(r"p\.? ?s\.?", r"n\.? ?b\.?"),
        subject_forward=("doorst", "doorgestuurd"),
        weekdays=("ma", "di", "wo", "do", "vr", "za", "zo", "maandag", "dinsdag", "woensdag",
                  "donderdag", "vrijdag", "zaterdag", "zondag"),
        months=("januari", "februari", "maart", "mrt", "april", "mei", "juni", "juli", "augustus",
                "september", "oktober", "okt", "november", "december"),
    ),
    "sv": MailPhrases(
        openers=("den", "på"),
        wrote=("skrev", "har skrivit", "skriver"),
        own=("ni", "er", "ert", "era", "jag", "mig", "min", "mitt", "vi", "oss", "vår", "vårt",
             "du", "din", "ditt"),
        articles=("en", "ett"),
        sender=("från",),
        sent=("skickat", "datum", "skickades"),
        to=("till",),
        subject=("ämne", "ärende"),
        other=("kopia", "cc", "svara till", "bifogat"),
        original=("ursprungligt meddelande", "originalmeddelande", "ursprungligt mejl"),
        forwarded=("vidarebefordrat (?:meddelande|brev|mejl)",
                   "vidarebefordrat brev", "början på vidarebefordrat (?:meddelande|brev)"),
        device=("skickat?(?:des)? (?:från|med|via)",),
        salutation=("hej", "hejsan", "god (?:morgon|kväll|dag)", "bästa", "kära"),
        closing=("(?:med )?(?:vänliga?|bästa|varma|hjärtliga) hälsning(?:ar)?", "hälsningar",
                 "mvh", "(?:allt )?gott", "vänligen"),
        postscript=(r"p\.? ?s\.?", r"n\.? ?b\.?", "obs"),
        subject_forward=("vb", "vidarebefordrat"),
        weekdays=("mån", "tis", "ons", "tors", "fre", "lör", "sön"),
        months=("januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti",
                "september", "oktober", "okt", "november", "december"),
    ),
    "da": MailPhrases(
        openers=("den", "d\\."),
        wrote=("skrev", "har skrevet", "skriver"),
        own=("deres", "jeg", "mig", "min", "mit", "vi", "os", "vores", "du", "din", "dit", "jeres"),
        articles=("en", "et"),
        sender=("fra",),
        sent=("sendt", "dato"),
        to=("til",),
        subject=("emne",),
        other=("cc", "kopi", "svar til", "vedhæftede filer"),
        original=("oprindelig (?:meddelelse|besked|mail)", "original (?:meddelelse|besked)"),
        forwarded=("videresendt (?:meddelelse|besked|mail)",
                   "(?:start på|begyndelse på) videresendt (?:meddelelse|besked|mail)",
                   "videresendt melding", "videresendt"),
        device=("sendt (?:fra|med|via)",),
        salutation=("hej", "kære", "god(?:morgen|aften|dag)", "goddag"),
        closing=("(?:med )?(?:venlige?|bedste|kærlige?|varme) hilsn?e?[rn]?", "hilsen", "vh",
                 "mvh", "med vennlig hilsen", "vennlig hilsen", "de bedste hilsner",
                 "(?:med )?(?:venlig|kærlig) hilsen", "(?:de )?bedste hilsner"),
        postscript=(r"p\.? ?s\.?", r"n\.? ?b\.?"),
        subject_forward=("vs", "videresendt"),
        weekdays=("man", "tir", "tirs", "ons", "tor", "tors", "fre", "lør", "søn"),
        months=("januar", "februar", "marts", "april", "maj", "juni", "juli", "august",
                "september", "oktober", "okt", "november", "december"),
    ),
    "pl": MailPhrases(
        openers=("w dniu", "dnia", "wiadomość napisana przez", "użytkownik"),
        wrote=("napisał(?:a|\\(a\\)|o)?", "napisali", "pisze", "napisana przez"),
        own=("pan", "pani", "państwo", "państwa", "pana", "panią", "ja", "mi", "mnie", "mój",
             "moja", "moje", "nam", "nas", "nasz", "wasz", "wy", "ty", "twój"),
        sender=("od", "nadawca"),
        sent=("wysłan[oeya]", "data", "data wysłania"),
        to=("do", "adresat"),
        subject=("temat",),
        other=("dw", "udw", "cc", "odpowiedz do", "załączniki"),
        original=("(?:oryginalna|pierwotna|źródłowa) wiadomość",
                  "wiadomość (?:oryginalna|źródłowa)",
                  "treść oryginalnej wiadomości"),
        forwarded=("(?:przekazana|przesłana|przesłana dalej) wiadomość", "wiadomość przekazana",
                   "wiadomość przesłana dalej",
                   "początek (?:przekazywanej|przesłanej dalej|przekazanej) wiadomości",
                   "treść przekazanej wiadomości"),
        device=("wysłan[oeya] (?:z|ze|za pomocą|przez|przy użyciu)",),
        salutation=("dzień dobry", "dobry wieczór", "cześć", "witam", "szanown[yai]\\w{0,3}",
                    "drog[iay]"),
        closing=("pozdrawiam(?: serdecznie)?", "z (?:poważaniem|wyrazami szacunku|pozdrowieniami)",
                 "(?:serdecznie )?pozdrawiamy?", "pozdrowienia", "łączę pozdrowienia", "pozdr",
                 "do widzenia"),
        postscript=(r"p\.? ?s\.?", r"n\.? ?b\.?"),
        subject_forward=("pd", "odp\\. przek", "przekazano"),
        weekdays=("pon", "poniedziałek", "wt", "wtorek", "śr", "środa", "czw", "czwartek", "pt",
                  "piątek", "sob", "sobota", "niedz", "nd", "niedziela"),
        months=("sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"),
    ),
    "pt": MailPhrases(
        openers=("em", "no dia", "às", "à(?:\\(s\\)|s)?", "a\\(s\\)", "citando"),
        wrote=("escreveu", "escreveram", "escreve", "citando"),
        own=("você", "vocês", "seu", "sua", "eu", "me", "meu", "minha", "nós", "nos", "nosso",
             "nossa", "te", "tu", "teu", "tua", "vosso", "vossa", "o senhor", "a senhora"),
        articles=("o", "os", "as", "um", "uma"),
        sender=("de",),
        sent=("enviad[oa](?: em| a)?", "data", "enviada(?: em)?"),
        to=("para",),
        subject=("assunto",),
        other=("cc", "cco", "bcc", "responder a", "anexos?"),
        original=("mensagem original", "mensagem de origem", "e-?mail original"),
        forwarded=("mensagem (?:encaminhada|reencaminhada)",
                   "in(?:í|i)cio da mensagem (?:encaminhada|reencaminhada)",
                   "e-?mail encaminhado"),
        device=("enviad[oa] (?:do|da|de|dos|a partir|pel[oa]|com|via|desde|através|por)",),
        salutation=("olá", "oi", "bom dia", "boa (?:tarde|noite)", "car[oa]s?", "prezad[oa]s?",
                    "estimad[oa]s?"),
        closing=("(?:os )?(?:melhores |meus |com os melhores )?cumprimentos",
                 "(?:muito )?atenciosamente", "att", "abraços?", "um abraço",
                 "cordialmente", "saudações", "adeus"),
        postscript=(r"p\.? ?s\.?", r"n\.? ?b\.?", r"obs\.?"),
        subject_forward=("enc", "encaminhad[oa]", "res?env"),
        weekdays=("seg", "segunda(?:-feira)?", "ter", "terça(?:-feira)?", "qua",
                  "quarta(?:-feira)?", "qui", "quinta(?:-feira)?", "sex", "sexta(?:-feira)?",
                  "sáb", "sábado", "dom", "domingo"),
        months=("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"),
    ),
    # Languages that we do not answer in, but in which a customer's mail program may be set.
    "others": MailPhrases(
        openers=("på", "dne", "в", "ср", "vào", "στις", "în", "在", "في", "die"),
        wrote=("написал[аи]?", "написав", "написала", "пишет", "пише", "đã viết", "írta",
               "kirjoitti", "napsala?(?:\\(a\\))?", "έγραψε", "a scris", "كتب\\S*", "写道", "寫道",
               "のメッセージ", "작성", "님이 작성", "yazdı", "schrijft", "escrit"),
        sender=("发件人", "寄件者", "差出人", "보낸 사람", "от", "od", "lähettäjä", "feladó",
                "من", "kimden", "gönderen", "de la", "από"),
        sent=("发送时间", "寄件日期", "送信日時", "보낸 날짜", "отправлено", "дата", "lähetetty",
              "küldve", "تم الإرسال", "datum", "odesláno", "gönderilme", "gönderildi",
              "tarih", "trimis"),
        to=("收件人", "收件者", "宛先", "받는 사람", "кому", "vastaanottaja", "címzett", "إلى",
            "kime", "komu", "către", "προς"),
        subject=("主题", "主旨", "件名", "제목", "тема", "aihe", "tárgy", "الموضوع", "konu",
                 "předmět", "subiect", "θέμα"),
        original=("alkuperäinen viesti", "opprinnelig melding", "původní zpráva",
                  "eredeti üzenet", "исходное сообщение", "mesaj original", "原始邮件",
                  "orijinal mesaj"),
        forwarded=("välitetty viesti", "videresendt melding", "přeposlaná zpráva",
                   "továbbított üzenet", "пересылаемое сообщение", "пересланное сообщение"),
        device=("lähetetty", "trimis (?:de pe|din)", "отправлено (?:с|из|от)", "odesláno z",
                "发自我的", "發自我的", "στάλθηκε από", "أُرسلت من", "أرسلت من"),
        device_whole=("az .{1,30}(?:ról|ről|ból|ből) küldve", "從我的 .{1,20}傳送",
                      ".{1,30}[dt][ae]n gönderildi"),
        subject_forward=("ilt", "转发", "轉寄", "إعادة توجيه", "vl"),
        closing=("hyvästi", "terveisin", "ystävällisin terveisin"),
        weekdays=("пн", "вт", "ср", "чт", "пт", "сб", "вс", "понедельник", "вторник", "среда",
                  "четверг", "пятница", "суббота", "воскресенье", "pe", "út", "mar"),
        months=("янв", "фев", "март", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя",
                "дек", "грудня", "серп", "lokakuuta", "απρ", "يونيو"),
    ),
}  # fmt: skip
"""Language, as in the settings, or ``others``: its phrases."""

DEVICES = (
    "iphone\\S*", "ipad", "ipod", "apple", "android", "samsung", "galaxy", "huawei", "xiaomi",
    "redmi", "poco", "oppo", "oneplus", "pixel", "nokia", "motorola", "xperia", "htc", "honor",
    "realme", "blackberry", "windows", "outlook", "gmail", "yahoo", "aol", "ios", "macbook", "mac",
    "(?:mobil|mobile|mobiles|mobilen|mobiel|mobilní)\\w*", "smart ?phone", "cell ?phone", "cell",
    "phone", "handy", "tablet", "telefon\\w*", "téléphone", "portable", "móvil", "celular",
    "telemóvel", "cellulare", "telefoon", "gsm", "device", "gerät", "dispositivo", "appareil",
    "enhet", "enhed", "urządzeni\\w*", "spark", "airmail", "mailbox", "proton ?mail", "proton",
    "tuta\\w*", "gmx", "web\\.de", "t-online", "freemail", "zoho", "yandex", "mail\\.ru", "edison",
    "canary", "bluemail", "typeapp", "k-9", "fairemail", "thunderbird", "superhuman", "spike",
    "aqua ?mail", "mailspring", "em client", "acompli", "libero", "virgilio", "onet", "interia",
    "mail (?:for|für|pour|para|per|voor|til|för|do|dla) \\w+", "mail ?app", "mail orange",
    "magenta", "laposte\\S*", "sfr",
)  # fmt: skip
"""What stands in the line of a phone or mail program, in any language."""

BEFORE_DEVICE = (
    "my", "the", "a", "an", "for", "für", "pour", "para", "per", "voor", "til", "för", "dla", "new",
    "mobile", "mail", "mon", "ma", "mes", "de", "du", "la", "le", "l", "un", "une", "app\\w*",
    "appli\\w*", "apli\\w*", "mi", "el", "su", "mein\\w*", "der", "dem", "den", "die", "das",
    "einem", "einer", "mobilen?", "mijn", "een", "het", "min", "mit", "mitt", "il", "mio", "mia",
    "dal", "dalla", "meu", "minha", "o", "do", "da", "dos", "uma", "um", "moj\\w+", "mój",
    "systemu", "programu", "telefonu", "smartfona", "urządzenia", "mailapp", "e-mail",
    "kostenlosen?", "van", "dispositiv[oi]", "appareil", "enhed", "enhet", "za", "الـ", "pomocą",
    "via", "ios", "android",
)  # fmt: skip
"""What may stand before the name of the device, besides names."""

AFTER_DEVICE = (
    "for", "für", "pour", "para", "per", "voor", "til", "för", "do", "dla", "on", "auf", "sur",
    "en", "with", "via", "and", "und", "et", "y", "e", "app\\w*", "phone", "device", "smartphone",
    "mail", "gesendet", "geschickt", "tablet", "på", "su", "no", "na", "meu", "mea", "systemu",
    "4g", "5g", "com", "de",
)  # fmt: skip
"""What may stand behind it, besides names."""

GET_OUTLOOK = (
    (
        "(?:get|download|hol\\w*(?: dir| sie sich)?|t(?:é|e)l(?:é|e)charge[rz]|obten\\w+|obtén|"
        "obtenga|descarg\\w+|ottieni|scarica|ontvang|hämta|skaffa|hent|få|pobierz|uzyskaj|obter|baix\\w+)"
        "(?: o| aplikację| program)? outlook (?:for|für|pour|para|per|voor|för|til|dla)"
        "(?: systemu)? \\w+"
    ),
    "outlook (?:für|voor) \\w+ (?:beziehen|herunterladen|abrufen|downloaden|ophalen|verkrijgen)",
)
"""What Outlook writes under the mails of phones."""
