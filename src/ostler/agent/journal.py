"""The journal: what this node was asked to do and how far it came, on disk before it matters.

Every job has a file of its own, to which lines are only ever added. A line is believed when its
checksum is right; a last line that is not was being written when the agent died, and what it
would have said had not happened yet.
"""

import hashlib
import logging
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from ostler.agent.disk import Disk
from ostler.agent.host import Leader
from ostler.agent.outcomes import Outcome
from ostler.foundation.clock import Clock
from ostler.wire.agent.jobs import Job, ReplyStatus, command_of

KEPT_FOR = timedelta(days=30)
KEPT_MOST = 10_000
_FINISHED = "finished"

log = logging.getLogger(__name__)


class Accepted(Struct, frozen=True, tag=True):
    """A job came and will be done."""

    job: Job
    at: datetime


class Started(Struct, frozen=True, tag=True):
    """A step is about to begin; from now on it will not begin again."""

    step: int
    at: datetime


class Running(Struct, frozen=True, tag=True):
    """The step's program, should it have to be found after a crash."""

    step: int
    leader: Leader


class Ended(Struct, frozen=True, tag=True):
    """A step ended so; the reply of that id says it to the server."""

    step: int
    outcome: Outcome
    reply: str


class RebootAsked(Struct, frozen=True, tag=True):
    """A step asked for a reboot and will begin again after it; two replies say so."""

    step: int
    outcome: Outcome
    reply: str
    document_reply: str


class HandedOver(Struct, frozen=True, tag=True):
    """A step made another version of the agent go on, and will begin again there."""

    step: int


class Cancelled(Struct, frozen=True, tag=True):
    """The job is not wanted any more."""


class Closed(Struct, frozen=True, tag=True):
    """The whole job ended so; the reply of that id says it to the server."""

    status: ReplyStatus
    reply: str
    trace: str = ""


class Told(Struct, frozen=True, tag=True):
    """The server has the reply of that id."""

    reply: str


Record = Accepted | Started | Running | Ended | RebootAsked | HandedOver | Cancelled | Closed | Told


class Entry:
    """One job's part of the journal, and what follows from its records."""

    def __init__(self, journal: "Journal", name: str, accepted: Accepted) -> None:
        self._journal = journal
        self._name = name
        self.job = accepted.job
        self.at = accepted.at
        self.events: list[Ended | RebootAsked | Closed] = []
        """What the server is told of, in the order in which it happened."""
        self.begun: set[int] = set()
        """Steps that may not begin (again)."""
        self.ended: dict[int, Ended] = {}
        self.leaders: dict[int, Leader] = {}
        self.cancelled = False
        self.damaged = False
        self.closed: Closed | None = None
        self.told: set[str] = set()

    @property
    def command(self) -> str:
        return command_of(self.job.job_id)

    @property
    def finished(self) -> bool:
        """Whether all is done and said."""
        return self.closed is not None and not any(
            reply not in self.told for reply in self._replies()
        )

    def interrupted(self) -> list[int]:
        """The steps that were under way when the journal was last written."""
        return sorted(self.begun - self.ended.keys())

    def write(self, record: Record) -> None:
        """Have it on disk, then have it count."""
        durable = not isinstance(record, Running | Told)
        try:
            self._journal.append(self._name, record, durable=durable)
        except OSError as fault:
            if isinstance(record, Started):
                raise
            # What happened has happened. After a crash this step counts as interrupted.
            log.error("journal_not_written job=%s fault=%s", self.job.job_id, fault)
        self.count(record)
        if self.finished:
            self._journal.finish(self._name, self)

    def count(self, record: Record) -> None:
        """What follows from a record."""
        if isinstance(record, Ended | RebootAsked | Closed):
            self.events.append(record)
        match record:
            case Started(step=step):
                self.begun.add(step)
            case Running(step=step, leader=leader):
                self.leaders[step] = leader
            case Ended(step=step):
                self.begun.add(step)
                self.ended[step] = record
            case RebootAsked(step=step) | HandedOver(step=step):
                self.begun.discard(step)
            case Cancelled():
                self.cancelled = True
            case Closed():
                self.closed = record
            case Told(reply=reply):
                self.told.add(reply)
            case Accepted():
                pass

    def _replies(self) -> Iterator[str]:
        for event in self.events:
            yield event.reply
            if isinstance(event, RebootAsked):
                yield event.document_reply


