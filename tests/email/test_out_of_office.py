"""Out-of-office replies that no header marks, and people who write of absence."""

from __future__ import annotations

import pytest

from channels.email import parse

from .conftest import OURS

OUR_ID = "<000000000000000000000000000000aa.warmline@lindenhof.example>"


def why(subject: str, text: str, *, answers: bool = True) -> str | None:
    head = [f"Subject: {subject}", "From: Ines <ines@post.example>", "Message-ID: <v@post.example>",
            "Content-Type: text/plain; charset=utf-8"]  # fmt: skip
    head += [f"In-Reply-To: {OUR_ID}"] * answers
    return parse("\r\n".join([*head, "", text, ""]).encode(), own_addresses=OURS).automatic


AWAY = [
    ("Automatic reply: Re: Broken lamp", "Hi, I'm at a conference this week."),
    ("Out of Office Re: Broken lamp", "I am out of the office until Monday, 11 March."),
    (
        "Re: Broken lamp",
        (
            "Thank you for your e-mail. I am on annual leave until 11 March with limited"
            " access to e-mail. In urgent cases write to my colleague Tom."
        ),
    ),
    ("Away until 11 March", "I am currently away and will answer when I am back."),
    ("Automatische Antwort: Re: Kaputte Lampe", "Ich bin erst am Montag wieder da."),
    ("Abwesenheitsnotiz: Kaputte Lampe", "Guten Tag, ich bin im Urlaub."),
    (
        "AW: Kaputte Lampe",
        (
            "Vielen Dank für Ihre Nachricht. Ich bin bis zum 11. März nicht im Büro."
            " Ihre E-Mail wird nicht weitergeleitet. In dringenden Fällen wenden Sie sich an"
            " Herrn Tum."
        ),
    ),
    ("Réponse automatique : Re: Lampe", "Je reviens lundi."),
    (
        "Re: Lampe cassée",
        (
            "Merci pour votre message. Je suis en congé jusqu'au 11 mars. En cas"
            " d'urgence, écrivez à ma collègue."
        ),
    ),
    ("Respuesta automática: Re: Lámpara", "Vuelvo el lunes."),
    (
        "Re: Lámpara rota",
        (
            "Gracias por su mensaje. Estoy de vacaciones hasta el 11 de marzo. Para"
            " asuntos urgentes, póngase en contacto con mi compañera."
        ),
    ),
    ("Risposta automatica: Re: Lampada", "Rientro lunedì."),
    (
        "Re: Lampada rotta",
        ("Grazie per il messaggio. Sono in ferie fino all'11 marzo, risponderò al mio rientro."),
    ),
    ("Automatisch antwoord: Re: Lamp", "Ik ben maandag terug."),
    (
        "Re: Kapotte lamp",
        (
            "Bedankt voor uw bericht. Ik ben tot en met 11 maart afwezig. Voor"
            " dringende zaken kunt u contact opnemen met mijn collega."
        ),
    ),
    ("Resposta automática: Re: Lâmpada", "Volto na segunda."),
    ("Otomatik yanıt: Lamba", "Pazartesi dönüyorum."),
    ("自動返信：ランプ", "月曜日に戻ります。"),
    ("رد تلقائي: مصباح", "سأعود يوم الاثنين."),
    ("Autosvar: Re: Lampa", "Jag är tillbaka på måndag."),
    (
        "Re: Trasig lampa",
        (
            "Tack för ditt mejl. Jag är på semester till och med 11 mars och svarar när"
            " jag är tillbaka."
        ),
    ),
    ("Automatisk svar: Re: Lampe", "Jeg er tilbage mandag."),
    (
        "Re: Lampe",
        (
            "Tak for din mail. Jeg er på ferie til den 11. marts. I hastesager, skriv"
            " til min kollega."
        ),
    ),
    ("Automatyczna odpowiedź: Re: Lampa", "Wracam w poniedziałek."),
    (
        "Re: Zepsuta lampa",
        (
            "Dziękuję za wiadomość. Jestem na urlopie do 11 marca. W pilnych sprawach"
            " proszę o kontakt z panią Nowak."
        ),
    ),
]

