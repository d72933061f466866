"""Authoring: new documents, new versions, which one is the default, and the end of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import msgspec

from ostler.capabilities.documents.errors import (
    AssociatedInstances,
    DocumentAlreadyExists,
    DocumentLimitExceeded,
    DocumentVersionLimitExceeded,
    DuplicateDocumentContent,
    DuplicateDocumentVersionName,
    InvalidDocument,
    InvalidDocumentOperation,
    InvalidDocumentSchemaVersion,
    InvalidDocumentVersion,
)
from ostler.capabilities.documents.events import DocumentChanged, DocumentDeleted
from ostler.capabilities.documents.model.contents import Contents, contents_of, hash_of
from ostler.capabilities.documents.model.documents import (
    DocumentHead,
    DocumentOrder,
    DocumentVersion,
    Selection,
    Status,
)
from ostler.capabilities.documents.model.names import LATEST, is_reserved
from ostler.capabilities.documents.service.attachments import Attachments, Fetch
from ostler.capabilities.documents.service.lookup import RESOURCE
from ostler.capabilities.documents.store import documents as store
from ostler.capabilities.documents.store import sharing as share_store
from ostler.capabilities.tags import Tags, check_tags, most, request_context
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ValidationException
from ostler.foundation.storage import Storage, Transaction

ATTACH = "documents.attach"
"""The timer that brings a version's attachments."""
DISCARD = "documents.discard"
"""The timer that forgets the attachments of what was deleted."""


class DocumentUses(Protocol):
    """Knows whether something that must not lose its document uses one."""

    def uses(self, tx: Transaction, name: str) -> bool: ...


class NoUses:
    """Nothing uses documents for longer than a moment."""

    def uses(self, tx: Transaction, name: str) -> bool:
        return False


