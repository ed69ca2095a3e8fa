"""Going through people: page by page, searched, counted, found by what they have. Mission S127, S128, V019, D124."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recipes.users.conftest import Town
from watchword import User
from watchword.accounts import directory
from watchword.accounts.page_tokens import Position, read_page_token, write_page_token
from watchword.accounts.users import LoginMethod, ThirdPartyIdentity
from watchword.database.database import Transaction
from watchword.errors import BadInput, UserNotFound


async def insert(town: Town, *people: tuple[str, int, str]) -> None:
    """Users without secrets: id, moment of joining, recipe."""

    async def write(tx: Transaction) -> None:
        for user_id, joined_ms, recipe_id in people:
            method = LoginMethod(recipe_id, user_id, ("public",), joined_ms)
            await directory.insert_user(tx, "public", User(user_id, joined_ms, (method,)))

    await town.auth._db.write(write)


async def walk(town: Town, *, newest_first: bool, limit: int, **filters: object) -> list[str]:
    """All ids, page by page."""
    found: list[str] = []
    token: str | None = None
    while True:
        page = await town.auth.users.list(newest_first=newest_first, limit=limit, pagination_token=token, **filters)  # type: ignore[arg-type]
        assert len(page.users) <= limit
        found += [user.id for user in page.users]
        token = page.next_pagination_token
        if token is None:
            return found
        assert limit == len(page.users)


async def test_users_come_newest_or_oldest_first(town: Town) -> None:
    """Two orders, each the other backwards; a next page exactly when there are more."""
    people = [await town.sign_up(f"p{number}@example.com") for number in range(5)]
    ids = [user.id for user in people]
    assert ids == await walk(town, newest_first=False, limit=2)
    assert ids[::-1] == await walk(town, newest_first=True, limit=2)
    assert ids == await walk(town, newest_first=False, limit=5)
    page = await town.auth.users.list(limit=1)
    assert [people[-1]] == page.users, "a user comes whole, with login methods and tenants"


async def test_pages_hold_still_while_people_come_and_go(town: Town) -> None:
    """Who joins or is deleted between two pages makes nobody else come twice or never."""
    ids = [(await town.sign_up(f"p{number}@example.com")).id for number in range(6)]
    first = await town.auth.users.list(limit=2)
    await town.sign_up("late@example.com")
    await town.auth.users.delete(ids[4])  # the last of the page, to which the token points
    second = await town.auth.users.list(limit=2, pagination_token=first.next_pagination_token)
    assert [ids[3], ids[2]] == [user.id for user in second.users]


async def test_many_of_one_moment(town: Town) -> None:
    """People who joined in the same millisecond, by different recipes, have one order all the same."""
    people = [(f"u-{letter}", 1_000, recipe) for letter in "aBcDé" for recipe in ("emailpassword",)]
    people += [(f"x-{letter}", 1_000, "thirdparty") for letter in "Ab"]
    await insert(town, *people)
    ids = sorted(person[0] for person in people)
    both = ["thirdparty", "emailpassword"]
    assert ids == await walk(town, newest_first=False, limit=2)
    assert ids[::-1] == await walk(town, newest_first=True, limit=3, recipe_ids=both, tenant_id="public")
    assert ids == await walk(town, newest_first=False, limit=2, recipe_ids=both)


async def test_lists_are_filtered_by_tenant_and_recipe(town: Town) -> None:
    """Each filter alone, both together, and counts that agree."""
    await town.make_tenant("shop")
    password, shop = await town.sign_up("a@example.com"), await town.sign_up("b@example.com", "shop")
    google = await town.sign_in_up()
    users = town.auth.users
    assert [password.id, shop.id] == await walk(town, newest_first=False, limit=9, recipe_ids=["emailpassword"])
    assert [shop.id] == await walk(town, newest_first=False, limit=9, tenant_id="shop")
    filters = {"tenant_id": "public", "recipe_ids": ["thirdparty"]}
    assert [google.id] == await walk(town, newest_first=True, limit=9, **filters)
    assert [] == await walk(town, newest_first=True, limit=9, recipe_ids=[])
    assert (3, 2, 2) == (
        await users.count(),
        await users.count(tenant_id="public"),
        await users.count(recipe_ids=["emailpassword"]),
    )
    assert (1, 3, 0) == (
        await users.count(tenant_id="shop", recipe_ids=["emailpassword"]),
        await users.count(recipe_ids=["emailpassword", "thirdparty"]),
        await users.count(tenant_id="shop", recipe_ids=["thirdparty"]),
    )


async def test_what_cannot_be_listed_is_refused_by_name(town: Town) -> None:
    """Each mistake names its field and the fix."""
    users = town.auth.users
    for field, call in {
        "limit": users.list(limit=0),
        "limit ": users.list(newest_first=False, limit=501),
        "limit  ": users.search(email="a", limit=1_001),
        "recipe_ids": users.list(recipe_ids=["emailpasword"]),
        "recipe_ids ": users.count(recipe_ids=["thirdparty", "webauthn"]),
        "tenantId": users.list(tenant_id="nowhere"),
        "pagination_token": users.list(pagination_token="not one"),
        "email": users.search(),
        "email ": users.search(email=""),
        "email  ": users.list_by_account_info(),
        "provider": users.search(provider=["google", "\0"]),
    }.items():
        with pytest.raises(BadInput) as caught:
            await call
        assert field.strip() == caught.value.field


async def test_search_by_the_beginning_of_address_domain_and_provider(town: Town) -> None:
    """Terms of a kind are joined by or, kinds by and; capitals and blanks do not matter. Source: CDI 14."""
    ada = await town.sign_up("ada@example.com")
    bob = await town.sign_up("bob@adamant.org")
    eve = await town.sign_in_up("77", "eve@example.com", provider="github")
    users = town.auth.users

    async def found(**terms: object) -> list[str]:
        return [user.id for user in await users.search(**terms)]  # type: ignore[arg-type]

    assert [bob.id, ada.id] == await found(email=" ADA"), "address or domain, newest first"
    assert [eve.id, ada.id] == await found(email="example")
    assert [eve.id, bob.id] == await found(email=["bob", "eve@"])
    assert [eve.id] == await found(provider="git")
    assert [] == await found(provider="git", email="bob")
    assert [eve.id] == await found(provider=["git", "goo"], email="e")
    assert [ada.id] == await found(email="example", recipe_ids=["emailpassword"])
    assert 1 == len(await found(email="e", limit=1))
    assert [] == await found(email="%"), "nothing is a pattern"
    await town.make_tenant("shop")
    assert [] == await found(email="ada", tenant_id="shop")


async def test_search_reads_accents_and_other_scripts(town: Town) -> None:
    """The range of a prefix is by bytes, so that no language's order hides somebody."""
    people = [await town.sign_up(f"{name}@example.com") for name in ("émile", "emil", "ωmega", "zoë")]
    found = await town.auth.users.search(email="É")
    assert [people[0]] == found
    assert [people[2]] == await town.auth.users.search(email="ω")


