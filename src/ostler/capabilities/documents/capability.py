"""How the capability is put together."""

from collections.abc import Sequence

from ostler.capabilities.buckets import Storeroom
from ostler.capabilities.documents.jobs import Porter
from ostler.capabilities.documents.migrations import MIGRATIONS
from ostler.capabilities.documents.operations import Operations
from ostler.capabilities.documents.service.attachments import (
    AttachmentLinks,
    Attachments,
    AttachmentSources,
    NoLinks,
)
from ostler.capabilities.documents.service.authoring import (
    ATTACH,
    DISCARD,
    Authoring,
    DocumentUses,
    NoUses,
)
from ostler.capabilities.documents.service.listing import Listing
from ostler.capabilities.documents.service.lookup import RESOURCE, Documents
from ostler.capabilities.documents.service.packages import Packages
from ostler.capabilities.documents.service.reviews import Reviews
from ostler.capabilities.documents.service.sharing import Sharing
from ostler.capabilities.documents.service.sources import Web
from ostler.capabilities.documents.service.stored import InBuckets
from ostler.capabilities.documents.store import documents as store
from ostler.capabilities.settings import ServiceSettings
from ostler.capabilities.tags import Tags
from ostler.foundation.capability import Capability, Foundation, Taggable


def build(
    foundation: Foundation,
    *,
    tags: Tags,
    settings: ServiceSettings,
    uses: DocumentUses | None = None,
    links: AttachmentLinks | None = None,
    buckets: Storeroom | None = None,
    sources: Sequence[AttachmentSources] = (),
    trusted_hosts: Sequence[str] = (),
) -> Capability:
    """Put documents together.

    `sources` are tried before `buckets` and the web; `trusted_hosts` are patterns of hosts with
    private addresses from which attachments may be fetched.
    """
    storage, clock = foundation.storage, foundation.clock
    web = Web(trusted_hosts)
    stored = [InBuckets(buckets, web)] if buckets is not None else []
    everywhere = [*sources, *stored, web]
    documents = Documents(storage, tags)
    attachments = Attachments(documents, foundation.ids, everywhere)
    porter = Porter(storage, foundation.blobs, clock, everywhere)
    operations = Operations(
        documents,
        Listing(storage, tags),
        Authoring(storage, clock, tags, attachments, uses or NoUses()),
        Sharing(storage, settings),
        Reviews(storage, clock),
        links or NoLinks(),
        Packages(storage),
    )
    return Capability(
        name="documents",
        service=documents,
        operations=[operations],
        jobs=[(ATTACH, porter.attach), (DISCARD, porter.discard)],
        taggables=[
            Taggable(RESOURCE, "document", store.exists),
        ],
        migrations=MIGRATIONS,
    )
