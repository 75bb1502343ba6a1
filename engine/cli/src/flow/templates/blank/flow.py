"""A greeting, and one question."""

from generated import customer, prompts, questions
from ghanti_flow import end


def run() -> None:
    match questions.greeting(name=customer().name):
        case "yes":
            end("good-time", prompts.thanks())
        case "no":
            end("bad-time", prompts.goodbye())
        case _:
            end("no-answer", prompts.goodbye())
