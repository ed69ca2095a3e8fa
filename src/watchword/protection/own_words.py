"""Passwords made of what everybody knows about a person and a site: the address, the name of the application.

Source: security PW-9; NIST SP 800-63B-4, 3.1.1.2 ("context-specific words").
"""

import re
from collections.abc import Iterable

from watchword.protection.common_passwords import fold

#: A shorter word is in too many good passwords by chance.
_MIN_WORD = 4
#: What a password must have beside such words: more than a year, or a row of digits.
_MIN_REST = 6


def own_words(*texts: str) -> frozenset[str]:
    """The words of an address or a name that a guess would begin with: the whole, the local part, each piece."""
    found: set[str] = set()
    for text in texts:
        folded = fold(text)
        found |= {folded, folded.split("@")[0], "".join(filter(str.isalnum, folded)), *re.split(r"[\W_]+", folded)}
    return frozenset(word for word in found if len(word) >= _MIN_WORD)


def is_made_of(password: str, words: Iterable[str]) -> bool:
    """Whether a password is one of these words and hardly anything else, in any case."""
    folded = rest = fold(password)
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, " ")
    return rest != folded and sum(map(str.isalnum, rest)) < _MIN_REST
