"""The ``warmline`` command, as people and scripts call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import Services, Settings, hookimpl
from gateway.app import Gateway
from gateway.cli.main import command
from gateway.plugins import PluginRegistry
from gateway.ports import NotFound
from gateway.testing import PlainVoice, as_plugins, settings_for

DEMO_EVENTS = [
    {"channel": "rest", "from": "ana", "text": "How long does shipping take?", "id": "m1"},
    {"channel": "sms", "from": "+4915112345", "text": "When are you open?", "id": "m2"},
    {"channel": "rest", "from": "ana", "text": "How long does shipping take?", "id": "m1"},
    {
        "channel": "rest",
        "from": "ben",
        "text": "I am so FRUSTRATED, this is the third time!!!",
        "id": "m3",
    },
    {"channel": "rest", "from": "ben", "text": "hello?", "id": "m4"},
]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that the local engine trains at the first start, once for all of these tests."""
    folder = tmp_path_factory.mktemp("trained")
    environ = {"WARMLINE_DATA_DIR": str(folder)}
    result = CliRunner(env=environ).invoke(command(), ["understand", "--json", "hello"])
    assert result.exit_code == 0, result.output
    return folder / "nlu_local"


@pytest.fixture
def warmline(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command with its own data and the demo's configuration."""
    copytree(trained, tmp_path / "var" / "nlu_local")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WARMLINE_DATA_DIR", str(tmp_path / "var"))

    def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(command(), arguments, input=stdin, catch_exceptions=False)

    return run


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_check_accepts_the_demo(warmline: Any) -> None:
    """``check`` prints OK for the configuration that comes with the package."""
    result = warmline("check")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "OK")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("prot: 1\n", "bad.yaml:1: prot: unknown setting"),
        ("port: 8080\nworker:\n  attempts: none\n", "bad.yaml:3: worker.attempts: "),
        ("channels:\n  pigeon: {}\n", "bad.yaml:2: channels.pigeon: no installed package"),
        ("channels:\n  rest:\n    tokn: x\n", "bad.yaml:3: channels.rest.tokn: unknown key"),
        ("port: [\n", "bad.yaml:1: : not YAML"),
        ("policy: p.yaml\n", "p.yaml"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_key(
    warmline: Any, tmp_path: Path, text: str, problem: str
) -> None:
    """Each problem is a line that says where, what, and what to do; the exit code is 1."""
    (tmp_path / "bad.yaml").write_text(text, "utf-8")
    result = warmline("check", "--config", "bad.yaml")
    assert result.exit_code == 1
    assert problem in result.stdout


def test_understand_prints_one_json_object_a_line(warmline: Any) -> None:
    """The objects have the shape that scripts rely on."""
    lines = "How long does shipping take?\nI am so FRUSTRATED, this is the third time!!!\n"
    calm, upset = rows(warmline("understand", "--json", "-", stdin=lines))
    assert set(calm) >= {"language", "intent", "ranking", "emotion", "route"}
    assert calm["language"]["code"] == "en"
    assert calm["intent"] == calm["ranking"][0]
    assert calm["route"]["action"] == "automate"
    assert upset["emotion"]["label"] in ("frustrated", "angry")
    assert upset["route"]["action"] == "escalate"
    for cue in upset["emotion"]["cues"]:
        text = "I am so FRUSTRATED, this is the third time!!!"
        assert text[cue["start"] : cue["end"]] == cue["text"]


def test_understand_refuses_a_line_that_is_no_text(warmline: Any) -> None:
    """By its number; what stood before it is answered."""
    result = warmline("understand", "--json", "-", stdin=b"hello\r\n\x89PNG\xff\n")
    assert result.exit_code == 1
    assert "line 2 of stdin is no text in UTF-8" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_voice_renders_for_a_channel(warmline: Any, tmp_path: Path) -> None:
    """FILE is plain text or a reply's JSON; the output has parts, encoding, segments and the rules
    that were applied."""
    (tmp_path / "reply.txt").write_text("Your parcel leaves today — promised!", "utf-8")
    [rendered] = rows(
        warmline("voice", "render", "--channel", "sms", "--emotion", "angry", "--json", "reply.txt")
    )
    assert set(rendered) == {"parts", "encoding", "segments", "applied", "advice"}
    assert rendered["encoding"] == "GSM-7"
    assert "!" not in "".join(rendered["parts"])
    reply = json.dumps({"body": ["Order 4711 left today."], "facts": []})
    [rendered] = rows(warmline("voice", "render", "--channel", "email", "--json", "-", stdin=reply))
    assert "4711" in "".join(rendered["parts"])


def test_voice_render_names_the_facts_that_are_not_sent(warmline: Any) -> None:
    """A fact marks words of the texts and buttons; one that none of them says does not reach the
    customer."""
    facts = [("paid", "49.90 EUR"), ("order", "A-1"), ("slot", "10:30")]
    reply = json.dumps(
        {
            "body": ["Order A-1 left today."],
            "buttons": [{"title": "Come at 10:30", "payload": "/slot"}],
            "facts": [{"name": name, "value": value} for name, value in facts],
        }
    )
    result = warmline("voice", "render", "--channel", "webchat", "-", stdin=reply)
    assert "A-1" in result.stdout
    assert "49.90" not in result.stdout
    assert result.stderr == "the customer does not read the fact `paid`: no text says it\n"


@pytest.mark.parametrize(
    ("written", "command", "said"),
    [
        ('{"body": ["I hate this!"]}', "lint", "this is JSON, and `voice lint` reads the text of"),
        ('["I hate this!"]', "lint", "this is JSON"),
        ('{"bdy": ["x"]}', "render", "it has no field `bdy`; its fields are opener, body,"),
        ('["x"]', "render", "the JSON is not a reply: Expected `object`, got `array`"),
        (b'\xef\xbb\xbf{"body": ["I hate this!"]}', "lint", "this is JSON"),
        ('{"body": ["Hate!"]}\n{"body": ["Hate!"]}\n', "lint", "this is JSON"),
        (
            '{"body": ["x"], "facts": [{"name": "a", "value": "x", "vlue": "y"}]}',
            "render",
            "a Fact has no field `vlue`; its fields are name, value",
        ),
        (b"\x89PNG\xff", "lint", "what.txt is no text in UTF-8; save it as plain text"),
        (b"\x89PNG\xff", "render", "what.txt is no text in UTF-8"),
    ],
)
def test_voice_refuses_another_kind_of_file(
    warmline: Any, tmp_path: Path, written: str | bytes, command: str, said: str
) -> None:
    """It says what it reads, and neither calls JSON a flawless text nor shows a traceback."""
    data = written if isinstance(written, bytes) else written.encode()
    (tmp_path / "what.txt").write_bytes(data)
    result = warmline("voice", command, "--channel", "email", "what.txt")
    assert result.exit_code == 1
    assert said in result.stderr
    assert not result.stdout


def test_replay_refuses_a_file_that_is_no_text(warmline: Any, tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "what.txt").write_bytes(b"\x89PNG\xff")
    result = warmline("replay", "what.txt")
    assert (result.exit_code, result.stderr) == (
        1, "Error: what.txt is no text in UTF-8; save it as plain text in UTF-8\n"
    )  # fmt: skip


@pytest.mark.parametrize("text", ["{name}, hello", "[1] see below", "4711"])
def test_a_text_with_braces_is_a_text(warmline: Any, text: str) -> None:
    """Only what is JSON as a whole is taken for it."""
    result = warmline("voice", "lint", "--channel", "email", "--json", "-", stdin=text)
    assert isinstance(json.loads(result.stdout), list)


def test_voice_lint_fails_on_an_error(warmline: Any, tmp_path: Path) -> None:
    """Findings have spans; the exit code is 1 if one is an error."""
    (tmp_path / "leak.txt").write_text("Your card 4111 1111 1111 1111 is charged.", "utf-8")
    result = warmline("voice", "lint", "--channel", "email", "--json", "leak.txt")
    assert result.exit_code == 1
    findings = json.loads(result.stdout)
    assert any(finding["severity"] == "error" for finding in findings)
    assert all(
        set(finding) == {"rule", "severity", "start", "end", "message", "suggestion"}
        for finding in findings
    )
    (tmp_path / "fine.txt").write_text("Your parcel left today.", "utf-8")
    assert warmline("voice", "lint", "--channel", "email", "--json", "fine.txt").exit_code == 0


def test_replay_prints_every_reply(warmline: Any, tmp_path: Path) -> None:
    """Messages are answered, deduplicated and escalated; after that the customer hears once that
    they are in line."""
    events = "\n".join(json.dumps(event) for event in DEMO_EVENTS)
    (tmp_path / "events.jsonl").write_text(events, "utf-8")
    replies = rows(warmline("replay", "events.jsonl", "--json"))
    assert all(
        set(reply) == {"channel", "to", "author", "text", "in_reply_to", "route", "sources"}
        for reply in replies
    )
    to_ana = [reply for reply in replies if reply["to"] == "ana"]
    to_ben = [reply for reply in replies if reply["to"] == "ben"]
    assert {reply["in_reply_to"] for reply in to_ana} == {"m1"}
    assert all(reply["route"]["action"] == "automate" for reply in to_ana)
    assert [reply["in_reply_to"] for reply in to_ben] == ["m3", "m4"]
    assert to_ben[0]["route"]["action"] == "escalate"
    assert "!" not in to_ben[0]["text"]
    assert not (tmp_path / "var" / "warmline.db").exists()


def test_eval_emotion_prints_moods_and_alarms(warmline: Any, tmp_path: Path) -> None:
    """JSON for programs; a row for each language, and one for all, for people."""
    (tmp_path / "moods.csv").write_text(
        "text,moods,escalate,language\n"
        "How long does shipping take?,calm,0,en\n"
        '"I am so FRUSTRATED, this is the third time!!!",frustrated|angry,1,en\n'
        "Wie lange dauert der Versand?,calm,0,de\n",
        "utf-8",
    )
    [figures] = rows(warmline("eval", "emotion", "--test", "moods.csv", "--json"))
    right = {
        "mood_accuracy": 1.0, "escalate_precision": 1.0, "escalate_recall": 1.0, "alarm_rate": 0.0,
    }  # fmt: skip
    german = {**right, "escalate_precision": None, "escalate_recall": None}
    assert {name: figures[name] for name in right} == right
    assert figures["by_language"] == {"en": {**right, "n": 2}, "de": {**german, "n": 1}}
    lines = warmline("eval", "emotion", "--test", "moods.csv").stdout.splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["de", "1.000", "-", "-", "0.000", "1"],
        ["en", "1.000", "1.000", "1.000", "0.000", "2"],
        ["all", "1.000", "1.000", "1.000", "0.000", "3"],
    ]


