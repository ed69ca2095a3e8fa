"""What a command does to people stands in the audit log, where the command is given the application's secret."""

import os

from watchword.app import APP_ID
from watchword.audit.chain import read_chain_key
from watchword.audit.events import EventLog, Unlogged
from watchword.audit.log import AuditLog
from watchword.audit.settings import AuditSettings
from watchword.cli.connection import typer
from watchword.clock import SystemClock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.errors import BadInput

SECRET_VARIABLE = "WATCHWORD_SECRET"


async def open_event_log(db: Database) -> EventLog:
    """The log of this installation; one that keeps nothing, and a sentence that says so, where it cannot be opened.

    Raises:
        ConfigurationError: The secret is another one than the log's.
    """
    secret = os.environ.get(SECRET_VARIABLE)
    if not secret:
        typer.echo(f"Not recorded in the audit log: that needs {SECRET_VARIABLE}, the application's secret.", err=True)
        return Unlogged()
    secrets = SecretRing(secret)
    try:
        await read_chain_key(db, APP_ID, secrets)
    except BadInput:
        typer.echo("Not recorded: there is no audit log yet; the first start of the application begins it.", err=True)
        return Unlogged()
    log = AuditLog(db=db, app_id=APP_ID, clock=SystemClock(), secrets=secrets, settings=AuditSettings())
    await log.open()
    return log
