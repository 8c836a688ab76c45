"""What a customer writes stays, also where it looks like the work of a mail program."""

from __future__ import annotations

import pytest

from channels.email import parse
from channels.email.reply import extract_reply

OWN_INTRODUCTIONS = [
    "On Monday you wrote: it is sent. It is not.",
    "On 3 March 2026 at 9:20 your driver wrote:\n\nNobody at home.\n\nI was there all day.",
    "On 3 March 2026 at 9:20 AM the driver wrote:\nNobody at home.\nI was there all day.",
    "Your colleague Anna wrote:\n\n'It leaves on Friday.'\n\nIt did not.",
    "help@shop.example wrote:\n\n'It leaves on Friday.'\n\nIt did not.",
    "Hello\nIt says: From: our warehouse, To: your house.\nWhere is that?",
    "Am 3. März 2026 um 9:20 schrieb mir Ihr Fahrer:\n\nNiemand da.\n\nIch war aber da.",
    "Der Fahrer schrieb am 3. März 2026 um 9:20:\n\nNiemand da.\n\nIch war aber da.",
    "Ihre Kollegin hat am 03.03.2026 um 09:20 geschrieben:\n\nKommt morgen.\n\nNein.",
    "Le 3 mars 2026 à 9:20 votre livreur m'a écrit :\n\nPersonne.\n\nJ'étais là.",
    "Le 3 mars 2026 à 9:20, le livreur a écrit :\n\nPersonne.\n\nJ'étais là.",
    "El 3 de marzo de 2026 a las 9:20 su repartidor escribió:\n\nNadie.\n\nYo estaba en casa.",
    "El 3 de marzo de 2026 a las 9:20 la tienda escribió:\n\nMañana.\n\nY nada.",
    "Il 3 marzo 2026 alle 9:20 il corriere ha scritto:\n\nNessuno.\n\nIo c'ero.",
    "Il 3 marzo 2026 alle 9:20 il suo collega mi ha scritto:\n\nDomani.\n\nNiente.",
    "Op 3 maart 2026 om 9:20 schreef uw bezorger:\n\nNiemand thuis.\n\nIk was er wel.",
    "Op 3 maart 2026 om 9:20 schreef de bezorger:\n\nNiemand thuis.\n\nIk was er wel.",
    "Den 3 mars 2026 kl 9:20 skrev er förare till mig:\n\nIngen hemma.\n\nJag var hemma.",
    "Den 3. marts 2026 kl. 9.20 skrev jeres chauffør:\n\nIngen hjemme.\n\nJeg var hjemme.",
    "Dnia 3 marca 2026 o 9:20 Państwa kurier napisał:\n\nNikogo nie ma.\n\nByłam w domu.",
    "No dia 3 de março de 2026 às 9:20 o seu estafeta escreveu:\n\nNinguém.\n\nEu estava.",
    "Em 3 de março de 2026 às 9:20 o estafeta escreveu:\n\nNinguém.\n\nEu estava.",
]
ROUTES = [
    "please move my delivery:\n\nFrom: 3 Linden Way\nTo: 9 Harbour Street\n\nNot before Monday.",
    "Change my address:\nFrom: old@mail.example\nTo: new@mail.example\nFrom today on.",
    "I travel\nFrom: Berlin\nTo: Paris\nDate: 3 March\n\nWhich lamp may I take?",
    "Bitte umleiten\n\nVon: Lindenweg 3\nAn: Hafenstraße 9\n\nErst am Montag.",
    "Déménagement\n\nDe : 3 rue du Lac\nÀ : 9 quai du Port\n\nPas avant lundi.",
    "Mudanza\n\nDe: Calle Mayor 3\nPara: Paseo 9\n\nNo antes del lunes.",
    "Trasloco\n\nDa: via Roma 3\nA: via Porto 9\n\nNon prima di lunedì.",
    "Verhuizing\n\nVan: Lindelaan 3\nAan: Havenstraat 9\n\nNiet voor maandag.",
    "Flytt\n\nFrån: Lindvägen 3\nTill: Hamngatan 9\n\nInte före måndag.",
    "Flytning\n\nFra: Lindevej 3\nTil: Havnegade 9\n\nIkke før mandag.",
    "Przeprowadzka\n\nOd: Lipowa 3\nDo: Portowa 9\n\nNie przed poniedziałkiem.",
    "Mudança\n\nDe: Rua do Sol 3\nPara: Cais 9\n\nSó na segunda.",
    "A visit?\n\nDate: Wednesday 3 October\nTime: 7:00\nAddress: 130 Fox St\n\nBring a lamp.",
]
BELOW_THE_PHONE = [
    "Sent from my iPhone\n\nHi Anna,\n\nit has not come yet.",
    "It is broken.\n\nSent from my iPhone\n\nHello again, it works now.",
    "It is broken.\n\nSent from my iPhone\n\nHi it works now!",
    "Er ist kaputt.\n\nVon meinem iPhone gesendet\n\nHallo Frau Berg,\n\nwann kommt der neue?",
    "C'est cassé.\n\nEnvoyé de mon iPhone\n\nBonjour,\n\nla commande 204417 aussi.",
]
IN_ONE_LINE = [
    "From: Berlin To: Paris Date: 3 March, and my address is ana@example.org.",
    "Change my address from: ana@old.example to: ana@new.example please.",
    "De: anna@example.org el martes a las 14:30, para: Pedro.",
]
NO_SIGNATURES = [
    "Hello\n--\nMy order number is LL-20417 and\nthe lamp is broken.",
    "Hello\n\n--\n\nThe lamp is broken. Please send a new one.",
    "Hallo\n--\nDie Lampe ist kaputt.\nBitte eine neue schicken.",
    "Bonjour\n--\nLa lampe est cassée.\nMerci d'en envoyer une autre.",
    "Two things:\n\n--\nCan I pay later?\n--\nIs it in stock?",
    "Hi\n\nBest regards,\nWill you answer me at last?",
    "Hi\n\nRegards, whatever. Is it sent?",
    "Hello\n\nThanks,\nbut it did not help and I want my money back.",
    "Viele Grüße an Ihr Team. Die Lampe ist schön.\nDanke",
    "Saludos\n\nTodavía no tengo la lámpara que pedí el lunes pasado.",
    "Sent from my shop in Ballin on Monday, not from yours.",
    "Sent by DHL to my phone",
    "From my phone I cannot open the link",
    "Gesendet von DHL am Montag und nie angekommen",
    "Enviado por correo el lunes y no ha llegado",
    "Envoyé par la poste lundi, rien reçu",
    "The original message said Friday.\nIt is Monday.",
    "I got the forwarded message and I do not understand it.",
    "Key points\n----\n1. It is late\n2. It is dark\n====\nWhat now?",
    "Mine arrived.\n\nBest Lamp Ever\n\nMira",
    "A new one, please.\n\nKind regards\nMira Holt\nOrder LL-20417",
    "Bitte eine neue.\n\nViele Grüße\nMira Holt\nKundennummer: 48812",
    "Une autre, s'il vous plaît.\n\nCordialement\nMira Holt\nCommande n° 20417",
    "2 March 2026, 9:20, a mail from help@shop.example:\n\nIt is sent.\n\nIt is not.",
    "Order: LL-20417\nFrom: Mira Holt\nDate: 2 March 2026\nSubject: lamp\n\nIt is broken.",
    "A new one, please.\n\nKind regards,\nMira Holt\nMy new address is\n12 Long Street\nBallin",
    "A new one, please.\n\nKind regards,\nMira Holt\n\nNew address:\n12 Long Street\nBallin",
    "Eine neue.\n\nViele Grüße\nMira\n\nNeue Adresse:\nLange Straße 12\nBallin",
    "Une autre.\n\nCordialement\nMira\n\nNuméro de suivi :\n6A12345678901",
    "Ich suche:\n\nLG OLED55",
    "Una nueva.\n\nSaludos\nMira\n\nLlámenme por favor mañana",
    "Which of these?\n_____\nhttps://shop.example/lamp",
    "My lamp:\n--\nhttps://shop.example/lamp\nhttps://shop.example/shade",
    "My lamps:\n--\nLamp blue\nLamp red",
    ">>> look here <<<\nis what your page says",
    "Hallo\nDiese E-Mail wurde mir von Ihnen zweimal gesendet\nWarum?",
    "Hallo\nVon meinen drei Paketen wurde nur eines verschickt.\nUnd jetzt?",
    "Hallo\nVon meinem Telefon wurde nur die Hülle verschickt\nUnd jetzt?",
    "Merhaba\nPaketim yanlış adrese gönderildi\nNe yapmalıyım?",
    "Merhaba\nTelefonum dün gönderildi.\nAma gelmedi.",
    "Jó napot\nAz áru nem lett elküldve\nMiért?",
    "Bonjour\nEnvoyé par La Poste\nle 3 mars",
    "Hi\nSent from my Amazon account by mistake\nPlease merge.",
    "Sent from my iPhone? No.\nWhere is it?",
]


