"""Slack: one package for the customers who write there and the agents who answer there.

`customers` is the channel, `agents` the plugin for the support channel; neither imports the other.
Both use one Slack app: its Web API (`api`), its markup (`markup`), its files (`files`) and the
endpoint to which Slack delivers (`endpoint`).
"""

from __future__ import annotations

PATH = "/channels/slack/events"
"""Where Slack delivers over HTTP."""
