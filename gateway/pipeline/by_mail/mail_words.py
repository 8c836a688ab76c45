"""The words of the mail that proves an address which a customer gave in a conversation.

The mail may reach a stranger, so it says nothing of the conversation. Both sides of it are here:
what we ask for, and the answers that count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SUBJECT: Mapping[str, str] = {
    "en": "Your chat with us",
    "de": "Ihr Chat mit uns",
    "fr": "Votre discussion avec nous",
    "es": "Su chat con nosotros",
    "ar": "محادثتك معنا",
    "it": "La sua chat con noi",
    "pt": "A sua conversa connosco",
    "nl": "Uw chat met ons",
    "pl": "Rozmowa z nami na czacie",
    "sv": "Din chatt med oss",
    "tr": "Bizimle sohbetiniz",
    "ja": "チャットでのお問い合わせ",
}
MAIL: Mapping[str, str] = {
    "en": "Somebody gave this address in our chat. If that was you, reply to this mail with YES, "
    "or repeat the code {code} in the chat; then our answer comes here. If it was not you, you "
    "need not do anything.",
    "de": "Jemand hat in unserem Chat diese Adresse angegeben. Wenn Sie das waren, antworten Sie "
    "auf diese Mail mit JA, oder wiederholen Sie im Chat den Code {code}; dann kommt unsere "
    "Antwort hierher. Wenn Sie es nicht waren, brauchen Sie nichts zu tun.",
    "fr": "Quelqu'un a indiqué cette adresse dans notre discussion en ligne. Si c'était vous, "
    "répondez à ce message par OUI, ou répétez le code {code} dans la discussion ; notre réponse "
    "arrivera alors ici. Si ce n'était pas vous, vous n'avez rien à faire.",
    "es": "Alguien ha indicado esta dirección en nuestro chat. Si ha sido usted, responda a este "
    "correo con SÍ, o repita el código {code} en el chat; entonces nuestra respuesta llegará aquí. "
    "Si no ha sido usted, no tiene que hacer nada.",
    "ar": "أعطى شخص ما هذا العنوان في محادثتنا. إذا كنت أنت، فأجب على هذه الرسالة بكلمة نعم، أو "
    "كرر الرمز {code} في المحادثة، وعندها يصل ردنا إلى هنا. وإن لم تكن أنت فلا داعي لفعل أي شيء.",
    "it": "Qualcuno ha indicato questo indirizzo nella nostra chat. Se è stato lei, risponda a "
    "questa mail con SÌ, oppure ripeta il codice {code} nella chat; la nostra risposta arriverà "
    "allora qui. Se non è stato lei, non deve fare nulla.",
    "pt": "Alguém indicou este endereço na nossa conversa. Se foi você, responda a este e-mail com "
    "SIM, ou repita o código {code} na conversa; a nossa resposta chegará então aqui. Se não foi "
    "você, não precisa de fazer nada.",
    "nl": "Iemand heeft dit adres in onze chat opgegeven. Was u dat, antwoord dan op deze mail met "
    "JA, of herhaal de code {code} in de chat; dan komt ons antwoord hier. Was u het niet, dan "
    "hoeft u niets te doen.",
    "pl": "Ktoś podał ten adres na naszym czacie. Jeśli to Państwo, prosimy odpowiedzieć na tę "
    "wiadomość słowem TAK albo powtórzyć na czacie kod {code}; wtedy nasza odpowiedź przyjdzie "
    "tutaj. Jeśli nie, nie trzeba nic robić.",
    "sv": "Någon har angett den här adressen i vår chatt. Om det var du, svara på det här mejlet "
    "med JA, eller upprepa koden {code} i chatten; då kommer vårt svar hit. Om det inte var du "
    "behöver du inte göra något.",
    "tr": "Birisi sohbetimizde bu adresi verdi. Bu sizseniz bu iletiyi EVET diyerek yanıtlayın ya "
    "da sohbette {code} kodunu tekrarlayın; yanıtımız o zaman buraya gelir. Siz değilseniz bir şey "
    "yapmanız gerekmez.",
    "ja": "当店のチャットでこのアドレスが入力されました。ご本人の場合は、このメールに「はい」と"
    "返信するか、チャットでコード {code} を入力してください。回答をこちらへお送りします。"
    "お心当たりがない場合は、何もする必要はありません。",
}
TRANSCRIPT: Mapping[str, tuple[str, str, str]] = {
    "en": ("Here is our chat, as a file.", "You", "Assistant"),
    "de": ("Hier ist unser Chat als Datei.", "Sie", "Assistent"),
    "fr": ("Voici notre discussion, en pièce jointe.", "Vous", "Assistant"),
    "es": ("Aquí tiene nuestro chat, como archivo.", "Usted", "Asistente"),
    "ar": ("تجد محادثتنا في الملف المرفق.", "أنت", "المساعد"),
    "it": ("Ecco la nostra chat, in allegato.", "Lei", "Assistente"),
    "pt": ("Aqui está a nossa conversa, em anexo.", "Você", "Assistente"),
    "nl": ("Hier is onze chat, als bestand.", "U", "Assistent"),
    "pl": ("W załączniku jest nasza rozmowa.", "Klient", "Asystent"),
    "sv": ("Här är vår chatt som fil.", "Du", "Assistent"),
    "tr": ("Sohbetimiz ekteki dosyada.", "Siz", "Asistan"),
    "ja": ("チャットの内容を添付ファイルでお送りします。", "お客様", "アシスタント"),
}
"""What the mail with a transcript says; the customer's name in it, and the bot's."""

YES = frozenset(
    ("yes", "ja", "oui", "sí", "si", "sì", "sim", "tak", "evet", "jawohl", "yep", "نعم", "はい")
)
"""What a customer answers to the mail. Nothing else counts: a stranger who asks what this is, or
says that it was not them, must not get the answer to somebody's chat."""
MOST_WORDS = 3
"""An answer of at most so many words says nothing but yes."""
_WORD = re.compile(r"[^\W_]+")


def language_of(language: str | None) -> str:
    """``language`` if we have these words in it, else English."""
    return language if language and language in MAIL else "en"


def affirms(text: str) -> bool:
    """Whether an answer to the mail begins with yes."""
    first = _WORD.search(text.lower())
    return first is not None and first.group() in YES


def says_only_yes(text: str) -> bool:
    """Whether it says nothing else, so that nobody must read it."""
    return affirms(text) and len(_WORD.findall(text)) <= MOST_WORDS
