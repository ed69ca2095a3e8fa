"""Users from elsewhere into the database: each whole or not at all, in batches, and nobody twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from watchword.accounts import directory
from watchword.accounts.errors import UserIdTaken
from watchword.accounts.tenants import Tenants
from watchword.accounts.users import LoginMethod, ThirdPartyIdentity, User
from watchword.audit.events import EventLog, SecurityEvent
from watchword.clock import Clock
from watchword.crypto.passwords import PasswordHasher
from watchword.crypto.phc import UnsupportedHash
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput, EmailAlreadyExists
from watchword.ids import Ids
from watchword.recipes.emailpassword.operations import insert_password
from watchword.recipes.thirdparty.errors import IdentityTaken
from watchword.recipes.thirdparty.operations import insert_identity
from watchword.recipes.userroles.operations import insert_user_roles
from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import MethodRecord, UserRecord

Outcome = Literal["imported", "already there"] | RecordRefused


@dataclass(frozen=True, slots=True)
class _Ready:
    """A record that has been checked, as the user it becomes."""

    user: User
    record: UserRecord


class Importer:
    """Stores users of other systems, with the ids and the password hashes they have.

    Somebody who is there already, with all these ways to sign in, is left as they are, so that an import may
    be run again from the start, after it was killed as well.

    Args:
        db: A started database with all tables.
        app_id: Whose users they become.
        passwords: Says which hashes could be verified at a sign-in.
        ids: Makes the ids of those who bring none.
        clock: The time of joining of those who bring none.
        audit: Told how many came, with each batch.
        dry_run: Check everything, and undo it.
    """

    def __init__(
        self,
        *,
        db: Database,
        app_id: str,
        passwords: PasswordHasher,
        ids: Ids,
        clock: Clock,
        audit: EventLog,
        dry_run: bool = False,
    ) -> None:
        self._db = db
        self._app_id = app_id
        self._passwords = passwords
        self._ids = ids
        self._clock = clock
        self._audit = audit
        self._dry_run = dry_run
        self._tenants = Tenants(db, app_id)
        self._known_tenants: set[str] = set()

    async def start(self) -> None:
        """Make sure of the tenant `public`: the application may never have started on these tables."""
        await self._tenants.start()

    async def store(self, records: Sequence[UserRecord]) -> list[Outcome]:
        """Store a batch in one transaction; those who cannot be stored are refused without the others.

        Args:
            records: Some hundreds; in a dry run the same person twice in one batch is seen, in two is not.

        Returns:
            What became of each, in their order.

        Raises:
            StorageUnavailable: The database did not answer; nothing of this batch is stored.
        """
        checked = [await self._check(record) for record in records]
        try:
            return await self._write(checked)
        except _OneMustGo:  # found by an insert: then each by itself says who
            return [outcome for one in checked for outcome in await self._alone(one)]

    async def _alone(self, one: "_Ready | RecordRefused") -> list[Outcome]:
        try:
            return await self._write([one])
        except _OneMustGo as error:
            return [error.refusal]

    async def _write(self, batch: Sequence["_Ready | RecordRefused"]) -> list[Outcome]:
        async def body(tx: Transaction) -> list[Outcome]:
            outcomes: list[Outcome] = [
                one if isinstance(one, RecordRefused) else await self._store(tx, one) for one in batch
            ]
            if self._dry_run:
                raise _Undo(outcomes)
            if imported := outcomes.count("imported"):
                await self._audit.record(tx, SecurityEvent("users_imported", facts={"number": imported}))
            return outcomes

        try:
            return await self._db.write(body)
        except _Undo as undone:
            return undone.outcomes

    async def _store(self, tx: Transaction, one: _Ready) -> Outcome:
        user, record = one.user, one.record
        there = await self._find_owners(tx, record)
        if there:
            return "already there" if _is_the_same(there, record) else _somebody_else(there, record)
        for id_ in filter(None, dict.fromkeys((record.user_id, *(method.recipe_user_id for method in record.methods)))):
            if await tx.find(FIND_ID, app_id=self._app_id, id=id_) is not None:
                return RecordRefused("externalUserId", "is the id of another user here")
        try:
            await directory.insert_user(tx, self._app_id, user)
            for method, brought in zip(user.login_methods, record.methods, strict=True):
                if method.third_party is not None:
                    await insert_identity(tx, self._app_id, method)
                else:
                    await insert_password(tx, self._app_id, method, brought.password_hash)
            await insert_user_roles(tx, self._app_id, user.id, record.roles)
        except UserIdTaken:
            raise _OneMustGo(RecordRefused("externalUserId", "is the id of another user here")) from None
        except (EmailAlreadyExists, IdentityTaken):
            raise _OneMustGo(RecordRefused("loginMethods", "somebody has just signed up with one of them")) from None
        return "imported"

    async def _find_owners(self, tx: Transaction, record: UserRecord) -> dict[MethodRecord, set[str]]:
        """The user ids of those who have these ways to sign in already, for each way that somebody has."""
        owners: dict[MethodRecord, set[str]] = {}
        for method in record.methods:
            for tenant_id in method.tenant_ids:
                key = {"app_id": self._app_id, "tenant_id": tenant_id}
                if method.recipe_id == "thirdparty":
                    identity = {
                        "third_party_id": method.third_party_id,
                        "third_party_user_id": method.third_party_user_id,
                    }
                    row = await tx.find(FIND_IDENTITY_OWNER, **key, **identity)
                else:
                    row = await tx.find(FIND_EMAIL_OWNER, **key, email=method.email)
                if row is not None:
                    owners.setdefault(method, set()).add(row["user_id"])
        return owners

    async def _check(self, record: UserRecord) -> "_Ready | RecordRefused":
        """What can be said of a record by itself."""
        for tenant_id in {
            *(id for method in record.methods for id in method.tenant_ids),
            *(id for _, id in record.roles),
        }:
            if not await self._is_tenant(tenant_id):
                return RecordRefused("tenantIds", f"there is no tenant {tenant_id!r:.80}; make it first")
        for index, method in enumerate(record.methods):
            if method.password_hash is not None:
                try:
                    self._passwords.check_importable(method.password_hash)
                except UnsupportedHash as error:
                    return RecordRefused(f"loginMethods[{index}].passwordHash", str(error))
        if len({_identity(method) for method in record.methods}) < len(record.methods):
            return RecordRefused("loginMethods", "the same one is there twice")
        return _Ready(self._user(record), record)

    async def _is_tenant(self, tenant_id: str) -> bool:
        if tenant_id not in self._known_tenants:
            try:
                await self._tenants.get(tenant_id)
            except BadInput:
                return False
            self._known_tenants.add(tenant_id)
        return True

    def _user(self, record: UserRecord) -> User:
        user_id = record.user_id or self._ids.user_id()
        now_ms = self._clock.now_ms()
        methods = tuple(
            LoginMethod(
                recipe_id=method.recipe_id,
                recipe_user_id=method.recipe_user_id or (user_id if index == 0 else self._ids.user_id()),
                tenant_ids=method.tenant_ids,
                time_joined_ms=method.time_joined_ms or now_ms,
                email=method.email,
                third_party=ThirdPartyIdentity(method.third_party_id, method.third_party_user_id)
                if method.recipe_id == "thirdparty"
                else None,
                verified=method.verified,
            )
            for index, method in enumerate(record.methods)
        )
        return User(id=user_id, time_joined_ms=min(method.time_joined_ms for method in methods), login_methods=methods)


class _OneMustGo(Exception):
    """One of a batch cannot be stored, found when it was half written; the transaction is rolled back."""

    def __init__(self, refusal: RecordRefused) -> None:
        super().__init__()
        self.refusal = refusal


class _Undo(Exception):
    """The end of a dry run."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


