# ruff: noqa: E501  (a table reads best with a line for each case)
"""Lint: what it finds, where exactly, and what it suggests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import Finding, RenderContext, Voice, luhn

from .builders import CHANNELS, MOODS, no_deadline, render_context


def found(voice: Voice, text: str, when: RenderContext, rule: str) -> list[tuple[str, str | None]]:
    """The words that a rule found, and what it suggests."""
    return [(text[f.start : f.end], f.suggestion) for f in voice.lint(text, when) if f.rule == rule]


@pytest.mark.parametrize(
    ("mood", "rule", "severity", "text", "words", "suggestion"),
    [
        ("calm", "blame", "warning", "Well, you should have  read it.", "you should have", None),
        ("calm", "blame", "warning", "Das ist nicht gut, Sie hätten fragen sollen.", "Sie hätten", None),
        ("calm", "blame", "warning", "Bon, vous auriez dû lire les conditions.", "vous auriez dû", None),
        ("calm", "blame", "warning", "Pues usted debería haber leído lo que es.", "usted debería haber", None),
        ("calm", "promises", "warning", "We guarantee it.", "guarantee", None),
        ("calm", "promises", "warning", "Das garantieren wir Ihnen und der Familie.", "garantieren", None),
        ("calm", "promises", "warning", "Nous vous garantissons que les jours, je vous promets.", "je vous promets", None),
        ("calm", "promises", "warning", "Se lo garantizamos para el lunes.", "garantizamos", None),
        ("calm", "empty_empathy", "warning", "So: we apologise for any inconvenience!", "we apologise for any inconvenience", None),
        ("calm", "use", "info", "You can Utilise it.", "Utilise", "Use"),
        ("calm", "filler", "info", "Please note that it is late.", "Please note that", ""),
        ("calm", "jargon", "info", "Your ticket is open.", "Your ticket", "Your request"),
        ("calm", "jargon", "info", "Ask tier 2.", "tier 2", "a specialist"),
        ("calm", "exclamation", "info", "So what??", "??", "?"),
        ("angry", "exclamation", "warning", "It left!", "!", "."),
        ("angry", "exclamation", "warning", "It left?!", "?!", "?"),
        ("angry", "cheer", "warning", "So, no worries.", "no worries", None),
        ("angry", "emoji", "warning", "It left 👍🏽 today.", "👍🏽", ""),
        ("angry", "emoji", "warning", "It left :-) today.", ":-)", ""),
        ("calm", "shouting", "warning", "You MUST READ this.", "MUST READ", "must read"),
        ("calm", "shouting", "warning", "ABSOLUTELY not, the end.", "ABSOLUTELY", "Absolutely"),
        ("calm", "formatting", "info", "It is **free**.", "**free**", "free"),
        ("calm", "secret", "error", "It is 4111 1111 1111 1111.", "4111 1111 1111 1111", "the card ending in 1111"),
        ("calm", "secret", "error", "Your password: hunter22.", "hunter22", ""),
        ("calm", "secret", "error", "Das Passwort lautet geheim1, ja.", "geheim1", ""),
        ("calm", "secret", "error", "Use AKIAABCDEFGHIJKLMNOP now.", "AKIAABCDEFGHIJKLMNOP", ""),
        ("calm", "control-character", "error", "a\x00b", "\x00", ""),
        ("calm", "pretending", "error", "No, I’m not a bot.", "I’m not a bot", "I'm a bot"),
    ],
)  # fmt: skip
def test_each_rule_finds_its_words(
    voice: Voice,
    *,
    mood: str,
    rule: str,
    severity: str,
    text: str,
    words: str,
    suggestion: str | None,
) -> None:
    """It finds them exactly and once, and suggests what to write instead."""
    findings = [f for f in voice.lint(text, render_context("webchat", mood)) if f.rule == rule]
    assert [(text[f.start : f.end], f.suggestion, f.severity) for f in findings] == [
        (words, suggestion, severity)
    ]


@pytest.mark.parametrize(
    ("rule", "mood", "text"),
    [
        ("cheer", "calm", "Great news, no worries!"),
        ("exclamation", "calm", "It left!"),
        ("exclamation", "angry", 'The sign says "Stop!" in red.'),
        ("shouting", "calm", "The FAQ says: USB, HTTPS and VAT, GmbH."),
        ("shouting", "calm", "Order AB-CDEFGH left, see https://a.example/LOUD/PATH."),
        ("shouting", "calm", "Źdźbło trawy, أهلًا وسهلًا بكم, 最高でした."),
        ("secret", "calm", "Order 4111 1111 1111 1112, parcel 00340434161094042557."),
        ("secret", "calm", "You can change your password in the app."),
        ("promises", "calm", 'The label says "we guarantee it".'),
        ("promises", "calm", "Guarantees differ."),
        ("blame", "calm", "Thank you for what you did."),
        ("empty", "calm", "."),
        ("emoji", "pleased", "Nice 🙂"),
    ],
)
def test_what_is_no_finding(voice: Voice, rule: str, mood: str, text: str) -> None:
    """Links, quotations, acronyms and order numbers are exempt, and some rules depend on mood."""
    assert found(voice, text, render_context("webchat", mood), rule) == []


def test_only_a_bot_can_pretend_to_be_human(voice: Voice) -> None:
    """An agent may say that they are a person."""
    text = "No, I'm not a bot."
    assert found(voice, text, render_context(author="bot"), "pretending")
    assert not found(voice, text, render_context(author="agent"), "pretending")


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("de", "Hast du den Brief?", ["du"]),
        ("de", "Sie haben Ihren Brief.", []),
        ("fr", "Tu as ton colis du mois.", ["Tu", "ton"]),
        ("es", "Esto es para ti y tus cosas.", ["ti", "tus"]),
        ("en", "Du, tu, ti.", []),
    ],
)
def test_the_other_form_of_address_is_found(
    voice: Voice, language: str, text: str, words: list[str]
) -> None:
    """In the language that has it, and in no other."""
    when = render_context("email", author="agent", language=language)
    assert [word for word, _ in found(voice, text, when, "address")] == words


def test_phrases_of_other_languages_are_not_used(voice: Voice) -> None:
    """A French «du» is not the German one, and «génial» is no cheer in an English text."""
    assert not found(voice, "Le prix du colis et des frais.", render_context(), "address")
    english = render_context("email", "angry", language="en", author="agent")
    assert not found(voice, "Génial.", english, "cheer")
    assert found(voice, "Génial.", english.replace(language="fr"), "cheer")


def test_a_long_sentence_is_found(voice: Voice) -> None:
    """The finding covers the whole sentence; the limit is the channel's."""
    long = "A" + " word" * 18 + "."
    when = render_context("sms", author="agent")
    assert found(voice, f"Short one. {long} Short.", when, "long-sentence") == [(long, None)]
    assert not found(voice, f"Short one. {long}", render_context("email"), "long-sentence")


