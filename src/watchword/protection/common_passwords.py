"""Passwords that everybody tries first: a list in the package, asked without a network. Source: security PW-9.

The list holds no password, only the first 32 bits of a hash of each. An uncommon password is taken for a common
one about once in 40,000 to 80,000; its owner chooses another. `scripts/common-passwords` makes the file.
"""

import sys
import unicodedata
from array import array
from bisect import bisect_left
from functools import cached_property
from hashlib import sha256
from importlib.resources import files

FILE = "common-passwords.bin"

#: What is left out of the list: shorter ones are refused by their length.
MIN_LENGTH = 8


class CommonPasswords:
    """The list, 220 KiB in memory from the first look-up on; one look-up is a hash and 16 comparisons."""

    @cached_property
    def _fingerprints(self) -> "array[int]":
        fingerprints = array("I")
        fingerprints.frombytes(files("watchword.protection").joinpath(FILE).read_bytes())
        if sys.byteorder == "little":
            fingerprints.byteswap()
        return fingerprints

    def __len__(self) -> int:
        return len(self._fingerprints)

    def __contains__(self, password: str) -> bool:
        """Whether a password is on the list: in any case, and with other characters before or behind it or without.

        `Password123!` is as common as `password123`: the sign is put there because a form asked for one.
        """
        folded = fold(password)
        bare = folded.strip(_around(folded))
        return any(self._has(text) for text in {folded, bare})

    def _has(self, folded: str) -> bool:
        wanted = fingerprint(folded)
        index = bisect_left(self._fingerprints, wanted)
        return index < len(self._fingerprints) and self._fingerprints[index] == wanted


def fold(text: str) -> str:
    """A text in the one spelling that is compared: compatibility forms and cases folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def fingerprint(folded: str) -> int:
    """The 32 bits that stand for a folded password in the list."""
    return int.from_bytes(sha256(folded.encode("utf-8", "surrogatepass")).digest()[:4])


def _around(folded: str) -> str:
    """The characters of a text that are neither letters nor digits."""
    return "".join({character for character in folded if not character.isalnum()})