PEOPLE = [
    ("Re: Broken lamp", "I am away until 11 March. Please deliver the parcel after that."),
    ("Re: Broken lamp", "We're on holiday until Monday, can you hold our order until we are back?"),
    ("Holiday opening hours", "Are you open during the holidays?"),
    ("Out of office chairs", "You write that you are out of office chairs. When are they back?"),
    ("Automatic reply received", "I only got an automatic reply. I want to speak to someone."),
    (
        "Re: Broken lamp",
        "I have no access to my account until you reset it. Thank you for helping.",
    ),
    ("Absent", "The customer service seems to be absent. Nobody answers me."),
    ("AW: Kaputte Lampe", "Ich bin bis Freitag im Urlaub, bitte liefern Sie erst danach."),
    ("Urlaub", "Ich bin ab Montag nicht zu Hause. Kann der Nachbar das Paket annehmen?"),
    (
        "Automatische Antwort",
        ("Bitte keine automatischen Antworten mehr, ich möchte mit jemandem reden."),
    ),
    ("Re: Lampe cassée", "Je suis en vacances jusqu'au 11 mars, livrez le colis après."),
    ("Absence", "Je serai absent lundi, pouvez-vous livrer mardi ?"),
    ("Re: Lámpara", "Estoy de vacaciones hasta el lunes. Entreguen el paquete después, por favor."),
    ("Re: Lampada", "Sono in ferie fino a lunedì, consegnate dopo per favore."),
    ("Re: Lamp", "Ik ben tot maandag op vakantie, graag daarna het pakket bezorgen."),
    ("Re: Lampa", "Jag är på semester till måndag, leverera efter det tack."),
    ("Re: Lampe", "Jeg er på ferie til mandag. Kan I sende pakken bagefter?"),
    ("Re: Lampa", "Jestem na urlopie do poniedziałku, proszę o dostawę później."),
    ("Re: Broken lamp", "Thank you for your mail. The lamp works again."),
    ("Re: Broken lamp", "I was out of the office yesterday, so I answer only now. Blue, please."),
    ("Auto: Scheinwerfer defekt", "Der linke Scheinwerfer ist dunkel."),
    ("Re: Auto: Scheinwerfer defekt", "Ja, der linke."),
    ("Auto : pare-brise", "Le pare-brise est fendu."),
    ("Re: Automatic reply: Broken lamp", "Yes, go ahead."),
    ("AW: Abwesenheitsnotiz: Lampe", "Danke, jetzt passt es."),
    ("Abwesend bis 9. März", "Ich bin bis 9. März im Urlaub, das Päckchen dem Nachbarn geben."),
    ("On leave until 9 March", "I'm away until 9 March. Leave it with my neighbour."),
    ("Ferie", "Kan jeg returnere den efter ferien?"),
]


@pytest.mark.parametrize(("subject", "text"), AWAY)
def test_an_out_of_office_reply_is_automatic(subject: str, text: str) -> None:
    """In nine languages, by the fixed words of mail programs or by what such replies say."""
    assert "out-of-office" in str(why(subject, text))


@pytest.mark.parametrize(("subject", "text"), PEOPLE)
@pytest.mark.parametrize("answers", [True, False])
def test_a_person_who_writes_of_absence_is_answered(
    subject: str, text: str, *, answers: bool
) -> None:
    """Whoever asks for something is a person, also when they will be away."""
    assert why(subject, text, answers=answers) is None


def test_an_absent_customer_who_begins_a_thread_is_a_person() -> None:
    """By its text alone, only an answer to a mail of ours is an out-of-office reply."""
    text = "I am away until 11 March and have limited access to e-mail. In urgent cases call me."
    assert why("Our appointment", text, answers=False) is None
