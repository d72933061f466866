"""Documents as they are kept: one row for each, one for each version."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Select, delete, func, insert, select, update

from ostler.capabilities.documents.model.documents import (
    Attachment,
    DeclaredParameter,
    DocumentDescription,
    DocumentHead,
    DocumentVersion,
    Requirement,
    ReviewStatus,
    Selection,
    Status,
)
from ostler.capabilities.documents.model.names import DEFAULT
from ostler.capabilities.documents.store.tables import heads, reviews, shares, versions
from ostler.foundation.storage import Transaction


def find(tx: Transaction, name: str) -> DocumentHead | None:
    """The document, if the scope has it."""
    row = tx.one(select(heads).where(heads.c.name == name))
    if row is None:
        return None
    return DocumentHead(
        row.name, row.type, row.default_version, row.latest_version, row.last_number
    )


def exists(tx: Transaction, name: str) -> bool:
    """Whether the scope has the document."""
    return tx.scalar(select(heads.c.name).where(heads.c.name == name)) is not None


def count(tx: Transaction) -> int:
    """How many documents the scope has."""
    return int(tx.scalar(select(func.count()).select_from(heads)))


def count_versions(tx: Transaction, name: str) -> int:
    """How many versions the document has."""
    return int(tx.scalar(select(func.count()).select_from(versions).where(versions.c.name == name)))


def read(tx: Transaction, head: DocumentHead, selection: Selection) -> DocumentVersion | None:
    """The version that is selected, with its content; None when there is none."""
    row = tx.one(
        _whole(versions.c.content).where(heads.c.name == head.name, *_selected(head, selection))
    )
    return None if row is None else DocumentVersion(content=row.content, **_members(row))


def has_content(tx: Transaction, name: str, digest: str) -> bool:
    """Whether a version of the document has content of this hash."""
    same = versions.c.name == name, versions.c.hash == digest
    return tx.execute(select(versions.c.version).where(*same).limit(1)).first() is not None


def has_version_name(tx: Transaction, name: str, version_name: str) -> bool:
    """Whether a version of the document has this name."""
    same = versions.c.name == name, versions.c.version_name == version_name
    return tx.execute(select(versions.c.version).where(*same).limit(1)).first() is not None


def versions_before(
    tx: Transaction, name: str, before: int | None, limit: int
) -> Sequence[DocumentDescription]:
    """The document's versions, the newest first."""
    query = _whole().where(heads.c.name == name).order_by(versions.c.version.desc()).limit(limit)
    if before is not None:
        query = query.where(versions.c.version < before)
    return [described(row) for row in tx.all(query)]


def add(tx: Transaction, head: DocumentHead) -> None:
    """Keep a new document."""
    tx.execute(
        insert(heads).values(
            name=head.name,
            type=head.type,
            default_version=head.default_version,
            latest_version=head.latest_version,
            last_number=head.last_number,
        )
    )


def change(tx: Transaction, name: str, **members: int) -> None:
    """Give the document other versions as default, latest or last."""
    tx.execute(update(heads).where(heads.c.name == name).values(**members))


def add_version(tx: Transaction, version: DocumentVersion) -> None:
    """Keep a new version."""
    tx.execute(
        insert(versions).values(
            name=version.name,
            version=int(version.version),
            version_name=version.version_name,
            format=version.format,
            content=version.content,
            hash=version.hash,
            created=version.created,
            status=version.status,
            status_information=version.status_information,
            display_name=version.display_name,
            target_type=version.target_type,
            schema_version=version.schema_version,
            description=version.description,
            parameters=version.parameters,
            platform_types=version.platform_types,
            requires=version.requires,
            attachments=version.attachments,
            author=version.author,
            review_status=version.review_status,
        )
    )


def change_version(
    tx: Transaction, name: str, version: int, *, born: datetime | None = None, **members: Any
) -> bool:
    """Give a version other values; whether there is one, which was created when it was `born`."""
    change = update(versions).where(versions.c.name == name, versions.c.version == version)
    if born is not None:
        change = change.where(versions.c.created == born)
    return tx.execute(change.values(**members)).rowcount == 1


def remove_version(tx: Transaction, name: str, version: int) -> None:
    """Forget a version; the newest that is left becomes the latest."""
    for table in (versions, reviews):
        tx.execute(delete(table).where(table.c.name == name, table.c.version == version))
    latest = tx.scalar(select(func.max(versions.c.version)).where(versions.c.name == name))
    change(tx, name, latest_version=latest)


def remove(tx: Transaction, name: str) -> None:
    """Forget the document and all its versions."""
    for table in (heads, versions, shares, reviews):
        tx.execute(delete(table).where(table.c.name == name))


def attachment_keys(tx: Transaction, name: str, version: int | None = None) -> list[str]:
    """Where the attachments of the document, or of one version, lie."""
    query = select(versions.c.attachments).where(versions.c.name == name)
    if version is not None:
        query = query.where(versions.c.version == version)
    return [each["key"] for row in tx.all(query) for each in row.attachments]


def reviewed(tx: Transaction, name: str, status: ReviewStatus) -> int | None:
    """The version of the document whose review has come to `status`."""
    found: int | None = tx.scalar(
        select(func.max(versions.c.version)).where(
            versions.c.name == name, versions.c.review_status == status
        )
    )
    return found


def whole_query() -> Select[Any]:
    """A query of versions with all that `described` needs."""
    return _whole()


def described(row: Any) -> DocumentDescription:
    """A row of `whole_query` as a value."""
    return DocumentDescription(**_members(row))


_NUMBER = re.compile(r"[0-9]{1,9}")
_WITHOUT_CONTENT = [column for column in versions.c if column.name != "content"]


def _whole(*more: Column[Any]) -> Select[Any]:
    same = (
        (versions.c.account == heads.c.account)
        & (versions.c.region == heads.c.region)
        & (versions.c.name == heads.c.name)
    )
    return select(
        heads.c.type, heads.c.default_version, heads.c.latest_version, *_WITHOUT_CONTENT, *more
    ).select_from(heads.join(versions, same))


def _selected(head: DocumentHead, selection: Selection) -> list[Any]:
    conditions: list[Any] = []
    if selection.version_name is not None:
        conditions.append(versions.c.version_name == selection.version_name)
    if selection.is_latest:
        conditions.append(versions.c.version == head.latest_version)
    elif selection.is_default:
        conditions.append(versions.c.version == head.default_version)
    elif selection.version is not None and selection.version != DEFAULT:
        # What is no number, or beyond the engines' integers, is no version's.
        number = int(selection.version) if _NUMBER.fullmatch(selection.version) else -1
        conditions.append(versions.c.version == number)
    return conditions


def _members(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "owner": row.account,
        "region": row.region,
        "type": row.type,
        "version": str(row.version),
        "default_version": str(row.default_version),
        "latest_version": str(row.latest_version),
        "format": row.format,
        "hash": row.hash,
        "created": row.created,
        "status": Status(row.status),
        "status_information": row.status_information,
        "version_name": row.version_name,
        "display_name": row.display_name,
        "target_type": row.target_type,
        "schema_version": row.schema_version,
        "description": row.description,
        "parameters": msgspec.convert(row.parameters, list[DeclaredParameter]),
        "platform_types": row.platform_types,
        "requires": msgspec.convert(row.requires, list[Requirement]),
        "attachments": msgspec.convert(row.attachments, list[Attachment]),
        "author": row.author,
        "review_status": ReviewStatus(row.review_status),
    }
