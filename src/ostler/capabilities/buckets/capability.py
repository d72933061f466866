"""How buckets are put together."""

from ostler.capabilities.buckets.jobs import Cleaner
from ostler.capabilities.buckets.migrations import MIGRATIONS
from ostler.capabilities.buckets.operations import (
    BucketOperations,
    ListOperations,
    ObjectOperations,
    SettingOperations,
    UploadOperations,
)
from ostler.capabilities.buckets.service import (
    DISCARD,
    Access,
    Buckets,
    Contents,
    Listing,
    Objects,
    Storeroom,
    Uploads,
)
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation) -> Capability:
    """Put buckets together; their service is what neighbours use."""
    storage, clock, ids = foundation.storage, foundation.clock, foundation.ids
    access = Access(storage)
    contents = Contents(storage, foundation.blobs, clock, ids)
    buckets = Buckets(storage, clock, access, contents)
    objects = Objects(storage, clock, access, contents)
    uploads = Uploads(storage, clock, ids, access, contents)
    return Capability(
        name="buckets",
        service=Storeroom(storage, access, objects, contents),
        operations=[
            BucketOperations(buckets),
            SettingOperations(buckets),
            ObjectOperations(objects),
            ListOperations(Listing(storage, access)),
            UploadOperations(uploads, objects),
        ],
        jobs=[(DISCARD, Cleaner(contents).discard)],
        migrations=MIGRATIONS,
    )
