"""A WebSocket knows whose it is from its handshake, which any page may send: real server, real handshakes. FDI 6."""

from typing import Any

import pytest
from fastapi import Depends, FastAPI, WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.site import Browser, Site, running_site
from watchword import SessionContainer, Watchword
from watchword.frameworks.fastapi import verify_session
from watchword.recipes import BooleanClaim


def add_routes(app: FastAPI, auth: Watchword) -> None:
    """One that wants a session, one that takes what comes, one that wants more than anybody has."""
    is_paying = BooleanClaim("paying", lambda _owner, _context: False).is_true()

    @app.websocket("/chat")
    async def chat(socket: WebSocket, session: SessionContainer = Depends(verify_session(auth))) -> None:
        await socket.accept()
        await socket.send_text(session.user_id)
        await socket.close()

    @app.websocket("/lobby")
    async def lobby(socket: WebSocket, session: Any = Depends(verify_session(auth, session_required=False))) -> None:
        await socket.accept()
        await socket.send_text("nobody" if session is None else session.user_id)
        await socket.close()

    @app.websocket("/paid")
    async def paid(socket: WebSocket, session: Any = Depends(verify_session(auth, require=[is_paying]))) -> None:
        await socket.accept()


async def hear(site: Site, path: str, headers: dict[str, str]) -> str:
    """The first words of a WebSocket."""
    async with connect(site.url.replace("http", "ws", 1) + path, additional_headers=headers, proxy=None) as socket:
        return str(await socket.recv())


async def refused(site: Site, path: str, headers: dict[str, str]) -> tuple[int, bytes | None]:
    """Status and body of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        await hear(site, path, headers)
    return caught.value.response.status_code, caught.value.response.body


def cookies_of(browser: Browser) -> dict[str, str]:
    """What a browser sends with a handshake."""
    return {"cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.client.cookies.jar)}


async def test_the_handshake_tells_who_is_there(sqlite_url: str) -> None:
    """By cookie from a page of ours, by header from an app; without a session, where it is optional, nobody."""
    async with running_site(sqlite_url, add_routes=add_routes) as site:
        page, app = site.browser(), site.browser("headers")
        await page.sign_up()
        await app.sign_in()
        (user,) = (await site.auth.users.list()).users
        assert user.id == await hear(site, "/chat", cookies_of(page) | {"origin": site.url})
        assert user.id == await hear(site, "/chat", {"authorization": f"Bearer {app.tokens['st-access-token']}"})
        assert "nobody" == await hear(site, "/lobby", {})
        assert user.id == await hear(site, "/lobby", cookies_of(page))


async def test_a_handshake_that_is_refused_says_why(sqlite_url: str) -> None:
    """With the status and the body of the contract, as any request."""
    async with running_site(sqlite_url, add_routes=add_routes) as site:
        page = site.browser()
        await page.sign_up()
        mine = cookies_of(page) | {"origin": site.url}
        assert (401, b'{"message":"unauthorised"}') == await refused(site, "/chat", {})
        status, body = await refused(site, "/paid", mine)
        assert (403, True) == (status, b"paying" in (body or b""))
        site.clock.advance(3_700_000)
        assert (401, b'{"message":"try refresh token"}') == await refused(site, "/chat", mine)


async def test_another_site_cannot_open_a_socket_in_somebodys_name(sqlite_url: str) -> None:
    """Attack: a page of another site opens a WebSocket, and the browser adds the cookies; CORS does not hold it."""
    async with running_site(sqlite_url, add_routes=add_routes) as site:
        page = site.browser()
        await page.sign_up()
        status, _ = await refused(site, "/chat", cookies_of(page) | {"origin": "https://evil.example"})
        assert 403 == status
        status, _ = await refused(site, "/lobby", cookies_of(page) | {"origin": "https://evil.example"})
        assert 403 == status
