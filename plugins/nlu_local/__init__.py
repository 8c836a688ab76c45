"""Understanding on this machine: language, intents, emotion and signals, without a network.

`guest` is what the gateway loads. Nothing stands here: the process that reads messages (`child`)
needs neither hooks nor settings.
"""
