"""Values between Python and the contract: dates and times are those of `datetime`, amounts are `Money`."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal

from wit_world.imports import types


@dataclass(frozen=True, order=True)
class Money:
    """An amount in the currency's smallest unit: paise for `INR`."""

    minor: int
    currency: str = "INR"

    @classmethod
    def rupees(cls, amount: int | str | Decimal) -> Money:
        """An amount in rupees: `Money.rupees(12_500)`, `Money.rupees("12500.50")`."""
        return cls(int(Decimal(amount) * 100))

    def __str__(self) -> str:
        return f"{self.currency} {Decimal(self.minor) / 100:.2f}"


Value = str | int | Money | datetime.date | datetime.time


def to_contract(kind: str, value: Value) -> types.Value:
    """A value of the type that a prompt file's comment declares."""
    match kind, value:
        case "text", str():
            return types.Value_Text(value)
        case "digits", str():
            return types.Value_Digits(value)
        case "integer", int():
            return types.Value_Integer(value)
        case "money", Money(minor, currency):
            return types.Value_Money(types.Money(minor, currency))
        case "date", datetime.date():
            return types.Value_Date(types.Date(value.year, value.month, value.day))
        case "time", datetime.time():
            return types.Value_Time(types.TimeOfDay(value.hour, value.minute))
    raise TypeError(f"a value of the type {kind} is needed, and {type(value).__name__} was given")


def from_contract(value: types.Value) -> Value:
    """A value of the contract as Python has it."""
    match value:
        case types.Value_Money(money):
            return Money(money.minor, money.currency)
        case types.Value_Date(date):
            return to_date(date)
        case types.Value_Time(time):
            return to_time(time)
        case _:
            return value.value


def to_date(date: types.Date) -> datetime.date:
    """A date of the contract."""
    return datetime.date(date.year, date.month, date.day)


def to_time(time: types.TimeOfDay) -> datetime.time:
    """A time of day of the contract."""
    return datetime.time(time.hour, time.minute)


def last_digits(text: str, count: int) -> str | None:
    """The last digits of an account or a phone number, without what stands between them; none where there are fewer."""
    digits = re.sub("[^0-9]", "", text)
    return None if len(digits) < count else digits[len(digits) - count :]
