"""Looking up: which version of which document is meant, and whether the caller may use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ostler.capabilities.documents import library
from ostler.capabilities.documents.errors import InvalidDocument, InvalidDocumentVersion
from ostler.capabilities.documents.model.contents import hash_of
from ostler.capabilities.documents.model.documents import (
    DocumentDescription,
    DocumentVersion,
    ReviewStatus,
    Selection,
    Status,
)
from ostler.capabilities.documents.model.names import (
    AMAZON,
    DEFAULT,
    Reference,
    arn_of,
    reference_of,
)
from ostler.capabilities.documents.model.reviews import Review
from ostler.capabilities.documents.model.sharing import best_of
from ostler.capabilities.documents.store import documents as store
from ostler.capabilities.documents.store import reviews as review_store
from ostler.capabilities.documents.store import sharing as share_store
from ostler.capabilities.tags import Tags
from ostler.foundation.call import Call
from ostler.foundation.ids import AccountId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Storage, Transaction

RESOURCE = "Document"
"""What AWS calls documents where tags are concerned."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is to be looked for."""

    name: str
    region: str
    owner: str

    @property
    def arn(self) -> str:
        return arn_of(self.name, self.region, self.owner)


@dataclass(frozen=True, slots=True)
class Portrait:
    """A version, and what its owner is told besides: tags, and how its reviews stand."""

    description: DocumentDescription
    tags: Mapping[str, str]
    reviews: Sequence[Review] = ()
    approved: int | None = None
    pending: int | None = None


class Documents:
    """The documents that a caller can use: its own, shared ones, and those of the house."""

    def __init__(self, storage: Storage, tags: Tags) -> None:
        self._storage = storage
        self._tags = tags

    async def resolve(
        self,
        call: Call,
        name: str,
        version: str | None = DEFAULT,
        *,
        hash: str | None = None,  # noqa: A002 - AWS's word
        hash_type: str | None = None,
    ) -> DocumentVersion:
        """The version to be run, if the caller may and it is what `hash` says."""
        found = await self.get(call, name, Selection(version or DEFAULT))
        if found.status is not Status.ACTIVE:
            raise InvalidDocument(f"Document {name} is not active: it is {found.status}.")
        if hash is not None and hash.lower() != hash_of(found.content, hash_type or "Sha256"):
            raise InvalidDocument(f"The content of document {name} does not have the given hash.")
        return found

    async def get(
        self, call: Call, name: str, selection: Selection, *, action: str = ""
    ) -> DocumentVersion:
        """The version that is selected; allowed first, missing second.

        `action` is what the caller must be allowed to do, by default what it is doing.
        """
        place = await self._allowed(call, name, action)
        return await self._read(call, name, place, selection)

    async def describe(self, call: Call, name: str, selection: Selection) -> Portrait:
        """The version that is selected, and what is known around it."""
        place = await self._allowed(call, name)
        version = await self._read(call, name, place, selection)
        if version.owner != call.account:
            return Portrait(version, {})

        def look(tx: Transaction) -> Portrait:
            return Portrait(
                version,
                self._tags.of(tx, RESOURCE, version.name),
                review_store.of(tx, version.name, int(version.version)),
                store.reviewed(tx, version.name, ReviewStatus.APPROVED),
                store.reviewed(tx, version.name, ReviewStatus.PENDING),
            )

        return await self._storage.read(call.scope, look)

    async def versions(
        self, call: Call, name: str, asked: PageRequest
    ) -> Page[DocumentDescription]:
        """The versions of a document, the newest first; guests see the one that is shared."""
        place = await self._allowed(call, name)
        if place.owner != call.account:
            return Page([await self._read(call, name, place, Selection())])
        before = asked.after[0] if asked.after else None

        def look(tx: Transaction) -> Sequence[DocumentDescription]:
            if not store.exists(tx, place.name):
                raise _missing(name)
            return store.versions_before(tx, place.name, before, asked.limit + 1)

        found = await self._storage.read(call.scope, look)
        return Page.cut(found, asked.limit, lambda version: (int(version.version),))

    async def _allowed(self, call: Call, name: str, action: str = "") -> Place:
        """Where the document would be; AccessDeniedException unless the caller may look there."""
        reference = reference_of(name)
        if reference is None:
            await call.allow(call.arn("document", name), action=action)
            raise _missing(name)
        place = _place(call, reference)
        await call.allow(place.arn, action=action)
        return place

    async def _read(
        self, call: Call, given: str, place: Place, selection: Selection
    ) -> DocumentVersion:
        if place.region != call.region:
            raise _missing(given)
        if place.owner == AMAZON:
            return self._shipped(given, place, selection)
        scope = Scope(AccountId(place.owner), call.region)
        look = partial(self._look, given=given, name=place.name, selection=selection)
        if place.owner != call.account:
            look = partial(look, guest=call.account)
        return await self._storage.read(scope, look)

    def _shipped(self, given: str, place: Place, selection: Selection) -> DocumentVersion:
        found = library.find(place.name)
        if found is None:
            raise _missing(given)
        if selection.version_name is not None or not (
            selection.is_default or selection.is_latest or selection.version == found.version
        ):
            raise _no_version()
        return replace(found, region=place.region)

    def _look(
        self,
        tx: Transaction,
        given: str,
        name: str,
        selection: Selection,
        guest: AccountId | None = None,
    ) -> DocumentVersion:
        head = store.find(tx, name)
        if head is None:
            raise _missing(given)
        if guest is not None:
            share = best_of(share_store.for_guest(tx, name, guest))
            if share is None:
                raise _missing(given)
            opened = share.opens(selection)
            if opened is None:
                raise _no_version()
            selection = opened
        found = store.read(tx, head, selection)
        if found is None:
            raise _no_version()
        return found


def _place(call: Call, reference: Reference) -> Place:
    if reference.owner is None:
        owner = AMAZON if library.find(reference.name) else call.account
        return Place(reference.name, call.region, owner)
    return Place(reference.name, reference.region or call.region, reference.owner or AMAZON)


def _missing(given: str) -> InvalidDocument:
    # Newer AWS says "No matching value was found for Name."; clients of 2023 to 2025 look for
    # these older words to learn that a document is gone (terraform-provider-aws 42125, 42127).
    return InvalidDocument(f"Document with name {given} does not exist.")


def _no_version() -> InvalidDocumentVersion:
    return InvalidDocumentVersion("The document version is not valid or does not exist.")
