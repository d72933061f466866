"""Documents: what commands and sessions do, in versions, shared and reviewed."""

from ostler.capabilities.documents.capability import build
from ostler.capabilities.documents.errors import (
    InvalidDocument,
    InvalidDocumentVersion,
)
from ostler.capabilities.documents.model.documents import (
    Attachment,
    DocumentDescription,
    DocumentVersion,
    Selection,
    Status,
)
from ostler.capabilities.documents.model.names import AMAZON, DEFAULT, LATEST, arn_of
from ostler.capabilities.documents.service.attachments import (
    AttachmentLinks,
    AttachmentSources,
    Unfetched,
)
from ostler.capabilities.documents.service.authoring import DocumentUses
from ostler.capabilities.documents.service.lookup import Documents

__all__ = [
    "AMAZON",
    "DEFAULT",
    "LATEST",
    "Attachment",
    "AttachmentLinks",
    "AttachmentSources",
    "DocumentDescription",
    "DocumentUses",
    "DocumentVersion",
    "Documents",
    "InvalidDocument",
    "InvalidDocumentVersion",
    "Selection",
    "Status",
    "Unfetched",
    "arn_of",
    "build",
]
