"""From the one spelling of our SQL to a dialect's: placeholders, table names, the few words that differ."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from watchword.database.statements import Statement
from watchword.errors import ConfigurationError

Dialect = Literal["sqlite", "postgres"]

DEFAULT_SCHEMA = "public"  # of PostgreSQL; named in every statement, so that search_path never decides anything
LONGEST_PREFIX = 20
LONGEST_NAME = 43  # PostgreSQL cuts identifiers at 63 bytes: 20 of the prefix leave these
MOST_COMPILED = 1024  # more statements than the product has; a bound for those that are built at run time

_WORDS: dict[str, dict[Dialect, str]] = {
    "bytes": {"sqlite": "blob", "postgres": "bytea"},
    "for_update": {"sqlite": "", "postgres": "for update"},  # SQLite's writer has the whole database already
    "for_share": {"sqlite": "", "postgres": "for share"},  # the row stays as it is, and whoever refers to it goes on
    "for_key_share": {"sqlite": "", "postgres": "for key share"},  # the row stays while this transaction lasts
    "greatest": {"sqlite": "max", "postgres": "greatest"},
    "least": {"sqlite": "min", "postgres": "least"},
    # Text compared by its bytes, in indexes and in the ranges that use them: a range of prefixes is one there only.
    "bytewise": {"sqlite": "collate binary", "postgres": 'collate "C"'},
    "json_each": {"sqlite": "json_each", "postgres": "json_array_elements_text"},  # rows with the column `value`
    # The database's own clock, in milliseconds since the epoch: one clock for all who share the database.
    "now_ms": {
        "sqlite": "cast(round((julianday('now') - 2440587.5) * 86400000) as integer)",
        "postgres": "(extract(epoch from clock_timestamp()) * 1000)::bigint",
    },
}
_TOKEN = re.compile(
    r"""
      (?P<kept> ' (?:[^'] | '')* ' | " (?:[^"] | "")* " | :: )        # literals, quoted names, casts
    | (?P<comment> --[^\n]* | /\* .*? \*/ )
    | \{ (?P<brace> [a-z_][a-z0-9_]* ) \}
    | : (?P<parameter> [a-z_][a-z0-9_]* )
    | (?P<semicolon> ; )
    | (?P<stray> [{}] )
    """,
    re.VERBOSE | re.DOTALL,
)
_NAMES_A_NEW_THING = re.compile(
    r"(?:create\s+(?:unique\s+)?index(?:\s+if\s+not\s+exists)?|constraint)\s+$", re.IGNORECASE
)
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as one dialect reads it; `names` are its parameters in the order of the placeholders."""

    text: str
    names: tuple[str, ...]
    distinct: int

    def bind(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values in the order of the placeholders.

        Raises:
            TypeError: A parameter is missing, or one too many was given.
        """
        if len(parameters) != self.distinct:
            raise TypeError(f"the statement takes {sorted(set(self.names))}, not {sorted(parameters)}: {self.text}")
        try:
            return tuple([parameters[name] for name in self.names])
        except KeyError as error:
            raise TypeError(f"the statement needs the parameter {error}: {self.text}") from None


@dataclass(frozen=True, slots=True)
class Rendering:
    """How SQL is spelt in one database: its dialect, and the user's schema and table prefix.

    Compiled statements are kept, by the identity of the `Statement`. `{greatest}` and `{least}` agree on
    values only: with a null among them SQLite answers null, PostgreSQL leaves it out.

    Raises:
        ConfigurationError: Schema or prefix is not a plain lower-case name; names the setting.
    """

    dialect: Dialect
    schema: str | None = None
    table_prefix: str = ""
    _compiled: dict[Statement, Compiled] = field(default_factory=dict[Statement, Compiled], repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.schema is not None:
            self._check_schema(self.schema)
        prefix = self.table_prefix
        if prefix and (not _IDENTIFIER.fullmatch(prefix) or len(prefix) > LONGEST_PREFIX):
            raise ConfigurationError(
                "table_prefix",
                f"{prefix!r} cannot start a table's name; use at most {LONGEST_PREFIX} of a-z, 0-9 and _, "
                "like watchword_",
            )
        if prefix.startswith(("sqlite_", "pg_")):
            raise ConfigurationError("table_prefix", f"{prefix!r} is reserved by the database; choose another")

    def _check_schema(self, schema: str) -> None:
        if self.dialect == "sqlite":
            raise ConfigurationError(
                "database_schema", "SQLite has no schemas; leave it out, and use table_prefix to keep tables apart"
            )
        if not _IDENTIFIER.fullmatch(schema) or len(schema) > 63 or schema.startswith("pg_"):
            raise ConfigurationError(
                "database_schema",
                f"{schema!r} cannot be the name of our schema; use at most 63 of a-z, 0-9 and _, not starting with pg_",
            )

    def compile(self, statement: Statement) -> Compiled:
        """The statement as this database reads it; computed once per statement.

        Raises:
            ValueError: A brace that is no name, or a name that is too long.
        """
        compiled = self._compiled.get(statement)
        if compiled is None:
            if len(self._compiled) >= MOST_COMPILED:
                self._compiled.clear()
            compiled = self._compiled[statement] = self._compile(statement.text)
        return compiled

    def table(self, name: str) -> str:
        """A table's full name: quoted, with prefix, and with the schema where there is one."""
        bare = self.bare_name(name)
        return bare if self.schema is None else f'"{self.schema}".{bare}'

    def bare_name(self, name: str) -> str:
        """The quoted name with prefix and without schema, as `create index` wants it."""
        if len(name) > LONGEST_NAME:
            raise ValueError(f"{name} is longer than {LONGEST_NAME} characters; with a prefix it may not fit")
        return f'"{self.table_prefix}{name}"'

    def _compile(self, text: str) -> Compiled:
        names: list[str] = []
        parts: list[str] = []
        end = 0
        for token in _TOKEN.finditer(text):
            parts.append(text[end : token.start()])
            end = token.end()
            if token["parameter"]:
                parts.append(self._placeholder(token["parameter"], names))
            elif token["brace"]:
                parts.append(self._brace(token["brace"], text[: token.start()]))
            elif token["stray"]:
                raise ValueError(f"a brace that is no name, in: {text}")
            elif not token["comment"]:
                parts.append(token[0])
        parts.append(text[end:])
        return Compiled("".join(parts).strip(), tuple(names), len(set(names)))

    def _placeholder(self, name: str, names: list[str]) -> str:
        if self.dialect == "sqlite":
            names.append(name)
            return "?"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    def _brace(self, name: str, before: str) -> str:
        word = _WORDS.get(name)
        if word is not None:
            return word[self.dialect]
        # An index lives in its table's schema, so its name is never qualified where it is made.
        return self.bare_name(name) if _NAMES_A_NEW_THING.search(before) else self.table(name)


def split_statements(text: str) -> list[str]:
    """The statements of an SQL script, without comments, white space made single outside of literals."""
    statements: list[str] = []
    current = ""
    end = 0
    for token in _TOKEN.finditer(text):
        current = _join(current, text[end : token.start()])
        end = token.end()
        if token["semicolon"]:
            statements.append(current)
            current = ""
        elif token["comment"]:
            current = _join(current, " ")
        else:
            current += token[0]
    statements.append(_join(current, text[end:]))
    return [bare for statement in statements if (bare := statement.strip())]


def table_names(text: str) -> set[str]:
    """The names in braces that are tables or indexes, without the dialect words."""
    return {token["brace"] for token in _TOKEN.finditer(text) if token["brace"]} - _WORDS.keys()


def _join(before: str, plain: str) -> str:
    """Text and what follows it outside of literals, with single spaces."""
    squeezed = re.sub(r"\s+", " ", plain)
    return before + (squeezed.lstrip() if before.endswith(" ") else squeezed)
