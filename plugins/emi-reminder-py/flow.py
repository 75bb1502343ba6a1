"""The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer question.

What is said is in prompts/, what is asked in flow.toml. Before the identity is established not one word is said about the loan; the manifest
makes the host hold to that as well. A caller who hangs up ends the script at the next function: it raises `call-ended`, which goes through
`run` to the engine.
"""

import re

import wit_world
from componentize_py_types import Err
from wit_world.imports import call, customer, runtime, speech
from wit_world.imports.types import (
    Argument,
    Content_Template,
    Date,
    Description,
    Error_Invalid,
    Error_Refused,
    Prompt,
    Template,
    Value,
    Value_Date,
    Value_Digits,
    Value_Money,
    Value_Text,
)

# How often the details are repeated at the transfer question.
REPEATED_AT_MOST = 3


class WitWorld(wit_world.WitWorld):
    def describe(self) -> Description:
        return Description("emi-reminder-py", "0.1.0")

    def run(self) -> None:
        script = Script()
        for name in ("caller", "lender", "bot-name"):
            script.know(name, Value_Text(setting(name)))
        record = dict(customer.all())
        if isinstance(language := record.get("language"), Value_Text):
            set_language(language.value)

        due = know_instalment(script, record)
        if isinstance(due, str):
            runtime.log(runtime.Level.ERROR, f"the customer's record cannot be used, {due}: fix it and call again")
            return script.end("incomplete-data", due, "apology-incomplete-data")
        details = "emi-details-overdue" if order(due) < order(runtime.now().date) else "emi-details"

        match script.ask("identity"):
            case "yes":
                call.establish("identity")
            case "no":
                return script.end("wrong-person", None, "apology-wrong-person")
            case "no-input":
                return script.end("no-answer", "silence at the identity question", "goodbye-no-answer")
            case answer if ends(script, answer):
                return
            case _:
                return script.end("unclear", "at the identity question", "goodbye-unclear")

        # silence is no answer to these, but consent to go on
        for question in (details, "disclosure"):
            wish = script.ask(question)
            if wish == "agent":
                return connect(script)
            if ends(script, wish):
                return

        wanted = ask_transfer(script, details)
        if wanted is None:
            # the network has not confirmed that the disclosure was heard: it is said once more
            script.say("disclosure")
            wanted = ask_transfer(script, details)
        match wanted:
            case None:
                script.end("unclear", "the disclosure is not known to have been heard", "goodbye-unclear")
            case "no":
                script.end("declined", None, "goodbye-declined")
            case "no-input":
                script.end("no-answer", "silence at the transfer question", "goodbye-no-answer")
            case answer if ends(script, answer):
                return
            case "no-match" if runtime.setting("unclear") == "goodbye":
                unclear(script)
            case _:
                connect(script)


class Script:
    """Remembers what templates may say."""

    def __init__(self) -> None:
        self.known: list[Argument] = []

    def know(self, name: str, value: Value) -> None:
        self.known.append(Argument(name, value))
        # in the order of generated functions, so that journals of all three can be compared
        self.known.sort(key=lambda argument: argument.name)

    def say(self, template: str) -> None:
        speech.say(Prompt(Content_Template(Template(template, self.known)), None, None, None))

    def ask(self, question: str) -> str:
        """Asks a question of the manifest. What comes is a choice's name, `no-input` or `no-match`."""
        match speech.ask(question, self.known, []).reply:
            case speech.Reply_Choice(choice):
                return choice
            case speech.Reply_NoInput():
                return "no-input"
            case _:
                return "no-match"

    def end(self, disposition: str, detail: str | None, template: str) -> None:
        """Sets the disposition and says the last words."""
        call.outcome(disposition, detail)
        self.say(template)


def set_language(language: str) -> None:
    """Goes on in a language; in the default one where there are no prompts for it."""
    try:
        call.set_language(language)
    except Err as error:
        if not isinstance(error.value, Error_Invalid):
            raise


def ask_transfer(script: Script, details: str) -> str | None:
    """Asks whether an agent shall help, and repeats the details to who wants to hear them again; nothing where a rule of the manifest refuses it."""
    try:
        for _ in range(REPEATED_AT_MOST):
            if (answer := script.ask("transfer")) != "repeat":
                return answer
            script.say(details)
        answer = script.ask("transfer")
        return "no-match" if answer == "repeat" else answer
    except Err as error:
        if isinstance(error.value, Error_Refused):
            return None
        raise


def ends(script: Script, answer: str) -> bool:
    """Ends the call where the caller's wish does so at any question."""
    match answer:
        case "wrong-person":
            script.end("wrong-person", None, "apology-wrong-person")
        case "later":
            script.end("call-later", None, "goodbye-call-later")
        case "do-not-call":
            script.end("do-not-call", None, "goodbye-do-not-call")
        case "stop":
            script.end("declined", None, "goodbye-declined")
        case _:
            return False
    return True


def connect(script: Script) -> None:
    """Sends the caller to an agent, as far as the engine lets the flow: nobody is connected whose answer was not understood and who may be anyone."""
    try:
        call.transfer(None, None)
    except Err as error:
        if isinstance(error.value, Error_Refused):
            return unclear(script)
        raise
    script.say("please-wait")
    speech.drain()
    call.outcome("transferred", None)


def unclear(script: Script) -> None:
    script.end("unclear", "at the transfer question", "goodbye-unclear")


def know_instalment(script: Script, record: dict[str, Value]) -> Date | str:
    """Takes what the templates say from the customer's record, and returns the day the instalment is due; or says which fields are missing or
    unreadable, by name, because values are personal."""
    name, loan, amount, due = (record.get(field) for field in ("name", "loan", "amount", "due-date"))
    digits = last_four(loan.value) if isinstance(loan, Value_Text) else None
    if isinstance(name, Value_Text) and digits and isinstance(amount, Value_Money) and isinstance(due, Value_Date):
        script.know("name", name)
        script.know("loan-digits", Value_Digits(digits))
        script.know("amount", amount)
        script.know("due-date", due)
        return due.value
    found = {"name": name, "loan": digits, "amount": amount, "due-date": due}
    return "missing or unreadable: " + ", ".join(field for field, value in found.items() if value is None)


def last_four(account: str) -> str | None:
    """The last four of a loan account's digits."""
    digits = re.sub("[^0-9]", "", account)
    return None if len(digits) < 4 else digits[-4:]


def order(date: Date) -> tuple[int, int, int]:
    return (date.year, date.month, date.day)


def setting(name: str) -> str:
    value = runtime.setting(name)
    if value is None:
        raise Err(Error_Invalid(f"`{name}` is not set: add it to `[settings]` in flow.toml"))
    return value