@pytest.mark.parametrize("text", [*OWN_INTRODUCTIONS, *ROUTES, *IN_ONE_LINE, *NO_SIGNATURES])
def test_nothing_is_lost_of_what_only_looks_like_a_program(text: str) -> None:
    """A customer's own "... wrote:", "From: ... To: ...", ``--`` and closing stay, all of them;
    also under a greeting, and above a real quotation."""
    assert extract_reply(text) == text
    assert extract_reply(f"Hello,\n\n{text}") == f"Hello,\n\n{text}"
    quoted = "On 2 Mar 2026, at 09:20, Shop <help@shop.example> wrote:\n\n> Old text"
    assert extract_reply(f"Hello,\n\n{text}\n\n{quoted}") == f"Hello,\n\n{text}"


@pytest.mark.parametrize("text", BELOW_THE_PHONE)
def test_what_is_written_below_the_line_of_the_phone_stays(text: str) -> None:
    """When nothing is above it, when it is no mere salutation, when it asks or names an order."""
    assert extract_reply(text).endswith(text.rpartition("\n\n")[2])


@pytest.mark.parametrize(
    "text",
    [
        "2 lamps are broken\nLantern & Loom <help@shop.example> wrote:\n> Old text",
        "2 lamps are broken\nOn 2 Mar 2026, at 09:20, Shop <help@shop.example> wrote:\n> Old text",
        "2 lamps are broken\nShop schrieb am Mo., 2. März 2026, 09:20:\n> Old text",
        "2 lamps are broken\nFrom: Shop <help@shop.example>\nSent: 2 March 2026 9:20\n\nOld text",
    ],
)
def test_the_line_above_an_introduction_stays(text: str) -> None:
    """An introduction begins at its own first line, also without a blank line above it."""
    assert extract_reply(text) == "2 lamps are broken"


