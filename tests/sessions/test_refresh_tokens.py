"""The refresh token: opaque, bound to its app, and good in one spelling only. Source: security 4.4, JW-3."""

import hashlib
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.base64url import encode_base64url
from watchword.crypto.sealing import SecretRing
from watchword.sessions.errors import Unauthorised
from watchword.sessions.refresh_tokens import RefreshToken, mint_refresh_token, open_refresh_token, stored_hash

SECRETS = SecretRing("a secret of the tests, over 32 bytes")


def mint(parent: RefreshToken | None = None, *, secrets: SecretRing = SECRETS, app_id: str = "public") -> RefreshToken:
    """A token of an ordinary session."""
    return mint_refresh_token(
        secrets,
        app_id,
        tenant_id="t1",
        handle="handle-1",
        user_id="ada",
        parent=parent,
        anti_csrf_token="csrf",
        now_ms=1_700_000_000_123,
    )


TOKEN = mint()


def test_opening_gives_back_what_was_minted() -> None:
    """First token and child: tenant, handle, user, time, generation, parent, anti-CSRF token."""
    child = mint(TOKEN)

    assert TOKEN == open_refresh_token(SECRETS, "public", TOKEN.text)
    assert child == open_refresh_token(SECRETS, "public", child.text)
    assert (0, None, None) == (TOKEN.gen, TOKEN.parent_hash1, TOKEN.parent_hash)
    assert (1, TOKEN.hash1, TOKEN.hash) == (child.gen, child.parent_hash1, child.parent_hash)
    assert ("t1", "handle-1", "ada", 1_700_000_000_123, "csrf") == (
        child.tenant_id,
        child.handle,
        child.user_id,
        child.iat_ms,
        child.anti_csrf_token,
    )


def test_hashes_are_those_of_the_core() -> None:
    """SHA-256 of the token in hexadecimal, and the SHA-256 of that text: sessions of the core can be imported."""
    hash1 = hashlib.sha256(TOKEN.text.encode()).hexdigest()

    assert hash1 == TOKEN.hash1
    assert hashlib.sha256(hash1.encode()).digest() == TOKEN.hash == stored_hash(hash1)


def test_siblings_differ() -> None:
    """Two children of one token, minted in the same millisecond, are distinct: a fork can be seen."""
    siblings = [mint(TOKEN) for _ in range(50)]

    assert 50 == len({sibling.hash for sibling in siblings})


def test_it_fits_a_cookie_and_a_header() -> None:
    """URL-safe, and a few hundred characters long."""
    child = mint(TOKEN)

    assert child.text.isascii()
    assert set(child.text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(child.text) < 500


@pytest.mark.parametrize("text", ["", "a", "not a token", "é", "\ud800", "a" * 100_000, "eyJhbGciOiJub25lIn0.e30."])
def test_other_texts_are_refused(text: str) -> None:
    """Empty, short, foreign, oversized, not even text: all the same answer."""
    with pytest.raises(Unauthorised):
        open_refresh_token(SECRETS, "public", text)


@given(st.integers(0, len(TOKEN.text) - 1), st.sampled_from("ABCxyz019-_=+/ .\n\x00é"))
def test_every_changed_character_is_noticed(position: int, character: str) -> None:
    """A flip anywhere, even one that lenient base64 would read as the same bytes, is another text: refused."""
    changed = TOKEN.text[:position] + character + TOKEN.text[position + 1 :]
    if changed != TOKEN.text:
        with pytest.raises(Unauthorised):
            open_refresh_token(SECRETS, "public", changed)


@given(st.integers(0, len(TOKEN.text) - 1))
def test_every_part_is_refused(length: int) -> None:
    """Proper prefixes and suffixes, and the token with anything around it."""
    for part in (TOKEN.text[:length], TOKEN.text[len(TOKEN.text) - length :], TOKEN.text + "A", " " + TOKEN.text):
        with pytest.raises(Unauthorised):
            open_refresh_token(SECRETS, "public", part)


def test_tokens_of_another_app_or_secret_are_refused() -> None:
    """The app is bound into the seal; so is the secret, and a changed one opens while it is in the ring."""
    other = SecretRing("another secret of the tests, 32 bytes")
    ring = SecretRing(["another secret of the tests, 32 bytes", "a secret of the tests, over 32 bytes"])

    for secrets, app_id in ((SECRETS, "other"), (other, "public")):
        with pytest.raises(Unauthorised):
            open_refresh_token(secrets, app_id, TOKEN.text)
    assert TOKEN == open_refresh_token(ring, "public", TOKEN.text)


def test_sealed_values_of_another_purpose_are_refused() -> None:
    """JW-3: the inside of a refresh token under another label, and something else under ours."""
    inside = SECRETS.open("refresh_token", _bytes(TOKEN.text), b"public")

    for sealed in (
        SECRETS.seal("state", inside, b"public"),
        SECRETS.seal("refresh_token", b"something else", b"public"),
        SECRETS.seal("refresh_token", b"\x02" + inside[1:], b"public"),
    ):
        with pytest.raises(Unauthorised):
            open_refresh_token(SECRETS, "public", encode_base64url(sealed))


def test_a_later_format_is_refused_in_words() -> None:
    """An older release that meets tokens of a newer one refuses them; the log says why."""
    inside = SECRETS.open("refresh_token", _bytes(TOKEN.text), b"public")
    assert 1 == inside[1]  # an array whose first member is the version

    later = SECRETS.seal("refresh_token", inside[:1] + b"\x02" + inside[2:], b"public")

    with pytest.raises(Unauthorised, match="version"):
        open_refresh_token(SECRETS, "public", encode_base64url(later))


def test_repr_shows_no_secret() -> None:
    """LG-1."""
    for secret in (TOKEN.text, TOKEN.hash1, "csrf"):
        assert secret not in repr(TOKEN)


def _bytes(text: str) -> bytes:

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
