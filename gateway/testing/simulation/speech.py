"""How customers put things: texts that show a mood, with greetings and slips of the fingers."""

from __future__ import annotations

import random
from dataclasses import dataclass

from gateway.testing.simulation.customers import Matter, Person
from gateway.testing.simulation.moods import UPSET, Mood, mood_of
from gateway.testing.simulation.values import Kind, Meaning, Say
from gateway.testing.simulation.words import TYPOS, Words, fill, with_typo, words_in

MOODY: dict[Kind, float] = {"matter": 1.0, "detail": 0.3, "waiting": 0.3, "thanks": 0.0}
"""How likely each kind of message has words of mood, if there is one to show."""


@dataclass(kw_only=True)
class Speech:
    """Composes the messages of one person about one matter. ``shown`` is the mood that their last
    message showed."""

    person: Person
    matter: Matter
    rng: random.Random
    feeling: float

    def __post_init__(self) -> None:
        self.shown = self._mood(self.feeling)

    @property
    def words(self) -> Words:
        return words_in(self.person.language)

    def say(
        self,
        text: str,
        feeling: float,
        *,
        kind: Kind = "matter",
        first: bool = False,
        confidence: float | None = None,
        intent: str | None = None,
        signals: tuple[str, ...] = (),
        moody: float | None = None,
    ) -> Say:
        """A message with ``text`` and with what shows how the customer feels. ``moody`` as in
        `MOODY`. A mood that no words show is calm."""
        mood = self._mood(feeling)
        text = self.fill(text)
        feelings = self.words.moods.get(mood.label, ()) if kind != "thanks" else ()
        likely = MOODY[kind] if moody is None else moody
        if feelings and self.rng.random() < likely:
            words = self.rng.choice(feelings)
            text = f"{words} {text}" if self.rng.random() < 0.3 else f"{text} {words}"
        elif mood.label not in ("calm", "pleased") and kind != "thanks":
            mood = Mood(label="calm", intensity=0.3, distress=min(mood.distress, 0.3))
        self.shown = mood
        text = self._framed(text) if first else text
        if self.rng.random() < TYPOS:
            text = with_typo(text, self.rng)
        meaning = Meaning(
            language=self.person.language,
            intent=intent or self.matter.intent,
            confidence=confidence or round(0.86 + 0.13 * self.rng.random(), 2),
            mood=mood,
            signals=signals,
        )
        return Say(text=text, meaning=meaning, after=self._delay(), kind=kind)

    def thanks(self, feeling: float) -> Say:
        """Thanks for an answer, as warm as the feeling is."""
        tone = "pleased" if feeling > 0.5 else "calm" if feeling > UPSET else "upset"
        text = self.rng.choice(self.words.thanks[tone])
        return self.say(text, feeling, kind="thanks", intent="thanks")

    def score(self, score: int) -> Say:
        """The answer to a survey."""
        text = self.rng.choice(self.words.survey["score"]).replace("{score}", str(score))
        meaning = Meaning(
            language=self.person.language,
            intent=self.matter.intent,
            confidence=0.3,
            mood=Mood(label="calm", intensity=0.2, distress=0.0),
        )
        delay = self.rng.lognormvariate(7.0, 1.0)
        return Say(text=text, meaning=meaning, after=delay, kind="survey", score=score)

    def fill(self, template: str) -> str:
        """``template`` with its placeholders filled."""
        values = {
            "order": self.matter.order,
            "name": self.person.name,
            "first": self.person.first_name,
        }
        return fill(template, values, self.words.fills, self.rng)

    def _mood(self, feeling: float) -> Mood:
        """What the words show: lenient people hide some of what they feel."""
        feeling += self.rng.gauss(0, 0.07)
        feeling += 0.08 * self.person.lenience if feeling < 0 else 0.0
        feeling = min(1.0, max(-1.0, feeling))
        return mood_of(feeling, self.person.temper, hurry=self.person.hurried)

    def _framed(self, text: str) -> str:
        mails = self.person.address.channel == "email"
        if mails or self.rng.random() < 0.25:
            text = f"{self.rng.choice(self.words.greetings)} {text}"
        if mails:
            text = f"{text}\n\n{self.fill(self.rng.choice(self.words.signoffs))}"
        return text

    def _delay(self) -> float:
        """Seconds until the customer answers."""
        mails = self.person.address.channel == "email"
        middle = 4.2 if self.person.chats else 8.2 if mails else 5.6
        return min(9 * 3600.0, self.rng.lognormvariate(middle, 0.7))