def test_eval_emotion_of_an_old_file_prints_what_it_did(warmline: Any, tmp_path: Path) -> None:
    """The three figures about `needs_human`, and no others."""
    text = "text,needs_human\nhello,0\nyou thieves,1\n"
    (tmp_path / "needs.csv").write_text(text, "utf-8")
    [figures] = rows(warmline("eval", "emotion", "--test", "needs.csv", "--json"))
    assert list(figures) == ["auroc", "recall_at_precision_90", "latency_ms_p50"]
    assert figures["auroc"] == 1.0


ANSWERS = """\
text,answer
How long does shipping take?,shipping_time
How long does shipping take?,working days
How long does shipping take? And what does it cost?,shipping_cost
When are you open?,returns
When are you open?,refuse
"I am so FRUSTRATED, this is the third time!!!",person
"I am so FRUSTRATED, this is the third time!!!",shipping_time
qwx zrtl bnm,refuse
qwx zrtl bnm,shipping_time
"""


def test_eval_answers_asks_a_gateway(warmline: Any, tmp_path: Path) -> None:
    """Each row is a new customer's first message, in the demo's opening hours; the database does
    not change."""
    (tmp_path / "answers.csv").write_text(ANSWERS, "utf-8")
    [shares] = rows(warmline("eval", "answers", "answers.csv", "--json"))
    assert {name: round(share["value"] * 9) for name, share in shares.items()} == {
        "right": 5, "wrong": 2, "needless": 1, "refused": 1,
    }  # fmt: skip
    assert all(set(share) == {"value", "low", "high"} for share in shares.values())
    assert not (tmp_path / "var" / "warmline.db").exists()


