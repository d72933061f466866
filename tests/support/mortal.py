"""A process that works until it is killed, and says on its output what it was acknowledged."""

import asyncio
import itertools
import os
import sys
from functools import partial

from sqlalchemy import Column, Integer, MetaData, String, insert

from ostler.foundation.clock import SystemClock
from ostler.foundation.events import Bulletin
from ostler.foundation.ids import AccountId, Region, SystemIds
from ostler.foundation.storage import Scope, Storage, Transaction, scoped_table
from ostler.foundation.timers import Due, Schedule, Timers

SCOPE = Scope(AccountId("111122223333"), Region("eu-west-1"))

metadata = MetaData()
deeds = scoped_table(
    "deeds",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("count", Integer, nullable=False),
)


def count(tx: Transaction, name: str) -> None:
    tx.upsert(deeds, {"name": name, "count": 1}, key=["name"], update={"count": deeds.c.count + 1})


async def write(storage: Storage, life: str) -> None:
    """Write rows, many at once, for ever."""
    numbers = itertools.count()

    async def one_after_another() -> None:
        for number in numbers:
            name = f"{life}-{number}"
            await storage.write(SCOPE, partial(_add, name))
            _say(name)

    await asyncio.gather(*(one_after_another() for _ in range(20)))


async def work(storage: Storage, schedule: Schedule) -> None:
    """Run timers, for ever: each does one deed."""

    async def handler(due: Due) -> None:
        def deed(tx: Transaction) -> None:
            count(tx, due.key)
            tx.finish(due)

        await storage.write(due.scope, deed)
        _say(due.key)

    timers = Timers(storage, SystemClock(), SystemIds(), schedule, {"work": handler})
    await timers.run()


def _add(name: str, tx: Transaction) -> None:
    tx.execute(insert(deeds), {"name": name, "count": 1})


def _say(name: str) -> None:
    os.write(1, f"{name}\n".encode())


def main() -> None:
    kind, url, life = sys.argv[1:]
    schedule = Schedule()
    storage = Storage(url, outbox=Bulletin(SystemClock()), due_work=schedule)
    asyncio.run(write(storage, life) if kind == "write" else work(storage, schedule))


if __name__ == "__main__":
    main()
