"""The languages and templates of flows/emi-reminder-py/prompts/. The loader compares them with the prompt files."""

from wit_world.imports.types import Kind, Kind_Date, Kind_Digits, Kind_Money, Kind_Text, TemplateUse

_NAME: dict[str, Kind] = {"name": Kind_Text()}
_BOT: dict[str, Kind] = {"bot-name": Kind_Text(), "caller": Kind_Text()}
_INSTALMENT: dict[str, Kind] = {
    "lender": Kind_Text(),
    "loan-digits": Kind_Digits(),
    "amount": Kind_Money(),
    "due-date": Kind_Date(),
}

# The default first.
LANGUAGES = ["en-IN", "hi-IN"]

# Each template with the names and types of its arguments.
TEMPLATES: dict[str, dict[str, Kind]] = {
    "greeting": _NAME | _BOT,
    "who-is-calling": _NAME | _BOT,
    "identity-again": _NAME,
    "identity-before-agent": {},
    "identity-no-input": _NAME,
    "identity-no-match": _NAME,
    "language-changed": {},
    "emi-details": _INSTALMENT,
    "emi-details-overdue": _INSTALMENT,
    "disclosure": {},
    "who-we-are": {"bot-name": Kind_Text(), "lender": Kind_Text()},
    "transfer-question": {},
    "transfer-no-input": {},
    "transfer-no-match": {},
    "please-wait": {},
    "apology-incomplete-data": _BOT,
    "apology-wrong-person": {},
    "goodbye-call-later": {},
    "goodbye-declined": {},
    "goodbye-do-not-call": {},
    "goodbye-no-answer": {},
    "goodbye-unclear": {},
}


def uses() -> list[TemplateUse]:
    """The templates as `describe` tells them."""
    return [TemplateUse(name, list(takes.items())) for name, takes in TEMPLATES.items()]
