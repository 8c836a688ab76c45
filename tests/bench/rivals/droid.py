"""An opsdroid with two routes: ``python droid.py PORT FOLDER``, with the interpreter of opsdroid's
own environment (it imports nothing of ours).

``/skill/bench/echo`` is a webhook skill that returns what was sent. ``/connector/bench`` is a
connector: a message goes through ``parse`` to the skill whose pattern fits best, whose response is
the answer. Neither stores or understands anything.
"""

from __future__ import annotations

import gettext
import json
import logging
import sys

from aiohttp import web

gettext.install("opsdroid")  # as its command does: without it the modules lack `_`

from opsdroid.connector import Connector, register_event  # noqa: E402
from opsdroid.core import OpsDroid  # noqa: E402
from opsdroid.events import Message  # noqa: E402
from opsdroid.matchers import match_catchall, match_regex, match_webhook  # noqa: E402
from opsdroid.skill import Skill  # noqa: E402

ANYWHERE = {"case_sensitive": False, "matching_condition": "search"}


class BenchSkill(Skill):
    """Five patterns, as in opsdroid's own examples, and an answer for all other messages."""

    @match_webhook("echo")
    async def echo(self, request):
        return web.Response(text=json.dumps(await request.json()), content_type="application/json")

    @match_regex(r"how long|when will", **ANYWHERE)
    async def delivery(self, message):
        await message.respond("Delivery takes three working days.")

    @match_regex(r"cost|charge|postage", **ANYWHERE)
    async def postage(self, message):
        await message.respond("Postage is 4.90.")

    @match_regex(r"return|send .* back", **ANYWHERE)
    async def returns(self, message):
        await message.respond("You have thirty days to send it back.")

    @match_regex(r"\bpay\b|paypal|card", **ANYWHERE)
    async def paying(self, message):
        await message.respond("We take cards and PayPal.")

    @match_catchall(messages_only=True)
    async def rest(self, message):
        await message.respond("I will ask a colleague.")


class BenchConnector(Connector):
    """Answers a POST with the skill's response."""

    def __init__(self, config, opsdroid=None):
        super().__init__(config, opsdroid=opsdroid)
        self.name = "bench"
        self._responses = {}
        self._number = 0

    async def connect(self):
        self.opsdroid.web_server.web_app.router.add_post("/connector/bench", self.receive)

    async def listen(self):
        """Nothing to do: the web server listens."""

    async def receive(self, request):
        body = await request.json()
        self._number += 1
        sender = body["sender"]
        target = f"{sender}/{self._number}"
        self._responses[target] = responses = []
        try:
            await self.opsdroid.parse(
                Message(body["message"], user=sender, user_id=sender, target=target, connector=self)
            )
        finally:
            del self._responses[target]
        return web.Response(
            text=json.dumps(responses, separators=(",", ":")), content_type="application/json"
        )

    @register_event(Message)
    async def send_message(self, message):
        response = {"recipient_id": message.user_id, "text": message.text}
        self._responses[message.target].append(response)


def main() -> None:
    logging.basicConfig(level=logging.ERROR)
    port, folder = int(sys.argv[1]), sys.argv[2]
    config = {
        "web": {"host": "127.0.0.1", "port": port},
        "welcome-message": False,
        "module-path": folder,
        "connectors": {"bench": {"module": "droid"}},
        "skills": {"bench": {"module": "droid"}},
    }
    with OpsDroid(config=config) as opsdroid:
        opsdroid.run()


if __name__ == "__main__":
    main()
