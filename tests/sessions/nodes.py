"""Session engines on a real database, a clock to turn by hand, and looks into the table behind them."""

from typing import Any, Unpack

from watchword.audit.events import EventLog
from watchword.clock import Clock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Row, Transaction
from watchword.database.migrations import load_migrations, migrate
from watchword.database.statements import Statement
from watchword.ids import RandomIds
from watchword.sessions import lifecycle
from watchword.sessions.claims import ClaimOwner
from watchword.sessions.engine import GrantedTokens, SessionEngine
from watchword.sessions.settings import SessionOptions, SessionSettings

SECRET = "a secret of the tests, over 32 bytes"
ISSUER = "https://api.example.com/auth"
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class ManualClock:
    """A clock that stands still until it is turned."""

    def __init__(self, now_ms: int = 1_700_000_000_123) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._now_ms

    def turn(self, by_ms: int) -> None:
        """Let time pass; backwards too, as clocks of machines do."""
        self._now_ms += by_ms


async def make_tables(db: Database) -> None:
    """The tables of the sessions room."""
    await migrate(db, load_migrations(["watchword.sessions"]))


async def start_node(
    db: Database,
    clock: Clock,
    *,
    app_id: str = "public",
    secret: str | list[str] = SECRET,
    audit: EventLog | None = None,
    **options: Unpack[SessionOptions],
) -> SessionEngine:
    """A started engine, as one process has it; EdDSA keys unless told otherwise, as they are made in no time."""
    engine = SessionEngine.assemble(
        db=db,
        app_id=app_id,
        clock=clock,
        ids=RandomIds(),
        secrets=SecretRing(secret),
        settings=SessionSettings.from_options({"signing_key_algorithm": "EdDSA", **options}),
        issuer=ISSUER,
        audit=audit,
    )
    await engine.keys.start()
    return engine


async def sign_in(
    engine: SessionEngine,
    user_id: str = "ada",
    *,
    jwt_payload: dict[str, Any] | None = None,
    session_data: dict[str, Any] | None = None,
    tenant_id: str = "public",
    with_anti_csrf_token: bool = False,
) -> GrantedTokens:
    """A new session."""
    return await lifecycle.create_session(
        engine,
        ClaimOwner(user_id, user_id, tenant_id),
        jwt_payload=jwt_payload or {},
        session_data=session_data or {},
        with_anti_csrf_token=with_anti_csrf_token,
    )


def refresh_token_of(granted: GrantedTokens) -> str:
    """The refresh token of an answer that must have one."""
    assert granted.issued.refresh_token is not None
    return granted.issued.refresh_token


FIND_ROW = Statement("select * from {sessions} where app_id = :app_id and handle = :handle")
COUNT_ROWS = Statement("select count(*) as number from {sessions}")


async def find_row(db: Database, handle: str, app_id: str = "public") -> Row | None:
    """All columns of a session's row."""
    return await db.find(FIND_ROW, app_id=app_id, handle=handle)


async def get_row(db: Database, handle: str, app_id: str = "public") -> dict[str, Any]:
    """All columns of a session's row, which must be there."""
    row = await find_row(db, handle, app_id)
    assert row is not None
    return columns_of(row)


def columns_of(row: Row) -> dict[str, Any]:
    """A row as a plain dict, which compares by value."""
    return {name: row[name] for name in COLUMNS}


COLUMNS = (
    "app_id",
    "tenant_id",
    "handle",
    "user_id",
    "recipe_user_id",
    "cur_hash",
    "cur_gen",
    "prev_hash",
    "confirmed_at_ms",
    "rotated_at_ms",
    "created_at_ms",
    "expires_at_ms",
    "ends_at_ms",
    "jwt_payload",
    "payload_version",
    "session_data",
)

TOKEN_COLUMNS = Statement("""
    update {sessions}
       set cur_hash = :cur_hash, cur_gen = :cur_gen, prev_hash = :prev_hash, confirmed_at_ms = :confirmed_at_ms,
           rotated_at_ms = :rotated_at_ms, expires_at_ms = :expires_at_ms
     where app_id = :app_id and handle = :handle
""")


async def lose_commit(db: Database, earlier: dict[str, Any]) -> None:
    """Put the token columns of a row back, as a fail-over to a replica that lagged does."""
    names = (
        "app_id",
        "handle",
        "cur_hash",
        "cur_gen",
        "prev_hash",
        "confirmed_at_ms",
        "rotated_at_ms",
        "expires_at_ms",
    )

    async def body(tx: Transaction) -> int:
        return await tx.execute(TOKEN_COLUMNS, **{name: earlier[name] for name in names})

    assert 1 == await db.write(body)
