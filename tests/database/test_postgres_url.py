"""What a PostgreSQL URL means: where, through what, with which proof, and no secret in any text."""

import logging
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from watchword.database.open import postgres_url
from watchword.database.postgres_url import read_postgres_url
from watchword.errors import ConfigurationError


@pytest.fixture(autouse=True)
def bare_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without a `.postgresql`, and no `PGHOST`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGHOST", raising=False)
    return tmp_path


def query_of(dsn: str) -> dict[str, list[str]]:
    """The parameters that the driver is given."""
    return parse_qs(urlsplit(dsn).query)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:5433", "127.8.8.8", "[::1]", "[::1]:5433", "", "%2Fvar%2Frun%2Fpostgresql"]
)
def test_this_machine_needs_no_tls(host: str) -> None:
    """A server on this machine, by name, address or socket, is talked to as it likes."""
    assert not read_postgres_url(f"postgresql://ada@{host}/app").check_certificate


@pytest.mark.parametrize(
    "url",
    ["postgresql://ada@db.example.com/app", "postgres://ada@10.0.0.7:5433/app", "postgresql://ada@db/app",
     "postgresql:///app?host=db.example.com", "postgresql://a.example.com:5432,b.example.com:5433/app",
     "postgresql://localhost,b.example.com/app", "postgresql://[2001:db8::1]/app", "postgresql://db/app?sslmode=verify-full",
     "postgresql://localhost/app?sslmode=verify-full", "postgresql://db/app?sslrootcert=system"],
)  # fmt: skip
def test_any_other_machine_has_its_certificate_checked(url: str) -> None:
    """Without a word on TLS in the URL, certificate and name are checked with the system's authorities (DB-8)."""
    address = read_postgres_url(url)
    assert address.check_certificate
    assert not {"sslmode", "sslrootcert"} & query_of(address.dsn).keys()


def test_a_server_named_by_the_environment_counts_as_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver reads `PGHOST` where the URL has no host, so the check looks at it too."""
    monkeypatch.setenv("PGHOST", "db.example.com")
    assert read_postgres_url("postgresql:///app").check_certificate
    assert not read_postgres_url("postgresql://localhost/app").check_certificate


def test_the_host_that_is_connected_to_is_the_one_that_is_checked() -> None:
    """Attack: say `host=localhost` beside the real host, which the driver prefers, to get round the check."""
    assert read_postgres_url("postgresql://db.example.com/app?host=localhost").check_certificate


@pytest.mark.parametrize(
    ("rest", "servers"),
    [("a/app", ()), ("/app", ()), ("a:5433/app", ()), ("a,b/app", (("a", 5432), ("b", 5432))),
     ("a:5433,b/app", (("a", 5433), ("b", 5432))),
     ("[::1]:5433,[2001:db8::1]/app", (("::1", 5433), ("2001:db8::1", 5432))),
     ("ada@%2Frun%2Fpostgresql,b/app", (("/run/postgresql", 5432), ("b", 5432))),
     ("/app?host=a,b&port=5433,5434", (("a", 5433), ("b", 5434))),
     ("/app?host=a,b&port=5433", (("a", 5433), ("b", 5433)))],
)  # fmt: skip
def test_several_servers_may_be_named(rest: str, servers: tuple[tuple[str, int], ...]) -> None:
    """Host and port of each, written as for libpq; a single one is left to the driver."""
    assert servers == read_postgres_url(f"postgresql://{rest}").servers


def test_servers_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`PGHOST` may name several too, and `PGPORT` their port."""
    monkeypatch.setenv("PGHOST", "a,b")
    monkeypatch.setenv("PGPORT", "5433")
    assert (("a", 5433), ("b", 5433)) == read_postgres_url("postgresql:///app").servers


@pytest.mark.parametrize("rest", ["ada@a:x,b/app", "a,b/app?port=1,2,3", "/app?host=a,b,c&port=1,2"])
def test_servers_without_a_port_for_each_stop_the_start(rest: str) -> None:
    """The sentence shows how several servers are written."""
    with pytest.raises(ConfigurationError, match=r"^database: .*postgresql://user:password@a:5432,b:5432/name"):
        read_postgres_url(f"postgresql://{rest}")


@pytest.mark.parametrize(
    ("url", "expected"),
    [("a/app", "primary"), ("a/app?target_session_attrs=any", "primary"), ("a,b/app", "read-write"),
     ("a,b/app?target_session_attrs=primary", "read-write"), ("a/app?target_session_attrs=read-write", "read-write")],
)  # fmt: skip
def test_only_a_server_that_takes_writes_will_do(url: str, expected: str) -> None:
    """Whatever the URL says, a standby is never connected to."""
    address = read_postgres_url(f"postgresql://{url}")
    assert expected == address.attribute
    assert {} == query_of(address.dsn)


