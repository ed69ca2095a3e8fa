"""What an application may write into `recipe_list`, and sentences for what it may not."""

from typing import Any, cast

from watchword.errors import ConfigurationError
from watchword.recipes.overrides import check_overrides
from watchword.recipes.recipe import Recipe
from watchword.recipes.session_feature import SessionFeature


def check_recipe_list(recipe_list: Any) -> None:
    """Refuse what is no list of recipes.

    Args:
        recipe_list: As the application wrote it, whatever its types say.

    Raises:
        ConfigurationError: Not a list, something in it is no recipe that is ready to use, or one has overrides
            that cannot work.
    """
    if not isinstance(recipe_list, list | tuple):
        raise ConfigurationError("recipe_list", "is not a list; write a list like [EmailPassword()]")
    for recipe in cast("list[Any]", recipe_list):
        _check_recipe(recipe)


def _check_recipe(recipe: Any) -> None:
    if isinstance(recipe, Recipe):
        if not recipe.is_initialised:
            raise ConfigurationError(
                "recipe_list", f"{type(recipe).__name__}.__init__ does not call super().__init__(); call it first"
            )
        check_overrides(type(recipe))
    elif isinstance(recipe, type) and issubclass(recipe, Recipe):
        raise ConfigurationError("recipe_list", f"write {recipe.__name__}(), with parentheses")
    elif isinstance(recipe, SessionFeature):
        raise ConfigurationError(
            "recipe_list", "a SessionFeature is no recipe; give it to one, like EmailPassword(session_feature=…)"
        )
    else:
        raise ConfigurationError(
            "recipe_list", f"{recipe!r:.80} is no recipe; list objects like EmailPassword() or ThirdParty(…)"
        )
