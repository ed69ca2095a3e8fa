"""The FDI as one object: from a request to a response, for the APIs of all recipes."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from watchword.errors import BadInput, WatchwordError
from watchword.fdi.bodies import Receive, read_body
from watchword.fdi.cookies import CookiePolicy
from watchword.fdi.cors import add_cors, add_vary, allowed_origin, is_preflight, preflight_headers
from watchword.fdi.csrf import check_not_cross_site
from watchword.fdi.errors import answer_error, unexpected_answer
from watchword.fdi.exchange import Exchange
from watchword.fdi.outcomes import INTERNAL, Outcomes, outcome_of
from watchword.fdi.refreshing import first_that_refreshes
from watchword.fdi.router import Match, Router
from watchword.fdi.sessions import RequestSessions
from watchword.fdi.users import shape_answer
from watchword.fdi.versions import default_linking_flag
from watchword.http.client_address import ClientAddresses
from watchword.http.json import encode_json
from watchword.http.messages import Header, HttpRequest, HttpResponse, JsonObject
from watchword.protection.devices import DEVICE_COOKIE
from watchword.recipes.api import Answer, ApiRequest, Route
from watchword.recipes.engine import Engine
from watchword.recipes.recipe import Recipe
from watchword.recipes.session.recipe import Session
from watchword.sessions.errors import Unauthorised
from watchword.sessions.session import SessionContainer
from watchword.settings import AppInfo
from watchword.telemetry.instruments import REQUESTS
from watchword.telemetry.request_ids import find_request_id

log = logging.getLogger(__name__)


class FdiFace:
    """Answers the FDI for one `Watchword`.

    Args:
        app_info: Domains and paths.
        recipes: All recipes, in the order of the `recipe_list`.
        session_recipe: The one that owns sessions.
        engine: The floors below.
        addresses: Tells clients from proxies.

    Attributes:
        path_prefix: Where a path does not start with it, the application answers, preflights apart.
    """

    def __init__(
        self,
        app_info: AppInfo,
        recipes: Sequence[Recipe],
        session_recipe: Session,
        engine: Engine,
        addresses: ClientAddresses,
    ) -> None:
        self.app_info = app_info
        self.session_recipe = session_recipe
        self.policy = CookiePolicy(app_info, session_recipe.settings)
        self.policy.check()
        self.sessions = RequestSessions(self.policy, session_recipe)
        self._router = Router(app_info.api_base_path, recipes)
        self.path_prefix = self._router.prefix
        self._tenants = engine.tenants
        self._clock = engine.clock
        self._limits = engine.limits
        self.addresses = addresses
        self._telemetry = engine.hooks.telemetry
        self.outcomes = Outcomes()

    # The way in

    def find_route(self, request: HttpRequest) -> Match | None:
        """The API that answers a request, or `None` when it is the application's."""
        return self._router.find(request)

    def answer_preflight(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a preflight from a configured origin, on any path; `None` for all other requests."""
        origin = allowed_origin(self.app_info, request) if is_preflight(request) else None
        return None if origin is None else HttpResponse(204, tuple(preflight_headers(origin, request)))

    async def call(self, exchange: Exchange, match: Match, receive: Receive) -> HttpResponse:
        """Run one API and answer; never raises but for cancellation."""
        route = match.route
        path = self.app_info.api_base_path + route.path
        with self._telemetry.operation(
            f"{route.method} {path}",
            REQUESTS,
            {"http.request.method": route.method, "http.route": path},
            kind="server",
            header=exchange.request.header,
        ) as operation:
            try:
                answer = await self._run(exchange, match, receive)
                outcome = outcome_of(answer)
            except WatchwordError as error:
                outcome = error.code
                answer = await self.answer_error(exchange, error)
                self._keep_native_clients_calm(exchange, route, answer)
            except Exception as error:  # an override of the application's may raise anything
                outcome = INTERNAL
                answer = unexpected_answer(error, f"the API {route.name}{_hint(error)}")
            response = self.respond(exchange, answer, public=route.public)
            self.outcomes.count(route, answer, outcome)
            operation.label("http.response.status_code", response.status)
            operation.label("watchword.outcome", outcome)
            if response.status >= 500:
                operation.fail(outcome)
            return response

    async def answer_error(self, exchange: Exchange, error: WatchwordError) -> Answer:
        """The answer to an error, wherever in the request it was raised."""
        try:
            return await answer_error(error, exchange, self.session_recipe)
        except Exception as own_error:  # an error handler of the application's may raise, too
            return unexpected_answer(own_error, "an error handler")

    # The way out

    def respond(self, exchange: Exchange, answer: Answer, *, public: bool = False) -> HttpResponse:
        """An answer as bytes, with tokens and cross-origin headers."""
        plain = self.encode(exchange, answer)
        if public:
            return replace(plain, headers=(*plain.headers, ("access-control-allow-origin", "*")))
        return replace(plain, headers=tuple(self.finish_headers(exchange, list(plain.headers))))

    def encode(self, exchange: Exchange, answer: Answer) -> HttpResponse:
        """An answer as bytes, before `finish_headers`, for frameworks that finish every response themselves."""
        try:
            return _encoded(exchange, answer)
        except Exception as error:  # an override of the application's answered with what HTTP or JSON cannot carry
            return _encoded(exchange, unexpected_answer(error, "the answer of an override"))

    def finish_headers(self, exchange: Exchange, headers: list[Header]) -> list[Header]:
        """Response headers, the application's included, with tokens and cross-origin headers added."""
        tokens = [] if exchange.is_silent else exchange.writer.headers(self._clock.now_ms())
        if tokens:
            # A cache must never hand one person's tokens to another (security CK-6).
            headers = [header for header in headers if header[0] != "cache-control"]
            headers += [("cache-control", "no-store"), *tokens]
            headers = add_vary(headers, "Cookie", "Authorization", "st-auth-mode")
        return add_cors(headers, allowed_origin(self.app_info, exchange.request))

    # One call

    async def _run(self, exchange: Exchange, match: Match, receive: Receive) -> Answer:
        route = match.route
        if route.changes_state and route.method != "GET":
            check_not_cross_site(self.policy, exchange.request)
        if route.limit is not None:
            await self._limits.check(route.limit, exchange.request.client_address)
        body = await read_body(exchange.request, receive, route.body)
        session = await self._load_session(exchange, route, body)
        tenant_id = match.tenant_id if session is None or route.session == "optional" else session.tenant_id
        tenant = await self._tenants.get(tenant_id)
        if route.first_factor is not None and not tenant.offers(route.first_factor):
            _refuse_first_factor(route.first_factor, session)
        api = ApiRequest(
            http=exchange.request,
            body=body,
            tenant_id=tenant_id,
            session=session,
            anti_csrf_token=exchange.request.header("anti-csrf"),
            with_anti_csrf_token=self.sessions.new_session_needs_anti_csrf_token(exchange.request),
            user_context=exchange.user_context,
        )
        if route.name == "refresh_post":
            return await self._refresh(exchange, route, api)
        answer = await route.handler(api)
        if not isinstance(answer, Answer):  # pyright: ignore[reportUnnecessaryIsInstance] - an override may answer anything
            raise TypeError(f"{route.name} returned {type(answer).__name__}; return an Answer")
        if answer.session is not None and answer.session is not session:
            await self.sessions.attach_new(exchange, answer.session)
            self._remember_device(exchange, tenant_id, answer.signed_in_as)
        return answer

    async def _load_session(self, exchange: Exchange, route: Route, body: JsonObject) -> SessionContainer | None:
        if route.session == "none":
            return None
        if route.session != "sign_in":
            try:
                return await self.sessions.load(
                    exchange, session_required=route.session != "optional", override_global_claim_validators=[]
                )
            except Unauthorised as error:
                if route.session == "required" or not error.clear_tokens:
                    raise
                exchange.writer.clear_all()  # it has ended: as was wished, or as if none had come along (FDI 8.4, 14)
                return None
        flag = body.get("shouldTryLinkingWithSessionUser", default_linking_flag(exchange.version))
        if flag is False:
            return None  # whatever the client still holds, this is a first sign-in (FDI 11)
        if flag not in (True, None):
            raise BadInput(
                "shouldTryLinkingWithSessionUser", "shouldTryLinkingWithSessionUser must be true or false, if it is set"
            )
        try:
            # Asks the database: a session that another process revoked must not be kept as the one just signed in.
            return await self.sessions.load(
                exchange, session_required=flag is True, check_database=True, override_global_claim_validators=[]
            )
        except Unauthorised:
            if flag is True:
                raise
            return None  # it has ended, as if none had come along

    async def _refresh(self, exchange: Exchange, route: Route, api: ApiRequest) -> Answer:
        candidates = self.sessions.refresh_candidates(exchange)
        calls = self.sessions.refresh_calls(exchange, candidates, api)
        answer = await first_that_refreshes(calls, route.handler, self.session_recipe)
        if answer.session is not None:
            exchange.writer.attach(answer.session, candidates.transport)
        return answer

    def _remember_device(self, exchange: Exchange, tenant_id: str, email: str | None) -> None:
        if email is None:
            return
        cookie = self._limits.remember_device(tenant_id, email, exchange.request.cookies.get(DEVICE_COOKIE, ()))
        if cookie is not None:
            exchange.writer.remember_device(cookie)

    def _keep_native_clients_calm(self, exchange: Exchange, route: Route, answer: Answer) -> None:
        if route.name == "refresh_post" and (answer.status >= 500 or answer.status in _KEPT):
            front_token = self.sessions.front_token_to_repeat(exchange.request)
            if front_token is not None:
                exchange.writer.repeat_front_token(front_token)


def _hint(error: Exception) -> str:
    if type(error).__name__ != "HTTPException":  # of FastAPI and others; it means something in their routes only
        return ""
    return " (in an override raise a type of watchword.errors, for example GeneralError('a sentence'))"


def _encoded(exchange: Exchange, answer: Answer) -> HttpResponse:
    shaped = shape_answer(answer, exchange.version)
    body = b"" if shaped is None else encode_json(shaped)
    headers: list[Header] = [(name.lower(), value) for name, value in answer.headers]
    if shaped is not None:
        headers.append(("content-type", "application/json; charset=utf-8"))
    if not any(name == "cache-control" for name, _ in headers):
        headers.append(("cache-control", "no-store"))
    headers.append(("content-length", str(len(body))))
    request_id = find_request_id()
    if request_id is not None:
        headers.append(("x-request-id", request_id))
    return HttpResponse(answer.status, tuple(headers), body)


#: Refusals of a refresh that leave the session as it is: too soon, too many.
_KEPT = (409, 429)


def _refuse_first_factor(first_factor: str, session: SessionContainer | None) -> NoReturn:
    """The tenant does not offer this way to sign in. Source: FDI 11."""
    if session is not None:
        raise BadInput("tenantId", f"{first_factor} is not offered by this tenant")
    raise Unauthorised(f"{first_factor} is not offered by this tenant", clear_tokens=False)
