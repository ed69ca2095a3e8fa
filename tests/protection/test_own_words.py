"""Passwords made of what everybody knows: the address of the person and the name of the application."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.protection.own_words import is_made_of, own_words

WORDS = own_words("Acme Shop", "ada.lovelace@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "ada.lovelace@example.com",
        "ada.lovelace",
        "adalovelace1",
        "Lovelace1815",
        "lovelace-1815!",
        "AcmeShop1",
        "acme2024!",
        "acme-lovelace-7",
        "1234example",
    ],
)
def test_a_password_of_known_words_is_one(password: str) -> None:
    """Attack: the address and the site's name, with a year or a sign behind, at the one account they fit."""
    assert is_made_of(password, WORDS)


@pytest.mark.parametrize("password", ["lovelace and engines", "correct horse 1", "ada12345", "my acme is better 2"])
def test_a_word_in_a_longer_password_does_no_harm(password: str) -> None:
    """What remains beside the words is long enough; and three letters are a word of too many passwords."""
    assert not is_made_of(password, WORDS)


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_has_an_answer_and_a_word_itself_is_made_of_words(password: str, texts: list[str]) -> None:
    """No text is a failure; each known word alone is refused; without known words nothing is."""
    words = own_words(*texts)
    is_made_of(password, words)
    assert all(is_made_of(word, words) for word in words)
    assert not is_made_of(password, own_words())
