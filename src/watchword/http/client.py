"""The outgoing HTTP client: small answers of JSON or text, and nowhere but where it may go.

Source: security SS-1, SS-2, SS-3.
"""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from watchword.errors import ConfigurationError, Overloaded, WatchwordError
from watchword.http.addresses import AddressGate, BlockedAddress, CheckedBackend, Resolve, is_host, resolve_host
from watchword.nesting import nests_deeper_than
from watchword.setting_types import checked_settings
from watchword.settings import is_local
from watchword.telemetry.instruments import OUTGOING
from watchword.telemetry.telemetry import Telemetry

if TYPE_CHECKING:  # a heavy package: imported at run time by the first request
    from httpcore2 import URL, AsyncConnectionPool, AsyncNetworkBackend, Response

_MAX_DEPTH = 20
_KEEP_ALIVE_SECONDS = 5
_PRINTABLE_ASCII = re.compile(r"[!-~]+")
_FORM = "application/x-www-form-urlencoded"
_MALFORMED_HEADER = "is not asked: a header of the request is malformed"


class OutgoingFailed(WatchwordError):
    """A request to someone else's server did not give a usable answer.

    Args:
        host: Whom we asked.
        problem: What went wrong, in our words: no query, header, body, or text that the other side made.
    """

    code = "outgoing_failed"

    def __init__(self, host: str, problem: str) -> None:
        super().__init__(f"{host}: {problem}")
        self.host = host
        self.problem = problem


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """An answer with a JSON body.

    Attributes:
        status: 200 to 299, or 400 and above; redirects never come here.
        headers: Names in lower case; of a name that came twice, the last.
        body: The decoded JSON. `None` with a status of 400 and above whose body is not JSON.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, not decoded.

    Attributes:
        status: As in `JsonAnswer`.
        headers: As in `JsonAnswer`.
        body: As it came.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@checked_settings("outgoing.")
class OutgoingClient:
    """Asks other servers, with limits on time, size, number and on where a request may go.

    Redirects are not followed, cookies not kept, the environment's proxies not used, compression not
    accepted. Connections are opened at the first request; `stop` closes them.

    Args:
        allow_hosts: Hosts that may have private addresses, for example an identity server in your own network.
        allow_loopback: Let loopback addresses pass, and plain http to them: for development.
        connect_timeout_seconds: For the look-up of the name and the connection.
        total_timeout_seconds: For everything, the body included.
        max_body_bytes: The longest answer that is read.
        max_parallel: Requests at the same time; one more is refused.
        max_parallel_per_host: The same for one host, so that one that hangs leaves places for the others.
        verify: A file of certificate authorities, or a context, in place of the system's.
        resolve: Finds a host's addresses, in place of the system's resolver.
    Raises:
        ConfigurationError: A number that cannot work, such as a pool of 0.
    """

    def __init__(
        self,
        *,
        allow_hosts: Sequence[str] = (),
        allow_loopback: bool = False,
        connect_timeout_seconds: float = 3,
        total_timeout_seconds: float = 10,
        max_body_bytes: int = 1_048_576,
        max_parallel: int = 32,
        max_parallel_per_host: int = 12,
        verify: str | ssl.SSLContext | None = None,
        resolve: Resolve = resolve_host,
    ) -> None:
        for name, value, most in (
            ("connect_timeout_seconds", connect_timeout_seconds, 300),
            ("total_timeout_seconds", total_timeout_seconds, 300),
            ("max_body_bytes", max_body_bytes, 67_108_864),
            ("max_parallel", max_parallel, 10_000),
            ("max_parallel_per_host", max_parallel_per_host, 10_000),
        ):
            if not 0 < value <= most:
                raise ConfigurationError(
                    f"outgoing.{name}", f"is {value}; set more than 0 and at most {most}, or leave it out"
                )
        self._gate = AddressGate((host.lower() for host in allow_hosts), allow_loopback=allow_loopback)
        self._allow_loopback = allow_loopback
        self._connect_timeout_seconds = connect_timeout_seconds
        self._total_timeout_seconds = total_timeout_seconds
        self._max_body_bytes = max_body_bytes
        self._max_parallel = max_parallel
        self._max_parallel_per_host = max_parallel_per_host
        self._verify = verify
        self._resolve = resolve
        self._running: Counter[str] = Counter()  # by host; none stands at 0
        self._pool: AsyncConnectionPool | None = None
        self._telemetry = Telemetry(enabled=False)

    def report_to(self, telemetry: Telemetry) -> None:
        """Called by `Watchword`: whom to tell how long requests take. The other side is told nothing of it."""
        self._telemetry = telemetry

    async def get_json(
        self, url: str, *, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
    ) -> JsonAnswer:
        """GET a JSON document.

        Args:
            url: https; plain http only to this machine and only with `allow_loopback`.
            headers: Beside ours, or in their place; `Accept` asks for JSON.
            params: Added to the URL's query.
        Raises:
            OutgoingFailed: No usable answer, see the class. An answer of status 400 and above is usable.
            Overloaded: Too many requests at the same time.
        """
        return await self._ask_json("GET", url, headers or {}, params or {}, None)

    async def get_text(self, url: str, *, headers: Mapping[str, str] | None = None) -> str:
        """GET a document of plain text, and nothing but an answer of 200.

        Raises:
            OutgoingFailed: As in `get_json`, and for any other status.
            Overloaded: As in `get_json`.
        """
        host, answer = await self._send("GET", url, {"Accept": "text/plain", **(headers or {})}, {}, None)
        if answer.status != 200:
            raise OutgoingFailed(host, f"answered {answer.status}")
        return answer.body.decode("utf-8", "replace")

    async def post_form(
        self, url: str, data: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> JsonAnswer:
        """POST a form, as OAuth token endpoints want it; an answer that is a form itself becomes a dict of text.

        Raises:
            OutgoingFailed: As in `get_json`.
            Overloaded: As in `get_json`.
        """
        content = urlencode(data, errors="replace").encode("ascii")
        return await self._ask_json("POST", url, {"Content-Type": _FORM, **(headers or {})}, {}, content)

    async def post_json(
        self, url: str, value: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> JsonAnswer:
        """POST a JSON object, for the few addresses that take no form.

        Raises:
            OutgoingFailed: As in `get_json`.
            Overloaded: As in `get_json`.
        """
        all_headers = {"Content-Type": "application/json", **(headers or {})}
        return await self._ask_json("POST", url, all_headers, {}, msgspec.json.encode(value))

    async def post(self, url: str, content: bytes, *, headers: Mapping[str, str]) -> HttpAnswer:
        """POST anything to whoever may answer with anything; the headers say what it is.

        Raises:
            OutgoingFailed: As in `get_json`, but for an answer that is not JSON.
            Overloaded: As in `get_json`.
        """
        return (await self._send("POST", url, headers, {}, content))[1]

    async def stop(self) -> None:
        """Close the connections; a later request opens new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def _ask_json(
        self, method: str, url: str, headers: Mapping[str, str], params: Mapping[str, str], content: bytes | None
    ) -> JsonAnswer:
        host, answer = await self._send(method, url, headers, params, content)
        return JsonAnswer(answer.status, answer.headers, _decoded(host, answer, accepts_form=method == "POST"))

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], params: Mapping[str, str], content: bytes | None
    ) -> tuple[str, HttpAnswer]:
        """The host that was asked, and what it answered."""
        target = self._checked_url(url, params)
        host = target.host.decode("ascii")
        encoded = _encoded_headers(host, target.port, headers)
        if self._running.total() >= self._max_parallel or self._running[host] >= self._max_parallel_per_host:
            raise Overloaded(f"the outgoing HTTP client, for {host}")
        self._running[host] += 1
        port = target.port or (443 if target.scheme == b"https" else 80)
        labels = {"http.request.method": method, "server.address": host, "server.port": port}
        try:
            with self._telemetry.operation(method, OUTGOING, labels, kind="client") as operation:
                async with _failures_named(host, self._total_timeout_seconds):
                    answer = await self._exchange(method, target, encoded, content)
                operation.label("http.response.status_code", answer.status)
                return host, answer
        finally:
            self._running[host] -= 1
            if not self._running[host]:
                del self._running[host]

    async def _exchange(
        self, method: str, target: "URL", headers: Sequence[tuple[bytes, bytes]], content: bytes | None
    ) -> HttpAnswer:
        host, total = target.host.decode("ascii"), self._total_timeout_seconds
        timeouts = {"connect": self._connect_timeout_seconds, "read": total, "write": total, "pool": total}
        pool = self._pool_at_first_use()
        async with pool.stream(
            method, target, headers=headers, content=content, extensions={"timeout": timeouts}
        ) as response:
            answered = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            if 300 <= response.status < 400:
                raise OutgoingFailed(host, f"answered with a redirect ({response.status}), which is not followed")
            if answered.get("content-encoding", "identity") != "identity":
                raise OutgoingFailed(host, "sent a compressed answer, which was not asked for")
            return HttpAnswer(response.status, answered, await self._read_body(host, response))

    async def _read_body(self, host: str, response: "Response") -> bytes:
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                raise OutgoingFailed(host, f"sent more than {self._max_body_bytes} bytes")
        return bytes(body)

    def _pool_at_first_use(self) -> "AsyncConnectionPool":
        if self._pool is None:
            # Imported here because it is heavy and many applications never ask anybody.
            from httpcore2 import AnyIOBackend, AsyncConnectionPool  # noqa: PLC0415

            backend = CheckedBackend(AnyIOBackend(), self._gate, self._resolve)
            self._pool = AsyncConnectionPool(
                ssl_context=_ssl_context(self._verify),
                max_connections=self._max_parallel,
                keepalive_expiry=_KEEP_ALIVE_SECONDS,
                network_backend=cast("AsyncNetworkBackend", backend),
            )
        return self._pool

    def _checked_url(self, url: str, params: Mapping[str, str]) -> "URL":
        from httpcore2 import URL  # noqa: PLC0415 - heavy, as above

        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise OutgoingFailed("(no host)", "the URL cannot be parsed") from None
        host = parts.hostname or ""
        brackets_fit = ("[" in parts.netloc) == (":" in host)
        if not is_host(host) or not brackets_fit or "@" in parts.netloc or not _PRINTABLE_ASCII.fullmatch(url):
            raise OutgoingFailed("(no host)", "the URL has no usable host, or user info, spaces or other than ASCII")
        if parts.scheme != "https" and not (parts.scheme == "http" and self._allow_loopback and is_local(host)):
            raise OutgoingFailed(host, "is not asked without https (http: this machine only, in development)")
        query = "&".join(filter(None, (parts.query, urlencode(params, errors="replace"))))
        return URL(scheme=parts.scheme, host=host, port=port, target=(parts.path or "/") + (query and f"?{query}"))


