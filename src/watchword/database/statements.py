"""SQL as text: named parameters, braces for table names and for the few words that the dialects spell apart."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False, slots=True)
class Statement:
    """One SQL statement, written once for both databases and kept beside the function that runs it.

    `:name` is a parameter; `{sessions}` is the table `sessions` under the user's schema and prefix;
    `{for_update}`, `{greatest}` are words in which the dialects differ. A test prepares every
    module-level statement on both databases, so that a typo cannot survive.
    """

    text: str
