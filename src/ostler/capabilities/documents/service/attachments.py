"""Attachments: where the files of a version come from, and how they are had again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ostler.capabilities.documents.errors import InvalidDocument, InvalidDocumentVersion
from ostler.capabilities.documents.model.documents import AttachmentSource, Selection
from ostler.capabilities.documents.service.lookup import Documents
from ostler.foundation.call import Call
from ostler.foundation.errors import NotYetImplemented, ValidationException
from ostler.foundation.ids import Ids
from ostler.foundation.storage import Scope

LARGEST = 256 * 1024 * 1024
"""The most bytes of one attachment."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")


class Unfetched(Exception):
    """A source could not be read; trying again is of no use where it is `lasting`."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.message = message
        self.lasting = lasting


class AttachmentSources(Protocol):
    """Reads what lies at a URL."""

    def serves(self, url: str) -> bool:
        """Whether URLs of this kind can be read at all."""
        ...

    async def allow(self, call: Call, url: str) -> None:
        """Raise an ApiError unless the caller may have read what lies at `url`."""
        ...

    async def fetch(self, scope: Scope, url: str, most: int) -> bytes:
        """What lies there, if that is not more than `most` bytes; Unfetched otherwise."""
        ...


class AttachmentLinks(Protocol):
    """Makes URLs under which whoever has one gets a blob, for a while."""

    def link(self, call: Call, key: str, name: str) -> str: ...


class NoLinks:
    """Nobody serves blobs by URL."""

    def link(self, call: Call, key: str, name: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One file to be brought: from a URL, or from a blob; `key` is where it will lie."""

    name: str
    key: str
    url: str = ""
    blob: str = ""
    sha256: str = ""


class Attachments:
    """Plans how the attachments of a new version are brought."""

    def __init__(
        self, documents: Documents, ids: Ids, sources: Sequence[AttachmentSources]
    ) -> None:
        self._documents = documents
        self._ids = ids
        self._sources = sources

    async def plan(
        self, call: Call, given: Sequence[AttachmentSource], checksums: Mapping[str, str]
    ) -> Sequence[Fetch]:
        """What is to be fetched; ValidationException when that is not clear."""
        folder = f"documents/{call.account}/{call.region}/{self._ids.uuid()}"
        found: dict[str, Fetch] = {}
        for source in given:
            for name, place in await self._places(call, source, checksums):
                if not _NAME.fullmatch(name):
                    raise ValidationException(f"{name!r} is not a name for an attachment.")
                if name in found:
                    raise ValidationException(f"The attachment {name} is given twice.")
                found[name] = Fetch(
                    name, f"{folder}/{name}", sha256=checksums.get(name, ""), **place
                )
        return list(found.values())

    async def _places(
        self, call: Call, source: AttachmentSource, checksums: Mapping[str, str]
    ) -> Sequence[tuple[str, Mapping[str, Any]]]:
        if source.kind == "AttachmentReference":
            return [await self._referred(call, source)]
        if not any(each.serves(source.value) for each in self._sources):
            raise NotYetImplemented(
                f"Attachments cannot be fetched from {source.value}: what can be read is https "
                "and s3."
            )
        base = source.value.rstrip("/")
        if source.kind == "S3FileUrl":
            await self._allow(call, source.value)
            return [(source.name or base.rpartition("/")[2], {"url": source.value})]
        names = [source.name] if source.name else list(checksums)
        if not names:
            raise ValidationException(
                "A SourceUrl is a folder: name the attachment in it, or use S3FileUrl."
            )
        for name in names:
            await self._allow(call, f"{base}/{name}")
        return [(name, {"url": f"{base}/{name}"}) for name in names]

    async def _allow(self, call: Call, url: str) -> None:
        source = next(each for each in self._sources if each.serves(url))
        await source.allow(call, url)

    async def _referred(
        self, call: Call, source: AttachmentSource
    ) -> tuple[str, Mapping[str, Any]]:
        document, _, rest = source.value.partition("/")
        if document.startswith("arn:"):
            name, _, rest = rest.partition("/")
            document = f"{document}/{name}"
        version, _, file = rest.partition("/")
        if not file:
            raise ValidationException(
                f"{source.value} is not a document, a version of it, and a file: NAME/3/FILE."
            )
        try:
            found = await self._documents.get(
                call, document, Selection(version), action="ssm:GetDocument"
            )
        except (InvalidDocument, InvalidDocumentVersion) as fault:
            # Neither is among the errors that CreateDocument declares.
            raise ValidationException(f"{source.value}: {fault.message}") from None
        for attachment in found.attachments:
            if attachment.name == file:
                return source.name or file, {"blob": attachment.key}
        raise ValidationException(f"Version {version} of {document} has no attachment {file}.")
