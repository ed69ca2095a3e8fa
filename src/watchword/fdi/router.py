"""Which recipe's API answers a path. Source: FDI 1.2."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from watchword.errors import ConfigurationError
from watchword.http.messages import HttpRequest
from watchword.recipes.api import Route
from watchword.recipes.recipe import Recipe

_TENANT_PATH = re.compile(r"/([a-zA-Z0-9-]+)(/.+)", re.ASCII)
#: Values of `rid` that mean two recipes at once (FDI 1.2, step 3).
_COMBINED = {
    "thirdpartyemailpassword": ("thirdparty", "emailpassword"),
    "thirdpartypasswordless": ("thirdparty", "passwordless"),
}


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the tenant that its path names."""

    route: Route
    tenant_id: str = "public"


class Router:
    """The fixed table of all APIs that are not disabled.

    Args:
        api_base_path: As the request carries it, so without the gateway's prefix.
        recipes: In the order of the `recipe_list`.
    """

    def __init__(self, api_base_path: str, recipes: Sequence[Recipe]) -> None:
        #: What every path of ours starts with.
        self.prefix = api_base_path + "/"
        self._table: dict[tuple[str, str], list[Route]] = {}
        for recipe in recipes:
            for route in recipe.routes():
                if route.name not in recipe.disabled_apis:
                    self._add(route)

    def _add(self, route: Route) -> None:
        routes = self._table.setdefault((route.method, route.path), [])
        if any(route.recipe_id == other.recipe_id for other in routes):
            raise ConfigurationError(
                "recipe_list", f"two recipes answer {route.method} {route.path}; list {route.recipe_id} once"
            )
        routes.append(route)

    def find(self, request: HttpRequest) -> Match | None:
        """The API that answers, or `None` when the path is the application's.

        An exact path beats a path with a tenant in front, whichever recipe owns it; `rid` is a hint
        that is tried first and never a requirement.
        """
        path = request.path.removesuffix("/")
        if not path.startswith(self.prefix):
            return None
        rest = path[len(self.prefix) - 1 :]
        rid = request.header("rid")
        hinted = _COMBINED.get(rid, (rid,)) if rid else ()
        return self._match(request.method, rest, hinted) or self._match(request.method, rest, None)

    def _match(self, method: str, rest: str, recipe_ids: Sequence[str] | None) -> Match | None:
        route = self._pick(method, rest, recipe_ids)
        if route is not None:
            return Match(route)
        with_tenant = _TENANT_PATH.fullmatch(rest)
        if with_tenant is None:
            return None
        route = self._pick(method, with_tenant[2], recipe_ids)
        return Match(route, with_tenant[1]) if route is not None and route.tenant else None

    def _pick(self, method: str, path: str, recipe_ids: Sequence[str] | None) -> Route | None:
        routes = self._table.get((method, path), ())
        return next((route for route in routes if recipe_ids is None or route.recipe_id in recipe_ids), None)
