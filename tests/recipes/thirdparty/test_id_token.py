"""Every claim of an id_token, mutated: none of these signs anybody in (security OA-5, FDI 14 line 23)."""

import json
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest

from tests.recipes.thirdparty.conftest import REDIRECT_URI, Bench, corp
from tests.recipes.thirdparty.double import CLIENT_ID, ProviderDouble, left_half
from watchword.crypto.jwt import VerifiedJwt, generate_signing_key, sign
from watchword.errors import BadInput
from watchword.recipes.thirdparty.attempt import RedirectUriInfo, new_verifier, nonce_of
from watchword.recipes.thirdparty.errors import ProviderFailed
from watchword.recipes.thirdparty.id_token import UntrueToken, _check_access_token_hash
from watchword.recipes.thirdparty.providers import Provider, ProviderClient, ProviderUserInfo

Claims = dict[str, Any]
NOW_SECONDS = 1_800_000_000


async def look(
    provider: Provider, double: ProviderDouble, *, brought: bool = False, client: ProviderClient | None = None
) -> ProviderUserInfo:
    """What the provider's tokens say, made by the token endpoint or brought by a mobile client."""
    verifier = new_verifier()
    nonce = None if brought else nonce_of(verifier)
    tokens = double.tokens_for(double.person, CLIENT_ID, nonce)
    callback = None if brought else RedirectUriInfo(REDIRECT_URI, {"code": "c"}, verifier)
    return await provider.get_user_info(client or provider.clients[0], tokens, callback=callback, user_context={})


def put(**changes: Any) -> Callable[[Claims], None]:
    """A mutation: `...` removes a claim."""

    def change(claims: Claims) -> None:
        for name, value in changes.items():
            claims.pop(name, None)
            if value is not ...:
                claims[name] = value

    return change


UNTRUE = {
    "no iss": put(iss=...),
    "another iss": put(iss="https://attacker.example"),
    "iss with a slash": lambda claims: claims.update(iss=claims["iss"] + "/"),
    "iss in a list": lambda claims: claims.update(iss=[claims["iss"]]),
    "no aud": put(aud=...),
    "another aud": put(aud="another-client"),
    "aud with more around it": put(aud=CLIENT_ID + " another-client"),
    "empty aud": put(aud=[]),
    "aud without us": put(aud=["a", "b"], azp=CLIENT_ID),
    "aud in an object": put(aud={CLIENT_ID: True}),
    "several aud without azp": put(aud=[CLIENT_ID, "another-client"]),
    "several aud, azp of another": put(aud=[CLIENT_ID, "another-client"], azp="another-client"),
    "azp of another": put(azp="another-client"),
    "azp null": put(azp=None),
    "azp in a list": put(azp=[CLIENT_ID]),
    "no exp": put(exp=...),
    "exp passed": put(exp=NOW_SECONDS - 61),
    "exp as text": put(exp=str(NOW_SECONDS + 3600)),
    "exp true": put(exp=True),
    "exp null": put(exp=None),
    "exp beyond all time": put(exp=1e300),
    "no iat": put(iat=...),
    "iat ten minutes off, ahead": put(iat=NOW_SECONDS + 600, exp=NOW_SECONDS + 4000),
    "iat ten minutes off, behind": put(iat=NOW_SECONDS - 600),
    "iat as text": put(iat=str(NOW_SECONDS)),
    "iat negative": put(iat=-1),
    "nbf ahead": put(nbf=NOW_SECONDS + 600),
    "nbf nonsense": put(nbf="now"),
    "no sub": put(sub=...),
    "empty sub": put(sub=""),
    "sub a number": put(sub=248289761001),
    "sub null": put(sub=None),
    "sub too long": put(sub="x" * 256),
    "at_hash of another token": put(at_hash=left_half("sha256", "another token")),
    "at_hash by another hash": put(at_hash=left_half("sha512", "x")),
    "at_hash not a text": put(at_hash=1),
    "at_hash null": put(at_hash=None),
}


@pytest.mark.parametrize("brought", [False, True], ids=["exchanged", "brought"])
@pytest.mark.parametrize("change", UNTRUE.values(), ids=UNTRUE.keys())
async def test_no_mutated_claim_signs_anybody_in(
    bench: Bench, double: ProviderDouble, change: Callable[[Claims], None], brought: bool
) -> None:
    """The provider lies: a clear provider error. A client brings it: 400 that names `oAuthTokens`.

    (A brought token may be older than one that was just exchanged; otherwise there is no difference.)
    """
    provider = bench.wire(corp(double))
    double.change_claims = change
    if brought and change is UNTRUE["iat ten minutes off, behind"]:
        assert "248289761001" == (await look(provider, double, brought=True)).third_party_user_id
        double.change_claims = put(iat=NOW_SECONDS - 3700)
    with pytest.raises(BadInput if brought else ProviderFailed) as refused:
        await look(provider, double, brought=brought)
    if isinstance(refused.value, BadInput):
        assert "oAuthTokens" == refused.value.field


TRUE = {
    "as it is": put(),
    "aud in a list": put(aud=[CLIENT_ID]),
    "azp is ours": put(azp=CLIENT_ID),
    "several aud, azp is ours": put(aud=["another-client", CLIENT_ID], azp=CLIENT_ID),
    "a minute off, ahead": put(iat=NOW_SECONDS + 59),
    "a minute off, behind": put(iat=NOW_SECONDS - 359, exp=NOW_SECONDS - 59),
    "times with fractions": put(iat=NOW_SECONDS + 0.5),
    "no at_hash": put(at_hash=...),
    "longest sub": put(sub="x" * 255),
}


