"""Uploads as they are kept, with their parts."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, tuple_

from ostler.capabilities.buckets.model.checksums import Checksum
from ostler.capabilities.buckets.model.objects import Description, Piece
from ostler.capabilities.buckets.model.uploads import Upload, UploadedPart
from ostler.capabilities.buckets.store.beginnings import begins
from ostler.capabilities.buckets.store.tables import parts, uploads
from ostler.foundation.storage import Transaction


def find(tx: Transaction, bucket: str, key: str, upload: str) -> Upload | None:
    """The upload of that id, if it is one to that key."""
    if "\0" in upload + key:
        return None
    row = tx.one(
        select(uploads).where(
            uploads.c.id == upload, uploads.c.bucket == bucket, uploads.c.key == key
        )
    )
    return None if row is None else _upload(row)


def add(tx: Transaction, upload: Upload) -> None:
    """Keep an upload that begins."""
    tx.execute(
        insert(uploads).values(
            id=upload.id,
            bucket=upload.bucket,
            key=upload.key,
            begun=upload.begun,
            initiator=upload.initiator,
            description=upload.description,
            algorithm=upload.algorithm,
            kind=upload.kind,
        )
    )


def remove(tx: Transaction, upload: str) -> None:
    """Forget an upload and its parts."""
    tx.execute(delete(parts).where(parts.c.upload == upload))
    tx.execute(delete(uploads).where(uploads.c.id == upload))


def of_bucket(tx: Transaction, bucket: str) -> list[str]:
    """The ids of all uploads to the bucket."""
    return [row.id for row in tx.all(select(uploads.c.id).where(uploads.c.bucket == bucket))]


def some(
    tx: Transaction, bucket: str, *, prefix: str, after: tuple[str, str], limit: int
) -> list[Upload]:
    """Some of the bucket's uploads whose key begins with `prefix`, after a key and an id."""
    query = select(uploads).where(uploads.c.bucket == bucket, begins(uploads.c.key, prefix))
    key, upload = after
    if key and upload:
        query = query.where(tuple_(uploads.c.key, uploads.c.id) > tuple_(key, upload))
    elif key:
        query = query.where(uploads.c.key > key)
    rows = tx.all(query.order_by(uploads.c.key, uploads.c.id).limit(limit))
    return [_upload(row) for row in rows]


def put_part(tx: Transaction, upload: str, part: UploadedPart) -> None:
    """Keep a part, in place of the one of its number."""
    tx.upsert(
        parts,
        {
            "upload": upload,
            "number": part.number,
            "blob": part.piece.blob,
            "size": part.piece.size,
            "etag": part.etag,
            "modified": part.modified,
            "checksum": part.checksum,
        },
        key=["upload", "number"],
    )


def find_part(tx: Transaction, upload: str, number: int) -> UploadedPart | None:
    """The part of that number."""
    row = tx.one(select(parts).where(parts.c.upload == upload, parts.c.number == number))
    return None if row is None else _part(row)


def parts_of(
    tx: Transaction, upload: str, *, after: int = 0, limit: int | None = None
) -> Sequence[UploadedPart]:
    """The parts of an upload, in the order of their numbers."""
    query = select(parts).where(parts.c.upload == upload, parts.c.number > after)
    return [_part(row) for row in tx.all(query.order_by(parts.c.number).limit(limit))]


def _upload(row: Any) -> Upload:
    return Upload(
        row.id,
        row.bucket,
        row.key,
        row.begun,
        row.initiator,
        msgspec.convert(row.description, Description),
        row.algorithm,
        row.kind,
    )


def _part(row: Any) -> UploadedPart:
    checksum = None if row.checksum is None else msgspec.convert(row.checksum, Checksum)
    return UploadedPart(row.number, Piece(row.blob, row.size), row.etag, row.modified, checksum)
