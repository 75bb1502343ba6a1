"""The contract's errors as exceptions. Nobody has to catch them: after the call has ended every function raises `CallEnded`, which ends `run`."""

from __future__ import annotations

import functools

from componentize_py_types import Err
from wit_world.imports import types


class FlowError(Exception):
    """A function could not do what it was asked."""

    def __init__(self, error: types.Error, message: str) -> None:
        super().__init__(message)
        self.error = error


class CallEnded(FlowError):
    """The call is over."""


class Refused(FlowError):
    """The manifest forbids this now: `missing` has what must be established or heard first."""

    def __init__(self, error: types.Error_Refused) -> None:
        super().__init__(error, error.value.reason)
        self.subject = error.value.subject
        self.missing = error.value.missing


class Invalid(FlowError):
    """An argument is unusable; the message names it."""


class Unavailable(FlowError):
    """A service of the engine did not answer in time."""


class LimitReached(FlowError):
    """A limit of the manifest was reached."""


def invalid(message: str) -> Invalid:
    """An `Invalid` of the flow's own."""
    return Invalid(types.Error_Invalid(message), message)


def _exception(error: types.Error) -> FlowError:
    match error:
        case types.Error_CallEnded():
            return CallEnded(error, "the call has ended")
        case types.Error_Refused():
            return Refused(error)
        case types.Error_Invalid(message):
            return Invalid(error, message)
        case types.Error_Unavailable(message):
            return Unavailable(error, message)
        case types.Error_Limit(message):
            return LimitReached(error, message)
        case _:
            return FlowError(error, str(error))


def throwing(contract):
    """The same function, which raises exceptions of this module."""

    @functools.wraps(contract)
    def wrapped(*parameters):
        try:
            return contract(*parameters)
        except Err as error:
            raise _exception(error.value) from None

    return wrapped