def test_eval_answers_lists_what_is_wrong(warmline: Any, tmp_path: Path) -> None:
    """The first twenty, or all, with what was wanted and what was answered."""
    asked = "When are you open?,returns\n"
    (tmp_path / "answers.csv").write_text(f"text,answer\n{asked * 22}", "utf-8")
    result = warmline("eval", "answers", "answers.csv")
    short = result.stdout
    assert "note" not in result.stderr
    assert short.count("When are you open?") == 20
    assert "opening_hours" in short
    assert "2 more; --all lists them" in short
    assert warmline("eval", "answers", "answers.csv", "--all").stdout.count("When are") == 22


def test_eval_answers_names_an_intent_that_nobody_knows(warmline: Any, tmp_path: Path) -> None:
    """A mistake in a name would otherwise look like a wrong answer."""
    text = "text,answer\nHow long does shipping take?,shiping_time\n"
    (tmp_path / "answers.csv").write_text(text, "utf-8")
    result = warmline("eval", "answers", "answers.csv", "--json")
    assert "no engine ranked an intent `shiping_time`" in result.stderr
    assert rows(result)[0]["wrong"]["value"] == 1.0


def test_replay_names_the_line_of_a_mistake(warmline: Any, tmp_path: Path) -> None:
    """The number of the line is on stderr, and the exit code is 1."""
    (tmp_path / "events.jsonl").write_text('{"channel": "rest", "from": "a"}\n', "utf-8")
    result = warmline("replay", "events.jsonl")
    assert result.exit_code == 1
    assert "line 1" in result.stderr


