"""A survey: a rating, whether the customer recommends the company, and what went wrong where they are not satisfied."""

from generated import customer, prompts, questions, settings
from ghanti_flow import NoAnswer, end, note

# A rating below this is followed by the question what went wrong.
SATISFIED = 3


def run() -> None:
    who = customer()
    if who is None:
        return end("incomplete-data", prompts.cannot_go_on())
    match questions.may_we_ask(company=settings.company(), name=who.name, service=who.service):
        case "yes":
            ask()
        case "later":
            end("call-later", prompts.goodbye_later())
        case "no":
            end("declined", prompts.goodbye())
        case _:
            end("no-answer", prompts.goodbye())


def ask() -> None:
    rating = questions.rating()
    if isinstance(rating, NoAnswer):
        return end("incomplete", prompts.thanks())
    note("rating", rating)
    if rating < SATISFIED:
        complaint = questions.complaint()
        if not isinstance(complaint, NoAnswer):
            note("complaint", complaint)
        return end("complaint", prompts.thanks_for_complaint())
    recommends = questions.recommends()
    if recommends in ("yes", "no"):
        note("recommends", "true" if recommends == "yes" else "false")
    end("answered", prompts.thanks())
