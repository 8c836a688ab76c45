"""Words of thanks and goodbye in the served languages. Pure.

The engine's intent ``thanks`` is no substitute: it is as sure of "thanks, but one more question".
"""

from __future__ import annotations

import itertools
import re
import unicodedata

LONGEST = 120
"""Characters; a longer text says more than thanks."""
MOST_NAMES = 8
"""Words of names that may stand beside thanks."""

_CORE_WORDS = (
    "thanks thank thankyou thx thnx tnx ty tysm cheers bye goodbye ok okay okey okidoki noted "
    "appreciated appreciate "
    "danke dankeschön dankesehr dank tschüss tschüß tschau servus alles ade wiedersehen "
    "merci mercii mercis remercie remerciement remerciements revoir bientôt "
    "gracias adiós adios vale agradecido agradecida "
    "grazie arrivederci ciao ringrazio obrigado obrigada brigado valeu tchau agradeço adeus "
    "dankjewel dankuwel bedankt doei doeg dankje oké ziens "
    "dzięki dziękuję dziekuje dzieki pozdrawiam widzenia zobaczenia dobranoc "
    "tack tackar hejdå adjö teşekkürler teşekkür tesekkurler sağol sağolun eyvallah tamam "
    "görüşürüz hoşçakalın "
    "شكرا شكر متشكر مشكور مشكورين تسلم تمام وداعا باي"
)
_WORDS_AROUND = (
    "you u very much so a lot lots many millions million for your the everything all again "
    "help helping "
    "helped service support it is was were that thats that's this then great good fine nice "
    "perfect "
    "excellent super lovely awesome amazing brilliant wonderful helpful friendly kind quick "
    "fast best "
    "happy now and really dear team have day night evening weekend one bye to i we im am me no "
    "problem "
    "worries sorted done got yes yep yeah well quickly reply answer response answering "
    "responding "
    "answers alright "
    "of guys folks sir madam mr mrs ms mate regards greetings from hope too appreciate helps "
    "needed solved see later take care "
    "vielen vielmals herzlichen besten lieben schön sehr gut prima toll klasse bestens freundlich "
    "schnell schnelle schnellen für die den das der hilfe ihre ihren ihr ihnen eure euch dir "
    "und war es ja nein nö "
    "passt wiedersehen schönen tag abend noch wochenende auf bis bald gruß grüße liebe klar "
    "nochmal "
    "nochmals antwort unterstützung auch mir hat ist erledigt super perfekt wunderbar "
    "geholfen tausend war's wars frau herr gute nacht dann schönes "
    "beaucoup bien parfait parfaite très génial pour votre vos aide tout c'est cest était et à "
    "au bonne "
    "journée soirée infiniment mille fois non oui d'accord daccord encore réponse rapidité "
    "vous je rapide grand gentil gentille madame monsieur nuit week end weekend moi marche "
    "muchas muchísimas mil muy perfecto genial excelente por su la el ayuda todo amable ha "
    "sido que tenga "
    "buen buena día tarde noche hasta luego pronto le te lo agradezco no sí si respuesta rápida de "
    "eso es era rápido señora señor buenas noches un saludo fin semana "
    "mille molte tante molto perfetto ottimo bene per il vostro suo aiuto tutto gentile "
    "gentili buona "
    "giornata serata e un davvero gentilissimi risposta a presto sì vi la ringraziamento "
    "va è infinite l'aiuto della veloce signora signor buon fine settimana "
    "muito obrigadíssimo pela pelo ajuda tudo ótimo bom boa dia noite vocês até logo mais "
    "atenção resposta o não perfeito perfeita é era só isso tenha um uma fim semana rápida "
    "je wel u heel erg veel hartelijk voor uw hulp alles goed prima top fijne fijn dag avond "
    "en het was de snelle reactie nee dat snel antwoord nog tot later prettige perfect mevrouw "
    "meneer "
    "bardzo serdecznie za pomoc wszystko dobrze świetnie super miłego dnia do widzenia i "
    "odpowiedź nie tak wielkie serdeczne szybką pani panu tyle wieczoru weekendu "
    "så mycket för hjälpen allt bra jättebra fint ha det trevlig dag och er din ditt svar nej ja "
    "tusen toppen perfekt stort snabbt snabba var kväll helg snälla "
    "çok ederim ederiz yardımınız için her şey iyi günler güzel hoşça kalın evet yardım cevap "
    "sağ olun süper harika hızlı hepsi bu kadar kadardı akşamlar geceler "
    "جزيلا لكم لك على المساعدة مساعدتكم مساعدتك كل شيء ممتاز رائع جيد جدا "
    "السلامة مع يومكم سعيد الرد نعم لا هذا سرعة نهارك جزاك الله خيرا يعطيك العافية "
)
_CORE = frozenset(_CORE_WORDS.split())
_AROUND = frozenset(_WORDS_AROUND.split())
_PRAISE_WORDS = (
    "great perfect excellent super lovely awesome amazing brilliant wonderful good fine nice "
    "sorted prima toll klasse bestens passt parfait parfaite génial perfecto genial excelente "
    "perfetto ottimo ótimo perfeito perfekt wunderbar fijn świetnie jättebra toppen harika süper "
    "ممتاز رائع تمام"
)
_PRAISE = frozenset(_PRAISE_WORDS.split())
_NO_WORDS = "no nein nö non nej nee nie لا não"
_NO = frozenset(_NO_WORDS.split())
_ASSENT_WORDS = "yes yep yeah ja oui sí si sì sim tak evet نعم"
_ASSENT = frozenset(_ASSENT_WORDS.split())
_ALL_WORDS = (
    "all everything alles war's wars tout todo tutto tudo isso wszystko tyle allt hepsi kadar "
    "kadardı كل"
)
_ALL = frozenset(_ALL_WORDS.split())
"""What "that is all" says in each language."""
_IS_NOT = re.compile(
    r"\b(?:(?:no|non|não) (?:es|è|é|era|good|muy|molto|muito|bene|bom|so|very)|to nie)\b",
    re.IGNORECASE,
)
"""Begins "that is not all" or "not so good" where the words beside it are courtesy, too."""
_SERVICE_WORDS = (
    "answer answers answering reply response responding help helped helping service antwort hilfe "
    "unterstützung réponse aide respuesta ayuda risposta aiuto resposta ajuda atenção hulp "
    "reactie odpowiedź pomoc svar hjälpen cevap yardım yardımınız الرد المساعدة مساعدتكم مساعدتك"
)
_SERVICE = frozenset(_SERVICE_WORDS.split())
_WARM_WORDS = (
    "helpful friendly kind quick quickly fast best happy million millions "
    "herzlichen tausend freundlich schnell schnelle schnellen geholfen "
    "infiniment rapide rapidité gentil gentille "
    "muchísimas amable rápida rápido "
    "gentile gentili gentilissimi veloce infinite "
    "obrigadíssimo snelle snel szybką "
    "snabbt snabba hızlı "
    "سرعة"
)
_WARM = frozenset(_WARM_WORDS.split())
"""Words of courtesy that praise somebody, or thank more than is usual ("vielen Dank" is usual).
Words that stand alone ("super, danke") are not here: they praise only beside a service."""
_SIGN_OFF = re.compile(
    r"\b(?:(?:kind(?:est)?|best|warm(?:est)?) (?:regards|wishes)|all the best"
    r"|(?:mit )?(?:freundliche|herzliche|beste|liebe|viele|schöne)n? grü(?:ß|ss)en?"
    r"|(?:bien )?cordialement|cordiales saludos|un cordial saludo|saludos|cordiali saluti"
    r"|(?:com os melhores )?cumprimentos|atenciosamente|(?:met )?vriendelijke groet(?:en)?"
    r"|serdecznie pozdrawiam|(?:med )?vänliga? hälsning(?:ar)?|mvh|saygılarımla|مع التحية)\b",
    re.IGNORECASE,
)
"""The end of a letter, whose words praise nobody."""
_WARM_PAIRS = frozenset({("so", "much")})
_WARM_JAPANESE = re.compile("助|迅速|早い")
_GLAD = re.compile(
    "[👍🙂😊😀😃😄😁😍🥰❤🧡💛💚💙💜🙏👌💯✅🎉👏🤗\\ufe0f\\u200d\U0001f3fb-\U0001f3ff\\s]+"
)
_ARABIC_VOWELS = re.compile("[\u064b-\u0652]")
"""Signs above and below letters, which few people type."""
_JAPANESE = re.compile(
    r"(?:いいえ|どうも|本当に|大変|とても|助けていただき|ご対応|対応|お返事|返信|いろいろ|迅速な|早い|以上です"
    r"|(?:もう|それだけで)?大丈夫です)*"
    r"(?:ありがとう(?:ございました|ございます|ね)?|有難うございま(?:す|した)|感謝(?:します|しています|いたします)?|"
    r"助かりました|了解(?:です|しました|いたしました)?|承知しました|わかりました|お世話になりました|失礼します|さようなら)+"
    r"(?:どうも|ありがとうございました|ありがとうございます|失礼します|以上です|(?:もう)?大丈夫です)*"
)


