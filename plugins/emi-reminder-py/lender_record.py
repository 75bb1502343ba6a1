"""What a lender's record of a customer says, read from its text fields.

Pure: it knows neither the contract nor a call. What it cannot read it names by field, never by value, because values are personal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


class Unreadable(Exception):
    """The record lacks something; the words name the fields."""


@dataclass(frozen=True)
class Instalment:
    """An instalment that is due, and whose it is."""

    name: str
    # The last four digits of the loan's account.
    loan_digits: str
    # More than 0.
    amount_paise: int
    due: date

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "Instalment":
        """Reads `name`, `loan`, `amount` and `due-date`."""
        readers = {"name": str, "loan": _last_four, "amount": _paise, "due-date": _day}
        texts = {field: fields.get(field, "").strip() for field in readers}
        found = {field: read(texts[field]) if texts[field] else None for field, read in readers.items()}
        lacking = [field for field, value in found.items() if value is None]
        if lacking:
            raise Unreadable(f"missing or unreadable: {', '.join(lacking)}")
        return cls(*found.values())


# Each language with its name and how the states that speak it begin, in plain lower-case letters.
_LANGUAGES = [
    ("en-IN", "english", ()),
    ("ta-IN", "tamil", ("tamil", "puducherry", "pondicherry")),
    ("kn-IN", "kannada", ("karnataka",)),
    ("ml-IN", "malayalam", ("kerala", "lakshadweep")),
    ("te-IN", "telugu", ("andhra", "telangana")),
    ("mr-IN", "marathi", ("maharashtra",)),
    ("gu-IN", "gujarati", ("gujarat",)),
    ("bn-IN", "bengali", ("westbengal",)),
    ("pa-IN", "punjabi", ("punjab",)),
    ("or-IN", "odia", ("odisha", "orissa")),
    (
        "hi-IN",
        "hindi",
        tuple(
            "andaman arunachal assam bihar chandigarh chhattisgarh dadra daman delhi newdelhi goa haryana himachal jammu jharkhand ladakh "
            "madhya manipur meghalaya mizoram nagaland rajasthan sikkim tripura uttar".split()
        ),
    ),
]


def language(fields: Mapping[str, str]) -> str:
    """The language that the record names, else its state's, else English. Whether the flow speaks it is another question."""
    asked = re.split("[-_]", fields.get("language", "").strip().lower())[0]
    state = re.sub("[^a-z]", "", fields.get("state", "").lower())
    for tag, name, _ in _LANGUAGES:
        if asked in (name, tag.split("-")[0]):
            return tag
    for tag, _, beginnings in _LANGUAGES:
        if state.startswith(beginnings):
            return tag
    return "en-IN"


def _last_four(account: str) -> str | None:
    """The last four of a loan account's digits."""
    digits = re.sub("[^0-9]", "", account)
    return digits[-4:] if len(digits) >= 4 else None


def _paise(text: str) -> int | None:
    """Paise of rupees as lenders write them: `12500`, `12,500`, `1,25,000.50`. Nothing and less than nothing are no amounts."""
    amount = re.fullmatch(r"₹*([0-9]+)(?:\.([0-9]{1,2}))?", re.sub("[, ]", "", text))
    if not amount:
        return None
    minor = int(amount[1]) * 100 + int((amount[2] or "").ljust(2, "0"))
    return minor if 0 < minor < 2**63 else None


def _day(text: str) -> date | None:
    """`2026-11-30`, where there is such a day."""
    parts = re.fullmatch("([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", text)
    try:
        day = date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None
    return day if day and day.year >= 2000 else None
