"""A provider that is down, hangs, answers nonsense or lies (security F-14, SS-2, SS-3, SS-5, JW-6)."""

import asyncio
import logging
import traceback
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.recipes.engine import count
from tests.recipes.thirdparty.conftest import Visitor, corp, visitor_of
from tests.recipes.thirdparty.double import CLIENT_ID, CLIENT_SECRET, ProviderDouble, query_of
from tests.services.programs import free_port
from tests.site import FakeClock
from watchword.crypto.jwt import generate_signing_key
from watchword.errors import BadInput
from watchword.http.client import OutgoingClient
from watchword.recipes.engine import Engine
from watchword.recipes.thirdparty.errors import ProviderFailed

DISCOVERY = "/.well-known/openid-configuration"
STEPS = [DISCOVERY, "/keys", "/token", "/userinfo"]


@pytest.fixture
def visitor(memory_engine: Engine, double: ProviderDouble) -> Visitor:
    """No database decides anything here."""
    return visitor_of(memory_engine, corp(double))


async def answer_500(_: Request) -> Response:
    """An error with a JSON body."""
    return JSONResponse({"error": "server_error", "access_token": "x"}, 500)


async def answer_html(_: Request) -> Response:
    """An error page with status 200."""
    return HTMLResponse("<h1>Back soon</h1>")


async def answer_list(_: Request) -> Response:
    """JSON, but not an object."""
    return JSONResponse([{"id_token": "x"}])


async def answer_empty(_: Request) -> Response:
    """An object without anything in it."""
    return JSONResponse({})


async def answer_404(_: Request) -> Response:
    """Not there any more."""
    return JSONResponse({}, 404)


async def answer_elsewhere(request: Request) -> Response:
    """A redirect, perhaps into our own network."""
    return RedirectResponse("http://127.0.0.1:1/", 302)


async def answer_much(_: Request) -> Response:
    """More than a megabyte."""
    return JSONResponse({"keys": ["x" * 1_100_000]})


async def answer_deep(_: Request) -> Response:
    """Nested deeper than any document is."""
    return Response('{"a":' * 30 + "1" + "}" * 30, media_type="application/json")


TROUBLE = [
    answer_500,
    answer_html,
    answer_list,
    answer_empty,
    answer_404,
    answer_elsewhere,
    answer_much,
    answer_deep,
]


# A profile without fields is a profile: there the id_token alone says who it is.
@pytest.mark.parametrize(
    ("step", "trouble"),
    [(step, trouble) for step in STEPS for trouble in TROUBLE if (step, trouble) != ("/userinfo", answer_empty)],
)
async def test_trouble_at_any_step_is_one_clear_error(
    memory_engine: Engine, visitor: Visitor, double: ProviderDouble, step: str, trouble: Any
) -> None:
    """No account, no session, no text of the provider; when it is well again, signing in works."""
    attempt = await visitor.attempt() if step != DISCOVERY else None
    double.misbehave[step] = trouble
    with pytest.raises(ProviderFailed) as failed:
        await (visitor.start() if attempt is None else visitor.post(attempt))
    assert "Signing in with corp did not work. Please try again." == failed.value.message
    assert "Back soon" not in str(failed.value)
    assert 0 == await count(memory_engine.db, "users")

    double.misbehave.clear()
    assert {"status": "OK"} == (await visitor.sign_in_up()).body


@pytest.mark.parametrize("step", STEPS)
async def test_a_provider_that_hangs_is_given_up(visitor: Visitor, double: ProviderDouble, step: str) -> None:
    """Within the outgoing client's limit of time, which is the same clear error."""
    attempt = await visitor.attempt()
    double.misbehave[step] = double.hang
    client = OutgoingClient(allow_loopback=True, total_timeout_seconds=0.3)
    impatient = visitor_of(replace(visitor.recipe.engine, outgoing=client), corp(double))
    with pytest.raises(ProviderFailed):
        await impatient.post(attempt)
    await client.stop()


