"""Runs a conversation for the contract: its exceptions become the contract's errors, and those that the author has to see are told with file and
line of the source."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from componentize_py_types import Err
from wit_world.imports import runtime

from .errors import CallEnded, FlowError


PLACES = 8
"""How many functions of an exception's stack are told."""


def conversation(run: Callable[[], None]) -> None:
    """Runs it."""
    try:
        run()
    except CallEnded as ended:
        raise Err(ended.error) from None
    except FlowError as error:
        _tell(error)
        raise Err(error.error) from error
    except Err:
        raise
    except Exception as error:
        _tell(error)
        raise


def _tell(error: Exception) -> None:
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if "ghanti_flow" not in frame.filename and not frame.filename.endswith("entry.py")]
    places = [f"  {frame.filename.split('/')[-1]}:{frame.lineno} in {frame.name}: {frame.line or ''}".rstrip(": ") for frame in own]
    # of an endless recursion the innermost are enough, and all would be longer than a line of the log
    runtime.log(runtime.Level.ERROR, "\n".join([f"{type(error).__name__}: {error}", *places[-PLACES:]]))
