"""One user in a file: what is read, what is refused by name, and that what is written is read back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import MethodRecord, UserRecord, read_record, write_record

PASSWORD = {"recipeId": "emailpassword", "email": "ada@example.com"}
GOOGLE = {"recipeId": "thirdparty", "thirdPartyId": "google", "thirdPartyUserId": "1093"}


def test_a_record_as_its_members_say() -> None:
    """The primary method comes first, addresses are in normal form, and what is left out has the usual value."""
    value = {
        "externalUserId": "42",
        "loginMethods": [
            {**GOOGLE, "email": " Ada@EXAMPLE.com"},
            {**PASSWORD, "isPrimary": True, "isVerified": True, "passwordHash": "x", "tenantIds": ["acme", "public"]},
        ],
        "userRoles": [{"role": "admin", "tenantIds": ["acme", "public"]}],
    }
    password = MethodRecord(
        recipe_id="emailpassword",
        email="ada@example.com",
        password_hash="x",
        verified=True,
        tenant_ids=("acme", "public"),
    )
    google = MethodRecord(
        recipe_id="thirdparty", email="ada@example.com", third_party_id="google", third_party_user_id="1093"
    )
    expected = UserRecord(user_id="42", methods=(password, google), roles=(("admin", "acme"), ("admin", "public")))
    assert expected == read_record(value)


REFUSED: dict[str, Any] = {
    "the line": [],
    "loginMethods: is missing": {"externalUserId": "1"},
    "loginMethods: is not a list": {"loginMethods": {}},
    "loginMethods: more than one says isPrimary": {"loginMethods": [{**PASSWORD, "isPrimary": True}] * 2},
    "loginMethod: is not known": {"loginMethod": [PASSWORD]},
    r"loginMethods\[0\].recipeId": {"loginMethods": [{**PASSWORD, "recipeId": "passwordless"}]},
    r"loginMethods\[0\].email: is missing": {"loginMethods": [{"recipeId": "emailpassword"}]},
    r"loginMethods\[0\].email: is no e-mail": {"loginMethods": [{**PASSWORD, "email": "a,b@example.com"}]},
    r"loginMethods\[0\].email: is not a printable": {"loginMethods": [{**PASSWORD, "email": 7}]},
    r"loginMethods\[0\].emial: is not known": {"loginMethods": [{**PASSWORD, "emial": "x"}]},
    r"loginMethods\[1\].thirdPartyUserId": {"loginMethods": [PASSWORD, {**GOOGLE, "thirdPartyUserId": ""}]},
    r"loginMethods\[0\].isVerified": {"loginMethods": [{**PASSWORD, "isVerified": "true"}]},
    r"loginMethods\[0\].timeJoined": {"loginMethods": [{**PASSWORD, "timeJoinedInMSSinceEpoch": -1}]},
    r"loginMethods\[0\].tenantIds": {"loginMethods": [{**PASSWORD, "tenantIds": []}]},
    "externalUserId": {"externalUserId": " 42", "loginMethods": [PASSWORD]},
    "externalUserId: is": {"externalUserId": "x" * 129, "loginMethods": [PASSWORD]},
    "userRoles.role: is missing": {"loginMethods": [PASSWORD], "userRoles": [{}]},
}


@pytest.mark.parametrize("name", ["ada", "ada lovelace", "ada@localhost", "ada@", "@example.com", "+49 170 1234567"])
def test_a_user_name_is_no_address_unless_people_sign_in_with_such(name: str) -> None:
    """By default nobody could sign in with it, so the line is refused; a provider's address is one in any case."""
    with pytest.raises(RecordRefused, match=r"^loginMethods\[0\]\.email: is no e-mail address$"):
        read_record({"loginMethods": [{**PASSWORD, "email": name}]})
    if " " in name:  # no user name either: it could not be normalised (see `normalise_email`)
        return
    (method,) = read_record({"loginMethods": [{**PASSWORD, "email": name}]}, user_names=True).methods
    assert name == method.email
    with pytest.raises(RecordRefused, match="email: is no e-mail address"):
        read_record({"loginMethods": [{**GOOGLE, "email": name}]}, user_names=True)


def test_an_address_under_a_name_of_a_closed_network_is_one() -> None:
    """Users of an installation that no mail from outside reaches are users, too."""
    (method,) = read_record({"loginMethods": [{**PASSWORD, "email": "Ada@shop.local"}]}).methods
    assert "ada@shop.local" == method.email


@pytest.mark.parametrize(("message", "value"), REFUSED.items(), ids=REFUSED)
def test_what_is_wrong_is_named(message: str, value: Any) -> None:
    """The member, by its path, and the reason; nothing is guessed and nothing passed over."""
    with pytest.raises(RecordRefused, match=message):
        read_record(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=10,
)
MEMBERS = ["recipeId", "email", "passwordHash", "isVerified", "tenantIds", "thirdPartyId", "externalUserId"]
lines = json_values | st.fixed_dictionaries(
    {"loginMethods": st.lists(st.dictionaries(st.sampled_from(MEMBERS), json_values))}
)


@given(lines)
def test_whatever_a_line_holds_is_a_record_or_refused(value: Any) -> None:
    """No JSON value ends an import; a record that is read is the same after it was written."""
    try:
        record = read_record(value)
    except RecordRefused:
        return
    assert record == read_record(json.loads(json.dumps(write_record(record))))


names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=20)
tenants = st.lists(st.sampled_from(["public", "acme"]), min_size=1, max_size=2, unique=True).map(tuple)
common = {"verified": st.booleans(), "tenant_ids": tenants, "time_joined_ms": st.integers(0, 2**52)}
methods = st.builds(
    MethodRecord,
    recipe_id=st.just("emailpassword"),
    email=st.sampled_from(["ada@example.com", "bob@example.org"]),
    password_hash=st.none() | st.just("$2b$10$x"),
    **common,
) | st.builds(
    MethodRecord,
    recipe_id=st.just("thirdparty"),
    email=st.none() | st.just("ada@example.com"),
    third_party_id=names,
    third_party_user_id=names,
    **common,
)


@given(st.builds(UserRecord, user_id=st.none() | st.just("42"), methods=st.lists(methods, min_size=1).map(tuple)))
def test_what_is_written_is_read_back(record: UserRecord) -> None:
    """An export is an import: nothing is lost between the two."""
    assert record == read_record(json.loads(json.dumps(write_record(record))))