class Journal:
    """All jobs that are not finished, and the ids of those that are."""

    def __init__(self, disk: Disk, clock: Clock) -> None:
        self._disk = disk
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._finished: dict[str, datetime] = {}

    def open(self) -> list[Entry]:
        """Read what an earlier agent left; the unfinished jobs, oldest first."""
        self._read_finished()
        for name in self._disk.names():
            if name != _FINISHED:
                self._read(name)
        return sorted(self._entries.values(), key=lambda entry: entry.at)

    def knows(self, command: str) -> bool:
        """Whether that command was accepted before, be it finished or not."""
        return command in self._finished or any(
            entry.command == command for entry in self._entries.values()
        )

    def find(self, command: str) -> Entry | None:
        """The unfinished job of a command."""
        return next((entry for entry in self._entries.values() if entry.command == command), None)

    def accept(self, job: Job) -> Entry:
        """Write a new job down."""
        accepted = Accepted(job, self._clock.now())
        name = _file_name(job)
        self.append(name, accepted)
        return self._entries.setdefault(name, Entry(self, name, accepted))

    def drop(self, entry: Entry) -> None:
        """Give up a job that is over, though the server never took its last replies."""
        self.finish(_file_name(entry.job), entry)

    def append(self, name: str, record: Record, *, durable: bool = True) -> None:
        """Add a record to a job's file."""
        self._disk.append(name, _line(record), durable=durable)

    def finish(self, name: str, entry: Entry) -> None:
        """Remember the id of a job and forget the rest."""
        try:
            if entry.command not in self._finished:
                now = self._clock.now()
                self._disk.append(_FINISHED, _line([entry.command, now]))
                self._finished[entry.command] = now
            self._disk.remove(name)
            self._entries.pop(name, None)
            if len(self._finished) > 2 * KEPT_MOST:
                self._shorten_finished()
        except OSError as fault:
            # It is known by its own file until there is room; the next agent finishes it.
            log.error("journal_not_written job=%s fault=%s", entry.job.job_id, fault)

    def _read(self, name: str) -> None:
        content = self._disk.read(name)
        records, good, damaged = _records(content)
        if not records or not isinstance(records[0], Accepted):
            log.warning("journal_dropped name=%s bytes=%d", name, len(content))
            self._disk.remove(name)
            return
        if good < len(content):
            # The line that was being written: later lines must not come behind it.
            self._disk.cut(name, good)
        entry = Entry(self, name, records[0])
        entry.damaged = damaged
        for record in records[1:]:
            entry.count(record)
        self._entries[name] = entry
        if entry.finished or entry.command in self._finished:
            self.finish(name, entry)

    def _read_finished(self) -> None:
        content = self._disk.read(_FINISHED)
        good = 0
        for end, body in _lines(content):
            if body is not None:
                good = end
                try:
                    command, at = msgspec.json.decode(body, type=tuple[str, datetime])
                except msgspec.MsgspecError:
                    continue
                self._finished[command] = at
        if good < len(content):
            # What comes behind half a line would be as unreadable as the half is.
            self._disk.cut(_FINISHED, good)
        try:
            self._shorten_finished()
        except OSError as fault:
            log.warning("journal_not_shortened fault=%s", fault)

    def _shorten_finished(self) -> None:
        since = self._clock.now() - KEPT_FOR
        kept = [(name, at) for name, at in self._finished.items() if at > since][-KEPT_MOST:]
        if len(kept) < len(self._finished):
            self._finished = dict(kept)
            self._disk.replace(_FINISHED, b"".join(_line(list(pair)) for pair in kept))


def _file_name(job: Job) -> str:
    return hashlib.sha256(job.job_id.encode()).hexdigest()[:32]


def _line(content: Any) -> bytes:
    body = msgspec.json.encode(content)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _lines(content: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Each line's end, and what it says, or None when its checksum is wrong."""
    end = 0
    for line in content.splitlines(keepends=True):
        end += len(line)
        checksum, _, body = line.rstrip(b"\n").partition(b" ")
        right = line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(body)
        yield end, body if right else None


def _records(content: bytes) -> tuple[list[Record], int, bool]:
    """The records, where the last good line ends, and whether a bad one comes before it."""
    records: list[Record] = []
    good, bad = 0, False
    damaged = False
    for end, body in _lines(content):
        record = _record(body)
        if record is None:
            bad = True
            continue
        damaged = damaged or bad
        good = end
        records.append(record)
    return records, good, damaged


def _record(body: bytes | None) -> Record | None:
    if body is None:
        return None
    try:
        record: Record = msgspec.json.decode(body, type=Record)
    except msgspec.MsgspecError:
        return None
    return record
