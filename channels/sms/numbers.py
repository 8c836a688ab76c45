"""Telephone numbers as agents type them, and those that the network treats as one, so that one
customer has one conversation.

Three countries changed how mobile numbers are written, and messages come with either form:

- Brazil put a 9 before the eight digits of mobile numbers, 2012 to 2016 (Anatel, Resolução 553);
  WhatsApp still knows many accounts without it.
- Mexico dropped the 1 between country code and number on 3 August 2019; WhatsApp's ids have it.
- Argentina has a 9 there in international calls to mobiles, which SMS often come without.

Meta ("Cloud API, Phone numbers"): "For Brazil and Mexico, the extra added prefix of the phone
number may be modified by the Cloud API".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cachetools import LRUCache

from gateway import Address, Mailbox, RefusedByChannel

REMEMBERED = 10_000
_MAY_DIFFER = re.compile(r"\+(?:55\d{10,11}|521?\d{10}|549?\d{10})")


def other_form(number: str) -> str | None:
    """The other way to write the same mobile number, both as E.164; None when there is none.

    In Brazil a number with the 9 and one without it may be two customers, a mobile and a landline:
    they are the same only where the numbering plan has but one of them (libphonenumber).
    """
    if _MAY_DIFFER.fullmatch(number) is None:
        return None
    return next((form for form in _candidates(number) if _is_same(number, form)), None)


def _candidates(number: str) -> Iterator[str]:
    country, rest = number[:3], number[3:]
    if country == "+55":
        area, line = rest[:2], rest[2:]
        if len(line) == 8:
            yield f"{country}{area}9{line}"
        elif line.startswith("9"):
            yield f"{country}{area}{line[1:]}"
    else:
        digit = "1" if country == "+52" else "9"
        yield f"{country}{rest[1:]}" if len(rest) == 11 else f"{country}{digit}{rest}"


def _is_same(number: str, form: str) -> bool:
    # Mobiles and landlines share Argentina's numbers: the digits after the 9 belong to one line.
    # In Mexico there are no others with the 1.
    return not number.startswith("+55") or _is_valid(number) != _is_valid(form)


def _is_valid(number: str) -> bool:
    import phonenumbers  # noqa: PLC0415  (a tenth of a second, for customers of few countries)

    return phonenumbers.is_valid_number(phonenumbers.parse(number))


class KnownForms:
    """Finds the form of a number under which its customer is known."""

    def __init__(self) -> None:
        self._recent: LRUCache[str, bool] = LRUCache(REMEMBERED)
        """Lanes accepted lately: their first turn may not be committed yet."""

    async def find(self, address: Address, mailbox: Mailbox) -> Address:
        """``address``, or the other form of its number if that one is known and this is not.
        Answers then go to the number from which the customer wrote first."""
        form = other_form(address.value)
        if form is None:
            return address
        other = address.replace(value=form)
        if not await self._knows(address, mailbox) and await self._knows(other, mailbox):
            return other
        self._recent[address.lane] = True
        return address

    async def _knows(self, address: Address, mailbox: Mailbox) -> bool:
        recent = address.lane in self._recent
        return recent or bool(await mailbox.messages(address, limit=1, own=True))


def in_e164(address: Address) -> Address:
    """``address`` with its number in E.164. Raises RefusedByChannel when that is none."""
    import phonenumbers  # noqa: PLC0415  (a tenth of a second)

    typed = address.value.strip()
    try:
        number = phonenumbers.parse(typed)
        if phonenumbers.is_possible_number(number):
            written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return address.replace(value=written)
    except phonenumbers.NumberParseException:
        pass
    raise RefusedByChannel(
        f"{typed[:40]} is not a telephone number. Write it with + and the country, such as"
        " +44 7700 900123."
    )
