"""Looking after keys: make, describe, switch on and off, rotate, delete, tag, name by aliases."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

from ostler.capabilities.keys.errors import (
    AlreadyExistsException,
    KMSInvalidStateException,
    LimitExceededException,
    MalformedPolicyDocumentException,
    NotFoundException,
    TagException,
)
from ostler.capabilities.keys.model.keys import (
    LONGEST_WAIT,
    SHORTEST_WAIT,
    Alias,
    Key,
    Name,
    Rotation,
    State,
    alias_arn,
    default_policy,
    named,
    new_alias,
    read_policy,
)
from ostler.capabilities.keys.service.finding import Finder, allow
from ostler.capabilities.keys.service.materials import Materials
from ostler.capabilities.keys.store import keys as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.ids import Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Due

DELETION = "keys.deletion"
"""The timer of a key that is to go."""
ROTATION = "keys.rotation"
"""The timer of a key's next rotation."""

_MOST_TAGS = 50
Change = Callable[[Transaction, Key], Key]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Order:
    """The key that somebody wants."""

    description: str = ""
    policy: str | None = field(default=None, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)
    careless: bool = False
    """Take a policy that locks its author out."""


class Ring:
    """The keys as those see them who look after them."""

    def __init__(
        self, storage: Storage, clock: Clock, ids: Ids, finder: Finder, materials: Materials
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._finder = finder
        self._materials = materials

    async def create(self, call: Call, order: Order) -> Key:
        """Make a key."""
        _check_tags(order.tags)
        context = {
            "aws:TagKeys": sorted(order.tags),
            **{f"aws:RequestTag/{tag}": [value] for tag, value in order.tags.items()},
        }
        await call.allow(context=context if order.tags else None)
        if order.tags:
            await call.allow(action="kms:TagResource", context=context)
        key = Key(
            id=self._ids.uuid(),
            scope=call.scope,
            created=self._clock.now(),
            policy=order.policy or default_policy(call.account),
            description=order.description,
        )
        await _check_policy(call, key, careless=order.careless)

        def make(tx: Transaction) -> Key:
            store.add(tx, key)
            self._renew(tx, key, on_demand=False)
            store.put_tags(tx, key.id, order.tags)
            return key

        return await self._write(call.scope, make)

    async def describe(self, call: Call, key_id: str, *, aliases: bool = True) -> Key:
        """What is known of the key; also of another account's, where its policy allows that."""
        return await self._finder.find(call, named(key_id, call.scope, aliases=aliases))

    async def list(self, call: Call, asked: PageRequest) -> Page[str]:
        """The ids of the account's keys."""
        await call.allow()
        return await self._storage.read(call.scope, partial(store.listed, asked=asked))

    async def describe_anew(self, call: Call, key_id: str, description: str) -> None:
        """Say something else of the key."""

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_alive()
            return replace(key, description=description)

        await self._change(call, key_id, change)

    async def enable(self, call: Call, key_id: str) -> None:
        """Let the key seal and open; a rotation that was due meanwhile is made up for."""

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_alive()
            if key.rotates_at is not None:
                tx.schedule(ROTATION, key.id, max(key.rotates_at, self._clock.now()))
            return replace(key, state=State.ENABLED)

        await self._change(call, key_id, change)

    async def disable(self, call: Call, key_id: str) -> None:
        """Keep the key from sealing and opening."""

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_alive()
            return replace(key, state=State.DISABLED)

        await self._change(call, key_id, change)

    async def schedule_deletion(self, call: Call, key_id: str, days: int) -> Key:
        """Let the key go after some days, in which somebody may think again."""
        wait = timedelta(days=days)

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_alive()
            at = self._clock.now() + wait
            tx.schedule(DELETION, key.id, at)
            return replace(key, state=State.PENDING_DELETION, deleted_at=at)

        return await self._change(call, key_id, change, check=lambda: _check_wait(wait))

    async def cancel_deletion(self, call: Call, key_id: str) -> Key:
        """Keep the key after all; it is switched off until somebody switches it on."""

        def change(tx: Transaction, key: Key) -> Key:
            if key.state is not State.PENDING_DELETION:
                raise KMSInvalidStateException(f"{key.arn} is not pending deletion.")
            tx.unschedule(DELETION, key.id)
            return replace(key, state=State.DISABLED, deleted_at=None)

        return await self._change(call, key_id, change)

    async def rotate_every(self, call: Call, key_id: str, days: int | None) -> None:
        """Give the key other material every so many days; None ends that."""

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_usable()
            if days is None:
                tx.unschedule(ROTATION, key.id)
                return replace(key, rotates=False, rotates_at=None)
            at = self._clock.now() + timedelta(days=days)
            if key.rotates and key.period == days:
                return key
            tx.schedule(ROTATION, key.id, at)
            return replace(key, rotates=True, period=days, rotates_at=at)

        await self._change(call, key_id, change)

    async def rotate_now(self, call: Call, key_id: str) -> Key:
        """Give the key other material; what the older sealed, it still opens."""

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_usable()
            renewed = replace(key, material=key.material + 1)
            self._renew(tx, renewed, on_demand=True)
            return renewed

        return await self._change(call, key_id, change)

    async def rotations(self, call: Call, key_id: str, asked: PageRequest) -> Page[Rotation]:
        """When the key got other material."""
        key = await self.describe(call, key_id, aliases=False)
        look = partial(store.rotations, key=key.id, asked=asked)
        return await self._storage.read(key.scope, look)

    async def put_policy(self, call: Call, key_id: str, policy: str, *, careless: bool) -> None:
        """Let the key's policy be another one."""
        key = await self.describe(call, key_id, aliases=False)
        await _check_policy(call, replace(key, policy=policy), careless=careless)

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_alive()
            return replace(key, policy=policy)

        await self._change(call, key_id, change)

    async def tag(self, call: Call, key_id: str, tags: Mapping[str, str]) -> None:
        """Give the key these tags."""
        _check_tags(tags)

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_alive()
            if store.put_tags(tx, key.id, tags) > _MOST_TAGS:
                raise LimitExceededException(f"A key can have {_MOST_TAGS} tags and no more.")
            return key

        await self._change(call, key_id, change)

    async def untag(self, call: Call, key_id: str, tags: Sequence[str]) -> None:
        """Take these tags from the key."""

        def change(tx: Transaction, key: Key) -> Key:
            key.expect_alive()
            store.drop_tags(tx, key.id, tags)
            return key

        await self._change(call, key_id, change)

    async def create_alias(self, call: Call, alias: str, key_id: str) -> None:
        """Name a key by an alias that there is not yet."""
        key = await self._key_of_alias(call, new_alias(alias), key_id)
        now = self._clock.now()

        def make(tx: Transaction) -> None:
            self._again(tx, call, key.id).expect_alive()
            if store.alias(tx, alias) is not None:
                arn = alias_arn(call.scope, alias)
                raise AlreadyExistsException(f"An alias with the name {arn} already exists")
            store.keep_alias(tx, Alias(alias, key.id, now, now))

        await self._write(call.scope, make)

    async def update_alias(self, call: Call, alias: str, key_id: str) -> None:
        """Let an alias name another key; whose it was must be allowed as well."""
        key = await self._key_of_alias(call, new_alias(alias), key_id)
        await self._allow_named(call, alias)

        def change(tx: Transaction) -> None:
            self._again(tx, call, key.id).expect_alive()
            kept = store.alias(tx, alias)
            if kept is None:
                raise Name(alias, call.scope, alias=alias).missing()
            store.keep_alias(tx, replace(kept, key=key.id, updated=self._clock.now()))

        await self._write(call.scope, change)

    async def delete_alias(self, call: Call, alias: str) -> None:
        """Forget an alias; the key stays."""
        await call.allow(alias_arn(call.scope, new_alias(alias)))
        await self._allow_named(call, alias)
        await self._write(call.scope, partial(store.remove_alias, name=alias))

    async def aliases(self, call: Call, key_id: str | None, asked: PageRequest) -> Page[Alias]:
        """Some aliases, of one key or of the whole account."""
        await call.allow()
        id_ = named(key_id, call.scope, aliases=False).id if key_id else None
        look = partial(store.aliases_listed, key=id_, asked=asked)
        return await self._storage.read(call.scope, look)

    async def remove_due(self, due: Due) -> None:
        """Let a key go whose days are over."""

        def remove(tx: Transaction) -> None:
            key = store.find(tx, Name(due.key, due.scope, id=due.key))
            if key is not None and key.state is State.PENDING_DELETION:
                store.remove(tx, key.id)
                tx.unschedule(ROTATION, key.id)
            tx.finish(due)

        await self._write(due.scope, remove)

    async def rotate_due(self, due: Due) -> None:
        """Give a key other material whose time has come; one that is off waits until it is on."""

        def rotate(tx: Transaction) -> None:
            key = store.find(tx, Name(due.key, due.scope, id=due.key))
            if key is None or key.rotates_at is None or key.state is not State.ENABLED:
                tx.finish(due)
                return
            at = self._clock.now() + timedelta(days=key.period)
            renewed = replace(key, material=key.material + 1, rotates_at=at)
            self._renew(tx, renewed, on_demand=False)
            store.change(tx, renewed)
            tx.schedule(ROTATION, key.id, at)

        await self._write(due.scope, rotate)

    async def _change(
        self,
        call: Call,
        key_id: str,
        change: Change,
        *,
        check: Callable[[], None] = lambda: None,
    ) -> Key:
        """Change a key of the caller's own account, if the caller may."""
        found = await self.describe(call, key_id, aliases=False)
        if found.scope.account != call.account:
            raise NotFoundException(f"{found.arn} belongs to another account.")
        check()

        def write(tx: Transaction) -> Key:
            changed = change(tx, self._again(tx, call, found.id))
            store.change(tx, changed)
            return changed

        return await self._write(call.scope, write)

    async def _write(self, scope: Scope, change: Callable[[Transaction], R]) -> R:
        """Change something, so that nobody in this process finds it as it was."""
        try:
            return await self._storage.write(scope, change)
        finally:
            self._finder.forget()

    def _again(self, tx: Transaction, call: Call, id_: str) -> Key:
        name = Name(id_, call.scope, id=id_)
        key = store.find(tx, name)
        if key is None:
            raise name.missing()
        return key

    def _renew(self, tx: Transaction, key: Key, *, on_demand: bool) -> None:
        sealed = self._materials.made(key.arn, key.material)
        now = self._clock.now()
        store.keep_material(tx, key.id, key.material, sealed, on_demand=on_demand, at=now)

    async def _key_of_alias(self, call: Call, alias: str, key_id: str) -> Key:
        await call.allow(alias_arn(call.scope, alias))
        key = await self.describe(call, key_id, aliases=False)
        if key.scope.account != call.account:
            raise NotFoundException(f"{key.arn} belongs to another account.")
        return key

    async def _allow_named(self, call: Call, alias: str) -> None:
        """Ask for the key that the alias names now; there has to be one."""
        name = Name(alias, call.scope, alias=alias)
        key = await self._storage.read(call.scope, partial(store.find, name=name))
        if key is None:
            raise name.missing()
        await allow(call, key, "")


async def _check_policy(call: Call, key: Key, *, careless: bool) -> None:
    """Refuse what is no key policy, and one that its author could not change again."""
    read_policy(key.policy)
    if careless:
        return
    try:
        await allow(call, key, "kms:PutKeyPolicy")
    except AccessDeniedException as fault:
        raise MalformedPolicyDocumentException(
            "The new key policy will not allow you to update the key policy in the future."
        ) from fault


def _check_wait(wait: timedelta) -> None:
    if not SHORTEST_WAIT <= wait <= LONGEST_WAIT:
        raise ValidationException(
            f"PendingWindowInDays is from {SHORTEST_WAIT.days} to {LONGEST_WAIT.days}."
        )


def _check_tags(tags: Mapping[str, str]) -> None:
    for tag in tags:
        if tag.lower().startswith("aws:"):
            raise TagException(f"The tag key {tag} begins with aws:, which is reserved.")
    if len(tags) > _MOST_TAGS:
        raise TagException(f"A key can have {_MOST_TAGS} tags and no more.")
