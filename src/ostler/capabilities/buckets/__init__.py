"""Buckets: a small S3, for what agents bring and clients keep."""

from ostler.capabilities.buckets.capability import build
from ostler.capabilities.buckets.errors import NoSuchKey
from ostler.capabilities.buckets.service import Storeroom

__all__ = ["NoSuchKey", "Storeroom", "build"]
