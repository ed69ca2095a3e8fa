"""`Watchword`: the one place that wires everything together, starts it and stops it."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from contextvars import Context
from functools import cached_property
from importlib.metadata import version
from typing import Any, TypeVar

from watchword.accounts.sign_ups import SignUps
from watchword.accounts.tenants import Tenants
from watchword.audit.audit import Audit
from watchword.audit.events import EventLog, Unlogged
from watchword.audit.log import make_event_log
from watchword.audit.settings import AuditSettings
from watchword.audit.teller import OnEvent
from watchword.clock import Clock, SystemClock
from watchword.crypto.passwords import PasswordHasher
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.database.migrations import Migration, check_migrations, migrate
from watchword.database.observed import ObservedDatabase
from watchword.database.open import open_database
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.outbox import Outbox
from watchword.delivery.service import ConsoleService
from watchword.delivery.sms_delivery import ConsoleSmsService, SmsDelivery
from watchword.errors import ConfigurationError
from watchword.fdi.face import FdiFace
from watchword.http.client import OutgoingClient
from watchword.http.client_address import ClientAddresses, ForwardedHeader
from watchword.ids import Ids, RandomIds
from watchword.metrics import Measured
from watchword.protection.challenge import Challenge
from watchword.protection.challenge_gate import ChallengeGate
from watchword.protection.limits import Limits
from watchword.protection.node_facts import NodeFacts, own_name
from watchword.protection.nodes import Nodes
from watchword.protection.settings import Protection
from watchword.readiness import Readiness
from watchword.recipes.engine import Engine
from watchword.recipes.health.recipe import Health
from watchword.recipes.multitenancy.recipe import Multitenancy
from watchword.recipes.overrides import watch_overrides
from watchword.recipes.recipe import Recipe
from watchword.recipes.recipe_list import check_recipe_list
from watchword.recipes.session.programmatic import Sessions
from watchword.recipes.userroles.recipe import UserRoles
from watchword.recipes.users.programmatic import Users
from watchword.recipes_in_use import complete, find_session_recipe, migrations_of
from watchword.runner import Runner
from watchword.setting_types import checked_settings
from watchword.settings import AppInfo, host_of, is_local
from watchword.telemetry.hooks import HookLimits, Hooks
from watchword.telemetry.telemetry import Telemetry

log = logging.getLogger(__name__)

T = TypeVar("T")

#: One database may hold several apps, whose rows never meet; so far there is one.
APP_ID = "public"


@checked_settings(but=("secret", "database", "recipe_list", "challenge"))
class Watchword:
    """Sign-in and sessions for one application, inside its own process.

    Args:
        app_info: Names, domains and paths.
        database: `sqlite:///file.db`, `sqlite://` (in memory), `postgresql://…`, or an object made by
            `open_database`. The application's own database may be the one.
        secret: At least 32 bytes, or a list of such, newest first, while it is being changed.
        recipe_list: The ways to sign in, and `Session(…)` when its defaults do not fit.
        database_schema: PostgreSQL schema for our tables; the default schema when left out.
        table_prefix: Put in front of every table's name.
        database_pool_size: How many connections to PostgreSQL at most.
        migrate: Make and change tables at start. Set it to `False` where the role has no such right,
            and run `watchword migrate` or `watchword db sql` beforehand.
        passwords: The password hasher, for other costs or pool sizes.
        email_delivery: How mail is written and sent. Left out, it goes to the log where `api_domain` is this
            machine; elsewhere recipes that send mail refuse to start.
        sms_delivery: The same for text messages, by recipes that send some.
        audit: What is recorded of security events, and for how long.
        on_event: Called with each security event, sync or async, seconds after it was committed and by one process;
            what it raises is logged.
        protection: How many failed sign-ins, sign-ups, … are let through; safe without it.
        challenge: What people are asked to show that programs cannot, such as `Turnstile(secret=…)`; nothing
            without it.
        sign_ups: Who may make an account: `SignUps(open=False)`, `SignUps(allow=["@example.com"])`; everybody
            without it.
        trusted_proxies: The addresses or networks of the proxies in front of the application, or `unix`; without
            them every request counts as its direct peer's.
        forwarded_header: The one header those proxies write.
        outgoing: The HTTP client for providers, for a private network or certificate authority.
        hook_limits: How long functions of the application may take; bounded without it.
        telemetry: Where traces and metrics go; to OpenTelemetry's global providers without it, where
            OpenTelemetry is installed.
        ids: Makes user ids and session handles in a format of your own.
        clock: Tells the time; for tests.

    Attributes:
        sessions: Sessions by handle or user, without a request: list, read, change, make, end.
        tenants: Make, change and remove tenants, and say who may sign in to which.
        roles: Make, give and take roles; where `UserRoles()` is listed.
        audit: What was recorded of security events: list, export, verify.
        users: People without a request: find, list, ban, change, export, delete, and notes about them.
        session_recipe: The `Session` of `recipe_list`, or the one with the defaults; claims are added to it
            before the start.
        readiness: Whether this process can serve requests now, as `GET /health/ready` tells.
        fdi: Answers requests in the frontend protocol; for whoever writes the layer of a framework.

    Raises:
        ConfigurationError: A setting cannot work; the message says which and what to set.
    """

    def __init__(
        self,
        *,
        app_info: AppInfo,
        database: str | Database,
        secret: str | bytes | Sequence[str | bytes],
        recipe_list: Sequence[Recipe],
        database_schema: str | None = None,
        table_prefix: str = "",
        database_pool_size: int = 10,
        migrate: bool = True,
        passwords: PasswordHasher | None = None,
        email_delivery: EmailDelivery | None = None,
        sms_delivery: SmsDelivery | None = None,
        protection: Protection | None = None,
        audit: AuditSettings | None = None,
        on_event: OnEvent | None = None,
        challenge: Challenge | None = None,
        sign_ups: SignUps | None = None,
        trusted_proxies: Sequence[str] = (),
        forwarded_header: ForwardedHeader = "x-forwarded-for",
        outgoing: OutgoingClient | None = None,
        hook_limits: HookLimits | None = None,
        telemetry: Telemetry | None = None,
        ids: Ids | None = None,
        clock: Clock | None = None,
    ) -> None:
        check_recipe_list(recipe_list)
        local = is_local(host_of(app_info.api_domain))
        self.app_info = app_info
        self.session_recipe = find_session_recipe(recipe_list)
        self._nothing_is_listed = not recipe_list
        self.recipe_list = complete(recipe_list, self.session_recipe, app_info)
        self._migrate = migrate
        self._telemetry = telemetry or Telemetry()
        self._telemetry.bind(app_info.app_name)
        hooks = Hooks(hook_limits, self._telemetry)
        secrets, clock = SecretRing(secret), clock or SystemClock()
        if isinstance(database, str | None):  # None comes from a variable of the environment that is not set
            database = open_database(
                database, schema=database_schema, table_prefix=table_prefix, pool_size=database_pool_size
            )
        self._db = ObservedDatabase(database, self._telemetry) if self._telemetry.is_on else database
        passwords = passwords or PasswordHasher()
        passwords.report_to(self._telemetry)
        outgoing = outgoing or OutgoingClient(allow_loopback=local)
        outgoing.report_to(self._telemetry)
        self._event_log = make_event_log(
            audit or AuditSettings(), on_event, db=self._db, app_id=APP_ID, clock=clock, secrets=secrets, hooks=hooks
        )
        event_log: EventLog = self._event_log or Unlogged()
        self.email_delivery = email_delivery or (EmailDelivery(ConsoleService()) if local else None)
        if self.email_delivery is not None:
            self.email_delivery.bind(app_info.app_name)
        self.sms_delivery = sms_delivery or (SmsDelivery(ConsoleSmsService()) if local else None)
        if self.sms_delivery is not None:
            self.sms_delivery.bind(app_info.app_name, outgoing)
        self.outbox = Outbox(
            db=self._db,
            app_id=APP_ID,
            clock=clock,
            secrets=secrets,
            delivery=self.email_delivery,
            sms_delivery=self.sms_delivery,
            hooks=hooks,
            audit=event_log,
        )
        limits = Limits(protection or Protection(), self._db, APP_ID, clock, secrets, event_log)
        self._engine = Engine(
            app_id=APP_ID,
            app_info=app_info,
            db=self._db,
            clock=clock,
            ids=ids or RandomIds(),
            secrets=secrets,
            outbox=self.outbox,
            passwords=passwords,
            outgoing=outgoing,
            limits=limits,
            audit=event_log,
            challenges=None if challenge is None else ChallengeGate(challenge, app_info, limits, outgoing, hooks),
            tenants=Tenants(self._db, APP_ID),
            sessions=self.session_recipe,
            sign_ups=sign_ups or SignUps(),
            hooks=hooks,
            recipes=self.recipe_list,
        )
        for recipe in self.recipe_list:
            recipe.bind(self._engine)
            watch_overrides(recipe, hooks)
        addresses = ClientAddresses(trusted_proxies, forwarded_header)
        self.fdi = FdiFace(app_info, self.recipe_list, self.session_recipe, self._engine, addresses)
        self.sessions = Sessions(self.session_recipe)
        self.users = Users(self._engine, self.recipe_list)
        self.tenants = next(recipe for recipe in self.recipe_list if isinstance(recipe, Multitenancy))
        self.audit = Audit(self._db, APP_ID, secrets, event_log)
        self._measured, self.readiness = self._make_gauges()
        self.is_started = False
        self._started = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._runner = Runner(self.start, self.stop)

    def _make_gauges(self) -> tuple[Measured, Readiness]:
        """What tells how the rooms are: in numbers, and whether requests may come."""
        engine, sessions = self._engine, self.session_recipe.session_engine
        measured = Measured(
            clock=engine.clock,
            db=self._db,
            limits=engine.limits,
            outbox=self.outbox,
            outcomes=self.fdi.outcomes,
            passwords=engine.passwords,
            sessions=sessions,
        )
        readiness = Readiness(db=self._db, migrations=lambda: self.migrations, sessions=sessions, outbox=self.outbox)
        for recipe in self.recipe_list:
            if isinstance(recipe, Health):
                recipe.ask(readiness.find_problems)
        return measured, readiness

    @cached_property
    def roles(self) -> UserRoles:
        """Roles, their permissions and who has them: the `UserRoles` of `recipe_list`.

        Raises:
            ConfigurationError: It is not listed, so nothing is stored of roles.
        """
        for recipe in self.recipe_list:
            if isinstance(recipe, UserRoles):
                return recipe
        raise ConfigurationError("recipe_list", "auth.roles needs UserRoles(); list it")

    @cached_property
    def migrations(self) -> list[Migration]:
        """The migrations of every room that owns tables, in order."""
        return migrations_of(self.recipe_list)

    async def start(self) -> None:
        """Connect, make or check the tables, and load the signing keys; does nothing when already started.

        Raises:
            ConfigurationError: The database or a setting cannot work.
            StorageUnavailable: The database went away in the middle; call again.
        """
        if self.is_started:
            return
        async with self._lock:
            if self.is_started:
                return
            # A server without a lifespan starts us in its first request. What runs in the background from then on
            # belongs to no request: a context of its own has neither that one's id nor its trace.
            await asyncio.create_task(self._start_whole(), context=Context())
            log.info("watchword is ready for %s", self.app_info.app_name)

    async def _start_whole(self) -> None:
        async with AsyncExitStack() as started:  # whatever fails half-way, nothing is left open
            await self._start(started)
            self._started = started.pop_all()
        self.is_started = True
        self._runner.started()

    async def _start(self, started: AsyncExitStack) -> None:
        self._telemetry.start()
        self._measured.show(self._telemetry)
        started.callback(self._telemetry.stop)
        started.push_async_callback(self._db.stop)
        started.callback(self._engine.passwords.stop)
        started.push_async_callback(self._engine.outgoing.stop)
        if self._nothing_is_listed:
            log.warning(
                "recipe_list is empty: only sessions that the application starts itself work; list EmailPassword() or "
                "another way to sign in, or Session() if that is meant"
            )
        await self._db.start()
        if self._migrate:
            await migrate(self._db, self.migrations)
        else:
            report = await check_migrations(self._db, self.migrations)
            report.require_current()
        if self._event_log is None:
            log.warning("audit.on is off: nothing is recorded of sign-ins, failed ones, thefts and revocations")
        else:
            started.push_async_callback(self._event_log.stop)
            await self._event_log.start()
        await self._engine.tenants.start()
        self._engine.limits.start()
        for recipe in self.recipe_list:
            await recipe.start()
            started.push_async_callback(recipe.stop)
        nodes = Nodes(self._db, APP_ID, self._describe_node(), self._engine.clock)
        await nodes.start()
        started.push_async_callback(nodes.stop)
        started.push_async_callback(self.outbox.stop)
        await self.outbox.start()

    def _describe_node(self) -> NodeFacts:
        """What the other nodes of this installation are told, to find out what does not fit."""
        settings = {"app_info.api_domain": self.app_info.api_domain, "app_info.base_path": self.app_info.base_path}
        return NodeFacts(
            name=own_name(),
            version=version("watchword"),
            secrets=self._engine.secrets.ids,
            settings=settings | self.session_recipe.settings.as_text(),
        )

    async def stop(self) -> None:
        """Finish what runs and let every connection go, also when a recipe fails to; may be called when not started."""
        async with self._lock:
            if self.is_started:
                self.is_started = False
                try:
                    await self._started.aclose()
                finally:
                    self._runner.stopped()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine of this object's or a session's, from a thread without an event loop.

        In Flask, Django, scripts, workers of a job queue, and plain `def` routes of FastAPI:
        `auth.run(auth.users.ban(user_id))`, `auth.run(session.update_jwt_payload({}))`. The first call starts
        everything, unless a server has: then on an event loop in a thread of its own, which ends with the process.

        Raises:
            ConfigurationError: Called on the event loop itself: write `await`; or in a process that was forked
                from one where `auth` had started; or `start` raises it.
            Exception: What the coroutine raises.
        """
        return self._runner.run(coroutine)
