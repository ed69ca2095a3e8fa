"""What is shown of an object when somebody prints it. Source: security LG-1."""

import dataclasses
import importlib
import pkgutil
import re

import watchword

#: Names that hold something nobody may read, where the type is text, bytes or anything.
SECRET = re.compile(
    r"(^|_)(tokens?|secrets?|passwords?|password_hash|nonce|verifier|code|cookies?|sealed|body|headers|query|value"
    r"|text|hash1?|salt|tag|plain|payload_bytes|private_key)$"
)
HOLDS_TEXT = re.compile(r"\b(str|bytes|Any|Header|JsonObject|dict)\b")
#: What these names hold is our own SQL, a provider's public document, or public by contract.
HARMLESS = {
    ("Statement", "text"),
    ("Compiled", "text"),
    ("_Entry", "value"),
    ("TokenWriter", "_repeated_front_token"),
    ("Route", "body"),
    ("_Job", "body"),
}


def test_objects_that_travel_with_a_request_do_not_show_its_secrets() -> None:
    """Attack: read tokens and passwords in an error tracker, which prints the variables of every frame.

    No dataclass shows a field that by its name holds a secret.
    """
    shown: set[tuple[str, str]] = set()
    for module in pkgutil.walk_packages(watchword.__path__, "watchword."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                shown |= {
                    (value.__name__, field.name)
                    for field in dataclasses.fields(value)
                    if field.repr and SECRET.search(field.name) and HOLDS_TEXT.search(str(field.type))
                }
    assert shown <= HARMLESS, f"give these field(repr=False): {sorted(shown - HARMLESS)}"