@pytest.mark.parametrize(
    ("closing", "mark"),
    [
        ("Kind regards\nMira Holt", "PS:"), ("Cheers,\nMira", "P.S."),
        ("Viele Grüße\nMira Holt", "PS:"), ("Mit freundlichen Grüßen\n\nMira Holt", "P.S.:"),
        ("Cordialement,\nMira Holt", "P.-S. :"), ("Bien à vous\nMira", "PS :"),
        ("Un saludo\nMira Holt", "PD:"), ("Saludos cordiales,\nMira", "P.D."),
        ("Cordiali saluti\nMira Holt", "P.S."), ("Met vriendelijke groet,\nMira Holt", "PS:"),
        ("Med vänliga hälsningar\nMira Holt", "PS:"), ("Med venlig hilsen\nMira Holt", "PS:"),
        ("Pozdrawiam\nMira Holt", "PS:"), ("Cumprimentos,\nMira Holt", "P.S.:"),
        ("-- \nMira Holt\nHarbour Street 9", "PS:"),
    ],
)  # fmt: skip
def test_a_postscript_stays_below_the_sign_off(closing: str, mark: str) -> None:
    """The sign-off goes; what the customer adds below it is read."""
    text = f"A new shade, please.\n\n{closing}\n\n{mark} +1 202 555 0147, the old one is dead."
    reply = extract_reply(text)
    assert reply == f"A new shade, please.\n\n{mark} +1 202 555 0147, the old one is dead."