@asynccontextmanager
async def _failures_named(host: str, total_timeout_seconds: float) -> AsyncGenerator[None]:
    """Turn whatever goes wrong inside, and taking too long, into `OutgoingFailed`.

    Causes are cut off (`from None`): the library's own messages may hold headers, and so tokens.
    """
    import httpcore2  # noqa: PLC0415 - heavy, and loaded by now

    try:
        async with asyncio.timeout(total_timeout_seconds):
            yield
    except BlockedAddress as error:
        raise OutgoingFailed(host, f"is not asked: {error}") from None
    except (TimeoutError, httpcore2.TimeoutException):
        raise OutgoingFailed(host, f"gave no complete answer in time ({total_timeout_seconds} s at most)") from None
    except (httpcore2.ConnectError, OSError) as error:
        raise OutgoingFailed(host, f"cannot be reached ({error})") from None
    except httpcore2.LocalProtocolError:
        raise OutgoingFailed(host, _MALFORMED_HEADER) from None
    except (httpcore2.ProtocolError, httpcore2.NetworkError):
        raise OutgoingFailed(host, "broke the connection, or did not answer in HTTP") from None


def _encoded_headers(host: str, port: int | None, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Our own headers and the caller's, each name once; the caller's win."""
    all_headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "watchword"}
    all_headers |= {name.lower(): value for name, value in headers.items()}
    if ":" in host:  # the library forgets the brackets of an IPv6 address
        all_headers["host"] = f"[{host}]" + (f":{port}" if port else "")
    try:
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in all_headers.items()]
    except UnicodeEncodeError:
        raise OutgoingFailed(host, _MALFORMED_HEADER) from None


def _decoded(host: str, answer: HttpAnswer, *, accepts_form: bool) -> Any:
    if accepts_form and answer.headers.get("content-type", "").split(";")[0].strip().lower() == _FORM:
        return dict(parse_qsl(answer.body.decode("utf-8", "replace"), keep_blank_values=True))
    if nests_deeper_than(_MAX_DEPTH, answer.body):
        raise OutgoingFailed(host, f"sent JSON that nests over {_MAX_DEPTH} levels")
    try:
        return msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        if answer.status >= 400:
            return None
        raise OutgoingFailed(host, f"answered {answer.status} with something that is not JSON") from None


def _ssl_context(verify: str | ssl.SSLContext | None) -> ssl.SSLContext:
    """Loads the trust store, which takes 20 to 50 ms: once per client."""
    import httpcore2  # noqa: PLC0415 - heavy, and loaded by now

    if isinstance(verify, ssl.SSLContext):
        return verify
    return httpcore2.default_ssl_context() if verify is None else ssl.create_default_context(cafile=verify)
