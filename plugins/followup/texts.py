"""The texts of the survey: the question, the thanks, and what is said when a case is reopened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import arrow

Texts = Mapping[str, str]
SurveyTone = Literal["warm", "recovered", "careful"]
"""``warm``: the customer was never upset; ``recovered``: upset, but not at the end; ``careful``:
upset at the end."""

OPENERS: Mapping[SurveyTone, Texts] = {
    "warm": {
        "en": "Thank you for writing to us.",
        "de": "Danke, dass Sie uns geschrieben haben.",
        "fr": "Merci de nous avoir écrit.",
        "es": "Gracias por escribirnos.",
        "ar": "شكرًا لتواصلك معنا.",
    },
    "recovered": {
        "en": "Thank you for your patience while we sorted this out.",
        "de": "Danke für Ihre Geduld, bis das geklärt war.",
        "fr": "Merci de votre patience le temps de régler cela.",
        "es": "Gracias por su paciencia mientras lo resolvíamos.",
        "ar": "شكرًا لصبرك ريثما عالجنا الأمر.",
    },
    "careful": {
        "en": "This was not easy for you, and we would like to know how it stands.",
        "de": "Das war nicht einfach für Sie, und wir möchten wissen, wie es jetzt steht.",
        "fr": "Cela n'a pas été facile pour vous, et nous aimerions savoir où vous en êtes.",
        "es": "Esto no ha sido fácil para usted, y queremos saber cómo está ahora.",
        "ar": "لم يكن هذا سهلًا عليك، ونود أن نعرف كيف هو الوضع الآن.",
    },
}

QUESTIONS: Mapping[str, Texts] = {
    "felt_heard": {
        "en": "Did you feel heard?",
        "de": "Haben Sie sich gehört gefühlt?",
        "fr": "Vous êtes-vous senti écouté ?",
        "es": "¿Sintió que le escuchamos?",
        "ar": "هل شعرت بأننا استمعنا إليك؟",
    },
    "csat": {
        "en": "How satisfied are you with our answer?",
        "de": "Wie zufrieden sind Sie mit unserer Antwort?",
        "fr": "Êtes-vous satisfait de notre réponse ?",
        "es": "¿Qué tan satisfecho está con nuestra respuesta?",
        "ar": "ما مدى رضاك عن إجابتنا؟",
    },
    "ces": {
        "en": "How easy was it to get this sorted?",
        "de": "Wie leicht war es, das mit uns zu klären?",
        "fr": "A-t-il été facile de régler cela avec nous ?",
        "es": "¿Fue fácil resolverlo con nosotros?",
        "ar": "ما مدى سهولة حل هذا الأمر معنا؟",
    },
}

UNSOLVED: Texts = {
    "en": "If it is not solved, say so.",
    "de": "Wenn es nicht gelöst ist, sagen Sie es uns.",
    "fr": "Si ce n'est pas résolu, dites-le-nous.",
    "es": "Si no está resuelto, díganoslo.",
    "ar": "إذا لم تُحل المشكلة فأخبرنا.",
}

STOP: Texts = {
    "en": "Write STOP for no more such questions.",
    "de": "Mit STOP bekommen Sie keine solchen Fragen mehr.",
    "fr": "Écrivez STOP pour ne plus recevoir de telles questions.",
    "es": "Escriba STOP para no recibir más preguntas como esta.",
    "ar": "اكتب STOP إذا لم ترغب في مثل هذه الأسئلة.",
}

THANKS: Mapping[str, Texts] = {
    "good": {
        "en": "Thank you, I have passed that on to the team.",
        "de": "Danke, ich habe das an das Team weitergegeben.",
        "fr": "Merci, je l'ai transmis à l'équipe.",
        "es": "Gracias, se lo he transmitido al equipo.",
        "ar": "شكرًا لك، لقد نقلت ذلك إلى الفريق.",
    },
    "middling": {
        "en": "Thank you for saying so. The team reads every answer to do better.",
        "de": "Danke für die offene Antwort. Das Team liest jede, um es besser zu machen.",
        "fr": "Merci de nous le dire. L'équipe lit chaque réponse pour faire mieux.",
        "es": "Gracias por decírnoslo. El equipo lee cada respuesta para mejorar.",
        "ar": "شكرًا على صراحتك. يقرأ الفريق كل إجابة ليتحسن.",
    },
    "stopped": {
        "en": "Understood. You will get no more such questions from us.",
        "de": "Verstanden. Sie bekommen keine solchen Fragen mehr von uns.",
        "fr": "C'est noté. Vous ne recevrez plus de telles questions de notre part.",
        "es": "Entendido. No recibirá más preguntas como esta.",
        "ar": "مفهوم. لن تصلك منا مثل هذه الأسئلة بعد الآن.",
    },
}

REOPENED: Mapping[str, Texts] = {
    "unsolved": {
        "en": "I am sorry that this is not settled. I have opened your case again, and a person "
        "in our team will go on with it.",
        "de": "Es tut mir leid, dass das nicht geklärt ist. Ich habe Ihren Fall wieder geöffnet, "
        "und ein Mensch aus unserem Team macht damit weiter.",
        "fr": "Je suis désolé que cela ne soit pas réglé. J'ai rouvert votre dossier, et une "
        "personne de notre équipe va le reprendre.",
        "es": "Lamento que no esté resuelto. He vuelto a abrir su caso y una persona de nuestro "
        "equipo seguirá con él.",
        "ar": "يؤسفني أن الأمر لم يُحل. لقد أعدت فتح حالتك وسيتابعها شخص من فريقنا.",
    },
    "asked": {
        "en": "Thank you for your answer. I have passed your question to a person in our team.",
        "de": "Danke für Ihre Antwort. Ihre Frage habe ich an einen Menschen aus unserem Team "
        "gegeben.",
        "fr": "Merci de votre réponse. J'ai transmis votre question à une personne de notre "
        "équipe.",
        "es": "Gracias por su respuesta. He pasado su pregunta a una persona de nuestro equipo.",
        "ar": "شكرًا على إجابتك. لقد حوّلت سؤالك إلى شخص من فريقنا.",
    },
}

CLOSED: Texts = {
    "en": "Nobody is at work right now; we are back on {when}.",
    "de": "Im Moment ist niemand im Haus, wir sind wieder da: {when}.",
    "fr": "Personne n'est présent en ce moment ; nous serons de retour {when}.",
    "es": "En este momento no hay nadie; volvemos el {when}.",
    "ar": "لا يوجد أحد في العمل الآن؛ سنعود {when}.",
}

DATES: Mapping[str, str] = {
    "en": "dddd D MMMM [at] HH:mm",
    "de": "dddd, D. MMMM, HH:mm [Uhr]",
    "fr": "dddd D MMMM [à] HH:mm",
    "es": "dddd D [de] MMMM [a las] H:mm",
    "ar": "dddd D MMMM [الساعة] HH:mm",
}
"""Date patterns in Arrow's tokens."""


def supported(language: str) -> str:
    """``language`` if the texts exist in it, else English."""
    return language if language in STOP else "en"


def format_date(opening: str, language: str) -> str:
    """The ISO 8601 date and time ``opening``, in its own time zone, as ``language`` writes it."""
    local = datetime.fromisoformat(opening).replace(tzinfo=None)
    return arrow.get(local).format(DATES[language], locale=language)
