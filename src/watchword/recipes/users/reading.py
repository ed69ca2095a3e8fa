"""The half of `auth.users` that changes nothing: people found, listed, searched and counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from watchword.accounts import directory, listing, search
from watchword.accounts.email import normalise_email
from watchword.accounts.id_mappings import find_mapping
from watchword.accounts.listing import Filter
from watchword.accounts.page_tokens import NEWEST, OLDEST, read_page_token, write_page_token
from watchword.accounts.users import ThirdPartyIdentity, User
from watchword.errors import BadInput, UserNotFound
from watchword.identifiers import is_storable
from watchword.recipes.engine import Engine
from watchword.recipes.recipe import Recipe, SignInRecipe

MOST_ON_A_PAGE = 500
MOST_FOUND = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """Some users of a list.

    Attributes:
        users: In the order of the list.
        next_pagination_token: Leads to those after them; `None` when there are none.
    """

    users: list[User]
    next_pagination_token: str | None = field(repr=False)


class UserReading:
    """Finding people. A user id is the present one or the one from before an id from elsewhere took its place.

    Args:
        engine: The floors below.
        recipe_list: The recipes of the application: lists can be filtered by their ids.
    """

    def __init__(self, engine: Engine, recipe_list: Sequence[Recipe]) -> None:
        self._engine = engine
        sign_in = [recipe for recipe in recipe_list if isinstance(recipe, SignInRecipe)]
        self._recipe_ids = tuple(dict.fromkeys(id for recipe in sign_in for id in recipe.recipe_ids))

    async def get(self, user_id: str) -> User:
        """The user. Raises `UserNotFound`."""
        user = await self.find(user_id)
        if user is None:
            raise UserNotFound
        return user

    async def find(self, user_id: str) -> User | None:
        """The user, or `None`."""
        db, app_id = self._engine.db, self._engine.app_id
        if not is_storable(user_id):
            return None
        user = await directory.find_user(db, app_id, user_id)
        if user is None and (present_id := await self._present_id(user_id)) != user_id:
            user = await directory.find_user(db, app_id, present_id)
        return user

    async def list_by_account_info(
        self,
        *,
        email: str | None = None,
        third_party: ThirdPartyIdentity | tuple[str, str] | None = None,
        tenant_id: str | None = None,
        union: bool = False,
    ) -> list[User]:
        """The users with this address, with this identity at a provider, or with both, oldest first.

        Args:
            email: In any spelling; the whole address.
            third_party: The provider's id and the person's id there.
            tenant_id: Only users of this tenant; `None`: of any.
            union: Whether one of the two is enough.

        Raises:
            BadInput: Neither of the two is given.
            TenantNotFound: There is no such tenant.
        """
        if email is None and third_party is None:
            raise BadInput("email", "give an e-mail address, an identity at a provider, or both")
        await self._check_tenant(tenant_id)
        db, app_id = self._engine.db, self._engine.app_id
        found: list[set[str]] = []
        if email is not None:
            normal = _normal_form(email)
            found.append(
                set[str]() if normal is None else await search.find_ids_by_email(db, app_id, normal, tenant_id)
            )
        if third_party is not None:
            identity = third_party if isinstance(third_party, ThirdPartyIdentity) else ThirdPartyIdentity(*third_party)
            storable = is_storable(identity.id + identity.user_id)
            found.append(
                await search.find_ids_by_third_party(db, app_id, identity, tenant_id) if storable else set[str]()
            )
        ids = found[0].union(*found[1:]) if union else found[0].intersection(*found[1:])
        return await self._load_in_order(ids, newest_first=False)

    async def search(
        self,
        *,
        email: str | Sequence[str] = (),
        provider: str | Sequence[str] = (),
        tenant_id: str | None = None,
        recipe_ids: Sequence[str] | None = None,
        limit: int = 100,
    ) -> list[User]:
        """Users whose address, or its domain, begins with a text, and whose provider's id does; newest first.

        Args:
            email: One text, or several of which one must fit.
            provider: The same for providers; a user must fit both, where both are given.
            tenant_id: Only users of this tenant; `None`: of all.
            recipe_ids: As in `list`.
            limit: The most users, at most 1 000; which ones, where there are more, the alphabet decides.

        Raises:
            BadInput: No text, an empty one, a limit out of range, no such recipe.
            TenantNotFound: There is no such tenant.
        """
        emails = [email] if isinstance(email, str) else list(email)
        providers = [provider] if isinstance(provider, str) else list(provider)
        if not emails and not providers:
            raise BadInput("email", "give the beginning of an address, of a domain, or of a provider's id")
        for name, terms in (("email", emails), ("provider", providers)):
            if any(not term.strip() or not is_storable(term) for term in terms):
                raise BadInput(name, f"{name} must not be empty, nor hold NUL or lone surrogates")
        _check_limit(limit, MOST_FOUND)
        where = await self._filter(tenant_id, recipe_ids)
        ids = await search.search_ids(
            self._engine.db, self._engine.app_id, where, emails=emails, providers=providers, limit=limit
        )
        return await self._load_in_order(ids, newest_first=True)

    async def count(self, *, tenant_id: str | None = None, recipe_ids: Sequence[str] | None = None) -> int:
        """How many users there are, in all or those of a tenant, of some recipes.

        The database counts them one by one: a million take a twentieth of a second of its time, those of a tenant or
        a recipe up to three quarters (docs/operations.md); so keep the figure for a while.

        Raises:
            BadInput: There is no such recipe.
            TenantNotFound: There is no such tenant.
        """
        where = await self._filter(tenant_id, recipe_ids)
        return await listing.count_users(self._engine.db, self._engine.app_id, where)

    async def _load_in_order(self, ids: set[str], *, newest_first: bool) -> list[User]:
        users = await listing.load_users(self._engine.db, self._engine.app_id, sorted(ids))
        return sorted(users, key=lambda user: (user.time_joined_ms, user.id), reverse=newest_first)

    async def _filter(self, tenant_id: str | None, recipe_ids: Sequence[str] | None) -> Filter:
        await self._check_tenant(tenant_id)
        for recipe_id in recipe_ids or ():
            if recipe_id not in self._recipe_ids:
                raise BadInput(
                    "recipe_ids", f"no recipe has the id {recipe_id!r}; there are: {', '.join(self._recipe_ids)}"
                )
        return Filter(tenant_id=tenant_id, recipe_ids=recipe_ids)

    async def _check_tenant(self, tenant_id: str | None) -> None:
        if tenant_id is not None:
            await self._engine.tenants.get(tenant_id)

    async def _present_id(self, user_id: str) -> str:
        """The user id of today, for one from before; the same for any other."""
        mapping = await find_mapping(self._engine.db, self._engine.app_id, user_id) if is_storable(user_id) else None
        return user_id if mapping is None else mapping.external_user_id

    # Last in the class: below it, `list` is this method.
    async def list(
        self,
        *,
        newest_first: bool = True,
        tenant_id: str | None = None,
        recipe_ids: Sequence[str] | None = None,
        limit: int = 100,
        pagination_token: str | None = None,
    ) -> UserPage:
        """A page of users. Each page costs the same, however many users there are.

        Args:
            newest_first: Whether those who joined last come first, or last.
            tenant_id: Only users of this tenant; `None`: of all.
            recipe_ids: Only users with a login method of one of these recipes; `None`: all.
            limit: The most users on the page, at most 500.
            pagination_token: From the page before; `None` for the first.

        Raises:
            BadInput: The token is none of ours, the limit out of range, no such recipe.
            TenantNotFound: There is no such tenant.
        """
        _check_limit(limit, MOST_ON_A_PAGE)
        start = NEWEST if newest_first else OLDEST
        after = start if pagination_token is None else read_page_token(pagination_token)
        where = await self._filter(tenant_id, recipe_ids)
        db, app_id = self._engine.db, self._engine.app_id
        found = await listing.list_positions(db, app_id, where, after, newest_first=newest_first, limit=limit + 1)
        page = found[:limit]
        users = await listing.load_users(db, app_id, [position.user_id for position in page])
        more = len(found) > limit
        return UserPage(users=users, next_pagination_token=write_page_token(page[-1]) if more else None)


def _check_limit(limit: int, most: int) -> None:
    if not 1 <= limit <= most:
        raise BadInput("limit", f"limit must be from 1 to {most}")


def _normal_form(email: str) -> str | None:
    try:
        return normalise_email(email)
    except BadInput:
        return None
