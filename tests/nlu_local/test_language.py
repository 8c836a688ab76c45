"""The language of messages, long and short."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.nlu_local.language import SUPPORTED_LANGUAGES, LanguageDetector, check_languages
from plugins.nlu_local.reader import MessageReader
from plugins.nlu_local.text import prose


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Where is my parcel? It was due last week.", "en"),
        ("Wo bleibt mein Paket? Ich warte schon eine Woche.", "de"),
        ("Où est mon colis ? J'attends depuis une semaine.", "fr"),
        ("¿Dónde está mi paquete? Lo espero desde hace días.", "es"),
        ("Dov'è il mio pacco? Doveva arrivare ieri.", "it"),
        ("Onde está a minha encomenda? Era para ontem.", "pt"),
        ("Waar blijft mijn pakket? Het zou gisteren komen.", "nl"),
        ("Gdzie jest moja paczka? Miała być wczoraj.", "pl"),
        ("Var är mitt paket? Det skulle komma i går.", "sv"),
        ("Paketim nerede? Dün gelmesi gerekiyordu.", "tr"),
        ("أين طردي؟ كان من المفترض أن يصل أمس.", "ar"),
        ("荷物はどこですか。昨日届くはずでした。", "ja"),
        ("WHERE IS MY PARCEL", "en"),
        ("Bestellung 4711-AB: wo ist sie? https://example.com/en/orders/the-order", "de"),
    ],
)
def test_the_language_of_a_sentence_is_detected(
    reader: MessageReader, text: str, code: str
) -> None:
    """With confidence, whatever links and order numbers it has."""
    language = reader.read(text).language
    assert language is not None
    assert (language.code, language.confidence > 0.6) == (code, True)


@pytest.mark.parametrize(
    ("text", "code"),
    [("hi", "en"), ("danke", "de"), ("Merci !", "fr"), ("Hola", "es"), ("guten Tag", "de")],
)
def test_a_greeting_is_enough(reader: MessageReader, text: str, code: str) -> None:
    """When only one language has it."""
    language = reader.read(text).language
    assert language is not None
    assert language.code == code


@pytest.mark.parametrize(
    "text", ["ok", "123", "", "😀👍", "https://example.com/a", "a@example.com", "AB-12345-X", "lol"]
)
def test_a_text_that_says_too_little_is_und(reader: MessageReader, text: str) -> None:
    """It could be in any language."""
    language = reader.read(text).language
    assert language is not None
    assert language.code == "und"


def test_a_language_that_is_not_expected_is_und() -> None:
    """Russian is not English because only English and German are expected."""
    detector = LanguageDetector(("en", "de"), {})
    language, _ = detector.detect("Здравствуйте, где мой заказ? Я жду уже неделю.")
    assert language.code == "und"
    closed, _ = detector.detect("Здравствуйте, где мой заказ?", closed=True)
    assert closed.code in {"en", "de"}


def test_an_unsupported_code_is_an_error() -> None:
    """It names the code, and the supported ones."""
    with pytest.raises(ValueError, match="cannot detect xx; supported are af"):
        check_languages(("en", "xx"))
    with pytest.raises(ValueError, match="at least one"):
        check_languages(())


def test_every_supported_language_can_be_detected() -> None:
    """Both libraries have all the codes."""
    detector = LanguageDetector(sorted(SUPPORTED_LANGUAGES), {})
    _, shares = detector.detect("This is an English sentence about nothing at all.")
    assert set(shares) == SUPPORTED_LANGUAGES
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)


def test_prose_is_only_words() -> None:
    """Without links, addresses, handles, codes, digits and emoji."""
    text = "Hi @shop, my order #A-4711 (see https://x.example/1) is 2 days late 😡 me@x.example"
    assert prose(text) == "Hi , my order see is days late"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A folder with the prepared tables of English and German."""
    LanguageDetector(("en", "de"), {}, tmp_path)
    [folder] = tmp_path.iterdir()
    return folder


def test_tables_are_prepared_once(tables: Path) -> None:
    """The next detector uses the files, and detects the same as one without a folder."""
    before = {file.name: file.stat().st_mtime_ns for file in tables.iterdir()}
    again = LanguageDetector(("de", "en"), {}, tables.parent)
    assert {file.name: file.stat().st_mtime_ns for file in tables.iterdir()} == before
    assert list(tables.parent.iterdir()) == [tables]
    texts = ["Wann kommt es?", "when", "Is it open on Sunday?", "na ja"]
    assert again.detect_all(texts) == LanguageDetector(("de", "en"), {}).detect_all(texts)


@pytest.mark.parametrize("name", ["moves.npy", "rest.npz"])
@pytest.mark.parametrize("left", [0, 100], ids=["empty", "truncated"])
def test_truncated_tables_are_prepared_again(tables: Path, name: str, left: int) -> None:
    """As after a full disk or an interrupted copy."""
    file = tables / name
    whole = file.stat().st_size
    file.write_bytes(file.read_bytes()[:left])
    detector = LanguageDetector(("en", "de"), {}, tables.parent)
    assert detector.detect("Wann kommt mein Paket an?")[0].code == "de"
    assert file.stat().st_size == whole


def test_tables_of_other_languages_are_removed(tables: Path) -> None:
    """So are those of a process that was killed while it prepared them."""
    (tables.parent / "langid-unfinished").mkdir()
    LanguageDetector(("en", "fr"), {}, tables.parent)
    [left] = tables.parent.iterdir()
    assert left != tables


def test_a_folder_that_cannot_be_written_is_not_needed(tmp_path: Path) -> None:
    """The detector prepares the tables for itself."""
    (tmp_path / "file").write_text("in the way", "utf-8")
    detector = LanguageDetector(("en", "de"), {}, tmp_path / "file")
    assert detector.detect("Wann kommt mein Paket an?")[0].code == "de"
