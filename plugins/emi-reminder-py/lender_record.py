"""What a lender's record of a customer says, taken from its text fields.

How people spell values is the engine's to read: `[customer]` of flow.toml declares the fields, and a flow is given them in one canonical
spelling each. This takes that spelling and nothing else. Pure: it knows neither the contract nor a call. What it cannot take it names by
field, never by value, because values are personal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


class Unreadable(Exception):
    """The record lacks something; the words name the fields."""


@dataclass(frozen=True)
class Instalment:
    """An instalment, and whose it is."""

    name: str
    # The last four digits of the loan's account.
    loan_digits: str
    # More than 0.
    amount_paise: int
    due: date

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "Instalment":
        """Takes `name`, `loan`, `amount` and `due-date`."""
        readers = {"name": str, "loan": _last_four, "amount": _paise, "due-date": _day}
        texts = {field: fields.get(field, "") for field in readers}
        found = {field: read(texts[field]) if texts[field] else None for field, read in readers.items()}
        lacking = [field for field, value in found.items() if value is None]
        if lacking:
            raise Unreadable(f"missing or unreadable: {', '.join(lacking)}")
        return cls(*found.values())


def _last_four(account: str) -> str | None:
    """The last four of a loan account's digits."""
    digits = re.sub("[^0-9]", "", account)
    return digits[-4:] if len(digits) >= 4 else None


def _paise(text: str) -> int | None:
    """Paise of `12450` or `12450.50`."""
    amount = re.fullmatch(r"([0-9]+)(?:\.([0-9]{2}))?", text)
    if not amount:
        return None
    minor = int(amount[1]) * 100 + int(amount[2] or "0")
    return minor if 0 < minor < 2**63 else None


def _day(text: str) -> date | None:
    """`2026-11-30`."""
    parts = re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    try:
        return date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None


def is_past(day: date, unix_ms: int, offset_minutes: int) -> bool:
    """Whether a day lies before the one that the call's clock shows."""
    return day < date.fromordinal(date(1970, 1, 1).toordinal() + (unix_ms // 60_000 + offset_minutes) // (24 * 60))