async def test_a_provider_that_is_down_is_the_same_error(memory_engine: Engine, double: ProviderDouble) -> None:
    """Nobody listens there."""
    visitor = visitor_of(memory_engine, corp(double, issuer=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(ProviderFailed):
        await visitor.start()


@pytest.mark.parametrize(
    "announced",
    [
        {"issuer": "https://attacker.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://attacker.example/authorize"},
        {"authorization_endpoint": "https://user@attacker.example/"},
        {"authorization_endpoint": "https://provider.example\\@attacker.example/"},
        {"authorization_endpoint": None},
        {"token_endpoint": None},
        {"token_endpoint": 1},
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"jwks_uri": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": "ftp://x"},
    ],
)
async def test_a_lying_discovery_document_is_refused(
    visitor: Visitor, double: ProviderDouble, announced: dict[str, Any]
) -> None:
    """It must speak for the configured issuer, and name addresses that can be asked (OIDC Discovery 4.3)."""
    double.announced = announced
    with pytest.raises(ProviderFailed):
        await visitor.start()


@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
async def test_endpoints_in_private_networks_are_not_asked(
    visitor: Visitor, double: ProviderDouble, endpoint: str
) -> None:
    """A provider's document must not make us ask our own network (SSRF; SS-1)."""
    double.announced = {endpoint: "https://192.168.0.1/x"}
    attempt = await visitor.attempt()
    with pytest.raises(ProviderFailed):
        await visitor.post(attempt)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"error": "invalid_client"}, "check client_id and client_secret"),
        ({"error": "unauthorized_client"}, "allow the authorization code flow"),
        ({"error": "<b>something of its own</b>"}, "answered 400"),
        ({"error": {"message": "x"}}, "answered 400"),
        ({}, "answered 400"),
    ],
)
async def test_what_the_operator_can_mend_is_in_the_log_text(
    visitor: Visitor, double: ProviderDouble, error: dict[str, Any], told: str
) -> None:
    """Known errors come with what to do, unknown text of the provider is left out."""

    async def refuse(_: Request) -> Response:
        return JSONResponse(error, 400)

    attempt = await visitor.attempt()
    double.misbehave["/token"] = refuse
    with pytest.raises(ProviderFailed) as failed:
        await visitor.post(attempt)
    assert told in str(failed.value)
    assert "<b>" not in str(failed.value)


@pytest.mark.parametrize(
    "answer", [{"error": "bad_verification_code"}, {"error": {"code": 100, "type": "OAuthException"}}]
)
@pytest.mark.parametrize("status", [200, 400])
async def test_a_refused_code_is_known_in_every_dialect(
    visitor: Visitor, double: ProviderDouble, answer: dict[str, Any], status: int
) -> None:
    """GitHub answers 200, Facebook an object of its own."""

    async def refuse(_: Request) -> Response:
        return JSONResponse(answer, status)

    attempt = await visitor.attempt()
    double.misbehave["/token"] = refuse
    with pytest.raises(BadInput) as refused:
        await visitor.post(attempt)
    assert "code" == refused.value.field


