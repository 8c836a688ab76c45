"""Out-of-office replies that no header marks, and people who write of absence."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from channels.email import parse
from channels.email.automatic import BUCKETS, LONGEST_SCORED, AbsenceModel, find_signs
from tests.bench import absence_training as training

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
    (
        "Re: Your order",
        (
            "Hi,\n\nI'm out until Thursday 14 August with little access to my "
            "inbox. For orders please write to purchasing@acme.example. Everything "
            "else gets an answer when I return."
        ),
    ),
    (
        "Re: Lamp",
        (
            "Hello, I have left Acme Ltd. Your message will not be forwarded. "
            "Please use office@acme.example from now on."
        ),
    ),
    ("Re: Lamp", "This mailbox is not monitored. For invoices write to accounts@acme.example."),
    (
        "Re: Lamp",
        "Jane Miller no longer works here. Please contact our reception on +44 20 7946 0958.",
    ),
    (
        "Re: Lamp",
        (
            "We are closed between Christmas and New Year and reopen on 2 January. "
            "We will answer your e-mail then."
        ),
    ),
    (
        "Re: Lamp",
        (
            "I am on parental leave from 1 May to 30 September. My colleague Tom "
            "Reed looks after my projects."
        ),
    ),
    (
        "AW: Lampe",
        (
            "Guten Tag, ich befinde mich bis einschließlich 14. August im Urlaub. "
            "Für Bestellungen schreiben Sie bitte an einkauf@acme.example."
        ),
    ),
    (
        "AW: Lampe",
        (
            "Sehr geehrte Damen und Herren, ich bin nicht mehr für die Acme GmbH "
            "tätig. Bitte richten Sie Ihre Anfrage an info@acme.example."
        ),
    ),
    (
        "AW: Lampe",
        "Diese E-Mail-Adresse wird nicht mehr verwendet. Bitte nutzen Sie buero@acme.example.",
    ),
    ("AW: Lampe", "Wir haben Betriebsferien und sind ab dem 7. Januar wieder für Sie da."),
    (
        "AW: Lampe",
        "Ich bin in Elternzeit. Meine Vertretung ist Frau Kühn, erreichbar unter 030 5550140.",
    ),
    (
        "RE: Lampe",
        (
            "Bonjour, je suis en congé maternité jusqu'au 3 mars. Pour toute "
            "facture, merci d'écrire à compta@acme.example."
        ),
    ),
    (
        "RE: Lampe",
        (
            "Bonjour, je ne fais plus partie de la société Acme. Vous pouvez "
            "joindre Paul Roux au 01 55 50 01 40."
        ),
    ),
    ("RE: Lampe", "Cette adresse n'est plus utilisée. Écrivez à contact@acme.example."),
    (
        "RE: Lampe",
        (
            "Nos bureaux sont fermés du 24 décembre au 2 janvier. Nous vous "
            "répondrons à la réouverture."
        ),
    ),
    (
        "RE: Lámpara",
        (
            "Hola, me encuentro fuera de la oficina y volveré el lunes 12. Para "
            "pedidos escriba a compras@acme.example."
        ),
    ),
    (
        "RE: Lámpara",
        "Ya no trabajo en Acme. Por favor, dirija sus mensajes a Luis Vega, lvega@acme.example.",
    ),
    ("RE: Lámpara", "Este buzón no se atiende. Llame al 91 555 01 40."),
    (
        "RE: Lampada",
        (
            "Buongiorno, sono fuori ufficio e rientrerò il 12 agosto. Per le "
            "fatture scrivere a contabilita@acme.example."
        ),
    ),
    (
        "RE: Lampada",
        "Marta Riva non lavora più per Acme. Si prega di contattare info@acme.example.",
    ),
    ("RE: Lampada", "Questa casella non è più attiva. Usate ordini@acme.example."),
    (
        "RE: Lamp",
        (
            "Ik ben met zwangerschapsverlof tot 1 juni. Voor bestellingen kunt u "
            "terecht bij inkoop@acme.example."
        ),
    ),
    (
        "RE: Lamp",
        "Jan de Boer is niet meer werkzaam bij Acme. Neem contact op met info@acme.example.",
    ),
    ("RE: Lamp", "Dit e-mailadres is niet meer in gebruik. Gebruik kantoor@acme.example."),
    (
        "SV: Lampa",
        "Jag är föräldraledig till den 1 juni. Kontakta Eva Lund för fakturor, eva@acme.example.",
    ),
    ("SV: Lampa", "Jag har slutat på företaget. Skriv till info@acme.example."),
    ("SV: Lampa", "Den här inkorgen bevakas inte. Ring växeln, 08-555 01 40."),
    ("SV: Lampe", "Jeg holder ferie til og med den 12. august og svarer, når jeg er tilbage."),
    ("SV: Lampe", "Jeg er ikke længere ansat hos Acme. Kontakt venligst info@acme.example."),
    ("SV: Lampe", "Denne mailadresse er nedlagt. Brug kontor@acme.example."),
    (
        "Odp: Lampa",
        (
            "Przebywam na urlopie macierzyńskim do 1 czerwca. W sprawie zamówień "
            "proszę pisać na zakupy@acme.example."
        ),
    ),
    ("Odp: Lampa", "Nie pracuję już w firmie Acme. Proszę o kontakt z biuro@acme.example."),
    ("Odp: Lampa", "Ta skrzynka nie jest już obsługiwana. Proszę pisać na biuro@acme.example."),
    (
        "Re: Lamp",
        (
            "I'm taking a few days off and will be back on 4 May. For everything that is "
            "urgent, Tom Reed (tom@acme.example) covers for me."
        ),
    ),
    ("Re: Lamp", "Rita Moss is no longer with Acme. Please contact Tom Reed."),
    ("Re: Lamp", "I'm not in the office today."),
    (
        "Re: Lamp",
        (
            "I will answer in the order in which messages came in when I return on 4 May. I "
            "am on leave until then and address everything afterwards. Thank you for your "
            "message."
        ),
    ),
    (
        "AW: Lampe",
        (
            "Ich bin bis 4. Mai nicht unter dieser Adresse erreichbar. Ihre Mail wird nicht "
            "weitergeleitet."
        ),
    ),
    ("AW: Lampe", "Danke für Ihre Nachricht, zwischen den Jahren bin ich nicht am Platz."),
    ("RE: Lampe", "Je suis indisponible. Pour toute question urgente, contactez Mme Roux."),
    ("RE: Lampada", "In ferie fino al 4 maggio. Per qualsiasi domanda: ufficio@acme.example."),
    (
        "RE: Lamp",
        (
            "Dank voor uw bericht. Vanaf 4 mei ben ik er weer. Voor dringende zaken kunt u "
            "mijn collega Inge Bos bellen."
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
    ("Re: Lamp", "It no longer works."),
    (
        "Re: Lamp",
        (
            "Thank you for your mail. I'm on holiday until Monday and will send the "
            "photos when I'm back."
        ),
    ),
    ("Re: Lamp", "It says this item is unavailable until May. Thank you for your message."),
    ("Re: Lamp", "My address is not valid, says your form. Thanks for your mail."),
    (
        "AW: Lampe",
        (
            "Danke für Ihre Nachricht. Ich bin bis Freitag im Urlaub und schicke "
            "Ihnen das Formular danach."
        ),
    ),
    ("AW: Lampe", "Sie ist nicht mehr in Betrieb. Danke für Ihre Nachricht."),
    (
        "RE: Lampe",
        "Merci pour votre message. Le colis a quitté la France mais je suis absent jusqu'à lundi.",
    ),
    ("RE: Lampe", "Je suis en vacances jusqu'à lundi, je vous enverrai la photo à mon retour."),
    (
        "RE: Lámpara",
        "Gracias por su mensaje. Estoy de viaje hasta el lunes, les enviaré la foto a mi regreso.",
    ),
    (
        "RE: Lampada",
        "Grazie per il messaggio. Sono in ferie fino a lunedì, proverò al mio rientro.",
    ),
    (
        "RE: Lamp",
        "Bedankt voor uw bericht. Ik ben op vakantie tot maandag en bekijk het na mijn vakantie.",
    ),
    ("RE: Lamp", "Hij werkt niet meer. Bedankt voor uw bericht."),
    (
        "SV: Lampa",
        "Tack för ditt mejl. Den har slutat fungera på semestern. Jag är tillbaka på måndag.",
    ),
    ("SV: Lampa", "Jag är på semester till måndag och testar när jag är tillbaka."),
    (
        "SV: Lampe",
        "Tak for din mail. Jeg er på ferie til mandag og prøver den, når jeg er tilbage.",
    ),
    ("SV: Lampe", "Den er ikke længere i stykker. Tak for din mail."),
    (
        "Odp: Lampa",
        "Dziękuję za wiadomość. Jestem na urlopie do poniedziałku, sprawdzę po powrocie.",
    ),
    ("Odp: Lampa", "Już nie działa. Dziękuję za wiadomość."),
    ("Re: Lamp", "I left the company that ordered it. Please change the name on my account."),
    ("Re: Lamp", "We had a great vacation, the lamp survived it. Back on Monday!"),
    ("Re: Lamp", "I am away until Monday. Monday is fine."),
    ("AW: Lampe", "Ich war im Urlaub und sehe Ihre Mail erst jetzt. Danke, es passt."),
    (
        "Re: Lamp",
        ("Good morning, we just got back from two weeks in Wales and found your card in the door."),
    ),
    ("Re: Lamp", "I'm off work with a cold this week, so any day suits me."),
    ("Re: Lamp", "Sorry for the slow reply, I was on maternity leave and had no time for this."),
    (
        "Re: Lamp",
        (
            "My mother is in hospital until Friday and I am with her. I cannot come to the "
            "shop before that."
        ),
    ),
    (
        "Re: Lamp",
        ("Thanks for the update! We fly home on the 12th and I will measure the window then."),
    ),
    ("Re: Lamp", "The office is closed on Mondays, so Tuesday works best for us."),
    ("Re: Lamp", "I have retired and no longer need the account. Close it, if that is possible."),
    ("Re: Lamp", "Your colleague wrote that she is on holiday. Who looks after my case now"),
    (
        "Re: Lamp",
        ("Guten Tag, wir sind seit gestern aus dem Urlaub zurück, die Lampe flackert immer noch."),
    ),
    (
        "Re: Lamp",
        (
            "Danke für Ihre Nachricht. Nächste Woche bin ich auf Dienstreise, danach passt "
            "mir jeder Tag."
        ),
    ),
    ("Re: Lamp", "Ich bin im Krankenhaus und kann die Ware erst im März abholen."),
    ("Re: Lamp", "Unser Büro ist freitags ab 14 Uhr geschlossen, da nimmt niemand etwas an."),
    (
        "Re: Lamp",
        (
            "Frau Holt arbeitet nicht mehr bei uns, ich habe die Sache übernommen. Das Gerät "
            "läuft noch nicht."
        ),
    ),
    ("Re: Lamp", "Bonjour, nous rentrons de vacances et le problème est toujours là."),
    ("Re: Lamp", "Merci pour votre message. Je serai absente mardi, mercredi me convient."),
    ("Re: Lamp", "Je suis en arrêt maladie, je passerai au magasin la semaine prochaine."),
    ("Re: Lamp", "Mon mari est en déplacement jusqu'à vendredi, c'est lui qui a la facture."),
    ("Re: Lamp", "Hola, volvimos de viaje ayer y sigue sin funcionar."),
    (
        "Re: Lamp",
        ("Gracias por su respuesta. Estaré fuera hasta el jueves, el viernes me viene bien."),
    ),
    ("Re: Lamp", "Estoy de baja y puedo recibirlo cualquier día por la mañana."),
    ("Re: Lamp", "Ya no trabajo allí, cambien el nombre de la cuenta."),
    ("Re: Lamp", "Buongiorno, siamo tornati dalle ferie e la luce non si accende."),
    ("Re: Lamp", "Grazie della risposta. Sono fuori città fino a giovedì, venerdì va bene."),
    ("Re: Lamp", "Il negozio sotto casa è chiuso per ferie, non so dove ritirare."),
    ("Re: Lamp", "Goedemiddag, wij zijn terug van vakantie en hij doet het nog steeds niet."),
    ("Re: Lamp", "Dank voor uw bericht. Ik ben donderdag afwezig, vrijdag is goed."),
    ("Re: Lamp", "Mijn collega is met verlof, daarom mail ik u nu."),
    ("Re: Lamp", "Hej, vi är hemma från semestern och den lyser fortfarande inte."),
    ("Re: Lamp", "Tack för svaret. Jag är bortrest till torsdag, fredag går bra."),
    ("Re: Lamp", "Jag är sjukskriven och hemma hela veckan, så ring på när som helst."),
    ("Re: Lamp", "Hej, vi er hjemme fra ferie og den virker stadig ikke."),
    ("Re: Lamp", "Tak for svaret. Jeg er væk til torsdag, fredag passer fint."),
    ("Re: Lamp", "Jeg er på barsel og hjemme alle dage."),
    ("Re: Lamp", "Dzień dobry, wróciliśmy z urlopu i dalej nie świeci."),
    ("Re: Lamp", "Dziękuję za odpowiedź. Jestem poza domem do czwartku, piątek pasuje."),
    ("Re: Lamp", "Jestem na zwolnieniu, więc mogę odebrać codziennie rano."),
]


@pytest.mark.parametrize(("subject", "text"), AWAY)
def test_an_out_of_office_reply_is_automatic(subject: str, text: str) -> None:
    """In nine languages, by the fixed words of mail programs or by what such replies say: who is
    away, who has left, what is closed, what nobody reads."""
    assert "out-of-office" in str(why(subject, text))


@pytest.mark.parametrize(("subject", "text"), PEOPLE)
@pytest.mark.parametrize("answers", [True, False])
def test_a_person_who_writes_of_absence_is_answered(
    subject: str, text: str, *, answers: bool
) -> None:
    """Whoever asks for something, or will do something about it, is a person, also when they are
    away."""
    assert why(subject, text, answers=answers) is None


def test_an_absent_customer_who_begins_a_thread_is_a_person() -> None:
    """By its text alone, only an answer to a mail of ours is an out-of-office reply."""
    text = "I am away until 11 March and have limited access to e-mail. In urgent cases call me."
    assert why("Our appointment", text, answers=False) is None


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Lamp", "Hi! Thanks for writing, we got it and will be in touch within two days."),
        ("AW: Lampe", "Ihre Nachricht ist angekommen, wir antworten innerhalb von zwei Tagen."),
        ("Re: Lamp", "Nobody checks this mailbox on weekends."),
    ],
)
def test_wording_that_no_phrase_foresees_is_recognised(subject: str, text: str) -> None:
    """The model finds what the rules do not, and only in an answer to a mail."""
    assert "wording" in str(why(subject, text))
    assert why(subject.partition(": ")[2], text, answers=False) is None


@pytest.mark.parametrize(
    "more",
    [
        " Can you send it again?",
        " Please change my account to mia@post.example.",
        " See https://post.example/away.",
        " Nobody is here." * (LONGEST_SCORED // 10),
    ],
)
def test_the_model_takes_no_mail_that_asks_or_links_or_is_long(more: str) -> None:
    """Whatever else it says."""
    text = "Hi! Thanks for writing, we got it and will be in touch within two days."
    assert why("Re: Lamp", text) is not None
    assert why("Re: Lamp", text + more) is None


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Login", "I no longer work here. Move my account to adam@post.example."),
        ("AW: Zugang", "Ich bin ausgeschieden. Mein Kundenkonto läuft nun auf adam@post.example."),
        ("SV: Min konto", "Jeg arbejder ikke længere her. Ret min konto til adam@post.example."),
    ],
)
def test_whoever_names_their_account_is_a_person(subject: str, text: str) -> None:
    """An address in such a sentence sends us to nobody else."""
    assert why(subject, text) is None


def test_the_model_was_trained_on_the_mails_of_this_package() -> None:
    """Whoever changes a mail runs ``make train-absence``. The file has numbers only."""
    file = files("channels.email").joinpath("absence/model.npz")
    with file.open("rb") as opened, np.load(opened) as arrays:
        sources = json.loads(arrays["sources"].tobytes())
        text = [name for name in arrays.files if arrays[name].dtype.kind in "SUO"]
    own = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in training.MAILS.glob("*.jsonl")
    }
    assert sources == own
    assert text == []
    assert len(file.read_bytes()) < 300_000


def test_training_learns_what_the_mails_say(tmp_path: Path) -> None:
    """From a few mails: the weights fit the model, and it tells their kinds apart."""
    rows = [("automatic", f"We are closed until {day} May.") for day in range(1, 9)]
    rows += [("person", f"The lamp number {day} is broken.") for day in range(1, 9)]
    lines = [
        json.dumps({"kind": kind, "language": "en", "subject": "Re: x", "text": text})
        for kind, text in rows
    ]
    tmp_path.joinpath("few.jsonl").write_text("\n".join(lines), "utf-8")
    mails = list(training.read_mails(tmp_path))
    arrays = training.learn(mails)
    model = AbsenceModel(arrays)
    assert arrays["weights"].shape == (BUCKETS,)
    assert all((model.score(mail.features) > 0) == mail.automatic for mail in mails)
    text = "We are closed until 3 May."
    assert not model.is_automatic("Re: x", text, find_signs("Re: x", text, answers_us=True))
