"""All rows of a tenant, whichever recipe they belong to, deleted by what the recipes declare of their tables."""

from collections.abc import Iterable, Sequence

from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.stored_data import StoredTable

# ruff: noqa: S608 - names of tables and columns come from declarations in our code and are checked by a test

#: Whose rows go with the tenant's own by a foreign key, or are the tenant itself.
_DIRECTORY = ("tenants", "login_method_tenants")


class TenantData:
    """The tables of one installation that hold rows of tenants.

    Args:
        tables: Of all rooms and recipes, referring ones after those that they refer to.
    """

    def __init__(self, tables: Sequence[StoredTable]) -> None:
        of_tenants = [
            table
            for table in reversed(tables)
            if "tenant_id" in table.columns and not table.by_its_room and table.name not in _DIRECTORY
        ]
        self._of_tenant = [_deletion(table) for table in of_tenants]
        self._of_user = [_deletion(table, "user_id") for table in of_tenants if table.person == "user_id"]
        self._of_method = [
            _deletion(table, "recipe_user_id") for table in of_tenants if "recipe_user_id" in table.columns
        ]

    async def delete_of_tenant(self, tx: Transaction, app_id: str, tenant_id: str) -> None:
        """Delete the rows of a tenant, where their room does not do so itself."""
        for statement in self._of_tenant:
            await tx.execute(statement, app_id=app_id, tenant_id=tenant_id)

    async def delete_of_user(self, tx: Transaction, app_id: str, tenant_id: str, user_id: str) -> None:
        """Delete what a user has in a tenant, likewise."""
        for statement in self._of_user:
            await tx.execute(statement, app_id=app_id, tenant_id=tenant_id, id=user_id)

    async def delete_of_method(self, tx: Transaction, app_id: str, tenant_id: str, recipe_user_id: str) -> None:
        """Delete what a login method has in a tenant, likewise."""
        for statement in self._of_method:
            await tx.execute(statement, app_id=app_id, tenant_id=tenant_id, id=recipe_user_id)

    def statements(self) -> Iterable[Statement]:
        """All statements that were made; a test prepares them."""
        return [*self._of_tenant, *self._of_user, *self._of_method]


def _deletion(table: StoredTable, person: str | None = None) -> Statement:
    whose = "" if person is None else f" and {person} = :id"
    return Statement(f"delete from {{{table.name}}} where app_id = :app_id and tenant_id = :tenant_id{whose}")
