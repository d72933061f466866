"""Uploads: content that comes in parts and becomes an object when it is completed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ostler.capabilities.buckets.errors import (
    BadDigest,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
)
from ostler.capabilities.buckets.model.checksums import Checksum, of_parts
from ostler.capabilities.buckets.model.objects import Description, Object, Piece, etag_of_parts

MOST_PARTS = 10_000
SMALLEST_PART = 5 * 1024**2
"""Bytes of a part that is not the last one."""
LARGEST_OBJECT = 50 * 1024**4


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that has begun; `algorithm` and `kind` are those of its checksum, if it has one."""

    id: str
    bucket: str
    key: str
    begun: datetime
    initiator: str
    description: Description
    algorithm: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """A part that was uploaded."""

    number: int
    piece: Piece
    etag: str
    modified: datetime
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class ChosenPart:
    """A part as those name it who complete an upload."""

    number: int
    etag: str
    checksum: str = ""


def completed(
    upload: Upload,
    chosen: Sequence[ChosenPart],
    uploaded: Mapping[int, UploadedPart],
    *,
    expected: str,
    size: int | None,
    at: datetime,
) -> Object:
    """The object that the chosen parts make; `expected` is its checksum, if the client knows it."""
    if not chosen:
        raise MalformedXML("You must specify at least one part")
    parts = _chosen(chosen, uploaded)
    for part in parts[:-1]:
        if part.piece.size < SMALLEST_PART:
            raise EntityTooSmall(
                "Your proposed upload is smaller than the minimum allowed size",
                PartNumber=str(part.number),
                ETag=part.etag,
                MinSizeAllowed=str(SMALLEST_PART),
                ProposedSize=str(part.piece.size),
            )
    total = sum(part.piece.size for part in parts)
    if size is not None and size != total:
        raise InvalidRequest(f"The parts have {total} bytes together, and not {size}.")
    checksum = _checksum(upload, parts)
    if expected and (checksum is None or expected != checksum.value):
        raise BadDigest("The checksum of the whole object is not the one that you specified.")
    return Object(
        key=upload.key,
        size=total,
        etag=etag_of_parts([part.etag for part in parts]),
        modified=at,
        description=upload.description,
        checksum=checksum,
        pieces=tuple(part.piece for part in parts),
    )


def _chosen(
    chosen: Sequence[ChosenPart], uploaded: Mapping[int, UploadedPart]
) -> list[UploadedPart]:
    numbers = [each.number for each in chosen]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise InvalidPartOrder("The list of parts was not in ascending order.")
    found = []
    for each in chosen:
        part = uploaded.get(each.number)
        same = part is not None and part.etag == each.etag
        if each.checksum and part is not None and part.checksum is not None:
            same = same and part.checksum.value == each.checksum
        if part is None or not same:
            raise InvalidPart(
                "One or more of the specified parts could not be found. The part may not have "
                "been uploaded, or the specified entity tag may not match the part's entity tag.",
                PartNumber=str(each.number),
                ETag=each.etag,
            )
        found.append(part)
    return found


def _checksum(upload: Upload, parts: Sequence[UploadedPart]) -> Checksum | None:
    values = [
        (part.checksum.value, part.piece.size)
        for part in parts
        if part.checksum is not None and part.checksum.algorithm == upload.algorithm
    ]
    if not upload.algorithm or len(values) < len(parts):
        return None
    return of_parts(upload.algorithm, upload.kind, values)
