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
from wit_world.imports.types import Date, Description, Error_Invalid, Error_Refused, Money, Value_Date, Value_Digits, Value_Money, Value_Text

# Wishes that a caller may have at any moment, with the key that means the same.
WISHES = {"wrong-person": None, "later": None, "do-not-call": None, "stop": None}

IDENTITY = Question(
    name="identity",
    opening="greeting",
    choices={"yes": "1", "no": "2", "who": None, "repeat": None, "agent": None, **WISHES},
    confirms=True,
    no_input_ms=5_000,
    no_input=["identity-no-input", "identity-no-input"],
    no_match=["identity-no-match", "identity-no-match"],
    asked_back={
        "who": ("who-is-calling", "identity-again"),
        "repeat": (None, "greeting"),
        "agent": ("identity-before-agent", "identity-again"),
    },
)

TRANSFER = Question(
    name="transfer",
    opening="transfer-question",
    choices={"yes": "1", "no": "2", "repeat": "3", "agent": "9", "who": None, **WISHES},
    confirms=False,
    no_input_ms=7_000,
    no_input=["transfer-no-input"],
    no_match=["transfer-no-match"],
    # how the details are repeated depends on the day
    asked_back={},
)


def spoken_to(template: str) -> Question:
    """Says a template to a caller who may stop it by a wish. Silence is no answer here, but consent to go on."""
    choices = {"agent": "9", **WISHES}
    return Question(template, template, choices, confirms=False, no_input_ms=500, no_input=[], no_match=[], asked_back={})


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
            runtime.log(runtime.Level.ERROR, f"the customer's record cannot be used, {lacking}: fix it and call again")
            return script.end("incomplete-data", str(lacking), "apology-incomplete-data")
        now = runtime.now()
        details = "emi-details-overdue" if is_past(instalment.due, now.unix_ms, now.offset_minutes) else "emi-details"
        know(script, instalment)

        match script.ask(IDENTITY):
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

        for told in (details, "disclosure"):
            wish = script.ask(spoken_to(told))
            if wish == "agent":
                return connect(script)
            if ends(script, wish):
                return

        transfer = replace(TRANSFER, asked_back={"repeat": (details, "transfer-question"), "who": ("who-we-are", "transfer-question")})
        wanted = ask_unless_refused(script, transfer)
        if wanted is None:
            # the network has not confirmed that the disclosure was heard: it is said once more
            script.say("disclosure")
            wanted = ask_unless_refused(script, transfer)
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


def ask_unless_refused(script: Script, question: Question) -> str | None:
    """The answer to a question; nothing where a rule of the manifest refuses it."""
    try:
        return script.ask(question)
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
        call.transfer(None)
    except Err as error:
        if isinstance(error.value, Error_Refused):
            return unclear(script)
        raise
    script.say("please-wait")
    speech.drain()
    call.outcome("transferred", None)


def unclear(script: Script) -> None:
    script.end("unclear", "at the transfer question", "goodbye-unclear")


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
