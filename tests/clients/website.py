"""The website of the tests: one page at every address, which loads the client that its browser was told to."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

PAGE = """<!doctype html>
<title>A website of the tests</title>
<link rel="icon" href="data:,">
<div id="root"></div>
<script>
    const client = document.createElement("script");
    client.src = `/bundles/${window.site.client}.js`;
    document.body.append(client);
</script>
"""


async def _page(_request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


async def _blank(_request: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>A page without a client</title>")


def make_website(bundles: Path) -> Starlette:
    """An ASGI application that serves the bundled clients, `/blank`, and at every other address the page."""
    return Starlette(
        routes=[
            Mount("/bundles", StaticFiles(directory=bundles)),
            Route("/blank", _blank, methods=["GET"]),
            Route("/{path:path}", _page, methods=["GET"]),
        ]
    )
