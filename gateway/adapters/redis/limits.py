"""What a provider allows, shared by all processes: a token bucket in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from redis.commands.core import AsyncScript

from gateway.adapters.redis.link import Away, Link, NoGroup
from gateway.services.limits import LocalLimits, burst

# The generic cell rate algorithm (ITU-T I.371): one number, the time at which the bucket will be
# full again. A caller takes its token at once, if need be one of the future, and waits until then;
# so callers are served in the order in which they asked.
TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local each = 1 / tonumber(ARGV[1])
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now)) + each
redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000) + 1000)
return string.format('%.6f', math.max(0, full - now - each * tonumber(ARGV[2])))
"""


class SharedLimits:
    """``rates``: channel name -> messages a second for all processes together, None for any.

    While Redis is away each process keeps to the whole rate by itself; a provider that has too
    much of it says so, and delivery waits as it is told.
    """

    def __init__(self, link: Link, rates: Mapping[str, float | None]) -> None:
        self._link = link
        self._rates = {name: rate for name, rate in rates.items() if rate}
        self._local = LocalLimits(rates)
        self._take: AsyncScript = link.client.register_script(TAKE)

    async def wait(self, channel: str) -> None:
        """Until ``channel`` may send one more."""
        rate = self._rates.get(channel)
        if rate is None:
            return
        key = self._link.key("pace", channel)
        try:
            told = await self._link.call(lambda _: self._take(keys=[key], args=[rate, burst(rate)]))
        except (Away, NoGroup):
            await self._local.wait(channel)
        else:
            await asyncio.sleep(float(told))
