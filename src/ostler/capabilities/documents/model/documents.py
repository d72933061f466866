"""Documents: one version with everything known of it, and what a new one is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from ostler.capabilities.documents.model.names import DEFAULT, LATEST, arn_of
from ostler.grammar import documents as grammar


class Status(StrEnum):
    """How far a version is: it can be used once it is active."""

    CREATING = "Creating"
    UPDATING = "Updating"
    ACTIVE = "Active"
    FAILED = "Failed"


class ReviewStatus(StrEnum):
    """What reviewers think of a version."""

    NOT_REVIEWED = "NOT_REVIEWED"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A document that another one needs."""

    name: str
    version: str | None = None
    require_type: str | None = None
    version_name: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a version; `key` is where its bytes lie."""

    name: str
    size: int
    sha256: str
    key: str


@dataclass(frozen=True, slots=True)
class DeclaredParameter:
    """What people are told of a parameter: its default as text, None when it must be given."""

    name: str
    kind: str
    description: str | None = None
    default: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentHead:
    """A document, whatever its versions say."""

    name: str
    type: str
    default_version: int
    latest_version: int
    last_number: int
    """The number last given to a version; numbers are not used again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDescription:
    """Everything known of one version but its content."""

    name: str
    owner: str
    region: str
    type: str
    version: str
    default_version: str
    latest_version: str
    format: str
    hash: str
    created: datetime
    status: Status = Status.ACTIVE
    status_information: str = ""
    version_name: str | None = None
    display_name: str | None = None
    target_type: str | None = None
    schema_version: str = ""
    description: str | None = None
    parameters: Sequence[DeclaredParameter] = ()
    platform_types: Sequence[str] = ()
    requires: Sequence[Requirement] = ()
    attachments: Sequence[Attachment] = ()
    author: str | None = None
    review_status: ReviewStatus = ReviewStatus.NOT_REVIEWED

    @property
    def arn(self) -> str:
        return arn_of(self.name, self.region, self.owner)

    @property
    def is_default(self) -> bool:
        return self.version == self.default_version


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentVersion(DocumentDescription):
    """One version, content and all."""

    content: str

    @property
    def document(self) -> grammar.Document:
        """The content, understood; for documents of type Command."""
        return _parsed(self.content, self.format)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which version of a document is meant, by number or variable, by name, or both."""

    version: str | None = None
    version_name: str | None = None

    @property
    def is_default(self) -> bool:
        return self.version in (None, DEFAULT) and self.version_name is None

    @property
    def is_latest(self) -> bool:
        return self.version == LATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOrder:
    """What somebody wants a new document, or a new version of one, to be."""

    name: str
    content: str
    type: str = "Command"
    format: str = "JSON"
    version_name: str | None = None
    display_name: str | None = None
    target_type: str | None = None
    requires: Sequence[Requirement] = ()
    attachments: Sequence["AttachmentSource"] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttachmentSource:
    """Where an attachment is to be had: `kind` is SourceUrl, S3FileUrl or AttachmentReference."""

    kind: str
    value: str
    name: str | None = None


@lru_cache(maxsize=256)
def _parsed(content: str, format: str) -> grammar.Document:  # noqa: A002 - AWS's word
    return grammar.parse(content, format)
