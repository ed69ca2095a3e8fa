"""Negotiation of the FDI version and the two shapes of a user. Source: FDI 2, section 14 lines 7 to 9."""

import pytest

from tests.site import Site
from watchword.accounts.users import LoginMethod, ThirdPartyIdentity, User
from watchword.fdi.users import shape_answer
from watchword.fdi.versions import NEWEST, has_linked_users, negotiate
from watchword.recipes.api import Answer


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which."""
    return sqlite_url


USER = User(
    id="u1",
    time_joined_ms=1,
    login_methods=(
        LoginMethod("thirdparty", "u1", ("public",), 1, "a@b.co", ThirdPartyIdentity("google", "g1"), verified=True),
    ),
)


@pytest.mark.parametrize(
    ("header", "linked"),
    [
        ("1.17", False),
        ("1.18", True),
        ("2.0", False),
        ("1.18,2.0", False),
        ("3.0", True),
        ("2.0,3.0", True),
        ("1.16,1.17", False),
        ("1.17,1.16", False),
        ("1.17,1.18", True),
        ("1.18, 1.17", True),
        (None, True),
        ("9.9", True),
        ("1.9", False),
        ("nonsense", True),
        ("", True),
        ("1.17,", True),
    ],
)
def test_the_largest_item_decides_the_shape(header: str | None, linked: bool) -> None:
    """The client's numerically largest version counts; a malformed or missing list means the newest."""
    assert linked == has_linked_users(negotiate(header))


def test_versions_compare_as_numbers() -> None:
    """1.18 is newer than 1.2, and a longer version wins over its own prefix."""
    assert (1, 18) == negotiate("1.2,1.18")
    assert (1, 17, 2) == negotiate("1.17,1.17.2")
    assert NEWEST == negotiate("4.x")


def test_version_1_of_a_user_has_its_exact_keys() -> None:
    """No tenantIds, no absent members; the flag is createdNewUser."""
    answer = Answer(body={"status": "OK"}, user=USER, recipe_user_id="u1", created_new_recipe_user=True)
    assert {
        "status": "OK",
        "createdNewUser": True,
        "user": {"id": "u1", "timeJoined": 1, "email": "a@b.co", "thirdParty": {"id": "google", "userId": "g1"}},
    } == shape_answer(answer, (1, 17))


def test_version_2_of_a_user_has_login_methods() -> None:
    """Top-level lists are always there; inside a login method only what is set; the flag is createdNewRecipeUser."""
    answer = Answer(body={"status": "OK"}, user=USER, recipe_user_id="u1", created_new_recipe_user=False)
    shaped = shape_answer(answer, (4, 0))
    assert shaped is not None
    assert shaped["createdNewRecipeUser"] is False
    assert {
        "id": "u1",
        "isPrimaryUser": False,
        "tenantIds": ["public"],
        "emails": ["a@b.co"],
        "phoneNumbers": [],
        "thirdParty": [{"id": "google", "userId": "g1"}],
        "webauthn": {"credentialIds": []},
        "loginMethods": [
            {
                "recipeId": "thirdparty",
                "recipeUserId": "u1",
                "tenantIds": ["public"],
                "timeJoined": 1,
                "verified": True,
                "email": "a@b.co",
                "thirdParty": {"id": "google", "userId": "g1"},
            }
        ],
        "timeJoined": 1,
    } == shaped["user"]


async def test_a_password_user_has_three_keys_in_version_1(site: Site) -> None:
    """`backend-sdk-testing` demands exactly id, email and timeJoined, and no new-user flag on sign-up."""
    browser = site.browser("cookies", **{"fdi-version": "1.17"})
    answer = await browser.sign_up()
    assert {"status", "user"} == set(answer.json())
    assert {"id", "email", "timeJoined"} == set(answer.json()["user"])
