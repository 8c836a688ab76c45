"""What Twilio's error codes mean for us, in our own words.

We do not pass on Twilio's texts: they contain the customer's number. The codes are those of
Twilio's "Error and warning dictionary".
"""

from __future__ import annotations

from gateway import TryLater, Undeliverable, WarmlineError

OPTED_OUT = 21610
DESCRIPTIONS = {
    20003: "the account's SID or token is wrong",
    21211: "this is not a valid phone number",
    21212: "the number we write from is not valid; see channels.sms.from",
    21214: "this number cannot be reached",
    21217: "this is not a valid phone number",
    21219: "a trial account can write only to verified numbers",
    21266: "the number is our own",
    21408: "the account may not write to this country; see Messaging Geo permissions",
    21602: "the message has no text",
    21606: "the number we write from cannot send messages; see channels.sms.from",
    21610: "the customer asked for no more messages (STOP) and must write START first",
    21611: "our number has too many messages in its queue",
    21612: "this number cannot be reached from ours",
    21614: "this number is not a mobile number",
    21617: "the message is longer than 1,600 characters",
    21635: "this number is a landline",
    21703: "the Messaging Service has no number to write from",
    21910: "our number and the customer's are on different channels; see channels.sms.rcs_from",
    30001: "our number has too many messages in its queue",
    30002: "the account is suspended",
    30003: "the phone is off or out of reach",
    30004: "the customer or the carrier blocks our messages",
    30005: "this number does not exist or is no longer in use",
    30006: "this number is a landline, or its carrier does not take SMS",
    30007: "the carrier filtered the message as spam",
    30008: "the carrier gave no reason",
    30022: "the carrier's daily or hourly limit is reached",
    30032: "our toll-free number is not verified",
    30034: "our number is not registered for A2P 10DLC",
    30410: "the carrier did not answer in time",
    63003: "this number is not on WhatsApp",
    63007: "our number is not a WhatsApp sender; see channels.sms.whatsapp_from",
    63013: "WhatsApp's rules do not allow this message",
    63016: "the customer has not written on WhatsApp for 24 hours, and until they do only approved"
    " templates may be sent; set channels.sms.whatsapp_templates, or reach them another way",
    63018: "WhatsApp's rate limit is reached",
    63024: "this number is not on WhatsApp",
    63038: "the account's daily message limit is reached",
}
RETRY = frozenset({14107, 20003, 20429, 21611, 30001, 30022, 63018, 63038})
"""Errors that end by themselves, or that somebody fixes (wrong credentials). The message waits."""
UNREACHABLE = frozenset({21211, 21214, 21217, OPTED_OUT, 21614, 21635, 63003, 63024})
"""No message will ever reach this address."""


def describe(code: int | None) -> str:
    """What ``code`` means, with the code, for an agent to read."""
    if not code:
        return "Twilio gives no reason"
    meaning = DESCRIPTIONS.get(code, f"see https://www.twilio.com/docs/errors/{code}")
    return f"Twilio {code}: {meaning}"


def delivery_error(status: int, code: int | None) -> WarmlineError:
    """The error to raise when Twilio answers a call with ``status`` (4xx) and ``code``."""
    if code in RETRY or status in (401, 408, 409, 425):
        return TryLater(describe(code or (20003 if status == 401 else None)))
    if code is None:
        return Undeliverable(f"Twilio refused the message with status {status}")
    return Undeliverable(
        describe(code), unreachable=code in UNREACHABLE, opted_out=code == OPTED_OUT
    )
