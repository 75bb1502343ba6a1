"""A greeting, and one question."""

from generated import customer, prompts, questions
from ghanti_flow import end


def run() -> None:
    who = customer()
    if who is None:
        return end("incomplete-data", prompts.cannot_go_on())
    match questions.greeting(name=who.name):
        case "yes":
            end("good-time", prompts.thanks())
        case "no":
            end("bad-time", prompts.goodbye())
        case _:
            end("no-answer", prompts.goodbye())
