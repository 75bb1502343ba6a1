"""A survey after a service: two questions, and what should be better in the customer's own words, which a language model sorts."""

from generated import Customer, customer, prompts, questions, settings
from ghanti_flow import NoAnswer, Unavailable, actions, call, end, note, say


def run() -> None:
    who = customer()
    if who is None:
        return end("incomplete-data", prompts.cannot_go_on())
    match questions.identity(company=settings.company(), name=who.name):
        case "yes":
            call.establish("identity")
            ask(who)
        case "no":
            end("wrong-person", prompts.wrong_person())
        case "later":
            end("call-later", prompts.goodbye_later())
        case _:
            end("no-answer", prompts.goodbye_no_answer())


def ask(who: Customer) -> None:
    rating = questions.rating(bill=who.bill, service=who.service)
    if isinstance(rating, NoAnswer):
        return end("incomplete", prompts.thanks())
    note("rating", rating)
    recommends = questions.recommends()
    if recommends in ("yes", "no"):
        note("recommends", recommends)
    better = questions.better()
    if isinstance(better, NoAnswer):
        return end("answered", prompts.thanks())
    note("better", better)
    say(prompts.one_moment())
    # the answer is a stranger's: whatever it says, the manifest lets none of it be heard before the identity is established
    match sorted_by_model(better):
        case {"topic": str(topic), "callback": bool(wants_callback)}:
            note("topic", topic)
            note("callback", "yes" if wants_callback else "no")
            say(prompts.noted(topic=topic))
            end("answered", prompts.thanks_and_callback() if wants_callback else prompts.thanks())
        case _:
            end("answered", prompts.thanks())


def sorted_by_model(words: str) -> object:
    """What the operator's model makes of a complaint; nothing where there is none, or it does not answer."""
    try:
        return actions.invoke("sort-complaint", {"words": words})
    except Unavailable:
        return None
