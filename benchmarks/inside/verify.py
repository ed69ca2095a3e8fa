"""Verifying an access token: seen before, not seen before, and the bare signature check of the crypto library."""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.form import Form
from benchmarks.inside.cpu import cpu_of_each_us
from benchmarks.inside.node import running_node
from watchword import Watchword
from watchword.crypto.base64url import decode_base64url
from watchword.sessions.verify import parse_access_token, verify_access_token

SEEN_AGAIN = 20  # how often each token comes again


@dataclass
class VerifyResults:
    """Microseconds of CPU, one of each round; `container` is all of `get_session`, for a token seen before."""

    cached_us: list[float] = field(default_factory=list)
    container_us: list[float] = field(default_factory=list)
    uncached_us: list[float] = field(default_factory=list)
    signature_us: list[float] = field(default_factory=list)


async def measure_verify(form: Form, folder: Path) -> VerifyResults:
    """Rounds of all four on the same tokens."""
    results = VerifyResults()
    async with running_node(f"sqlite:///{folder / 'verify.db'}") as auth:
        tokens = [await _new_token(auth, number) for number in range(form.calls)]
        for number in range(form.rounds + 1):
            costs = await _measure_once(auth, tokens)
            if number:
                for name, cost in costs.items():
                    getattr(results, name).append(cost)
    return results


async def _measure_once(auth: Watchword, tokens: list[str]) -> dict[str, float]:
    engine = auth.session_recipe.session_engine
    public_key = await _public_key(auth, tokens[0])
    parts = [(token.rpartition(".")[0].encode(), decode_base64url(token.rpartition(".")[2])) for token in tokens]

    async def verify_all() -> int:
        for token in tokens:
            await verify_access_token(engine, token)
        return len(tokens)

    async def verify_again() -> int:
        for token in itertools.chain.from_iterable([tokens] * SEEN_AGAIN):
            await verify_access_token(engine, token)
        return len(tokens) * SEEN_AGAIN

    async def get_sessions() -> int:
        for token in tokens:
            await auth.session_recipe.get_session(token)
        return len(tokens)

    async def check_signatures() -> int:
        for signed, signature in parts:
            public_key.verify(signature, signed, PKCS1v15(), SHA256())
        return len(parts)

    for token in tokens:
        known = parse_access_token(engine, token)
        assert known is not None
        engine.verified.discard(known)
    return {
        "uncached_us": await cpu_of_each_us(verify_all),
        "signature_us": await cpu_of_each_us(check_signatures),
        "cached_us": await cpu_of_each_us(verify_again),
        "container_us": await cpu_of_each_us(get_sessions),
    }


async def _new_token(auth: Watchword, number: int) -> str:
    session = await auth.session_recipe.create_new_session(
        f"user-{number}", jwt_payload={"role": "member"}, session_data={}
    )
    return session.access_token


async def _public_key(auth: Watchword, token: str) -> RSAPublicKey:
    """The key that a token names, as the crypto library has it."""
    kid = json.loads(decode_base64url(token.partition(".")[0]))["kid"]
    jwks = await auth.session_recipe.session_engine.keys.get_jwks()
    (key,) = (key for key in jwks["keys"] if key["kid"] == kid)
    return RSAPublicNumbers(*(int.from_bytes(decode_base64url(key[name])) for name in ("e", "n"))).public_key()
