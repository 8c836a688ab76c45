"""What Twilio says of our account and our number, for the doctor."""

from __future__ import annotations

from collections.abc import Sequence

from channels.sms.account import Account
from channels.sms.settings import SmsSettings
from gateway import HealthProblem


async def examine(account: Account, settings: SmsSettings, *, hook: str) -> Sequence[HealthProblem]:
    """Is the account open, and are messages to our number brought to ``hook``? A Messaging
    Service has an address of its own, which is not asked for. Raises TryLater and its kind."""
    sid = settings.account_sid
    owner = await account.call(lambda client: client.api.v2010.accounts(sid).fetch_async())
    if str(owner.status) != "active":
        what = f"Twilio's account is {owner.status}"
        return [HealthProblem(what=what, fix="see the Twilio console: it may be unpaid")]
    if settings.number is None:
        return ()
    number = settings.number
    owned = await account.call(
        lambda client: client.incoming_phone_numbers.list_async(phone_number=number, limit=1)
    )
    if not owned:
        what = "the number in `channels.sms.from` is not one of this account"
        return [HealthProblem(what=what, fix="buy it, or set one that the Twilio console shows")]
    called = str(owned[0].sms_url or "nowhere")
    if called.partition("#")[0] == hook or owned[0].sms_application_sid:
        return ()
    what = f"Twilio brings messages to {called}, and not to {hook}"
    fix = "set that as the number's webhook for messages in the Twilio console"
    return [HealthProblem(what=what, fix=fix)]
