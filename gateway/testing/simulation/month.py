"""The month itself: customers write, agents answer, time passes.

The same for the real gateway and for the quick stand-in. Each event is handled whole before the
next begins, so that a seed always gives the same month.
"""

from __future__ import annotations

from gateway.testing.simulation.contact import Contact
from gateway.testing.simulation.demand import BASE, Demand
from gateway.testing.simulation.floor import Floor
from gateway.testing.simulation.ledger import Ledger
from gateway.testing.simulation.plants import Effect
from gateway.testing.simulation.scenario import Scenario
from gateway.testing.simulation.shop import Shop
from gateway.testing.simulation.timeline import Happening, Timeline
from gateway.testing.simulation.values import Heard, Say, Written


class Month:
    """Plays a `Scenario` in a `Shop` and keeps the ledger."""

    def __init__(self, scenario: Scenario, shop: Shop) -> None:
        self.scenario, self.shop = scenario, shop
        self.ledger = Ledger()
        self.demand = Demand(scenario=scenario)
        self._timeline = Timeline(scenario.start)
        self._by_lane: dict[str, Contact] = {}
        self._floor = Floor(
            scenario,
            shop,
            self.ledger,
            self._timeline,
            contact_at=self._by_lane.get,
            plan=self._plan,
            heard=self._heard,
        )

    async def run(self) -> Ledger:
        """Play the whole month. What is under way at its end stays open."""
        for at, topic in self.demand.arrivals():
            self._timeline.plan(at, self._arrival(topic))
        for at in self.demand.last():
            self._timeline.plan(at, self._arrival(None, person=True))
        self._floor.plan_shifts()
        end = self.scenario.days * 86_400.0
        while (now := self._timeline.next_at) is not None and now < end:
            due = await self.shop.next_due()
            if due is not None and due <= self._timeline.time(now):
                for heard in await self.shop.fire(due):
                    self._heard(heard)
            else:
                await self._timeline.happen()
        self.ledger.finish(self.demand.contacts)
        return self.ledger

    def _arrival(self, topic: str | None, *, person: bool = False) -> Happening:
        async def arrive(at: float) -> None:
            await self._open(self.demand.contact(at, topic, person=person), at)

        return arrive

    async def _open(self, contact: Contact, at: float) -> None:
        effect = self.scenario.plant(Effect)
        if effect is not None and Effect.name in contact.planted and effect.measure == "felt_heard":
            base = BASE["felt_heard"]
            points = effect.points
            contact.lifts_survey = points / (1 - base) if points > 0 else points / base
        self._by_lane[contact.person.address.lane] = contact
        await self._write(contact, contact.open(at), at)

    async def _write(self, contact: Contact, say: Say, at: float) -> None:
        """The customer writes ``say``."""
        time = self._timeline.time(at)
        received = await self.shop.write(
            Written(
                key=f"{contact.number}-{contact.version}",
                address=contact.person.address,
                name=contact.person.name,
                say=say,
                at=time,
            )
        )
        first = contact.conversation == 0
        contact.conversation = received.conversation if first else contact.conversation
        contact.said(say, at)
        self.ledger.wrote(contact, say, received, time)
        version = contact.version
        for heard in received.heard:
            contact.hear(heard, at)
        if received.handed_over:
            if contact.state != "waits":
                contact.state, contact.waits_since = "waits", at
            self._floor.handed_over(contact, at)
        elif received.state == "person":
            self._floor.remind(received.conversation, say, at)
        if contact.version == version and contact.state == "bot" and contact.pending is None:
            contact.state = "left"
        self._plan(contact, at)

    def _heard(self, heard: Heard) -> None:
        """A timer let the bot say something."""
        contact = self._by_lane.get(heard.address.lane)
        self.ledger.heard(heard)
        if contact is not None:
            at = self._timeline.seconds(heard.at)
            contact.hear(heard, at)
            self._plan(contact, at)

    def _plan(self, contact: Contact, at: float) -> None:
        """Put what the customer does next into the heap."""
        say, version = contact.pending, contact.version
        if say is not None:

            async def speak(now: float) -> None:
                current = self._by_lane[contact.person.address.lane] is contact
                if current and contact.version == version and contact.pending is say:
                    await self._write(contact, say, now)

            self._timeline.plan(at + max(1.0, say.after), speak)
        elif contact.over:
            self._plan_return(contact, at)

    def _plan_return(self, contact: Contact, at: float) -> None:
        if contact.decided:
            return
        contact.decided = True
        delay = contact.comes_back()
        if delay is None:
            return
        contact.comes = True

        async def come(now: float) -> None:
            contact.comes = False
            if self._by_lane[contact.person.address.lane] is contact and contact.over:
                await self._open(self.demand.again(contact, now), now)

        self._timeline.plan(at + delay, come)