async def test_people_are_found_by_id_address_and_identity(town: Town) -> None:
    """Whole addresses in any spelling, identities to the letter; both together, or one of them."""
    ada, google = await town.sign_up("ada@example.com"), await town.sign_in_up("1234", "ada@example.com")
    bob = await town.sign_up("bob@example.com")
    users = town.auth.users
    assert ada == await users.get(ada.id)
    assert [ada, google] == await users.list_by_account_info(email=" Ada@Example.com ")
    assert [google] == await users.list_by_account_info(third_party=("google", "1234"))
    assert [] == await users.list_by_account_info(third_party=ThirdPartyIdentity("Google", "1234"))
    both = {"email": "bob@example.com", "third_party": ("google", "1234")}
    assert [] == await users.list_by_account_info(**both)  # type: ignore[arg-type]
    assert [google, bob] == await users.list_by_account_info(**both, union=True)  # type: ignore[arg-type]
    assert [] == await users.list_by_account_info(email="no address")
    await town.make_tenant("shop")
    assert [] == await users.list_by_account_info(email="ada@example.com", tenant_id="shop")
    for nobody in ("nobody", "", "\0", "\ud800"):
        assert await users.find(nobody) is None
        with pytest.raises(UserNotFound):
            await users.get(nobody)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60), st.integers(-1, 2**62))
def test_a_token_says_where_to_go_on(user_id: str, joined_ms: int) -> None:
    """Whatever a position is, its token leads back to it."""
    position = Position(joined_ms, user_id)
    assert position == read_page_token(write_page_token(position))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80))
def test_any_other_text_is_no_token(text: str) -> None:
    """From outside comes anything: it is refused as a token, in one sentence."""
    with pytest.raises(BadInput, match="invalid pagination token"):
        read_page_token(text)


@pytest.mark.parametrize(
    "text", ["eyJtcyI6MSwiaWQiOiJcdTAwMDAifQ", "eyJtcyI6InAiLCJpZCI6ImEifQ", "e30", "W10", "eyJtcyI6LTUsImlkIjoiIn0"]
)
def test_a_forged_token_is_refused(text: str) -> None:
    """NUL in the id, text for a number, members missing, a list, a moment before all."""
    with pytest.raises(BadInput, match="invalid pagination token"):
        read_page_token(text)
