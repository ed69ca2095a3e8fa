"""Whether a function of the application can be called as it will be: asked at start, not at the first sign-in."""

import inspect
from collections.abc import Callable
from typing import Any

from watchword.errors import ConfigurationError


def check_callable(setting: str, function: Any, *arguments: str) -> None:
    """Refuse what cannot be called with these arguments by position.

    Args:
        setting: The name as the user writes it.
        function: What was set; `None` means that nothing was.
        arguments: The names by which the documentation calls them.

    Raises:
        ConfigurationError: It is no function, or takes other arguments.
    """
    if function is None:
        return
    wanted = f"a function that takes ({', '.join(arguments)})"
    if not callable(function):
        raise ConfigurationError(setting, f"is {type(function).__name__} and no function; set {wanted}")
    if not _takes(function, len(arguments)):
        raise ConfigurationError(setting, f"takes other arguments than it will get; set {wanted}")


def accepts_all_of(function: Callable[..., Any], replaced: Callable[..., Any]) -> bool:
    """Whether a method can be called with all that the method it replaces takes, `self` included."""
    kinds = inspect.Parameter
    parameters = inspect.signature(replaced).parameters.values()
    by_position = [None for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    by_name = {p.name: None for p in parameters if p.kind is kinds.KEYWORD_ONLY}
    return _binds(inspect.signature(function), by_position, by_name)


def _takes(function: Callable[..., Any], number: int) -> bool:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions that are written in C do not tell
        return True
    return _binds(signature, [None] * number, {})


def _binds(signature: inspect.Signature, by_position: list[None], by_name: dict[str, None]) -> bool:
    try:
        signature.bind(*by_position, **by_name)
    except TypeError:
        return False
    return True
