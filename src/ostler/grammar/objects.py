"""URLs of objects in buckets, as people write them: s3://, and S3's https in both its styles."""

import re
from urllib.parse import unquote, urlsplit

_AMAZON = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?")


def object_of(url: str) -> tuple[str, str] | None:
    """The bucket and the key that the URL names; None when it is not one of S3's."""
    try:
        parts = urlsplit(url.replace("+", "%20"))
        host = parts.hostname or ""
    except ValueError:
        return None
    path = unquote(parts.path).lstrip("/")
    if parts.scheme == "s3" and host:
        return parts.netloc, path
    amazon = _AMAZON.fullmatch(host) if parts.scheme in ("https", "http") else None
    if amazon is None:
        return None
    if amazon["bucket"]:
        return amazon["bucket"], path
    bucket, _, key = path.partition("/")
    return (bucket, key) if bucket else None
