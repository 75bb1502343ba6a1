"""The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer question.

Before the identity is established not one word is said about the loan; the manifest makes the host hold to that as well. A caller who hangs
up ends the script at the next function: it raises `call-ended`, which goes through `run` to the engine.
"""

from dataclasses import replace

import wit_world
from componentize_py_types import Err
from lender_record import Instalment, Unreadable, is_past
from repertoire import LANGUAGES, uses
from script import Question, Script
from wit_world.imports import call, customer, runtime, speech
from wit_world.imports.types import Date, Description, Error_Invalid, Money, Value_Date, Value_Digits, Value_Money, Value_Text

IDENTITY = Question(
    name="identity",
    opening="greeting",
    choices={"yes": "1", "no": "2", "wrong-person": None, "who": None, "later": None},
    no_input_ms=5_000,
    no_input=["identity-no-input", "identity-no-input"],
    no_match=["identity-no-match", "identity-no-match"],
    asked_back=("who", "who-is-calling", "identity-again"),
)

TRANSFER = Question(
    name="transfer",
    opening="transfer-question",
    choices={"yes": "1", "no": "2", "repeat": "3", "agent": "9"},
    no_input_ms=7_000,
    no_input=["transfer-no-input"],
    no_match=["transfer-no-match"],
    asked_back=("repeat", "emi-details", "transfer-question"),
)


class WitWorld(wit_world.WitWorld):
    def describe(self) -> Description:
        return Description("emi-reminder-py", "0.1.0", LANGUAGES, uses())

    def run(self) -> None:
        fields = dict(customer.fields())
        script = Script(fields.get("language", ""))
        script.know("caller", Value_Text(setting("caller")))
        script.know("lender", Value_Text(setting("lender")))
        script.know("bot-name", Value_Text(setting("bot-name")))

        try:
            instalment = Instalment.read(fields)
        except Unreadable as lacking:
            runtime.log(runtime.Level.ERROR, f"the customer's record cannot be used, {lacking}: mend it and call again")
            return script.end("incomplete-data", str(lacking), "apology-incomplete-data")
        now = runtime.now()
        details = "emi-details-overdue" if is_past(instalment.due, now.unix_ms, now.offset_minutes) else "emi-details"
        know(script, instalment)

        match script.ask(IDENTITY):
            case "yes":
                call.establish("identity")
            case "no" | "wrong-person":
                return script.end("wrong-person", None, "apology-wrong-person")
            case "later":
                return script.end("call-later", None, "goodbye-call-later")
            case "no-input":
                return script.end("no-answer", "silence at the identity question", "goodbye-no-answer")
            case _:
                return script.end("unclear", "at the identity question", "goodbye-unclear")

        script.say(details)
        script.say("disclosure")

        match script.ask(replace(TRANSFER, asked_back=("repeat", details, "transfer-question"))):
            case "no":
                return script.end("declined", None, "goodbye-declined")
            case "no-input":
                return script.end("no-answer", "silence at the transfer question", "goodbye-no-answer")
            case "no-match" if runtime.setting("unclear") == "goodbye":
                return script.end("unclear", "at the transfer question", "goodbye-unclear")

        script.say("please-wait")
        speech.drain()
        call.transfer(None)
        call.outcome("transferred", None)


def know(script: Script, instalment: Instalment) -> None:
    due = instalment.due
    script.know("name", Value_Text(instalment.name))
    script.know("loan-digits", Value_Digits(instalment.loan_digits))
    script.know("amount", Value_Money(Money(instalment.amount_paise, "INR")))
    script.know("due-date", Value_Date(Date(due.year, due.month, due.day)))


def setting(name: str) -> str:
    value = runtime.setting(name)
    if value is None:
        raise Err(Error_Invalid(f"`{name}` is not set: add it to `[settings]` in flow.toml"))
    return value
