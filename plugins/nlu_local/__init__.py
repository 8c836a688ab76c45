"""Understanding on this machine, without a network: language, intents, emotion and signals.

The gateway loads `plugin`. This file imports nothing: the process that reads messages (`worker`)
needs neither hooks nor settings.
"""
