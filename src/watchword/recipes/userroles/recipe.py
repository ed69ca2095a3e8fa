"""The recipe that gives people roles, and puts those and their permissions into sessions: the overridable class."""

from collections.abc import Sequence
from typing import Any, ClassVar

from watchword.accounts.tenants import PUBLIC_TENANT_ID
from watchword.database.statements import Statement
from watchword.errors import BadInput
from watchword.identifiers import LONGEST_NAME, check_id
from watchword.recipes.engine import Engine
from watchword.recipes.recipe import Recipe
from watchword.recipes.user_context import UserContext, address_of
from watchword.recipes.userroles import operations
from watchword.recipes.userroles.stored_tables import STORED_TABLES
from watchword.sessions.claims import ClaimOwner, PrimitiveArrayClaim
from watchword.setting_types import checked_settings
from watchword.stored_data import StoredTable


@checked_settings()
class UserRoles(Recipe):
    """Roles with permissions, given to users per tenant; each new session carries both in its JWT payload.

    A route asks for them with `role_claim.includes("admin")` or `permission_claim.includes("posts:write")`
    among its validators, and answers 403 to others, without a database call. A session keeps the roles it
    began with until `session.fetch_and_set_claim(…)`, or until a validator with `max_age_seconds` finds them
    too old.

    `auth.roles` is this object. Subclass it to change what it does. Names of roles and permissions are trimmed, 1 to
    255 characters; users need not be known here.

    Args:
        skip_adding_roles_to_access_token: Leave the roles (`st-role`) out of new sessions.
        skip_adding_permissions_to_access_token: Leave the permissions (`st-perm`) out of new sessions.

    Attributes:
        role_claim: The names of the user's roles in the session's tenant. Source: FDI 7.
        permission_claim: The permissions in those roles together. Source: FDI 7.
    """

    recipe_ids: ClassVar[tuple[str, ...]] = ("userroles",)
    migration_packages: ClassVar[tuple[str, ...]] = ("watchword.recipes.userroles",)
    stored_tables: ClassVar[tuple[StoredTable, ...]] = STORED_TABLES

    def __init__(
        self,
        *,
        skip_adding_roles_to_access_token: bool = False,
        skip_adding_permissions_to_access_token: bool = False,
    ) -> None:
        super().__init__()
        self.role_claim = PrimitiveArrayClaim("st-role", self._fetch_roles)
        self.permission_claim = PrimitiveArrayClaim("st-perm", self._fetch_permissions)
        self._skip_roles = skip_adding_roles_to_access_token
        self._skip_permissions = skip_adding_permissions_to_access_token

    def bind(self, engine: Engine) -> None:
        """Wire the recipe, and put its claims into sessions."""
        super().bind(engine)
        engine.sessions.add_claim(self.role_claim, in_new_sessions=not self._skip_roles)
        engine.sessions.add_claim(self.permission_claim, in_new_sessions=not self._skip_permissions)

    # Roles of the app

    async def create_or_add_permissions(
        self,
        role: str,
        permissions: Sequence[str] = (),
        *,
        user_context: UserContext | None = None,
    ) -> bool:
        """Make a role, or add permissions to one; nothing is ever taken from it here.

        Returns:
            Whether the role was made.

        Raises:
            BadInput: A name is empty, too long, or no text.
        """
        return await operations.create_role(
            self.engine, _role(role), _permissions(permissions), address=address_of(user_context or {})
        )

    async def delete(self, role: str, *, user_context: UserContext | None = None) -> bool:
        """Remove a role, its permissions, and it from everybody who has it; returns whether it was there."""
        return await operations.delete_role(self.engine, _role(role), address=address_of(user_context or {}))

    async def list_permissions(self, role: str, *, user_context: UserContext | None = None) -> list[str]:  # noqa: ARG002
        """The permissions of a role, sorted. Raises `RoleNotFound`."""
        await operations.require_role(self.engine, _role(role))
        return await operations.list_column(self.engine, operations.LIST_PERMISSIONS, role=_role(role))

    async def remove_permissions(
        self,
        role: str,
        permissions: Sequence[str] | None = None,
        *,
        user_context: UserContext | None = None,
    ) -> None:
        """Take permissions out of a role; all of them when left out. Raises `RoleNotFound`."""
        wanted = None if permissions is None else _permissions(permissions)
        await operations.remove_permissions(self.engine, _role(role), wanted, address=address_of(user_context or {}))

    async def list_with_permission(
        self,
        permission: str,
        *,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> list[str]:
        """The roles with this permission, sorted."""
        wanted = _name("permission", permission)
        return await operations.list_column(self.engine, operations.LIST_ROLES_WITH_PERMISSION, permission=wanted)

    # Roles of people

    async def add_to_user(
        self,
        user_id: str,
        role: str,
        *,
        tenant_id: str = PUBLIC_TENANT_ID,
        user_context: UserContext | None = None,
    ) -> bool:
        """Give somebody a role in a tenant; sessions that are there already learn it when their claim is fetched.

        Returns:
            Whether they did not have it yet.

        Raises:
            RoleNotFound: Make it first.
            TenantNotFound: There is no such tenant.
            BadInput: The user id cannot be one.
        """
        await self.engine.tenants.get(tenant_id)
        check_id("user_id", user_id)
        return await operations.add_role_to_user(
            self.engine, tenant_id, user_id, _role(role), address=address_of(user_context or {})
        )

    async def remove_from_user(
        self,
        user_id: str,
        role: str,
        *,
        tenant_id: str = PUBLIC_TENANT_ID,
        user_context: UserContext | None = None,
    ) -> bool:
        """Take a role away in a tenant; returns whether they had it. Raises `RoleNotFound`."""
        _check_ids(user_id, tenant_id)
        return await operations.remove_role_from_user(
            self.engine, tenant_id, user_id, _role(role), address=address_of(user_context or {})
        )

    async def list_for_user(
        self,
        user_id: str,
        *,
        tenant_id: str = PUBLIC_TENANT_ID,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> list[str]:
        """The roles somebody has in a tenant, sorted; `st-role` is made of them, so an override reaches it too."""
        return await self._list_of_user(operations.LIST_ROLES_OF_USER, user_id, tenant_id)

    async def list_permissions_for_user(
        self,
        user_id: str,
        *,
        tenant_id: str = PUBLIC_TENANT_ID,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> list[str]:
        """The permissions in somebody's roles in a tenant together, sorted; `st-perm` is made of them."""
        return await self._list_of_user(operations.LIST_PERMISSIONS_OF_USER, user_id, tenant_id)

    async def list_user_ids(
        self,
        role: str,
        *,
        tenant_id: str = PUBLIC_TENANT_ID,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> list[str]:
        """The ids of all who have a role in a tenant, sorted. Raises `RoleNotFound`."""
        await operations.require_role(self.engine, _role(role))
        check_id("tenant_id", tenant_id)
        key = {"tenant_id": tenant_id, "role": _role(role)}
        return await operations.list_column(self.engine, operations.LIST_USERS_WITH_ROLE, **key)

    async def _list_of_user(self, statement: Statement, user_id: str, tenant_id: str) -> list[str]:
        _check_ids(user_id, tenant_id)
        return await operations.list_column(self.engine, statement, tenant_id=tenant_id, user_id=user_id)

    async def _fetch_roles(self, owner: ClaimOwner, user_context: UserContext) -> list[str]:
        return await self.list_for_user(owner.user_id, tenant_id=owner.tenant_id, user_context=user_context)

    async def _fetch_permissions(self, owner: ClaimOwner, user_context: UserContext) -> list[str]:
        return await self.list_permissions_for_user(owner.user_id, tenant_id=owner.tenant_id, user_context=user_context)

    # Last in the class: below it, `list` is this method.
    async def list(self, *, user_context: UserContext | None = None) -> list[str]:  # noqa: ARG002
        """The names of all roles, sorted."""
        return await operations.list_column(self.engine, operations.LIST_ROLES)


def _check_ids(user_id: str, tenant_id: str) -> None:
    check_id("user_id", user_id)
    check_id("tenant_id", tenant_id)


def _role(role: Any) -> str:
    return _name("role", role)


def _permissions(permissions: Any) -> list[str]:
    if isinstance(permissions, str):
        raise BadInput("permissions", "is one text; give a list of texts")
    return [_name("permissions", permission) for permission in permissions]


def _name(field: str, name: Any) -> str:
    """A name as it is stored; raises `BadInput`."""
    if not isinstance(name, str):
        raise BadInput(field, f"is {type(name).__name__}; a name is a text")
    trimmed = name.strip()
    if not trimmed or len(trimmed) > LONGEST_NAME or not trimmed.isprintable():
        raise BadInput(field, f"{trimmed!r:.80} is no name; use 1 to {LONGEST_NAME} printable characters")
    return trimmed