def test_plugins_and_channels_are_listed_with_their_state(warmline: Any, tmp_path: Path) -> None:
    """Sleeping ones are listed with the reason."""
    (tmp_path / "warmline.yaml").write_text("channels: {rest: {open: true}}\n", "utf-8")
    listed = warmline("channels").stdout
    assert "rest" in listed
    assert "`channels.email` is not in the configuration" in " ".join(listed.split())
    listed = warmline("plugins").stdout
    assert "awake" in listed
    assert "asleep" in listed


def test_a_new_installation_has_nothing_to_retry(warmline: Any) -> None:
    """`list` prints that there is nothing, `retry` prints how many."""
    assert warmline("outbox", "list").stdout == "nothing\n"
    assert warmline("inbox", "list").stdout == "nothing\n"
    assert warmline("outbox", "retry").stdout.startswith("0 ")
    assert warmline("inbox", "retry").stdout.startswith("0 ")


def test_an_unknown_customer_is_an_error_without_a_traceback(warmline: Any) -> None:
    """So is an address without a channel."""
    with pytest.raises(NotFound, match=r"nobody is known by email:a@example\.org"):
        warmline("customer", "export", "email:a@example.org")
    assert warmline("customer", "export", "nonsense").exit_code == 2


class Caller:
    """A plugin that calls another system as soon as it runs."""

    name = "caller"

    async def run(self, services: Services) -> None:
        raise AssertionError("a replay must not run background tasks")

    @hookimpl
    def register_routes(self, register: Callable[[Any], None], settings: Settings) -> None:
        register(self)


def test_a_replay_runs_no_background_tasks(tmp_path: Path) -> None:
    """Otherwise agents would get messages about replayed customers in their chat."""
    plugins = as_plugins([PlainVoice(), Caller()])
    settings = settings_for(plugins, {}, tmp_path)
    live = Gateway(PluginRegistry(plugins), settings)
    assert [site.name for site in live.registrations.components if isinstance(site, Caller)] == [
        "caller"
    ]
    assert Gateway(PluginRegistry(plugins), settings, channels={}).registrations.components == ()
