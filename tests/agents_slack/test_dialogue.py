"""A customer on REST, a person in Slack: the whole conversation."""

from __future__ import annotations

from tests.agents_slack.support_channel import SupportChannel


async def test_a_whole_conversation(support: SupportChannel) -> None:
    """Handed over, claimed, answered from the thread, resolved. The thread shows both sides."""
    carla = support.gw.customer("rest", "carla")
    await carla.say("When do you open?", name="Carla <!channel>")
    assert carla.heard[-1].endswith("We open at nine.")
    await carla.say("I am so FRUSTRATED, this is the third time!!!")
    card = await support.card()
    assert "Carla &lt;!channel&gt;" in card["text"]
    await support.click(card, "UANA", "agents:claim")
    await support.until(lambda: "With *Ana*" in str(support.cards()[0]))
    reply = await support.reply(card, "UANA", "I am sorry. I &amp; a colleague look into it.")
    assert await support.received("carla", 1) == ["I am sorry. I & a colleague look into it."]
    await support.until(lambda: "white_check_mark" in support.reactions(reply["ts"]))
    await carla.say("Thank you")
    await support.until(lambda: any("Thank you" in line for line in support.thread(card)))
    await support.click(card, "UANA", "agents:resolve")
    await support.until(lambda: "Resolved" in str(support.cards()[0]))
    assert len(support.cards()) == 1
    assert "agents:claim" not in str(support.cards()[0])
    lines = support.thread(card)
    assert sum("Thank you" in line for line in lines) == 1
    assert not any("look into it" in line for line in lines), "typed there by Ana herself"


async def test_over_the_rest_protocol(support: SupportChannel) -> None:
    """The customer's program fetches what the agent typed. While the agent has the conversation
    the bot says nothing."""
    async with support.gw.session() as http:

        async def say(text: str, id: str) -> list[str]:
            body = {"sender": "dora", "message": text, "message_id": id}
            async with http.post("/webhooks/rest/webhook", json=body) as answer:
                return [reply["text"] for reply in await answer.json()]

        assert (await say("When do you open?", "1"))[0].endswith("We open at nine.")
        assert len(await say("Where is my parcel", "2")) == 1
        card = await support.card()
        await support.reply(card, "UBEN", "It left today.")
        await support.received("dora", 1)
        assert await say("When do you open?", "3") == []
        url = "/channels/rest/messages?sender=dora&after=0"
        async with http.get(url) as answer:
            messages = [(m["author"], m["text"]) for m in await answer.json()]
        assert messages[-1] == ("agent", "It left today.")
        assert [author for author, _ in messages] == ["bot", "bot", "agent"]
