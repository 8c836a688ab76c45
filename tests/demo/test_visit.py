"""A visit to the whole demo: all installed packages, and models trained on the shop's files."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import yaml

from gateway.plugins import installed_plugins
from gateway.testing import RunningGateway, running
from plugins.demo_shop import config
from tests.conftest import until
from tests.demo.conftest import Examples

ASKED = [
    ("how long would a pannier take to reach me", "2-3 working days"),
    ("what will the postage be?", "€4.90"),
    ("Can you send a bag to Poland?", "€24"),
    ("any news where my parcel is", "It has flown"),
    ("I'd like to give a bag back, how?", "60 days"),
    ("could I swap it for the pine one", "colour, size or model"),
    ("is paypal ok", "PayPal"),
    ("are you open this saturday?", "Tuesday to Saturday"),
    ("whereabouts is your shop", "7 Tram Yard"),
    ("where can I leave my car", "€1.50"),
    ("how do I get oil out of the canvas", "30 degrees"),
    ("the seam opened after two years, does the guarantee count", "5 years"),
    ("can you fix a torn strap", "€35"),
    ("are u a robot", "automated assistant"),
    ("Good morning, how do I send a bag back? Oliver", "60 days"),
    ("Hey there! what does delivery cost? cheers, Priya", "€4.90"),
    ("Dear Ms. Kern, do you ship to Norway? Kind regards, Tom Baker", "€24"),
    ("Where is my parcel? My order number is MP-20417.", "It has flown"),
    ("I ride to work every day. Do you ship to Portugal? The green one is for my brother.", "€24"),
    ("No human please. How much is shipping?", "€4.90"),
    ("You do not need to connect me to a person. What does shipping cost?", "€4.90"),
    ("When do you open on Sunday? I do not have a complaint.", "Tuesday to Saturday"),
    ("Thanks for cancelling my order. When do you open on Sunday?", "Tuesday to Saturday"),
    ("Wie lange braucht die Lieferung?", "Werktagen"),
    ("Wann macht der Laden auf?", "Dienstag bis Samstag"),
    ("Wann haben Sie am Sonntag offen? Ich habe keine Beschwerde.", "Dienstag bis Samstag"),
    ("Danke für die Stornierung. Wann haben Sie am Sonntag offen?", "Dienstag bis Samstag"),
    ("Comment renvoyer ma sacoche ?", "60 jours"),
    ("Pas besoin d'un humain. Combien coûte la livraison ?", "4,90 €"),
    ("¿Cuánto cuesta mandar una bolsa?", "4,90 €"),
    ("Sehr geehrte Frau Kern, was kostet der Versand? Freundliche Grüße, Jonas Adler", "4,90 €"),
    ("Bonjour Madame, combien coûte la livraison ? Bien à vous, Élodie", "4,90 €"),
    ("Buenas tardes, ¿cuánto cuesta el envío? Saludos cordiales, Inés Prado", "4,90 €"),
]
FOR_PEOPLE = [
    "I want to speak with a real person",
    "you charged my card twice",
    "please cancel my order from this morning",
    "tracking claims it was delivered but I have nothing",
    "I am so FRUSTRATED, this is the third time!!!",
    "My order number is MP-20881",
    "Ich möchte bitte mit einem Menschen reden",
    "The panniers came on Tuesday. You took the money from my account two times.",
    "The bags are lovely. Could I talk to somebody from your team? I have a longer question.",
    "Die Taschen sind schön. Sie haben den Betrag aber doppelt abgebucht.",
    "Je voyage en mai. Je voudrais annuler ma commande d'hier.",
    "Me gusta mucho la bolsa. Me habéis cobrado dos veces el pedido.",
    "What does shipping cost? CANCEL EVERYTHING NOW",
    "Die Taschen sind da. SIE HABEN DOPPELT ABGEBUCHT.",
    "Hello cancel it! What does shipping cost?",
    "Hola cobro doble! ¿Cuánto cuesta el envío?",
    "Hello. My order number is MP-12345. You charged me twice.",
    "I have not received my parcel. What does shipping cost?",
    "I did not order this and you charged me twice. What does shipping cost?",
    "Thanks, I want to cancel my order. What does shipping cost?",
]

DRAFTED = [
    ("I want to talk to a person. Where is my parcel?", "order number"),
    ("Ich möchte mit einem Menschen reden. Wo ist mein Paket?", "Bestellnummer"),
    ("Je veux parler à un humain. Où est mon colis ?", "numéro de commande"),
    ("Quiero hablar con una persona. ¿Dónde está mi paquete?", "número de pedido"),
]
"""What an agent gets a draft for, and the words that ask for the order."""

TALKS = [
    ("do you ship to the US?", "€24", "how long does that take?", "8-14"),
    ("Liefern Sie in die USA?", "24 €", "Wie lange dauert das?", "8-14 Werktage"),
    ("please change my delivery address", "order number?", "MP-48213", "for order MP-48213"),
    ("Ich möchte meine Lieferadresse ändern", "Bestellnummer?", "hab ich nicht", "14 Uhr"),
    (
        "Ich möchte meine Lieferadresse ändern",
        "Bestellnummer?",
        "Der Akku brennt, mein Kind ist verletzt",
        "Sind Sie in Sicherheit? Wenn jemand verletzt oder in Gefahr ist, wählen Sie bitte zuerst",
    ),
    ("you charged my card twice for MP-48213", "A wrong charge", "hello?", "still in line"),
    ("Sie haben zweimal abgebucht: MP-48213", "Abbuchung", "hallo?", "Warteschlange"),
    ("The bag is here. You charged me twice for MP-48213.", "A wrong charge", "well?", "in line"),
    ("my lawyer will write about the double charge", "A wrong charge", "well?", "still in line"),
]
"""What a customer says, a part of what they hear, what they say then, and a part of the answer."""


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def as_there(folder: Path, paths: Any) -> list[str]:
    return [str(folder / path) for path in paths]


def the_demo(tmp_path: Path, smtp_port: int) -> dict[str, Any]:
    """The demo's configuration, with its data and mails in the test's folder."""
    folder = config().parent
    tree: dict[str, Any] = yaml.safe_load(config().read_text("utf-8"))
    tree["data_dir"] = str(tmp_path / "var")
    tree["policy"] = str(folder / tree["policy"])
    tree["plugins"]["nlu_local"]["knowledge"] = as_there(
        folder, tree["plugins"]["nlu_local"]["knowledge"]
    )
    tree["plugins"]["faq"]["answers"] = as_there(folder, tree["plugins"]["faq"]["answers"])
    tree["channels"]["email"] |= {"smtp_port": smtp_port, "maildir": str(tmp_path / "mail")}
    tree["plugins"]["demo_shop"] = {"maildir": str(tmp_path / "mail"), "smtp_port": smtp_port}
    return tree


async def ready(gw: RunningGateway) -> bool:
    async with gw.session() as http, http.get("/readyz") as answer:
        return answer.status == 200


async def missed(
    gw: RunningGateway, expected: Iterable[tuple[str, str]]
) -> list[tuple[str, list[str]]]:
    """The questions whose answer lacks what it should say, each from a new customer."""
    found = []
    for number, (question, fact) in enumerate(expected):
        customer = gw.customer("rest", f"asker{number}")
        await customer.say(question)
        if fact not in " ".join(customer.heard):
            found.append((question, customer.heard))
    return found


async def interrupted(gw: RunningGateway) -> list[tuple[str, list[str]]]:
    """The talks in which something else was heard, each from a new customer on two channels."""
    found = []
    for number, (first, heard, then, later) in enumerate(TALKS):
        for channel in ("rest", "webchat"):
            customer = gw.customer(channel, f"talker{number}")
            await customer.say(first)
            answer = " ".join(customer.heard)
            await customer.say(then)
            rest = " ".join(customer.heard)[len(answer) :]
            if (
                heard not in answer
                or later not in rest
                or ("lawyer" in first and "Hello" in answer)
            ):
                found.append((first, customer.heard))
    return found


async def asked_again(gw: RunningGateway) -> list[str]:
    """The drafts that ask for the order number although it was given, or do not where it was
    not."""
    found = []
    for number, (said, words) in enumerate(DRAFTED):
        for given in (False, True):
            customer = gw.customer("rest", f"drafted{number}{given}")
            await customer.say(f"{said} MP-20417." if given else said)
            (first, *_) = await customer.messages()
            card = await gw.services.desk.card(first.conversation)
            text = card.suggestion.text if card.suggestion else ""
            if not text or (words in text) == given:
                found.append(f"{said}: {text}")
    return found


def test_the_visits_questions_are_not_among_the_examples(examples: Examples) -> None:
    """Otherwise the visit would show nothing."""
    known = {text for by in examples.values() for texts in by.values() for text in texts}
    assert known.isdisjoint(question for question, _ in ASKED)


@pytest.mark.timeout(600)
async def test_questions_are_answered_or_wait_for_a_person(tmp_path: Path) -> None:
    """Questions in new words are answered, those for people wait with a draft, and the answer to a
    mail is shown on the page."""
    port = free_port()
    plugins = [guest.module for guest in installed_plugins()]
    async with running(*plugins, config=the_demo(tmp_path, port), tmp_path=tmp_path) as gw:
        await until(lambda: ready(gw), timeout=500, every=0.2)

        assert await missed(gw, ASKED) == []

        for number, words in enumerate(FOR_PEOPLE):
            customer = gw.customer("rest", f"upset{number}")
            await customer.say(words)
            assert customer.heard, words
            assert "!" not in " ".join(customer.heard)
        waiting = {item.preview for item in await gw.services.desk.queue()}
        assert waiting == set(FOR_PEOPLE)

        lost = next(
            item for item in await gw.services.desk.queue() if item.preview == FOR_PEOPLE[3]
        )
        card = await gw.services.desk.card(lost.conversation.id)
        assert card.suggestion
        assert "asked the courier" in card.suggestion.text
        assert "automated" not in card.suggestion.text

        assert await asked_again(gw) == []

        await write(port)
        await gw.settled()
        async with gw.session() as http, http.get("/shop/mail") as page:
            text = await page.text()
        assert "Saturday" in text
        assert "Tuesday to Saturday" in text
        assert "you@example.org" in text

        assert await interrupted(gw) == []


async def write(port: int) -> None:
    """Send a mail like the one on the shop's page."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "you@example.org", "help@magpie.example"
    mail["Subject"] = "Saturday"
    mail.set_content("Are you open on Saturday?")
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port)
