"""Speaks by templates and asks by choices: what a conversation needs beyond the contract's own functions."""

from dataclasses import dataclass

from repertoire import LANGUAGES, TEMPLATES
from wit_world.imports import call, speech
from wit_world.imports.types import Argument, Content_Template, Prompt, Template, Value

# So often a caller who asks back is answered; then it is a `no-match`.
_ANSWERED_AT_MOST = 3


@dataclass(frozen=True)
class Question:
    """A closed question, by its templates."""

    # Its name in the journal.
    name: str
    # The template that asks.
    opening: str
    # Each a lexicon of the engine, whose name is the answer's as well, with the key that means the same.
    choices: dict[str, str | None]
    # Whether a `yes` has to confirm what was asked: "okay" and "tell me" do not.
    confirms: bool
    no_input_ms: int
    # Templates after the first, second, … silence, and answer not understood.
    no_input: list[str]
    no_match: list[str]
    # By each choice that asks back: the template that answers it (none where asking again is answer enough), and the one that asks again.
    asked_back: dict[str, tuple[str | None, str]]


class Script:
    """Speaks the call's language, and knows what templates may tell."""

    def __init__(self, wanted: str) -> None:
        """Begins in the wanted language, or in the default where there are no prompts for it."""
        self._language = wanted if wanted in LANGUAGES else LANGUAGES[0]
        self._known: dict[str, Value] = {}
        call.set_language(self._language)

    def know(self, argument: str, value: Value) -> None:
        """From now on templates may tell this."""
        self._known[argument] = value

    def say(self, template: str) -> None:
        speech.say(self._prompt(template))

    def end(self, disposition: str, detail: str | None, template: str) -> None:
        """Sets the disposition and says the last words."""
        call.outcome(disposition, detail)
        self.say(template)

    def ask(self, question: Question) -> str:
        """Asks, and answers a caller who asks back. What comes is a choice's name, `no-input` or `no-match`."""
        answer = self._ask_once(question, question.opening)
        for _ in range(_ANSWERED_AT_MOST):
            if answer not in question.asked_back:
                return answer
            reply, again = question.asked_back[answer]
            if reply is not None:
                self.say(reply)
            answer = self._ask_once(question, again)
        return "no-match" if answer in question.asked_back else answer

    def _ask_once(self, question: Question, opening: str) -> str:
        def lexicon(id: str) -> str:
            return "confirm" if question.confirms and id == "yes" else id

        answer = speech.ask(
            speech.Question(
                name=question.name,
                prompt=self._prompt(opening),
                choices=[speech.Choice(id=id, lexicon=lexicon(id), phrases=[], key=key) for id, key in question.choices.items()],
                no_input_ms=question.no_input_ms,
                no_input=[self._prompt(template) for template in question.no_input],
                no_match=[self._prompt(template) for template in question.no_match],
            )
        )
        self._follow(answer.language)
        match answer.reply:
            case speech.Reply_Choice(id):
                return id
            case speech.Reply_NoInput():
                return "no-input"
            case _:
                return "no-match"

    def _follow(self, heard: str | None) -> None:
        """Goes on in the language of an answer where there are prompts for it, and says so."""
        if heard is None or heard == self._language or heard not in LANGUAGES:
            return
        call.set_language(heard)
        self._language = heard
        self.say("language-changed")

    def _prompt(self, template: str) -> Prompt:
        """A template with just the arguments it takes."""
        takes = TEMPLATES.get(template, {})
        given = [Argument(name, value) for name, value in self._known.items() if name in takes]
        return Prompt(content=Content_Template(Template(template, given)), language=None, voice=None, interruptible=None)