def _is_the_same(owners: dict[MethodRecord, set[str]], record: UserRecord) -> bool:
    """Whether one person has every one of these ways to sign in, under the id that was brought."""
    people = set[str]().union(*owners.values())
    return len(owners) == len(record.methods) and people == {record.user_id or next(iter(people))}


def _somebody_else(owners: dict[MethodRecord, set[str]], record: UserRecord) -> RecordRefused:
    first = next(index for index, method in enumerate(record.methods) if method in owners)
    return RecordRefused(f"loginMethods[{first}]", "belongs to another user here, or to one with other ways to sign in")


def _identity(method: MethodRecord) -> tuple[str, ...]:
    if method.recipe_id == "thirdparty":
        return ("thirdparty", method.third_party_id, method.third_party_user_id)
    return ("emailpassword", method.email or "")


# Ids of login methods, and those from before a mapping, are ids of people, too: who bans or deletes the one under
# such an id would meet the other.
FIND_ID = Statement(
    """
    select user_id from {users} where app_id = :app_id and user_id = :id
     union all
    select user_id from {login_methods} where app_id = :app_id and recipe_user_id = :id
     union all
    select user_id from {user_id_mappings} where app_id = :app_id and former_user_id = :id
    """
)

FIND_EMAIL_OWNER = Statement(
    """
    select m.user_id
      from {emailpassword_emails} e
      join {login_methods} m on m.app_id = e.app_id and m.recipe_user_id = e.recipe_user_id
     where e.app_id = :app_id and e.tenant_id = :tenant_id and e.email = :email
    """
)

FIND_IDENTITY_OWNER = Statement(
    """
    select m.user_id
      from {thirdparty_users} i
      join {login_methods} m on m.app_id = i.app_id and m.recipe_user_id = i.recipe_user_id
     where i.app_id = :app_id and i.tenant_id = :tenant_id
       and i.third_party_id = :third_party_id and i.third_party_user_id = :third_party_user_id
    """
)
