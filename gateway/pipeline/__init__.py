"""The stages that a message passes through, one module each, in this order:

1. `intake`: a provider's message is committed to the inbox, then acknowledged.
2. `worker`: takes the oldest inbox row of a lane and commits what handling it changes.
3. `turn`: makes a turn of the row and runs stages 4 to 7.
4. `context`: what is already known of the customer.
5. `understanding`: language, intents, mood and signals, from all engines.
6. `gateway.routing`: bot, clarifying question or person.
7. `answering`: the handlers, in order of priority.
8. `outcomes`: the answer in the brand's voice, and all else that the turn changes.
9. `delivery`: sends outbox rows to the providers.

Beside them: `validation` (values of plugins), `verification` (one-time codes), `handoffs` (those
that no message causes), `summary` (on the context card), `reply_waiter` (replies in the HTTP
response) and `webhooks` (events for other systems).
"""