def test_a_long_paragraph_stays_unbroken() -> None:
    """A line may have any length; no word is cut, and nothing is put in between."""
    paragraph = "The lamp came with a crack in the glass, and it smells of burning. " * 40
    text = f"{paragraph.strip()}\n\nPlease send a new shade."
    assert extract_reply(text) == text


def test_a_long_quoted_line_is_quoted_to_its_end() -> None:
    """A quoted paragraph that is one line leaves no rest behind."""
    quoted = "> " + "We have packed your lamp with great care, and it is on its way. " * 40
    text = f"Not yet.\n\nOn 2 Mar 2026, at 09:20, Shop <help@shop.example> wrote:\n\n{quoted}"
    assert extract_reply(text) == "Not yet."


def test_the_rests_of_wrapped_quoted_lines_are_quoted() -> None:
    """A program that wraps quoted lines leaves their rests unmarked; an answer stays."""
    link = "> See (https://shop.example/a\n/lamp)\n> or\n<https://shop.example/b>\n> Thanks"
    assert extract_reply(f"Yes.\n\n{link}") == "Yes."
    text = (
        "Yes.\n\n> We have packed your brass lamp with very great care and we\nsend it today.\n"
        "> Shall it be the blue shade, the red shade or the white shade?\nblue\n> Thanks"
    )
    assert extract_reply(text) == "Yes.\n\nblue"


@pytest.mark.parametrize(
    "text",
    [
        "Missing:\n\n> 2 lamps\n> 1 shade\n\nPlease send them.",
        "New contact:\nFrom: Ines <ines@post.example>\nSubject: Broken lamp\n\nMy lamp is broken.",
        (
            "Bitte prüfen:\nVon: Shop <help@shop.example>\nGesendet: 2. März 2026 10:00\n"
            "An: Ines\nBetreff: Rechnung 77\n\nRechnung 77 ist fällig."
        ),
    ],
)
def test_a_mail_that_answers_none_quotes_none(text: str) -> None:
    """In a first mail, what looks like a quotation is part of what the customer sends us."""
    first = extract_reply(text, subject="Lamp", answers=False)
    assert first.replace(">", " ").split() == text.replace(">", " ").split()
    raw = f"From: Ines <ines@post.example>\r\nSubject: Lamp\r\n\r\n{text}".encode()
    assert parse(raw).text == first
    answer = raw.replace(b"Subject: Lamp", b"Subject: Re: Lamp")
    assert len(parse(answer).text) < len(first)


@pytest.mark.parametrize(
    "subject", ["[EXTERNAL] Fwd: Bill", "[help] WG: Bill", "İLT: Bill", "转发：Bill"]
)
def test_a_forward_is_recognised_behind_tags_and_in_more_languages(subject: str) -> None:
    """Mail servers and lists put tags before the subject."""
    forwarded = (
        "From: Shop <help@shop.example>\nSent: 2 March 2026 10:00\nTo: Ines\nSubject: Bill\n\n"
        "Bill 77 is due."
    )
    text = f"Is this right?\n\n{forwarded}"
    assert extract_reply(text, subject=subject) == text


def test_an_introduction_within_a_forward_stays_with_its_quotation() -> None:
    """Some programs mark what they forward line by line, as in an answer."""
    introduction = "On 2 March 2026 at 10:00, Courier <c@courier.example> wrote:"
    text = f"See below.\n\n{introduction}\n> It is lost."
    forwarded = f"See below.\n\n{introduction}\nIt is lost."
    assert extract_reply(text, subject="Fwd: parcel") == forwarded
    assert extract_reply(text, subject="Re: parcel") == "See below."


def test_an_order_number_below_the_delimiter_of_a_signature_stays() -> None:
    """It may be what the answer needs; a name and an address are not."""
    assert "20417" in extract_reply("Where is it?\n\n-- \nMira Holt\nOrder 20417")
    assert extract_reply("Where is it?\n\n-- \nMira Holt\nLong Street 12") == "Where is it?"
