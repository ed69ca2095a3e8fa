"""The shortest runs by which other rules of refreshing fail; found by the model check, named after what they defeat.

One session begins each of them, with a first refresh token that is of age. The words, one step each:

    send               a tab sends the refresh token in its jar
    answer N [kept]    a node answers request N; `kept`: the request arrives once more later
    deliver N          answer N reaches the jar
    lose N             answer N is lost
    wait N             N times 30 s pass: so long a message may live
    steal              a thief copies the token in the jar
    thief N            the thief refreshes with his token N

What our rule leaves nothing to answer, deliver or lose of is skipped. `model/report.txt` of the tests has the
runs step by step.
"""

HONEST = {
    "STRICT N1, an answer is lost": "send, answer 0, lose 0, send, answer 0",
    "STRICT N2, a request arrives twice": "send, answer 0 kept, answer 0",
    "REUSE and CORE56 N1, the client comes back later": "send, answer 0, wait 2, send, wait 1, answer 0",
    "REUSE, CORE54, PL-EQ and PL-RND N2, an old request comes after its grandchild was minted": (
        "send, answer 0 kept, deliver 0, send, answer 1, answer 0"
    ),
    "CORE56 N2, the second answer displaces the first": ("send, answer 0 kept, answer 0, deliver 0, send, answer 0"),
    "PL-EQ-WIN N2, a fresh child displaces the one under way": (
        "send, answer 0, wait 2, send, answer 0 kept, deliver 0, send, wait 1, answer 0, answer 0"
    ),
    "PL-S-AGAIN N2, the jar flips between siblings": (
        "send, answer 0 kept, answer 0, deliver 0, send, deliver 0, wait 1, answer 0, wait 1, send, deliver 0, "
        "wait 1, answer 0, wait 1, send, deliver 0, wait 1, answer 0, lose 0"
    ),
}
"""Runs that sign an honest client out elsewhere."""

THEFT = {
    "REUSE and PL-EQ T1, both receive the same token": (
        "send, steal, answer 0, deliver 0, send, thief 0, answer 0, thief 0"
    ),
    "PL-EQ-WIN T1, both walk on in step": (
        "send, steal, answer 0, deliver 0, wait 2, thief 0, wait 2, send, wait 1, answer 0, thief 0"
    ),
}
"""Runs after which a thief and the client live on together elsewhere, for ever."""
