"""What customers answer to a survey, as parts of patterns, in our five languages.

Lower case and NFKC, as `plugins.followup.answers` compares them. The first words of `STOP` are the
opt-out keywords that Twilio and the carriers know.
"""

from __future__ import annotations

_SPELT = (
    "one eins einen un une uno una واحد واحدة نجمة",
    "two zwei deux dos اثنان اثنين نجمتان نجمتين",
    "three drei trois tres ثلاثة ثلاث",
    "four vier quatre cuatro أربعة اربعة أربع اربع",
    "five fünf fuenf cinq cinco خمسة خمس",
)
NUMBERS = {word: n for n, words in enumerate(_SPELT, 1) for word in words.split()}

OF = "out of|of|von|sur|de|من"

STARS = "stars?|points?|sterne?n?|punkte?|étoiles?|etoiles?|estrellas?|puntos?|نجوم|نجمات|نجمة|نقاط"

LEADS = (
    "a|an|i give|i'd give|i would give|i'd say|i say|i rate|it's|it is|its|my rating is|rating|"
    "score|stars|you|it|this|him|her|them|solid|full|about|maybe|definitely|well|ok|so|"
    "eine|ich gebe|ich würde|sagen|geben|note|bewertung|von mir|gibt es|volle|"
    "je donne|je mets|je dirais|disons|la note|"
    "un|una|le doy|doy|les doy|diría|pongo|nota|"
    "أعطي|اعطي|أعطيكم|التقييم|تقييمي"
)

LINKS = (
    "because|but|and|as|since|for|from|thanks|thank|please|very|all|great|good|stop|"
    "weil|aber|und|da|danke|für|alles|sehr|"
    "parce|mais|et|car|merci|pour|"
    "porque|pero|y|gracias|por|"
    "لأن|لكن|ولكن|شكرا|شكراً"
)

PLEASE = "please |bitte |s'il vous plaît |svp |por favor |من فضلك |لو سمحت "

STOP = (
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
    r"إيقاف|ايقاف|توقف|توقفوا|أوقف|إلغاء الاشتراك|الغاء الاشتراك|لا ترسلوا المزيد"
)

UNSOLVED = (
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
    r"(?:لم|لن) (?:يتم |تتم )?(?:ي?حل|تحل|تُحل|يُحل|حلها|حل)(?: \w+)?|لا (?:يزال|تزال|يعمل|تعمل)|"
    r"ما ?(?:زال|زالت)|غير محلولة?"
)

SOLVED = (
    r"solved|resolved|fixed|sorted|works? (?:now|again|fine|great|perfectly)|working (?:now|again)|"
    r"all good|all fine|all is well|"
    r"gelöst|geklärt|behoben|erledigt|alles (?:gut|bestens|klar|in ordnung)|"
    r"(?:funktioniert|geht|klappt)(?: jetzt| wieder| nun)|"
    r"résolue?|réglée?|(?:ça|cela|tout) (?:marche|fonctionne|va bien)|tout est (?:bon|en ordre)|"
    r"resuelt[oa]|solucionad[oa]|arreglad[oa]|ya funciona|todo bien|"
    r"تم (?:حل|الحل|حلها)\w*|(?:يعمل|تعمل) الآن|كل شيء (?:جيد|تمام|بخير)"
)

NO = "no|nope|nah|not really|not at all|nein|nö|nee|leider nein|non|pas vraiment|لا|كلا"

YES = (
    "yes|yep|yeah|yup|sure|absolutely|definitely|of course|ja|jep|jawohl|klar|auf jeden fall|"
    "oui|ouais|tout à fait|bien sûr|sí|si|claro|por supuesto|نعم|أجل|اجل|بالتأكيد|طبعا"
)

_KIND = (
    "thanks thank thx ty cheers you very much so a lot many for your the everything all help "
    "service it is was were that's that this great good fine nice perfect excellent super "
    "lovely awesome amazing brilliant helpful friendly kind quick fast ok okay happy now and "
    "really bye dear team wonderful best support "
    "danke dankeschön vielen dank schön sehr gut alles prima toll klasse bestens freundlich "
    "schnell für die den hilfe ihre ihnen und war es "
    "merci beaucoup bien parfait parfaite très génial pour votre aide tout c'est était "
    "gracias muchas muy perfecto genial excelente por su la ayuda todo amable ha sido "
    "شكرا شكراً جزيلا جزيلاً ممتاز رائع جيد جدا جداً لكم لك على المساعدة مساعدتكم"
)
POLITE = frozenset(_KIND.split())
"""Words of thanks and praise; an answer that has no others says nothing else."""

NOTHING_WRONG = POLITE | {"problem", "problems", "worries", "complaints", "questions", "more"}
"""After a "no": no thanks, no problem."""

BAD = (
    "bad|badly|terrible|awful|horrible|poor|useless|disappointing|disappointed|not (?:very )?"
    "(?:good|helpful|happy|satisfied)|unhappy|worst|"
    "schlecht|furchtbar|schrecklich|mies|enttäuschend|enttäuscht|unzufrieden|"
    "nicht (?:gut|zufrieden)|"
    "mauvaise?|nulle?|horrible|déçue?|pas (?:bien|satisfaite?|bon)|"
    "muy mal|mal[oa]|pésim[oa]|decepcionad[oa]|no (?:muy )?(?:bien|satisfech[oa]|content[oa])|"
    "سيء|سيئ|سيئة|غير راض"
)
