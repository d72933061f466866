"""The tables are what the migrations make, and lists are what a plain look would give."""

import random

from ostler.capabilities.buckets.migrations import MIGRATIONS
from ostler.capabilities.buckets.model.objects import Object
from ostler.capabilities.buckets.store import buckets, objects
from ostler.capabilities.buckets.store.tables import metadata
from ostler.foundation.storage import Transaction
from tests.support.databases import House, assert_schema_matches

LETTERS = ["a", "b", "/", "ä", "\ud7ff", "\uffff", "\U0010ffff", "%", "_", "A"]


def test_migrations_make_the_tables_that_the_store_means() -> None:
    assert_schema_matches(MIGRATIONS, metadata)


async def test_a_name_is_one_accounts_in_the_whole_house(
    house: House, clock, scope, other_scope
) -> None:
    def add(tx: Transaction) -> bool:
        return buckets.add(tx, "pail", clock.now(), {})

    taken = [await house.storage.write(whose, add) for whose in (scope, other_scope, scope)]

    assert [True, False, False] == taken


async def test_lists_are_what_a_plain_look_gives(house: House, clock, scope) -> None:
    """Any keys, any prefix, any delimiter, in pages of any size: each thing once, in order."""
    chance = random.Random(7)
    keys = sorted(
        {"".join(chance.choices(LETTERS, k=chance.randint(1, 5))) for _ in range(150)},
        key=str.encode,
    )

    def fill(tx: Transaction) -> None:
        buckets.add(tx, "pail", clock.now(), {})
        for key in keys:
            objects.write(tx, "pail", Object(key, 1, "etag", clock.now()))

    await house.storage.write(scope, fill)
    for _ in range(60):
        prefix = "".join(chance.choices(LETTERS, k=chance.randint(0, 2)))
        delimiter = chance.choice(["", "/", "a", "ä", "/a"])
        limit = chance.randint(1, 7)

        seen = await house.storage.read(
            scope, lambda tx, told=(prefix, delimiter, limit): every_page(tx, *told)
        )

        assert plainly(keys, prefix, delimiter) == seen, (prefix, delimiter, limit)


def plainly(keys: list[str], prefix: str, delimiter: str) -> list[str]:
    shown: list[str] = []
    for key in keys:
        if key.startswith(prefix):
            name, end, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            shown.append(prefix + name + end if end else key)
    return list(dict.fromkeys(shown))


def every_page(tx: Transaction, prefix: str, delimiter: str, limit: int) -> list[str]:
    shown: list[str] = []
    after = ""
    while True:
        page = objects.contents(
            tx, "pail", prefix=prefix, delimiter=delimiter, after=after, limit=limit
        )
        found = [each.key for each in page.objects] + page.prefixes
        shown += sorted(found, key=str.encode)
        if not page.last:
            return shown
        assert limit == page.count
        after = page.last
