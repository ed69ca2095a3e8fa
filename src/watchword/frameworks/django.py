"""Django: one middleware that serves the routes, a decorator for your views, and starting sessions yourself.

# sign_in.py of your project
auth = Watchword(...)
watchword = middleware(auth)

# settings.py: the first of the list, so that all the others see an ordinary request
MIDDLEWARE = ["mysite.sign_in.watchword", ...]

# views.py
@verify_session(auth)
def me(request, session: SessionContainer): ...
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import wraps
from http.cookies import Morsel
from typing import Any, Unpack, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction  # pyright: ignore[reportDeprecated] - 3.11 needs it
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse as DjangoResponse
from django.http.response import HttpResponseBase
from django.utils import cache

from watchword.app import Watchword
from watchword.errors import ConfigurationError, WatchwordError
from watchword.fdi.bodies import MAX_BODY_BYTES, already_read
from watchword.fdi.environ_request import EnvironRequest
from watchword.fdi.exchange import Exchange
from watchword.fdi.wsgi import answer_error_in_thread, call_in_thread, read_environ, scope_of
from watchword.frameworks.sessions import NewSession, SessionOptions, kinds, session_loader, start_session
from watchword.http.messages import Header, HttpResponse
from watchword.sessions.session import SessionContainer
from watchword.telemetry.request_ids import current_request

__all__ = ["acreate_session", "create_session", "lifespan", "middleware", "verify_session"]

View = Callable[..., Any]
Request = Any  # Django has no annotations, and of its two classes only what both have is used
GetResponse = Callable[[Request], Any]

_EXCHANGE = "watchword_exchange"
_DECIDED_BY = ("Cookie", "Authorization", "st-auth-mode")  # the headers by which a session is found


def middleware(auth: Watchword) -> Callable[[GetResponse], "WatchwordMiddleware"]:
    """What to name in `MIDDLEWARE`: it answers our routes, and puts tokens, CORS and error answers in order.

    Under WSGI `auth` starts in the first request that asks it something and stops with the process; under ASGI it
    starts in the first request, or with the server where `lifespan` is around the application.

    Raises:
        ConfigurationError: It is no `Watchword`.
    """
    if not isinstance(auth, Watchword):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
        raise ConfigurationError("middleware", f"got {kinds(auth)}; write middleware(auth), with the Watchword")

    def make(get_response: GetResponse) -> "WatchwordMiddleware":
        return WatchwordMiddleware(get_response, auth)

    make.sync_capable = make.async_capable = True  # type: ignore[attr-defined] - how Django asks
    return make


class WatchwordMiddleware:
    """The middleware of one Django process; made by `middleware`."""

    def __init__(self, get_response: GetResponse, auth: Watchword) -> None:
        self._get_response = get_response
        self._auth = auth
        self._is_async = iscoroutinefunction(get_response)  # pyright: ignore[reportDeprecated]
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Request) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """One request."""
        if self._is_async:
            return self._answer_async(request)
        entered = current_request.set(scope_of(request.META))
        try:
            return self._answer(request)
        finally:
            current_request.reset(entered)

    def process_exception(self, request: Request, error: Exception) -> HttpResponseBase | None:
        """Errors of ours that a view lets through, as the contract answers them."""
        if not isinstance(error, WatchwordError):
            return None
        exchange = exchange_of(request)
        return _response(self._auth.fdi.encode(exchange, answer_error_in_thread(self._auth, exchange, error)))

    def _answer(self, request: Request) -> HttpResponseBase:
        face, exchange = self._auth.fdi, self._open(request)
        preflight = face.answer_preflight(exchange.request)
        if preflight is not None:
            return _response(preflight)
        match = face.find_route(exchange.request)
        if match is not None:
            receive = already_read(read_environ(request.META))
            return _response(call_in_thread(self._auth, exchange, match, receive))
        return self._finish(exchange, self._get_response(request))

    async def _answer_async(self, request: Request) -> HttpResponseBase:
        entered = current_request.set(scope_of(request.META))
        try:
            face, exchange = self._auth.fdi, self._open(request)
            preflight = face.answer_preflight(exchange.request)
            if preflight is not None:
                return _response(preflight)
            try:
                await self._auth.start()
            except WatchwordError as error:
                return _response(face.respond(exchange, await face.answer_error(exchange, error)))
            match = face.find_route(exchange.request)
            if match is not None:
                receive = already_read(request.read(MAX_BODY_BYTES + 1))  # Django has received it whole
                return _response(await face.call(exchange, match, receive))
            return self._finish(exchange, await self._get_response(request))
        finally:
            current_request.reset(entered)

    def _open(self, request: Request) -> Exchange:
        face = self._auth.fdi
        exchange = Exchange(EnvironRequest(request.META, face.addresses, path=request.path_info), face.policy)
        setattr(request, _EXCHANGE, exchange)
        return exchange

    def _finish(self, exchange: Exchange, response: HttpResponseBase) -> HttpResponseBase:
        sent: Iterable[Header] = cast("Any", response).items()
        headers = [(name.lower(), value) for name, value in sent]
        finished = self._auth.fdi.finish_headers(exchange, headers)
        for name, _ in headers:
            del response[name]
        _put_headers(response, finished)
        return response


def exchange_of(request: Request) -> Exchange:
    """The exchange of a request that passed the middleware.

    Raises:
        ConfigurationError: The middleware is not listed.
    """
    exchange = getattr(request, _EXCHANGE, None)
    if exchange is None:
        raise ConfigurationError(
            "MIDDLEWARE", "this request did not pass Watchword; name what middleware(auth) returned in MIDDLEWARE"
        )
    return cast("Exchange", exchange)


def verify_session(auth: Watchword, **options: Unpack[SessionOptions]) -> Callable[[View], View]:
    """A decorator for a view, sync or async, which gets the verified session as its argument `session`.

    On a class: `@method_decorator(verify_session(auth), name="dispatch")`. What a session stores a sync view reads and
    changes by `auth.run(session.get_session_data())` and its like, an async one, which wants ASGI, by `await`.

    Args:
        auth: The `Watchword`.
        options: See `SessionOptions`.
    Raises:
        ConfigurationError: At once, when `auth` or the options are something else.
    Raises (as answers of the contract, FDI 6):
        Unauthorised, TryRefreshToken: 401. InvalidClaims: 403. CrossSiteRequest: 403.
    """
    load = session_loader(auth, **options)

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):  # pyright: ignore[reportDeprecated]

            @wraps(view)
            async def verified_async(request: Request, *args: Any, **kwargs: Any) -> Any:
                exchange = exchange_of(request)
                # Under WSGI the view has an event loop for this one request, and `auth` lives on another.
                session = auth.run(load(exchange)) if isinstance(request, WSGIRequest) else await load(exchange)
                return _for_one_person(await view(request, *args, session=session, **kwargs))

            return verified_async

        @wraps(view)
        def verified(request: Request, *args: Any, **kwargs: Any) -> Any:
            return _for_one_person(view(request, *args, session=auth.run(load(exchange_of(request))), **kwargs))

        return verified

    return decorate


def _for_one_person(response: Any) -> Any:
    """What a view answered, kept out of Django's caches, which would show one person's page to all who ask for it.

    Here and not in the middleware, which stands outside of them. A view that sets `Cache-Control` decides itself.
    """
    if isinstance(response, HttpResponseBase):
        django: Any = cache  # which has no annotations
        django.patch_vary_headers(response, _DECIDED_BY)
        if "Cache-Control" not in response.headers:
            django.patch_cache_control(response, private=True)
    return response


def create_session(auth: Watchword, request: Request, **new: Unpack[NewSession]) -> SessionContainer[Any, Any]:
    """Start a session for a person the application signed in by its own means; the tokens go on the response.

    Args:
        auth: The `Watchword`.
        request: The current request.
        new: See `NewSession`.
    Raises:
        CrossSiteRequest: A page of a site that is not configured posted it (security CS-4); nothing was written.
        InvalidPayload: JSON, the size limit or the reserved names do not allow it; nothing was written.
    """
    return auth.run(start_session(auth, exchange_of(request), **new))


async def acreate_session(auth: Watchword, request: Request, **new: Unpack[NewSession]) -> SessionContainer[Any, Any]:
    """As `create_session`, in an async view."""
    return await start_session(auth, exchange_of(request), **new)


AsgiApplication = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


def lifespan(application: AsgiApplication, auth: Watchword) -> AsgiApplication:
    """For `asgi.py`: start and stop `auth` with the server, of which Django itself takes no notice.

    application = lifespan(get_asgi_application(), auth)
    """

    async def with_lifespan(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(auth, receive, send)
        else:
            await application(scope, receive, send)

    return with_lifespan


async def _live(auth: Watchword, receive: Any, send: Any) -> None:
    await receive()
    try:
        await auth.start()
    except WatchwordError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await auth.stop()
    await send({"type": "lifespan.shutdown.complete"})


def _response(response: HttpResponse) -> DjangoResponse:
    answer = DjangoResponse(response.body, status=response.status)
    del answer["content-type"]
    _put_headers(answer, response.headers)
    return answer


def _put_headers(response: HttpResponseBase, headers: Any) -> None:
    for name, value in headers:
        if name == "set-cookie":
            cookie = _Written(value)
            # One cookie may be set twice, for two paths or domains: the values are sent, whatever their keys.
            cookies: dict[str, Any] = response.cookies
            dict.__setitem__(cookies, cookie.identity, cookie)  # pyright: ignore[reportUnknownMemberType]
        else:
            response[name] = value


class _Written(Morsel[str]):
    """A cookie as we wrote it, with attributes that older Pythons do not know."""

    def __init__(self, text: str) -> None:
        super().__init__()
        name, _, value = text.partition(";")[0].partition("=")
        self.set(name, value, value)
        self._text = text
        places = [part.strip().lower() for part in text.split(";")[1:]]
        self.identity = ";".join([name, *(part for part in places if part.startswith(("domain=", "path=")))])

    def OutputString(self, attrs: Any = None) -> str:  # noqa: ARG002, N802 - the name is the library's
        """The text after `Set-Cookie:`."""
        return self._text
