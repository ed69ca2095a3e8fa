"""The list of common passwords: what is on it, in which spellings, and what is not."""

import pytest

from watchword.protection.common_passwords import CommonPasswords


@pytest.fixture(scope="module")
def common() -> CommonPasswords:
    """The list as the package brings it."""
    return CommonPasswords()


def test_it_is_long_enough_to_matter_and_small_enough_to_ship(common: CommonPasswords) -> None:
    """At least the 10,000 most common of acceptable length (security PW-9), in less than 256 KiB."""
    assert 10_000 <= len(common) <= 65_536


@pytest.mark.parametrize(
    "password",
    ["password1", "qwerty123", "abcd1234", "1qaz2wsx", "letmein1", "trustno1", "iloveyou2", "password", "sunshine"],
)
def test_what_everybody_tries_is_on_it(common: CommonPasswords, password: str) -> None:
    """Attack: a handful of passwords at each of a million accounts; none of them shall open one."""
    assert password in common


@pytest.mark.parametrize(
    "password", ["Password1", "PASSWORD1", "Password1!", "*password1*", "ｐassword1", " password1 "]
)
def test_another_spelling_is_no_other_password(common: CommonPasswords, password: str) -> None:
    """Attack: the capital and the sign that a form asked for, in the places where everybody puts them."""
    assert password in common


@pytest.mark.parametrize("password", ["correct horse 1", "thieves horse 2", "Vw3-rolls-uphill", "пароль-из-сна-7", ""])
def test_others_are_not(common: CommonPasswords, password: str) -> None:
    """A password that nobody else has is left alone, in any script."""
    assert password not in common


def test_whatever_is_sent_has_an_answer(common: CommonPasswords) -> None:
    """Unpaired surrogates and signs only are no failure of the server."""
    assert "\ud800\ud800" not in common
    assert "!!!!!!!!" not in common
