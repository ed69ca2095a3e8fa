"""The outgoing client: what it sends, what it accepts, and each way in which an answer can be no good."""

import asyncio
import logging
import ssl
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.http.outside import Answer, Authority, Outside, hang, response, serve
from watchword.errors import Overloaded
from watchword.http.client import JsonAnswer, OutgoingClient, OutgoingFailed

HOST = "provider.example"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"190\r\n" + b"x" * 400 + b"\r\n"
SECRETS = {"query": "canary-query", "header": "canary-header", "form": "canary-form"}


async def ask(
    authority: Authority,
    answer: Answer,
    use: Callable[[OutgoingClient, str], Awaitable[Any]] = lambda client, url: client.get_json(url),
    **settings: Any,
) -> tuple[Any, Outside]:
    """One server, one client; what `use` gave or raised, and what the server saw."""
    async with serve(answer, authority.server_context(HOST)) as outside:
        defaults = {"allow_hosts": [HOST], "verify": str(authority.ca_file), "resolve": outside.resolve}
        client = OutgoingClient(**{**defaults, **settings})
        try:
            result = await use(client, f"https://{HOST}:{outside.port}/path")
        except OutgoingFailed as failure:
            result = failure
        finally:
            await client.stop()
    return result, outside


async def test_a_json_answer_is_decoded(authority: Authority) -> None:
    """Status, headers by lower-case name, and the body; the name goes into Host and SNI, not the address."""
    answer, outside = await ask(authority, response('{"a":[1,"é"]}', headers="X-Note: Hello\r\n"))
    assert (200, {"a": [1, "é"]}, "Hello") == (answer.status, answer.body, answer.headers["x-note"])
    assert [HOST] == outside.names
    head = outside.requests[0].lower()
    assert head.startswith("get /path http/1.1\r\n")
    ours = ["accept: application/json", "accept-encoding: identity", "user-agent: watchword"]
    for line in (f"host: {HOST}:{outside.port}", *ours):
        assert f"\r\n{line}\r\n" in head


async def test_parameters_and_headers_are_sent_encoded(authority: Authority) -> None:
    """Parameters join the URL's own query; the caller's headers win over ours, whatever their case."""

    async def use(client: OutgoingClient, url: str) -> JsonAnswer:
        headers = {"Authorization": "Bearer t", "ACCEPT": "application/vnd.github+json"}
        return await client.get_json(f"{url}?x=1", params={"q": "a b&c=ü\ud800"}, headers=headers)

    _, outside = await ask(authority, response("{}"), use)
    assert outside.requests[0].startswith("GET /path?x=1&q=a+b%26c%3D%C3%BC%3F HTTP/1.1\r\n")
    assert "\r\nauthorization: Bearer t\r\n" in outside.requests[0]
    assert 1 == outside.requests[0].lower().count("\r\naccept: ")
    assert "application/vnd.github+json" in outside.requests[0]


async def test_a_form_is_posted(authority: Authority) -> None:
    """Form-encoded body, and JSON asked for."""

    async def use(client: OutgoingClient, url: str) -> JsonAnswer:
        return await client.post_form(url, {"code": "a/b c", "grant_type": "authorization_code"})

    answer, outside = await ask(authority, response('{"access_token":"t"}'), use)
    assert {"access_token": "t"} == answer.body
    assert "\r\ncontent-type: application/x-www-form-urlencoded\r\n" in outside.requests[0]
    assert outside.requests[0].endswith("\r\n\r\ncode=a%2Fb+c&grant_type=authorization_code")


async def test_a_form_as_answer_is_read_after_a_form_only(authority: Authority) -> None:
    """Some token endpoints answer form-encoded; a GET has no reason to."""
    form_type = "Application/X-WWW-Form-Urlencoded; charset=utf-8"
    form = response("error=bad_code&error_description=a+b&empty=", content_type=form_type)
    answer, _ = await ask(authority, form, lambda client, url: client.post_form(url, {}))
    assert {"error": "bad_code", "error_description": "a b", "empty": ""} == answer.body
    failure, _ = await ask(authority, form)
    assert f"{HOST}: answered 200 with something that is not JSON" == str(failure)


