"""One session as the database has it, and the statement that reads it."""

from dataclasses import dataclass, field
from typing import Any, Self

from watchword.database.database import Row
from watchword.database.statements import Statement
from watchword.http.json import decode_json_object


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A row of `sessions`, without the session data: no refresh and no verification reads that.

    Attributes:
        cur_hash: Of the refresh token that was proved last: the one of the first sign-in, or one that
            came back of age.
        cur_gen: Its generation.
        confirmed_at_ms: When it was proved.
        expires_at_ms: End of the idle life.
        ends_at_ms: End of the absolute life, or `None`.
        jwt_payload: What hooks, application and recipe claims put there.
    """

    handle: str
    tenant_id: str
    user_id: str
    recipe_user_id: str
    cur_hash: bytes = field(repr=False)
    cur_gen: int
    confirmed_at_ms: int
    created_at_ms: int
    expires_at_ms: int
    ends_at_ms: int | None
    jwt_payload: dict[str, Any]

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The session in a row of `FIND_SESSION` or of any other statement with its columns."""
        return cls(
            handle=row["handle"],
            tenant_id=row["tenant_id"],
            user_id=row["user_id"],
            recipe_user_id=row["recipe_user_id"],
            cur_hash=bytes(row["cur_hash"]),
            cur_gen=row["cur_gen"],
            confirmed_at_ms=row["confirmed_at_ms"],
            created_at_ms=row["created_at_ms"],
            expires_at_ms=row["expires_at_ms"],
            ends_at_ms=row["ends_at_ms"],
            jwt_payload=decode_json_object(row["jwt_payload"].encode(), "jwt_payload"),
        )

    def ends_by_ms(self) -> int:
        """When the session ends if it is not refreshed again."""
        return self.expires_at_ms if self.ends_at_ms is None else min(self.expires_at_ms, self.ends_at_ms)


FIND_SESSION = Statement("""
    select handle, tenant_id, user_id, recipe_user_id, cur_hash, cur_gen, confirmed_at_ms,
           created_at_ms, expires_at_ms, ends_at_ms, jwt_payload
      from {sessions}
     where app_id = :app_id and tenant_id = :tenant_id and handle = :handle
""")
