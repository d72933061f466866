"""What can be done with buckets, their objects, and uploads to them."""

from ostler.capabilities.buckets.service.access import Access
from ostler.capabilities.buckets.service.buckets import Buckets
from ostler.capabilities.buckets.service.contents import DISCARD, Contents, Incoming
from ostler.capabilities.buckets.service.listing import Asked, Listing
from ostler.capabilities.buckets.service.neighbours import Storeroom
from ostler.capabilities.buckets.service.objects import Objects, Source, WholeObject
from ostler.capabilities.buckets.service.uploads import Uploads

__all__ = [
    "DISCARD",
    "Access",
    "Asked",
    "Buckets",
    "Contents",
    "Incoming",
    "Listing",
    "Objects",
    "Source",
    "Storeroom",
    "Uploads",
    "WholeObject",
]
