"""Writing: put a parameter, delete some, and put labels on versions."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakValueDictionary

from ostler.capabilities.keys import Seal
from ostler.capabilities.parameters.errors import (
    ParameterMaxVersionLimitExceeded,
    ParameterNotFound,
    ParameterVersionLabelLimitExceeded,
)
from ostler.capabilities.parameters.events import Operation, image_refused
from ostler.capabilities.parameters.model import datatypes
from ostler.capabilities.parameters.model.kinds import Kind, Tier, items
from ostler.capabilities.parameters.model.labels import MOST_LABELS, sorted_out
from ostler.capabilities.parameters.model.names import RESOURCE, Name
from ostler.capabilities.parameters.model.parameters import (
    Limits,
    Order,
    Terms,
    Version,
    check_order,
    plan,
)
from ostler.capabilities.parameters.model.patterns import check_pattern
from ostler.capabilities.parameters.service.policies import (
    Belongings,
    arn_of,
    changed,
    remove,
    schedule,
)
from ostler.capabilities.parameters.service.reading import version_missing
from ostler.capabilities.parameters.service.sealing import Sealing, bound_to
from ostler.capabilities.parameters.store import parameters as store
from ostler.capabilities.settings import DEFAULT_TIER, ServiceSettings
from ostler.capabilities.tags import check_tags, most, request_context
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ValidationException
from ostler.foundation.secrets import Sealed
from ostler.foundation.storage import Scope, Storage, Transaction


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write."""

    number: int
    tier: Tier


