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
