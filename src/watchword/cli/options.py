"""Options that several commands have, written once: a dataclass whose fields are the options."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

Command = Callable[..., None]


def options_of(kind: Callable[..., Any]) -> Callable[[Command], Command]:
    """Give a command the options of `kind` behind its own; it gets what `kind` makes of them, first.

    Args:
        kind: A dataclass; its fields are annotated as typer wants the parameters of a command.
    """
    shared = inspect.signature(kind).parameters

    def give(command: Command) -> Command:
        @wraps(command)
        def with_options(**options: Any) -> None:
            made = kind(**{name: options.pop(name) for name in shared})
            command(made, **options)

        own = list(inspect.signature(command).parameters.values())[1:]
        # By keyword, as an option that must be given may then stand behind one that need not.
        parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *shared.values())]
        # typer reads both, and finds the command's own behind `__wrapped__` otherwise.
        with_options.__dict__["__signature__"] = inspect.Signature(parameters)
        with_options.__annotations__ = {one.name: one.annotation for one in parameters}
        return with_options

    return give
