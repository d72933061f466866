"""Buses, and the tags of buses and rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from ostler.capabilities.events.errors import (
    LimitExceededException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from ostler.capabilities.events.model.names import BUS, DEFAULT_BUS, RULE, arn_of, bus_arn
from ostler.capabilities.events.model.rules import Bus
from ostler.capabilities.events.service.rules import expect_bus, of_tags
from ostler.capabilities.events.store import rules as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ValidationException
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Storage, Transaction

MOST_BUSES = 100
MOST_TAGS = 50


class Buses:
    """Keeps buses."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def create(self, call: Call, bus: Bus, tags: Mapping[str, str]) -> Bus:
        """Make a bus."""
        arn = bus_arn(call.scope, bus.name)
        await call.allow(arn, context=of_tags(tags))
        if "/" in bus.name:
            raise ValidationException("Partner event buses are none of this house.")
        now = self._clock.now()
        made = replace(bus, created=now, modified=now)

        def add(tx: Transaction) -> None:
            if store.bus(tx, bus.name) is not None:
                raise ResourceAlreadyExistsException(f"Event bus {bus.name} already exists.")
            if len(store.bus_page(tx, "", PageRequest(MOST_BUSES)).items) >= MOST_BUSES:
                raise LimitExceededException(f"There are {MOST_BUSES} event buses.")
            store.write_bus(tx, made)
            _put_tags(tx, arn, tags)

        await self._storage.write(call.scope, add)
        return made

    async def change(
        self, call: Call, name: str, *, description: str | None, dead_letters: str | None
    ) -> Bus:
        """Change what is said of a bus."""
        await call.allow(bus_arn(call.scope, name))

        def keep(tx: Transaction) -> Bus:
            former = expect_bus(tx, name)
            changed = replace(
                former,
                description=former.description if description is None else description,
                dead_letters=former.dead_letters if dead_letters is None else dead_letters,
                modified=self._clock.now(),
            )
            store.write_bus(tx, changed)
            return changed

        return await self._storage.write(call.scope, keep)

    async def get(self, call: Call, name: str) -> Bus:
        """The bus."""
        await call.allow(bus_arn(call.scope, name))
        return await self._storage.read(call.scope, partial(expect_bus, name=name))

    async def list(self, call: Call, prefix: str, asked: PageRequest) -> Page[Bus]:
        """The buses whose names begin so."""
        await call.allow(arn_of(call.scope, BUS, "*"))
        look = partial(store.bus_page, prefix=prefix, asked=asked)
        return await self._storage.read(call.scope, look)

    async def delete(self, call: Call, name: str) -> None:
        """Forget a bus that has no rules; one that there is not is no error."""
        arn = bus_arn(call.scope, name)
        await call.allow(arn)
        if name == DEFAULT_BUS:
            raise ValidationException("Cannot delete event bus default.")

        def remove(tx: Transaction) -> None:
            if store.count_rules(tx, name):
                raise ValidationException(f"Event bus {name} can't be deleted since it has rules.")
            store.remove_bus(tx, name)
            store.remove_tags(tx, arn)

        await self._storage.write(call.scope, remove)

    # Tags

    async def tag(self, call: Call, arn: str, tags: Mapping[str, str]) -> None:
        """Give a bus or a rule tags."""
        await call.allow(arn, context=of_tags(tags))

        def change(tx: Transaction) -> None:
            _expect(tx, call.scope, arn)
            _put_tags(tx, arn, tags)

        await self._storage.write(call.scope, change)

    async def untag(self, call: Call, arn: str, keys: Sequence[str]) -> None:
        """Take tags from a bus or a rule."""
        await call.allow(arn, context={"aws:TagKeys": sorted(keys)} if keys else {})

        def change(tx: Transaction) -> None:
            _expect(tx, call.scope, arn)
            store.remove_tags(tx, arn, keys)

        await self._storage.write(call.scope, change)

    async def tags(self, call: Call, arn: str) -> Mapping[str, str]:
        """The tags of a bus or a rule."""
        await call.allow(arn)

        def look(tx: Transaction) -> Mapping[str, str]:
            _expect(tx, call.scope, arn)
            return store.tags_of(tx, arn)

        return await self._storage.read(call.scope, look)


def _put_tags(tx: Transaction, arn: str, tags: Mapping[str, str]) -> None:
    store.write_tags(tx, arn, tags)
    if len(store.tags_of(tx, arn)) > MOST_TAGS:
        raise LimitExceededException(f"A resource has {MOST_TAGS} tags at most.")


def _expect(tx: Transaction, scope: Scope, arn: str) -> None:
    buses, rules = arn_of(scope, BUS, ""), arn_of(scope, RULE, "")
    if arn.startswith(buses):
        found = store.bus(tx, arn.removeprefix(buses)) is not None
    else:
        bus, _, name = arn.removeprefix(rules).rpartition("/")
        found = arn.startswith(rules) and store.rule(tx, bus or DEFAULT_BUS, name) is not None
    if not found:
        raise ResourceNotFoundException(f"There is no {arn}.")
