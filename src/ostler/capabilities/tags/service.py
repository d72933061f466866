"""Tags: add, remove, list, and what other capabilities and policies ask of them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from ostler.capabilities.tags import store
from ostler.capabilities.tags.errors import (
    InvalidResourceId,
    InvalidResourceType,
    TooManyTagsError,
)
from ostler.capabilities.tags.events import TagsChanged, tag_change
from ostler.capabilities.tags.model import check_tags, most, request_context, resource_id
from ostler.foundation.call import Call
from ostler.foundation.capability import Taggable
from ostler.foundation.storage import Scope, Storage, Transaction


class Tags:
    """The tags of every resource of the house."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._kinds: dict[str, Taggable] = {}

    def serve(self, taggables: Iterable[Taggable]) -> None:
        """Let these kinds of resources carry tags; said once, when the house is put together."""
        self._kinds.update({taggable.kind: taggable for taggable in taggables})

    async def add(self, call: Call, kind: str, resource: str, tags: Mapping[str, str]) -> None:
        """Give the resource these tags; a key it carries already takes the new value."""
        taggable = await self._allowed(call, kind, resource, context=request_context(tags))

        def change(tx: Transaction) -> None:
            _expect(tx, taggable, resource)
            self.put(tx, kind, resource, tags)

        await self._storage.write(call.scope, change)

    async def remove(self, call: Call, kind: str, resource: str, keys: Sequence[str]) -> None:
        """Take these keys from the resource; keys it does not carry are no error."""
        taggable = await self._allowed(
            call, kind, resource, context={"aws:TagKeys": sorted(keys)} if keys else {}
        )

        def change(tx: Transaction) -> None:
            _expect(tx, taggable, resource)
            store.remove(tx, kind, resource_id(resource), keys)
            self._tell(tx, kind, resource_id(resource), keys)

        await self._storage.write(call.scope, change)

    async def list(self, call: Call, kind: str, resource: str) -> Mapping[str, str]:
        """The resource's tags, in the order of their keys."""
        taggable = await self._allowed(call, kind, resource)

        def look(tx: Transaction) -> Mapping[str, str]:
            _expect(tx, taggable, resource)
            return self.of(tx, kind, resource)

        return await self._storage.read(call.scope, look)

    def of(self, tx: Transaction, kind: str, resource: str) -> Mapping[str, str]:
        """The resource's tags, for whoever is in a transaction already."""
        return store.of(tx, kind, resource_id(resource))

    def of_many(
        self, tx: Transaction, kind: str, resources: Sequence[str]
    ) -> Mapping[str, Mapping[str, str]]:
        """The tags of some resources, by their ids (without a leading slash)."""
        return store.of_many(tx, kind, [resource_id(resource) for resource in resources])

    def put(self, tx: Transaction, kind: str, resource: str, tags: Mapping[str, str]) -> None:
        """Give a resource these tags, within the limits; who may was asked before."""
        if not tags:
            return
        check_tags(tags)
        store.write(tx, kind, resource_id(resource), tags)
        if store.count(tx, kind, resource_id(resource)) > most(kind):
            raise TooManyTagsError
        self._tell(tx, kind, resource_id(resource), tags)

    def drop(self, tx: Transaction, kind: str, resource: str) -> None:
        """Forget the tags of a resource that is no more."""
        store.drop(tx, kind, resource_id(resource))

    def having(
        self, tx: Transaction, kind: str, key: str, values: Sequence[str] | None = None
    ) -> Sequence[str]:
        """The ids that carry `key`, with one of `values` if there are any."""
        return store.found(tx, self.carriers(kind, [key], values))

    def carriers(
        self, kind: str, keys: Sequence[str], values: Sequence[str] | None = None
    ) -> store.Ids:
        """The same as a query, for a store to put into its own: `table.c.id.in_(carriers)`."""
        return store.carriers(kind, keys, values)

    def named(self, scope: Scope, arn: str) -> tuple[str, str] | None:
        """Which of the scope's resources the ARN names, as kind and id."""
        parts = arn.split(":", 5)
        if len(parts) < 6 or parts[3:5] != [scope.region, scope.account]:
            return None
        arn_kind, _, resource = parts[5].partition("/")
        for taggable in self._kinds.values():
            if taggable.arn_kind == arn_kind and resource:
                return taggable.kind, resource
        return None

    def _tell(self, tx: Transaction, kind: str, resource: str, changed: Iterable[str]) -> None:
        tx.tell(TagsChanged(kind=kind, id=resource))
        taggable, scope = self._kinds.get(kind), tx.scope
        if taggable is None or scope is None:
            return
        arn = f"arn:aws:ssm:{scope.region}:{scope.account}:{taggable.arn_kind}/{resource}"
        tx.tell(tag_change(arn, taggable.arn_kind, changed, store.of(tx, kind, resource)))

    async def _allowed(
        self,
        call: Call,
        kind: str,
        resource: str,
        *,
        context: Mapping[str, Sequence[str]] | None = None,
    ) -> Taggable:
        taggable = self._kinds.get(kind)
        if taggable is None:
            await call.allow()
            raise InvalidResourceType
        await call.allow(call.arn(taggable.arn_kind, resource), context=context)
        return taggable


class TagsByArn:
    """The tags that policies speak of as aws:ResourceTag/ and ssm:resourceTag/."""

    def __init__(self, storage: Storage, tags: Tags) -> None:
        self._storage = storage
        self._tags = tags

    async def of(self, scope: Scope, arn: str) -> Mapping[str, str]:
        """The tags of the resource; none where it is another account's, or of no such kind."""
        named = self._tags.named(scope, arn)
        if named is None:
            return {}
        kind, resource = named
        return await self._storage.read(scope, partial(self._tags.of, kind=kind, resource=resource))


def _expect(tx: Transaction, taggable: Taggable, resource: str) -> None:
    if not taggable.exists(tx, resource):
        raise InvalidResourceId
