"""Deliveries: what must reach somebody outside, tried again until it did or was given up.

Parcels stand in queues, one for each destination. A queue has one timer, and whoever holds it
takes a few parcels at a time: so one slow receiver takes one place from the others, however much
waits for it. A parcel is forgotten only after its sender returned, so it may come twice, with the
same id.
"""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from alembic.operations import Operations
from sqlalchemy import (
    Column,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from ostler.foundation.clock import Clock
from ostler.foundation.outbound import Outbound, Unreachable
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import (
    Instant,
    Json,
    Migration,
    Scope,
    Storage,
    Transaction,
    scoped_columns,
    scoped_table,
)
from ostler.foundation.timers import Due

TIMER = "deliveries"
"""The timers of the queues; they run in a loop of their own, since their work waits for others."""

AT_ONCE = 16
"""So many parcels are on their way to one destination at a time."""
SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=10)

_LONGEST_FAULT = 1000

metadata = MetaData()
deliveries = scoped_table(
    "deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("queue", String(64), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("destination", String(2048), nullable=False),
    Column("subject", String(2048), nullable=False),
    Column("content", Json, nullable=False),
    Column("pace", Integer, nullable=False),
    Column("most_attempts", Integer, nullable=False),
    Column("created", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant),
    Column("failed_at", Instant),
    Column("fault", Text, nullable=False),
)
_SCOPE = (deliveries.c.account, deliveries.c.region)
Index("deliveries_due", *_SCOPE, deliveries.c.queue, deliveries.c.due_at)
Index("deliveries_listed", *_SCOPE, deliveries.c.created, deliveries.c.id)
Index("deliveries_failed", deliveries.c.failed_at)

log = structlog.get_logger()


class Undeliverable(Exception):
    """The parcel will never be taken: it is not tried again."""


