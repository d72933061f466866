"""Items and their entries: kept as they are told, only what changed is written."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, tuple_, update

from ostler.capabilities.inventory.model.items import (
    Change,
    CustomSchema,
    Deed,
    Entry,
    Item,
    ToldChange,
    digest_of,
)
from ostler.capabilities.inventory.store.tables import (
    LONGEST_NAME,
    LONGEST_VERSION,
    changes,
    entries,
    items,
    schemas,
)
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_AT_ONCE = 500


def find(tx: Transaction, node: str, type_names: Iterable[str]) -> dict[str, Item]:
    """What is kept of these types of the node."""
    query = select(items).where(items.c.node == node, items.c.type_name.in_(list(type_names)))
    return {row.type_name: _item(row) for row in tx.all(query)}


def find_many(
    tx: Transaction, nodes: Sequence[str], type_names: Sequence[str]
) -> dict[tuple[str, str], Item]:
    """What is kept of these types of these nodes, by node and type."""
    query = select(items).where(items.c.node.in_(nodes), items.c.type_name.in_(type_names))
    return {(row.node, row.type_name): _item(row) for row in tx.all(query)}


def keep(tx: Transaction, item: Item) -> None:
    """Keep when and what was told; the entries are kept by `change`."""
    tx.upsert(
        items,
        {
            "node": item.node,
            "type_name": item.type_name,
            "version": item.version,
            "captured": item.captured,
            "content_hash": item.content_hash,
            "received": item.received,
        },
        key=["node", "type_name"],
    )


def note(tx: Transaction, node: str, type_name: str, captured: str, received: datetime) -> None:
    """Note that the node told the same again."""
    tx.execute(
        update(items)
        .where(items.c.node == node, items.c.type_name == type_name)
        .values(captured=captured, received=received)
    )


def change(
    tx: Transaction, node: str, type_name: str, told: Sequence[Entry]
) -> tuple[list[Entry], list[Entry]]:
    """Make these the node's entries of the type; those that went, and those that came."""
    mine = (entries.c.node == node, entries.c.type_name == type_name)
    kept = {row.digest for row in tx.all(select(entries.c.digest).where(*mine))}
    new = {digest_of(entry): entry for entry in told}
    gone: list[Entry] = []
    for some in _batches(sorted(kept - new.keys())):
        those = (*mine, entries.c.digest.in_(some))
        gone += [row.content for row in tx.all(select(entries.c.content).where(*those))]
        tx.execute(delete(entries).where(*those))
    came = {digest: entry for digest, entry in new.items() if digest not in kept}
    if came:
        rows = [_row(node, type_name, digest, entry) for digest, entry in came.items()]
        tx.execute(insert(entries), rows)
    return gone, list(came.values())


def page(
    tx: Transaction, node: str, type_name: str, after: tuple[Any, ...] | None, limit: int
) -> list[tuple[tuple[str, str], Entry]]:
    """Some entries of the node's type with their keys, by name."""
    by = (func.coalesce(entries.c.name, ""), entries.c.digest)
    query = select(*by, entries.c.content).where(
        entries.c.node == node, entries.c.type_name == type_name
    )
    if after is not None:
        query = query.where(tuple_(*by) > tuple_(*after))
    rows: Sequence[Any] = tx.all(query.order_by(*by).limit(limit))
    return [((name, digest), content) for name, digest, content in rows]


def of_nodes(tx: Transaction, nodes: Sequence[str], type_name: str) -> dict[str, list[Entry]]:
    """Every entry of the type of these nodes."""
    found: dict[str, list[Entry]] = {}
    query = select(entries.c.node, entries.c.content).where(
        entries.c.type_name == type_name, entries.c.node.in_(nodes)
    )
    by_name = query.order_by(entries.c.node, entries.c.name, entries.c.digest)
    for row in tx.all(by_name):
        found.setdefault(row.node, []).append(row.content)
    return found


