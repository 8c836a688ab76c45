"""Recognises a customer who wants no more messages, in a sentence or by a bare word. Pure.

In the United States a customer may revoke consent "in any reasonable manner" (FCC 24-24, 2024,
paragraph 8), and so also in a sentence. A sentence counts when all of it says so: `stop sending me
messages`, but not `stop sending me the wrong size`. The sentences in twelve languages are our own;
docs/routing.md says how well they do.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 600
"""Characters; a longer message is read by whoever answers it."""
STOP_WORDS = frozenset(
    {
        "stop", "stopall", "unsubscribe", "optout", "stopp", "arret", "arrêt", "désabonner",
        "desabonner", "désinscrire", "desinscrire", "baja", "abmelden", "disiscrivimi",
        "descadastrar", "afmelden", "uitschrijven", "avregistrera", "wypisz", "стоп", "توقف",
        "停止", "配信停止",
    }
)  # fmt: skip
"""A message that is one of these words and nothing else opts out, whatever the channel."""
START_WORDS = frozenset({"start", "unstop"})

_EN_MEDIA = (
    r"(?:(?:text|sms|whats ?app|marketing|spam|promo(?:tional)?|automated|any|more|further|these|those|"
    r"your|all|the|such|unwanted) )*(?:messages?|msgs?|texts?|txts?|sms(?:es)?|e-?mails?|mails?|"
    r"text messages?|notifications?|spam|surveys?|ads|advertising|stuff|this|these|things?|anything)"
)
_EN_VERB = (
    r"(?:text|txt|message|msg|sms|e-?mail|mail|contact|write(?: to)?|spam|ping|whats ?app|"
    r"bother|harass|pester)"
)
_EN_DOING = (
    r"(?:text|txt|messag|msg|sms|e-?mail|mail|contact|writ|spamm|spam|pingg?|whats ?app|bother|"
    r"harass|pester)(?:ing|in)(?: to)?"
)
_PATTERNS = (
    # English
    rf"(?:stop|quit|cease|no more) {_EN_DOING}(?: me| us| this number| my (?:number|phone))?",
    rf"(?:stop|quit|cease) sending (?:me |us )?{_EN_MEDIA}(?: to (?:me|this number|my (?:phone|number)))?",
    r"(?:stop|quit|cease|end|cancel) (?:all |the |these |your )(?:text |sms )?(?:messages|texts|sms)",
    rf"(?:do not|dont|never|no longer) (?:ever )?{_EN_VERB} (?:me|us|this number|my number)",
    rf"(?:do not|dont|never|no longer) (?:ever )?send (?:me |us )?{_EN_MEDIA}(?: to (?:me|this number))?",
    rf"(?:i )?(?:do not|dont|no longer) (?:want|wish|like|need|care)(?: to)?(?: (?:get|receive|have|read))? {_EN_MEDIA}",
    r"(?:i )?(?:do not|dont|no longer) (?:want|wish)(?: to| you to)? (?:be (?:contacted|texted|messaged|e-?mailed)|"
    rf"hear from (?:you|this number)|{_EN_VERB} me)",
    rf"no (?:more|further) {_EN_MEDIA}|(?:stop|enough) with (?:the |these |your |all )*{_EN_MEDIA}",
    r"(?:take|remove|delete|get) (?:me|my (?:number|phone number|phone|e-?mail|address|contact))"
    r"(?: off| from| out of)? (?:(?:of )?(?:your|the|this|that) )?(?:(?:contact|mailing|text|sms|marketing|call) )?"
    r"(?:lists?|database|system)",
    r"unsubscribe(?: me)?(?: from (?:this|these|your|all|the)(?: (?:texts?|messages?|list|sms|service))?)?",
    r"opt me out|i (?:want|would like|wish) to (?:opt out|unsubscribe|be removed)|i opt out|"
    r"i (?:hereby )?(?:revoke|withdraw) (?:my )?consent(?: to (?:be contacted|messages|texts))?",
    r"leave me alone|lose my number",
    # German
    r"(?:schreib(?:t|en sie|e)?|schick(?:t|en sie|e)?|send(?:et|en sie|e)|kontaktier(?:t|en sie|e)?|"
    r"text(?:et|en sie|e)|mail(?:t|en sie|e)?|belästig(?:t|en sie|e)) (?:mir|mich|uns)"
    r"(?: bitte)? (?:(?:nie|nicht|nichts|keine {DE_MEDIA}) (?:mehr|wieder|weiter)(?: (?:eine? )?{DE_MEDIA})?)",
    r"(?:schreib(?:t|en sie)?|schick(?:t|en sie)?|send(?:et|en sie|e)) (?:mir|uns) (?:bitte )?keine {DE_MEDIA}",
    r"(?:bitte )?keine (?:weiteren |solchen )?{DE_MEDIA} mehr(?: (?:an mich|an diese nummer|schicken|senden|schreiben))?",
    r"(?:bitte )?keine weiteren {DE_MEDIA}(?: (?:an mich|an diese nummer|schicken|senden))?",
    r"bitte keine {DE_MEDIA}(?: (?:an mich|an diese nummer))?",
    r"hör(?:t|en sie)? (?:bitte |endlich |sofort )*auf (?:mir |mich |uns )?(?:ständig |immer |dauernd )?"
    r"(?:(?:{DE_MEDIA} )?zu (?:schreiben|schicken|senden|kontaktieren|texten|mailen|belästigen)|anzuschreiben|"
    r"(?:{DE_MEDIA}) zuzuschicken|mit (?:den|euren|ihren|diesen) {DE_MEDIA})",
    r"(?:ich |wir )?(?:möchte|will|wünsche|wollen|möchten)(?: ich)? (?:bitte |von (?:ihnen|euch) )*keine (?:weiteren )?{DE_MEDIA}(?: mehr)?"
    r"(?: von (?:ihnen|euch|dieser nummer))?(?: (?:bekommen|erhalten|haben|kriegen|empfangen))?",
    r"(?:ich )?(?:möchte|will) (?:bitte )?nicht (?:mehr|länger|weiter) (?:von (?:ihnen|euch) )?"
    r"(?:kontaktiert|angeschrieben|belästigt) werden",
    r"(?:nehm(?:t|en sie)?|streich(?:t|en sie)?|lösch(?:t|en sie)?|entfern(?:t|en sie)?) (?:mich|meine nummer|meine adresse)"
    r"(?: bitte)? (?:aus|von) (?:ihrem|ihrer|eurem|eurer|dem|der) (?:verteiler|liste|system|datenbank)",
    r"(?:meld(?:et|en sie)?|trag(?:t|en sie)?) mich (?:bitte )?(?:von (?:den|diesen) {DE_MEDIA} )?(?:ab|aus)",
    r"(?:ich )?(?:möchte|will) mich (?:von (?:den|diesen|ihren|euren) {DE_MEDIA} )?(?:abmelden|austragen)",
    r"lass(?:t|en sie)? mich (?:bitte |endlich )?in (?:ruhe|frieden)",
    # French
    r"(?:ne )?(?:m|me|nous) ?(?:écri(?:vez|s|re)|contacte[zr]?|texte[zr]?|dérange[zr]?|harcele[zr]?) (?:plus(?: jamais)?|jamais)",
    r"(?:ne )?(?:m|me|nous) ?(?:envoye[zr]|envoies?|envoyer) (?:plus|pas)(?: jamais)? (?:de|des|d|vos|aucun) ?{FR_MEDIA}",
    r"n ?(?:envoyez|envoie|envoyer|écrivez|écris) plus(?: jamais)?(?: (?:de|d) ?{FR_MEDIA})?(?: à ce numéro)?",
    r"(?:arrête[rz]?|cesse[rz]?) (?:tout de suite |immédiatement )?de (?:(?:m|me|nous) ?)?(?:écrire|contacter|texter|"
    r"harceler|envoyer (?:des|de|vos|ces|d autres|tous ces|toujours des) ?{FR_MEDIA})",
    r"(?:arrête[rz]?|stop|cesse[rz]?) (?:les|vos|ces|aux?) {FR_MEDIA}",
    r"(?:je )?(?:ne )?(?:veux|souhaite|désire|voudrais) plus (?:recevoir )?(?:de |d |vos |aucun )?{FR_MEDIA}(?: de (?:votre part|vous))?",
    r"(?:je )?(?:ne )?(?:veux|souhaite|désire) (?:plus|pas) être (?:contactée?|dérangée?)(?: par vous)?",
    r"(?:je )?(?:ne )?(?:veux|souhaite) plus rien recevoir(?: de (?:votre part|vous))?",
    r"(?:plus (?:de|aucun|jamais de)|pas de|assez de) {FR_MEDIA}(?: de votre part)?",
    r"(?:retire[rz]?|enleve[rz]?|enlève[rz]?|supprime[rz]?|efface[rz]?|ôte[rz]?) (?:moi|mon numéro|mes coordonnées|mon adresse)"
    r"(?: de (?:votre|la|cette|vos) (?:listes?|base|fichiers?|contacts))?",
    r"(?:désabonne[rz]?|désinscri(?:vez|s|re)) moi(?: (?:de|des) .{0,30})?",
    r"(?:je )?(?:veux|souhaite|voudrais) me (?:désabonner|désinscrire)(?: (?:de|des) (?:vos |ces |la )?{FR_MEDIA})?",
    r"(?:de )?ne plus (?:jamais )?(?:m|me|nous) (?:écrire|contacter|envoyer (?:de |d ){FR_MEDIA})",
    r"(?:laisse[rz]?|fiche[rz]?|foute[rz]?) moi (?:tranquille|la paix)",
    # Spanish
    r"no (?:me|nos) (?:escrib(?:a|as|an|áis)|contact(?:e|es|en|éis)|molest(?:e|es|en))(?: (?:más|nunca más|nunca|nada más|otra vez|de nuevo))?",
    r"no (?:me|nos) (?:(?:envi|envíe|manden|mande|envíen|mandes|envíes|enviéis|mandéis|envies|envien)\w*) (?:más |nunca más |ningún )?"
    r"(?:{ES_MEDIA})(?: (?:más|nunca más))?",
    r"no (?:me|nos) (?:mand|enví|envi)\w+ (?:nada )?(?:más|nunca más)",
    r"(?:deje|dejen|deja|dejad|paren|pare|para|basta) (?:ya )?de (?:escribir(?:me|nos)|contactar(?:me|nos)|molestar(?:me|nos)|"
    r"(?:enviar|mandar)(?:me|nos)? (?:tantos |más |estos |esos |sus )?{ES_MEDIA})",
    r"(?:ya )?no (?:quiero|deseo)(?: (?:recibir|que me (?:manden|envíen)))? (?:más |ningún |sus |nada de )?{ES_MEDIA}(?: (?:de (?:ustedes|ti|vosotros|usted)))?(?: más)?",
    r"(?:ya )?no (?:quiero|deseo) que me (?:escriban|escribas|escriba|contacten|contactes|molesten|contacte|escribáis)(?: más| nunca más)?",
    r"(?:ya )?no (?:quiero|deseo) (?:ser contactad[oa]|recibir nada)(?: más)?(?: de (?:ustedes|vosotros))?",
    r"(?:no más|ni un|ningún|basta de|basta ya de) (?:más )?{ES_MEDIA}(?: más)?",
    r"(?:quít|bórr|elimín|saqu|sáqu|sac|quit|borr)\w*me de (?:su|la|tu|vuestra|esta|sus) (?:lista|base de datos|listas)",
    r"(?:borr|elimin|quit|bórr|elimín)\w+ mi número(?: de (?:su|la|tu) (?:lista|base de datos))?",
    r"(?:denme|dame|deme|dadme|quiero darme|dar(?:me)?) de baja(?: (?:de (?:los|estos|sus) {ES_MEDIA}))?",
    r"(?:déjenme|déjame|déjeme|dejadme|dejenme|dejame) (?:en paz|tranquil[oa])",
    # Italian
    r"non (?:mi |ci )?(?:scriv|contatt|disturb)\w+ (?:più|mai più)",
    r"non (?:mi |ci )?(?:mand|invi|sped)\w+ (?:più|mai più)(?: (?:altri |questi |nessun |i vostri |dei )?{IT_MEDIA})?",
    r"non (?:mi |ci )?(?:mand|invi|sped)\w+ (?:altri |più )?{IT_MEDIA}",
    r"(?:smett|pianta|finisc)\w+ di (?:scriver(?:mi|ci)|contattar(?:mi|ci)|disturbar(?:mi|ci)|(?:mandar|inviar)(?:mi|ci) (?:questi |altri |tutti questi |sempre )?{IT_MEDIA})",
    r"(?:basta|niente più|mai più|niente altri|nessun altro) (?:con (?:i|questi|gli) )?{IT_MEDIA}",
    r"(?:io )?non (?:voglio|desidero|vorrei) più (?:ricevere |avere )?(?:i vostri |altri |nessun )?{IT_MEDIA}(?: (?:da voi|da parte vostra))?",
    r"non (?:voglio|desidero) (?:più )?(?:ricevere (?:altri |più )?{IT_MEDIA}|essere (?:più )?contattat[oa])(?: da voi)?",
    r"(?:togli|cancella|rimuov|elimina|leva)\w+ (?:(?:il mio|mio) numero )?(?:dalla|dalle|da questa|dalla vostra)(?: vostra)? (?:lista|liste|rubrica)",
    r"(?:lasciatemi|lasciami|mi lasci) (?:in pace|stare)|(?:disiscrivetemi|cancellatemi)",
    # Portuguese
    r"não (?:me|nos) (?:escrev|contat|contact|incomod|perturb|import)\w+(?: (?:mais|nunca mais|outra vez))?",
    r"não (?:me |nos )?(?:mand|envi)\w+ (?:mais )?{PT_MEDIA}(?: (?:mais|para este número))?",
    r"não (?:me |nos )?(?:mand|envi)\w+ mais(?: nada)?",
    r"(?:par|deix)\w+ de (?:me |nos )?(?:escrever|contatar|contactar|incomodar|(?:mandar|enviar)(?: me)? (?:tantas |mais |essas |estas )?{PT_MEDIA})(?: me)?",
    r"(?:já )?não (?:quero|desejo) (?:receber )?(?:mais )?{PT_MEDIA}(?: (?:vossas?|de vocês|suas))?(?: mais)?",
    r"(?:já )?não (?:quero|desejo) (?:mais )?(?:ser contatad[oa]|ser contactad[oa]|que me (?:escrevam|contactem|contatem|enviem {PT_MEDIA}))(?: mais)?",
    r"(?:chega de|basta de|sem mais|nada de|não mais|nem mais uma) {PT_MEDIA}",
    r"(?:tir|remov|retir|apag)\w+[ -](?:me|meu número|o meu número) d(?:a|e) (?:vossa |sua |esta )?lista",
    r"(?:me )?(?:tir|remov|retir)\w+(?: me)? da (?:vossa |sua )?lista|(?:deix\w+ me|me deix\w+) em paz|me descadastr\w+",
    # Dutch
    r"(?:stuur|stuurt u|zend)(?: u)? (?:me|mij|ons) (?:alsjeblieft |alstublieft |aub )?geen (?:verdere )?{NL_MEDIA}(?: meer)?",
    r"(?:schrijf|app|sms|mail|contacteer|benader|bericht)(?:t)?(?: u)? (?:me|mij|ons) (?:alsjeblieft |alstublieft |aub )?(?:niet|nooit)(?: (?:meer|weer))",
    r"(?:alsjeblieft |graag )?geen {NL_MEDIA} meer(?: (?:sturen|aan mij|naar dit nummer))?",
    r"(?:alsjeblieft )?geen (?:verdere|nieuwe) {NL_MEDIA}(?: meer)?",
    r"(?:stop|hou(?:d|dt)?(?: u)?)(?: op)? (?:eens )?(?:met |me |mij )*(?:te )?(?:(?:sms['’ ]?en|appen|mailen|schrijven|berichten|benaderen|contacteren)|"
    r"{NL_MEDIA} (?:te )?(?:sturen|versturen))(?: (?:naar|aan) (?:mij|me))?",
    r"ik (?:wil|wens) geen {NL_MEDIA} meer(?: (?:van (?:jullie|u) ?)?(?:ontvangen|krijgen|hebben)?)?",
    r"ik wil (?:geen {NL_MEDIA} (?:ontvangen|krijgen)|niet meer (?:benaderd|gecontacteerd|lastiggevallen) worden)",
    r"(?:haal|verwijder|schrap)(?:t)?(?: u)? (?:me|mij|mijn nummer)(?: alsjeblieft)? (?:van|uit) (?:de|deze|jullie|uw) (?:lijst|bestand)",
    r"laat (?:me|mij) (?:alsjeblieft )?met rust|meld (?:me|mij) af|schrijf (?:me|mij) uit",
    # Polish
    r"(?:więcej |już |proszę |bardzo )*(?:nie |do mnie )+(?:pisz|piszcie|pisać|kontaktować się|kontaktuj się|kontaktujcie się)(?: (?:więcej|już|do mnie|ze mną|nigdy))*",
    r"(?:więcej |już |proszę )*nie (?:wysyłaj|wysyłajcie|wysyłać|przysyłaj|przysyłajcie|przysyłać)(?: (?:mi|do mnie|więcej|już|żadnych))* ?(?:{PL_MEDIA})?(?: (?:więcej|już))?",
    r"(?:przestań|przestańcie|proszę przestać)(?: (?:do mnie|mi))? (?:pisać|wysyłać|przysyłać)(?: (?:do mnie|mi))?(?: (?:te |ciągle )?{PL_MEDIA})?",
    r"(?:ja )?nie (?:chcę|życzę sobie)(?: (?:już|więcej|od was|otrzymywać|dostawać))* {PL_MEDIA}(?: (?:więcej|od was))?",
    r"(?:proszę )?(?:żadnych |dość )(?:więcej )?{PL_MEDIA}|(?:ani )?więcej {PL_MEDIA}",
    r"(?:dajcie|daj) mi (?:święty )?spokój|(?:proszę mnie wypisać|wypiszcie mnie|usuńcie mój numer)(?: z (?:listy|bazy))?",
    # Swedish
    r"sluta (?:att )?(?:(?:skicka|sända)(?: (?:mig|till mig|så många|de här))* (?:{SV_MEDIA})(?: till mig)?|skriva(?: till mig)?|kontakta mig|"
    r"sms ?a(?: mig)?|messa(?: mig)?|mejla(?: mig)?|störa mig)",
    r"(?:skicka|sänd)(?: mig)? inga? (?:fler|flera|mer|mera) (?:{SV_MEDIA})(?: till mig)?",
    r"(?:inga|inte) (?:fler|flera|mer) {SV_MEDIA}(?: tack)?",
    r"(?:skriv inte till mig|kontakta mig inte|sms ?a mig inte|mejla mig inte|skicka inte (?:{SV_MEDIA}) till mig)(?: (?:mer|igen|längre|något mer))*",
    r"jag vill inte (?:längre )?(?:ha|få)(?: (?:fler|flera|några|några fler|mer))? {SV_MEDIA}(?: från er)?(?: (?:mer|längre|igen))?",
    r"(?:lämna mig i ?fred|låt mig vara i ?fred|ta bort (?:mig|mitt nummer) från (?:listan|er lista)|avregistrera mig)",
    # Turkish
    r"(?:bana |artık |bir daha |lütfen |daha fazla |bu numaraya )*{TR_MEDIA} (?:gönderme|atma|yollama|çekme)(?:y[iı]n(?:[iı]z)?|[iı]n)?(?: artık| bir daha)?",
    r"(?:bana |benimle |artık |bir daha |daha fazla )*(?:yazma|iletişime geçme|iletişim kurma)(?:y[iı]n(?:[iı]z)?)?(?: artık)?",
    r"(?:artık |bir daha |daha fazla |sizden )*{TR_MEDIA} (?:almak |istemiyorum|görmek )(?:istemiyorum)?(?: artık)?",
    r"(?:bana )?{TR_MEDIA} (?:göndermeyi|atmayı|yollamayı) (?:bırakın|kesin|bırak|kes|durdurun)",
    r"beni rahat bırak(?:ın)?|(?:beni|numaramı) liste(?:niz)?den (?:çıkarın|silin)",
    # Arabic
    r"(?:من فضلك |رجاء |لو سمحت(?:م)? |أرجو أن )*(?:لا|ألا|الا) (?:ترسل|ترسلوا|ترسلي|تبعث|تبعثوا|تراسلني|تراسلوني|تكتبوا|تكتب|تتواصلوا معي|تتواصل معي)"
    r"(?: (?:لي|إلي|الي|علي|أي|اي|المزيد|مزيدا|من|هذه|رسائل|الرسائل|رسالة|رسائلكم|sms|بعد الآن|بعد الان|مرة أخرى|مرة اخرى|مجددا|ثانية|أبدا|ابدا))*",
    r"(?:توقف|توقفوا|كفوا|كف|توقفي) عن (?:إرسال|ارسال|مراسلتي|مراسلتنا|الكتابة|التواصل معي|إزعاجي|ازعاجي)(?: (?:الرسائل|رسائل|هذه|لي|إلي|الي))*",
    r"(?:أنا )?(?:لا|لم أعد|لم اعد) (?:أريد|اريد|أرغب في|ارغب في)(?: (?:استلام|تلقي|استقبال|أن تصلني|المزيد|مزيدا|من|أي|اي|هذه))* (?:رسائل|الرسائل|رسالة|رسائلكم)(?: (?:منكم|بعد الآن|بعد الان|أخرى|اخرى))*",
    r"(?:كفى|كفاية|أوقفوا|اوقفوا|أوقف|اوقف|بدون) (?:هذه )?(?:الرسائل|رسائل|إرسال الرسائل|ارسال الرسائل)",
    r"(?:اتركوني|اتركني|دعوني|دعني) وشأني|(?:ألغوا|الغوا|ألغ) اشتراكي|(?:احذفوا|احذف) رقمي(?: من (?:القائمة|قائمتكم))?",
    # Japanese
    r"(?:もう|これ以上|今後|今後は|二度と|お願いですから)*{JA_MEDIA}(?:を|は|も|の送信は)?(?:もう|これ以上|二度と|一切)*"
    r"(?:送らないで|送ってこないで|送信しないで|しないで|よこさないで|やめて|止めて|停止して|不要|いりません|要りません|いらない|結構|ストップして)"
    r"(?:です|ください|下さい|ほしい|欲しい|もらえますか|いただけますか|くれ|よ|ね)*",
    r"(?:もう|これ以上|二度と)+(?:連絡|送信)(?:を|は|も)?(?:してこないで|しないで|やめて)(?:ください|下さい|ほしい)?",
    r"(?:配信|メール配信|sms配信)(?:を|の)?(?:停止|解除|中止)(?:して(?:ください|下さい)?|を?(?:お願い|希望)(?:します|いたします)?)?|(?:配信|登録)を?解除してください",
)
_MEDIA = {
    "DE_MEDIA": r"(?:sms|nachrichten?|textnachrichten?|kurznachrichten|mails?|e-?mails?|whats ?app(?:s| nachrichten)?|"
    r"werbung|werbe(?:mails|sms|nachrichten)|mitteilungen|umfragen|spam)",
    "FR_MEDIA": r"(?:sms|messages?|textos?|mails?|e-?mails?|courriels?|publicités?|pub|spams?|notifications?|mms|whatsapp)(?: publicitaires?)?",
    "ES_MEDIA": r"(?:mensajes?(?: de texto)?|sms|correos?|e-?mails?|mails?|publicidad|notificaciones|whatsapps?|encuestas|spam)",
    "IT_MEDIA": r"(?:messaggi|messaggini|messaggio|sms|e-?mails?|mails?|pubblicità|notifiche|whatsapp|spam)",
    "PT_MEDIA": r"(?:mensage(?:ns|m)|sms|e-?mails?|publicidade|notificações|whatsapps?|torpedos|spam)",
    "NL_MEDIA": r"(?:berichten|berichtjes|sms['’ ]?jes|sms['’ ]?en|sms(?:en)?|e-?mails?|mails|mailtjes|appjes|reclame|whatsapp(?:s|jes)?|spam)",
    "PL_MEDIA": r"(?:sms[- ]?(?:ów|y)?|smsów|smsy|wiadomości|maili|e-?maili|reklam|powiadomień|esemesów)",
    "SV_MEDIA": r"(?:sms|meddelanden|mejl|mail|e-?post|reklam|aviseringar|textmeddelanden)",
    "TR_MEDIA": r"(?:mesaj(?:lar)?|sms|e-?posta|mail|reklam|bildirim)",
    "JA_MEDIA": r"(?:メッセージ|ショートメッセージ|sms|メール|連絡|広告|ライン|line|通知)",
}
_LEADS = (
    r"(?:(?:please|pls|plz|kindly|just|so|ok|okay|and|but|then|now|also|no|yes|hi|hello|hey|look|listen|enough|sorry|"
    r"thanks|thank you|seriously|again|(?:can|could|would|will) you(?: guys)?|i (?:want|need|would like|d like|asked|told|ask) you to|"
    r"for the last time|i said|how many times|immediately|team|"
    r"bitte|hallo|und|aber|also|nochmal|endlich|(?:können|könnten|würden) sie|(?:könnt|könntet|würdet) ihr|nein|danke|jetzt|ab sofort|guten tag|"
    r"s il vous plaît|s il te plaît|svp|stp|merci de|veuillez|je vous prie de|bonjour|et|mais|non|pouvez vous|"
    r"por favor|hola|y|pero|buenos días|oigan|ya|(?:pueden|puede|podrían) |"
    r"per favore|per piacere|vi prego(?: di)?|la prego(?: di)?|ciao|buongiorno|e|ma|"
    r"se faz favor|olá|oi|mas|peço que|agora|"
    r"alsjeblieft|alstublieft|aub|graag|hoi|en|maar|wilt u|wil je|"
    r"proszę|dzień dobry|ale|i|snälla|hej|vänligen|tack|och|men|kan ni|lütfen|artık|merhaba|من فضلك|من فضلكم|رجاء|مرحبا|أرجوكم|لو سمحتم)\s+)*"
)
_TAILS = (
    r"(?:\s+(?:again|ever|any ?more|any ?longer|ever again|please|pls|plz|now|right now|at all|thanks|thank you|today|immediately|"
    r"from now on|in (?:the )?future|going forward|already|to me|here|on this (?:number|phone)|to this number|at this (?:number|address)|"
    r"from you(?: guys)?|from (?:your (?:company|shop|team)|this (?:number|company|shop))|for good|altogether|all the time|every day|"
    r"(?:i am|im|i m) not interested|asap|ok|"
    r"bitte|danke|mehr|nie wieder|wieder|ab sofort|sofort|in zukunft|künftig|an diese nummer|auf diese nummer|hier|vielen dank|von (?:ihnen|euch)|"
    r"s il vous plaît|s il te plaît|svp|stp|merci|désormais|dorénavant|à l avenir|sur ce numéro|à ce numéro|jamais|immédiatement|"
    r"por favor|gracias|más|nunca más|ya|a este número|en el futuro|de una vez|"
    r"per favore|grazie|per piacere|adesso|subito|a questo numero|in futuro|"
    r"se faz favor|obrigad[oa]|mais|para este número|já|nunca mais|"
    r"alsjeblieft|alstublieft|aub|dank u|dank je|bedankt|op dit nummer|naar dit nummer|meer|voortaan|nu|"
    r"proszę|dziękuję|więcej|na ten numer|tack|längre|till mig|till det här numret|lütfen|artık|teşekkürler|"
    r"من فضلك|رجاء|شكرا|بعد الآن|مرة أخرى))*"
    r"(?:\s+(?:or|otherwise|oder|sonst|ou|sinon|o|si no|altrimenti|of|anders|because|cause|since|weil|da ich|car|parce que|porque|"
    r"perché|omdat|bo|annars|yoksa)\s.*)?"
)


def _with_media(pattern: str) -> str:
    for name, media in _MEDIA.items():
        pattern = pattern.replace(f"{{{name}}}", media)
    return pattern


_SENTENCE = re.compile(rf"{_LEADS}(?:{'|'.join(map(_with_media, _PATTERNS))}){_TAILS}", re.DOTALL)
_WRITE_INSTEAD = re.compile(
    r"(?:just |please |rather |but |instead )*(?:text|message|write(?: to)?|answer|reply(?: to)?|sms) (?:me|us|back|here)\b.*|"
    r"(?:sondern |lieber |besser |bitte )*(?:schreib(?:t|en sie)?|antwort(?:et|en sie)?) (?:mir|uns|bitte|lieber|hier).*|"
    r"(?:mais |plutôt )*(?:écrivez|répondez|écris|réponds)(?: moi)?\b.*|(?:sino |mejor )*(?:escríbame|escríbeme|escríbanme|respóndame)\b.*|"
    r"(?:ma )?(?:scrivetemi|mi scriva|scrivimi)\b.*|(?:mas )?(?:escreva|escrevam)(?: me)?\b.*"
)
_RAW_SENTENCES = re.compile(r"[^.!?…;\n。！？؟]+[.!?…;\n。！？؟]*")


def is_stop_word(text: str) -> bool:
    """Whether ``text`` is a word such as STOP and nothing else."""
    return len(text) < 64 and _letters(text) in STOP_WORDS


def is_start_word(text: str) -> bool:
    """Whether ``text`` is START and nothing else."""
    return len(text) < 64 and _letters(text) in START_WORDS


def asks_for_no_messages(text: str) -> bool:
    """Whether a sentence of ``text`` asks for no more messages."""
    return remainder(text) is not None


def remainder(text: str) -> str | None:
    """What else ``text`` says when a sentence of it asks for no more messages; None when none
    does."""
    if len(text) > LONGEST:
        return None
    rest: list[str] = []
    found = False
    for raw in _RAW_SENTENCES.findall(text):
        sentence, clauses = _plain(raw), [_plain(part) for part in re.split("[,،、:–—]", raw)]
        if not sentence:
            continue
        if _SENTENCE.fullmatch(sentence):
            found = True
            continue
        asking = [bool(clause) and bool(_SENTENCE.fullmatch(clause)) for clause in clauses]
        if any(asking):
            others = [clause for clause, asks in zip(clauses, asking, strict=True) if not asks]
            if any(map(_WRITE_INSTEAD.fullmatch, others)):
                return None
            found = True
            rest += [clause for clause in others if clause]
        else:
            rest.append(raw.strip())
    if not found or any(_WRITE_INSTEAD.fullmatch(_plain(part)) for part in rest):
        return None
    return " ".join(rest)


def _plain(text: str) -> str:
    """``text`` in lower case, with words and spaces only."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("i̇", "i")
    folded = re.sub(r"n['’]t\b", "nt", folded)
    folded = re.sub(r"(?<=sms)['’]", "", folded)
    kept = re.sub(r"[^\w\s]|_", " ", folded)
    return re.sub(r"\be (?=mail|post)", "e", " ".join(kept.split()))


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in plain if char.isalnum() or unicodedata.combining(char))
