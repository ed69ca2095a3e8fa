"""What sign-up and sign-in with a password do to the database, and the rows they read; their SQL beside them."""

from dataclasses import dataclass, field

from watchword.accounts import directory
from watchword.accounts.email import normalise_email
from watchword.accounts.users import LoginMethod, User
from watchword.audit.events import SecurityEvent
from watchword.crypto.passwords import PasswordMismatch
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput, EmailAlreadyExists, FieldError, FieldErrors, Overloaded, UserNotFound
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.recipes.engine import Engine

RECIPE_ID = "emailpassword"

NO_PASSWORD = "!"  # stored where others have a hash; nothing opens it but a reset

MAX_PASSWORD_BYTES = 1_024  # of UTF-8; what is longer is never hashed (security PW-7)


@dataclass(frozen=True, slots=True)
class PasswordUser:
    """A user as found by address and tenant, with the hash of the password that opens the account, if there is one."""

    user: User
    recipe_user_id: str
    password_hash: str | None = field(repr=False)


async def sign_up(
    engine: Engine, tenant_id: str, email: str, password: str, *, address: str | None = None
) -> PasswordUser:
    """Make a password user: hash first, then one transaction that leaves all or nothing.

    Args:
        engine: The floors below.
        tenant_id: Where the user may sign in.
        email: In any spelling.
        password: Exactly as typed; not judged here but for its length.
        address: The client's, for the audit log.

    Returns:
        The user as committed, with the one login method.

    Raises:
        BadInput: The address can never be one, or there is no such tenant.
        FieldErrors: The password is longer than 1 024 bytes or is not text that can be hashed.
        EmailAlreadyExists: The tenant has a password user with this address; of two sign-ups at once,
            exactly one gets this.
        Overloaded: Too many passwords wait to be hashed; nothing was done.

    Source: FDI 8.2; security PW-7, DB-3.
    """
    email = normalise_email(email)
    await engine.tenants.get(tenant_id)
    check_new_password(password)
    password_hash = await engine.passwords.hash(password)
    user_id = engine.ids.user_id()
    now_ms = engine.clock.now_ms()
    method = LoginMethod(
        recipe_id=RECIPE_ID, recipe_user_id=user_id, tenant_ids=(tenant_id,), time_joined_ms=now_ms, email=email
    )
    user = User(id=user_id, time_joined_ms=now_ms, login_methods=(method,))

    async def insert(tx: Transaction) -> None:
        await engine.sign_ups.require_only_account(tx, engine.app_id, tenant_id, email, user_id=user_id)
        await directory.insert_user(tx, engine.app_id, user)
        await insert_password(tx, engine.app_id, method, password_hash)
        signed_up = SecurityEvent(
            "sign_up", tenant_id=tenant_id, user_id=user_id, address=address, facts={"method": RECIPE_ID}
        )
        await engine.audit.record(tx, signed_up)

    await engine.db.write(insert)
    return PasswordUser(user, user_id, password_hash)


async def insert_password(tx: Transaction, app_id: str, method: LoginMethod, password_hash: str | None) -> None:
    """The recipe's own rows of a login method that is in the directory already.

    Args:
        tx: The transaction of the whole user.
        app_id: Whose user.
        method: With its address, in normal form.
        password_hash: `None` for somebody who has to choose a password first, by a reset.

    Raises:
        EmailAlreadyExists: Somebody else has the address in one of the tenants; roll back.
    """
    key = {"app_id": app_id, "recipe_user_id": method.recipe_user_id}
    await tx.execute(INSERT_PASSWORD, **key, password_hash=NO_PASSWORD if password_hash is None else password_hash)
    for tenant_id in method.tenant_ids:
        await insert_email(tx, app_id, tenant_id, method.recipe_user_id, method.email)


async def insert_email(tx: Transaction, app_id: str, tenant_id: str, recipe_user_id: str, email: str | None) -> None:
    """Let a password be used with an address in a tenant.

    Raises:
        EmailAlreadyExists: Somebody else of that tenant has the address; roll back.
    """
    key = {"app_id": app_id, "tenant_id": tenant_id, "recipe_user_id": recipe_user_id}
    if await tx.find(INSERT_EMAIL, **key, email=email) is None:
        raise EmailAlreadyExists


