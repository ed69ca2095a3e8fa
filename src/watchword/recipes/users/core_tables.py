"""What the tables hold that every installation has, whichever recipes it lists."""

from watchword.accounts.stored_tables import STORED_TABLES as ACCOUNTS
from watchword.audit.stored_tables import STORED_TABLES as AUDIT
from watchword.delivery.stored_tables import STORED_TABLES as DELIVERY
from watchword.protection.stored_tables import STORED_TABLES as PROTECTION
from watchword.sessions.stored_tables import STORED_TABLES as SESSIONS

CORE_TABLES = (*AUDIT, *ACCOUNTS, *SESSIONS, *DELIVERY, *PROTECTION)