@pytest.mark.parametrize("attribute", ["standby", "read-only", "prefer-standby", "read-mostly"])
def test_a_url_that_wants_a_standby_stops_the_start(attribute: str) -> None:
    """A wish for a standby cannot be granted, and is not overheard."""
    with pytest.raises(ConfigurationError, match=rf"^database: target_session_attrs={attribute} .*set read-write"):
        read_postgres_url(f"postgresql://a,b/app?target_session_attrs={attribute}")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_sslmode_in_the_url_decides(mode: str) -> None:
    """An explicit `sslmode` is the user's decision and goes to the driver as it is."""
    address = read_postgres_url(f"postgresql://db.example.com/app?sslmode={mode}")
    assert not address.check_certificate
    assert {"sslmode": [mode]} == query_of(address.dsn)


def test_an_authority_of_ones_own_is_used(bare_home: Path) -> None:
    """`sslrootcert`, or the file that libpq looks for, replaces the system's authorities; the check stays full."""
    authority = bare_home / "ca.pem"
    with pytest.raises(ConfigurationError, match=r"sslrootcert .*ca\.pem, and there is no such file"):
        read_postgres_url(f"postgresql://db/app?sslrootcert={authority}")
    authority.touch()
    address = read_postgres_url(f"postgresql://db/app?sslrootcert={authority}")
    assert {"sslmode": ["verify-full"], "sslrootcert": [str(authority)]} == query_of(address.dsn)

    (bare_home / ".postgresql").mkdir()
    (bare_home / ".postgresql" / "root.crt").touch()
    assert {"sslmode": ["verify-full"]} == query_of(read_postgres_url("postgresql://db/app").dsn)


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", False), ("pgbouncer=true", True), ("pgbouncer=1", True), ("pgbouncer=false", False), ("pgbouncer=0", False),
     ("prepared_statements=false", True), ("prepared_statements=true", False),
     ("pgbouncer=true&prepared_statements=true", True)],
)  # fmt: skip
def test_a_pooler_is_announced_in_the_url(query: str, expected: bool) -> None:
    """`pgbouncer=true` or `prepared_statements=false` means a pooler in transaction mode; the driver sees neither."""
    address = read_postgres_url(f"postgresql://localhost/app?{query}")
    assert expected == address.through_pgbouncer
    assert {} == query_of(address.dsn)


def test_unknown_parameters_are_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """What other tools put into URLs is not sent to the server as a setting; the log names it, without its value."""
    with caplog.at_level(logging.WARNING):
        address = read_postgres_url("postgresql://localhost/app?connection_limit=5&application_name=shop&schema=s3cret")
    assert {"application_name": ["shop"]} == query_of(address.dsn)
    assert ["connection_limit", "schema"] == [record.args[0] for record in caplog.records if record.args]
    assert "s3cret" not in caplog.text


def test_no_secret_in_what_may_be_shown() -> None:
    """`where` and `repr` hold host and database, neither user nor password."""
    address = read_postgres_url("postgresql://ada:s3%40cret@db.example.com:5433/app?password=s3cret&passfile=s3cret")
    assert "db.example.com:5433/app" == address.where
    assert "s3" not in repr(address)
    assert "ada" not in repr(address)
    assert urlsplit(address.dsn).password == "s3%40cret"


@pytest.mark.parametrize(
    "url",
    ["postgresql://ada:s3cret@host:port/app", "postgresql://ada:s3cret@[::1/app", "postgresql://ada:s3cret@[::1,b/app", "postgresql://ada:s3/cret@host/app",
     "postgresql://ada:s3cret@host/app?sslmode=verify-everything"],
)  # fmt: skip
def test_a_broken_url_stops_the_start(url: str) -> None:
    """The sentence names the setting and what is wrong, and not the password."""
    with pytest.raises(ConfigurationError, match=r"^database: ") as caught:
        read_postgres_url(url)
    assert "s3" not in str(caught.value)


@given(user=st.text(min_size=1), password=st.text(min_size=1), database=st.text(min_size=1))
def test_a_url_from_parts_says_those_parts(user: str, password: str, database: str) -> None:
    """Whatever characters the parts have, the driver reads back what was given (S027)."""
    assume(not any("\0" in part for part in (user, password, database)))
    url = postgres_url(user=user, password=password, database=database, host="::1", port=5433)
    parts = urlsplit(url)
    assert (user, password, "::1", 5433) == (
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        parts.hostname,
        parts.port,
    )
    assert database == unquote(parts.path.removeprefix("/"))
    assert "sslmode=disable" in postgres_url(user="a", password="b", database="c", ssl_mode="disable")
