"""The HTTP face of the session recipe: its routes as data. Source: FDI 8.1, 8.6."""

from functools import partial
from typing import Protocol

from watchword.recipes.api import Answer, ApiRequest, Route


class SessionApis(Protocol):
    """What the routes call: the recipe with the application's overrides."""

    async def refresh_post(self, api: ApiRequest) -> Answer:
        """Answer a refresh."""
        ...

    async def signout_post(self, api: ApiRequest) -> Answer:
        """Answer a sign-out."""
        ...

    async def jwks_get(self, api: ApiRequest) -> Answer:
        """Answer with the public keys."""
        ...

    async def open_id_discovery_configuration_get(self, api: ApiRequest) -> Answer:
        """Answer with the discovery document."""
        ...


def session_routes(recipe: SessionApis) -> tuple[Route, ...]:
    """The routes. The refresh cookie's path has no tenant, so browsers refresh without one (FDI 15, pitfall 17)."""
    post = partial(Route, recipe_id="session", method="POST")
    get = partial(Route, method="GET", changes_state=False, public=True)
    return (
        post(name="refresh_post", path="/session/refresh", limit="refresh", handler=recipe.refresh_post),
        post(name="signout_post", path="/signout", session="ending", handler=recipe.signout_post),
        get(recipe_id="jwt", name="jwks_get", path="/jwt/jwks.json", handler=recipe.jwks_get),
        get(
            recipe_id="openid",
            name="open_id_discovery_configuration_get",
            path="/.well-known/openid-configuration",
            handler=recipe.open_id_discovery_configuration_get,
        ),
    )
