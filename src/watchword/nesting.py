"""How deep a JSON text nests, told without decoding it: a deep text can exhaust a decoder's stack."""

import re

# Strings are skipped whole, so that brackets inside them do not count. Possessive: never backtracks.
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def nests_deeper_than(limit: int, json_text: bytes) -> bool:
    """Whether arrays and objects nest more than `limit` levels; `[[1]]` has two levels.

    A text that is not JSON gets some answer, never an exception; the decoder refuses it afterwards.
    Source: security JW-9, SS-3.
    """
    if json_text.count(b"[") + json_text.count(b"{") <= limit:  # the usual case costs two scans in C
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(json_text):
        found = match.group()
        if found in (b"[", b"{"):
            depth += 1
            if depth > limit:
                return True
        elif found in (b"]", b"}"):
            depth -= 1
    return False
