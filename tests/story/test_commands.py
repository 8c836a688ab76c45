"""`warmline serve` as its operator meets it: starting, ending, and looking into it meanwhile."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, WSMsgType

from tests.conftest import until
from tests.story.conftest import Serve
from tests.story.serving import Server, free_port, warmline


async def say(server: Server, sender: str, text: str, **more: Any) -> list[dict[str, Any]]:
    body = {"sender": sender, "message": text, **more}
    async with (
        ClientSession() as http,
        http.post(f"{server.url}/webhooks/rest/webhook", json=body) as answer,
    ):
        assert answer.status == 200
        heard: list[dict[str, Any]] = await answer.json()
        return heard


async def test_a_start_and_an_end(serve: Serve) -> None:
    """It tells where to click, answers, keeps the password from the log, and ends with 0."""
    server = serve()
    await server.start()
    (answer,) = await say(server, "mia", "how much is shipping?")
    assert "€4.90" in answer["text"]
    await until(lambda: "Ctrl-C stops it." in server.told)
    assert await server.stop() == 0
    logged = [line for line in server.told.splitlines() if line.startswith("{")]
    told = [line.strip() for line in server.told.splitlines() if not line.startswith("{")]
    assert f"Shop   {server.url}/" in told
    assert f"Desk   {server.url}/desk   user una, password {server.password}" in told
    assert any(line.startswith("Write  SMTP 127.0.0.1:") for line in told)
    assert "SMTP 127.0.0.1:0" not in server.told
    assert server.password not in "".join(logged)
    for line in logged:
        json.loads(line)


async def test_the_port_that_is_told_is_the_one_that_listens(serve: Serve) -> None:
    """With any free port for mail, the one that was found is printed and answers."""
    server = serve()
    await server.start()
    await until(lambda: "Ctrl-C" in server.told)
    port = server.told.partition("SMTP 127.0.0.1:")[2].partition(",")[0]
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as link:
        assert link.recv(100).startswith(b"220 ")


async def test_ending_with_open_conversations(serve: Serve) -> None:
    """An open web chat and a waiting poll do not hold it up, however long it may drain; what was
    said while it ended has one answer after the next start."""
    server = serve(WARMLINE_WORKER__DRAIN="90")
    await server.start()
    await say(server, "poll", "how much is shipping?")
    async with ClientSession() as http:
        socket_url = f"{server.url}/channels/webchat/socket"
        chat = await http.ws_connect(socket_url, origin=server.url)
        await chat.send_json({"type": "hello", "after": 0})
        ready = await chat.receive_json()
        assert ready["type"] == "ready"
        waiting = asyncio.create_task(
            http.get(f"{server.url}/channels/rest/messages?sender=poll&after=999999&wait=60")
        )
        said = [
            asyncio.create_task(
                say(server, f"late{n}", "are you open on saturday?", message_id="1")
            )
            for n in range(20)
        ]
        await chat.send_json(
            {"type": "say", "id": "message-1", "text": "what do you cost", "language": "en"}
        )
        await until(lambda: accepted(chat))
        server.send(signal.SIGTERM)
        assert await server.ended(30) == 0
        assert (await drained(chat)).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING)
        await asyncio.wait([waiting, *said])
    for task in (waiting, *said):
        task.cancelled() or task.exception()

    await server.start()
    again = [
        await say(server, f"late{n}", "are you open on saturday?", message_id="1")
        for n in range(20)
    ]
    assert all("Tuesday to Saturday" in answer[0]["text"] for answer in again)
    with closing(sqlite3.connect(server.folder / "var" / "warmline.db")) as data, data:
        count = "select author, count(*) from messages where lane like 'rest:late%' group by author"
        assert dict(data.execute(count).fetchall()) == {"customer": 20, "bot": 20}
    data.close()


async def accepted(chat: Any) -> bool:
    frame = await chat.receive_json()
    return bool(frame["type"] == "accepted")


async def drained(chat: Any) -> Any:
    """The frame that ends the connection."""
    while (frame := await chat.receive(timeout=10)).type == WSMsgType.TEXT:
        pass
    return frame


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """The port of the pages: one line that says which and what to do, exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = warmline("serve", "--port", port, folder=tmp_path)
    assert told.returncode == 1
    assert told.stderr == (
        f"port {port} on 127.0.0.1 is taken; choose another with --port (make run PORT=...)\n"
    )


async def test_a_taken_mail_port_is_named(tmp_path: Path) -> None:
    """The port of the mail door likewise, with the setting that changes it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = warmline(
            "serve",
            "--port",
            str(free_port()),
            folder=tmp_path,
            WARMLINE_CHANNELS__EMAIL__SMTP_PORT=port,
        )
    assert told.returncode == 1
    assert f"channels.email.smtp_port: port {port} of 127.0.0.1 is taken" in told.stderr
    assert "Traceback" not in told.stderr


async def test_two_servers_never_share_their_data(serve: Serve) -> None:
    """The second would take what the first is sending for what a crash left."""
    server = serve()
    await server.start()
    told = server.command("serve", "--port", str(free_port()))
    assert told.returncode == 1
    assert "another `warmline serve` is running in" in told.stderr
    assert "Traceback" not in told.stderr
    assert await server.ready()


async def test_export_and_erase_beside_the_server(serve: Serve) -> None:
    """What is held on a customer is told and erased while others are served; who was erased is a
    stranger when they write again."""
    server = serve()
    await server.start()
    await say(server, "mia", "how much is shipping?")
    await say(server, "tom", "where is the shop")
    held = await asyncio.to_thread(server.held, "rest:mia")
    assert [one["text"] for one in held["messages"] if one["author"] == "customer"] == [
        "how much is shipping?"
    ]
    assert "where is the shop" not in json.dumps(held)

    erased = await asyncio.to_thread(server.command, "customer", "erase", "rest:mia")
    assert erased.returncode == 0
    gone = await asyncio.to_thread(server.command, "customer", "export", "rest:mia")
    assert gone.returncode == 1
    assert "nobody is known by rest:mia" in gone.stderr
    assert b"how much is shipping?" not in (server.folder / "var" / "warmline.db").read_bytes()
    assert (await asyncio.to_thread(server.held, "rest:tom"))["messages"]

    assert await say(server, "mia", "is paypal ok")
    held = await asyncio.to_thread(server.held, "rest:mia")
    assert [one["text"] for one in held["messages"] if one["author"] == "customer"] == [
        "is paypal ok"
    ]


async def test_other_commands_tell_no_password(tmp_path: Path) -> None:
    """Only the start tells it."""
    for command in (["check"], ["plugins"], ["channels"], ["outbox", "list"]):
        told = warmline(*command, folder=tmp_path)
        assert told.returncode == 0, told.stderr
        assert "password" not in told.stderr + told.stdout
