"""Presence as it is kept: which servers there are, and which nodes have a channel to each."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from ostler.capabilities.nodes.store.tables import connections, servers
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Transaction
from ostler.foundation.timers import lease_clock

Connected = Collection[tuple[Scope, NodeId]]


def connect(tx: Transaction, server: str, node: NodeId) -> None:
    """The node has a channel to that server."""
    tx.upsert(connections, {"node": node, "server": server}, key=("node", "server"), update=())


def disconnect(tx: Transaction, server: str, node: NodeId) -> None:
    """The node has none to that server; what it has to others is not touched."""
    tx.execute(
        delete(connections).where(connections.c.node == node, connections.c.server == server)
    )


def renew(tx: Transaction, server: str, now: datetime, lease: timedelta) -> tuple[bool, int]:
    """Keep a server among the living, and drop those whose leases have run out; how many.

    The first is False when it had been dropped itself, with all that was known of its nodes.
    """
    until = {"lease_until": lease_clock(tx, now, lease)}
    known = tx.execute(update(servers).where(servers.c.server == server).values(until)).rowcount
    if not known:
        tx.execute(insert(servers).values(server=server, **until))
    late = delete(servers).where(servers.c.lease_until <= lease_clock(tx, now))
    dropped = tx.execute(late).rowcount
    _drop_connections_of_nobody(tx)
    return bool(known), dropped


def restore(tx: Transaction, server: str, connected: Connected) -> None:
    """Tell again of every node that has a channel to that server."""
    tx.upsert(
        connections,
        [
            {"account": scope.account, "region": scope.region, "node": node, "server": server}
            for scope, node in connected
        ],
        key=("account", "region", "node", "server"),
        update=(),
    )


def leave(tx: Transaction, server: str) -> None:
    """That server is gone, and with it its channels."""
    tx.execute(delete(servers).where(servers.c.server == server))
    _drop_connections_of_nobody(tx)


def leave_all(tx: Transaction) -> None:
    """There is no server, and no channel."""
    tx.execute(delete(servers))
    tx.execute(delete(connections))


def _drop_connections_of_nobody(tx: Transaction) -> None:
    living = select(servers.c.server)
    tx.execute(delete(connections).where(connections.c.server.not_in(living)))
