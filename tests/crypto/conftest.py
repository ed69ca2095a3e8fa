"""Keys that the tests of one run share: making RSA keys takes long."""

from collections.abc import Mapping

import pytest

from watchword.crypto.jwt import SigningAlgorithm, SigningKey, generate_signing_key

ALGORITHMS: tuple[SigningAlgorithm, ...] = ("RS256", "ES256", "EdDSA")


@pytest.fixture(scope="session")
def keys() -> Mapping[str, SigningKey]:
    """One signing key for each algorithm, with the algorithm's name in its id."""
    return {algorithm: generate_signing_key(algorithm, f"key-{algorithm}") for algorithm in ALGORITHMS}
