"""Spans of requests and of what they wait for, with the real SDK."""

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from tests.site import PASSWORD, running_site
from tests.telemetry.conftest import Seen
from watchword.database.database import Database, Transaction
from watchword.database.observed import ObservedDatabase
from watchword.database.statements import Statement
from watchword.errors import StorageUnavailable
from watchword.recipes import EmailPassword, SessionFeature
from watchword.recipes.emailpassword.errors import WrongCredentials

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def payload(user: Any, context: Any, action: Any) -> dict[str, Any]:
    """A hook."""
    return {"plan": "free"}


async def test_a_sign_in_is_one_trace(database_url: str, seen: Seen) -> None:
    """The request, its transactions, the hash with its wait, and the hook: one below the other, by conventions."""
    feature = SessionFeature(set_jwt_payload=payload)
    async with running_site(database_url, session_feature=feature, telemetry=seen.telemetry) as site:
        await site.browser().sign_up()
        seen.exporter.clear()
        await site.browser().sign_in()
    (request,) = seen.spans("POST /auth/signin")
    assert SpanKind.SERVER == request.kind
    assert {
        "http.request.method": "POST",
        "http.route": "/auth/signin",
        "http.response.status_code": 200,
        "watchword.outcome": "ok",
    } == dict(request.attributes or {})
    (hashing,) = seen.spans("hash password")
    (hook,) = seen.spans("hook set_jwt_payload")
    trace_id = request.context.trace_id  # the work in the background has traces of its own
    transactions = [span for span in seen.spans("database transaction") if span.context.trace_id == trace_id]
    reads = [span for span in seen.spans("database list") if span.context.trace_id == trace_id]
    assert hashing.attributes is not None
    assert hashing.attributes["watchword.hashing.wait_seconds"] >= 0
    system = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    assert transactions
    assert reads
    for span in transactions:
        assert {"db.system.name": system, "db.operation.name": "transaction"} == dict(span.attributes or {})
    assert all("select" in str((span.attributes or {})["db.query.text"]) for span in reads)
    for span in (hashing, hook):
        assert span.parent is not None
        assert request.context.span_id == span.parent.span_id


async def test_a_request_joins_the_trace_of_its_sender(sqlite_url: str, seen: Seen) -> None:
    """`traceparent` names the trace and the span above, as W3C Trace Context has it."""
    async with running_site(sqlite_url, telemetry=seen.telemetry) as site:
        await site.browser().get("/auth/jwt/jwks.json", headers={"traceparent": PARENT})
    (request,) = seen.spans("GET /auth/jwt/jwks.json")
    assert int(TRACE, 16) == request.context.trace_id
    assert request.parent is not None
    assert 0x00F067AA0BA902B7 == request.parent.span_id


async def test_the_applications_own_requests_are_left_to_the_framework(sqlite_url: str, seen: Seen) -> None:
    """No span and no measurement for a route of the application's: its framework has an instrumentation."""
    async with running_site(sqlite_url, telemetry=seen.telemetry) as site:
        browser = site.browser()
        await browser.sign_up()
        seen.exporter.clear()
        assert 200 == (await browser.get("/me")).status_code
    assert not [span for span in seen.exporter.get_finished_spans() if span.name.startswith("GET")]
    routes = {labels["http.route"] for labels, _ in seen.points("watchword.request.duration")}
    assert {"/auth/signup"} == routes


async def test_a_refusal_is_no_error_and_a_failure_is(sqlite_url: str, seen: Seen) -> None:
    """A wrong password is the outcome of a span; an override that raises makes it an error, without its message."""

    class Broken(EmailPassword):
        async def does_email_exist(self, email: str, **_: Any) -> bool:
            raise RuntimeError(f"no such thing as {email}")

    async with running_site(sqlite_url, recipes=[Broken()], telemetry=seen.telemetry) as site:
        await site.browser().sign_in()
        await site.browser().get("/auth/emailpassword/email/exists?email=ada@example.com")
    (refused,) = seen.spans("POST /auth/signin")
    assert StatusCode.UNSET == refused.status.status_code
    assert refused.attributes is not None
    assert "wrong_credentials" == refused.attributes["watchword.outcome"]
    (failed,) = seen.spans("GET /auth/emailpassword/email/exists")
    (override,) = seen.spans("hook Broken.does_email_exist")
    assert failed.attributes is not None
    assert override.attributes is not None
    assert ("internal", 500) == (failed.attributes["error.type"], failed.attributes["http.response.status_code"])
    assert "RuntimeError" == override.attributes["error.type"]
    for span in (failed, override):
        assert (StatusCode.ERROR, None, ()) == (span.status.status_code, span.status.description, tuple(span.events))


async def test_a_body_that_refuses_is_no_outage(db: Database, seen: Seen) -> None:
    """A transaction that rolls back because of what it found has worked; one that finds no database has not."""
    seen.telemetry.bind("Test")
    seen.telemetry.start()
    observed = ObservedDatabase(db, seen.telemetry)

    async def refuses(_: Transaction) -> None:
        raise WrongCredentials

    with pytest.raises(WrongCredentials):
        await observed.write(refuses)
    usage = observed.usage()
    assert (usage.used, usage.waiting) == (0, 0) < (usage.most, 1)
    await observed.stop()
    with pytest.raises(StorageUnavailable):
        await observed.find(Statement("select 1 as one"))
    (refused,), (failed,) = seen.spans("database transaction"), seen.spans("database find")
    assert StatusCode.UNSET == refused.status.status_code
    assert failed.attributes is not None
    assert (StatusCode.ERROR, "storage_unavailable") == (failed.status.status_code, failed.attributes["error.type"])


async def test_no_span_and_no_metric_holds_a_secret_or_a_person(database_url: str, seen: Seen) -> None:
    """LG-1: passwords, tokens, addresses, handles and user ids are in no name and no attribute."""
    async with running_site(database_url, telemetry=seen.telemetry) as site:
        browser = site.browser("headers")
        user_id = (await browser.sign_up()).json()["user"]["id"]
        await browser.sign_in(password="wrong horse 1")
        await browser.refresh()
        handle = (await browser.get("/me")).json()["handle"]
        private = {PASSWORD, "wrong horse 1", "ada@example.com", user_id, handle, *browser.tokens.values()}
        await browser.call("POST", "/auth/signout")
        data = seen.reader.get_metrics_data()
        assert data is not None
        measured = data.to_json()
    spans = seen.exporter.get_finished_spans()
    told = "\n".join(f"{span.name} {dict(span.attributes or {})} {span.events}" for span in spans)
    assert spans
    assert [] == [secret for secret in private if secret in told]
    assert "watchword.sign_ins" in measured
    assert [] == [secret for secret in private if secret in measured]
