"""Objects as they are kept, and how they are listed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import BindParameter, bindparam, delete, select

from ostler.capabilities.buckets.model.checksums import Checksum
from ostler.capabilities.buckets.model.objects import Description, Listed, Object, Piece
from ostler.capabilities.buckets.store.beginnings import begins, behind
from ostler.capabilities.buckets.store.tables import objects
from ostler.foundation.storage import Transaction

_bucket: BindParameter[str] = bindparam("bucket")
_key: BindParameter[str] = bindparam("key")
_OF_KEY = select(objects).where(objects.c.bucket == _bucket, objects.c.key == _key)
_SHOWN = select(
    objects.c.key, objects.c.size, objects.c.etag, objects.c.modified, objects.c.checksum
)
_COLUMNS = ("size", "etag", "modified", "checksum", "description", "pieces")


@dataclass(slots=True)
class Contents:
    """What a list shows of a bucket: objects, and beginnings that several of them share.

    `last` is where it goes on, when there is more: after that key, or after everything that begins
    so.
    """

    objects: list[Listed] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""

    @property
    def count(self) -> int:
        return len(self.objects) + len(self.prefixes)


def find(tx: Transaction, bucket: str, key: str) -> Object | None:
    """The object of that key."""
    if "\0" in key:
        return None
    row = tx.one(_OF_KEY, {"bucket": bucket, "key": key})
    return None if row is None else _object(row)


def write(tx: Transaction, bucket: str, written: Object) -> None:
    """Keep an object, in place of the one that has its key."""
    tx.upsert(
        objects,
        {
            "bucket": bucket,
            "key": written.key,
            "size": written.size,
            "etag": written.etag,
            "modified": written.modified,
            "checksum": written.checksum,
            "description": written.description,
            "pieces": list(written.pieces),
        },
        key=["bucket", "key"],
        update=_COLUMNS,
    )


def remove(tx: Transaction, bucket: str, key: str) -> None:
    """Forget the object."""
    tx.execute(delete(objects).where(objects.c.bucket == bucket, objects.c.key == key))


def contents(
    tx: Transaction, bucket: str, *, prefix: str, delimiter: str, after: str, limit: int
) -> Contents:
    """Some of the objects whose key begins with `prefix` and comes after `after`, in their order.

    What has the delimiter behind the prefix is shown by its beginning, up to the delimiter, once.
    """
    found = Contents()
    if limit == 0:
        return found
    start: str | None = after
    inclusive = False
    if delimiter and after.startswith(prefix) and after[len(prefix) :].endswith(delimiter):
        # It went on after a whole beginning.
        start, inclusive = behind(after), True
    while start is not None:
        beginning = None
        for each in _from(tx, bucket, prefix, start, inclusive, limit - found.count + 1):
            if found.count == limit:
                return found
            name, end, _ = each.key[len(prefix) :].partition(delimiter or "\0")
            if end:
                beginning = prefix + name + end
                found.prefixes.append(beginning)
                found.last = beginning
                break
            found.objects.append(each)
            found.last = each.key
        if beginning is None:
            break
        start, inclusive = behind(beginning), True
    found.last = ""
    return found


def _from(
    tx: Transaction, bucket: str, prefix: str, start: str, inclusive: bool, limit: int
) -> Iterator[Listed]:
    query = _SHOWN.where(objects.c.bucket == bucket, begins(objects.c.key, prefix))
    query = query.order_by(objects.c.key).limit(limit)
    if start:
        query = query.where(objects.c.key >= start if inclusive else objects.c.key > start)
    for row in tx.all(query):
        yield Listed(row.key, row.size, row.etag, row.modified, _checksum(row.checksum))


def _object(row: Any) -> Object:
    return Object(
        key=row.key,
        size=row.size,
        etag=row.etag,
        modified=row.modified,
        description=msgspec.convert(row.description, Description),
        checksum=_checksum(row.checksum),
        pieces=msgspec.convert(row.pieces, Sequence[Piece]),
    )


def _checksum(kept: Any) -> Checksum | None:
    return None if kept is None else msgspec.convert(kept, Checksum)