def forget(tx: Transaction, node: str) -> None:
    """Drop all that is kept of a node."""
    for table in (entries, items, changes):
        tx.execute(delete(table).where(table.c.node == node))


def drop(tx: Transaction, node: str, type_name: str) -> None:
    """Drop what is kept of a node's type."""
    for table in (entries, items):
        tx.execute(delete(table).where(table.c.node == node, table.c.type_name == type_name))


def drop_received_before(tx: Transaction, instant: datetime, limit: int) -> int:
    """Drop items that nobody confirmed since; how many, at most `limit`, of the whole house."""
    old = tx.all(
        select(items.c.account, items.c.region, items.c.node, items.c.type_name)
        .where(items.c.received < instant)
        .limit(limit)
    )
    for row in old:
        for table in (entries, items):
            tx.execute(
                delete(table).where(
                    table.c.account == row.account,
                    table.c.region == row.region,
                    table.c.node == row.node,
                    table.c.type_name == row.type_name,
                )
            )
    return len(old)


def custom_schemas(tx: Transaction) -> dict[str, CustomSchema]:
    """The scope's own types."""
    return {
        row.type_name: CustomSchema(row.type_name, row.version, row.attributes, row.disabled)
        for row in tx.all(select(schemas))
    }


def keep_schema(tx: Transaction, schema: CustomSchema) -> None:
    """Keep what is known of one of the scope's own types."""
    tx.upsert(
        schemas,
        {
            "type_name": schema.type_name,
            "version": schema.version,
            "attributes": list(schema.attributes),
            "disabled": schema.disabled,
        },
        key=["type_name"],
    )


def drop_schema(tx: Transaction, type_name: str) -> None:
    """Forget one of the scope's own types."""
    tx.execute(delete(schemas).where(schemas.c.type_name == type_name))


def tell_changes(
    tx: Transaction, node: str, type_name: str, at: datetime, told: Sequence[Change]
) -> None:
    """Write the node's changes into its history."""
    tx.insert_many(
        changes,
        [
            {
                "node": node,
                "type_name": type_name,
                "at": at,
                "deed": change.deed,
                "before": change.before,
                "after": change.after,
            }
            for change in told
        ],
    )


def history(
    tx: Transaction,
    asked: PageRequest,
    *,
    node: str | None,
    type_name: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Page[ToldChange]:
    """Changes, the oldest first."""
    query = select(changes).order_by(changes.c.sequence).limit(asked.limit + 1)
    if node is not None:
        query = query.where(changes.c.node == node)
    if type_name is not None:
        query = query.where(changes.c.type_name == type_name)
    if since is not None:
        query = query.where(changes.c.at >= since)
    if until is not None:
        query = query.where(changes.c.at < until)
    if asked.after is not None:
        query = query.where(changes.c.sequence > asked.after[0])
    found = [
        ToldChange(
            row.sequence,
            row.node,
            row.type_name,
            row.at,
            Change(Deed(row.deed), row.before, row.after),
        )
        for row in tx.all(query)
    ]
    return Page.cut(found, asked.limit, lambda each: (each.sequence,))


def forget_changes(tx: Transaction, before: datetime) -> int:
    """Drop the history before that instant; how many changes that were."""
    return tx.execute(delete(changes).where(changes.c.at < before)).rowcount


def _row(node: str, type_name: str, digest: str, entry: Mapping[str, str]) -> dict[str, Any]:
    name, version = entry.get("Name"), entry.get("Version")
    return {
        "node": node,
        "type_name": type_name,
        "digest": digest,
        "name": None if name is None else name[:LONGEST_NAME],
        "version": None if version is None else version[:LONGEST_VERSION],
        "content": entry,
    }


def _item(row: Any) -> Item:
    return Item(row.node, row.type_name, row.version, row.captured, row.content_hash, row.received)


def _batches(digests: Sequence[str]) -> Iterable[Sequence[str]]:
    return (digests[start : start + _AT_ONCE] for start in range(0, len(digests), _AT_ONCE))
