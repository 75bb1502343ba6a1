"""What a conversation is written with. Thin over the contract, whose functions are in `call`, `customer`, `actions`, `speech` and `runtime`."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Callable, TypeVar

from wit_world.imports import actions as _actions
from wit_world.imports import call as _call
from wit_world.imports import customer as _customer
from wit_world.imports import runtime
from wit_world.imports import speech as _speech
from wit_world.imports import types
from wit_world.imports.types import Prompt

from .errors import CallEnded, FlowError, Invalid, LimitReached, Refused, Unavailable, invalid, throwing
from .values import Money, Value, from_contract, last_digits, to_contract, to_date, to_time

T = TypeVar("T")

__all__ = [
    "CallEnded", "EarlierCall", "FlowError", "Invalid", "LimitReached", "Money", "NoAnswer", "Prompt", "Refused", "Unavailable", "actions", "ask", "audio", "call",
    "customer", "drain", "end", "last_digits", "log", "note", "pause", "runtime", "say", "setting", "speak_if_possible", "speech", "text", "today",
]  # fmt: skip

@dataclass(frozen=True)
class EarlierCall:
    """An earlier call with this customer."""

    date: datetime.date
    time: datetime.time
    flow: str
    outcome: str
    established: list[str]
    notes: dict[str, str]


class call:
    """The call itself."""

    facts = staticmethod(_call.facts)
    set_language = staticmethod(throwing(_call.set_language))
    establish = staticmethod(throwing(_call.establish))
    outcome = staticmethod(throwing(_call.outcome))
    milestone = staticmethod(throwing(_call.milestone))

    @staticmethod
    def transfer(target: str | None = None, words: str | None = None) -> None:
        """Decides on a transfer, to the `default` target where none is named; `words` are for the agent alone."""
        throwing(_call.transfer)(target, words)

    @staticmethod
    def call_again(date: datetime.date, time: datetime.time | None = None) -> None:
        """Asks for another call on that day, at that time."""
        at = None if time is None else types.TimeOfDay(time.hour, time.minute)
        throwing(_call.call_again)(types.Date(date.year, date.month, date.day), at)


class customer:
    """The record bound to this call."""

    note = staticmethod(throwing(_customer.note))
    lookup = staticmethod(throwing(_customer.lookup))

    @staticmethod
    def get(name: str) -> Value | None:
        """One field of the record."""
        value = throwing(_customer.get)(name)
        return None if value is None else from_contract(value)

    @staticmethod
    def all() -> dict[str, Value]:
        """All fields of the record."""
        return {name: from_contract(value) for name, value in throwing(_customer.all)()}

    @staticmethod
    def history(most: int) -> list[EarlierCall]:
        """The last calls with this customer that have ended, the newest first."""
        return [
            EarlierCall(to_date(earlier.date), to_time(earlier.time), earlier.flow, earlier.outcome, earlier.established, dict(earlier.notes))
            for earlier in throwing(_customer.history)(most)
        ]


class speech:
    """Saying and asking, as the contract has it."""

    say = staticmethod(throwing(_speech.say))
    ask = staticmethod(throwing(_speech.ask))
    drain = staticmethod(throwing(_speech.drain))
    pause = staticmethod(throwing(_speech.pause))


class actions:
    """What a flow does beyond its call, by name."""

    @staticmethod
    def invoke(name: str, input: Any) -> Any:
        """Does an action and waits for its answer; both are JSON values."""
        return json.loads(throwing(_actions.invoke)(name, json.dumps(input)))


class NoAnswer(Enum):
    """What a question gives when it was not answered."""

    NO_INPUT = "no-input"
    NO_MATCH = "no-match"


def say(prompt: Prompt) -> None:
    """Says a prompt: queues it, and returns at once."""
    speech.say(prompt)


def drain() -> None:
    """Waits until all that is queued was heard."""
    speech.drain()


def pause(ms: int) -> None:
    """Waits until all that is queued was heard, and then for so many milliseconds of silence."""
    speech.pause(ms)


def ask(question: str, arguments: list[types.Argument], choices: list[_speech.Choice] | None = None) -> _speech.Answer:
    """Asks a question of the manifest, with further choices that come from data. The functions of `questions` are shorter where there are none."""
    return speech.ask(question, arguments, choices or [])


def end(disposition: str, words: Prompt, detail: str | None = None) -> None:
    """Sets the disposition and says the last words; the detail is for the record."""
    call.outcome(disposition, detail)
    say(words)


def note(name: str, value: Any) -> None:
    """Stores a value with the call's record, as `str` writes it."""
    customer.note(name, str(value))


def log(message: str) -> None:
    """Writes to the call's log."""
    runtime.log(runtime.Level.INFO, message)


def setting(name: str) -> str:
    """A setting of the manifest; `Invalid` where there is none."""
    value = runtime.setting(name)
    if value is None:
        raise invalid(f"`{name}` is not set: add it to `[settings]` in flow.toml")
    return value


def today() -> datetime.date:
    """The date of the call now."""
    return to_date(runtime.now().date)


def speak_if_possible(language: str) -> bool:
    """Goes on in a language. One for which the flow has no prompts changes nothing, and is false."""
    try:
        call.set_language(language)
    except Invalid:
        return False
    return True


def _prompt(content: types.Content) -> Prompt:
    return Prompt(content, None, None, None)


def template(name: str, arguments: list[types.Argument]) -> Prompt:
    """A message of the prompt files with its arguments."""
    return _prompt(types.Content_Template(types.Template(name, arguments)))


def text(words: str) -> Prompt:
    """A plain text."""
    return _prompt(types.Content_Text(words))


def audio(name: str) -> Prompt:
    """An audio file of the flow's folder: `audio/NAME.wav`."""
    return _prompt(types.Content_Audio(name))


def argument(name: str, kind: str, value: Value) -> types.Argument:
    """An argument of a message, of the type that its comment declares."""
    return types.Argument(name, to_contract(kind, value))


def chosen[C: StrEnum](choices: type[C], answer: _speech.Answer) -> C:
    """One of these choices, or none."""
    match answer.reply:
        case _speech.Reply_Choice(choice) if choice in choices:
            return choices(choice)
        case _speech.Reply_NoInput():
            return choices("no-input")
        case _:
            return choices("no-match")


def heard(answer: _speech.Answer) -> Any:
    """The words, digits or value of an answer, or none."""
    match answer.reply:
        case _speech.Reply_Text(value) | _speech.Reply_Keys(value):
            return value
        case _speech.Reply_Value(value):
            return from_contract(value)
        case _speech.Reply_NoInput():
            return NoAnswer.NO_INPUT
        case _:
            return NoAnswer.NO_MATCH


def if_complete(read: Callable[[], T]) -> T | None:
    """What is read of a record that is complete; one that is not is logged, as it is for the operator to mend."""
    try:
        return read()
    except Invalid as why:
        runtime.log(runtime.Level.ERROR, f"the customer's record: {why}")
        return None


def record(kinds: dict[str, str], required: list[str]) -> dict[str, Value | None]:
    """The customer's record with fields of these types: `Invalid` names the required ones that it lacks, and never a value."""
    types_of = {"text": types.Value_Text, "money": types.Value_Money, "date": types.Value_Date}
    found = {name: value for name, value in throwing(_customer.all)() if isinstance(value, types_of.get(kinds.get(name, ""), ()))}
    if missing := [name for name in required if name not in found]:
        raise invalid(f"missing or unreadable: {', '.join(missing)}")
    return {name: from_contract(value) for name, value in found.items()}
