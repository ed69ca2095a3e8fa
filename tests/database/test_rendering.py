"""One spelling of SQL, two dialects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.database.open import open_database
from watchword.database.rendering import (
    LONGEST_NAME,
    LONGEST_PREFIX,
    MOST_COMPILED,
    Rendering,
    split_statements,
    table_names,
)
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError

SQLITE = Rendering("sqlite", table_prefix="ww_")
POSTGRES = Rendering("postgres", schema="signin", table_prefix="ww_")


def test_parameters_become_the_placeholders_of_the_dialect() -> None:
    """Named parameters are bound in order of use; PostgreSQL numbers them, SQLite repeats them."""
    statement = Statement("select :b, :a where x = :b and y <> :a_1")

    sqlite, postgres = SQLITE.compile(statement), POSTGRES.compile(statement)

    assert ("select ?, ? where x = ? and y <> ?", (2, 1, 2, 3)) == (
        sqlite.text,
        sqlite.bind({"a": 1, "b": 2, "a_1": 3}),
    )
    assert "select $1, $2 where x = $1 and y <> $3" == postgres.text
    assert (2, 1, 3) == postgres.bind({"a": 1, "b": 2, "a_1": 3})


def test_what_looks_like_a_parameter_and_is_none() -> None:
    """Literals, quoted names, casts and comments hold no parameters and no names."""
    statement = Statement("""select ':a {b}', 'it''s :a', ":a", x::text, '{}' -- :a {b} ' ;
        /* :a ' {b} */ from {t}""")
    for rendering in (SQLITE, POSTGRES):
        compiled = rendering.compile(statement)
        assert () == compiled.names
        kept = """select ':a {b}', 'it''s :a', ":a", x::text, '{}'"""
        assert f"{kept} from {rendering.table('t')}" == " ".join(compiled.text.split())


def test_names_get_schema_and_prefix() -> None:
    """Tables are named in full; an index lives in its table's schema: it is made by its bare name."""
    for text, sqlite, postgres in [
        ("from {t} as x", 'from "ww_t" as x', 'from "signin"."ww_t" as x'),
        ("select {t}.id", 'select "ww_t".id', 'select "signin"."ww_t".id'),
        ("create index {i} on {t}", 'create index "ww_i" on "ww_t"', 'create index "ww_i" on "signin"."ww_t"'),
        ("CREATE UNIQUE INDEX IF NOT EXISTS {i}", 'CREATE UNIQUE INDEX IF NOT EXISTS "ww_i"', None),
        ("drop index if exists {i}", 'drop index if exists "ww_i"', 'drop index if exists "signin"."ww_i"'),
        ("constraint {c} check", 'constraint "ww_c" check', 'constraint "ww_c" check'),
    ]:  # fmt: skip
        assert sqlite == SQLITE.compile(Statement(text)).text
        assert (postgres or sqlite) == POSTGRES.compile(Statement(text)).text


def test_the_words_that_differ() -> None:
    """`{bytes}`, `{for_update}`, `{for_key_share}`, `{greatest}` and `{least}` are each dialect's own."""
    statement = Statement("{bytes} {greatest} {least} {for_update} {for_key_share}")
    assert "blob max min" == SQLITE.compile(statement).text
    assert "bytea greatest least for update for key share" == POSTGRES.compile(statement).text


@pytest.mark.parametrize("text", ["{", "}", "{a-b}", "{}", "{A}", "select { t }", "{" + "n" * (LONGEST_NAME + 1) + "}"])
def test_a_brace_that_is_no_name_is_refused(text: str) -> None:
    """A typo in a brace, or a name too long for a prefix, is a programming error and not SQL."""
    with pytest.raises(ValueError, match=r"brace|longer"):
        SQLITE.compile(Statement(text))


def test_a_statement_is_compiled_once() -> None:
    """The same object is kept, another one with the same text is not it, and what is kept is bounded."""
    rendering = Rendering("sqlite")
    statement = Statement("select 1")
    assert rendering.compile(statement) is rendering.compile(statement)
    assert rendering.compile(Statement("select 1")) is not rendering.compile(statement)
    for number in range(2 * MOST_COMPILED):
        rendering.compile(Statement(f"select {number}"))
    assert len(rendering._compiled) <= MOST_COMPILED


@pytest.mark.parametrize(
    "schema", ["", "Upper", "a-b", "1a", 'a"b', "a.b", "pg_mine", "ä", "a" * 64, "a; drop table x"]
)
def test_a_schema_that_cannot_be_one_stops_the_start(schema: str) -> None:
    """The message names the setting `database_schema`; nothing of it ever reaches SQL (DB-1)."""
    with pytest.raises(ConfigurationError, match=r"^database_schema: "):
        open_database("postgresql://localhost/x", schema=schema)


@pytest.mark.parametrize(
    "prefix", ["Upper_", "a-", "1a", 'a"', "a.", "sqlite_", "pg_", "a" * (LONGEST_PREFIX + 1), " "]
)
@pytest.mark.parametrize("url", ["sqlite://", "postgresql://localhost/x"])
def test_a_prefix_that_cannot_be_one_stops_the_start(url: str, prefix: str) -> None:
    """The message names the setting `table_prefix`."""
    with pytest.raises(ConfigurationError, match=r"^table_prefix: "):
        open_database(url, table_prefix=prefix)


def test_sqlite_has_no_schemas() -> None:
    """A schema with an SQLite URL is refused with what to use instead."""
    with pytest.raises(ConfigurationError, match=r"^database_schema: .*table_prefix"):
        open_database("sqlite:///x.db", schema="signin")


@pytest.mark.parametrize(
    "url",
    ["", "demo.db", "sqlite", "sqlite:demo.db", "sqlite://demo.db", "sqlite:///demo.db?mode=ro", "mysql://root:s3cret@h/d",
     "postgresql+asyncpg://u:s3cret@h/d"],
)  # fmt: skip
def test_what_is_no_database_stops_the_start(url: str) -> None:
    """The message names the setting `database` and what to write instead; it never shows a password."""
    with pytest.raises(ConfigurationError, match=r"^database: .*(sqlite:///file\.db|leave out \+asyncpg)") as caught:
        open_database(url)
    assert "s3cret" not in str(caught.value)


def test_a_script_is_cut_into_statements() -> None:
    """Comments go, white space becomes single outside of literals, semicolons in literals cut nothing."""
    script = """
        -- first; with a semicolon, and a 'quote
        create table {a} (x text default 'a;  b');  -- why
        /* between; */
        create index {i}
            on {a} (x);;
        insert into {a} values (':x')
    """
    assert [
        "create table {a} (x text default 'a;  b')",
        "create index {i} on {a} (x)",
        "insert into {a} values (':x')",
    ] == split_statements(script)


def test_names_in_a_statement() -> None:
    """The tables of a statement are what its braces name, without dialect words and literals."""
    assert {"a", "b"} == table_names("select '{c}' from {a} join {b} where x = {greatest}(1, 2) {for_update} -- {d}")


@given(
    st.lists(
        st.sampled_from(["'a;b'", ";", " ", "\n", "x", ":p", "{t}", "-- c;\n", "/* ; */", "''", '"q;"']), max_size=30
    )
)
def test_comments_and_white_space_change_no_statement(pieces: list[str]) -> None:
    """A script says the same when comments are added at its white space: its checksum may not change."""
    script = "".join(pieces)
    commented = "".join(f" /* '{{ ; */{piece}-- ' ; }}\n" if piece in (" ", "\n") else piece for piece in pieces)
    assert split_statements(script) == split_statements(commented)
