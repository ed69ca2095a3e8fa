"""What the database knows of a session, for whoever looks it up by its handle."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInformation:
    """A session as the database has it. Times are milliseconds since the epoch.

    Attributes:
        jwt_payload: What hooks, application and recipe claims put there, without the reserved claims.
        session_data: Never leaves the server.
        expires_at_ms: When it ends if it is not refreshed again.
        last_used_ms: Its last refresh that was written down, or its start: off by an access token's life and by
            `settle_ms` at most, as nothing else is written.
        device: What it was started with, for example `Firefox on Windows`; `None` when that is not known.
        network_address: Where it was started; `None` when that is not known.
    """

    handle: str
    user_id: str
    recipe_user_id: str
    tenant_id: str
    jwt_payload: dict[str, Any]
    session_data: dict[str, Any] = field(repr=False)
    time_created_ms: int
    expires_at_ms: int
    last_used_ms: int
    device: str | None = None
    network_address: str | None = None
