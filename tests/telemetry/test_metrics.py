"""Metrics with the real SDK: every one of them, and what each counts."""

import asyncio
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from tests.recipes.thirdparty.double import CLIENT_ID, running_provider
from tests.site import FakeClock, running_site
from tests.telemetry.conftest import Seen
from watchword import AppInfo, Limit, Protection, Telemetry, Watchword
from watchword.errors import ConfigurationError
from watchword.recipes import EmailPassword, EmailVerification, Session, SessionFeature, ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import OpenIdConnect
from watchword.sessions.sweeper import GRACE_MS
from watchword.telemetry.instruments import HISTOGRAMS, OBSERVED


async def test_sign_ins_and_sign_ups_by_outcome(database_url: str, seen: Seen) -> None:
    """Each attempt counts once, by recipe and outcome; none of the words comes from a request."""
    async with running_site(database_url, telemetry=seen.telemetry) as site:
        browser = site.browser()
        await browser.sign_up()
        await browser.sign_up()
        await browser.sign_in()
        for _ in range(2):
            await browser.sign_in(password="wrong horse 1")
        recipe = "emailpassword"
        ups = {labels["watchword.outcome"]: value for labels, value in seen.points("watchword.sign_ups")}
        ins = {labels["watchword.outcome"]: value for labels, value in seen.points("watchword.sign_ins")}
        assert {"ok": 1, "email_already_exists": 1} == ups
        assert {"ok": 1, "wrong_credentials": 2} == ins
        assert {recipe} == {labels["watchword.recipe"] for labels, _ in seen.points("watchword.sign_ins")}
        assert 5 == sum(value for _, value in seen.points("watchword.request.duration"))
        assert 4 <= seen.value("watchword.hashing.duration")
        assert 2 == seen.value("watchword.sessions.created")


async def test_refreshes_by_decision_and_ends(database_url: str, seen: Seen) -> None:
    """Young, promoted, stolen, and what was no token; sessions that were ended."""
    clock = FakeClock()
    session = Session(soft_window_ms=0)
    async with running_site(database_url, session=session, clock=clock, telemetry=seen.telemetry) as site:
        browser, thief = site.browser("headers"), site.browser("headers")
        await browser.sign_up()
        thief.tokens |= browser.tokens
        await browser.refresh()
        for _ in range(3):
            clock.advance(session.settings.settle_ms + 1)
            await browser.refresh()
        await thief.refresh()
        thief.tokens["st-refresh-token"] = "no token"
        await thief.refresh()
        decisions = {labels["watchword.decision"]: value for labels, value in seen.points("watchword.refreshes")}
        assert {"young": 1, "again": 1, "promote": 2, "theft": 1, "invalid": 1} == decisions
        assert 1 == seen.value("watchword.sessions.revoked")


async def test_verified_tokens_limits_and_sweeps(database_url: str, seen: Seen) -> None:
    """What the hot path pays is an integer: a token is checked once, and remembered then."""
    clock = FakeClock(1_000_000_000_000)
    protection = Protection(email_exists=Limit(1, 60))
    async with running_site(database_url, clock=clock, protection=protection, telemetry=seen.telemetry) as site:
        browser = site.browser("headers")
        await browser.sign_up()
        before = seen.value("watchword.verified_tokens", watchword__cache="hit")
        for _ in range(3):
            await browser.get("/me")
        assert before + 2 <= seen.value("watchword.verified_tokens", watchword__cache="hit")
        assert 1 == seen.value("watchword.verified_tokens", watchword__cache="miss")
        for _ in range(3):
            await browser.get("/auth/emailpassword/email/exists?email=ada@example.com")
        assert 2 == seen.value("watchword.limits.hit", watchword__limit="email_exists")
        engine = site.auth.session_recipe.session_engine
        clock.advance(engine.settings.refresh_token_validity_ms + GRACE_MS + 1)
        assert site.auth.session_recipe._sweeper is not None
        removed = await site.auth.session_recipe._sweeper.sweep()
        assert removed == seen.value("watchword.sweeper.removed") > 0
        assert 0 <= seen.value("watchword.revocations.age") < 60
        assert {"used", "idle"} == {
            labels["db.client.connection.state"] for labels, _ in seen.points("db.client.connection.count")
        }