class Authoring:
    """What the owner does with documents."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        tags: Tags,
        attachments: Attachments,
        uses: DocumentUses,
        *,
        most_documents: int = 500,
        most_versions: int = 1000,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._tags = tags
        self._attachments = attachments
        self._uses = uses
        self._most_documents = most_documents
        self._most_versions = most_versions

    async def create(self, call: Call, order: DocumentOrder) -> DocumentVersion:
        """The first version of a new document."""
        arn = call.arn("document", order.name)
        await call.allow(arn, context=request_context(order.tags) if order.tags else None)
        if order.tags:
            await call.allow(
                arn, action="ssm:AddTagsToResource", context=request_context(order.tags)
            )
            _check_tags(order)
        if is_reserved(order.name):
            raise ValidationException(
                f"{order.name} begins with a prefix that is reserved: aws, amazon, amzn."
            )
        contents = contents_of(order.content, order.type, order.format)
        plan = await self._attachments.plan(call, order.attachments, contents.checksums)
        head = DocumentHead(order.name, order.type, 1, 1, 1)
        version = self._version(call, order, contents, head, Status.CREATING if plan else None)

        def add(tx: Transaction) -> None:
            if store.exists(tx, order.name):
                raise DocumentAlreadyExists(f"Document with same name {order.name} already exists")
            if store.count(tx) >= self._most_documents:
                raise DocumentLimitExceeded(
                    f"The account has {self._most_documents} documents, as many as it may."
                )
            store.add(tx, head)
            store.add_version(tx, version)
            self._tags.put(tx, RESOURCE, order.name, order.tags)
            self._schedule(tx, version, plan)
            _tell(tx, head)

        await self._storage.write(call.scope, add)
        return version

    async def update(
        self, call: Call, order: DocumentOrder, based_on: str | None
    ) -> DocumentVersion:
        """A new version after the latest, which `based_on` must be if it is given."""
        await call.allow(call.arn("document", order.name))
        known = await self._storage.read(call.scope, lambda tx: _head(tx, order.name))
        contents = contents_of(order.content, known.type, order.format)
        plan = await self._attachments.plan(call, order.attachments, contents.checksums)

        def add(tx: Transaction) -> DocumentVersion:
            head = _head(tx, order.name)
            if head.type != known.type:
                raise InvalidDocument(f"Document {order.name} was replaced by another one.")
            if based_on not in (None, LATEST, str(head.latest_version)):
                raise _no_version()
            latest = store.read(tx, head, Selection(LATEST))
            assert latest is not None
            _check_updatable(contents.schema_version, contents.updatable)
            _check_updatable(latest.schema_version, not latest.schema_version.startswith("1."))
            self._check_new(tx, order)
            number = head.last_number + 1
            newer = replace(head, latest_version=number, last_number=number)
            version = replace(
                self._version(call, order, contents, newer, Status.UPDATING if plan else None),
                type=head.type,
                display_name=order.display_name or latest.display_name,
                target_type=order.target_type or latest.target_type,
                requires=order.requires or latest.requires,
            )
            store.add_version(tx, version)
            store.change(tx, order.name, latest_version=number, last_number=number)
            self._schedule(tx, version, plan)
            _tell(tx, newer)
            return version

        return await self._storage.write(call.scope, add)

    async def set_default(self, call: Call, name: str, version: str) -> DocumentVersion:
        """Let this version be the one that is meant when none is named."""
        await call.allow(call.arn("document", name))

        def change(tx: Transaction) -> DocumentVersion:
            head = _head(tx, name)
            chosen = store.read(tx, head, Selection(version))
            if chosen is None or chosen.status is not Status.ACTIVE:
                raise _no_version()
            number = int(chosen.version)
            store.change(tx, name, default_version=number)
            _tell(tx, replace(head, default_version=number))
            return chosen

        return await self._storage.write(call.scope, change)

    async def delete(self, call: Call, name: str, selection: Selection) -> None:
        """Forget one version, or the document where none is named."""
        await call.allow(call.arn("document", name))
        whole = selection == Selection()

        def forget(tx: Transaction) -> None:
            head = _head(tx, name)
            if whole:
                self._forget(tx, name)
            else:
                self._forget_version(tx, head, selection)

        await self._storage.write(call.scope, forget)

    def _forget(self, tx: Transaction, name: str) -> None:
        if share_store.is_shared(tx, name):
            raise InvalidDocumentOperation("Must unshare document first before delete")
        if self._uses.uses(tx, name):
            raise AssociatedInstances
        self._discard(tx, store.attachment_keys(tx, name))
        store.remove(tx, name)
        self._tags.drop(tx, RESOURCE, name)
        tx.tell(DocumentDeleted(name=name))

    def _forget_version(self, tx: Transaction, head: DocumentHead, selection: Selection) -> None:
        version = store.read(tx, head, selection)
        if version is None:
            # DeleteDocument has no InvalidDocumentVersion among its errors.
            raise InvalidDocument(f"That version of document {head.name} does not exist.")
        if version.is_default:
            raise InvalidDocumentOperation("Default version of the document can't be deleted.")
        number = int(version.version)
        self._discard(tx, store.attachment_keys(tx, head.name, number))
        store.remove_version(tx, head.name, number)
        left = store.find(tx, head.name)
        assert left is not None
        _tell(tx, left)

    def _check_new(self, tx: Transaction, order: DocumentOrder) -> None:
        if store.count_versions(tx, order.name) >= self._most_versions:
            raise DocumentVersionLimitExceeded(
                f"The document has {self._most_versions} versions, as many as it may."
            )
        if store.has_content(tx, order.name, hash_of(order.content)):
            raise DuplicateDocumentContent(
                "The content of the document is that of one of its versions. Change the content "
                "of the document and try again."
            )
        if order.version_name is not None and store.has_version_name(
            tx, order.name, order.version_name
        ):
            raise DuplicateDocumentVersionName(
                "The version name has already been used in this document. Specify a different "
                "version name, and then try again."
            )

    def _version(
        self,
        call: Call,
        order: DocumentOrder,
        contents: Contents,
        head: DocumentHead,
        status: Status | None,
    ) -> DocumentVersion:
        return DocumentVersion(
            name=order.name,
            owner=call.account,
            region=call.region,
            type=order.type,
            version=str(head.latest_version),
            default_version=str(head.default_version),
            latest_version=str(head.latest_version),
            format=order.format,
            hash=hash_of(order.content),
            created=self._clock.now(),
            status=status or Status.ACTIVE,
            version_name=order.version_name,
            display_name=order.display_name,
            target_type=order.target_type,
            schema_version=contents.schema_version,
            description=contents.description,
            parameters=contents.parameters,
            platform_types=contents.platform_types,
            requires=order.requires,
            author=author_of(call),
            content=order.content,
        )

    def _schedule(self, tx: Transaction, version: DocumentVersion, plan: Sequence[Fetch]) -> None:
        if plan:
            fetches = msgspec.to_builtins(plan)
            payload = {
                "name": version.name,
                "version": version.version,
                "born": version.created.isoformat(),
                "fetches": fetches,
            }
            tx.schedule(ATTACH, f"{version.name}/{version.version}", self._clock.now(), payload)

    def _discard(self, tx: Transaction, keys: Sequence[str]) -> None:
        if keys:
            tx.schedule(DISCARD, keys[0], self._clock.now(), {"keys": list(keys)})


def author_of(call: Call) -> str:
    """The last word of the caller's ARN: a user's name, or a session's."""
    return call.caller.arn.rpartition("/")[2].rpartition(":")[2]


def _head(tx: Transaction, name: str) -> DocumentHead:
    head = store.find(tx, name)
    if head is None:
        raise InvalidDocument(f"Document with name {name} does not exist.")
    return head


def _no_version() -> InvalidDocumentVersion:
    return InvalidDocumentVersion("The document version is not valid or does not exist.")


def _check_tags(order: DocumentOrder) -> None:
    check_tags(order.tags)
    if len(order.tags) > most(RESOURCE):
        raise ValidationException(f"A document carries {most(RESOURCE)} tags at most.")


def _check_updatable(schema_version: str, updatable: bool) -> None:
    if not updatable:
        raise InvalidDocumentSchemaVersion(
            f"Documents with schema version {schema_version} have one version only; "
            "create a new document."
        )


def _tell(tx: Transaction, head: DocumentHead) -> None:
    tx.tell(
        DocumentChanged(
            name=head.name,
            default_version=str(head.default_version),
            latest_version=str(head.latest_version),
        )
    )
