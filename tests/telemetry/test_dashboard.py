"""The Grafana dashboard asks for what there is: each query against the metrics of a real site."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry

from tests.recipes.thirdparty.double import CLIENT_ID, running_provider
from tests.site import FakeClock, Site, running_site
from watchword import Limit, Protection, Telemetry
from watchword.recipes import EmailVerification, Session, SessionFeature, ThirdPartyEmailPassword
from watchword.recipes.thirdparty.providers import OpenIdConnect
from watchword.telemetry.instruments import HISTOGRAMS, OBSERVED

DASHBOARD = json.loads((Path(__file__).parents[2] / "docs" / "grafana" / "watchword.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
#: What Prometheus itself puts on each series.
OF_THE_SCRAPE = {"job", "instance"}


@dataclass
class Asked:
    """What one query asks for."""

    ranged: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    labels: dict[str, set[str]] = field(default_factory=dict)
    values: list[tuple[str, str, str]] = field(default_factory=list)


def read_query(query: str) -> Asked:
    """The series of a query, those under `[…]` apart, and the labels that it names; fails where it is no PromQL."""
    asked = Asked()
    groups: list[set[str]] = []

    def enter(node: Any) -> None:
        if isinstance(node, promql_parser.AggregateExpr):
            groups.append(set(node.modifier.labels) if node.modifier is not None else set())
        elif isinstance(node, promql_parser.MatrixSelector):
            note(node.vector_selector, asked.ranged)
        elif isinstance(node, promql_parser.VectorSelector) and node.name not in asked.ranged:
            note(node, asked.plain)

    def leave(node: Any) -> None:
        if isinstance(node, promql_parser.AggregateExpr):
            groups.pop()

    def note(selector: Any, names: set[str]) -> None:
        names.add(selector.name)
        labels = asked.labels.setdefault(selector.name, set())
        labels |= {matcher.name for matcher in selector.matchers.matchers}
        labels.update(*groups)
        asked.values += [
            (selector.name, matcher.name, matcher.value)
            for matcher in selector.matchers.matchers
            if matcher.op == promql_parser.MatchOp.Equal
        ]

    promql_parser.walk(promql_parser.parse(query.replace("$__rate_interval", "5m")), enter, leave)
    return asked


QUERIES = [
    (f"{panel['title']}, {target['refId']}", target["expr"], target["legendFormat"])
    for panel in PANELS
    for target in panel["targets"]
]


@dataclass(frozen=True)
class Exposed:
    """Every series that a site has, as Prometheus would read it: labels and their values by name."""

    series: dict[str, dict[str, set[str]]]


async def live(site: Site) -> None:
    """A bit of everything, failures included."""
    browser = site.browser("headers")
    await browser.sign_up()
    await browser.call("POST", "/auth/user/email/verify/token")
    await site.mail.take()
    await site.post_mail()
    await browser.sign_in(password="wrong horse 1")
    thief = site.browser("headers")
    thief.tokens |= browser.tokens
    for _ in range(3):
        site.clock.advance(200_000)
        await browser.refresh()
    await thief.refresh()
    for _ in range(2):
        await browser.get("/auth/emailpassword/email/exists?email=ada@example.com")
    await site.browser().sign_up("hook@example.com")
    callback = f"{site.url}/auth/callback/corp"
    await browser.get(f"/auth/authorisationurl?thirdPartyId=corp&redirectURIOnProviderDashboard={callback}")


def fails_for_some(user: Any, context: Any, action: Any) -> dict[str, Any]:
    """A hook with a mistake."""
    if user.email == "hook@example.com":
        raise RuntimeError
    return {}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Exposed:
    """The series of a site that has lived, made once for all queries."""
    return asyncio.run(expose(f"sqlite:///{tmp_path_factory.mktemp('dashboard') / 'watchword.db'}"))


async def expose(database_url: str) -> Exposed:
    """Let a site live, and collect as Prometheus does."""
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)])
    feature = SessionFeature(set_jwt_payload=fails_for_some)
    clock = FakeClock()
    async with running_provider(clock) as double:
        corp = OpenIdConnect(third_party_id="corp", issuer=double.issuer, client_id=CLIENT_ID, client_secret="none")
        recipes = [
            ThirdPartyEmailPassword(providers=[corp], session_feature=feature),
            EmailVerification(mode="OPTIONAL"),
        ]
        async with running_site(
            database_url,
            recipes=recipes,
            session=Session(soft_window_ms=0),
            clock=clock,
            protection=Protection(email_exists=Limit(1, 60)),
            telemetry=Telemetry(meter_provider=provider),
        ) as site:
            await live(site)
            series: dict[str, dict[str, set[str]]] = {}
            for sample in (sample for family in registry.collect() for sample in family.samples):
                labels = series.setdefault(sample.name, {})
                for name, value in sample.labels.items():
                    labels.setdefault(name, set()).add(value)
    provider.shutdown()
    return Exposed(series)


@pytest.mark.parametrize(("query", "legend"), [pytest.param(q, legend, id=name) for name, q, legend in QUERIES])
def test_a_query_finds_series(exposed: Exposed, query: str, legend: str) -> None:
    """Each name is exposed, each label is one of its own, each value it is compared with was there."""
    asked = read_query(query)
    assert asked.ranged | asked.plain
    for name in asked.ranged | asked.plain:
        assert name in exposed.series
        known = {*exposed.series[name], *OF_THE_SCRAPE}
        failing = {"error_type"} if name.endswith("_duration_seconds_count") else set()
        assert asked.labels[name] <= known | failing
    for name, label, value in asked.values:
        assert value in exposed.series[name][label]
    for label in (part.split("}}")[0] for part in legend.split("{{")[1:]):
        assert any(label in labels for labels in asked.labels.values())


@pytest.mark.parametrize("query", [pytest.param(query, id=name) for name, query, _ in QUERIES])
def test_a_counter_is_looked_at_over_time_and_a_gauge_as_it_is(query: str) -> None:
    """A count since the start says nothing by itself, and the rate of a gauge is nonsense."""
    asked = read_query(query)
    counted = ("_total", "_bucket", "_count", "_sum")
    assert not [name for name in asked.ranged if not name.endswith(counted)]
    assert not [name for name in asked.plain if name.endswith(counted) and name != "db_client_connection_count"]


def test_every_metric_is_on_the_dashboard() -> None:
    """What is measured is shown: by its name, as Prometheus spells it."""
    shown = " ".join(query for _, query, _ in QUERIES)
    names = [metric.name.replace(".", "_") for metric in (*HISTOGRAMS, *OBSERVED)]
    assert [] == [name for name in names if name not in shown]


def test_panels_have_places_and_words_of_their_own() -> None:
    """No two lie on one another, and each says what it shows."""
    places = [
        (column, line)
        for panel in DASHBOARD["panels"]
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for line in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert all(column < 24 for column, _ in places)
    titles = [panel["title"] for panel in PANELS]
    assert len(titles) == len(set(titles))
