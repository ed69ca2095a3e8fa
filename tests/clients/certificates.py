"""The certificate of a test run: for the tests' own domains, trusted by nobody but the run's browser."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DOMAINS = ("watchword.test", "other-site.test", "stranger.test")


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate.

    Attributes:
        path: PEM, the private key and the certificate in one file.
        key_pin: Base64 of the SHA-256 of its public key, as Chromium takes it to trust this key only.
    """

    path: Path
    key_pin: str


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate for every name one level under `DOMAINS`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "The tests of Watchword")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"*.{domain}") for domain in DOMAINS]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    public_key = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Certificate(path=path, key_pin=b64encode(sha256(public_key).digest()).decode())
