"""What the detectors find, on the sentences they were built on and on those they have not seen."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway import claims_in, facts_told, promises_in, unfilled, with_placeholders
from tests.agents_desk.case.score import (
    FRESH,
    KNOWN,
    STRANGERS,
    UNSEEN,
    score_facts,
    score_promises,
)

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=BERLIN)

FOLDERS = (KNOWN, UNSEEN, FRESH, STRANGERS)
CLAIMS = [
    ("en", "I have posted your parcel.", "sent"),
    ("en", "Your refund has been issued.", "refunded"),
    ("en", "We checked with the warehouse.", "checked"),
    ("en", "I've cancelled your order.", "done"),
    ("en", "Your parcel is on its way.", "sent"),
    ("en", "Your parcel may be on its way.", ""),
    ("en", "We will send a new one tomorrow.", ""),
    ("en", "Refunds are paid within 14 days.", ""),
    ("en", "Have you sent it back?", ""),
    ("en", "It has not been sent yet.", ""),
    ("en", "You have sent us a photo.", ""),
    ("en", "Once we have checked it, I will write.", ""),
    ("de", "Ich habe das Paket heute verschickt.", "sent"),
    ("de", "Der Betrag wurde erstattet.", "refunded"),
    ("de", "Ich habe im Lager nachgefragt.", "checked"),
    ("de", "Ihre Bestellung ist storniert.", "done"),
    ("de", "Das Paket könnte schon unterwegs sein.", ""),
    ("de", "Wir schicken Ihnen morgen ein neues.", ""),
    ("de", "Rücksendungen werden geprüft.", ""),
    ("de", "Haben Sie es schon zurückgeschickt?", ""),
    ("de", "Es wurde noch nicht verschickt.", ""),
    ("fr", "J'ai envoyé votre colis.", "sent"),
    ("fr", "Nous vous avons remboursé.", "refunded"),
    ("fr", "J'ai vérifié auprès de l'entrepôt.", "checked"),
    ("fr", "Votre commande est annulée.", "done"),
    ("fr", "Votre colis devrait être en route.", ""),
    ("fr", "Nous vous enverrons un nouvel article demain.", ""),
    ("fr", "Avez-vous envoyé le colis ?", ""),
    ("fr", "Il n'a pas été envoyé.", ""),
    ("es", "He enviado su paquete.", "sent"),
    ("es", "Le hemos reembolsado el importe.", "refunded"),
    ("es", "He preguntado en el almacén.", "checked"),
    ("es", "Su pedido está cancelado.", "done"),
    ("es", "Su paquete podría estar en camino.", ""),
    ("es", "Mañana le enviaremos otro.", ""),
    ("es", "¿Ha enviado el paquete?", ""),
    ("es", "Todavía no se ha enviado.", ""),
    ("en", "We have refunded you, and the money will be in your account in 5 days.", "refunded"),
    ("en", "I have sent the parcel; you can follow it here.", "sent"),
    ("en", "I have refunded you because the lamp was not working.", "refunded"),
    ("en", "We sent a replacement after we got your mail.", "sent"),
    ("en", "I've gone ahead and refunded you.", "refunded"),
    ("en", "The refund was made yesterday.", "refunded"),
    ("en", "As soon as it is paid and has been sent, you will get a mail.", ""),
    ("en", "You will be told when it has been sent.", ""),
    ("en", "Please tell us where it was sent from.", ""),
    ("en", "Have you been refunded, and has it been sent?", ""),
    ("de", "Wir haben den Betrag erstattet, er wird in 5 Tagen auf Ihrem Konto sein.", "refunded"),
    ("de", "Da die Lampe nicht geht, habe ich Ihnen das Geld erstattet.", "refunded"),
    ("de", "Das Abo ist gekündigt.", "done"),
    ("de", "Sie bekommen eine Mail, sobald es verschickt wurde.", ""),
    ("fr", "Nous vous avons remboursé, le montant sera sur votre compte lundi.", "refunded"),
    ("fr", "Nous avons annulé votre commande comme vous l'avez demandé.", "done"),
    ("fr", "Vous avez été remboursé.", "refunded"),
    ("fr", "Vous avez été patient.", ""),
    ("fr", "Vous recevrez un mail dès que le colis a été envoyé.", ""),
    ("es", "He enviado el paquete, puede seguirlo aquí.", "sent"),
    ("es", "Como la lámpara no funciona, le hemos reembolsado.", "refunded"),
    ("es", "Hemos realizado el reembolso.", "refunded"),
    ("es", "Usted nos ha enviado una foto.", ""),
    ("es", "Una persona lee todo lo que ha escrito.", ""),
]
PROMISES = [
    ("en", "I will refund you by Friday, and if you need anything else, write to us.", True),
    ("en", "Let me get back to you by 5 pm.", True),
    ("de", "Ich rufe Sie morgen an, und wenn Sie noch Fragen haben, schreiben Sie gern.", True),
    ("fr", "Je vous rappelle demain, et si vous avez des questions, écrivez-moi.", True),
    ("es", "Le llamo mañana, y si tiene preguntas, escríbame.", True),
    ("en", "If you send it back and if it is broken, we will refund you by Friday.", False),
    ("en", "I will call you tomorrow if that suits you.", False),
    ("en", "Let me know by Friday if it works.", False),
    ("de", "Geben Sie mir bis Freitag Bescheid.", False),
    ("fr", "Dites-moi avant vendredi si cela convient.", False),
    ("es", "Dígame antes del viernes si funciona.", False),
]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("kind", ["told", "asked"])
def test_facts(folder: Path, kind: str) -> None:
    """Nine in ten are right, and nine in ten are found; of told facts in unseen sentences 0.87 are
    right (docs/case.md says why)."""
    score = score_facts(folder / "facts.csv", kind)
    precision, recall = score.precision, score.recall
    del score  # a failure shows figures, not rows
    assert precision >= (0.85 if (kind, folder) == ("told", UNSEEN) else 0.9)
    assert recall >= 0.9


@pytest.mark.parametrize("kind", ["told", "asked"])
@pytest.mark.parametrize("spoken", ["en", "de", "fr", "es", "it"])
def test_facts_in_another_language_than_the_conversations(kind: str, spoken: str) -> None:
    """The text is read in its own language."""
    score = score_facts(KNOWN / "facts.csv", kind, spoken=spoken)
    precision, recall = score.precision, score.recall
    del score
    assert min(precision, recall) >= 0.9


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_promises(folder: Path) -> None:
    """F1 of at least 0.85, and nine in ten due times are right."""
    score = score_promises(folder / "promises.csv")
    f1, (right, known) = score.f1, score.due
    del score
    assert f1 >= 0.85
    assert right >= 0.9 * known


@pytest.mark.parametrize("folder", [KNOWN, UNSEEN], ids=["known", "unseen"])
@pytest.mark.parametrize("spoken", ["en", "de", "fr", "es", "it"])
def test_promises_in_another_language_than_the_conversations(folder: Path, spoken: str) -> None:
    """They are found as in one of their own: somebody answers in English, say."""
    score = score_promises(folder / "promises.csv", spoken=spoken)
    f1 = score.f1
    del score
    assert f1 >= 0.85


@pytest.mark.parametrize("spoken", ["", "en", "de", "fr", "es", "it"])
@pytest.mark.parametrize(("language", "text", "kind"), CLAIMS)
def test_claims(language: str, text: str, kind: str, spoken: str) -> None:
    """What was done is a claim, whatever the conversation's language; what may be, will be or is
    done as a rule is none."""
    claims = claims_in(text, spoken or language)
    assert [claim.kind for claim in claims] == ([kind] if kind else [])


@pytest.mark.parametrize("spoken", ["", "en", "de", "fr", "es", "it"])
@pytest.mark.parametrize(("language", "text", "promised"), PROMISES)
def test_everyday_promises(language: str, text: str, promised: bool, spoken: str) -> None:
    """What is said after a promise is no condition of it; a wish is no promise."""
    at = datetime(2026, 11, 25, 10, 0, tzinfo=ZoneInfo("UTC"))
    assert bool(promises_in(text, spoken or language, at, ZoneInfo("UTC"))) == promised


def test_a_claim_becomes_a_gap_in_the_drafts_language() -> None:
    """The rest of the draft stays, and the gap says when the words may stay."""
    draft = with_placeholders("Guten Tag! Ich habe das Paket verschickt. Viele Grüße", "de")
    assert draft == (
        "Guten Tag! [… nur wenn es verschickt ist: Ich habe das Paket verschickt.] Viele Grüße"
    )
    assert unfilled(draft) == "[… nur wenn es verschickt ist: Ich habe das Paket verschickt.]"
    assert with_placeholders(draft, "de") == draft


@pytest.mark.parametrize(
    "text",
    [
        "I have sent you [the label](https://lindenhof.example/label).",
        "I have refunded [order 4711](https://a.example) and [order 4712](https://b.example).",
    ],
)
def test_a_link_in_a_claim_does_not_fill_its_gap(text: str) -> None:
    """Brackets within the brackets are no way out."""
    draft = with_placeholders(text, "en")
    assert draft != text
    assert unfilled(draft) == draft
    assert with_placeholders(draft, "en") == draft


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("[see our page](https://lindenhof.example)", None),
        ("Press [Enter], and write [sic] to us.", None),
        ("Read [more…](https://lindenhof.example)", None),
        ("[… only if it was sent: I have posted your parcel.", True),
        ("[…]", True),
    ],
)
def test_what_is_a_gap(text: str, gap: bool | None) -> None:
    """Other brackets are not; half a gap still is one."""
    assert (unfilled(text) is not None) == bool(gap)


def test_a_weekday_is_that_of_the_business() -> None:
    """Late on Monday in New York it is Tuesday in Berlin."""
    late = datetime(2026, 11, 24, 3, 0, tzinfo=ZoneInfo("UTC"))
    [made] = promises_in("I will call you today.", "en", late, ZoneInfo("America/New_York"))
    assert made.due.isoformat() == "2026-11-23T23:59:00-05:00"


@pytest.mark.parametrize(
    ("said", "language", "names"),
    [
        ("This is UNACCEPTABLE", "en", []),
        ("This is Outrageous! Where is my parcel?", "en", []),
        ("This is TOTALLY UNACCEPTABLE", "en", []),
        ("I am FURIOUS", "en", []),
        ("Ich bin ENTTÄUSCHT", "de", []),
        ("This is Eva Adler", "en", ["Eva Adler"]),
        ("I am EVA ADLER", "en", ["EVA ADLER"]),
        ("My name is JOHN", "en", ["JOHN"]),
        ("Ich heiße PAUL", "de", ["PAUL"]),
        ("This is AJ", "en", ["AJ"]),
    ],
)
def test_what_is_shouted_is_no_name(said: str, language: str, names: list[str]) -> None:
    """Else the agent reads `Dear UNACCEPTABLE`."""
    assert [fact.value for fact in facts_told(said, language) if fact.name == "name"] == names
