"""Words of thanks and goodbye in the served languages. Pure."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120
"""Characters; a longer text says more than thanks."""

_CORE_WORDS = (
    "thanks thank thx thnx tnx ty cheers bye goodbye ok okay okey okidoki noted appreciated "
    "appreciate "
    "danke dankeschön dankesehr dank tschüss tschüß tschau servus alles "
    "merci mercii remerciement remerciements revoir "
    "gracias adiós adios vale agradecido agradecida "
    "grazie arrivederci ciao ringrazio obrigado obrigada brigado valeu tchau agradeço "
    "dankjewel dankuwel bedankt doei dankje dzięki dziękuję dziekuje dzieki pozdrawiam "
    "tack tackar hejdå teşekkürler teşekkür tesekkurler sağol sağolun eyvallah tamam "
    "شكرا مشكور مشكورين تمام وداعا"
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
    "of guys folks sir madam regards greetings from hope too appreciate "
    "vielen vielmals herzlichen besten lieben schön sehr gut prima toll klasse bestens freundlich "
    "schnell schnelle schnellen für die den das der hilfe ihre ihren ihr ihnen eure euch dir "
    "und war es ja nein nö "
    "passt wiedersehen schönen tag abend noch wochenende auf bis bald gruß grüße liebe klar "
    "nochmal "
    "nochmals antwort unterstützung auch mir hat ist erledigt super "
    "beaucoup bien parfait parfaite très génial pour votre vos aide tout c'est cest était et à "
    "au bonne "
    "journée soirée infiniment mille fois non oui d'accord daccord encore réponse rapidité "
    "vous je rapide "
    "muchas muchísimas mil muy perfecto genial excelente por su la el ayuda todo amable ha "
    "sido que tenga "
    "buen buena día tarde noche hasta luego pronto le te lo agradezco no sí si respuesta rápida de "
    "mille molte tante molto perfetto ottimo bene per il vostro suo aiuto tutto gentile "
    "gentili buona "
    "giornata serata e un davvero gentilissimi risposta a presto sì vi la ringraziamento "
    "muito obrigadíssimo pela pelo ajuda tudo ótimo bom boa dia noite vocês até logo mais "
    "atenção resposta o "
    "je wel u heel erg veel hartelijk voor uw hulp alles goed prima top fijne fijn dag avond "
    "en het was de snelle reactie nee "
    "bardzo serdecznie za pomoc wszystko dobrze świetnie super miłego dnia do widzenia i "
    "odpowiedź nie tak "
    "så mycket för hjälpen allt bra jättebra fint ha det trevlig dag och er din ditt svar nej ja "
    "çok ederim ederiz yardımınız için her şey iyi günler güzel hoşça kalın evet yardım cevap "
    "جزيلا لكم لك على المساعدة مساعدتكم مساعدتك كل شيء ممتاز رائع جيد جدا "
    "السلامة مع يومكم سعيد الرد نعم لا "
)
_CORE = frozenset(_CORE_WORDS.split())
_AROUND = frozenset(_WORDS_AROUND.split())
_PRAISE_WORDS = (
    "great perfect excellent super lovely awesome amazing brilliant wonderful good fine nice "
    "sorted prima toll klasse bestens passt parfait parfaite génial perfecto genial excelente "
    "perfetto ottimo ótimo fijn świetnie jättebra ممتاز رائع تمام"
)
_PRAISE = frozenset(_PRAISE_WORDS.split())
_NO = frozenset(["no", "nein", "non", "nej", "nee", "nie", "لا", "não"])
_SERVICE_WORDS = (
    "answer answering reply response responding help helped helping service antwort hilfe "
    "unterstützung réponse aide respuesta ayuda risposta aiuto resposta ajuda atenção hulp "
    "reactie odpowiedź pomoc svar hjälpen cevap yardım yardımınız الرد المساعدة مساعدتكم مساعدتك"
)
_SERVICE = frozenset(_SERVICE_WORDS.split())
_GLAD = re.compile(
    "[👍🙂😊😀😃😄😁😍🥰❤🧡💛💚💙💜🙏👌💯✅🎉👏🤗\\ufe0f\\u200d\U0001f3fb-\U0001f3ff\\s]+"
)
_ARABIC_VOWELS = re.compile("[\u064b-\u0652]")
"""Signs above and below letters, which few people type."""
_JAPANESE = re.compile(
    r"(?:どうも|本当に|大変|とても|助けていただき|ご対応|対応|お返事|いろいろ|迅速な)*"
    r"(?:ありがとう(?:ございました|ございます|ね)?|有難うございま(?:す|した)|感謝(?:します|しています|いたします)?|"
    r"助かりました|了解(?:です|しました|いたしました)?|承知しました|わかりました|お世話になりました|失礼します|さようなら)+"
    r"(?:どうも|ありがとうございました|ありがとうございます|失礼します)*"
)


def says_thanks(text: str) -> bool:
    """Whether ``text`` says thanks or goodbye, and nothing else."""
    words = _words(text)
    if _JAPANESE.fullmatch("".join(words)):
        return True
    return _is_polite(words) and not _CORE.isdisjoint(words)


def is_courtesy(text: str) -> bool:
    """Whether ``text`` says thanks, goodbye or praise, in words or glad emoji, and nothing else."""
    if text.strip() and len(text) <= LONGEST and _GLAD.fullmatch(text):
        return True
    words = _words(text)
    return says_thanks(text) or (_is_polite(words) and not _PRAISE.isdisjoint(words))


def _is_polite(words: list[str]) -> bool:
    return bool(words) and (_CORE | _AROUND).issuperset(words) and not _complains(words)


def _complains(words: list[str]) -> bool:
    """Whether "no" stands right before what was hoped for, as in "ok I got no answer"."""
    return any(
        word in _NO and not _SERVICE.isdisjoint(words[at + 1 : at + 3])
        for at, word in enumerate(words)
    )


def _words(text: str) -> list[str]:
    """The words of ``text``; one that is no courtesy for a text that is too long or asks."""
    if len(text) > LONGEST or any(mark in text for mark in "?？؟"):
        return ["\0"]
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return re.findall(r"[\w']+", _ARABIC_VOWELS.sub("", plain))