def test_a_text_beyond_the_channels_limit_is_an_error(voice: Voice) -> None:
    """The finding begins where the text exceeds the limit."""
    text = "A line of words that goes on. " * 60
    sms = render_context("sms", author="agent")
    (finding,) = [f for f in voice.lint(text, sms) if f.rule == "too-long"]
    assert finding.severity == "error"
    assert finding.end == len(text)
    assert text[finding.start :].startswith("A line")
    sent = text[: finding.start]
    assert not [f for f in voice.lint(sent, sms) if f.rule == "too-long"]
    assert not [f for f in voice.lint(text, render_context("email")) if f.rule == "too-long"]


@pytest.mark.parametrize("text", ["", " \n "])
def test_an_empty_text_is_an_error(voice: Voice, text: str) -> None:
    """There is nothing to send."""
    assert [(f.rule, f.severity) for f in voice.lint(text, render_context("sms"))] == [
        ("empty", "error")
    ]


def test_the_character_that_costs_segments_is_found(voice: Voice) -> None:
    """The first character outside GSM-7, if it makes the SMS cost more segments."""
    text = "It’s for François. " + "A line more of it. " * 7
    sms = render_context("sms", author="agent")
    assert found(voice, text, sms, "sms-alphabet") == [("ç", None)]
    assert not found(voice, text.replace("ç", "c"), sms, "sms-alphabet")
    assert not found(voice, "ç", sms, "sms-alphabet")


@pytest.mark.parametrize(
    ("digits", "right"),
    [("79927398713", True), ("79927398710", False), ("4242424242424242", True), ("0", True)],
)
def test_check_digits_are_verified(digits: str, right: bool) -> None:
    """As in ISO/IEC 7812-1."""
    assert luhn(digits) is right


PIECES = st.sampled_from(
    ["you should have", "Great!", "🙂", "READ THIS NOW", "4111 1111 1111 1111", "!!", "tu", "Sie",
     "\n", " ", ". ", "“a”", "https://a.example/x!", "password: abc1", "**b**", "ç", "garantieren"]
)  # fmt: skip