class NotNow(Exception):
    """The parcel was not taken this time.

    `after` is how long the receiver wants to be left alone, `status` what it answered over HTTP.
    """

    def __init__(
        self, message: str, after: timedelta = timedelta(0), *, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.after = after
        self.status = status


@dataclass(frozen=True, slots=True)
class Parcel:
    """What shall reach somebody.

    `channel` says who brings it, `destination` (an ARN) whose queue it stands in, `subject` (an
    ARN) on whose behalf it goes. `pace` is how many the destination takes a second. It is given up
    after `most_attempts`, or when it fails after `expires`; `failed_at` says when that was.
    """

    id: str
    channel: str
    destination: str
    subject: str
    content: Mapping[str, Any]
    created: datetime
    expires: datetime
    most_attempts: int
    pace: int = 1000
    attempts: int = 0
    due_at: datetime | None = None
    failed_at: datetime | None = None
    fault: str = ""

    @property
    def queue(self) -> str:
        """The name of the queue that it stands in."""
        return hashlib.sha256(f"{self.channel} {self.destination}".encode()).hexdigest()


_PASSING = (401, 407, 408, 409, 425, 429)
"""What receivers answer that is tried again, beside their own faults (5xx): EventBridge's list and
its kin."""


async def call_out(
    outbound: Outbound, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Bring something over HTTP; NotNow or Undeliverable when it was not taken.

    `Retry-After` is heeded.
    """
    try:
        answer = await outbound.send(method, url, list(headers.items()), body)
    except Unreachable as fault:
        if fault.lasting:
            raise Undeliverable(str(fault)) from fault
        raise NotNow(str(fault)) from fault
    if 200 <= answer.status < 300:
        return
    told = f"The receiver answers {answer.status}."
    if answer.status < 500 and answer.status not in _PASSING:
        raise Undeliverable(told)
    after = answer.headers.get("retry-after", "")
    wait = int(after) if after.isdecimal() and len(after) < 7 else 0
    raise NotNow(told, timedelta(seconds=wait), status=answer.status)


Sender = Callable[[Scope, Parcel], Awaitable[None]]
"""Brings a parcel; NotNow or Undeliverable when it is not taken."""


def hand_over(tx: Transaction, parcels: Sequence[Parcel]) -> None:
    """Have the parcels brought, once this is committed; those that were handed over already are
    not brought anew."""
    rows = [
        {
            "id": parcel.id,
            "queue": parcel.queue,
            "channel": parcel.channel,
            "destination": parcel.destination,
            "subject": parcel.subject,
            "content": parcel.content,
            "pace": parcel.pace,
            "most_attempts": parcel.most_attempts,
            "created": parcel.created,
            "expires": parcel.expires,
            "attempts": 0,
            "due_at": parcel.created,
            "failed_at": None,
            "fault": "",
        }
        for parcel in parcels
    ]
    tx.upsert(deliveries, rows, key=["id"], update=[])
    for queue, due_at in {parcel.queue: parcel.created for parcel in parcels}.items():
        tx.schedule(TIMER, queue, due_at)


def page(
    tx: Transaction, asked: PageRequest, *, failed: bool | None = None, subject: str = ""
) -> Page[Parcel]:
    """What waits and what was given up, the oldest first; of one subject only, if it is named."""
    query = select(deliveries).order_by(deliveries.c.created, deliveries.c.id)
    if failed is not None:
        query = query.where(
            deliveries.c.failed_at.is_not(None) if failed else deliveries.c.failed_at.is_(None)
        )
    if subject:
        query = query.where(deliveries.c.subject == subject)
    if asked.after is not None:
        instant, last = asked.after
        created = datetime.fromisoformat(instant)
        query = query.where(
            or_(
                deliveries.c.created > created,
                and_(deliveries.c.created == created, deliveries.c.id > last),
            )
        )
    found = [_parcel(row) for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(found, asked.limit, lambda one: (one.created.isoformat(), one.id))


def again(tx: Transaction, ids: Collection[str], at: datetime) -> list[str]:
    """Try these anew, as if they had just been handed over; the ids of those that there are."""
    rows = tx.all(select(deliveries).where(deliveries.c.id.in_(ids)))
    for parcel in map(_parcel, rows):
        fresh = {
            "attempts": 0,
            "due_at": at,
            "failed_at": None,
            "created": at,
            "expires": at + (parcel.expires - parcel.created),
        }
        tx.execute(update(deliveries).where(deliveries.c.id == parcel.id).values(fresh))
        tx.schedule(TIMER, parcel.queue, at)
    return [row.id for row in rows]


def drop(tx: Transaction, subject: str) -> None:
    """Forget what is on its way on behalf of one that is no more."""
    tx.execute(delete(deliveries).where(deliveries.c.subject == subject))


def forget(tx: Transaction, before: datetime) -> int:
    """Drop what was given up before that instant; how much that was."""
    return tx.execute(delete(deliveries).where(deliveries.c.failed_at < before)).rowcount


class Deliveries:
    """Brings the parcels of all queues, each by its channel's sender."""

    def __init__(
        self, storage: Storage, clock: Clock, *, chance: Callable[[], float] = random.random
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._chance = chance
        self._senders: dict[str, Sender] = {}

    def serve(self, channel: str, sender: Sender) -> None:
        """Let `sender` bring the parcels of a channel."""
        self._senders[channel] = sender

    async def carry(self, due: Due) -> None:
        """Bring some parcels of the queue whose timer this is, and see when to come again."""
        now = self._clock.now()
        parcels = await self._storage.read(due.scope, partial(_waiting, queue=due.key, at=now))
        outcomes = await asyncio.gather(*(self._bring(due.scope, one) for one in parcels))
        later = now
        if parcels:
            later += timedelta(seconds=len(parcels) / parcels[0].pace)

        def settle(tx: Transaction) -> None:
            for parcel, fault in zip(parcels, outcomes, strict=True):
                _settle(tx, parcel, self._after(parcel, fault))
            tx.finish(due)
            soonest = _soonest(tx, due.key)
            if soonest is not None:
                tx.schedule(TIMER, due.key, max(soonest, later))

        await self._storage.write(due.scope, settle)

    async def _bring(self, scope: Scope, parcel: Parcel) -> Exception | None:
        """What went wrong, None if nothing did."""
        sender = self._senders.get(parcel.channel)
        try:
            if sender is None:
                raise NotNow(f"nobody here brings {parcel.channel}")
            await sender(scope, parcel)
        except (NotNow, Undeliverable) as fault:
            return fault
        except Exception as fault:
            log.exception("delivery_failed", delivery=parcel.id, destination=parcel.destination)
            return NotNow(f"Something went wrong on our side: {type(fault).__name__}")
        return None

    def _after(self, parcel: Parcel, fault: Exception | None) -> Mapping[str, Any] | None:
        """How the parcel stands after an attempt; None where it has been brought."""
        if fault is None:
            return None
        now = self._clock.now()
        attempts = parcel.attempts + 1
        told = {"attempts": attempts, "fault": str(fault)[:_LONGEST_FAULT]}
        if isinstance(fault, NotNow) and attempts < parcel.most_attempts:
            doubled = SHORTEST_PAUSE * 2 ** min(attempts - 1, 20)
            pause = min(LONGEST_PAUSE, max(doubled, fault.after))
            next_at = now + pause * (0.5 + self._chance() / 2)
            if next_at <= parcel.expires:
                return told | {"due_at": next_at}
        log.warning(
            "delivery_given_up",
            delivery=parcel.id,
            subject=parcel.subject,
            attempts=attempts,
            fault=told["fault"],
        )
        return told | {"due_at": None, "failed_at": now}


def _waiting(tx: Transaction, queue: str, at: datetime) -> list[Parcel]:
    """The first parcels of a queue, no more than it takes in a second."""
    ready = (
        select(deliveries)
        .where(deliveries.c.queue == queue, deliveries.c.due_at <= at)
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(AT_ONCE)
    )
    found = [_parcel(row) for row in tx.all(ready)]
    return found[: found[0].pace] if found else []


def _settle(tx: Transaction, parcel: Parcel, after: Mapping[str, Any] | None) -> None:
    this = deliveries.c.id == parcel.id
    if after is None:
        tx.execute(delete(deliveries).where(this))
    else:
        tx.execute(update(deliveries).where(this).values(after))


def _soonest(tx: Transaction, queue: str) -> datetime | None:
    soonest: datetime | None = tx.scalar(
        select(func.min(deliveries.c.due_at)).where(deliveries.c.queue == queue)
    )
    return soonest


def _parcel(row: Row[Any]) -> Parcel:
    return Parcel(
        id=row.id,
        channel=row.channel,
        destination=row.destination,
        subject=row.subject,
        content=row.content,
        created=row.created,
        expires=row.expires,
        most_attempts=row.most_attempts,
        pace=row.pace,
        attempts=row.attempts,
        due_at=row.due_at,
        failed_at=row.failed_at,
        fault=row.fault,
    )


def _create(op: Operations) -> None:
    op.create_table(
        "deliveries",
        *scoped_columns(),
        Column("id", String(64), primary_key=True),
        Column("queue", String(64), nullable=False),
        Column("channel", String(32), nullable=False),
        Column("destination", String(2048), nullable=False),
        Column("subject", String(2048), nullable=False),
        Column("content", Json, nullable=False),
        Column("pace", Integer, nullable=False),
        Column("most_attempts", Integer, nullable=False),
        Column("created", Instant, nullable=False),
        Column("expires", Instant, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("due_at", Instant),
        Column("failed_at", Instant),
        Column("fault", Text, nullable=False),
    )
    op.create_index("deliveries_due", "deliveries", ["account", "region", "queue", "due_at"])
    op.create_index("deliveries_listed", "deliveries", ["account", "region", "created", "id"])
    op.create_index("deliveries_failed", "deliveries", ["failed_at"])


MIGRATIONS = (Migration("deliveries", 1, "create the deliveries", _create),)
"""What makes the table."""
