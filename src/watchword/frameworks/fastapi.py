"""FastAPI: install the routes, protect your own, and start sessions yourself; what Starlette has, and a dependency.

app = FastAPI()
install(app, auth)

@app.get("/me")
async def me(session: SessionContainer = Depends(verify_session(auth))): ...
"""

from typing import Annotated, Any, Unpack

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from watchword.app import Watchword
from watchword.errors import ConfigurationError
from watchword.fdi.asgi import exchange_of
from watchword.frameworks.sessions import Load, SessionOptions, session_loader
from watchword.frameworks.starlette import create_session, install
from watchword.sessions.session import SessionContainer

__all__ = ["create_session", "install", "verify_session"]


class VerifySession(SecurityBase):
    """A FastAPI dependency that answers with the session of the request; made by `verify_session`."""

    def __init__(self, load: Load) -> None:
        self.model = HTTPBearer(
            bearerFormat="JWT", description="The access token of a session; browsers send a cookie."
        )
        self.scheme_name = "Session"
        self._load = load

    async def __call__(self, connection: HTTPConnection) -> SessionContainer[Any, Any] | None:
        """The verified session of a request or a WebSocket, or `None` where it is optional and none came along."""
        return await self._load(exchange_of(connection.scope))


class _NotFromTheRequest:
    """Marks an argument that FastAPI looks for in the request when `Depends` gets the function that wants it."""

    def __get_pydantic_core_schema__(self, *_: Any) -> Any:
        """Asked when the route is declared."""
        raise ConfigurationError("verify_session", "write Depends(verify_session(auth)), with the Watchword")


def verify_session(
    auth: Annotated[Watchword, _NotFromTheRequest()], **options: Unpack[SessionOptions]
) -> VerifySession:
    """A dependency for `Depends(…)` that verifies the session of a request, with no I/O by default.

    Args:
        auth: The `Watchword`.
        options: See `SessionOptions`.
    Raises:
        ConfigurationError: At once, when `auth` or the validators are something else.
    Raises (as answers of the contract, FDI 6):
        Unauthorised, TryRefreshToken: 401. InvalidClaims: 403. CrossSiteRequest: 403.
    """
    return VerifySession(session_loader(auth, **options))
