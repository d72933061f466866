"""Whole output as it is kept: how long each stream is; the bytes are blobs."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, insert, select, update

from ostler.capabilities.commands.store.tables import streams
from ostler.foundation.ids import CommandId, NodeId
from ostler.foundation.storage import Transaction


@dataclass(frozen=True, slots=True)
class Stream:
    """Which stream of which step of which invocation."""

    command: CommandId
    node: NodeId
    step: str
    stream: str


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a stream is kept, and whether more may follow.

    `cut`: its end is a mark that says that the rest was not kept.
    """

    length: int = 0
    finished: bool = False
    cut: bool = False


def extent(tx: Transaction, stream: Stream) -> Extent:
    """How much is kept of the stream."""
    columns = (streams.c.length, streams.c.finished, streams.c.cut)
    row = tx.one(select(*columns).where(*_is(stream)))
    return Extent() if row is None else Extent(row.length, row.finished, row.cut)


def written(tx: Transaction, stream: Stream) -> int:
    """How much is kept of all streams of the same invocation."""
    whose = (streams.c.command == stream.command, streams.c.node == stream.node)
    return int(tx.scalar(select(func.sum(streams.c.length)).where(*whose)) or 0)


def lengthen(tx: Transaction, stream: Stream, *, by: int, at: int, cut: bool = False) -> Extent:
    """The stream once `by` bytes were put at `at`: unchanged unless it ended there.

    One that was finished goes on: a step that asked for a reboot writes more afterwards.
    """
    kept = extent(tx, stream)
    if kept.length != at or kept.cut or not by:
        return kept
    if kept == Extent():
        _begin(tx, stream)
    longer = Extent(at + by, finished=False, cut=cut)
    values = {"length": longer.length, "finished": False, "cut": cut}
    tx.execute(update(streams).where(*_is(stream)).values(values))
    return longer


def finish(tx: Transaction, stream: Stream) -> None:
    """Nothing will follow."""
    if extent(tx, stream) == Extent():
        _begin(tx, stream)
    tx.execute(update(streams).where(*_is(stream)).values(finished=True))


def logged(tx: Transaction, stream: Stream) -> int:
    """How many bytes of it were written into a log."""
    return int(tx.scalar(select(streams.c.logged).where(*_is(stream))) or 0)


def log(tx: Transaction, stream: Stream, length: int) -> None:
    """So many bytes of it are in a log now."""
    tx.execute(update(streams).where(*_is(stream)).values(logged=length))


def of_command(tx: Transaction, command: CommandId) -> list[Stream]:
    """Every stream of the command of which something is kept."""
    columns = (streams.c.node, streams.c.step, streams.c.stream)
    found = tx.all(select(*columns).where(streams.c.command == command))
    return [Stream(command, NodeId(row.node), row.step, row.stream) for row in found]


def _begin(tx: Transaction, stream: Stream) -> None:
    tx.execute(
        insert(streams).values(
            command=stream.command,
            node=stream.node,
            step=stream.step,
            stream=stream.stream,
            length=0,
            finished=False,
        )
    )


def _is(stream: Stream) -> tuple[ColumnElement[bool], ...]:
    return (
        streams.c.command == stream.command,
        streams.c.node == stream.node,
        streams.c.step == stream.step,
        streams.c.stream == stream.stream,
    )