async def sign_in(
    engine: Engine, tenant_id: str, email: str, password: str, *, address: str | None = None
) -> PasswordUser:
    """Find the user whom address and password open: one read, one hash, no transaction around them.

    An unknown address costs the same hash as a known one, in the same pool (security EN-2). What is
    refused without a hash is refused by a rule that does not depend on who exists: a password over
    1 024 bytes, or one that is not text (security PW-7). A failure is noted in the audit log, with the
    client's `address`.

    Returns:
        The user, with the hash as it was read before the comparison.

    Raises:
        WrongCredentials: Unknown address, other tenant or wrong password; they are not told apart.
        Overloaded: Too many passwords wait to be hashed, whoever they belong to.

    Source: FDI 8.2; security EN-1, EN-2, PW-2, PW-7.
    """
    if _problem_of(password) is not None:
        _note_failure(engine, tenant_id, None, address)
        raise WrongCredentials
    engine.passwords.refuse_when_full()
    found = await find_password_user(engine, tenant_id, email)
    try:
        await engine.passwords.verify(password, found.password_hash if found else None)
    except PasswordMismatch as mismatch:
        _note_failure(engine, tenant_id, found.user.id if found else None, address)
        raise WrongCredentials from mismatch
    if found is None:  # unreachable while `verify` keeps its promise for None; here so that no forgotten rule opens
        raise WrongCredentials
    await _rehash_if_weaker(engine, found, password)
    return found


def _note_failure(engine: Engine, tenant_id: str, user_id: str | None, address: str | None) -> None:
    """Note a failed sign-in; in memory only, so that it takes as long for a known person as for an unknown one."""
    facts = {"method": RECIPE_ID, "is_known": user_id is not None}
    engine.audit.note(
        SecurityEvent("sign_in_failed", tenant_id=tenant_id, user_id=user_id, address=address, facts=facts)
    )


async def forget_failed_sign_ins(engine: Engine, tenant_id: str, email: str, *, address: str | None = None) -> None:
    """Start the count of an address's failed sign-ins anew, and record that somebody wanted it."""
    found = await find_password_user(engine, tenant_id, email)
    reopened = SecurityEvent(
        "sign_in_reopened", tenant_id=tenant_id, user_id=None if found is None else found.user.id, address=address
    )

    async def forget(tx: Transaction) -> None:
        await engine.limits.forget_failures(tx, tenant_id, account_key(email))
        await engine.audit.record(tx, reopened)

    await engine.db.write(forget)


def account_key(email: str) -> str:
    """What the failures of an address are counted under: its normal form; what is no address counts as typed."""
    try:
        return normalise_email(email)
    except BadInput:
        return email


async def find_password_user(engine: Engine, tenant_id: str, email: str) -> PasswordUser | None:
    """The password user of an address in any spelling, by one read; `None` also for what is no address."""
    try:
        email = normalise_email(email)
    except BadInput:
        return None
    rows = await engine.db.list(FIND_PASSWORD_USER, app_id=engine.app_id, tenant_id=tenant_id, email=email)
    user = directory.user_from_rows(rows)
    if user is None:
        return None
    password_hash = rows[0]["password_hash"]
    return PasswordUser(user, rows[0]["own_recipe_user_id"], None if password_hash == NO_PASSWORD else password_hash)


async def does_email_exist(engine: Engine, tenant_id: str, email: str) -> bool:
    """Whether the tenant has a password user of this address; `False` for what is no address (FDI 8.2)."""
    try:
        email = normalise_email(email)
    except BadInput:
        return False
    return await engine.db.find(FIND_EMAIL, app_id=engine.app_id, tenant_id=tenant_id, email=email) is not None


async def _rehash_if_weaker(engine: Engine, found: PasswordUser, password: str) -> None:
    """Bring a hash up to today's parameters, unless it is not the one any more that was verified (PW-2)."""
    if found.password_hash is None or not engine.passwords.needs_rehash(found.password_hash):
        return
    try:
        password_hash = await engine.passwords.hash(password)
    except Overloaded:
        return  # the sign-in is good without it, and the next one tries again

    async def update(tx: Transaction) -> None:
        await tx.execute(
            UPDATE_PASSWORD_IF_UNCHANGED,
            app_id=engine.app_id,
            recipe_user_id=found.recipe_user_id,
            seen=found.password_hash,
            password_hash=password_hash,
        )

    await engine.db.write(update)