class Writing:
    """The parameters as those see them who change them."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        sealing: Sealing,
        belongings: Belongings,
        settings: ServiceSettings,
        limits: Limits,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._sealing = sealing
        self._belongings = belongings
        self._settings = settings
        self._limits = limits
        self._turns: WeakValueDictionary[tuple[Scope, str], asyncio.Lock] = WeakValueDictionary()

    async def put(self, call: Call, order: Order) -> Written:
        """Write a parameter, or its next version."""
        check_order(order, self._limits)
        _check_tags(order)
        await _allow_put(call, order)
        async with self._turn(call, order.name):
            return await self._write(call, order)

    async def delete(self, call: Call, name: Name) -> None:
        """Delete a parameter with all its versions; its name is free at once."""
        await call.allow(call.arn("parameter", name.key))

        def delete(tx: Transaction) -> bool:
            return remove(tx, call.scope, self._belongings, name.key)

        async with self._turn(call, name):
            gone = await self._storage.write(call.scope, delete)
        if not gone:
            raise ParameterNotFound(f"Parameter {name.given} not found.")

    async def delete_many(self, call: Call, names: Sequence[Name]) -> list[str]:
        """Delete those of the parameters that there are; their names."""
        await call.allow(*(call.arn("parameter", name.key) for name in names))

        def delete(tx: Transaction) -> list[str]:
            return [
                name.given for name in names if remove(tx, call.scope, self._belongings, name.key)
            ]

        return await self._storage.write(call.scope, delete)

    async def label(
        self, call: Call, name: Name, number: int | None, labels: Sequence[str]
    ) -> tuple[int, list[str]]:
        """Put labels on a version, by default the newest; its number, and what is no label."""
        await call.allow(call.arn("parameter", name.key))
        good, bad = sorted_out(labels)

        def put(tx: Transaction) -> int:
            version = _version(tx, name, number)
            carried = store.labels_of(tx, name.key)
            there = {each for each, on in carried.items() if on == version.number}
            if len(there | set(good)) > MOST_LABELS:
                raise ParameterVersionLabelLimitExceeded(
                    f"A parameter version can have maximum {MOST_LABELS} labels. Move one or more "
                    "labels to another version and try again."
                )
            if set(good) - there:
                store.label(tx, name.key, version.number, good)
                tx.tell(changed(call.scope, Operation.LABEL, name.key, version.terms))
            return version.number

        async with self._turn(call, name):
            return await self._storage.write(call.scope, put), bad

    async def unlabel(
        self, call: Call, name: Name, number: int, labels: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        """Take labels off a version; those that went, and those that it did not carry."""
        await call.allow(call.arn("parameter", name.key))
        each = list(dict.fromkeys(labels))

        def take(tx: Transaction) -> list[str]:
            version = _version(tx, name, number)
            carried = store.labels_of(tx, name.key)
            there = [label for label in each if carried.get(label) == version.number]
            if there:
                store.unlabel(tx, name.key, there)
            return there

        async with self._turn(call, name):
            gone = await self._storage.write(call.scope, take)
        return gone, [label for label in each if label not in gone]

    async def _write(self, call: Call, order: Order) -> Written:
        while True:
            order, before, full = await self._storage.read(
                call.scope, partial(self._before, order=order)
            )
            terms = plan(order, before, full, self._limits)
            if terms.pattern:
                values = items(terms.kind, order.value)
                await asyncio.to_thread(check_pattern, terms.pattern, values)
            seal = await self._seal(call, order.name, terms)
            write = partial(self._put, call=call, order=order, planned=terms, full=full, seal=seal)
            written = await self._storage.write(call.scope, write)
            # What was looked at beforehand was as it was planned, save when somebody else wrote
            # other terms in between: then again, from the beginning.
            if written is not None:
                return written

    async def _seal(self, call: Call, name: Name, terms: Terms) -> Seal | None:
        if terms.kind is not Kind.SECURE:
            return None
        arn = call.arn("parameter", name.key)
        return await self._sealing.seal(call, terms.key_id, arn, terms.tier)

    def _turn(self, call: Call, name: Name) -> asyncio.Lock:
        """One writer of a parameter after the other: those who met in the database would have to
        begin again, and of many some for ever."""
        whose = (call.scope, name.key)
        turn = self._turns.get(whose)
        if turn is None:
            turn = self._turns[whose] = asyncio.Lock()
        return turn

    def _before(
        self, tx: Transaction, order: Order
    ) -> tuple[Order, Version | None, Sequence[Tier]]:
        """The order with the tier that it leaves open, the version before, and the full tiers."""
        before = store.newest(tx, order.name.key)
        if before is None and order.tier is None:
            order = replace(order, tier=Tier(self._settings.value(tx, DEFAULT_TIER)))
        # Who is in a tier already does not ask whether it takes more.
        stays = before is not None and order.tier in (None, before.terms.tier)
        return order, before, () if stays else store.full_tiers(tx, self._limits)

    def _put(
        self,
        tx: Transaction,
        *,
        call: Call,
        order: Order,
        planned: Terms,
        full: Sequence[Tier],
        seal: Seal | None,
    ) -> Written | None:
        key = order.name.key
        before = store.newest(tx, key)
        if planned != plan(order, before, full, self._limits):
            return None
        number = 1 if before is None else before.number + 1
        operation = Operation.CREATE if before is None else Operation.UPDATE
        if planned.data_type == datatypes.IMAGE and not datatypes.is_image(order.value):
            # AWS looks at images after it has answered: such a write succeeds and leaves nothing.
            arn = arn_of(call.scope, key)
            tx.tell(image_refused(arn, operation, name=planned.name, data_type=planned.data_type))
            return Written(number, planned.tier)
        self._trim(tx, key, planned.name, number - self._limits.versions)
        version = Version(key, number, planned, self._clock.now(), call.caller.arn, order.value)
        store.write(tx, _sealed(call.scope, version, order.value, seal))
        if order.tags:
            self._belongings.tags.put(tx, RESOURCE, key, order.tags)
        schedule(tx, version, before.terms if before else None)
        tx.tell(changed(call.scope, operation, key, planned))
        return Written(number, planned.tier)

    def _trim(self, tx: Transaction, key: str, name: str, up_to: int) -> None:
        labelled = store.trim(tx, key, up_to) if up_to > 0 else None
        if labelled is not None:
            raise ParameterMaxVersionLimitExceeded(
                f"You attempted to create a new version of {name} by calling the PutParameter API "
                f"with the overwrite flag. Version {labelled}, the oldest version, can't be "
                "deleted because it has a label associated with it. Move the label to another "
                "version of the parameter, and try again."
            )


async def _allow_put(call: Call, order: Order) -> None:
    arn = call.arn("parameter", order.name.key)
    context = {
        "ssm:Overwrite": [str(order.overwrite).lower()],
        "ssm:Policies": [str(bool(order.policies)).lower()],
    }
    if order.tags:
        tags = request_context(order.tags)
        await call.allow(arn, context={**context, **tags})
        await call.allow(arn, action="ssm:AddTagsToResource", context=tags)
    else:
        await call.allow(arn, context=context)


def _check_tags(order: Order) -> None:
    check_tags(order.tags)
    if len(order.tags) > most(RESOURCE):
        raise ValidationException(f"A parameter can have {most(RESOURCE)} tags and no more.")


def _sealed(scope: Scope, version: Version, value: str, seal: Seal | None) -> Version:
    if seal is None:
        return version
    context = bound_to(arn_of(scope, version.key))
    return replace(version, value=Sealed(seal.close(value.encode(), context)))


def _version(tx: Transaction, name: Name, number: int | None) -> Version:
    """The version of that number, or the newest."""
    newest = store.newest(tx, name.key)
    if newest is None:
        raise ParameterNotFound(f"Parameter {name.given} not found.")
    if number is None or number == newest.number:
        return newest
    found = store.find(tx, name.key, number)
    if found is None:
        raise version_missing(name, number)
    return found
