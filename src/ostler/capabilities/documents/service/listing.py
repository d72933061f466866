"""Listing: the documents that somebody can use, whoever's they are, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ostler.capabilities.documents import library
from ostler.capabilities.documents.model.documents import DocumentDescription
from ostler.capabilities.documents.model.filters import Wanted
from ostler.capabilities.documents.model.names import AMAZON
from ostler.capabilities.documents.service.lookup import RESOURCE
from ostler.capabilities.documents.store import listing as store
from ostler.capabilities.documents.store.sharing import Guest
from ostler.capabilities.tags import Tags
from ostler.foundation.call import Call
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction

_NAMED, _SHARED = 0, 1


@dataclass(frozen=True, slots=True)
class Listed:
    """A document in a list, with its tags."""

    description: DocumentDescription
    tags: Mapping[str, str]


class Listing:
    """Lists documents: first those that have a name here, then others' by their ARN."""

    def __init__(self, storage: Storage, tags: Tags) -> None:
        self._storage = storage
        self._tags = tags

    async def list(self, call: Call, wanted: Wanted, asked: PageRequest) -> Page[Listed]:
        """The documents that are wanted, each as its default version shows it."""
        await call.allow()
        segment, owner, name = asked.after or (_NAMED, "", "")
        found: list[Listed] = []
        if segment == _NAMED:
            found += await self._named(call, wanted, name or None, asked.limit + 1)
        if len(found) <= asked.limit and wanted.sources & {"private", "public"}:
            last = (owner, name) if segment == _SHARED else None
            found += await self._shared(call, wanted, last, asked.limit + 1 - len(found))
        return Page.cut(found, asked.limit, lambda listed: _key(call, listed.description))

    async def _named(
        self, call: Call, wanted: Wanted, after: str | None, limit: int
    ) -> Sequence[Listed]:
        found: list[Listed] = []
        if "own" in wanted.sources:

            def look(tx: Transaction) -> list[Listed]:
                carriers = [
                    self._tags.having(tx, RESOURCE, key, values or None)
                    for key, values in wanted.tags
                ]
                own = store.own(tx, wanted, carriers, after, limit)
                tags = self._tags.of_many(tx, RESOURCE, [each.name for each in own])
                return [Listed(each, tags.get(each.name, {})) for each in own]

            found += await self._storage.read(call.scope, look)
        if "shipped" in wanted.sources:
            found += [
                Listed(replace(each, region=call.region), {})
                for each in library.shipped().values()
                if wanted.fits(each) and (after is None or each.name > after)
            ]
        return sorted(found, key=lambda listed: listed.description.name)[:limit]

    async def _shared(
        self, call: Call, wanted: Wanted, after: tuple[str, str] | None, limit: int
    ) -> Sequence[Listed]:
        guest = Guest(
            call.account,
            call.region,
            private="private" in wanted.sources,
            public="public" in wanted.sources,
        )

        def look(tx: Transaction) -> list[Listed]:
            return [Listed(each, {}) for each in store.shared(tx, guest, wanted, after, limit)]

        return await self._storage.read(None, look)


def _key(call: Call, description: DocumentDescription) -> tuple[Any, ...]:
    if description.owner in (call.account, AMAZON):
        return (_NAMED, "", description.name)
    return (_SHARED, description.owner, description.name)