async def update_password(tx: Transaction, app_id: str, recipe_user_id: str, password_hash: str) -> None:
    """Replace the password of a login method. Raises `UserNotFound` when it has none."""
    if not await tx.execute(UPDATE_PASSWORD, app_id=app_id, recipe_user_id=recipe_user_id, password_hash=password_hash):
        raise UserNotFound


async def update_email(tx: Transaction, app_id: str, recipe_user_id: str, email: str) -> None:
    """Have a password found by another address, in every tenant where it may be used.

    Args:
        tx: The transaction, in which the directory has the new address already.
        app_id: Whose user.
        recipe_user_id: The login method.
        email: In normal form.

    Raises:
        EmailAlreadyExists: Somebody else has the address in one of the tenants; roll back.
    """
    rows = await tx.list(DELETE_EMAILS, app_id=app_id, recipe_user_id=recipe_user_id)
    for tenant_id in sorted(row["tenant_id"] for row in rows):
        await insert_email(tx, app_id, tenant_id, recipe_user_id, email)


def check_new_password(password: str) -> None:
    """Raise `FieldErrors` for a password that cannot be hashed: over 1 024 bytes, or not text (security PW-7)."""
    problem = _problem_of(password)
    if problem is not None:
        raise FieldErrors([FieldError("password", problem)])


def _problem_of(password: str) -> str | None:
    """Why a password cannot be hashed, or `None`."""
    if len(password) > MAX_PASSWORD_BYTES:  # before anything walks through a megabyte
        return "Password is too long"
    try:
        encoded = password.encode()
    except UnicodeEncodeError:
        return "Password must be text"
    if b"\x00" in encoded:  # some verifiers of imported hashes stop reading there (security PW-4)
        return "Password must be text"
    return "Password is too long" if len(encoded) > MAX_PASSWORD_BYTES else None


INSERT_PASSWORD = Statement(
    """
    insert into {emailpassword_users} (app_id, recipe_user_id, password_hash)
    values (:app_id, :recipe_user_id, :password_hash)
    """
)

INSERT_EMAIL = Statement(
    """
    insert into {emailpassword_emails} (app_id, tenant_id, email, recipe_user_id)
    values (:app_id, :tenant_id, :email, :recipe_user_id)
    on conflict (app_id, tenant_id, email) do nothing
    returning recipe_user_id
    """
)

FIND_PASSWORD_USER = Statement(
    """
    select e.recipe_user_id as own_recipe_user_id,
           (select p.password_hash from {emailpassword_users} p
             where p.app_id = e.app_id and p.recipe_user_id = e.recipe_user_id) as password_hash,
    """  # noqa: S608 - constants only, put together once
    + directory.USER_COLUMNS
    + "from {users} u"
    + directory.USER_LOGIN_METHODS
    + "join {emailpassword_emails} e on e.app_id = u.app_id and e.tenant_id = :tenant_id and e.email = :email where"
    + directory.user_of_login_method(
        """
        (select recipe_user_id from {emailpassword_emails}
          where app_id = :app_id and tenant_id = :tenant_id and email = :email)
        """
    )
)

FIND_EMAIL = Statement(
    """
    select recipe_user_id from {emailpassword_emails}
     where app_id = :app_id and tenant_id = :tenant_id and email = :email
    """
)

UPDATE_PASSWORD_IF_UNCHANGED = Statement(
    """
    update {emailpassword_users} set password_hash = :password_hash
     where app_id = :app_id and recipe_user_id = :recipe_user_id and password_hash = :seen
    """
)

UPDATE_PASSWORD = Statement(
    """
    update {emailpassword_users} set password_hash = :password_hash
     where app_id = :app_id and recipe_user_id = :recipe_user_id
    """
)

DELETE_EMAILS = Statement(
    "delete from {emailpassword_emails} where app_id = :app_id and recipe_user_id = :recipe_user_id returning tenant_id"
)
