"""Claims in sessions: fetched at creation, refetched and checked at verification, per route or for all. FDI 4.8, 7."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.recipes.session.conftest import Wire
from tests.sessions.nodes import SECOND, ManualClock
from watchword.errors import HookFailed, InvalidPayload
from watchword.recipes.session.programmatic import Sessions
from watchword.recipes.session.recipe import Session
from watchword.recipes.user_context import UserContext
from watchword.sessions.claims import BooleanClaim, ClaimOwner, ClaimValidator, PrimitiveArrayClaim, PrimitiveClaim
from watchword.sessions.errors import ClaimFailure, InvalidClaims, SessionNotFound
from watchword.sessions.session import SessionContainer


class Facts:
    """What the application knows about a user; changes while tests run."""

    def __init__(self) -> None:
        self.verified: bool | None = False
        self.fetches = 0

    async def is_verified(self, owner: ClaimOwner, _: UserContext) -> bool | None:
        """Fetched by the claim."""
        assert ("ada", "ada", "public") == (owner.user_id, owner.recipe_user_id, owner.tenant_id)
        self.fetches += 1
        return self.verified


class AtOnce(ClaimValidator):
    """Verified, or fetched again at once."""

    def __init__(self, claim: BooleanClaim) -> None:
        super().__init__("is-verified", claim)
        self._rule = claim.is_true(id="is-verified")

    def should_refetch(self, payload: Mapping[str, Any], now_ms: int) -> bool:
        """While it is not true."""
        assert self.claim is not None
        return self.claim.find_value(payload) is not True

    async def find_failure(self, payload: Mapping[str, Any], now_ms: int) -> ClaimFailure | None:
        """As the built-in rule says."""
        return await self._rule.find_failure(payload, now_ms)


@pytest.fixture
def facts() -> Facts:
    """What the application knows."""
    return Facts()


@pytest.fixture
def claim(facts: Facts) -> BooleanClaim:
    """The claim that fetches it."""
    return BooleanClaim("st-ev", facts.is_verified)


@pytest.fixture
async def guarded(wire: Wire, claim: BooleanClaim) -> Session:
    """A recipe with the claim in each session and a rule about it on each route."""
    recipe = await wire(Session(signing_key_algorithm="EdDSA"))
    recipe.add_claim(claim, AtOnce(claim))
    return recipe


async def start(recipe: Session) -> SessionContainer:
    """A new session of the one user."""
    return await recipe.create_new_session("ada", jwt_payload={"own": 1}, session_data={})


async def test_claims_of_recipes_are_in_new_sessions_after_what_the_application_put_there(
    guarded: Session, clock: ManualClock
) -> None:
    """FDI 4.8, step 2."""
    session = await start(guarded)

    assert [("own", 1), ("st-ev", {"v": False, "t": clock.now_ms()})] == list(session.jwt_payload.items())


async def test_claim_that_does_not_hold_is_refused_and_what_was_fetched_reaches_the_client(
    guarded: Session, facts: Facts, clock: ManualClock
) -> None:
    """Line 55: refetched before it is validated; the new token is there with the 403 too, or each request refetches."""
    token = (await start(guarded)).access_token
    clock.turn(SECOND)
    session = await guarded.get_session(token, override_global_claim_validators=[])

    with pytest.raises(InvalidClaims) as refusal:
        await guarded.validate_claims(session)

    expected = {"message": "wrong value", "expectedValue": True, "actualValue": False}
    assert (ClaimFailure("is-verified", expected),) == refusal.value.failures
    assert 2 == facts.fetches
    assert session.issued is not None
    assert {"v": False, "t": clock.now_ms()} == session.jwt_payload["st-ev"]


async def test_refetched_value_lets_the_request_pass_and_is_kept(guarded: Session, facts: Facts) -> None:
    """The person verified the address meanwhile: this request passes, and the next one fetches nothing."""
    token = (await start(guarded)).access_token
    facts.verified = True

    session = await guarded.get_session(token)

    assert session.issued is not None
    assert True is (await guarded.get_session(session.access_token)).jwt_payload["st-ev"]["v"]
    assert 2 == facts.fetches
    stored = (await guarded.get_session_information(session.handle)).jwt_payload
    assert stored == session.jwt_payload


async def test_claim_without_a_value_is_left_unset(guarded: Session, facts: Facts) -> None:
    """`None` leaves the claim out, at creation and when it is refetched; nothing is written then."""
    facts.verified = None
    started = await start(guarded)
    assert {"own": 1} == started.jwt_payload

    session = await guarded.get_session(started.access_token, override_global_claim_validators=[])
    with pytest.raises(InvalidClaims) as refusal:
        await guarded.validate_claims(session)

    assert "value does not exist" == refusal.value.failures[0].reason["message"]
    assert session.issued is None


async def test_claims_are_skipped_where_the_route_says_so(guarded: Session, facts: Facts) -> None:
    """FDI 7: the built-in APIs pass an empty list; a function gets the global list and the session."""
    token = (await start(guarded)).access_token
    facts.fetches = 0
    seen: list[tuple[int, str, UserContext]] = []

    def no_rules(rules: Sequence[ClaimValidator], session: SessionContainer, context: UserContext) -> list[Any]:
        seen.append((len(rules), session.user_id, context))
        return []

    async def own_rules(
        rules: Sequence[ClaimValidator], session: SessionContainer, _: UserContext
    ) -> list[ClaimValidator]:
        return [*rules, PrimitiveClaim[int]("own", lambda _owner, _context: None).has_value(1)]

    await guarded.get_session(token, override_global_claim_validators=[])
    await guarded.get_session(token, override_global_claim_validators=no_rules, user_context={"x": 1})
    assert 0 == facts.fetches
    assert [(1, "ada", {"x": 1})] == seen
    with pytest.raises(InvalidClaims) as refusal:
        await guarded.get_session(token, override_global_claim_validators=own_rules)
    assert ["is-verified", "own"] == [failure.id for failure in refusal.value.failures]


async def test_global_rules_are_an_override_away(wire: Wire) -> None:
    """Subclass, `super()`, add a rule: every route has it."""
    roles = PrimitiveArrayClaim("st-role", lambda _owner, _context: ["member"])

    class AdminsOnly(Session):
        """Nobody else."""

        async def get_global_claim_validators(self, **arguments: Any) -> Sequence[ClaimValidator]:
            """With one more."""
            return [*await super().get_global_claim_validators(**arguments), roles.includes("admin")]

    recipe = await wire(AdminsOnly(signing_key_algorithm="EdDSA"))
    recipe.add_claim(roles)
    session = await start(recipe)

    with pytest.raises(InvalidClaims):
        await recipe.get_session(session.access_token)
    await session.set_claim_value(roles, ["admin"])
    await recipe.get_session(session.access_token)


async def test_replacing_the_payload_leaves_claims_of_recipes_alone(guarded: Session) -> None:
    """The application replaces what is its own; a role or a verified address is not lost by it."""
    session = await start(guarded)
    claim = session.jwt_payload["st-ev"]

    await session.update_jwt_payload({"new": 2})

    assert {"new": 2, "st-ev": claim} == session.jwt_payload
    await session.update_jwt_payload({})
    assert {"st-ev": claim} == session.jwt_payload
    await session.merge_into_jwt_payload({"st-ev": None})
    assert {} == session.jwt_payload


async def test_only_a_claim_puts_a_value_under_its_name(guarded: Session, claim: BooleanClaim) -> None:
    """Attack: a page merges what the client sent into the payload, and the client sends a claim that says "verified".

    Taking a claim out is allowed: who has none has no right by it.
    """
    forged = {"st-ev": {"v": True, "t": 1}}
    session = await start(guarded)
    for change in (session.merge_into_jwt_payload, session.update_jwt_payload):
        with pytest.raises(InvalidPayload, match=r"'st-ev' is a claim; use set_claim_value or fetch_and_set_claim"):
            await change({"theme": "dark", **forged})
        with pytest.raises(InvalidPayload, match="'st-ev' is a claim"):
            await getattr(guarded, change.__name__)(session.handle, forged)
    with pytest.raises(InvalidPayload, match="'st-ev' is a claim"):
        await guarded.create_new_session("eve", jwt_payload=forged, session_data={})
    stored = (await guarded.get_session_information(session.handle)).jwt_payload
    assert (False, False) == (claim.find_value(stored), "theme" in stored)


async def test_claims_by_handle(guarded: Session, claim: BooleanClaim, facts: Facts) -> None:
    """What the application knows of somebody reaches their sessions without a request of theirs."""
    handle, sessions = (await start(guarded)).handle, Sessions(guarded)

    async def stored() -> bool | None:
        return claim.find_value((await sessions.get(handle)).jwt_payload)

    await sessions.set_claim_value(handle, claim, value=True)
    assert await stored() is True
    await sessions.fetch_and_set_claim(handle, claim)
    assert await stored() is False
    facts.verified = None
    await sessions.fetch_and_set_claim(handle, claim)
    assert await stored() is False, "a claim without a value is left as it is"
    for change in (sessions.set_claim_value("gone", claim, value=True), sessions.fetch_and_set_claim("gone", claim)):
        with pytest.raises(SessionNotFound):
            await change


async def test_claims_on_the_request_session(guarded: Session, claim: BooleanClaim, facts: Facts) -> None:
    """Read, set, fetch and remove: each in the response, each in the database."""
    session = await start(guarded)
    assert session.get_claim_value(claim) is False

    await session.set_claim_value(claim, value=True)
    assert session.get_claim_value(claim) is True
    await session.fetch_and_set_claim(claim)
    assert session.get_claim_value(claim) is False
    await session.remove_claim(claim)
    assert session.get_claim_value(claim) is None
    facts.verified = None
    await session.fetch_and_set_claim(claim)

    assert {"own": 1} == session.jwt_payload
    assert {"own": 1} == (await guarded.get_session_information(session.handle)).jwt_payload


async def test_failing_fetch_makes_no_session(wire: Wire) -> None:
    """A claim that cannot be fetched at sign-in is a server error, and nothing is written."""

    def broken(*_: Any) -> bool:
        raise OSError("the other service is down")

    recipe = await wire(Session(signing_key_algorithm="EdDSA"))
    recipe.add_claim(BooleanClaim("broken", broken))

    with pytest.raises(HookFailed):
        await start(recipe)
    assert [] == await recipe.list_session_handles_for_user("ada")
