"""The application under test: the two hooks, a password or the OpenID provider, routes that show the session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Body, Depends, FastAPI, HTTPException

from watchword import AppInfo, SessionContainer, Watchword
from watchword.frameworks.fastapi import install, verify_session
from watchword.http.client import OutgoingClient
from watchword.recipes import Session, SessionFeature, ThirdPartyEmailPassword
from watchword.recipes.recipe import Recipe
from watchword.recipes.thirdparty.providers import OpenIdConnect

SECRET = "only for the tests, and long enough for that"


@dataclass(frozen=True)
class ProviderClient:
    """What the provider knows the application by."""

    issuer: str
    client_id: str
    client_secret: str


async def set_jwt_payload(user: Any, context: Any, action: str) -> Mapping[str, Any]:
    """What the website may read: how the person came in, and a name that needs UTF-8."""
    return {"role": "member", "joinedBy": context.login_type, "greeting": "Žluťoučký kůň 🐎"}


def set_session_data(user: Any, context: Any, action: str) -> Mapping[str, Any]:
    """What stays on the server."""
    return {"firstSeen": action == "signup"}


def make_auth(
    app_info: AppInfo,
    database: str,
    provider: ProviderClient,
    session: Mapping[str, Any],
    recipes: Sequence[Recipe] | None = None,
    more_recipes: Sequence[Recipe] = (),
    **settings: Any,
) -> Watchword:
    """Watchword as an application sets it up.

    Args:
        session: The session settings that differ from the defaults.
        recipes: The ways to sign in; a password or the provider when left out.
        more_recipes: What there is beside them.
        settings: Other settings of `Watchword`.
    """
    return Watchword(
        app_info=app_info,
        database=database,
        secret=SECRET,
        outgoing=OutgoingClient(allow_loopback=True),  # the provider is on this machine, whatever the API is called
        recipe_list=[*(recipes or [_password_or_provider(provider)]), *more_recipes, Session(**session)],
        **settings,
    )


def _password_or_provider(provider: ProviderClient) -> Recipe:
    return ThirdPartyEmailPassword(
        providers=[
            OpenIdConnect(
                third_party_id="people",
                name="People",
                issuer=provider.issuer,
                client_id=provider.client_id,
                client_secret=provider.client_secret,
            )
        ],
        session_feature=SessionFeature(set_jwt_payload=set_jwt_payload, set_session_data=set_session_data),
    )


def make_application(auth: Watchword) -> FastAPI:
    """The routes: read both kinds of data, replace and merge them, and two that fail."""
    app = FastAPI()
    install(app, auth)
    signed_in = Depends(verify_session(auth))

    @app.post("/api/change-email")
    async def change_email(
        email: str = Body(embed=True),
        session: SessionContainer = Depends(verify_session(auth, override_global_claim_validators=[])),
    ) -> dict[str, Any]:
        here = {"keep_session": session.handle, "user_context": session.user_context}
        await auth.users.request_email_change(session.user_id, email, **here)
        return {"status": "OK"}

    @app.get("/api/session")
    async def read(session: Any = signed_in) -> dict[str, Any]:
        return {
            "handle": session.handle,
            "userId": session.user_id,
            "payload": session.jwt_payload,
            "data": await session.get_session_data(),
        }

    @app.put("/api/session/payload")
    async def replace_payload(body: dict[str, Any], session: Any = signed_in) -> dict[str, Any]:
        await session.update_jwt_payload(body)
        return session.jwt_payload

    @app.patch("/api/session/payload")
    async def merge_payload(body: dict[str, Any], session: Any = signed_in) -> dict[str, Any]:
        await session.merge_into_jwt_payload(body)
        return session.jwt_payload

    @app.put("/api/session/data")
    async def replace_data(body: dict[str, Any], session: Any = signed_in) -> dict[str, Any]:
        await session.update_session_data(body)
        return await session.get_session_data()

    @app.patch("/api/session/data")
    async def merge_data(body: dict[str, Any], session: Any = signed_in) -> dict[str, Any]:
        await session.merge_into_session_data(body)
        return await session.get_session_data()

    @app.get("/api/forbidden")
    async def forbidden(session: Any = signed_in) -> None:
        raise HTTPException(403, "not for you")

    @app.get("/api/broken")
    async def broken() -> None:
        raise RuntimeError("a fault of the application's own")

    return app
