"""Buckets elsewhere: commands' output in an S3 of the operator's choice instead of ours."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError

from ostler.foundation.blobs import BlobNotFound, Blobs
from ostler.foundation.call import Call
from ostler.foundation.errors import InternalServerError
from ostler.foundation.ids import Region
from ostler.foundation.storage import Scope


class BucketsElsewhere:
    """Puts and reads objects under the server's own credentials there, which its environment has.

    Whether a node may write is still decided here, by its role. `endpoint` may have `{region}` in
    it, which is the command's.
    """

    def __init__(self, endpoint: str, open_blobs: Callable[..., Blobs] = Blobs) -> None:
        self._endpoint = endpoint
        self._open = open_blobs
        self._opened: dict[tuple[str, Region], Blobs] = {}

    async def put(
        self, call: Call, bucket: str, key: str, content: AsyncIterator[bytes], content_type: str
    ) -> None:
        """Keep an object, if the caller may put it there."""
        await call.allow(f"arn:aws:s3:::{bucket}/{key}", action="s3:PutObject")
        try:
            await self._bucket(bucket, call.region).put_stream(key, content)
        except BaseError as fault:
            raise InternalServerError(f"{bucket} does not take {key}: {fault}") from fault

    async def size(self, scope: Scope, bucket: str, key: str) -> int | None:
        """How many bytes an object has; None where there is no such object."""
        try:
            return await self._bucket(bucket, scope.region).size(key)
        except BlobNotFound:
            return None

    async def read(
        self, scope: Scope, bucket: str, key: str, start: int, end: int
    ) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` of an object."""
        async for piece in self._bucket(bucket, scope.region).stream(key, start, end):
            yield piece

    def _bucket(self, name: str, region: Region) -> Blobs:
        if (name, region) not in self._opened:
            endpoint = self._endpoint.format(region=region)
            options: dict[str, Any] = {"endpoint": endpoint, "region": region}
            if urlsplit(endpoint).scheme == "http":
                options["client_options"] = {"allow_http": True}
            self._opened[name, region] = self._open(f"s3://{name}", options)
        return self._opened[name, region]