class TestCircuit:
    """After five failures in a row nobody waits any more; every 30 s one asks whether it is over."""

    async def test_it_opens_and_closes(self, visitor: Visitor, double: ProviderDouble, clock: FakeClock) -> None:
        """Six sign-ins ask five times; half a minute later one more; when that is well, all do."""
        double.misbehave[DISCOVERY] = answer_500
        for _ in range(7):
            with pytest.raises(ProviderFailed):
                await visitor.start()
        assert 5 == double.count(DISCOVERY)

        clock.advance(30_000)
        for _ in range(3):
            with pytest.raises(ProviderFailed):
                await visitor.start()
        assert 6 == double.count(DISCOVERY)

        double.misbehave.clear()
        clock.advance(30_000)
        assert {"status": "OK"} == (await visitor.sign_in_up()).body

    async def test_a_clock_that_was_set_back_does_not_keep_it_open(
        self, visitor: Visitor, double: ProviderDouble, clock: FakeClock
    ) -> None:
        """An hour back, and the provider is asked again at once."""
        double.misbehave[DISCOVERY] = answer_500
        for _ in range(6):
            with pytest.raises(ProviderFailed):
                await visitor.start()
        double.misbehave.clear()
        clock.advance(-3_600_000)
        await visitor.start()

    async def test_refused_codes_do_not_open_it(self, visitor: Visitor, double: ProviderDouble) -> None:
        """An attacker who sends invented codes must not lock everybody out."""
        attempt = await visitor.attempt()
        attempt["redirectURIInfo"]["redirectURIQueryParams"]["code"] = "invented"
        for _ in range(10):
            with pytest.raises(BadInput):
                await visitor.post(attempt)
        assert {"status": "OK"} == (await visitor.sign_in_up()).body

    @pytest.mark.parametrize("token", ["a\r\nX: 1", "a\0b", "\ud800", "ü", "x" * 8193])
    async def test_tokens_that_no_provider_makes_do_not_open_it(
        self, memory_engine: Engine, double: ProviderDouble, token: str
    ) -> None:
        """A client brings text that no header can carry: it is refused here, and nobody is asked."""
        visitor = visitor_of(memory_engine, corp(double))
        tokens = {**double.tokens_for(double.person, CLIENT_ID), "access_token": token}
        double.change_claims = lambda claims: claims.pop("at_hash")
        for _ in range(6):
            id_token_only = {**double.tokens_for(double.person, CLIENT_ID), "access_token": token}
            assert {"status": "OK"} == (await visitor.post({"thirdPartyId": "corp", "oAuthTokens": id_token_only})).body
            with pytest.raises(BadInput):
                await visitor.post({"thirdPartyId": "corp", "oAuthTokens": {**tokens, "id_token": token}})
        assert 0 == double.count("/userinfo")

    async def test_one_providers_trouble_is_not_anothers(
        self, memory_engine: Engine, double: ProviderDouble, other_double: ProviderDouble
    ) -> None:
        """Each has its own circuit."""
        visitor = visitor_of(memory_engine, corp(double), corp(other_double, third_party_id="other"))
        double.misbehave[DISCOVERY] = answer_500
        for _ in range(6):
            with pytest.raises(ProviderFailed):
                await visitor.start()
        other = Visitor(visitor.recipe, "other", "https://example.com/auth/callback/other")
        assert {"status": "OK"} == (await other.sign_in_up()).body


async def test_no_secret_of_a_sign_in_is_logged(
    visitor: Visitor, double: ProviderDouble, caplog: pytest.LogCaptureFixture
) -> None:
    """Codes, tokens, verifiers and secrets stay out of the log, at every level, when it works and when not (OA-14)."""
    caplog.set_level(logging.DEBUG, logger="watchword")
    attempts = [await visitor.attempt() for _ in range(3)]
    await visitor.post(attempts[0])
    with pytest.raises(BadInput) as refused:
        await visitor.post(attempts[0])
    double.misbehave["/userinfo"] = answer_500
    with pytest.raises(ProviderFailed) as failed:
        await visitor.post(attempts[1])
    double.misbehave["/token"] = answer_html
    with pytest.raises(ProviderFailed):
        await visitor.post(attempts[2])
    told = caplog.text + "".join(traceback.format_exception(refused.value))
    told += "".join(traceback.format_exception(failed.value))
    secrets = [CLIENT_SECRET, *double.access_tokens]
    for attempt in attempts:
        info = attempt["redirectURIInfo"]
        secrets += [info["pkceCodeVerifier"], info["redirectURIQueryParams"]["code"]]
    assert [] == [secret for secret in secrets if secret in told]


async def test_many_first_sign_ins_ask_once(visitor: Visitor, double: ProviderDouble) -> None:
    """Those who wait for a document take what the first one brought."""
    await asyncio.gather(*(visitor.start() for _ in range(20)))
    assert 1 == double.count(DISCOVERY)