def says_thanks(text: str) -> bool:
    """Whether ``text`` says thanks or goodbye, and nothing else."""
    words = _words(text)
    if _JAPANESE.fullmatch("".join(words)):
        return True
    return _is_polite(words) and not _CORE.isdisjoint(words)


def is_plain_thanks(text: str) -> bool:
    """Whether ``text`` says thanks or goodbye as everybody does, and no word of praise: "ok, thanks
    for the answer", and not "thanks for the quick answer". The end of a letter says nothing."""
    text = _SIGN_OFF.sub(" ", text)
    words = _words(text)
    pairs = set(itertools.pairwise(words))
    warm = (
        not _WARM.isdisjoint(words)
        or not _WARM_PAIRS.isdisjoint(pairs)
        or any(one in _PRAISE and other in _SERVICE for one, other in pairs)
        or _WARM_JAPANESE.search("".join(words)) is not None
    )
    return says_thanks(text) and not warm


def is_courtesy(text: str) -> bool:
    """Whether ``text`` says thanks, goodbye or praise, in words or glad emoji, and nothing else."""
    if text.strip() and len(text) <= LONGEST and _GLAD.fullmatch(text):
        return True
    words = _words(text)
    return says_thanks(text) or (_is_polite(words) and not _PRAISE.isdisjoint(words))


