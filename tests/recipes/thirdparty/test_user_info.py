"""How strictly a profile is read: it may hold anything (security OA-7, OA-8)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recipes.thirdparty.conftest import Bench, corp
from tests.recipes.thirdparty.double import CLIENT_ID, ProviderDouble
from watchword.recipes.thirdparty.errors import ProviderFailed
from watchword.recipes.thirdparty.providers import ProviderUserInfo, UserInfoFields, UserInfoMap
from watchword.recipes.thirdparty.user_info import (
    UnusableProfile,
    find_field,
    read_email,
    read_user_id,
    read_verified,
)

NOT_VERIFIED = [
    None,
    False,
    "false",
    "False",
    "True",
    "TRUE",
    " true",
    "yes",
    "1",
    "",
    0,
    1,
    1.0,
    [],
    [True],
    {},
    {"a": True},
]


@pytest.mark.parametrize("flag", [True, "true"])
def test_only_a_yes_is_a_yes(flag: Any) -> None:
    """`true`, and the text that Apple sends."""
    assert read_verified(flag)


@pytest.mark.parametrize("flag", NOT_VERIFIED)
def test_everything_else_is_unverified(flag: Any) -> None:
    """Absent, `false`, `"false"`, `0`, `null`, and whatever else is not a clear yes (OA-8)."""
    assert not read_verified(flag)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("flag", [True, *NOT_VERIFIED])
async def test_the_provider_must_say_so_and_be_trusted_to(
    bench: Bench, double: ProviderDouble, trusted: bool, flag: Any
) -> None:
    """Both, or the address is unverified."""
    double.person["email_verified"] = flag
    found = await look(bench, double, trust_email=trusted)
    assert (trusted and flag is True) == found.is_verified


async def look(bench: Bench, double: ProviderDouble, **settings: Any) -> ProviderUserInfo:
    """What an entry with these settings makes of tokens that were brought."""
    provider = bench.wire(corp(double, **settings))
    tokens = double.tokens_for(double.person, CLIENT_ID)
    return await provider.get_user_info(provider.clients[0], tokens, callback=None, user_context={})


async def test_address_and_flag_come_from_the_same_place(bench: Bench, double: ProviderDouble) -> None:
    """An address of the profile is not verified by a flag of the id_token, nor the other way round."""
    double.person = {"sub": "1", "email_verified": True}
    double.change_profile = lambda _: {"sub": "1", "email": "victim@example.com"}
    found = await look(bench, double)
    assert ("victim@example.com", False) == (found.email, found.is_verified)


@pytest.mark.parametrize("absent", [None, ""])
def test_no_address_is_none(absent: Any) -> None:
    """Providers leave it out, or send `null` or an empty text."""
    assert read_email(absent) is None


@pytest.mark.parametrize(
    "value",
    [
        1,
        True,
        ["a@example.com"],
        {"a": "b"},
        "nobody",
        "a@b.example,c@d.example",
        "a\0@example.com",
        "\ud800@example.com",
        "a" * 400 + "@example.com",
    ],
)
async def test_an_address_that_cannot_be_one_is_the_providers_failure(
    bench: Bench, double: ProviderDouble, value: Any
) -> None:
    """Nothing is stored that could reach two mailboxes, hide in a log, or fill the database."""
    with pytest.raises(UnusableProfile):
        read_email(value)
    if value != "\ud800@example.com":  # cannot be sent as JSON either
        double.change_profile = lambda profile: {**profile, "email": value}
        with pytest.raises(ProviderFailed) as failed:
            await look(bench, double, user_info_map=FROM_PROFILE)
        assert str(value) not in str(failed.value)


FROM_PROFILE = UserInfoMap(
    from_id_token_payload=UserInfoFields(user_id=None, email=None, email_verified=None),
    from_user_info_api=UserInfoFields(user_id="id"),
)


@pytest.mark.parametrize(
    ("value", "user_id"), [("abc", "abc"), (12, "12"), (0, "0"), (-5, "-5"), (10**25, "1" + "0" * 25), ("ü", "ü")]
)
def test_an_id_is_a_text_or_a_whole_number(value: Any, user_id: str) -> None:
    """GitHub's and Facebook's are numbers."""
    assert user_id == read_user_id(value)


@pytest.mark.parametrize(
    "value", [None, True, False, "", 1.5, [], {}, ["1"], "a\0b", "a\nb", "\ud800", "x" * 256, 10**40, float("nan")]
)
async def test_what_is_no_id_signs_nobody_in(value: Any) -> None:
    """`true` must not become the person `1` or `True`, nor `null` the person `None`."""
    with pytest.raises(UnusableProfile):
        read_user_id(value)


@pytest.mark.parametrize("value", [None, True, "", 1.5, [], "x" * 256])
async def test_a_profile_without_a_usable_id_is_the_providers_failure(
    bench: Bench, double: ProviderDouble, value: Any
) -> None:
    """End to end."""
    double.change_profile = lambda profile: {**profile, "id": value}
    with pytest.raises(ProviderFailed):
        await look(bench, double, user_info_map=FROM_PROFILE)


async def test_fields_can_be_anywhere(bench: Bench, double: ProviderDouble) -> None:
    """A dot steps into an object; a name that has a dot itself is found as it is."""
    double.change_profile = lambda profile: {
        "sub": profile["sub"],
        "data": {"id": 7, "mails": {"work": "ada@example.com"}},
        "https://example.com/ok": "true",
    }
    fields = UserInfoFields(user_id="data.id", email="data.mails.work", email_verified="https://example.com/ok")
    none = UserInfoFields(user_id=None, email=None)
    mapped = UserInfoMap(from_id_token_payload=none, from_user_info_api=fields)
    found = await look(bench, double, user_info_map=mapped)
    assert ("7", "ada@example.com", True) == (found.third_party_user_id, found.email, found.is_verified)


@pytest.mark.parametrize("name", [None, "", "a.b.c.d", "b", "a.b.c", "list.0"])
def test_a_field_that_is_not_there_is_none(name: str | None) -> None:
    """Whatever the profile holds in its place."""
    assert find_field({"a": {"b": "text"}, "list": ["x"]}, name) is None
    assert find_field(None, name) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_no_json_value_breaks_the_reading(value: Any) -> None:
    """Whatever comes: an id, an address, or the one error."""
    for read in (read_user_id, read_email, read_verified):
        try:
            result = read(value)
        except UnusableProfile:
            continue
        assert result is None or isinstance(result, str | bool)
