"""What the application's subclass of a recipe replaces: checked when it is wired, so that no override is in vain."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from watchword.errors import ConfigurationError
from watchword.signatures import accepts_all_of
from watchword.telemetry.hooks import Hooks

#: Called when the application starts and stops, and as slow as those are.
_OF_THE_APPLICATION_ITSELF = ("start", "stop")


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


def watch_overrides(wired: object, hooks: Hooks) -> None:
    """Have the methods that a subclass of the application's replaced timed and bounded, from now on.

    What the override itself reaches by `super()` is not touched.

    Args:
        wired: A recipe, or a provider of one.
        hooks: Calls them.
    """
    kind: type = type(wired)
    shipped = _methods(kind, ours=True)
    for name in _methods(kind, ours=False):
        if name in shipped and _may_be_watched(shipped[name]):
            setattr(wired, name, _watched(f"{kind.__name__}.{name}", getattr(wired, name), hooks))


def _may_be_watched(method: Callable[..., Any]) -> bool:
    """Whether calls of it may wait: what runs inside a transaction awaits nothing but that, and is bounded by it."""
    return (
        inspect.iscoroutinefunction(method)
        and method.__name__ not in _OF_THE_APPLICATION_ITSELF
        and "tx" not in inspect.signature(method).parameters
    )


def _watched(name: str, method: Callable[..., Any], hooks: Hooks) -> Callable[..., Any]:
    @functools.wraps(method)
    async def watched(*arguments: Any, **named: Any) -> Any:
        return await hooks.call_override(name, lambda: method(*arguments, **named))

    return watched


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
