"""Our description of the interface names exactly what is served."""

from pathlib import Path

import jsonschema_rs
import pytest

from tests.fdi.openapi import operations, read_description
from tests.site import SECRET
from watchword import AppInfo, Watchword
from watchword.recipes import EmailVerification, ThirdPartyEmailPassword
from watchword.recipes.api import Route

DESCRIPTION = read_description()


@pytest.fixture
def routes(tmp_path: Path) -> list[Route]:
    """Every route of every recipe, as data."""
    origin = "http://localhost:8000"
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain=origin, website_domain=origin),
        database=f"sqlite:///{tmp_path / 'watchword.db'}",
        secret=SECRET,
        recipe_list=[ThirdPartyEmailPassword(), EmailVerification(mode="OPTIONAL")],
    )
    return [route for recipe in auth.recipe_list for route in recipe.routes()]


def test_every_route_is_described_and_nothing_else(routes: list[Route]) -> None:
    """Method, path, the path with a tenant where one may stand, and the name that disables it."""
    served = {
        (route.method, path): route.name
        for route in routes
        for path in ([route.path, "/{tenantId}" + route.path] if route.tenant else [route.path])
    }
    assert served == {key: operation["x-api-name"] for key, operation in operations(DESCRIPTION).items()}


def test_what_a_route_reads_is_described(routes: list[Route]) -> None:
    """The content type of its body, and the statuses that come with reading one and with a session."""
    media_types = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
    bodies = DESCRIPTION["components"]["requestBodies"]
    for route in routes:
        operation = operations(DESCRIPTION)[route.method, route.path]
        body = operation.get("requestBody")
        content = set() if body is None else set(bodies[body["$ref"].rsplit("/", 1)[1]]["content"])
        assert ({media_types[route.body]} if route.body in media_types else set()) == content
        with_body = {"413", "415"} if route.body in media_types else set()
        assert with_body == {"413", "415"} & set(operation["responses"])
        assert {"500", "503"} <= set(operation["responses"])
        sessions = route.session != "none" or route.name == "refresh_post"
        assert sessions == ("401" in operation["responses"])
        limited = route.limit is not None or route.name == "sign_in_post"
        assert limited == ("429" in operation["responses"])
        assert route.changes_state == ("403" in operation["responses"])


def test_every_schema_is_a_schema() -> None:
    """JSON Schema 2020-12, and every example fits its own."""
    components = DESCRIPTION["components"]
    for schema in components["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    for body in components["requestBodies"].values():
        for media in body["content"].values():
            jsonschema_rs.validate({**media["schema"], "components": components}, media["example"])
