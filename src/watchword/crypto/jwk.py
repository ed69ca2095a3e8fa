"""Signature keys: made, stored, published and read, each bound to the one algorithm it may be used with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from nacl.bindings import crypto_core_ed25519_is_valid_point

from watchword.crypto.base64url import decode_base64url
from watchword.errors import WatchwordError

SigningAlgorithm = Literal["RS256", "ES256", "EdDSA"]
"""The algorithms we sign with."""

ASYMMETRIC_ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),  # the name RFC 9864 gives it
}
"""All algorithms we verify, with the key type and curve each one demands; nothing symmetric, no `none`."""

_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 8192  # under: RFC 8725, 3.4; over: verifying would cost an attacker's choice
JoseKey = RSAKey | ECKey | OKPKey


class InvalidKey(WatchwordError):
    """A key that is malformed, too weak, or of another type than its algorithm demands."""

    code = "invalid_key"


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key, its id, and the only algorithm it verifies (security JW-1)."""

    kid: str
    algorithm: str
    jose_key: JoseKey = field(repr=False, compare=False)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], algorithm: str | None = None) -> Self:
        """Read a public JWK.

        Args:
            jwk: A decoded JWK; private members are refused.
            algorithm: For keys of others that name none; a key that names one keeps it.
        Raises:
            InvalidKey: Malformed, not for signatures, no `kid`, an algorithm that we do not verify, a key
                that does not fit it, RSA under 2,048 bits, an Ed25519 point of small order (JW-5).
        """
        kid, named = jwk.get("kid"), jwk.get("alg", algorithm)
        if not isinstance(kid, str) or not isinstance(named, str):
            raise InvalidKey("the key has no usable kid or alg")
        if algorithm is not None and named != algorithm:
            raise InvalidKey(f"the key is for another algorithm than {algorithm}")
        if "d" in jwk or "k" in jwk:
            raise InvalidKey("a private or symmetric key is not a verification key")
        _check_fits(jwk, named)
        return cls(kid, named, _import_public(jwk))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, its id and its algorithm; loaded once, as loading can cost 30 ms."""

    kid: str
    algorithm: SigningAlgorithm
    jose_key: JoseKey = field(repr=False, compare=False)
    public_jwk: dict[str, Any]

    @classmethod
    def from_bytes(cls, algorithm: SigningAlgorithm, kid: str, der: bytes) -> Self:
        """Read what `to_bytes` wrote; the primes of RSA keys are not checked again, as the seal vouches for them.

        Raises:
            InvalidKey: Not such a key.
        """
        try:
            key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise InvalidKey("not a private key in PKCS #8 DER form") from None
        return cls.from_private_key(algorithm, kid, key)

    @classmethod
    def from_pem(cls, algorithm: SigningAlgorithm, kid: str, pem: str) -> Self:
        """Read an unencrypted private key that a provider handed out as PEM, for example Apple's `.p8`.

        Raises:
            InvalidKey: Not such a key.
        """
        try:
            key = serialization.load_pem_private_key(pem.encode("utf-8", "replace"), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise InvalidKey("not an unencrypted private key in PEM form") from None
        return cls.from_private_key(algorithm, kid, key)

    def to_bytes(self) -> bytes:
        """The private key as PKCS #8 DER, in clear: seal it before it is stored (security JW-7)."""
        return self.jose_key.as_der(private=True)

    @property
    def verification_key(self) -> VerificationKey:
        """The public half."""
        return VerificationKey.from_jwk(self.public_jwk)

    @classmethod
    def from_private_key(cls, algorithm: SigningAlgorithm, kid: str, key: object) -> Self:
        """Wrap a private key of the cryptography package.

        Raises:
            InvalidKey: Of another type, curve or size than the algorithm demands.
        """
        if isinstance(key, rsa.RSAPrivateKey):
            _check_rsa_size(key.key_size)  # before joserfc, which only warns
            jose_key: JoseKey = RSAKey.import_key(key)
        elif isinstance(key, ec.EllipticCurvePrivateKey):
            jose_key = ECKey.import_key(key)
        elif isinstance(key, ed25519.Ed25519PrivateKey):
            jose_key = OKPKey.import_key(key)
        else:
            raise InvalidKey("a private key of a type that we do not sign with")
        public_jwk = {**jose_key.as_dict(private=False), "kid": kid, "alg": algorithm, "use": "sig"}
        _check_fits(public_jwk, algorithm)
        return cls(kid, algorithm, jose_key, public_jwk)


def generate_signing_key(algorithm: SigningAlgorithm, kid: str) -> SigningKey:
    """A new private key from the system's generator: RSA with 2,048 bits, P-256 or Ed25519.

    RSA takes 50 to 300 ms of CPU: call it from a thread where a loop runs.
    """
    if algorithm == "RS256":
        return SigningKey.from_private_key(
            algorithm, kid, rsa.generate_private_key(public_exponent=65537, key_size=_MIN_RSA_BITS)
        )
    if algorithm == "ES256":
        return SigningKey.from_private_key(algorithm, kid, ec.generate_private_key(ec.SECP256R1()))
    return SigningKey.from_private_key(algorithm, kid, ed25519.Ed25519PrivateKey.generate())


def _check_fits(jwk: Mapping[str, Any], algorithm: str) -> None:
    """Refuse a public key that is not what its algorithm demands."""
    if algorithm not in ASYMMETRIC_ALGORITHMS:
        raise InvalidKey("the key's algorithm is not one that we verify")
    key_type, curve = ASYMMETRIC_ALGORITHMS[algorithm]
    if jwk.get("kty") != key_type or jwk.get("crv") != curve:
        raise InvalidKey(f"the key has not the type that {algorithm} demands")
    if jwk.get("use", "sig") != "sig":
        raise InvalidKey("the key is not for signatures")
    if key_type == "RSA":
        _check_rsa_size(int.from_bytes(_member(jwk, "n")).bit_length())
    elif key_type == "OKP":
        point = _member(jwk, "x")
        if len(point) != 32 or not crypto_core_ed25519_is_valid_point(point):
            raise InvalidKey("the Ed25519 key is not a point of full order")


def _check_rsa_size(bits: int) -> None:
    if not _MIN_RSA_BITS <= bits <= _MAX_RSA_BITS:
        raise InvalidKey(f"the RSA key has {bits} bits, {_MIN_RSA_BITS} to {_MAX_RSA_BITS} are accepted")


def _member(jwk: Mapping[str, Any], name: str) -> bytes:
    try:
        return decode_base64url(jwk[name])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise InvalidKey(f"the key's member {name} is missing or malformed") from None


def _import_public(jwk: Mapping[str, Any]) -> JoseKey:
    """Only the members that make the key: what else a provider writes into its JWK is no reason to fail."""
    kinds: Mapping[str, tuple[type[JoseKey], tuple[str, ...]]] = {
        "RSA": (RSAKey, ("kty", "n", "e")),
        "EC": (ECKey, ("kty", "crv", "x", "y")),
        "OKP": (OKPKey, ("kty", "crv", "x")),
    }
    kind, names = kinds[jwk["kty"]]
    try:
        key = kind.import_key({name: jwk[name] for name in names})
        key.public_key  # noqa: B018 - built at first use; a point off the curve must show here, not at the first token
    except (JoseError, KeyError, ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidKey("the key is malformed") from None
    return key
