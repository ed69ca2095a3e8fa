"""The HTTP APIs of the session recipe, as the face calls them. Source: FDI 4.10, 8.1, 8.6."""

import logging

import pytest

from tests.recipes.engine import call
from tests.recipes.session.conftest import Wire
from tests.recipes.session.test_session import refresh_token_of, start
from tests.sessions.nodes import SECOND, ManualClock
from watchword.errors import ConfigurationError
from watchword.http.messages import HttpRequest
from watchword.recipes.api import Answer, ApiRequest
from watchword.recipes.engine import Engine
from watchword.recipes.session.recipe import Session
from watchword.sessions.errors import TokenTheftDetected, Unauthorised

REQUEST = HttpRequest(method="POST", path="/auth/session/refresh")


async def test_refresh_answers_an_empty_object_and_the_session(recipe: Session, clock: ManualClock) -> None:
    """Line 39: body `{}`; the face puts the tokens of the session on the response."""
    started = await start(recipe, with_anti_csrf_token=True)
    assert started.issued is not None
    clock.turn(131 * SECOND)
    api = ApiRequest(
        http=REQUEST,
        refresh_token=refresh_token_of(started),
        anti_csrf_token=started.issued.anti_csrf_token,
        check_anti_csrf=True,
    )

    answer = await recipe.refresh_post(api)

    assert ({}, 200) == (answer.body, answer.status)
    assert answer.session is not None
    assert started.handle == answer.session.handle
    assert refresh_token_of(started) != refresh_token_of(answer.session)


async def test_refresh_without_a_token_clears(recipe: Session) -> None:
    """Line 40, pitfall 14: otherwise the client asks for ever."""
    with pytest.raises(Unauthorised) as refusal:
        await recipe.refresh_post(ApiRequest(http=REQUEST))

    assert refusal.value.clear_tokens


async def test_sign_out_ends_the_session_once_or_twice(recipe: Session) -> None:
    """Line 42: `OK`, and `OK` again; the session is marked as ended, so that its transport is cleared."""
    session = await start(recipe)

    for _ in range(2):
        answer = await recipe.signout_post(ApiRequest(http=REQUEST, session=session))
        assert {"status": "OK"} == answer.body
        assert answer.session is session
        assert session.ended
    assert [] == await recipe.list_session_handles_for_user("ada")
    assert {"status": "OK"} == (await recipe.signout_post(ApiRequest(http=REQUEST))).body  # revoked before it came


async def test_jwks_and_discovery(recipe: Session) -> None:
    """Line 58: all live keys, cached for less than a new key's head start; the issuer is the tokens' `iss`."""
    jwks = await call(recipe, "jwks_get")
    discovery = await call(recipe, "open_id_discovery_configuration_get")

    assert jwks.body is not None
    kid = (await recipe.session_engine.keys.get_signing_key()).kid
    assert kid in [key["kid"] for key in jwks.body["keys"]]
    assert (("cache-control", "max-age=60, must-revalidate"),) == jwks.headers
    issuer = (await start(recipe)).access_token_payload["iss"]
    assert {"issuer": issuer, "jwks_uri": f"{issuer}/jwt/jwks.json"} == discovery.body


async def test_apis_are_routes_that_an_override_changes(wire: Wire) -> None:
    """Every API by its name and path; the handler is the subclass's."""

    class Polite(Session):
        """Says goodbye."""

        async def signout_post(self, api: ApiRequest) -> Answer:
            """As shipped, with a word more."""
            return (await super().signout_post(api)).with_body(message="goodbye")

    recipe = await wire(Polite(signing_key_algorithm="EdDSA"))

    assert [
        ("session", "refresh_post", "POST", "/session/refresh", False),
        ("session", "signout_post", "POST", "/signout", False),
        ("jwt", "jwks_get", "GET", "/jwt/jwks.json", True),
        ("openid", "open_id_discovery_configuration_get", "GET", "/.well-known/openid-configuration", True),
    ] == [(route.recipe_id, route.name, route.method, route.path, route.public) for route in recipe.routes()]
    sign_out = next(route for route in recipe.routes() if route.name == "signout_post")
    session = await start(recipe)
    answer = await sign_out.handler(ApiRequest(http=REQUEST, session=session))
    assert {"status": "OK", "message": "goodbye"} == answer.body


async def test_functions_are_an_override_away(wire: Wire) -> None:
    """The later form of the hooks, `create_new_session`; and what a request's session calls goes through overrides."""
    calls: list[str] = []

    class Watched(Session):
        """Adds to each session, and counts."""

        async def create_new_session(self, user_id: str, **options: object):  # as the parent
            """With one more key."""
            options["jwt_payload"] = {**options["jwt_payload"], "added": True}  # type: ignore[dict-item]
            return await super().create_new_session(user_id, **options)  # type: ignore[arg-type]

        async def merge_into_session_data(self, handle: str, changes: object, **options: object):
            """Counted."""
            calls.append(handle)
            return await super().merge_into_session_data(handle, changes, **options)  # type: ignore[arg-type]

    recipe = await wire(Watched(signing_key_algorithm="EdDSA"))

    session = await start(recipe)
    await session.merge_into_session_data({"x": 1})

    assert {"role": "member", "added": True} == session.jwt_payload
    assert [session.handle] == calls


async def test_error_answers_default_to_the_contracts(recipe: Session) -> None:
    """The four handlers answer nothing of their own; the face then answers as FDI 6 says."""
    theft = TokenTheftDetected("h", "u", "u")

    assert await recipe.on_token_theft_detected(theft, REQUEST) is None
    assert await recipe.on_unauthorised(Unauthorised("x"), REQUEST) is None


def test_unknown_settings_and_apis_stop_the_start(engine: Engine) -> None:
    """SC-7: the error names what there is."""
    with pytest.raises(ConfigurationError, match="access_token_validity_ms"):
        Session(access_token_validity=5)  # type: ignore[call-arg] # that is the point
    with pytest.raises(ConfigurationError, match="signout_post"):
        Session(disabled_apis=["sign_out_post"]).bind(engine)
    with pytest.raises(ConfigurationError, match="recipe_list"):
        Session().now_ms()


async def test_switched_off_rules_are_said_aloud_at_start(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    """SC-15: accepted for tests, with a warning in the log."""
    with caplog.at_level(logging.WARNING):
        await wire(Session(settle_ms=0, soft_window_ms=0, signing_key_algorithm="EdDSA"))

    for setting in ("settle_ms=0", "soft_window_ms=0", "signing_key_algorithm=EdDSA"):
        assert setting in caplog.text
