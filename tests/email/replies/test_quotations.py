"""Quotations, forwards and the lines of phones, as mail programs of 2026 write them."""

from __future__ import annotations

import pytest

from channels.email.reply import extract_reply

from .intro_texts import HELD_OUT, LATER, TUNING, IntroText


@pytest.mark.parametrize("text", [*TUNING, *HELD_OUT, *LATER], ids=lambda text: text.name)
def test_an_introduced_quotation_goes(text: IntroText) -> None:
    """What a mail program introduces is quoted, on one line or wrapped, marked or not."""
    assert extract_reply(text.text) == text.written


@pytest.mark.parametrize(
    "line",
    [
        "-----Original Message-----",
        "------- Original Message -------",
        "‐‐‐‐ Original Message ‐‐‐‐",
        "*-------- Original Message --------*",
        "-----Reply Message-----",
        "--- Original message ---",
        "-----Ursprüngliche Nachricht-----",
        "-------- Original-Nachricht --------",
        "-----Ursprüngliche E-Mail-----",
        "-----Message d'origine-----",
        "---- Message original ----",
        "-----Mensaje original-----",
        "-----Messaggio originale-----",
        "----- Origineel bericht -----",
        "-----Oorspronkelijk bericht-----",
        "-----Ursprungligt meddelande-----",
        "-------- Originalmeddelande --------",
        "-----Oprindelig meddelelse-----",
        "-------- Oprindelig besked --------",
        "-----Oryginalna wiadomość-----",
        "-------- Wiadomość oryginalna --------",
        "-----Mensagem original-----",
        "________ Original Message ________",
        "---- Lantern & Loom wrote ----",
    ],
)
def test_original_message_in_all_its_forms(line: str) -> None:
    """The words between dashes end what the customer wrote, with headers below them or not."""
    assert extract_reply(f"Not yet.\n\n{line}\n\nOld text") == "Not yet."
    headers = "From: Shop <help@shop.example>\nSubject: Lamp"
    assert extract_reply(f"Not yet.\n{line}\n{headers}\n\nOld text") == "Not yet."


FORWARDS = [
    "---------- Forwarded message ---------", "Begin forwarded message:",
    "-------- Forwarded Message --------", "---------- Weitergeleitete Nachricht ---------",
    "Anfang der weitergeleiteten Nachricht:", "---------- Message transféré ---------",
    "Début du message réexpédié :", "-------- Message transféré --------",
    "---------- Mensaje reenviado ---------", "Inicio del mensaje reenviado:",
    "---------- Messaggio inoltrato ---------", "Inizio messaggio inoltrato:",
    "---------- Doorgestuurd bericht ---------", "Begin doorgestuurd bericht:",
    "---------- Vidarebefordrat meddelande ---------", "Vidarebefordrat brev:",
    "---------- Videresendt meddelelse ---------", "Start på videresendt besked:",
    "---------- Przekazana wiadomość ---------", "Początek przekazywanej wiadomości:",
    "---------- Mensagem encaminhada ---------", "Início da mensagem reencaminhada:",
]  # fmt: skip


@pytest.mark.parametrize("marker", FORWARDS)
@pytest.mark.parametrize("mark", ["", "> "])
@pytest.mark.parametrize("note", ["", "Is this right?\n\n"])
def test_a_forward_keeps_the_forwarded_words(marker: str, mark: str, note: str) -> None:
    """With a note and without, marked line by line (Apple Mail) or not: its words are read."""
    forwarded = f"{marker}\nFrom: Shop <orders@shop.example>\nSubject: Lamp\n\nOne brass lamp."
    text = note + "\n".join(f"{mark}{line}".rstrip() for line in forwarded.split("\n"))
    assert extract_reply(text) == note + forwarded


@pytest.mark.parametrize(
    "subject",
    [
        "FW: Lamp",
        "Fwd: Lamp",
        "WG: Lampe",
        "TR : Lampe",
        "TR: Lampe",
        "RV: Lámpara",
        "I: Lampada",
        "Doorst: Lamp",
        "VB: Lampa",
        "VS: Lampe",
        "PD: Lampa",
        "ENC: Lâmpada",
    ],
)
def test_the_subject_tells_a_forward_from_an_answer(subject: str) -> None:
    """Outlook writes the same headers above a forward and an answer: the subject decides."""
    headers = "From: Shop <orders@shop.example>\nSent: 2 March 2026 9:20\nSubject: Lamp"
    text = f"Is this right?\n\n{headers}\n\nOne brass lamp."
    assert "One brass lamp." in extract_reply(text, subject=subject)
    assert extract_reply(text, subject=f"Re: {subject}") == "Is this right?"
    assert extract_reply(text, subject="Information: lamp") == "Is this right?"


