"""CPU time of lists, searches and counts of people, by how many there are: this process and the database together.

Called by `scripts/measure-people [USERS]`; it takes some minutes, most of them to make the people.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from benchmarks.inside.cpu import cpu_of_this_process_ms
from benchmarks.inside.crowd import MADE_MS, add_crowd, email_of, user_id_of
from benchmarks.inside.node import running_node
from benchmarks.processes import cpu_seconds
from benchmarks.servers import PostgresForBench, running_postgres, sqlite_folder
from watchword import Watchword
from watchword.accounts.page_tokens import Position, write_page_token

FEW = 1_000
PARTS = 10
CALLS, COUNTS = 100, 5


def operations(auth: Watchword, size: int) -> dict[str, tuple[int, Callable[[], Awaitable[object]]]]:
    """What is measured, and how many times."""
    users, middle = auth.users, size // 2
    token = write_page_token(Position(MADE_MS + middle, user_id_of(middle)))
    email, page = ["emailpassword"], {"limit": 100}
    return {
        "first page of 100": (CALLS, lambda: users.list(**page)),
        "a page from the middle": (CALLS, lambda: users.list(pagination_token=token, **page)),
        "the same of a tenant": (CALLS, lambda: users.list(pagination_token=token, tenant_id="public", **page)),
        "the same of a recipe": (CALLS, lambda: users.list(pagination_token=token, recipe_ids=email, **page)),
        "find by address": (CALLS, lambda: users.list_by_account_info(email=email_of(middle))),
        "search the beginning of an address": (CALLS, lambda: users.search(email=f"person{str(middle)[:3]}")),
        "search a domain": (CALLS, lambda: users.search(email="example")),
        "count": (COUNTS, users.count),
        "count of a tenant": (COUNTS, lambda: users.count(tenant_id="public")),
        "count of a recipe": (COUNTS, lambda: users.count(recipe_ids=email)),
    }


async def measure(url: str, size: int, postgres: PostgresForBench | None) -> dict[str, float]:
    """Milliseconds of CPU of each operation at this size."""
    found: dict[str, float] = {}
    server_pid = None if postgres is None else postgres.pid
    async with running_node(url) as auth:
        for part in range(PARTS):
            await add_crowd(auth, url, part * size // PARTS, size // PARTS, lambda _: None)
        if postgres is not None:
            await postgres.vacuum(url)
        print(f"{size:,} people at {url.partition(':')[0]}", file=sys.stderr)
        for name, (calls, call) in operations(auth, size).items():
            await call()
            started = _cpu_ms(server_pid)
            for _ in range(calls):
                await call()
            found[name] = (_cpu_ms(server_pid) - started) / calls
    return found


def _cpu_ms(server_pid: int | None) -> float:
    server = 0.0 if server_pid is None else cpu_seconds(server_pid) * 1_000
    return cpu_of_this_process_ms() + server


async def main(many: int) -> None:
    """Print a table."""
    async with running_postgres() as postgres:
        with sqlite_folder() as folder:
            columns = [await measure(f"sqlite:///{folder}/{size}.db", size, None) for size in (FEW, many)]
        for size in (FEW, many):
            url = await postgres.create_database(f"people_{size}")
            columns.append(await measure(url, size, postgres))
    print(f"| ms of CPU | SQLite, {FEW:,} | SQLite, {many:,} | PostgreSQL, {FEW:,} | PostgreSQL, {many:,} |")
    print("|---|---|---|---|---|")
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{column[name]:.2f}" for column in columns) + " |")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
