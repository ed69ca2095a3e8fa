"""Which recipes run, those of the application and those that are always there, and the tables that go with them."""

from collections.abc import Iterable, Sequence

from watchword.database.migrations import Migration, load_migrations
from watchword.errors import ConfigurationError
from watchword.recipes.health.recipe import Health
from watchword.recipes.multitenancy.recipe import Multitenancy
from watchword.recipes.recipe import Recipe
from watchword.recipes.session.recipe import Session
from watchword.recipes.users.known_tables import CORE_TABLES
from watchword.settings import AppInfo

#: The packages whose tables every installation has, in the order they are made.
CORE_MIGRATION_PACKAGES = (
    "watchword.audit",
    "watchword.accounts",
    "watchword.sessions",
    "watchword.delivery",
    "watchword.protection",
)


def find_session_recipe(recipe_list: Sequence[Recipe]) -> Session:
    """The one that owns sessions, made with the defaults where none is listed.

    Raises:
        ConfigurationError: Two are listed.
    """
    sessions = [recipe for recipe in recipe_list if isinstance(recipe, Session)]
    if len(sessions) > 1:
        raise ConfigurationError("recipe_list", "holds two Session recipes; list it once")
    return sessions[0] if sessions else Session()


def complete(recipe_list: Sequence[Recipe], session_recipe: Session, app_info: AppInfo) -> list[Recipe]:
    """The recipes of the application, with those that are always there."""
    recipes = list(recipe_list)
    if session_recipe not in recipes:
        recipes.append(session_recipe)

    # At the root the paths would be `/health` and its like, which many an application has for itself.
    if app_info.api_base_path and not any(isinstance(recipe, Health) for recipe in recipes):
        recipes.append(Health())
    return [*recipes, Multitenancy(recipe_list, CORE_TABLES)]


def migrations_of(recipes: Iterable[Recipe | type[Recipe]]) -> list[Migration]:
    """The migrations of every room that owns tables, in order."""
    packages = [*CORE_MIGRATION_PACKAGES]
    for recipe in recipes:
        packages += recipe.migration_packages
    return load_migrations(list(dict.fromkeys(packages)))
