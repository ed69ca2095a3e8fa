"""The request of an ASGI scope: the same as one in plain data, and nothing that outlives its answer."""

import gc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.site import SECRET
from watchword import AppInfo, Watchword
from watchword.fdi.asgi import FdiMiddleware, exchange_of
from watchword.fdi.asgi_request import AsgiRequest
from watchword.http.client_address import ClientAddresses
from watchword.http.messages import HttpRequest

NAMES = st.sampled_from([b"cookie", b"Cookie", b"origin", b"ORIGIN", b"authorization", b"x"])
VALUES = st.sampled_from([b"", b"a=1", b"a=2; b=3", b'a="4"; c=%20', b"a", b";=;", b"\xe9=\xff"])


def scope_of(headers: list[tuple[bytes, bytes]], **more: Any) -> dict[str, Any]:
    """An ASGI scope of the type `http`."""
    return {"type": "http", "method": "get", "path": "/me", "headers": headers, "client": ("192.0.2.1", 5), **more}


@given(st.lists(st.tuples(NAMES, VALUES)))
def test_a_scope_reads_as_the_same_request_in_plain_data(headers: list[tuple[bytes, bytes]]) -> None:
    """Header names in any case, the first value of each, all cookies over all headers, in order (FDI 4.11)."""
    request = AsgiRequest(scope_of(headers, query_string=b"a=1&a=%2B&b="), ClientAddresses())
    plain = HttpRequest(
        "GET",
        "/me",
        query=[("a", "1"), ("a", "+"), ("b", "")],
        headers=[(name.decode().lower(), value.decode("latin-1")) for name, value in headers],
        client_address="192.0.2.1",
    )
    assert [*plain.headers] == [*request.headers]
    assert plain.cookies == request.cookies
    assert [plain.header(name) for name in ("origin", "x", "y")] == [
        request.header(name) for name in ("origin", "x", "y")
    ]
    assert [*plain.query] == [*request.query]
    assert repr(plain) == repr(request)


async def test_a_request_leaves_nothing_to_the_garbage_collector() -> None:
    """A ring of objects per request costs more than all that we do in it: the scope holds us, never we the scope."""
    app_info = AppInfo(app_name="Test", api_domain="http://localhost", website_domain="http://localhost")
    auth = Watchword(app_info=app_info, database="sqlite://", secret=SECRET, recipe_list=[])
    await auth.start()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert exchange_of(scope).request.cookies == {"a": ["1"]}
        assert exchange_of(scope).writer.is_silent
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        assert message["headers"] == [(b"vary", b"Origin")]

    middleware = FdiMiddleware(application, auth)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            await middleware(scope_of([(b"cookie", b"a=1")]), receive, send)
        left = gc.collect()
    finally:
        gc.enable()
        await auth.stop()
    assert left < 10, "less than one object for each request"
