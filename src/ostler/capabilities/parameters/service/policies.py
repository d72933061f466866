"""Policies in action: what happens to parameters when their time comes."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from ostler.capabilities.parameters.events import Operation, parameter_changed, policy_acted
from ostler.capabilities.parameters.model.names import RESOURCE
from ostler.capabilities.parameters.model.parameters import Terms, Version
from ostler.capabilities.parameters.model.policies import (
    Policy,
    PolicyStatus,
    PolicyType,
    due_at,
    next_due,
)
from ostler.capabilities.parameters.store import parameters as store
from ostler.capabilities.settings import ResourcePolicies
from ostler.capabilities.tags import Tags
from ostler.foundation.clock import Clock
from ostler.foundation.events import Announcement
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Due

TIMER = "parameters.policies"
"""The timer of a parameter's next policy."""

_LONGEST_TIMER_KEY = 512


@dataclass(frozen=True, slots=True)
class Belongings:
    """What goes with a parameter: its tags, and the policies that let others in."""

    tags: Tags
    sharing: ResourcePolicies

    def drop(self, tx: Transaction, scope: Scope, key: str) -> None:
        """Forget all that belonged to a parameter that is no more."""
        self.tags.drop(tx, RESOURCE, key)
        self.sharing.drop(tx, scope, arn_of(scope, key))


class Policies:
    """Does what policies demand when they are due."""

    def __init__(self, storage: Storage, clock: Clock, belongings: Belongings) -> None:
        self._storage = storage
        self._clock = clock
        self._belongings = belongings

    async def act(self, due: Due) -> None:
        """Let the policies of a parameter act that are due by now."""

        def act(tx: Transaction) -> None:
            if not self._act(tx, due.scope, due.payload["key"]):
                tx.finish(due)

        await self._storage.write(due.scope, act)

    def _act(self, tx: Transaction, scope: Scope, key: str) -> bool:
        """Whether the parameter, and with it the timer, is gone."""
        version = store.newest(tx, key)
        if version is None:
            return False
        terms, now = version.terms, self._clock.now()
        acting = [policy for policy in terms.policies if _is_due(policy, version, now)]
        for policy in acting:
            tx.tell(
                policy_acted(
                    arn_of(scope, key),
                    name=terms.name,
                    kind=terms.kind,
                    policy=policy.type,
                    content=policy.text,
                )
            )
        if any(policy.type is PolicyType.EXPIRATION for policy in acting):
            remove(tx, scope, self._belongings, key)
            return True
        policies = tuple(
            policy.finished() if policy in acting else policy for policy in terms.policies
        )
        store.change_policies(tx, key, version.number, policies)
        schedule(tx, replace(version, terms=replace(terms, policies=policies)))
        return False


def schedule(tx: Transaction, version: Version, before: Terms | None = None) -> None:
    """See to it that the version's policies act; those of `before` do not any more."""
    due = next_due(version.terms.policies, version.modified)
    if due is not None:
        tx.schedule(TIMER, _timer_key(version.key), due, {"key": version.key})
    elif before is not None and before.policies:
        tx.unschedule(TIMER, _timer_key(version.key))


def remove(tx: Transaction, scope: Scope, belongings: Belongings, key: str) -> bool:
    """Forget a parameter and all that belongs to it; whether there was one."""
    version = store.newest(tx, key)
    if version is None or not store.remove(tx, key):
        return False
    belongings.drop(tx, scope, key)
    if version.terms.policies:
        tx.unschedule(TIMER, _timer_key(key))
    tx.tell(changed(scope, Operation.DELETE, key, version.terms))
    return True


def changed(scope: Scope, operation: Operation, key: str, terms: Terms) -> Announcement:
    """The event that tells of it."""
    return parameter_changed(
        arn_of(scope, key),
        operation,
        name=terms.name,
        kind=terms.kind,
        description=terms.description,
    )


def arn_of(scope: Scope, key: str) -> str:
    """The parameter's ARN."""
    return f"arn:aws:ssm:{scope.region}:{scope.account}:parameter/{key}"


def _is_due(policy: Policy, version: Version, now: datetime) -> bool:
    pending = policy.status is PolicyStatus.PENDING
    return pending and due_at(version.terms.policies, policy, version.modified) <= now


def _timer_key(key: str) -> str:
    short = len(key) <= _LONGEST_TIMER_KEY
    return key if short else hashlib.sha256(key.encode()).hexdigest()
