"""What applications import and call: where it stands, how it is called, in which order it takes its arguments."""

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from watchword import recipes
from watchword.audit.audit import Audit
from watchword.recipes.multitenancy.recipe import Multitenancy
from watchword.recipes.recipe import Recipe, SignInRecipe
from watchword.recipes.session.programmatic import Sessions
from watchword.recipes.users.programmatic import Users

ROOT = Path(__file__).parents[1]
PUBLIC = ("watchword", "watchword.errors", "watchword.recipes", "watchword.recipes.thirdparty.providers")
VERBS = re.compile(
    "(add|associate|ban|clear|count|create|delete|disassociate|erase|explain|export|fetch|find|get|list|merge_into|remove|"
    "request|revoke|search|set|unban|update|verify)(_|$)"
)
OBJECTS = {
    "users": Users,
    "sessions": Sessions,
    "audit": Audit,
    "tenants": Multitenancy,
    "roles": recipes.UserRoles,
}
RECIPES = [kind for kind in vars(recipes).values() if isinstance(kind, type) and issubclass(kind, Recipe)]
OF_EVERY_RECIPE = {name for kind in (Recipe, SignInRecipe) for name in vars(kind)}


def functions_of(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions that applications call or override.

    Left out are HTTP APIs with their parts, parts of transactions, and what all recipes are asked.
    """
    for name, function in inspect.getmembers(kind, inspect.isfunction):
        is_part = not {"api", "tx", "request"}.isdisjoint(inspect.signature(function).parameters)
        if not name.startswith("_") and not is_part and name not in OF_EVERY_RECIPE:
            yield name, function


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_exported_is_listed_sorted_and_described(name: str) -> None:
    """`__all__` is what a newcomer reads: in order, complete, and `help()` has something to say."""
    module = importlib.import_module(name)
    if name == "watchword.errors":
        return
    assert module.__all__ == sorted(module.__all__, key=lambda one: (one[0].islower(), one))
    for one in module.__all__:
        exported = getattr(module, one)
        if inspect.isclass(exported) or inspect.isfunction(exported):
            assert exported.__doc__, one


def test_documents_and_examples_import_what_is_public() -> None:
    """A reader who copies an import gets a name that stays where it is."""
    texts = [*ROOT.glob("docs/*.md"), ROOT / "README.md", *ROOT.glob("examples/**/*.py")]
    texts += ROOT.glob("src/watchword/cli/new_app/**/*.py")
    found = [
        (text.name, module)
        for text in texts
        for module in re.findall(r"^(?:from|import) (watchword[\w.]*)", text.read_text(), re.MULTILINE)
    ]
    assert len(found) > 40
    assert [] == [one for one in found if one[1] not in PUBLIC and not one[1].startswith("watchword.frameworks.")]


@pytest.mark.parametrize("name", OBJECTS)
def test_functions_begin_with_a_verb_of_ours(name: str) -> None:
    """`auth.users.list`, `auth.tenants.list`, `auth.roles.list`: the same verb for the same thing, without the noun."""
    for function, _ in functions_of(OBJECTS[name]):
        assert VERBS.match(function), function
        rest = function.replace("session_data", "").removesuffix("_user_ids")
        assert name.removesuffix("s") not in rest.split("_"), function


@pytest.mark.parametrize("kind", [*OBJECTS.values(), *RECIPES], ids=lambda kind: kind.__name__)
def test_two_arguments_by_position_and_the_context_last(kind: type) -> None:
    """Whom or what it is about, then what is to become of it; the rest says by its name what it is."""
    for name, function in functions_of(kind):
        parameters = list(inspect.signature(function).parameters.values())[1:]
        by_position = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
        assert len(by_position) <= 2, name
        assert "tenant_id" not in by_position[1:], name
        if "user_context" in [one.name for one in parameters]:
            assert "user_context" == parameters[-1].name, name
            assert parameters[-1].kind is inspect.Parameter.KEYWORD_ONLY, name


def test_every_error_says_when_it_is_raised() -> None:
    """`watchword.errors` lists no names, so each of its classes has a sentence and a code of its own."""
    tree = ast.parse((ROOT / "src" / "watchword" / "errors.py").read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert all(ast.get_docstring(node) for node in classes)
    module = importlib.import_module("watchword.errors")
    codes = [getattr(module, node.name).code for node in classes if "code" in vars(getattr(module, node.name))]
    assert len(codes) == len(set(codes))