@pytest.mark.parametrize("change", TRUE.values(), ids=TRUE.keys())
async def test_what_the_standard_allows_signs_in(
    bench: Bench, double: ProviderDouble, change: Callable[[Claims], None]
) -> None:
    """The table above refuses because of the mutation, not because of something else."""
    double.change_claims = change
    double.change_profile = lambda _: {"email": "ada@example.com"}
    found = await look(bench.wire(corp(double)), double)
    assert "ada@example.com" == found.email


@pytest.mark.parametrize(
    "nonce",
    [..., "", "another", None, 1, pytest.param(nonce_of(new_verifier()), id="of-another-verifier")],
)
async def test_a_token_of_another_attempt_is_refused(bench: Bench, double: ProviderDouble, nonce: Any) -> None:
    """An attacker injects a code of their own attempt: its nonce is not that of the victim's verifier (OA-3)."""
    double.change_claims = put(nonce=nonce)
    with pytest.raises(BadInput) as refused:
        await look(bench.wire(corp(double)), double)
    assert "nonce" == refused.value.field


@pytest.mark.parametrize("forge", ["none", "HS256 with the public key", "another key", "key in the header", "cut"])
@pytest.mark.parametrize("brought", [False, True], ids=["exchanged", "brought"])
async def test_no_forged_signature_signs_anybody_in(
    bench: Bench, double: ProviderDouble, forge: str, brought: bool
) -> None:
    """Anybody can write a token; only the provider's published keys, each with its own algorithm, make it true."""

    def change(token: str) -> str:
        claims = pyjwt.decode(token, options={"verify_signature": False})
        stranger = generate_signing_key("ES256", "key-1")
        if forge == "none":
            return pyjwt.encode(claims, None, algorithm="none", headers={"kid": "key-1"})
        if forge == "HS256 with the public key":
            secret = str(double.key.public_jwk["x"])
            return pyjwt.encode(claims, secret, algorithm="HS256", headers={"kid": "key-1"})
        if forge == "another key":
            return sign({}, json.dumps(claims).encode(), stranger)
        if forge == "key in the header":
            return sign({"jwk": stranger.public_jwk}, json.dumps(claims).encode(), stranger)
        return token[:-1]

    double.change_token = change
    with pytest.raises(BadInput if brought else ProviderFailed):
        await look(bench.wire(corp(double)), double, brought=brought)


async def test_an_algorithm_that_was_not_announced_is_refused(bench: Bench, double: ProviderDouble) -> None:
    """The discovery document is the allow-list, within ours."""
    double.announced = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
    with pytest.raises(ProviderFailed):
        await look(bench.wire(corp(double)), double)


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
async def test_at_hash_goes_by_the_algorithm(bench: Bench, double: ProviderDouble, algorithm: Any) -> None:
    """SHA-256 for RS256, SHA-512 for Ed25519: the right one is accepted, the other refused."""
    double.key = generate_signing_key(algorithm, "key-1")
    names = {"RS256": ("sha256", "sha512"), "EdDSA": ("sha512", "sha256")}[algorithm]
    provider = bench.wire(corp(double))
    for right, name in zip((True, False), names, strict=True):
        double.access_tokens.clear()
        double.change_claims = lambda claims, name=name: claims.update(
            at_hash=left_half(name, next(iter(double.access_tokens)))
        )
        if right:
            assert "ada@example.com" == (await look(provider, double)).email
        else:
            with pytest.raises(ProviderFailed):
                await look(provider, double)


def test_an_algorithm_without_a_known_hash_fails_the_check() -> None:
    """Elsewhere an unknown algorithm made the check succeed (CVE-2026-28498)."""
    verified = VerifiedJwt({"alg": "XX999"}, {"at_hash": left_half("sha256", "t")}, b"")
    with pytest.raises(UntrueToken):
        _check_access_token_hash(verified, "t")


async def test_a_brought_token_may_name_the_app_it_was_made_in(bench: Bench, double: ProviderDouble) -> None:
    """Android's tokens name the web client in `aud` and the app in `azp`: the app must be in the same entry."""
    clients = [
        ProviderClient(client_id=CLIENT_ID, client_secret="s", client_type="web"),
        ProviderClient(client_id="the-android-app", client_type="android", native=True),
    ]
    provider = bench.wire(corp(double, clients=clients, client_id=..., client_secret=...))
    double.change_claims = put(azp="the-android-app")
    assert "ada@example.com" == (await look(provider, double, brought=True)).email
    with pytest.raises(ProviderFailed):  # where we exchanged the code ourselves, nobody else can be the party
        await look(provider, double)


async def test_a_profile_of_somebody_else_is_refused(bench: Bench, double: ProviderDouble) -> None:
    """A thief brings a true id_token of theirs and the victim's access token, or the other way round (OIDC 5.3.2)."""
    provider = bench.wire(corp(double))
    double.change_claims = put(at_hash=...)
    double.change_profile = lambda profile: {**profile, "sub": "666"}
    with pytest.raises(ProviderFailed):
        await look(provider, double, brought=True)
    double.change_profile = lambda _: {"email": "victim@example.com", "email_verified": True}
    double.person["email"] = None
    assert (await look(provider, double, brought=True)).email is None


@pytest.mark.parametrize("tokens", [{}, {"access_token": "t"}, {"id_token": ""}, {"id_token": 1}, {"id_token": "x"}])
async def test_brought_tokens_need_an_id_token(bench: Bench, double: ProviderDouble, tokens: dict[str, Any]) -> None:
    """An access token does not say for which application it was made, so it alone signs nobody in."""
    provider = bench.wire(corp(double))
    with pytest.raises(BadInput) as refused:
        await provider.get_user_info(provider.clients[0], tokens, callback=None, user_context={})
    assert "oAuthTokens" == refused.value.field
