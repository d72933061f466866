"""Buckets' part of the API: names on the wire, and nothing else."""

from ostler.capabilities.buckets.operations.buckets import BucketOperations
from ostler.capabilities.buckets.operations.listing import ListOperations
from ostler.capabilities.buckets.operations.objects import ObjectOperations
from ostler.capabilities.buckets.operations.settings import SettingOperations
from ostler.capabilities.buckets.operations.uploads import UploadOperations

__all__ = [
    "BucketOperations",
    "ListOperations",
    "ObjectOperations",
    "SettingOperations",
    "UploadOperations",
]
