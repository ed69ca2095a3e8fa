"""What every table of ours holds: of each installation, and of each recipe, whether it is listed today or was once."""

from watchword.accounts.stored_tables import STORED_TABLES as ACCOUNTS
from watchword.audit.stored_tables import STORED_TABLES as AUDIT
from watchword.delivery.stored_tables import STORED_TABLES as DELIVERY
from watchword.protection.stored_tables import STORED_TABLES as PROTECTION
from watchword.recipes.emailpassword.stored_tables import STORED_TABLES as EMAILPASSWORD
from watchword.recipes.emailverification.stored_tables import STORED_TABLES as EMAILVERIFICATION
from watchword.recipes.thirdparty.stored_tables import STORED_TABLES as THIRDPARTY
from watchword.recipes.userroles.stored_tables import STORED_TABLES as USERROLES
from watchword.sessions.stored_tables import STORED_TABLES as SESSIONS

#: Of every installation, whichever recipes it lists.
CORE_TABLES = (*AUDIT, *ACCOUNTS, *SESSIONS, *DELIVERY, *PROTECTION)

#: Of every recipe that Watchword has, by the package with its migrations.
RECIPE_TABLES = {
    "watchword.recipes.emailpassword": EMAILPASSWORD,
    "watchword.recipes.emailverification": EMAILVERIFICATION,
    "watchword.recipes.thirdparty": THIRDPARTY,
    "watchword.recipes.userroles": USERROLES,
}

#: All of these, referring ones after those that they refer to.
KNOWN_TABLES = (*CORE_TABLES, *(table for tables in RECIPE_TABLES.values() for table in tables))