def test_a_forward_inside_a_quotation_is_quoted() -> None:
    """Only what the customer forwards is theirs, not what somebody forwarded before."""
    text = (
        "Not yet.\n\nOn 2 Mar 2026, at 09:20, Shop <help@shop.example> wrote:\n\n"
        "> Look:\n> ---------- Forwarded message ---------\n> From: A <a@b.example>\n> Old text"
    )
    assert extract_reply(text) == "Not yet."


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Sent from my Galaxy",
        "Sent from Outlook for Android",
        "Sent from Yahoo Mail for iPhone",
        "Sent from Mail for Windows",
        "Get Outlook for iOS",
        "Sent from Proton Mail for Android.",
        "Sent with Spark",
        "Sent using the mobile mail app",
        "Von meinem iPhone gesendet",
        "Von meinem/meiner Galaxy gesendet",
        "Gesendet von Mail für Windows",
        "Gesendet von Outlook für Android<https://aka.ms/AAb9ysg>",
        "Gesendet mit der GMX Mail App",
        "Gesendet mit der Telekom Mail App",
        "Diese Nachricht wurde von meinem Android-Gerät gesendet.",
        "Outlook für iOS beziehen",
        "Holen Sie sich Outlook für Android",
        "Envoyé de mon iPhone",
        "Envoyé depuis mon mobile",
        "Envoyé à partir de Outlook pour Android",
        "Envoyé depuis l'application Mail Orange",
        "Téléchargez Outlook pour iOS",
        "Enviado desde mi iPhone",
        "Enviado desde Outlook para Android",
        "Obtener Outlook para iOS",
        "Enviado desde mi Samsung Galaxy",
        "Enviado desde Yahoo Mail para Android",
        "Inviato da iPhone",
        "Inviato dal mio iPhone",
        "Inviato da Outlook per Android",
        "Inviato dal mio telefono Huawei",
        "Ottieni Outlook per iOS",
        "Verzonden vanaf mijn iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Verzonden vanuit Outlook voor iOS",
        "Outlook voor Android downloaden",
        "Skickat från min iPhone",
        "Skickat från Outlook för iOS",
        "Hämta Outlook för Android",
        "Sendt fra min iPhone",
        "Sendt fra Outlook til Android",
        "Hent Outlook til iOS",
        "Wysłane z iPhone'a",
        "Wysłano z mojego iPhone’a",
        "Wysłane z aplikacji Outlook dla systemu iOS",
        "Pobierz aplikację Outlook dla systemu Android",
        "Enviado do meu iPhone",
        "Enviado do Outlook para Android",
        "Obter o Outlook para iOS",
        "Enviado a partir do meu Galaxy",
    ],
)
def test_the_line_of_a_phone_goes(line: str) -> None:
    """At the end, above a quotation, or first of all; the customer's words stay."""
    quoted = "On 2 Mar 2026, at 09:20, Shop <help@shop.example> wrote:\n\n> Old text"
    assert extract_reply(f"When does it come?\n\n{line}") == "When does it come?"
    assert extract_reply(f"When does it come?\n{line}\n\n{quoted}") == "When does it come?"
    assert extract_reply(f"{line}\n\nWhen does it come?") == "When does it come?"


def test_answers_between_and_below_marked_lines_stay() -> None:
    """What stands between the marks is the answer to them."""
    text = (
        "My answers:\n\nOn 2 Mar 2026, at 09:20, Shop <help@shop.example> wrote:\n\n"
        "> Which size?\n\n42\n\n> Which colour?\nBlue.\n\n-- \nMira"
    )
    assert extract_reply(text) == "My answers:\n\n42\n\nBlue."
    below = (
        "Shop <help@shop.example> hat am 02.03.2026 09:20 CET geschrieben:\n\n> Alt\n\nDanke, ja."
    )
    assert extract_reply(below) == "Danke, ja."


def test_a_mail_that_only_quotes_stays_whole() -> None:
    """When nothing was written above an unmarked quotation, it is what the customer sends."""
    text = "From: Shop <help@shop.example>\nSent: 2 March 2026 9:20\nSubject: Lamp\n\nOne lamp."
    assert extract_reply(text) == text


@pytest.mark.parametrize(
    "line",
    [
        "Subject: RE: Lamp From: Shop help@shop.example To: Ana Berg",
        "Betreff: Lampe 03.03.2026 09:20Von: Shop <help@shop.example> An: ana@example.org",
        "De : Shop <help@shop.example> Envoyé : 3 mars 2026 09:20 À : Ana Objet : Lampe",
        "De: help@shop.example Enviado: 3/3/2026 9:20 Para: Ana Asunto: Lámpara",
        "Da: help@shop.example A: Ana Oggetto: Lampada",
        "Van: help@shop.example Aan: Ana Onderwerp: Lamp",
        "Från: help@shop.example Till: Ana Ämne: Lampa",
        "Fra: help@shop.example Til: Ana Emne: Lampe",
        "Temat: RE: Lampa 2026-03-03 9:20Nadawca: Sklep help@shop.example Adresat: Ana",
        "De: help@shop.example Para: Ana Assunto: Candeeiro",
    ],
)
def test_a_block_of_headers_that_lost_its_line_breaks_is_one(line: str) -> None:
    """As where a program made text of a table."""
    assert extract_reply(f"Not yet.\n{line}\nOld text") == "Not yet."


@pytest.mark.parametrize(
    ("line", "salutation"),
    [
        ("Sent from my iPhone", "Dear Ms Berg,"),
        ("Gesendet von Outlook für Android", "Guten Tag Frau Berg,"),
        ("Envoyé de mon iPhone", "Bonjour Madame Berg,"),
        ("Enviado desde mi iPhone", "Estimada Sra. Berg:"),
        ("Inviato da iPhone", "Gentile Anna Berg,"),
        ("Verstuurd vanaf mijn iPhone", "Beste Anna,"),
        ("Skickat från min iPhone", "Hej Anna!"),
        ("Sendt fra min iPhone", "Kære Anna"),
        ("Wysłane z iPhone'a", "Dzień dobry,"),
        ("Enviado do meu iPhone", "Olá Anna,"),
    ],
)
def test_another_mail_below_the_line_of_the_phone_is_quoted(line: str, salutation: str) -> None:
    """It begins with a salutation, and its introduction was lost."""
    text = f"Not yet.\n\n{line}\n\n{salutation}\n\nWe have packed your brass lamp."
    assert extract_reply(text) == "Not yet."