@pytest.mark.parametrize(
    ("status", "body", "decoded"),
    [
        ("400 Bad Request", '{"error":"invalid_grant"}', {"error": "invalid_grant"}),
        ("401 Unauthorized", "", None),
        ("404 Not Found", "<html>", None),
        ("500 Internal Server Error", "oops", None),
        ("503 Service Unavailable", "null", None),
    ],
)
async def test_error_statuses_are_answers(authority: Authority, status: str, body: str, decoded: Any) -> None:
    """The caller decides what a 4xx or 5xx means; its body is there if it is JSON."""
    answer, _ = await ask(authority, response(body, status=status))
    assert (int(status[:3]), decoded) == (answer.status, answer.body)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (response("<html>"), "answered 200 with something that is not JSON"),
        (response(""), "answered 200 with something that is not JSON"),
        (response('{"a":NaN}'), "answered 200 with something that is not JSON"),
        (response("{}")[:-1], "gave no complete answer in time (0.5 s at most)"),
        (CHUNKED + CHUNK, "gave no complete answer in time (0.5 s at most)"),
        (CHUNKED + CHUNK * 3, "sent more than 1000 bytes"),
        (response("x" * 2000), "sent more than 1000 bytes"),
        (response("x" * 2000, status="500 Oops"), "sent more than 1000 bytes"),
        (response("[" * 21 + "]" * 21), "sent JSON that nests over 20 levels"),
        (response("[" * 900, status="500 Oops"), "sent JSON that nests over 20 levels"),
        (response("{}", headers="Content-Encoding: gzip\r\n"), "sent a compressed answer, which was not asked for"),
        (
            response("{}", status="302 Found", headers="Location: /x\r\n"),
            "answered with a redirect (302), which is not followed",
        ),
        (response("{}", status="304 Not Modified"), "answered with a redirect (304), which is not followed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "broke the connection, or did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "broke the connection, or did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, "broke the connection, or did not answer in HTTP"),
    ],
)
async def test_answers_that_are_no_good(authority: Authority, answer: bytes, problem: str) -> None:
    """HTML, nothing, depth, size, compression, redirects, other protocols, half an answer (security SS-2, SS-3)."""
    seconds = 0.5 if "in time" in problem else 30
    failure, outside = await ask(authority, answer, max_body_bytes=1000, total_timeout_seconds=seconds)
    assert (HOST, problem) == (failure.host, failure.problem)
    assert 1 == len(outside.requests)  # and no second request to wherever a redirect points