async def test_hooks_mail_and_outgoing_requests(sqlite_url: str, seen: Seen) -> None:
    """Time of hooks by name, of mails by kind, and of requests to providers by host, without who it was about."""
    clock = FakeClock()
    feature = SessionFeature(set_session_data=lambda *_: {})
    async with running_provider(clock) as provider:
        corp = OpenIdConnect(third_party_id="corp", issuer=provider.issuer, client_id=CLIENT_ID, client_secret="none")
        recipes = [
            ThirdPartyEmailPassword(providers=[corp], session_feature=feature),
            EmailVerification(mode="OPTIONAL"),
        ]
        async with running_site(sqlite_url, recipes=recipes, clock=clock, telemetry=seen.telemetry) as site:
            browser = site.browser()
            await browser.sign_up()
            await browser.call("POST", "/auth/user/email/verify/token")
            await site.mail.take()
            await site.post_mail()
            callback = f"{site.url}/auth/callback/corp"
            await browser.get(f"/auth/authorisationurl?thirdPartyId=corp&redirectURIOnProviderDashboard={callback}")
            assert 1 == seen.value("watchword.hook.duration", watchword__hook="set_session_data")
            assert 1 == seen.value("watchword.mail.duration", watchword__mail__kind="email_verification")
            outgoing = dict(seen.points("http.client.request.duration")[0][0])
            assert {"http.request.method": "GET", "http.response.status_code": 200} == {
                name: outgoing[name] for name in ("http.request.method", "http.response.status_code")
            }


async def test_the_outbox_is_counted_for_all_processes(database_url: str, seen: Seen) -> None:
    """What waits, since when, and what was given up, as of the worker's last look."""
    async with running_site(database_url, telemetry=seen.telemetry) as site:
        async with asyncio.timeout(20):
            while not seen.points("watchword.outbox.waiting"):  # noqa: ASYNC110 - the worker looks when it starts
                await asyncio.sleep(0.01)
        names = ("watchword.outbox.waiting", "watchword.outbox.dead", "watchword.outbox.oldest_age")
        assert [0, 0, 0] == [seen.value(name) for name in names]
        assert site.auth.outbox.progress is not None


def _watchword(telemetry: Telemetry | None, **more: Any) -> Watchword:
    origin = "http://localhost:8000"
    return Watchword(
        app_info=AppInfo(app_name="Test", api_domain=origin, website_domain=origin),
        secret="a secret for tests that has at least 32 bytes",
        recipe_list=[EmailPassword()],
        telemetry=telemetry,
        **{"database": "sqlite://", **more},
    )


async def test_after_a_stop_nothing_is_read(sqlite_url: str, seen: Seen) -> None:
    """A stopped `Watchword` is asked no more, and one that starts again is."""
    auth = _watchword(seen.telemetry, database=sqlite_url)
    await auth.start()
    assert 0 == seen.value("watchword.sessions.created")
    await auth.stop()
    assert [] == seen.points("watchword.hashing.running")
    await auth.start()
    assert 0 == seen.value("watchword.hashing.running")
    await auth.stop()


async def test_switched_off_nothing_is_told(seen: Seen) -> None:
    """`enabled=False` is silent, though a global provider is there."""
    auth = _watchword(Telemetry(tracer_provider=seen.tracer_provider, enabled=False))
    await auth.start()
    await auth.sessions.create("ada")
    await auth.stop()
    assert () == seen.exporter.get_finished_spans()


def test_one_object_serves_one_watchword(seen: Seen) -> None:
    """Instruments cannot be shared: the second would count nothing."""
    _watchword(seen.telemetry)
    with pytest.raises(ConfigurationError, match="one Telemetry object serves one Watchword"):
        _watchword(seen.telemetry)


def test_every_name_is_used_once() -> None:
    """Two metrics of one name would be one."""
    names = [metric.name for metric in (*HISTOGRAMS, *OBSERVED)]
    assert len(names) == len(set(names))


async def test_without_opentelemetry_all_works_and_nothing_is_seen(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """It is optional; providers that nobody could use are refused in words."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    telemetry = Telemetry()
    assert not telemetry.is_on
    async with running_site(sqlite_url, telemetry=telemetry) as site:
        assert "OK" == (await site.browser().sign_up()).json()["status"]
    with pytest.raises(ConfigurationError, match=r"install watchword\[otel\]"):
        Telemetry(tracer_provider=seen.tracer_provider)


async def test_no_provider_no_cost(seen: Seen) -> None:
    """Installed, with no provider set, OpenTelemetry's placeholders are not even called."""
    assert not isinstance(trace.get_tracer_provider(), TracerProvider)
    telemetry = Telemetry()
    telemetry.bind("Test")
    telemetry.start()
    with telemetry.operation("a") as first, telemetry.operation("b") as second:
        assert first is second


def test_a_second_application_of_one_name_on_one_provider_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """OpenTelemetry reads each gauge for the first of them only, and says so in words that name neither of the two."""
    provider = MeterProvider([InMemoryMetricReader()])
    for app_name in ("Shop", "Admin", "Shop"):
        telemetry = Telemetry(meter_provider=provider)
        telemetry.bind(app_name)
        telemetry.start()
        telemetry.start()
        telemetry.stop()
    told = [record.message for record in caplog.records if "meter provider" in record.message]
    assert 1 == len(told)
    assert "a Watchword called 'Shop' reads its metrics through this meter provider already" in told[0]
    assert "app_info.app_name" in told[0]
    provider.shutdown()
