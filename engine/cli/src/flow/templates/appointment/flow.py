"""An appointment: confirmed with the code that was sent to the customer, or cancelled with a reason."""

from generated import Customer, customer, prompts, questions, settings
from ghanti_flow import NoAnswer, call, end, note, say


def run() -> None:
    who = customer()
    if who is None:
        return end("incomplete-data", prompts.cannot_go_on())
    match questions.attends(clinic=settings.clinic(), day=who.day, name=who.name):
        case "yes":
            confirm(who)
        case "no":
            cancel()
        case "later":
            end("call-later", prompts.goodbye_later())
        case _:
            end("no-answer", prompts.goodbye_no_answer())


def confirm(who: Customer) -> None:
    call.establish("consent")
    for _ in range(2):
        keyed = questions.code()
        if keyed == who.code:
            return end("confirmed", prompts.confirmed(day=who.day))
        if keyed is NoAnswer.NO_INPUT:
            break
        say(prompts.code_is_wrong())
    end("not-confirmed", prompts.not_confirmed())


def cancel() -> None:
    reason = questions.reason()
    if not isinstance(reason, NoAnswer):
        note("reason", reason)
    end("cancelled", prompts.cancelled())