async def test_a_server_that_drips_is_cut_off(authority: Authority) -> None:
    """Attack, slow loris: a byte now and then keeps every single read alive; the total limit ends it."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    failure, _ = await ask(authority, drip, total_timeout_seconds=0.3)
    assert "gave no complete answer in time (0.3 s at most)" == failure.problem


async def test_a_connection_that_is_not_accepted_is_a_failure() -> None:
    """Refused, no such name, no address, a look-up that hangs: all the same kind of error."""

    async def hangs(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    async def no_such_name(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    async def nowhere(host: str, port: int) -> list[str]:
        return []

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    for resolve, problem in (
        (hangs, "in time"),
        (no_such_name, "no such name"),
        (nowhere, "has no address"),
        (here, "cannot be reached"),
    ):
        client = OutgoingClient(allow_hosts=[HOST], resolve=resolve, connect_timeout_seconds=0.2)
        with pytest.raises(OutgoingFailed, match=problem):
            await client.get_json(f"https://{HOST}:9/")  # the discard port, where nobody listens
        await client.stop()


async def test_the_certificate_must_be_for_the_name(authority: Authority) -> None:
    """Connecting to a checked address does not weaken TLS: wrong name or unknown authority, and no request is sent."""
    async with serve(response("{}"), authority.server_context("other.example")) as outside:
        trusting = OutgoingClient(
            allow_hosts=["other.example", HOST, "127.0.0.1"], verify=str(authority.ca_file), resolve=outside.resolve
        )
        assert {} == (await trusting.get_json(f"https://other.example:{outside.port}/")).body
        untrusting = OutgoingClient(allow_hosts=["other.example"], resolve=outside.resolve)
        for client, host in ((trusting, HOST), (trusting, "127.0.0.1"), (untrusting, "other.example")):
            with pytest.raises(OutgoingFailed, match="certificate"):
                await client.get_json(f"https://{host}:{outside.port}/")
        await trusting.stop()
        await untrusting.stop()
    assert 1 == len(outside.requests)


async def test_one_connection_serves_one_name_only(authority: Authority) -> None:
    """Attack: two names on one address; a connection checked for the first must not carry requests for the second."""
    async with serve(response("{}"), authority.server_context("one.example")) as outside:
        client = OutgoingClient(
            allow_hosts=["one.example", "two.example"], verify=str(authority.ca_file), resolve=outside.resolve
        )
        for _ in range(2):
            await client.get_json(f"https://one.example:{outside.port}/")
        with pytest.raises(OutgoingFailed, match="certificate"):
            await client.get_json(f"https://two.example:{outside.port}/")
        await client.stop()
    assert ["one.example", "two.example"] == outside.names  # and the second request re-used the first connection


async def test_a_context_can_be_given(authority: Authority) -> None:
    """For a private authority with settings of its own."""
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    answer, _ = await ask(authority, response("{}"), verify=context)
    assert {} == answer.body


async def test_inside_addresses_are_not_asked(authority: Authority) -> None:
    """Attack, SSRF: a configured or discovered name leads inside; nothing is even connected (security SS-1)."""
    for settings in ({"allow_hosts": []}, {"allow_hosts": ["other.example"]}):
        failure, outside = await ask(authority, response("{}"), **settings)
        assert failure.problem.startswith("is not asked: ")
        assert 0 == outside.connections


async def test_plain_http_is_for_this_machine_in_development_only() -> None:
    """Http needs both: a local name and `allow_loopback`; allow_hosts does not help (security SS-1)."""
    async with serve(response("{}"), None) as outside:
        local = OutgoingClient(allow_loopback=True)
        assert {} == (await local.get_json(f"http://127.0.0.1:{outside.port}/")).body
        assert {} == (await local.get_json(f"http://localhost:{outside.port}/")).body
        not_development = OutgoingClient(allow_hosts=["127.0.0.1"], resolve=outside.resolve)
        not_local = OutgoingClient(allow_loopback=True, allow_hosts=[HOST], resolve=outside.resolve)
        for client, host in ((not_development, "127.0.0.1"), (not_local, HOST)):
            with pytest.raises(OutgoingFailed, match="is not asked without https"):
                await client.get_json(f"http://{host}:{outside.port}/")
        await local.stop()
    assert 2 == len(outside.requests)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "provider.example/path",
        "//provider.example/",
        "https://",
        "https:///path",
        "https://provider.example:99999/",
        "https://provider.example:x/",
        "https://user@provider.example/",
        "https://user:secret@provider.example/",
        "https://provider.example\\@evil.example/",
        "https://provider.example\\.evil.example/",
        "https://prov ider.example/",
        "https://provider.example/a b",
        "https://provider.example/\r\nX: y",
        "https://provider.example/\t",
        "https://pröv.example/",
        "https://provider.example/ü",
        "https://[::1/",
        "https://[v1.x]/",
        "https://[fe80::1%25eth0]/",
        "https://.example/",
        f"https://{'x' * 64}.example/",
        "ftp://provider.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "\ud800",
    ],
)
async def test_urls_that_are_not_asked(url: str) -> None:
    """User info, other schemes, blanks, line ends, broken hosts: refused before anything is looked up."""

    async def resolve(host: str, port: int) -> list[str]:
        raise AssertionError("looked up")

    client = OutgoingClient(allow_hosts=["provider.example"], allow_loopback=True, resolve=resolve)
    with pytest.raises(OutgoingFailed) as caught:
        await client.get_json(url)
    assert "secret" not in str(caught.value)
    await client.stop()


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\0b", "tökén", "\ud800", " \r"])
async def test_headers_cannot_be_split(authority: Authority, value: str) -> None:
    """Attack: a value with a line end makes a second header; it is refused without being repeated (security CK-7)."""
    failure, outside = await ask(
        authority, response("{}"), lambda client, url: client.get_json(url, headers={"Authorization": value})
    )
    assert f"{HOST}: is not asked: a header of the request is malformed" == str(failure)
    assert [] == outside.requests


async def test_the_number_of_requests_at_the_same_time_is_limited(authority: Authority) -> None:
    """The third of two allowed is told to come back; afterwards there is room again, also after failures."""
    arrived, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        arrived.release()
        await go_on.wait()
        writer.write(response("{}"))

    async def use(client: OutgoingClient, url: str) -> list[Any]:
        running = [asyncio.ensure_future(client.get_json(url)) for _ in range(2)]
        await arrived.acquire()
        await arrived.acquire()
        try:
            with pytest.raises(Overloaded):
                await client.get_json(url)
        finally:
            running[0].cancel()
            await asyncio.wait(running[:1])
            go_on.set()
        answers = [await running[1], *[await client.get_json(url) for _ in range(3)]]
        for _ in range(3):
            with pytest.raises(OutgoingFailed):
                await client.get_json("https://127.0.0.2/")
        return [*answers, *await asyncio.gather(client.get_json(url), client.get_json(url))]

    answers, _ = await ask(authority, wait, use, max_parallel=2)
    assert [{}] * 6 == [answer.body for answer in answers]


async def test_one_host_that_hangs_leaves_places_for_the_others(authority: Authority) -> None:
    """Attack, or bad luck: one provider never answers, and whoever signs in with it takes a place for ten seconds."""

    async def use(client: OutgoingClient, url: str) -> list[Any]:
        hanging = [asyncio.ensure_future(client.get_json(url)) for _ in range(2)]
        await asyncio.sleep(0)  # they have taken their places
        with pytest.raises(Overloaded, match=HOST):
            await client.get_json(url)
        async with serve(response("{}"), None) as other:
            answers = [await client.get_json(f"http://localhost:{other.port}/") for _ in range(3)]
        for request in hanging:
            request.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        again = asyncio.ensure_future(client.get_json(url))
        await asyncio.sleep(0)
        assert not again.done()  # there is room again
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        return answers

    settings = {"max_parallel": 3, "max_parallel_per_host": 2, "allow_loopback": True}
    answers, _ = await ask(authority, hang, use, **settings)
    assert 3 == len(answers)


async def test_nothing_is_remembered_or_taken_from_the_environment(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cookies from one user's sign-in into the next, no proxy from the environment (security SS-3)."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def twice(client: OutgoingClient, url: str) -> JsonAnswer:
        await client.get_json(url)
        return await client.get_json(url)

    _, outside = await ask(authority, response("{}", headers="Set-Cookie: a=b; Path=/\r\n"), twice)
    assert 2 == len(outside.requests)
    assert "cookie" not in "".join(outside.requests).lower()


async def test_a_stopped_client_can_be_used_again(authority: Authority) -> None:
    """Stopping closes connections, not the object."""

    async def use(client: OutgoingClient, url: str) -> JsonAnswer:
        await client.stop()
        await client.get_json(url)
        await client.stop()
        return await client.get_json(url)

    answer, outside = await ask(authority, response("{}"), use)
    assert ({}, 2) == (answer.body, outside.connections)


@pytest.mark.parametrize(
    "answer",
    [
        response('{"access_token":"canary-answer"}'),
        response("canary-answer"),
        response('{"error":"canary-answer"}', status="400 Bad Request"),
        response("", status="302 Found", headers="Location: https://elsewhere.example/\r\n"),
        b"canary-answer\r\n\r\n",
    ],
)
async def test_secrets_stay_out_of_errors_and_logs(
    authority: Authority, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Canary: query, header, form and body are in no message, chained error, `repr` or log (security LG-1)."""
    caplog.set_level(logging.DEBUG)

    async def use(client: OutgoingClient, url: str) -> JsonAnswer:
        headers = {"Authorization": SECRETS["header"]}
        return await client.post_form(f"{url}?token={SECRETS['query']}", {"code": SECRETS["form"]}, headers=headers)

    result, _ = await ask(authority, answer, use)
    assert "elsewhere" not in str(result)
    shown = repr(result) + str(result)
    if isinstance(result, OutgoingFailed):
        shown += "".join(traceback.format_exception(result))
    assert "canary" not in shown
    # What we send is not logged by anyone. The library underneath logs an answer's head, at DEBUG only.
    assert all(secret not in caplog.text for secret in SECRETS.values())
    assert not [record for record in caplog.records if record.name.startswith("watchword")]
