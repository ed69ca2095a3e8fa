"""Password hashes of other systems: each is verified by its own algorithm, and whatever is no hash is refused."""

import base64
import hashlib
import sys

import argon2
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.imported.kinds import parse_imported
from watchword.crypto.passwords import PasswordHasher, PasswordMismatch
from watchword.crypto.phc import UnsupportedHash
from watchword.errors import ConfigurationError

PASSWORD = "correct horse 1"

# The example that Google publishes with its scrypt: one person of one project.
FIREBASE_SIGNER_KEY = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
FIREBASE_PASSWORD = "user1password"
FIREBASE_HASH = (
    "$f_scrypt$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
    "$42xEC+ixf3L2lw==$m=14$r=8$s=Bw=="
)


def standard(data: bytes) -> str:
    """Base64 with padding."""
    return base64.b64encode(data).decode()


def passlib(data: bytes) -> str:
    """Base64 as passlib spells it."""
    return standard(data).rstrip("=").replace("+", ".")


def pbkdf2(digest: str, salt: bytes, iterations: int = 1000) -> bytes:
    """The raw key for the password."""
    return hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), salt, iterations)


def scrypt(salt: bytes, n: int, r: int, p: int) -> bytes:
    """The raw key for the password."""
    return hashlib.scrypt(PASSWORD.encode(), salt=salt, n=n, r=r, p=p, maxmem=2**27, dklen=64)


def argon2_hash(variant: argon2.Type, **options: int) -> str:
    """A cheap hash of the password in PHC form."""
    return argon2.PasswordHasher(type=variant, time_cost=1, memory_cost=256, **options).hash(PASSWORD)


def bcrypt_hash(prefix: bytes, password: bytes = PASSWORD.encode()) -> str:
    """A cheap hash in modular crypt form."""
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).replace(b"$2b$", prefix).decode()


#: One hash of the password for each form, made by the other systems' own means.
HASHES = {
    "argon2id of four lanes (pwdlib)": argon2_hash(argon2.Type.ID, parallelism=4),
    "argon2id with a long salt": argon2_hash(argon2.Type.ID, parallelism=1, salt_len=32),
    "argon2i": argon2_hash(argon2.Type.I),
    "argon2d": argon2_hash(argon2.Type.D),
    "argon2 of Django": "argon2" + argon2_hash(argon2.Type.ID, parallelism=8),
    "bcrypt 2a": bcrypt_hash(b"$2a$"),
    "bcrypt 2b": bcrypt_hash(b"$2b$"),
    "bcrypt 2y": bcrypt_hash(b"$2y$"),
    "bcrypt of Django": "bcrypt$" + bcrypt_hash(b"$2b$"),
    "bcrypt_sha256 of Django": "bcrypt_sha256$"
    + bcrypt_hash(b"$2b$", hashlib.sha256(PASSWORD.encode()).hexdigest().encode()),
    "pbkdf2 of Django": f"pbkdf2_sha256$1000$salt1${standard(pbkdf2('sha256', b'salt1'))}",
    "pbkdf2 sha1 of Django": f"pbkdf2_sha1$1000$salt2${standard(pbkdf2('sha1', b'salt2'))}",
    "pbkdf2 of passlib": f"$pbkdf2-sha256$1000${passlib(b'three')}${passlib(pbkdf2('sha256', b'three'))}",
    "pbkdf2 sha512 of passlib": f"$pbkdf2-sha512$1000${passlib(b'four')}${passlib(pbkdf2('sha512', b'four'))}",
    "pbkdf2 of Werkzeug": f"pbkdf2:sha256:1000$salt5${pbkdf2('sha256', b'salt5').hex()}",
    "scrypt of Django": f"scrypt$1024$salt6$8$5${standard(scrypt(b'salt6', 1024, 8, 5))}",
    "scrypt of Werkzeug": f"scrypt:1024:8:1$salt7${scrypt(b'salt7', 1024, 8, 1).hex()}",
}


@pytest.mark.parametrize("password_hash", HASHES.values(), ids=HASHES)
async def test_each_form_is_verified_and_to_be_replaced(password_hash: str) -> None:
    """The password matches, a neighbour does not, and a sign-in will make a hash of ours from it (PW-2, PW-3)."""
    hasher = PasswordHasher()
    hasher.check_importable(password_hash)
    await hasher.verify(PASSWORD, password_hash)
    for other in ("correct horse 2", "", PASSWORD + " "):
        with pytest.raises(PasswordMismatch):
            await hasher.verify(other, password_hash)
    assert hasher.needs_rehash(password_hash)
    hasher.stop()


async def test_the_published_example_of_firebase() -> None:
    """With the project's signer key the published password matches, and no other (PW-3)."""
    hasher = PasswordHasher(firebase_signer_key=FIREBASE_SIGNER_KEY)
    await hasher.verify(FIREBASE_PASSWORD, FIREBASE_HASH)
    with pytest.raises(PasswordMismatch):
        await hasher.verify("user2password", FIREBASE_HASH)
    hasher.stop()


