"""Claims and their validators: the reasons are compared word by word by the official suites. Source: FDI 7."""

from typing import Any

import pytest

from watchword.errors import HookFailed
from watchword.sessions.claims import (
    BooleanClaim,
    ClaimOwner,
    ClaimValidator,
    PrimitiveArrayClaim,
    PrimitiveClaim,
    SessionClaim,
)
from watchword.sessions.errors import ClaimFailure

NOW = 1_700_000_000_000
OWNER = ClaimOwner("ada", "ada-1", "public")


def nothing(*_: Any) -> None:
    """Fetches no value."""


role = PrimitiveClaim[str]("role", nothing)
verified = BooleanClaim("st-ev", nothing)
roles = PrimitiveArrayClaim("st-role", nothing)


def payload(claim: SessionClaim[Any], value: Any, age_ms: int = 0) -> dict[str, Any]:
    """A payload in which the claim was fetched a while ago."""
    return claim.wrap(value, NOW - age_ms)


async def failure(validator: ClaimValidator, of: dict[str, Any]) -> ClaimFailure | None:
    """What the validator says of a payload."""
    return await validator.find_failure(of, NOW)


def test_claims_are_stored_with_the_time_they_were_fetched() -> None:
    """FDI 7: `{"v": value, "t": milliseconds}` under the claim's key."""
    stored = role.wrap("member", NOW)

    assert {"role": {"v": "member", "t": NOW}} == stored
    assert ("member", NOW) == (role.find_value(stored), role.find_fetch_time_ms(stored))
    others: list[dict[str, Any]] = [{}, {"role": None}, {"role": "member"}, {"role": []}]
    for other in others:
        assert (None, None) == (role.find_value(other), role.find_fetch_time_ms(other))


async def test_has_value_reasons() -> None:
    """Missing, wrong and too old, in the contract's words."""
    is_member = role.has_value("member", max_age_seconds=300)

    assert await failure(is_member, payload(role, "member", 300_000)) is None
    assert ClaimFailure(
        "role", {"message": "value does not exist", "expectedValue": "member", "actualValue": None}
    ) == await failure(is_member, {})
    assert ClaimFailure(
        "role", {"message": "wrong value", "expectedValue": "member", "actualValue": "guest"}
    ) == await failure(is_member, payload(role, "guest"))
    assert ClaimFailure("role", {"message": "expired", "ageInSeconds": 301.5, "maxAgeInSeconds": 300}) == await failure(
        is_member, payload(role, "member", 301_500)
    )


async def test_values_are_compared_exactly() -> None:
    """`1` is not `True`, `0` is not `False`."""
    assert await failure(verified.is_true(), payload(verified, True)) is None
    assert await failure(verified.is_false(), payload(verified, False)) is None
    for validator, value in ((verified.is_true(), 1), (verified.is_false(), 0), (verified.is_true(), "true")):
        assert await failure(validator, payload(verified, value)) is not None


@pytest.mark.parametrize(
    ("validator", "good", "bad", "expectation"),
    [
        (roles.includes("a"), ["a", "b"], ["b"], {"expectedToInclude": "a"}),
        (roles.includes_all(["a", "b"]), ["b", "a", "c"], ["a"], {"expectedToInclude": ["a", "b"]}),
        (roles.includes_any(["a", "b"]), ["b"], ["c"], {"expectedToIncludeAtLeastOneOf": ["a", "b"]}),
        (roles.excludes("a"), ["b"], ["a", "b"], {"expectedToNotInclude": "a"}),
        (roles.excludes_all(["a", "b"]), ["c"], ["c", "b"], {"expectedToNotInclude": ["a", "b"]}),
    ],
    ids=["includes", "includes_all", "includes_any", "excludes", "excludes_all"],
)
async def test_array_reasons(
    validator: ClaimValidator, good: list[str], bad: list[str], expectation: dict[str, Any]
) -> None:
    """Each of the five, with its own name for what was expected."""
    assert await failure(validator, payload(roles, good)) is None
    assert ClaimFailure("st-role", {"message": "wrong value", **expectation, "actualValue": bad}) == await failure(
        validator, payload(roles, bad)
    )
    assert ClaimFailure(
        "st-role", {"message": "value does not exist", **expectation, "actualValue": None}
    ) == await failure(validator, {})


def test_missing_and_old_values_are_fetched_again() -> None:
    """No value: always. A value: only where an age is set and passed."""
    aged, ageless = role.has_value("x", max_age_seconds=10), role.has_value("x")

    assert aged.should_refetch({}, NOW)
    assert ageless.should_refetch({}, NOW)
    assert not aged.should_refetch(payload(role, "x", 10_000), NOW)
    assert aged.should_refetch(payload(role, "x", 10_001), NOW)
    assert not ageless.should_refetch(payload(role, "x", 10**12), NOW)


def test_validators_may_have_an_id_of_their_own() -> None:
    """Two rules about one claim are told apart in the answer."""
    assert ("role", "is-admin") == (role.has_value("admin").id, role.has_value("admin", id="is-admin").id)


async def test_values_are_fetched_sync_or_async() -> None:
    """The function is told whose session it is; `None` leaves the claim out."""
    seen: list[tuple[ClaimOwner, dict[str, Any]]] = []

    def plain(owner: ClaimOwner, user_context: dict[str, Any]) -> str:
        seen.append((owner, user_context))
        return "plain"

    async def slow(owner: ClaimOwner, user_context: dict[str, Any]) -> str:
        return f"slow {owner.user_id} {user_context['x']}"

    context = {"x": 1}
    assert {"a": {"v": "plain", "t": NOW}} == await PrimitiveClaim("a", plain).fetch(OWNER, context, NOW)
    assert {"b": {"v": "slow ada 1", "t": NOW}} == await PrimitiveClaim("b", slow).fetch(OWNER, context, NOW)
    assert {} == await role.fetch(OWNER, context, NOW)
    assert [(OWNER, context)] == seen


async def test_function_that_raises_is_named() -> None:
    """The application's own failure is a server error that names the claim; the cause is kept for the log."""

    def broken(*_: Any) -> str:
        raise ValueError("no database")

    with pytest.raises(HookFailed, match="fetch_value of claim role raised ValueError") as error:
        await PrimitiveClaim("role", broken).fetch(OWNER, {}, NOW)

    assert isinstance(error.value.__cause__, ValueError)


@pytest.mark.parametrize("found", ["superadmin", {"admin": True}, 7, True])
async def test_rules_about_lists_fail_for_anything_that_is_no_list(found: Any) -> None:
    """Attack: be given the role `superadmin` as a text where a list was meant; it includes `admin`, letter by letter.

    Excluding fails as well: nobody knows what such a value says.
    """
    for rule in (
        roles.includes("admin"),
        roles.includes_all(["admin"]),
        roles.includes_any(["admin", "min"]),
        roles.excludes("banned"),
        roles.excludes_all(["banned"]),
    ):
        problem = await failure(rule, payload(roles, found))
        assert problem is not None
        assert "wrong value" == problem.reason["message"]


async def test_lists_hold_the_very_value_and_not_an_equal_one() -> None:
    """`True` in a list is not the number 1."""
    assert await failure(roles.includes(1), payload(roles, [True])) is not None
    assert await failure(roles.includes(value=True), payload(roles, [1])) is not None
    assert await failure(roles.excludes(1), payload(roles, [True])) is None
    assert await failure(roles.includes(1), payload(roles, [1.0])) is None
