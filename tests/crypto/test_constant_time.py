"""Secrets are compared in constant time: by one function, wherever it is (security PW-10, LG-4)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import watchword
import watchword.crypto

PACKAGE = Path(watchword.__path__[0])
#: What is compared with something that a stranger sent, and must not be learned byte by byte.
SECRET_WORDS = ("digest", "tag", "mac", "signature", "secret", "password", "anti_csrf_token", "token_hash", "hashed")


#: What only has such a name: it was opened with our own seal, and is compared with what we made.
NO_SECRETS = ["protection/devices.py tag"]


def compared(tree: ast.AST) -> Iterator[str]:
    """The names that a file compares by `==` or `!=`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) for side in sides):
                continue  # whether it is empty, or a mark of ours, is no secret
            for side in sides:
                if isinstance(side, ast.Attribute | ast.Name):
                    yield side.attr if isinstance(side, ast.Attribute) else side.id


def test_no_secret_is_compared_byte_by_byte() -> None:
    """Attack: time the answers to guesses at a digest. No file compares what is named as a secret by `==`."""
    found = [
        f"{file.relative_to(PACKAGE)} {name}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for name in compared(ast.parse(file.read_text()))
        if name.endswith(SECRET_WORDS)
    ]
    assert NO_SECRETS == found


def test_every_kind_of_password_hash_compares_in_constant_time() -> None:
    """Each file that makes a hash of a password to compare it with a stored one ends in `compare_digest`."""
    folder = Path(watchword.crypto.__path__[0])
    kinds = [file for file in folder.rglob("*.py") if "def matches(" in file.read_text() and file.name != "kinds.py"]
    assert {"argon2.py", "bcrypt.py", "firebase.py", "pbkdf2.py", "scrypt.py"} <= {file.name for file in kinds}
    assert [] == [file.name for file in (folder / "passwords.py", *kinds) if "compare_digest(" not in file.read_text()]
