"""Which button does what, and what goes wrong in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from channels.slack.agents import dialogs as asks
from channels.slack.agents.actions import Deeds
from channels.slack.agents.context import OK, Click, Office
from channels.slack.agents.decisions import Decisions
from channels.slack.agents.drafts import Drafts
from channels.slack.agents.line import Refused
from gateway import Agent, Conflict, Json, NotFound, WarmlineError


class Clicks:
    """Every button of ours, by its action id."""

    def __init__(self, office: Office) -> None:
        self._office = office
        deeds, drafts, decisions = Deeds(office), Drafts(office), Decisions(office)
        self._by_agent: dict[str, Callable[[Click, Agent], Awaitable[None]]] = {
            "agents:claim": deeds.claim,
            "agents:take": deeds.take,
            "agents:resolve": deeds.resolve,
            "agents:hand_back": deeds.hand_back,
            "agents:transfer": deeds.transfer,
            "agents:suggestion:ignore": drafts.ignore,
        }
        self._by_user: dict[str, Callable[[Click], Awaitable[None]]] = {
            "agents:suggestion:send": drafts.send,
            "agents:suggestion:edit": drafts.edit,
            "agents:reply:send": decisions.as_is,
            "agents:reply:use": decisions.use,
            "agents:reply:edit": decisions.edit,
            "agents:reply:note": decisions.as_note,
            "agents:reply:drop": decisions.drop,
            "agents:reply:take": decisions.take,
        }

    async def click(self, click: Click) -> Json:
        """Do what a button says, if its presser is an agent; None when it is none of ours."""
        if click.action not in self._by_agent and click.action not in self._by_user:
            return None
        say = self._office.say
        try:
            await self._do(click)
        except Conflict as late:
            await say(click, f"✋ {asks.faster(late.conversation)}")
        except NotFound:
            await say(click, "✋ This conversation is not there any more.")
        except Refused as refused:
            await say(click, f"✋ Slack did not open it ({refused.error}). Please press again.")
        except WarmlineError:
            await say(click, "✋ Slack could not be reached for this. Please press again.")
        return OK

    async def _do(self, click: Click) -> None:
        agent = await self._office.people.agent(click.user)
        if agent is None:
            await self._office.say(click, asks.NO_BUTTON)
        elif click.action in self._by_agent:
            await self._by_agent[click.action](click, agent)
        else:
            await self._by_user[click.action](click)
