"""The errors that only this room raises."""

from watchword.accounts.users import Ban
from watchword.errors import BadInput, GeneralError, SignInNotAllowed, WatchwordError


class AccountBanned(SignInNotAllowed):
    """Who is banned gets no session; `reason` is the sentence for the person at the screen."""

    code = "account_banned"

    def __init__(self, ban: Ban) -> None:
        super().__init__(ban.sentence())
        self.ban = ban


class TenantNotFound(BadInput):
    """There is no such tenant."""

    code = "tenant_not_found"

    def __init__(self, message: str) -> None:
        super().__init__("tenantId", message)


class IdMappingExists(BadInput):
    """One of the two ids is part of a mapping already."""

    code = "id_mapping_exists"

    def __init__(self) -> None:
        super().__init__("external_user_id", "one of the two ids is mapped already; take that mapping back first")


class UserIdInUse(BadInput):
    """Something is stored under the user id that should change; `force=True` takes it along."""

    code = "user_id_in_use"

    def __init__(self, tables: list[str]) -> None:
        super().__init__(
            "user_id",
            f"one of the two ids is in use in {', '.join(tables)}; change ids before that, or with force=True: it ends "
            "the sessions and takes all else along that is not stored under both",
        )
        self.tables = tables


class LastLoginMethod(GeneralError):
    """Without this way to sign in the person could not sign in any more; nothing was removed."""

    code = "last_login_method"

    def __init__(self) -> None:
        super().__init__("This is the only way to sign in to this account. Add another one before you remove it.")


class UserIdTaken(WatchwordError):
    """An id that was brought, or made by the application's `Ids`, belongs to somebody already."""

    code = "user_id_taken"

    def __init__(self) -> None:
        super().__init__("another user has this id")