def test_without_its_signer_key_a_hash_of_firebase_is_refused() -> None:
    """At import, in words, and a key that is none at start."""
    with pytest.raises(UnsupportedHash, match="firebase_signer_key"):
        PasswordHasher().check_importable(FIREBASE_HASH)
    with pytest.raises(ConfigurationError, match="firebase_signer_key"):
        PasswordHasher(firebase_signer_key="not base64!")


async def test_bcrypt_reads_72_bytes_as_it_always_did() -> None:
    """What was typed behind them never counted there; under a hash of ours it does (PW-4)."""
    long = "a" * 72
    hasher = PasswordHasher()
    imported = bcrypt_hash(b"$2b$", long.encode())
    await hasher.verify(long + "b", imported)
    ours = await hasher.hash(long + "b")
    with pytest.raises(PasswordMismatch):
        await hasher.verify(long + "c", ours)
    hasher.stop()


@pytest.mark.parametrize(
    ("package", "password_hash"),
    [("bcrypt", HASHES["bcrypt 2b"]), ("argon2", HASHES["argon2i"])],
    ids=["bcrypt", "argon2"],
)
def test_without_its_package_a_hash_is_refused_in_words(
    package: str, password_hash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At import, naming the extra, and not as a riddle at the first sign-in."""
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(UnsupportedHash, match=r"pip install 'watchword\[import-hashes\]'"):
        parse_imported(password_hash)


TOO_COSTLY = {
    "argon2 memory": "$argon2i$v=19$m=8388608,t=1,p=4$c2FsdHNhbHRzYWx0$" + "A" * 43,
    "argon2 passes": "$argon2i$v=19$m=65536,t=9999,p=4$c2FsdHNhbHRzYWx0$" + "A" * 43,
    "bcrypt rounds": "$2b$31$" + "a" * 53,
    "pbkdf2": f"pbkdf2_sha256$99999999999$salt${'A' * 43}=",
    "pbkdf2 in seven blocks": f"pbkdf2:sha1:1428572$salt${'0' * 256}",
    "scrypt": f"scrypt:1073741824:8:1$salt${'0' * 128}",
    "scrypt r": f"scrypt:16384:1024:1$salt${'0' * 128}",
    "scrypt p": f"scrypt:131072:8:5$salt${'0' * 128}",
    "firebase": "$f_scrypt$AAAA$AAAA$m=24$r=8$s=Bw==",
}


@pytest.mark.parametrize("password_hash", TOO_COSTLY.values(), ids=TOO_COSTLY)
def test_what_would_stall_the_sign_ins_is_refused(password_hash: str) -> None:
    """Attack: one imported line makes each attempt at that account cost gigabytes or minutes (PW-5)."""
    with pytest.raises(UnsupportedHash):
        parse_imported(password_hash, b"key")


def test_what_is_counted_is_the_work_and_not_the_iterations() -> None:
    """A long result costs all iterations for each block of it, and the reason says so; the ceiling is allowed."""
    parse_imported(f"pbkdf2:sha1:1428571$salt${'0' * 256}")
    with pytest.raises(
        UnsupportedHash, match=r"1428572 iterations for each of 7 blocks\) is over the ceiling of 10000000"
    ):
        parse_imported(f"pbkdf2:sha1:1428572$salt${'0' * 256}")
    parse_imported(f"pbkdf2:sha256:10000000$salt${'0' * 64}")
    parse_imported(f"scrypt:131072:8:4$salt${'0' * 128}")


NO_HASHES = [
    "",
    "!unusable",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "sha1$salt$0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33",
    "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
    "$argon2id$v=19$m=65536,t=3,p=4$short$c2hvcnQ",
    "$2b$10$tooshort",
    "pbkdf2_sha256$0$salt$AAAA",
    "pbkdf2_md5$1000$salt$AAAAAAAAAAAAAAAAAAAAAA==",
    "scrypt:1000:8:1$salt$" + "0" * 64,  # no power of two
    "$f_scrypt$AAAA$AAAA$m=14$r=8",
    "$2b$10$" + "a" * 2000,
]


@pytest.mark.parametrize("password_hash", NO_HASHES)
async def test_what_is_no_hash_is_refused_and_opens_nothing(password_hash: str) -> None:
    """At import it is an error; in the database it is logged, and no password matches it (PW-3)."""
    hasher = PasswordHasher()
    with pytest.raises(UnsupportedHash):
        hasher.check_importable(password_hash)
    with pytest.raises(PasswordMismatch):
        await hasher.verify(PASSWORD, password_hash)
    hasher.stop()


@given(st.sampled_from([*HASHES.values(), FIREBASE_HASH]), st.data())
def test_a_damaged_hash_is_read_or_refused(password_hash: str, data: st.DataObject) -> None:
    """Whatever a file holds: never another exception, and the error shows nothing of it (PW-3)."""
    place = data.draw(st.integers(0, len(password_hash) - 1))
    damaged = (
        password_hash[:place] + data.draw(st.text(max_size=3)) + password_hash[place + data.draw(st.integers(0, 3)) :]
    )
    refused = ""
    try:
        parse_imported(damaged, base64.b64decode(FIREBASE_SIGNER_KEY))
    except UnsupportedHash as error:
        refused = str(error)
    assert password_hash.rpartition("$")[2] not in refused
