"""A payment is due: who is speaking, what is due, on which day it will be paid, and an agent for who cannot say."""

from generated import customer, prompts, questions, settings
from ghanti_flow import NoAnswer, call, end, note, say, speak_if_possible


def run() -> None:
    who = customer()
    if who is None:
        return end("incomplete-data", prompts.cannot_go_on())
    if who.language is not None:
        speak_if_possible(who.language)
    match questions.identity(name=who.name):
        case "yes":
            call.establish("identity")
        case "no":
            return end("wrong-person", prompts.wrong_person())
        case _:
            return end("no-answer", prompts.goodbye_no_answer())
    say(prompts.details(amount=who.amount, company=settings.company(), due_date=who.due_date))
    match questions.pay_day():
        case NoAnswer.NO_INPUT:
            end("no-answer", prompts.goodbye_no_answer())
        case NoAnswer.NO_MATCH:
            offer_an_agent()
        case day:
            note("promise", day)
            end("promised", prompts.promised(day=day))


def offer_an_agent() -> None:
    if questions.agent() != "yes":
        return end("no-promise", prompts.goodbye())
    call.transfer()
    end("transferred", prompts.please_wait())