def asks_nothing(text: str, *, asked: bool = False, names: str = "") -> bool:
    """Whether a customer who writes ``text`` to a person waits for nothing: it is courtesy and
    agrees to nothing. ``asked``: the person's last words were a question, so that thanks may mean
    yes; then it must decline or say that this is all. ``names``: of people in the conversation,
    which may stand in ``text``."""
    for name in names.split()[:MOST_NAMES]:
        text = re.sub(rf"\b{re.escape(name)}\b", " ", text)
    words = _words(text)
    if not is_courtesy(text) or not _ASSENT.isdisjoint(words):
        return False
    declines = bool(words) and words[0] in _NO
    return not asked or declines or "以上です" in words or not _ALL.isdisjoint(words)


def _is_polite(words: list[str]) -> bool:
    return bool(words) and (_CORE | _AROUND).issuperset(words) and not _complains(words)


def _complains(words: list[str]) -> bool:
    """Whether "no" stands right before what was hoped for, as in "ok I got no answer"."""
    return any(
        word in _NO and not _SERVICE.isdisjoint(words[at + 1 : at + 3])
        for at, word in enumerate(words)
    )


def _words(text: str) -> list[str]:
    """The words of ``text``; one that is no courtesy for a text that is too long, asks, or says
    that this is not all."""
    if len(text) > LONGEST or any(mark in text for mark in "?？؟") or _IS_NOT.search(text):
        return ["\0"]
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return re.findall(r"[\w']+", _ARABIC_VOWELS.sub("", plain))