class TestDocuments:
    """Discovery and keys are cached, and an old copy helps over a bad hour."""

    async def test_a_sign_in_asks_for_neither(self, visitor: Visitor, double: ProviderDouble) -> None:
        """The second one makes two requests: token and profile."""
        await visitor.sign_in_up()
        await visitor.sign_in_up()
        assert [1, 1, 2, 2] == [double.count(step) for step in STEPS]

    @pytest.mark.parametrize(
        ("cache_control", "kept_ms"),
        [("", 3_600_000), ("max-age=1", 300_000), ("public, max-age=99999999999", 86_400_000), ("no-store", 300_000)],
    )
    async def test_they_are_kept_as_the_provider_says_within_bounds(
        self, visitor: Visitor, double: ProviderDouble, clock: FakeClock, cache_control: str, kept_ms: int
    ) -> None:
        """Never under five minutes, never over a day."""
        double.key_headers = {"cache-control": cache_control} if cache_control else {}
        await visitor.sign_in_up()
        clock.advance(kept_ms - 1)
        await visitor.sign_in_up()
        assert 1 == double.count("/keys")
        clock.advance(1)
        await visitor.sign_in_up()
        assert 2 == double.count("/keys")

    @pytest.mark.parametrize("trouble", [answer_500, answer_html, answer_empty])
    async def test_old_ones_serve_while_new_ones_cannot_be_had(
        self, visitor: Visitor, double: ProviderDouble, clock: FakeClock, trouble: Any
    ) -> None:
        """For a day, and nobody but one in 30 s waits for the attempt; then it is an error."""
        await visitor.sign_in_up()
        double.misbehave = {"/keys": trouble, DISCOVERY: trouble}
        clock.advance(3_600_000)
        for _ in range(3):
            assert {"status": "OK"} == (await visitor.sign_in_up()).body
        assert [2, 2] == [double.count(step) for step in STEPS[:2]]
        clock.advance(30_000)
        await visitor.sign_in_up()
        assert [3, 3] == [double.count(step) for step in STEPS[:2]]
        clock.advance(86_400_000)
        with pytest.raises(ProviderFailed):
            await visitor.start()

    async def test_a_refresh_that_lies_keeps_the_old_document(
        self, visitor: Visitor, double: ProviderDouble, clock: FakeClock
    ) -> None:
        """Somebody took the provider's host over for an hour: their document does not speak for the issuer."""
        await visitor.sign_in_up()
        double.announced = {"issuer": "https://attacker.example", "token_endpoint": "https://attacker.example/token"}
        clock.advance(3_600_000)
        assert {"status": "OK"} == (await visitor.sign_in_up()).body

    async def test_a_rotated_key_is_fetched_at_once(
        self, visitor: Visitor, double: ProviderDouble, clock: FakeClock
    ) -> None:
        """The first token of a new key loads the keys again; nobody has to try twice."""
        await visitor.sign_in_up()
        double.key = generate_signing_key("ES256", "key-2")
        clock.advance(10_000)
        assert {"status": "OK"} == (await visitor.sign_in_up()).body
        assert 2 == double.count("/keys")

    async def test_invented_key_ids_cause_one_fetch_in_ten_seconds(
        self, visitor: Visitor, double: ProviderDouble, clock: FakeClock
    ) -> None:
        """Anybody can bring tokens that name a new key each time (JW-6)."""
        await visitor.sign_in_up()
        clock.advance(10_000)
        published = [double.key.public_jwk]
        for number in range(20):
            double.published = published
            double.key = generate_signing_key("ES256", f"invented-{number}")
            with pytest.raises(BadInput):
                await visitor.post({"thirdPartyId": "corp", "oAuthTokens": double.tokens_for(double.person, CLIENT_ID)})
        assert 2 == double.count("/keys")

    async def test_a_key_that_was_withdrawn_signs_nobody_in(
        self, visitor: Visitor, double: ProviderDouble, clock: FakeClock
    ) -> None:
        """A leaked key is gone here as soon as the keys are fetched again."""
        await visitor.sign_in_up()
        double.published = [generate_signing_key("ES256", "key-2").public_jwk]
        clock.advance(3_600_000)
        attempt = await visitor.attempt()
        with pytest.raises(ProviderFailed):
            await visitor.post(attempt)

    async def test_configured_addresses_replace_announced_ones(
        self, memory_engine: Engine, double: ProviderDouble
    ) -> None:
        """For a provider whose document is wrong in one place."""
        double.announced = {"token_endpoint": "https://wrong.example/token"}
        visitor = visitor_of(
            memory_engine,
            corp(
                double,
                token_endpoint=double.issuer + "/token",
                token_endpoint_body_params={"extra": "1", "client_secret": None},
                authorization_endpoint_query_params={"prompt": "login", "scope": None},
            ),
        )
        asked = query_of((await visitor.start())["urlWithQueryParams"])
        assert ("login", False) == (asked["prompt"], "scope" in asked)
        assert {"status": "OK"} == (await visitor.sign_in_up()).body
        assert ("1", False) == (double.forms[0]["extra"], "client_secret" in double.forms[0])
