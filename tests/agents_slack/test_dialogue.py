"""A customer on REST, a person in Slack: the whole conversation."""

from __future__ import annotations

from tests.agents_slack.office import Office


async def test_the_whole_way(office: Office) -> None:
    """Handed over with the whole story, claimed, answered from the thread, resolved: the customer
    hears one voice, the thread shows both sides."""
    carla = office.gw.customer("rest", "carla")
    await carla.say("When do you open?", name="Carla <!channel>")
    assert carla.heard[-1].endswith("We open at nine.")
    await carla.say("I am so FRUSTRATED, this is the third time!!!")
    card = await office.card()
    assert "Carla &lt;!channel&gt;" in card["text"]
    await office.click(card, "UANA", "agents:claim")
    await office.until(lambda: "With *Ana*" in str(office.cards()[0]))
    reply = await office.reply(card, "UANA", "I am sorry. I &amp; a colleague look into it.")
    assert await office.heard("carla", 1) == ["I am sorry. I & a colleague look into it."]
    await office.until(lambda: "white_check_mark" in office.signs(reply["ts"]))
    await carla.say("Thank you")
    await office.until(lambda: any("Thank you" in line for line in office.thread(card)))
    await office.click(card, "UANA", "agents:resolve")
    await office.until(lambda: "Resolved" in str(office.cards()[0]))
    assert len(office.cards()) == 1
    assert "agents:claim" not in str(office.cards()[0])
    lines = office.thread(card)
    assert sum("Thank you" in line for line in lines) == 1
    assert not any("look into it" in line for line in lines), "typed there by Ana herself"


async def test_over_real_http(office: Office) -> None:
    """The same with a program that speaks REST's protocol: what Ana types is what it fetches, and
    while she has the conversation the bot says nothing."""
    async with office.gw.session() as http:

        async def say(text: str, id: str) -> list[str]:
            body = {"sender": "dora", "message": text, "message_id": id}
            async with http.post("/webhooks/rest/webhook", json=body) as answer:
                return [one["text"] for one in await answer.json()]

        assert (await say("When do you open?", "1"))[0].endswith("We open at nine.")
        assert len(await say("Where is my parcel", "2")) == 1
        card = await office.card()
        await office.reply(card, "UBEN", "It left today.")
        await office.heard("dora", 1)
        assert await say("When do you open?", "3") == []
        url = "/channels/rest/messages?sender=dora&after=0"
        async with http.get(url) as answer:
            told = [(one["author"], one["text"]) for one in await answer.json()]
        assert told[-1] == ("agent", "It left today.")
        assert [author for author, _ in told] == ["bot", "bot", "agent"]
