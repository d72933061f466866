"""Rules and their targets, as customers keep them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from ostler.capabilities.events.errors import LimitExceededException, ResourceNotFoundException
from ostler.capabilities.events.model.names import DEFAULT_BUS, arn_of, rule_arn
from ostler.capabilities.events.model.rules import Bus, Rule, check_rule, schedule_of
from ostler.capabilities.events.model.targets import SERVICE, Kind, Target, check_target
from ostler.capabilities.events.service.neighbours import Roles
from ostler.capabilities.events.store import rules as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ValidationException
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction

ROUTE_TIMER = "events.route"
"""The timer of an account and region where something happened."""
SCHEDULE_TIMER = "events.schedule"
"""The timer of a rule's schedule; its key is the rule's name."""

_SOON = timedelta(seconds=5)
MOST_RULES = 1000
MOST_TARGETS = 100


class Rules:
    """Keeps rules and targets."""

    def __init__(self, storage: Storage, clock: Clock, roles: Roles) -> None:
        self._storage = storage
        self._clock = clock
        self._roles = roles

    async def put(self, call: Call, rule: Rule, tags: Mapping[str, str]) -> str:
        """Keep a rule, new or changed; its ARN. Tags count for a new one only, as in AWS."""
        arn = rule_arn(call.scope, rule.bus, rule.name)
        await call.allow(arn, context=of_tags(tags))
        check_rule(rule)
        if rule.role:
            await self._roles.pass_role(call, rule.role, SERVICE)

        def keep(tx: Transaction) -> None:
            expect_bus(tx, rule.bus)
            former = store.rule(tx, rule.bus, rule.name)
            if former is None and store.count_rules(tx, rule.bus) >= MOST_RULES:
                raise LimitExceededException(f"The bus {rule.bus} has {MOST_RULES} rules.")
            same = former is not None and former.schedule == rule.schedule
            since = former.since if former and same else self._clock.now()
            kept = replace(rule, since=since, author=former.author if former else rule.author)
            store.write_rule(tx, kept)
            # What is told by a transaction that does not see the rule yet wakes nobody itself.
            tx.schedule(ROUTE_TIMER, "", self._clock.now() + _SOON)
            if former is None:
                store.write_tags(tx, arn, tags)
            set_timer(tx, kept, self._clock.now())

        await self._storage.write(call.scope, keep)
        return arn

    async def get(self, call: Call, bus: str, name: str) -> Rule:
        """The rule."""
        await call.allow(rule_arn(call.scope, bus, name))
        return await self._storage.read(call.scope, partial(_expected, bus=bus, name=name))

    async def list(self, call: Call, bus: str, prefix: str, asked: PageRequest) -> Page[Rule]:
        """The rules of a bus whose names begin so."""
        await call.allow(arn_of(call.scope, "rule", "*"))

        def look(tx: Transaction) -> Page[Rule]:
            expect_bus(tx, bus)
            return store.rule_page(tx, bus, prefix, asked)

        return await self._storage.read(call.scope, look)

    async def delete(self, call: Call, bus: str, name: str) -> None:
        """Forget a rule that tells nobody any more; one that there is not is no error."""
        arn = rule_arn(call.scope, bus, name)
        await call.allow(arn)

        def remove(tx: Transaction) -> None:
            expect_bus(tx, bus)
            if store.targets_of(tx, bus, name):
                raise ValidationException("Rule can't be deleted since it has targets.")
            store.remove_rule(tx, bus, name)
            store.remove_tags(tx, arn)
            if bus == DEFAULT_BUS:
                tx.unschedule(SCHEDULE_TIMER, name)

        await self._storage.write(call.scope, remove)

    async def switch(self, call: Call, bus: str, name: str, state: str) -> None:
        """Switch a rule on or off."""
        await call.allow(rule_arn(call.scope, bus, name))

        def change(tx: Transaction) -> None:
            rule = _expected(tx, bus, name)
            store.set_state(tx, bus, name, state)
            set_timer(tx, replace(rule, state=state), self._clock.now())

        await self._storage.write(call.scope, change)

    # Targets

    async def put_targets(self, call: Call, bus: str, name: str, given: Sequence[Target]) -> None:
        """Have a rule tell these, too.

        Who adds a target must be allowed to pass on the role that tells it; where there is none,
        to tell it themselves.
        """
        await call.allow(
            rule_arn(call.scope, bus, name),
            context={"events:TargetArn": [target.arn for target in given]},
        )
        if len({target.id for target in given}) < len(given):
            raise ValidationException("Targets has an id more than once.")
        for target in given:
            check_target(target, call.scope)
            if target.role:
                await self._roles.pass_role(call, target.role, SERVICE)
            elif target.kind is Kind.TOPIC:
                await call.allow(target.arn, action="sns:Publish")

        def keep(tx: Transaction) -> None:
            _expected(tx, bus, name)
            store.write_targets(tx, bus, name, given)
            if len(store.targets_of(tx, bus, name)) > MOST_TARGETS:
                raise LimitExceededException(f"A rule has {MOST_TARGETS} targets at most.")

        await self._storage.write(call.scope, keep)

    async def remove_targets(
        self, call: Call, bus: str, name: str, ids: Sequence[str]
    ) -> Sequence[str]:
        """Have a rule tell these no more; the ids of those that it did not tell."""
        await call.allow(rule_arn(call.scope, bus, name))

        def remove(tx: Transaction) -> Sequence[str]:
            _expected(tx, bus, name)
            return store.remove_targets(tx, bus, name, ids)

        return await self._storage.write(call.scope, remove)

    async def targets(self, call: Call, bus: str, name: str, asked: PageRequest) -> Page[Target]:
        """Whom a rule tells."""
        await call.allow(rule_arn(call.scope, bus, name))

        def look(tx: Transaction) -> Page[Target]:
            _expected(tx, bus, name)
            after = asked.after[0] if asked.after else ""
            found = [each for each in store.targets_of(tx, bus, name) if each.id > after]
            return Page.cut(found[: asked.limit + 1], asked.limit, lambda one: (one.id,))

        return await self._storage.read(call.scope, look)

    async def names_by_target(
        self, call: Call, bus: str, arn: str, asked: PageRequest
    ) -> Page[str]:
        """The rules of a bus that tell a target."""
        await call.allow(arn_of(call.scope, "rule", "*"))

        def look(tx: Transaction) -> Page[str]:
            expect_bus(tx, bus)
            return store.names_by_target(tx, bus, arn, asked)

        return await self._storage.read(call.scope, look)


def set_timer(tx: Transaction, rule: Rule, now: datetime) -> None:
    """Have the rule's schedule kept, or no longer."""
    if rule.bus != DEFAULT_BUS:
        return
    due_at = None
    if rule.schedule and rule.enabled:
        due_at = schedule_of(rule.schedule).next(now, since=rule.since or now)
    if due_at is None:
        tx.unschedule(SCHEDULE_TIMER, rule.name)
    else:
        tx.schedule(SCHEDULE_TIMER, rule.name, due_at)


def expect_bus(tx: Transaction, name: str) -> Bus:
    """The bus; ResourceNotFoundException where there is none."""
    found = store.bus(tx, name)
    if found is None:
        raise ResourceNotFoundException(f"Event bus {name} does not exist.")
    return found


def _expected(tx: Transaction, bus: str, name: str) -> Rule:
    expect_bus(tx, bus)
    found = store.rule(tx, bus, name)
    if found is None:
        raise ResourceNotFoundException(f"Rule {name} does not exist on EventBus {bus}.")
    return found


def of_tags(tags: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """The condition keys by which a policy judges tags that come with a request."""
    if not tags:
        return {}
    requested = {f"aws:RequestTag/{key}": [value] for key, value in tags.items()}
    return {"aws:TagKeys": sorted(tags), **requested}
