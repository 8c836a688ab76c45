"""An opsdroid with two doors: ``python droid.py PORT FOLDER``, on the interpreter of its own
environment (it imports nothing of ours).

``/skill/bench/echo`` is a webhook skill that gives back what was sent. ``/connector/bench`` is a
connector: a message goes the whole way through ``parse`` to the skill whose pattern fits best,
and what it responds is the answer. Neither stores, understands or words anything.
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
    """A handful of patterns, as opsdroid's own examples have them, and words for the rest."""

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
    """Answers a POST with what the skill said."""

    def __init__(self, config, opsdroid=None):
        super().__init__(config, opsdroid=opsdroid)
        self.name = "bench"
        self._said = {}
        self._number = 0

    async def connect(self):
        self.opsdroid.web_server.web_app.router.add_post("/connector/bench", self.hear)

    async def listen(self):
        """The web server does."""

    async def hear(self, request):
        told = await request.json()
        self._number += 1
        place = f"{told['sender']}/{self._number}"
        self._said[place] = said = []
        try:
            sender = told["sender"]
            await self.opsdroid.parse(
                Message(told["message"], user=sender, user_id=sender, target=place, connector=self)
            )
        finally:
            del self._said[place]
        return web.Response(
            text=json.dumps(said, separators=(",", ":")), content_type="application/json"
        )

    @register_event(Message)
    async def say(self, message):
        self._said[message.target].append({"recipient_id": message.user_id, "text": message.text})


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
