"""Settings are of the types that they are declared with: one check for all objects that an application configures.

    @checked_settings("protection.")
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Protection: …

`Protection(sign_in="200")` is refused where it stands, by the annotation of `sign_in`, and not by whatever fails at the
first sign-in. Who has a type checker knows it already; most newcomers have none.
"""

import inspect
import math
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from typing import Any, Literal, Protocol, TypeVar, Union, Unpack, cast, get_args, get_origin, is_typeddict

from watchword.errors import ConfigurationError

_T = TypeVar("_T")

_WORDS: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    bytes: "bytes",
    None: "None",
    type(None): "None",
}


def checked_settings(prefix: str = "", *, but: Collection[str] = ()) -> Callable[[type[_T]], type[_T]]:
    """Have a class refuse arguments of other types than its `__init__` declares, with `ConfigurationError`.

    Functions are left to `check_callable`, which knows how they are called; ranges and choices to the class itself.

    Args:
        prefix: Stands before an argument's name in the sentence, as in `protection.sign_in`; `{class}` in it is the
            name of the class that is made.
        but: Arguments for which the class has a better sentence.
    """

    def wrap(kind: type[_T]) -> type[_T]:
        original = cast("Callable[..., None]", kind.__init__)
        signature = inspect.signature(original)

        @wraps(original)
        def check_and_make(self: Any, *arguments: Any, **named: Any) -> None:
            try:
                given = signature.bind_partial(self, *arguments, **named).arguments
            except TypeError:  # a name that is none: Python says so in its own words
                given = {}
            where = prefix.replace("{class}", type(self).__name__)
            for name, value in list(given.items())[1:]:
                parameter = signature.parameters[name]
                if parameter.kind is parameter.VAR_KEYWORD:
                    declared = _options_of(parameter.annotation)
                    for option, chosen in value.items():
                        if option in declared and option not in but:
                            check_setting(where + option, chosen, declared[option])
                elif name not in but:
                    check_setting(where + name, value, parameter.annotation)
            original(self, *arguments, **named)

        type.__setattr__(kind, "__init__", check_and_make)
        return kind

    return wrap


def check_setting(setting: str, value: Any, declared: Any) -> None:
    """Refuse a value that is not of a declared type.

    Raises:
        ConfigurationError: It names the setting and what to write; never the value, which may be a secret, unless it
            is one of several words that can be chosen.
    """
    if _fits(value, declared):
        return
    if isinstance(value, str) and _list_of(declared) is not None:
        raise ConfigurationError(setting, f"is one text; write a list: [{value!r:.80}]")
    if isinstance(value, str) and (choices := _choices(declared)):
        raise ConfigurationError(setting, f"{value!r:.40} is not one of {', '.join(map(repr, choices))}")
    if isinstance(value, type):
        raise ConfigurationError(setting, f"is the class {value.__name__}; write {_in_words(declared)}")
    raise ConfigurationError(setting, f"{_kind_of(value, declared)}; write {_in_words(declared)}")


def _fits(value: Any, declared: Any) -> bool:
    origin = get_origin(declared)
    if declared is None or declared is type(None):
        return value is None
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in get_args(declared))
    if origin is Literal:
        return any(value is one or (type(value) is type(one) and value == one) for one in get_args(declared))
    if declared in (int, float):
        is_number = isinstance(value, int | declared) and not isinstance(value, bool)
        return is_number and math.isfinite(value)
    if (item := _list_of(declared)) is not None:
        return isinstance(value, list | tuple) and all(_fits(one, item) for one in cast("Sequence[Any]", value))
    if (isinstance(origin, type) and issubclass(origin, Mapping)) or is_typeddict(declared):
        return isinstance(value, Mapping)
    if origin is not None or not isinstance(declared, type):
        return True  # a function, a type variable, a name of an optional package: not ours to know
    if getattr(declared, "_is_protocol", False):
        return not isinstance(value, type) and all(hasattr(value, name) for name in _members(declared))
    return isinstance(value, declared)


def _list_of(declared: Any) -> Any:
    """What a list is declared to hold; `None` for what is no list."""
    origin, inside = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        lists = [item for one in inside if (item := _list_of(one)) is not None]
        return lists[0] if lists and str not in inside else None
    is_list = isinstance(origin, type) and issubclass(origin, Sequence)
    return inside[0] if is_list and inside else None


def _choices(declared: Any) -> tuple[Any, ...]:
    """The words that can be chosen, where there are such and any other text is none."""
    if get_origin(declared) is Literal:
        return get_args(declared)
    if get_origin(declared) in (Union, types.UnionType):
        return tuple(choice for one in get_args(declared) for choice in _choices(one))
    return ()


def _members(protocol: type[Any]) -> set[str]:
    """What an object must have to be what a protocol says."""
    kinds = [kind for kind in protocol.__mro__ if getattr(kind, "_is_protocol", False) and kind is not Protocol]
    names = {name for kind in kinds for name in (*vars(kind), *vars(kind).get("__annotations__", {}))}
    return {name for name in names if not name.startswith("_")}


def _options_of(annotation: Any) -> Mapping[str, Any]:
    """The types of keyword arguments that are declared together, as `**options: Unpack[SessionOptions]`."""
    return inspect.get_annotations(get_args(annotation)[0]) if get_origin(annotation) is Unpack else {}


def _kind_of(value: Any, declared: Any) -> str:
    item = _list_of(declared)
    if item is not None and isinstance(value, list | tuple):
        wrong = next(one for one in cast("Sequence[Any]", value) if not _fits(one, item))
        if isinstance(wrong, str) and _choices(item):
            return f"holds {wrong!r:.40}"
        return f"holds {'the class ' + wrong.__name__ if isinstance(wrong, type) else type(wrong).__name__}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}"
    return "is None" if value is None else f"is {type(value).__name__}"


def _in_words(declared: Any) -> str:
    origin, inside = get_origin(declared), get_args(declared)
    if declared in _WORDS:
        return _WORDS[declared]
    if origin in (Union, types.UnionType):
        return " or ".join(_in_words(one) for one in inside)
    if origin is Literal:
        return " or ".join(map(repr, inside))
    if (item := _list_of(declared)) is not None:
        return f"a list, of {_in_words(item)} each"
    if (isinstance(origin, type) and issubclass(origin, Mapping)) or is_typeddict(declared):
        return "a dict"
    if getattr(declared, "_is_protocol", False):
        return f"an object that has {', '.join(sorted(_members(declared)))}"
    return f"{declared.__name__}(…)" if isinstance(declared, type) else "a function"