@no_deadline
@given(
    text=st.lists(PIECES | st.text(max_size=8), max_size=25).map("".join),
    channel=st.sampled_from(CHANNELS),
    mood=st.sampled_from(MOODS),
    author=st.sampled_from(["bot", "agent"]),
    language=st.sampled_from([None, "en", "de", "fr", "es", "xx"]),
)
def test_findings_lie_within_the_text(
    voice: Voice, *, text: str, channel: str, mood: str, author: str, language: str | None
) -> None:
    """For any text, every finding has a span within it and a message, and they are in order."""
    findings: tuple[Finding, ...] = voice.lint(
        text, render_context(channel, mood, author=author, language=language)
    )
    assert list(findings) == sorted(findings, key=lambda f: (f.start, f.end, f.rule))
    for finding in findings:
        assert 0 <= finding.start <= finding.end <= len(text)
        assert finding.rule == "empty" or finding.start < finding.end
        assert finding.message


@pytest.mark.parametrize(
    ("language", "text", "hurts"),
    [
        ("en", "Like I said, had you read the label, it would work. It is not a big deal. Rules are rules.", ["Like I said", "had you read", "It is not a big deal", "Rules are rules"]),
        ("de", "Wie bereits erklärt, das ist nun mal so. Hättest du das Etikett lesen sollen? Selber schuld.", ["Wie bereits erklärt", "das ist nun mal so", "Hättest du das Etikett lesen sollen", "Selber schuld"]),
        ("fr", "Je vous l'ai déjà dit, il fallait lire. Vous exagérez, je n'y peux rien.", ["Je vous l'ai déjà dit", "il fallait lire", "Vous exagérez", "je n'y peux rien"]),
        ("es", "Ya se lo dije: es lo que hay. No exagere, es culpa suya.", ["Ya se lo dije", "es lo que hay", "No exagere", "es culpa suya"]),
        ("it", "Come già spiegato, è colpa sua. Si calmi, non possiamo farci niente.", ["Come già spiegato", "è colpa sua", "Si calmi", "non possiamo farci niente"]),
        ("pt", "Como já lhe disse, a culpa é sua. Acalme-se, não podemos fazer nada.", ["Como já lhe disse", "a culpa é sua", "Acalme-se", "não podemos fazer nada"]),
        ("nl", "Zoals ik al zei, u had het beter moeten lezen. Kalmeer, regels zijn regels.", ["Zoals ik al zei", "u had het beter moeten lezen", "Kalmeer", "regels zijn regels"]),
        ("pl", "Jak już pisałam, to pana wina. Proszę się uspokoić, to nie nasz problem.", ["Jak już pisałam", "to pana wina", "Proszę się uspokoić", "to nie nasz problem"]),
        ("sv", "Som jag redan sagt, det är ditt fel. Lugna ner dig, det är bara så det är.", ["Som jag redan sagt", "det är ditt fel", "Lugna ner dig", "det är bara så det är"]),
        ("tr", "Daha önce söylediğim gibi, sizin hatanız. Sakin olun, kural kuraldır.", ["Daha önce söylediğim gibi", "sizin hatanız", "Sakin olun", "kural kuraldır"]),
        ("ar", "كما قلت لك، هذا خطؤك. اهدأ، ليست مشكلتنا.", ["كما قلت لك", "هذا خطؤك", "اهدأ", "ليست مشكلتنا"]),
        ("en", "You will have to deal with it. No other customer has complained, you are the only one who complained.", ["You will have to deal with it", "No other customer has complained", "you are the only one who complained"]),
        ("de", "Das habe ich Ihnen schon zweimal erklärt. Wie ich bereits sagte: Sie sind der Einzige, der sich beschwert.", ["Das habe ich Ihnen schon zweimal erklärt", "Wie ich bereits sagte", "Sie sind der Einzige, der sich beschwert"]),
        ("fr", "C'est comme ça et pas autrement. Là, vous vous trompez, vous êtes le seul à vous plaindre.", ["C'est comme ça et pas autrement", "Là, vous vous trompez", "vous êtes le seul à vous plaindre"]),
        ("es", "Usted se equivoca. Usted es la única que se queja.", ["Usted se equivoca", "Usted es la única que se queja"]),
        ("it", "Lei si sbaglia. Lei è l'unico che si lamenta.", ["Lei si sbaglia", "Lei è l'unico che si lamenta"]),
        ("tr", "Kaç kere söylemem gerekiyor?", ["Kaç kere söylemem"]),
        ("ar", "كم مرة يجب أن أقول ذلك؟ كما ذكرت لك. لقد أخبرتك من قبل، لقد نسيت أنت الموعد.", ["كم مرة يجب أن أقول", "كما ذكرت لك", "لقد أخبرتك من قبل", "لقد نسيت أنت"]),
        ("ja", "お客様が確認すべきでした。お客様のミスです。", ["お客様が確認すべきでした", "お客様のミスです"]),
        ("ja", "先ほども申し上げましたが、お客様の責任です。落ち着いてください。規則は規則です。", ["先ほども申し上げ", "お客様の責任です", "落ち着いてください", "規則は規則です"]),
    ],
)  # fmt: skip
def test_every_hurtful_phrase_of_a_text_is_found(
    voice: Voice, language: str, text: str, hurts: list[str]
) -> None:
    """In each language that the voice speaks, and not only the first."""
    when = render_context(author="agent", language=language)
    rules = ("blame", "dismissive")
    assert [text[f.start : f.end] for f in voice.lint(text, when) if f.rule in rules] == hurts


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Your parcel should have arrived. You can read the terms on our page, and we can fix this."),
        ("de", "Hätten Sie ein Foto für mich? Dann müssen wir nicht raten. Das Paket hätte gestern kommen sollen."),
        ("fr", "Le colis aurait dû arriver hier. Nous pouvons le renvoyer."),
        ("es", "El paquete debería haber llegado ayer. Podemos enviarlo otra vez."),
        ("it", "Il pacco avrebbe dovuto arrivare ieri. Possiamo rimandarlo."),
        ("pt", "A encomenda deveria ter chegado ontem. Podemos enviá-la outra vez."),
        ("nl", "Het pakket had gisteren moeten komen. We kunnen het opnieuw sturen."),
        ("pl", "Paczka powinna była przyjść wczoraj. Możemy ją wysłać ponownie."),
        ("sv", "Paketet borde ha kommit i går. Vi kan skicka det igen."),
        ("tr", "Paketin dün gelmesi gerekirdi. Tekrar gönderebiliriz."),
        ("ar", "كان من المفترض أن تصل الحزمة أمس. يمكننا إرسالها مرة أخرى."),
        ("ja", "荷物は昨日届くはずでした。もう一度お送りできます。"),
        ("en", "We will deal with it at once. No other customer can see it: you are the only one with the key."),
        ("de", "Hätten Sie ein Foto, damit wir prüfen können?"),
        ("de", "Sie haben recht, das habe ich übersehen."),
        ("de", "Sie haben recht, ich habe die Mail nicht gelesen."),
        ("de", "Das habe ich Ihnen heute geschickt. Wie ich bereits sehe, ist es da. Sie sind der Einzige mit Zugriff."),
        ("fr", "C'est comme ça que le filtre sort. Si vous vous trompez de taille, nous échangeons. Vous êtes le seul titulaire."),
        ("es", "Si se equivoca de talla, la cambiamos. El importe está equivocado. Usted es el único titular."),
        ("it", "Se si sbaglia misura, la cambiamo. Lei è l'unico intestatario."),
        ("pt", "É assim mesmo que se fecha a tampa. O valor está enganado, vou corrigi-lo."),
        ("nl", "Neem rustig maar de tijd. U bent de enige rekeninghouder."),
        ("sv", "Sitter locket, så är det bara att vrida. Du är den enda som ser det."),
        ("tr", "Filtreyi kaç kere yıkadığınızı yazar mısınız?"),
        ("ar", "لقد نسيت أن أرد عليك، وأعتذر. كما ذكرت سابقا في رسالتك، كم مرة ظهر الخطأ؟ لقد أخبرتك الشركة بالموعد."),
        ("ja", "こちらで確認すべきでした。ご連絡を読むべきでした。お客様のミスではありません。お客様の不注意でもありません。"),
    ],
)  # fmt: skip
def test_what_we_failed_to_do_blames_nobody(voice: Voice, language: str, text: str) -> None:
    """A parcel that should have come is no reproach to the customer, nor is what we admit or do."""
    when = render_context(author="agent", language=language)
    assert {f.rule for f in voice.lint(text, when)}.isdisjoint({"blame", "dismissive"})


def test_a_gap_ends_with_the_clause(voice: Voice) -> None:
    """And has at most six words."""
    when = render_context(author="agent", language="de")
    assert found(voice, "Da hätten Sie das Kleingedruckte vorher lesen müssen.", when, "blame")
    for mark in ".?!,;:":
        assert not found(voice, f"Hätten Sie Zeit{mark} wir müssen reden.", when, "blame")
        assert not found(voice, f"Da hätten Sie{mark} so heißt es, lesen müssen.", when, "blame")
    assert not found(
        voice, "Hätten Sie eins zwei drei vier fünf sechs sieben müssen", when, "blame"
    )
