"""The language of messages, long and short."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.nlu_local.language import KNOWN, LanguageTeller, check
from plugins.nlu_local.readers import Readers
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
def test_a_sentence_shows_its_language(readers: Readers, text: str, code: str) -> None:
    """A sentence is told with confidence, whatever links and order numbers stand in it."""
    told = readers.read(text, None, None).language
    assert told is not None
    assert (told.code, told.confidence > 0.6) == (code, True)


@pytest.mark.parametrize(
    ("text", "code"),
    [("hi", "en"), ("danke", "de"), ("Merci !", "fr"), ("Hola", "es"), ("guten Tag", "de")],
)
def test_a_greeting_is_enough(readers: Readers, text: str, code: str) -> None:
    """A greeting that one language alone has shows it, short as it is."""
    told = readers.read(text, None, None).language
    assert told is not None
    assert told.code == code


@pytest.mark.parametrize(
    "text", ["ok", "123", "", "😀👍", "https://example.com/a", "a@example.com", "AB-12345-X", "lol"]
)
def test_too_little_is_no_language(readers: Readers, text: str) -> None:
    """What could be any language is ``und``."""
    told = readers.read(text, None, None).language
    assert told is not None
    assert told.code == "und"


def test_a_language_that_nobody_expects_is_not_one_of_ours() -> None:
    """Russian is not called English because only English and German are expected."""
    teller = LanguageTeller(("en", "de"), {})
    told, _ = teller.tell("Здравствуйте, где мой заказ? Я жду уже неделю.")
    assert told.code == "und"
    closed, _ = teller.tell("Здравствуйте, где мой заказ?", closed=True)
    assert closed.code in {"en", "de"}


def test_an_unknown_code_is_refused() -> None:
    """A code that cannot be told is named, with those that can."""
    with pytest.raises(ValueError, match="cannot tell xx; known are af"):
        check(("en", "xx"))
    with pytest.raises(ValueError, match="at least one"):
        check(())


def test_every_known_code_can_be_told() -> None:
    """Both libraries have all the codes that we promise."""
    teller = LanguageTeller(sorted(KNOWN), {})
    _, shares = teller.tell("This is an English sentence about nothing at all.")
    assert set(shares) == KNOWN
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)


def test_prose_is_words_alone() -> None:
    """Links, addresses, handles, codes, digits and emoji tell nothing of the language."""
    said = "Hi @shop, my order #A-4711 (see https://x.example/1) is 2 days late 😡 me@x.example"
    assert prose(said) == "Hi , my order see is days late"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A folder in which the tables of English and German were prepared."""
    LanguageTeller(("en", "de"), {}, tmp_path)
    [place] = tmp_path.iterdir()
    return place


def test_tables_are_prepared_once(tables: Path) -> None:
    """Who comes next takes them as they stand, and tells the same as one without a folder."""
    before = {file.name: file.stat().st_mtime_ns for file in tables.iterdir()}
    again = LanguageTeller(("de", "en"), {}, tables.parent)
    assert {file.name: file.stat().st_mtime_ns for file in tables.iterdir()} == before
    assert list(tables.parent.iterdir()) == [tables]
    said = ["Wann kommt es?", "when", "Is it open on Sunday?", "na ja"]
    assert again.tell_all(said) == LanguageTeller(("de", "en"), {}).tell_all(said)


@pytest.mark.parametrize("name", ["moves.npy", "rest.npz"])
@pytest.mark.parametrize("left", [0, 100], ids=["emptied", "cut short"])
def test_tables_that_were_cut_short_are_prepared_anew(tables: Path, name: str, left: int) -> None:
    """A disk that was full, a copy that broke off: they are made again."""
    file = tables / name
    whole = file.stat().st_size
    file.write_bytes(file.read_bytes()[:left])
    teller = LanguageTeller(("en", "de"), {}, tables.parent)
    assert teller.tell("Wann kommt mein Paket an?")[0].code == "de"
    assert file.stat().st_size == whole


def test_tables_of_other_languages_are_taken_away(tables: Path) -> None:
    """So is what a process left that was killed while it prepared them."""
    (tables.parent / "langid-of-one-killed").mkdir()
    LanguageTeller(("en", "fr"), {}, tables.parent)
    [left] = tables.parent.iterdir()
    assert left != tables


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    """What can be told does not hang on a disk."""
    (tmp_path / "file").write_text("in the way", "utf-8")
    teller = LanguageTeller(("en", "de"), {}, tmp_path / "file")
    assert teller.tell("Wann kommt mein Paket an?")[0].code == "de"
