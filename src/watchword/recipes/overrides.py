"""What the application's subclass of a recipe replaces: checked when it is wired, so that no override is in vain."""

import inspect
from collections.abc import Callable
from typing import Any

from watchword.errors import ConfigurationError
from watchword.signatures import accepts_all_of


def check_overrides(kind: type) -> None:
    """Refuse overrides that would fail when they are called, or never be called.

    Args:
        kind: The class of a recipe.

    Raises:
        ConfigurationError: An override does not take the arguments of what it replaces, or its name is that of
            one of our methods but for underscores and capitals.
    """
    shipped = _methods(kind, ours=True)
    by_sound = {_sound(name): name for name, method in shipped.items() if inspect.iscoroutinefunction(method)}
    for name, method in _methods(kind, ours=False).items():
        replaced = shipped.get(name)
        if replaced is None:
            meant = by_sound.get(_sound(name))
            if meant is not None:
                raise ConfigurationError(
                    "recipe_list", f"{kind.__name__}.{name} replaces nothing; did you mean {meant}?"
                )
        elif inspect.iscoroutinefunction(replaced) and not accepts_all_of(method, replaced):
            raise ConfigurationError(
                "recipe_list",
                f"{kind.__name__}.{name} does not take the arguments of the method it replaces; "
                f"write {name}{inspect.signature(replaced)}",
            )


def _methods(kind: type, *, ours: bool) -> dict[str, Callable[..., Any]]:
    """The public methods of a class that stand in our code, or in that of others."""
    found: dict[str, Callable[..., Any]] = {}
    for base in kind.__mro__:
        if (base.__module__.partition(".")[0] == "watchword") == ours:
            for name, value in vars(base).items():
                if inspect.isfunction(value) and not name.startswith("_"):
                    found.setdefault(name, value)
    return found


def _sound(name: str) -> str:
    return name.replace("_", "").lower()
