"""The HTTP APIs of recipes as data: routes, the requests they are called with, and their answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from watchword.accounts.users import User
from watchword.http.messages import Header, HttpRequest, JsonObject
from watchword.protection.settings import LimitName
from watchword.recipes.user_context import UserContext
from watchword.sessions.session import SessionContainer


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One call of a recipe's HTTP API, after the face has read and checked it.

    Attributes:
        http: The request without its body.
        body: The decoded JSON object or form; `{}` when there was none.
        tenant_id: From the path, or that of the loaded session.
        session: The session loaded for this call, if the route asks for one and it came along.
        refresh_token: On the refresh route only: the token that came along, in either transport.
        anti_csrf_token: The `anti-csrf` request header.
        check_anti_csrf: On the refresh route: whether the refresh token's anti-CSRF token must match.
        with_anti_csrf_token: Whether a session made for this request carries an anti-CSRF token.
        user_context: See `UserContext`.
    """

    http: HttpRequest
    body: JsonObject = field(default_factory=dict[str, Any], repr=False)
    tenant_id: str = "public"
    session: SessionContainer | None = None
    refresh_token: str | None = field(default=None, repr=False)
    anti_csrf_token: str | None = field(default=None, repr=False)
    check_anti_csrf: bool = False
    with_anti_csrf_token: bool = False
    user_context: UserContext = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an HTTP API of a recipe answers; the face turns it into bytes, cookies and headers.

    Attributes:
        body: A JSON object with the contract's `status`, or `None` for an empty body.
        status: The HTTP status; 200 for every expected outcome (FDI 3.1).
        headers: Further response headers.
        session: A session whose new tokens, or whose end, must reach the client.
        user: Put under `user`, in the shape of the client's FDI version (FDI 2.3, 2.4).
        recipe_user_id: The login method that was used, for the shape of version 1.
        signed_in_as: The e-mail address whose password was just right: this browser is known there from now on.
        created_new_recipe_user: Put under the name of the client's version when it is not `None`.
    """

    body: JsonObject | None = field(repr=False)  # holds the verifier of an attempt
    status: int = 200
    headers: tuple[Header, ...] = field(default=(), repr=False)  # holds codes, on the way back from a provider
    session: SessionContainer | None = None
    user: User | None = None
    recipe_user_id: str | None = None
    signed_in_as: str | None = field(default=None, repr=False)
    created_new_recipe_user: bool | None = None

    def with_body(self, **members: Any) -> "Answer":
        """The same answer with further members in its body."""
        return replace(self, body={**(self.body or {}), **members})


Handler = Callable[[ApiRequest], Awaitable[Answer]]
SessionUse = Literal["none", "optional", "required", "ending", "sign_in"]
BodyKind = Literal["none", "json", "form"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of a recipe's HTTP face.

    Attributes:
        recipe_id: The value of `rid` that names it (FDI 1.3).
        name: The API's name for overriding and disabling, for example `sign_up_post`.
        path: After the base path, for example `/signup`; it may carry a tenant in front when `tenant`.
        body: How the body is read; `none` leaves it unread.
        session: `required` loads one or answers 401 (claims skipped); `optional` does so if one came along,
            and leaves the tenant to the path; `ending` is as `required`; for both of these one that was revoked
            already is no error, it only leaves the client; `sign_in` follows FDI 11.
        changes_state: Whether a cross-site browser request is refused (security CS-2).
        limit: The limit that each request of a client network counts on, before its body is read.
        first_factor: The way to sign in that it is, which the tenant has to offer.
        public: Answered with `Access-Control-Allow-Origin: *` and without credentials (keys, discovery).
    """

    recipe_id: str
    name: str
    method: Literal["GET", "POST", "PUT"]
    path: str
    handler: Handler
    body: BodyKind = "none"
    session: SessionUse = "none"
    tenant: bool = True
    changes_state: bool = True
    limit: LimitName | None = None
    first_factor: str | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class FirstFactor:
    """A way to sign in that needs nothing before it. Source: FDI 8.5.

    Attributes:
        id: The factor's id, for example `thirdparty`.
        providers: Id and name of each provider, where the factor has some.
    """

    id: str
    providers: tuple[tuple[str, str], ...] | None = None
